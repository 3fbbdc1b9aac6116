"""The loops of exact nearest neighbours over blocks of similarities, compiled (numba). What they compute: `neighbours`.

Each item keeps its best candidates in a heap with the worst on top: smaller similarity, then larger row. That order
is complete, so the candidates do not depend on the order in which blocks are looked at.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray

Floats32 = NDArray[np.float32]


@numba.njit(nogil=True, cache=True)
def _is_worse(similarity: float, row: int, other: float, other_row: int) -> bool:
    return bool(similarity < other or (similarity == other and row > other_row))


@numba.njit(nogil=True, cache=True)
def _replace_worst(similarities: Floats32, rows: IntArray, similarity: float, row: int) -> None:
    """Put a candidate in the place of the worst one and let it sink."""
    place, size = 0, len(rows)
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        right = child + 1
        if right < size and _is_worse(similarities[right], rows[right], similarities[child], rows[child]):
            child = right
        if not _is_worse(similarities[child], rows[child], similarity, row):
            break
        similarities[place], rows[place] = similarities[child], rows[child]
        place = child
    similarities[place], rows[place] = similarity, row


@numba.njit(nogil=True, cache=True)
def keep_best(
    block: Floats32,
    own: tuple[int, int],
    others: tuple[int, int],
    are_items: bool,
    kept: tuple[Floats32, IntArray],
) -> None:
    """Offer the items of `others` to those of `own`, by the block (own, others) of their similarities.

    `own` and `others` are first and last + 1 row; `kept` are similarities and rows. Where `own` counts items as
    `others` does (`are_items`), an item is not offered to itself.
    """
    similarities, rows = kept
    for item in range(own[0], own[1]):
        line = block[item - own[0]]
        best, best_rows = similarities[item], rows[item]
        for place in range(others[1] - others[0]):
            similarity = line[place]
            if similarity >= best[0]:
                row = others[0] + place
                if not (are_items and row == item) and _is_worse(best[0], best_rows[0], similarity, row):
                    _replace_worst(best, best_rows, similarity, row)


@numba.njit(nogil=True, cache=True)
def keep_best_of_columns(
    block: Floats32,
    own: tuple[int, int],
    others: tuple[int, int],
    share: tuple[int, int],
    kept: tuple[Floats32, IntArray],
) -> None:
    """As `keep_best`, but offers the items of `own` (rows of the block) to those columns of `others` in `share`."""
    similarities, rows = kept
    limits = np.empty(share[1] - share[0], dtype=np.float32)
    for place in range(len(limits)):
        limits[place] = similarities[others[0] + share[0] + place, 0]
    for row in range(own[0], own[1]):
        line = block[row - own[0], share[0] : share[1]]
        for place in range(len(limits)):
            similarity = line[place]
            if similarity >= limits[place]:
                item = others[0] + share[0] + place
                if row != item and _is_worse(similarities[item, 0], rows[item, 0], similarity, row):
                    _replace_worst(similarities[item], rows[item], similarity, row)
                    limits[place] = similarities[item, 0]


@numba.njit(nogil=True, cache=True)
def exact_distances(
    chunk: tuple[int, int],
    queries: tuple[Floats32, IntArray],
    features: Floats32,
    candidates: IntArray,
    is_cosine: bool,
    found: tuple[IntArray, FloatArray],
) -> None:
    """Distances of each query's candidates in float64; the nearest k in order, nearest first, then smaller row.

    `queries` are their features and rows; a candidate of -1 is none. The cosine distance 1 - ab / |a||b| is had from
    the difference of the two, (|a - b|^2 - (|a| - |b|)^2) / 2|a||b|, so that copies are at 0; from nothing it is 1.
    """
    features_of_query, row_of_query = queries
    neighbours, distances = found
    n_wanted = neighbours.shape[1]
    for query in range(chunk[0], chunk[1]):
        n_found = 0
        for row in candidates[query]:
            if row < 0 or row == row_of_query[query]:
                continue
            total, own_length, length = 0.0, 0.0, 0.0
            for place in range(features.shape[1]):
                mine, its = np.float64(features_of_query[query, place]), np.float64(features[row, place])
                total += (mine - its) * (mine - its)
                own_length += mine * mine
                length += its * its
            own_length, length = np.sqrt(own_length), np.sqrt(length)
            if not is_cosine:
                distance = np.sqrt(total)
            elif own_length == 0 or length == 0:
                distance = 1.0
            else:
                difference = own_length - length
                distance = max((total - difference * difference) / (2 * own_length * length), 0.0)
            place = min(n_found, n_wanted)
            while place > 0 and (
                distance < distances[query, place - 1]
                or (distance == distances[query, place - 1] and row < neighbours[query, place - 1])
            ):
                if place < n_wanted:
                    distances[query, place] = distances[query, place - 1]
                    neighbours[query, place] = neighbours[query, place - 1]
                place -= 1
            if place < n_wanted:
                distances[query, place], neighbours[query, place] = distance, row
                n_found += 1
