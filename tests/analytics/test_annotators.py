from __future__ import annotations

from math import comb
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics import annotators
from analytics.consensus import leave_one_out_majority, majority_vote
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.intervals import wilson
from tests.crowds import N_LABELS, accurate, drawn_crowd, real_crowd, some_votes, votes_of

# Three annotators say 1, 1, 3 of the first item; two say 2, 0 of the second; the third alone 3 of the last.
VOTES = votes_of([(0, 0, 1), (0, 1, 1), (0, 2, 3), (1, 0, 2), (1, 1, 0), (2, 2, 3)])
GOLD = pl.DataFrame({"item_code": [1, 4], "label_code": [1, 0]})

FRAMES = {
    "agreement": lambda votes: annotators.annotator_agreement(votes, n_labels=N_LABELS),
    "accuracy": lambda votes: annotators.gold_accuracy(votes, GOLD, n_labels=N_LABELS),
    "with others": lambda votes: annotators.confusion_with_others(votes, n_labels=N_LABELS),
    "with gold": lambda votes: annotators.confusion_with_gold(votes, GOLD, n_labels=N_LABELS),
    "by label": lambda votes: annotators.annotator_label_agreement(votes, n_labels=N_LABELS, min_n=2),
    "speed": lambda votes: annotators.speed(votes.with_columns(active_seconds=pl.col("label_code") + 0.5)),
}


def test_agreement_is_with_the_label_of_the_others() -> None:
    found = annotators.annotator_agreement(VOTES, n_labels=N_LABELS)
    assert found.columns == ["annotator_code", "n", "n_compared", "agreement", "low", "high", "undefined"]
    # For annotators 0 and 1 the other two are tied on item 1; item 4 compares them with each other.
    assert found.select("annotator_code", "n", "n_compared", "agreement").rows() == [
        (0, 2, 1, 0.0),
        (1000, 2, 1, 0.0),
        (2000, 2, 1, 0.0),
    ]
    expected = wilson(0, 1)
    assert found.row(0)[4:6] == (expected.low, expected.high)


def test_one_who_labelled_alone_has_no_agreement_with_themselves() -> None:
    found = annotators.annotator_agreement(votes_of([(0, 0, 1), (0, 0, 1), (1, 0, 2)]), n_labels=N_LABELS)
    row = found.row(0, named=True)
    assert (row["n"], row["n_compared"], row["agreement"], row["low"], row["high"]) == (
        3,
        0,
        None,
        None,
        None,
    )
    assert "nobody else" in row["undefined"]


def test_accuracy_on_gold() -> None:
    found = annotators.gold_accuracy(VOTES, GOLD, n_labels=N_LABELS)
    assert found.select("annotator_code", "n_gold", "accuracy").rows() == [
        (0, 2, 0.5),
        (1000, 2, 1.0),
        (2000, 1, 0.0),
    ]
    without = annotators.gold_accuracy(VOTES, GOLD.clear(), n_labels=N_LABELS)
    assert without.get_column("accuracy").null_count() == 3
    assert without.get_column("undefined").null_count() == 0


def test_confusion_counts_what_was_given_for_what() -> None:
    with_gold = annotators.confusion_with_gold(VOTES, GOLD, n_labels=N_LABELS)
    assert with_gold.columns == ["annotator_code", "label_gold", "label_given", "n"]
    assert with_gold.rows() == [(0, 0, 2, 1), (0, 1, 1, 1), (1000, 0, 0, 1), (1000, 1, 1, 1), (2000, 1, 3, 1)]
    with_others = annotators.confusion_with_others(VOTES, n_labels=N_LABELS)
    assert with_others.rows() == [(0, 0, 2, 1), (1000, 2, 0, 1), (2000, 1, 3, 1)]


@given(votes=some_votes())
def test_counts_that_are_at_hand_give_the_same_figures(votes: pl.DataFrame) -> None:
    counts = annotators.counts_beside_others(votes, n_labels=N_LABELS)
    assert counts["n"].sum() == votes.height
    assert_frame_equal(
        annotators.agreement_of_counts(counts), annotators.annotator_agreement(votes, n_labels=N_LABELS)
    )
    assert_frame_equal(
        annotators.confusion_of_counts(counts), annotators.confusion_with_others(votes, n_labels=N_LABELS)
    )


def test_consensus_accuracy_counts_gold_items() -> None:
    items = majority_vote(VOTES, n_labels=N_LABELS).items
    found = annotators.consensus_accuracy(items, GOLD)
    assert (found.value, found.n, found.n_unit) == (1.0, 2, "items")
    assert (found.low, found.high) == (wilson(2, 2).low, wilson(2, 2).high)
    none = annotators.consensus_accuracy(items, GOLD.clear())
    assert none.value is None
    assert none.undefined


@pytest.mark.parametrize("name", ["act_SP_amt", "act_MS"])
def test_accuracy_on_a_real_crowd_adds_up(datasets: Path, name: str) -> None:
    """Averaged over annotators by what each labelled, accuracy is that of a single annotation."""
    crowd = real_crowd(datasets, name)
    found = annotators.gold_accuracy(crowd.votes, crowd.gold, n_labels=len(crowd.labels))
    single = crowd.votes.join(crowd.gold, on="item_code", suffix="_gold")
    share = (single.get_column("label_code") == single.get_column("label_code_gold")).mean()
    pooled = found.select((pl.col("accuracy") * pl.col("n_gold")).sum() / pl.col("n_gold").sum()).item()
    assert pooled == pytest.approx(share)


def test_agreement_of_even_annotators_is_what_it_has_to_be() -> None:
    """Two labels, three annotators who are equally good: agreement with two others who agree."""
    accuracy = 0.8
    crowd = drawn_crowd(
        accurate(3, 2, accuracy), n_items=20_000, n_per_item=3, priors=np.full(2, 0.5), seed=3
    )
    found = annotators.annotator_agreement(crowd.votes, n_labels=2)
    both_agree = accuracy**2 + (1 - accuracy) ** 2
    expected = (accuracy**3 + (1 - accuracy) ** 3) / both_agree
    assert found.get_column("agreement").to_list() == pytest.approx([expected] * 3, abs=0.012)
    assert (found.get_column("n_compared") / found.get_column("n")).to_list() == pytest.approx(
        [both_agree] * 3, abs=0.02
    )


def test_peers_leave_the_annotator_out_and_the_test_is_fishers() -> None:
    # Twelve items on which annotators 1, 2, 3 say 0; annotator 0 says 0 on three of them, else 1.
    rows = [(item, annotator, 0) for item in range(12) for annotator in (1, 2, 3)]
    rows += [(item, 0, 0 if item < 3 else 1) for item in range(12)]
    found = annotators.annotator_label_agreement(votes_of(rows), n_labels=2)
    row = found.row(0, named=True)
    assert (row["annotator_code"], row["label_others"], row["n"], row["n_peers"]) == (0, 0, 12, 36)
    assert (row["agreement"], row["peers_agreement"]) == (0.25, 1.0)
    below = sum(comb(39, k) * comb(9, 12 - k) for k in range(3, 4)) / comb(48, 12)
    assert row["p_value"] == pytest.approx(below)
    assert row["p_adjusted"] == pytest.approx(4 * below)
    assert found.get_column("p_adjusted").to_list()[1:] == [1.0] * 3


def test_few_annotations_are_described_but_not_tested() -> None:
    rows = [(item, annotator, 0) for item in range(9) for annotator in (0, 1, 2)]
    found = annotators.annotator_label_agreement(votes_of(rows), n_labels=2)
    assert found.get_column("p_value").null_count() == found.height == 3
    assert found.get_column("agreement").to_list() == [1.0] * 3
    assert set(found.get_column("undefined")) == {"fewer than 10 annotations to compare"}


def test_a_weak_annotator_is_found_and_even_ones_are_not_accused() -> None:
    accuracy = np.array([0.35, *[0.85] * 14])
    accused, found_weak = 0, 0
    for seed in range(10):
        crowd = drawn_crowd(
            accurate(15, 3, accuracy), n_items=600, n_per_item=5, priors=np.full(3, 1 / 3), seed=seed
        )
        table = annotators.annotator_label_agreement(crowd.votes, n_labels=3)
        low = table.filter(pl.col("p_adjusted") <= 0.05)
        found_weak += low.filter(pl.col("annotator_code") == 0).height
        accused += low.filter(pl.col("annotator_code") != 0).height
    assert found_weak == 30, "three labels in each of ten crowds"
    # At most 5 % of all findings are false in the mean: 30 findings bear about 1.6.
    assert accused <= 5


def test_speed_is_of_known_times_alone() -> None:
    votes = VOTES.with_columns(active_seconds=pl.Series([1.0, 4.0, None, 3.0, 8.0, None]))
    found = annotators.speed(votes)
    assert found.drop("undefined").rows() == [
        (0, 2, 2.0, pytest.approx(1.2), pytest.approx(2.8), pytest.approx(2 / 3.5)),
        (1000, 2, 6.0, pytest.approx(4.4), pytest.approx(7.6), pytest.approx(6 / 3.5)),
        (2000, 0, None, None, None, None),
    ]
    assert found.get_column("undefined").to_list() == [
        None,
        None,
        "no annotation of this annotator has a time",
    ]


def test_speed_without_any_time_or_with_none_but_zero() -> None:
    unknown = annotators.speed(VOTES.with_columns(active_seconds=pl.lit(None)))
    assert unknown.get_column("n_timed").to_list() == [0, 0, 0]
    instant = annotators.speed(VOTES.with_columns(active_seconds=pl.lit(0.0)))
    assert instant.get_column("ratio_to_pooled").null_count() == 3
    assert instant.get_column("undefined").null_count() == 0


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_impossible_times_are_refused(seconds: float) -> None:
    with pytest.raises(BadColumn, match="active_seconds"):
        annotators.speed(VOTES.with_columns(active_seconds=pl.lit(seconds)))


@pytest.mark.parametrize("name", FRAMES)
@given(votes=some_votes(), seed=st.integers(0, 10))
def test_order_and_names_change_nothing(name: str, votes: pl.DataFrame, seed: int) -> None:
    before = votes.clone()
    found = FRAMES[name](votes)
    assert_frame_equal(
        found, FRAMES[name](votes.sample(fraction=1, shuffle=True, seed=seed)), check_exact=True
    )
    back = {"annotator_code": 10**7 - pl.col("annotator_code")}
    renamed = FRAMES[name](votes.with_columns(**back)).with_columns(**back)
    assert_frame_equal(found, renamed, check_row_order=False)
    assert_frame_equal(votes, before)


@pytest.mark.parametrize("name", FRAMES)
def test_no_votes_give_empty_frames_of_the_same_columns(name: str) -> None:
    none = FRAMES[name](VOTES.clear())
    assert none.is_empty()
    assert none.schema == FRAMES[name](VOTES).schema


@given(votes=some_votes())
def test_shares_lie_within_their_intervals(votes: pl.DataFrame) -> None:
    defined = annotators.annotator_agreement(votes, n_labels=N_LABELS).drop_nulls("agreement")
    low, value, high = (defined.get_column(name) for name in ("low", "agreement", "high"))
    assert all((a <= b).all() for a, b in ((low * 0, low), (low, value), (value, high), (high, high * 0 + 1)))


def test_misuse_is_refused() -> None:
    with pytest.raises(BadColumn, match="twice"):
        annotators.gold_accuracy(VOTES, pl.concat([GOLD, GOLD]), n_labels=N_LABELS)
    with pytest.raises(BadColumn, match="gold"):
        annotators.gold_accuracy(VOTES, GOLD.with_columns(label_code=pl.lit(9)), n_labels=N_LABELS)
    with pytest.raises(MissingColumn, match="active_seconds"):
        annotators.speed(VOTES)
    with pytest.raises(BadOption, match="min_n"):
        annotators.annotator_label_agreement(VOTES, n_labels=N_LABELS, min_n=0)


@pytest.mark.parametrize("n_labels", [2, 5])
def test_what_is_given_beside_the_others_is_the_majority_without_oneself_counted(
    n_labels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Votes with repeats, ties and lonely items: the kernel, the grouping, and the majority counted by hand agree."""
    rng = np.random.default_rng(3)
    votes = pl.DataFrame(
        {
            "item_code": rng.integers(0, 60, 400) * 3,
            "annotator_code": rng.integers(0, 9, 400) + 2,
            "label_code": rng.integers(0, n_labels, 400),
        }
    )
    keys = ["annotator_code", "label_others", "label_given"]
    others = leave_one_out_majority(votes, n_labels=n_labels).rename({"label_code": "label_given"})
    by_hand = others.group_by(keys).agg(pl.len().cast(pl.Int64).alias("n")).sort(keys)
    assert by_hand["label_others"].null_count()
    assert_frame_equal(annotators.counts_beside_others(votes, n_labels=n_labels), by_hand)
    monkeypatch.setattr(annotators, "MOST_CELLS", 0)
    assert_frame_equal(annotators.counts_beside_others(votes, n_labels=n_labels), by_hand)
    empty = annotators.counts_beside_others(votes.clear(), n_labels=n_labels)
    assert empty.height == 0
