from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics import label_errors
from analytics.consensus import majority_vote
from analytics.dawid_skene import dawid_skene
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.label_errors import REASONS, Grounds
from analytics.reasons import DOUBTS, explain
from tests.crowds import N_LABELS, accurate, drawn_crowd, real_crowd, some_votes, votes_of

NO_GOLD = pl.DataFrame(schema={"item_code": pl.Int64, "label_code": pl.Int64})


def grounds_of(votes: pl.DataFrame, *, n_labels: int, gold: pl.DataFrame = NO_GOLD) -> Grounds:
    return Grounds(votes, majority_vote(votes, n_labels=n_labels).items, gold, n_labels)


def crowd_with_two_weak() -> pl.DataFrame:
    """Annotators 0 to 3 say item % 2 on 40 items, 4 and 5 always 1; on item 40 only 4, 5 and 0 do."""
    rows = [(item, annotator, item % 2) for item in range(40) for annotator in range(4)]
    rows += [(item, annotator, 1) for item in range(40) for annotator in (4, 5)]
    return votes_of([*rows, (40, 4, 1), (40, 5, 1), (40, 0, 0)])


ITEM_40 = 3 * 40 + 1


def test_low_posterior_names_the_next_label() -> None:
    votes = votes_of(
        [(0, a, label) for a, label in enumerate([2, 2, 2, 0, 1])] + [(1, a, 1) for a in range(4)]
    )
    found = label_errors.low_posterior(majority_vote(votes, n_labels=3).items, limit=0.8)
    assert found.columns == list(DOUBTS)
    row = found.row(0, named=True)
    assert found.get_column("item_code").to_list() == [1]
    assert (row["score"], row["threshold"]) == (pytest.approx(0.4), pytest.approx(0.2))
    assert row["evidence"] == {
        "label_code": 2,
        "p_label": 0.6,
        "runner_up_label_code": 0,
        "p_runner_up": 0.2,
        "n_annotations": 5,
        "limit": 0.8,
    }


def test_low_posterior_stops_at_the_limit() -> None:
    items = majority_vote(votes_of([(0, a, int(a == 0)) for a in range(5)]), n_labels=2).items
    assert items.get_column("p_label").to_list() == [0.8]
    assert label_errors.low_posterior(items, limit=0.8).is_empty()
    assert label_errors.low_posterior(items, limit=0.81).height == 1


@pytest.mark.parametrize(
    ("labels", "split"),
    [([0, 0, 0, 1, 1], True), ([0, 0, 1], False), ([0, 1], True), ([0], False), ([2, 2, 2, 2, 0, 1], False)],
)
def test_split_vote(labels: list[int], split: bool) -> None:
    votes = votes_of([(0, annotator, label) for annotator, label in enumerate(labels)])
    assert label_errors.split_vote(votes, n_labels=3).height == split


def test_split_vote_tells_the_counts() -> None:
    votes = votes_of([(0, annotator, label) for annotator, label in enumerate([2, 2, 1, 1, 0])])
    row = label_errors.split_vote(votes, n_labels=3).row(0, named=True)
    assert row["score"] == 1
    assert (row["evidence"]["label_code"], row["evidence"]["second_label_code"]) == (1, 2)
    assert (row["evidence"]["n_first"], row["evidence"]["n_second"], row["evidence"]["n_annotations"]) == (
        2,
        2,
        5,
    )


def test_gold_disagreement() -> None:
    votes = votes_of([(0, a, label) for a, label in enumerate([2, 2, 2, 1])] + [(1, 0, 1)])
    gold = pl.DataFrame({"item_code": [1, 4, 999], "label_code": [1, 1, 0]})
    found = label_errors.gold_disagreement(majority_vote(votes, n_labels=3).items, gold)
    assert found.get_column("item_code").to_list() == [1]
    row = found.row(0, named=True)
    assert (row["score"], row["threshold"]) == (0.75, 0.5)
    assert (row["evidence"]["gold_label_code"], row["evidence"]["p_gold"]) == (1, 0.25)


def test_an_item_that_rests_on_weak_annotators_is_doubted() -> None:
    votes = crowd_with_two_weak()
    items = majority_vote(votes, n_labels=2).items
    found = label_errors.weak_annotator(votes, items, n_labels=2)
    assert found.get_column("item_code").to_list() == [ITEM_40], (
        "elsewhere four good annotators carry the label"
    )
    row = found.row(0, named=True)
    assert row["score"] == 1.0
    evidence = row["evidence"]
    assert (evidence["label_code"], evidence["rest_label_code"], evidence["on_label_code"]) == (1, 0, 0)
    assert (evidence["n_set_aside"], evidence["n_annotations"]) == (2, 3)
    assert evidence["annotator_code"] in (4000, 5000)
    assert evidence["agreement"] == 0.0
    assert evidence["peers_agreement"] > 0.6
    assert evidence["n"] == 20


def test_a_label_that_the_rest_supports_is_not_doubted() -> None:
    """The consensus already discounts the weak annotators: setting them aside tells nothing new."""
    votes = crowd_with_two_weak()
    items = dawid_skene(votes, n_labels=2).items
    assert items.filter(pl.col("item_code") == ITEM_40).get_column("label_code").item() == 0
    assert label_errors.weak_annotator(votes, items, n_labels=2).is_empty()


def test_an_item_labelled_by_weak_annotators_alone_is_doubted_in_full() -> None:
    votes = crowd_with_two_weak().filter((pl.col("item_code") != ITEM_40) | (pl.col("annotator_code") != 0))
    # They are weak on label 0, which is in question only where somebody gave it: here one of them, once.
    vote = pl.DataFrame({"item_code": [ITEM_40], "annotator_code": [4000], "label_code": [0]})
    votes = pl.concat([votes, vote])
    found = label_errors.weak_annotator(votes, majority_vote(votes, n_labels=2).items, n_labels=2)
    row = found.filter(pl.col("item_code") == ITEM_40).row(0, named=True)
    assert (row["score"], row["evidence"]["rest_label_code"], row["evidence"]["n_set_aside"]) == (
        1.0,
        None,
        3,
    )


def test_being_weak_on_a_label_that_is_not_in_question_does_not_count() -> None:
    """Annotators 4 and 5 are weak on label 0 alone: where the choice is between 1 and 2 their votes stand."""
    between = pl.DataFrame(
        {"item_code": [500] * 3, "annotator_code": [4000, 5000, 0], "label_code": [1, 1, 2]},
    )
    votes = pl.concat([crowd_with_two_weak(), between])
    found = label_errors.weak_annotator(votes, majority_vote(votes, n_labels=3).items, n_labels=3)
    assert found.get_column("item_code").to_list() == [ITEM_40]


def test_good_annotators_and_small_gaps_raise_no_doubt() -> None:
    crowd = drawn_crowd(accurate(10, 3, 0.85), n_items=2000, n_per_item=4, priors=np.full(3, 1 / 3), seed=0)
    items = majority_vote(crowd.votes, n_labels=3).items
    assert label_errors.weak_annotator(crowd.votes, items, n_labels=3).is_empty()
    weak = crowd_with_two_weak()
    items = majority_vote(weak, n_labels=2).items
    assert label_errors.weak_annotator(weak, items, n_labels=2, min_gap=0.99).is_empty()
    assert label_errors.weak_annotator(weak, items, n_labels=2, min_n=21).is_empty()


def test_doubted_items_of_a_drawn_crowd_are_more_often_wrong() -> None:
    accuracy = np.array([*[0.2] * 2, *[0.92] * 10])
    crowd = drawn_crowd(
        accurate(12, 3, accuracy), n_items=3000, n_per_item=5, priors=np.full(3, 1 / 3), seed=8
    )
    grounds = grounds_of(crowd.votes, n_labels=3)
    shuffled = grounds_of(crowd.votes.sample(fraction=1, shuffle=True, seed=1), n_labels=3)
    wrong = grounds.items.join(crowd.gold, on="item_code", suffix="_gold").select(
        "item_code", wrong=pl.col("label_code") != pl.col("label_code_gold")
    )
    overall = wrong.get_column("wrong").mean()
    assert isinstance(overall, float)
    for reason in REASONS:
        if reason.key == "gold_disagreement":
            continue
        doubted = reason.detect(grounds)
        share = wrong.join(doubted, on="item_code", how="semi").get_column("wrong").mean()
        assert isinstance(share, float)
        assert share > 2 * overall, reason.key
        assert_frame_equal(doubted, reason.detect(shuffled), check_exact=True)


@given(votes=some_votes(), seed=st.integers(0, 10))
def test_every_reason_keeps_its_contract(votes: pl.DataFrame, seed: int) -> None:
    gold = (
        NO_GOLD
        if votes.is_empty()
        else votes.select("item_code", "label_code").unique("item_code", keep="any")
    )
    grounds = grounds_of(votes, n_labels=N_LABELS, gold=gold)
    shuffled = grounds_of(votes.sample(fraction=1, shuffle=True, seed=seed), n_labels=N_LABELS, gold=gold)
    names = {code: f"annotator {code}" for code in votes.get_column("annotator_code")}
    for reason in REASONS:
        found = reason.detect(grounds)
        assert found.columns == list(DOUBTS)
        assert set(found.get_column("reason")) <= {reason.key}
        assert found.get_column("item_code").to_list() == sorted(set(found.get_column("item_code")))
        assert found.select(
            ((pl.col("score") >= pl.col("threshold") - 1e-12) & (pl.col("score") <= 1)).all()
        ).item()
        assert_frame_equal(found, reason.detect(shuffled), check_exact=True)
        for evidence in found.get_column("evidence").to_list():
            sentence = explain(
                reason, evidence, labels=("sports", "politics", "arts", "other"), annotators=names
            )
            assert not any(leftover in sentence for leftover in ("{", "_", "None"))


def test_words_name_labels_and_people() -> None:
    votes = crowd_with_two_weak()
    by_key = {reason.key: reason for reason in REASONS}
    found = by_key["weak_annotator"].detect(grounds_of(votes, n_labels=2)).row(0, named=True)
    sentence = explain(
        by_key["weak_annotator"],
        found["evidence"],
        labels=("cat", "dog"),
        annotators={4000: "Ana", 5000: "Ben"},
    )
    assert sentence.startswith(
        "Without 2 of the 3 annotations this item would not be dog. Where the others say cat, "
    )
    assert "agrees 0% of the time (20 annotations)" in sentence


def test_no_items_give_empty_frames_of_the_same_columns() -> None:
    split = pl.DataFrame({"item_code": [9999] * 2, "annotator_code": [0, 1000], "label_code": [0, 1]})
    votes = pl.concat([crowd_with_two_weak(), split])
    gold = pl.DataFrame({"item_code": [ITEM_40], "label_code": [0]})
    for reason in REASONS:
        none = reason.detect(grounds_of(votes.clear(), n_labels=2))
        some = reason.detect(grounds_of(votes, n_labels=2, gold=gold))
        assert (none.is_empty(), some.is_empty()) == (True, False)
        assert none.schema == some.schema


def test_doubts_of_a_real_crowd_find_wrong_labels(datasets: Path) -> None:
    crowd = real_crowd(datasets, "act_MS")
    grounds = grounds_of(crowd.votes, n_labels=len(crowd.labels), gold=crowd.gold)
    wrong = REASONS[2].detect(grounds).get_column("item_code")
    assert wrong.len() == round((1 - 0.707143) * 700)
    doubted = pl.concat([REASONS[k].detect(grounds).select("item_code") for k in (0, 1, 3)]).unique()
    found = doubted.get_column("item_code").is_in(wrong.implode()).sum()
    assert found / wrong.len() > 0.8
    assert found / doubted.height > 0.3


def test_misuse_is_refused() -> None:
    votes = crowd_with_two_weak()
    items = majority_vote(votes, n_labels=2).items
    with pytest.raises(MissingColumn, match="posterior"):
        label_errors.low_posterior(items.drop("posterior"))
    with pytest.raises(BadOption, match="limit"):
        label_errors.low_posterior(items, limit=1.5)
    with pytest.raises(BadOption, match="limit"):
        label_errors.split_vote(votes, n_labels=2, limit=1.0)
    with pytest.raises(BadColumn, match="no place"):
        label_errors.gold_disagreement(items, pl.DataFrame({"item_code": [1], "label_code": [7]}))
    with pytest.raises(BadColumn, match="label_code"):
        label_errors.weak_annotator(votes, items.with_columns(label_code=pl.lit(2)), n_labels=2)
