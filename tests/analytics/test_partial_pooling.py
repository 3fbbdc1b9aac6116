"""Figures drawn towards their mean as far as they leave themselves open."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.partial_pooling import partly_pooled


def test_pooling_leaves_alone_what_is_well_known_and_moves_what_is_not() -> None:
    shrunk, spread = partly_pooled(np.array([0.0, 0.5, np.nan]), np.array([1e-6, 1e-6, 0.1]))
    assert shrunk[:2].tolist() == pytest.approx([0.0, 0.5], abs=1e-4)
    assert np.isnan(shrunk[2])
    alike, _ = partly_pooled(np.array([0.1, 0.2]), np.array([1.0, 1.0]))
    assert alike.tolist() == pytest.approx([0.15, 0.15])
    assert spread[0] < 0.002
