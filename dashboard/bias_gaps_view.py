"""Gaps between groups: the figure with crude and adjusted gaps, the table, and what stands behind one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from dashboard import address, bias_behind_view, bias_charts, session
from dashboard.components import empty_state, look, plain, plot_selection
from dashboard.workflows import bias_behind, bias_rows, bias_view
from dashboard.workflows.bias_view import BiasView

SIDES = {"annotator": "Groups of annotators", "item": "Groups of items", "crossed": "Annotators on items"}
WHOSE = {
    "annotator": "Do some people label otherwise than others, on the same items?",
    "item": "Are some items labelled otherwise than others, by the same people?",
    "crossed": "Do some people label items about somebody otherwise, beyond how they differ elsewhere?",
}
ALL = "all"
MANY_LABELS = 2  # with "every label": of more, they can be chosen
MOST_DRAWN = 24
TABLE_HEIGHT, HEAD, ROW = 320, 38, 35  # pixels
_CLICKED = "bias_clicked"


def draw() -> None:
    """Draw the newest comparison; which part of it stands in the address."""
    seen = bias_view.bias_view(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if seen is None:
        return
    sides = [side for side in SIDES if (seen.gaps["side"] == side).any()]
    if not sides:
        empty_state(
            "No two groups are large enough to compare",
            "Groups of fewer than 5 people or 10 items are not shown, nor those that would give them away.",
            icon="group_off",
        )
        return
    shown, side = _filtered(seen, sides)
    st.markdown(f"**{WHOSE[side]}**")
    _suppressed(seen, side)
    if shown.is_empty():
        st.caption("No gap is like that. Choose another figure, attribute or answer.")
        return
    shown = bias_view.most_telling(shown)
    _plot(shown, side)
    _table(shown, side)
    bias_behind_view.draw(seen)


def _filtered(seen: BiasView, sides: list[str]) -> tuple[pl.DataFrame, str]:
    labels = [ALL, *seen.gaps.filter(pl.col("label") != "")["label"].unique().sort()]
    columns = st.columns(5 if len(labels) > MANY_LABELS else 4)
    with columns[0]:
        side = address.choice("side", "Whose", sides, words=SIDES.__getitem__, default=sides[0])
    own = seen.gaps.filter(side=side)
    attributes = [ALL, *own["attribute"].unique().sort()]
    with columns[1]:
        attribute = address.choice("by", "Attribute", attributes, words=_all("Every attribute"), default=ALL)
    measures = [ALL, *(key for key in bias_view.MEASURES if (own["measure"] == key).any())]
    with columns[2]:
        measure = address.choice("figure", "Figure", measures, words=_measure_words, default=ALL)
    with columns[3]:
        answers = [ALL, *bias_view.VERDICTS]
        said = address.choice("answer", "What was found", answers, words=_answer_words, default=ALL)
    label = ALL
    if len(columns) > 4:
        with columns[4]:
            label = address.choice("label", "Label", labels, words=_all("Every label"), default=ALL)
    for column, chosen in (
        ("attribute", attribute),
        ("measure", measure),
        ("verdict", said),
        ("label", label),
    ):
        own = own if chosen == ALL else own.filter(pl.col(column) == chosen)
    return own, side


def _all(words: str) -> Any:
    return lambda key: words if key == ALL else plain(key)


def _measure_words(key: str) -> str:
    return "Every figure" if key == ALL else bias_view.MEASURES[key]


def _answer_words(key: str) -> str:
    return "Everything" if key == ALL else bias_view.ANSWERS[key]


def _suppressed(seen: BiasView, side: str) -> None:
    """How many groups are not shown, never which."""
    told = [
        f"{row['attribute']}: {row['n']} {'group is' if row['n'] == 1 else 'groups are'} not shown"
        for row in seen.hidden.iter_rows(named=True)
        if side != "crossed" and (seen.gaps.filter(side=side)["attribute"] == row["attribute"]).any()
    ]
    if told:
        st.caption(f"{plain('; '.join(told))}: too small, or they would give a small one away.")


def _plot(shown: pl.DataFrame, side: str) -> None:
    rows = [
        _drawn(row) for row in shown.head(MOST_DRAWN).iter_rows(named=True) if row["difference"] is not None
    ]
    if not rows:
        return
    held = f"With the {bias_view.HELD[side]} held fixed"
    adjusted = "Beyond all other items, held fixed" if side == "crossed" else held
    figure = bias_charts.forest(pl.DataFrame(rows, schema=_DRAWN), look=look(), adjusted=adjusted)
    points = plot_selection(
        figure,
        key=f"bias_forest_{side}",
        alt=f"{len(rows)} gaps with their intervals, as counted, and: {adjusted}",
    )
    place = [_key_of(point) for point in points]
    if place and place != st.session_state.get(_CLICKED):  # a plot keeps its selection: follow a click once
        st.query_params[bias_behind_view.GAP] = place[0]
    st.session_state[_CLICKED] = place
    if shown.height > MOST_DRAWN:
        st.caption(f"The {MOST_DRAWN} most telling of {shown.height:,} gaps are drawn; the table has all.")


_DRAWN = {
    "name": pl.Utf8, "key": pl.Utf8, "crude": pl.Float64, "crude_low": pl.Float64, "crude_high": pl.Float64,
    "adjusted": pl.Float64, "adjusted_low": pl.Float64, "adjusted_high": pl.Float64, "stays": pl.Boolean,
}  # fmt: skip


def _drawn(row: Mapping[str, Any]) -> dict[str, object]:
    own = "beyond" if row["side"] == "crossed" else "adjusted"
    return {
        "name": bias_view.what(row), "key": bias_rows.gap_id(row), "crude": row["difference"], "crude_low": row["diff_low"],
        "crude_high": row["diff_high"], "adjusted": row[own], "adjusted_low": row[f"{own}_low"],
        "adjusted_high": row[f"{own}_high"], "stays": row["verdict"] == "gap",
    }  # fmt: skip


def _key_of(point: Mapping[str, object]) -> str:
    data = point.get("customdata")
    return str(data[0]) if isinstance(data, list) and data else ""


def _table(shown: pl.DataFrame, side: str) -> None:
    rows = [bias_view.told_row(row) for row in shown.iter_rows(named=True)]
    titles = bias_view.table_titles(side)
    table = pl.DataFrame(rows, schema=dict.fromkeys(titles, pl.Utf8)).rename(titles)
    event = st.dataframe(
        table,
        hide_index=True,
        key=f"bias_table_{side}",
        on_select="rerun",
        selection_mode="single-row",
        height=min(TABLE_HEIGHT, HEAD + ROW * table.height),
    )
    chosen = event["selection"]["rows"]
    key = f"bias_row_{side}"
    if chosen and chosen != st.session_state.get(key):
        st.query_params[bias_behind_view.GAP] = bias_rows.gap_id(shown.row(chosen[0], named=True))
    st.session_state[key] = chosen
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Table as CSV",
            lambda: bias_behind.gaps_csv(shown),
            "gaps.csv",
            "text/csv",
            key=f"bias_csv_{side}",
        )
        st.caption(
            "Intervals here hold for each gap by itself; the first line's is corrected for having been picked out."
        )
