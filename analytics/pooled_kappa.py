"""Weighted kappa of all annotators together, whoever met whom on which items.

For the pairs p of annotators that share n_p items, with q_p the mean distance d = 1 - w of the two labels of an item and
e_p the mean distance of a label of one and a label of the other, whatever the items (the weights: `weighted_kappa`):

    kappa = 1 - sum_p n_p q_p / sum_p n_p e_p

With two annotators it is their weighted kappa (Cohen 1968). Where everybody labelled every item it is Conger's kappa with
weights (Conger 1980, Psychological Bulletin 88: chance is the mean over pairs, each with its own two distributions of
labels). A ratio of sums, not a mean of the pairs' kappas (Light 1971): a pair that agrees on one label throughout has no
kappa of its own, and to leave it out would throw agreement away.

The claim is about items, so they are what the interval varies, each with all the pairs that met on it. One more item i
moves the sums by o_i = sum of d over its pairs and by c_i = sum over them of (mean distance of either label to the labels
of the other annotator, less e_p), so to first order (Efron 1982, the infinitesimal jackknife; a ratio's: Cochran 1977)

    variance = sum_i (o_i - (1 - kappa) c_i)^2 / (sum_p n_p e_p)^2

For two annotators this is the variance of Fleiss, Cohen & Everitt (1969), as in `pairwise`.

Chance taken from a pair's own n_p items also sets labels of one and the same item beside each other, one in n_p, so kappa
is too low by about kappa (1 - kappa) / n_p. More pairs do not mend that as more items do, so where there are several the
interval reaches to both: to kappa, and to kappa with e_p from different items only, (n_p e_p - q_p) / (n_p - 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import polars as pl

from analytics.chunks import run_each
from analytics.coded_votes import CodedVotes
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, Repeats, require_labels
from analytics.intervals import check_interval_options
from analytics.pairwise import MEETINGS_A_CHUNK, MIN_SHARED_ITEMS, annotator_blocks, coded_once, layout_of
from analytics.pooled_kernels import Asked, Sums, add_distances
from analytics.results import Estimate
from analytics.weighted_kappa import Weights, weight_matrix

LEAST_SHARED = 10
"""Shared items that a pair needs, where there are several: chance is taken from a pair's own items, and too few of them
hide it (with one item all disagreement looks like chance)."""

MOST_BLOCKS = 8
"""The most parts that annotators are cut into, each with sums for every item."""

_UNIT = "coefficient"


def pooled_weighted_kappa(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    weights: Weights | Sequence[Sequence[float]] = "quadratic",
    values: Sequence[float] | None = None,
    repeats: Repeats = "first",
    least_shared: int = LEAST_SHARED,
    confidence: float = 0.95,
) -> Estimate:
    """Weighted kappa over all pairs of annotators.

    The interval is kappa +- z standard errors by the variance above, widened as said there, clipped to [-1, 1]. There is
    none under MIN_SHARED_ITEMS (30) items, and where all labels agree, as the variance is then 0 whatever n.

    Args:
        votes: one row an annotation (VOTES); `order` is needed if an annotator has labelled an item twice.
        n_labels: K of the label set.
        weights: as `pairwise_weighted_kappa`.
        values: as there.
        repeats: which one of repeated votes counts, "first" or "last".
        least_shared: items that a pair of annotators has to share; a pair that is the only one counts anyhow.
        confidence: of the interval.

    Returns:
        An Estimate in [-1, 1], unit "coefficient", n = items on which two of these annotators met.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract, has a label code of K or more, or has repeats and no
            usable `order`.
        BadOption: an option is not one of those above.
    """
    check_interval_options(0, confidence)
    if isinstance(least_shared, bool) or not isinstance(least_shared, int) or least_shared < 1:
        raise BadOption("least_shared", least_shared, "a whole number of 1 or more")
    require_labels(votes, VOTES, n_labels)
    distance = np.ascontiguousarray(1 - weight_matrix(weights, n_labels, values))
    coded = coded_once(votes, n_labels, repeats)
    sums = _sums(coded, distance, least_shared)
    if sums.pairs[0] == 1:
        sums = _sums(coded, distance, 1)
    n = int(np.count_nonzero(sums.shared))
    if n == 0:
        few = f"no two annotators share {least_shared} items"
        return Estimate.none(few if sums.pairs[0] else "no two annotators share an item", unit=_UNIT)
    observed, by_chance = sums.items.sum(axis=1).tolist()
    if by_chance <= 0:
        return Estimate.none("all labels agree by these weights, whoever gave them", n, unit=_UNIT)
    value = max(-1.0, 1 - observed / by_chance)
    if n < MIN_SHARED_ITEMS or observed == 0:
        return Estimate(value, None, None, n, unit=_UNIT)
    spread = sums.items[0] - observed / by_chance * sums.items[1]
    half = NormalDist().inv_cdf((1 + confidence) / 2) * float(np.sqrt(spread @ spread)) / by_chance
    low, high = value - half, value + half
    if sums.pairs[1] > 1 and sums.apart[0] > 0:
        unbiased = 1 - observed / float(sums.apart[0])
        low, high = min(low, unbiased - half), max(high, unbiased + half)
    return Estimate(value, max(-1.0, low), min(1.0, high), n, unit=_UNIT)


def _sums(coded: CodedVotes, distance: FloatArray, least: int) -> Sums:
    """The sums over all pairs; added up in the order of the blocks, so the same on any number of cores."""
    layout, n_after = layout_of(coded)
    item_of_place = np.repeat(np.arange(coded.n_items, dtype=np.int32), coded.votes_of_item)
    asked = Asked(layout, item_of_place, distance, least)
    meetings = max(MEETINGS_A_CHUNK, -(-int(n_after.sum()) // MOST_BLOCKS))
    blocks = annotator_blocks(layout.starts, n_after, meetings)

    def work(block: int) -> Sums:
        part = Sums(
            np.zeros((2, coded.n_items)),
            np.zeros(2, dtype=np.int64),
            np.zeros(1),
            np.zeros(coded.n_items, dtype=np.int32),
        )
        add_distances(*blocks[block], asked, part)
        return part

    parts = run_each(work, len(blocks))
    if not parts:
        return Sums(np.zeros((2, 0)), np.zeros(2, dtype=np.int64), np.zeros(1), np.zeros(0, dtype=np.int32))
    items, pairs, apart, shared = (sum(found[1:], start=found[0]) for found in zip(*parts, strict=True))
    return Sums(items, pairs, apart, shared)
