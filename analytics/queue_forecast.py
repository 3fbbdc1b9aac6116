"""When a queue will be empty, at what cost: what the team did on past days, drawn again.

The future is drawn in whole weeks from the weeks that were, so that weekends stay weekends and a slow week stays slow
throughout (a block bootstrap with the week as its block: Künsch 1989, The jackknife and the bootstrap for general stationary
observations, Annals of Statistics 17). What is not known of the pace itself is in it too: each replicate first draws the weeks
that there were, with replacement, then its future from those. A bootstrap of so few weeks is too narrow, by sqrt((n - 1) / n) and
by Student's t against the normal (Hesterberg 2015, What teachers should know about the bootstrap, The American Statistician 69,
371-386): so the weeks are first moved apart by that much, each total to a power, their mean kept. Nobody knows what will be added to
the queue meanwhile, nor who will stop or join: nothing is taken to be, and nobody to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtri, stdtrit

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import FloatArray
from analytics.results import Estimate

FEWEST_WEEKS = 4
"""Whole weeks of work that a forecast needs."""

MOST_WEEKS = 12
"""Older weeks than these newest ones say little of the next."""

FARTHEST = 520
"""Weeks after which a queue is said not to get empty."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the queue is empty.

    Attributes:
        days: from `today` on until the last one is done (unit "days"), with its interval; undefined with too few weeks, without
            progress, or where the interval does not end.
        done_on: the middle day; None where undefined.
        earliest, latest: the ends of the interval.
        n_weeks: that the forecast rests on.
    """

    days: Estimate
    done_on: date | None
    earliest: date | None
    latest: date | None
    n_weeks: int


def forecast(
    daily: pl.DataFrame,
    *,
    left: int,
    today: date,
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Forecast:
    """When `left` more will be done at the pace of the last weeks.

    Args:
        daily: day (Date, unique) and n (done that day, 0 or more); days without a row have 0 between the first row and today.
        left: how many wait, 0 or more.
        today: the first day of the forecast; it is not counted as past.
        replicates: of the bootstrap.
        confidence: of the interval.
        seed: of the draws.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or option that breaks its contract.
    """
    _check(daily, left)
    if left == 0:
        return Forecast(Estimate(0.0, 0.0, 0.0, 0, unit="days", n_unit="weeks"), today, today, today, 0)
    weeks = _weeks(daily, today)
    if len(weeks) < FEWEST_WEEKS:
        said = f"fewer than {FEWEST_WEEKS} whole weeks of work are known ({len(weeks)} so far)"
        return _undefined(said, len(weeks))
    if not weeks.sum():
        return _undefined("nothing was done in these weeks", len(weeks))
    apart = _apart(weeks, confidence)
    days = _days_needed(apart, left, replicates, np.random.default_rng(seed))
    places = [(1 - confidence) / 2, 0.5, (1 + confidence) / 2]
    low, middle, high = np.quantile(days, places, method="inverted_cdf")
    if not np.isfinite(high):
        return _undefined(f"at this pace it may not be empty within {FARTHEST // 52} years", len(weeks))
    found = Estimate(float(middle), float(low), float(high), len(weeks), unit="days", n_unit="weeks")
    ends = [today + timedelta(days=int(one) - 1) for one in (middle, low, high)]
    return Forecast(found, ends[0], ends[1], ends[2], len(weeks))


def queue_cost(each: FloatArray, *, left: int, currency: str, confidence: float = 0.95) -> Estimate:
    """What settling `left` more will cost, from what each that was settled did.

    The interval is one of prediction: with m and s the mean and deviation of n costs the sum of w more lies within
    t s sqrt(w + w^2 / n) of w m (Hahn & Meeker 1991, Statistical intervals, section 4.8, for a sum of w). It takes those that wait to
    be like those that were settled, and costs nothing of what is added meanwhile.

    Args:
        each: (n,) main units, 0 or more.
        left: how many wait, 0 or more.
        currency: the unit of the estimate.
        confidence: of the interval.

    Returns:
        Main units; without an interval from a single cost; undefined where nothing was settled.

    >>> found = queue_cost(np.array([0.5, 0.7, 0.6, 0.6]), left=10, currency="EUR")
    >>> round(found.value, 6), round(found.low, 2), round(found.high, 2)
    (6.0, 4.46, 7.54)
    """
    n = len(each)
    if n and not (np.isfinite(each).all() and each.min() >= 0):
        raise BadOption("each", float(each.min()), "a cost of 0 or more for each")
    if isinstance(left, bool) or not isinstance(left, int) or left < 0:
        raise BadOption("left", left, "a whole number of 0 or more")
    if n == 0:
        return Estimate.none("nothing was settled yet", unit=currency, n_unit="settled")
    total = float(each.mean()) * left
    if n == 1:
        return Estimate(total, None, None, n, unit=currency, n_unit="settled")
    half = float(stdtrit(n - 1, (1 + confidence) / 2) * each.std(ddof=1) * np.sqrt(left + left * left / n))
    return Estimate(total, max(total - half, 0.0), total + half, n, unit=currency, n_unit="settled")


def _check(daily: pl.DataFrame, left: int) -> None:
    missing = [name for name in ("day", "n") if name not in daily.columns]
    if missing:
        raise MissingColumn("daily", missing, daily.columns)
    if daily["day"].n_unique() != daily.height or daily["day"].null_count():
        raise BadColumn("daily", "day", "has to name each day once")
    if daily.height and (daily["n"].null_count() or (daily["n"] < 0).any()):
        raise BadColumn("daily", "n", "has to be 0 or more and never null")
    if isinstance(left, bool) or not isinstance(left, int) or left < 0:
        raise BadOption("left", left, "a whole number of 0 or more")


def _weeks(daily: pl.DataFrame, today: date) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(weeks, 7) what was done on each of the seven days up to today, newest week last; column 0 is today's weekday."""
    past = daily.filter(pl.col("day") < today, pl.col("n") > 0)
    first = past["day"].min()
    if not isinstance(first, date):
        return np.empty((0, 7))
    n_weeks = min((today - first).days // 7, MOST_WEEKS)
    start = today - timedelta(days=7 * n_weeks)
    recent = past.filter(pl.col("day") >= start)
    flat = np.zeros(7 * n_weeks)
    flat[(recent["day"] - start).dt.total_days().to_numpy()] = recent["n"].to_numpy()
    return flat.reshape(-1, 7)


def _apart(
    weeks: np.ndarray[tuple[int, int], np.dtype[np.float64]], confidence: float
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The weeks as far apart as a bootstrap of so few needs; their mean total stays, and a week without work stays one."""
    n, totals = len(weeks), weeks.sum(axis=1)
    level = (1 + confidence) / 2
    wider = float(np.sqrt(n / (n - 1)) * stdtrit(n - 1, level) / ndtri(level))
    ratio = totals / totals.mean()
    raised = ratio**wider
    grown = np.divide(raised / raised.mean(), ratio, out=np.zeros(n), where=ratio > 0)
    return np.asarray(weeks * grown[:, None])


def _days_needed(
    weeks: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    left: int,
    replicates: int,
    rng: np.random.Generator,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(replicates,) days until so many are done; infinite where that is too far off."""
    n = len(weeks)
    known = rng.integers(0, n, (replicates, n))
    done, days = np.zeros(replicates), np.full(replicates, np.inf)
    for week in range(FARTHEST):
        open_ones = np.flatnonzero(~np.isfinite(days))
        if not len(open_ones):
            break
        drawn = known[open_ones, rng.integers(0, n, len(open_ones))]
        run = done[open_ones, None] + weeks[drawn].cumsum(axis=1)
        reached = run >= left
        ended = reached.any(axis=1)
        days[open_ones[ended]] = 7 * week + reached[ended].argmax(axis=1) + 1
        done[open_ones] = run[:, -1]
    return days


def _undefined(why: str, n_weeks: int) -> Forecast:
    return Forecast(Estimate.none(why, n_weeks, unit="days", n_unit="weeks"), None, None, None, n_weeks)
