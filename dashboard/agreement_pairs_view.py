"""The matrix of annotator pairs: a figure chosen, a click to the items of two, all pairs to take along."""

from __future__ import annotations

import streamlit as st

from dashboard import address, charts, session
from dashboard.chart_clicks import clickable
from dashboard.components import (
    empty_state,
    item_table,
    look,
    number_text,
    plain,
    plot_selection,
    what_is_this,
)
from dashboard.workflows import agreement_pairs
from dashboard.workflows.agreement_pairs import PairFigure, Pairs
from dashboard.workflows.item_csv import items_csv

FIGURE, PAIR = "figure", "pair"


def draw(run_id: str) -> None:
    """Draw what the newest run, `run_id`, measured of every pair."""
    seen = _measured(run_id, session.project_id(), session.person().person_id, session.as_of())
    if seen is None or seen.table.is_empty():
        empty_state(
            "No two annotators share an item", "Pairs are compared on items that both labelled.", icon="group"
        )
        return
    figure = _chosen_figure(seen)
    _matrix(seen, figure)
    first, second = _chosen_pair(seen)
    if first != second:
        _items(seen, first, second)


@st.cache_data(max_entries=8, show_spinner="Reading every pair …")
def _measured(run_id: str, project_id: str, person_id: str, _as_of: int | None) -> Pairs | None:
    """Every pair of a run, kept because a crowd has many and each click draws them again."""
    return agreement_pairs.pairs(session.store(), project_id=project_id, by=session.person(), as_of=_as_of)


def _chosen_figure(seen: Pairs) -> PairFigure:
    """The figure that the address names, its choice, and all pairs as CSV."""
    by_key = {figure.key: figure for figure in seen.figures}
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width=280):
            key = address.choice(
                FIGURE,
                "Figure of each pair",
                list(by_key),
                words=lambda one: by_key[one].title,
                default=seen.figures[0].key,
            )
        with st.container(horizontal=True, width="content", vertical_alignment="bottom"):
            st.download_button(
                f"All {seen.table.height:,} pairs as CSV",
                lambda: items_csv(seen.table),
                "pairs-of-annotators.csv",
                "text/csv",
                key="pairs_csv",
                icon=":material/download:",
                help="Every pair with all its figures, their intervals and how many items they share.",
            )
            what_is_this("independent")
    return by_key[key]


def _matrix(seen: Pairs, figure: PairFigure) -> None:
    shown, n_people = seen.shown, len(seen.people)
    more = f" of the {len(shown)} (of {n_people:,}) with most shared items" if n_people > len(shown) else ""
    st.markdown(f"#### {figure.title} of each pair{more}", anchors=False)
    st.caption(f"{figure.meaning} Point at a cell for its interval and n; click it for the items behind it.")
    drawn = charts.heatmap(
        seen.cells(figure),
        look=look(),
        unit=figure.unit,
        name=figure.title,
        row_title="Annotator",
        column_title="Annotator",
        order=shown,
    )
    drawn.update_layout(xaxis_title_text="", yaxis_title_text="")
    points = plot_selection(
        clickable(drawn),
        key=f"agreement_pairs_{figure.key}",
        alt=f"{figure.title} of every pair of annotators",
    )
    place = [(str(point["y"]), str(point["x"])) for point in points]
    if place and place != st.session_state.get(
        "clicked_pair"
    ):  # a plot keeps its selection: follow a click once
        st.query_params[PAIR] = "|".join(place[0])
    st.session_state["clicked_pair"] = place


def _chosen_pair(seen: Pairs) -> tuple[str, str]:
    """The two that the address names, else the first two of the matrix; any two can be chosen."""
    people = sorted(seen.people)
    chosen = st.query_params.get(PAIR, "")
    splits = [(chosen[:place], chosen[place + 1 :]) for place, sign in enumerate(chosen) if sign == "|"]
    known = [names for names in splits if set(names) <= set(people)]
    first, second = known[0] if known else (seen.shown[0], seen.shown[min(1, len(seen.shown) - 1)])
    left, right = st.columns(2)
    one = left.selectbox("Annotator", people, index=people.index(first), key=f"pair_a_{chosen}")
    two = right.selectbox("and annotator", people, index=people.index(second), key=f"pair_b_{chosen}")
    return one, two


def _items(seen: Pairs, first: str, second: str) -> None:
    items = agreement_pairs.pair_items(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        annotator_a=first,
        annotator_b=second,
        repeats=seen.repeats,
        as_of=session.as_of(),
    )
    if items.is_empty():
        st.caption(plain(f"{first} and {second} share no item."))
        return
    differ = int(items["differs"].sum())
    st.markdown(
        f"**{plain(first)} and {plain(second)} differ on {differ} of {items.height} shared items**"
        f"{plain(_said(seen, first, second))}"
    )
    named = {"label_a": first, "label_b": second}
    if {first, second} & set(items.columns):  # somebody is called like a column
        named = {"label_a": f"label of {first}", "label_b": f"label of {second}"}
    item_table(items.rename(named).drop("differs"), f"pair-{first}-{second}.csv", key="pair_items")


def _said(seen: Pairs, first: str, second: str) -> str:
    """The pair's figures in words."""
    row = seen.of(first, second)
    if row is None:
        return " (too few for a figure of their own)"
    said = [f"{figure.title} {_figure_text(row, figure)}" for figure in seen.figures]
    return f" ({'; '.join(said)})"


def _figure_text(row: dict[str, object], figure: PairFigure) -> str:
    value, low, high = (row[f"{figure.column}{end}"] for end in ("", "_low", "_high"))
    if not isinstance(value, float):
        return f"– as {row[f'{figure.column}_undefined']}"
    if not isinstance(low, float) or not isinstance(high, float):
        return number_text(value, figure.unit)
    return f"{number_text(value, figure.unit)}, {number_text(low, figure.unit)} to {number_text(high, figure.unit)}"
