"""Laplace's approximation over the last layer of a model: from one fitted softmax head to a posterior over its weights.

For features x (a 1 appended for the bias), logits f = W'x and p = softmax(f), the Hessian of the negative log
likelihood at the fitted W is

    H = sum_i x_i x_i' (x) (diag(p_i) - p_i p_i')

which does not depend on the labels; with a Gaussian prior of precision t on every weight the posterior is about
N(W, (H + t 1)^-1) (MacKay 1992; Kristiadi, Hein & Hennig 2020; Daxberger et al. 2021). H is kept whole ("full"), as
the product of its two mean factors ("kronecker", Ritter, Botev & Barber 2018), feature by feature in the labels' mean basis
("by_feature": what George, Laurent, Bouthillier, Ballas & Vincent 2018 do, with the features' own axes), or as its diagonal.
The last two read sparse features as they are.

The prior precision is chosen by Laplace's approximation of the log marginal likelihood, whose terms in t are

    (P log t - t |W|^2 - log det(H + t 1)) / 2,    P = (D + 1) K,

with W as it was fitted (Immer et al. 2021), by a bounded search over log t. Where the head was fitted with another
penalty than t, W is not the mode for t: the choice is then an approximation, and `prior_precision` can be given.
The prior is over the bias too. Nothing here knows of doubt about the features themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array, hstack, issparse
from scipy.special import softmax

from analytics.errors import BadOption
from analytics.frames import FloatArray

Structure = Literal["full", "kronecker", "by_feature", "diagonal"]

SPARSE: tuple[Structure, ...] = ("by_feature", "diagonal")
"""The structures that take sparse features."""

MOST_WEIGHTS = 3000
"""The most weights (D + 1) K whose full Hessian is made: 72 MB, and a second or two for its eigenvalues."""

SMALLEST_PRECISION, LARGEST_PRECISION = 1e-6, 1e6
"""Between these the prior precision is looked for."""

_MOST_CELLS = 4_000_000  # numbers (8 bytes) that a step holds


@dataclass(frozen=True, slots=True)
class LastLayer:
    """The posterior over a head's weights, in the basis in which its precision is diagonal.

    A weight matrix of the posterior is W + left S right', where the cells of S are independent with mean 0 and
    variance 1 / (eigenvalues + prior_precision); for "full" the same holds of the weights in one row.

    Attributes:
        weights: (D + 1, K) as fitted, the bias in the last row, each row moved to sum 0: no probability changes
            with that, and it is where the mode is under the prior.
        eigenvalues: (D + 1, K) of the Hessian; for "full" in one row, (1, (D + 1) K).
        left: (D + 1, D + 1); (1, 1) for "full"; None for "by_feature" and "diagonal".
        right: (K, K); for "full" ((D + 1) K, (D + 1) K); None for "diagonal".
        prior_precision: t, chosen or given.
        log_marginal: the terms of the log marginal likelihood in t, at t (nats; the fit itself is left out).
        structure: how the Hessian was kept.
        n_items: I that it was fitted on.
    """

    weights: FloatArray
    eigenvalues: FloatArray
    left: FloatArray | None
    right: FloatArray | None
    prior_precision: float
    log_marginal: float
    structure: Structure
    n_items: int


def last_layer(
    features: FloatArray | csr_array,
    weights: FloatArray,
    *,
    structure: Structure = "kronecker",
    prior_precision: float | None = None,
) -> LastLayer:
    """The posterior over a linear softmax head's weights.

    Args:
        features: (I, D) of the items that the head was fitted on, I 1 or more; CSR for "by_feature" and "diagonal".
        weights: (D + 1, K) as fitted, the bias in the last row, K 2 or more.
        structure: "full" for up to MOST_WEIGHTS weights, "kronecker", "by_feature" or "diagonal".
        prior_precision: above 0; None: chosen by the marginal likelihood.

    Raises:
        BadOption: arrays whose shapes do not fit or that hold what is not finite, another structure, too many
            weights for "full", a precision of 0 or less.
    """
    if structure not in get_args(Structure):
        raise BadOption("structure", structure, get_args(Structure))
    _check_weights(weights)
    _check_features(features, weights)
    if not features.shape[0]:
        raise BadOption("features", "an array", "of at least one item")
    if issparse(features) and structure not in SPARSE:
        raise BadOption("structure", structure, f"{' or '.join(map(repr, SPARSE))} for sparse features")
    if structure == "full" and weights.size > MOST_WEIGHTS:
        raise BadOption("structure", structure, f"'kronecker' or 'diagonal' for {weights.size} weights")
    if prior_precision is not None and not 0 < prior_precision < np.inf:
        raise BadOption("prior_precision", prior_precision, "above 0 and finite, or None to have it chosen")
    known = np.asarray(weights, dtype=np.float64)
    known = known - known.mean(axis=1, keepdims=True)
    eigenvalues, left, right = _curvature(features, known, structure)
    chosen = _best_precision(eigenvalues, known) if prior_precision is None else float(prior_precision)
    return LastLayer(
        weights=known,
        eigenvalues=eigenvalues,
        left=left,
        right=right,
        prior_precision=chosen,
        log_marginal=_log_marginal(chosen, eigenvalues, known),
        structure=structure,
        n_items=int(features.shape[0]),
    )


def sampled_probabilities(
    posterior: LastLayer,
    features: FloatArray | csr_array,
    *,
    n_members: int = 30,
    seed: int | Sequence[int] = 0,
) -> FloatArray:
    """Probabilities (M, I, K) of M heads drawn from the posterior: members for `uncertainty`.

    Each member is one head for all items. They come in pairs, as far on one side of the fitted head as on the other: so the mean
    of few is near that of many. Softmax of the drawn logits, float64.

    Raises:
        BadOption: features that do not fit the head; fewer than one member.
    """
    _check_features(features, posterior.weights)
    if isinstance(n_members, bool) or not isinstance(n_members, int) or n_members < 1:
        raise BadOption("n_members", n_members, "a whole number, 1 or more")
    half = drawn_heads(posterior, n_members=-(-n_members // 2), seed=seed)
    pairs = np.stack([half, 2 * posterior.weights - half], axis=1)
    heads = pairs.reshape(-1, *posterior.weights.shape)[:n_members]
    n_labels = posterior.weights.shape[1]
    side_by_side = heads.transpose(1, 0, 2).reshape(len(posterior.weights), -1)
    found = np.empty((n_members, features.shape[0], n_labels))
    for rows, part in _parts(features, n_members * n_labels):
        logits = (part @ side_by_side).reshape(-1, n_members, n_labels)
        found[:, rows] = softmax(logits, axis=2).transpose(1, 0, 2)
    return found


def drawn_heads(posterior: LastLayer, *, n_members: int, seed: int | Sequence[int]) -> FloatArray:
    """Weights (M, D + 1, K) drawn from the posterior."""
    rng = np.random.default_rng(seed)
    spread = 1 / np.sqrt(posterior.eigenvalues + posterior.prior_precision)
    moved = rng.standard_normal((n_members, *posterior.eigenvalues.shape)) * spread
    if posterior.left is not None:
        moved = posterior.left @ moved
    if posterior.right is not None:
        moved = moved @ posterior.right.T
    heads: FloatArray = posterior.weights + moved.reshape(n_members, *posterior.weights.shape)
    return heads


def corrected_probabilities(posterior: LastLayer, features: FloatArray) -> FloatArray:
    """Probabilities (I, K) with the doubt about the weights in them, without drawing any.

    MacKay's (1992) probit correction for each pair of labels, put together as by Lu, Ie & Sha (2020, their second
    mean-field form): p(k) in proportion to

        1 / sum_l exp(-(f_k - f_l) / sqrt(1 + pi/8 Var(f_k - f_l))).

    For two labels this is MacKay's own. Only differences of logits enter, as they should: correcting each logit by
    its own variance would let a shift of all of them, which no softmax sees, draw p towards even.

    Raises:
        BadOption: features that do not fit the head.
    """
    _check_features(features, posterior.weights)
    n_labels = posterior.weights.shape[1]
    found = np.empty((len(features), n_labels))
    for rows, part in _parts(features, _cells_per_item(posterior)):
        logits = part @ posterior.weights
        covariance = _logit_covariance(posterior, part)
        variance = np.diagonal(covariance, axis1=1, axis2=2)
        apart = np.maximum(variance[:, :, None] + variance[:, None, :] - 2 * covariance, 0)
        ahead = (logits[:, :, None] - logits[:, None, :]) / np.sqrt(1 + np.pi / 8 * apart)
        # log of 1 / sum exp(-ahead): the largest term is taken out, so that no row can vanish.
        most = (-ahead).max(axis=2)
        logs = -(most + np.log(np.exp(-ahead - most[:, :, None]).sum(axis=2)))
        found[rows] = softmax(logs, axis=1)
    return found


def logit_covariance(posterior: LastLayer, features: FloatArray) -> FloatArray:
    """The covariance (I, K, K) of each item's logits under the posterior.

    Raises:
        BadOption: features that do not fit the head.
    """
    _check_features(features, posterior.weights)
    n_labels = posterior.weights.shape[1]
    found = np.empty((len(features), n_labels, n_labels))
    for rows, part in _parts(features, _cells_per_item(posterior)):
        found[rows] = _logit_covariance(posterior, part)
    return found


def _curvature(
    features: FloatArray | csr_array, weights: FloatArray, structure: Structure
) -> tuple[FloatArray, FloatArray | None, FloatArray | None]:
    """Eigenvalues of the Hessian and its two bases, as in `LastLayer`."""
    width, n_labels = weights.shape
    if structure == "diagonal":
        diagonal = np.zeros_like(weights)
        for _, part in _parts(features, n_labels):
            p = softmax(part @ weights, axis=1)
            diagonal += (part * part).T @ (p * (1 - p))
        return diagonal, None, None
    if structure == "full":
        values, basis = np.linalg.eigh(_full_hessian(np.asarray(features), weights))
        return np.maximum(values, 0)[None, :], np.ones((1, 1)), basis
    of_features, of_labels = np.zeros((width, width)), np.zeros((n_labels, n_labels))
    for _, part in _parts(features, n_labels):
        p = softmax(part @ weights, axis=1)
        if structure == "kronecker":
            of_features += part.T @ part
        of_labels += np.diag(p.sum(axis=0)) - p.T @ p
    right_values, right = np.linalg.eigh(of_labels / features.shape[0])
    if structure == "by_feature":
        return _by_feature(features, weights, right), None, right
    left_values, left = np.linalg.eigh(of_features)
    return np.outer(np.maximum(left_values, 0), np.maximum(right_values, 0)), left, right


def _by_feature(features: FloatArray | csr_array, weights: FloatArray, basis: FloatArray) -> FloatArray:
    """(D + 1, K): the sum over items of x squared times the curvature of p along each direction of the labels' basis (K, K)."""
    found = np.zeros_like(weights)
    for _, part in _parts(features, weights.shape[1]):
        p = softmax(part @ weights, axis=1)
        found += (part * part).T @ np.maximum(p @ basis**2 - (p @ basis) ** 2, 0)
    return found


def _full_hessian(features: FloatArray, weights: FloatArray) -> FloatArray:
    """((D + 1) K, (D + 1) K), rows and columns in the order of `weights.ravel()`."""
    width, n_labels = weights.shape
    hessian = np.zeros((width, n_labels, width, n_labels))
    for _, part in _parts(features, weights.size):
        p = softmax(part @ weights, axis=1)
        spread = (part[:, :, None] * p[:, None, :]).reshape(len(part), -1)
        hessian -= (spread.T @ spread).reshape(hessian.shape)
        for label in range(n_labels):
            hessian[:, label, :, label] += (part * p[:, label : label + 1]).T @ part
    square: FloatArray = hessian.reshape(weights.size, weights.size)
    return (square + square.T) / 2


def _log_marginal(precision: float, eigenvalues: FloatArray, weights: FloatArray) -> float:
    fit = eigenvalues.size * np.log(precision) - precision * float((weights * weights).sum())
    return float(fit - np.log(eigenvalues + precision).sum()) / 2


def _best_precision(eigenvalues: FloatArray, weights: FloatArray) -> float:
    """The precision of the largest log marginal likelihood: a grid over its logarithm, then Brent's search."""
    ends = np.log(SMALLEST_PRECISION), np.log(LARGEST_PRECISION)
    grid = np.linspace(*ends, 60)
    values = [_log_marginal(float(np.exp(log)), eigenvalues, weights) for log in grid]
    at = int(np.argmax(values))
    around = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda log: -_log_marginal(float(np.exp(log)), eigenvalues, weights), bounds=around, method="bounded"
    )
    return float(np.exp(found.x))


def _logit_covariance(posterior: LastLayer, part: FloatArray) -> FloatArray:
    """As `logit_covariance`, for features with the 1 of the bias."""
    n_labels = posterior.weights.shape[1]
    variances = 1 / (posterior.eigenvalues + posterior.prior_precision)
    found: FloatArray
    if posterior.right is None:
        found = ((part * part) @ variances)[:, None, :] * np.eye(n_labels)
    elif posterior.structure == "full":
        basis = posterior.right.reshape(posterior.weights.shape[0], -1)
        turned = (part @ basis).reshape(len(part), n_labels, -1)
        found = (turned * variances) @ turned.transpose(0, 2, 1)
    else:
        turned = part if posterior.left is None else part @ posterior.left
        along = (turned * turned) @ variances
        found = (along[:, None, :] * posterior.right) @ posterior.right.T
    return found


def _cells_per_item(posterior: LastLayer) -> int:
    n_labels = int(posterior.weights.shape[1])
    return n_labels * (int(posterior.weights.size) if posterior.structure == "full" else n_labels)


def _parts(features: FloatArray | csr_array, cells_per_item: int) -> Iterator[tuple[slice, Any]]:
    """Rows of the features, dense or CSR, with the 1 of the bias, so few at a time that MOST_CELLS numbers hold what is made."""
    is_sparse = issparse(features)
    step = max(_MOST_CELLS // max(cells_per_item, 1 if is_sparse else features.shape[1] + 1), 1)
    for first in range(0, features.shape[0], step):
        part = features[first : first + step].astype(np.float64)
        ones = np.ones((part.shape[0], 1))
        wide = csr_array(hstack([part, csr_array(ones)])) if is_sparse else np.hstack([part, ones])
        yield slice(first, first + part.shape[0]), wide


def _check_weights(weights: FloatArray) -> None:
    if weights.ndim != 2 or weights.shape[0] < 1 or weights.shape[1] < 2:
        raise BadOption("weights", f"array of shape {weights.shape}", "of shape (D + 1, K), K 2 or more")
    if not np.isfinite(weights).all():
        raise BadOption("weights", "an entry", "finite")


def _check_features(features: FloatArray | csr_array, weights: FloatArray) -> None:
    if features.ndim != 2 or features.shape[1] != weights.shape[0] - 1:
        needs = f"of shape (I, {weights.shape[0] - 1}): the weights have a row more, of the bias"
        raise BadOption("features", f"array of shape {features.shape}", needs)
    if not np.isfinite(features.data if issparse(features) else features).all():
        raise BadOption("features", "an entry", "finite")
