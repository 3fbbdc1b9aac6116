"""One more vote: which items, what it is expected to change, and that asking does change that much."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.errors import BadOption
from analytics.extra_votes import extra_votes
from tests.analytics.test_panel_weights import panel


def test_items_that_hang_by_a_vote_come_first_and_the_missing_group_is_asked() -> None:
    votes, groups = panel(3)
    found = extra_votes(votes, groups, n_items=40, n_labels=2)
    assert found.n_votes == found.items.height == 40
    assert found.items["margin"].is_sorted()
    assert found.items["margin"].max() == 1
    counted = (
        votes.join(groups, on="annotator_code")
        .group_by("item_code")
        .agg(a=(pl.col("group_code") == 0).sum(), b=(pl.col("group_code") == 1).sum())
    )
    beside = found.items.join(counted, on="item_code")
    assert beside.filter((pl.col("a") < pl.col("b")) & (pl.col("group_code") != 0)).is_empty()
    assert beside.filter((pl.col("a") > pl.col("b")) & (pl.col("group_code") != 1)).is_empty()


def test_what_is_expected_is_what_comes_when_the_group_is_asked() -> None:
    votes, groups = panel(4, n_items=2000)
    found = extra_votes(votes, groups, n_items=400, n_labels=2, group=1)
    rng = np.random.default_rng(0)
    items = found.items["item_code"].to_numpy()
    given = (rng.random(items.size) < 0.7).astype(np.int64)  # what group 1 says in `panel`, whatever the item
    more = pl.DataFrame({"item_code": items, "annotator_code": [19] * items.size, "label_code": given})
    count = pl.concat([votes, more]).group_by("item_code").agg(ones=pl.col("label_code").sum(), n=pl.len())
    was = votes.group_by("item_code").agg(was=pl.col("label_code").sum() * 2 > pl.len())
    changed = (
        count.join(was, on="item_code").filter((pl.col("ones") * 2 > pl.col("n")) != pl.col("was")).height
    )
    assert found.expected_changes == pytest.approx(changed, rel=0.35, abs=15)
    assert found.gap_low <= found.gap_after <= found.gap_high


def test_order_changes_nothing_and_what_cannot_be_is_refused() -> None:
    votes, groups = panel(5, n_items=60)
    one = extra_votes(votes, groups, n_items=10, n_labels=2)
    other = extra_votes(votes.sample(fraction=1, shuffle=True, seed=1), groups, n_items=10, n_labels=2)
    assert one.items.equals(other.items)
    assert one.gap_after == other.gap_after
    with pytest.raises(BadOption, match="n_items"):
        extra_votes(votes, groups, n_items=0, n_labels=2)
    with pytest.raises(BadOption, match="two or more groups"):
        extra_votes(votes, groups.with_columns(group_code=pl.lit(0)), n_items=3, n_labels=2)
    with pytest.raises(BadOption, match="group="):
        extra_votes(votes, groups, n_items=3, n_labels=2, group=9)


def test_items_are_picked_by_what_people_are_asked_as_and_not_by_their_groups() -> None:
    """The list of items is on record: with what people are asked as the same, it has to be the same whoever is in which group."""
    votes, groups = panel(6, n_items=200)
    asked_as = groups.with_columns(group_code=1 - pl.col("group_code").shuffle(seed=3))
    swapped = groups.with_columns(group_code=1 - pl.col("group_code"))
    for group in (-1, 0, 1):
        first, second = (
            extra_votes(votes, own, n_items=30, n_labels=2, group=group, asked_as=asked_as).items["item_code"]
            for own in (groups, swapped)
        )
        assert first.equals(second)
    fewer = groups.filter(pl.col("annotator_code") > 1)  # two people are in no group that is shown
    shown = extra_votes(votes, fewer, n_items=30, n_labels=2, asked_as=asked_as).items
    assert shown["margin"].equals(
        extra_votes(votes, groups, n_items=30, n_labels=2, asked_as=asked_as).items["margin"]
    )


def test_an_answer_of_others_moves_the_gap_less() -> None:
    votes, groups = panel(4, n_items=2000)
    asked_as = groups

    def gap_after(answering: list[list[float]] | None) -> float:
        shares = None if answering is None else np.array(answering)
        return extra_votes(
            votes, groups, n_items=600, n_labels=2, group=1, asked_as=asked_as, answering=shares
        ).expected_changes

    alone, mixed, swapped = (
        gap_after(a) for a in (None, [[0.75, 0.25], [0.25, 0.75]], [[0.0, 1.0], [1.0, 0.0]])
    )
    assert min(alone, swapped) < mixed < max(alone, swapped)
    assert mixed == pytest.approx(0.75 * alone + 0.25 * swapped, rel=1e-6)
    with pytest.raises(BadOption, match="rows and columns"):
        gap_after([[1.0]])
