"""A matrix whose cells can be clicked shows the same as before."""

from __future__ import annotations

import polars as pl

from dashboard import charts
from dashboard.chart_clicks import clickable
from dashboard.palette import LIGHT


def test_every_cell_has_a_mark_that_says_what_the_cell_says() -> None:
    cells = pl.DataFrame(
        [("cat", "cat", 0.75, 3, None), ("cat", "dog", 0.25, 1, None), ("dog", "cat", None, 0, "nobody")],
        schema={"row": pl.Utf8, "column": pl.Utf8, "value": pl.Float64, "n": pl.Int64, "undefined": pl.Utf8},
        orient="row",
    )
    figure = charts.heatmap(
        cells, look=LIGHT, unit="share", name="Share", row_title="The others", column_title="They"
    )
    matrix, marks = clickable(figure).data
    assert list(zip(marks.y, marks.x, strict=True)) == [
        (row, column) for row in ("cat", "dog") for column in ("cat", "dog")
    ]
    assert list(marks.customdata) == [said for line in matrix.customdata for said in line]
    assert marks.marker.opacity == marks.selected.marker.opacity == marks.unselected.marker.opacity == 0
