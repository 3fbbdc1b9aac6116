"""Krippendorff's alpha for labels that are sets: several labels on one item at once.

Two sets a and b are apart by 1 - J (Jaccard) or by 1 - J M (MASI: R. Passonneau, Measuring Agreement on Set-valued
Items, LREC 2006), with

    J = |a and b| / |a or b|        M = 1 if a = b, 2/3 if one holds the other, 1/3 if they overlap, 0 if they do not

and alpha is that of `krippendorff` with this distance for its squared difference. Two empty sets are equal. The
fractions are exact: an example computed with .67 and .33 differs in the third decimal.

Items have the patterns of D distinct sets, so cost and memory go with patterns x D and D x D, not with the votes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import polars as pl

from analytics.errors import BadOption
from analytics.frames import (
    VOTES,
    FloatArray,
    IntArray,
    Patterns,
    Repeats,
    count_patterns,
    keep_repeats,
    require_labels,
)
from analytics.intervals import MAX_WEIGHTS, Statistic, check_interval_options, estimate_over_items
from analytics.krippendorff import alpha_ratio
from analytics.results import Estimate

SetDistance = Literal["masi", "jaccard"]

MAX_DISTANCES = 16_000_000
"""Distances (8 bytes each) kept; of more sets they are computed again, in blocks, whenever they are needed."""

_UNIT = "coefficient"


def set_alpha(
    votes: pl.DataFrame,
    *,
    sets: Sequence[Collection[int] | int],
    distance: SetDistance = "masi",
    repeats: Repeats = "count",
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Krippendorff's alpha for set-valued labels, with a percentile bootstrap interval over items.

    Args:
        votes: one row an annotation (VOTES); `label_code` is a place in `sets`. An item needs two to count.
        sets: the distinct sets: each a collection of label codes, or a whole number whose bits are the labels
            (5: labels 0 and 2). Sets that are given twice are one.
        distance: "masi" or "jaccard".
        repeats: as `krippendorff.alpha`, like replicates, seed and confidence.
        replicates: see `repeats`.
        seed: see `repeats`.
        confidence: see `repeats`.

    Returns:
        An Estimate in [-1, 1], unit "coefficient", n = items with two votes or more. Undefined where fewer
        than two items have two votes, or only one set was used.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract, or has a label code that is no place in `sets`.
        BadOption: an option is not one of those above.
    """
    check_interval_options(replicates, confidence)
    if distance not in get_args(SetDistance):
        raise BadOption("distance", distance, get_args(SetDistance))
    codes, members = distinct_sets(sets)
    require_labels(votes, VOTES, max(codes.size, 1))
    merged = keep_repeats(votes, repeats)
    if merged.height:
        merged = merged.with_columns(label_code=pl.Series(codes[merged.get_column("label_code").to_numpy()]))
    patterns = count_patterns(merged, max(len(members), 1)).with_votes(2)
    n = int(patterns.n_items.sum())
    if n < 2:
        reason = "no item has two annotations" if n == 0 else "only one item has two annotations or more"
        return Estimate.none(reason, n, unit=_UNIT)
    used = np.flatnonzero(np.asarray(patterns.counts.sum(axis=0)))
    if used.size < 2:
        return Estimate.none("only one set of labels was used", n, unit=_UNIT)
    patterns = Patterns(patterns.counts[:, used], patterns.n_items)
    apart = SetDistances([members[place] for place in used.tolist()], distance)
    return estimate_over_items(
        patterns,
        _statistic(patterns, apart),
        n=n,
        unit=_UNIT,
        replicates=replicates,
        seed=seed,
        confidence=confidence,
    )


def distinct_sets(sets: Sequence[Collection[int] | int]) -> tuple[IntArray, list[frozenset[int]]]:
    """For each set its place among the distinct ones, and these in the order of first appearance.

    Raises:
        BadOption: a member of a set, or its bits, is not a whole number of 0 or more.

    >>> distinct_sets([[0, 2], [1], 5])
    (array([0, 1, 0]), [frozenset({0, 2}), frozenset({1})])
    """
    places: dict[frozenset[int], int] = {}
    codes = [places.setdefault(_members(one), len(places)) for one in sets]
    return np.asarray(codes, dtype=np.int64), list(places)


def _members(one: Collection[int] | int) -> frozenset[int]:
    if isinstance(one, int):
        if one < 0 or isinstance(one, bool):
            raise BadOption("sets", one, "collections of label codes, or whole numbers of 0 or more")
        return frozenset(bit for bit in range(one.bit_length()) if one >> bit & 1)
    if any(isinstance(code, bool) or not isinstance(code, int | np.integer) or code < 0 for code in one):
        raise BadOption("sets", one, "collections of label codes, whole numbers of 0 or more")
    return frozenset(int(code) for code in one)


class SetDistances:
    """The D x D distances of distinct sets, kept where they are few, else computed block by block."""

    def __init__(self, sets: Sequence[frozenset[int]], distance: SetDistance) -> None:
        from scipy.sparse import csr_array

        labels, place = np.unique([label for one in sets for label in one], return_inverse=True)
        self._sizes = np.asarray([len(one) for one in sets], dtype=np.int64)
        edges = np.concatenate([[0], np.cumsum(self._sizes)])
        shape = (len(sets), max(labels.size, 1))
        self._holds = csr_array((np.ones(place.size, dtype=np.int64), place, edges), shape=shape)
        self._masi = distance == "masi"
        self._kept = self.between(slice(0, len(sets))) if len(sets) ** 2 <= MAX_DISTANCES else None

    def between(self, columns: slice) -> FloatArray:
        """(D, c) how far all sets are from these."""
        both = (self._holds @ self._holds[columns].T).toarray()
        a, b = self._sizes[:, None], self._sizes[None, columns]
        either = a + b - both
        thirds = np.full(both.shape, 3, dtype=np.int64)
        if self._masi:
            thirds = np.select([(both == a) & (both == b), (both == a) | (both == b), both > 0], [3, 2, 1], 0)
        # In whole numbers up to one division: 1 - J M, rounded once.
        above, below = 3 * either - thirds * both, 3 * either
        return np.asarray(np.divide(above, below, out=np.zeros(both.shape), where=below > 0))

    def blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Columns and their distances (D, c), all columns in turn."""
        n_sets = self._sizes.size
        if self._kept is not None:
            yield slice(0, n_sets), self._kept
            return
        width = max(1, MAX_DISTANCES // n_sets)
        for start in range(0, n_sets, width):
            columns = slice(start, min(start + width, n_sets))
            yield columns, self.between(columns)

    def within(self, counts: FloatArray) -> FloatArray:
        """sum_ab n_a n_b d_ab of each row of counts (R, D), dense or sparse: (R,)."""
        total = np.zeros(counts.shape[0])
        for columns, apart in self.blocks():
            step = max(1, MAX_WEIGHTS // apart.shape[1])
            for start in range(0, counts.shape[0], step):
                rows = counts[start : start + step]
                total[start : start + step] += ((rows @ apart) * rows[:, columns]).sum(axis=1)
        return total


def _statistic(patterns: Patterns, apart: SetDistances) -> Statistic:
    counts = patterns.counts
    disagreement = apart.within(counts) / (patterns.n_votes - 1)

    def statistic(weights: FloatArray) -> FloatArray:
        used = np.asarray(weights @ counts)
        return alpha_ratio(used.sum(axis=1), weights @ disagreement, apart.within(used), used)

    return statistic
