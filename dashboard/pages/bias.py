"""Bias: is somebody labelled, or labelling, differently, and can it be told from what they were given?"""

from __future__ import annotations

import streamlit as st

from dashboard import bias_measure_view, session
from dashboard.bias_sections import SECTIONS, Section
from dashboard.components import empty_state, verdict, what_is_this
from dashboard.palette import FOUND
from dashboard.workflows import bias_view

SECTION = "section"


def render() -> None:
    """Draw the page."""
    seen = bias_view.bias_view(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if seen is None:
        empty_state(
            "No groups were compared yet",
            "Who is labelled how, and by whom? Groups of items, or of annotators, are compared with everybody else: as counted, and "
            "with what was labelled held fixed.",
            icon="balance",
            code="touchstone bias",
        )
        bias_measure_view.draw()
        _draw(SECTIONS[1:])
        return
    when = f"{seen.run.ran_at:%d %b %Y, %H:%M} UTC"
    old = " Annotations came in since then: compare again." if seen.run.stale else ""
    verdict(seen.state, seen.sentence, detail=f"{seen.detail} Compared {when}.{old}", chip=FOUND[seen.state])
    what_is_this("gap")
    _draw(SECTIONS)
    bias_measure_view.draw()


def _draw(sections: tuple[Section, ...]) -> None:
    """The sections as tabs; the one that is open stands in the address."""
    keys = [section.key for section in sections]
    if len(keys) < 2:
        for section in sections:
            section.draw()
        return
    named = st.query_params.get(SECTION, keys[0])
    tabs = st.tabs(
        [section.title for section in sections],
        default=sections[keys.index(named) if named in keys else 0].title,
        key="bias_section",
        on_change="rerun",
    )
    for tab, section in zip(tabs, sections, strict=True):
        if tab.open:
            with tab:
                section.draw()
