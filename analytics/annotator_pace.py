"""Who is too fast, or slow, for the items they had: times compared within the same kind of work.

The logarithm of each time is set against the median of all such times in its cell (the same label given, by default;
any column, such as the item), so nobody looks fast for having had the easy items. An annotator's figure is the median
of their differences, and its robust z is taken among annotators:

    z = (median_a - median of all medians) / (1.4826 x median absolute deviation of all medians)

Beyond 3.5 in size is the usual mark of an outlier (Iglewicz & Hoaglin 1993). Among few annotators the deviation itself
is uncertain: of simulated annotators who were all alike 0.4 % were beyond it among 20, 4 % among 6. It says "look", not
"cheated".
"""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics.annotators import known_times
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import VOTES, require
from analytics.intervals import wilson_bounds

MIN_ANNOTATORS = 10
"""Annotators with enough times that a z among annotators needs."""

_TO_SIGMA = 1.4826


def speed_anomalies(
    votes: pl.DataFrame, *, within: str = "label_code", floor_seconds: float = 1.0, min_n: int = 20
) -> pl.DataFrame:
    """How fast each annotator is for the work they had, and how often they are faster than anybody can read.

    Args:
        votes: a frame that keeps VOTES, with `active_seconds` (null: unknown).
        within: the column whose values are the kinds of work compared: "label_code", "item_code", or any of integers.
        floor_seconds: under so many seconds nobody can have looked; a time under it counts as it in the medians.
        min_n: known times that an annotator needs for a z.

    Returns:
        One row an annotator, sorted: annotator_code, n_timed, ratio (of their times to others' for the same work: exp
        of the median difference), z (negative: fast), n_under_floor, share_under_floor, low, high (Wilson, 95 %),
        undefined (why there is no z).

    Raises:
        MissingColumn, BadColumn: as `annotators.speed`; for a `within` that is missing or has no codes.
        BadOption: `floor_seconds` is not above 0, or `min_n` is under 1.
    """
    if not 0 < floor_seconds < float("inf"):
        raise BadOption("floor_seconds", floor_seconds, "a number above 0")
    if isinstance(min_n, bool) or not isinstance(min_n, int) or min_n < 1:
        raise BadOption("min_n", min_n, "a whole number of 1 or more")
    require(votes, VOTES)
    _require_cells(votes, within)
    timed = known_times(votes).with_columns(cell=votes.get_column(within))
    seconds = pl.col("active_seconds")
    logs = timed.with_columns(log=seconds.clip(floor_seconds).log())
    apart = logs.with_columns(apart=pl.col("log") - pl.col("log").median().over("cell"))
    by_annotator = (
        apart.group_by("annotator_code")
        .agg(
            n_timed=seconds.count().cast(pl.Int64),
            median=pl.col("apart").median(),
            n_under_floor=(seconds < floor_seconds).sum().cast(pl.Int64),
        )
        .sort("annotator_code")
    )
    return _judged(by_annotator, min_n)


def _require_cells(votes: pl.DataFrame, within: str) -> None:
    if within not in votes.columns:
        raise MissingColumn(VOTES.name, [within], votes.columns)
    cells = votes.get_column(within)
    if votes.height and (not cells.dtype.is_integer() or cells.null_count()):
        raise BadColumn(VOTES.name, within, "has to hold integers without nulls")


def _judged(by_annotator: pl.DataFrame, min_n: int) -> pl.DataFrame:
    n, under = (by_annotator.get_column(name).to_numpy() for name in ("n_timed", "n_under_floor"))
    low, high = wilson_bounds(under, n)
    enough = by_annotator.filter(pl.col("n_timed") >= min_n).get_column("median").to_numpy()
    centre = np.median(enough) if enough.size else np.nan
    spread = np.median(np.abs(enough - centre)) if enough.size else np.nan
    usable = enough.size >= MIN_ANNOTATORS and bool(spread > 1e-12)
    z = (pl.col("median") - centre) / (_TO_SIGMA * spread) if usable else pl.lit(None, dtype=pl.Float64)
    some = pl.col("n_timed") > 0
    few = (
        f"fewer than {MIN_ANNOTATORS} annotators have {min_n} known times"
        if enough.size < MIN_ANNOTATORS
        else "at least half of the annotators take equally long: there is no spread to compare with"
    )
    return by_annotator.select(
        "annotator_code",
        "n_timed",
        ratio=pl.col("median").exp(),
        z=pl.when(pl.col("n_timed") >= min_n).then(z),
        n_under_floor="n_under_floor",
        share_under_floor=pl.when(some).then(pl.col("n_under_floor") / pl.col("n_timed")),
        low=pl.when(some).then(pl.Series(low, dtype=pl.Float64)),
        high=pl.when(some).then(pl.Series(high, dtype=pl.Float64)),
        undefined=pl.when(pl.col("n_timed") < min_n)
        .then(pl.lit(f"fewer than {min_n} annotations have a time"))
        .when(pl.lit(not usable))
        .then(pl.lit(few)),
    )
