"""Annotators: who needs help, and with what?"""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import charts, session
from dashboard.components import (
    empty_state,
    error_state,
    link_to,
    look,
    number_text,
    plain,
    plot,
    verdict,
    what_is_this,
)
from dashboard.workflows import annotators, annotators_view
from dashboard.workflows.opening import KeyMissing


def render() -> None:
    """Draw the page."""
    seen = annotators_view.annotators_view(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if seen is None:
        empty_state(
            "Nothing was scored yet",
            "How well annotators do is computed by a scoring run. The overview starts one.",
            page="overview",
            link="Go to the overview",
            icon="group",
        )
        return
    verdict(seen.state, seen.sentence, detail=seen.detail)
    _everybody(seen)
    people = seen.table["annotator_id"].to_list()
    named = st.query_params.get("annotator", seen.first)
    chosen = st.selectbox(
        "Annotator", people, index=people.index(named) if named in people else 0, key=f"annotator_{named}"
    )
    _one(seen, chosen)
    if session.person().may("attributes.read"):
        _attributes()


def _everybody(seen: annotators_view.AnnotatorsView) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("#### Agreement with the consensus of the others", anchors=False)
        figure = charts.bars(seen.bars, look=look(), unit="share", name="Agreement", zero=False)
        plot(
            figure,
            key="annotators_bars",
            alt="Each annotator's agreement with the consensus of the others, with its interval",
        )
    with right:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown("#### Everybody", anchors=False)
            what_is_this("gold")
        share = st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)
        st.dataframe(
            seen.table.select(
                "annotator_id",
                "n",
                pl.col("agreement", "accuracy_on_gold") * 100,
                "n_gold",
                "median_seconds",
                "last_at",
            ),
            hide_index=True,
            height=min(480, 40 + 35 * seen.table.height),
            column_config={
                "annotator_id": "Annotator",
                "n": st.column_config.NumberColumn("Annotations", format="localized"),
                "agreement": share | {"label": "With the others"},
                "accuracy_on_gold": share | {"label": "On gold"},
                "n_gold": st.column_config.NumberColumn("Gold items"),
                "median_seconds": st.column_config.NumberColumn("Median seconds", format="%.1f"),
                "last_at": st.column_config.DatetimeColumn("Last seen", format="D MMM, HH:mm"),
            },
        )


def _one(seen: annotators_view.AnnotatorsView, annotator_id: str) -> None:
    row = seen.table.filter(pl.col("annotator_id") == annotator_id).row(0, named=True)
    st.markdown(
        f"#### {plain(annotator_id)}: {number_text(row['agreement'])} with the others "
        f"({number_text(row['low'])} to {number_text(row['high'])}, {row['n_compared'] or 0:,} items), "
        f"{number_text(row['accuracy_on_gold'])} on {row['n_gold'] or 0:,} gold items",
        anchors=False,
    )
    confusion = annotators.confusion(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        annotator_id=annotator_id,
        as_of=session.as_of(),
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**What the others call it, and what this annotator called it**")
        if confusion.cells.is_empty():
            st.caption("Nobody else labelled the same items.")
        else:
            cells = annotators_view.confusion_cells(confusion.cells)
            figure = charts.heatmap(
                cells, look=look(), unit="share", name="Share of the row", row_title="The others",
                column_title="This annotator", order=seen.labels,
            )  # fmt: skip
            plot(
                figure,
                key=f"confusion_{annotator_id}",
                alt=f"Confusion of {annotator_id} with the consensus of the others",
            )
    with right:
        label = st.selectbox(
            "Items that this annotator called",
            ["", *seen.labels],
            format_func=lambda name: name or "anything",
        )
        items = annotators.annotator_items(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            annotator_id=annotator_id,
            label_given=label,
            as_of=session.as_of(),
        )
        differ = int((items["given"] != items["today"]).sum() or 0)
        st.markdown(f"**{differ:,} of {items.height:,} differ from today's label**")
        event = st.dataframe(
            items.head(200),
            hide_index=True,
            height=300,
            key="annotator_items",
            on_select="rerun",
            selection_mode="single-row",
        )
        rows = event["selection"]["rows"]
        if rows:
            item_id = str(items["item_id"][rows[0]])
            link_to("items", label=f"Open {item_id}", item=item_id)


def _attributes() -> None:
    with st.expander("Personal attributes (each reading is written to the audit trail)"):
        purpose = st.text_input("What do you need them for?", key="attributes_purpose")
        if st.button("Read them", disabled=not purpose.strip(), key="attributes_read"):
            try:
                rows = annotators.attributes(
                    session.store(),
                    project_id=session.project_id(),
                    by=session.person(),
                    purpose=purpose.strip(),
                )
            except KeyMissing as error:
                error_state("They cannot be read here", str(error))
                return
            st.dataframe(rows.pivot("attribute", index="annotator_id", values="value"), hide_index=True)
