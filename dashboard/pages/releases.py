"""Releases: may this one go out, what its gates and people say, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import active_time, address, release_actions, release_statement_view, release_view, session
from dashboard.components import plain, press_outcome
from dashboard.workflows import release_diff, release_export, release_gates
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.release_gates import GateReport
from dashboard.workflows.release_record import Release, list_releases


def render() -> None:
    """Draw the page."""
    known = list_releases(session.store(), session.project_id(), as_of=session.as_of())
    if known:
        _one(known)
    else:
        _none()


def _none() -> None:
    """No release: what the gates say of the labels as they are, and the first step."""
    report = _gates_now()
    release_view.answer_without(report)
    press_outcome()
    left, right = st.columns([3, 2], gap="large")
    with left:
        title = "What the gates say now" if session.as_of() is None else "What the gates said then"
        release_view.gates(title, report.gates, None)
    with right:
        if release_actions.may("release.propose"):
            release_actions.propose_form(report, first=True)
        else:
            release_actions.nobody_proposed()


def _one(known: Sequence[Release]) -> None:
    store, project_id, person, as_of = (
        session.store(),
        session.project_id(),
        session.person(),
        session.as_of(),
    )
    shown = _chosen(known)
    newest = shown is known[0]
    change = release_diff.diff(store, project_id=project_id, by=person, release=shown.release_id, as_of=as_of)
    release_view.answer(shown, newest=newest)
    if not newest:
        st.button(
            f"Show the newest, release {known[0].version}",
            icon=":material/arrow_upward:",
            on_click=address.clear,
            args=("release",),
        )
    press_outcome()
    left, right = st.columns([3, 2], gap="large")
    with left:
        release_view.gates("What the gates said of it", shown.gates, shown)
        release_statement_view.draw(shown)
        release_view.difference(change, require_label_set(store, project_id, as_of=as_of))
        if release_actions.may("release.propose"):
            release_actions.propose_form(_gates_now(), first=False)
    with right:
        if shown.state == "proposed":
            release_actions.sign_card(shown, change=change.sentence())
            if release_actions.may("release.sign"):
                active_time.watch()
                active_time.begin(release_actions.about(shown.release_id))
        if shown.state == "approved":
            release_actions.export_card(shown)
        release_view.course(
            shown, release_export.exports(store, project_id=project_id, by=person, as_of=as_of)
        )
    release_view.all_releases(known, shown)


def _chosen(known: Sequence[Release]) -> Release:
    """The release that the address names, else the newest."""
    named = st.query_params.get("release")
    if named is None:
        return known[0]
    for one in known:
        if named in (str(one.version), one.release_id):
            return one
    versions = ", ".join(str(one.version) for one in reversed(known))
    st.info(
        f"There is no release {plain(named)} in this project; it has {versions}. This is the newest.",
        icon=":material/info:",
    )
    return known[0]


def _gates_now() -> GateReport:
    return release_gates.check_gates(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
