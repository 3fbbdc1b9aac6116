from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from analytics.annotators import consensus_accuracy
from analytics.consensus import ITEMS_SCHEMA, majority_vote
from analytics.dawid_skene import DawidSkene, dawid_skene
from analytics.device import DeviceMissing, choose_device, has_cuda
from analytics.errors import BadColumn, BadOption
from analytics.frames import keep_repeats
from tests import published_dawid_skene as paper
from tests.crowds import (
    CROWDS,
    N_LABELS,
    PEER_STOPS_AFTER,
    accurate,
    drawn_crowd,
    real_crowd,
    some_votes,
    votes_of,
)


def posterior(found: DawidSkene) -> NDArray[np.float64]:
    return np.array(found.items.get_column("posterior").to_list())


def peer(votes: pl.DataFrame, *, n_iterations: int | None = None) -> tuple[NDArray[np.float64], int]:
    """crowd-kit's posterior (I, labels seen) and its iterations: so many, or where it stops by itself."""
    with warnings.catch_warnings():
        # The peer's dependencies warn on import and in pandas calls of its own.
        warnings.simplefilter("ignore")
        from crowdkit.aggregation import DawidSkene as Peer

        fixed = Peer(n_iter=n_iterations or 100, tol=1e-5 if n_iterations is None else -1e9)
        frame = votes.select(task="item_code", worker="annotator_code", label="label_code").to_pandas()
        fixed.fit(frame)
    assert fixed.probas_ is not None
    return fixed.probas_.sort_index().sort_index(axis=1).to_numpy(), len(fixed.loss_history_)


def test_the_estimates_of_the_paper() -> None:
    found = dawid_skene(paper.votes(), n_labels=paper.N_LABELS)
    assert found.converged
    assert np.round(found.priors, 2).tolist() == list(paper.MARGINALS)
    assert np.round(found.confusion[0], 2).tolist() == [list(row) for row in paper.OBSERVER_1]
    assert found.n_expected.sum(axis=1) == pytest.approx([135, 45, 45, 45, 45])


@pytest.mark.parametrize("n_iterations", [1, 4, 25])
def test_each_iteration_equals_a_peers(datasets: Path, n_iterations: int) -> None:
    for name in CROWDS:
        crowd = real_crowd(datasets, name)
        votes = keep_repeats(crowd.votes, "last")
        ours = dawid_skene(votes, n_labels=len(crowd.labels), max_iterations=n_iterations, tolerance=0)
        theirs, _ = peer(votes, n_iterations=n_iterations)
        np.testing.assert_allclose(posterior(ours), theirs, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(votes=some_votes().filter(lambda votes: votes.height > 0))
def test_any_votes_equal_a_peers(votes: pl.DataFrame) -> None:
    ours = posterior(dawid_skene(votes, n_labels=N_LABELS, max_iterations=5, tolerance=0))
    theirs, _ = peer(votes, n_iterations=5)
    seen = sorted(set(votes.get_column("label_code")))
    np.testing.assert_allclose(ours[:, seen], theirs, atol=1e-6)
    assert not np.delete(ours, seen, axis=1).any()


@pytest.mark.parametrize("name", CROWDS)
def test_real_crowds_give_the_reference_figures(datasets: Path, name: str) -> None:
    """After as many iterations as the peer did for the reference.

    We go by the likelihood, which cannot fall, so we go on where the peer stops (`PEER_STOPS_AFTER` says why
    it does), and end higher.
    """
    expected = json.loads((datasets / "reference.json").read_text())[name]
    crowd = real_crowd(datasets, name)
    votes = keep_repeats(crowd.votes, "last")
    n_labels = len(crowd.labels)
    _, n_iterations = peer(votes)
    assert n_iterations == PEER_STOPS_AFTER[name]
    found = dawid_skene(votes, n_labels=n_labels, max_iterations=n_iterations, tolerance=0)
    accuracy = consensus_accuracy(found.items, crowd.gold)
    assert accuracy.value == pytest.approx(expected["ds_accuracy"], abs=5e-7)
    assert dict(zip(crowd.labels, found.priors.tolist(), strict=True)) == pytest.approx(
        expected["ds_priors"], abs=5.1e-6
    )
    codes = found.items.get_column("label_code")
    counts = {crowd.labels[code]: n for code, n in codes.value_counts().iter_rows()}
    assert counts == expected["ds_class_counts"]
    majority = majority_vote(votes, n_labels=n_labels).items.get_column("label_code")
    assert (codes == majority).mean() == pytest.approx(expected["ds_vs_mv_agreement"], abs=5e-7)
    further = dawid_skene(votes, n_labels=n_labels, max_iterations=500)
    assert further.converged
    assert further.log_likelihood[-1] > found.log_likelihood[-1]


def test_known_confusion_is_recovered() -> None:
    rng = np.random.default_rng(5)
    confusion = 0.55 * np.eye(3) + 0.45 * rng.dirichlet(np.ones(3), size=(12, 3))
    priors = np.array([0.5, 0.3, 0.2])
    crowd = drawn_crowd(confusion, n_items=6000, n_per_item=6, priors=priors, seed=6)
    found = dawid_skene(crowd.votes, n_labels=3, max_iterations=500)
    assert found.priors == pytest.approx(priors, abs=0.02)
    np.testing.assert_allclose(found.confusion, confusion, atol=0.06)
    by_vote = consensus_accuracy(majority_vote(crowd.votes, n_labels=3).items, crowd.gold)
    by_model = consensus_accuracy(found.items, crowd.gold)
    assert by_vote.high is not None
    assert by_model.value is not None
    assert by_model.value > by_vote.high, "knowing who errs how has to help here"


def test_probabilities_are_calibrated_when_the_model_holds() -> None:
    confusion = accurate(40, 4, np.linspace(0.4, 0.9, 40))
    crowd = drawn_crowd(confusion, n_items=8000, n_per_item=5, priors=np.full(4, 0.25), seed=1)
    items = dawid_skene(crowd.votes, n_labels=4).items.join(crowd.gold, on="item_code", suffix="_known")
    right = (items.get_column("label_code") == items.get_column("label_code_known")).mean()
    assert right == pytest.approx(items.get_column("p_label").mean(), abs=0.015)


@settings(deadline=None)
@given(votes=some_votes())
def test_the_likelihood_never_falls(votes: pl.DataFrame) -> None:
    trace = dawid_skene(votes, n_labels=N_LABELS, max_iterations=30, tolerance=0).log_likelihood
    # The floor of 1e-10 moves each logarithm by a rounding's worth, so a fall of that size is allowed.
    assert (np.diff(trace) >= -1e-6).all()


@settings(deadline=None)
@given(votes=some_votes(), seed=st.integers(0, 10))
def test_order_of_rows_changes_nothing_and_the_input_is_left_alone(votes: pl.DataFrame, seed: int) -> None:
    before = votes.clone()
    one = dawid_skene(votes, n_labels=N_LABELS, max_iterations=8)
    two = dawid_skene(votes.sample(fraction=1, shuffle=True, seed=seed), n_labels=N_LABELS, max_iterations=8)
    assert_frame_equal(one.items, two.items, check_exact=True)
    assert np.array_equal(one.confusion, two.confusion)
    assert_frame_equal(votes, before)


@settings(deadline=None)
@given(votes=some_votes())
def test_results_are_probabilities(votes: pl.DataFrame) -> None:
    found = dawid_skene(votes, n_labels=N_LABELS, smoothing=0.5)
    n_annotators = votes.get_column("annotator_code").n_unique()
    assert found.confusion.shape == (n_annotators, N_LABELS, N_LABELS)
    np.testing.assert_allclose(found.confusion.sum(axis=2), 1)
    np.testing.assert_allclose(posterior(found).reshape(-1, N_LABELS).sum(axis=1), 1)
    assert found.n_expected.sum() == pytest.approx(votes.height)
    assert found.annotator_codes.tolist() == sorted(set(votes.get_column("annotator_code")))


def test_names_of_annotators_and_labels_change_nothing() -> None:
    crowd = drawn_crowd(accurate(8, 3, 0.7), n_items=200, n_per_item=3, priors=np.full(3, 1 / 3), seed=2)
    one = dawid_skene(crowd.votes, n_labels=3, max_iterations=20, tolerance=0)
    renamed = crowd.votes.with_columns(
        annotator_code=7000 - pl.col("annotator_code"), label_code=2 - pl.col("label_code")
    )
    two = dawid_skene(renamed, n_labels=3, max_iterations=20, tolerance=0)
    np.testing.assert_allclose(posterior(one), posterior(two)[:, ::-1], atol=1e-9)
    np.testing.assert_allclose(one.confusion, two.confusion[::-1, ::-1, ::-1], atol=1e-9)


def test_repeats_are_counts() -> None:
    votes = votes_of([(0, 0, 1), (0, 1, 0), (1, 0, 1), (1, 1, 1), (2, 0, 0), (2, 1, 0)])
    repeated = pl.concat([votes, votes.filter(pl.col("annotator_code") == 0)])
    once, twice = dawid_skene(votes, n_labels=2), dawid_skene(repeated, n_labels=2)
    assert once.items.row(0, named=True)["tied"]
    assert twice.items.row(0, named=True)["label_code"] == 1
    assert twice.items.get_column("n_annotations").to_list() == [3, 3, 3]


def test_a_label_that_nobody_gave_stays_at_zero() -> None:
    crowd = drawn_crowd(accurate(6, 2, 0.7), n_items=100, n_per_item=3, priors=np.full(2, 0.5), seed=4)
    narrow = dawid_skene(crowd.votes, n_labels=2, max_iterations=40, tolerance=0)
    wide = dawid_skene(crowd.votes, n_labels=5, max_iterations=40, tolerance=0)
    np.testing.assert_allclose(posterior(wide)[:, :2], posterior(narrow), atol=1e-12)
    assert not posterior(wide)[:, 2:].any()
    assert not wide.priors[2:].any()


def test_smoothing_draws_rows_towards_even_ones() -> None:
    votes = votes_of([(item, annotator, item % 2) for item in range(6) for annotator in range(3)])
    sharp = dawid_skene(votes, n_labels=2).confusion[0, 0, 0]
    smooth = dawid_skene(votes, n_labels=2, smoothing=1.0)
    assert sharp == pytest.approx(1)
    n = smooth.n_expected[0, 0]
    assert smooth.confusion[0, 0, 0] == pytest.approx((n + 1) / (n + 2), abs=0.02)


@pytest.mark.parametrize("smoothing", [0.0, 2.0])
def test_the_posterior_follows_from_the_reported_confusion(smoothing: float) -> None:
    """Once converged, one E-step by hand from the reported priors and confusion gives the same posterior."""
    # The third annotator never gives label 2: with smoothing, the cells without a vote weigh in as well.
    confusion = accurate(4, 3, 0.7)
    confusion[2] = [[0.9, 0.1, 0], [0.1, 0.9, 0], [0.5, 0.5, 0]]
    crowd = drawn_crowd(confusion, n_items=300, n_per_item=3, priors=np.full(3, 1 / 3), seed=12)
    found = dawid_skene(crowd.votes, n_labels=3, smoothing=smoothing, max_iterations=3000, tolerance=1e-13)
    assert found.converged
    likelihoods = np.tile(found.priors, (300, 1))
    for item, annotator, label in crowd.votes.iter_rows():
        likelihoods[item] *= found.confusion[annotator, :, label]
    by_hand = likelihoods / likelihoods.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(posterior(found), by_hand, atol=1e-4)


def test_no_votes_are_undefined_not_a_crash() -> None:
    found = dawid_skene(votes_of([]), n_labels=3)
    assert found.undefined == "there are no annotations"
    assert found.items.schema == ITEMS_SCHEMA
    assert (found.n_iterations, found.converged, found.confusion.shape) == (0, False, (0, 3, 3))


def test_misuse_is_refused() -> None:
    votes = votes_of([(0, 0, 2)])
    with pytest.raises(BadColumn, match="label_code"):
        dawid_skene(votes, n_labels=2)
    for option in (
        {"max_iterations": 0},
        {"tolerance": -1.0},
        {"smoothing": float("nan")},
        {"prior_smoothing": -0.5},
        {"confusion": "two-coin"},
        {"device": "gpu"},
    ):
        with pytest.raises(BadOption, match=next(iter(option))):
            dawid_skene(votes, n_labels=3, **option)


def test_a_card_that_is_not_there_is_refused_by_name() -> None:
    if has_cuda():
        assert choose_device("auto") == choose_device("cuda") == "cuda"
        return
    assert choose_device("auto") == "cpu"
    with pytest.raises(DeviceMissing, match="no CUDA card"):
        choose_device("cuda")
