"""The record: what is appended can be read back and checked, and every change of it is found and named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import StoreDamaged
from data.identifiers import uuid7
from data.journal import GENESIS, Journal, decode_line, seal
from data.records import Event

MOMENT = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)


def write(folder: Path, count: int, *, file_limit: int = 10_000_000, text: str = "x") -> Journal:
    journal = Journal(folder, file_limit=file_limit)
    journal.recover()
    for number in range(count):
        seq = journal.head_seq + 1
        event = Event(
            seq,
            uuid7(MOMENT),
            MOMENT,
            "p",
            "anna",
            "note",
            f"s{number}",
            {"text": text},
            f"r{seq}",
            "h",
            journal.head_hash,
            "",
        )
        sealed, line = seal(event)
        journal.append([line], head_seq=sealed.seq, head_hash=sealed.hash)
    return journal


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal", 5, text='quotes " and ünïcode \n line')
    events = list(journal.events())
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert events[0].prev_hash == GENESIS
    assert events[3].prev_hash == events[2].hash
    assert events[4].payload == {"text": 'quotes " and ünïcode \n line'}
    assert events[4].recorded_at == MOMENT
    assert journal.check().first_broken is None
    assert journal.check().events == 5


def test_a_full_file_is_followed_by_the_next(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal", 6, file_limit=700)
    assert len(journal.files()) > 1
    assert journal.check().events == 6
    again = Journal(tmp_path / "journal")
    again.recover()
    assert (again.head_seq, again.head_hash) == (journal.head_seq, journal.head_hash)


def test_a_torn_last_line_is_set_aside_and_the_rest_stays(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal", 3)
    path = journal.files()[-1]
    path.write_bytes(path.read_bytes() + b'{"seq":4,"event_id":"half')
    again = Journal(tmp_path / "journal")
    notices = again.recover()
    assert "in the middle of a line" in notices[0]
    assert again.head_seq == 3
    assert again.check().first_broken is None
    assert [aside.read_bytes() for aside in path.parent.glob("*.torn-*")] == [b'{"seq":4,"event_id":"half']


def test_a_first_line_that_is_torn_leaves_an_empty_journal(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "00000001.jsonl").write_bytes(b'{"seq":1')
    journal = Journal(folder)
    journal.recover()
    assert journal.head_seq == 0
    assert write(folder, 2).check().events == 2


def test_a_last_line_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "journal", 3).files()[-1]
    path.write_bytes(path.read_bytes().replace(b'"s2"', b'"s9"'))
    with pytest.raises(StoreDamaged, match=r"Event 3 .* does not match its hash"):
        Journal(tmp_path / "journal").recover()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_found(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("chain") / "journal"
    path = write(folder, 4).files()[0]
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(bytes(content))
    broken = Journal(folder).check().first_broken
    line_of_change = bytes(content[:place]).count(b"\n") + 1
    assert broken is not None
    assert broken.seq <= line_of_change + 1


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_removed_line_is_found(tmp_path: Path, gone: int) -> None:
    path = write(tmp_path / "journal", 4).files()[0]
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[gone]
    path.write_bytes(b"".join(lines))
    broken = Journal(tmp_path / "journal").check().first_broken
    assert broken is not None
    assert broken.seq == gone + 1


def test_two_swapped_lines_are_found(tmp_path: Path) -> None:
    path = write(tmp_path / "journal", 4).files()[0]
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    path.write_bytes(b"".join(lines))
    broken = Journal(tmp_path / "journal").check().first_broken
    assert broken is not None
    assert broken.seq == 2


def test_a_line_that_is_no_event_says_so() -> None:
    with pytest.raises(ValueError, match="not an event"):
        decode_line(b'{"seq": 1}')


def test_identifiers_sort_by_time() -> None:
    early, late = uuid7(datetime(2026, 1, 1, tzinfo=UTC)), uuid7(datetime(2026, 1, 2, tzinfo=UTC))
    assert early < late
    assert early[14] == "7"
