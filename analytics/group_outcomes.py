"""What became of each vote: the label it gave, right or wrong beside gold or the others, doubted by a model.

An outcome is a small code for each vote (-1: does not count). A figure is a share of outcomes: those that are hits, of those
that are counted; so one coding gives several figures, such as every label's rate, or both rates of an equalised-odds gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.coded_votes import CodedVotes, SmallInts, code_votes
from analytics.errors import BadColumn, BadOption
from analytics.frames import GOLD, VOTES, Contract, IntArray, one_vote_each, require, require_labels

LABEL_RATE, DISAGREEMENT, ERROR_ON_GOLD = "label_rate", "disagreement", "error_on_gold"
TRUE_POSITIVE, FALSE_POSITIVE, MODEL_ERROR = "true_positive_rate", "false_positive_rate", "model_error"
MEASURES = (LABEL_RATE, DISAGREEMENT, ERROR_ON_GOLD, TRUE_POSITIVE, FALSE_POSITIVE, MODEL_ERROR)

NOBODY = -2  # what `group_kernels.labels_of_others` gives where nobody else labelled the item
NO_LABEL = -1
"""The label code of a figure that is of no one label."""


@dataclass(frozen=True, slots=True)
class Share:
    """One figure of an outcome coding: `hits` (O,) of the `counted` (O,). `label`: its label code, or NO_LABEL."""

    measure: str
    label: int
    hits: NDArray[np.bool_]
    counted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcome (V,) of each vote, in [0, n_outcomes) or -1, and the figures that are shares of them."""

    codes: SmallInts
    n_outcomes: int
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class GroupVotes:
    """Votes sorted by item, then annotator; one an annotator and item. `items`, `annotators`, `labels`: (V,) dense codes."""

    coded: CodedVotes
    items: SmallInts
    annotators: SmallInts
    labels: SmallInts

    @property
    def starts(self) -> IntArray:
        """(I + 1,) where each item's votes begin."""
        return self.coded.starts


def group_votes(votes: pl.DataFrame, *, n_labels: int) -> GroupVotes:
    """Votes as arrays. Of several votes of one annotator on one item the last counts (`order`).

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`; MissingColumn without `order` where there are repeats.
    """
    require_labels(votes, VOTES, n_labels)
    coded = code_votes(one_vote_each(votes, "last"), n_labels=n_labels)
    pairs = coded.pairs
    return GroupVotes(
        coded=coded,
        items=np.repeat(np.arange(coded.n_items, dtype=np.int32), coded.votes_of_item),
        annotators=coded.annotator_of_pair[pairs],
        labels=coded.label_of_pair[pairs],
    )


def codes_of(codes: IntArray, groups: pl.DataFrame, key: str) -> tuple[SmallInts, int]:
    """The group (dense code) of each of the item or annotator codes, -1 where it has none; and G.

    Raises:
        MissingColumn, BadColumn: `groups` lacks a column, or has a key twice.
    """
    require(groups, Contract("groups", (key, "group_code")))
    if groups.get_column(key).is_duplicated().any():
        raise BadColumn("groups", key, "is there twice; each belongs to one group")
    joined = pl.DataFrame({key: codes}).join(
        groups.select(pl.col(key).cast(pl.Int64), pl.col("group_code").cast(pl.Int32)),
        on=key,
        how="left",
        maintain_order="left",
    )
    largest = groups.get_column("group_code").max()
    return joined.get_column("group_code").fill_null(-1).to_numpy(), (
        int(largest) + 1 if isinstance(largest, int) else 0
    )


def label_outcomes(votes: GroupVotes, labels: Sequence[int]) -> Outcomes:
    """Which label each vote gave; a share for each of `labels`."""
    n_labels = votes.coded.n_labels
    every, one = np.ones(n_labels, dtype=np.bool_), np.eye(n_labels, dtype=np.bool_)
    return Outcomes(
        votes.labels, n_labels, tuple(Share(LABEL_RATE, label, one[label], every) for label in labels)
    )


def disagreement_outcomes(votes: GroupVotes, others: SmallInts | None = None) -> Outcomes:
    """Whether each vote is contradicted by most of the item's other annotators: where these are tied it is not.

    `others`: what `labels_by_others` gives, where it is at hand.
    """
    others = labels_by_others(votes) if others is None else others
    codes = np.where(others == NOBODY, -1, (others >= 0) & (others != votes.labels)).astype(np.int32)
    return _two_ways(codes, DISAGREEMENT)


def gold_outcomes(votes: GroupVotes, gold: pl.DataFrame) -> Outcomes:
    """Whether each vote on an item with gold is another label.

    Raises:
        MissingColumn, BadColumn: `gold` breaks its contract, or an item has two gold labels.
    """
    return _right_or_wrong(known_labels(votes, gold), votes.labels, ERROR_ON_GOLD)


def odds_outcomes(
    votes: GroupVotes,
    labels: Sequence[int],
    gold: pl.DataFrame | None = None,
    others: SmallInts | None = None,
) -> Outcomes:
    """How often a label is given where it is the reference, and where it is not: the two rates of equalised odds.

    (Hardt, Price & Srebro 2016; a label set of more than two is taken one label against the rest.) The reference is gold, or
    where that is None what most of the others gave (`others`: see `disagreement_outcomes`).
    """
    n_labels = votes.coded.n_labels
    if gold is not None:
        known = known_labels(votes, gold)
    else:
        known = labels_by_others(votes) if others is None else others
    codes = np.where(known < 0, -1, known * n_labels + votes.labels).astype(np.int32)
    reference, given = np.divmod(np.arange(n_labels * n_labels), n_labels)
    shares = []
    for label in labels:
        shares.append(
            Share(TRUE_POSITIVE, label, (reference == label) & (given == label), reference == label)
        )
        shares.append(
            Share(FALSE_POSITIVE, label, (reference != label) & (given == label), reference != label)
        )
    return Outcomes(codes, n_labels * n_labels, tuple(shares))


def model_outcomes(votes: GroupVotes, model: pl.DataFrame) -> Outcomes:
    """Whether the model's label of the item is another than each vote: the model's error, had the vote been right."""
    return _right_or_wrong(known_labels(votes, model), votes.labels, MODEL_ERROR)


def votes_of_figure(
    votes: pl.DataFrame,
    measure: str,
    label: int,
    *,
    n_labels: int,
    gold: pl.DataFrame | None = None,
    model: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The votes that a figure is made of: item_code, annotator_code, label_code, hit; sorted by item and annotator.

    Args:
        votes: as everywhere here.
        measure: one of MEASURES; disagreement is with the item's other annotators.
        label: the label that rates are of; NO_LABEL for the others.
        n_labels: K.
        gold: of an error on gold, and the reference of both rates of equalised odds (None: what most others gave).
        model: of a model's error.

    Raises:
        BadOption: there is no such figure, or what it needs is not given.
    """
    coded = group_votes(votes, n_labels=n_labels)
    if measure == LABEL_RATE:
        every = label_outcomes(coded, [label])
    elif measure == DISAGREEMENT:
        every = disagreement_outcomes(coded)
    elif measure == ERROR_ON_GOLD and gold is not None:
        every = gold_outcomes(coded, gold)
    elif measure in (TRUE_POSITIVE, FALSE_POSITIVE):
        every = odds_outcomes(coded, [label], gold)
    elif measure == MODEL_ERROR and model is not None:
        every = model_outcomes(coded, model)
    else:
        raise BadOption(
            "measure", measure, f"one of {', '.join(MEASURES)}, with gold or a model where it needs one"
        )
    share = next(share for share in every.shares if share.measure == measure)
    kept = (every.codes >= 0) & share.counted[every.codes]
    return pl.DataFrame(
        {
            "item_code": coded.coded.item_codes[coded.items],
            "annotator_code": coded.coded.annotator_codes[coded.annotators],
            "label_code": coded.labels.astype(np.int64),
            "hit": share.hits[every.codes],
        }
    ).filter(pl.Series(kept, dtype=pl.Boolean))


def known_labels(votes: GroupVotes, known: pl.DataFrame) -> SmallInts:
    """(V,) the label that `known` (item_code, label_code) has for each vote's item, else -1."""
    require_labels(known, GOLD, votes.coded.n_labels)
    if known.get_column("item_code").is_duplicated().any():
        raise BadColumn("gold", "item_code", "has an item twice; it takes one label an item")
    joined = pl.DataFrame({"item_code": votes.coded.item_codes}).join(
        known.select(pl.col("item_code").cast(pl.Int64), pl.col("label_code").cast(pl.Int32)),
        on="item_code",
        how="left",
        maintain_order="left",
    )
    return joined.get_column("label_code").fill_null(-1).to_numpy()[votes.items]


def labels_reported(n_labels: int, labels: Sequence[int] | None) -> tuple[int, ...]:
    """The labels that rates are told of: those asked for; else all of them, of two only the second, which says both.

    Raises:
        BadOption: a label is not in the set.
    """
    if labels is None:
        return (1,) if n_labels == 2 else tuple(range(n_labels))
    if not all(0 <= label < n_labels for label in labels):
        raise BadOption("labels", tuple(labels), f"codes from 0 to {n_labels - 1}")
    return tuple(labels)


def labels_by_others(votes: GroupVotes) -> SmallInts:
    """(V,) what most of each vote's item's other annotators gave; -1: tied, NOBODY: there are none."""
    from analytics.group_kernels import labels_of_others

    return labels_of_others(votes.starts, votes.annotators, votes.labels, votes.coded.n_labels)


def _right_or_wrong(known: SmallInts, labels: SmallInts, measure: str) -> Outcomes:
    return _two_ways(np.where(known < 0, -1, known != labels).astype(np.int32), measure)


def _two_ways(codes: SmallInts, measure: str) -> Outcomes:
    wrong = np.array([False, True])
    return Outcomes(codes, 2, (Share(measure, NO_LABEL, wrong, ~wrong | wrong),))
