"""Charts about a model. Pure, as `charts` is."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from dashboard.chart_parts import blank
from dashboard.palette import Look

HEIGHT = 320


def learning(points: pl.DataFrame, *, look: Look) -> go.Figure:
    """How good the model is with so many labels, with its interval; what it would be with more is drawn hollow.

    Args:
        points: n_labels, value, low, high, is_told (false: extrapolated); a row a number of labels.
        look: the theme's colours.
    """
    figure = blank(look, height=HEIGHT)
    for is_told, symbol, dash in ((True, "circle", "solid"), (False, "circle-open", "dot")):
        shown = points.filter(pl.col("is_told") == is_told) if is_told else points.tail(2)
        if shown.is_empty() or (not is_told and points["is_told"].all()):
            continue
        own = shown if is_told else shown.tail(1)
        figure.add_scatter(
            x=shown["n_labels"].to_list(), y=shown["value"].to_list(), mode="lines", line={"color": look.accent, "dash": dash},
            hoverinfo="skip",
        )  # fmt: skip
        figure.add_scatter(
            x=own["n_labels"].to_list(),
            y=own["value"].to_list(),
            mode="markers",
            marker={"size": 9, "symbol": symbol, "color": look.accent},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [(high or value) - value for high, value in own.select("high", "value").iter_rows()],
                "arrayminus": [
                    value - (low or value) for low, value in own.select("low", "value").iter_rows()
                ],
                "thickness": 1.5,
                "width": 4,
                "color": look.accent,
            },
            hovertemplate="%{x:,} labels: %{y:.1%}<extra></extra>",
        )
    figure.update_xaxes(title_text="Labels", rangemode="tozero")
    figure.update_yaxes(title_text="Right, out of sample", tickformat=".0%")
    return figure


def reliability(bins: pl.DataFrame, *, look: Look) -> go.Figure:
    """How often the model is right where it says how sure it is, with Wilson's interval; on the diagonal it means what it says.

    Args:
        bins: p_mean, value (the observed share), low, high, n; a row a bin.
        look: the theme's colours.
    """
    figure = blank(look, height=HEIGHT)
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": look.muted, "dash": "dot", "width": 1}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    x, y = bins["p_mean"].to_list(), bins["value"].to_list()
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": look.accent, "width": 2},
        marker={"size": 8, "color": look.accent},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [high - value for high, value in bins.select("high", "value").iter_rows()],
            "arrayminus": [value - low for low, value in bins.select("low", "value").iter_rows()],
            "thickness": 1.5,
            "width": 4,
            "color": look.accent,
        },
        customdata=[f"{n:,} items" for n in bins["n"]],
        hovertemplate="says %{x:.0%}, is right %{y:.0%} (%{customdata})<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title_text="How sure the model is", range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(title_text="How often it is right", range=[0, 1.02], tickformat=".0%")
    return figure
