"""Adjudicate: where people differ, cannot tell or ask, a lead settles the item with a reason."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import streamlit as st

from dashboard import active_time, adjudicate_evidence, adjudicate_view, session
from dashboard.components import empty_state, error_state, headline, link_to, plain, press_outcome
from dashboard.workflows import adjudicate
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import StoreError

_STYLE = Path(__file__).parent.parent / "assets" / "adjudicate.css"


def render() -> None:
    """Draw the page."""
    if session.as_of() is not None:
        empty_state(
            "Decisions are made now",
            "You are looking at the past. Go back to now to decide where people differ.",
            icon="history",
        )
        return
    st.html(_STYLE)
    _desk(session.project_id())


@st.fragment
def _desk(project_id: str) -> None:
    """All that a press draws anew."""
    try:
        rows = adjudicate.waiting(session.store(), project_id=project_id, by=session.person())
        headline(_answer(rows), detail=_others(rows))
        press_outcome()
        if rows.is_empty():
            _nothing_waits()
            return
        chosen = _chosen(rows)
        waiting, case = st.columns([3, 9], gap="medium")
        with waiting:
            adjudicate_view.waiting_list(rows, chosen)
        with case:
            _case(project_id, rows, chosen)
    except (WorkflowError, StoreError) as error:
        error_state("This could not be done", str(error))


def _case(project_id: str, rows: pl.DataFrame, chosen: str) -> None:
    found = adjudicate.case(
        session.store(),
        project_id=project_id,
        by=session.person(),
        flag_id=rows.filter(pl.col("item_id") == chosen)["flag_id"][0],
    )
    left, right = st.columns([5, 4], gap="medium")
    with left:
        adjudicate_view.case_card(found, next_item=_following(rows, chosen))
    with right:
        adjudicate_evidence.side(found)
    active_time.watch(**adjudicate_view.cursor())
    active_time.begin(adjudicate_view.about(found.flag_id))


def _answer(rows: pl.DataFrame) -> str:
    n = rows.filter(pl.col("status") == "adjudicate").height
    if n == 0:
        return "No item waits for your decision"
    return "1 item waits for your decision" if n == 1 else f"{n:,} items wait for your decision"


def _others(rows: pl.DataFrame) -> str:
    """What a lead may settle without being asked to."""
    n = rows.filter(pl.col("status") != "adjudicate").height
    if n == 0:
        return "The most pressing comes first. No scoring run replaces what you decide."
    more = "1 more waits" if n == 1 else f"{n:,} more wait"
    return f"{more} for somebody else to look; you may settle {'it' if n == 1 else 'them'} too."


def _chosen(rows: pl.DataFrame) -> str:
    """The item in the address, else the most pressing one."""
    first: str = rows["item_id"][0]
    named = st.query_params.get("item", first)
    if named in rows["item_id"]:
        return named
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/info: {plain(named)} does not wait for a decision. This is the first that does."
        )
        link_to("items", label=f"Open {named}", item=named)
    return first


def _following(rows: pl.DataFrame, chosen: str) -> str | None:
    """The item after the chosen one, the first one after the last; None where it is the only one."""
    items = rows["item_id"].to_list()
    following: str = items[(items.index(chosen) + 1) % len(items)]
    return following if following != chosen else None


def _nothing_waits() -> None:
    empty_state(
        "Nothing to decide",
        "An item comes here when two people differ, when one cannot tell, or when an annotator asks you. "
        "Flagged items are relabelled first.",
        page="overview",
        link="See what else needs doing",
        icon="task_alt",
    )
