"""Whether the items of two windows differ in content: can a classifier tell which window an item is from?

A linear classifier (ridge, on standardised features) learns on some items to tell the windows apart and is tried on the others, in
folds; the area under its ROC curve is 0.5 where the contents are alike and 1 where they share nothing (Lopez-Paz & Oquab 2017,
ICLR; Rabanser et al. 2019, NeurIPS). The interval is DeLong's (1988, Biometrics 44) of the out-of-fold scores. It sees what is
linear in the embedding; the direction it found is what to look at: `item_code` sorted by score tells which items are new.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.intervals import check_interval_options
from analytics.results import Estimate

MIN_ITEMS = 50
"""Items in each window that it takes."""
N_FOLDS = 5
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class ContentDrift:
    """`auroc` of the windows' classifier, and each item's score out of fold (I,): high for items like the window's."""

    auroc: Estimate
    scores: FloatArray


def content_drift(
    features: FloatArray, window: IntArray, *, confidence: float = 0.95, seed: int = 0
) -> ContentDrift:
    """Tell two windows' items apart by their features.

    Args:
        features: (I, D) finite, such as embeddings or attributes as 0 and 1.
        window: (I,) 0 for the reference, 1 for the window; an item in both is left out by the caller.
        confidence: of the interval.
        seed: of the folds.

    Raises:
        BadOption: features that are not finite or not as many as windows; as `check_interval_options`.
    """
    check_interval_options(0, confidence)
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or len(x) != window.size or not np.isfinite(x).all():
        raise BadOption("features", x.shape, f"{window.size} rows of finite numbers")
    counts = np.bincount(window, minlength=2)
    if counts.min() < MIN_ITEMS:
        reason = f"a window has {counts.min()} items with features; it takes {MIN_ITEMS}"
        return ContentDrift(Estimate.none(reason, window.size), np.zeros(0))
    fold = np.random.default_rng(seed).permutation(window.size) % N_FOLDS
    scores = np.empty(window.size)
    for one in range(N_FOLDS):
        held = fold == one
        scores[held] = _scores(x[~held], window[~held], x[held])
    return ContentDrift(_area(scores, window, fold, confidence), scores)


def _scores(x: FloatArray, window: IntArray, new: FloatArray) -> FloatArray:
    """Ridge regression of the window, balanced, on standardised features; the scores of new rows."""
    mean, spread = x.mean(axis=0), x.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    weight = np.where(window == 1, 0.5 / (window == 1).mean(), 0.5 / (window == 0).mean())
    z, y = (x - mean) / scale, 2.0 * window - 1
    gram = (z * weight[:, None]).T @ z + _RIDGE * max(1.0, z.shape[1]) * np.eye(z.shape[1])
    return np.asarray(((new - mean) / scale) @ np.linalg.solve(gram, z.T @ (weight * y)))


def _area(scores: FloatArray, window: IntArray, fold: IntArray, confidence: float) -> Estimate:
    """The mean of the folds' areas: scores of two folds are of two classifiers and are not compared."""
    from scipy.stats import rankdata  # most of a second to import, and pages import this module

    areas, variances = [], []
    for one in range(N_FOLDS):
        here = fold == one
        ones, zeros = scores[here & (window == 1)], scores[here & (window == 0)]
        m, n = ones.size, zeros.size
        if min(m, n) < 2:
            continue
        ranks = rankdata(np.concatenate([ones, zeros]))
        by_one = (ranks[:m] - rankdata(ones)) / n
        by_zero = 1 - (ranks[m:] - rankdata(zeros)) / m
        areas.append(float(by_one.mean()))
        variances.append(by_one.var(ddof=1) / m + by_zero.var(ddof=1) / n)
    if not areas:
        return Estimate.none("too few items of a window in every fold", int(window.size))
    value = float(np.mean(areas))
    half = NormalDist().inv_cdf((1 + confidence) / 2) * float(np.sqrt(np.sum(variances))) / len(areas)
    return Estimate(value, max(value - half, 0.0), min(value + half, 1.0), int(window.size))
