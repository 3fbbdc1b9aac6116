"""A label's rate day by day: the sequential test in charge, the other one and change points as description."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import get_args

import polars as pl

from analytics import sequential
from analytics.change_points import change_points
from analytics.week_hours import expected_by_hour

CHARTS: tuple[sequential.Chart, ...] = get_args(sequential.Chart)
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
    rows: pl.DataFrame,
    codes: Collection[int],
    *,
    chart: sequential.Chart,
    shift: float,
    run_length: int,
    seed: int,
) -> Trend:
    """Watch the share of the annotations whose label is one of `codes`, the window's days after the reference's."""
    at = pl.col("at")
    cells = (
        rows.group_by(
            period=at.dt.date(),
            week_hour=24 * (at.dt.weekday().cast(pl.Int64) - 1) + at.dt.hour().cast(pl.Int64),
        )
        .agg(k=pl.col("label_code").is_in(list(codes)).sum(), n=pl.len(), window=pl.col("window").min())
        .sort("period", "week_hour")
    )
    days = (
        cells.group_by("period")
        .agg(pl.col("k", "n").sum(), pl.col("window").min(), season_code=pl.col("week_hour").first() // 24)
        .sort("period")
    )
    n_reference = int((days["window"] == 0).sum())
    old = days["period"].head(n_reference)
    by_hour = expected_by_hour(cells.with_columns(reference=pl.col("period").is_in(old.implode())))
    if by_hour is not None:
        days = days.join(by_hour, on="period", how="left", maintain_order="left")
    other_chart = next(one for one in CHARTS if one != chart)
    watched, other = (
        sequential.watch(
            days, n_reference=n_reference, chart=one, shift=shift, run_length=run_length, seed=seed
        )
        for one in (chart, other_chart)
    )
    season = HOURS if by_hour is not None else DAYS if watched.seasonal else NONE
    if watched.undefined is not None:
        return Trend(watched, other, other_chart, (), NONE)
    periods = watched.periods["period"]
    points = tuple(
        {"at": str(periods[p.at]), "low": str(periods[p.low]), "high": str(periods[p.high])}
        for p in change_points(watched.periods["z"].to_numpy(), seed=seed)
    )
    return Trend(watched, other, other_chart, points, season)
