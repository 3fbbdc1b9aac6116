"""Reasons to doubt an item's label: each is one small function that gives one frame of the items it doubts.

Every frame is as `reasons.doubted_items` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.annotators import annotator_label_agreement, one_gold_each
from analytics.consensus import ITEMS_SCHEMA, majority_vote
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import GOLD, VOTES, Contract, require_labels
from analytics.reasons import Reason, doubted_items

_ITEMS = Contract("items", ("item_code", "label_code"))


@dataclass(frozen=True, slots=True)
class Grounds:
    """All that the reasons look at, and the limits they go by.

    Attributes:
        votes: a frame that keeps VOTES.
        items: `Consensus.items` of any method.
        gold: a frame that keeps GOLD; empty where no gold is known.
        n_labels: K, the number of labels of the label set.
        least_probability: `low_posterior` doubts labels less probable than this.
        least_margin: `split_vote` doubts items whose first two labels are within this share of the votes.
        level: `weak_annotator` goes by differences significant at this level, after correction.
    """

    votes: pl.DataFrame
    items: pl.DataFrame
    gold: pl.DataFrame
    n_labels: int
    least_probability: float = 0.8
    least_margin: float = 0.2
    level: float = 0.05


def low_posterior(items: pl.DataFrame, *, limit: float = 0.8) -> pl.DataFrame:
    """Items whose label has a probability under `limit`; score = 1 - p_label.

    Evidence: label_code, p_label, runner_up_label_code (null if there is one label only), p_runner_up,
    n_annotations, limit.

    Raises:
        MissingColumn: `items` is not as `Consensus.items`.
        BadOption: `limit` outside [0, 1].
    """
    _check_share("limit", limit)
    doubted = _items(items).filter(pl.col("p_label") < limit)
    return doubted_items(
        doubted.with_columns(_runner_up(doubted), limit=pl.lit(limit)).with_columns(
            p_runner_up=pl.col("posterior").list.get(pl.col("runner_up_label_code"))
        ),
        "low_posterior",
        score=1 - pl.col("p_label"),
        threshold=1 - limit,
        evidence=["label_code", "p_label", "runner_up_label_code", "p_runner_up", "n_annotations", "limit"],
    )


def split_vote(votes: pl.DataFrame, *, n_labels: int, limit: float = 0.2) -> pl.DataFrame:
    """Items whose two most frequent labels differ by at most `limit` of the votes; score = 1 - that margin.

    With the default, 3 to 2 is split, 2 to 1 is not. Repeats count. An item with one vote is never split.

    Evidence: label_code and second_label_code (smallest code first where equal), n_first, n_second,
    n_annotations, margin, limit.

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`; BadOption for `limit` outside [0, 1).
    """
    _check_share("limit", limit, below_one=True)
    require_labels(votes, VOTES, n_labels)
    counts = votes.group_by(pl.col("item_code", "label_code").cast(pl.Int64)).agg(
        pl.len().cast(pl.Int64).alias("n")
    )
    ranked = counts.sort(["item_code", "n", "label_code"], descending=[False, True, False])
    firsts = ranked.group_by("item_code", maintain_order=True).agg(
        pl.col("label_code").first(),
        pl.col("n").first().alias("n_first"),
        pl.col("label_code").get(1, null_on_oob=True).alias("second_label_code"),
        pl.col("n").get(1, null_on_oob=True).alias("n_second"),
        pl.col("n").sum().alias("n_annotations"),
    )
    split = firsts.with_columns(
        ((pl.col("n_first") - pl.col("n_second")) / pl.col("n_annotations")).alias("margin"),
        limit=pl.lit(limit),
    ).filter(pl.col("margin") <= limit)
    return doubted_items(
        split,
        "split_vote",
        score=1 - pl.col("margin"),
        threshold=1 - limit,
        evidence=[
            "label_code",
            "second_label_code",
            "n_first",
            "n_second",
            "n_annotations",
            "margin",
            "limit",
        ],
    )


def gold_disagreement(items: pl.DataFrame, gold: pl.DataFrame) -> pl.DataFrame:
    """Items whose consensus label is not the gold label; score = 1 - the probability of gold, 0.5 or more.

    Evidence: label_code, gold_label_code, p_label, p_gold, n_annotations.

    Raises:
        MissingColumn, BadColumn: `items` is not as `Consensus.items`, or `gold` breaks its contract, gives an
            item two rows or a label that the posterior does not have.
    """
    known = _items(items).join(one_gold_each(gold), on="item_code", how="inner")
    wrong = known.filter(pl.col("label_code") != pl.col("label_gold")).with_columns(
        p_gold=pl.col("posterior").list.get(pl.col("label_gold"), null_on_oob=True)
    )
    if wrong.get_column("p_gold").null_count():
        raise BadColumn(GOLD.name, "label_code", "has a label that the items' posterior has no place for")
    return doubted_items(
        wrong.rename({"label_gold": "gold_label_code"}),
        "gold_disagreement",
        score=1 - pl.col("p_gold"),
        threshold=0.5,
        evidence=["label_code", "gold_label_code", "p_label", "p_gold", "n_annotations"],
    )


def weak_annotator(
    votes: pl.DataFrame,
    items: pl.DataFrame,
    *,
    n_labels: int,
    level: float = 0.05,
    min_n: int = 10,
    min_gap: float = 0.1,
) -> pl.DataFrame:
    """Items whose label is decided by annotators who are far below their peers on a label in question.

    An annotator is weak on a label where, on items to which the others gave it, they agree less often than
    their peers: significantly (`annotator_label_agreement`, p_adjusted <= level, at least `min_n`
    annotations) and by at least `min_gap`. On an item, the votes of annotators who are weak on any label that
    the item was given are set aside. The item is doubted if the majority of the votes then is another label,
    a tie where there was none, or nothing at all - unless the rest agrees with the consensus label that the
    item already has. Score: the share of the remaining votes that are not for the item's label (1 where none
    remain).

    Evidence: label_code (the item's), annotator_code, on_label_code, agreement, peers_agreement, n, of the
    set-aside annotator with the widest gap; n_set_aside (votes), n_annotations, rest_label_code (null: tied
    or none).

    Raises:
        MissingColumn, BadColumn, BadOption: frames or options that break their contract.
    """
    _check_share("level", level)
    _check_share("min_gap", min_gap)
    require_labels(_items(items), _ITEMS, n_labels)
    table = annotator_label_agreement(votes, n_labels=n_labels, min_n=min_n)
    gap = pl.col("peers_agreement") - pl.col("agreement")
    weak = table.filter((pl.col("p_adjusted") <= level) & (gap >= min_gap)).with_columns(gap.alias("gap"))
    codes = votes.select(pl.col(*VOTES.codes).cast(pl.Int64))
    blamed = _set_aside(codes, weak)
    touched = codes.join(blamed.select("item_code").unique(), on="item_code", how="semi")
    kept = touched.join(blamed, on=["item_code", "annotator_code"], how="anti")
    doubted = _decided_by(touched, kept, items, n_labels).join(
        blamed.unique("item_code", keep="first", maintain_order=True), on="item_code", how="inner"
    )
    fields = ["label_code", "annotator_code", "on_label_code", "agreement", "peers_agreement", "n"]
    return doubted_items(
        doubted,
        "weak_annotator",
        score=pl.col("doubt"),
        threshold=0.5,
        evidence=[*fields, "n_set_aside", "n_annotations", "rest_label_code"],
    )


REASONS: tuple[Reason[Grounds], ...] = (
    Reason(
        key="low_posterior",
        title="The votes do not settle the label",
        rule="The consensus gives the label less than the limit.",
        words="The annotations support {label} at {p_label:.0%}, under the limit of {limit:.0%}; next comes "
        "{runner_up_label}.",
        detect=lambda seen: low_posterior(seen.items, limit=seen.least_probability),
    ),
    Reason(
        key="split_vote",
        title="The annotators are split",
        rule="The first two labels are within the limit of the votes of each other.",
        words="{n_first} of {n_annotations} annotations say {label}, {n_second} say {second_label}.",
        detect=lambda seen: split_vote(seen.votes, n_labels=seen.n_labels, limit=seen.least_margin),
    ),
    Reason(
        key="gold_disagreement",
        title="The label is not the known one",
        rule="The consensus is not the label known in advance.",
        words="The annotators chose {label}; the label known in advance is {gold_label}.",
        detect=lambda seen: gold_disagreement(seen.items, seen.gold),
    ),
    Reason(
        key="weak_annotator",
        title="The label rests on annotators who often differ from the others here",
        rule="Without the annotators who are surely less right than others on a label in question, another label would have come out.",
        words="Without {n_set_aside} of the {n_annotations} annotations this item would not be {label}. "
        "Where the others say {on_label}, {annotator} agrees {agreement:.0%} of the time ({n} annotations), "
        "the others {peers_agreement:.0%}.",
        detect=lambda seen: weak_annotator(seen.votes, seen.items, n_labels=seen.n_labels, level=seen.level),
    ),
)
"""Every reason that an item can be doubted for, in the order in which they are told."""


def _check_share(option: str, value: float, *, below_one: bool = False) -> None:
    if not 0 <= value <= 1 or (below_one and value == 1):
        raise BadOption(option, value, "0 or more and less than 1" if below_one else "between 0 and 1")


def _items(items: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in ITEMS_SCHEMA if name not in items.columns]
    if missing:
        raise MissingColumn(_ITEMS.name, missing, items.columns, why="It has to be the items of a consensus.")
    return items


def _runner_up(items: pl.DataFrame) -> pl.Series:
    """The most probable label but the item's own, the smallest code of several; null if there is no other."""
    name = "runner_up_label_code"
    n_labels = items.get_column("posterior").list.len().max() if items.height else 0
    if not isinstance(n_labels, int) or n_labels < 2:
        return pl.Series(name, [None] * items.height, dtype=pl.Int64)
    posterior = items.get_column("posterior").list.to_array(n_labels).to_numpy(writable=True)
    posterior[np.arange(items.height), items.get_column("label_code").to_numpy()] = -1.0
    return pl.Series(name, posterior.argmax(axis=1), dtype=pl.Int64)


def _set_aside(votes: pl.DataFrame, weak: pl.DataFrame) -> pl.DataFrame:
    """Each (item, annotator) to set aside: weak on a label that the item was given; widest gap first."""
    given = votes.select("item_code", pl.col("label_code").alias("on_label_code")).unique()
    pairs = votes.select("item_code", "annotator_code").unique()
    return (
        pairs.join(weak.rename({"label_others": "on_label_code"}), on="annotator_code", how="inner")
        .join(given, on=["item_code", "on_label_code"], how="semi")
        .sort(["item_code", "gap", "annotator_code", "on_label_code"], descending=[False, True, False, False])
        .unique(["item_code", "annotator_code"], keep="first", maintain_order=True)
        .select("item_code", "annotator_code", "on_label_code", "agreement", "peers_agreement", "n")
    )


def _decided_by(
    touched: pl.DataFrame, kept: pl.DataFrame, items: pl.DataFrame, n_labels: int
) -> pl.DataFrame:
    """The items whose majority is another one, or none, when only the kept votes count."""
    before = majority_vote(touched, n_labels=n_labels).items.select(
        "item_code", "n_annotations", before="label_code", before_tied="tied"
    )
    after = majority_vote(kept, n_labels=n_labels).items.select(
        "item_code", n_rest="n_annotations", rest="label_code", rest_tied="tied", shares="posterior"
    )
    both = (
        items.select("item_code", "label_code")
        .join(before, on="item_code", how="inner")
        .join(after, on="item_code", how="left")
    )
    nothing = pl.col("n_rest").is_null()
    lost = nothing | (pl.col("rest") != pl.col("before")) | (pl.col("rest_tied") & ~pl.col("before_tied"))
    return both.with_columns(
        (pl.col("n_annotations") - pl.col("n_rest").fill_null(0)).alias("n_set_aside"),
        pl.when(~pl.col("rest_tied")).then("rest").alias("rest_label_code"),
        (1 - pl.col("shares").list.get(pl.col("label_code")).fill_null(0.0)).alias("doubt"),
    ).filter(lost & pl.col("rest_label_code").ne_missing(pl.col("label_code")))
