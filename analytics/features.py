"""What a model reads of items: rows of numbers, dense or sparse."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from analytics.errors import BadOption

Floats32 = NDArray[np.float32]

Features: TypeAlias = "Floats32 | csr_array"
"""(I, D), dense float32 or a scipy CSR of float32."""


def check_features(features: Features) -> None:
    """Check that features are (I, D) of float32, D 1 or more, and finite.

    Raises:
        BadOption: they are not.
    """
    is_sparse = isinstance(features, csr_array)
    if not is_sparse and not isinstance(features, np.ndarray):
        raise BadOption("features", type(features).__name__, "a NumPy array or a scipy csr_array")
    if features.ndim != 2 or features.shape[1] < 1 or features.dtype != np.float32:
        given = f"array of {features.dtype} and shape {features.shape}"
        raise BadOption("features", given, "of float32 and shape (I, D), D 1 or more")
    if not np.isfinite(features.data if is_sparse else features).all():
        raise BadOption("features", "an entry", "finite")


def digest(features: Features, arrays: Iterable[NDArray[Any]], said: object) -> str:
    """SHA-256 in hex of features, arrays and what `said` prints as: work is told from other work by it."""
    hashed = hashlib.sha256(repr((said, features.shape)).encode())
    parts = (
        [features] if isinstance(features, np.ndarray) else [features.data, features.indices, features.indptr]
    )
    for array in (*parts, *arrays):
        hashed.update(repr((array.shape, str(array.dtype))).encode())
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()
