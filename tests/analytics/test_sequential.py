"""A shift is found with its beginning; false alarms are as rare as promised, on series that hang together and spread."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from analytics.errors import BadOption, MissingColumn
from analytics.sequential import Chart, watch
from analytics.sequential_kernels import cusum_path, page_hinkley_path
from tests.benchmarks.run_length import REFERENCE, series


def test_the_sum_starts_anew_under_nothing() -> None:
    """Page 1954: S = max(0, S + step)."""
    assert cusum_path(np.array([1.0, -3.0, 2.0, 0.5])) == pytest.approx([1, 0, 2, 2.5])


def test_page_hinkley_takes_out_the_running_mean() -> None:
    assert page_hinkley_path(np.array([2.0, 2.0]), 0.5, 2) == pytest.approx(
        [2 - 2 / 3 - 0.5, 1.5 - 2 / 3 + 2 - 1 - 0.5]
    )


@pytest.mark.parametrize("chart", ["cusum", "page-hinkley"])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_false_alarms_are_not_more_than_promised(chart: Chart, rho: float) -> None:
    """In 370 days without change 63 % may alarm; of 60 series, at most 80 % (the promise is 2.7 standard errors under it)."""
    alarms = [
        watch(
            series(seed, rho=rho, spread=0.3, change=0),
            n_reference=REFERENCE,
            chart=chart,
            n_paths=200,
        ).alarm_at
        is not None
        for seed in range(60)
    ]
    assert 0.3 <= np.mean(alarms) <= 0.8


def test_textbook_limits_would_alarm_much_more_often() -> None:
    """Limits for counts that are independent and binomial, on series that are neither: why ours are simulated."""
    early = []
    for seed in range(20):
        frame = series(seed, rho=0.5, spread=0.3, change=0)
        limit = watch(frame, n_reference=REFERENCE, n_paths=100).limit
        own = watch(series(seed, rho=0, spread=0, change=0), n_reference=REFERENCE, n_paths=100).limit
        assert limit is not None
        assert own is not None
        early.append(limit > own)
    assert np.mean(early) > 0.8


@pytest.mark.parametrize("change", [0.1, -0.1])
def test_a_shift_is_found_with_its_direction_and_beginning(change: float) -> None:
    frame = series(1, rho=0.3, spread=0.2, change=0).head(150)
    moved = frame.with_columns(
        k=pl.when(pl.col("period") >= 110)
        .then((pl.col("k") + change * pl.col("n")).round())
        .otherwise("k")
        .clip(0)
    )
    seen = watch(moved, n_reference=REFERENCE)
    assert seen.direction == ("up" if change > 0 else "down")
    assert isinstance(seen.alarm_at, int)
    assert isinstance(seen.began_at, int)
    assert 110 <= seen.alarm_at <= 135
    assert abs(seen.began_at - 110) <= 12
    assert seen.periods.filter("alarm")["period"][0] == seen.alarm_at
    assert seen.periods["up"].null_count() == REFERENCE


def test_the_day_of_the_week_is_no_alarm_once_it_is_taken_out() -> None:
    frame = series(2, rho=0, spread=0.0, change=0).head(160)
    assert watch(frame, n_reference=REFERENCE).seasonal
    with_season, without = (watch(f, n_reference=REFERENCE) for f in (frame, frame.drop("season_code")))
    assert with_season.dispersion < without.dispersion
    week = with_season.periods["expected"].head(7)
    assert week[6] > week[0]


def test_dates_are_periods_too_and_days_without_work_are_left_out() -> None:
    frame = series(3, rho=0, spread=0.1, change=0).head(120)
    dated = frame.with_columns(
        period=pl.Series([date(2026, 1, 1) + timedelta(days=day) for day in range(120)]),
        n=pl.when(pl.col("period") % 10 == 3).then(0).otherwise("n"),
        k=pl.when(pl.col("period") % 10 == 3).then(0).otherwise("k"),
    )
    seen = watch(dated, n_reference=REFERENCE, n_paths=50)
    assert seen.periods.height == 108
    assert seen.periods["up"].null_count() == 81


def test_an_expected_share_that_is_given_takes_the_place_of_the_seasons() -> None:
    frame = series(4, rho=0, spread=0, change=0).head(120)
    same = frame.with_columns(expected=pl.lit(0.4))
    assert watch(same, n_reference=REFERENCE, n_paths=50).periods["expected"].unique().to_list() == [0.4]


def test_what_cannot_be_watched_says_why() -> None:
    frame = series(0, rho=0, spread=0, change=0)
    few = watch(frame, n_reference=10)
    assert few.undefined is not None
    assert "it takes 20" in few.undefined
    assert few.limit is None
    assert few.alarm_at is None
    assert few.periods["low"].is_null().all()
    never = watch(frame.with_columns(k=pl.lit(0)), n_reference=REFERENCE)
    assert never.undefined is not None
    assert "none" in never.undefined


def test_the_same_seed_gives_the_same_limit() -> None:
    frame = series(0, rho=0, spread=0.1, change=0)
    one, two, other = (watch(frame, n_reference=90, n_paths=50, seed=s).limit for s in (1, 1, 2))
    assert one == two != other


def test_a_series_that_was_picked_from_many_has_a_higher_limit() -> None:
    """Of ten labels without a change the one that moved most alarms about as often as one label that was named beforehand."""
    frame = series(5, rho=0, spread=0.3, change=0)
    limits = [watch(frame, n_reference=REFERENCE, n_series=n, seed=1).limit for n in (1, 3, 10)]
    assert None not in limits
    assert limits == sorted(limits, key=lambda one: one or 0.0)
    assert limits[0] != limits[2]
    alarms = [
        any(
            watch(series(10 * crowd + label, rho=0, spread=0.3, change=0), n_reference=REFERENCE, n_series=5, n_paths=300).alarm_at
            is not None
            for label in range(5)
        )
        for crowd in range(30)
    ]  # fmt: skip
    assert np.mean(alarms) <= 0.85
    with pytest.raises(BadOption, match="n_series"):
        watch(frame, n_reference=REFERENCE, n_series=0)


def test_misuse_is_refused() -> None:
    frame = series(0, rho=0, spread=0, change=0)
    with pytest.raises(MissingColumn, match="k"):
        watch(frame.drop("k"), n_reference=90)
    with pytest.raises(BadOption, match="chart"):
        watch(frame, n_reference=90, chart="shewhart")  # type: ignore[arg-type]  # of another type on purpose
    with pytest.raises(BadOption, match="shift"):
        watch(frame, n_reference=90, shift=0)
    with pytest.raises(BadOption, match="run_length"):
        watch(frame, n_reference=90, run_length=5)
