"""Brier score and log loss of probabilities, with intervals, and what they are made of.

Both are proper: a model does best by saying what it believes. For an item of label y,

    Brier (1950)   sum_k (p(k) - [k = y])^2, from 0 to 2        log loss   -log p(y), in nats, 0 or more

`score_parts` takes the score of a probability and an outcome an item apart (Dimitriadis, Gneiting & Jordan 2021,
PNAS; of the kind of Murphy 1973, without bins):

    score = miscalibration - discrimination + uncertainty
    uncertainty: the score of saying the overall share for every item
    discrimination: how much better than that the recalibrated probabilities are
    miscalibration: how much worse than recalibrated the probabilities are

Recalibrated is isotonic: the non-decreasing function of p that fits the outcomes best (pool adjacent violators), which
is the best for both scores. It is fitted on the items themselves, so miscalibration and discrimination are both
biased upward where items are few. A monotone recalibration cannot change the ranking: where only that matters,
neither score is the one to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
from scipy.optimize import isotonic_regression
from scipy.special import xlogy

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray, Patterns
from analytics.intervals import check_interval_options, estimate_over_items
from analytics.reliability import Outcomes, check_labelled, check_outcomes
from analytics.results import Estimate

Score = Literal["brier", "log_loss"]

_CELLS = 4000
"""Groups of neighbouring losses that the bootstrap draws from; where items are fewer it draws items."""


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """A score and its parts, for I items; all None where `undefined` says why.

    Attributes:
        score: the mean over items, of one probability each: (p - outcome)^2, or the log loss in nats.
        miscalibration: 0 or more, less is better.
        discrimination: 0 or more, more is better.
        uncertainty: of the outcomes alone.
        n_items: I.
        undefined: why there are no figures, else None.
    """

    score: float | None
    miscalibration: float | None
    discrimination: float | None
    uncertainty: float | None
    n_items: int
    undefined: str | None = None


def brier_score(
    probabilities: FloatArray,
    label_codes: IntArray,
    *,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """The mean Brier score over all labels, from 0 to 2, with its bootstrap interval over items.

    Args:
        probabilities: (I, K) out of sample, rows sum to 1.
        label_codes: (I,) the labels as known.
        replicates: of the bootstrap; 0: no interval.
        seed: of the bootstrap.
        confidence: of the interval.

    Raises:
        BadOption: arrays or an option that break the contract.
    """
    check_labelled(probabilities, label_codes)
    check_interval_options(replicates, confidence)
    p = probabilities.astype(np.float64, copy=False)
    losses = np.einsum("ik,ik->i", p, p) + 1 - 2 * p[np.arange(len(p)), label_codes]
    return mean_over_items(losses, "squared error", replicates, seed, confidence)


def log_loss(
    probabilities: FloatArray,
    label_codes: IntArray,
    *,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """The mean log loss in nats, with its bootstrap interval over items. Arguments as `brier_score`.

    Undefined where an item's label has probability 0: the loss is infinite, and a floor would make it a figure of
    the floor.

    Raises:
        BadOption: arrays or an option that break the contract.
    """
    check_labelled(probabilities, label_codes)
    check_interval_options(replicates, confidence)
    p = probabilities[np.arange(len(probabilities)), label_codes].astype(np.float64)
    n_impossible = int((p == 0).sum())
    if n_impossible:
        reason = f"{n_impossible} items have a label of probability 0: the log loss is infinite"
        return Estimate.none(reason, n=len(p), unit="nats")
    return mean_over_items(-np.log(p), "nats", replicates, seed, confidence)


def set_brier_score(
    probabilities: FloatArray,
    given: Outcomes,
    *,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Where labels are sets: sum_k (p(k) - [k in the set])^2, from 0 to K, the mean over items with its interval.

    Args:
        probabilities: (I, K) out of sample, of each choice by itself.
        given: (I, K) which choices each item's set has.
        replicates: of the bootstrap over items; 0: no interval.
        seed: of the bootstrap.
        confidence: of the interval.

    Raises:
        BadOption: arrays or an option that break the contract.
    """
    _check_sets(probabilities, given)
    check_interval_options(replicates, confidence)
    losses = ((probabilities.astype(np.float64, copy=False) - given) ** 2).sum(axis=1)
    return mean_over_items(losses, "squared error", replicates, seed, confidence)


def set_log_loss(
    probabilities: FloatArray,
    given: Outcomes,
    *,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Where labels are sets: the log loss of the whole set in nats, choices independent. Arguments as `set_brier_score`.

    Undefined where a set has probability 0, as `log_loss`.

    Raises:
        BadOption: arrays or an option that break the contract.
    """
    _check_sets(probabilities, given)
    check_interval_options(replicates, confidence)
    p = np.where(given, probabilities, 1 - probabilities).astype(np.float64)
    n_impossible = int((p == 0).any(axis=1).sum())
    if n_impossible:
        reason = f"{n_impossible} items have a set of probability 0: the log loss is infinite"
        return Estimate.none(reason, n=len(p), unit="nats")
    return mean_over_items(-np.log(p).sum(axis=1), "nats", replicates, seed, confidence)


def mean_over_items(
    values: FloatArray, unit: str, replicates: int, seed: int, confidence: float = 0.95
) -> Estimate:
    """The mean of one value an item, with its bootstrap interval; groups of neighbouring values are drawn as if equal."""
    if not len(values):
        return Estimate.none("there are no items", unit=unit)
    ranked = np.sort(values)
    fine = np.arange(len(values)) * min(_CELLS, len(values)) // len(values)
    cells = (
        pl.DataFrame({"fine": fine, "value": ranked})
        .group_by("fine")
        .agg(n=pl.len().cast(pl.Int64), value=pl.col("value").mean())
        .sort("fine")
    )
    means = cells.get_column("value").to_numpy()
    patterns = Patterns(means[:, None], cells.get_column("n").to_numpy())
    return estimate_over_items(
        patterns,
        lambda weights: np.asarray(weights @ means / weights.sum(axis=1)),
        n=len(values),
        unit=unit,
        replicates=replicates,
        seed=seed,
        confidence=confidence,
    )


def _check_sets(probabilities: FloatArray, given: Outcomes) -> None:
    if probabilities.ndim != 2 or given.shape != probabilities.shape:
        raise BadOption("given", f"array of shape {given.shape}", "of the shape of probabilities, (I, K)")
    if probabilities.size and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise BadOption("probabilities", "an entry", "in [0, 1]")


def score_parts(p: FloatArray, outcomes: Outcomes, *, score: Score = "brier") -> ScoreParts:
    """A score of one probability and one outcome an item, taken apart.

    Args:
        p: (I,) probabilities: of the likeliest label being right, or of one label.
        outcomes: (I,) whether it was so.
        score: "brier": (p - outcome)^2, from 0 to 1, half of `brier_score` for two labels; or "log_loss".

    Raises:
        BadOption: arrays that break the contract; another score.
    """
    if score not in get_args(Score):
        raise BadOption("score", score, get_args(Score))
    check_outcomes(p, outcomes)
    n = len(p)
    if not n:
        return ScoreParts(None, None, None, None, 0, "there are no items")
    so = outcomes.astype(np.float64)
    n_impossible = int((p == 1 - so).sum())
    if score == "log_loss" and n_impossible:
        reason = f"{n_impossible} items are what has probability 0: the log loss is infinite"
        return ScoreParts(None, None, None, None, n, reason)
    loss = _LOSSES[score]
    own, base = loss(p.astype(np.float64), so), loss(np.full(n, so.mean()), so)
    recalibrated = loss(recalibrate(p, outcomes), so)
    return ScoreParts(own, own - recalibrated, base - recalibrated, base, n)


def recalibrate(p: FloatArray, outcomes: Outcomes) -> FloatArray:
    """The non-decreasing function of p that fits the outcomes best, at each item (I,).

    Raises:
        BadOption: arrays that break the contract.
    """
    check_outcomes(p, outcomes)
    distinct, place = np.unique(p, return_inverse=True)
    if not len(distinct):
        return np.empty(0)
    n = np.bincount(place).astype(np.float64)
    shares = np.bincount(place, weights=outcomes.astype(np.float64)) / n
    fitted: FloatArray = isotonic_regression(shares, weights=n).x[place]
    return np.clip(fitted, 0.0, 1.0)


def _squared(p: FloatArray, so: FloatArray) -> float:
    return float(((p - so) ** 2).mean())


def _log(p: FloatArray, so: FloatArray) -> float:
    return float(-(xlogy(so, p) + xlogy(1 - so, 1 - p)).mean())


_LOSSES: dict[Score, Callable[[FloatArray, FloatArray], float]] = {"brier": _squared, "log_loss": _log}
