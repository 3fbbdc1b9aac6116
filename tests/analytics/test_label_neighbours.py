"""The nearest labelled items for and against a label."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from analytics.errors import BadOption
from analytics.label_neighbours import label_neighbours
from analytics.neighbours import nearest_neighbours


def test_by_hand() -> None:
    features = np.array([[1.0, 0], [2, 0], [1, 1], [0, 1], [1, 0.1], [5, 0]])
    found = label_neighbours(features, row=0, labels=np.array([0, 0, 1, 1, 1, -1]), label_code=0, k=2)
    assert found.same_rows.tolist() == [1]
    assert found.same_similarity.tolist() == [1.0]
    assert found.other_rows.tolist() == [4, 2]  # row 3 has nothing in common, row 5 no label
    assert found.other_similarity[1] == pytest.approx(1 / np.sqrt(2))
    assert (found.n_same, found.n_nearest) == (1, 2)


def test_the_same_as_the_search_for_all_items() -> None:
    features = np.random.default_rng(0).random((60, 8))
    exact = nearest_neighbours(features, k=5)
    for row in (0, 17, 59):
        for table in (features, csr_array(features)):
            found = label_neighbours(table, row=row, labels=np.zeros(60, dtype=np.int64), label_code=0)
            assert found.same_rows.tolist() == exact.rows[row].tolist()
            np.testing.assert_allclose(1 - found.same_similarity, exact.distances[row], atol=1e-7)


def test_the_items_own_label_is_not_looked_at() -> None:
    features = np.random.default_rng(1).random((20, 4))
    labels = np.arange(20) % 2
    other = labels.copy()
    other[3] = 1 - other[3]
    first = label_neighbours(features, row=3, labels=labels, label_code=0)
    second = label_neighbours(features, row=3, labels=other, label_code=0)
    assert first.same_rows.tolist() == second.same_rows.tolist()
    assert first.other_rows.tolist() == second.other_rows.tolist()


def test_an_empty_item_has_no_neighbours() -> None:
    features = np.array([[0.0, 0], [1, 0], [0, 1]])
    found = label_neighbours(features, row=0, labels=np.array([0, 0, 1]), label_code=0)
    assert found.n_nearest == 0
    assert found.same_rows.size == found.other_rows.size == 0


def test_misuse_is_said() -> None:
    features, labels = np.ones((3, 2)), np.zeros(3, dtype=np.int64)
    with pytest.raises(BadOption, match="row"):
        label_neighbours(features, row=3, labels=labels, label_code=0)
    with pytest.raises(BadOption, match="k="):
        label_neighbours(features, row=0, labels=labels, label_code=0, k=0)
    with pytest.raises(BadOption, match="finite"):
        label_neighbours(features * np.inf, row=0, labels=labels, label_code=0)
