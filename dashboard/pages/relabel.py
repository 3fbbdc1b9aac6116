"""Relabel: one flagged item at a time, by keyboard; blind first, then the reveal."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import active_time, relabel_evidence, relabel_view, session
from dashboard.components import empty_state, error_state
from dashboard.relabel_desk import Desk, desk, take_item, today
from dashboard.workflows import relabel_queue, relabel_reveal
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import StoreError
from dashboard.workflows.relabel_queue import Progress, WorkItem

_STYLE = Path(__file__).parent.parent / "assets" / "relabel.css"


def render() -> None:
    """Draw the page."""
    if session.as_of() is not None:
        empty_state(
            "Relabelling happens now",
            "You are looking at the past. Go back to now to answer flags.",
            icon="history",
        )
        return
    st.html(_STYLE)
    _desk(session.project_id())


@st.fragment
def _desk(project_id: str) -> None:
    """All that a key press draws anew."""
    try:
        now = desk(project_id)
        item = take_item(now)
        progress = relabel_queue.progress(
            session.store(), project_id=project_id, by=session.person(), today=today()
        )
        relabel_view.headline(progress, now.told)
        _item(now, item, progress)
        relabel_view.footer(now)
    except (WorkflowError, StoreError) as error:
        error_state("This could not be done", str(error))
        return
    active_time.watch(focus=now.focus, ask=now.asked)


def _item(now: Desk, item: WorkItem | None, progress: Progress) -> None:
    left, right = st.columns([5, 3], gap="medium")
    if item is None:
        with left:
            _nothing_left(progress, now.refused)
        with right:
            if now.panel:
                relabel_evidence.side(now, None, None)
        return
    shown = None
    if not item.blind:
        shown = relabel_reveal.reveal(
            session.store(), project_id=now.project_id, by=session.person(), flag_id=item.flag_id
        )
        now.label = shown.label
    with left:
        relabel_view.item_card(now, item, shown)
    with right:
        relabel_evidence.side(now, item, shown)


def _nothing_left(progress: Progress, refused: str) -> None:
    if progress.n_flags == 0:
        empty_state(
            "No flags yet",
            "Flags are raised after scoring, where a label is in doubt. A lead does it on the overview.",
            code="touchstone flag",
            page="overview",
            icon="flag",
        )
    elif progress.n_open + progress.n_second:
        empty_state(
            "Nothing left for you",
            f"{progress.n_open + progress.n_second:,} items still wait, for other people: you answered or skipped "
            "them, somebody works on them now, or others are asked for them first.",
            icon="task_alt",
        )
    else:
        empty_state(
            "The queue is empty",
            f"All {progress.n_flags:,} flags are answered"
            + (f"; {progress.n_adjudicate:,} wait for the lead." if progress.n_adjudicate else "."),
            page="adjudicate",
            icon="task_alt",
        )
    if refused:
        error_state("This could not be done", refused)
