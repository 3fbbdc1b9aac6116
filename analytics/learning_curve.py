"""How much better the built-in model gets with more labels, and how good it would be with more than there are.

Again and again a fifth of the items is set aside, and the model is fitted to so many of the rest, then to more and
more of the same. Its error on what was set aside, 1 - accuracy or the log loss, is put through the power law

    error(n) = a + b n^-c,    a, b >= 0,    0 < c <= 2

which learning curves are known to follow well over some range (Cortes et al. 1993, Learning curves: asymptotic values
and rate of convergence, NIPS 6; Viering & Loog 2023, The shape of learning curves, TPAMI, who also show where it fails).
a is what no number of labels takes away, wrong labels among the judged ones too.

The interval is that of a bootstrap of groups of items (whose errors at all sizes stay together) and of the repeats; what it
does not know is whether the curve goes on as it began. So nothing is said beyond `MOST_TIMES` the labels there are, nor
where the law does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.device import Device, choose_device
from analytics.errors import BadOption
from analytics.features import Features, Floats32
from analytics.folds import assign_folds, group_ranks
from analytics.frames import FloatArray, IntArray
from analytics.intervals import check_interval_options, percentile_interval
from analytics.member_fits import MOST_CELLS
from analytics.results import Estimate
from analytics.training import LEAST_P, check_labels, check_options

Measure = Literal["accuracy", "log loss"]

N_SIZES = 6
SMALLEST_SHARE = 1 / 24
"""The smallest size is this share of the largest, if that is FEWEST_LABELS or more."""

FEWEST_LABELS = 12
FEWEST_ITEMS = 60
"""Labelled items without which there is no curve."""

MOST_TIMES = 4.0
"""A curve is not followed beyond this many times the labels there are."""

WORST_FIT = 2.5
"""The law does not fit where its root mean square distance from the points is more than this many standard errors."""

_SET_ASIDE = 5
_RATES = np.linspace(0.02, 2.0, 100)


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """A curve that was measured, and the law through it.

    Attributes:
        points: one row a size, ascending: n_labels, value, low, high.
        measure: "accuracy" (unit "share", more is better) or "log loss" (unit "nats", less is better).
        law: (a, b, c) of the error; None where `undefined` says why.
        replicates: (B, 3) laws of the bootstrap.
        n_labelled: items with a label.
        confidence: of the intervals.
        undefined: why there is no law, else None.
    """

    points: pl.DataFrame
    measure: Measure
    law: tuple[float, float, float] | None
    replicates: FloatArray
    n_labelled: int
    confidence: float
    undefined: str | None

    def at(self, n_labels: int) -> Estimate:
        """What the model would reach with so many labels; undefined beyond MOST_TIMES those there are.

        Raises:
            BadOption: `n_labels` is not a whole number of 1 or more.
        """
        if isinstance(n_labels, bool) or not isinstance(n_labels, int) or n_labels < 1:
            raise BadOption("n_labels", n_labels, "a whole number of 1 or more")
        unit = "share" if self.measure == "accuracy" else "nats"
        reason = self.undefined
        first = self.points.get_column("n_labels").min() if self.points.height else None
        if reason is None and n_labels > MOST_TIMES * self.n_labelled:
            reason = f"cannot tell: {n_labels:,} labels are more than {MOST_TIMES:.0f} times the {self.n_labelled:,} there are"
        if reason is None and isinstance(first, int) and n_labels < first:
            reason = f"cannot tell: the curve begins at {first} labels"
        if reason is not None or self.law is None:
            return Estimate.none(reason or "cannot tell", self.n_labelled, unit=unit)
        low, high = percentile_interval(self._value(self.replicates.T, n_labels), self.confidence) or (
            None,
            None,
        )
        value = float(self._value(np.array(self.law)[:, None], n_labels)[0])
        return Estimate(value, low, high, self.n_labelled, unit=unit)

    def _value(self, laws: FloatArray, n_labels: int) -> FloatArray:
        error = laws[0] + laws[1] * float(n_labels) ** -laws[2]
        return np.asarray(np.clip(1 - error, 0, 1) if self.measure == "accuracy" else error)


def learning_curve(
    features: Features,
    soft_labels: NDArray[np.floating],
    *,
    sets: bool = False,
    measure: Measure = "accuracy",
    repeats: int = 8,
    penalty: float = 1.0,
    item_weights: FloatArray | None = None,
    groups: IntArray | None = None,
    seed: int = 0,
    device: Device = "cpu",
    replicates: int = 500,
    confidence: float = 0.95,
) -> LearningCurve:
    """Measure the curve and fit the law; all sizes of all repeats are fitted at once.

    Args:
        features: (I, D) as for `train_model`.
        soft_labels: (I, K) as for `train_model`.
        sets: items have a set of labels each.
        measure: accuracy is against the most probable label (of sets: the very same set), log loss against the soft one.
        repeats: how often items are set aside, 2 or more.
        penalty: as for `train_model`.
        item_weights: as for `train_model`; items of weight 0 have no part.
        groups: as for `train_model`; a group is set aside whole.
        seed: of everything that is drawn.
        device: as for `train_model`.
        replicates: of the bootstrap.
        confidence: of the intervals.

    Raises:
        BadOption: arrays that do not fit, options out of range.
        DeviceMissing: "cuda" where there is none.
    """
    if measure not in get_args(Measure):
        raise BadOption("measure", measure, get_args(Measure))
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 2:
        raise BadOption("repeats", repeats, "a whole number of 2 or more")
    check_interval_options(replicates, confidence)
    check_options(1, penalty)
    weights = check_labels(soft_labels, features, item_weights, sets=sets)
    where = choose_device(device)
    kept = np.flatnonzero(weights > 0)
    group = group_ranks(len(weights), groups)[kept]
    group = np.unique(group, return_inverse=True)[1]
    if len(kept) < FEWEST_ITEMS or group.max(initial=-1) + 1 < FEWEST_ITEMS // 2:
        reason = f"{len(kept)} labelled items in {group.max(initial=-1) + 1} groups are too few for a curve"
        return _nothing(measure, len(kept), confidence, reason)
    labels = soft_labels[kept].astype(np.float32)
    aside, order = _drawn(labels, group, repeats, seed)
    sizes = _sizes(int((~aside).sum(axis=0).min()))
    own = [(order[:, repeat, None] < sizes) * weights[kept, None] for repeat in range(repeats)]
    stack = np.concatenate(own, axis=1).astype(np.float32)
    p = _probabilities(features[kept], labels, stack, penalty, where, sets=sets)
    losses = _losses(p, labels, measure, sets=sets).reshape(len(kept), repeats, len(sizes))
    values, drawn = _errors(losses, aside, weights[kept], group, replicates, seed)
    return _curve(values, drawn, sizes, measure, len(kept), confidence)


def _drawn(labels: Floats32, group: IntArray, repeats: int, seed: int) -> tuple[NDArray[np.bool_], IntArray]:
    """Which items (I, R) are set aside in each repeat, and the turn (I, R) in which the others are learned from."""
    n_items = len(labels)
    codes = labels.argmax(axis=1)
    aside = np.empty((n_items, repeats), dtype=np.bool_)
    order = np.empty((n_items, repeats), dtype=np.int64)
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, 2, repeat])
        fold = assign_folds(
            n_items, n_folds=_SET_ASIDE, seed=int(rng.integers(2**31)), groups=group, label_codes=codes
        )
        aside[:, repeat] = fold == 0
        turn = rng.random(n_items) + aside[:, repeat]
        order[np.argsort(turn), repeat] = np.arange(n_items)
    return aside, np.where(aside, n_items, order)


def _sizes(largest: int) -> IntArray:
    smallest = max(FEWEST_LABELS, round(largest * SMALLEST_SHARE))
    return np.unique(np.rint(np.geomspace(smallest, largest, N_SIZES)).astype(np.int64))


def _probabilities(
    features: Features,
    labels: Floats32,
    stack: Floats32,
    penalty: float,
    device: Literal["cpu", "cuda"],
    *,
    sets: bool,
) -> FloatArray:
    """(I, R x S, K) of all items under every fit, as many fits at a time as there is room for."""
    from analytics.stacked_fit import LinearFitter  # torch takes a second or two to import

    fitter = LinearFitter(features, device, sets=sets)
    step = max(MOST_CELLS // labels.size, 1)
    rows = np.arange(len(labels))
    found = []
    for first in range(0, stack.shape[1], step):
        part = stack[:, first : first + step]
        fit = fitter.fit(labels[:, None], part, np.full(part.shape[1], float(penalty)))
        found.append(fitter.probabilities(fit.parameters, rows))
    return np.concatenate(found, axis=1)


def _losses(p: FloatArray, labels: Floats32, measure: Measure, *, sets: bool) -> FloatArray:
    if measure == "accuracy" and sets:
        return np.asarray(((p > 0.5) != (labels > 0.5)[:, None]).any(axis=2), dtype=np.float64)
    if measure == "accuracy":
        return np.asarray(p.argmax(axis=2) != labels.argmax(axis=1)[:, None], dtype=np.float64)
    losses = -np.einsum("nek,nk->ne", np.log(np.maximum(p, LEAST_P)), labels)
    if sets:
        losses -= np.einsum("nek,nk->ne", np.log(np.maximum(1 - p, LEAST_P)), 1 - labels)
    return np.asarray(losses)


def _errors(
    losses: FloatArray,
    aside: NDArray[np.bool_],
    weights: FloatArray,
    group: IntArray,
    replicates: int,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """The mean error (S,) of what was set aside, and the same of the bootstrap's draws (B, S)."""
    n_repeats = aside.shape[1]
    judged = aside * weights[:, None]
    tops = np.zeros((int(group.max()) + 1, *losses.shape[1:]))
    np.add.at(tops, group, losses * judged[:, :, None])
    masses = np.zeros((len(tops), n_repeats))
    np.add.at(masses, group, judged)
    rng = np.random.default_rng([seed, 3])
    counts = rng.multinomial(len(tops), np.full(len(tops), 1 / len(tops)), size=replicates).astype(np.float64)
    again = rng.multinomial(n_repeats, np.full(n_repeats, 1 / n_repeats), size=replicates).astype(np.float64)
    drawn_tops = (counts @ tops.reshape(len(tops), -1)).reshape(replicates, *losses.shape[1:])
    drawn_masses = counts @ masses
    values = tops.sum(axis=(0, 1)) / masses.sum()
    return values, np.einsum("br,brs->bs", again, drawn_tops) / (again * drawn_masses).sum(axis=1)[:, None]


def _curve(
    errors: FloatArray,
    drawn: FloatArray,
    sizes: IntArray,
    measure: Measure,
    n_labelled: int,
    confidence: float,
) -> LearningCurve:
    spread = np.maximum(drawn.std(axis=0, ddof=1), 1e-6)
    laws, distances = _fit_laws(np.vstack([errors, drawn]), sizes.astype(np.float64), spread)
    far = float(np.sqrt(distances[0] / len(sizes)))
    reason = None
    if far > WORST_FIT:
        reason = f"cannot tell: no power law fits, it is {far:.1f} standard errors away from the points"
    elif len(sizes) < 4:
        reason = f"cannot tell: {len(sizes)} sizes do not make a curve"
    ends = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    if measure == "accuracy":
        errors, ends = 1 - errors, 1 - ends[::-1]
    points = pl.DataFrame({"n_labels": sizes, "value": errors, "low": ends[0], "high": ends[1]})
    law = None if reason else (float(laws[0, 0]), float(laws[0, 1]), float(laws[0, 2]))
    return LearningCurve(points, measure, law, laws[1:], n_labelled, confidence, reason)


def _fit_laws(errors: FloatArray, sizes: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The law (a, b, c) of each curve (B, S), and its squared distance (B,) in standard errors.

    For each rate c on a grid the best a and b of 0 or more have a closed form: that of least squares, or with a or b at 0.
    """
    weights = 1 / spread**2
    x = sizes[None, :] ** -_RATES[:, None]
    total, sum_x, sum_xx = weights.sum(), x @ weights, (x * x) @ weights
    sum_y, sum_xy = (errors @ weights)[:, None], (errors * weights) @ x.T
    slope = (total * sum_xy - sum_x * sum_y) / (total * sum_xx - sum_x**2)
    slope = np.maximum(slope, 0)
    floor = (sum_y - slope * sum_x) / total
    slope = np.where(floor < 0, np.maximum(sum_xy / sum_xx, 0), slope)
    floor = np.maximum(floor, 0)
    distances = ((errors * errors) @ weights)[:, None] - 2 * floor * sum_y - 2 * slope * sum_xy
    distances += floor**2 * total + 2 * floor * slope * sum_x + slope**2 * sum_xx
    best = distances.argmin(axis=1)
    rows = np.arange(len(errors))
    laws = np.stack([floor[rows, best], slope[rows, best], _RATES[best]], axis=1)
    return laws, np.maximum(distances[rows, best], 0)


def _nothing(measure: Measure, n_labelled: int, confidence: float, reason: str) -> LearningCurve:
    schema = {"n_labels": pl.Int64, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return LearningCurve(
        pl.DataFrame(schema=schema), measure, None, np.empty((0, 3)), n_labelled, confidence, reason
    )
