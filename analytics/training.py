"""A model that learns from the labels, as a critic of them: every probability comes from a fit that had not seen the item.

Items are dealt into F folds (`folds`); for each fold M members are fitted to the items of the others and asked about
the fold's own. Labels are soft: a row of probabilities over the label set, as a consensus gives them, or for sets the
probability of each label being in the set. The model is linear, softmax or one sigmoid a label, with a ridge penalty
(`stacked_linear`); all members of all folds are fitted at once, one matrix product a step. The plain fit of each fold
comes first; the members, whose items weigh otherwise (Bayesian bootstrap), start from it and are there in a few steps.

Members never see the labels of the items they judge. What they may see of them is their features: the coordinates in
which the fit is done come from the features of all items.

What is found can be stopped and taken up again: after each block of members `checkpoint` is handed what is known, and
`resume` goes on from there. As no draw depends on what was drawn before, the answer is the same to the last bit on the
same machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.device import Device, choose_device
from analytics.errors import BadOption
from analytics.features import Features, Floats32, check_features
from analytics.folds import assign_folds, group_ranks, train_weights
from analytics.frames import FloatArray, IntArray
from analytics.member_fits import Checkpoint, Plan, Progress, fingerprint, fit_members

if TYPE_CHECKING:
    from analytics.stacked_fit import LinearFitter

LEAST_P = 1e-7
"""A probability is taken as this or more in the log loss."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What the model says of I items that it did not see.

    Attributes:
        probabilities: (M, I, K) of each member; rows sum to 1, for sets each is that of a label being in the set. The
            first member is the plain fit.
        mean: (I, K) their mean.
        fold: (I,) the fold of each item, 0 to F - 1.
        weights: (M, F, D + 1, K) of member m for fold f, the bias in the last row: what judged item i of fold f is
            `weights[:, fold[i]]`.
        log_loss: mean cross-entropy in nats of the soft labels under `mean`, out of sample, over the items' weights;
            None where no item weighs anything.
        fits: one row a (member, fold): member, fold, loss (training, nats, without the penalty), n_steps, converged.
        n_labelled: items with weight.
        seed: of folds and members.
        device: where it was computed.
        seconds: how long it took; left out of comparisons.
    """

    probabilities: Floats32
    mean: FloatArray
    fold: IntArray
    weights: Floats32
    log_loss: float | None
    fits: pl.DataFrame
    n_labelled: int
    seed: int
    device: Literal["cpu", "cuda"]
    seconds: float = field(compare=False)


def train_model(
    features: Features,
    soft_labels: NDArray[np.floating],
    *,
    sets: bool = False,
    n_folds: int = 5,
    n_members: int = 1,
    penalty: float | FloatArray = 1.0,
    item_weights: FloatArray | None = None,
    groups: IntArray | None = None,
    seed: int = 0,
    device: Device = "cpu",
    resume: Checkpoint | None = None,
    checkpoint: Callable[[Checkpoint], None] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit and judge.

    Args:
        features: (I, D) float32, dense or CSR, as `encoders` make them.
        soft_labels: (I, K) each row sums to 1, K 2 or more; for sets each cell is in [0, 1], K 1 or more. Rows of
            items without weight are not looked at.
        sets: items have a set of labels each.
        n_folds: F, 2 or more.
        n_members: M, 1 or more.
        penalty: of the squared weights (half of it; the bias is free), above 0: 1 / C of scikit-learn's
            LogisticRegression. Or (F,), one for each fold: see `penalty_choice`.
        item_weights: (I,) 0 or more; an item of weight 0 has no label and is judged all the same. None: 1 each.
        groups: (I,) items that share a value are judged by models that saw none of them.
        seed: of folds and members.
        device: "cpu", "cuda" or "auto". The two differ by the rounding of float32 products and by where a fit stops: up to
            5e-3 in a single probability, 1e-6 in the log loss.
        resume: what `checkpoint` was handed before.
        checkpoint: called after each block of members.
        progress: told how far it is.

    Raises:
        BadOption: arrays that do not fit or hold what they may not, options out of range, a fold whose others have no
            weight.
        OtherWork: `resume` is of other work.
        DeviceMissing: "cuda" where there is none.
    """
    began = time.perf_counter()
    penalties = np.broadcast_to(np.asarray(penalty, dtype=np.float64), _fold_shape(penalty, n_folds))
    check_options(n_members, *penalties.tolist())
    weights = check_labels(soft_labels, features, item_weights, sets=sets)
    where = choose_device(device)
    group = group_ranks(len(soft_labels), groups)
    known = np.where(weights > 0, soft_labels.argmax(axis=1), -1)
    fold = assign_folds(len(soft_labels), n_folds=n_folds, seed=seed, groups=groups, label_codes=known)
    plain = train_weights(weights, fold, n_folds)
    check_folds(plain)
    targets = np.where(weights[:, None] > 0, soft_labels, 0.5 if sets else 1 / soft_labels.shape[1])
    plan = Plan(targets.astype(np.float32)[:, None], plain, group, n_members, penalties, seed)
    mark = fingerprint(features, plan, sets=sets) if checkpoint or resume else ""

    from analytics.stacked_fit import LinearFitter  # torch takes a second or two to import

    fitter = LinearFitter(features, where, sets=sets)
    found = fit_members(fitter, plan, mark, resume, checkpoint, progress)
    return judged(fitter, found, plan, fold, targets, weights, began=began)


def judged(
    fitter: LinearFitter,
    found: Checkpoint,
    plan: Plan,
    fold: IntArray,
    targets: NDArray[np.floating],
    weights: FloatArray,
    *,
    began: float,
) -> Trained:
    """What the finished members say of the items of their own folds.

    Args:
        fitter: that fitted them.
        found: all members.
        plan: that they were fitted by.
        fold: (I,).
        targets: (I, K) soft labels that the log loss is of.
        weights: (I,) the items' weights in it.
        began: when the work began, in seconds.
    """
    n_folds = plan.plain.shape[1]
    p = judge_folds(fitter, found.parameters, fold, n_folds)
    mean = p.mean(axis=0)
    trained = fitter.weights(found.parameters)
    return Trained(
        probabilities=p.astype(np.float32),
        mean=mean,
        fold=fold,
        weights=trained.reshape(plan.n_members, n_folds, *trained.shape[1:]),
        log_loss=cross_entropy(mean, targets, weights, sets=fitter.sets),
        fits=_fits_frame(found, plan.n_members, n_folds),
        n_labelled=int((weights > 0).sum()),
        seed=plan.seed,
        device=fitter.device,
        seconds=time.perf_counter() - began,
    )


def judge_folds(fitter: LinearFitter, parameters: Floats32, fold: IntArray, n_folds: int) -> FloatArray:
    """(M, I, K): each item judged by the members of its own fold; parameters are (R + 1, M x F, K), fold fastest."""
    n_members = parameters.shape[1] // n_folds
    found = np.empty((n_members, len(fold), parameters.shape[2]))
    for own in range(n_folds):
        rows = np.flatnonzero(fold == own)
        found[:, rows] = fitter.probabilities(parameters[:, own::n_folds], rows).transpose(1, 0, 2)
    return found


def cross_entropy(
    p: FloatArray, targets: NDArray[np.floating], weights: FloatArray, *, sets: bool
) -> float | None:
    """Mean log loss in nats of soft labels (I, K) under probabilities (I, K); for sets summed over the labels."""
    if not weights.sum() > 0:
        return None
    return float(item_losses(p, targets, sets=sets) @ weights / weights.sum())


def item_losses(p: FloatArray, targets: NDArray[np.floating], *, sets: bool) -> FloatArray:
    """(I,) log losses in nats of soft labels (I, K) under probabilities (I, K); for sets summed over the labels."""
    losses = -(targets * np.log(np.maximum(p, LEAST_P))).sum(axis=1)
    if sets:
        losses -= ((1 - targets) * np.log(np.maximum(1 - p, LEAST_P))).sum(axis=1)
    return np.asarray(losses, dtype=np.float64)


def check_labels(
    soft_labels: NDArray[np.floating], features: Features, item_weights: FloatArray | None, *, sets: bool
) -> FloatArray:
    """The items' weights (I,), float64; everything has the shape and the range it has to have.

    Raises:
        BadOption: what does not.
    """
    check_features(features)
    shape, fewest = soft_labels.shape, 1 if sets else 2
    if len(shape) != 2 or shape[0] != features.shape[0] or shape[1] < fewest:
        needs = f"of shape ({features.shape[0]}, K), K {fewest} or more"
        raise BadOption("soft_labels", f"array of shape {shape}", needs)
    weights = np.ones(shape[0]) if item_weights is None else np.asarray(item_weights, dtype=np.float64)
    if weights.shape != shape[:1] or not np.isfinite(weights).all() or (weights < 0).any():
        raise BadOption(
            "item_weights", f"array of shape {weights.shape}", f"({shape[0]},) numbers of 0 or more"
        )
    known = soft_labels[weights > 0]
    if not ((known >= 0) & (known <= 1)).all():
        raise BadOption("soft_labels", "an entry", "in [0, 1]")
    if not sets and (np.abs(known.sum(axis=1, dtype=np.float64) - 1) > 1e-3).any():
        raise BadOption("soft_labels", "a row", "of sum 1: one label an item; for sets say sets=True")
    return weights


def check_folds(plain: Floats32) -> None:
    """Every fold has others to learn from.

    Raises:
        BadOption: one has not.
    """
    if not (plain.sum(axis=0) > 0).all():
        raise BadOption(
            "item_weights", "weights", "above 0 for items of two folds or more: else nothing is learned"
        )


def _fits_frame(found: Checkpoint, n_members: int, n_folds: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "member": np.repeat(np.arange(n_members), n_folds),
            "fold": np.tile(np.arange(n_folds), n_members),
            "loss": found.losses,
            "n_steps": found.n_steps,
            "converged": found.converged,
        }
    )


def check_options(n_members: int, *penalties: float) -> None:
    """Check the options that all training has.

    Raises:
        BadOption: one out of range.
    """
    if isinstance(n_members, bool) or not isinstance(n_members, int) or n_members < 1:
        raise BadOption("n_members", n_members, "a whole number of 1 or more")
    for penalty in penalties:
        if not 0 < penalty < np.inf:
            raise BadOption("penalty", penalty, "above 0 and finite")


def _fold_shape(penalty: float | FloatArray, n_folds: int) -> tuple[int]:
    shape = np.shape(penalty)
    if shape not in ((), (n_folds,)):
        raise BadOption("penalty", f"array of shape {shape}", f"one number, or of shape ({n_folds},)")
    # A number of folds that is none is refused by name later.
    return (n_folds if isinstance(n_folds, int) and n_folds > 0 else 1,)
