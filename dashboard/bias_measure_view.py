"""Comparing groups from the page: which attributes, what for, and one button."""

from __future__ import annotations

import streamlit as st

from dashboard import session
from dashboard.components import error_state
from dashboard.workflows import annotator_attributes, bias
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import KeyMissing, StoreError


def draw() -> None:
    """The form, for those who may measure, while the page shows the present."""
    person = session.person()
    if session.as_of() is not None or not person.may("bias.measure"):
        return
    with st.container(border=True, key="bias_measure"):
        st.markdown("**Compare groups**")
        items = [f"item:{name}" for name in bias.item_attribute_names(session.store(), session.project_id())]
        people = _of_annotators()
        chosen = st.multiselect(
            "Whose groups",
            [*items, *people],
            default=items[: bias.MOST_ATTRIBUTES],
            format_func=_words,
            key="bias_attributes",
            help="Attributes of items, and of annotators for those who may read them. Of both: every pair is crossed too.",
        )
        needs = any(name.startswith("annotator:") for name in chosen)
        purpose = ""
        if needs:
            purpose = st.text_input(
                "What are the annotators' attributes needed for?",
                key="bias_purpose",
                help="Goes to the audit trail, with your name and which attributes were read.",
            )
        elif not person.may("attributes.read"):
            st.caption("Groups of annotators are compared by compliance reviewers and administrators.")
        generalise = st.toggle(
            "For other items and other people too",
            key="bias_generalise",
            help="Draws both items and annotators anew: wider intervals, which cover more than they say.",
        )
        ready = bool(chosen) and (bool(purpose.strip()) or not needs)
        if st.button("Compare", type="primary", disabled=not ready, key="bias_compare"):
            _compare(tuple(chosen), purpose, generalise=generalise)


def _of_annotators() -> list[str]:
    try:
        names = annotator_attributes.attribute_names(session.store(), by=session.person())
    except KeyMissing as error:
        st.caption(f"Annotators' attributes cannot be read here: {error}")
        return []
    return [f"annotator:{name}" for name in names]


def _words(name: str) -> str:
    kind, _, rest = name.partition(":")
    return f"{rest} ({'items' if kind == 'item' else 'annotators'})"


def _compare(attributes: tuple[str, ...], purpose: str, *, generalise: bool) -> None:
    bar = st.progress(0.0, "Reading the annotations")

    def tell(share: float, words: str) -> None:
        bar.progress(min(share, 1.0), words)

    try:
        bias.bias(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            options=bias.BiasOptions(by=attributes, purpose=purpose, generalise=generalise),
            progress=tell,
        )
    except (WorkflowError, StoreError) as error:
        error_state("Nothing was compared", str(error))
        return
    st.rerun()
