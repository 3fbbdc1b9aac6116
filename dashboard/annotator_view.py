"""The file of one annotator, as a lead discusses it with them; and the notes about them."""

from __future__ import annotations

import streamlit as st

from dashboard import address, annotator_figures, presses, reviewer_figures, session
from dashboard.components import (
    empty_state,
    error_state,
    moment_text,
    plain,
    press_outcome,
    verdict,
)
from dashboard.workflows import notes
from dashboard.workflows.annotator_file import AnnotatorFile, annotator_file
from dashboard.workflows.notes import Note
from dashboard.workflows.opening import KeyMissing


def draw(annotator_id: str) -> None:
    """Draw the file of an annotator of the project on the screen."""
    st.button(
        "All annotators",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=address.clear,
        args=("annotator", "item", *annotator_figures.FILTERS, *reviewer_figures.FILTERS),
        shortcut="Escape",
    )
    seen = annotator_file(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        annotator_id=annotator_id,
        as_of=session.as_of(),
    )
    if seen is None:
        empty_state(
            "Nothing was scored yet",
            "How well annotators do is computed by a scoring run. The overview starts one.",
            page="overview",
            link="Go to the overview",
            icon="group",
        )
        return
    verdict(seen.state, seen.sentence, detail=detail(seen))
    figures(seen, who=annotator_id)
    reviewer_figures.of_person(annotator_id)
    if session.person().may("note.read"):
        _notes(annotator_id)


def detail(seen: AnnotatorFile) -> str:
    """What the verdict rests on, and where the annotator stands."""
    old = "; annotations came in since then" if seen.run.stale else ""
    confused = f"{seen.confused} " if seen.confused else ""
    return (
        f"{confused}{annotator_figures.rank_words(seen.rank)} {seen.n:,} independent annotations, as scored "
        f"{moment_text(seen.run.ran_at)} UTC{old}."
    )


def figures(seen: AnnotatorFile, *, who: str) -> None:
    """Cards, the items behind them, plots and habits."""
    annotator_figures.cards(seen)
    left, right = st.columns(2, gap="large")
    with left:
        annotator_figures.items(seen)
    with right:
        annotator_figures.confusion(seen, who=who)
    left, right = st.columns(2, gap="large")
    with left:
        annotator_figures.learning(seen)
    with right:
        annotator_figures.fatigue(seen)
    pace = annotator_figures.paces(
        seen.run.run_id, session.project_id(), session.person().person_id, session.as_of()
    )
    annotator_figures.habits(seen, pace)


def note_list(found: tuple[Note, ...]) -> None:
    """Notes, newest first, each with who wrote it when."""
    for note in found:
        with st.container(border=True, gap="xsmall", key=f"note_{note.note_id}"):
            seen_by = " · shared with the annotator" if note.shared else ""
            st.caption(plain(f"{note.written_by}, {moment_text(note.written_at)} UTC{seen_by}"))
            if note.text is None:
                st.markdown(":gray[This note was erased with the annotator's key.]")
            else:
                st.text(note.text)


def _notes(annotator_id: str) -> None:
    st.markdown("#### Notes", anchors=False)
    press_outcome()
    try:
        found = notes.notes(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            annotator_id=annotator_id,
            as_of=session.as_of(),
        )
    except KeyMissing as error:
        error_state("The notes cannot be read here", str(error))
        return
    if session.as_of() is not None:
        st.caption("Notes are written now, not in the past.")
    elif session.person().may("note.write"):
        _form(annotator_id)
    if not found:
        st.caption("No notes yet.")
    note_list(found)


def _form(annotator_id: str) -> None:
    nth = st.session_state.setdefault("notes_written", 0)
    st.text_area(
        "A conversation, an agreement",
        key=f"note_text_{annotator_id}_{nth}",
        max_chars=notes.LONGEST,
        placeholder="What was said, what was agreed, when you look again",
        help="Encrypted for this person, and erased with their key. The audit trail says that a note was written, not what.",
    )
    st.checkbox(f"{plain(annotator_id)} may read it", key=f"note_shared_{annotator_id}_{nth}")
    st.button(
        "Write the note",
        key="note_write",
        icon=":material/edit_note:",
        on_click=_write,
        args=(annotator_id, nth),
    )


def _write(annotator_id: str, nth: int) -> None:
    text = str(st.session_state[f"note_text_{annotator_id}_{nth}"])
    shared = bool(st.session_state[f"note_shared_{annotator_id}_{nth}"])

    def verb(request_id: str) -> Note:
        return notes.write_note(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            annotator_id=annotator_id,
            text=text,
            shared=shared,
            request_id=request_id,
        )

    if presses.send(verb, "note", annotator_id, text, str(shared)) is not None:
        st.session_state["notes_written"] = nth + 1
        presses.say_done("The note was written.")


def shared_notes(found: tuple[Note, ...]) -> None:
    """The notes that a lead shares with the annotator who looks."""
    if not found:
        return
    st.markdown("#### Notes that your lead shares with you", anchors=False)
    note_list(found)
