"""Krippendorff's alpha, with missing annotations and any number of annotators.

Source: K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), with its coincidence matrix
written in terms of the items' label counts. With n_uc votes for label c on item u, m_u = sum_c n_uc >= 2
(items with fewer votes pair nothing and are left out), N_c = sum_u n_uc, N = sum_c N_c and squared
difference d_ck of two labels:

    observed = sum_u [ sum_ck n_uc n_uk d_ck ] / (m_u - 1)
    expected = sum_ck N_c N_k d_ck
    alpha    = 1 - (N - 1) observed / expected

    nominal   d = [c != k]                              interval  d = (v_c - v_k)^2
    ratio     d = ((v_c - v_k) / (v_c + v_k))^2          ordinal   d = (sum_{g=c..k} N_g - (N_c + N_k) / 2)^2

The ordinal difference is the interval one between mid-ranks M_c = sum_{g<c} N_g + N_c / 2, which depend on
the sample: every bootstrap replicate has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import polars as pl

from analytics.errors import BadOption
from analytics.frames import (
    VOTES,
    FloatArray,
    Patterns,
    Repeats,
    count_patterns,
    keep_repeats,
    require_labels,
)
from analytics.intervals import MAX_WEIGHTS, Statistic, check_interval_options, estimate_over_items
from analytics.results import Estimate

Level = Literal["nominal", "ordinal", "interval", "ratio"]

_UNIT = "coefficient"


def alpha(
    votes: pl.DataFrame,
    *,
    level: Level,
    n_labels: int,
    values: Sequence[float] | None = None,
    repeats: Repeats = "count",
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Krippendorff's alpha with a percentile bootstrap interval over items.

    The interval's coverage was simulated for 200 items or more and alpha 0.2 to 0.9; with fewer items it is
    too narrow. It is left out where it could not be had: no replicates, or items that all agree.

    Args:
        votes: one row an annotation (VOTES). An item needs two of them to count.
        level: how far two labels differ: "nominal", "ordinal", "interval" or "ratio".
        n_labels: K of the label set.
        values: K numbers, the value of each label code; equal values are one label. "interval" and "ratio"
            need them (ratio: 0 or more). "ordinal" takes their order, without them the order of the codes.
            "nominal" does not look at them.
        repeats: "count" takes every annotation as a vote; "first" and "last" one an (item, annotator), by
            `order`.
        replicates: bootstrap replicates, 0 for no interval.
        seed: of the bootstrap.
        confidence: of the interval.

    Returns:
        An Estimate in [-1, 1], unit "coefficient", n = items with two votes or more. Undefined where fewer
        than two items have two votes, or only one label was used.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract, or has a label code of K or more.
        BadOption: an option is not one of those above.
    """
    check_interval_options(replicates, confidence)
    require_labels(votes, VOTES, n_labels)
    points = label_points(level, n_labels, values)
    patterns = count_patterns(keep_repeats(votes, repeats), n_labels)
    return alpha_of_patterns(
        patterns, level=level, points=points, replicates=replicates, seed=seed, confidence=confidence
    )


def alpha_of_patterns(
    patterns: Patterns,
    *,
    level: Level,
    points: FloatArray | None,
    replicates: int,
    seed: int,
    confidence: float,
) -> Estimate:
    """`alpha` of items that are counted already, with `points` from `label_points`."""
    patterns = patterns.with_votes(2)
    n = int(patterns.n_items.sum())
    if n < 2:
        reason = "no item has two annotations" if n == 0 else "only one item has two annotations or more"
        return Estimate.none(reason, n, unit=_UNIT)
    if points is not None:
        patterns, points = _merge_equal(patterns, points)
    if np.count_nonzero(patterns.counts.sum(axis=0)) < 2:
        return Estimate.none("only one label was used", n, unit=_UNIT)
    statistic = _statistic(patterns, level, points)
    return estimate_over_items(
        patterns, statistic, n=n, unit=_UNIT, replicates=replicates, seed=seed, confidence=confidence
    )


def nominal_statistic(patterns: Patterns) -> Statistic | str:
    """Nominal alpha as a function of pattern weights, of patterns of two votes or more; or why it is undefined."""
    n = int(patterns.n_items.sum())
    if n < 2:
        return "no item has two annotations" if n == 0 else "only one item has two annotations or more"
    if np.count_nonzero(patterns.counts.sum(axis=0)) < 2:
        return "only one label was used"
    return _nominal(patterns)


def label_points(level: Level, n_labels: int, values: Sequence[float] | None) -> FloatArray | None:
    """The value of each label; None where only identity counts.

    Raises:
        BadOption: another level, values missing or not K finite numbers, negative values on a ratio scale.
    """
    if level not in get_args(Level):
        raise BadOption("level", level, get_args(Level))
    if level == "nominal":
        return None
    if values is None:
        if level == "ordinal":
            return np.arange(n_labels, dtype=np.float64)
        raise BadOption(
            "values", values, f"the {n_labels} numbers that the labels stand for, at level {level!r}"
        )
    points = np.asarray(values, dtype=np.float64)
    if points.shape != (n_labels,) or not np.all(np.isfinite(points)):
        raise BadOption("values", values, f"{n_labels} finite numbers, one for each label code")
    if level == "ratio" and np.any(points < 0):
        raise BadOption("values", values, "numbers of 0 or more: a ratio scale has no value below its zero")
    return points


def _merge_equal(patterns: Patterns, points: FloatArray) -> tuple[Patterns, FloatArray]:
    """Columns by rising value, those of equal value added up: they stand for one label."""
    distinct, place = np.unique(points, return_inverse=True)
    if distinct.size == points.size:
        return Patterns(patterns.counts[:, np.argsort(points)], patterns.n_items), distinct
    from scipy.sparse import csr_array

    merge = csr_array(
        (np.ones(points.size), place, np.arange(points.size + 1)), shape=(points.size, distinct.size)
    )
    return Patterns(patterns.counts @ merge, patterns.n_items), distinct


def _statistic(patterns: Patterns, level: Level, points: FloatArray | None) -> Statistic:
    if points is None:
        return _nominal(patterns)
    if level == "ordinal":
        return _ordinal(patterns)
    if level == "interval":
        return _metric(patterns, (points[:, None] - points[None, :]) ** 2)
    total = points[:, None] + points[None, :]
    share = np.divide(points[:, None] - points[None, :], total, out=np.zeros_like(total), where=total > 0)
    return _metric(patterns, share**2)


def alpha_ratio(
    total: FloatArray, observed: FloatArray, expected: FloatArray, used: FloatArray
) -> FloatArray:
    """1 - (N - 1) observed / expected for each replicate; NaN where fewer than two labels were drawn."""
    varied = (np.count_nonzero(used, axis=1) > 1) & (expected > 0)
    ratio = np.divide((total - 1) * observed, expected, out=np.full(total.shape, np.nan), where=varied)
    return np.asarray(1.0 - ratio)


def _nominal(patterns: Patterns) -> Statistic:
    counts, votes = patterns.counts, patterns.n_votes
    disagreement = (votes**2 - (counts * counts).sum(axis=1)) / (votes - 1)

    def statistic(weights: FloatArray) -> FloatArray:
        used = weights @ counts
        total = used.sum(axis=1)
        return alpha_ratio(total, weights @ disagreement, total**2 - (used**2).sum(axis=1), used)

    return statistic


def _metric(patterns: Patterns, difference: FloatArray) -> Statistic:
    """For squared differences (K, K) that do not depend on the sample."""
    counts, votes = patterns.counts, patterns.n_votes
    rows = max(1, MAX_WEIGHTS // difference.shape[0])
    disagreement = np.concatenate(
        [
            ((counts[start : start + rows] @ difference) * counts[start : start + rows]).sum(axis=1)
            for start in range(0, votes.size, rows)
        ]
    ) / (votes - 1)

    def statistic(weights: FloatArray) -> FloatArray:
        used = weights @ counts
        expected = ((used @ difference) * used).sum(axis=1)
        return alpha_ratio(used.sum(axis=1), weights @ disagreement, expected, used)

    return statistic


def _ordinal(patterns: Patterns) -> Statistic:
    counts, votes = patterns.counts, patterns.n_votes
    scale = 2.0 / (votes - 1)

    def statistic(weights: FloatArray) -> FloatArray:
        used = weights @ counts
        total = used.sum(axis=1)
        # Centred on N/2 the votes' mid-ranks sum to 0, so the expected sum has one term and nothing cancels.
        ranks = np.cumsum(used, axis=1) - used / 2 - total[:, None] / 2
        first = counts @ ranks.T
        second = counts @ (ranks**2).T
        pairs = votes[:, None] * second - first**2
        observed = np.einsum("rp,p,pr->r", weights, scale, pairs)
        return alpha_ratio(total, observed, 2 * total * (used * ranks**2).sum(axis=1), used)

    return statistic
