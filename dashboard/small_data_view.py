"""The advice for little data, as a quiet panel of a page."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from dashboard import session
from dashboard.components import plain
from dashboard.workflows import small_data


def draw(topic: Literal["agreement", "annotators"]) -> None:
    """What so little data can tell and cannot; draws nothing where there is more of it."""
    found = small_data.small_data(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if found is None:
        return
    items = "1 item" if found.n_items == 1 else f"{found.n_items:,} items"
    people = "1 annotator" if found.n_people == 1 else f"{found.n_people:,} annotators"
    said = found.agreement if topic == "agreement" else found.annotators
    with st.container(border=True, gap="xsmall", key=f"small_data_{topic}"):
        st.markdown(f":material/lightbulb: **What {items} labelled by several of {people} can tell**")
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in said))
