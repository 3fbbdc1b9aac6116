"""A model's labels made even between groups of items, and what that costs in accuracy, judged on items it was not fitted on.

Two ways of fairlearn, for one label against all others:

  * a threshold for each group on the model's probability (M. Hardt, E. Price & N. Srebro 2016, Equality of opportunity in supervised
    learning; `postprocessing.ThresholdOptimizer`): it has to know an item's group whenever it labels;
  * a mix of models fitted under the constraint (A. Agarwal et al. 2018, A reductions approach to fair classification;
    `reductions.ExponentiatedGradient`) on features given, here a logistic regression: the group is needed while fitting only.

Items are cut in two halves; each is labelled by what was fitted on the other. Gaps are the largest less the smallest among groups: of
how often the label is given (demographic parity), and the larger of the gaps in true and false positive rates (equalised odds).
Intervals resample items: what is counted is the number of items in each cell of group, label, label before and after, so that
the bootstrap draws cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.intervals import check_interval_options

PARITY, ODDS = "demographic_parity", "equalized_odds"
PLAIN, THRESHOLDS, REDUCTION = "as it is", "a threshold for each group", "fitted under the constraint"
CONSTRAINTS, METHODS = (PARITY, ODDS), (THRESHOLDS, REDUCTION)

MOST_FITTED = 20_000
"""Items that a mitigation is fitted on at most, in each half."""

MIN_CELL = 10
"""Items of each group with the label, and without it, that a mitigation needs."""

_GRID = 200
_HALF = 0.5
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Mitigation:
    """What mitigation does, and its price.

    Attributes:
        table: one row a (method, constraint): method, constraint (null for PLAIN), accuracy, accuracy_low, accuracy_high, price
            (accuracy before less after), price_low, price_high, parity_gap, parity_low, parity_high, odds_gap, odds_low, odds_high.
        n: items judged.
        undefined: why there is no table (it is empty then), else None.
    """

    table: pl.DataFrame
    n: int
    undefined: str | None = None


def mitigation(
    p_label: FloatArray,
    has_label: Flags,
    group: IntArray,
    features: FloatArray,
    *,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Mitigation:
    """Labels as the model gives them and after each mitigation, all on the same items.

    Args:
        p_label: (I,) the model's probability of the label, out of sample.
        has_label: (I,) whether the item has it.
        group: (I,) dense codes from 0.
        features: (I, D) what a constrained model is fitted on, such as the log-odds of all labels.
        replicates, confidence: of the intervals, items resampled.
        seed: of the halves, the fits and the bootstrap.

    Raises:
        BadOption: arrays of different lengths, a probability outside [0, 1], or options out of range.
    """
    check_interval_options(replicates, confidence)
    if not p_label.shape == has_label.shape == group.shape == features.shape[:1]:
        raise BadOption("group", group.shape, f"as long as the probabilities: {p_label.shape}")
    if p_label.size and not np.all((p_label >= 0) & (p_label <= 1)):
        raise BadOption("p_label", float(p_label.min()), "probabilities between 0 and 1")
    half = _halves(group * 2 + has_label, seed)
    why = _why_not(has_label, group, half)
    if why is not None:
        return Mitigation(pl.DataFrame(), p_label.size, why)
    known, drawing = (p_label, has_label, group, features), (replicates, confidence, seed)
    before = p_label >= _HALF
    rows = [(PLAIN, None, *_figures(before, before, has_label, group, drawing))]
    for constraint in CONSTRAINTS:
        for method in METHODS:
            after = _mitigated(method, constraint, known, half, seed)
            rows.append((method, constraint, *_figures(before, after, has_label, group, drawing)))
    names = ["method", "constraint"] + [
        f"{name}{end}" for name, value in (("accuracy", ""), ("price", ""), ("parity", "_gap"), ("odds", "_gap"))
        for end in (value, "_low", "_high")
    ]  # fmt: skip
    return Mitigation(pl.DataFrame(rows, schema=names, orient="row"), p_label.size)


def mitigated(
    p_label: FloatArray,
    has_label: Flags,
    is_known: Flags,
    group: IntArray,
    features: FloatArray,
    *,
    method: str,
    constraint: str,
    seed: int = 0,
) -> Flags:
    """(I,) whether each item gets the label: of items whose label is known what `mitigation` judged; others by the first fit.

    Args:
        p_label, group, features: as in `mitigation`.
        has_label: (I,) whether the item has it; means nothing where it is not known.
        is_known: (I,) whether that is known: what is fitted on.
        method: THRESHOLDS or REDUCTION.
        constraint: PARITY or ODDS.
        seed: the same as of `mitigation`.

    Raises:
        BadOption: an unknown method or constraint, or groups that are too small, as `mitigation` says.
    """
    if method not in METHODS or constraint not in CONSTRAINTS:
        raise BadOption("method", (method, constraint), f"one of {METHODS} under one of {CONSTRAINTS}")
    half = np.full(p_label.size, 1)
    half[is_known] = _halves((group * 2 + has_label)[is_known], seed)
    why = _why_not(has_label[is_known], group[is_known], half[is_known])
    if why is not None:
        raise BadOption("group", "these groups", f"none of which is too small: {why}")
    return _mitigated(method, constraint, (p_label, has_label, group, features), half, seed, is_known)


def _halves(cell: IntArray, seed: int) -> IntArray:
    """(I,) in which half each item is, 0 or 1: dealt by chance, of each cell (I,) as many to the one as to the other, or one more."""
    half = np.empty(cell.size, dtype=np.int64)
    half[np.lexsort((np.random.default_rng(seed).random(cell.size), cell))] = np.arange(cell.size) % 2
    return half


def _mitigated(
    method: str,
    constraint: str,
    known: tuple[FloatArray, Flags, IntArray, FloatArray],
    half: IntArray,
    seed: int,
    fit_on: Flags | None = None,
) -> Flags:
    """(I,) the labels after mitigation, each half by what was fitted on the other's (of `fit_on`: None, all)."""
    rng = np.random.default_rng([seed, 1])
    after = np.zeros(half.size, dtype=np.bool_)
    for side in (0, 1):
        fitted = np.flatnonzero((half != side) & (True if fit_on is None else fit_on))
        if fitted.size > MOST_FITTED:
            fitted = rng.choice(fitted, MOST_FITTED, replace=False)
        labels_of = _fitted(method, constraint, known, fitted, seed)
        judged = (half == side) & (True if fit_on is None else fit_on)
        # apart: a random label must not depend on which other items are asked about
        for asked in (judged, (half == side) & ~judged):
            if asked.any():
                after[asked] = labels_of(asked)
    return after


def _why_not(has_label: Flags, group: IntArray, half: IntArray) -> str | None:
    n_groups = int(group.max(initial=-1)) + 1
    if n_groups < 2:
        return "there are fewer than two groups of items"
    cells = np.bincount((group * 2 + half) * 2 + has_label, minlength=n_groups * 4)
    if cells.min() < MIN_CELL:
        return f"a group has fewer than {MIN_CELL} items with the label, or without it, in one half"
    return None


def _fitted(
    method: str,
    constraint: str,
    known: tuple[FloatArray, Flags, IntArray, FloatArray],
    fitted: IntArray,
    seed: int,
) -> Callable[[Flags], Flags]:
    """What gives items their labels, fitted on others."""
    p_label, has_label, group, features = known
    wanted = has_label[fitted].astype(np.int64)
    if method == THRESHOLDS:
        from fairlearn.postprocessing import ThresholdOptimizer

        optimizer = ThresholdOptimizer(
            estimator=_probability(),
            constraints=constraint,
            prefit=True,
            predict_method="predict_proba",
            grid_size=_GRID,
        )
        optimizer.fit(p_label[fitted, None], wanted, sensitive_features=group[fitted])
        return lambda asked: (
            np.asarray(
                optimizer.predict(p_label[asked, None], sensitive_features=group[asked], random_state=seed)
            )
            > _HALF
        )
    from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    moment = DemographicParity() if constraint == PARITY else EqualizedOdds()
    mixed = ExponentiatedGradient(LogisticRegression(solver="liblinear"), moment, max_iter=10)
    with threadpool_limits(1):  # many small fits: threads only get in each other's way
        mixed.fit(features[fitted], wanted, sensitive_features=group[fitted])
    return lambda asked: np.asarray(mixed.predict(features[asked], random_state=seed)) > _HALF


def _probability() -> Any:
    """What fairlearn takes for a fitted model: its only feature is the probability itself."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Probability(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
        classes_ = np.array([0, 1])

        def fit(self, features: FloatArray, labels: IntArray) -> Any:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict_proba(self, features: FloatArray) -> FloatArray:
            p = np.asarray(features, dtype=np.float64)[:, 0]
            return np.column_stack([1 - p, p])

    return Probability()


def _figures(
    before: Flags, after: Flags, has_label: Flags, group: IntArray, drawing: tuple[int, float, int]
) -> list[float | None]:
    """Accuracy, its price, and both gaps, each with its interval."""
    replicates, confidence, seed = drawing
    n_groups = int(group.max()) + 1
    cell = ((group * 2 + has_label) * 2 + before) * 2 + after
    counts = np.bincount(cell, minlength=n_groups * 8).astype(np.float64)
    values = _of_cells(counts[None].reshape(1, n_groups, 2, 2, 2))[0]
    drawn = np.random.default_rng(seed).multinomial(cell.size, counts / cell.size, size=replicates)
    ends = np.full((2, values.size), np.nan)
    if replicates:
        tail = (1 - confidence) / 2
        ends = np.nanquantile(
            _of_cells(drawn.reshape(replicates, n_groups, 2, 2, 2).astype(np.float64)),
            [tail, 1 - tail],
            axis=0,
        )
    told: list[float | None] = []
    for value, low, high in zip(values, *ends, strict=True):
        told += [
            float(value),
            float(low) if np.isfinite(low) else None,
            float(high) if np.isfinite(high) else None,
        ]
    return told


def _of_cells(counts: FloatArray) -> FloatArray:
    """(R, 4) accuracy, price, parity gap, odds gap from counts (R, G, label, before, after)."""
    n = counts.sum(axis=(1, 2, 3, 4))
    right_after = counts[:, :, 0, :, 0].sum(axis=(1, 2)) + counts[:, :, 1, :, 1].sum(axis=(1, 2))
    right_before = counts[:, :, 0, 0, :].sum(axis=(1, 2)) + counts[:, :, 1, 1, :].sum(axis=(1, 2))
    given = counts[:, :, :, :, 1].sum(axis=3)
    whole = counts.sum(axis=(3, 4))
    rate = np.divide(given, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    overall = given.sum(axis=2) / np.maximum(whole.sum(axis=2), 1)
    parity = overall.max(axis=1) - overall.min(axis=1)
    odds = (rate.max(axis=1) - rate.min(axis=1)).max(axis=1)
    return np.column_stack([right_after / n, (right_before - right_after) / n, parity, odds])
