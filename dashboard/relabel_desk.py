"""What a person does at the Relabel desk: the state of one visit, and what each key does.

A press carries the item and the stage that were on the screen. The store judges it; what it refuses is kept as a
sentence for the page, and the draft stays.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import streamlit as st

from dashboard import active_time, session
from dashboard.workflows import relabel, relabel_queue, relabel_undo
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.opening import StoreError
from dashboard.workflows.relabel_answers import Saved
from dashboard.workflows.relabel_queue import WorkDraft, WorkItem
from dashboard.workflows.relabel_state import CANNOT_TELL, CHANGE, KEEP
from dashboard.workflows.set_labels import toggled

LOOK_SECONDS = 0.25
"""A press so soon after the screen changed was meant for the screen before."""

GUIDELINE, HELP, RECENT, WHY, SKIP, ASK = "guideline", "help", "recent", "why", "skip", "ask"
NOTE_LABEL, QUESTION_LABEL, REASON_LABEL = "Why (optional)", "What is unclear?", "Another reason"
_STATE = "relabel_desk"


@dataclass(slots=True)
class Desk:
    """One visit. `stage`: the flag on the screen and whether it is still blind; `panel`: what is open beside it."""

    project_id: str
    person_id: str
    stage: tuple[str, bool] = ("", True)
    version: int = 0
    request_id: str = ""
    undo_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    shown_at: float = 0.0
    choice: str | None = None
    label: str | None = None
    panel: str = ""
    note_open: bool = False
    asked: int = 0
    focus: str = ""
    refused: str = ""
    told: str = ""

    @property
    def suffix(self) -> str:
        """What widget keys end with: a late press on an item that is gone finds no widget."""
        return f"{self.stage[0]}-{'blind' if self.stage[1] else 'reveal'}"

    def key(self, name: str) -> str:
        """The key of a widget of this stage."""
        return f"{name}-{self.suffix}"

    def note(self) -> str:
        """What the person wrote."""
        return str(st.session_state.get(self.key("note"), "")).strip()

    def reasons(self) -> tuple[str, ...]:
        """The short reasons that the person picked."""
        return tuple(st.session_state.get(self.key("reasons")) or ())

    def open_panel(self, panel: str) -> None:
        """Open a panel, or close it where it is open."""
        self.panel = "" if self.panel == panel else panel
        focus = {ASK: QUESTION_LABEL}.get(self.panel, "")
        if focus:
            self.put_cursor(focus)

    def put_cursor(self, label: str) -> None:
        """Ask for the cursor in the text field with this label."""
        self.focus, self.asked = label, self.asked + 1


def desk(project_id: str) -> Desk:
    """The desk of this visit; a new one where the person or the project changed."""
    person_id = session.person().person_id
    found = st.session_state.get(_STATE)
    if not isinstance(found, Desk) or (found.project_id, found.person_id) != (project_id, person_id):
        found = st.session_state[_STATE] = Desk(project_id, person_id)
    return found


def today() -> datetime:
    """When the day began, in UTC."""
    return session.store().clock().replace(hour=0, minute=0, second=0, microsecond=0)


def take_item(now: Desk) -> WorkItem | None:
    """The item to show; where it is another one, or another stage of it, the desk is cleared for it."""
    by = session.person()
    item = (
        relabel_queue.current_item(session.store(), project_id=now.project_id, by=by)
        if now.stage[0]
        else None
    )
    item = item or relabel_queue.next_item(session.store(), project_id=now.project_id, by=by)
    stage = (item.flag_id, item.blind) if item else ("", True)
    if stage != now.stage:
        now.stage, now.request_id = stage, uuid.uuid4().hex
        now.shown_at = active_time.now()
        now.panel, now.choice, now.focus = "", None, ""
        if item is not None:
            now.choice = item.draft.label or item.own_blind
            now.note_open = bool(item.draft.rationale)
            st.session_state[now.key("note")] = item.draft.rationale
            if not item.blind:
                st.session_state[now.key("reasons")] = list(item.draft.reasons)
    if item is not None:
        active_time.begin(_about(now))
    return item


def choose(now: Desk, stage: tuple[str, bool], label_set: LabelSet, label: str) -> None:
    """A label's key was pressed: it is chosen; where labels are sets it goes in or out."""
    if now.stage == stage:
        now.choice = toggled(label_set, now.choice, label) if label_set.is_sets else label
        now.refused = ""
        save_draft(now, stage)


def save_draft(now: Desk, stage: tuple[str, bool]) -> None:
    """Keep what is chosen and written."""
    if now.stage != stage:
        return
    draft = WorkDraft(now.choice, now.reasons(), now.note())
    _try(
        now,
        lambda: relabel_queue.save_draft(
            session.store(), project_id=now.project_id, by=session.person(), flag_id=stage[0], draft=draft
        ),
    )


def submit(now: Desk, stage: tuple[str, bool], version: int) -> None:
    """Enter: send the chosen label."""
    if now.choice is None:
        now.refused = "Choose a label first, or press T if you cannot tell."
    elif stage[1]:
        _send_blind(now, stage, now.choice)
    else:
        verdict = KEEP if now.choice == now.label else CHANGE
        _send_final(now, stage, version, verdict, now.choice if verdict == CHANGE else None)


def keep(now: Desk, stage: tuple[str, bool], version: int) -> None:
    """K: the current label stays."""
    _send_final(now, stage, version, KEEP, None)


def cannot_tell(now: Desk, stage: tuple[str, bool], version: int) -> None:
    """T: nobody can say from this."""
    if stage[1]:
        _send_blind(now, stage, None)
    else:
        _send_final(now, stage, version, CANNOT_TELL, None)


def ask(now: Desk, stage: tuple[str, bool]) -> None:
    """Send the question to the lead."""
    question = str(st.session_state.get(now.key("question"), ""))
    _send(
        now,
        stage,
        lambda: relabel.ask_lead(
            session.store(),
            project_id=now.project_id,
            by=session.person(),
            flag_id=stage[0],
            question=question,
            active_seconds=_active(now),
            request_id=f"{now.request_id}-ask",
        ),
        told="Sent to the lead.",
    )


def skip(now: Desk, stage: tuple[str, bool], reason: str | None) -> None:
    """Leave the item, for one of the listed reasons or the written one."""
    text = reason or str(st.session_state.get(now.key("reason"), ""))
    _send(
        now,
        stage,
        lambda: relabel.skip(
            session.store(),
            project_id=now.project_id,
            by=session.person(),
            flag_id=stage[0],
            reason=text,
            active_seconds=_active(now),
            request_id=f"{now.request_id}-skip",
        ),
        told="Skipped.",
    )


def undo(now: Desk, undo_id: str, seq: int | None) -> None:
    """Z: take back the newest action, or one of the last ten."""

    def taken_back() -> None:
        found = relabel_undo.undo(
            session.store(),
            project_id=now.project_id,
            by=session.person(),
            seq=seq,
            request_id=f"{undo_id}-{seq}",
        )
        now.told = f"Undone: {relabel_undo.WORDS[found.action]} for {found.item_id}. It is on the desk again."
        now.panel, now.undo_id = "", uuid.uuid4().hex

    _try(now, taken_back)


def toggle(now: Desk, panel: str) -> None:
    """Open or close what stands beside the item."""
    now.open_panel(panel)
    now.refused = ""


def open_note(now: Desk) -> None:
    """N: a field for the reason, with the cursor in it."""
    now.note_open = True
    now.put_cursor(NOTE_LABEL)


def close(now: Desk) -> None:
    """Esc: close what is open."""
    now.panel, now.refused = "", ""


def _send_blind(now: Desk, stage: tuple[str, bool], label: str | None) -> None:
    _send(
        now,
        stage,
        lambda: relabel.answer_blind(
            session.store(),
            project_id=now.project_id,
            by=session.person(),
            flag_id=stage[0],
            label=label,
            rationale=now.note(),
            active_seconds=_active(now),
            request_id=f"{now.request_id}-blind",
        ),
    )


def _send_final(now: Desk, stage: tuple[str, bool], version: int, verdict: str, label: str | None) -> None:
    _send(
        now,
        stage,
        lambda: relabel.answer(
            session.store(),
            project_id=now.project_id,
            by=session.person(),
            flag_id=stage[0],
            verdict=verdict,
            label=label,
            expected_version=version,
            reasons=now.reasons(),
            rationale=now.note(),
            active_seconds=_active(now),
            request_id=f"{now.request_id}-answer",
        ),
    )


def _send(now: Desk, stage: tuple[str, bool], verb: Callable[[], Saved], *, told: str = "") -> None:
    """Send an answer from the stage that was on the screen; a press meant for the screen before is dropped."""
    if now.stage != stage or active_time.now() - now.shown_at < LOOK_SECONDS:
        return

    def sent() -> None:
        saved = verb()
        active_time.forget(_about(now))
        now.panel = ""
        now.told = ""
        if saved.action != "answered_blind":
            now.told = f"{told or _words(saved)} Z undoes it."
            now.stage = ("", True)

    _try(now, sent)


def _words(saved: Saved) -> str:
    """What an answer did, for the page's first line."""
    done = {
        "closed": "Settled.",
        "second": "A second person looks at it next.",
        "adjudicate": "The lead decides.",
    }.get(saved.status, "")
    return f"Saved: {saved.label if saved.label is not None else 'cannot tell'}. {done}"


def _try(now: Desk, verb: Callable[[], object]) -> None:
    """Run a verb; a refusal becomes the page's sentence. A retry carries the same request id."""
    now.refused = ""
    try:
        verb()
    except (WorkflowError, StoreError) as error:
        now.refused = str(error)


def _active(now: Desk) -> float | None:
    return active_time.spent(_about(now))


def _about(now: Desk) -> str:
    return f"relabel-{now.suffix}"
