"""The loops of confident learning over items, compiled (numba). What they compute: `confident_learning`.

`state` (I,) holds for each item the bits below. Chunks write to their own items and to their own partial sums.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray

OTHER_BEFORE = 1
"""Some other label is more probable than the item's own."""
OTHER_BEST = 2
"""Some other label is more probable by more than the tolerance: only such an item can be suspect."""
CONFIDENT_OTHER = 4
"""The item is counted off the diagonal of the confident joint."""

TOLERANCE = 1e-6
"""A probability within this of its threshold has reached it; a label this close to the best is as good."""

States = NDArray[np.uint8]


@numba.njit(nogil=True, cache=True)
def own_sums(
    chunk: tuple[int, int], labels: IntArray, probabilities: FloatArray, own: FloatArray
) -> tuple[FloatArray, int, int]:
    """Fill `own` with the probability of each item's label; (2, K) its sums and the counts by label.

    Also how many rows have an entry that is no number in [0, 1], and how many others do not add up to 1.
    """
    n_labels = probabilities.shape[1]
    found = np.zeros((2, n_labels))
    n_outside, n_unequal = 0, 0
    for item in range(chunk[0], chunk[1]):
        label = labels[item]
        own[item] = probabilities[item, label]
        total, least, most = 0.0, 0.0, 0.0
        for other in range(n_labels):
            p = probabilities[item, other]
            total += p
            least = min(least, p)
            most = max(most, p)
        if not (least >= 0 and most <= 1 and total < np.inf):
            n_outside += 1
        elif abs(total - 1) > 1e-3:
            n_unequal += 1
        found[0, label] += own[item]
        found[1, label] += 1
    return found, n_outside, n_unequal


@numba.njit(nogil=True, cache=True)
def compare_labels(
    chunk: tuple[int, int],
    labels: IntArray,
    probabilities: FloatArray,
    reached: FloatArray,
    state: States,
) -> tuple[IntArray, IntArray]:
    """Fill `state`; (K, K) the confident joint, given by confident label, and how often the other label is before.

    `reached` (K,) is the probability from which on a label is confident. Of several confident labels the most
    probable of all labels counts, the smallest code of equals.
    """
    n_labels = probabilities.shape[1]
    joint = np.zeros((n_labels, n_labels), dtype=np.int64)
    before = np.zeros((n_labels, n_labels), dtype=np.int64)
    for item in range(chunk[0], chunk[1]):
        given = labels[item]
        own = probabilities[item, given]
        nearly = own + TOLERANCE
        best, first, n_confident, found = 0, -1, 0, 0
        for label in range(n_labels):
            p = probabilities[item, label]
            if p > probabilities[item, best]:
                best = label
            if p >= reached[label]:
                n_confident += 1
                if first < 0:
                    first = label
        if probabilities[item, best] > own:
            found = OTHER_BEFORE
            for label in range(n_labels):
                p = probabilities[item, label]
                if p > own:
                    before[given, label] += 1
                    if p > nearly or (p == nearly and label < given):
                        found |= OTHER_BEST
        if n_confident > 0:
            guess = best if n_confident > 1 else first
            joint[given, guess] += 1
            if guess != given:
                found |= CONFIDENT_OTHER
        state[item] = found
    return joint, before


@numba.njit(nogil=True, cache=True)
def by_label(labels: IntArray, state: States, everyone: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Items sorted by label: starts (K + 1,) and the items. Of labels not in `everyone`, those with another before."""
    starts = np.zeros(len(everyone) + 1, dtype=np.int64)
    for item in range(len(labels)):
        if everyone[labels[item]] or state[item] & OTHER_BEFORE:
            starts[labels[item] + 1] += 1
    starts = np.cumsum(starts)
    place = starts[:-1].copy()
    items = np.empty(starts[-1], dtype=np.int64)
    for item in range(len(labels)):
        label = labels[item]
        if everyone[label] or state[item] & OTHER_BEFORE:
            items[place[label]] = item
            place[label] += 1
    return starts, items


@numba.njit(nogil=True, cache=True)
def mark_widest(
    items: IntArray,
    given: int,
    wanted: IntArray,
    floor: float,
    probabilities: FloatArray,
    marked: NDArray[np.bool_],
) -> None:
    """For each other label mark the `wanted[label]` items of the given label with the widest margin over `floor`.

    Of equal margins the first items are marked.
    """
    margins = np.empty(len(items))
    for label in range(len(wanted)):
        n = wanted[label]
        if label == given or n <= 0:
            continue
        n_found = 0
        for item in items:
            margin = probabilities[item, label] - probabilities[item, given]
            if margin > floor:
                margins[n_found] = margin
                n_found += 1
        if n_found == 0:
            continue
        n = min(n, n_found)
        limit = np.partition(margins[:n_found], n_found - n)[n_found - n]
        n_equal = n
        for place in range(n_found):
            if margins[place] > limit:
                n_equal -= 1
        for item in items:
            margin = probabilities[item, label] - probabilities[item, given]
            if margin > limit:
                marked[item] = True
            elif margin == limit and n_equal > 0:
                marked[item] = True
                n_equal -= 1


@numba.njit(nogil=True, cache=True)
def mark_lowest(items: IntArray, n: int, values: FloatArray, marked: NDArray[np.bool_]) -> None:
    """Mark the `n` of the items that have the lowest values, the first of equals."""
    if n <= 0:
        return
    found = values[items]
    limit = np.partition(found, n - 1)[n - 1]
    n_equal = n
    for value in found:
        if value < limit:
            n_equal -= 1
    for item in items:
        if values[item] < limit:
            marked[item] = True
        elif values[item] == limit and n_equal > 0:
            marked[item] = True
            n_equal -= 1


@numba.njit(nogil=True, cache=True)
def best_other(
    chunk: tuple[int, int],
    labels: IntArray,
    probabilities: FloatArray,
    best: IntArray,
    p_best: FloatArray,
) -> None:
    """Fill in the most probable label but the item's own, the smallest code of equals, and its probability."""
    for item in range(chunk[0], chunk[1]):
        top = 1 if labels[item] == 0 else 0
        for label in range(probabilities.shape[1]):
            if label != labels[item] and probabilities[item, label] > probabilities[item, top]:
                top = label
        best[item] = top
        p_best[item] = probabilities[item, top]
