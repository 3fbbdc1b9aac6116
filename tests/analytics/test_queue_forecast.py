"""When a queue is empty: by hand on a steady team, coverage on simulated ones, and silence where nothing can be said."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.queue_forecast import forecast

TODAY = date(2026, 11, 2)  # a Monday


def days(counts: list[int], *, ends: date = TODAY) -> pl.DataFrame:
    start = ends - timedelta(days=len(counts))
    return pl.DataFrame(
        {"day": [start + timedelta(days=n) for n in range(len(counts))], "n": counts},
        schema={"day": pl.Date, "n": pl.Int64},
    )


def test_a_steady_team_is_done_on_the_day_and_weekends_stay_weekends() -> None:
    steady = days([10] * 5 + [0, 0] + ([10] * 5 + [0, 0]) * 5)
    found = forecast(steady, left=60, today=TODAY)
    assert (found.days.value, found.days.low, found.days.high) == (8, 8, 8)
    assert found.done_on == date(2026, 11, 9)
    assert forecast(steady, left=50, today=TODAY).done_on == date(2026, 11, 6)
    assert forecast(steady, left=0, today=TODAY).done_on == TODAY


def test_the_interval_covers_the_day_on_which_it_is_done() -> None:
    rng = np.random.default_rng(0)
    weekday = np.array([30, 34, 30, 28, 24, 2, 0])
    covered = 0
    for seed in range(200):
        pace = (
            weekday[None, :] * rng.gamma(12.0, 1 / 12.0, 40)[:, None]
        )  # weeks differ: over-dispersed, days together
        counts = rng.poisson(pace).ravel()
        past, future = counts[: 7 * 10], counts[7 * 10 :]
        found = forecast(days(past.tolist()), left=500, today=TODAY, replicates=400, seed=seed)
        done = int((future.cumsum() >= 500).argmax()) + 1
        assert found.days.low is not None
        assert found.days.high is not None
        covered += found.days.low <= done <= found.days.high
    assert 0.88 <= covered / 200 <= 1.0


def test_too_few_weeks_no_progress_and_no_end_are_said() -> None:
    short = forecast(days([10] * 27), left=5, today=TODAY)
    assert short.days.undefined == "fewer than 4 whole weeks of work are known (3 so far)"
    assert short.done_on is None
    assert forecast(days([]), left=5, today=TODAY).days.undefined is not None
    slow = forecast(days([1] + [0] * 40), left=100_000, today=TODAY)
    assert slow.days.undefined is not None


def test_work_of_today_is_not_yet_the_past() -> None:
    with_today = pl.concat([days([7] * 28), pl.DataFrame({"day": [TODAY], "n": [1000]})])
    assert forecast(with_today, left=70, today=TODAY).days.value == 10


def test_bad_frames_are_refused() -> None:
    with pytest.raises(MissingColumn, match="'n'"):
        forecast(days([1]).drop("n"), left=1, today=TODAY)
    with pytest.raises(BadColumn, match="each day once"):
        forecast(pl.concat([days([1]), days([1])]), left=1, today=TODAY)
    with pytest.raises(BadColumn, match="0 or more"):
        forecast(days([-1]), left=1, today=TODAY)
    with pytest.raises(BadOption, match="left"):
        forecast(days([1]), left=-1, today=TODAY)
