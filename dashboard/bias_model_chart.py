"""What evening out costs, as a figure: accuracy against the gap that is left, with intervals. Pure, as `charts` is."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from dashboard.chart_parts import blank, escape, faint
from dashboard.palette import Look

HEIGHT = 340
GAPS = {"demographic_parity": "parity", "equalized_odds": "odds"}
MARKS = {"a threshold for each group": "diamond", "fitted under the constraint": "square"}
TITLES = {"parity": "Gap in how often the label is given", "odds": "Gap in how often it is right and wrong"}


def trade(table: pl.DataFrame, *, look: Look) -> go.Figure:
    """Two panels, one a gap: the model as it is, and each way that was asked to close that gap; better is up and to the left.

    Args:
        table: `analytics.fair_predictions.Mitigation.table`.
        look: the theme's colours.
    """
    figure = blank(look, height=HEIGHT)
    for place, gap in enumerate(GAPS.values()):
        own = table.filter(
            pl.col("constraint").is_null() | (pl.col("constraint").replace_strict(GAPS, default="") == gap)
        )
        for row in own.iter_rows(named=True):
            plain = row["constraint"] is None
            name = "The model as it is" if plain else f"{row['method'][:1].upper()}{row['method'][1:]}"
            colour = look.muted if plain else look.text
            said = (
                f"<b>{escape(name)}</b><br>accuracy {row['accuracy']:.1%} [{row['accuracy_low']:.1%}, {row['accuracy_high']:.1%}]"
                f"<br>gap {row[f'{gap}_gap'] * 100:.1f} points [{row[f'{gap}_low'] * 100:.1f}, {row[f'{gap}_high'] * 100:.1f}]"
            )
            figure.add_scatter(
                x=[row[f"{gap}_gap"] * 100], y=[row["accuracy"]], mode="markers", name=name, legendgroup=name, showlegend=place == 0,
                xaxis=f"x{place + 1 if place else ''}", yaxis=f"y{place + 1 if place else ''}",
                marker={"symbol": "circle-open" if plain else MARKS[row["method"]], "size": 12, "color": colour, "line": {"width": 2}},
                error_x=_bars(row[f"{gap}_gap"] * 100, row[f"{gap}_low"] * 100, row[f"{gap}_high"] * 100, faint(colour, 0.6)),
                error_y=_bars(row["accuracy"], row["accuracy_low"], row["accuracy_high"], faint(colour, 0.6)),
                hovertemplate=f"{said}<extra></extra>",
            )  # fmt: skip
    lows, highs = table["accuracy_low"].to_list(), table["accuracy_high"].to_list()
    room = {
        "rangemode": "normal",
        "range": [min(lows) - 0.01, max(highs) + 0.01],
        "tickformat": ".0%",
    }
    axis = {
        "gridcolor": look.grid,
        "zeroline": False,
        "fixedrange": True,
        "tickfont": {"color": look.muted},
    }
    title = {"font": {"color": look.muted, "size": 12}}
    parity, odds = (_room(table[f"{gap}_high"].to_list()) for gap in TITLES)
    figure.update_layout(
        xaxis={**axis, "domain": [0, 0.47], "range": parity, "title": {**title, "text": f"{TITLES['parity']}, in points"}},
        xaxis2={**axis, "domain": [0.53, 1], "range": odds, "title": {**title, "text": f"{TITLES['odds']}, in points"}, "anchor": "y2"},
        yaxis={**axis, **room, "title": {**title, "text": "Accuracy (good is up and to the left)"}},
        yaxis2={**axis, **room, "anchor": "x2", "showticklabels": False},
        showlegend=True,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"color": look.muted}},
        margin={"l": 8, "r": 16, "t": 44, "b": 44},
    )  # fmt: skip
    return figure


def _room(highs: list[float]) -> list[float]:
    """From a little left of 0, so that a mark there is whole; in points."""
    return [-4 * max(highs), 105 * max(highs)]


def _bars(value: float, low: float, high: float, colour: str) -> dict[str, object]:
    return {
        "type": "data", "symmetric": False, "array": [max(high - value, 0)], "arrayminus": [max(value - low, 0)], "color": colour,
        "thickness": 1.4, "width": 3,
    }  # fmt: skip
