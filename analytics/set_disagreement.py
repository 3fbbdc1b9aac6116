"""How much people disagree on labels that are sets: on the choice they differ on most.

Each choice is a question of yes and no, and has its own disagreement (`disagreement`: the chance that two more annotators
differ on it, drawn towards that of all items where votes are few). An item is as hard as its hardest choice: the largest
of these is its disagreement, with that choice's interval, which does not know that it is the largest of several. A mean
over choices would call a scene easy in which all agree on nineteen choices and nobody on the twentieth.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from analytics.annotators import one_gold_each
from analytics.disagreement import human_disagreement, noise_or_ambiguity
from analytics.errors import BadOption
from analytics.set_consensus import member_votes

LEAST_GOLD = 100
"""Votes on gold items that a choice's share of slips is taken from; of fewer `error_share` is."""


def set_disagreement(
    votes: pl.DataFrame,
    *,
    sets: Sequence[Collection[int]],
    members: Sequence[int],
    gold: pl.DataFrame | None = None,
    error_share: float = 0.1,
    seed: int = 0,
) -> pl.DataFrame:
    """The disagreement of each item on the choice that people differ on most.

    Args:
        votes: one row an annotation (VOTES); `label_code` is a place in `sets`.
        sets: the members of each set.
        members: the codes of the choices, one or more.
        gold: item_code, label_code (a place in `sets`), where known: says how often annotators slip on a choice.
        error_share: how often they do where gold does not say.
        seed: of the draws from the posterior.

    Returns:
        One row an item with a vote, sorted: item_code, member_code, disagreement, low, high (all null under two votes), kind
        (as `noise_or_ambiguity`, of that choice; under two votes "cannot tell").

    Raises:
        MissingColumn, BadColumn: a frame breaks its contract.
        BadOption: no choices.
    """
    if not members:
        raise BadOption("members", list(members), "one code or more")
    frames = []
    for member in members:  # over choices, not items
        own = member_votes(votes, sets=sets, member=member)
        found = human_disagreement(own, n_labels=2, seed=seed)
        kinds = noise_or_ambiguity(
            own, n_labels=2, error_share=_error_share(own, gold, sets, member, error_share)
        )
        frames.append(
            found.select("item_code", "disagreement", "low", "high")
            .join(kinds.select("item_code", "kind"), on="item_code", how="left")
            .with_columns(member_code=pl.lit(member, dtype=pl.Int64))
        )
    return (
        pl.concat(frames)
        .sort(["item_code", "disagreement", "member_code"], descending=[False, True, False], nulls_last=True)
        .unique("item_code", keep="first", maintain_order=True)
        .select(
            "item_code",
            pl.when(pl.col("disagreement").is_not_null()).then("member_code").alias("member_code"),
            "disagreement",
            "low",
            "high",
            "kind",
        )
    )


def _error_share(
    votes: pl.DataFrame,
    gold: pl.DataFrame | None,
    sets: Sequence[Collection[int]],
    member: int,
    otherwise: float,
) -> float:
    """How often votes on a choice differ from gold, within what a slip can be."""
    if gold is None or gold.is_empty():
        return otherwise
    known = one_gold_each(gold)
    has = pl.Series([member in one for one in sets], dtype=pl.Int64)
    answers = known.with_columns(answer=has.gather(known["label_gold"]))
    beside = votes.join(answers, on="item_code")
    if beside.height < LEAST_GOLD:
        return otherwise
    share = float(beside.select((pl.col("label_code") != pl.col("answer")).mean()).item())
    return min(max(share, 0.01), 0.45)
