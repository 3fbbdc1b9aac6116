"""Gaps as a figure: crude and adjusted with their intervals, about the line where there is none. Pure, as `charts` is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import polars as pl

from dashboard.chart_parts import blank, escape, faint
from dashboard.palette import Look

ROW_HEIGHT, MARGINS, LONGEST = 38, 96, 66
KINDS = (
    ("crude", "As counted", "circle-open", 0.16),
    ("adjusted", "", "circle", -0.16),
)
"""Columns (with _low and _high), what they are called, how they are drawn, and how far from the row's middle."""


def forest(frame: pl.DataFrame, *, look: Look, adjusted: str) -> go.Figure:
    """Crude and adjusted gaps, one row each, in the frame's order from the top.

    Args:
        frame: `name` (unique text), `key` (what a click gives back), crude, crude_low, crude_high, adjusted, adjusted_low,
            adjusted_high (shares; null where there is none), `stays` (whether the gap stays).
        look: the theme's colours.
        adjusted: what the adjusted gap is called.
    """
    figure = blank(look, height=frame.height * ROW_HEIGHT + MARGINS)
    place = {name: frame.height - 1 - at for at, name in enumerate(frame["name"].to_list())}
    for column, words, symbol, offset in KINDS:
        title = words or adjusted
        known = frame.filter(pl.col(column).is_not_null())
        stays = known["stays"].to_list()
        plain = look.muted if column == "crude" else look.text
        colours = [look.states["watch"] if one and column == "adjusted" else plain for one in stays]
        figure.add_scatter(
            x=known[column].to_list(),
            y=[place[name] + offset for name in known["name"].to_list()],
            mode="markers",
            name=title,
            marker={"symbol": symbol, "size": 10, "color": colours, "line": {"width": 2, "color": colours}},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (known[f"{column}_high"] - known[column]).to_list(),
                "arrayminus": (known[column] - known[f"{column}_low"]).to_list(),
                "color": faint(look.text, 0.7),
                "thickness": 1.4,
                "width": 0,  # a gap without an interval has no mark for one
            },
            customdata=[[row["key"], _said(row, column, title)] for row in known.iter_rows(named=True)],
            hovertemplate="%{customdata[1]}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": look.muted, "width": 1.4, "dash": "dash"})
    names = list(place)
    figure.update_yaxes(
        type="linear",
        tickvals=[place[name] for name in names],
        ticktext=[escape(name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…") for name in names],
        range=[-0.6, frame.height - 0.4],
        showgrid=False,
    )
    figure.update_xaxes(
        title_text="More (right) or less (left) often than all others, in points", tickformat="+.0%"
    )
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"color": look.muted}},
        margin={"l": 8, "r": 16, "t": 44, "b": 44},
    )
    return figure


def _said(row: Mapping[str, Any], column: str, title: str) -> str:
    parts = [f"<b>{escape(row['name'])}</b>", f"{title}: {row[column] * 100:+.1f} points"]
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    if low is not None:
        parts.append(f"95 % interval {low * 100:+.1f} to {high * 100:+.1f}")
    return "<br>".join(parts)
