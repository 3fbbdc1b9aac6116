"""Both groupings' terms taken off: least squares with dummies, whatever the way to solve it."""

from __future__ import annotations

import numpy as np
import pytest

from analytics import two_way as module
from analytics.frames import FloatArray, IntArray
from analytics.two_way import two_way
from analytics.two_way_kernels import in_groups, pair_scores, shared_weight, slope_sums, top_of_others


def by_dummies(values: FloatArray, *groups: IntArray) -> FloatArray:
    table = np.column_stack([np.eye(int(group.max()) + 1)[group] for group in groups])
    return np.asarray(values - table @ np.linalg.lstsq(table, values, rcond=None)[0])


def scene(n_one: int, n_other: int, n: int, *, parts: int = 1) -> tuple[IntArray, IntArray, FloatArray]:
    """Rows at random; with two parts even groups meet only even ones."""
    rng = np.random.default_rng(n)
    one = rng.integers(0, n_one, n)
    other = rng.integers(0, n_other, n)
    other = np.minimum(other - other % parts + one % parts, n_other - 1 - (n_other - 1 - one) % parts)
    return one, other, rng.normal(size=n) + one


@pytest.mark.parametrize("most_exact", [0, 2000])
@pytest.mark.parametrize(
    ("n_one", "n_other", "n", "parts"), [(7, 40, 160, 1), (40, 7, 160, 1), (8, 40, 100, 2), (12, 14, 150, 1), (3, 90, 95, 1)]
)  # fmt: skip
def test_residuals_are_those_of_dummies(
    monkeypatch: pytest.MonkeyPatch, most_exact: int, n_one: int, n_other: int, n: int, parts: int
) -> None:
    monkeypatch.setattr(module, "MOST_EXACT", most_exact)
    one, other, values = scene(n_one, n_other, n, parts=parts)
    assert two_way(one, other).residuals(values) == pytest.approx(by_dummies(values, one, other), abs=1e-8)


def test_a_group_without_rows_changes_nothing() -> None:
    one, other, values = scene(6, 20, 80)
    found = two_way(one * 2 + 1, other + 3).residuals(values)
    assert found == pytest.approx(by_dummies(values, one, other), abs=1e-8)


def test_the_sparse_and_the_dense_way_count_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, values = scene(9, 30, 200)
    dense = two_way(one, other).residuals(values)
    monkeypatch.setattr(module, "_DENSE_CELLS", 0)
    assert two_way(one, other).residuals(values) == pytest.approx(dense, abs=1e-10)


def test_a_loose_chain_is_solved_where_taking_means_off_in_turn_would_creep() -> None:
    """Each of 300 annotators shares one item with the next."""
    one = np.repeat(np.arange(300), 2)
    other = np.concatenate([[0], np.repeat(np.arange(1, 300), 2), [300]])
    values = np.sin(np.arange(600.0))
    assert (
        np.abs(two_way(one, other).residuals(values)).max() < 1e-8
    )  # as many terms as a chain has ends: all is explained
    both = np.concatenate([one, one]), np.concatenate([other, (other + 150) % 301])
    twice = np.concatenate([values, np.cos(np.arange(600.0))])
    assert two_way(*both).residuals(twice) == pytest.approx(by_dummies(twice, *both), abs=1e-7)


def test_nothing_is_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert two_way(none, none).residuals(np.zeros(0)).size == 0


def test_kernels_by_hand() -> None:
    starts, rows = in_groups(np.array([1, 0, 1]), 3)
    assert (starts.tolist(), rows.tolist()) == ([0, 1, 3, 3], [1, 0, 2])
    shared = shared_weight(starts, rows, np.array([0, 1, 1]), 2, np.array([1.0, 2.0, 1.0]))
    assert shared.tolist() == [[0.5, 0.5], [0.5, 1.5]]  # an item of one row, and one of a row each


def test_scores_of_pairs_by_the_formula() -> None:
    rng = np.random.default_rng(5)
    item, who, label = rng.integers(0, 12, 60), rng.integers(0, 4, 60), rng.integers(0, 3, 60)
    earlier, mean = rng.integers(-1, 3, (60, 2)).astype(np.int32), rng.dirichlet(np.ones(3), 4)
    found = pair_scores(in_groups(item, 12), who, label, earlier, mean)
    told = np.zeros((4, 2))
    for row in range(60):
        others = label[(item == item[row]) & (np.arange(60) != row)]
        for lag in range(2):
            if others.size and earlier[row, lag] >= 0:
                given = np.eye(3)[label[row]] - np.bincount(others, minlength=3) / others.size
                told[who[row], lag] += (np.eye(3)[earlier[row, lag]] - mean[who[row]]) @ given
    assert found == pytest.approx(told, abs=1e-12)


def test_the_label_of_most_others_by_hand() -> None:
    item, label = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3]), np.array([1, 1, 0, 2, 2, 0, 0, 0, 1, 1])
    assert top_of_others(*in_groups(item, 4), label, 3).tolist() == [-1, -1, 1, 2, 2, -1, 1, 1, 0, 0]


def test_sums_of_a_slope_by_group() -> None:
    above, below = slope_sums(np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 1.0]), np.array([0, 1, 1]), 2)
    assert (above.tolist(), below.tolist()) == ([2.0, 5.0], [1.0, 13.0])
