"""Figures of drift: the parts of a change, and a label's rate with its band. Pure: a frame in, a plotly figure out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import polars as pl

from dashboard.chart_parts import blank, escape, faint
from dashboard.palette import Look


def waterfall(parts: pl.DataFrame, *, before: float, after: float, look: Look) -> go.Figure:
    """From the rate before to the rate after, a bar a part with its interval; in per cent and points.

    Args:
        parts: part, value, low, high (null without an interval).
        before: the rate of the reference.
        after: the rate of the window.
        look: the theme's colours.
    """
    figure = blank(look, height=120 + 44 * (parts.height + 2))
    names = [
        "before",
        *(f"{escape(row['part'])}<br>{_points(row)}" for row in parts.iter_rows(named=True)),
        "now",
    ]
    level = before
    figure.add_bar(
        y=[names[0], names[-1]], x=[before, after], orientation="h", width=0.5, marker_color=look.muted,
        text=[f"{before:.1%}", f"{after:.1%}"], textposition="outside", hoverinfo="skip",
    )  # fmt: skip
    for name, row in zip(names[1:-1], parts.iter_rows(named=True), strict=True):
        value = row["value"]
        ends = None
        if row["low"] is not None:
            ends = {
                "type": "data", "symmetric": False, "array": [row["high"] - value], "arrayminus": [value - row["low"]],
                "color": look.text, "thickness": 1.5, "width": 5,
            }  # fmt: skip
        figure.add_bar(
            y=[name], x=[value], base=[level], orientation="h", width=0.5, marker_color=look.accent, error_x=ends,
            hovertemplate=f"{name}<extra></extra>",
        )  # fmt: skip
        level += value
    figure.update_layout(barmode="overlay")
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=names, showgrid=False)
    figure.update_xaxes(tickformat=".0%", title_text="Share of annotations with the label")
    return figure


def rate_course(trend: pl.DataFrame, *, label: str, began_at: str, look: Look) -> go.Figure:
    """A label's rate a day, the band that the reference makes one expect, and the days over the sequential test's limit.

    Args:
        trend: period, rate, low, high (of the band; null where unknown), n, up, down, alarm.
        label: its name.
        began_at: the day from which a shift seems to run, or "".
        look: the theme's colours.
    """
    figure = blank(look, height=300)
    days = trend["period"].to_list()
    if trend["low"].null_count() == 0:
        figure.add_scatter(
            x=days, y=trend["high"].to_list(), mode="lines", line={"width": 0}, hoverinfo="skip"
        )
        figure.add_scatter(
            x=days, y=trend["low"].to_list(), mode="lines", line={"width": 0}, fill="tonexty",
            fillcolor=faint(look.muted, 0.18), hoverinfo="skip",
        )  # fmt: skip
    over = trend["alarm"].fill_null(value=False).to_list()
    figure.add_scatter(
        x=days, y=trend["rate"].to_list(), mode="lines+markers", line={"color": look.accent, "width": 1.5},
        marker={
            "size": [9 if one else 4 for one in over], "symbol": ["diamond" if one else "circle" for one in over],
            "color": [look.states["not fit"] if one else look.accent for one in over],
        },
        customdata=[f"{rate:.1%} of {n:,}" for rate, n in trend.select("rate", "n").iter_rows()],
        hovertemplate="%{x}<br>%{customdata}<extra></extra>",
    )  # fmt: skip
    if began_at:
        figure.add_vline(x=began_at, line={"color": look.states["not fit"], "dash": "dash", "width": 1})
    figure.update_yaxes(tickformat=".0%", title_text=f"Share of {escape(label)}")
    figure.update_xaxes(showgrid=False)
    return figure


def statistic_course(trend: pl.DataFrame, *, limit: float, title: str, look: Look) -> go.Figure:
    """A sequential test's two statistics against their limit, in the days after the reference.

    Args:
        trend: period, up, down (null in the reference).
        limit: of both.
        title: what they are, with their unit.
        look: the theme's colours.
    """
    figure = blank(look, height=220)
    new = trend.drop_nulls("up")
    for name, dash in (("up", "solid"), ("down", "dot")):
        figure.add_scatter(
            x=new["period"].to_list(), y=new[name].to_list(), mode="lines+markers", name=f"rate runs {name}",
            line={"color": look.accent, "dash": dash},
        )  # fmt: skip
    figure.add_hline(y=limit, line={"color": look.states["not fit"], "dash": "dash"}, annotation_text="limit")
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.15})
    figure.update_yaxes(title_text=title, rangemode="tozero")
    figure.update_xaxes(showgrid=False)
    return figure


def _points(row: Mapping[str, Any]) -> str:
    ends = "" if row["low"] is None else f" ({row['low'] * 100:+z.1f} to {row['high'] * 100:+z.1f})"
    return f"{row['value'] * 100:+z.1f} points{ends}"
