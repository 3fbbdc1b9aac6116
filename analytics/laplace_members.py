"""Members of the built-in model that are drawn from what its weights may be: last-layer Laplace for every fold's plain fit.

The spread of a posterior over the fitted weights follows from the features of the items that the fold's fit saw, and from a
prior precision that their marginal likelihood chooses (`laplace`); the fit's own penalty would let weights that no item
speaks of swing further. Each draw is one head for all items of the fold; none of them saw the labels of the items that it
judges. Where features outnumber items the posterior is wide, and the mean of few draws is a worse answer than the fit's:
it is the order of the items by doubt that they are for.

A set is a question a label, each by itself: a sigmoid of w'x is a softmax over (-w'x/2, w'x/2).
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.features import Features
from analytics.frames import FloatArray
from analytics.laplace import Structure, last_layer, sampled_probabilities
from analytics.training import Trained, check_labels, cross_entropy

MOST_DENSE = 1500
"""The most dense features whose curvature is kept in their principal axes; of more, and of sparse ones, feature by feature."""


def drawn_members(
    trained: Trained,
    features: Features,
    soft_labels: NDArray[np.floating],
    *,
    sets: bool = False,
    n_members: int = 20,
    item_weights: FloatArray | None = None,
) -> Trained:
    """The trained model with M draws for its members, instead of the fits that it had.

    Args:
        trained: by `train_model`, or the model of `train_on_votes`; its plain fits are kept, its other members are not.
        features: (I, D) that it was trained on.
        soft_labels: (I, K) that it was trained on; the log loss is of them.
        sets: items have a set of labels each.
        n_members: M, 1 or more.
        item_weights: (I,) that it was trained with, each 0 or 1.

    Raises:
        BadOption: arrays that do not fit, options out of range.
    """
    began = time.perf_counter()
    weights = check_labels(soft_labels, features, item_weights, sets=sets)
    if not np.isin(weights, (0, 1)).all():
        raise BadOption(
            "item_weights", "weights", "0 or 1 each: an item counts once in the curvature, or not at all"
        )
    if trained.fold.shape != weights.shape or trained.weights.shape[2:] != (
        features.shape[1] + 1,
        soft_labels.shape[1],
    ):
        raise BadOption("trained", "a model", "of the very features and labels that are given")
    n_folds = trained.weights.shape[1]
    is_dense = isinstance(features, np.ndarray) and features.shape[1] <= MOST_DENSE
    structure: Structure = "kronecker" if is_dense else "by_feature"
    p = np.empty((n_members, *soft_labels.shape))
    for own in range(n_folds):
        seen, rows = (
            np.flatnonzero((trained.fold != own) & (weights > 0)),
            np.flatnonzero(trained.fold == own),
        )
        for label, head in _heads(trained.weights[0, own].astype(np.float64), sets=sets):
            posterior = last_layer(features[seen], head, structure=structure)
            drawn = sampled_probabilities(
                posterior, features[rows], n_members=n_members, seed=(trained.seed, 8, own, label)
            )
            if sets:
                p[:, rows, label] = drawn[:, :, 1]
            else:
                p[:, rows] = drawn
    mean = p.mean(axis=0)
    targets = np.where(weights[:, None] > 0, soft_labels, 0.5 if sets else 1 / soft_labels.shape[1])
    return replace(
        trained,
        probabilities=p.astype(np.float32),
        mean=mean,
        weights=trained.weights[:1],
        log_loss=cross_entropy(mean, targets, weights, sets=sets),
        fits=trained.fits.filter(trained.fits["member"] == 0),
        seconds=trained.seconds + time.perf_counter() - began,
    )


def _heads(weights: FloatArray, *, sets: bool) -> list[tuple[int, FloatArray]]:
    """The softmax heads of a fit (D + 1, K): itself, or of sets one of two labels for each label."""
    if not sets:
        return [(0, weights)]
    return [(label, np.stack([-one / 2, one / 2], axis=1)) for label, one in enumerate(weights.T)]
