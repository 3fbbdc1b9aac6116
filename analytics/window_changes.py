"""How a figure changed from a reference to a window, with an interval: of two estimates, of paces, of means."""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics.errors import BadOption, MissingColumn
from analytics.frames import Contract, FloatArray, require
from analytics.results import Estimate

TIMES = Contract("times", ("annotator_code", "window"))
"""One row a timed annotation: `window` 0 for the reference and 1 for the window; and `active_seconds` above 0."""
MIN_TIMES, MIN_PEOPLE, MIN_ITEMS = 10, 6, 30
"""Times of a person in each window; people with so many; items of each window for a mean."""
_Z = 1.959963984540054


def difference(before: Estimate, after: Estimate, *, unit: str = "coefficient") -> Estimate:
    """After minus before, of estimates that vary independently of each other: their errors add up in squares, on each side by itself
    (R. Newcombe 1998, Statistics in Medicine 17; Zou & Donner 2008, ibid. 27).

    Undefined where one of the two is, with its reason; without an interval where one of them has none.
    """
    n = before.n + after.n
    if before.value is None or after.value is None:
        reason = before.undefined if before.value is None else after.undefined
        return Estimate.none(f"undefined in a window: {reason}", n, unit=unit, n_unit=after.n_unit)
    value = after.value - before.value
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return Estimate(value, None, None, n, unit=unit, n_unit=after.n_unit)
    low = value - float(np.hypot(after.value - after.low, before.high - before.value))
    high = value + float(np.hypot(after.high - after.value, before.value - before.low))
    return Estimate(value, low, high, n, unit=unit, n_unit=after.n_unit)


def pace_change(times: pl.DataFrame, *, confidence: float = 0.95) -> Estimate:
    """The median over annotators of the ratio of their median seconds, window to reference, with the interval of signs.

    The interval runs from the k-th smallest to the k-th largest ratio, k the most for which a median outside has a binomial
    probability of at most 1 - confidence: it holds for every distribution of the ratios (Conover 1999, Practical Nonparametric
    Statistics, 3.2).

    Args:
        times: a frame that keeps TIMES.
        confidence: at least so often the interval holds the median of all such people.

    Raises:
        MissingColumn, BadColumn: as `require`.
        BadOption: a confidence outside (0, 1).
    """
    require(times, TIMES)
    if "active_seconds" not in times.columns:
        raise MissingColumn(TIMES.name, ["active_seconds"], times.columns)
    if not 0 < confidence < 1:
        raise BadOption("confidence", confidence, "between 0 and 1")
    medians = times.group_by("annotator_code", "window").agg(
        pl.col("active_seconds").median(), pl.len().alias("n")
    )
    enough = medians.filter(pl.col("n") >= MIN_TIMES)
    both = enough.filter(pl.col("window") == 0).join(
        enough.filter(pl.col("window") == 1), on="annotator_code", suffix="_after"
    )
    ratio = np.sort((both["active_seconds_after"] / both["active_seconds"]).to_numpy())
    m = int(ratio.size)
    if m < MIN_PEOPLE:
        reason = f"{m} annotators have {MIN_TIMES} times or more in both windows; it takes {MIN_PEOPLE}"
        return Estimate.none(reason, m, unit="ratio", n_unit="annotators")
    from scipy.special import bdtr

    # The k-th smallest of m is above the median with P(fewer than k of m are under it).
    under = np.array([float(bdtr(k - 1, m, 0.5)) for k in range(1, m // 2 + 1)])
    k = int((under <= (1 - confidence) / 2).sum())
    if k == 0:
        return Estimate(float(np.median(ratio)), None, None, m, unit="ratio", n_unit="annotators")
    return Estimate(
        float(np.median(ratio)), float(ratio[k - 1]), float(ratio[m - k]), m, unit="ratio", n_unit="annotators"
    )  # fmt: skip


def mean_change(before: FloatArray, after: FloatArray) -> Estimate:
    """The mean of the window's items minus that of the reference's, with a 95 % normal interval.

    >>> import numpy as np
    >>> mean_change(np.zeros(10), np.zeros(50)).undefined
    'a window has 10 items with a value; it takes 30'
    """
    n = int(before.size + after.size)
    least = int(min(before.size, after.size))
    if least < MIN_ITEMS:
        return Estimate.none(
            f"a window has {least} items with a value; it takes {MIN_ITEMS}", n, unit="coefficient"
        )
    value = float(after.mean() - before.mean())
    half = _Z * float(np.sqrt(before.var(ddof=1) / before.size + after.var(ddof=1) / after.size))
    return Estimate(value, value - half, value + half, n, unit="coefficient")
