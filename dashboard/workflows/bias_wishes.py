"""What somebody thinks of doing about a bias between groups of annotators, what is expected of it, and how groups stand on items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from dashboard.workflows import vote_asking
from dashboard.workflows.bias_groups import Groups
from dashboard.workflows.bias_sources import Sources
from dashboard.workflows.bias_standing import Table
from dashboard.workflows.vote_asking import Asked

REWEIGHT, EXTRA_VOTE, ADJUDICATE = "reweight", "extra-vote", "adjudicate"
ACTIONS: Mapping[str, str] = {
    REWEIGHT: "Reweight the panel",
    EXTRA_VOTE: "Ask for one more vote",
    ADJUDICATE: "Settle what groups see differently",
}
MOST_ITEMS = 5_000

DEALS = 10
"""So often people are dealt to groups by chance, to see how far such groups would differ anyway."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An action that somebody thinks of.

    `attribute`: of annotators; `target`: for reweight the share of votes each group is to have (none: equal shares); `group`: for
    extra-vote who is asked ("": whoever has the fewest votes on an item); `n_items`: how many items at most; `wait_days`: for
    extra-vote so long they are asked before everybody is (0: not at all).
    """

    action: str
    attribute: str
    target: Mapping[str, float] | None = None
    group: str = ""
    n_items: int = 100
    seed: int = 0
    wait_days: int = vote_asking.WAIT_DAYS


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an action is expected to do.

    Attributes:
        title: the action in words.
        sentence: its expected effect in words.
        expected: the figures: gap_before, gap_after (shares; None where no one can say), changes (labels), votes (that it costs),
            n_effective, n_votes, …
        groups: group, votes, share, target, agrees_before, agrees_after; of groups that may be shown.
        items: item_id, and label_before, label_after or p_change where known; in order of need.
        saw: the last event that it knows of.
        table: the groups and votes that its figures are of.
        purpose: what the attribute was read for.
        choices: where labels are sets: choice, and what is expected of each; empty where labels are single.
    """

    wish: Wish
    title: str
    sentence: str
    expected: Mapping[str, float | int | None]
    groups: pl.DataFrame
    items: pl.DataFrame
    saw: int
    table: Table | None = None
    purpose: str = ""
    choices: pl.DataFrame = field(default_factory=pl.DataFrame)


Propose = Callable[[Wish, Sources, Groups, Asked, pl.DataFrame], Proposal]
"""From a wish, what is known, the groups, as what people are asked, and the items' ids to what is expected of it."""


def said_by_groups(votes: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Items on which two groups or more each have one label that most of them gave: item_code, n_labels, votes (for those labels)."""
    counted = votes.join(groups, on="annotator_code").group_by("item_code", "group_code", "label_code").len()
    cell = ["item_code", "group_code"]
    most = counted.filter(pl.col("len") == pl.col("len").max().over(cell)).filter(pl.len().over(cell) == 1)
    by_item = most.group_by("item_code").agg(
        n_labels=pl.col("label_code").n_unique(), n_groups=pl.len(), votes=pl.col("len").sum()
    )
    return by_item.filter(pl.col("n_groups") > 1)


def dealt(groups: pl.DataFrame, seed: int) -> list[pl.DataFrame]:
    """The same people dealt to groups of the same sizes by chance, a few times: annotator_code, group_code."""
    return [
        groups.with_columns(pl.col("group_code").shuffle(seed=seed * DEALS + place)) for place in range(DEALS)
    ]


def whom(wish: Wish, asked: Asked, groups: Groups) -> str:
    """Who is asked for an extra vote, in words."""
    wanted = groups.names.index(wish.group) if wish.group else slice(None)
    own = float(asked.answering.diagonal()[wanted].mean())
    who = f"of {wish.group}" if wish.group else "of the group that has the fewest there"
    return who + (
        f" (about {own:.0%} of who is asked, so that being asked does not tell who is in it)"
        if wish.wait_days
        else ", or of anybody"
    )


def points(share: float) -> str:
    """A share as points of a hundred."""
    return f"{share * 100:.1f}"


def counted(n: float, word: str) -> str:
    """So many of something, rounded.

    >>> counted(1.2, "label"), counted(3.7, "label")
    ('1 label', '4 labels')
    """
    return f"{n:,.0f} {word}{'' if round(n) == 1 else 's'}"
