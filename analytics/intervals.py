"""Wilson's interval for a share (of clusters too), the bootstrap of items for the rest, a correction for many comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from analytics.chunks import run_each
from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray, Patterns
from analytics.results import Estimate

MAX_WEIGHTS = 4_000_000
"""Numbers a step of the bootstrap holds at once (8 bytes each); more are drawn in chunks, from the same
stream."""

MAX_UNDEFINED_SHARE = 0.05
"""Where more of the replicates than this are undefined, no interval is claimed."""

_NO_SPREAD = 1e-12
_BINOMIAL_COST = 12  # one binomial draw takes about as long as this many draws of an index
_STREAMS = 4  # however many cores there are: the draws have to be the same everywhere
_WORTH_ONE_CALL = 50_000  # draws that stay in the cache
_WORTH_A_ROW = 150  # rare patterns that make it worth to draw row by row
_WORTH_THREADS = 20_000  # draws that take longer than starting threads

Statistic = Callable[[FloatArray], FloatArray]
"""From weights (R, P) of P patterns to values (R, ...); NaN where a row of weights leaves the figure
undefined."""


def check_interval_options(replicates: int, confidence: float) -> None:
    """Refuse options that no interval has.

    Raises:
        BadOption: `replicates` is not a whole number of 0 or more, or `confidence` is not inside (0, 1).
    """
    if isinstance(replicates, bool) or not isinstance(replicates, int) or replicates < 0:
        raise BadOption("replicates", replicates, "a whole number, 0 (no interval) or more")
    if not 0 < confidence < 1:
        raise BadOption("confidence", confidence, "between 0 and 1, such as 0.95")


def wilson_bounds(
    successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval (1927) for shares: low and high for each (successes, n); NaN where n is 0.

    centre = (s + z^2/2) / (n + z^2), half = z / (n + z^2) * sqrt(s (n - s) / n + z^2/4).

    Raises:
        BadOption: `confidence` is not inside (0, 1), or successes are not within 0 and n.
    """
    check_interval_options(0, confidence)
    s = np.asarray(successes, dtype=np.float64)
    total = np.asarray(n, dtype=np.float64)
    if np.any(s < 0) or np.any(s > total):
        raise BadOption("successes", successes, "between 0 and n")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    some = total > 0
    variance = np.divide(
        s * (total - s), total, out=np.full(np.broadcast(s, total).shape, np.nan), where=some
    )
    half = z * np.sqrt(variance + z * z / 4) / (total + z * z)
    centre = (s + z * z / 2) / (total + z * z)
    # At 0 and n the ends are exactly 0 and 1; rounding would leave them a hair inside or outside.
    low = np.where(some & (s == 0), 0.0, np.maximum(centre - half, 0.0))
    high = np.where(some & (s == total), 1.0, np.minimum(centre + half, 1.0))
    return np.asarray(low), np.asarray(high)


def wilson_of_clusters(
    group: IntArray, successes: ArrayLike, n: ArrayLike, n_groups: int, *, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Wilson's interval for a share whose cases come in clusters that go together (labels of one item, judged at once).

    Of n cases in m clusters, n_eff = p (1 - p) / var(p) count, var(p) the between-cluster variance of a ratio:
    m / (m - 1) * sum_c (s_c - p n_c)^2 / n^2. It is shrunk by (z / t_(m-1))^2 and never over n (Korn & Graubard 1998,
    Survey Methodology 24). At shares of 0 and 1, and in one cluster, n_eff is m: nothing is known of the spread there.

    Args:
        group: (C,) to which share each cluster belongs, from 0 to n_groups - 1.
        successes: (C,) of each cluster.
        n: (C,) cases of each cluster, 1 or more. Where all of them are 1 this is `wilson_bounds`.
        n_groups: G.
        confidence: of the interval.

    Returns:
        Low and high, (G,) each; NaN for a group without clusters.

    Raises:
        BadOption: as `wilson_bounds`.
    """
    check_interval_options(0, confidence)
    s, k = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    m = np.bincount(group, minlength=n_groups).astype(np.float64)
    hits, total = np.bincount(group, s, n_groups), np.bincount(group, k, n_groups)
    share = np.divide(hits, total, out=np.zeros(n_groups), where=total > 0)
    spread = np.bincount(group, (s - share[group] * k) ** 2, n_groups)
    several = (m > 1) & (hits > 0) & (hits < total)
    variance = np.divide(m * spread, (m - 1) * total**2, out=np.zeros(n_groups), where=several)
    known = several & (variance > 0)
    counted = np.where(several, total, m)  # without any spread between clusters: as many as there are cases
    np.divide(share * (1 - share), variance, out=counted, where=known)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    counted[known] *= (z / stdtrit(m[known] - 1, (1 + confidence) / 2)) ** 2
    counted = np.where(total == m, total, np.minimum(counted, total))
    return wilson_bounds(np.minimum(share * counted, counted), counted, confidence=confidence)


def wilson(successes: int, n: int, *, confidence: float = 0.95, n_unit: str = "items") -> Estimate:
    """A share with its Wilson interval; undefined where n is 0.

    >>> share = wilson(0, 10)
    >>> share.value, share.low, round(share.high, 4)
    (0.0, 0.0, 0.2775)
    """
    low, high = wilson_bounds(successes, n, confidence=confidence)
    if n == 0:
        return Estimate.none(f"there are no {n_unit}", n_unit=n_unit)
    return Estimate(successes / n, float(low), float(high), n, n_unit=n_unit)


def percentile_interval(replicates: FloatArray, confidence: float) -> tuple[float, float] | None:
    """The percentile interval of bootstrap replicates, or None where it would claim more than it knows.

    None: no replicates; more than 5 % of them undefined (NaN); or all of them equal, as when every item
        agrees, since
    a sample without spread cannot tell how far the truth may be.
    """
    defined = replicates[np.isfinite(replicates)]
    if not defined.size or defined.size < (1 - MAX_UNDEFINED_SHARE) * replicates.size:
        return None
    if np.ptp(defined) <= _NO_SPREAD:
        return None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def resampled_weights(patterns: Patterns, replicates: int, seed: int) -> Iterator[FloatArray]:
    """Resample items with replacement: how often each pattern is drawn, in chunks (r, P).

    A chunk has so few rows that neither it nor its label counts (r, K) exceed MAX_WEIGHTS.

    Equal items are exchangeable, so the counts of a pattern are multinomial: drawn as such where items are
    many to a pattern, else by drawing items and counting them. Both are the exact bootstrap of items (Efron
    1979).

    Args:
        patterns: P patterns of I items in all.
        replicates: R, the rows over all chunks.
        seed: the same seed gives the same weights, whatever the chunks.
    """
    n_items = patterns.n_items
    n_patterns, total = n_items.size, int(n_items.sum())
    rows = max(1, MAX_WEIGHTS // max(*patterns.counts.shape, 1))
    if n_patterns * _BINOMIAL_COST < total:
        streams = np.random.default_rng(seed).spawn(_STREAMS)
        for start in range(0, replicates, rows):
            yield _multinomial(n_items, range(start, min(start + rows, replicates)), streams)
        return
    rng = np.random.default_rng(seed)
    pattern_of = np.repeat(np.arange(n_patterns), n_items)
    for start in range(0, replicates, rows):
        weights = np.empty((min(rows, replicates - start), n_patterns))
        step = max(1, _WORTH_ONE_CALL // max(total, 1))
        for first in range(0, len(weights), step):
            some = weights[first : first + step]
            drawn = pattern_of[rng.integers(0, total, size=(len(some), total))]
            drawn += np.arange(len(some))[:, None] * n_patterns
            some[:] = np.bincount(drawn.ravel(), minlength=some.size).reshape(some.shape)
        yield weights


def _multinomial(n_items: IntArray, rows: range, streams: list[np.random.Generator]) -> FloatArray:
    """Rows of the bootstrap of patterns: row r comes from stream r mod S, so that S cores can draw at once."""
    weights = np.empty((len(rows), n_items.size))
    total = int(n_items.sum())
    often = np.flatnonzero(n_items > _BINOMIAL_COST)
    rare = np.flatnonzero(n_items <= _BINOMIAL_COST)
    pattern_of = np.repeat(rare, n_items[rare])
    # The rare patterns are one cell of the multinomial; which of them it was is drawn item by item.
    shares = np.append(n_items[often], pattern_of.size) / total

    def draw(stream: int) -> None:
        own, rng = weights[(stream - rows.start) % len(streams) :: len(streams)], streams[stream]
        if rare.size < _WORTH_A_ROW:
            own[:] = rng.multinomial(total, n_items / total, size=len(own))
            return
        for row in own:
            drawn = rng.multinomial(total, shares)
            places = pattern_of[rng.integers(0, pattern_of.size, size=drawn[-1])]
            row[:] = np.bincount(places, minlength=n_items.size)
            row[often] = drawn[:-1]

    if weights.size < _WORTH_THREADS:
        for stream in range(len(streams)):
            draw(stream)
    else:
        run_each(draw, len(streams))
    return weights


def bootstrap_items(patterns: Patterns, statistic: Statistic, *, replicates: int, seed: int) -> FloatArray:
    """Replicates (R, ...) of a statistic of pattern weights, items resampled with replacement."""
    values = [statistic(weights) for weights in resampled_weights(patterns, replicates, seed)]
    return np.concatenate(values) if values else np.zeros(0)


def estimate_over_items(
    patterns: Patterns,
    statistic: Statistic,
    *,
    n: int,
    unit: str,
    replicates: int,
    seed: int,
    confidence: float,
) -> Estimate:
    """A statistic of pattern weights that is defined, with its percentile bootstrap interval over items."""
    value = float(statistic(patterns.n_items[None, :].astype(np.float64))[0])
    drawn = bootstrap_items(patterns, statistic, replicates=replicates, seed=seed)
    low, high = percentile_interval(drawn, confidence) or (None, None)
    return Estimate(value, low, high, n, unit=unit)


def estimates_over_items(
    patterns: Patterns,
    statistics: Sequence[Statistic],
    *,
    n: int,
    units: Sequence[str],
    replicates: int,
    seed: int,
    confidence: float,
) -> list[Estimate]:
    """As `estimate_over_items` of each statistic by itself: the same items are drawn for all of them, once."""

    def together(weights: FloatArray) -> FloatArray:
        return np.stack([statistic(weights) for statistic in statistics], axis=1)

    values = together(patterns.n_items[None, :].astype(np.float64))[0]
    drawn = bootstrap_items(patterns, together, replicates=replicates, seed=seed)
    columns = drawn.T if drawn.size else [np.zeros(0)] * len(statistics)
    found = []
    for value, column, unit in zip(values, columns, units, strict=True):
        low, high = percentile_interval(column, confidence) or (None, None)
        found.append(Estimate(float(value), low, high, n, unit=unit))
    return found


def benjamini_hochberg(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Benjamini & Hochberg's (1995) adjusted p-values, in the order given.

    Reject where the adjusted one is at most the level: adjusted_(i) = min over j >= i of p_(j) m / j, at
    most 1. It controls the false discovery rate for independent or positively dependent tests.

    Raises:
        BadOption: a p-value is outside [0, 1] or not a number.

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    p = _p_values(p_values)
    order = np.argsort(p)
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def holm(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Holm's (1979) adjusted p-values, in the order given: adjusted_(i) = max over j <= i of (m - j + 1) p_(j), at most 1.

    Raises:
        BadOption: a p-value is outside [0, 1] or not a number.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1.0)
    return adjusted


def _p_values(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """The p-values as an array; BadOption where one is none."""
    p = np.asarray(p_values, dtype=np.float64)
    if not np.all((p >= 0) & (p <= 1)):
        raise BadOption("p_values", p_values, "numbers between 0 and 1")
    return p
