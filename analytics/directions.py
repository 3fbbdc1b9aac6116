"""Sparse features seen along the few directions in which they differ most: what a network can be trained on in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from analytics.errors import BadOption
from analytics.features import Floats32


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Items (I, R) along R directions, and the `axes` (D, R) that took them there: features times axes."""

    items: Floats32
    axes: Floats32

    def of_features(self, weights: Floats32) -> Floats32:
        """What weights (M, F, R + 1, U) on the directions, the bias last, are on the features: (M, F, D + 1, U)."""
        return np.concatenate([self.axes @ weights[:, :, :-1], weights[:, :, -1:]], axis=2)


def along_directions(features: csr_array, *, n_directions: int = 256, seed: int = 0) -> Directions:
    """Features (I, D) along their longest directions, (I, R): a truncated SVD, not centred, so that lengths stay lengths.

    Nothing of the labels goes into the directions; the features of all items do.

    Args:
        features: CSR, D 2 or more, I 2 or more.
        n_directions: R, at most one fewer than there are items or features.
        seed: of the randomised search (Halko, Martinsson & Tropp 2011).

    Raises:
        BadOption: fewer than 1 direction, or features of one column or one item.
    """
    if n_directions < 1:
        raise BadOption("n_directions", n_directions, "1 or more")
    if min(features.shape) < 2:
        raise BadOption(
            "features", f"array of shape {features.shape}", "of two items and two columns or more"
        )
    from sklearn.utils.extmath import randomized_svd

    n_kept = min(n_directions, min(features.shape) - 1)
    _, _, rows = randomized_svd(features.astype(np.float64), n_kept, random_state=seed)
    axes = np.ascontiguousarray(rows.T, dtype=np.float32)
    return Directions(np.asarray(features @ axes, dtype=np.float32), axes)
