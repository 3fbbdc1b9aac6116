"""Agreement over time, by item attribute and by import, and the items behind every figure."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import address, charts, least_agreed_view, session
from dashboard.chart_parts import Limit
from dashboard.components import empty_state, look, number_text, plain, plot_selection
from dashboard.workflows import agreement_view
from dashboard.workflows.agreement_view import Group
from dashboard.workflows.score_groups import ALPHA_OF, ATTRIBUTE, BATCH, PERCENT_OF, WINDOW

TITLES = {ALPHA_OF: "Krippendorff's alpha", PERCENT_OF: "Percent agreement"}
_CLICKED = "agreement_group_clicked"


def draw(limit: float | None) -> None:
    """Draw what the newest run measured; `limit` is alpha's."""
    found = agreement_view.groups(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if found.is_empty():
        empty_state(
            "There is nothing to compare yet",
            "The next scoring run measures agreement over time, by item attribute and by import, where there are two or more of them.",
            icon="timeline",
        )
        return
    kinds = _kinds(found)
    left, right = st.columns(2)
    with left:
        kind = address.choice("compare", "Compare", list(kinds), default=next(iter(kinds)))
    with right:
        key = address.choice("compared", "Figure", list(TITLES), words=TITLES.__getitem__, default=ALPHA_OF)
    shown = found.filter(kinds[kind] & (pl.col("key") == key))
    _answer(shown, kind)
    clicked = _plot(shown, kind, key, limit if key == ALPHA_OF else None)
    _items(shown, kind, clicked)


def _kinds(found: pl.DataFrame) -> dict[str, pl.Expr]:
    """What can be compared: its name, and which rows it is."""
    kinds: dict[str, pl.Expr] = {}
    for kind, first in found.select("kind", "first").unique(maintain_order=True).iter_rows():
        if kind == ATTRIBUTE:
            kinds[f"Items by {first}"] = (pl.col("kind") == kind) & (pl.col("first") == first)
        elif kind == WINDOW:
            kinds["Over time"] = pl.col("kind") == kind
        elif kind == BATCH:
            kinds["By import"] = pl.col("kind") == kind
    return kinds


def _answer(shown: pl.DataFrame, kind: str) -> None:
    """One sentence: where agreement is least."""
    known = shown.drop_nulls("value").sort("value")
    if known.is_empty():
        st.markdown("**Every group has too few items with two annotations to say.**")
        return
    least, most = known.row(0, named=True), known.row(-1, named=True)
    at = "in the window of" if kind == "Over time" else "for"
    st.markdown(
        f"**Least agreement {at} {plain(least['name'])}: {_said(least)}.** Most: {plain(most['name'])}, {_said(most)}. "
        "Whether two groups differ is not tested here; intervals hold for each group alone."
    )


def _said(row: dict[str, object]) -> str:
    value, low, high = (row[name] for name in ("value", "low", "high"))
    unit = str(row["unit"])
    between = "" if low is None else f" ({_number(low, unit)} to {_number(high, unit)}, {row['n']:,} items)"
    return f"{_number(value, unit)}{between}"


def _number(value: object, unit: str) -> str:
    return number_text(value if isinstance(value, float) else None, unit)


def _plot(shown: pl.DataFrame, kind: str, key: str, limit: float | None) -> str | None:
    """The chart; the name of the group that was clicked."""
    unit, name = str(shown["unit"][0]), TITLES[key]
    line = None if limit is None else Limit(limit)
    columns = ("value", "low", "high", "n", "undefined")
    if kind == "Over time":
        made_of = str(shown["made_of"][0])
        frame = shown.select(*columns, at="name")
        title = (
            "Annotations, in the order in which they came" if made_of == "annotations" else f"By {made_of}"
        )
        figure = charts.trend(frame, look=look(), unit=unit, name=name, limit=line, x_title=title)
        axis = "x"
    else:
        frame = shown.select(*columns, group="name")
        figure = charts.bars(frame, look=look(), unit=unit, name=name, limit=line)
        axis = "y"
    points = plot_selection(figure, key=f"agreement_groups_{kind}_{key}", alt=f"{name}: {kind}")
    return str(points[0][axis]) if points else None


def _items(shown: pl.DataFrame, kind: str, clicked: str | None) -> None:
    names = shown["name"].to_list()
    least = names[int(shown.with_row_index().sort("value", nulls_last=True)["index"][0])]
    if clicked is not None and clicked in names and clicked != st.session_state.get(_CLICKED):
        st.query_params["group"] = clicked
    st.session_state[_CLICKED] = clicked
    chosen = address.choice("group", "The items of (or click the chart)", names, default=least)
    row = shown.row(names.index(chosen), named=True)
    least_agreed_view.draw(
        Group(row["kind"], row["first"], row["second"], row["made_of"]),
        "items-of-a-group.csv",
        key="agreement_group_items",
    )
