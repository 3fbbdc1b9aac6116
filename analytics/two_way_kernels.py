"""The loops behind two groupings at once (annotators and items) and behind pairs of answers, compiled (numba)."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray

Codes = NDArray[np.int32] | IntArray


@numba.njit(nogil=True, cache=True)
def in_groups(group: Codes, n_groups: int) -> tuple[IntArray, IntArray]:
    """The rows (N,) of each group, in order, group after group; and where each group's begin (G + 1,)."""
    starts = np.zeros(n_groups + 1, dtype=np.int64)
    for row in range(group.size):
        starts[group[row] + 1] += 1
    for place in range(n_groups):
        starts[place + 1] += starts[place]
    rows, filled = np.empty(group.size, dtype=np.int64), starts[:-1].copy()
    for row in range(group.size):
        rows[filled[group[row]]] = row
        filled[group[row]] += 1
    return starts, rows


@numba.njit(nogil=True, cache=True)
def shared_weight(
    starts: IntArray, rows: IntArray, first: Codes, n_first: int, sizes: FloatArray
) -> FloatArray:
    """(A, A) sum over the second grouping's groups of n_a n_b / size, n_a the rows of a in that group."""
    shared = np.zeros((n_first, n_first))
    for group in range(starts.size - 1):
        begin, end = starts[group], starts[group + 1]
        for one in range(begin, end):
            a = first[rows[one]]
            for other in range(begin, end):
                shared[a, first[rows[other]]] += 1.0 / sizes[group]
    return shared


@numba.njit(nogil=True, cache=True)
def inside(values: FloatArray, second: Codes, sizes: FloatArray, first: Codes, n_first: int) -> FloatArray:
    """(A,) values less the mean of their group of the second grouping, summed by the first."""
    mean = np.zeros(sizes.size)
    for row in range(values.size):
        mean[second[row]] += values[row]
    mean /= sizes
    sums = np.zeros(n_first)
    for row in range(values.size):
        sums[first[row]] += values[row] - mean[second[row]]
    return sums


@numba.njit(nogil=True, cache=True)
def taken_off(
    values: FloatArray, second: Codes, sizes: FloatArray, first: Codes, effect: FloatArray
) -> FloatArray:
    """(N,) values less the effect of their first group, and then the mean of their second."""
    left, mean = np.empty(values.size), np.zeros(sizes.size)
    for row in range(values.size):
        left[row] = values[row] - effect[first[row]]
        mean[second[row]] += left[row]
    mean /= sizes
    for row in range(values.size):
        left[row] -= mean[second[row]]
    return left


@numba.njit(nogil=True, cache=True)
def slope_sums(x: FloatArray, y: FloatArray, group: Codes, n_groups: int) -> tuple[FloatArray, FloatArray]:
    """(G,) sums of x y and of x x by group."""
    above, below = np.zeros(n_groups), np.zeros(n_groups)
    for row in range(x.size):
        above[group[row]] += x[row] * y[row]
        below[group[row]] += x[row] * x[row]
    return above, below


@numba.njit(nogil=True, cache=True)
def _counted(rows: IntArray, label: Codes, counts: IntArray, seen: IntArray) -> int:
    """Add the labels of these rows to `counts`, which are 0; `seen` begins with the labels that there are. Returns how many."""
    n_seen = 0
    for row in rows:
        k = label[row]
        if counts[k] == 0:
            seen[n_seen] = k
            n_seen += 1
        counts[k] += 1
    return n_seen


@numba.njit(nogil=True, cache=True)
def pair_scores(
    items: tuple[IntArray, IntArray], who: Codes, label: Codes, earlier: NDArray[np.int32], mean: FloatArray
) -> FloatArray:
    """(A, L) for each column of `earlier` (N, L; -1: none) the sum over answers of sum_k (p_k - m_k) z_k; see `sequence`.

    `items`: where each item's answers begin, and their rows; `mean` (A, K): each annotator's share of each label.
    """
    starts, rows = items
    found, counts = np.zeros((mean.shape[0], earlier.shape[1])), np.zeros(mean.shape[1], dtype=np.int64)
    seen = np.empty(mean.shape[1], dtype=np.int64)
    for item in range(starts.size - 1):
        begin, end = starts[item], starts[item + 1]
        others = end - begin - 1
        if others < 1:
            continue
        n_seen = _counted(rows[begin:end], label, counts, seen)
        for place in range(begin, end):
            row = rows[place]
            a, own = who[row], label[row]
            usual = -mean[a, own] * (1 + 1 / others)
            for k in seen[:n_seen]:
                usual += mean[a, k] * counts[k] / others
            for lag in range(earlier.shape[1]):
                before = earlier[row, lag]
                if before >= 0:
                    again = 1.0 if own == before else 0.0
                    found[a, lag] += again - (counts[before] - again) / others + usual
        for k in seen[:n_seen]:
            counts[k] = 0
    return found


@numba.njit(nogil=True, cache=True)
def top_of_others(starts: IntArray, rows: IntArray, label: Codes, n_labels: int) -> IntArray:
    """(N,) the label that most other answers on the item gave; -1: they are tied, or there are none."""
    top, counts = np.full(label.size, -1, dtype=np.int64), np.zeros(n_labels, dtype=np.int64)
    seen = np.empty(n_labels, dtype=np.int64)
    for item in range(starts.size - 1):
        begin, end = starts[item], starts[item + 1]
        n_seen = _counted(rows[begin:end], label, counts, seen)
        for place in range(begin, end):
            own = label[rows[place]]
            best, most = -1, 0
            for k in seen[:n_seen]:
                n = counts[k] - 1 if k == own else counts[k]
                if n > most:
                    best, most = k, n
                elif n == most:
                    best = -1
            top[rows[place]] = best
        for k in seen[:n_seen]:
            counts[k] = 0
    return top
