from __future__ import annotations

import polars as pl

from dashboard import bias_charts
from dashboard.palette import LIGHT

ROWS = pl.DataFrame(
    {
        "name": ["site <b>north</b>: label", "site south: label"], "key": ["a", "b"], "crude": [0.1, -0.2], "crude_low": [0.0, None],
        "crude_high": [0.2, None], "adjusted": [0.05, None], "adjusted_low": [0.01, None], "adjusted_high": [0.09, None],
        "stays": [True, False],
    }
)  # fmt: skip


def test_a_row_has_its_two_gaps_and_a_click_gives_back_which() -> None:
    figure = bias_charts.forest(ROWS, look=LIGHT, adjusted="With the item held fixed")
    crude, adjusted = figure.data
    assert list(crude.x) == [0.1, -0.2]
    assert list(adjusted.x) == [0.05]
    assert [entry[0] for entry in crude.customdata] == ["a", "b"]
    assert adjusted.name == "With the item held fixed"
    assert crude.error_x.array[1] is None


def test_only_a_gap_that_stays_has_the_colour_of_a_state() -> None:
    crude, adjusted = bias_charts.forest(ROWS, look=LIGHT, adjusted="held").data
    assert list(adjusted.marker.color) == [LIGHT.states["watch"]]
    assert set(crude.marker.color) == {LIGHT.muted}


def test_names_from_data_are_no_markup() -> None:
    figure = bias_charts.forest(ROWS, look=LIGHT, adjusted="held")
    assert "<b>north" not in str(figure.layout.yaxis.ticktext)
    assert "&lt;b&gt;north" in figure.data[0].customdata[0][1]
