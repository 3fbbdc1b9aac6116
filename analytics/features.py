"""What a model reads of items: rows of numbers, dense or sparse."""

from __future__ import annotations

from typing import TypeAlias

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
