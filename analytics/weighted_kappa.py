"""Agreement where some disagreements are worse than others: weighted kappa, Gwet's AC2; and Scott's pi.

Weights w_kl in [0, 1] say how much two labels agree, w_kk = 1. With values v_k of the labels and their span
s = max v - min v:

    identity   w = [k = l]       linear   w = 1 - |v_k - v_l| / s       quadratic   w = 1 - ((v_k - v_l) / s)^2

Weighted kappa (Cohen 1968), for the n items that two annotators share, cell shares p_kl, marginals p_k. and p_.l:

    p_o = sum w_kl p_kl      p_e = sum w_kl p_k. p_.l      kappa = (p_o - p_e) / (1 - p_e)

    variance = (1 / (n (1 - p_e)^2)) { sum p_kl [w_kl - (w_k. + w_.l)(1 - kappa)]^2 - [kappa - p_e (1 - kappa)]^2 }
    with w_k. = sum_l w_kl p_.l and w_.l = sum_k w_kl p_k.             (Fleiss, Cohen & Everitt 1969, non-null)

Gwet's AC2 (Gwet 2014, Handbook of Inter-Rater Reliability, 4th edition), with r_k votes for label k on an item that
has r votes, K the labels of the label set, T = sum_kl w_kl and label shares pi_k = mean of r_k / r over all items:

    p_a = mean over items with r >= 2 of sum_k r_k (sum_l w_kl r_l - 1) / (r (r - 1))
    p_e = T / (K (K - 1)) sum_k pi_k (1 - pi_k)             AC2 = (p_a - p_e) / (1 - p_e)

With identity weights it is AC1. AC2 depends on K and on the weights, so both come with the figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.agreement import fleiss_kappa, too_few
from analytics.errors import BadOption
from analytics.frames import (
    VOTES,
    FloatArray,
    Patterns,
    Repeats,
    count_patterns,
    keep_repeats,
    one_vote_each,
    require_labels,
)
from analytics.intervals import Statistic, check_interval_options, estimate_over_items
from analytics.pairwise import every_pair
from analytics.results import Estimate

Weights = Literal["identity", "linear", "quadratic"]

_UNIT = "coefficient"


@dataclass(frozen=True, slots=True)
class WeightedAgreement:
    """A coefficient that means little without the weights and the label set it was computed for.

    Attributes:
        estimate: the figure.
        n_labels: K of the label set, used or not.
        weights: K rows of K weights: how much label k and label l agree.
    """

    estimate: Estimate
    n_labels: int
    weights: tuple[tuple[float, ...], ...]


def pairwise_weighted_kappa(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    weights: Weights | Sequence[Sequence[float]] = "quadratic",
    values: Sequence[float] | None = None,
    repeats: Repeats = "first",
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Weighted kappa for every pair of annotators with an item in common.

    The interval is kappa +- z standard errors by the variance above, clipped to [-1, 1]; it is null under 30 shared
    items and where all of them agree, as in `pairwise.pairwise_kappa`.

    Args:
        votes: one row an annotation (VOTES); `order` is needed if an annotator has labelled an item twice.
        n_labels: K of the label set.
        weights: "linear", "quadratic", "identity" (Cohen's kappa), or K rows of K weights of your own: in [0, 1],
            symmetric, 1 on the diagonal.
        values: K numbers, the value of each label code, for "linear" and "quadratic"; by default the code.
        repeats: which one of repeated votes counts, "first" or "last".
        confidence: of the interval.

    Returns:
        One row a pair, sorted: annotator_a < annotator_b, n_items (shared), agreement (weighted: p_o), kappa, low,
        high, undefined. Pairs without a shared item are left out.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract, has a label code of K or more, or has repeats
            and no usable `order`.
        BadOption: an option is not one of those above.
    """
    check_interval_options(0, confidence)
    require_labels(votes, VOTES, n_labels)
    return every_pair(
        votes,
        n_labels=n_labels,
        distance=1 - weight_matrix(weights, n_labels, values),
        repeats=repeats,
        confidence=confidence,
        reason="all labels of the two agree by these weights, whoever gave them",
    )


def weighted_kappa(
    votes: pl.DataFrame,
    *,
    annotators: tuple[int, int],
    n_labels: int,
    weights: Weights | Sequence[Sequence[float]] = "quadratic",
    values: Sequence[float] | None = None,
    repeats: Repeats = "first",
    confidence: float = 0.95,
) -> Estimate:
    """Weighted kappa of two annotators; options and errors as `pairwise_weighted_kappa`.

    Returns:
        An Estimate in [-1, 1], unit "coefficient", n = shared items.
    """
    if len(set(annotators)) != 2:
        raise BadOption("annotators", annotators, "two different annotator codes")
    require_labels(votes, VOTES, n_labels)
    table = pairwise_weighted_kappa(
        votes.filter(pl.col("annotator_code").is_in(annotators)),
        n_labels=n_labels,
        weights=weights,
        values=values,
        repeats=repeats,
        confidence=confidence,
    )
    if table.is_empty():
        return Estimate.none("the two annotators share no item", unit=_UNIT)
    row = table.row(0, named=True)
    return Estimate(row["kappa"], row["low"], row["high"], row["n_items"], row["undefined"], unit=_UNIT)


def scotts_pi(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    repeats: Repeats = "first",
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Scott's pi (1955): kappa with one distribution of labels for everybody, from the items with two votes or more.

    For two annotators this is Scott's pi; for more it is Fleiss' kappa of those items, its generalisation. Other than
    `agreement.fleiss_kappa` it takes no label shares from items with one vote, and one vote an (item, annotator).
    Arguments, errors and interval as there.
    """
    check_interval_options(replicates, confidence)
    require_labels(votes, VOTES, n_labels)
    paired = one_vote_each(votes, repeats).filter(pl.len().over("item_code") >= 2)
    return fleiss_kappa(paired, n_labels=n_labels, replicates=replicates, seed=seed, confidence=confidence)


def gwet_ac2(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    weights: Weights | Sequence[Sequence[float]] = "quadratic",
    values: Sequence[float] | None = None,
    repeats: Repeats = "count",
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> WeightedAgreement:
    """Gwet's AC2, with a percentile bootstrap interval over all items.

    Undefined for a label set of one label, for weights by which all labels agree, and with fewer than two items of
    two votes. `weights` and `values` as `pairwise_weighted_kappa`, the other options as `agreement.gwet_ac1`.

    Returns:
        The estimate (in [-1, 1], unit "coefficient", n = items with two votes or more), K and the weights.
    """
    check_interval_options(replicates, confidence)
    require_labels(votes, VOTES, n_labels)
    matrix = weight_matrix(weights, n_labels, values)
    patterns = count_patterns(keep_repeats(votes, repeats), n_labels)
    n = int(patterns.n_items[patterns.n_votes >= 2].sum())
    if n_labels < 2:
        estimate = Estimate.none("the label set has only one label", n, unit=_UNIT)
    elif np.all(matrix == 1):
        estimate = Estimate.none("by these weights all labels agree", n, unit=_UNIT)
    elif n < 2:
        estimate = Estimate.none(too_few(n), n, unit=_UNIT)
    else:
        options = {"replicates": replicates, "seed": seed}
        statistic = _ac2(patterns, matrix)
        estimate = estimate_over_items(patterns, statistic, n=n, unit=_UNIT, confidence=confidence, **options)
    return WeightedAgreement(estimate, n_labels, tuple(tuple(row) for row in matrix.tolist()))


def weight_matrix(
    weights: Weights | Sequence[Sequence[float]], n_labels: int, values: Sequence[float] | None = None
) -> FloatArray:
    """K rows of K weights.

    Raises:
        BadOption: another name, weights that are not K x K, in [0, 1], symmetric and 1 on the diagonal; or
            values that are not K finite numbers, or are given with weights that do not need them.
    """
    if isinstance(weights, str):
        if weights not in get_args(Weights):
            raise BadOption("weights", weights, get_args(Weights))
        if weights != "identity":
            return _from_values(weights, n_labels, values)
        matrix: FloatArray = np.eye(n_labels)
    else:
        matrix = np.asarray(weights, dtype=np.float64)
        if not _are_weights(matrix, n_labels):
            rule = f"{n_labels} rows of {n_labels} numbers from 0 to 1, symmetric, 1 on the diagonal"
            raise BadOption("weights", weights, rule)
    if values is not None:
        raise BadOption("values", values, "left out: only linear and quadratic weights look at them")
    return matrix


def _are_weights(matrix: FloatArray, n_labels: int) -> bool:
    return (
        matrix.shape == (n_labels, n_labels)
        and bool(np.all((matrix >= 0) & (matrix <= 1)))
        and bool(np.all(matrix == matrix.T))
        and bool(np.all(np.diag(matrix) == 1))
    )


def _from_values(weights: str, n_labels: int, values: Sequence[float] | None) -> FloatArray:
    points: NDArray[np.float64] = np.asarray(range(n_labels) if values is None else values, dtype=np.float64)
    if points.shape != (n_labels,) or not np.all(np.isfinite(points)):
        raise BadOption("values", values, f"{n_labels} finite numbers, one for each label code")
    span = np.ptp(points)
    apart = np.abs(points[:, None] - points[None, :]) / (span if span > 0 else 1.0)
    return np.asarray(1 - (apart if weights == "linear" else apart**2))


def _ac2(patterns: Patterns, matrix: FloatArray) -> Statistic:
    """1 - (1 - p_a) / (1 - p_e) of weighted patterns: (R, P) -> (R,)."""
    counts, votes, n_labels = patterns.counts, patterns.n_votes, matrix.shape[0]
    paired = votes >= 2
    scale = np.divide(1.0, votes * (votes - 1), out=np.zeros_like(votes), where=paired)
    apart = ((counts @ (1 - matrix)) * counts).sum(axis=1) * scale
    share_on_item = patterns.rows_times(1 / votes)
    by_chance = matrix.sum() / (n_labels * (n_labels - 1))

    def statistic(weights: FloatArray) -> FloatArray:
        n_paired = weights @ paired.astype(np.float64)
        shares = (weights @ share_on_item) / weights.sum(axis=1)[:, None]
        chance = by_chance * (shares * (1 - shares)).sum(axis=1)
        apart_by_chance = n_paired * (1 - chance)
        nothing = np.full(n_paired.shape, np.nan)
        ratio = np.divide(weights @ apart, apart_by_chance, out=nothing, where=apart_by_chance > 0)
        return np.asarray(1.0 - ratio)

    return statistic
