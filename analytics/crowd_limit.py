"""Which members of a crowd are surely beyond a limit, so that the chance of naming any of them wrongly stays under a level.

Each member is tested against the limit, one-sided; the p-values are corrected by Holm (1979, Scandinavian Journal of Statistics 6),
which controls the chance of one wrong name or more (the family-wise error rate) however the members' figures hang together: people who
label the same items share their luck. The intervals of those named count how many were picked out of how many (FCR: Benjamini &
Yekutieli 2005); as Holm's R-th smallest p-value is at most level / (m - R + 1), which is at most R level / m, every one of them leaves
the limit out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, stdtr, stdtrit

from analytics.errors import BadOption
from analytics.frames import FloatArray
from analytics.intervals import holm

Side = Literal["under", "over"]
LEVEL = 0.025
"""One-sided, as one end of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """Of each of M members: `is_beyond`, whether they are named; `p_adjusted` (Holm); `value`, the figure that was tested; `low`, `high`:
    its interval, that of 95 % for those not named, for those named the wider one that counts how many were picked.
    """

    is_beyond: NDArray[np.bool_]
    p_adjusted: FloatArray
    value: FloatArray
    low: FloatArray
    high: FloatArray


def shares_beyond(
    share: FloatArray, n: FloatArray, *, limit: float, side: Side, level: float = LEVEL
) -> Beyond:
    """Members whose share is surely beyond the limit: the exact binomial test, of an effective n where cases of a member hang together.

    P(at most k of n at the limit) is an incomplete beta function, which takes an n that is no whole number as well (Korn & Graubard
    1998, Survey Methodology 24); the intervals are Clopper & Pearson's (1934).

    Args:
        share: (M,) between 0 and 1.
        n: (M,) cases, or as many as theirs count for; above 0.
        limit: inside (0, 1); at 0 nothing is under it and at 1 nothing over it.
        side: on which side of it a member is named.
        level: the chance of naming anybody who is not beyond it.

    Raises:
        BadOption: a share, n, limit, side or level that is none.
    """
    share, n = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    _check(limit, side, level, 0.0, 1.0)
    if not (np.all((share >= 0) & (share <= 1)) and np.all(n > 0)):
        raise BadOption("share", share, "between 0 and 1, of an n above 0")
    k = share * n
    p_values = _binomial_tail(k, n, limit) if side == "under" else _binomial_tail(n - k, n, 1 - limit)
    adjusted = holm(p_values)
    confidence = _confidence(adjusted, level)
    tail = (1 - confidence) / 2
    low = np.where(k <= 0, 0.0, betaincinv(np.maximum(k, 1e-12), n - k + 1, tail))
    high = np.where(k >= n, 1.0, betaincinv(k + 1, np.maximum(n - k, 1e-12), 1 - tail))
    return Beyond(adjusted <= level, adjusted, share, low, high)


def means_beyond(
    mean: FloatArray, standard_error: FloatArray, df: FloatArray, *, limit: float, side: Side, level: float = LEVEL
) -> Beyond:  # fmt: skip
    """Members of whom every mean (or change of a mean) is surely beyond the limit, by Student's t.

    Where a member has F means, the least sure of them counts: the larger p-value needs no correction (an intersection-union test: Berger
    1982, Technometrics 24), and the interval is that mean's.

    Args:
        mean: (F, M).
        standard_error: (F, M) 0 or more. One without any spread is beyond the limit where the mean is.
        df: (F, M) degrees of freedom, above 0.
        limit, side, level: as in `shares_beyond`, the limit any number.

    Raises:
        BadOption: as `shares_beyond`.
    """
    mean, error = np.asarray(mean, dtype=np.float64), np.asarray(standard_error, dtype=np.float64)
    df = np.asarray(df, dtype=np.float64)
    _check(limit, side, level, -np.inf, np.inf)
    if not (np.all(error >= 0) and np.all(df > 0)):
        raise BadOption("standard_error", standard_error, "0 or more, of degrees of freedom above 0")
    gap = (mean - limit) if side == "under" else (limit - mean)
    none = np.where(gap < 0, -np.inf, np.inf)
    p_values = stdtr(df, np.divide(gap, error, out=none, where=error > 0))
    least = np.argmax(p_values, axis=0)[None, :]
    p_value, mean, error, df = (
        np.take_along_axis(one, least, axis=0)[0] for one in (p_values, mean, error, df)
    )
    adjusted = holm(p_value)
    half = error * stdtrit(df, (1 + _confidence(adjusted, level)) / 2)
    return Beyond(adjusted <= level, adjusted, mean, mean - half, mean + half)


def _binomial_tail(k: FloatArray, n: FloatArray, limit: float) -> FloatArray:
    """P(at most k of n) where each is one with the chance `limit`: I_(1 - limit)(n - k, k + 1)."""
    inside = betainc(np.maximum(n - k, 1e-12), k + 1, 1 - limit)
    return np.asarray(np.where(k >= n, 1.0, inside), dtype=np.float64)


def _confidence(adjusted: FloatArray, level: float) -> FloatArray:
    """Of each interval: 1 - 2 level R / m for the R of m that are named, 1 - 2 level for the others."""
    named = adjusted <= level
    share = named.sum() / max(named.size, 1)
    return np.where(named, 1 - 2 * level * share, 1 - 2 * level)


def _check(limit: float, side: str, level: float, lowest: float, highest: float) -> None:
    if side not in ("under", "over"):
        raise BadOption("side", side, ("under", "over"))
    if not lowest <= limit <= highest:
        raise BadOption("limit", limit, f"between {lowest:g} and {highest:g}")
    if not 0 < level < 0.5:
        raise BadOption("level", level, "between 0 and 0.5")
