"""A stack of models: each at its own optimum, the kernels and torch of one mind, what a card does tried on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array, random_array

from analytics import stacked_linear, stacked_products
from analytics.stacked_fit import LinearFitter
from analytics.stacked_kernels import model_dots, step_losses
from analytics.stacked_linear import _Problem
from analytics.stacked_products import make_products
from analytics.training import train_model

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


def drawn(sets: bool, *, own_targets: bool = False, seed: int = 0) -> tuple[Floats32, Floats32, Floats32]:
    """Features (60, 3), targets (60, 1 or 4, 3), weights (60, 4) with some of 0."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((60, 3)).astype(np.float32)
    shape = (60, 4 if own_targets else 1, 3)
    targets = rng.random(shape) if sets else rng.dirichlet(np.full(3, 0.4), shape[:2])
    return (
        features,
        targets.astype(np.float32),
        (rng.random((60, 4)) * (rng.random((60, 4)) > 0.3)).astype(np.float32),
    )


def objective(at: Floats, features: Floats32, y: Floats32, w: Floats32, penalty: float, sets: bool) -> float:
    weights = at.reshape(4, 3)
    z = features.astype(np.float64) @ weights[:-1] + weights[-1]
    if sets:
        losses = (np.logaddexp(0, z) - y * z).sum(axis=1)
    else:
        losses = np.logaddexp.reduce(z, axis=1) - (y * z).sum(axis=1)
    return float(losses @ w + penalty / 2 * (weights[:-1] ** 2).sum())


@pytest.mark.parametrize("sets", [False, True])
@pytest.mark.parametrize("own_targets", [False, True])
def test_each_model_is_at_its_own_optimum(sets: bool, own_targets: bool) -> None:
    """As scipy finds it, one model after another; penalties, weights and labels differ from model to model."""
    features, targets, weights = drawn(sets, own_targets=own_targets)
    penalty = np.array([0.1, 1.0, 5.0, 50.0])
    fitter = LinearFitter(features, "cpu", sets=sets)
    fit = fitter.fit(targets, weights, penalty)
    ours = fitter.weights(fit.parameters).astype(np.float64)
    assert fit.converged.all()
    for model in range(4):
        given = (features, targets[:, model if own_targets else 0], weights[:, model], penalty[model], sets)
        best = minimize(objective, np.zeros(12), args=given, options={"gtol": 1e-8})
        assert objective(ours[model].reshape(-1), *given) == pytest.approx(best.fun, rel=1e-6)
        theirs, found = best.x.reshape(4, 3), ours[model]
        if not sets:  # a constant added to all labels changes nothing
            theirs, found = (
                theirs - theirs.mean(axis=1, keepdims=True),
                found - found.mean(axis=1, keepdims=True),
            )
        np.testing.assert_allclose(found, theirs, atol=5e-3)


def test_where_it_starts_changes_nothing() -> None:
    features, targets, weights = drawn(False)
    fitter = LinearFitter(features, "cpu", sets=False)
    penalty = np.full(4, 0.5)
    one = fitter.fit(targets, weights, penalty)
    start = np.random.default_rng(1).standard_normal(one.parameters.shape).astype(np.float32)
    two = fitter.fit(targets, weights, penalty, start=start)
    np.testing.assert_allclose(two.losses, one.losses, atol=1e-5)
    again = fitter.fit(targets, weights, penalty, start=one.parameters)
    assert again.n_steps.max() <= 1


def test_a_model_that_ran_out_of_steps_says_so() -> None:
    features, targets, weights = drawn(False)
    fit = LinearFitter(features, "cpu", sets=False).fit(targets, weights, np.full(4, 1e-3), most_steps=1)
    assert not fit.converged.any()
    assert (fit.n_steps == 1).all()


@pytest.mark.parametrize("sets", [False, True])
@pytest.mark.parametrize("own_targets", [False, True])
def test_kernels_and_torch_take_the_same_step(sets: bool, own_targets: bool) -> None:
    _, targets, weights = drawn(sets, own_targets=own_targets)
    rng = np.random.default_rng(2)
    logits, along = (rng.normal(0, 8, (60, 4, 3)).astype(np.float32) for _ in range(2))
    lengths = np.array([0.0, 0.5, 1.0, -3.0])
    ours = step_losses(logits, along, lengths, targets, weights, sets=sets)
    penalty = torch.ones(4, dtype=torch.float64)
    problem = _Problem(torch.from_numpy(targets), torch.from_numpy(weights), penalty, sets)
    theirs = problem.step_in_torch(*(torch.from_numpy(each) for each in (logits, along, lengths)))
    np.testing.assert_allclose(ours[0], theirs[0].numpy(), rtol=1e-5)
    np.testing.assert_allclose(ours[1], theirs[1].numpy(), atol=1e-5)
    np.testing.assert_allclose(ours[2], theirs[2].numpy(), atol=2e-6)


def test_logits_beyond_all_measure_give_no_nonsense() -> None:
    logits = np.array([[[1e4, -1e4, 0]]], dtype=np.float32)
    targets, weights = np.array([[[0, 1, 0]]], dtype=np.float32), np.ones((1, 1), dtype=np.float32)
    for sets in (False, True):
        losses, _, residuals = step_losses(logits, logits * 0, np.zeros(1), targets, weights, sets=sets)
        assert losses[0] == pytest.approx(2e4, rel=1e-3)
        assert np.isfinite(residuals).all()


def test_dot_products_are_those_of_each_model() -> None:
    one, other = np.random.default_rng(0).standard_normal((2, 500, 7, 3)).astype(np.float32)
    expected = np.einsum("dek,dek->e", one.astype(np.float64), other.astype(np.float64))
    np.testing.assert_allclose(model_dots(one, other), expected, atol=1e-4)


@pytest.mark.parametrize("most", [0, 1200])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_coordinates_give_the_products_of_the_features_back(
    most: int, dense: bool, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logits by the coordinates are logits by the weights and the features as they were given."""
    monkeypatch.setattr(stacked_products, "MOST_COORDINATES", most)
    shape = (20, 50) if wide else (50, 20)
    features = csr_array(random_array(shape, density=0.3, rng=np.random.default_rng(0), dtype=np.float32))
    given: Any = features.toarray() if dense else features
    products = make_products(given, "cpu")
    parameters = torch.from_numpy(
        np.random.default_rng(1).standard_normal((len(products.squares), 3, 2)).astype(np.float32)
    )
    weights = products.weights(parameters)
    expected = np.einsum("nd,edk->nek", features.toarray(), weights[:, :-1]) + weights[:, -1]
    np.testing.assert_allclose(products.forward(parameters).numpy(), expected, atol=1e-4)
    np.testing.assert_allclose(
        products.some(np.array([3, 7])).forward(parameters), expected[[3, 7]], atol=1e-4
    )
    residuals = torch.from_numpy(
        np.random.default_rng(2).standard_normal((shape[0], 3, 2)).astype(np.float32)
    )
    ahead = (products.forward(parameters) * residuals).sum()
    back = (parameters * products.backward(residuals)).sum()
    assert float(ahead) == pytest.approx(float(back), abs=1e-2)


def test_features_that_never_change_are_no_harm() -> None:
    labels = np.eye(2)[np.arange(40) % 2]
    found = train_model(np.ones((40, 3), dtype=np.float32), labels)
    np.testing.assert_allclose(found.mean, 0.5, atol=0.01)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("most", [0, 1200])
def test_what_a_card_would_do_is_what_the_processor_does(
    dense: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The torch way through, sparse products too, tried without a card."""
    monkeypatch.setattr(stacked_products, "MOST_COORDINATES", most)
    rng = np.random.default_rng(0)
    features = csr_array(random_array((120, 40), density=0.3, rng=rng, dtype=np.float32))
    given: Any = features.toarray() if dense else features
    labels = np.eye(3)[(features @ rng.standard_normal((40, 3))).argmax(axis=1)]
    here = train_model(given, labels, n_members=3)
    monkeypatch.setattr(_Problem, "step", _Problem.step_in_torch)
    monkeypatch.setattr(stacked_linear, "_dot", lambda a, b: (a * b).sum(dim=(0, 2), dtype=torch.float64))
    monkeypatch.setattr(stacked_products, "_ready", stacked_products._on_card)
    there = train_model(given, labels, n_members=3)
    np.testing.assert_allclose(there.probabilities, here.probabilities, atol=5e-3)
    assert there.log_loss == pytest.approx(here.log_loss, abs=1e-4)
