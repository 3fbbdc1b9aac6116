from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sklearn.metrics import cohen_kappa_score, confusion_matrix
from statsmodels.stats.inter_rater import cohens_kappa

from analytics.agreement import fleiss_kappa, gwet_ac1
from analytics.errors import BadOption, MissingColumn
from analytics.pairwise import pairwise_kappa
from analytics.weighted_kappa import (
    Weights,
    gwet_ac2,
    pairwise_weighted_kappa,
    scotts_pi,
    weight_matrix,
    weighted_kappa,
)
from tests.crowds import N_LABELS, accurate, drawn_crowd, some_votes, votes_of
from tests.published import (
    ARTSTEIN_POESIO_2008,
    ARTSTEIN_POESIO_2008_KAPPA,
    ARTSTEIN_POESIO_2008_PI,
    GWET_TWO_RATERS,
    GWET_TWO_RATERS_AC1,
    two_annotators,
)

OWN = ((1.0, 0.9, 0.2, 0.0), (0.9, 1.0, 0.5, 0.1), (0.2, 0.5, 1.0, 0.3), (0.0, 0.1, 0.3, 1.0))


def ac2_by_hand(votes: pl.DataFrame, weights: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float:
    """Gwet (2014), pair by pair."""
    n_labels = len(weights)
    items = [row[1] for row in votes.group_by("item_code").agg("label_code").iter_rows()]
    observed = np.mean(
        [
            np.mean([weights[a, b] for a, b in itertools.permutations(item, 2)])
            for item in items
            if len(item) > 1
        ]
    )
    shares = np.array([np.mean([item.count(k) / len(item) for item in items]) for k in range(n_labels)])
    chance = weights.sum() / (n_labels * (n_labels - 1)) * (shares * (1 - shares)).sum()
    return float((observed - chance) / (1 - chance))


def test_artstein_and_poesio_2008() -> None:
    votes = two_annotators(ARTSTEIN_POESIO_2008)
    pi = scotts_pi(votes, n_labels=3).value
    kappa = weighted_kappa(votes, annotators=(0, 1), n_labels=3, weights="identity").value
    assert pi is not None
    assert kappa is not None
    assert (round(pi, 4), round(kappa, 4)) == (ARTSTEIN_POESIO_2008_PI, ARTSTEIN_POESIO_2008_KAPPA)


def test_pi_takes_its_shares_from_shared_items_and_fleiss_from_all() -> None:
    alone = votes_of([(1000 + item, 0, 2) for item in range(30)])
    both = two_annotators(ARTSTEIN_POESIO_2008)
    votes = pl.concat([both, alone])
    assert scotts_pi(votes, n_labels=3, replicates=0) == fleiss_kappa(both, n_labels=3, replicates=0)
    assert scotts_pi(votes, n_labels=3, replicates=0) != fleiss_kappa(votes, n_labels=3, replicates=0)


def test_pi_takes_one_vote_of_each() -> None:
    votes = two_annotators(ARTSTEIN_POESIO_2008).with_columns(order=pl.int_range(pl.len()))
    again = votes.head(20).with_columns(pl.col("order") + 1000, label_code=pl.lit(1, dtype=pl.Int64))
    assert scotts_pi(pl.concat([again, votes]), n_labels=3) == scotts_pi(votes, n_labels=3)


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
@given(votes=some_votes(repeats=False))
def test_every_pair_is_scikit_learns(weights: Weights, votes: pl.DataFrame) -> None:
    frame = pairwise_weighted_kappa(votes, n_labels=N_LABELS, weights=weights)
    by_code = {code: own for (code,), own in votes.group_by("annotator_code")}
    for row in frame.iter_rows(named=True):
        both = by_code[row["annotator_a"]].join(by_code[row["annotator_b"]], on="item_code", suffix="_b")
        mine, theirs = both.get_column("label_code").to_numpy(), both.get_column("label_code_b").to_numpy()
        assert row["n_items"] == both.height
        if len({*mine, *theirs}) < 2:
            assert row["kappa"] is None
            assert row["undefined"]
            continue
        peer = cohen_kappa_score(mine, theirs, weights=weights, labels=range(N_LABELS))
        assert row["kappa"] == pytest.approx(peer, abs=1e-12)


@pytest.mark.parametrize("weights", ["linear", "quadratic", OWN])
def test_intervals_are_statsmodels(weights: Weights | tuple[tuple[float, ...], ...]) -> None:
    crowd = drawn_crowd(
        accurate(3, N_LABELS, np.array([0.9, 0.6, 0.4])),
        n_items=160,
        n_per_item=3,
        priors=np.array([0.4, 0.3, 0.2, 0.1]),
        seed=4,
    )
    frame = pairwise_weighted_kappa(crowd.votes, n_labels=N_LABELS, weights=weights, confidence=0.9)
    assert frame.height == 3
    for row in frame.iter_rows(named=True):
        pair = row["annotator_a"], row["annotator_b"]
        mine, other = (
            crowd.votes.filter(pl.col("annotator_code") == code).sort("item_code") for code in pair
        )
        table = confusion_matrix(mine["label_code"], other["label_code"], labels=range(N_LABELS))
        if isinstance(weights, str):
            peer = cohens_kappa(table, wt=weights)
        else:
            peer = cohens_kappa(table, weights=1 - np.array(weights))
        half = 1.6448536269514722 * peer.std_kappa
        assert row["kappa"] == pytest.approx(peer.kappa)
        assert (row["low"], row["high"]) == pytest.approx((peer.kappa - half, peer.kappa + half))
        one = weighted_kappa(
            crowd.votes,
            annotators=pair,
            n_labels=N_LABELS,
            weights=weights,
            confidence=0.9,
        )
        assert (one.value, one.low, one.high, one.n) == (row["kappa"], row["low"], row["high"], 160)


def test_identity_weights_are_cohens_kappa() -> None:
    crowd = drawn_crowd(accurate(12, 3, 0.7), n_items=500, n_per_item=4, priors=np.full(3, 1 / 3), seed=2)
    plain = pairwise_kappa(crowd.votes, n_labels=3)
    identity = pairwise_weighted_kappa(crowd.votes, n_labels=3, weights="identity")
    assert plain.height == 66
    assert_frame_equal(identity, plain, abs_tol=1e-12)


def test_weights() -> None:
    assert weight_matrix("linear", 3).tolist() == [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]]
    assert weight_matrix("quadratic", 3).tolist() == [[1, 0.75, 0], [0.75, 1, 0.75], [0, 0.75, 1]]
    assert weight_matrix("linear", 3, [10, 0, 5]).tolist() == [[1, 0, 0.5], [0, 1, 0.5], [0.5, 0.5, 1]]
    assert weight_matrix("identity", 2).tolist() == [[1, 0], [0, 1]]
    assert weight_matrix("quadratic", 1).tolist() == [[1]]


@given(votes=some_votes(), which=st.sampled_from(["identity", "linear", "quadratic", OWN]))
def test_ac2_is_its_definition(votes: pl.DataFrame, which: Weights | tuple[tuple[float, ...], ...]) -> None:
    found = gwet_ac2(votes, n_labels=N_LABELS, weights=which, replicates=0)
    if found.estimate.value is None:
        assert found.estimate.undefined
        return
    assert found.estimate.value == pytest.approx(ac2_by_hand(votes, np.array(found.weights)), abs=1e-12)


@given(votes=some_votes())
def test_ac2_with_identity_weights_is_ac1(votes: pl.DataFrame) -> None:
    found = gwet_ac2(votes, n_labels=N_LABELS, weights="identity", replicates=50).estimate
    plain = gwet_ac1(votes, n_labels=N_LABELS, replicates=50)
    assert found.undefined == plain.undefined
    assert (found.value, found.low, found.high) == pytest.approx(
        (plain.value, plain.low, plain.high), abs=1e-12
    )


def test_ac2_of_gwets_two_raters_and_what_comes_with_it() -> None:
    found = gwet_ac2(two_annotators(GWET_TWO_RATERS), n_labels=2, weights="quadratic")
    assert found.estimate.value is not None
    assert round(found.estimate.value, 4) == GWET_TWO_RATERS_AC1  # two labels: all weights are the identity's
    assert (found.n_labels, found.weights) == (2, ((1.0, 0.0), (0.0, 1.0)))


def test_ac2_undefined() -> None:
    votes = votes_of([(item, a, item % 2) for item in range(4) for a in range(2)])
    assert (
        gwet_ac2(votes, n_labels=2, weights=[[1, 1], [1, 1]]).estimate.undefined
        == "by these weights all labels agree"
    )
    one = votes_of([(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)])
    assert gwet_ac2(one, n_labels=1).estimate.undefined == "the label set has only one label"
    assert gwet_ac2(one[:2], n_labels=2).estimate.undefined == "only one item has two annotations or more"
    assert gwet_ac2(one.clear(), n_labels=2).estimate.undefined == "no item has two annotations"


def test_pairs_that_say_nothing() -> None:
    votes = votes_of([(0, 0, 1), (0, 1, 1), (1, 2, 0)])
    assert (
        weighted_kappa(votes, annotators=(0, 2000), n_labels=2).undefined
        == "the two annotators share no item"
    )
    assert "by these weights" in str(weighted_kappa(votes, annotators=(0, 1000), n_labels=2).undefined)
    empty = pairwise_weighted_kappa(votes.clear(), n_labels=2)
    assert empty.is_empty()
    assert empty.schema == pairwise_kappa(votes, n_labels=2).schema


@given(votes=some_votes(repeats=False), seed=st.integers(0, 99))
def test_order_of_rows_changes_nothing(votes: pl.DataFrame, seed: int) -> None:
    shuffled = votes.sample(fraction=1, shuffle=True, seed=seed)
    table = pairwise_weighted_kappa(votes, n_labels=N_LABELS)
    assert_frame_equal(pairwise_weighted_kappa(shuffled, n_labels=N_LABELS), table, check_exact=True)
    assert gwet_ac2(shuffled, n_labels=N_LABELS, replicates=20) == gwet_ac2(
        votes, n_labels=N_LABELS, replicates=20
    )


def test_the_interval_covers_at_its_rate() -> None:
    """300 pairs with 120 shared items each; the true kappa from 400,000."""
    confusion = accurate(2, 4, np.array([0.8, 0.6]))
    priors = np.array([0.4, 0.3, 0.2, 0.1])
    large = drawn_crowd(confusion, n_items=400_000, n_per_item=2, priors=priors, seed=0)
    true = pairwise_weighted_kappa(large.votes, n_labels=4, weights="linear").get_column("kappa").item()
    covered = 0
    for seed in range(1, 301):
        crowd = drawn_crowd(confusion, n_items=120, n_per_item=2, priors=priors, seed=seed)
        row = pairwise_weighted_kappa(crowd.votes, n_labels=4, weights="linear").row(0, named=True)
        covered += row["low"] <= true <= row["high"]
    assert 0.91 <= covered / 300 <= 0.985


def test_misuse_raises() -> None:
    votes = two_annotators(GWET_TWO_RATERS)
    for wrong in ("cubic", [[1, 0]], [[1, 0.5], [0.2, 1]], [[0.5, 0], [0, 1]], [[1, 2], [2, 1]]):
        with pytest.raises(BadOption, match="weights"):
            gwet_ac2(votes, n_labels=2, weights=wrong)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(BadOption, match="values"):
        pairwise_weighted_kappa(votes, n_labels=2, weights="identity", values=[1, 2])
    with pytest.raises(BadOption, match="values"):
        pairwise_weighted_kappa(votes, n_labels=2, values=[1, 2, 3])
    with pytest.raises(BadOption, match="annotators"):
        weighted_kappa(votes, annotators=(1, 1), n_labels=2)
    with pytest.raises(MissingColumn, match="order"):
        pairwise_weighted_kappa(pl.concat([votes, votes]), n_labels=2)
