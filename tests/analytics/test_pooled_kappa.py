"""Weighted kappa over all pairs: its definition, two annotators, Conger's kappa, and whether the interval covers."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.pooled_kappa import pooled_weighted_kappa
from analytics.weighted_kappa import Weights, weight_matrix, weighted_kappa
from tests.crowds import N_LABELS, accurate, drawn_crowd, some_votes, votes_of
from tests.published import (
    ARTSTEIN_POESIO_2008,
    FLEISS_1971,
    FLEISS_1971_EXACT_KAPPA,
    count_rows,
    two_annotators,
)

EACH = pytest.mark.parametrize("weights", ["identity", "linear", "quadratic"])
by_distance = functools.partial(pooled_weighted_kappa, n_labels=N_LABELS, weights="linear")
any_pair = functools.partial(pooled_weighted_kappa, n_labels=N_LABELS, least_shared=1)
PRIORS = np.array([0.4, 0.3, 0.2, 0.1])


def by_hand(votes: pl.DataFrame, weights: Weights, least: int) -> float | None:
    """Pair by pair, every label of the one beside every label of the other."""
    apart = 1 - weight_matrix(weights, N_LABELS)
    people = [
        dict(own.select("item_code", "label_code").iter_rows()) for _, own in votes.group_by("annotator_code")
    ]
    observed, by_chance = 0.0, 0.0
    pairs = [
        [(a[item], b[item]) for item in a.keys() & b.keys()] for a, b in itertools.combinations(people, 2)
    ]
    met = [shared for shared in pairs if shared]
    for shared in met:
        if len(shared) >= (1 if len(met) == 1 else least):
            observed += sum(float(apart[i, j]) for i, j in shared)
            by_chance += sum(float(apart[i, j]) for i, _ in shared for _, j in shared) / len(shared)
    return 1 - observed / by_chance if by_chance > 0 else None


def test_fleiss_1971_as_conger_has_it() -> None:
    found = pooled_weighted_kappa(count_rows(FLEISS_1971), n_labels=5, weights="identity")
    assert found.value is not None
    assert round(found.value, 3) == FLEISS_1971_EXACT_KAPPA
    assert found.n == 30


@EACH
@given(votes=some_votes(repeats=False), least=st.integers(1, 4))
def test_it_is_its_definition(weights: Weights, votes: pl.DataFrame, least: int) -> None:
    found = pooled_weighted_kappa(votes, n_labels=N_LABELS, weights=weights, least_shared=least)
    expected = by_hand(votes, weights, least)
    assert (found.value is None) == (expected is None)
    if expected is not None:
        assert found.value == pytest.approx(expected, abs=1e-12)


@EACH
@pytest.mark.parametrize("seed", range(3))
def test_two_annotators_have_their_own_kappa_and_interval(weights: Weights, seed: int) -> None:
    crowd = drawn_crowd(
        accurate(2, N_LABELS, np.array([0.8, 0.6])), n_items=80, n_per_item=2, priors=PRIORS, seed=seed
    )
    found = pooled_weighted_kappa(crowd.votes, n_labels=N_LABELS, weights=weights, confidence=0.9)
    pair = weighted_kappa(crowd.votes, annotators=(0, 1), n_labels=N_LABELS, weights=weights, confidence=0.9)
    assert (found.value, found.low, found.high, found.n) == pytest.approx(
        (pair.value, pair.low, pair.high, 80), abs=1e-12
    )
    by_person = [
        crowd.votes.filter(annotator_code=code).sort("item_code")["label_code"].to_numpy() for code in (0, 1)
    ]
    named = None if weights == "identity" else weights
    assert found.value == pytest.approx(cohen_kappa_score(*by_person, weights=named), abs=1e-12)


def test_a_pair_that_agrees_on_one_label_counts() -> None:
    """A mean of the pairs' kappas would leave out the one pair that agrees."""
    at_odds = [(item, a, (item + a * (item % 3)) % 3) for item in range(30) for a in (0, 1)]
    agreed = [(100 + item, a, 0) for item in range(30) for a in (2, 3)]
    both = pooled_weighted_kappa(votes_of(at_odds + agreed), n_labels=3)
    alone = pooled_weighted_kappa(votes_of(at_odds), n_labels=3)
    assert both.value == pytest.approx(alone.value, abs=1e-12)
    assert (both.n, alone.n) == (60, 30)
    mixed = [(200 + item, a, item % 2 * 2) for item in range(30) for a in (4, 5)]
    more = pooled_weighted_kappa(votes_of(at_odds + mixed), n_labels=3)
    assert more.value is not None
    assert alone.value is not None
    assert more.value > alone.value


def test_several_pairs_have_to_share_enough_items_and_one_pair_does_not() -> None:
    few = [(item, a, (item + a) % 2) for item in range(9) for a in range(2)]
    assert pooled_weighted_kappa(votes_of(few), n_labels=2).value == pytest.approx(-0.975609756097561)
    three = [(item, a, (item + a) % 2) for item in range(9) for a in range(3)]
    found = pooled_weighted_kappa(votes_of(three), n_labels=2)
    assert found.undefined == "no two annotators share 10 items"
    assert pooled_weighted_kappa(votes_of(three), n_labels=2, least_shared=9).value is not None


def test_undefined_and_without_an_interval() -> None:
    nobody = votes_of([(item, item % 2, 0) for item in range(9)])
    assert pooled_weighted_kappa(nobody, n_labels=2).undefined == "no two annotators share an item"
    assert pooled_weighted_kappa(nobody.clear(), n_labels=2).undefined == "no two annotators share an item"
    same = votes_of([(item, a, 1) for item in range(40) for a in range(3)])
    found = pooled_weighted_kappa(same, n_labels=3)
    assert (found.undefined, found.n) == ("all labels agree by these weights, whoever gave them", 40)
    agreed = pooled_weighted_kappa(
        votes_of([(item, a, item % 2) for item in range(40) for a in (0, 1)]), n_labels=2
    )
    assert (agreed.value, agreed.low) == (1.0, None)


def test_the_interval_of_pairs_that_share_little_reaches_to_kappa_without_their_bias() -> None:
    """With 12 shared items a pair, chance from a pair's own items takes some agreement for chance."""
    confusion = accurate(16, N_LABELS, 0.8)
    true = by_distance(
        drawn_crowd(confusion, n_items=100_000, n_per_item=6, priors=PRIORS, seed=0).votes
    ).value
    assert true is not None
    found = [
        by_distance(drawn_crowd(confusion, n_items=90, n_per_item=6, priors=PRIORS, seed=seed).votes)
        for seed in range(1, 201)
    ]
    inside = [one.low <= true <= one.high for one in found if one.low is not None and one.high is not None]
    assert len(inside) == 200
    assert np.mean([one.value for one in found if one.value is not None]) < true - 0.01
    assert np.mean(inside) >= 0.9


@given(votes=some_votes(repeats=False), seed=st.integers(0, 99))
def test_neither_the_order_of_rows_nor_names_change_it(votes: pl.DataFrame, seed: int) -> None:
    found = any_pair(votes)
    assert any_pair(votes.sample(fraction=1, shuffle=True, seed=seed)) == found
    turned = votes.with_columns(
        annotator_code=7000 - pl.col("annotator_code"), item_code=50 - pl.col("item_code")
    )
    renamed = any_pair(turned)
    assert (renamed.value, renamed.n) == pytest.approx((found.value, found.n), abs=1e-12)


def test_blocks_of_annotators_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    votes = drawn_crowd(accurate(30, N_LABELS, 0.7), n_items=400, n_per_item=9, priors=PRIORS, seed=0).votes
    whole = pooled_weighted_kappa(votes, n_labels=N_LABELS)
    monkeypatch.setattr("analytics.pooled_kappa.MEETINGS_A_CHUNK", 500)
    parts = pooled_weighted_kappa(votes, n_labels=N_LABELS)
    assert (parts.value, parts.low, parts.high, parts.n) == pytest.approx(
        (whole.value, whole.low, whole.high, whole.n), abs=1e-12
    )


@pytest.mark.parametrize(
    ("n_annotators", "n_items"), [(3, 50), (3, 200), (12, 400)], ids=["tiny", "small", "partly crossed"]
)
def test_the_interval_covers_about_as_often_as_it_says(n_annotators: int, n_items: int) -> None:
    """300 crowds; the true kappa from 100,000 items. 0.95 less three standard errors is 0.912."""
    confusion = accurate(n_annotators, N_LABELS, np.linspace(0.85, 0.6, n_annotators))
    per_item = min(4, n_annotators)
    large = drawn_crowd(confusion, n_items=100_000, n_per_item=per_item, priors=PRIORS, seed=0).votes
    true = by_distance(large).value
    assert true is not None
    covered = 0
    for seed in range(1, 301):
        votes = drawn_crowd(confusion, n_items=n_items, n_per_item=per_item, priors=PRIORS, seed=seed).votes
        found = by_distance(votes)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= true <= found.high
    assert 0.9 <= covered / 300 <= 0.985


def test_misuse_raises() -> None:
    votes = two_annotators(ARTSTEIN_POESIO_2008)
    with pytest.raises(BadOption, match="least_shared"):
        pooled_weighted_kappa(votes, n_labels=3, least_shared=0)
    with pytest.raises(BadOption, match="confidence"):
        pooled_weighted_kappa(votes, n_labels=3, confidence=1)
    with pytest.raises(BadOption, match="repeats"):
        pooled_weighted_kappa(votes, n_labels=3, repeats="count")
    with pytest.raises(BadColumn, match="label_code"):
        pooled_weighted_kappa(votes, n_labels=2)
    with pytest.raises(MissingColumn, match="order"):
        pooled_weighted_kappa(pl.concat([votes, votes]), n_labels=3)
