"""Guideline: what annotators are asked to do, how it changed, and publishing a new version."""

from __future__ import annotations

import uuid

import polars as pl
import streamlit as st

from dashboard import components, session
from dashboard.marks import moment_text, plain
from dashboard.workflows import guideline
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.guideline_diff import compare
from dashboard.workflows.opening import StoreError

PUBLISH = "guideline.publish"
DRAFT, REQUEST = "guideline_draft", "guideline_request"


def render() -> None:
    """The current version, the versions before it, and a form for those who may publish."""
    current = guideline.current(session.store(), project_id=session.project_id(), as_of=session.as_of())
    may_write = session.person().may(PUBLISH) and session.as_of() is None
    if current is None:
        components.headline(
            "There is no guideline yet", detail="Every annotation is made under a version of it."
        )
        if may_write:
            _form(current)
        else:
            components.empty_state(
                "Nothing was published",
                "A team lead writes the guideline here: what each label means, with a hard case.",
                icon="menu_book",
            )
        return
    components.headline(
        f"Version {current.version} is what annotators go by",
        detail=f"Published {moment_text(current.published_at)} UTC by {current.published_by}.",
    )
    names = ["Read", "What changed", *(["Write a new version"] if may_write else [])]
    tabs = st.tabs(names)
    with tabs[0], st.container(border=True, key="guideline-text"):
        st.markdown(current.markdown)
    with tabs[1]:
        _versions(current)
    if may_write:
        with tabs[2]:
            _form(current)


def _versions(current: guideline.Guideline) -> None:
    """Every version, and two of them compared."""
    rows = guideline.versions(session.store(), project_id=session.project_id(), as_of=session.as_of())
    if rows.height < 2:
        st.caption("This is the first version; there is nothing to compare it with.")
        return
    known = rows["version"].to_list()
    words = {
        row["version"]: f"Version {row['version']}, {moment_text(row['published_at'])}, {row['published_by']}"
        for row in rows.iter_rows(named=True)
    }
    left, right = st.columns(2)
    older = left.selectbox("From", known, index=1, format_func=words.__getitem__, key="guideline_older")
    newer = right.selectbox("To", known, index=0, format_func=words.__getitem__, key="guideline_newer")
    found = compare(
        session.store(), project_id=session.project_id(), older=older, newer=newer, as_of=session.as_of()
    )
    if not found.text:
        st.caption("These two are the same.")
        return
    st.markdown(f":material/difference: **{found.added}** lines added, **{found.removed}** removed")
    st.code(found.text, language="diff", wrap_lines=True)
    with st.expander(f"Read version {older} as a whole"):
        st.markdown(rows.filter(pl.col("version") == older)["markdown"][0])


def _form(current: guideline.Guideline | None) -> None:
    """Write, see how it will look, publish."""
    st.session_state.setdefault(REQUEST, str(uuid.uuid4()))
    before = current.markdown if current else ""
    number = current.version + 1 if current else 1
    writing, preview = st.columns(2, gap="large")
    with writing:
        text = st.text_area(
            "Guideline (Markdown)",
            value=before,
            height=420,
            key=f"{DRAFT}_{number}",
            placeholder="# What each label means\n\n**cat**: …\n\nNot sure? …",
        )
        unchanged = text.strip() == before.strip()
        pressed = st.button(
            f"Publish version {number}",
            type="primary",
            icon=":material/publish:",
            disabled=unchanged,
            help="Change the text first."
            if unchanged
            else "Annotators see it at once. The old version is kept.",
        )
    with preview:
        st.caption("How it will look")
        with st.container(border=True, height=460):
            st.markdown(text or ":gray[Nothing yet.]")
    if not pressed:
        return
    try:
        published = guideline.publish(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            markdown=text,
            request_id=st.session_state[REQUEST],
        )
    except (WorkflowError, StoreError) as error:
        components.error_state("It was not published", str(error))
        return
    del st.session_state[REQUEST]
    st.toast(f"Version {plain(published.version)} is published.", icon=":material/check_circle:")
    st.rerun()
