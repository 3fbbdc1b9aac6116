"""Making the cells of a matrix clickable. Pure, as `charts` is.

Plotly selects points, bars and the like; a heatmap's cells it does not. So every cell gets a mark that is not seen, lies
on its middle, and answers the click and the hover in its place: of a grid of points the nearest one is always the cell's.
"""

from __future__ import annotations

import plotly.graph_objects as go


def clickable(figure: go.Figure) -> go.Figure:
    """The figure of `charts.heatmap`, with a mark over each cell; x, y and hover are the cell's."""
    cells = figure.data[0]
    places = [
        (column, row, said)
        for row, texts in zip(cells.y, cells.customdata, strict=True)
        for column, said in zip(cells.x, texts, strict=True)
    ]
    unseen = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=[column for column, _, _ in places],
        y=[row for _, row, _ in places],
        customdata=[said for _, _, said in places],
        mode="markers",
        marker={"symbol": "square", "size": 20, "opacity": 0},
        selected=unseen,
        unselected=unseen,
        hovertemplate="%{customdata}<extra></extra>",
    )
    cells.hoverinfo = "skip"
    figure.update_layout(hovermode="closest", hoverdistance=-1)
    return figure
