from __future__ import annotations

import math
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics.consensus import majority_vote
from analytics.contributions import (
    Contributions,
    glad_contributions,
    model_contributions,
    vote_contributions,
)
from analytics.dawid_skene import dawid_skene
from analytics.em_steps import Confusion
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.glad import glad
from analytics.mace import implied_confusion, mace
from analytics.weighted_vote import weighted_vote
from tests.crowds import N_LABELS, accurate, drawn_crowd, some_votes, votes_of

THREE = votes_of([(0, 0, 1), (0, 1, 1), (0, 2, 0)])


def of_majority(votes: pl.DataFrame, n_labels: int) -> Contributions:
    return vote_contributions(votes, majority_vote(votes, n_labels=n_labels).items, n_labels=n_labels)


def by_hand(
    votes: pl.DataFrame, priors: list[float], confusion: dict[int, list[list[float]]]
) -> dict[int, list[float]]:
    """The posterior of each item, one vote after the other."""
    found: dict[int, list[float]] = {}
    for item, annotator, label in votes.iter_rows():
        row = found.setdefault(item, list(priors))
        found[item] = [p * confusion[annotator][c][label] for c, p in enumerate(row)]
    return {item: [p / sum(row) for p in row] for item, row in found.items()}


def test_votes_by_hand() -> None:
    found = of_majority(THREE, 2)
    assert found.annotations.rows() == [
        (1, 0, 1, 1, pytest.approx(1 / 3), None, 0.5, pytest.approx(1 / 6)),
        (1, 1000, 1, 1, pytest.approx(1 / 3), None, 0.5, pytest.approx(1 / 6)),
        (1, 2000, 0, 1, pytest.approx(1 / 3), None, 1.0, pytest.approx(-1 / 3)),
    ]
    row = found.items.row(0, named=True)
    assert (row["label_code"], row["runner_up_code"], row["n_annotators"]) == (1, 0, 3)
    assert row["effective_votes"] == pytest.approx(3)
    assert (row["most_annotator_code"], row["most_moved"]) == (2000, pytest.approx(-1 / 3))


def test_weights_by_hand() -> None:
    weights = pl.DataFrame({"annotator_code": [2000, 0, 1000, 9], "weight": [0.5, 3.0, 0.0, 1.0]})
    items = pl.DataFrame({"item_code": [1], "label_code": [1]})
    found = vote_contributions(THREE, items, n_labels=2, weights=weights)
    assert found.annotations.get_column("share").to_list() == pytest.approx([6 / 7, 0, 1 / 7])
    assert found.annotations.get_column("p_label_without").to_list() == pytest.approx([0, 6 / 7, 1])
    assert found.items.get_column("effective_votes").to_list() == pytest.approx([3.5**2 / 9.25])
    assert found.items.get_column("most_annotator_code").to_list() == [0]


def test_a_lone_vote_cannot_be_left_out_of_a_count() -> None:
    found = of_majority(votes_of([(0, 0, 1)]), 2)
    assert found.annotations.row(0, named=True)["p_label_without"] is None
    assert found.items.row(0, named=True)["most_annotator_code"] is None
    assert found.items.row(0, named=True)["effective_votes"] == 1


def test_where_nobody_weighs_anything_there_are_no_shares() -> None:
    weights = pl.DataFrame({"annotator_code": [0, 1000, 2000], "weight": [0.0, 0.0, 0.0]})
    items = pl.DataFrame({"item_code": [1], "label_code": [1]})
    found = vote_contributions(THREE, items, n_labels=2, weights=weights)
    assert found.annotations.get_column("share").null_count() == 3
    assert found.annotations.get_column("p_label_without").to_list() == pytest.approx([0.5, 0.5, 1])
    assert found.items.row(0, named=True)["effective_votes"] is None


def test_a_model_by_hand() -> None:
    priors = [0.6, 0.4]
    confusion = {0: [[0.9, 0.1], [0.2, 0.8]], 1000: [[0.6, 0.4], [0.4, 0.6]], 2000: [[0.7, 0.3], [0.1, 0.9]]}
    items = pl.DataFrame({"item_code": [1], "label_code": [1]})
    found = model_contributions(
        THREE,
        items,
        priors=np.array(priors),
        confusion=np.array(list(confusion.values())),
        annotator_codes=np.array(list(confusion)),
    )
    ratios = [math.log(8), math.log(1.5), math.log(1 / 7)]
    assert found.annotations.get_column("log_ratio").to_list() == pytest.approx(ratios)
    without = [
        by_hand(THREE.filter(pl.col("annotator_code") != a), priors, confusion)[1][1] for a in confusion
    ]
    assert found.annotations.get_column("p_label_without").to_list() == pytest.approx(without)
    whole = by_hand(THREE, priors, confusion)[1][1]
    row = found.items.row(0, named=True)
    assert row["p_label"] == pytest.approx(whole)
    assert math.log(0.4 / 0.6) + sum(ratios) == pytest.approx(math.log(whole / (1 - whole)))
    sizes = [abs(ratio) for ratio in ratios]
    assert found.annotations.get_column("share").to_list() == pytest.approx([s / sum(sizes) for s in sizes])
    assert row["effective_votes"] == pytest.approx(sum(sizes) ** 2 / sum(s * s for s in sizes))
    moved = [whole - p for p in without]
    furthest = max(range(3), key=lambda place: abs(moved[place]))
    assert (row["most_annotator_code"], row["most_moved"]) == (
        1000 * furthest,
        pytest.approx(moved[furthest]),
    )


@pytest.mark.parametrize("kind", get_args(Confusion))
def test_a_converged_fit_is_explained(kind: Confusion) -> None:
    crowd = drawn_crowd(accurate(10, 3, 0.7), n_items=200, n_per_item=4, priors=np.full(3, 1 / 3), seed=2)
    fit = dawid_skene(crowd.votes, n_labels=3, confusion=kind, max_iterations=3000, tolerance=1e-14)
    found = model_contributions(
        crowd.votes,
        fit.items,
        priors=fit.priors,
        confusion=fit.confusion,
        annotator_codes=fit.annotator_codes,
    )
    np.testing.assert_allclose(found.items.get_column("p_label"), fit.items.get_column("p_label"), atol=1e-4)
    assert found.annotations.height == crowd.votes.height
    assert (found.items.get_column("runner_up_code") != found.items.get_column("label_code")).all()
    odds = found.annotations.group_by("item_code", maintain_order=True).agg(pl.col("log_ratio").sum())
    label, other = (found.items.get_column(name).to_numpy() for name in ("label_code", "runner_up_code"))
    p = found.items.get_column("p_label").to_numpy()
    log_odds = odds.get_column("log_ratio").to_numpy() + np.log(fit.priors[label] / fit.priors[other])
    assert (p <= 1 / (1 + np.exp(-log_odds)) + 1e-9).all(), "the other labels take something too"


def test_mace_is_explained() -> None:
    crowd = drawn_crowd(accurate(10, 3, 0.7), n_items=500, n_per_item=4, priors=np.full(3, 1 / 3), seed=2)
    fit = mace(crowd.votes, n_labels=3, method="em")
    codes = fit.annotators.get_column("annotator_code").to_numpy()
    found = model_contributions(
        crowd.votes,
        fit.items,
        priors=np.full(3, 1 / 3),
        confusion=implied_confusion(fit),
        annotator_codes=codes,
    )
    np.testing.assert_allclose(found.items.get_column("p_label"), fit.items.get_column("p_label"), atol=1e-2)


def test_glad_is_explained() -> None:
    crowd = drawn_crowd(
        accurate(10, 3, np.linspace(0.4, 0.9, 10)),
        n_items=300,
        n_per_item=4,
        priors=np.full(3, 1 / 3),
        seed=2,
    )
    fit = glad(crowd.votes, n_labels=3, max_iterations=300, tolerance=1e-12)
    found = glad_contributions(crowd.votes, fit, n_labels=3)
    np.testing.assert_allclose(found.items.get_column("p_label"), fit.items.get_column("p_label"), atol=1e-2)
    best = fit.annotators.sort("ability").row(-1, named=True)["annotator_code"]
    mean = found.annotations.group_by("annotator_code").agg(pl.col("share").mean()).sort("share")
    assert mean.row(-1, named=True)["annotator_code"] == best


@settings(max_examples=50, deadline=None)
@given(votes=some_votes(), seed=st.integers(0, 10))
def test_order_of_rows_changes_nothing_and_shares_add_up(votes: pl.DataFrame, seed: int) -> None:
    shuffled = votes.sample(fraction=1, shuffle=True, seed=seed)
    fit = weighted_vote(votes, n_labels=N_LABELS)
    items = fit.items.sample(fraction=1, shuffle=True, seed=seed)
    one = vote_contributions(votes, fit.items, n_labels=N_LABELS, weights=fit.annotators)
    two = vote_contributions(shuffled, items, n_labels=N_LABELS, weights=fit.annotators)
    assert_frame_equal(one.annotations, two.annotations, check_exact=True)
    assert_frame_equal(one.items, two.items, check_exact=True)
    assert one.annotations.get_column("n_annotations").sum() == votes.height
    assert one.annotations.select("item_code", "annotator_code").is_unique().all()
    totals = one.annotations.drop_nulls("share").group_by("item_code").agg(pl.col("share").sum())
    assert totals.get_column("share").to_list() == pytest.approx([1] * totals.height)
    np.testing.assert_allclose(one.items.get_column("p_label"), fit.items.get_column("p_label"), atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(votes=some_votes())
def test_leaving_out_is_counting_without(votes: pl.DataFrame) -> None:
    items = majority_vote(votes, n_labels=N_LABELS).items
    found = vote_contributions(votes, items, n_labels=N_LABELS).annotations
    labels = dict(items.select("item_code", "label_code").iter_rows())
    for row in found.iter_rows(named=True):
        here = votes.filter(pl.col("item_code") == row["item_code"])
        rest = here.filter(pl.col("annotator_code") != row["annotator_code"])
        share = (rest.get_column("label_code") == labels[row["item_code"]]).mean()
        assert row["p_label_without"] == (None if share is None else pytest.approx(share))


def test_several_votes_of_one_annotator_are_taken_together() -> None:
    votes = votes_of([(0, 0, 1), (0, 0, 1), (0, 1, 0), (0, 1, 1)])
    found = of_majority(votes, 2).annotations
    assert found.get_column("label_code").to_list() == [1, None]
    assert found.get_column("n_annotations").to_list() == [2, 2]


def test_edges() -> None:
    none = of_majority(votes_of([]), 3)
    assert none.items.is_empty()
    assert none.annotations.is_empty()
    one_label = of_majority(votes_of([(0, 0, 0), (0, 1, 0)]), 1)
    assert one_label.items.row(0, named=True)["runner_up_code"] is None
    assert glad_contributions(votes_of([]), glad(votes_of([]), n_labels=2), n_labels=2).items.is_empty()


def test_misuse_is_refused() -> None:
    items = pl.DataFrame({"item_code": [1], "label_code": [1]})
    with pytest.raises(BadOption, match="items"):
        vote_contributions(THREE, items.with_columns(item_code=pl.lit(2)), n_labels=2)
    with pytest.raises(MissingColumn, match="label_code"):
        vote_contributions(THREE, items.drop("label_code"), n_labels=2)
    weights = pl.DataFrame({"annotator_code": [0, 1000, 2000], "weight": [1.0, -1.0, 1.0]})
    with pytest.raises(BadColumn, match="weight"):
        vote_contributions(THREE, items, n_labels=2, weights=weights)
    with pytest.raises(BadOption, match="weights"):
        vote_contributions(THREE, items, n_labels=2, weights=weights.head(2))
    confusion, codes = np.full((2, 2, 2), 0.5), np.array([0, 1000])
    with pytest.raises(BadOption, match="annotator_codes"):
        model_contributions(THREE, items, priors=np.full(2, 0.5), confusion=confusion, annotator_codes=codes)
    with pytest.raises(BadOption, match="confusion"):
        model_contributions(
            THREE, items, priors=np.full(3, 1 / 3), confusion=confusion, annotator_codes=codes
        )
