"""What an action on a bias is expected to do where labels are sets: choice by choice, the items picked once by all of them.

A set is decided choice by choice, so groups of annotators stand apart on a choice, and a label hangs by a vote in a choice. One action
is about whole items all the same: one more vote, or one decision, is a set. What is said first is the choice on which groups are
furthest apart; the table has all. Items are picked by groups drawn by chance, as `bias_proposals` says.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from analytics.choice_votes import choice_votes
from analytics.extra_votes import BALANCED
from analytics.frames import IntArray
from analytics.panel_weights import Reweighted, reweighted
from analytics.vote_routing import Flags
from dashboard.workflows.bias_groups import Groups
from dashboard.workflows.bias_sources import Sources, as_choice, choices_asked
from dashboard.workflows.bias_wishes import (
    ACTIONS,
    ADJUDICATE,
    EXTRA_VOTE,
    REWEIGHT,
    Proposal,
    Propose,
    Wish,
    counted,
    dealt,
    points,
    said_by_groups,
    whom,
)
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_words import JOINED
from dashboard.workflows.vote_asking import Asked


def _reweight(wish: Wish, sources: Sources, groups: Groups, asked: Asked, ids: pl.DataFrame) -> Proposal:
    named = wish.target or dict.fromkeys(groups.names, 1 / len(groups.names))
    target = {groups.names.index(name): share for name, share in named.items()}
    codes, widest = _choices(sources), -1.0
    found: Reweighted | None = None
    rows: list[dict[str, object]] = []
    changed: list[pl.DataFrame] = []
    every: set[int] = set()
    for code in codes:
        votes = as_choice(sources.votes, sources.label_set, code)
        own, name = reweighted(votes, groups.of, target, n_labels=2), sources.label_set.label(code)
        by_asked = reweighted(votes, asked.of, target, n_labels=2).changes
        changed.append(
            by_asked.select("item_code", "weight_share", choice=pl.lit(sources.label_set.label(code)))
        )
        every |= set(own.changes["item_code"])
        rows.append(
            {"choice": name, "changes": own.changes.height, "gap_before": own.gap_before, "gap_after": own.gap_after}
        )  # fmt: skip
        if own.gap_before > widest:
            found, widest = own, own.gap_before
    assert found is not None  # there is a choice
    choices = pl.DataFrame(rows).sort("gap_before", "choice", descending=[True, False])
    items = (
        pl.concat(changed).group_by("item_code")
        .agg(choices=pl.col("choice").sort().str.join(JOINED), n=pl.len(), weight_share=pl.col("weight_share").max())
        .sort("n", "weight_share", "item_code", descending=[True, True, False]).join(ids, on="item_code", how="left", maintain_order="left")
    )  # fmt: skip
    n_changes, n_items = int(choices["changes"].sum()), min(items.height, wish.n_items)
    sentence = (
        f"{len(every):,} of {found.n_items:,} sets would change, in {n_changes:,} choices; {_widest(choices)}, and {found.n_votes:,} votes "
        f"count as {found.n_effective:,.0f}. {n_items:,} items go to people, picked so that they do not tell who is in which group"
    )
    table = found.groups.with_columns(group=pl.col("group_code").replace_strict(dict(enumerate(groups.names)))).select(
        "group", votes="n_votes", share="vote_share", target="target_share", agrees_before="agrees_before", agrees_after="agrees_after",
    )  # fmt: skip
    return Proposal(
        wish, f"{ACTIONS[REWEIGHT]} by {wish.attribute}", sentence,
        {
            "gap_before": found.gap_before, "gap_after": found.gap_after, "changes": len(every), "choice_changes": n_changes, "votes": 0,
            "n_votes": found.n_votes, "n_effective": found.n_effective, "n_items": found.n_items,
        },
        table, items.head(wish.n_items).select("item_id", "choices"), sources.saw, choices=choices,
    )  # fmt: skip


def _extra(wish: Wish, sources: Sources, groups: Groups, asked: Asked, ids: pl.DataFrame) -> Proposal:
    label_set = sources.label_set
    found = choice_votes(
        lambda code: as_choice(sources.votes, label_set, code), _choices(sources), groups.of, n_items=wish.n_items,
        group=groups.names.index(wish.group) if wish.group else BALANCED, seed=wish.seed, asked_as=asked.of, answering=asked.answering,
    )  # fmt: skip
    names = {code: label_set.label(code) for code in found.choices["choice_code"]}
    choices = found.choices.select(choice=pl.col("choice_code").replace_strict(names), **{
        name: name for name in ("changes", "gap_before", "gap_after", "gap_low", "gap_high")
    })  # fmt: skip
    widest = choices.row(0, named=True)
    sentence = (
        f"One more vote for {found.n_votes:,} items whose sets hang by the least in some choice, {whom(wish, asked, groups)}: about "
        f"{counted(found.expected_changes, 'choice')} would change; {_widest(choices)} [{points(widest['gap_low'])}, "
        f"{points(widest['gap_high'])}]"
    )
    n = found.items.group_by("group_code").len().sort("group_code")
    table = n.select(group=pl.col("group_code").replace_strict(dict(enumerate(groups.names))), votes="len")
    items = found.items.join(ids, on="item_code", how="left", maintain_order="left").select(
        "item_id", choice=pl.col("choice_code").replace_strict(names), margin="margin", p_change="p_change"
    )
    return Proposal(
        wish, f"{ACTIONS[EXTRA_VOTE]} by {wish.attribute}", sentence,
        {
            **{name: widest[name] for name in ("gap_before", "gap_after", "gap_low", "gap_high")},
            "changes": None, "choice_changes": found.expected_changes, "votes": found.n_votes,
        },
        table, items, sources.saw, choices=choices,
    )  # fmt: skip


def _adjudicate(wish: Wish, sources: Sources, groups: Groups, asked: Asked, ids: pl.DataFrame) -> Proposal:
    codes = sources.votes["item_code"].cast(pl.Int64).unique().sort().to_numpy()
    deals = dealt(groups.of, wish.seed)
    both, apart = np.zeros(codes.size, dtype=np.bool_), np.zeros(codes.size, dtype=np.bool_)
    both_dealt, apart_dealt = (np.zeros((len(deals), codes.size), dtype=np.bool_) for _ in range(2))
    rows: list[dict[str, object]] = []
    picked: list[pl.DataFrame] = []
    for code in _choices(sources):
        name = sources.label_set.label(code)
        votes = as_choice(sources.votes, sources.label_set, code).select(
            pl.col("item_code", "annotator_code", "label_code").cast(pl.Int64)
        )
        own_both, own_apart = _told(said_by_groups(votes, groups.of), codes)
        both, apart = both | own_both, apart | own_apart
        rows.append({"choice": name, "items_apart": int(own_apart.sum()), "n_items": int(own_both.sum())})
        by_asked = said_by_groups(votes, asked.of).filter(pl.col("n_labels") > 1)
        picked.append(by_asked.select("item_code", "votes", choice=pl.lit(name)))
        for place, of in enumerate(deals):
            dealt_both, dealt_apart = _told(said_by_groups(votes, of), codes)
            both_dealt[place] |= dealt_both
            apart_dealt[place] |= dealt_apart
    if not both.any():
        raise BadRequest(f"No item has a clear set from two groups of {wish.attribute}.")
    share = float(apart.sum() / both.sum())
    chance = float((apart_dealt.sum(axis=1) / np.maximum(both_dealt.sum(axis=1), 1)).mean())
    items = (
        pl.concat(picked).group_by("item_code")
        .agg(choices=pl.col("choice").sort().str.join(JOINED), votes=pl.col("votes").max(), n=pl.len())
        .sort("n", "votes", "item_code", descending=[True, True, False]).head(wish.n_items)
        .join(ids, on="item_code", how="left", maintain_order="left")
    )  # fmt: skip
    choices = pl.DataFrame(rows).sort("items_apart", "choice", descending=[True, False])
    most = choices.row(0, named=True)
    sentence = (
        f"Groups of {wish.attribute} say different things in some choice on {apart.sum():,} of the {both.sum():,} items that two of them "
        f"labelled clearly ({share:.1%}; the same people put into such groups by chance: {chance:.1%}), most often on “{most['choice']}” "
        f"({most['items_apart']:,}); {items.height:,} go to people to settle, at two answers each. What they will say nobody can know"
    )
    return Proposal(
        wish, f"{ACTIONS[ADJUDICATE]} by {wish.attribute}", sentence,
        {"gap_before": None, "gap_after": None, "changes": None, "votes": 2 * items.height, "items_apart": int(apart.sum()),
         "n_items": int(both.sum()), "share_apart": share, "share_by_chance": chance},
        pl.DataFrame(schema={"group": pl.Utf8, "votes": pl.Int64}), items.select("item_id", "choices"), sources.saw, choices=choices,
    )  # fmt: skip


def _choices(sources: Sources) -> list[int]:
    """The choices that somebody gave.

    Raises:
        BadRequest: every set is empty.
    """
    found = [code for code in choices_asked(sources) if code is not None]
    if not found:
        raise BadRequest("Every set so far is empty: there is no choice on which groups could differ.")
    return found


def _told(said: pl.DataFrame, codes: IntArray) -> tuple[Flags, Flags]:
    """(I,) which items two groups said something clear of, and on which they differ."""
    both, apart = np.zeros(codes.size, dtype=np.bool_), np.zeros(codes.size, dtype=np.bool_)
    place = np.searchsorted(codes, said["item_code"].to_numpy())
    both[place], apart[place] = True, said["n_labels"].to_numpy() > 1
    return both, apart


def _widest(choices: pl.DataFrame) -> str:
    """The gap of the choice on which it is widest, before and after."""
    row = choices.row(0, named=True)
    return (
        f"the gap in how often the others agree with a group is widest on “{row['choice']}” and goes from {points(row['gap_before'])} to "
        f"{points(row['gap_after'])} points"
    )


WAYS: Mapping[str, Propose] = {REWEIGHT: _reweight, EXTRA_VOTE: _extra, ADJUDICATE: _adjudicate}
"""What works out each action where labels are sets."""
