"""Reviewers on the screen: who accepts more than others do of the same work, whose own labels passed, and the rows behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

import polars as pl
import streamlit as st

from dashboard import address, charts, session
from dashboard.components import empty_state, figure_card, go_to, look, plain, plot, verdict, what_is_this
from dashboard.workflows import reviewers as reviewing
from dashboard.workflows.reviewers import Reviewers

SHOWN = 500
EVERYBODY = "everybody"
Which = Literal["all", "accepted", "refused", "own", "signed"]
WHICH: Mapping[str, str] = {
    "all": "All labels that were judged",
    "accepted": "Labels of others that were accepted",
    "refused": "Labels of others that were not accepted",
    "own": "The reviewer's own labels",
    "signed": "Own labels in signed releases",
}
NAMES: Mapping[str, str] = {
    "item_id": "Item", "reviewer_id": "Reviewer", "stage": "In", "annotator_id": "Annotator", "said": "Said",
    "decided": "Decided", "accepted": "Accepted", "release_version": "Release", "label": "Released label",
    "as_what": "Was their own as", "at": "When", "note": "Reason",
}  # fmt: skip
COLUMNS = {"When": st.column_config.DatetimeColumn(format="D MMM, HH:mm")}
FILTERS = ("reviewer", "reviews")


def draw() -> None:
    """All reviewers: the answer, the table, and the labels behind a figure."""
    seen = reviewing.reviewers(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if seen is None:
        empty_state(
            "Nobody has reviewed anything yet",
            "Answers to flags after the reveal, second looks, adjudications and signatures under releases are reviews. "
            "They appear here with the first of them.",
            page="relabel",
            link="Go to Relabel",
            icon="rate_review",
        )
        return
    verdict(seen.state, seen.sentence, detail=seen.detail)
    left, right = st.columns([1, 2], gap="large")
    with left:
        st.markdown("#### Leniency", anchors=False)
        bars = seen.table.select(
            "n", "undefined", group="reviewer_id", value="leniency", low="leniency_low", high="leniency_high",
            state=pl.when(pl.col("p_adjusted") < reviewing.LEVEL).then(pl.lit("watch")).otherwise(pl.lit("fit")),
        ).sort("value", "group", nulls_last=True)  # fmt: skip
        if bars["value"].null_count() == bars.height:
            st.caption(plain(_too_few(seen)))
        else:
            figure = charts.bars(
                bars, look=look(), unit="share", name="Accepts more (+) or less (−) than others", zero=False
            )
            plot(figure, key="reviewers_bars", alt="Leniency of each reviewer, with its interval")
        st.caption(
            "Acceptance above or below that of the other reviewers of the same annotators, in the same kind of review. "
            "Who gets the hard items looks strict: a reason to look."
        )
    with right:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown("#### Reviewers", anchors=False)
            what_is_this("review")
        _table(seen.table)
    _behind(seen, seen.table["reviewer_id"].to_list())


def of_person(person_id: str, *, heading: str) -> None:
    """What one person reviewed; nothing is drawn where they reviewed nothing."""
    seen = reviewing.reviewers(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        as_of=session.as_of(),
        only=person_id,
    )
    if seen is None:
        return
    st.markdown(f"#### {plain(heading)}", anchors=False)
    row = seen.table.row(0, named=True)
    acceptance, leniency, own = st.columns(3)
    with acceptance:
        figure_card(
            "Accepts", row["acceptance"], row["low"], row["high"], row["n"], n_unit="labels of others",
            undefined="nobody else's label was reviewed",
            help="How often a label that they judged in a review is the one that they decided.",
        )  # fmt: skip
    with leniency:
        lenient = row["p_adjusted"] is not None and row["p_adjusted"] < reviewing.LEVEL
        figure_card(
            "Leniency", row["leniency"], row["leniency_low"], row["leniency_high"], row["n_compared"],
            unit="coefficient", n_unit="labels that others can be compared on", undefined=row["undefined"],
            state=None if row["leniency"] is None else "watch" if lenient else "fit",
            help="Acceptance above (+) or below (−) that of other reviewers of the same annotators. 0 is like the others.",
        )  # fmt: skip
    with own:
        figure_card(
            "Accepts own labels", row["own_share"], row["own_low"], row["own_high"], row["n_own"],
            n_unit="own labels", undefined="no label of their own was reviewed by them",
            state="watch" if row["n_own_accepted"] else None,
            help="How often they decided for the label that they had given themselves.",
        )  # fmt: skip
    _behind(seen, [])


def _too_few(seen: Reviewers) -> str:
    reasons = seen.table["undefined"].drop_nulls()
    return (
        f"It cannot be said of anybody: {reasons[0]}." if reasons.len() else "It cannot be said of anybody."
    )


def _table(table: pl.DataFrame) -> None:
    share = st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)
    points = st.column_config.NumberColumn(format="%+.0f")
    st.dataframe(
        table.select(
            "reviewer_id",
            "n",
            "n_items",
            pl.col("acceptance", "expected", "leniency") * 100,
            "n_own",
            "n_own_accepted",
            pl.col("share_by_others") * 100,
            "n_signed",
        ),
        hide_index=True,
        height=min(420, 40 + 35 * table.height),
        key="reviewers_table",
        column_config={
            "reviewer_id": "Reviewer",
            "n": st.column_config.NumberColumn("Labels judged", format="localized"),
            "n_items": st.column_config.NumberColumn("Items", format="localized"),
            "acceptance": share | {"label": "Accepts"},
            "expected": share | {"label": "Others would"},
            "leniency": points | {"label": "Leniency, points"},
            "n_own": st.column_config.NumberColumn("Own labels judged"),
            "n_own_accepted": st.column_config.NumberColumn("of these accepted"),
            "share_by_others": share | {"label": "Others accept theirs"},
            "n_signed": st.column_config.NumberColumn("Own labels signed", format="localized"),
        },
        alt="Every reviewer, one row each",
    )


def _behind(seen: Reviewers, people: list[str]) -> None:
    """The labels behind a figure: which, of whom, a click to the item, and all of them as CSV."""
    left, right = st.columns(2)
    with left:
        named = address.choice("reviews", "Show", tuple(WHICH), words=lambda key: WHICH[key], default="all")
    with right:
        who = (
            address.choice("reviewer", "Reviewer", (EVERYBODY, *people), default=EVERYBODY)
            if people
            else EVERYBODY
        )
    which, only = cast("Which", named), None if who == EVERYBODY else who
    if which == "signed":
        rows = seen.signed if only is None else seen.signed.filter(pl.col("reviewer_id") == only)
    else:
        rows = reviewing.behind(seen, which, only)
    if rows.is_empty():
        st.caption("None.")
        return
    _rows(rows, f"reviews_{which}")
    st.download_button(
        f"All {rows.height:,} as CSV",
        lambda: reviewing.reviews_csv(rows),
        f"reviews-{which}.csv",
        "text/csv",
        key="reviews_csv",
        icon=":material/download:",
    )


def _rows(rows: pl.DataFrame, key: str) -> None:
    shown = rows.head(SHOWN)
    known = [name for name in NAMES if name in shown.columns and shown[name].null_count() < shown.height]
    table = shown.select(known).rename({name: NAMES[name] for name in known})
    height = min(360, 40 + 35 * table.height)
    if not session.person().may("view.items"):
        st.dataframe(table, key=key, hide_index=True, height=height, column_config=COLUMNS, alt="Reviews")
        return
    nth = st.session_state.setdefault("reviews_opened", 0)
    event = st.dataframe(
        table, key=f"{key}_{nth}", hide_index=True, height=height, column_config=COLUMNS, on_select="rerun",
        selection_mode=["single-row", "single-cell"], alt="Reviews, a click opens the item",
    )  # fmt: skip
    chosen, cells = event["selection"]["rows"], event["selection"]["cells"]
    if chosen or cells:
        st.session_state["reviews_opened"] = nth + 1
        place = chosen[0] if chosen else cells[0][0]
        go_to("items", item=shown["item_id"][place])
