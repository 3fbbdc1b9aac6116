"""When a queue is empty: by hand on a steady team, coverage on simulated ones, and silence where nothing can be said."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.queue_forecast import _apart, forecast, queue_cost

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


@pytest.mark.parametrize(("n_weeks", "least"), [(4, 0.86), (10, 0.92)])
def test_the_interval_covers_the_day_on_which_it_is_done(n_weeks: int, least: float) -> None:
    """Without moving the weeks apart it had the day in 76 of 100 with four weeks, and in 92 with ten."""
    rng = np.random.default_rng(0)
    weekday = np.array([30, 34, 30, 28, 24, 2, 0])
    covered = 0
    for seed in range(200):
        pace = (
            weekday[None, :] * rng.gamma(12.0, 1 / 12.0, 40)[:, None]
        )  # weeks differ: over-dispersed, days together
        counts = rng.poisson(pace).ravel()
        past, future = counts[: 7 * n_weeks], counts[7 * n_weeks :]
        found = forecast(days(past.tolist()), left=500, today=TODAY, replicates=400, seed=seed)
        done = int((future.cumsum() >= 500).argmax()) + 1
        assert found.days.low is not None
        assert found.days.high is not None
        covered += found.days.low <= done <= found.days.high
    assert least <= covered / 200 <= 0.99


def test_weeks_that_are_moved_apart_keep_their_mean_and_their_empty_ones() -> None:
    weeks = np.array([[10.0, 0.0], [20.0, 10.0], [0.0, 0.0], [30.0, 10.0]])
    apart = _apart(weeks, 0.95)
    assert apart.sum() == pytest.approx(weeks.sum())
    assert apart[2].tolist() == [0, 0]
    # sqrt(4 / 3) x t(3, 0.975) / z(0.975) = 1.1547 x 3.18245 / 1.95996 = 1.8749
    assert apart[3].sum() / apart[1].sum() == pytest.approx((40 / 30) ** 1.8749, rel=1e-4)
    even = np.full((5, 7), 3.0)
    assert _apart(even, 0.95) == pytest.approx(even)


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


def test_the_cost_of_the_queue_is_by_hand_that_of_its_mean_with_room_for_what_is_drawn() -> None:
    each = np.array([1.0, 2.0, 3.0, 2.0])
    found = queue_cost(each, left=6, currency="EUR")
    assert (found.value, found.n, found.unit) == (12.0, 4, "EUR")
    assert found.low is not None
    assert found.high is not None
    # t(3, 0.975) = 3.18245; s^2 = 2/3; 6 + 36 / 4 = 15
    assert found.high - 12.0 == pytest.approx(3.18245 * np.sqrt(2 / 3 * 15), rel=1e-5)
    assert found.low == pytest.approx(24.0 - found.high)
    assert queue_cost(each * [0, 0, 0, 1], left=2, currency="EUR").low == 0.0
    assert queue_cost(each, left=0, currency="EUR").high == 0.0
    assert queue_cost(each[:1], left=3, currency="EUR").low is None
    assert queue_cost(each[:0], left=3, currency="EUR").undefined == "nothing was settled yet"
    with pytest.raises(BadOption, match="each"):
        queue_cost(-each, left=3, currency="EUR")
    with pytest.raises(BadOption, match="left"):
        queue_cost(each, left=-3, currency="EUR")


def test_the_interval_of_the_cost_covers_what_the_queue_costs_though_costs_are_skewed() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(1000):
        costs = rng.lognormal(-1.0, 0.7, 60 + 40)
        found = queue_cost(costs[:60], left=40, currency="EUR")
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= costs[60:].sum() <= found.high
    assert 0.92 <= covered / 1000 <= 0.98
