"""What a stack of linear models asks for at each step in one pass over memory, for the processor; `stacked_linear` has the
same in torch.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from analytics.chunks import chunk_edges, run_each
from analytics.features import Floats32
from analytics.frames import FloatArray

CELLS_A_LOSS, CELLS_A_DOT = 4, 100
"""So many cells are as much work as a vote elsewhere (`chunks.WORTH_A_THREAD`): a thread for less costs more than it saves."""


def step_losses(
    logits: Floats32,
    along: Floats32,
    lengths: FloatArray,
    targets: Floats32,
    weights: Floats32,
    *,
    sets: bool,
) -> tuple[FloatArray, Floats32, Floats32]:
    """Go from the logits some way, and see what it costs there.

    Args:
        logits: (I, E, K).
        along: (I, E, K) the way of each model.
        lengths: (E,) how far each goes.
        targets: (I, 1 or E, K) soft labels.
        weights: (I, E) of each item for each model.
        sets: one sigmoid a label.

    Returns:
        The sums of losses (E,), the logits there and the residuals w (p - y), both (I, E, K).
    """
    n_items, n_models = logits.shape[:2]
    edges = chunk_edges(n_items, n_annotations=logits.size // CELLS_A_LOSS)
    losses = np.zeros((len(edges), n_models))
    there, residuals = np.empty_like(logits), np.empty_like(logits)
    kernel = _sets if sets else _labels

    def work(chunk: int) -> None:
        first, last = edges[chunk]
        way = (logits[first:last], along[first:last], lengths.astype(np.float32))
        known = (targets[first:last], weights[first:last])
        kernel(way, known, there[first:last], residuals[first:last], losses[chunk])

    run_each(work, len(edges))
    return losses.sum(axis=0), there, residuals


def model_dots(one: Floats32, other: Floats32) -> FloatArray:
    """The dot product (E,) of each model's parts of two stacks (D, E, K)."""
    edges = chunk_edges(len(one), n_annotations=one.size // CELLS_A_DOT)
    found = np.zeros((len(edges), one.shape[1]))

    def work(chunk: int) -> None:
        first, last = edges[chunk]
        _dots(one[first:last], other[first:last], found[chunk])

    run_each(work, len(edges))
    return np.asarray(found.sum(axis=0))


@numba.njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"})
def _dots(one: Floats32, other: Floats32, found: FloatArray) -> None:
    n_rows, n_models, n_labels = one.shape
    for row in range(n_rows):
        for model in range(n_models):
            total = np.float32(0)
            for label in range(n_labels):
                total += one[row, model, label] * other[row, model, label]
            found[model] += total


@numba.njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"})
def _labels(
    way: tuple[Floats32, Floats32, Floats32],
    known: tuple[Floats32, Floats32],
    there: Floats32,
    residuals: Floats32,
    losses: FloatArray,
) -> None:
    logits, along, lengths = way
    targets, weights = known
    n_items, n_models, n_labels = logits.shape
    own = targets.shape[1] > 1
    for item in range(n_items):
        for model in range(n_models):
            weight = weights[item, model]
            z, p = there[item, model], residuals[item, model]
            before, ahead, length = logits[item, model], along[item, model], lengths[model]
            for label in range(n_labels):
                z[label] = before[label] + length * ahead[label]
            if weight == 0:
                p[:] = 0
                continue
            y = targets[item, model if own else 0]
            top = z[0]
            for label in range(1, n_labels):
                top = max(top, z[label])
            total, along_y, mass = np.float32(0), np.float32(0), np.float32(0)
            for label in range(n_labels):
                p[label] = math.exp(z[label] - top)
                total += p[label]
                along_y += y[label] * (z[label] - top)
                mass += y[label]
            losses[model] += weight * (mass * math.log(total) - along_y)
            share = weight / total
            for label in range(n_labels):
                p[label] = p[label] * share - weight * y[label]


@numba.njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"})
def _sets(
    way: tuple[Floats32, Floats32, Floats32],
    known: tuple[Floats32, Floats32],
    there: Floats32,
    residuals: Floats32,
    losses: FloatArray,
) -> None:
    logits, along, lengths = way
    targets, weights = known
    n_items, n_models, n_labels = logits.shape
    own = targets.shape[1] > 1
    for item in range(n_items):
        for model in range(n_models):
            weight = weights[item, model]
            y = targets[item, model if own else 0]
            for label in range(n_labels):
                z = logits[item, model, label] + lengths[model] * along[item, model, label]
                there[item, model, label] = z
                small = math.exp(-abs(z))
                p = 1 / (1 + small) if z >= 0 else small / (1 + small)
                residuals[item, model, label] = weight * (p - y[label])
                losses[model] += weight * (max(z, np.float32(0)) + math.log1p(small) - y[label] * z)
