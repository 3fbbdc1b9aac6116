"""What an action on a bias between groups of annotators is expected to do, before anybody decides (`bias_actions.commit`).

Figures are of the groups, each of people enough to be shown, as their table stands (`bias_standing`). The items are picked by groups drawn
by chance (`vote_asking`), since the list of them goes on record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from analytics.errors import AnalyticsError
from analytics.extra_votes import BALANCED, extra_votes
from analytics.panel_weights import reweighted
from dashboard.workflows import asked_first, bias_groups, bias_set_proposals, bias_standing, vote_asking
from dashboard.workflows.bias_groups import Groups
from dashboard.workflows.bias_sources import Sources, read_sources
from dashboard.workflows.bias_wishes import (
    ACTIONS,
    ADJUDICATE,
    EXTRA_VOTE,
    MOST_ITEMS,
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
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.vote_asking import Asked


def propose(store: Store, *, project_id: str, by: Person, wish: Wish, purpose: str) -> Proposal:
    """The effect that an action is expected to have. Changes nothing but the record of what was read.

    Raises:
        BadRequest: an unknown action, attribute or group, or groups too small to be shown. NotAllowed: the person may not read
        annotators' attributes.
    """
    require(by, "bias.act")
    if wish.action not in ACTIONS:
        raise BadRequest(f"{wish.action!r} is no action. There are: {', '.join(ACTIONS)}.")
    if not 1 <= wish.n_items <= MOST_ITEMS:
        raise BadRequest(f"Between 1 and {MOST_ITEMS:,} items at a time.")
    if not 0 <= wish.wait_days <= asked_first.MOST_DAYS:
        raise BadRequest(f"Between 0 and {asked_first.MOST_DAYS} days.")
    sources = read_sources(store, project_id, saw=store.head)
    groups = bias_groups.annotator_groups(
        store, project_id=project_id, by=by, attribute=wish.attribute, purpose=purpose, codes=sources.votes["annotator_code"]
    )  # fmt: skip
    table = bias_standing.table(store, project_id, people=groups, items=None, sources=sources)
    groups, sources = table.groups, replace(sources, votes=table.votes)
    if groups.untested is not None:
        raise BadRequest(f"Nothing can be proposed by {wish.attribute}: {groups.untested}.")
    for named in [*(wish.target or {}), *([wish.group] if wish.group else [])]:
        if named not in groups.names:
            raise BadRequest(
                f"{wish.attribute} has no group {named!r} that is shown. There are: {', '.join(groups.names)}."
            )
    ids = store.read("import_known_items", project_id=project_id).select(
        pl.col("item_code").cast(pl.Int64), "item_id"
    )
    asked = vote_asking.asked_as(store, groups, alone=wish.wait_days > 0)
    ways = bias_set_proposals.WAYS if sources.label_set.is_sets else WAYS
    try:
        return replace(
            ways[wish.action](wish, sources, groups, asked, ids), table=table, purpose=purpose.strip()
        )
    except AnalyticsError as error:
        raise BadRequest(f"Nothing can be proposed: {error}") from error


def _reweight(wish: Wish, sources: Sources, groups: Groups, asked: Asked, ids: pl.DataFrame) -> Proposal:
    named = wish.target or dict.fromkeys(groups.names, 1 / len(groups.names))
    target = {groups.names.index(name): share for name, share in named.items()}
    found = reweighted(sources.votes, groups.of, target, n_labels=sources.label_set.n_labels)
    words = dict(zip(sources.label_set.codes, sources.label_set.labels, strict=True))
    by_asked = reweighted(sources.votes, asked.of, target, n_labels=sources.label_set.n_labels)
    changes = by_asked.changes.sort("weight_share", "item_code", descending=[True, False]).join(
        ids, on="item_code", how="left"
    )
    table = found.groups.with_columns(group=pl.col("group_code").replace_strict(dict(enumerate(groups.names)))).select(
        "group", votes="n_votes", share="vote_share", target="target_share", agrees_before="agrees_before", agrees_after="agrees_after",
    )  # fmt: skip
    sentence = (
        f"{found.changes.height:,} of {found.n_items:,} labels would change; the gap in how often the label of the others agrees "
        f"with a group goes from {points(found.gap_before)} to {points(found.gap_after)} points, and {found.n_votes:,} votes "
        f"count as {found.n_effective:,.0f}. {min(changes.height, wish.n_items):,} items go to people, picked so that they do not tell "
        "who is in which group"
    )
    return Proposal(
        wish, f"{ACTIONS[REWEIGHT]} by {wish.attribute}", sentence,
        {
            "gap_before": found.gap_before, "gap_after": found.gap_after, "changes": found.changes.height, "votes": 0,
            "n_votes": found.n_votes, "n_effective": found.n_effective, "n_items": found.n_items,
        },
        table,
        changes.head(wish.n_items).select(
            "item_id", label_before=pl.col("label_before").replace_strict(words), label_after=pl.col("label_after").replace_strict(words),
        ),
        sources.saw,
    )  # fmt: skip


def _extra(wish: Wish, sources: Sources, groups: Groups, asked: Asked, ids: pl.DataFrame) -> Proposal:
    wanted = groups.names.index(wish.group) if wish.group else BALANCED
    found = extra_votes(
        sources.votes, groups.of, n_items=wish.n_items, n_labels=sources.label_set.n_labels, group=wanted, seed=wish.seed,
        asked_as=asked.of, answering=asked.answering,
    )  # fmt: skip
    sentence = (
        f"One more vote for {found.n_votes:,} items, {whom(wish, asked, groups)}: about {counted(found.expected_changes, 'label')} would "
        f"change; the gap in how often the label of the others agrees with a group goes from {points(found.gap_before)} to "
        f"{points(found.gap_after)} points [{points(found.gap_low)}, {points(found.gap_high)}]"
    )
    n = found.items.group_by("group_code").len().sort("group_code")
    table = n.select(group=pl.col("group_code").replace_strict(dict(enumerate(groups.names))), votes="len")
    return Proposal(
        wish, f"{ACTIONS[EXTRA_VOTE]} by {wish.attribute}", sentence,
        {
            "gap_before": found.gap_before, "gap_after": found.gap_after, "gap_low": found.gap_low, "gap_high": found.gap_high,
            "changes": found.expected_changes, "votes": found.n_votes,
        },
        table,
        found.items.join(ids, on="item_code", how="left", maintain_order="left").select("item_id", "margin", "p_change"),
        sources.saw,
    )  # fmt: skip


def _adjudicate(wish: Wish, sources: Sources, groups: Groups, asked: Asked, ids: pl.DataFrame) -> Proposal:
    votes = sources.votes.select(pl.col("item_code", "annotator_code", "label_code").cast(pl.Int64))
    both, by_asked = (said_by_groups(votes, of) for of in (groups.of, asked.of))
    apart, picked = (one.filter(pl.col("n_labels") > 1) for one in (both, by_asked))
    picked = picked.sort("votes", "item_code", descending=[True, False])
    if both.is_empty():
        raise BadRequest(f"No item has a clear label from two groups of {wish.attribute}.")
    share, chance = apart.height / both.height, _apart_by_chance(votes, groups.of, wish.seed)
    kept = picked.head(wish.n_items).join(ids, on="item_code", how="left", maintain_order="left")
    sentence = (
        f"Groups of {wish.attribute} say different things on {apart.height:,} of the {both.height:,} items that two of them labelled "
        f"clearly ({share:.1%}; the same people put into such groups by chance: {chance:.1%}); {kept.height:,} go to people to settle, "
        f"at two answers each. What they will say nobody can know"
    )
    return Proposal(
        wish, f"{ACTIONS[ADJUDICATE]} by {wish.attribute}", sentence,
        {"gap_before": None, "gap_after": None, "changes": None, "votes": 2 * kept.height, "items_apart": apart.height,
         "n_items": both.height, "share_apart": share, "share_by_chance": chance},
        pl.DataFrame(schema={"group": pl.Utf8, "votes": pl.Int64}), kept.select("item_id"), sources.saw,
    )  # fmt: skip


def _apart_by_chance(votes: pl.DataFrame, groups: pl.DataFrame, seed: int) -> float:
    """The share of such items on which the groups differ, with people dealt to groups of the same sizes by chance."""
    shares = []
    for one in dealt(groups, seed):
        both = said_by_groups(votes, one)
        shares.append(both.filter(pl.col("n_labels") > 1).height / max(both.height, 1))
    return sum(shares) / len(shares)


WAYS: Mapping[str, Propose] = {REWEIGHT: _reweight, EXTRA_VOTE: _extra, ADJUDICATE: _adjudicate}
"""What works out each action where labels are single."""
