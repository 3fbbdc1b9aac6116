"""The share to expect by hours of the week: a day of mornings is compared with mornings."""

from __future__ import annotations

import polars as pl
import pytest

from analytics.errors import MissingColumn
from analytics.week_hours import expected_by_hour


def cells(days: int, hours: tuple[int, ...], *, last: tuple[int, ...] | None = None) -> pl.DataFrame:
    """10 annotations in each of the hours of each day; in the morning 2 of them have the label, later 8. The last day is no reference."""
    rows = [
        (day, 24 * (day % 7) + hour, 2 if hour < 12 else 8, 10, day < days - 1)
        for day in range(days)
        for hour in (last if last is not None and day == days - 1 else hours)
    ]
    return pl.DataFrame(rows, schema=["period", "week_hour", "k", "n", "reference"], orient="row")


def test_half_a_day_is_compared_with_its_hours() -> None:
    found = expected_by_hour(cells(29, (9, 15), last=(9,)))
    assert found is not None
    assert found["expected"].to_list() == pytest.approx([0.5] * 28 + [0.2])


def test_the_expected_hits_of_the_reference_are_those_seen() -> None:
    frame = cells(29, (8, 13, 20)).with_columns(k=(pl.col("period") * 7 + pl.col("week_hour")) % 11)
    found = expected_by_hour(frame)
    assert found is not None
    by_period = frame.filter("reference").group_by("period").agg(pl.col("n").sum(), pl.col("k").sum())
    joined = by_period.join(found, on="period")
    assert (joined["expected"] * joined["n"]).sum() == pytest.approx(joined["k"].sum())


def test_hours_that_the_reference_has_too_seldom_are_not_taken_out() -> None:
    assert expected_by_hour(cells(15, (9, 15))) is None  # each day of the week twice
    assert expected_by_hour(cells(29, (9, 15), last=(3,))) is None  # an hour that was never worked


def test_a_rare_hour_has_the_rate_of_its_day() -> None:
    frame = cells(57, tuple(range(8, 18)))
    odd = pl.DataFrame(
        {"period": [0, 56], "week_hour": [23, 23], "k": [1, 1], "n": [1, 1], "reference": [True, False]}
    )
    found = expected_by_hour(pl.concat([frame, odd]))
    assert found is not None
    assert found["expected"][-1] == pytest.approx((4 * 10 * 0.2 + 6 * 10 * 0.8 + 0.56) / 101, abs=0.002)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MissingColumn, match="week_hour"):
        expected_by_hour(cells(8, (9,)).drop("week_hour"))
