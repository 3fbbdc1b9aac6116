"""Dawid and Skene's EM on its two backends: one algorithm, and what its assumptions do."""

from __future__ import annotations

from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from analytics.annotators import consensus_accuracy
from analytics.coded_votes import code_votes
from analytics.dawid_skene import DawidSkene, dawid_skene
from analytics.device import has_cuda
from analytics.em_kernels import MOST_FACTORS, FusedSteps
from analytics.em_steps import Assumptions, Confusion
from analytics.em_torch import TorchSteps
from tests.crowds import N_LABELS, accurate, drawn_crowd, some_votes, votes_of


def posterior(found: DawidSkene) -> NDArray[np.float64]:
    return np.array(found.items["posterior"].to_list())


TORCH_DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not has_cuda(), reason="torch finds no CUDA card on this machine")
    ),
]
ASSUMED = [
    Assumptions(kind, *smoothing)
    for kind in get_args(Confusion)
    for smoothing in ((0.0, 0.0, 0.0), (0.5, 0.0, 3.0), (0.2, 2.0, 0.0))
]


@pytest.mark.parametrize("device", TORCH_DEVICES)
@pytest.mark.parametrize("assumed", ASSUMED, ids=str)
def test_torch_and_the_kernels_agree(device: str, assumed: Assumptions) -> None:
    """Label 5 is given by nobody, and an item of 40 votes takes the way through logarithms."""
    crowd = drawn_crowd(accurate(50, 5, 0.6), n_items=5000, n_per_item=5, priors=np.full(5, 1 / 5), seed=9)
    rows = {"item_code": [5000] * 40, "annotator_code": list(range(40)), "label_code": [1, 3] * 20}
    many = pl.DataFrame(rows)
    coded = code_votes(pl.concat([crowd.votes, many]), n_labels=6)
    kernels, torch = FusedSteps(coded, assumed), TorchSteps(coded, assumed, device)
    for _ in range(15):
        assert kernels.expect() == pytest.approx(torch.expect(), rel=1e-12)
    np.testing.assert_allclose(kernels.posterior(), torch.posterior(), atol=1e-9)
    assert (kernels.posterior().argmax(axis=1) == torch.posterior().argmax(axis=1)).all()
    for ours, theirs in zip(kernels.expected(), torch.expected(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9 * coded.n_votes)


@pytest.mark.gpu
@pytest.mark.skipif(not has_cuda(), reason="torch finds no CUDA card on this machine")
def test_a_pair_of_many_votes_is_added_up_in_parts_and_a_rerun_is_the_same() -> None:
    """Three annotators with some 20,000 votes each: a pair has more of them than a program of the card adds up."""
    crowd = drawn_crowd(accurate(3, 3, 0.7), n_items=20_000, n_per_item=3, priors=np.full(3, 1 / 3), seed=4)
    found = [
        dawid_skene(crowd.votes, n_labels=3, device=device, max_iterations=10, tolerance=0)
        for device in ("cpu", "cuda", "cuda")
    ]
    np.testing.assert_allclose(found[1].confusion, found[0].confusion, atol=1e-9)
    np.testing.assert_allclose(posterior(found[1]), posterior(found[0]), atol=1e-9)
    assert np.array_equal(found[1].confusion, found[2].confusion)


@pytest.mark.gpu
@pytest.mark.skipif(not has_cuda(), reason="torch finds no CUDA card on this machine")
def test_the_card_is_used_when_asked_for() -> None:
    crowd = drawn_crowd(accurate(20, 3, 0.7), n_items=500, n_per_item=5, priors=np.full(3, 1 / 3), seed=9)
    card = dawid_skene(crowd.votes, n_labels=3, device="cuda", max_iterations=20, tolerance=0)
    processor = dawid_skene(crowd.votes, n_labels=3, device="cpu", max_iterations=20, tolerance=0)
    assert card.device == "cuda"
    np.testing.assert_allclose(posterior(card), posterior(processor), atol=1e-9)
    np.testing.assert_allclose(card.confusion, processor.confusion, atol=1e-9)


def test_many_cores_or_one_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = drawn_crowd(accurate(50, 4, 0.6), n_items=30000, n_per_item=5, priors=np.full(4, 1 / 4), seed=2)
    found = {}
    for n_cores in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda n_cores=n_cores: n_cores)
        found[n_cores] = dawid_skene(crowd.votes, n_labels=4, max_iterations=5)
    assert_frame_equal(found[1].items, found[3].items, check_exact=True)
    assert np.array_equal(found[1].confusion, found[3].confusion)


@pytest.mark.parametrize("n_votes", [MOST_FACTORS, MOST_FACTORS + 1])
def test_factors_and_logarithms_are_one_model(n_votes: int) -> None:
    """Items on either side of the limit follow from the reported parameters as they should."""
    crowd = drawn_crowd(
        accurate(20, 3, 0.4), n_items=80, n_per_item=n_votes, priors=np.full(3, 1 / 3), seed=7
    )
    found = dawid_skene(crowd.votes, n_labels=3, max_iterations=3000, tolerance=1e-14)
    logs = np.tile(np.log(found.priors), (80, 1))
    for item, annotator, label in crowd.votes.iter_rows():
        logs[item] += np.log(np.maximum(found.confusion[annotator, :, label], 1e-300))
    by_hand = np.exp(logs - logs.max(axis=1, keepdims=True))
    np.testing.assert_allclose(posterior(found), by_hand / by_hand.sum(axis=1, keepdims=True), atol=1e-5)


def test_hundreds_of_votes_on_an_item_do_not_vanish() -> None:
    votes = votes_of([(item, a, int(a % 10 < 3) ^ (item % 2)) for item in range(4) for a in range(3000)])
    found = dawid_skene(votes, n_labels=2, smoothing=1.0, max_iterations=5)
    assert np.isfinite(found.log_likelihood).all()
    assert found.items.get_column("label_code").to_list() == [0, 1, 0, 1]


def test_one_coin_recovers_accuracies_and_has_one_for_each_annotator() -> None:
    accuracies = np.linspace(0.35, 0.95, 12)
    crowd = drawn_crowd(
        accurate(12, 4, accuracies), n_items=4000, n_per_item=5, priors=np.full(4, 1 / 4), seed=3
    )
    found = dawid_skene(crowd.votes, n_labels=4, confusion="one-coin")
    assert found.converged
    np.testing.assert_allclose(found.confusion, accurate(12, 4, found.confusion[:, 0, 0]), atol=1e-12)
    np.testing.assert_allclose(found.confusion[:, 0, 0], accuracies, atol=0.03)


def test_class_accuracies_are_recovered_and_errors_are_even() -> None:
    right = np.array([[0.9, 0.5, 0.7], [0.6, 0.8, 0.9], [0.8, 0.8, 0.5], [0.7, 0.9, 0.6], [0.5, 0.6, 0.95]])
    known = np.where(np.eye(3, dtype=bool), right[:, :, None], (1 - right[:, :, None]) / 2)
    crowd = drawn_crowd(known, n_items=6000, n_per_item=5, priors=np.array([0.5, 0.3, 0.2]), seed=3)
    found = dawid_skene(crowd.votes, n_labels=3, confusion="class", max_iterations=500)
    np.testing.assert_allclose(found.confusion, known, atol=0.05)
    off = found.confusion[:, 0, 1:]
    np.testing.assert_allclose(off[:, 0], off[:, 1], atol=1e-12)


def test_two_labels_by_class_are_the_full_model() -> None:
    crowd = drawn_crowd(accurate(8, 2, 0.7), n_items=200, n_per_item=3, priors=np.full(2, 1 / 2), seed=2)
    full = dawid_skene(crowd.votes, n_labels=2, max_iterations=20, tolerance=0, smoothing=0.5)
    by_class = dawid_skene(
        crowd.votes, n_labels=2, max_iterations=20, tolerance=0, smoothing=0.5, confusion="class"
    )
    np.testing.assert_allclose(full.confusion, by_class.confusion, atol=1e-9)
    np.testing.assert_allclose(posterior(full), posterior(by_class), atol=1e-9)


@pytest.mark.parametrize("kind", ["class", "one-coin"])
@settings(max_examples=30, deadline=None)
@given(votes=some_votes())
def test_simpler_models_climb_and_are_probabilities(kind: Confusion, votes: pl.DataFrame) -> None:
    found = dawid_skene(votes, n_labels=N_LABELS, confusion=kind, max_iterations=30, tolerance=0)
    assert (np.diff(found.log_likelihood) >= -1e-6).all()
    np.testing.assert_allclose(found.confusion.sum(axis=2), 1)
    np.testing.assert_allclose(posterior(found).reshape(-1, N_LABELS).sum(axis=1), 1)


def test_few_annotations_each_are_better_served_by_one_coin() -> None:
    crowd = drawn_crowd(
        accurate(300, 5, np.linspace(0.3, 0.9, 300)),
        n_items=600,
        n_per_item=4,
        priors=np.full(5, 0.2),
        seed=8,
    )
    accuracy = {
        kind: consensus_accuracy(dawid_skene(crowd.votes, n_labels=5, confusion=kind).items, crowd.gold).value
        for kind in get_args(Confusion)
    }
    assert accuracy["full"] is not None
    assert accuracy["one-coin"] is not None
    assert accuracy["one-coin"] > accuracy["full"] + 0.05


def test_prior_smoothing_draws_priors_towards_even_ones() -> None:
    votes = votes_of([(item, annotator, int(item == 0)) for item in range(10) for annotator in range(3)])
    assert dawid_skene(votes, n_labels=2).priors == pytest.approx([0.9, 0.1])
    assert dawid_skene(votes, n_labels=3, prior_smoothing=5.0).priors == pytest.approx([0.7, 0.3, 0])
