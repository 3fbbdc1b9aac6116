"""The figures of one annotator on the screen: cards, plots, and the items behind each; a lead's and the annotator's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

import polars as pl
import streamlit as st

from dashboard import charts, session
from dashboard.chart_clicks import clickable
from dashboard.components import figure_card, go_to, link_to, look, plain, plot, plot_selection, what_is_this
from dashboard.marks import number_text
from dashboard.workflows import annotators_everyday, annotators_view
from dashboard.workflows.annotator_evidence import FAST_Z
from dashboard.workflows.annotator_file import AnnotatorFile, items_behind
from dashboard.workflows.annotator_skill import Behind, Curve, Figure, Rank
from dashboard.workflows.item_csv import items_csv

SHOWN = 500
ALPHA = 0.05
BEHIND: Mapping[str, str] = {
    "differs": "where the others say something else",
    "gold": "where gold says something else",
    "repeats": "labelled more than once",
    "run": "in the longest run of one label",
    "fast": "with a known time, fastest first",
    "all": "all of them, in the order they were made",
}
SHORT: Mapping[str, str] = {"differs": "differ", "gold": "differ", "repeats": "repeats", "fast": "by time"}
NAMES: Mapping[str, str] = {
    "item_id": "Item", "preview": "Text", "given": "Said", "others": "The others", "gold": "Gold",
    "labelled_at": "When", "active_seconds": "Seconds",
}  # fmt: skip
COLUMNS = {
    "Text": st.column_config.TextColumn(width="medium"),
    "When": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
    "Seconds": st.column_config.NumberColumn(format="%.1f"),
}
FILTERS = ("behind", "others", "given", "window")


def cards(seen: AnnotatorFile) -> None:
    """The figures, each with a button to the items behind it."""
    for column, figure in zip(st.columns(len(seen.figures)), seen.figures, strict=True):
        with column:
            _card(figure)
            if figure.behind:
                n = items_behind(seen.evidence, figure.behind).height
                st.button(
                    f"{n:,} {SHORT[figure.behind]}",
                    key=f"behind_{figure.key}",
                    icon=":material/list:",
                    type="tertiary",
                    disabled=n == 0,
                    on_click=_show,
                    args=(figure.behind,),
                    help=f"Shows the annotations {BEHIND[figure.behind]}.",
                )
            else:
                st.caption("Its items are not named.")


def rank_words(rank: Rank) -> str:
    """Where somebody stands, with how far that could be off."""
    if rank.rank is None:
        return f"No rank: {rank.undefined}."
    if rank.best == rank.worst:
        return f"Rank {rank.rank} of {rank.of}, by the intervals too."
    return f"Rank {rank.rank} of {rank.of}; by the intervals anything from {rank.best} to {rank.worst}."


def confusion(seen: AnnotatorFile, *, who: str) -> None:
    """What the others call something, and what the annotator called it; a click shows the items."""
    st.markdown(f"**What the others call it (rows), and what {plain(who)} said (columns)**")
    if seen.cells.is_empty():
        st.caption("Nobody else labelled the same items.")
        return
    cells = annotators_view.confusion_cells(seen.cells)
    figure = charts.heatmap(
        cells, look=look(), unit="share", name="Share of the row", row_title="The others", column_title=who,
        order=seen.labels,
    )  # fmt: skip
    figure.update_traces(showscale=False, selector={"type": "heatmap"})  # the cells say their share
    figure.update_layout(xaxis_title_text="", yaxis_title_text="")
    points = plot_selection(
        clickable(figure),
        key=f"confusion_{seen.annotator_id}",
        alt="Confusion with the consensus of the others; the annotator's own vote is left out",
    )
    if _is_new("confusion", points):
        _show("cell", others=str(points[0]["y"]), given=str(points[0]["x"]))
        st.rerun()
    st.caption(
        "Of the items that the others call so, the share that got each label. Click a cell for its items."
    )


def learning(seen: AnnotatorFile) -> None:
    """The learning curve; a click on a point shows the items of that window."""
    st.markdown("**As time went on**")
    points = _curve(seen.learning, "learning", "Annotations, from the first one on", clicks=True)
    if _is_new("learning", points):
        named = seen.learning.windows.filter(pl.col("at") == str(points[0]["x"]))["window"]
        _show("window", window=str(named.first()))
        st.rerun()
    st.caption(plain(trend_words(seen.learning, "from one window to the next")))


def fatigue(seen: AnnotatorFile) -> None:
    """The course of a session."""
    st.markdown("**Within a session**")
    _curve(seen.fatigue, "fatigue", "Annotations since the session began")
    said = trend_words(seen.fatigue, f"every {seen.fatigue.size} annotations")
    st.caption(plain(f"{said} A pause of 30 minutes begins a new session; all sessions are taken together."))


def trend_words(curve: Curve, step: str) -> str:
    """The trend of a curve in words, with whether chance would do."""
    if curve.undefined or curve.change is None or curve.p_value is None:
        return f"Whether it rises or falls cannot be said: {curve.undefined or 'it was not tested'}."
    points = f"{abs(curve.change) * 100:.1f} points {step}"
    if curve.p_value > ALPHA:
        return f"No trend that chance would not make as well (p = {curve.p_value:.2f})."
    return f"It {'rises' if curve.change > 0 else 'falls'} by {points} (p = {_small(curve.p_value)})."


def habits(seen: AnnotatorFile, pace: pl.DataFrame | None) -> None:
    """Straight-lining and pace, in sentences."""
    with st.container(border=True, gap="small"):
        st.markdown("**One label on and on?**")
        st.markdown(plain(_straight_words(seen)))
        st.button(
            "The longest run",
            key="behind_run",
            icon=":material/list:",
            type="tertiary",
            disabled=seen.straight is None,
            on_click=_show,
            args=("run",),
        )
        st.markdown("**Too fast for the work?**")
        st.markdown(plain(pace_words(pace, seen.annotator_id)))
        st.button(
            "The fastest first",
            key="behind_fast",
            icon=":material/list:",
            type="tertiary",
            on_click=_show,
            args=("fast",),
        )


@st.cache_data(max_entries=16, show_spinner="Comparing everybody's times …")
def paces(run_id: str, project_id: str, person_id: str, _as_of: int | None) -> pl.DataFrame | None:
    """Everybody's pace as a run saw it, kept because it reads every time of the project."""
    return annotators_everyday.paces(
        session.store(), project_id=project_id, by=session.person(), as_of=_as_of
    )


def pace_words(pace: pl.DataFrame | None, annotator_id: str) -> str:
    """One annotator's pace in words."""
    rows = pace.filter(pl.col("annotator_id") == annotator_id) if pace is not None else None
    if rows is None or rows.is_empty():
        return "No times were recorded."
    row = rows.row(0, named=True)
    under = f"{row['share_under_floor']:.1%} of {row['n_timed']:,} took under a second".replace("%", " %")
    ratio = f"{row['ratio']:.2f} times as long as others take for the same labels; {under}."
    if row["z"] is None:
        return f"{ratio} Whether that is unusual cannot be said: {row['undefined']}."
    said = (
        "Unusually fast, which is a reason to look and no more"
        if row["is_fast"]
        else "Unusually slow"
        if row["z"] >= -FAST_Z
        else "Within what is usual"
    )
    return f"{said}: {ratio} (Robust z {row['z']:.1f}; 3.5 in size is unusual.)".replace("-", "−")


def items(seen: AnnotatorFile) -> None:
    """The items behind the figure that the address names, with a click to the item and all of them as CSV."""
    which, rows, title = _chosen(seen)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{plain(title)}**")
        what_is_this("independent")
    if rows.is_empty():
        st.caption("None.")
        return
    may_open = session.person().may("view.items")
    shown = rows.head(SHOWN)
    table = _named(shown)
    height, key = min(360, 40 + 35 * table.height), f"evidence_{seen.annotator_id}_{which}"
    if may_open:
        nth = st.session_state.setdefault("evidence_opened", 0)
        event = st.dataframe(
            table,
            key=f"{key}_{nth}",
            hide_index=True,
            height=height,
            column_config=COLUMNS,
            on_select="rerun",
            selection_mode=["single-row", "single-cell"],
            alt=title,
        )
        place = _row_of(event["selection"])
        if place is not None:
            st.session_state["evidence_opened"] = nth + 1
            # With whom and what they came from: the back button and "All items" lead to the same person again.
            came_from = {name: st.query_params.get(name) for name in FILTERS}
            go_to("items", item=shown["item_id"][place], annotator=seen.annotator_id, **came_from)
    else:
        st.dataframe(table, key=key, hide_index=True, height=height, column_config=COLUMNS, alt=title)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"All {rows.height:,} as CSV",
            lambda: items_csv(rows),
            f"{seen.annotator_id}-{which}.csv",
            "text/csv",
            key="evidence_csv",
            icon=":material/download:",
        )
        link_to("items", label="All their items in Items", annotator=seen.annotator_id)


def _chosen(seen: AnnotatorFile) -> tuple[str, pl.DataFrame, str]:
    """Which annotations the address asks for: its word, the rows, and what they are in words."""
    named = st.query_params.get("behind", "differs")
    others, given = st.query_params.get("others", ""), st.query_params.get("given", "")
    window = st.query_params.get("window", "")
    if named == "cell":
        rows = items_behind(seen.evidence, "cell", others=others, given=given)
        return named, rows, f"{_many(rows)} that the others call {others}, labelled {given}"
    if named == "window" and window.isdigit():
        rows = items_behind(seen.evidence, "window", window=int(window))
        first = int(window) * seen.learning.size + 1
        return named, rows, f"{_many(rows)} from number {first:,} on, first where the others differ"
    known = named in BEHIND and (named != "gold" or "right_on_gold" in seen.evidence.columns)
    which = cast("Behind", named if known else "differs")
    rows = items_behind(seen.evidence, which)
    return which, rows, f"{_many(rows)} {BEHIND[which]}"


def _many(rows: pl.DataFrame) -> str:
    return "1 annotation" if rows.height == 1 else f"{rows.height:,} annotations"


def _card(figure: Figure) -> None:
    one = figure.estimate
    figure_card(
        figure.title, one.value, one.low, one.high, one.n, unit=one.unit, n_unit=one.n_unit, state=figure.state,
        undefined=one.undefined, help=figure.meaning,
    )  # fmt: skip


def _curve(curve: Curve, key: str, x_title: str, *, clicks: bool = False) -> list[dict[str, object]]:
    if curve.windows.is_empty():
        st.caption("There is no curve yet.")
        return []
    figure = charts.trend(curve.windows, look=look(), unit="share", name="With the others", x_title=x_title)
    figure.update_xaxes(type="category")
    said = f"Agreement with the others in windows of {curve.size} annotations"
    if clicks:
        return plot_selection(figure, key=f"curve_{key}", alt=said)
    plot(figure, key=f"curve_{key}", alt=said)
    return []


def _straight_words(seen: AnnotatorFile) -> str:
    one = seen.straight
    if one is None:
        return "Nothing was labelled yet."
    said = (
        f"The longest run is {one.longest_run} times {one.run_label}. {one.modal_label} is {number_text(one.modal_share)} "
        f"of {one.n:,} annotations; all who labelled the same items gave it {number_text(one.expected_share)} of the time."
    )
    if one.p_value is None:
        return f"{said} Whether that is unusual cannot be said: {one.undefined}."
    if one.p_value > ALPHA:
        return f"{said} Chance would do that too."
    return f"{said} Chance alone would hardly do that (p = {_small(one.p_value)}): look at them in order."


def _small(p_value: float) -> str:
    return "under 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _show(behind: str, **more: str) -> None:
    kept = {name: value for name, value in st.query_params.to_dict().items() if name not in FILTERS}
    st.query_params.from_dict({**kept, "behind": behind, **more})  # at once: one step for the back button


def _is_new(name: str, points: list[dict[str, object]]) -> bool:
    """Whether a click is one that was not followed yet: a plot keeps its selection while other things change."""
    place = [(str(point["x"]), str(point["y"])) for point in points]
    known = st.session_state.get(f"clicked_{name}")
    st.session_state[f"clicked_{name}"] = place
    return bool(place) and place != known


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns that a person reads, in their words; one without any value is left out."""
    known = [name for name in NAMES if name in rows.columns and rows[name].null_count() < rows.height]
    texts = [name for name in known if rows.schema[name] == pl.Utf8]
    return rows.select(known).with_columns(pl.col(texts).fill_null("")).rename({n: NAMES[n] for n in known})


def _row_of(selection: Mapping[Literal["rows", "cells"], list[object]]) -> int | None:
    rows, cells = selection["rows"], selection["cells"]
    if rows:
        return cast("int", rows[0])
    return cast("tuple[int, str]", cells[0])[0] if cells else None
