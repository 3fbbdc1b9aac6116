"""What share of a label to expect of a period by the hours of the week that its annotations are from.

Every hour of the week has a rate of its own in the reference; a period's expected share is their mean, weighted by the period's
annotations (indirect standardisation, as of death rates by age). A day of which only the morning is there, or that was worked by
the night shift, is then compared with mornings and nights.
"""

from __future__ import annotations

import polars as pl

from analytics.errors import MissingColumn

MIN_CYCLES = 3
"""Days of the reference with annotations in an hour of the week that it needs for a rate of its own."""
MIN_SHARE = 0.95
"""Of the annotations of the reference and of the others: so many are in such hours, or hours are not taken out."""


def expected_by_hour(cells: pl.DataFrame) -> pl.DataFrame | None:
    """The expected share of each period; None where the reference does not have the hours often enough.

    An hour of the week with too few days has the rate of its day of the week.

    Args:
        cells: period, week_hour (0 to 167: 24 x day of the week + hour), k, n, reference (true or false); a row a period and hour.

    Returns:
        period, expected; sorted.

    Raises:
        MissingColumn: one of them is not there.
    """
    needed = ("period", "week_hour", "k", "n", "reference")
    missing = [name for name in needed if name not in cells.columns]
    if missing:
        raise MissingColumn("cells", missing, cells.columns)
    known = cells.filter(pl.col("reference") & (pl.col("n") > 0)).with_columns(day=pl.col("week_hour") // 24)
    by_hour = known.group_by("week_hour").agg(
        often=pl.col("period").n_unique() >= MIN_CYCLES, rate=pl.col("k").sum() / pl.col("n").sum()
    )
    by_day = known.group_by("day").agg(day_rate=pl.col("k").sum() / pl.col("n").sum())
    joined = (
        cells.with_columns(day=pl.col("week_hour") // 24)
        .join(by_hour, on="week_hour", how="left")
        .join(by_day, on="day", how="left")
    )
    often = pl.col("often").fill_null(value=False)
    held = joined.group_by("reference").agg(
        share=pl.col("n").filter(often).sum() / pl.max_horizontal(pl.col("n").sum(), 1)
    )
    if held.is_empty() or float(held["share"].min()) < MIN_SHARE:  # type: ignore[arg-type]  # of floats
        return None
    rate = pl.when(often).then("rate").otherwise("day_rate")
    told = joined.with_columns(rate=rate)
    if told["rate"].null_count():
        return None
    return (
        told.group_by("period")
        .agg(expected=(pl.col("rate") * pl.col("n")).sum() / pl.max_horizontal(pl.col("n").sum(), 1))
        .sort("period")
    )
