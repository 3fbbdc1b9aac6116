"""Weighted logistic regression with a ridge penalty and effects that may be held at 0 or more; sandwich variance."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from analytics.frames import FloatArray

MOST_LOG_ODDS = 30.0
"""Log odds beyond this are held there, so that no probability is 0 or 1."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fit.

    Attributes:
        intercept: the log odds where all scores are 0.
        effects: (S,) what one more of each score adds to the log odds.
        covariance: (S + 1, S + 1) of the intercept and the effects: H^-1 G H^-1 with the curvature H of the penalised
            likelihood and G the sum of w^2 (y - p)^2 xx'. Effects that are held at 0 have none.
    """

    intercept: float
    effects: FloatArray
    covariance: FloatArray

    def log_odds(self, design: FloatArray) -> FloatArray:
        """(N,) log odds of the rows of a design (N, S)."""
        return np.clip(self.intercept + design @ self.effects, -MOST_LOG_ODDS, MOST_LOG_ODDS)

    def probabilities(self, design: FloatArray) -> FloatArray:
        """(N,) probabilities of the rows of a design (N, S)."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds(design))))

    def half_width(self, design: FloatArray, confidence: float) -> FloatArray:
        """(N,) half the width of the interval of each row's log odds."""
        rows = np.concatenate([np.ones((len(design), 1)), design], axis=1)
        variance = np.einsum("ns,st,nt->n", rows, self.covariance, rows, optimize=True)
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        return np.asarray(z * np.sqrt(np.maximum(variance, 0.0)))


def fit_logistic(
    design: FloatArray,
    outcome: NDArray[np.bool_],
    weights: FloatArray,
    *,
    signed: NDArray[np.bool_],
    ridge: float,
) -> Logistic:
    """Maximise the sum of w (y log p + (1 - y) log(1 - p)) less ridge / 2 times the squared effects.

    The intercept is not penalised. The problem is convex: the bounded quasi-Newton search finds its one maximum.

    Args:
        design: (N, S) scores, standardised.
        outcome: (N,) both kinds occur.
        weights: (N,) more than 0.
        signed: (S,) which effects are 0 or more.
        ridge: more than 0.
    """
    from scipy.optimize import minimize

    rows = np.concatenate([np.ones((len(design), 1)), design], axis=1)
    penalty = np.concatenate([[0.0], np.full(design.shape[1], ridge)])

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        log_odds = rows @ at
        p = _sigmoid(log_odds)
        value = weights @ (np.logaddexp(0.0, log_odds) - outcome * log_odds) + (penalty * at * at).sum() / 2
        return float(value), rows.T @ (weights * (p - outcome)) + penalty * at

    share = float(weights @ outcome / weights.sum())
    start = np.concatenate([[np.log(share / (1 - share))], np.zeros(design.shape[1])])
    bounds = [(None, None), *((0.0, None) if held else (None, None) for held in signed)]
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9}
    at = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return Logistic(float(at[0]), at[1:], _sandwich(rows, outcome, weights, at, penalty, signed))


def _sigmoid(log_odds: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -MOST_LOG_ODDS, MOST_LOG_ODDS))))


def _sandwich(
    rows: FloatArray,
    outcome: NDArray[np.bool_],
    weights: FloatArray,
    at: FloatArray,
    penalty: FloatArray,
    signed: NDArray[np.bool_],
) -> FloatArray:
    p = _sigmoid(rows @ at)
    moves = np.concatenate([[True], ~signed | (at[1:] > 0)])
    some = rows[:, moves]
    curvature = some.T @ (some * (weights * p * (1 - p))[:, None]) + np.diag(penalty[moves])
    scatter = some.T @ (some * (weights**2 * (outcome - p) ** 2)[:, None])
    inverse = np.linalg.inv(curvature)
    covariance = np.zeros((len(at), len(at)))
    covariance[np.ix_(moves, moves)] = inverse @ scatter @ inverse
    return covariance
