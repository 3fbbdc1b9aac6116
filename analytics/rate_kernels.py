"""Sums of weighted rows for a least-squares fit with an effect of each stratum, one pass over the rows."""

from __future__ import annotations

import numba
import numpy as np

from analytics.frames import FloatArray, IntArray


@numba.njit(nogil=True, cache=True)
def normal_equations(
    start: IntArray, columns: IntArray, window: IntArray, hit: FloatArray, weights: FloatArray, size: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Rows of stratum s are start[s] to start[s + 1]; a row has a one in each of its columns (N, C) of `size`.

    The normal equations with the strata's means taken out (size, size) and (size,), the strata's mean hit (S,; 0 where they
    have no weight), and for each window the sum of each column (2, size), of each stratum (2, S), and of the hits (2,).
    """
    n_strata, kinds = start.size - 1, columns.shape[1]
    gram, right = np.zeros((size, size)), np.zeros(size)
    mean, by_column, by_stratum = np.zeros(n_strata), np.zeros((2, size)), np.zeros((2, n_strata))
    hits = np.zeros(2)
    line, touched = np.zeros(size), np.empty(size, np.int64)
    for s in range(n_strata):
        n_touched, total, found = 0, 0.0, 0.0
        for row in range(start[s], start[s + 1]):
            weight = weights[row]
            if weight <= 0:
                continue
            w = window[row]
            total += weight
            found += weight * hit[row]
            hits[w] += weight * hit[row]
            by_stratum[w, s] += weight
            for a in range(kinds):
                one = columns[row, a]
                if line[one] == 0:
                    touched[n_touched] = one
                    n_touched += 1
                line[one] += weight
                right[one] += weight * hit[row]
                by_column[w, one] += weight
                for b in range(kinds):
                    gram[one, columns[row, b]] += weight
        if n_touched == 0:
            continue
        mean[s] = found / total
        for a in range(n_touched):
            share = line[touched[a]] / total
            right[touched[a]] -= share * found
            for b in range(n_touched):
                gram[touched[a], touched[b]] -= share * line[touched[b]]
        for a in range(n_touched):
            line[touched[a]] = 0.0
    return gram, right, mean, by_column, by_stratum, hits


@numba.njit(nogil=True, cache=True)
def mean_effects(start: IntArray, columns: IntArray, weights: FloatArray, theta: FloatArray) -> FloatArray:
    """(S,) the strata's weighted mean of the sum of their rows' effects; 0 where they have no weight."""
    out = np.zeros(start.size - 1)
    for s in range(out.size):
        total, found = 0.0, 0.0
        for row in range(start[s], start[s + 1]):
            weight = weights[row]
            if weight <= 0:
                continue
            total += weight
            for a in range(columns.shape[1]):
                found += weight * theta[columns[row, a]]
        if total > 0:
            out[s] = found / total
    return out
