"""A label's rate day by day: the sequential test in charge, the other one and change points as description."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import polars as pl

from analytics import sequential
from analytics.change_points import change_points
from analytics.week_hours import expected_by_hour

CHARTS: tuple[sequential.Chart, ...] = get_args(sequential.Chart)
_HOUR = 3_600_000_000
_THURSDAY = 72
"""Hours from Monday to 1 January 1970."""
TREND = {
    "period": pl.Utf8, "rate": pl.Float64, "expected": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64,
    "up": pl.Float64, "down": pl.Float64, "alarm": pl.Boolean, "other_up": pl.Float64, "other_down": pl.Float64,
}  # fmt: skip
HOURS, DAYS, NONE = "hours of the week", "days of the week", ""
"""What is taken out of a rate."""


@dataclass(frozen=True, slots=True)
class Trend:
    """`watched`: by the test in charge; `other`: by the other one, description; `points`: at, low, high of each change point, days;
    `season`: HOURS, DAYS or NONE.
    """

    watched: sequential.Watch
    other: sequential.Watch
    other_chart: sequential.Chart
    points: tuple[dict[str, str], ...]
    season: str


def trend(
    rows: pl.DataFrame, codes: Collection[int], *, chart: sequential.Chart, shift: float, run_length: int, seed: int, n_series: int = 1,
) -> Trend:  # fmt: skip
    """Watch the share of the annotations whose label is one of `codes`, the window's days after the reference's; `n_series`: of how many
    labels this one moved most (1: it was named).
    """
    cells = by_hour(rows, codes)
    days = (
        cells.group_by("period")
        .agg(pl.col("k", "n").sum(), pl.col("window").min(), season_code=pl.col("week_hour").first() // 24)
        .sort("period")
    )
    n_reference = int((days["window"] == 0).sum())
    old = days["period"].head(n_reference)
    expected = expected_by_hour(cells.with_columns(reference=pl.col("period").is_in(old.implode())))
    if expected is not None:
        days = days.join(expected, on="period", how="left", maintain_order="left")
    other_chart = next(one for one in CHARTS if one != chart)
    watched, other = (
        sequential.watch(
            days,
            n_reference=n_reference,
            chart=one,
            shift=shift,
            run_length=run_length,
            n_series=n_series,
            seed=seed,
        )
        for one in (chart, other_chart)
    )
    season = HOURS if expected is not None else DAYS if watched.seasonal else NONE
    if watched.undefined is not None:
        return Trend(watched, other, other_chart, (), NONE)
    periods = watched.periods["period"]
    points = tuple(
        {"at": str(periods[p.at]), "low": str(periods[p.low]), "high": str(periods[p.high])}
        for p in change_points(watched.periods["z"].to_numpy(), seed=seed)
    )
    return Trend(watched, other, other_chart, points, season)


def by_hour(rows: pl.DataFrame, codes: Collection[int]) -> pl.DataFrame:
    """The annotations by hour; hours without any are left out.

    Returns:
        period (day), week_hour (0: Monday before one), k of n annotations, window (0 where any is of the reference).
    """
    at = rows.select(pl.col("at").dt.epoch("us") // _HOUR).to_series().to_numpy()
    first = int(at.min())
    place, length = at - first, int(at.max()) - first + 1
    label = rows["label_code"].to_numpy()
    wanted = np.zeros(int(max(label.max(), *codes)) + 1, dtype=bool)
    wanted[list(codes)] = True
    n_before = rows.height - int(rows["window"].sum())
    counted = (place, place[wanted[label]], place[n_before:])
    n, k, new = (np.bincount(one, minlength=length) for one in counted)
    used = np.flatnonzero(n)
    hour = used + first
    return pl.DataFrame(
        {
            "period": pl.Series(hour // 24).cast(pl.Int32).cast(pl.Date), "week_hour": (hour + _THURSDAY) % 168,
            "k": k[used], "n": n[used], "window": (new[used] == n[used]).astype(np.int64),
        }
    )  # fmt: skip


def facts(course: Trend, chart: str) -> dict[str, Any]:
    """What the tests and change points found, in a measurement's document; `chart`: the one in charge."""
    watched, other = course.watched, course.other
    return {
        "seasonal": course.season == DAYS, "season": course.season, "dispersion": watched.dispersion, "rho": watched.rho,
        "began_at": str(watched.began_at or ""), "alarm_at": str(watched.alarm_at or ""), "unwatched": watched.undefined,
        "chart": chart, "other": {
            "chart": course.other_chart, "limit": other.limit, "began_at": str(other.began_at or ""), "alarm_at": str(other.alarm_at or ""),
        },
        "points": list(course.points),
    }  # fmt: skip


def rows(course: Trend) -> list[dict[str, Any]]:
    """A day a row (TREND), with both tests' sums."""
    other = course.other.periods
    told = course.watched.periods.with_columns(
        pl.col("period").cast(pl.Utf8), other_up=other["up"], other_down=other["down"]
    )
    return told.select(*TREND).to_dicts()


def alarm(label: str, watched: sequential.Watch, run_length: int, *, cause: str) -> dict[str, Any] | None:
    """What the sequential test raised, for an alert: value, limit, n, sentence; None where it raised nothing.

    `cause`: what the split of the window's change says of it, "" for nothing.
    """
    if watched.alarm_at is None:
        return None
    last = watched.periods.filter(pl.col("alarm"))  # at least the day of the alarm
    why = f"; of the window's change {cause}" if cause else ""
    return {
        "value": float(max(last["up"][0], last["down"][0])), "limit": watched.limit, "n": int(last["n"].sum()),
        "sentence": f"The rate of {label} runs {watched.direction} since {watched.began_at}, beyond what chance does "
        f"about once in {run_length:,} days{why}",
    }  # fmt: skip
