"""Sparse features along few directions: lengths and products of items stay, and the seed decides the rest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from analytics.directions import along_directions
from analytics.errors import BadOption


def words(n_items: int = 60, width: int = 200) -> csr_array:
    return csr_array(
        random_array((n_items, width), density=0.05, rng=np.random.default_rng(0), dtype=np.float32)
    )


def test_all_directions_keep_every_product() -> None:
    """Of rank 5, five directions are all there are."""
    rng = np.random.default_rng(1)
    low = csr_array((rng.random((60, 5)) @ rng.random((5, 200))).astype(np.float32))
    found = along_directions(low, n_directions=5).items
    assert found.shape == (60, 5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found @ found.T, (low @ low.T).toarray(), rtol=1e-4)


def test_few_directions_are_the_longest() -> None:
    features = words()
    found = along_directions(features, n_directions=10).items
    values = np.linalg.svd(features.toarray(), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), values[:10], rtol=0.02)
    assert along_directions(features, n_directions=500).items.shape == (60, 59)


def test_the_same_seed_gives_the_same() -> None:
    assert np.array_equal(along_directions(words(), seed=3).items, along_directions(words(), seed=3).items)


def test_weights_on_directions_are_weights_on_features() -> None:
    features = words()
    found = along_directions(features, n_directions=10)
    weights = np.random.default_rng(2).standard_normal((2, 3, 11, 4)).astype(np.float32)
    on_features = found.of_features(weights)
    assert on_features.shape == (2, 3, 201, 4)
    by_direction = found.items @ weights[1, 2, :-1] + weights[1, 2, -1]
    by_feature = features @ on_features[1, 2, :-1] + on_features[1, 2, -1]
    np.testing.assert_allclose(by_feature, by_direction, atol=1e-5)


def test_misuse_is_refused() -> None:
    with pytest.raises(BadOption, match="n_directions"):
        along_directions(words(), n_directions=0)
    with pytest.raises(BadOption, match="features"):
        along_directions(words(1))
