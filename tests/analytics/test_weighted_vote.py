from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics.annotators import consensus_accuracy
from analytics.consensus import ITEMS_SCHEMA, leave_one_out_majority, majority_vote
from analytics.errors import BadColumn, BadOption
from analytics.weighted_vote import weighted_vote
from tests.crowds import N_LABELS, accurate, drawn_crowd, some_votes, votes_of


def test_a_crowd_by_hand() -> None:
    """Annotators 0 and 1 always agree, 2 never: on 2 of 4 items they are 2 to 1."""
    votes = votes_of([(i, a, 1 if a < 2 else 0) for i in range(4) for a in range(3)])
    found = weighted_vote(votes, n_labels=2, shrinkage=2.0)
    # Without 0, the others are 1 to 1: nothing to compare with. Without 2, they are both against 2.
    assert found.annotators.get_column("n_compared").to_list() == [0, 0, 4]
    assert found.annotators.get_column("n_agreed").to_list() == [0, 0, 0]
    mean = 1 / 6
    assert found.annotators.get_column("accuracy").to_list() == pytest.approx([mean, mean, 2 * mean / 6])
    assert found.annotators.get_column("weight").to_list() == [0, 0, 0], "worse than chance weighs nothing"
    assert found.items.get_column("label_code").to_list() == [1, 1, 1, 1], "then votes are counted"
    assert found.items.get_column("p_label").to_list() == pytest.approx([2 / 3] * 4)


def test_the_weight_is_the_log_odds_of_the_accuracy() -> None:
    votes = votes_of([(i, a, i % 3) for i in range(30) for a in range(3)])
    row = weighted_vote(votes, n_labels=3, shrinkage=10).annotators.row(0, named=True)
    mean = 91 / 93
    accuracy = (30 + 10 * mean) / 40
    assert (row["n_agreed"], row["n_compared"]) == (30, 30)
    assert row["accuracy"] == pytest.approx(accuracy)
    assert row["weight"] == pytest.approx(math.log(accuracy * 2 / (1 - accuracy)))


@settings(max_examples=60, deadline=None)
@given(votes=some_votes())
def test_comparisons_are_those_of_leaving_oneself_out(votes: pl.DataFrame) -> None:
    left_out = (
        leave_one_out_majority(votes, n_labels=N_LABELS)
        .group_by("annotator_code")
        .agg(
            n_agreed=(pl.col("label_code") == pl.col("label_others")).sum().cast(pl.Int64),
            n_compared=pl.col("label_others").count().cast(pl.Int64),
        )
        .sort("annotator_code")
    )
    found = weighted_vote(votes, n_labels=N_LABELS).annotators
    if votes.height:
        assert_frame_equal(found.select("annotator_code", "n_agreed", "n_compared"), left_out)


@settings(max_examples=60, deadline=None)
@given(votes=some_votes(), seed=st.integers(0, 10))
def test_order_of_rows_changes_nothing_and_shares_add_up(votes: pl.DataFrame, seed: int) -> None:
    one = weighted_vote(votes, n_labels=N_LABELS)
    two = weighted_vote(votes.sample(fraction=1, shuffle=True, seed=seed), n_labels=N_LABELS)
    assert_frame_equal(one.items, two.items, check_exact=True)
    assert_frame_equal(one.annotators, two.annotators, check_exact=True)
    assert one.items.get_column("posterior").list.sum().to_list() == pytest.approx([1] * one.items.height)


def test_the_order_of_annotators_does_not_decide_a_tie() -> None:
    crowd = drawn_crowd(accurate(9, 3, 0.7), n_items=300, n_per_item=4, priors=np.full(3, 1 / 3), seed=1)
    renamed = crowd.votes.with_columns(annotator_code=100 - pl.col("annotator_code"))
    one, two = weighted_vote(crowd.votes, n_labels=3).items, weighted_vote(renamed, n_labels=3).items
    assert_frame_equal(one.drop("posterior", "p_label"), two.drop("posterior", "p_label"))


def test_ties_go_to_the_smallest_label_and_are_marked() -> None:
    found = weighted_vote(votes_of([(0, 0, 2), (0, 1, 1)]), n_labels=3).items.row(0, named=True)
    assert (found["label_code"], found["tied"], found["p_label"]) == (1, True, 0.5)


def test_it_beats_the_plain_vote_where_annotators_differ() -> None:
    crowd = drawn_crowd(
        accurate(30, 4, np.linspace(0.3, 0.95, 30)),
        n_items=4000,
        n_per_item=5,
        priors=np.full(4, 0.25),
        seed=6,
    )
    plain = consensus_accuracy(majority_vote(crowd.votes, n_labels=4).items, crowd.gold)
    weighted = consensus_accuracy(weighted_vote(crowd.votes, n_labels=4).items, crowd.gold)
    assert plain.high is not None
    assert weighted.value is not None
    assert weighted.value > plain.high


def test_edges() -> None:
    assert weighted_vote(votes_of([]), n_labels=3).items.schema == ITEMS_SCHEMA
    assert (
        weighted_vote(votes_of([(0, 0, 0), (0, 1, 0)]), n_labels=1).items.row(0, named=True)["p_label"] == 1
    )
    alone = weighted_vote(votes_of([(0, 0, 1), (1, 0, 0)]), n_labels=2)
    assert alone.items.get_column("label_code").to_list() == [1, 0]


def test_misuse_is_refused() -> None:
    with pytest.raises(BadColumn, match="label_code"):
        weighted_vote(votes_of([(0, 0, 2)]), n_labels=2)
    for shrinkage in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(BadOption, match="shrinkage"):
            weighted_vote(votes_of([(0, 0, 0)]), n_labels=2, shrinkage=shrinkage)
