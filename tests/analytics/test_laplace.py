"""The posterior over a head's weights, against derivatives, integrals and inverses that are worked out another way."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit, log_softmax, softmax
from scipy.stats import norm

from analytics.errors import BadOption
from analytics.laplace import (
    LastLayer,
    Structure,
    corrected_probabilities,
    drawn_heads,
    last_layer,
    logit_covariance,
    sampled_probabilities,
)
from analytics.uncertainty import uncertainty

Floats = NDArray[np.float64]
STRUCTURES = get_args(Structure)


def with_bias(features: Floats) -> Floats:
    return np.hstack([features, np.ones((len(features), 1))])


def fitted(features: Floats, labels: NDArray[np.int64], n_labels: int, precision: float) -> Floats:
    """The mode of the posterior under a Gaussian prior."""
    wide = with_bias(features)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(-1, n_labels)
        logs = log_softmax(wide @ weights, axis=1)
        gradient = wide.T @ (np.exp(logs) - np.eye(n_labels)[labels]) + precision * weights
        value = -logs[np.arange(len(labels)), labels].sum() + precision * (flat @ flat) / 2
        return float(value), gradient.ravel()

    found = minimize(loss, np.zeros(wide.shape[1] * n_labels), jac=True, tol=1e-12, options={"maxiter": 5000})
    weights: Floats = found.x.reshape(-1, n_labels)
    return weights


def drawn(n_items: int = 200, n_features: int = 3, n_labels: int = 3) -> tuple[Floats, NDArray[np.int64]]:
    rng = np.random.default_rng(4)
    features = rng.standard_normal((n_items, n_features))
    p = softmax(features @ rng.standard_normal((n_features, n_labels)), axis=1)
    return features, (rng.random((n_items, 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1)


def hessian(features: Floats, weights: Floats) -> Floats:
    """Of the negative log likelihood, from differences of its gradient; label 0 for all: they do not matter."""
    wide, step = with_bias(features), 1e-5

    def gradient(flat: Floats) -> Floats:
        p = softmax(wide @ flat.reshape(weights.shape), axis=1)
        rows: Floats = (wide.T @ (p - np.eye(weights.shape[1])[0])).ravel()
        return rows

    flat, moves = weights.ravel(), step * np.eye(weights.size)
    return np.stack([(gradient(flat + move) - gradient(flat - move)) / (2 * step) for move in moves])


def covariance(posterior: LastLayer) -> Floats:
    """Of the weights, from many drawn heads."""
    heads = drawn_heads(posterior, n_members=200_000, seed=1).reshape(200_000, -1)
    return np.atleast_2d(np.cov(heads.T))


def test_full_is_the_inverse_of_the_hessian_and_the_prior() -> None:
    features, _ = drawn()
    weights = np.random.default_rng(0).standard_normal((4, 3))
    posterior = last_layer(features, weights, structure="full", prior_precision=0.7)
    exact = np.linalg.inv(hessian(features, weights) + 0.7 * np.eye(12))
    some = np.random.default_rng(1).standard_normal((5, 3))
    wide = with_bias(some)
    blocks = np.einsum("id,dkel,ie->ikl", wide, exact.reshape(4, 3, 4, 3), wide)
    np.testing.assert_allclose(logit_covariance(posterior, some), blocks, rtol=1e-5)
    np.testing.assert_allclose(covariance(posterior), exact, atol=0.03)


def test_the_diagonal_is_the_hessians() -> None:
    features, _ = drawn()
    weights = np.random.default_rng(0).standard_normal((4, 3))
    posterior = last_layer(features, weights, structure="diagonal", prior_precision=1.0)
    np.testing.assert_allclose(posterior.eigenvalues.ravel(), np.diag(hessian(features, weights)), rtol=1e-6)


def test_two_factors_are_exact_where_all_items_are_alike_in_doubt() -> None:
    """At weights of 0 every p is even, and the Hessian is one Kronecker product."""
    features, _ = drawn()
    both = [
        last_layer(features, np.zeros((4, 3)), structure=s, prior_precision=0.5)
        for s in ("full", "kronecker")
    ]
    some = np.random.default_rng(1).standard_normal((5, 3))
    one, two = (logit_covariance(found, some) for found in both)
    np.testing.assert_allclose(one, two, rtol=1e-9)
    assert both[0].log_marginal == pytest.approx(both[1].log_marginal)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_drawn_heads_have_the_covariance_of_the_logits(structure: Structure) -> None:
    features, labels = drawn()
    posterior = last_layer(
        features, fitted(features, labels, 3, 1.0), structure=structure, prior_precision=1.0
    )
    some = features[:4]
    logits = with_bias(some) @ drawn_heads(posterior, n_members=100_000, seed=3)
    for item, expected in enumerate(logit_covariance(posterior, some)):
        np.testing.assert_allclose(np.cov(logits[:, item].T), expected, atol=0.02 * expected.max())


def test_two_labels_against_the_exact_posterior() -> None:
    """One weight matters: the logit difference of a head without features. 30 of 40 items have label 1."""
    precision, n, yes = 1.0, 40, 30
    labels = (np.arange(n) < yes).astype(np.int64)
    nothing = np.empty((n, 0))
    posterior = last_layer(
        nothing, fitted(nothing, labels, 2, precision), structure="full", prior_precision=precision
    )

    def density(difference: float) -> float:
        """Prior of the difference of two weights N(0, 2 / t), times the likelihood."""
        p = expit(difference)
        return float(norm.pdf(difference, scale=np.sqrt(2 / precision)) * p**yes * (1 - p) ** (n - yes))

    total = quad(density, -6, 6, epsabs=0)[0]
    mean = quad(lambda x: x * density(x), -6, 6, epsabs=0)[0] / total
    second = quad(lambda x: x * x * density(x), -6, 6, epsabs=0)[0] / total
    p_exact = quad(lambda x: expit(x) * density(x), -6, 6, epsabs=0)[0] / total
    cov = logit_covariance(posterior, nothing[:1])[0]
    assert cov[0, 0] + cov[1, 1] - 2 * cov[0, 1] == pytest.approx(second - mean**2, rel=0.06)
    assert corrected_probabilities(posterior, nothing[:1])[0, 1] == pytest.approx(p_exact, abs=0.006)
    members = sampled_probabilities(posterior, nothing[:1], n_members=50_000)
    assert members[:, 0, 1].mean() == pytest.approx(p_exact, abs=0.006)


def test_the_marginal_likelihood_is_that_of_an_integral() -> None:
    """The same head: the log marginal of its difference, up to the fit, compared between two precisions."""
    n, yes = 400, 240
    labels = (np.arange(n) < yes).astype(np.int64)
    nothing = np.empty((n, 0))
    mode = np.log(yes / (n - yes))
    weights = np.array([[-mode / 2, mode / 2]])
    assert fitted(nothing, labels, 2, 1e-4)[0, 1] == pytest.approx(mode / 2, abs=1e-4)

    def exact(precision: float) -> float:
        def density(x: float) -> float:
            logs = yes * np.log(expit(x)) + (n - yes) * np.log(expit(-x)) - n * np.log(2) + 8.0
            return float(norm.pdf(x, scale=np.sqrt(2 / precision)) * np.exp(logs))

        return float(np.log(quad(density, -3, 3, points=[mode], epsabs=0)[0]))

    one, two = (
        last_layer(nothing, weights, structure="full", prior_precision=precision).log_marginal
        for precision in (0.1, 10.0)
    )
    assert one - two == pytest.approx(exact(0.1) - exact(10.0), abs=0.02)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_chosen_precision_is_the_best(structure: Structure) -> None:
    features, labels = drawn()
    weights = fitted(features, labels, 3, 1.0)
    best = last_layer(features, weights, structure=structure)
    for factor in (0.9, 1.1, 0.1, 10.0):
        other = last_layer(
            features, weights, structure=structure, prior_precision=best.prior_precision * factor
        )
        assert other.log_marginal < best.log_marginal


def test_the_prior_that_weights_were_drawn_from_is_recovered() -> None:
    rng = np.random.default_rng(8)
    features = rng.standard_normal((5000, 40))
    weights = rng.normal(scale=0.5, size=(41, 5))
    assert last_layer(features, weights, structure="full").prior_precision == pytest.approx(4, rel=0.25)


def test_where_it_has_seen_little_its_members_differ_and_the_correction_is_less_sure() -> None:
    """The third feature hardly varied among the items that the head was fitted on."""
    features, labels = drawn(n_items=1000)
    seen = features * [1, 1, 0.01]
    weights = fitted(seen, labels, 3, 1.0)
    posterior = last_layer(seen, weights, prior_precision=1.0)
    near, far = seen[:50], seen[:50] + np.array([0, 0, 4])
    between = {}
    for name, some in (("near", near), ("far", far)):
        found = uncertainty(sampled_probabilities(posterior, some, n_members=200)).mutual_information
        assert found is not None
        between[name] = found.mean()
    assert between["near"] < 0.02
    assert between["far"] > 0.3
    plain = softmax(with_bias(far) @ weights, axis=1).max(axis=1)
    assert corrected_probabilities(posterior, far).max(axis=1).mean() < plain.mean() - 0.05


def test_what_no_softmax_sees_changes_nothing() -> None:
    features, labels = drawn()
    weights = fitted(features, labels, 3, 1.0)
    moved = weights + np.arange(4)[:, None]
    one, two = last_layer(features, weights), last_layer(features, moved)
    assert one.prior_precision == pytest.approx(two.prior_precision)
    np.testing.assert_allclose(
        corrected_probabilities(one, features), corrected_probabilities(two, features), atol=1e-9
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_correction_is_what_members_say_on_average(structure: Structure) -> None:
    features, labels = drawn(n_items=60)
    posterior = last_layer(
        features, fitted(features, labels, 3, 1.0), structure=structure, prior_precision=1.0
    )
    members = sampled_probabilities(posterior, features, n_members=4000).mean(axis=0)
    corrected = corrected_probabilities(posterior, features)
    assert corrected.sum(axis=1) == pytest.approx(1)
    assert abs(corrected - members).max() < 0.02
    assert abs(softmax(with_bias(features) @ posterior.weights, axis=1) - members).max() > 0.02


def test_parts_of_the_work_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = drawn()
    weights = fitted(features, labels, 3, 1.0)
    for structure in STRUCTURES:
        whole = last_layer(features, weights, structure=structure)
        monkeypatch.setattr("analytics.laplace._MOST_CELLS", 100)
        parts = last_layer(features, weights, structure=structure)
        corrected = corrected_probabilities(parts, features)
        members = sampled_probabilities(parts, features, n_members=2, seed=5)
        monkeypatch.undo()
        np.testing.assert_allclose(whole.eigenvalues, parts.eigenvalues, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(corrected, corrected_probabilities(whole, features), atol=1e-9)
        assert members.shape == (2, 200, 3)


def test_the_same_seed_gives_the_same_members() -> None:
    features, _ = drawn()
    posterior = last_layer(features, np.zeros((4, 3)))
    one, two, other = (sampled_probabilities(posterior, features, n_members=3, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_misuse_is_refused() -> None:
    features, _ = drawn()
    weights = np.zeros((4, 3))
    for bad in (features[:, :2], features[:, :0], features * np.nan, features[0], features[:0]):
        with pytest.raises(BadOption, match="features"):
            last_layer(bad, weights)
    for bad in (weights[:, :1], weights[0], weights * np.nan):
        with pytest.raises(BadOption, match="weights"):
            last_layer(features, bad)
    with pytest.raises(BadOption, match="structure"):
        last_layer(features, weights, structure="sparse")  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(BadOption, match="structure='full'"):
        last_layer(np.zeros((2, 600)), np.zeros((601, 5)), structure="full")
    for precision in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(BadOption, match="prior_precision"):
            last_layer(features, weights, prior_precision=precision)
    with pytest.raises(BadOption, match="n_members"):
        sampled_probabilities(last_layer(features, weights), features, n_members=0)


def test_feature_by_feature_is_the_whole_hessian_seen_along_its_axes() -> None:
    """Each curvature is that of the full Hessian along one feature and one direction of the labels."""
    features, labels = drawn()
    weights = fitted(features, labels, 3, 1.0)
    found = last_layer(features, weights, structure="by_feature", prior_precision=1.0)
    assert found.right is not None
    whole = hessian(features, found.weights)
    for feature in range(4):
        for label in range(3):
            axis = np.zeros((4, 3))
            axis[feature] = found.right[:, label]
            along = float(axis.ravel() @ whole @ axis.ravel())
            assert found.eigenvalues[feature, label] == pytest.approx(along, abs=1e-3)
    assert found.eigenvalues.min(axis=1) == pytest.approx(0, abs=1e-9)  # a shift of all labels is no label's


@pytest.mark.parametrize("structure", ["by_feature", "diagonal"])
def test_sparse_features_are_read_as_they_are(structure: Structure) -> None:
    features, labels = drawn()
    features[features < 0] = 0
    weights = fitted(features, labels, 3, 1.0)
    dense, sparse = (
        last_layer(each, weights, structure=structure, prior_precision=1.0)
        for each in (features, csr_array(features))
    )
    np.testing.assert_allclose(dense.eigenvalues, sparse.eigenvalues, atol=1e-12)
    p = [
        sampled_probabilities(one, each, n_members=5, seed=(1, 2))
        for one, each in ((dense, features), (sparse, csr_array(features)))
    ]
    np.testing.assert_allclose(p[0], p[1])
    with pytest.raises(BadOption, match="sparse"):
        last_layer(csr_array(features), weights, structure="kronecker")
