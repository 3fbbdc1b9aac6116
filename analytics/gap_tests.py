"""Gaps between two shares: intervals and p-values from bootstrap replicates, effect sizes, many gaps at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, exp, isfinite, log, sqrt
from typing import Literal

import numpy as np
import polars as pl
from scipy.special import stdtr, stdtrit

from analytics.errors import BadOption
from analytics.frames import FloatArray
from analytics.intervals import MAX_UNDEFINED_SHARE, benjamini_hochberg

Correction = Literal["benjamini-hochberg", "benjamini-yekutieli"]

_NO_SPREAD = 1e-12


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a figure is known: its standard error, and the degrees of freedom that this was learned from.

    `error` is None, with a reason, where no interval can be claimed.
    """

    error: float | None
    freedom: float
    undefined: str | None = None

    def ends(self, value: float, confidence: float) -> tuple[float, float] | None:
        """Value -/+ t times the standard error; None where there is none."""
        if self.error is None:
            return None
        reach = float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return value - reach, value + reach

    def p_value(self, value: float) -> float | None:
        """Two-sided p-value of the figure being 0; None where there is no standard error."""
        return None if self.error is None else float(2 * stdtr(self.freedom, -abs(value) / self.error))


def spread_of(replicates: FloatArray, n_one: int, n_other: int) -> Spread:
    """The spread of a difference between two sides, from its bootstrap replicates (R,).

    A bootstrap of n units is too narrow by (n - 1) / n in variance, which is undone with variances taken as going with 1/n;
    the degrees of freedom are Welch's (1947) on the same terms: both matter where ten people are resampled.

    Args:
        replicates: of the figure; NaN where a replicate leaves it undefined.
        n_one: units that were resampled on one side, 2 or more; `n_other`: on the other.
        n_other: see `n_one`.
    """
    defined = replicates[np.isfinite(replicates)]
    if not defined.size or defined.size < (1 - MAX_UNDEFINED_SHARE) * replicates.size:
        return Spread(None, 0.0, "too many replicates of the bootstrap leave it undefined")
    if np.ptp(defined) <= _NO_SPREAD:
        return Spread(None, 0.0, "all alike: a sample without spread cannot tell how far the truth may be")
    if min(n_one, n_other) < 2:
        return Spread(None, 0.0, "one unit on a side cannot tell how far the truth may be")
    sides = (n_one, n_other)
    widened = sum(1 / n for n in sides) / sum((n - 1) / n**2 for n in sides)
    freedom = sum(1 / n for n in sides) ** 2 / sum(1 / (n**2 * (n - 1)) for n in sides)
    return Spread(float(defined.std(ddof=1)) * sqrt(widened), freedom)


def share_ends(share: float, spread: Spread, confidence: float) -> tuple[float, float] | None:
    """An interval for a share inside (0, 1), on the logit scale so that it stays there; None at 0 and 1."""
    if spread.error is None or not 0 < share < 1:
        return None
    ends = Spread(spread.error / (share * (1 - share)), spread.freedom).ends(
        log(share / (1 - share)), confidence
    )
    assert ends is not None  # the error is there
    low, high = (1 / (1 + exp(-min(max(end, -700.0), 700.0))) for end in ends)
    return low, high


def ratio_ends(ratio: float, spread: Spread, confidence: float) -> tuple[float, float] | None:
    """An interval for a ratio of shares above 0, from the spread of its logarithm; None where there is none."""
    if not (ratio > 0 and isfinite(ratio)):
        return None
    ends = spread.ends(log(ratio), confidence)
    return None if ends is None or max(map(abs, ends)) > 700 else (exp(ends[0]), exp(ends[1]))


def two_way_spread(both: Spread, one: Spread, other: Spread) -> Spread:
    """The spread over two kinds of units, from draws of both at once (the pigeonhole bootstrap) and of each alone.

    Where votes vary by unit of the one kind (variance a), of the other (i) and by themselves (e), drawing the one sees a + e,
    the other i + e, and both a + i + 3 e (Owen 2007, theorem 3: that much too wide where e is most of it, as where each item
    has a few of many annotators). So a + i + e = 2 (one + other) - both; never less than either alone.
    """
    if both.error is None:
        return both
    alone = [(spread.error or 0.0) ** 2 for spread in (one, other)]
    return Spread(sqrt(max(2 * sum(alone) - both.error**2, *alone)), both.freedom)


def cohens_h(share: float, other: float) -> float:
    """Cohen's (1988, ch. 6) effect size of two shares: 2 asin sqrt p - 2 asin sqrt q; .2 small, .5 medium, .8 large.

    >>> round(cohens_h(0.445, 0.304), 3)
    0.293
    """
    return 2 * asin(sqrt(share)) - 2 * asin(sqrt(other))


def odds_ratio(share: float, other: float) -> float | None:
    """Odds of one share over the odds of another; None where either is 0 or 1.

    >>> round(odds_ratio(0.445, 0.304), 2)
    1.84
    """
    if not (0 < share < 1 and 0 < other < 1):
        return None
    return share / (1 - share) / (other / (1 - other))


def benjamini_yekutieli(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Benjamini & Yekutieli's (2001) adjusted p-values, in the order given: for tests that depend in any way.

    Benjamini & Hochberg's, times 1 + 1/2 + ... + 1/m, at most 1.

    Raises:
        BadOption: a p-value is outside [0, 1] or not a number.

    >>> benjamini_yekutieli([0.01, 0.04]).tolist()
    [0.03, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    return np.minimum(benjamini_hochberg(p) * np.sum(1 / np.arange(1, p.size + 1)), 1.0)


def adjusted_p(p_values: pl.Series, correction: Correction) -> pl.Series:
    """Adjusted p-values of those that are there; the others stay null and are not counted.

    Raises:
        BadOption: as `benjamini_yekutieli`.
    """
    known = p_values.is_not_null().to_numpy()
    found = np.full(len(p_values), np.nan)
    adjust = benjamini_hochberg if correction == "benjamini-hochberg" else benjamini_yekutieli
    if known.any():
        found[known] = adjust(p_values.drop_nulls().to_numpy())
    return pl.Series(found, dtype=pl.Float64).fill_nan(None)


def fcr_confidence(
    n_picked: int, n_tested: int, *, level: float = 0.05, correction: Correction = "benjamini-hochberg"
) -> float:
    """The confidence that intervals of picked rows need, so that of these at most `level` miss on average.

    1 - R q / m for R picked by Benjamini & Hochberg at q out of m (Benjamini & Yekutieli 2005, JASA 100); where tests
    depend in any way, and were picked by Benjamini & Yekutieli, q is divided by 1 + 1/2 + ... + 1/m (their theorem 4).

    Raises:
        BadOption: `level` is not inside (0, 1), or not 1 <= R <= m.

    >>> round(fcr_confidence(4, 15), 4)
    0.9867
    """
    if not 0 < level < 1:
        raise BadOption("level", level, "between 0 and 1, such as 0.05")
    if not 1 <= n_picked <= n_tested:
        raise BadOption("n_picked", n_picked, f"between 1 and the {n_tested} that were tested")
    penalty = float(np.sum(1 / np.arange(1, n_tested + 1))) if correction == "benjamini-yekutieli" else 1.0
    return 1 - n_picked * level / n_tested / penalty
