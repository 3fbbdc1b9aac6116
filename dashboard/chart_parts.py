"""What the figures of `charts` are built from: the empty figure, its value axis, whiskers and hover texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go
import polars as pl

from dashboard.palette import Look

FONT = '"Source Sans", "Source Sans Pro", system-ui, sans-serif'
LONGEST_NAME = 28
PLAIN_UNITS = ("share", "coefficient", "count", "")


@dataclass(frozen=True, slots=True)
class Limit:
    """The value that a figure should keep.

    Attributes:
        value: in the figure's unit.
        is_minimum: whether the figure should be at least (else at most) this.
    """

    value: float
    is_minimum: bool = True

    def text(self, unit: str) -> str:
        """The limit in words."""
        return f"{'at least' if self.is_minimum else 'at most'} {number(self.value, unit)}"


def number(value: float | None, unit: str) -> str:
    """A figure as it stands in a chart.

    >>> number(0.5, "share"), number(0.671, "coefficient"), number(None, "share"), number(1200, "EUR")
    ('50.0 %', '0.67', '-', '1,200 EUR')
    """
    if value is None:
        return "-"
    if unit == "share":
        return f"{value * 100:.1f} %"
    if unit == "coefficient":
        return f"{value:.2f}"
    shown = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return shown if unit in PLAIN_UNITS else f"{shown} {unit}"


def axis_name(name: str, unit: str) -> str:
    """The name of an axis with its unit."""
    return name if unit in PLAIN_UNITS else f"{name} ({unit})"


def blank(look: Look, *, height: int) -> go.Figure:
    """An empty figure in the theme's colours, without background."""
    figure = go.Figure()
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 16, "t": 28, "b": 44},
        dragmode=False,
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": look.text},
        hoverlabel={
            "bgcolor": look.surface,
            "bordercolor": look.grid,
            "font": {"color": look.text, "size": 13},
        },
    )
    axis = {
        "gridcolor": look.grid,
        "linecolor": look.grid,
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
        "tickfont": {"color": look.muted},
        "title": {"font": {"color": look.muted, "size": 12}},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def name_values(figure: go.Figure, which: Literal["x", "y"], *, unit: str, name: str) -> None:
    """Name the value axis, with its unit."""
    update = figure.update_xaxes if which == "x" else figure.update_yaxes
    update(title_text=axis_name(name, unit), tickformat=".0%" if unit == "share" else None)


def fit_values(
    figure: go.Figure,
    which: Literal["x", "y"],
    frame: pl.DataFrame,
    limit: Limit | None,
    *,
    zero: bool = False,
) -> None:
    """Give the value axis the data's range, with its intervals and the limit; with `zero` it starts there."""
    found = [one for column in ("value", "low", "high") for one in frame[column].drop_nulls().to_list()]
    found += [limit.value] if limit else []
    if not found:
        return
    low, high = min(found), max(found)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    start = min(0.0, low - room) if low < 0 else max(0.0, low - room)
    if zero and low >= 0:
        start = 0.0
    update = figure.update_xaxes if which == "x" else figure.update_yaxes
    update(range=[start, high + room])


def draw_limit(figure: go.Figure, which: Literal["x", "y"], limit: Limit, *, look: Look, unit: str) -> None:
    """Draw the limit as a dashed line and say which side of it is good."""
    line = {"dash": "dash", "color": look.muted, "width": 1.4}
    font = {"color": look.muted, "size": 12}
    if which == "x":
        figure.add_vline(x=limit.value, line=line)
        place = {"x": limit.value, "y": 1, "yref": "paper", "yanchor": "bottom"}
    else:
        figure.add_hline(y=limit.value, line=line)
        place = {"x": 1, "xref": "paper", "xanchor": "right", "y": limit.value, "yanchor": "bottom"}
    figure.add_annotation(text=limit.text(unit), showarrow=False, font=font, **place)


def whiskers(frame: pl.DataFrame, look: Look) -> dict[str, object]:
    """The intervals of `value, low, high` as plotly wants them: distances from the value."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (frame["high"] - frame["value"]).fill_null(0).to_list(),
        "arrayminus": (frame["value"] - frame["low"]).fill_null(0).to_list(),
        "color": look.text,
        "thickness": 1.4,
        "width": 4,
    }


def hover_texts(frame: pl.DataFrame, unit: str) -> list[str]:
    """What hovering over each row says."""
    return [hover_text(row, unit) for row in frame.iter_rows(named=True)]


def hover_text(row: Mapping[str, object], unit: str) -> str:
    """The value, its interval and n, or why there is no value."""
    value, low, high, n = (row.get(column) for column in ("value", "low", "high", "n"))
    if not isinstance(value, int | float):
        return escape(str(row.get("undefined") or "undefined"))
    parts = [f"<b>{number(float(value), unit)}</b>"]
    if isinstance(low, int | float) and isinstance(high, int | float):
        parts.append(f"95 % interval {number(float(low), unit)} to {number(float(high), unit)}")
    if isinstance(n, int):
        parts.append(f"n = {n:,}")
    return "<br>".join(parts)


def name_categories(figure: go.Figure, which: Literal["x", "y"], names: Sequence[str]) -> None:
    """Write names from data on an axis as they are, cut where they are long (hovering says the whole)."""
    cut = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in names]
    update = figure.update_xaxes if which == "x" else figure.update_yaxes
    update(type="category", tickmode="array", tickvals=list(names), ticktext=[escape(name) for name in cut])


def faint(colour: str, opacity: float) -> str:
    """A colour "#rrggbb" that lets what is behind it through.

    >>> faint("#3D5AC9", 0.5)
    'rgba(61,90,201,0.5)'
    """
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def escape(text: str) -> str:
    """Text from data as it is: plotly reads a few HTML tags in its texts, and data must not write any."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
