"""The built-in model with a hidden layer: members, and draws of each with units dropped (Monte Carlo dropout).

As `training`, but the model is a network of one hidden layer. Where a linear model is enough it is the better choice:
it has one answer and is fitted in a fraction of the time. A network finds what no weighted sum of the features shows, and
with dropout left on while it judges, each draw is another member: Gal & Ghahramani 2016, Dropout as a Bayesian
approximation (ICML), who read the spread of the draws as the model's own doubt. That spread depends on the share that is
dropped, which nothing in the data sets: take it as an order among items rather than as a width.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.device import Device, choose_device
from analytics.errors import BadOption
from analytics.features import Features, Floats32, digest
from analytics.folds import assign_folds, group_ranks, member_weights, train_weights
from analytics.frames import FloatArray, IntArray
from analytics.member_fits import OtherWork, Progress
from analytics.training import check_folds, check_labels, check_options, cross_entropy

if TYPE_CHECKING:
    from analytics.stacked_hidden import HiddenStack

Precision = Literal["full", "mixed"]

MOST_WEIGHTS = 60_000_000
"""Weights of all networks' first layers; Adam keeps three times as many numbers of 4 bytes."""


@dataclass(frozen=True, slots=True)
class HiddenCheckpoint:
    """What is known after an epoch; `np.savez` takes its arrays.

    Attributes:
        fingerprint: of the features, labels and options: SHA-256 in hex.
        epoch: epochs that are done.
        arrays: layers, and Adam's means of their slopes.
        losses: (epochs, M x F).
    """

    fingerprint: str
    epoch: int
    arrays: tuple[Floats32, ...]
    losses: FloatArray


@dataclass(frozen=True, slots=True)
class HiddenTrained:
    """What the networks say of I items that they did not see.

    Attributes:
        probabilities: (M x draws, I, K) of each draw of each member, a member's draws together; rows sum to 1, for sets
            each is that of a label being in the set.
        mean: (I, K) their mean.
        fold: (I,) the fold of each item.
        layers: of each network, (M, F, D + 1, H) and (M, F, H + 1, K), the bias in the last row: what judged item i is
            `[:, fold[i]]` of both, with all units at work.
        log_loss: as `Trained.log_loss`.
        losses: one row an (epoch, member, fold), sorted: epoch, member, fold, loss (nats, while learning: with units
            dropped and weights still moving).
        n_members: M.
        n_draws: draws of each member.
        n_labelled: items with weight.
        seed: of everything that is drawn.
        device: where it was computed.
        precision: "mixed" only where it was asked for and there is a card.
        seconds: how long it took; left out of comparisons.
    """

    probabilities: Floats32
    mean: FloatArray
    fold: IntArray
    layers: tuple[Floats32, ...]
    log_loss: float | None
    losses: pl.DataFrame
    n_members: int
    n_draws: int
    n_labelled: int
    seed: int
    device: Literal["cpu", "cuda"]
    precision: Precision
    seconds: float = field(compare=False)


def train_hidden(
    features: Features,
    soft_labels: NDArray[np.floating],
    *,
    sets: bool = False,
    width: int = 64,
    dropout: float = 0.2,
    n_draws: int = 1,
    epochs: int = 40,
    learning_rate: float = 0.01,
    n_folds: int = 5,
    n_members: int = 1,
    penalty: float = 1.0,
    item_weights: FloatArray | None = None,
    groups: IntArray | None = None,
    seed: int = 0,
    device: Device = "cpu",
    precision: Precision = "full",
    resume: HiddenCheckpoint | None = None,
    checkpoint: Callable[[HiddenCheckpoint], None] | None = None,
    progress: Progress | None = None,
) -> HiddenTrained:
    """Train and judge.

    Args:
        features: (I, D) as for `train_model`; wide ones ask for a smaller `width` (see MOST_WEIGHTS).
        soft_labels: (I, K) as for `train_model`.
        sets: items have a set of labels each.
        width: H, units of the hidden layer.
        dropout: share of the units dropped while learning, in [0, 1).
        n_draws: 1 judges with no unit dropped; more, so many times with other units dropped (dropout above 0).
        epochs: times that all items are gone through.
        learning_rate: Adam's at the beginning; it falls to 0 along a cosine.
        n_folds: F.
        n_members: M; the first has the plain weights, the others those of a Bayesian bootstrap; each starts elsewhere.
        penalty: of the squared weights of both layers (half of it).
        item_weights: as for `train_model`.
        groups: as for `train_model`.
        seed: of folds, members, starts, orders and dropped units.
        device: "cpu", "cuda" or "auto". The two draw the same and round differently, which training carries on: up to 0.02
            in a single probability, 2e-3 in the log loss.
        precision: "mixed": products in bfloat16 on a card, everything else in float32; on the processor it is full.
        resume: what `checkpoint` was handed before.
        checkpoint: called after each epoch.
        progress: told how far it is.

    Raises:
        BadOption: arrays that do not fit or hold what they may not, options out of range.
        OtherWork: `resume` is of other work.
        DeviceMissing: "cuda" where there is none.
    """
    began = time.perf_counter()
    check_options(n_members, penalty)
    _check(width, dropout, n_draws, epochs, learning_rate, precision)
    weights = check_labels(soft_labels, features, item_weights, sets=sets)
    if features.shape[1] * width * n_members * n_folds > MOST_WEIGHTS:
        raise BadOption("width", width, f"smaller: {n_members * n_folds} networks of {features.shape[1]} features "
                        f"would have more than {MOST_WEIGHTS:,} weights")  # fmt: skip
    where = choose_device(device)
    known = np.where(weights > 0, soft_labels.argmax(axis=1), -1)
    fold = assign_folds(len(weights), n_folds=n_folds, seed=seed, groups=groups, label_codes=known)
    plain = train_weights(weights, fold, n_folds)
    check_folds(plain)
    targets = np.where(weights[:, None] > 0, soft_labels, 1 / soft_labels.shape[1]).astype(np.float32)
    group = group_ranks(len(weights), groups)
    stacked = np.concatenate(
        [member_weights(plain, group, seed=seed, member=member) for member in range(n_members)], axis=1
    )
    from analytics.stacked_hidden import HiddenStack, Shape  # torch takes a second or two to import

    mixed = precision == "mixed" and where == "cuda"
    shape = Shape(width, float(dropout), epochs, float(learning_rate), float(penalty), sets, mixed)
    starts = [(seed, 6, member) for member in range(n_members) for _ in range(n_folds)]
    stack = HiddenStack(features, shape, targets.shape[1], starts, device=where)
    mark = digest(features, (targets, stacked), (shape, seed)) if checkpoint or resume else ""
    losses = _learn(
        stack, targets, stacked, seed=seed, mark=mark, resume=resume, checkpoint=checkpoint, progress=progress
    )
    p = _judged(stack, fold, n_folds, n_members, n_draws, seed)
    mean = p.mean(axis=0)
    return HiddenTrained(
        probabilities=p.astype(np.float32),
        mean=mean,
        fold=fold,
        layers=stack.with_biases(n_members),
        log_loss=cross_entropy(mean, targets, weights, sets=sets),
        losses=_losses_frame(losses, n_members, n_folds),
        n_members=n_members,
        n_draws=n_draws,
        n_labelled=int((weights > 0).sum()),
        seed=seed,
        device=where,
        precision="mixed" if mixed else "full",
        seconds=time.perf_counter() - began,
    )


def _learn(
    stack: HiddenStack,
    targets: Floats32,
    weights: Floats32,
    *,
    seed: int,
    mark: str,
    resume: HiddenCheckpoint | None,
    checkpoint: Callable[[HiddenCheckpoint], None] | None,
    progress: Progress | None,
) -> FloatArray:
    epochs = stack.shape.epochs
    losses = np.zeros((epochs, weights.shape[1]))
    first = 0
    if resume is not None:
        if resume.fingerprint != mark:
            raise OtherWork
        stack.put_back(resume.arrays)
        first = resume.epoch
        losses[:first] = resume.losses
    for epoch in range(first, epochs):
        losses[epoch] = stack.learn(targets, weights, seed=seed, epoch=epoch)
        if checkpoint is not None:
            kept = tuple(part.copy() for part in stack.arrays())
            checkpoint(HiddenCheckpoint(mark, epoch + 1, kept, losses[: epoch + 1].copy()))
        if progress is not None:
            progress((epoch + 1) / epochs, f"{epoch + 1} of {epochs} epochs are done")
    return losses


def _judged(
    stack: HiddenStack, fold: IntArray, n_folds: int, n_members: int, n_draws: int, seed: int
) -> FloatArray:
    """(M x draws, I, K): each item by the networks of its own fold."""
    n_labels = stack.layers[3].shape[1]
    found = np.empty((n_members, n_draws, len(fold), n_labels))
    for own in range(n_folds):
        rows = np.flatnonzero(fold == own)
        for draw in range(n_draws):
            drop = (seed, 7, own, draw) if n_draws > 1 else None
            p = stack.probabilities(rows, slice(own, None, n_folds), drop=drop)
            found[:, draw, rows] = p.transpose(1, 0, 2)
    return found.reshape(-1, len(fold), n_labels)


def _losses_frame(losses: FloatArray, n_members: int, n_folds: int) -> pl.DataFrame:
    epoch, member, fold = np.indices((len(losses), n_members, n_folds)).reshape(3, -1)
    return pl.DataFrame({"epoch": epoch, "member": member, "fold": fold, "loss": losses.reshape(-1)})


def _check(
    width: int, dropout: float, n_draws: int, epochs: int, learning_rate: float, precision: str
) -> None:
    for option, value in (("width", width), ("n_draws", n_draws), ("epochs", epochs)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadOption(option, value, "a whole number of 1 or more")
    if not 0 <= dropout < 1:
        raise BadOption("dropout", dropout, "in [0, 1)")
    if n_draws > 1 and dropout == 0:
        raise BadOption("n_draws", n_draws, "1 where dropout is 0: all draws would be the same")
    if not 0 < learning_rate < np.inf:
        raise BadOption("learning_rate", learning_rate, "above 0 and finite")
    if precision not in get_args(Precision):
        raise BadOption("precision", precision, get_args(Precision))
