"""The loops behind group rates and adjusted gaps over votes sorted by item (or annotator), compiled (numba).

Weights are small whole numbers: how often a replicate of the bootstrap drew an item or an annotator. They come in
blocks of replicates (U, B), a unit's next to each other, so that the inner loop runs along replicates.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from analytics.coded_votes import SmallInts
from analytics.frames import FloatArray, IntArray

Weights = NDArray[np.uint8]
Hits = NDArray[np.float32]

_STEPS = 1 << 16
_LIMITS = np.round(np.exp(-1.0) * np.cumsum(1.0 / np.cumprod(np.maximum(np.arange(16.0), 1.0))) * _STEPS)
_QUANTILES = np.searchsorted(_LIMITS, np.arange(_STEPS), side="right").astype(np.uint8)
"""The quantile of a Poisson(1) at each of 65,536 evenly spaced levels: its probabilities to 1 in 65,536."""

N_SUMS = 8
"""What `add_strata` adds up, see there."""

Strata = tuple[IntArray, SmallInts, NDArray[np.int8], Hits, SmallInts]
"""Votes sorted by stratum: starts (T + 1,); of each vote its unit (whose weight it has), its side (1, 0; -1 does not count)
and whether it is a hit, 0 to 1; of each stratum its slice."""


@numba.njit(nogil=True, cache=True)
def _mixed(state: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@numba.njit(nogil=True, cache=True)
def poisson_weights(n_units: int, seed: int, first: int, n_replicates: int) -> Weights:
    """Poisson(1) weights (U, B) of the replicates `first` to `first + n_replicates - 1`; both have to be multiples of 4.

    A weight depends on seed, unit and replicate alone, so blocks can be made in any order and on any thread. The sums
    that they weigh are ratios, for which this is the bootstrap of the units (Hanley & MacGibbon 2006; Owen & Eckles 2012).
    """
    weights = np.empty((n_units, n_replicates), dtype=np.uint8)
    golden = np.uint64(0x9E3779B97F4A7C15)
    start = _mixed(np.uint64(seed) + golden)
    for unit in range(n_units):
        own = _mixed(start + np.uint64(unit) * golden)
        for place in range(0, n_replicates, 4):
            drawn = _mixed(own + np.uint64((first + place) // 4 + 1) * golden)
            for part in range(4):
                weights[unit, place + part] = _QUANTILES[drawn & np.uint64(0xFFFF)]
                drawn = drawn >> np.uint64(16)
    return weights


@numba.njit(nogil=True, cache=True)
def add_cells(
    starts: IntArray,
    votes: tuple[SmallInts, SmallInts],
    item_weights: Weights,
    annotator_weights: Weights,
    sums: IntArray,
) -> None:
    """Add each vote's item weight to its cell, times its annotator's and by itself: sums (2, C, B).

    `votes`: annotator and cell of each vote; a cell under 0 does not count.
    """
    annotators, cells = votes
    n_replicates = sums.shape[2]
    own = np.empty(n_replicates, dtype=np.int32)
    for item in range(len(starts) - 1):
        for replicate in range(n_replicates):
            own[replicate] = item_weights[item, replicate]
        for vote in range(starts[item], starts[item + 1]):
            cell = cells[vote]
            if cell < 0:
                continue
            both, alone, theirs = sums[0, cell], sums[1, cell], annotator_weights[annotators[vote]]
            for replicate in range(n_replicates):
                both[replicate] += own[replicate] * np.int32(theirs[replicate])
                alone[replicate] += own[replicate]


@numba.njit(nogil=True, cache=True)
def count_outcomes(
    starts: IntArray, outcomes: SmallInts, hits: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> tuple[IntArray, IntArray]:
    """How many of each item's votes are hits, and how many are counted (I,): by what their outcome is; under 0 is neither."""
    n_hits, n_counted = np.zeros(len(starts) - 1, dtype=np.int64), np.zeros(len(starts) - 1, dtype=np.int64)
    for item in range(len(starts) - 1):
        for vote in range(starts[item], starts[item + 1]):
            if outcomes[vote] >= 0:
                n_hits[item] += hits[outcomes[vote]]
                n_counted[item] += counted[outcomes[vote]]
    return n_hits, n_counted


@numba.njit(nogil=True, cache=True)
def mark_units(
    codes: SmallInts,
    groups: SmallInts,
    outcomes: SmallInts,
    counted: NDArray[np.bool_],
    seen: NDArray[np.bool_],
) -> None:
    """Mark in seen (G, U) which units the votes that count have in each group; a group or outcome under 0 does not count."""
    for vote in range(len(codes)):
        if groups[vote] >= 0 and outcomes[vote] >= 0 and counted[outcomes[vote]]:
            seen[groups[vote], codes[vote]] = True


@numba.njit(nogil=True, cache=True, fastmath={"contract", "nsz"})
def add_strata(strata: Strata, stratum_weights: Weights, unit_weights: Weights, sums: FloatArray) -> None:
    """Add up what crude and Mantel–Haenszel figures of side 1 against side 0 are made of: sums (S, 8, B), by slice.

    In a stratum of n1 + n0 = n votes (weighted), a and b of them hits: 0: a, 1: n1, 2: b, 3: n0, 4: a n0 / n,
    5: b n1 / n, 6: n1 n0 / n, 7: a b / n. Stratum weights (T, B) may have one row that holds for all.
    """
    starts, units, sides, hits, slices = strata
    n_replicates = sums.shape[2]
    part = np.empty((4, n_replicates))
    for stratum in range(len(starts) - 1):
        n_one, n_other = 0, 0
        part[:] = 0.0
        for vote in range(starts[stratum], starts[stratum + 1]):
            side = sides[vote]
            if side < 0:
                continue
            n_one += side
            n_other += 1 - side
            hit, weights = np.float64(hits[vote]), unit_weights[units[vote]]
            into_hits, into_all = part[2 - 2 * side], part[3 - 2 * side]
            for replicate in range(n_replicates):
                weight = np.float64(weights[replicate])
                into_all[replicate] += weight
                into_hits[replicate] += weight * hit
        if n_one + n_other == 0:
            continue
        own = stratum_weights[stratum if len(stratum_weights) > 1 else 0]
        into = sums[slices[stratum]]
        for row in range(4):
            for replicate in range(n_replicates):
                into[row, replicate] += own[replicate] * part[row, replicate]
        if n_one == 0 or n_other == 0:
            continue
        for replicate in range(n_replicates):
            a, n1, b, n0 = part[0, replicate], part[1, replicate], part[2, replicate], part[3, replicate]
            share = own[replicate] / max(n1 + n0, 1e-300)  # nobody drawn: every product is 0
            into[4, replicate] += share * a * n0
            into[5, replicate] += share * b * n1
            into[6, replicate] += share * n1 * n0
            into[7, replicate] += share * a * b


@numba.njit(nogil=True, cache=True)
def labels_of_others(starts: IntArray, annotators: SmallInts, labels: SmallInts, n_labels: int) -> SmallInts:
    """For each vote the label that most of the item's other annotators gave; -1: tied, -2: nobody. Own repeats stand together."""
    found = np.empty(len(labels), dtype=np.int32)
    counts = np.zeros(n_labels, dtype=np.int64)
    for item in range(len(starts) - 1):
        begin, end = starts[item], starts[item + 1]
        for vote in range(begin, end):
            counts[labels[vote]] += 1
        first = begin
        while first < end:
            last = first
            while last < end and annotators[last] == annotators[first]:
                counts[labels[last]] -= 1
                last += 1
            top = _top(counts, labels, begin, end) if last - first < end - begin else -2
            for vote in range(first, last):
                found[vote] = top
                counts[labels[vote]] += 1
            first = last
        for vote in range(begin, end):
            counts[labels[vote]] = 0
    return found


@numba.njit(nogil=True, cache=True)
def doubts_by_others(
    starts: IntArray, sides: NDArray[np.int8], labels: SmallInts, n_labels: int
) -> tuple[NDArray[np.int8], Hits]:
    """How far each vote is contradicted by side 0, each of whose votes is left out in turn: sides that count, and doubts.

    For each vote j of side 0, what most of side 0 without j gave is the label that j is held against, and so is every vote
    of side 1 (its doubt is the mean over all j). Where two labels are tied nobody is contradicted. So both sides meet
    references of the same size in which neither has a part: where both label alike the expected doubts are the same,
    whatever the sizes of the sides. (Leaving tied references out would not do: how many are tied depends on the votes of
    side 0 alone.) Items where side 0 has fewer than two votes do not count.
    """
    kept, doubt = np.full(len(labels), -1, dtype=np.int8), np.zeros(len(labels), dtype=np.float32)
    counts = np.zeros(n_labels, dtype=np.int64)
    tops = np.empty(n_labels, dtype=np.int64)
    for item in range(len(starts) - 1):
        begin, end = starts[item], starts[item + 1]
        for vote in range(begin, end):
            if sides[vote] == 0:
                counts[labels[vote]] += 1
        n_other = counts.sum()
        if n_other < 2:
            counts[:] = 0
            continue
        for label in range(n_labels):
            tops[label] = -1
            if counts[label]:
                counts[label] -= 1
                tops[label] = _top_of(counts)
                counts[label] += 1
        for vote in range(begin, end):
            label, against = labels[vote], 0
            if sides[vote] == 0:
                kept[vote], doubt[vote] = 0, np.float32(tops[label] >= 0 and tops[label] != label)
            elif sides[vote] == 1:
                for other in range(n_labels):
                    if counts[other] and tops[other] >= 0 and tops[other] != label:
                        against += counts[other]
                kept[vote], doubt[vote] = 1, np.float32(against / n_other)
        counts[:] = 0
    return kept, doubt


@numba.njit(nogil=True, cache=True)
def _top(counts: IntArray, labels: SmallInts, begin: int, end: int) -> int:
    """The label of these votes with the highest count; -1 where two have it, or none."""
    top, most, tied = -1, 0, False
    for vote in range(begin, end):
        label = labels[vote]
        if counts[label] > most:
            top, most, tied = label, counts[label], False
        elif counts[label] == most and label != top and most > 0:
            tied = True
    return -1 if tied else top


@numba.njit(nogil=True, cache=True)
def _top_of(counts: IntArray) -> int:
    """The label with the highest count; -1 where two have it, or none."""
    top, most, tied = -1, 0, False
    for label in range(len(counts)):
        if counts[label] > most:
            top, most, tied = label, counts[label], False
        elif counts[label] == most and most > 0:
            tied = True
    return -1 if tied else top
