"""The labelled items most like one item: those that share its label, and those that have another.

`nearest_neighbours` finds the neighbours of all items of a set; this is for one item on a screen, exact, by one product of its
features with everybody's. Cosine similarity in [-1, 1]; of counts and TF-IDF in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

UNLABELLED = -1


@dataclass(frozen=True, slots=True)
class LabelNeighbours:
    """Rows and similarities of the nearest items, nearest first; of equals the smaller row first.

    Attributes:
        same_rows: at most k rows of items with the label.
        same_similarity: their similarity.
        other_rows: at most k rows of items with another label.
        other_similarity: their similarity.
        n_same: how many of the k nearest labelled items of any label have the label.
        n_nearest: how many those are: k, or all there are.
    """

    same_rows: IntArray
    same_similarity: FloatArray
    other_rows: IntArray
    other_similarity: FloatArray
    n_same: int
    n_nearest: int


def label_neighbours(
    features: NDArray[Any] | csr_array, *, row: int, labels: IntArray, label_code: int, k: int = 5
) -> LabelNeighbours:
    """The labelled items nearest to one item, for and against a label.

    An item that has nothing in common with the item (similarity 0 or less) is no neighbour.

    Args:
        features: (I, D), dense or sparse, finite.
        row: the item's row.
        labels: (I,) label codes; UNLABELLED (-1) where an item has none. The item's own is not looked at.
        label_code: the label that neighbours are for or against.
        k: how many of each.

    Raises:
        BadOption: features, a row, labels or k that are not allowed.
    """
    if features.ndim != 2 or labels.shape != (features.shape[0],):
        raise BadOption("labels", f"array of shape {labels.shape}", "of shape (I,) beside features of (I, D)")
    if not 0 <= row < features.shape[0]:
        raise BadOption("row", row, f"a row from 0 to {features.shape[0] - 1}")
    if k < 1:
        raise BadOption("k", k, "1 or more")
    similarity = _cosine(features, row)
    eligible = (labels != UNLABELLED) & (similarity > 0)
    eligible[row] = False
    candidates = np.flatnonzero(eligible)
    order = candidates[np.lexsort((candidates, -similarity[candidates]))]
    has_label = labels[order] == label_code
    same, other = order[has_label][:k], order[~has_label][:k]
    return LabelNeighbours(
        same, similarity[same], other, similarity[other], int(has_label[:k].sum()), min(k, len(order))
    )


def _cosine(features: NDArray[Any] | csr_array, row: int) -> FloatArray:
    """(I,) cosine similarity of every item with the one; 0 for a row of zeros."""
    from scipy.sparse import csr_array, issparse

    if issparse(features):
        table = csr_array(features, dtype=np.float64)
        if not np.isfinite(table.data).all():
            raise BadOption("features", "an entry", "a finite number")
        norms = np.sqrt(table.multiply(table).sum(axis=1))
        products = table @ table[[row]].toarray()[0]
    else:
        dense = np.asarray(features, dtype=np.float64)
        if not np.isfinite(dense).all():
            raise BadOption("features", "an entry", "a finite number")
        norms = np.sqrt(np.einsum("id,id->i", dense, dense))
        products = dense @ dense[row]
    size = norms * norms[row]
    # rounded, so that equal neighbours are equal on every machine
    found = np.divide(products, size, out=np.zeros(len(size)), where=size > 0).round(12)
    kept: FloatArray = np.clip(found, -1.0, 1.0)
    return kept
