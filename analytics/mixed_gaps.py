"""A second opinion on a gap between groups of annotators: a linear mixed model, items and annotators as crossed random effects.

    y = m + gap x + c z_i + a_j + b_i + e,    a_j ~ (0, s_a^2), b_i ~ (0, s_b^2), e ~ (0, s_e^2)

for a vote (hit: y = 1) of annotator j (in the group: x = 1) on item i; a linear probability model, so that the gap is in the same
points as Mantel and Haenszel's. z_i is the share of the item's votes that the group gave: without it a group that was handed
other items would look as if it labelled otherwise, since random items are only partly held fixed (Mundlak 1978, Econometrica
46); with it the gap is one inside items. What is different from the comparison inside items: annotators weigh by how much can be
learnt from each, not by how many votes they gave, and the interval comes from the model rather than from drawing annotators.

Variances by the method of moments, each from a sum of squares whose expectation is known (Henderson 1953, Biometrics 9, method
III; Gao & Owen 2017, Electronic Journal of Statistics 11, for crossed designs of this size): what is left with a term for each
item and each annotator has s_e^2 alone; with a term for each item, s_e^2 and s_a^2; for each annotator, s_e^2 and s_b^2. Then
generalised least squares by Henderson's equations (`two_way.shrunk_two_way`). Interval: Student's t with annotators of both
sides less 2 degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.chunks import run_each
from analytics.frames import FloatArray
from analytics.gap_draws import MIN_ANNOTATORS
from analytics.gap_strata import compared_shares
from analytics.gap_tests import Spread
from analytics.group_outcomes import (
    codes_of,
    gold_outcomes,
    group_votes,
    label_outcomes,
    labels_reported,
    model_outcomes,
    odds_outcomes,
)
from analytics.two_way import shrunk_two_way, two_way
from analytics.two_way_kernels import Codes

NOTHING_SHARED = "no item is shared by this group and the others"
ALL_ALIKE = "all votes are alike"

_LEAST = 1e-9

Pair = tuple[Codes, Codes]


@dataclass(frozen=True, slots=True)
class MixedGap:
    """The gap of a mixed model.

    Attributes:
        value: the group less the others, as a difference of shares; None where it is undefined.
        spread: its standard error and degrees of freedom.
        of_annotators, of_items, left: the three variances.
        undefined: why there is no value.
    """

    value: float | None
    spread: Spread
    of_annotators: float = 0.0
    of_items: float = 0.0
    left: float = 0.0
    undefined: str | None = None

    @classmethod
    def none(cls, reason: str) -> MixedGap:
        """A gap that is undefined for `reason`."""
        return cls(None, Spread(None, 0.0, reason), undefined=reason)


MIXED = {
    "group_code": pl.Int64, "slice_code": pl.Int64, "measure": pl.String, "label_code": pl.Int64, "mixed": pl.Float64,
    "mixed_low": pl.Float64, "mixed_high": pl.Float64, "mixed_p": pl.Float64, "mixed_undefined": pl.String,
}  # fmt: skip
"""Columns of mixed gaps: the keys of a gap (`slice_code` is 0), the gap with interval and p-value, why there is none."""


def mixed_gaps(
    votes: pl.DataFrame,
    groups: pl.DataFrame,
    *,
    n_labels: int,
    gold: pl.DataFrame | None = None,
    model: pl.DataFrame | None = None,
    labels: Sequence[int] | None = None,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """The mixed model's gap of each group of annotators against all others: rates of labels, errors on gold, odds, model.

    Not of disagreement: votes that are held against one another are not independent, and simulated intervals were too narrow.
    Of two groups only the first is told; the second is its mirror. Arguments and errors as `adjusted_gaps.annotator_gaps`.

    Returns:
        MIXED, one row a measure, label and group.
    """
    coded = group_votes(votes, n_labels=n_labels)
    told = labels_reported(n_labels, labels)
    of_annotator, n_groups = codes_of(coded.coded.annotator_codes, groups, "annotator_code")
    group = of_annotator[coded.annotators]
    every = [label_outcomes(coded, told)]
    every += [] if gold is None else [gold_outcomes(coded, gold), odds_outcomes(coded, told, gold)]
    every += [] if model is None else [model_outcomes(coded, model)]
    asked = [
        (code, compared)
        for code in range(1 if n_groups == 2 else n_groups)
        for compared in compared_shares(every, np.where(group < 0, -1, group == code).astype(np.int8))
    ]

    def row(place: int) -> dict[str, object]:
        code, compared = asked[place]
        kept = compared.sides >= 0
        found = mixed_gap(
            compared.hits[kept].astype(np.float64), compared.sides[kept] == 1, coded.items[kept], coded.annotators[kept]
        )  # fmt: skip
        key = {"group_code": code, "slice_code": 0, "measure": compared.measure, "label_code": compared.label}
        if found.value is None:
            return {**key, "mixed_undefined": found.undefined}
        low, high = found.spread.ends(found.value, confidence) or (None, None)
        return {
            **key, "mixed": found.value, "mixed_low": low, "mixed_high": high, "mixed_p": found.spread.p_value(found.value),
            "mixed_undefined": found.spread.undefined,
        }  # fmt: skip

    return pl.DataFrame(run_each(row, len(asked)), schema=MIXED)


def mixed_gap(hits: FloatArray, in_group: NDArray[np.bool_], items: Codes, annotators: Codes) -> MixedGap:
    """The gap of one comparison.

    Args:
        hits: (N,) of each vote that counts, 0 to 1.
        in_group: (N,) whether its annotator is in the group; the rest are the others.
        items, annotators: (N,) codes from 0; one vote an annotator and item.
    """
    x = in_group.astype(np.float64)
    n_items = np.bincount(items).astype(np.float64)
    share = (np.bincount(items, x) / np.maximum(n_items, 1))[items]
    if not float(((x - share) ** 2).sum()) > _LEAST * x.size:
        return MixedGap.none(NOTHING_SHARED)
    y = hits - hits.mean()
    if not float(y @ y) > _LEAST * y.size:
        return MixedGap.none(ALL_ALIKE)
    variances = _variances(y, x, share, (items, annotators))
    return _solved(y, np.column_stack([np.ones_like(x), x, share]), (items, annotators), variances, x)


def _variances(y: FloatArray, x: FloatArray, z: FloatArray, groups: Pair) -> tuple[float, float, float]:
    """s_a^2, s_b^2, s_e^2; below 0 is 0."""
    items, annotators = groups
    rest = two_way(annotators, items).residuals(y)
    n_items, n_annotators = int((np.bincount(items) > 0).sum()), int((np.bincount(annotators) > 0).sum())
    free = max(y.size - n_items - n_annotators + 1, 1)
    left = max(float(rest @ rest) / free, _LEAST)
    inside_items, degrees_a, trace_a = _moment(y, x, items, annotators)
    inside_people, degrees_b, trace_b = _moment(y, z, annotators, items)
    of_annotators = (inside_items - left * degrees_a) / trace_a if trace_a > 0 else 0.0
    of_items = (inside_people - left * degrees_b) / trace_b if trace_b > 0 else 0.0
    return max(of_annotators, 0.0), max(of_items, 0.0), left


def _moment(y: FloatArray, x: FloatArray, fixed: Codes, other: Codes) -> tuple[float, float, float]:
    """The sum of squares of y inside `fixed` and without x; how often it holds s_e^2, and how often the other's variance."""
    n = np.maximum(np.bincount(fixed), 1).astype(np.float64)
    inside_y = y - (np.bincount(fixed, y) / n)[fixed]
    inside_x = x - (np.bincount(fixed, x) / n)[fixed]
    weight = float(inside_x @ inside_x)
    squares, degrees = float(inside_y @ inside_y), y.size - float((np.bincount(fixed) > 0).sum())
    trace = degrees  # one vote a pair: each of the other's terms is in a group once
    if weight > _LEAST * y.size:
        squares -= float(inside_x @ inside_y) ** 2 / weight
        trace -= float((np.bincount(other, inside_x) ** 2).sum()) / weight
        degrees -= 1
    return squares, degrees, trace


def _solved(
    y: FloatArray, fixed: FloatArray, groups: Pair, variances: tuple[float, float, float], x: FloatArray
) -> MixedGap:
    items, annotators = groups
    of_annotators, of_items, left = variances
    penalties = tuple(left / one if one > 0 else np.inf for one in (of_annotators, of_items))
    ready = shrunk_two_way(annotators, items, (penalties[0], penalties[1]))
    solved = np.column_stack([ready.residuals(column) for column in fixed.T])
    inverse = np.linalg.pinv(fixed.T @ solved, rcond=1e-10, hermitian=True)
    value = float((inverse @ (solved.T @ y))[1])
    error = float(np.sqrt(max(left * inverse[1, 1], 0.0)))
    sides = [np.unique(annotators[x == side]).size for side in (1, 0)]
    if min(sides) < MIN_ANNOTATORS:
        spread = Spread(None, 0.0, f"fewer than {MIN_ANNOTATORS} annotators on a side: description only")
    else:
        spread = Spread(error, float(sum(sides) - 2))
    return MixedGap(value, spread, of_annotators, of_items, left)
