"""Why a label's rate changed between two windows: item mix, annotator mix, guideline, label set, and behaviour.

Whether an annotation of item i by annotator a, under guideline g and label set s, in window w, has the label is fitted by
least squares as alpha_i + beta_aw + gamma_g + sigma_s (a linear probability model; days may be taken out as well). Each
person has an effect of their own in each window, so the residuals sum to 0 in both, and the rates that the model gives the
windows are the observed ones. The counterfactual rate v(T) takes the factors in T from the window and the others from the
reference:

    v(T) = sum_i p_T(i) alpha_i + sum_a p_T(a) beta_a,T + sum_g p_T(g) gamma_g + sum_s p_T(s) sigma_s

with v(none) and v(all) the two rates. A factor's part is its Shapley value: its step in v averaged over all orders in which the
factors can be taken over (Shapley 1953; Shorrocks 2013, J. Econ. Inequality 11), so the parts sum to the change, in every
replicate too. It is order-free like Gelbach (2016, J. Labor Econ. 34). An annotator of one window only is given the mean
shift of those who are in both.

A part that the design cannot tell moves along a direction in which the fit does not change (a null vector of the normal
equations): such factors are one part together, and each alone is not separable. Intervals are percentiles of the pigeonhole
bootstrap of items and annotators (Owen 2007, Ann. Appl. Stat. 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial

import numpy as np
import polars as pl

from analytics.frames import FloatArray, IntArray
from analytics.intervals import check_interval_options, percentile_interval
from analytics.rate_design import (
    MOST_PEOPLE,
    NULL,
    Design,
    Weighed,
    designed,
    kish,
    levels,
    people_share,
    person_effects,
    solve,
    solve_quickly,
    weigh,
)
from analytics.rate_tables import by_kind, by_person
from analytics.results import Estimate

FACTORS = ("items", "annotators", "guideline", "label_set", "behaviour")
MIN_ANNOTATIONS = 50
MIN_PEOPLE = 10
"""With fewer annotators in a window the interval is about these people: items alone are resampled."""
MIN_BRIDGE_ITEMS = 20
"""Items labelled in both windows that disjoint panels need."""
_MOVES = 1e-6


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the change, of one factor or of several that cannot be told apart (`factors`); in rate points."""

    factors: tuple[str, ...]
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class RateChange:
    """A change of rate and its parts.

    Attributes:
        before, after: the rates, observed.
        change: after minus before.
        parts: the parts; their values sum to `change`, and so does each row of `replicates`.
        alone: for each factor that varies but cannot be told apart, why; for one that did not vary, nothing.
        replicates: (R, parts) of the bootstrap.
        resampled: "items and annotators", "items", or "" where there is no interval.
        n_items, n_annotators, n_bridge: in the two windows together, and items in both.
        effective_items, effective_annotators: (reference, window) numbers of equal weight that they are worth (Kish 1965).
        annotators: annotator_code, n_before, n_after, mix, behaviour: what each person moved, their shift among it.
        kinds: stratum_code, n_before, n_after, mix, residual: what each kind of item moved, and what of the change in
            it the model leaves.
        undefined: why there are no parts.
    """

    before: Estimate
    after: Estimate
    change: Estimate
    parts: tuple[Part, ...]
    alone: Mapping[str, str]
    replicates: FloatArray
    resampled: str
    n_items: int
    n_annotators: int
    n_bridge: int
    effective_items: tuple[float, float]
    effective_annotators: tuple[float, float]
    annotators: pl.DataFrame
    kinds: pl.DataFrame
    undefined: str | None = None


def rate_change(
    annotations: pl.DataFrame,
    *,
    replicates: int = 400,
    confidence: float = 0.95,
    seed: int = 0,
    most_people: int = MOST_PEOPLE,
) -> RateChange:
    """Split the change of a label's rate between two windows.

    Args:
        annotations: a frame that keeps CODED, independent annotations alone.
        replicates: of the bootstrap; 0 for no intervals.
        confidence: of the intervals.
        seed: the same seed gives the same intervals.
        most_people: annotators with an effect of their own, those with most annotations; the others share one, by the
            windows that they are in. All are drawn one by one.

    Raises:
        MissingColumn, BadColumn: as `require`; a `window` or `hit` that is neither 0 nor 1; a `weight` of 0 or less.
        BadOption: as `check_interval_options`; or periods and people are too many for one fit.
    """
    check_interval_options(replicates, confidence)
    design = designed(annotations, most_people=most_people)
    counts = np.bincount(design.window, minlength=2)
    bridge = _bridge(design)
    reason = _why_not(design, counts, bridge)
    if reason is not None:
        return _without_parts(design, counts, bridge, reason)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # many small fits: threads only get in each other's way
        return _split(design, counts, bridge, replicates, confidence, seed)


def shapley(rates: Mapping[frozenset[str], float], factors: tuple[str, ...]) -> dict[str, float]:
    """Each factor's mean step over all orders, from the rate of each set of factors.

    >>> shapley({frozenset(): 0.0, frozenset("a"): 1.0, frozenset("b"): 2.0, frozenset("ab"): 5.0}, ("a", "b"))
    {'a': 2.0, 'b': 3.0}
    """
    n = len(factors)
    found = {}
    for factor in factors:
        others = [name for name in factors if name != factor]
        total = 0.0
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for chosen in combinations(others, size):
                without = frozenset(chosen)
                total += weight * (rates[without | {factor}] - rates[without])
        found[factor] = total
    return found


def _split(
    design: Design, counts: IntArray, bridge: int, replicates: int, confidence: float, seed: int
) -> RateChange:
    weighed = weigh(design, design.weight)
    theta = solve(weighed)
    values = _parts(design, weighed, theta)
    groups, alone = _separable(design, weighed)
    few = min(np.unique(design.drawn[design.window == w]).size for w in (0, 1)) < MIN_PEOPLE
    drawn = _bootstrap(design, replicates, seed, people=not few)
    merged = _merge(values[None, :], design.varies, groups)[0]
    spread = _merge(drawn, design.varies, groups)
    parts = tuple(
        Part(group, _estimate(float(merged[at]), spread[:, at], design, confidence))
        for at, group in enumerate(groups)
    )
    whole = _estimate(float(weighed.rate[1] - weighed.rate[0]), spread.sum(axis=1), design, confidence)
    shell = _without_parts(design, counts, bridge, "")
    return replace(
        shell,
        change=whole,
        parts=parts,
        alone=alone,
        replicates=spread,
        resampled="" if not replicates else "items" if few else "items and annotators",
        annotators=by_person(design, weighed, theta),
        kinds=by_kind(design, weighed, theta),
        undefined=None,
    )


def _parts(
    design: Design, weighed: Weighed, theta: FloatArray, *, level: FloatArray | None = None
) -> FloatArray:
    """(F,) Shapley values of the factors that vary; `level` (S,) replaces the mean of hits (zeros for a null vector)."""
    items = weighed.stratum_share @ levels(design, weighed, theta, hits=level)
    people = people_share(design, weighed)
    beta = person_effects(design, people, theta)
    spans = {"guideline": design.guideline_at, "label_set": design.set_at}
    steps = {name: weighed.column_share[:, a:b] @ theta[a:b] for name, (a, b) in spans.items()}
    first, last = design.period_at
    crossed = people @ beta + weighed.column_share[:, first:last] @ theta[first:last]  # (mix, behaviour)
    rates = {}
    for size in range(len(design.varies) + 1):
        for chosen in combinations(design.varies, size):
            on = frozenset(chosen)
            rate = items[int("items" in on)] + crossed[int("annotators" in on), int("behaviour" in on)]
            rates[on] = float(rate + sum(steps[name][int(name in on)] for name in spans))
    found = shapley(rates, design.varies)
    return np.array([found[name] for name in design.varies])


def _separable(design: Design, weighed: Weighed) -> tuple[tuple[tuple[str, ...], ...], dict[str, str]]:
    """Which factors make a part, those that move along a common null direction together; and why not alone."""
    values, vectors = np.linalg.eigh(weighed.matrix)
    null = vectors[:, values <= NULL * max(values[-1], 1.0)]
    zero = np.zeros(design.strata.size)
    moves = np.array([_parts(design, weighed, v, level=zero) for v in null.T]).reshape(-1, len(design.varies))
    tied = np.eye(len(design.varies), dtype=bool)
    for row in _reduced(moves):
        inside = np.abs(row) > _MOVES
        tied |= inside[:, None] & inside[None, :]
    if not design.both.any():
        a, b = design.varies.index("annotators"), design.varies.index("behaviour")
        tied[a, b] = tied[b, a] = True
    for name in {"guideline", "label_set"} & set(design.varies) - design.parallel:
        a, b = design.varies.index(name), design.varies.index("behaviour")
        tied[a, b] = tied[b, a] = True
    while not np.array_equal(tied, wider := tied @ tied):
        tied = wider
    groups = tuple(
        dict.fromkeys(tuple(name for name, on in zip(design.varies, row, strict=True) if on) for row in tied)
    )
    alone = {name: _because(name, group, design) for group in groups if len(group) > 1 for name in group}
    return groups, alone


def _reduced(moves: FloatArray) -> FloatArray:
    """Gauss–Jordan form of the moves, so that unrelated confusions are not mixed by the choice of null vectors."""
    rows, at = moves.copy(), 0
    for column in range(rows.shape[1]):
        if at == len(rows):
            break
        best = at + int(np.argmax(np.abs(rows[at:, column])))
        if abs(rows[best, column]) <= _MOVES:
            continue
        rows[[at, best]] = rows[[best, at]]
        rows[at] /= rows[at, column]
        for other in range(len(rows)):
            if other != at:
                rows[other] -= rows[other, column] * rows[at]
        at += 1
    return rows[:at]


def _because(name: str, group: tuple[str, ...], design: Design) -> str:
    others = " and ".join(other for other in group if other != name).replace("_", " ")
    if name in ("guideline", "label_set"):
        return f"not separable from time: it was switched for everyone at once, so it goes with {others}"
    if name in ("annotators", "behaviour") and not design.both.any():
        return "not separable: nobody labelled in both windows"
    return f"not separable from {others}"


def _merge(values: FloatArray, names: tuple[str, ...], groups: tuple[tuple[str, ...], ...]) -> FloatArray:
    summed = [sum(values[:, names.index(name)] for name in group) for group in groups]
    return np.stack(summed, axis=1)


def _bootstrap(design: Design, replicates: int, seed: int, *, people: bool) -> FloatArray:
    """(R, F): items, and people where there are enough, drawn with replacement; a row counts for the product."""
    rng = np.random.default_rng(seed)
    n_items, n_people = int(design.item.max()) + 1, int(design.drawn.max()) + 1
    drawn = np.full((replicates, len(design.varies)), np.nan)
    for at in range(replicates):
        weights = (
            design.weight * np.bincount(rng.integers(0, n_items, n_items), minlength=n_items)[design.item]
        )
        if people:
            weights *= np.bincount(rng.integers(0, n_people, n_people), minlength=n_people)[design.drawn]
        if all(weights[design.window == w].any() for w in (0, 1)):
            weighed = weigh(design, weights)
            drawn[at] = _parts(design, weighed, solve_quickly(weighed))
    return drawn


def _estimate(value: float, drawn: FloatArray, design: Design, confidence: float) -> Estimate:
    low, high = percentile_interval(drawn, confidence) or (None, None)
    return Estimate(value, low, high, design.hit.size, unit="coefficient", n_unit="annotations")


def _bridge(design: Design) -> int:
    seen = np.zeros((int(design.item.max()) + 1 if design.item.size else 0, 2), dtype=bool)
    seen[design.item, design.window] = True
    return int(seen.all(axis=1).sum())


def _why_not(design: Design, counts: IntArray, bridge: int) -> str | None:
    if counts.min() < MIN_ANNOTATIONS:
        return f"a window has {counts.min()} annotations; it takes {MIN_ANNOTATIONS}"
    if not design.both.any() and bridge < MIN_BRIDGE_ITEMS:
        return (
            f"not separable: nobody labelled in both windows, and {bridge} items were labelled in both; "
            f"it takes {MIN_BRIDGE_ITEMS} such bridge items"
        )
    return None


def _without_parts(design: Design, counts: IntArray, bridge: int, reason: str) -> RateChange:
    rates, worth = [], []
    for w in (0, 1):
        here = design.window == w
        n = int(counts[w])
        rates.append(
            Estimate(
                float(np.average(design.hit[here], weights=design.weight[here])),
                None,
                None,
                n,
                n_unit="annotations",
            )
            if n
            else Estimate.none("the window is empty", n_unit="annotations")
        )
        worth.append((kish(design.item[here]), kish(design.drawn[here])))
    before, after = rates
    change = Estimate.none("a window is empty", unit="coefficient", n_unit="annotations")
    if before.value is not None and after.value is not None:
        change = Estimate(
            after.value - before.value, None, None, design.hit.size, unit="coefficient", n_unit="annotations"
        )
    return RateChange(
        before, after, change, (), {}, np.zeros((0, 0)), "", int(np.unique(design.item).size),
        int(np.unique(design.drawn).size), bridge, (worth[0][0], worth[1][0]), (worth[0][1], worth[1][1]),
        pl.DataFrame(), pl.DataFrame(), reason,
    )  # fmt: skip
