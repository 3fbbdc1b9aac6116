"""The card of quality debt: what bias, drift and cost say today, each a click from its page."""

from __future__ import annotations

import streamlit as st

from dashboard import session
from dashboard.components import link_to
from dashboard.marks import plain, state_markdown
from dashboard.palette import FOUND
from dashboard.workflows.quality_debt import Debt, quality_debt


def draw() -> None:
    """Draw the card."""
    person = session.person()
    lines = _read(
        session.store().head_hash, session.project_id(), session.as_of(), (person.person_id, *sorted(person.roles))
    )  # fmt: skip
    with st.container(border=True, key="quality-debt", gap="small"):
        for line in lines:
            said, there = st.columns([6, 1], vertical_alignment="center")
            with said:
                known = line.page == "cost" and line.state == "fit"
                chip = state_markdown(line.state, text="Known" if known else FOUND[line.state])
                st.markdown(f"**{line.title}** {chip} {plain(line.sentence)}")
            with there:
                link_to(line.page, label=line.title)


@st.cache_data(max_entries=16, show_spinner=False)
def _read(head: str, project_id: str, as_of: int | None, who: tuple[str, ...]) -> tuple[Debt, ...]:
    """As things are at the head of the journal: kept, because costs are added up over all work."""
    return quality_debt(session.store(), project_id=project_id, by=session.person(), as_of=as_of)
