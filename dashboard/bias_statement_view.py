"""The bias statement on the page: the findings, what is done about each, what could not be tested, and the statement to take along."""

from __future__ import annotations

import streamlit as st

from dashboard import bias_statement_files, session
from dashboard.components import error_state, moment_text, plain
from dashboard.workflows import bias_decisions, bias_statement
from dashboard.workflows.bias_statement import Finding, Statement
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import StoreError


def draw() -> None:
    """Draw the statement as it would stand in a release that was proposed at the moment shown."""
    project_id = session.project_id()
    found = bias_statement.statement(
        session.store(), project_id=project_id, by=session.person(), as_of=session.as_of()
    )
    left = len(found.unanswered)
    if left:
        st.markdown(
            f"**{left:,} {'gap that stays has' if left == 1 else 'gaps that stay have'} no answer yet.**"
        )
    elif found.findings:
        st.markdown("**Every gap that stays has its answer.**")
    else:
        st.markdown("**There is nothing to answer.**")
    st.caption(
        "This is what the next release takes along, frozen with it. No annotator and no small group is named in it."
    )
    bias_statement_files.offer(
        bias_statement.document(found),
        key="bias_statement",
        named=("Statement to read and print", "As JSON, with Croissant-RAI fields"),
    )
    for place, one in enumerate(found.findings):
        _finding(one, place)
    _done(found)
    if found.untested:
        st.markdown("#### What could not be tested, and why", anchors=False)
        st.dataframe(
            [{"What": what, "Why": why} for what, why in found.untested],
            hide_index=True,
            height=min(240, 38 + 35 * len(found.untested)),
            key="bias_untested",
        )


def _done(found: Statement) -> None:
    """What was decided that no finding above shows: actions, and answers to gaps that are found no longer."""
    about_findings = {one.decision.seq for one in found.findings if one.decision is not None}
    actions = [one for one in found.actions if one.decision.seq not in about_findings]
    if not actions and not found.earlier:
        return
    st.markdown("#### What else was done", anchors=False)
    for one in actions:
        expected = f" Expected: {one.expected}." if one.expected is not None else ""
        st.markdown(f"- {plain(one.decision.words() + expected)}")
    for what, decision in found.earlier:
        st.markdown(f"- {plain(f'{what}: no gap is found any more. {decision.words()}')}")


def _finding(one: Finding, place: int) -> None:
    with st.container(border=True, key=f"bias_finding_{place}"):
        st.markdown(f"**{plain(one.sentence[:1].upper() + one.sentence[1:])}.**")
        st.caption(f"{plain(one.said.capitalize())}. {plain(one.evidence)}")
        if one.decision is not None:
            st.markdown(
                f":material/check: {plain(one.decision.words())} {moment_text(one.decision.decided_at)} UTC"
            )
        if session.as_of() is None and session.person().may("bias.answer"):
            _answer(one, place)


def _answer(one: Finding, place: int) -> None:
    with (
        st.popover("Decide" if one.decision is None else "Decide anew"),
        st.form(f"bias_answer_{place}", border=False),
    ):
        action = st.selectbox(
            "What is done",
            list(bias_decisions.ANSWERS),
            format_func=bias_decisions.ANSWERS.__getitem__,
            key=f"bias_action_{place}",
        )
        reason = st.text_input(
            "Why", key=f"bias_reason_{place}", help="It stands in the bias statement of every release."
        )
        if not st.form_submit_button("Record", type="primary"):
            return
    try:
        bias_decisions.decide(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            named=one.named,
            action=action,
            reason=reason,
        )
    except (WorkflowError, StoreError) as error:
        error_state("Nothing was recorded", str(error))
        return
    st.rerun()
