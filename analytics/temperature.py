"""Temperature scaling: one number that makes a model as sure as it may be (Guo, Pleiss, Sun & Weinberger 2017).

p = softmax(logits / T). T above 1 says that the model is too sure, below 1 that it is not sure enough. T is where the
log loss of the known labels is least; in 1 / T that is a convex problem of one number, whose slope is brought to 0.
No order of labels changes, so neither accuracy nor anything else that goes by ranks within an item does.

A temperature that was fitted on the items it is judged on flatters: use `cross_fitted`, which scales each fold by the
temperature of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from scipy.optimize import brentq
from scipy.special import log_softmax, softmax

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.intervals import check_interval_options
from analytics.reliability import check_codes
from analytics.results import Estimate

LEAST, MOST = 0.02, 50.0
"""Between these a temperature is looked for."""

MIN_ITEMS = 20
"""Items that a temperature needs."""

_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Temperature:
    """A fitted temperature.

    Attributes:
        temperature: T (unit "temperature") with its interval: normal in log T, from the slopes and curvature of
            the items' losses (the sandwich, which holds where the scaled model is not right either). Undefined
            where the items are too few or the loss falls all the way to LEAST or MOST.
        log_loss_before: mean log loss in nats with T = 1; None without items.
        log_loss_after: with T, on the items that it was fitted on; None where T is undefined.
    """

    temperature: Estimate
    log_loss_before: float | None
    log_loss_after: float | None


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """Probabilities that no item's own fold had a part in calibrating.

    Attributes:
        probabilities: (I, K); None where a fold's temperature is undefined.
        folds: one row a fold, sorted: fold_code, temperature (fitted on the other folds), n_fitted, undefined.
        undefined: why there are no probabilities, else None.
    """

    probabilities: FloatArray | None
    folds: pl.DataFrame
    undefined: str | None


def fit_temperature(logits: FloatArray, label_codes: IntArray, *, confidence: float = 0.95) -> Temperature:
    """The temperature of least log loss.

    Args:
        logits: (I, K), out of sample; or the logarithms of probabilities (`logits_of`).
        label_codes: (I,) the labels as known.
        confidence: of the interval of T.

    Raises:
        BadOption: arrays whose shapes do not fit, logits that are not finite, codes outside [0, K).
    """
    _check(logits, label_codes)
    check_interval_options(0, confidence)
    n = len(logits)
    before = _mean_log_loss(logits, label_codes, 1.0) if n else None
    if n < MIN_ITEMS:
        return Temperature(_none(f"a temperature needs {MIN_ITEMS} items or more", n), before, None)
    least, most = 1 / MOST, 1 / LEAST
    if _slopes(logits, label_codes, least)[0].sum() >= 0:
        return Temperature(_none("the logits say nothing about the labels", n), before, None)
    if _slopes(logits, label_codes, most)[0].sum() <= 0:
        reason = "nearly every label is the likeliest one: the loss falls with T as far as it goes"
        return Temperature(_none(reason, n), before, None)
    sharpness = float(
        np.exp(brentq(lambda log: _total_slope(logits, label_codes, log), np.log(least), np.log(most)))
    )
    slopes, curvatures = _slopes(logits, label_codes, sharpness)
    # Of log(1 / T): the slopes and the curvature in it are those in 1 / T times it and its square.
    error = float(np.sqrt((slopes * slopes).sum()) / curvatures.sum() / sharpness)
    reach = float(np.exp(NormalDist().inv_cdf((1 + confidence) / 2) * error))
    value = 1 / sharpness
    estimate = Estimate(value, value / reach, value * reach, n, unit="temperature")
    return Temperature(estimate, before, _mean_log_loss(logits, label_codes, value))


def cross_fitted(logits: FloatArray, label_codes: IntArray, fold_codes: IntArray) -> CrossFitted:
    """Probabilities of each fold under the temperature of the others.

    Args:
        logits: as `fit_temperature`.
        label_codes: see `logits`.
        fold_codes: (I,) each item's fold: items that belong together (a document, a batch) in one.

    Raises:
        BadOption: as `fit_temperature`; folds that are not one integer an item, or fewer than two of them.
    """
    _check(logits, label_codes)
    if fold_codes.shape != label_codes.shape or not np.issubdtype(fold_codes.dtype, np.integer):
        raise BadOption("fold_codes", f"array of shape {fold_codes.shape}", "one integer for each item")
    folds, fold = np.unique(fold_codes, return_inverse=True)
    if len(folds) < 2:
        raise BadOption("fold_codes", f"{len(folds)} fold", "of two folds or more")
    found = np.empty(logits.shape)
    rows = []
    for number, code in enumerate(folds.tolist()):
        own = fold == number
        fitted = fit_temperature(logits[~own], label_codes[~own]).temperature
        rows.append((code, fitted.value, fitted.n, fitted.undefined))
        if fitted.value is not None:
            found[own] = scaled(logits[own], fitted.value)
    columns = {"fold_code": pl.Int64, "temperature": pl.Float64, "n_fitted": pl.Int64, "undefined": pl.String}
    undefined = next((reason for *_, reason in rows if reason is not None), None)
    return CrossFitted(
        None if undefined else found, pl.DataFrame(rows, schema=columns, orient="row"), undefined
    )


def scaled(logits: FloatArray, temperature: float) -> FloatArray:
    """softmax(logits / T), (I, K).

    Raises:
        BadOption: T is not above 0 and finite.

    >>> scaled(np.log([[0.8, 0.2]]), 2.0).round(4).tolist()
    [[0.6667, 0.3333]]
    """
    if not 0 < temperature < np.inf:
        raise BadOption("temperature", temperature, "above 0 and finite")
    found: FloatArray = softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=1)
    return found


def logits_of(probabilities: FloatArray, *, floor: float = 1e-12) -> FloatArray:
    """The logarithms of probabilities (I, K), none below that of `floor`: what to scale where logits are not kept.

    Raises:
        BadOption: entries outside [0, 1]; a floor that is not above 0.
    """
    if not 0 < floor < 1:
        raise BadOption("floor", floor, "between 0 and 1")
    if probabilities.size and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise BadOption("probabilities", "an entry", "in [0, 1]")
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), floor))


def _slopes(logits: FloatArray, label_codes: IntArray, sharpness: float) -> tuple[FloatArray, FloatArray]:
    """First and second derivative (I,) of each item's log loss in 1 / T: E_p[z] - z of the label, and Var_p(z)."""
    slopes, curvatures = np.empty(len(logits)), np.empty(len(logits))
    for first in range(0, len(logits), _ROWS):
        rows = slice(first, first + _ROWS)
        part = np.asarray(logits[rows], dtype=np.float64)
        p = softmax(part * sharpness, axis=1)
        mean = (p * part).sum(axis=1)
        slopes[rows] = mean - part[np.arange(len(part)), label_codes[rows]]
        curvatures[rows] = (p * (part - mean[:, None]) ** 2).sum(axis=1)
    return slopes, curvatures


def _total_slope(logits: FloatArray, label_codes: IntArray, log_sharpness: float) -> float:
    return float(_slopes(logits, label_codes, float(np.exp(log_sharpness)))[0].sum())


def _mean_log_loss(logits: FloatArray, label_codes: IntArray, temperature: float) -> float:
    total = 0.0
    for first in range(0, len(logits), _ROWS):
        part = np.asarray(logits[first : first + _ROWS], dtype=np.float64) / temperature
        logs = log_softmax(part, axis=1)
        total -= float(logs[np.arange(len(part)), label_codes[first : first + _ROWS]].sum())
    return total / len(logits)


def _none(reason: str, n: int) -> Estimate:
    return Estimate.none(reason, n=n, unit="temperature")


def _check(logits: FloatArray, label_codes: IntArray) -> None:
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise BadOption("logits", f"array of shape {logits.shape}", "of shape (I, K), K 2 or more")
    if not np.isfinite(logits).all():
        raise BadOption("logits", "an entry", "finite; see logits_of for probabilities of 0")
    check_codes(label_codes, len(logits), logits.shape[1])
