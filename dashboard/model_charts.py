"""Charts about a model. Pure, as `charts` is."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from dashboard.chart_parts import blank
from dashboard.palette import Look

HEIGHT = 320


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
