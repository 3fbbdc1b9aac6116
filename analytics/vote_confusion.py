"""Who may be asked, as confusion matrices: whoever comes next, one who is judged beside others' votes; and how sure to be of them."""

from __future__ import annotations

import numpy as np

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray

MOST_BESIDE = 100_000
"""Items that say how often a model is right: with more nothing would move by a tenth of a per cent."""

_MOST_STEPS, _SETTLED = 500, 1e-6


def tempered(chances: FloatArray, temperature: float) -> FloatArray:
    """Probabilities (…, K) to the power 1 / T, each row summing to 1 again.

    >>> tempered(np.array([[0.9, 0.1]]), 2.0).round(3).tolist()
    [[0.75, 0.25]]
    """
    if not 0 < temperature < np.inf:
        raise BadOption("temperature", temperature, "a number above 0")
    raised = np.asarray(chances, dtype=np.float64) ** (1.0 / temperature)
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def pooled_confusion(confusion: FloatArray, weights: FloatArray | IntArray) -> FloatArray:
    """(K, K) of whoever may come next: the mean of the annotators' matrices (A, K, K), by how much each does (A,).

    Raises:
        BadOption: nobody has a weight, or one is negative.
    """
    share = np.asarray(weights, dtype=np.float64)
    if share.shape != confusion.shape[:1] or (share < 0).any() or not share.sum() > 0:
        raise BadOption("weights", share.tolist()[:5], "0 or more for each annotator, and not all of them 0")
    return np.asarray(np.einsum("a,akl->kl", share / share.sum(), confusion))


def confusion_beside(
    posterior: FloatArray, labels: IntArray, *, prior: float = 4.0, right: float = 0.6
) -> FloatArray:
    """(K, K) of one who labelled items whose own label is known by a posterior: a model, an adjudicator beside gold.

    The item's label is hidden, so what was said of it tells of it too: the matrix is that of largest posterior density given the
    other votes (EM: Dawid & Skene 1979, with everybody else's part held). Counting by the posterior alone would make a model look worse
    than it is: by three votes of which 75 of 100 are right (three labels), one that is right in 95 of 100 looks like 77.

    Args:
        posterior: (I, K) of the items, not made with these labels; of more than MOST_BESIDE some are taken, evenly spread.
        labels: (I,) what was said of them.
        prior: how many labels each row is taken to have had before.
        right: the share of these that were right.
    """
    n_labels = posterior.shape[1]
    if len(labels) and not (labels.min() >= 0 and labels.max() < n_labels):
        raise BadOption("labels", int(labels.max()), f"codes from 0 to {n_labels - 1}")
    wrong = (1 - right) / max(n_labels - 1, 1)
    before = prior * np.where(np.eye(n_labels, dtype=np.bool_), right, wrong)
    step = -(-len(labels) // MOST_BESIDE) or 1
    posterior, labels = posterior[::step], labels[::step]
    order = np.argsort(labels, kind="stable")
    posterior, labels = posterior[order], labels[order]
    said, starts = np.unique(labels, return_index=True)
    chances, found = posterior, before / before.sum(axis=1, keepdims=True)
    for _ in range(_MOST_STEPS if len(labels) else 0):
        counts = before.copy()
        counts[:, said] += np.add.reduceat(chances, starts, axis=0).T
        then, found = found, counts / counts.sum(axis=1, keepdims=True)
        if np.abs(found - then).max() < _SETTLED:
            break
        joint = posterior * found[:, labels].T
        chances = joint / joint.sum(axis=1, keepdims=True)
    return np.asarray(found)
