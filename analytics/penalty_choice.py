"""How much a model's weights are held back: the penalty of least log loss, chosen inside the folds.

For every pair of folds and every penalty a model is fitted to the other folds and asked about both. The penalty of fold f is
the one that did best on the other folds' items, in fits from which f was left out: the choice, like the fit, has not seen
the labels of the items that are judged. The fits of one penalty are one stack, each from where that of the next stronger
penalty ended; where the losses have risen for PATIENCE penalties in a row, for every fold, weaker ones are not tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.device import Device, choose_device
from analytics.errors import BadOption
from analytics.features import Features, Floats32
from analytics.folds import assign_folds
from analytics.frames import FloatArray, IntArray
from analytics.training import check_labels, item_losses

if TYPE_CHECKING:
    from analytics.stacked_fit import LinearFitter

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

CHOICE_TOLERANCE = 1e-6
"""A fit that is only compared is done when a step is not expected to take off more than this share of what the first did. On
pictures, embeddings and texts (eight sets) 38 of 40 folds chose as with fits run to their end, the others a penalty as good
within 0.001 nats."""

PATIENCE = 1
"""So many weaker penalties that do worse for every fold end the search: on the same sets, more of them changed no choice."""


@dataclass(frozen=True, slots=True)
class PenaltyChoice:
    """What was chosen.

    Attributes:
        penalties: (F,) for the `penalty` of `train_model` with the same items, folds and seed.
        losses: one row a penalty, ascending: penalty, log_loss (nats, mean over all pairs of folds; null where it was not
            tried any more), n_folds (that chose it).
        at_edge: whether a fold chose the smallest or the largest there was: the best may lie beyond.
    """

    penalties: FloatArray
    losses: pl.DataFrame
    at_edge: bool


def choose_penalties(
    features: Features,
    soft_labels: NDArray[np.floating],
    *,
    sets: bool = False,
    candidates: tuple[float, ...] = PENALTIES,
    n_folds: int = 5,
    item_weights: FloatArray | None = None,
    groups: IntArray | None = None,
    seed: int = 0,
    device: Device = "cpu",
) -> PenaltyChoice:
    """The penalty for each fold.

    Args:
        features: (I, D) as for `train_model`.
        soft_labels: (I, K) as for `train_model`.
        sets: as for `train_model`.
        candidates: penalties to choose from, above 0, two or more.
        n_folds: F, 3 or more.
        item_weights: as for `train_model`.
        groups: as for `train_model`.
        seed: that `train_model` will be given: the folds have to be the same.
        device: as for `train_model`.

    Raises:
        BadOption: arrays that do not fit, options out of range, three folds that hold all the weight there is.
        DeviceMissing: "cuda" where there is none.
    """
    tried = np.unique(np.array(candidates, dtype=np.float64))
    if len(tried) < 2 or not ((tried > 0) & np.isfinite(tried)).all():
        raise BadOption("candidates", candidates, "two or more penalties above 0")
    if isinstance(n_folds, bool) or not isinstance(n_folds, int) or n_folds < 3:
        raise BadOption("n_folds", n_folds, "a whole number of 3 or more: two are left out at a time")
    weights = check_labels(soft_labels, features, item_weights, sets=sets)
    where = choose_device(device)
    known = np.where(weights > 0, soft_labels.argmax(axis=1), -1)
    fold = assign_folds(len(weights), n_folds=n_folds, seed=seed, groups=groups, label_codes=known)
    pairs = np.array(list(combinations(range(n_folds), 2)))
    plain = weights[:, None] * ((fold[:, None] != pairs[:, 0]) & (fold[:, None] != pairs[:, 1]))
    if not (plain.sum(axis=0) > 0).all():
        raise BadOption("item_weights", "weights", "above 0 for items of three folds or more")
    targets = np.where(weights[:, None] > 0, soft_labels, 1 / soft_labels.shape[1]).astype(np.float32)

    from analytics.stacked_fit import LinearFitter  # torch takes a second or two to import

    judge = _Judge(LinearFitter(features, where, sets=sets), targets, weights, fold, pairs)
    sums = _down_the_path(judge, plain.astype(np.float32), tried)
    best = sums.argmin(axis=1)
    seen = weights.sum() * (n_folds - 1)
    losses = pl.DataFrame(
        {
            "penalty": tried,
            "log_loss": pl.Series(sums.sum(axis=0) / seen).replace(np.inf, None),
            "n_folds": np.bincount(best, minlength=len(tried)),
        }
    )
    return PenaltyChoice(tried[best], losses, bool(np.isin(best, (0, len(tried) - 1)).any()))


class _Judge:
    """What fits that left out pairs of folds say of both."""

    def __init__(
        self, fitter: LinearFitter, targets: Floats32, weights: FloatArray, fold: IntArray, pairs: IntArray
    ) -> None:
        self.fitter, self.targets, self.weights, self.pairs = fitter, targets, weights, pairs
        self.rows = [np.flatnonzero((fold == own) & (weights > 0)) for own in range(int(fold.max()) + 1)]

    def sums(self, parameters: Floats32) -> FloatArray:
        """(F,): the weighted log losses that each fold's choice goes by, of fits (R + 1, pairs, K)."""
        found = np.zeros(len(self.rows))
        # A pair's fits are judged on each of the two, for the choice of the other one.
        for judged, (own, other) in product(range(len(self.rows)), ((0, 1), (1, 0))):
            of_pairs = np.flatnonzero(self.pairs[:, own] == judged)
            if not len(of_pairs):
                continue
            rows = self.rows[judged]
            p = self.fitter.probabilities(np.ascontiguousarray(parameters[:, of_pairs]), rows)
            found[self.pairs[of_pairs, other]] += _sums(
                p, self.targets[rows], self.weights[rows], sets=self.fitter.sets
            )
        return found


def _down_the_path(judge: _Judge, plain: Floats32, tried: FloatArray) -> FloatArray:
    """(F, penalties): the summed losses; infinite where a weaker penalty was not tried any more.

    From the strongest penalty, whose fit takes few steps, to weaker ones, each from where the last one ended.
    """
    sums = np.full((len(judge.rows), len(tried)), np.inf)
    start, first = None, None
    for place in range(len(tried) - 1, -1, -1):
        fit = judge.fitter.fit(
            judge.targets[:, None],
            plain,
            np.full(plain.shape[1], tried[place]),
            start=start,
            first=first,
            relative=CHOICE_TOLERANCE,
        )
        start, first = fit.parameters, fit.first if first is None else first
        sums[:, place] = judge.sums(fit.parameters)
        if (sums.argmin(axis=1) >= place + PATIENCE).all():
            break
    return sums


def _sums(p: FloatArray, targets: Floats32, weights: FloatArray, *, sets: bool) -> FloatArray:
    """The weighted sum of the log losses under each model (E,)."""
    return np.array([item_losses(p[:, model], targets, sets=sets) @ weights for model in range(p.shape[1])])
