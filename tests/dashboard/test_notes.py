"""Notes about an annotator: in the vault and nowhere else, read by leads, and by the annotator where shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.workflows import my_work, notes
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.event_words import sentence
from dashboard.workflows.opening import CommandRejected, KeyMissing, Store, open_store
from dashboard.workflows.rules import ANNOTATOR, Person
from tests import stores

PROJECT = stores.PROJECT
A0 = Person("a0", "A null", frozenset({ANNOTATOR}))
A1 = Person("a1", "A one", frozenset({ANNOTATOR}))
SECRET = "Schwermut: keeps late hours"


def write(
    store: Store, text: str, *, by: Person = stores.LENA, shared: bool = False, request_id: str | None = None
) -> notes.Note:
    return notes.write_note(
        store, project_id=PROJECT, by=by, annotator_id="a0", text=text, shared=shared, request_id=request_id
    )


def read(store: Store, by: Person, *, as_of: int | None = None) -> list[str | None]:
    found = notes.notes(store, project_id=PROJECT, by=by, annotator_id="a0", as_of=as_of)
    return [note.text for note in found]


def test_no_file_of_the_store_holds_a_note_in_the_clear(pets: Store, tmp_path: Path) -> None:
    write(pets, SECRET)
    pets.close()
    files = [path for path in (tmp_path / "pets").rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} >= {"journal", "segments", "store", "vault", "keys"}
    for path in files:
        content = path.read_bytes()
        assert all(word.encode() not in content for word in ("Schwermut", "keeps late hours")), path


def test_the_record_says_who_wrote_when_and_a_rebuilt_store_still_has_the_note(
    pets: Store, tmp_path: Path
) -> None:
    note = write(pets, SECRET, by=stores.LARS)
    pets.close()
    (tmp_path / "pets" / "store" / "touchstone.duckdb").unlink()
    with open_store(tmp_path / "pets" / "store", keys_folder=tmp_path / "pets" / "keys") as again:
        found = notes.notes(again, project_id=PROJECT, by=stores.LENA, annotator_id="a0")
    assert found == (note,)
    assert (note.written_by, note.text) == ("lars", SECRET)
    said = sentence({"kind": "note_written", "actor": "lars", "subject": "a0"}, {"shared": True})
    assert said == "lars wrote a note about a0, shared with them"


def test_leads_read_all_and_the_annotator_what_is_shared(pets: Store) -> None:
    write(pets, "between leads")
    write(pets, "agreed: look twice", shared=True)
    assert read(pets, stores.LARS) == ["agreed: look twice", "between leads"]
    assert read(pets, A0) == ["agreed: look twice"]
    assert [note.text for note in my_work.my_work(pets, project_id=PROJECT, by=A0).shared] == [
        "agreed: look twice"
    ]
    assert my_work.my_work(pets, project_id=PROJECT, by=A1).shared == ()
    for other in (A1, stores.RITA):
        with pytest.raises(NotAllowed):
            read(pets, other)


@pytest.mark.parametrize("by", [stores.RITA, A0])
def test_only_leads_write(pets: Store, by: Person) -> None:
    with pytest.raises(NotAllowed):
        write(pets, "text", by=by)
    assert not (pets.vault.folder / "notes.jsonl").exists()


@pytest.mark.parametrize("text", ["", " \n", "x" * (notes.LONGEST + 1)])
def test_a_note_has_words_and_not_too_many(pets: Store, text: str) -> None:
    with pytest.raises(BadRequest):
        write(pets, text)


def test_a_note_is_about_somebody_who_annotates(pets: Store) -> None:
    with pytest.raises(BadRequest, match="nobody"):
        notes.write_note(pets, project_id=PROJECT, by=stores.LENA, annotator_id="nobody", text="text")


def test_a_retry_is_harmless_and_another_note_under_its_id_is_refused(pets: Store) -> None:
    first = write(pets, "once", request_id="press-1")
    assert write(pets, "once", request_id="press-1") == first
    for text, shared in (("another", False), ("once", True)):
        with pytest.raises(CommandRejected):
            write(pets, text, shared=shared, request_id="press-1")
    assert read(pets, stores.LENA) == ["once"]


def test_the_past_has_the_notes_of_the_past(pets: Store) -> None:
    first = write(pets, "first")
    write(pets, "second")
    assert read(pets, stores.LENA, as_of=first.seq) == ["first"]
    assert read(pets, stores.LENA, as_of=first.seq - 1) == []


def test_a_note_is_erased_with_the_annotator_s_key(pets: Store) -> None:
    write(pets, SECRET, shared=True)
    pets.vault.destroy_key("a0")
    assert read(pets, stores.LENA) == [None]
    assert my_work.my_work(pets, project_id=PROJECT, by=A0).shared == ()
    write(pets, "anew")
    assert read(pets, stores.LENA) == ["anew", None]


def test_without_keys_the_message_says_so(pets: Store) -> None:
    write(pets, "text")
    pets.vault.keys_file.unlink()
    with pytest.raises(KeyMissing):
        read(pets, stores.LENA)
    with pytest.raises(KeyMissing):
        write(pets, "more")
