"""One more vote for labels that are sets: items whose set hangs by the least in some choice, and what is expected to change in each.

A set is decided choice by choice (`analytics.set_consensus`), and one more vote is one more set: it says something of every choice.
So an item hangs by as much as the choice that hangs by the least, items are picked by that once, and what their votes are expected
to do is worked out for each choice by itself (`analytics.extra_votes`). Nothing is said of how likely a whole set changes: that
would take how choices go together in votes that were not given yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.errors import BadOption
from analytics.extra_votes import BALANCED, ExtraVotes, extra_votes, margins
from analytics.frames import FloatArray

VotesOf = Callable[[int], pl.DataFrame]
"""From the code of a choice to all votes on it: labels 0 (not in the set) and 1. Called for one choice at a time."""


@dataclass(frozen=True, slots=True)
class ChoiceVotes:
    """What one more vote for each of some items is expected to do.

    Attributes:
        items: one row an item asked about, in the order of need: item_code, group_code (who is asked), n_group_votes, margin (the least of
            its choices), choice_code (that choice), p_change (probability that this choice changes).
        choices: one row a choice, the widest gap first: choice_code, changes (expected), gap_before, gap_after, gap_low, gap_high as in
            `ExtraVotes`.
        n_votes: votes that it costs.
    """

    items: pl.DataFrame
    choices: pl.DataFrame
    n_votes: int

    @property
    def expected_changes(self) -> float:
        """Choices of items that are expected to change; an item may change in several."""
        return float(self.choices["changes"].sum())


def choice_votes(
    votes_of: VotesOf,
    choices: Sequence[int],
    groups: pl.DataFrame,
    *,
    n_items: int,
    group: int = BALANCED,
    asked_as: pl.DataFrame | None = None,
    answering: FloatArray | None = None,
    draws: int = 100,
    seed: int = 0,
) -> ChoiceVotes:
    """What asking a group about the sets that need it most would do; arguments as `extra_votes`.

    Args:
        votes_of: the votes as yes and no to a choice; the same rows for each.
        choices: the codes of the choices, one or more.
        groups, n_items, group, asked_as, answering, draws, seed: as `extra_votes`.

    Raises:
        BadOption: there is no choice; as `extra_votes`.
    """
    if not choices:
        raise BadOption("choices", list(choices), "one choice or more")
    hangs, nearest = _least(votes_of, choices)
    found: list[ExtraVotes] = [
        extra_votes(
            votes_of(code), groups, n_items=n_items, n_labels=2, group=group, asked_as=asked_as, answering=answering, hangs_by=hangs,
            draws=draws, seed=seed,
        )
        for code in choices
    ]  # fmt: skip
    asked = found[0].items
    own = asked.join(hangs.with_columns(place=nearest), on="item_code", how="left", maintain_order="left")
    place = own["place"].to_numpy()
    p_change = np.column_stack([one.items["p_change"].to_numpy() for one in found])
    items = asked.with_columns(
        choice_code=pl.Series(np.asarray(choices, dtype=np.int64)[place]),
        p_change=pl.Series(p_change[np.arange(place.size), place], dtype=pl.Float64),
    )
    table = pl.DataFrame(
        {
            "choice_code": list(choices),
            "changes": [one.expected_changes for one in found],
            "gap_before": [one.gap_before for one in found],
            "gap_after": [one.gap_after for one in found],
            "gap_low": [one.gap_low for one in found],
            "gap_high": [one.gap_high for one in found],
        }
    )
    return ChoiceVotes(items, table.sort("gap_before", "choice_code", descending=[True, False]), asked.height)


def _least(votes_of: VotesOf, choices: Sequence[int]) -> tuple[pl.DataFrame, pl.Series]:
    """item_code and the least margin over choices, and (I,) at which place in `choices` it is (the first of several)."""
    first = margins(votes_of(choices[0]), n_labels=2)
    least, nearest = first["margin"].to_numpy().copy(), np.zeros(first.height, dtype=np.int64)
    for place, code in enumerate(choices[1:], start=1):
        own = margins(votes_of(code), n_labels=2)["margin"].to_numpy()
        nearer = own < least
        least[nearer], nearest[nearer] = own[nearer], place
    return first.with_columns(margin=pl.Series(least)), pl.Series(nearest)
