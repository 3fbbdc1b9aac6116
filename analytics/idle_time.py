"""How much of a recorded time was work: what goes beyond a robust limit is idle, and is shown, not thrown away.

The logarithms of a person's times for one kind of work are taken, and the limit is

    exp(median + 3.5 x 1.4826 x median absolute deviation)

beyond which a value is an outlier by the usual rule (Iglewicz & Hoaglin 1993, How to detect and handle outliers, ASQC).
Times are near log-normal, and neither median nor deviation is moved by the few who went for lunch. The deviation is the
person's own or, where that is larger, the one that is usual among all (about their own medians): who often walks away does
not get a wider limit for it. The limit is never under `FLOOR_RATIO` times the median: who always takes 4 seconds is not idle
after 5. Where a person has fewer than `MIN_N` times, or no spread, everybody's times for that work set the limit; where those
are too few as well, nothing is cut off.

Time up to the limit counts as active. So an annotation left open over lunch is counted with the limit, more than it took:
what was cut off is certain to be idle, what was left is not certain to be work.
"""

from __future__ import annotations

import polars as pl

from analytics.errors import BadColumn, BadOption, MissingColumn

MIN_N = 20
"""Known times that a limit of one's own needs; everybody's limit needs as many."""

FLOOR_RATIO = 3.0
"""The limit is at least so many times the median."""

_MADS = 3.5 * 1.4826
_FLOOR_MS = 1000
_NO_SPREAD = 1e-9
_COLUMNS = ("who_code", "work", "milliseconds")


def split_idle(times: pl.DataFrame, *, most_seconds: float | None = None) -> pl.DataFrame:
    """The times with what of them was active and what was idle; unknown times stay unknown.

    Args:
        times: a row a piece of work: who_code, work (its kind), milliseconds (whole; null: unknown).
        most_seconds: a limit that somebody set; then no limit is worked out.

    Returns:
        The rows in their order with active_ms, idle_ms (null where the time is unknown; they sum to milliseconds) and
        limit_ms (null: nothing is cut off).

    Raises:
        MissingColumn, BadColumn: a column is missing, or a time is negative or not whole.
        BadOption: `most_seconds` is not above 0.

    >>> times = pl.DataFrame({"who_code": [1] * 22, "work": ["labelling"] * 22, "milliseconds": [4000, 6000, 9000] * 7 + [900000]})
    >>> split_idle(times)["active_ms"].max(), split_idle(times)["idle_ms"].sum()
    (49193, 850807)
    """
    _check(times)
    if most_seconds is not None and not 0 < most_seconds < float("inf"):
        raise BadOption("most_seconds", most_seconds, "a number of seconds above 0")
    known = pl.col("milliseconds")
    if most_seconds is not None:
        limited = times.with_columns(limit_ms=pl.lit(round(most_seconds * 1000), dtype=pl.Int64))
    else:
        limited = times.join(
            _limits(times), on=("who_code", "work"), how="left", maintain_order="left", nulls_equal=True
        )
    active = pl.min_horizontal(known, pl.coalesce("limit_ms", known))
    return limited.with_columns(active_ms=pl.when(known.is_not_null()).then(active)).with_columns(
        idle_ms=known - pl.col("active_ms")
    )


def _check(times: pl.DataFrame) -> None:
    missing = [name for name in _COLUMNS if name not in times.columns]
    if missing:
        raise MissingColumn("times", missing, times.columns)
    column = times.get_column("milliseconds")
    if not column.dtype.is_integer():
        raise BadColumn("times", "milliseconds", f"has to hold whole milliseconds; it holds {column.dtype}")
    if (column < 0).any():
        raise BadColumn("times", "milliseconds", "has a time that is negative; unknown is null")


def _limits(times: pl.DataFrame) -> pl.DataFrame:
    """who_code, work, limit_ms (null where nothing can be said)."""
    logs = times.drop_nulls("milliseconds").with_columns(log=pl.col("milliseconds").clip(_FLOOR_MS).log())
    apart = logs.with_columns(
        own=(pl.col("log") - pl.col("log").median().over("who_code", "work")).abs(),
        all=(pl.col("log") - pl.col("log").median().over("work")).abs(),
    )
    everybody = apart.group_by("work").agg(
        n_all=pl.len(),
        median_all=pl.col("log").median(),
        usual=pl.col("own").median(),
        spread=pl.col("all").median(),
    )
    each = apart.group_by("who_code", "work").agg(
        n=pl.len(), median=pl.col("log").median(), mad=pl.col("own").median()
    )
    joined = each.join(everybody, on="work", how="left")
    known = (pl.col("n") >= MIN_N) & (pl.col("mad") > _NO_SPREAD)
    usual = (pl.col("n_all") >= MIN_N) & (pl.col("spread") > _NO_SPREAD)
    narrow = pl.when(pl.col("usual") > _NO_SPREAD).then(pl.min_horizontal("mad", "usual")).otherwise("mad")
    limit = (
        pl.when(known)
        .then(_limit(pl.col("median"), narrow))
        .when(usual)
        .then(_limit(pl.col("median_all"), pl.col("spread")))
    )
    return joined.select("who_code", "work", limit_ms=limit.round().cast(pl.Int64))


def _limit(median: pl.Expr, mad: pl.Expr) -> pl.Expr:
    return median.exp() * (_MADS * mad).exp().clip(FLOOR_RATIO)
