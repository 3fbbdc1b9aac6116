"""Folds: every item in one, groups whole, labels spread; members weigh what their fold may see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import BadOption
from analytics.folds import assign_folds, group_ranks, member_weights, train_weights


@given(n_items=st.integers(2, 60), n_folds=st.integers(2, 6), seed=st.integers(0, 5))
def test_folds_are_as_equal_as_can_be(n_items: int, n_folds: int, seed: int) -> None:
    if n_items < n_folds:
        with pytest.raises(BadOption, match="n_folds"):
            assign_folds(n_items, n_folds=n_folds, seed=seed)
        return
    sizes = np.bincount(assign_folds(n_items, n_folds=n_folds, seed=seed), minlength=n_folds)
    assert sizes.max() - sizes.min() <= 1


@given(groups=st.lists(st.integers(0, 12), min_size=20, max_size=60), seed=st.integers(0, 5))
def test_a_group_is_never_torn(groups: list[int], seed: int) -> None:
    group = np.array(groups)
    if len(set(groups)) < 3:
        return
    fold = assign_folds(len(group), n_folds=3, seed=seed, groups=group)
    assert all(len(set(fold[group == one])) == 1 for one in set(groups))
    assert set(fold) == {0, 1, 2}


def test_large_groups_are_spread_over_the_folds() -> None:
    groups = np.concatenate([np.repeat(np.arange(10), 20), np.arange(100, 300)])
    sizes = np.bincount(assign_folds(400, n_folds=5, groups=groups))
    assert sizes.tolist() == [80] * 5


def test_every_fold_has_its_share_of_a_rare_label() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    fold = assign_folds(100, n_folds=5, label_codes=labels)
    assert np.bincount(fold[labels == 1]).tolist() == [2] * 5


def test_the_seed_decides() -> None:
    one, same, other = (assign_folds(100, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_groups_are_ranked() -> None:
    assert group_ranks(3, np.array([9, 2, 9])).tolist() == [1, 0, 1]
    assert group_ranks(2, None).tolist() == [0, 1]
    with pytest.raises(BadOption, match="groups"):
        group_ranks(2, np.array([1]))
    with pytest.raises(BadOption, match="groups"):
        group_ranks(2, np.array([0.5, 1.0]))
    with pytest.raises(BadOption, match="label_codes"):
        assign_folds(4, n_folds=2, label_codes=np.array([1]))


def test_members_weigh_nothing_of_their_own_fold_and_as_much_in_all() -> None:
    fold = assign_folds(50)
    plain = train_weights(np.linspace(0.5, 2, 50), fold, 5)
    groups = np.arange(50) // 2
    own = member_weights(plain, groups, seed=3, member=2)
    assert (own[fold[:, None] == np.arange(5)] == 0).all()
    np.testing.assert_allclose(own.sum(axis=0), plain.sum(axis=0), rtol=1e-6)
    ratio = (own / np.where(plain > 0, plain, 1)).sum(axis=1) / (plain > 0).sum(axis=1)
    assert not np.allclose(ratio, ratio[0])
    assert member_weights(plain, groups, seed=3, member=0) is plain
    assert np.array_equal(own, member_weights(plain, groups, seed=3, member=2))
    assert not np.array_equal(own, member_weights(plain, groups, seed=3, member=1))


def test_the_weights_of_a_member_are_those_of_a_bootstrap() -> None:
    """Mean 1 and variance 1, the same for the items of a group."""
    plain = np.ones((4000, 1), dtype=np.float32)
    own = member_weights(plain, np.arange(4000) // 2, seed=0, member=1)[:, 0]
    assert own.mean() == pytest.approx(1, abs=1e-5)
    assert own.var() == pytest.approx(1, abs=0.15)
    assert np.array_equal(own[::2], own[1::2])
