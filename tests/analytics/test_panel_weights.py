"""Other weights of the panel: raking reaches its targets, and what would change is what does change."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.consensus import majority_vote
from analytics.errors import BadOption
from analytics.panel_weights import effective_size, raked, reweighted


def panel(seed: int = 0, n_items: int = 300, shift: float = 0.4) -> tuple[pl.DataFrame, pl.DataFrame]:
    """20 annotators, 16 of group 0; group 1 says label 1 `shift` more often. Five votes an item."""
    rng = np.random.default_rng(seed)
    group = np.array([0] * 16 + [1] * 4)
    item = np.arange(n_items).repeat(5)
    annotator = np.concatenate([rng.choice(20, 5, replace=False) for _ in range(n_items)])
    label = (rng.random(item.size) < 0.3 + shift * group[annotator]).astype(np.int64)
    votes = pl.DataFrame({"item_code": item, "annotator_code": annotator, "label_code": label})
    return votes, pl.DataFrame({"annotator_code": np.arange(20), "group_code": group})


def test_raking_reaches_every_target_at_once() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 3, 500), rng.integers(0, 2, 500)
    targets = np.array([0.2, 0.3, 0.5]), np.array([0.4, 0.6])
    weights = raked([(one, targets[0]), (other, targets[1])])
    assert np.bincount(one, weights) / weights.sum() == pytest.approx(targets[0], abs=1e-5)
    assert np.bincount(other, weights) / weights.sum() == pytest.approx(targets[1], abs=1e-5)
    assert weights.mean() == pytest.approx(1)


def test_the_mix_that_is_there_changes_nothing() -> None:
    votes, groups = panel()
    share = votes.join(groups, on="annotator_code")["group_code"].mean()
    found = reweighted(votes, groups, {0: 1 - float(str(share)), 1: float(str(share))}, n_labels=2)
    assert found.changes.is_empty()
    assert found.n_effective == pytest.approx(found.n_votes)
    assert found.gap_before == pytest.approx(found.gap_after)


def test_a_group_that_counts_for_more_is_heard_and_it_costs_precision() -> None:
    votes, groups = panel(2)
    found = reweighted(votes, groups, {0: 0.5, 1: 0.5}, n_labels=2)
    assert found.changes.height > 10
    assert found.changes.filter(pl.col("label_after") == 1).height > 0.9 * found.changes.height
    assert found.gap_after < found.gap_before
    assert found.n_effective < 0.75 * found.n_votes
    plain = majority_vote(votes, n_labels=2).items.select("item_code", plain="label_code")
    assert (
        found.changes.join(plain, on="item_code")["label_before"]
        == found.changes.join(plain, on="item_code")["plain"]
    ).all()


def test_the_label_that_a_vote_is_compared_with_leaves_it_out() -> None:
    votes = pl.DataFrame({"item_code": [0, 0, 0], "annotator_code": [0, 1, 2], "label_code": [1, 1, 0]})
    groups = pl.DataFrame({"annotator_code": [0, 1, 2], "group_code": [0, 0, 1]})
    table = reweighted(votes, groups, {0: 2 / 3, 1: 1 / 3}, n_labels=2).groups
    # For the votes of group 0 the other two are tied; the vote of group 1 is contradicted.
    assert table["agrees_before"].to_list() == [None, 0.0]


def test_effective_size_is_kishs() -> None:
    assert effective_size(np.ones(7)) == pytest.approx(7)
    assert effective_size(np.array([1.0, 3.0])) == pytest.approx(16 / 10)


def test_what_cannot_be_is_refused() -> None:
    votes, groups = panel()
    with pytest.raises(BadOption, match="sum 1"):
        reweighted(votes, groups, {0: 0.5, 1: 0.4}, n_labels=2)
    with pytest.raises(BadOption, match="share above 0"):
        reweighted(votes, groups, {0: 1.0}, n_labels=2)
    with pytest.raises(BadOption, match="groups of annotators"):
        reweighted(
            votes, groups.with_columns(annotator_code=pl.col("annotator_code") + 100), {0: 1.0}, n_labels=2
        )
    same = np.array([0, 1, 0, 1])
    with pytest.raises(BadOption, match="can reach"):
        raked([(same, np.array([0.2, 0.8])), (same, np.array([0.6, 0.4]))])
