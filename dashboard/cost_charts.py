"""What can be bought against what it removes: a curve a purchase, and the cheapest mix as their upper edge."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from analytics.purchase_frontier import MIX
from dashboard.chart_parts import blank, escape
from dashboard.palette import Look

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
NEARLY_ALL = 0.98
"""The money axis ends where the mix has removed this share of what it ever will: the rest is a long flat line."""


def purchases(frame: pl.DataFrame, *, look: Look, currency: str) -> go.Figure:
    """Expected errors removed by money.

    Args:
        frame: action, cost (main units), errors, as `Spending.frontier`.
        look: the theme's colours.
        currency: of the cost.
    """
    figure = blank(look, height=320)
    names = frame["action"].unique(maintain_order=True).to_list()
    bought = [name for name in names if name != MIX and frame.filter(pl.col("action") == name).height > 1]
    if len(bought) > 1:
        _line(
            figure,
            frame,
            MIX,
            {"color": look.accent, "width": 9},
            currency=currency,
            opacity=0.35,
            marks=False,
        )
    for place, name in enumerate(bought):
        line = {"color": look.label(place), "width": 2, "dash": DASHES[place % len(DASHES)]}
        _line(figure, frame, name, line, currency=currency, opacity=1.0, marks=True)
    end = _end(frame.filter(pl.col("action") == MIX))
    figure.update_xaxes(title_text=f"Money ({escape(currency)})", range=[0, end], rangemode="tozero")
    figure.update_yaxes(title_text="Wrong labels fewer, expected", rangemode="tozero")
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}},
        margin={"l": 8, "r": 16, "t": 40, "b": 44},
    )
    return figure


def _line(
    figure: go.Figure, frame: pl.DataFrame, name: str, line: dict[str, object], *, currency: str, opacity: float, marks: bool
) -> None:  # fmt: skip
    own = frame.filter(pl.col("action") == name)
    figure.add_scatter(
        x=own["cost"].to_list(),
        y=own["errors"].to_list(),
        name=escape(name),
        mode="lines+markers" if marks and own.height < 4 else "lines",
        line=line,
        opacity=opacity,
        hovertemplate=f"{escape(name)}<br>%{{x:,.2f}} {escape(currency)}: %{{y:,.1f}} wrong labels fewer<extra></extra>",
    )


def _end(mix: pl.DataFrame) -> float:
    """Where the money axis ends."""
    wanted = NEARLY_ALL * float(mix["errors"][-1])
    enough = mix.filter(pl.col("errors") >= wanted)["cost"]
    return 1.05 * float(enough[0]) if len(enough) and enough[0] > 0 else 1.0
