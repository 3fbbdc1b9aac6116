"""The store keeps its promises: durable before it answers, whole after a crash, one writer, harmless retries."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from data.database import Reader
from data.errors import CommandRejected, RequestConflict, StoreDamaged, StoreError, StoreLocked, StoreMissing
from data.records import Draft, Event
from data.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store", create=True, keys_folder=tmp_path / "keys") as found:
        yield found


def open_again(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store", keys_folder=tmp_path / "keys")


def add_member(
    store: Store, person_id: str, *, request_id: str | None = None, name: str = "x"
) -> Event | None:
    row = {"person_id": person_id, "name": name, "roles": ["lead"], "active": True}

    def plan(reader: Reader) -> Draft:
        return Draft("member_set", "", person_id, {"rows": {"member": [row]}})

    return store.submit(plan, by="tester", request={"verb": "member", **row}, request_id=request_id)


def people(store: Store, as_of: int | None = None) -> list[str]:
    return store.read("member_list", as_of=as_of)["person_id"].to_list()


def test_an_acknowledged_event_is_in_the_journal_and_visible(store: Store) -> None:
    event = add_member(store, "anna")
    assert event is not None
    assert event.seq == store.head == 2
    assert people(store) == ["anna"]
    assert b'"anna"' in b"".join(store.event_lines(frozenset({event.seq})))


def test_state_can_be_seen_as_of_any_event(store: Store) -> None:
    first, second = add_member(store, "anna"), add_member(store, "ben")
    assert first is not None
    assert second is not None
    assert people(store, as_of=first.seq) == ["anna"]
    assert people(store, as_of=second.seq) == ["anna", "ben"]


def test_a_moment_becomes_a_seq(tmp_path: Path) -> None:
    moments = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(100))
    with Store.open(
        tmp_path / "s", create=True, clock=lambda: next(moments), keys_folder=tmp_path / "k"
    ) as store:
        add_member(store, "anna", request_id="a")
        last = store.read("seq_at", moment=datetime(2027, 1, 1, tzinfo=UTC))["seq"][0]
        assert last == store.head
        assert store.seq_at(datetime(2025, 1, 1, tzinfo=UTC)) == 0


def test_a_retry_returns_the_first_event(store: Store) -> None:
    first = add_member(store, "anna", request_id="r1")
    again = add_member(store, "anna", request_id="r1")
    assert first is not None
    assert again is not None
    assert again.seq == first.seq
    assert again.payload == first.payload
    assert store.head == first.seq


def test_a_request_id_stands_for_one_request(store: Store) -> None:
    add_member(store, "anna", request_id="r1")
    with pytest.raises(RequestConflict, match="already used"):
        add_member(store, "ben", request_id="r1")
    assert people(store) == ["anna"]


def test_a_refused_command_leaves_nothing(store: Store) -> None:
    head = store.head

    def plan(reader: Reader) -> Draft:
        raise CommandRejected("no")

    with pytest.raises(CommandRejected):
        store.submit(plan, by="tester", request={})
    assert store.head == head


def test_a_plan_with_nothing_to_do_makes_no_event(store: Store) -> None:
    head = store.head
    assert store.submit(lambda reader: None, by="tester", request={}) is None
    assert store.head == head


def test_a_command_that_the_database_refuses_hurts_nobody_else(store: Store) -> None:
    errors: list[Exception] = []

    def bad() -> None:
        def plan(reader: Reader) -> Draft:
            return Draft("member_set", "", "x", {"rows": {"member": [{"no_such_column": 1}]}})

        try:
            store.submit(plan, by="tester", request={})
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=bad) for _ in range(3)]
    threads += [threading.Thread(target=add_member, args=(store, f"p{number}")) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 3
    assert sorted(people(store)) == sorted(f"p{number}" for number in range(20))


def test_commands_of_one_group_see_each_other(store: Store) -> None:
    """A conditional command that many threads send at once is done once."""

    def plan(reader: Reader) -> Draft | None:
        if reader.read("member_list").height:
            return None
        return Draft(
            "member_set", "", "only", {"rows": {"member": [{"person_id": "only", "name": "o", "roles": []}]}}
        )

    made: list[Event | None] = []
    threads = [
        threading.Thread(
            target=lambda: made.append(store.submit(plan, by="t", request={}, keys=frozenset({"members"})))
        )
        for _ in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([event for event in made if event is not None]) == 1
    assert people(store) == ["only"]


@pytest.mark.parametrize("damage", ["gone", "junk", "torn"])
def test_a_broken_database_file_is_made_anew(tmp_path: Path, damage: str) -> None:
    with Store.open(tmp_path / "store", create=True, keys_folder=tmp_path / "keys") as store:
        for number in range(30):
            add_member(store, f"p{number}")
        head, store_id = store.head, store.store_id
    path = tmp_path / "store" / "touchstone.duckdb"
    if damage == "gone":
        path.unlink()
    elif damage == "junk":
        path.write_bytes(b"this is no database" * 1000)
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_again(tmp_path) as store:
        assert (store.head, store.store_id) == (head, store_id)
        assert people(store) == [f"p{number}" for number in range(30)]
        assert bool(store.notices) == (damage != "gone")


def test_a_database_of_another_history_is_not_believed(tmp_path: Path) -> None:
    for name in ("store", "other"):
        with Store.open(tmp_path / name, create=True, keys_folder=tmp_path / "keys") as store:
            add_member(store, f"member-of-{name}")
    other = tmp_path / "other" / "touchstone.duckdb"
    (tmp_path / "store" / "touchstone.duckdb").write_bytes(other.read_bytes())
    with open_again(tmp_path) as store:
        assert people(store) == ["member-of-store"]
        assert "another journal" in store.notices[0]


def test_events_that_the_database_missed_are_added(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True, keys_folder=tmp_path / "keys") as store:
        add_member(store, "anna")
        path = tmp_path / "store" / "touchstone.duckdb"
    early = path.read_bytes()
    with open_again(tmp_path) as store:
        add_member(store, "ben")
    path.write_bytes(early)
    with open_again(tmp_path) as store:
        assert people(store) == ["anna", "ben"]
        assert "1 saved events" in store.notices[0]


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"item_code": [0], "item_id": ["i"], "kind": ["text"], "text": ["t"], "attributes": ["{}"]}
    )

    def plan(reader: Reader) -> Draft:
        reference = reader.segments.put(frame)
        return Draft("annotations_imported", "p", "file", {"segments": {"item": reference.as_payload()}})

    with Store.open(tmp_path / "store", create=True, keys_folder=tmp_path / "keys") as store:
        store.submit(plan, by="tester", request={})
        assert store.read("import_known_items", project_id="p")["item_id"].to_list() == ["i"]
    (tmp_path / "store" / "touchstone.duckdb").unlink()
    (segment,) = (tmp_path / "store" / "segments").glob("*.parquet")
    segment.unlink()
    with pytest.raises(StoreDamaged, match=segment.stem):
        open_again(tmp_path)


def test_a_second_opener_is_told_who_holds_the_store(store: Store, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom data.store import Store\nfrom data.errors import StoreLocked\n"
        "try:\n    Store.open(sys.argv[1])\nexcept StoreLocked as error:\n    print(error.pid)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(store.path)], capture_output=True, text=True, check=True
    )
    import os

    assert told.stdout.strip() == str(os.getpid())
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        open_again(tmp_path)


def test_there_must_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="no store at"):
        Store.open(tmp_path / "nothing")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    with pytest.raises(StoreError, match="is not a store"):
        Store.open(tmp_path / "full", create=True)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store", create=True, keys_folder=tmp_path / "keys")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        add_member(store, "anna")


def test_a_journal_that_cannot_be_written_saves_nothing_and_says_so(store: Store) -> None:
    add_member(store, "anna")
    journal = store.path / "journal"
    (path,) = journal.glob("*.jsonl")
    path.rename(path.with_suffix(".away"))
    path.mkdir()  # opening it for appending now fails
    try:
        with pytest.raises(StoreError, match="journal could not be written"):
            add_member(store, "ben")
    finally:
        path.rmdir()
        path.with_suffix(".away").rename(path)
    assert people(store) == ["anna"]
    add_member(store, "carl")
    assert people(store) == ["anna", "carl"]


def test_what_a_request_made_is_found_before_it_is_made_again(store: Store) -> None:
    request: dict[str, object] = {"verb": "noted", "person_id": "anna"}

    def plan(_: Reader) -> Draft:
        return Draft("noted", "", "anna", {"n": 1})

    made = store.submit(plan, by="tester", request=request, request_id="r1")
    found = store.earlier("r1", by="tester", request=request)
    assert made is not None
    assert found is not None
    assert (found.seq, found.subject, found.payload) == (made.seq, "anna", {"n": 1})
    assert store.earlier(None, by="tester", request=request) is None
    assert store.earlier("r2", by="tester", request=request) is None
    with pytest.raises(RequestConflict):
        store.earlier("r1", by="somebody else", request=request)
    with pytest.raises(RequestConflict):
        store.earlier("r1", by="tester", request={**request, "person_id": "ben"})
