"""Notes about an annotator: a conversation, an agreement.

What a note says is personal data. It stands in the vault, encrypted for the person whom it is about; the journal holds
who wrote when, and whether the annotator may read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.errors import RequestConflict
from data.identifiers import uuid7
from data.records import Draft

LONGEST = 4000
"""Characters of a note."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note. `text` is None where the annotator's key was destroyed, and the note with it."""

    note_id: str
    seq: int
    written_by: str
    written_at: datetime
    shared: bool
    text: str | None


def write_note(
    store: Store,
    *,
    project_id: str,
    by: Person,
    annotator_id: str,
    text: str,
    shared: bool = False,
    request_id: str | None = None,
) -> Note:
    """Write a note about an annotator of the project; with `shared` the annotator may read it too.

    The text itself is no part of the request that the journal keeps a hash of: a short note could be guessed from it.

    Raises:
        NotAllowed: the person may not write notes.
        BadRequest: the note is empty or too long, or nobody of that id annotates in the project.
        RequestConflict: the request id stands for another note.
        KeyMissing: the vault's keys are not on this machine.
    """
    require(by, "note.write")
    said = text.strip()
    if not said:
        raise BadRequest("A note needs words.")
    if len(said) > LONGEST:
        raise BadRequest(f"A note holds up to {LONGEST:,} characters; this one has {len(said):,}.")
    _require_annotator(store, project_id, annotator_id)
    note_id = request_id or uuid7(store.clock())
    if store.vault.add_note(annotator_id, note_id, {"text": said}) != {"text": said}:
        raise RequestConflict(note_id)

    def plan(reader: Reader) -> Draft:
        return Draft("note_written", project_id, annotator_id, {"note_id": note_id, "shared": shared})

    request = {"verb": "note.write", "project": project_id, "annotator": annotator_id, "shared": shared}
    event = store.submit(plan, by=by.person_id, request=request, request_id=note_id)
    assert event is not None  # a note always makes an event, or raises
    return Note(note_id, event.seq, event.actor, event.recorded_at, shared, said)


def notes(
    store: Store, *, project_id: str, by: Person, annotator_id: str, as_of: int | None = None
) -> tuple[Note, ...]:
    """The notes about an annotator, newest first: all of them for who reads notes, the shared ones for the annotator.

    Raises:
        NotAllowed: the person neither reads notes nor is the annotator.
        KeyMissing: there are notes, and the vault's keys are not on this machine.
    """
    reads_all = by.may("note.read")
    if not reads_all and not (annotator_id == by.person_id and by.may("my_work")):
        raise NotAllowed("Notes about annotators are for team leads, and shared ones for the annotator.")
    known = store.read("annotator_notes", project_id=project_id, annotator_id=annotator_id, as_of=as_of)
    if not reads_all:
        known = known.filter(pl.col("shared"))
    if known.is_empty():
        return ()
    texts = store.vault.notes(annotator_id)
    return tuple(
        Note(**row, text=_text(texts.get(row["note_id"])))
        for row in known.select("note_id", "seq", "written_by", "written_at", "shared").iter_rows(named=True)
    )


def _text(note: dict[str, object] | None) -> str | None:
    return None if note is None else str(note["text"])


def _require_annotator(store: Store, project_id: str, annotator_id: str) -> None:
    known = store.read("annotator_activity", project_id=project_id)["annotator_id"]
    if annotator_id not in known:
        raise BadRequest(f"Nobody called {annotator_id!r} annotates in the project {project_id!r}.")
