"""Sums over clusters of annotations, in one pass over the annotations and one over the clusters."""

from __future__ import annotations

import numba
import numpy as np

from analytics.frames import FloatArray, IntArray


@numba.njit(nogil=True, cache=True)
def cluster_sums(
    cluster: IntArray, label: IntArray, n_clusters: int, n_labels: int
) -> tuple[FloatArray, FloatArray, float, int]:
    """Of the clusters' label counts c (K,) and sizes n: sum c c' (K, K), sum n c (K,), sum n^2, and how many are not empty."""
    counts = np.zeros((n_clusters, n_labels), np.int32)
    for row in range(cluster.size):
        counts[cluster[row], label[row]] += 1
    square, by_size = np.zeros((n_labels, n_labels)), np.zeros(n_labels)
    total, filled = 0.0, 0
    used = np.empty(n_labels, np.int64)
    for one in range(n_clusters):
        size, n_used = 0, 0
        for k in range(n_labels):
            if counts[one, k]:
                used[n_used] = k
                n_used += 1
                size += counts[one, k]
        if size == 0:
            continue
        filled += 1
        total += float(size) * size
        for a in range(n_used):
            first = float(counts[one, used[a]])
            by_size[used[a]] += first * size
            for b in range(n_used):
                square[used[a], used[b]] += first * counts[one, used[b]]
    return square, by_size, total, filled
