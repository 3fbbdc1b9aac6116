"""The sidebar: where one is (project, moment), where one can go, and who one is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import streamlit as st

from dashboard import components, session
from dashboard.navigation import SECTIONS, visible_to
from dashboard.workflows import moments
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.rules import ROLE_TITLES, ROLES, Person

LOGO = Path(__file__).parent / "assets" / "touchstone.svg"


def draw(person: Person) -> None:
    """Draw the sidebar for a person."""
    st.logo(str(LOGO), size="large")
    with st.sidebar:
        _project()
        _as_of()
        rows = visible_to(person)
        for section in SECTIONS:
            in_section = [row for row in rows if row.section == section]
            if in_section:
                with st.container(key=f"nav-{section.lower().replace(' ', '-')}", gap=None):
                    st.caption(section)
                    for row in in_section:
                        components.link_to(row.key, width="stretch")
        with st.container(key="who"):
            _who(person)


def _project() -> None:
    known = session.projects()
    if not known:
        return
    ids = list(known)
    st.selectbox(
        "Project",
        ids,
        index=ids.index(session.project_id()),
        format_func=lambda one: known[one],
        key="project_picker",
        on_change=_chosen,
        args=(session.PROJECT, "project_picker"),
        disabled=len(ids) == 1,
    )


def _chosen(name: str, widget: str) -> None:
    session.choose(name, st.session_state[widget])


def _as_of() -> None:
    """The control that takes every page back in time."""
    seq = session.as_of()
    title = (
        "Now"
        if seq is None
        else f"As of {components.moment_text(moments.moment(session.store(), seq).recorded_at)}"
    )
    icon = ":material/schedule:" if seq is None else ":material/history:"
    with st.popover(
        title, icon=icon, width="stretch", help="See every page as it was at a past moment or release"
    ):
        st.markdown("**See everything as it was**")
        st.caption("Looking back changes nothing.")
        st.date_input(
            "At the end of the day (UTC)",
            value=None,
            key="as_of_day",
            on_change=_to_day,
            max_value=moments.moment(session.store(), session.store().head).recorded_at.date(),
        )
        project = session.project_id()
        for row in (
            moments.releases(session.store(), project).head(8).iter_rows(named=True) if project else ()
        ):
            st.button(
                f"Release {row['version']} · {row['proposed_at']:%d %b %Y}",
                key=f"as_of_release_{row['version']}",
                icon=":material/verified:",
                on_click=session.choose,
                args=(session.AS_OF, str(row["seq"])),
                width="stretch",
            )
        if seq is not None:
            back_to_now(key="as_of_now")
        if problem := st.session_state.pop("as_of_problem", None):
            st.warning(problem)


def back_to_now(*, key: str) -> None:
    """The button that returns to the present."""
    st.button(
        "Back to now", key=key, icon=":material/update:", on_click=session.choose, args=(session.AS_OF, None)
    )


def _to_day() -> None:
    day: date | None = st.session_state["as_of_day"]
    if day is None:
        session.choose(session.AS_OF, None)
        return
    try:
        found = moments.end_of_day(session.store(), day)
    except BadRequest as error:
        st.session_state["as_of_problem"] = str(error)
        return
    session.choose(session.AS_OF, str(found.seq))


def _who(person: Person) -> None:
    roles = " · ".join(ROLE_TITLES[role] for role in ROLES if role in person.roles) or "No role"
    if not session.is_demo():
        st.markdown(f":material/account_circle: {components.plain(person.name)}")
        st.caption(roles)
        return
    everybody = session.people()
    ids = [one.person_id for one in everybody]
    names = {one.person_id: one.name for one in everybody}
    st.selectbox(
        "You are",
        ids,
        index=ids.index(person.person_id),
        format_func=lambda one: names[one],
        key="person_picker",
        on_change=_chosen,
        args=(session.PERSON, "person_picker"),
        help="The demo lets you be anybody. A real installation knows who you are.",
    )
    st.caption(roles)
    st.markdown(":gray-badge[:material/science: Simulated demo data]")
