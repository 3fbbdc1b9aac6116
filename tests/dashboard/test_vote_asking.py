"""One more vote, asked of some people first: who gets the item, for how long, and what nobody can read out of the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dashboard.workflows import bias_actions, members, relabel, relabel_queue
from dashboard.workflows.asked_first import MARK
from dashboard.workflows.bias_actions import Wish
from dashboard.workflows.errors import Stale
from dashboard.workflows.opening import KeyMissing, Store
from dashboard.workflows.rules import ANNOTATOR, Person
from dashboard.workflows.vote_asking import ASKED_AS
from tests import stores
from tests.dashboard.bias_steps import N_PEOPLE, SECRET, SITES, crowd_store

P, WHY = "pets", "the bias statement"
TEAM = tuple(Person(f"p{p:02d}", f"Person {p}", frozenset({ANNOTATOR})) for p in range(N_PEOPLE))


def team_store(path: Path) -> Store:
    """The crowd of two sites, all of whom take items."""
    store = crowd_store(path)
    for one in TEAM:
        members.set_member(store, by=stores.LENA, person_id=one.person_id, name=one.name, roles=one.roles)
    return store


def decide(store: Store, wish: Wish) -> str:
    """The run of the action."""
    found = bias_actions.propose(store, project_id=P, by=stores.RITA, wish=wish, purpose=WHY)
    bias_actions.commit(store, project_id=P, by=stores.RITA, proposal=found, reason="to balance it")
    return str(store.read("score_runs", project_id=P).filter(kind=bias_actions.KIND)["run_id"][0])


def offered(store: Store, person: Person) -> str | None:
    return relabel_queue.upcoming(store, project_id=P, by=person)


def drawn(store: Store) -> dict[str, str]:
    return {person: str(kept["site"]) for person, kept in store.vault.marks(ASKED_AS).items()}


def later(store: Store, days: float) -> None:
    clock = store.clock
    assert isinstance(clock, stores.SteppingClock)
    clock.now += timedelta(days=days)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store in which people of the south were asked for 30 items; nothing was taken yet."""
    with team_store(tmp_path_factory.mktemp("asking") / "store") as store:
        decide(store, Wish("extra-vote", "site", group="south", n_items=30))
        yield store


def test_only_those_who_are_asked_get_an_item(asking: Store) -> None:
    of = drawn(asking)
    assert set(of) == {one.person_id for one in TEAM}
    for one in TEAM:
        assert (offered(asking, one) is not None) == (of[one.person_id] == "south")
        left = relabel_queue.progress(
            asking, project_id=P, by=one, today=datetime(2026, 1, 1).astimezone()
        ).n_left
        assert (left > 0) == (of[one.person_id] == "south")


def test_more_often_than_not_they_are_of_the_group(tmp_path: Path) -> None:
    """Three in four, over three stores; who did not say, or is of a hidden group, is asked as anybody."""
    own, others = [], []
    for place in range(3):
        with crowd_store(tmp_path / str(place) / "store") as store:
            bias_actions.propose(
                store, project_id=P, by=stores.RITA, wish=Wish("extra-vote", "site"), purpose=WHY
            )
            of = drawn(store)
            named = list(zip([of[one.person_id] for one in TEAM], SITES, strict=True))
            own += [seen == site for seen, site in named if site in ("north", "south")]
            others += [seen for seen, site in named if site not in ("north", "south")]
    assert np.mean(own) == pytest.approx(0.75, abs=4 * 0.433 / np.sqrt(len(own)))
    assert set(others) <= {"north", "south"}


def test_what_somebody_is_asked_as_stays(asking: Store) -> None:
    """Drawn anew for every action, chance would average away."""
    before = drawn(asking)
    for seed in range(3):
        wish = Wish("extra-vote", "site", n_items=5, seed=seed)
        bias_actions.propose(asking, project_id=P, by=stores.RITA, wish=wish, purpose=WHY)
    assert drawn(asking) == before


def test_nobody_gets_an_item_that_they_labelled(tmp_path: Path) -> None:
    with team_store(tmp_path / "store") as store:
        decide(store, Wish("extra-vote", "site", n_items=240))
        votes = store.read("score_votes", project_id=P)
        codes = dict(store.read("annotator_codes").select("annotator_id", "annotator_code").iter_rows())
        labelled = set(votes.select("annotator_code", "item_code").iter_rows())
        for days in (0, 8):
            later(store, days)
            for one in TEAM[::9]:
                for _ in range(2):
                    work = relabel_queue.next_item(store, project_id=P, by=one)
                    assert work is not None
                    assert (codes[one.person_id], work.item_code) not in labelled
                    relabel.skip(store, project_id=P, by=one, flag_id=work.flag_id, reason="later")


def test_what_nobody_asked_took_goes_to_everybody(tmp_path: Path) -> None:
    with team_store(tmp_path / "store") as store:
        decide(store, Wish("extra-vote", "site", group="south", n_items=20, wait_days=3))
        of = drawn(store)
        outside = next(one for one in TEAM if of[one.person_id] == "north")
        assert offered(store, outside) is None
        later(store, 2.9)
        assert offered(store, outside) is None
        later(store, 0.2)
        assert offered(store, outside) is not None


def test_naming_an_item_is_no_way_around(tmp_path: Path) -> None:
    """The command line answers an item by its id: not one for which others are asked first, until everybody is."""
    with team_store(tmp_path / "store") as store:
        decide(store, Wish("extra-vote", "site", group="south", n_items=20))
        of = drawn(store)
        outside = next(one for one in TEAM if of[one.person_id] == "north")
        inside = next(one for one in TEAM if of[one.person_id] == "south")
        work = relabel_queue.next_item(store, project_id=P, by=inside)
        assert work is not None
        relabel.skip(store, project_id=P, by=inside, flag_id=work.flag_id, reason="for another")
        head = store.head
        with pytest.raises(Stale, match="Others are asked"):
            relabel.answer_blind(store, project_id=P, by=outside, flag_id=work.flag_id, label="dog")
        assert store.head == head
        later(store, 8)
        assert (
            relabel.answer_blind(store, project_id=P, by=outside, flag_id=work.flag_id, label="dog").seq
            > head
        )


def test_without_days_everybody_is_asked_at_once(tmp_path: Path) -> None:
    with team_store(tmp_path / "store") as store:
        run = decide(store, Wish("extra-vote", "site", group="south", n_items=20, wait_days=0))
        assert all(offered(store, one) is not None for one in TEAM[:10])
        assert not store.vault.has_marks(f"{MARK}{run}")


def test_too_few_who_could_be_asked_open_an_item_to_everybody(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        for one in TEAM[:4]:  # four who may take items are fewer than a group has to be
            members.set_member(store, by=stores.LENA, person_id=one.person_id, name=one.name, roles=one.roles)
        decide(store, Wish("extra-vote", "site", group="south", n_items=20))
        assert all(offered(store, one) is not None for one in TEAM[:4])
        assert offered(store, stores.ANNA) is not None


def test_who_came_later_waits_and_who_was_forgotten_too(tmp_path: Path) -> None:
    with team_store(tmp_path / "store") as store:
        decide(store, Wish("extra-vote", "site", group="south", n_items=20))
        of = drawn(store)
        asked = next(one for one in TEAM if of[one.person_id] == "south")
        assert offered(store, stores.ANNA) is None  # she has no votes here, so nothing is known of her
        assert offered(store, asked) is not None
        store.vault.destroy_key(asked.person_id)
        assert offered(store, asked) is None
        assert asked.person_id not in store.vault.marks(ASKED_AS)
        later(store, 8)
        assert offered(store, asked) is not None
        assert offered(store, stores.ANNA) is not None


def test_without_the_keys_nothing_is_decided_and_nobody_is_held_back(tmp_path: Path) -> None:
    with team_store(tmp_path / "store") as store:
        decide(store, Wish("extra-vote", "site", group="south", n_items=20))
        wish = Wish("extra-vote", "site", group="north", n_items=10)
        found = bias_actions.propose(store, project_id=P, by=stores.RITA, wish=wish, purpose=WHY)
        store.vault.keys_file.rename(store.vault.keys_file.with_suffix(".away"))
        head = store.head
        with pytest.raises(KeyMissing, match="TOUCHSTONE_KEYS"):
            bias_actions.commit(store, project_id=P, by=stores.RITA, proposal=found, reason="why")
        assert store.head == head
        assert all(offered(store, one) is not None for one in TEAM[:12])


def test_a_damaged_entry_holds_nobody_back(asking: Store) -> None:
    of = drawn(asking)
    one = next(one for one in TEAM if of[one.person_id] == "north")
    run = asking.read("score_runs", project_id=P).filter(kind=bias_actions.KIND)["run_id"][0]
    file = asking.vault.folder / f"marks-{MARK}{run}.jsonl"
    text = file.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    other = next(line for line in lines if line["annotator_id"] != one.person_id)
    changed = [
        {**line, "cipher": other["cipher"]} if line["annotator_id"] == one.person_id else line
        for line in lines
    ]
    try:
        file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in changed))
        assert offered(asking, one) is not None
    finally:
        file.write_text(text)


def test_a_store_made_anew_from_its_journal_asks_the_same_people(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with team_store(path) as store:
        decide(store, Wish("extra-vote", "site", group="south", n_items=20))
        before = [offered(store, one) for one in TEAM[:6]]
        now = store.clock()
    (path / "touchstone.duckdb").unlink()
    clock = stores.SteppingClock(now)
    with Store.open(path, clock=clock, keys_folder=path.parent / "keys") as again:
        assert [offered(again, one) for one in TEAM[:6]] == before


def test_the_files_tell_nobody_apart(asking: Store) -> None:
    """Journal, segments, DuckDB file and the vault's cipher texts: no person beside a group, no word of who is asked."""
    run = asking.read("score_runs", project_id=P).filter(kind=bias_actions.KIND)["run_id"][0]
    lines = "".join(
        path.read_text() for path in sorted((asking.path / "journal").glob("*.jsonl"))
    ).splitlines()
    decided = [line for line in lines if json.loads(line)["kind"] == "bias_action_committed"]
    assert SECRET not in "".join(decided)
    assert not any(f'"{one.person_id}"' in line for line in decided for one in TEAM)
    segments = json.loads(decided[0])["payload"]["segments"]
    routing = pl.read_parquet(asking.path / "segments" / f"{segments['routing']['sha256']}.parquet")
    assert set(routing.columns) == {"run_id", "item_code", "place", "opens_at"}
    sealed = (asking.path / "vault" / f"marks-{MARK}{run}.jsonl").read_text().splitlines()
    assert {json.loads(line)["annotator_id"] for line in sealed} >= {one.person_id for one in TEAM}
    assert len({len(line) for line in sealed}) == 1
    for file in (asking.path / "vault").iterdir():
        assert not any(word in file.read_text() for word in ("site", "north", "south", SECRET))
