"""Personal attributes are never on disk in the clear, and are gone when their key is."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data.errors import KeyMissing, StoreDamaged
from data.vault import Vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault", tmp_path / "keys" / "store.json")


def test_attributes_come_back_as_they_went_in(vault: Vault) -> None:
    assert vault.put({"anna": {"age": "34", "country": "Perú"}, "ben": {"age": "51"}}) == 2
    assert vault.read_all() == {"anna": {"age": "34", "country": "Perú"}, "ben": {"age": "51"}}
    assert vault.frame().rows() == [("anna", "age", "34"), ("anna", "country", "Perú"), ("ben", "age", "51")]


def test_nothing_is_written_in_the_clear(vault: Vault) -> None:
    vault.put({"anna": {"ethnicity": "a very telling word"}})
    for path in vault.folder.rglob("*"):
        assert b"telling" not in path.read_bytes()
        assert b"ethnicity" not in path.read_bytes()


def test_keys_are_the_owner_s_alone(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}})
    assert stat.S_IMODE(vault.keys_file.stat().st_mode) == 0o600


def test_the_same_again_is_not_written_twice_and_news_is_merged(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}})
    assert vault.put({"anna": {"age": "34"}}) == 0
    assert vault.put({"anna": {"site": "north"}}) == 1
    assert vault.read_all() == {"anna": {"age": "34", "site": "north"}}


def test_a_destroyed_key_takes_the_attributes_with_it(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}, "ben": {"age": "51"}})
    assert vault.destroy_key("anna") is True
    assert vault.destroy_key("anna") is False
    assert vault.read_all() == {"ben": {"age": "51"}}


def test_without_keys_the_message_says_what_to_do(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}})
    vault.keys_file.unlink()
    with pytest.raises(KeyMissing, match="TOUCHSTONE_KEYS"):
        vault.read_all()


def test_a_changed_entry_is_refused(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}, "ben": {"age": "51"}})
    path = vault.folder / "attributes.jsonl"
    lines = path.read_text().splitlines()
    lines[0] = lines[0].replace('"anna"', '"ben"')
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(StoreDamaged, match="'ben'"):
        vault.read_all()


def test_what_was_sealed_with_a_destroyed_key_stays_gone_when_the_person_gets_a_new_one(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}})
    vault.add_note("anna", "n1", {"text": "before"})
    vault.destroy_key("anna")
    assert vault.read_all() == {}
    vault.add_note("anna", "n2", {"text": "after"})
    assert vault.read_all() == {}
    assert vault.notes("anna") == {"n2": {"text": "after"}}
    vault.put({"anna": {"site": "north"}})
    assert vault.read_all() == {"anna": {"site": "north"}}


def test_a_note_is_written_once_and_read_by_its_person_alone(vault: Vault) -> None:
    assert vault.add_note("anna", "n1", {"text": "a telling word"}) == {"text": "a telling word"}
    assert vault.add_note("anna", "n1", {"text": "another"}) == {"text": "a telling word"}
    assert vault.notes("anna") == {"n1": {"text": "a telling word"}}
    assert vault.notes("ben") == {}
    assert all(b"telling" not in path.read_bytes() for path in vault.folder.rglob("*"))


@pytest.mark.parametrize("field", ["annotator_id", "note_id"])
def test_a_note_passed_off_as_another_is_refused(vault: Vault, field: str) -> None:
    vault.add_note("ben", "n0", {"text": "fine"})
    vault.add_note("anna", "n1", {"text": "weak on item 3"})
    path = vault.folder / "notes.jsonl"
    first, second = path.read_text().splitlines()
    old, new = {"annotator_id": ('"anna"', '"ben"'), "note_id": ('"n1"', '"n2"')}[field]
    path.write_text(f"{first}\n{second.replace(old, new)}\n")
    with pytest.raises(StoreDamaged, match="was changed"):
        vault.notes("ben" if field == "annotator_id" else "anna")


def test_writers_at_once_lose_no_key(vault: Vault) -> None:
    people = [f"person-{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda person: vault.add_note(person, "n", {"text": person}), people))
    assert [vault.notes(person) for person in people] == [{"n": {"text": person}} for person in people]


def test_a_mark_comes_back_newest_first_and_goes_with_the_key(vault: Vault) -> None:
    vault.mark("asked", {"anna": {"items": "01"}, "ben": {"items": "10"}})
    vault.mark("asked", {"anna": {"items": "11"}})
    assert vault.marks("asked") == {"anna": {"items": "11"}, "ben": {"items": "10"}}
    assert vault.marks("asked", "ben") == {"ben": {"items": "10"}}
    assert vault.marks("another") == {}
    vault.destroy_key("anna")
    assert vault.marks("asked") == {"ben": {"items": "10"}}
    assert vault.read_all() == {}  # a mark is no attribute


def test_without_keys_marks_are_refused_too(vault: Vault) -> None:
    vault.mark("asked", {"anna": {"items": "01"}})
    vault.keys_file.unlink()
    with pytest.raises(KeyMissing):
        vault.marks("asked")
    with pytest.raises(KeyMissing):
        vault.mark("asked", {"ben": {"items": "01"}})


def test_a_mark_is_no_other_mark(vault: Vault) -> None:
    vault.mark("first", {"anna": {"items": "01"}})
    (vault.folder / "marks-second.jsonl").write_bytes((vault.folder / "marks-first.jsonl").read_bytes())
    text = (vault.folder / "marks-second.jsonl").read_text().replace('"first"', '"second"')
    (vault.folder / "marks-second.jsonl").write_text(text)
    with pytest.raises(StoreDamaged):
        vault.marks("second")


def test_how_long_an_entry_is_tells_nothing_of_what_it_says(vault: Vault) -> None:
    vault.put(
        {"anna": {"gender": "male"}, "bine": {"gender": "female"}, "cleo": {"gender": "prefer not to say"}}
    )
    lines = (vault.folder / "attributes.jsonl").read_text().splitlines()
    assert len({len(line) for line in lines}) == 1


def test_one_persons_mark_is_read_without_reading_the_others(vault: Vault) -> None:
    vault.mark("asked", {"anna": {"items": "a"}, "ben": {"items": "b"}})
    assert vault.mark_of("asked", "ben") == {"items": "b"}
    assert vault.mark_of("asked", "nobody") == {}
    assert vault.mark_of("another", "ben") == {}
    vault.mark("asked", {"ben": {"items": "newer"}})  # the file grew: the newest line counts
    assert vault.mark_of("asked", "ben") == vault.marks("asked")["ben"] == {"items": "newer"}
    file = vault.folder / "marks-asked.jsonl"
    lines = file.read_text().splitlines()
    broken = json.loads(lines[0])
    file.write_text(
        "\n".join([json.dumps({**broken, "cipher": "AAAA"}, separators=(",", ":")), *lines[1:]]) + "\n"
    )
    assert vault.mark_of("asked", "ben") == {"items": "newer"}  # what is kept of another is not opened
    with pytest.raises(StoreDamaged, match="anna"):
        vault.mark_of("asked", "anna")


def test_what_another_process_wrote_and_a_destroyed_key_are_seen_at_once(vault: Vault) -> None:
    vault.mark("asked", {"anna": {"items": "a"}})
    assert vault.mark_of("asked", "anna") == {"items": "a"}
    other = Vault(vault.folder, vault.keys_file)
    other.mark("asked", {"anna": {"items": "b"}})
    assert vault.mark_of("asked", "anna") == {"items": "b"}
    other.destroy_key("anna")
    assert vault.mark_of("asked", "anna") == {}
    vault.keys_file.unlink()
    with pytest.raises(KeyMissing):
        vault.mark_of("asked", "anna")
