"""Whether the items of two windows differ in content in any way: maximum mean discrepancy with a permutation test.

    MMD^2 = sum_(i != j) k(x_i, x_j) / m (m - 1) + sum_(i != j) k(y_i, y_j) / n (n - 1) - 2 sum_ij k(x_i, y_j) / m n

is the unbiased estimate (A. Gretton, K. Borgwardt, M. Rasch, B. Schölkopf and A. Smola 2012, A kernel two-sample test, JMLR 13,
lemma 6; it can be below 0) with k(x, y) = exp(-|x - y|^2 / 2 s^2), s the median distance of two items (their section 8). Where
nothing changed the items' windows could as well be dealt out anew: `p_value` is how often that gives as much. It also sees what
no line through the embedding tells apart, which the classifier of `content_drift` does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.results import Estimate

MIN_ITEMS = 50
"""Items in each window that it takes."""
_MEDIAN_OF = 1000
_BLOCK = 4_000_000
"""Kernel values (8 bytes each) held at once."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """`squared`: MMD^2, without an interval; `p_value` of the permutations; `expected`: their mean; `bandwidth`: s."""

    squared: Estimate
    p_value: float | None
    expected: float | None
    bandwidth: float | None


def mean_discrepancy(
    features: FloatArray,
    window: IntArray,
    *,
    permutations: int = 200,
    bandwidth: float | None = None,
    seed: int = 0,
) -> Discrepancy:
    """The maximum mean discrepancy of two windows' items, one row an item.

    Time goes with the square of the items, memory with the items.

    Args:
        features: (I, D) such as embeddings.
        window: (I,) 0 or 1.
        permutations: of the test.
        bandwidth: s; None for the median distance of 1,000 items of both windows.
        seed: the same seed gives the same permutations.

    Raises:
        BadOption: arrays that do not fit each other or are not finite; a window that is neither 0 nor 1; fewer than 20
            permutations; a bandwidth of 0 or less.
    """
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or len(x) != window.size or not np.isfinite(x).all():
        raise BadOption("features", x.shape, f"{window.size} rows of finite numbers")
    if not np.isin(window, (0, 1)).all():
        raise BadOption("window", "an entry", "0 or 1")
    if permutations < 20:
        raise BadOption("permutations", permutations, "20 or more")
    if bandwidth is not None and not 0 < bandwidth < float("inf"):
        raise BadOption("bandwidth", bandwidth, "above 0")
    counts = np.bincount(window, minlength=2)
    if counts.min() < MIN_ITEMS:
        reason = f"a window has {counts.min()} items with features; it takes {MIN_ITEMS}"
        return Discrepancy(Estimate.none(reason, window.size, unit="squared distance"), None, None, None)
    rng = np.random.default_rng(seed)
    scale = _median(x, rng) if bandwidth is None else bandwidth
    if scale == 0:
        same = Estimate.none("most items have the same features", window.size, unit="squared distance")
        return Discrepancy(same, None, None, None)
    dealt = np.empty((window.size, permutations + 1))
    dealt[:, 0] = window
    for at in range(1, permutations + 1):
        dealt[:, at] = rng.permutation(window)
    found = _squared(x, dealt, scale)
    chance = float((1 + (found[1:] >= found[0]).sum()) / (1 + permutations))
    estimate = Estimate(float(found[0]), None, None, int(window.size), unit="squared distance")
    return Discrepancy(estimate, chance, float(found[1:].mean()), scale)


def _median(x: FloatArray, rng: np.random.Generator) -> float:
    some = x[rng.permutation(len(x))[:_MEDIAN_OF]]
    pairs = np.triu_indices(len(some), 1)
    return float(np.sqrt(np.median(_distances(some, some)[pairs])))


def _squared(x: FloatArray, dealt: FloatArray, scale: float) -> FloatArray:
    """(R,) MMD^2 of each way to deal the items (I, R), from the kernel in blocks of rows."""
    n_items = len(x)
    inside, row_sums = np.zeros(dealt.shape[1]), np.empty(n_items)
    step = max(1, _BLOCK // n_items)
    for start in range(0, n_items, step):
        kernel = np.exp(_distances(x[start : start + step], x) / (-2 * scale**2))
        row_sums[start : start + step] = kernel.sum(axis=1)
        inside += ((kernel @ dealt) * dealt[start : start + step]).sum(axis=0)
    m = dealt.sum(axis=0)
    n = n_items - m
    of_ones = dealt.T @ row_sums
    across = of_ones - inside
    others = row_sums.sum() - of_ones - across
    return np.asarray((inside - m) / (m * (m - 1)) + (others - n) / (n * (n - 1)) - 2 * across / (m * n))


def _distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """(A, B) squared distances."""
    apart = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return np.asarray(np.maximum(apart, 0.0))
