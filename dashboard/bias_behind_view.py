"""What stands behind one gap: its items, and for those who may read attributes the annotators, each look on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from dashboard import session
from dashboard.components import error_state, item_table, number_text, plain
from dashboard.workflows import bias_behind, bias_view
from dashboard.workflows.bias_view import BiasView
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import StoreError

GAP = "gap"
TITLES = {
    "item_id": "Item", "share": "Share", "n": "Annotations", "share_group": "In the group", "n_group": "of annotations",
    "share_others": "Others", "n_others": "of others' annotations", "annotator_id": "Annotator", "group": "Group",
}  # fmt: skip


def draw(seen: BiasView) -> None:
    """The gap that the address names, if any."""
    named = st.query_params.get(GAP, "")
    if not named:
        st.caption("Choose a row, or click a mark, to see what stands behind it.")
        return
    row = bias_behind.find_gap(seen, named)
    if row is None:
        error_state(
            "There is no such gap",
            "The newest comparison has none of that name. Groups too small to be shown have no figures.",
        )
        return
    with st.container(border=True, key="bias_behind"):
        _words(row)
        _behind(named, row)


def _words(row: Mapping[str, Any]) -> None:
    said = bias_view.sentence(row) if row["difference"] is not None else bias_view.what(row)
    st.markdown(f"#### {plain(said[:1].upper() + said[1:])}", anchors=False)
    st.markdown(f"**{plain(bias_view.verdict_words(row).capitalize())}.** {plain(bias_view.evidence(row))}")


def _behind(named: str, row: Mapping[str, Any]) -> None:
    person, purpose = session.person(), ""
    if row["side"] != "item":
        if not person.may("attributes.read"):
            st.caption(
                "Who is in a group is for compliance reviewers and administrators; so are the items, which would tell."
            )
            return
        purpose = st.text_input(
            "What do you need the people and items behind it for? (goes to the audit trail)",
            key="bias_behind_purpose",
        )
        if not st.button("Show them", disabled=not purpose.strip(), key="bias_behind_show"):
            return
    try:
        found = bias_behind.behind(
            session.store(),
            project_id=session.project_id(),
            by=person,
            named=named,
            purpose=purpose,
            as_of=session.as_of(),
        )
    except (WorkflowError, StoreError) as error:
        error_state("They cannot be shown", str(error))
        return
    st.markdown("**Items**, those that weigh most first")
    item_table(_rounded(found.items), "items-behind-a-gap.csv", key="bias_items", titles=TITLES)
    if found.annotators is not None:
        st.markdown("**Annotators**")
        st.dataframe(_rounded(found.annotators).rename(TITLES, strict=False), hide_index=True, height=260)


def _rounded(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(name).map_elements(number_text, return_dtype=pl.Utf8, skip_nulls=True)
        for name, kind in frame.schema.items()
        if kind == pl.Float64
    )
