from __future__ import annotations

from itertools import groupby, permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from analytics.annotator_behaviour import long_run_tail, skill_ranking, spammer_scores, straight_liners
from analytics.errors import BadColumn, BadOption, MissingColumn
from tests.crowds import N_LABELS, accurate, drawn_crowd, some_votes, votes_of

EVEN = np.full(3, 1 / 3)


def with_spammers(shares: NDArray[np.float64], *, n_good: int, accuracy: float) -> NDArray[np.float64]:
    """Confusion of good annotators, then of spammers: each row of `shares` whatever the item."""
    good = accurate(n_good, shares.shape[1], accuracy)
    return np.concatenate([good, np.repeat(shares[:, None, :], shares.shape[1], axis=1)])


def ordered(votes: pl.DataFrame) -> pl.DataFrame:
    return votes.with_columns(order=pl.int_range(pl.len()) * 3)


def runs(labels: list[int]) -> int:
    return max(len(list(run)) for _, run in groupby(labels))


def test_spammers_are_at_zero_and_the_perfect_at_one() -> None:
    spam = np.array([[1, 0, 0], [0.2, 0.5, 0.3], EVEN])
    crowd = drawn_crowd(
        with_spammers(spam, n_good=12, accuracy=1.0), n_items=900, n_per_item=9, priors=EVEN, seed=3
    )
    table = spammer_scores(crowd.votes, n_labels=3)
    assert table.columns == ["annotator_code", "n", "n_rows", "score", "low", "high", "undefined"]
    assert table.get_column("score")[:12].to_list() == pytest.approx([1.0] * 12, abs=0.02)
    assert table.get_column("score")[12:].to_list() == pytest.approx([0.0] * 3, abs=0.01)
    assert table.get_column("low")[12:].to_list() == [0.0] * 3
    assert table.get_column("n_rows").to_list() == [3] * 15


def test_two_labels_have_the_binary_score() -> None:
    """Raykar & Yu: (sensitivity + specificity - 1)^2, here from many votes, so that the correction is nothing."""
    confusion = np.concatenate([accurate(30, 2, 0.97), [[[0.9, 0.1], [0.4, 0.6]]]])
    crowd = drawn_crowd(confusion, n_items=40_000, n_per_item=12, priors=np.full(2, 0.5), seed=2)
    score = spammer_scores(crowd.votes, n_labels=2).get_column("score")[30]
    assert score == pytest.approx(0.5**2, abs=0.02)


def test_a_spammers_score_is_not_raised_by_few_votes_and_intervals_cover() -> None:
    """60 crowds: 40 spammers with about 67 votes each, plainly scored they would have about 0.03."""
    confusion = with_spammers(np.tile([0.5, 0.3, 0.2], (8, 1)), n_good=40, accuracy=1.0)
    confusion[40:44] = accurate(4, 3, 0.8)
    scores, covered = [], []
    for seed in range(60):
        crowd = drawn_crowd(confusion, n_items=400, n_per_item=8, priors=EVEN, seed=seed)
        table = spammer_scores(crowd.votes, n_labels=3)
        scores.append(table.get_column("score")[44:].to_numpy())
        true = np.repeat([0.7**2, 0.0], 4)
        low, high = (table.get_column(name)[40:].to_numpy() for name in ("low", "high"))
        covered.append((low <= true) & (true <= high))
    assert np.mean(scores) < 0.012  # clipped at 0, so it is not quite 0 in the mean
    rates = np.mean(covered, axis=0)
    assert 0.90 <= rates[:4].mean() <= 0.99
    assert rates[4:].mean() >= 0.95


def test_labels_met_too_rarely_are_left_out() -> None:
    votes = votes_of([(item, a, int(item > 5)) for item in range(10) for a in range(3)])
    by_min = {n: spammer_scores(votes, n_labels=3, min_row=n).row(0, named=True) for n in (4, 5)}
    assert (by_min[4]["n"], by_min[4]["n_rows"], by_min[4]["score"]) == (10, 2, 1.0)
    assert (by_min[5]["n"], by_min[5]["n_rows"], by_min[5]["score"]) == (6, 1, None)
    assert by_min[5]["undefined"] == "fewer than two labels of the others were met 5 times"
    alone = spammer_scores(votes_of([(0, 0, 1)]), n_labels=3).row(0, named=True)
    assert (alone["n"], alone["score"], alone["low"]) == (0, None, None)


@given(labels=st.lists(st.integers(0, 2), min_size=1, max_size=7), longest=st.integers(1, 7))
def test_long_runs_are_as_likely_as_counted(labels: list[int], longest: int) -> None:
    """Against all orders, one by one; every label in turn."""
    orders = list(permutations(labels))
    for label in set(labels):
        hits = sum(
            any(key == label and len(list(run)) >= longest for key, run in groupby(one)) for one in orders
        )
        found = long_run_tail(np.array([len(labels)]), np.array([labels.count(label)]), np.array([longest]))
        assert found[0] == pytest.approx(hits / len(orders), abs=1e-9)


def test_long_runs_of_many_votes_are_as_likely_as_drawn() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [120, 380])
    for longest in (4, 5, 6):
        drawn = [
            np.any(np.convolve(rng.permutation(labels) == 0, np.ones(longest), "valid") == longest)
            for _ in range(4000)
        ]
        found = long_run_tail(np.array([500]), np.array([120]), np.array([longest]))[0]
        assert found == pytest.approx(np.mean(drawn), abs=0.03)


def test_straight_liners_stand_out() -> None:
    """Annotator 0 gives label 1 to the last 40 items, whatever they are; annotator 1 gives it to nearly all."""
    crowd = drawn_crowd(accurate(12, 3, 0.85), n_items=400, n_per_item=6, priors=EVEN, seed=1)
    votes = ordered(crowd.votes)
    late = (pl.col("annotator_code") == 0) & (pl.col("item_code") >= 330)
    mostly = (pl.col("annotator_code") == 1) & (pl.col("item_code") % 10 > 0)
    votes = votes.with_columns(label_code=pl.when(late | mostly).then(1).otherwise("label_code"))
    table = straight_liners(votes, n_labels=3)
    assert table.get_column("p_adjusted").lt(0.01).to_list() == [True, True] + [False] * 10
    first = table.row(0, named=True)
    own = votes.filter(pl.col("annotator_code") == 0).sort("order").get_column("label_code").to_list()
    assert (first["longest_run"], first["run_label"], first["n"]) == (runs(own), 1, len(own))
    assert first["p_run"] < 1e-6
    second = table.row(1, named=True)
    assert second["modal_label"] == 1
    assert second["modal_share"] > 0.9
    assert second["expected_share"] < 0.55
    assert second["p_modal"] < 1e-6


def test_false_alarms_are_rare() -> None:
    """200 crowds of 10 annotators none of whom is a straight-liner: both tests are conservative."""
    alarms = np.zeros(2)
    for seed in range(40):
        crowd = drawn_crowd(
            accurate(10, 3, 0.7), n_items=200, n_per_item=5, priors=np.array([0.6, 0.3, 0.1]), seed=seed
        )
        shuffled = ordered(crowd.votes.sample(fraction=1, shuffle=True, seed=seed))
        table = straight_liners(shuffled, n_labels=3)
        alarms += (table.select("p_run", "p_modal").to_numpy() <= 0.05).sum(axis=0)
    assert (alarms / 400 <= 0.06).all()
    assert alarms[0] > 0  # conservative, not deaf


def test_few_annotations_are_described_but_not_tested() -> None:
    table = straight_liners(ordered(votes_of([(item, 0, 1) for item in range(5)])), n_labels=3)
    row = table.row(0, named=True)
    assert (row["longest_run"], row["modal_share"], row["p_run"], row["p_modal"]) == (5, 1.0, None, None)
    assert row["undefined"] == "fewer than 20 annotations"
    one_label = straight_liners(ordered(votes_of([(item, 0, 1) for item in range(50)])), n_labels=3).row(
        0, named=True
    )
    assert (one_label["p_run"], one_label["p_modal"]) == (1.0, 1.0)  # nothing to compare with: no accusation


def test_ranks_say_how_far_they_could_be_off() -> None:
    accuracy = np.array([0.95, 0.95, 0.6, 0.3])
    crowd = drawn_crowd(accurate(4, 3, accuracy), n_items=600, n_per_item=4, priors=EVEN, seed=0)
    newcomer = votes_of([(item, 9, 0) for item in range(3)]).with_columns(item_code=pl.col("item_code") // 3)
    table = skill_ranking(pl.concat([crowd.votes, newcomer]), n_labels=3)
    assert table.get_column("rank").sort().to_list() == [None, 1, 2, 3, 4]
    assert table.filter(pl.col("rank") == 4).row(0, named=True)["annotator_code"] == 3
    ranked = table.drop_nulls("rank")
    assert ranked.select(
        ((pl.col("rank_best") <= pl.col("rank")) & (pl.col("rank") <= pl.col("rank_worst"))).all()
    ).item()
    assert ranked.select("rank_best", "rank_worst").rows() == [(1, 2), (1, 2), (3, 3), (4, 4)]
    last = table.row(4, named=True)
    assert (last["annotator_code"], last["unranked"]) == (9000, "fewer than 30 annotations to compare")


@pytest.mark.parametrize("figure", [skill_ranking, spammer_scores, straight_liners])
@given(votes=some_votes(), seed=st.integers(0, 99))
def test_order_of_rows_and_names_of_items_change_nothing(figure, votes: pl.DataFrame, seed: int) -> None:  # type: ignore[no-untyped-def]  # three signatures
    votes = ordered(votes)
    before = votes.clone()
    least = {skill_ranking: {"min_n": 2}, spammer_scores: {"min_row": 2}, straight_liners: {"min_n": 2}}[
        figure
    ]
    renamed = votes.sample(fraction=1, shuffle=True, seed=seed).with_columns(900 - pl.col("item_code"))
    plain = figure(votes, n_labels=N_LABELS, **least)
    assert_frame_equal(figure(renamed, n_labels=N_LABELS, **least), plain, check_exact=True)
    assert_frame_equal(votes, before)
    assert plain.get_column("annotator_code").to_list() == sorted(votes.get_column("annotator_code").unique())


@pytest.mark.parametrize("figure", [skill_ranking, spammer_scores, straight_liners])
def test_no_votes_give_empty_frames_of_the_same_columns(figure) -> None:  # type: ignore[no-untyped-def]  # three signatures
    votes = ordered(votes_of([(0, 0, 1), (0, 1, 1)]))
    none = figure(votes.clear(), n_labels=N_LABELS)
    assert none.is_empty()
    assert none.schema == figure(votes, n_labels=N_LABELS).schema


def test_misuse_raises() -> None:
    votes = votes_of([(0, 0, 1), (1, 0, 1)])
    with pytest.raises(MissingColumn, match="order"):
        straight_liners(votes, n_labels=3)
    with pytest.raises(BadColumn, match="same for two votes"):
        straight_liners(votes.with_columns(order=pl.lit(1)), n_labels=3)
    with pytest.raises(BadColumn, match="without nulls"):
        straight_liners(votes.with_columns(order=pl.Series([1, None])), n_labels=3)
    with pytest.raises(BadOption, match="min_n"):
        straight_liners(ordered(votes), n_labels=3, min_n=0)
    with pytest.raises(BadOption, match="min_row"):
        spammer_scores(votes, n_labels=3, min_row=1)
    with pytest.raises(BadOption, match="min_n"):
        skill_ranking(votes, n_labels=3, min_n=0)
