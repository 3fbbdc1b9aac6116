from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics.annotators import consensus_accuracy
from analytics.consensus import ITEMS_SCHEMA, leave_one_out_majority, majority_vote, rank_codes
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import keep_repeats
from tests.crowds import CROWDS, N_LABELS, real_crowd, some_votes, votes_of

VOTES = votes_of([(0, 0, 1), (0, 1, 1), (0, 2, 3), (1, 0, 2), (1, 1, 0), (2, 2, 3)])


def test_the_most_frequent_label_wins_with_its_share() -> None:
    items = majority_vote(VOTES, n_labels=N_LABELS).items
    assert items.schema == ITEMS_SCHEMA
    assert items.row(0, named=True) == {
        "item_code": 1,
        "label_code": 1,
        "p_label": pytest.approx(2 / 3),
        "n_annotations": 3,
        "tied": False,
        "posterior": pytest.approx([0, 2 / 3, 0, 1 / 3]),
    }


def test_a_tie_goes_to_the_smallest_code_and_is_marked() -> None:
    tie = majority_vote(VOTES, n_labels=N_LABELS).items.row(1, named=True)
    assert (tie["label_code"], tie["p_label"], tie["tied"]) == (0, 0.5, True)


def test_repeats_follow_their_rule() -> None:
    votes = votes_of([(0, 0, 1), (0, 0, 1), (0, 1, 2), (0, 0, 2)]).with_columns(order=pl.Series([3, 9, 4, 1]))
    labels = {
        rule: majority_vote(votes, n_labels=3, repeats=rule).items.row(0, named=True)["posterior"]
        for rule in ("count", "first", "last")
    }
    assert labels == {"count": [0, 0.5, 0.5], "first": [0, 0, 1], "last": [0, 0.5, 0.5]}


@pytest.mark.parametrize("name", CROWDS)
def test_real_crowds_give_the_reference_figures(datasets: Path, name: str) -> None:
    """The reference gives a tie to the label that comes first in the file: here that is the smallest code."""
    expected = json.loads((datasets / "reference.json").read_text())[name]
    crowd = real_crowd(datasets, name)
    votes = keep_repeats(crowd.votes, "last")
    items = majority_vote(crowd.votes, n_labels=len(crowd.labels), repeats="last").items
    accuracy = consensus_accuracy(items, crowd.gold)
    assert accuracy.value == pytest.approx(expected["mv_accuracy"], abs=5e-7)
    assert accuracy.n == expected["gold_items"]
    assert items.get_column("tied").sum() == expected["tied_items"]
    counts = {crowd.labels[code]: n for code, n in items.get_column("label_code").value_counts().iter_rows()}
    assert counts == expected["mv_class_counts"]
    single = votes.join(crowd.gold.rename({"label_code": "label_gold"}), on="item_code")
    share = (single.get_column("label_code") == single.get_column("label_gold")).mean()
    assert share == pytest.approx(expected["single_label_accuracy"], abs=5e-7)


def test_majority_shares_equal_those_of_a_peer(datasets: Path) -> None:
    crowd = real_crowd(datasets, "act_MS")
    ours = majority_vote(crowd.votes, n_labels=len(crowd.labels)).items
    with warnings.catch_warnings():
        # The peer's dependencies warn on import and in pandas calls of its own.
        warnings.simplefilter("ignore")
        from crowdkit.aggregation import MajorityVote

        frame = crowd.votes.select(task="item_code", worker="annotator_code", label="label_code").to_pandas()
        theirs = MajorityVote().fit_predict_proba(frame).sort_index()
    np.testing.assert_allclose(
        np.array(ours.get_column("posterior").to_list()), theirs.to_numpy(), atol=1e-12
    )


@given(votes=some_votes(), seed=st.integers(0, 10))
def test_order_of_rows_changes_nothing_and_the_input_is_left_alone(votes: pl.DataFrame, seed: int) -> None:
    before = votes.clone()
    shuffled = votes.sample(fraction=1, shuffle=True, seed=seed)
    assert_frame_equal(
        majority_vote(votes, n_labels=N_LABELS).items,
        majority_vote(shuffled, n_labels=N_LABELS).items,
        check_exact=True,
    )
    others = leave_one_out_majority(votes, n_labels=N_LABELS)
    assert_frame_equal(others, leave_one_out_majority(shuffled, n_labels=N_LABELS), check_exact=True)
    assert_frame_equal(votes, before)


@given(votes=some_votes())
def test_names_of_items_and_annotators_change_nothing(votes: pl.DataFrame) -> None:
    back = {"item_code": 50 - pl.col("item_code"), "annotator_code": 10**9 - pl.col("annotator_code")}
    renamed = votes.with_columns(**back)
    items = majority_vote(renamed, n_labels=N_LABELS).items.with_columns(item_code=back["item_code"])
    assert_frame_equal(majority_vote(votes, n_labels=N_LABELS).items, items.sort("item_code"))
    others = leave_one_out_majority(renamed, n_labels=N_LABELS).with_columns(**back)
    keys = ["item_code", "annotator_code", "label_code"]
    assert_frame_equal(leave_one_out_majority(votes, n_labels=N_LABELS), others.sort(keys))


@given(votes=some_votes())
def test_posteriors_are_shares_and_hold_up_the_label(votes: pl.DataFrame) -> None:
    items = majority_vote(votes, n_labels=N_LABELS).items
    assert items.height == votes.get_column("item_code").n_unique()
    assert items.get_column("n_annotations").sum() == votes.height
    for item in items.iter_rows(named=True):
        shares = item["posterior"]
        assert sum(shares) == pytest.approx(1)
        assert item["label_code"] == shares.index(max(shares))
        assert item["tied"] == (shares.count(max(shares)) > 1)


@given(votes=some_votes())
def test_the_others_are_all_votes_but_ones_own(votes: pl.DataFrame) -> None:
    """Each row against a vote count by hand over what the other annotators gave."""
    rows = votes.rows()
    for item, annotator, _, others, n_others in leave_one_out_majority(votes, n_labels=N_LABELS).iter_rows():
        given_by_others = [label for i, a, label in rows if i == item and a != annotator]
        counts = [given_by_others.count(label) for label in range(N_LABELS)]
        best = [label for label, n in enumerate(counts) if n == max(counts) > 0]
        assert n_others == len(given_by_others)
        assert others == (best[0] if len(best) == 1 else None)


def test_nobody_agrees_with_themselves() -> None:
    alone = votes_of([(0, 0, 1), (0, 0, 1), (1, 0, 2)])
    assert leave_one_out_majority(alone, n_labels=N_LABELS).get_column("label_others").to_list() == [None] * 3


def test_leaving_out_is_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    votes = votes_of([tuple(row) for row in rng.integers(0, [30, 8, N_LABELS], size=(300, 3)).tolist()])
    whole = leave_one_out_majority(votes, n_labels=N_LABELS)
    monkeypatch.setattr("analytics.consensus._CHUNK_CELLS", 7 * N_LABELS)
    assert_frame_equal(leave_one_out_majority(votes, n_labels=N_LABELS), whole)


def test_no_votes_give_empty_frames_of_the_same_columns() -> None:
    none = VOTES.clear()
    assert majority_vote(none, n_labels=N_LABELS).items.schema == ITEMS_SCHEMA
    filled = leave_one_out_majority(VOTES, n_labels=N_LABELS)
    assert leave_one_out_majority(none, n_labels=N_LABELS).schema == filled.schema


def test_misuse_is_refused() -> None:
    with pytest.raises(MissingColumn, match="annotator_code"):
        majority_vote(VOTES.drop("annotator_code"), n_labels=N_LABELS)
    with pytest.raises(BadColumn, match="label set has 2 labels"):
        leave_one_out_majority(VOTES, n_labels=2)
    with pytest.raises(BadOption, match="n_labels"):
        majority_vote(VOTES, n_labels=0)


@given(st.lists(st.integers(0, 10**12), max_size=30))
def test_ranks_lead_back_to_the_codes(codes: list[int]) -> None:
    distinct, ranks = rank_codes(np.array(codes, dtype=np.int64))
    assert distinct.tolist() == sorted(set(codes))
    assert distinct[ranks].tolist() == codes
