"""Figures: a polars frame in, a plotly figure out. Pure: nothing here knows store, session or screen.

Every function takes `look`, the colours of the viewer's theme (`palette.LIGHT` or `DARK`). An interval is
a band or a whisker, a limit a dashed line, and a figure that is undefined a gap whose reason is read by
hovering. `unit` is "share" (drawn in per cent), "coefficient", or a unit of its own, which the axis names.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from dashboard.chart_parts import (
    Limit,
    axis_name,
    blank,
    draw_limit,
    escape,
    faint,
    fit_values,
    hover_text,
    hover_texts,
    name_categories,
    name_values,
    number,
    whiskers,
)
from dashboard.palette import Look
from dashboard.workflows.wording import sureness

__all__ = ["Limit", "bars", "heatmap", "number", "posterior", "trend"]

BAR_HEIGHT, MARGINS = 30, 72
CELLS_WITH_TEXT = 14


def trend(
    frame: pl.DataFrame, *, look: Look, unit: str, name: str, limit: Limit | None = None, x_title: str = ""
) -> go.Figure:
    """The course of one figure, with its interval as a band.

    Args:
        frame: `at` (a moment, or any ordered name), `value, low, high` (null where undefined), `n` and
            `undefined` (why); one row a point, oldest first.
        look: the theme's colours.
        unit: of value, low and high.
        name: of the figure, for the axis.
        limit: drawn and named.
        x_title: what `at` is; moments need none.
    """
    figure = blank(look, height=300)
    for part in _stretches(frame):
        if part.height > 1 and part["low"].null_count() == 0:
            _band(figure, part, look)
        figure.add_scatter(
            x=part["at"].to_list(),
            y=part["value"].to_list(),
            mode="lines+markers",
            line={"color": look.accent, "width": 2},
            marker={"size": 7},
            error_y=whiskers(part, look) if part.height == 1 else None,
            customdata=hover_texts(part, unit),
            hovertemplate="%{x}<br>%{customdata}<extra></extra>",
        )
    name_values(figure, "y", unit=unit, name=name)
    fit_values(figure, "y", frame, limit)
    _gaps(figure, frame.filter(pl.col("value").is_null()), look, unit)
    if limit is not None:
        draw_limit(figure, "y", limit, look=look, unit=unit)
    figure.update_xaxes(title_text=x_title, showgrid=False)
    return figure


def bars(
    frame: pl.DataFrame, *, look: Look, unit: str, name: str, limit: Limit | None = None, zero: bool = True
) -> go.Figure:
    """One bar a row with its interval as a whisker, in the frame's order from the top.

    Args:
        frame: `group` (unique text), `value, low, high, n, undefined`; an optional `state` (fit, watch, not
            fit) colours a bar, or an optional `label_code` gives it the label's hue.
        look: the theme's colours.
        unit: of value, low and high.
        name: of the figure, for the axis.
        limit: drawn and named.
        zero: bars from 0; without it dots on the data's own range, so that small differences show.
    """
    figure = blank(look, height=frame.height * BAR_HEIGHT + MARGINS)
    known = frame.filter(pl.col("value").is_not_null())
    groups, texts = known["group"].to_list(), hover_texts(known, unit)
    marks = {
        "x": known["value"].to_list(),
        "y": groups,
        "error_x": whiskers(known, look) if known["low"].count() else None,
        "customdata": [[group, escape(group), text] for group, text in zip(groups, texts, strict=True)],
        "hovertemplate": "<b>%{customdata[1]}</b><br>%{customdata[2]}<extra></extra>",
    }
    colours = _colours(known, look)
    if zero:
        figure.add_bar(orientation="h", width=0.62, marker={"color": colours, "cornerradius": 3}, **marks)
    else:
        figure.add_scatter(mode="markers", marker={"color": colours, "size": 10}, **marks)
    for row in frame.filter(pl.col("value").is_null()).iter_rows(named=True):
        figure.add_annotation(
            x=0,
            xref="paper",
            xanchor="left",
            y=row["group"],
            text=f"- {escape(row['undefined'] or 'undefined')}",
            showarrow=False,
            font={"color": look.muted, "size": 12},
        )
    name_values(figure, "x", unit=unit, name=name)
    fit_values(figure, "x", known, limit, zero=zero)
    if limit is not None:
        draw_limit(figure, "x", limit, look=look, unit=unit)
    _names_down(figure, frame["group"].to_list())
    return figure


def heatmap(
    frame: pl.DataFrame,
    *,
    look: Look,
    unit: str,
    name: str,
    row_title: str,
    column_title: str,
    order: Sequence[str] = (),
) -> go.Figure:
    """A matrix of figures: pairs of annotators, or which label was given where another was expected.

    Args:
        frame: `row, column` (text), `value` (null where undefined), `n`, `undefined`; optional `low, high`.
            A pair without a row is a gap.
        look: the theme's colours.
        unit: of value.
        name: of the figure, for the colour bar.
        row_title: what the rows are.
        column_title: what the columns are.
        order: the order of names on both axes; else the order in which they come.
    """
    rows, columns = _ordered(frame["row"], order), _ordered(frame["column"], order)
    cells = {(cell["row"], cell["column"]): cell for cell in frame.iter_rows(named=True)}
    grid = [[cells.get((row, column), {"undefined": "no data"}) for column in columns] for row in rows]
    bounded = unit in ("share", "coefficient")
    lowest = frame["value"].drop_nulls().to_list() if bounded else []
    steps = len(look.scale) - 1
    figure = blank(look, height=max(260, len(rows) * 34 + 120))
    figure.add_heatmap(
        x=columns,
        y=rows,
        z=[[cell.get("value") for cell in line] for line in grid],
        text=[[number(cell.get("value"), unit) for cell in line] for line in grid],
        texttemplate="%{text}" if max(len(rows), len(columns)) <= CELLS_WITH_TEXT else None,
        customdata=[
            [
                f"{row_title} {escape(row)}<br>{column_title} {escape(column)}<br>{hover_text(cell, unit)}"
                for column, cell in zip(columns, line, strict=True)
            ]
            for row, line in zip(rows, grid, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
        xgap=2,
        ygap=2,
        zmin=min([0.0, *lowest]) if bounded else None,
        zmax=1.0 if bounded else None,
        colorscale=[[place / steps, colour] for place, colour in enumerate(look.scale)],
        colorbar={
            "title": {"text": axis_name(name, unit), "side": "right", "font": {"size": 12}},
            "tickfont": {"size": 12},
            "thickness": 10,
            "outlinewidth": 0,
            "tickformat": ".0%" if unit == "share" else None,
        },
    )
    figure.update_xaxes(title_text=column_title, side="top", showgrid=False)
    figure.update_yaxes(title_text=row_title, autorange="reversed", showgrid=False)
    name_categories(figure, "x", columns)
    name_categories(figure, "y", rows)
    figure.update_layout(margin={"t": 64, "b": 16})
    return figure


def posterior(frame: pl.DataFrame, *, look: Look, n_votes: int, name: str = "Probability") -> go.Figure:
    """How probable each label is, in the label's own hue.

    Args:
        frame: `label_code, label, p_label` (in [0, 1]), optional `n` (the annotations that chose it); a row a
            label.
        look: the theme's colours.
        n_votes: the annotations that count, of which `n` chose a label.
        name: of the axis.
    """
    figure = blank(look, height=frame.height * BAR_HEIGHT + MARGINS)
    counts: list[int | None] = frame["n"].to_list() if "n" in frame.columns else [None] * frame.height
    said = ["" if n is None else f" · {n} of {n_votes}" for n in counts]
    figure.add_bar(
        orientation="h",
        x=frame["p_label"].to_list(),
        y=frame["label"].to_list(),
        width=0.62,
        marker={"color": [look.label(code) for code in frame["label_code"]], "cornerradius": 3},
        text=[f"{sureness(p)}{votes}" for p, votes in zip(frame["p_label"], said, strict=True)],
        textposition="outside",
        textfont={"color": look.text},
        cliponaxis=False,
        customdata=[escape(label) for label in frame["label"]],
        hovertemplate="%{customdata}: %{x:.1%}<extra></extra>",
    )
    figure.update_xaxes(range=[0, 1.7], tickvals=[0, 0.5, 1], tickformat=".0%", title_text=name)
    _names_down(figure, frame["label"].to_list())
    return figure


def _stretches(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """The stretches without a gap: a line never crosses an undefined value."""
    numbered = frame.with_columns(pl.col("value").is_null().cum_sum().alias("stretch"))
    known = numbered.filter(pl.col("value").is_not_null())
    return [part.drop("stretch") for part in known.partition_by("stretch", maintain_order=True)]


def _band(figure: go.Figure, part: pl.DataFrame, look: Look) -> None:
    at = part["at"].to_list()
    figure.add_scatter(
        x=at + at[::-1],
        y=part["high"].to_list() + part["low"].to_list()[::-1],
        fill="toself",
        fillcolor=faint(look.accent, 0.18),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
    )


def _gaps(figure: go.Figure, gaps: pl.DataFrame, look: Look, unit: str) -> None:
    """A mark at the foot for every point without a value, so that its reason can be read."""
    if gaps.is_empty():
        return
    foot, top = figure.layout.yaxis.range or (0.0, 1.0)
    figure.add_scatter(
        x=gaps["at"].to_list(),
        y=[foot + (top - foot) * 0.05] * gaps.height,
        mode="markers",
        marker={"symbol": "x", "size": 8, "color": look.states["undefined"]},
        customdata=hover_texts(gaps, unit),
        hovertemplate="%{x}<br>%{customdata}<extra></extra>",
    )


def _colours(frame: pl.DataFrame, look: Look) -> list[str]:
    if "state" in frame.columns:
        return [look.states[state] for state in frame["state"]]
    if "label_code" in frame.columns:
        return [look.label(code) for code in frame["label_code"]]
    return [look.accent] * frame.height


def _names_down(figure: go.Figure, names: list[str]) -> None:
    """Names on the left, the first on top."""
    figure.update_yaxes(
        categoryorder="array", categoryarray=names[::-1], range=[-0.6, len(names) - 0.4], showgrid=False
    )
    name_categories(figure, "y", names)


def _ordered(names: pl.Series, order: Sequence[str]) -> list[str]:
    """The names in the given order, those it does not have behind it."""
    found: list[str] = names.unique(maintain_order=True).to_list()
    return [name for name in order if name in found] + [name for name in found if name not in order]
