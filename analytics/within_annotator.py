"""Effects within annotators: each person is compared with themselves, on items that others labelled too.

With x the thing asked about (place in the session, time taken, suggestion shown) and y the outcome of an annotation, both
without what belongs to the annotator and, where asked, to the item (least squares with a term each: `two_way`; Frisch & Waugh
1933, Econometrica 1), the slope is

    b = sum x y / sum x^2,       clustered by annotator:  b = sum_a n_a / sum_a d_a,  n_a = sum x y,  d_a = sum x^2 of a.

Nobody looks biased for being worse than others, nor for having had the harder items. The interval is b +- t s, s the
standard deviation of b over bootstrap samples of whole annotators, t with (sum d)^2 / sum d^2 - 1 degrees of freedom: one
annotator who has most of the variation is not taken for many. Fewer than 10 annotators: no interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import stdtr, stdtrit

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.intervals import MAX_WEIGHTS, check_interval_options
from analytics.results import Estimate
from analytics.two_way_kernels import slope_sums

MIN_ANNOTATORS = 10
"""Annotators that an interval over annotators needs."""

_NO_VARIATION = 1e-12
_KEPT_WEIGHTS = 1_000_000


@dataclass(frozen=True, slots=True)
class WithinSlope:
    """A slope within annotators.

    Attributes:
        estimate: its value and interval, in the units of y per unit of x; `n` counts annotations.
        p_value: two-sided, of no slope; None where there is no interval.
        n_annotators: annotators whose x varies.
        error, degrees: the standard error and degrees of freedom of the interval; 0 where there is none.
    """

    estimate: Estimate
    p_value: float | None
    n_annotators: int
    error: float = 0.0
    degrees: float = 0.0

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """The interval at another confidence; None where there is none."""
        if self.estimate.value is None or self.error <= 0:
            return None
        half = float(stdtrit(self.degrees, (1 + confidence) / 2)) * self.error
        return self.estimate.value - half, self.estimate.value + half

    @classmethod
    def none(cls, reason: str, n: int) -> WithinSlope:
        """A slope that is undefined for `reason`; `n` annotations."""
        return cls(Estimate.none(reason, n=n, unit="coefficient", n_unit="annotations"), None, 0)


def without_means(values: FloatArray, group: IntArray) -> FloatArray:
    """Values (N,) without the means of their groups (N,), dense codes from 0.

    >>> without_means(np.array([1.0, 3.0, 10.0]), np.array([0, 0, 1])).tolist()
    [-1.0, 1.0, 0.0]
    """
    mean = np.bincount(group, values) / np.maximum(np.bincount(group), 1)
    return np.asarray(values - mean[group], dtype=np.float64)


def summed(group: IntArray, values: FloatArray, n_groups: int) -> FloatArray:
    """The values (N,) summed by group: (n_groups,).

    >>> summed(np.array([0, 1, 0]), np.array([1.0, 2.0, 3.0]), 3).tolist()
    [4.0, 2.0, 0.0]
    """
    return np.asarray(np.bincount(group, values, n_groups), dtype=np.float64)


def slope_within(
    x: FloatArray,
    y: FloatArray,
    annotator: IntArray,
    *,
    unchanging: str,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> WithinSlope:
    """The slope of y on x, annotators resampled.

    Args:
        x: (N,) without means, as `without_means` or `two_way` leave it.
        y: (N,) likewise.
        annotator: (N,) dense codes from 0.
        unchanging: the reason to give where x does not vary.
        replicates: bootstrap samples of annotators; 0 for no interval.
        confidence: of the interval.
        seed: of the bootstrap.

    Raises:
        BadOption: as `check_interval_options`; for arrays of different lengths.
    """
    if not x.shape == y.shape == annotator.shape:
        raise BadOption("y", y.shape, f"as long as x and annotator: {x.shape} and {annotator.shape}")
    return slope_of_sums(
        *slope_sums(x, y, annotator, int(annotator.max(initial=-1)) + 1),
        n=x.size,
        unchanging=unchanging,
        replicates=replicates,
        confidence=confidence,
        seed=seed,
    )


def slope_of_sums(
    numerator: FloatArray,
    denominator: FloatArray,
    *,
    n: int,
    unchanging: str,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> WithinSlope:
    """The slope from each annotator's two sums (A,); see `slope_within`. `n`: annotations that they are made of.

    Raises:
        BadOption: as `check_interval_options`.
    """
    check_interval_options(replicates, confidence)
    some = denominator > _NO_VARIATION * max(float(denominator.max(initial=0.0)), 1.0)
    above, below = numerator[some], denominator[some]
    if not below.size:
        return WithinSlope.none(unchanging, n)
    value = float(above.sum() / below.sum())
    error = _bootstrap_error(above, below, replicates, seed) if below.size >= MIN_ANNOTATORS else 0.0
    if error <= 0:
        plain = Estimate(value, None, None, n, unit="coefficient", n_unit="annotations")
        return WithinSlope(plain, None, below.size)
    free = max(float(below.sum() ** 2 / (below**2).sum()) - 1, 1.0)
    half = float(stdtrit(free, (1 + confidence) / 2)) * error
    found = Estimate(value, value - half, value + half, n, unit="coefficient", n_unit="annotations")
    p_value = float(2 * stdtr(free, -abs(value) / error))
    return WithinSlope(found, p_value, below.size, error, free)


def clustered_error(score: FloatArray, cluster: IntArray) -> float:
    """The standard error of a sum of scores (N,) that go together within clusters: root of sum_c (sum of c)^2 C / (C - 1)."""
    sums = np.bincount(cluster, score)
    n = int((np.bincount(cluster) > 0).sum())
    return float(np.sqrt((sums**2).sum() * n / (n - 1))) if n > 1 else 0.0


def _bootstrap_error(above: FloatArray, below: FloatArray, replicates: int, seed: int) -> float:
    """The standard deviation of sum w n / sum w d, whole annotators drawn with replacement."""
    if replicates < 2:
        return 0.0
    size = below.size
    if replicates * size <= _KEPT_WEIGHTS:
        weights = _weights(size, replicates, seed)
        return float(np.std((weights @ above) / (weights @ below), ddof=1))
    rng, step, values = np.random.default_rng(seed), max(1, MAX_WEIGHTS // size), []
    for start in range(0, replicates, step):
        weights = _drawn(rng, size, min(step, replicates - start))
        values.append((weights @ above) / (weights @ below))
    return float(np.std(np.concatenate(values), ddof=1))


@lru_cache(maxsize=2)
def _weights(size: int, replicates: int, seed: int) -> FloatArray:
    """What `_drawn` draws first from a seed: the same for every slope of a table."""
    return _drawn(np.random.default_rng(seed), size, replicates)


def _drawn(rng: np.random.Generator, size: int, rows: int) -> FloatArray:
    """(rows, size) how often each annotator is drawn."""
    return rng.multinomial(size, np.full(size, 1 / size), size=rows).astype(np.float64)
