"""Fitting the built-in model as the options say: a linear one or networks, from soft labels or from votes, with its members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray
from dashboard.workflows.model_content import Content
from dashboard.workflows.train_options import (
    CROWD,
    DEFAULT_DROPOUT,
    DEFAULT_EPOCHS,
    DEFAULT_WIDTH,
    DROPOUT,
    FEWEST_STEPS,
    HIDDEN,
    TrainOptions,
)
from dashboard.workflows.training_files import (
    checkpoint_writer,
    hidden_checkpoint_writer,
    read_checkpoint,
    read_hidden_checkpoint,
)
from dashboard.workflows.training_labels import Targets

if TYPE_CHECKING:
    from analytics.device import Device
    from analytics.features import Floats32
    from analytics.training import Trained

Progress = Callable[[float, str], None]

MOST_TO_TRY = 5_000
"""Items that the penalty is chosen on."""
FEWEST_TO_CHOOSE = 3
"""Folds that choosing a penalty needs: two are left out at a time."""
MOST_WORD_WEIGHTS, WORD_DIRECTIONS = 4_000_000, 256
"""Networks read texts word by word up to so many weights; else along so many directions of the words, or they would take minutes."""
HIDDEN_PENALTY = 1.0
"""Of a network, where none was asked for."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted: `samples` (M, N, K) float32 of items that no fit had seen, their `mean`; `fold` (N,) and `layers` as
    `kept_models.kept_tables` takes them; `said`: for the run's record; `curve` as `learning` gives it.
    """

    samples: NDArray[np.float32]
    mean: FloatArray
    fold: IntArray
    layers: tuple[Floats32, ...]
    log_loss: float | None
    n_labelled: int
    device: str
    seconds: float
    said: Mapping[str, object]
    curve: Mapping[str, object] | None = None


def fit_model(
    content: Content, targets: Targets, asked: TrainOptions, *, sets: bool, progress: Progress | None = None
) -> Fitted:
    """Fit, and judge every item out of sample.

    Raises:
        AnalyticsError: nothing can be learned from these labels, or the device is missing.
        BadRequest: the checkpoint's file is no checkpoint.
    """
    if asked.model == HIDDEN:
        return _networks(content, targets, asked, sets=sets, progress=progress)
    if progress is not None and asked.penalty is None:
        progress(0.0, "The penalty is being chosen")
    penalty = _penalty(content, targets, asked, sets=sets)
    curve = learning(content, targets, penalty, asked, sets=sets) if asked.curve else None
    if asked.labels == CROWD:
        trained, soft, said = _from_votes(content, targets, float(np.median(penalty)), asked, progress)
        penalty = float(np.median(penalty))
    else:
        trained, soft, said = (
            _linear(content, targets, penalty, asked, sets=sets, progress=progress),
            targets.soft,
            {},
        )
    if asked.laplace:
        from analytics.laplace_members import drawn_members

        trained = drawn_members(
            trained,
            content.features,
            soft,
            sets=sets,
            n_members=asked.members,
            item_weights=targets.weights,
        )
    return Fitted(
        samples=trained.probabilities,
        mean=trained.mean,
        fold=trained.fold,
        layers=(trained.weights,),
        log_loss=trained.log_loss,
        n_labelled=trained.n_labelled,
        device=trained.device,
        seconds=trained.seconds,
        said={"penalty": np.unique(penalty).tolist(), **said, **({"curve": curve} if curve else {})},
        curve=curve,
    )


def _linear(
    content: Content,
    targets: Targets,
    penalty: float | FloatArray,
    asked: TrainOptions,
    *,
    sets: bool,
    progress: Progress | None,
) -> Trained:
    from analytics.training import train_model  # it brings torch along

    return train_model(
        content.features,
        targets.soft,
        sets=sets,
        n_folds=asked.n_folds,
        n_members=1 if asked.laplace else asked.members,
        penalty=penalty,
        item_weights=targets.weights,
        groups=content.groups,
        seed=asked.seed,
        device=cast("Device", asked.device),
        resume=read_checkpoint(asked.checkpoint),
        checkpoint=None if asked.checkpoint is None else checkpoint_writer(asked.checkpoint),
        progress=progress,
    )


def _from_votes(
    content: Content, targets: Targets, penalty: float, asked: TrainOptions, progress: Progress | None
) -> tuple[Trained, FloatArray, dict[str, object]]:
    """The model, the soft labels that it learned, and what is kept of how annotators err."""
    from analytics.crowd_training import train_on_votes

    assert targets.votes is not None
    found = train_on_votes(
        content.features,
        targets.votes,
        n_labels=targets.soft.shape[1],
        n_folds=asked.n_folds,
        n_members=1 if asked.laplace else asked.members,
        penalty=penalty,
        groups=content.groups,
        seed=asked.seed,
        device=cast("Device", asked.device),
        resume=read_checkpoint(asked.checkpoint),
        checkpoint=None if asked.checkpoint is None else checkpoint_writer(asked.checkpoint),
        progress=progress,
    )
    said: dict[str, object] = {
        "annotators": len(found.annotator_codes),
        "rounds": len(found.trace),
        "converged": found.converged,
    }
    return found.model, found.posterior, said


def _networks(
    content: Content, targets: Targets, asked: TrainOptions, *, sets: bool, progress: Progress | None
) -> Fitted:
    from analytics.directions import along_directions
    from analytics.hidden_training import train_hidden
    from analytics.stacked_hidden import BATCH

    features, directions = content.features, None
    n_networks = asked.n_folds * (1 if asked.members_are == DROPOUT else asked.members)
    n_weights = features.shape[1] * (asked.width or DEFAULT_WIDTH) * n_networks
    if not isinstance(features, np.ndarray) and n_weights > MOST_WORD_WEIGHTS:
        directions = along_directions(features, n_directions=WORD_DIRECTIONS, seed=asked.seed)
        features = directions.items
    drops = asked.members_are == DROPOUT
    path = asked.checkpoint
    said = {
        "inputs": features.shape[1],
        "width": asked.width or DEFAULT_WIDTH,
        "dropout": DEFAULT_DROPOUT if asked.dropout is None else asked.dropout,
        "epochs": asked.epochs or max(DEFAULT_EPOCHS, -(-FEWEST_STEPS // -(-len(targets.soft) // BATCH))),
    }
    penalty = asked.penalty or HIDDEN_PENALTY
    found = train_hidden(
        features,
        targets.soft,
        sets=sets,
        width=int(said["width"]),
        dropout=float(said["dropout"]),
        epochs=int(said["epochs"]),
        n_draws=asked.members if drops else 1,
        n_members=1 if drops else asked.members,
        n_folds=asked.n_folds,
        penalty=penalty,
        item_weights=targets.weights,
        groups=content.groups,
        seed=asked.seed,
        device=cast("Device", asked.device),
        resume=read_hidden_checkpoint(path),
        checkpoint=None if path is None else hidden_checkpoint_writer(path),
        progress=progress,
    )
    first, *others = found.layers
    return Fitted(
        samples=found.probabilities,
        mean=found.mean,
        fold=found.fold,
        layers=(first if directions is None else directions.of_features(first), *others),
        log_loss=found.log_loss,
        n_labelled=found.n_labelled,
        device=found.device,
        seconds=found.seconds,
        said={"penalty": [penalty], **said},
    )


def _part(n_items: int, asked: TrainOptions) -> NDArray[np.int64]:
    """The items that what takes many fits is tried on: all, or MOST_TO_TRY of them by chance, ascending."""
    if n_items <= MOST_TO_TRY:
        return np.arange(n_items)
    return np.sort(np.random.default_rng(asked.seed).choice(n_items, size=MOST_TO_TRY, replace=False))


def _penalty(content: Content, targets: Targets, asked: TrainOptions, *, sets: bool) -> float | FloatArray:
    """The penalty that was asked for, else of each fold the one that did best in the other folds.

    Where items are many, or folds two, one penalty for all: the middle one of those chosen on a part of the items.
    """
    from analytics.penalty_choice import choose_penalties

    if asked.penalty is not None:
        return asked.penalty
    part = _part(len(targets.soft), asked)
    chosen = choose_penalties(
        content.features[part],
        targets.soft[part],
        sets=sets,
        n_folds=max(asked.n_folds, FEWEST_TO_CHOOSE),
        item_weights=targets.weights[part],
        groups=content.groups[part],
        seed=asked.seed,
        device=cast("Device", asked.device),
    )
    whole = len(part) == len(targets.soft) and asked.n_folds >= FEWEST_TO_CHOOSE
    return chosen.penalties if whole else float(np.median(chosen.penalties))


def learning(
    content: Content, targets: Targets, penalty: float | FloatArray, asked: TrainOptions, *, sets: bool
) -> dict[str, object]:
    """Accuracy against the number of labels, on a part of the items where they are many.

    `points`: n, value, low, high. `more`: the same for twice the labels there are (of that part), or `reason` why it cannot be
    told. `labelled`: items with a label. `point`: how many more labels than there are in
    all take one point off the error, or why nobody knows.
    """
    from analytics.cost_effect import labels_per_point
    from analytics.learning_curve import learning_curve

    part = _part(len(targets.soft), asked)
    found = learning_curve(
        content.features[part],
        targets.soft[part],
        sets=sets,
        penalty=float(np.median(penalty)),
        item_weights=targets.weights[part],
        groups=content.groups[part],
        seed=asked.seed,
        device=cast("Device", asked.device),
    )
    more = found.at(2 * found.n_labelled) if found.n_labelled else None
    point = labels_per_point(found, have=found.n_labelled * len(targets.soft) // len(part))
    told: dict[str, object] = {
        "points": found.points.select("n_labels", "value", "low", "high").rows(),
        "labelled": found.n_labelled,
        "point": {"labels": point.value, "low": point.low, "high": point.high, "undefined": point.undefined},
    }
    if more is None or more.value is None:
        reason = found.undefined or (more.undefined if more is not None else "there are no labels")
        return {**told, "reason": reason}
    return {**told, "more": [2 * found.n_labelled, more.value, more.low, more.high]}
