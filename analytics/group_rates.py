"""Rates by group, each beside everybody else's: what was labelled how, for groups of items or of annotators.

A gap is a group's share less that of all other groups together. What is resampled is what the claim is about: items for
groups of items; annotators for groups of annotators (a gap between ten people and ten others is not known better by
asking them more); both where the claim is about other items and other people too (the pigeonhole bootstrap: Owen 2007,
Annals of Applied Statistics 1). Nothing here is adjusted: see `adjusted_gaps`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from analytics.chunks import run_each
from analytics.coded_votes import SmallInts
from analytics.frames import FloatArray, IntArray
from analytics.gap_draws import BLOCK, Draws, Sides, beside, drawn_annotators, units_on_sides
from analytics.group_outcomes import (
    GroupVotes,
    Outcomes,
    Share,
    codes_of,
    disagreement_outcomes,
    gold_outcomes,
    group_votes,
    label_outcomes,
    labels_by_others,
    labels_reported,
    model_outcomes,
    odds_outcomes,
)

Sums = tuple[FloatArray, FloatArray]
Units = list[list[tuple[int, int]]]

RATES = {
    "group_code": pl.Int64, "measure": pl.String, "label_code": pl.Int64, "n_items": pl.Int64, "n_annotators": pl.Int64,
    "n": pl.Int64, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "others": pl.Float64,
    "difference": pl.Float64, "diff_low": pl.Float64, "diff_high": pl.Float64, "ratio": pl.Float64, "ratio_low": pl.Float64,
    "ratio_high": pl.Float64, "odds_ratio": pl.Float64, "cohens_h": pl.Float64, "error": pl.Float64, "freedom": pl.Float64,
    "p_value": pl.Float64, "undefined": pl.String, "no_interval": pl.String,
}  # fmt: skip
"""Columns of rates: the group's share `value` of its `n` votes, that of all `others`, their difference with standard `error`
and t degrees of `freedom`; `undefined`: why there is no value; `no_interval`: why there is no interval."""


def item_group_rates(
    votes: pl.DataFrame,
    groups: pl.DataFrame,
    *,
    n_labels: int,
    draws: Draws,
    gold: pl.DataFrame | None = None,
    model: pl.DataFrame | None = None,
    labels: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Rates by group of items: labels, disagreement with the other annotators, error on gold, both rates of equalised odds, model.

    Args:
        votes: one row an annotation (VOTES); of several by one annotator on an item the last counts (`order`).
        groups: item_code, group_code (from 0). Items without a row take no part, also not among the others.
        n_labels: K of the label set.
        draws: resample "items", or "both" where the figure is to hold for other annotators too.
        gold: item_code, label_code; the reference of equalised odds, which is what most others gave where gold is None.
        model: item_code, label_code: what a model says of each item.
        labels: codes that label rates are told of; None: all, of two only the second.

    Returns:
        RATES, one row a measure, label and group.

    Raises:
        MissingColumn, BadColumn, BadOption: misuse, as the messages say.
    """
    draws.checked("items", "both")
    coded = group_votes(votes, n_labels=n_labels)
    group, n_groups = codes_of(coded.coded.item_codes, groups, "item_code")
    told = labels_reported(n_labels, labels)
    every = _outcomes(coded, told, gold, model, is_of_items=True)
    return pl.concat([_rates(coded, outcomes, group[coded.items], n_groups, draws) for outcomes in every])


def annotator_group_rates(
    votes: pl.DataFrame,
    groups: pl.DataFrame,
    *,
    n_labels: int,
    draws: Draws,
    gold: pl.DataFrame | None = None,
    model: pl.DataFrame | None = None,
    labels: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Rates by group of annotators: labels, error on gold, both rates of equalised odds beside gold, how far a model contradicts.

    Disagreement with the others is no crude rate, since it depends on who the others are: see `adjusted_gaps`.
    Arguments, result and errors as `item_group_rates`; `groups`: annotator_code, group_code; `draws` resample
    "annotators" or "both".
    """
    draws.checked("annotators", "both")
    coded = group_votes(votes, n_labels=n_labels)
    group, n_groups = codes_of(coded.coded.annotator_codes, groups, "annotator_code")
    told = labels_reported(n_labels, labels)
    every = _outcomes(coded, told, gold, model, is_of_items=False)
    return pl.concat(
        [_rates(coded, outcomes, group[coded.annotators], n_groups, draws) for outcomes in every]
    )


def _outcomes(
    votes: GroupVotes,
    labels: Sequence[int],
    gold: pl.DataFrame | None,
    model: pl.DataFrame | None,
    *,
    is_of_items: bool,
) -> Iterator[Outcomes]:
    yield label_outcomes(votes, labels)
    others = labels_by_others(votes) if is_of_items else None
    if others is not None:
        yield disagreement_outcomes(votes, others)
    if gold is not None and not gold.is_empty():
        yield gold_outcomes(votes, gold)
        yield odds_outcomes(votes, labels, gold)
    elif others is not None:
        yield odds_outcomes(votes, labels, others=others)
    if model is not None and not model.is_empty():
        yield model_outcomes(votes, model)


def _rates(
    votes: GroupVotes, outcomes: Outcomes, group: SmallInts, n_groups: int, draws: Draws
) -> pl.DataFrame:
    """The rows of every share of one outcome coding; `group` (V,) of each vote, -1 for none."""
    keep = (group >= 0) & (outcomes.codes >= 0)
    cells = np.where(keep, group * outcomes.n_outcomes + outcomes.codes, -1).astype(np.int32)
    n_cells = n_groups * outcomes.n_outcomes
    point = np.bincount(cells[keep], minlength=n_cells).astype(np.float64)[:, None]
    if draws.resample == "items":
        drawn = None
    elif draws.resample == "both":
        drawn = _cells_drawn(votes, cells, n_cells, draws)
    else:
        drawn = _cells_by_annotators(votes, cells, n_cells, group, n_groups, draws)
    rows: list[dict[str, object]] = []
    for share in outcomes.shares:
        units = [
            _units(codes, n_units, (group, n_groups), outcomes, share)
            for codes, n_units in (
                (votes.items, votes.coded.n_items),
                (votes.annotators, votes.coded.n_annotators),
            )
        ]
        replicates = (
            _items_drawn(votes, outcomes, share, group, n_groups, draws)
            if drawn is None
            else _sums(drawn, share, n_groups)
        )
        hits, counted = _sums(point, share, n_groups)
        rows += _rows(share, (hits[:, 0], counted[:, 0]), replicates, units, draws)
    return pl.DataFrame(rows, schema=RATES)


def _units(
    codes: SmallInts, n_units: int, groups: tuple[SmallInts, int], outcomes: Outcomes, share: Share
) -> list[tuple[int, int]]:
    """How many items or annotators a figure rests on in each group, and in all others."""
    from analytics.group_kernels import mark_units

    group, n_groups = groups
    seen = np.zeros((n_groups, n_units), dtype=np.bool_)
    mark_units(codes, group, outcomes.codes, share.counted, seen)
    return units_on_sides(seen)


def _sums(cells: FloatArray, share: Share, n_groups: int) -> Sums:
    """Hits and counted votes of each group (G, R), from cells (G O, R)."""
    by_group = cells.reshape(n_groups, len(share.hits), -1)
    return by_group[:, share.hits].sum(axis=1), by_group[:, share.counted].sum(axis=1)


def _items_drawn(
    votes: GroupVotes, outcomes: Outcomes, share: Share, group: SmallInts, n_groups: int, draws: Draws
) -> Sums:
    """Hits and counted votes of each group (G, R), items drawn: items of one group with equal counts are one pattern."""
    from analytics.group_kernels import count_outcomes

    hits, counted = count_outcomes(votes.starts, outcomes.codes, share.hits, share.counted)
    of_item = group[votes.starts[:-1]] if len(votes.items) else np.zeros(0, dtype=np.int32)
    some = (counted > 0) & (of_item >= 0)
    span = int(counted.max(initial=0)) + 1
    key = (of_item[some].astype(np.int64) * span + counted[some]) * span + hits[some]
    patterns, n = _distinct(key, n_groups * span * span)
    rng = np.random.default_rng(draws.seed)
    drawn = rng.poisson(n[:, None], size=(len(n), draws.replicates)).astype(np.float64)
    in_group = (patterns // (span * span)) == np.arange(n_groups)[:, None]
    return (in_group * (patterns % span)) @ drawn, (in_group * (patterns // span % span)) @ drawn


def _distinct(keys: IntArray, n_keys: int) -> tuple[IntArray, IntArray]:
    """The keys that occur, ascending, and how often."""
    if n_keys > 4 * len(keys) + 1_000_000:
        patterns, n = np.unique(keys, return_counts=True)
        return patterns, n
    counts = np.bincount(keys, minlength=n_keys)
    patterns = np.flatnonzero(counts)
    return patterns, counts[patterns]


def _cells_by_annotators(
    votes: GroupVotes, cells: SmallInts, n_cells: int, group: SmallInts, n_groups: int, draws: Draws
) -> FloatArray:
    """Votes of each cell (C, R), annotators drawn inside their groups."""
    n_annotators = votes.coded.n_annotators
    of_annotator = np.full(n_annotators, -1, dtype=np.int64)
    of_annotator[votes.annotators] = group
    weights = drawn_annotators(of_annotator, draws)
    keep = cells >= 0
    table = np.bincount(
        votes.annotators[keep].astype(np.int64) * n_cells + cells[keep], minlength=n_annotators * n_cells
    ).reshape(n_annotators, n_cells)
    sums = np.zeros((n_cells, draws.replicates))
    width = n_cells // max(n_groups, 1)
    for code in range(n_groups):
        members, own = of_annotator == code, slice(code * width, (code + 1) * width)
        sums[own] = table[members][:, own].T.astype(np.float64) @ weights[members]
    return sums


def _cells_drawn(votes: GroupVotes, cells: SmallInts, n_cells: int, draws: Draws) -> FloatArray:
    """Votes of each cell (C, 3 R): items and annotators drawn (a vote counts as often as its item was, times its annotator),
    annotators alone, items alone.
    """
    from analytics.group_kernels import add_cells, poisson_weights

    coded = votes.coded
    weights = drawn_annotators(np.zeros(coded.n_annotators, dtype=np.int64), draws)
    firsts = range(0, draws.replicates, BLOCK)

    def block(number: int) -> tuple[FloatArray, FloatArray]:
        own = np.zeros((coded.n_annotators, BLOCK), dtype=np.uint8)
        some = weights[:, firsts[number] : firsts[number] + BLOCK]
        own[:, : some.shape[1]] = some
        items = poisson_weights(coded.n_items, draws.seed, firsts[number], BLOCK)
        sums = np.zeros((2, n_cells, BLOCK), dtype=np.int64)
        add_cells(votes.starts, (votes.annotators, cells), items, own, sums)
        found = sums[:, :, : some.shape[1]].astype(np.float64)
        return found[0], found[1]

    keep = cells >= 0
    table = np.bincount(
        votes.annotators[keep].astype(np.int64) * n_cells + cells[keep],
        minlength=coded.n_annotators * n_cells,
    ).reshape(coded.n_annotators, n_cells)
    annotators = table.T.astype(np.float64) @ weights
    blocks = run_each(block, len(firsts))
    both, items = ([np.zeros((n_cells, 0)), *(pair[way] for pair in blocks)] for way in (0, 1))
    return np.concatenate([*both, annotators, *items], axis=1)


def _rows(share: Share, point: Sums, replicates: Sums, units: Units, draws: Draws) -> list[dict[str, object]]:
    """A row a group: its share beside that of the others together."""
    hits, counted = point
    rep_hits, rep_counted = replicates
    all_hits, all_counted = rep_hits.sum(axis=0), rep_counted.sum(axis=0)
    rows = []
    for code in range(len(hits)):
        fixed: dict[str, object] = {
            "group_code": code, "measure": share.measure, "label_code": share.label, "n_items": units[0][code][0],
            "n_annotators": units[1][code][0], "n": int(counted[code]),
        }  # fmt: skip
        others = (float(hits.sum() - hits[code]), float(counted.sum() - counted[code]))
        if not counted[code] or not others[1]:
            who = "this group has" if not counted[code] else "the other groups have"
            rows.append({**fixed, "undefined": f"{who} no annotations that count here"})
            continue
        one = _quotient(rep_hits[code], rep_counted[code])
        rest = _quotient(all_hits - rep_hits[code], all_counted - rep_counted[code])
        sides = Sides.of(units[0][code], units[1][code], draws.resample)
        value = float(hits[code] / counted[code])
        rows.append({**fixed, **beside(value, others[0] / others[1], (one, rest), sides, draws)})
    return rows


def _quotient(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))
