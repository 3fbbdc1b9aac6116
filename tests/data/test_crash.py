"""What happens to a store when its process is killed, or its files are damaged: nothing that was acknowledged is lost."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from data.errors import StoreDamaged
from data.journal import Journal
from data.store import Store
from data.verification import verify_store
from tests.data.saving_child import N_THREADS, save
from tests.rebuilt import tables, tables_of_journal

ROOT = Path(__file__).parent.parent.parent
KILLS = 10


def open_store(folder: Path) -> Store:
    return Store.open(folder, create=True, keys_folder=folder.parent / "keys")


def saved(store: Store) -> Counter[str]:
    cursor = store._database.connection.cursor()
    return Counter(row[0] for row in cursor.execute("SELECT annotation_id FROM annotation").fetchall())


def acknowledged_before_the_kill(folder: Path, prefix: str, seconds: float) -> list[str]:
    """Let a process save for so long after its first acknowledgement, kill it, and return what it was told was saved."""
    command = [sys.executable, "-m", "tests.data.saving_child", str(folder), prefix]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
    assert child.returncode == -signal.SIGKILL
    return (first + rest).splitlines()


def test_kill_9_while_saving_loses_and_doubles_nothing(tmp_path: Path) -> None:
    folder, moment = tmp_path / "store", random.Random()
    told: list[str] = []
    found: Counter[str] = Counter()
    for kill in range(KILLS):
        told += acknowledged_before_the_kill(folder, f"k{kill}", moment.uniform(0.0, 0.4))
        with open_store(folder) as store:
            found = saved(store)
            assert set(told) <= set(found), "an acknowledged answer is missing"
            assert set(found.values()) == {1}, "an answer is there twice"
            assert len(found) <= len(told) + (kill + 1) * N_THREADS, "more than could have been under way"
            for answer_id in told[-3:]:  # whoever did not hear the acknowledgement sends it again
                save(store, answer_id)
            assert saved(store) == found
        assert verify_store(folder).valid
    assert len(told) > 20 * KILLS
    ids = [event.subject for event in Journal(folder / "journal").events() if event.kind == "answered"]
    assert Counter(ids) == found
    with open_store(folder) as store:
        assert tables(store) == tables_of_journal(folder, tmp_path / "anew")


def filled(folder: Path, n_answers: int = 40) -> None:
    with open_store(folder) as store:
        for number in range(n_answers):
            save(store, f"a{number}", in_segment=number % 10 == 0)


def test_a_torn_last_line_is_said_and_the_rest_is_there(tmp_path: Path) -> None:
    filled(tmp_path / "store")
    (journal,) = (tmp_path / "store" / "journal").glob("*.jsonl")
    with journal.open("ab") as handle:
        handle.write(b'{"seq":42,"event_id":"half an ev')
    with open_store(tmp_path / "store") as store:
        assert "in the middle of a line" in store.notices[0]
        assert len(saved(store)) == 40
        save(store, "after")
    assert verify_store(tmp_path / "store").valid


@pytest.mark.parametrize("cut", [5, 700, 3000])
def test_a_journal_that_was_cut_short_gets_its_end_back_from_the_database(tmp_path: Path, cut: int) -> None:
    filled(tmp_path / "store")
    (journal,) = (tmp_path / "store" / "journal").glob("*.jsonl")
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-cut])
    with open_store(tmp_path / "store") as store:
        assert "were restored from touchstone.duckdb" in store.notices[-1]
        assert len(saved(store)) == 40
    assert journal.read_bytes() == whole
    assert verify_store(tmp_path / "store").valid


def test_an_end_that_the_database_made_up_is_not_taken_into_the_journal(tmp_path: Path) -> None:
    filled(tmp_path / "store")
    (journal,) = (tmp_path / "store" / "journal").glob("*.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-2]))
    database = duckdb.connect(str(tmp_path / "store" / "touchstone.duckdb"))
    database.execute("UPDATE event SET actor = 'mallory' WHERE seq = (SELECT max(seq) FROM event)")
    database.close()
    with open_store(tmp_path / "store") as store:
        assert store.head == len(lines) - 2
        assert "made anew from the journal" in store.notices[0]
    assert journal.read_bytes() == b"".join(lines[:-2])


@pytest.mark.parametrize("first", ["read", "write"])
def test_one_changed_bit_anywhere_in_the_database_is_mended_from_the_journal(
    tmp_path: Path, first: str
) -> None:
    folder = tmp_path / "store"
    filled(folder)
    path, rng = folder / "touchstone.duckdb", random.Random(7)
    notices: list[str] = []
    for number in range(20):
        content = bytearray(path.read_bytes())
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(content))
        with open_store(folder) as store:
            if first == "write":
                save(store, f"{first}-{number}")
            assert store.read("score_newest_annotation", project_id="p").height == 1
            notices += store.notices
            expected = 40 + (number + 1) * (first == "write")
            answered = store.read("queue_seen", project_id="p", item_code=0, annotator_code=0)
            assert answered["n"].to_list() == [expected]
    assert any("made anew from the journal" in notice and "damaged" in notice for notice in notices)


def test_many_threads_that_meet_the_damage_are_all_answered(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    filled(folder)
    path = folder / "touchstone.duckdb"
    content = bytearray(path.read_bytes())
    for place in range(20_000, len(content), 4096):  # all but the file's headers
        content[place] ^= 1
    path.write_bytes(bytes(content))
    answers: list[int] = []
    with open_store(folder) as store:

        def look() -> None:
            for _ in range(5):
                found = store.read("queue_seen", project_id="p", item_code=0, annotator_code=0)
                answers.append(int(found["n"][0]))

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [40] * 40
        assert sum("made anew" in notice for notice in store.notices) == 1


def test_one_changed_bit_in_the_database_log_is_mended_from_the_journal(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with open_store(folder) as store:
        for number in range(40):
            save(store, f"a{number}", in_segment=number % 10 == 0)
        shutil.copytree(folder, tmp_path / "killed")  # as a killed process leaves it: the log was not moved
    log, rng = tmp_path / "killed" / "touchstone.duckdb.wal", random.Random(3)
    good, database = log.read_bytes(), (tmp_path / "killed" / "touchstone.duckdb").read_bytes()
    expected = tables_of_journal(folder, tmp_path / "anew")
    for _ in range(15):
        content = bytearray(good)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        log.write_bytes(bytes(content))
        (tmp_path / "killed" / "touchstone.duckdb").write_bytes(database)
        with open_store(tmp_path / "killed") as store:
            assert tables(store) == expected


def test_a_deleted_segment_is_named_where_the_database_has_to_be_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    filled(folder)
    segment = min((folder / "segments").glob("*.parquet"))
    segment.unlink()
    broken = verify_store(folder).first_broken
    assert broken is not None
    assert segment.stem in broken.reason
    with open_store(folder) as store:  # the database still has its rows
        assert len(saved(store)) == 40
    (folder / "touchstone.duckdb").write_bytes(b"no database")
    with pytest.raises(
        StoreDamaged, match=f"The segment {segment.stem} is missing .* Restore it from a backup"
    ):
        open_store(folder)
