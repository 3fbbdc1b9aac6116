"""Gaps with what was labelled, or who labelled, held fixed: Mantel and Haenszel's comparison inside strata.

People of two groups may label differently because they were given other items. So a gap between groups of annotators is
compared inside items that both labelled, and one between groups of items inside annotators who labelled both. In a stratum
with n1 and n0 votes on either side, a and b of them hits, n in all (Greenland & Robins 1985, Biometrics 41; Mantel & Haenszel
1959):

    difference = sum (a n0 - b n1) / n  /  sum n1 n0 / n           (what a linear model with a term for each stratum gives)
    ratio      = sum a n0 / n  /  sum b n1 / n
    odds ratio = sum a (n0 - b) / n  /  sum b (n1 - a) / n

A stratum with one side only says nothing and takes no part; where there are no others the gap is undefined, since it
cannot be told from the items. Intervals resample what `Draws` says; strata are kept as they are unless both are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.frames import FloatArray, IntArray
from analytics.gap_draws import Draws, drawn_annotators
from analytics.gap_strata import ADJUSTED, Blocks, Compared, Strata, compared_shares, gap_rows
from analytics.group_outcomes import (
    DISAGREEMENT,
    NO_LABEL,
    codes_of,
    disagreement_outcomes,
    gold_outcomes,
    group_votes,
    label_outcomes,
    labels_reported,
    model_outcomes,
    odds_outcomes,
)


@dataclass(frozen=True, slots=True)
class Stratified:
    """The sides of one comparison summed over strata: Mantel and Haenszel's figures. Counts may be fractions.

    Attributes:
        difference: of the shares; None where no stratum holds both sides.
        ratio: of the shares; None where it has no finite value.
        odds_ratio: None where it has no finite value.
    """

    difference: float | None
    ratio: float | None
    odds_ratio: float | None


def mantel_haenszel(hits: FloatArray | IntArray, totals: FloatArray | IntArray) -> Stratified:
    """Mantel and Haenszel's common figures of 2 x 2 tables: hits (T, 2) of totals (T, 2), in each stratum the side and the other.

    >>> hits, totals = np.array([[512, 89], [353, 17]]), np.array([[825, 108], [560, 25]])
    >>> round(mantel_haenszel(hits, totals).odds_ratio, 2)
    0.43
    """
    (a, b), (n1, n0) = np.asarray(hits, np.float64).T, np.asarray(totals, np.float64).T
    n = np.where(n1 + n0 > 0, n1 + n0, 1.0)
    above, below, shared, both = (np.sum(product / n) for product in (a * n0, b * n1, n1 * n0, a * b))
    return Stratified(
        float((above - below) / shared) if shared > 0 else None,
        float(above / below) if below > 0 else None,
        float((above - both) / (below - both)) if below - both > 1e-12 else None,
    )


def annotator_gaps(
    votes: pl.DataFrame,
    groups: pl.DataFrame,
    *,
    n_labels: int,
    draws: Draws,
    item_groups: pl.DataFrame | None = None,
    gold: pl.DataFrame | None = None,
    model: pl.DataFrame | None = None,
    labels: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Gaps between groups of annotators inside the items that both sides labelled; each group against all others.

    Disagreement is with the consensus of the other groups: each vote of the others is left out in turn, and it and the
    group's votes are held against what most of the rest of the others gave (`group_kernels.doubts_by_others`).

    Args:
        votes: one row an annotation (VOTES); of several by one annotator on an item the last counts (`order`).
        groups: annotator_code, group_code (from 0). Who has no row takes no part, also not among the others.
        n_labels: K of the label set.
        draws: resample "annotators", or "both" where the gap is to hold for other items too.
        item_groups: item_code, group_code: gaps for each group of items by itself; items without a row take no part.
        gold: item_code, label_code, for errors and the rates of equalised odds.
        model: item_code, label_code: what a model says of each item.
        labels: codes that label rates are told of; None: all, of two only the second.

    Returns:
        ADJUSTED, one row a measure, label, group and slice.

    Raises:
        MissingColumn, BadColumn, BadOption: misuse, as the messages say.
    """
    from analytics.group_kernels import doubts_by_others

    draws.checked("annotators", "both")
    coded = group_votes(votes, n_labels=n_labels)
    told = labels_reported(n_labels, labels)
    of_annotator, n_groups = codes_of(coded.coded.annotator_codes, groups, "annotator_code")
    slices, n_slices = np.zeros(coded.coded.n_items, dtype=np.int32), 1
    group = of_annotator[coded.annotators]
    if item_groups is not None:
        slices, n_slices = codes_of(coded.coded.item_codes, item_groups, "item_code")
        group = np.where(slices[coded.items] < 0, -1, group)
        slices = np.maximum(slices, 0)
    strata = Strata(coded.starts, coded.annotators, coded.items, slices, n_slices)
    people = drawn_annotators(of_annotator.astype(np.int64), draws)
    blocks = Blocks(draws, units=people, strata=coded.coded.n_items if draws.resample == "both" else None)
    every = [label_outcomes(coded, told)]
    every += [] if gold is None else [gold_outcomes(coded, gold), odds_outcomes(coded, told, gold)]
    every += [] if model is None else [model_outcomes(coded, model)]
    rows: list[dict[str, object]] = []
    for code in range(n_groups):
        sides = np.where(group < 0, -1, group == code).astype(np.int8)
        doubts = doubts_by_others(coded.starts, sides, coded.labels, n_labels)
        for compared in (Compared(*doubts, DISAGREEMENT, NO_LABEL), *compared_shares(every, sides)):
            rows += gap_rows(strata, compared, code, blocks)
    return pl.DataFrame(rows, schema=ADJUSTED)


def item_gaps(
    votes: pl.DataFrame,
    groups: pl.DataFrame,
    *,
    n_labels: int,
    draws: Draws,
    gold: pl.DataFrame | None = None,
    labels: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Gaps between groups of items inside the annotators who labelled both; each group against all others.

    As `annotator_gaps`, but strata are annotators, and items are drawn ("items"), or both. Disagreement is with what most of
    the item's other annotators gave.
    """
    draws.checked("items", "both")
    coded = group_votes(votes, n_labels=n_labels)
    told = labels_reported(n_labels, labels)
    of_item, n_groups = codes_of(coded.coded.item_codes, groups, "item_code")
    order = np.argsort(coded.annotators, kind="stable")
    starts = np.append(
        0, np.cumsum(np.bincount(coded.annotators, minlength=coded.coded.n_annotators))
    ).astype(np.int64)
    slices = np.zeros(coded.coded.n_annotators, dtype=np.int32)
    strata = Strata(starts, coded.items[order], coded.annotators[order], slices, 1)
    group = of_item[coded.items]
    every = [label_outcomes(coded, told), disagreement_outcomes(coded)]
    every += [] if gold is None else [gold_outcomes(coded, gold)]
    every.append(odds_outcomes(coded, told, gold))
    people = drawn_annotators(np.zeros(coded.coded.n_annotators, dtype=np.int64), draws)
    blocks = Blocks(draws, units=coded.coded.n_items, strata=people if draws.resample == "both" else None)
    rows: list[dict[str, object]] = []
    for code in range(n_groups):
        sides = np.where(group < 0, -1, group == code).astype(np.int8)
        for compared in compared_shares(every, sides):
            placed = Compared(compared.sides[order], compared.hits[order], compared.measure, compared.label)
            rows += gap_rows(strata, placed, code, blocks)
    return pl.DataFrame(rows, schema=ADJUSTED)
