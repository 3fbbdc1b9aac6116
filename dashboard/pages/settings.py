"""Settings: who may act in this store, the limits that a release has to keep, and those of alerts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import polars as pl
import streamlit as st

from dashboard import alert_settings_view, components, session
from dashboard.marks import moment_text, plain
from dashboard.workflows import members, settings
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import StoreError
from dashboard.workflows.rules import LEAD, PERMISSIONS, REVIEWER, ROLE_TITLES, ROLES

Row = Mapping[str, object]
PERSON_WIDTH = 320
TABS: Mapping[str, str] = {"people": "People", "limits": "Limits of a release", "alerts": "Alerts"}
DOES: Mapping[str, str] = {
    "lead": "imports, scores, adjudicates, proposes and signs releases",
    "reviewer": "reads the record and signs releases",
    "annotator": "labels items that were flagged",
    "admin": "says who may act; imports and changes limits",
}


def render() -> None:
    """People first, then the limits of the project on the screen."""
    rows = members.members(session.store(), as_of=session.as_of())
    active = rows.filter(pl.col("active"))
    signers = active.filter(
        pl.col("roles").list.set_intersection(sorted(PERMISSIONS["release.sign"])).list.len() > 0
    )
    people = "1 person" if active.height == 1 else f"{active.height} people"
    if signers.height < 2:
        components.verdict(
            "watch",
            f"{people} may act here, but a release cannot be signed",
            detail=f"It takes two people who are {ROLE_TITLES[LEAD]} or {ROLE_TITLES[REVIEWER]}; "
            f"{signers.height or 'nobody'} is.",
        )
    else:
        components.headline(
            f"{people} may act here", detail=f"{signers.height} of them may sign a release; it takes two."
        )
    named = st.query_params.get("tab", "people")
    who, limits, watch = st.tabs(
        list(TABS.values()),
        default=TABS.get(named, TABS["people"]),
        key="settings_tab",
        on_change=_remember_tab,
    )
    with who:
        if who.open:
            _people(rows)
    with limits:
        if limits.open:
            _limits()
    with watch:
        if watch.open:
            alert_settings_view.draw()


def _remember_tab() -> None:
    chosen = next(key for key, title in TABS.items() if title == st.session_state["settings_tab"])
    st.query_params["tab"] = chosen


def _people(rows: pl.DataFrame) -> None:
    may_change = session.person().may("member.set") and session.as_of() is None
    if may_change:
        st.button(
            "Add a person", icon=":material/person_add:", type="primary", on_click=_open, args=("member", "")
        )
    else:
        st.caption("An administrator adds people and changes their roles.")
    with st.container(border=True, gap="xsmall"):
        for row in rows.iter_rows(named=True):
            _person(row, may_change=may_change)
    opened = st.session_state.pop("settings_open_member", None)
    if opened is not None and may_change:
        found = rows.filter(pl.col("person_id") == opened)
        _member_dialog(found.row(0, named=True) if found.height else None)
    with st.expander("What each role does"):
        for role in ROLES:
            st.markdown(f"**{ROLE_TITLES[role]}** {DOES[role]}.")


def _person(row: Row, *, may_change: bool) -> None:
    roles = " ".join(f":gray-badge[{ROLE_TITLES[role]}]" for role in ROLES if role in _roles(row))
    with st.container(horizontal=True, vertical_alignment="center"):
        gone = "" if row["active"] else " :gray[(may not act any more)]"
        st.markdown(
            f"**{plain(row['name'])}** :small[:gray[{plain(row['person_id'])}]]{gone}", width=PERSON_WIDTH
        )
        st.markdown(roles, width="stretch")
        if may_change:
            st.button(
                "Change",
                key=f"change_{row['person_id']}",
                icon=":material/edit:",
                on_click=_open,
                args=("member", row["person_id"]),
            )


def _open(what: str, key: str) -> None:
    st.session_state[f"settings_open_{what}"] = key
    st.session_state["settings_request"] = str(uuid.uuid4())


@st.dialog("Who may act")
def _member_dialog(row: Row | None) -> None:
    """Add a person, or change one."""
    person_id = (
        str(row["person_id"])
        if row
        else st.text_input("Id", help="Short, and never changed: it stands in the record.")
    )
    name = st.text_input("Name", value=str(row["name"]) if row else "")
    roles = st.pills(
        "Roles",
        ROLES,
        selection_mode="multi",
        default=_roles(row) if row else None,
        format_func=ROLE_TITLES.__getitem__,
    )
    active = (
        st.toggle(
            "May act", value=bool(row["active"]), help="Off takes the right to act away, not the history."
        )
        if row
        else True
    )
    if not st.button("Save", type="primary", width="stretch"):
        return
    try:
        members.set_member(
            session.store(),
            by=session.person(),
            person_id=person_id.strip(),
            name=name.strip() or None,
            roles=roles,
            active=active,
            request_id=st.session_state["settings_request"],
        )
    except (WorkflowError, StoreError) as error:
        st.session_state["settings_request"] = str(uuid.uuid4())
        components.error_state("Nothing was changed", str(error))
        return
    st.rerun()


def _roles(row: Row) -> list[str]:
    found = row["roles"]
    return [str(role) for role in found] if isinstance(found, list) else []


def _limits() -> None:
    project_id = session.project_id()
    if not project_id:
        st.caption("There is no project yet; its limits come with it.")
        return
    may_change = session.person().may("setting.change") and session.as_of() is None
    st.markdown(f"A release of **{plain(session.projects()[project_id])}** has to keep these.")
    for limit in settings.limits(session.store(), project_id, as_of=session.as_of()):
        _limit(limit, may_change=may_change)
    opened = st.session_state.pop("settings_open_limit", None)
    if opened is not None and may_change:
        by_key = {limit.key: limit for limit in settings.limits(session.store(), project_id)}
        _limit_dialog(by_key[opened])


def _limit(limit: settings.Limit, *, may_change: bool) -> None:
    since = (
        f"Set by {plain(limit.set_by)}, {moment_text(limit.set_at)} UTC."
        if limit.set_by
        else f"The default: {plain(limit.setting.why)}."
    )
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        shown = "off" if limit.value is None else f"{limit.value:g}"
        st.markdown(
            f"{plain(limit.setting.title)} **{plain(shown)}**  \n:small[:gray[{since}]]", width="stretch"
        )
        if may_change:
            st.button(
                "Change",
                key=f"limit_{limit.key}",
                icon=":material/edit:",
                on_click=_open,
                args=("limit", limit.key),
            )


@st.dialog("Change a limit")
def _limit_dialog(limit: settings.Limit) -> None:
    """Change a limit, with the reason that an auditor will ask for."""
    st.markdown(plain(limit.setting.title))
    keep = st.toggle("This limit holds", value=limit.value is not None)
    now = limit.setting.default if limit.value is None else limit.value
    value = st.number_input(
        "Limit",
        value=int(now) if limit.setting.whole else float(now),
        min_value=int(limit.setting.lowest) if limit.setting.whole else float(limit.setting.lowest),
        max_value=int(limit.setting.highest) if limit.setting.whole else float(limit.setting.highest),
        step=1 if limit.setting.whole else 0.01,
        format="%d" if limit.setting.whole else "%.3f",
        disabled=not keep,
    )
    reason = st.text_area("Why", help="It stays in the record, and releases proposed from now on name it.")
    if not st.button("Save", type="primary", width="stretch"):
        return
    try:
        settings.change_setting(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            key=limit.key,
            value=float(value) if keep else None,
            reason=reason,
            request_id=st.session_state["settings_request"],
        )
    except (WorkflowError, StoreError) as error:
        st.session_state["settings_request"] = str(uuid.uuid4())
        components.error_state("Nothing was changed", str(error))
        return
    st.rerun()
