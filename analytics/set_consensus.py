"""A consensus for labels that are sets: every member is decided on its own, yes or no, and the answers make the set.

Any consensus of two labels (majority, Dawid and Skene, GLAD, ...) decides a member: a vote says yes where the member is in
its set. This is the binary-relevance reading of multi-label annotation (G. Tsoumakas and I. Katakis 2007, Multi-label
classification: an overview, IJDWM 3, 1-13; for crowds R. Duan and others 2014, Separate or joint? Estimation of multiple
labels from crowdsourced annotations, Expert Systems with Applications 41). It takes members for independent given the item:
the probability of a set is the product over its members and non-members. Where members exclude each other that is too
low or too high; the probabilities of single members, in `posterior`, do not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.contributions import Contributions
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, require_labels

Decide = Callable[[pl.DataFrame], pl.DataFrame]
"""From votes with labels 0 (no) and 1 (yes) to `Consensus.items` of two labels."""


@dataclass(frozen=True, slots=True)
class SetConsensus:
    """One set an item.

    Attributes:
        items: one row an item, sorted: item_code, place (of its set in `sets`), p_label (the product over all members of
            the probability of what was decided), n_annotations, tied (some member stands even, and is left out), posterior
            (the probability of each member, in the order of `members`).
        sets: the distinct sets that items got, each ascending.
    """

    items: pl.DataFrame
    sets: tuple[tuple[int, ...], ...]


def member_votes(votes: pl.DataFrame, *, sets: Sequence[Collection[int]], member: int) -> pl.DataFrame:
    """The votes as yes (1) and no (0) to one member.

    Args:
        votes: one row an annotation (VOTES); `label_code` is a place in `sets`.
        sets: the members of each set.
        member: the code of the member that is asked for.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract, or has a label code that is no place in `sets`.

    >>> votes = pl.DataFrame({"item_code": [0, 0], "annotator_code": [0, 1], "label_code": [1, 0]})
    >>> member_votes(votes, sets=[(0,), (0, 2)], member=2)["label_code"].to_list()
    [1, 0]
    """
    require_labels(votes, VOTES, max(len(sets), 1))
    holds = np.fromiter((member in one for one in sets), dtype=np.int64, count=len(sets))
    return votes.with_columns(label_code=pl.Series(holds[votes["label_code"].to_numpy()], dtype=pl.Int64))


def set_consensus(
    votes: pl.DataFrame, *, sets: Sequence[Collection[int]], members: Sequence[int], decide: Decide
) -> SetConsensus:
    """Decide every member and put the sets together. A member is in where it is more probable than not.

    Args:
        votes: one row an annotation (VOTES); `label_code` is a place in `sets`.
        sets: the members of each set.
        members: the codes of all members, one or more.
        decide: the consensus of two labels that decides one member.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract.
        BadOption: no members, or a set holds something that is none.
    """
    known = set(members)
    if not known or len(known) != len(members):
        raise BadOption("members", list(members), "one code or more, each once")
    if any(not known.issuperset(one) for one in sets):
        raise BadOption("sets", "one with a code that is no member", f"sets of {sorted(known)}")
    decided = [decide(member_votes(votes, sets=sets, member=member)) for member in members]
    p_yes = np.stack([_yes(items) for items in decided], axis=1)
    chosen = p_yes > 0.5
    distinct, place = np.unique(chosen, axis=0, return_inverse=True)
    tied = np.stack([items["tied"].to_numpy() for items in decided], axis=1).any(axis=1)
    codes = np.asarray(members)
    items = decided[0].select(
        "item_code",
        pl.Series("place", place.ravel(), dtype=pl.Int64),
        pl.Series("p_label", np.maximum(p_yes, 1 - p_yes).prod(axis=1)),
        "n_annotations",
        pl.Series("tied", tied),
        pl.Series("posterior", p_yes, dtype=pl.Array(pl.Float64, len(codes))).arr.to_list(),
    )
    return SetConsensus(items, tuple(tuple(sorted(codes[row].tolist())) for row in distinct))


def set_contributions(of_members: Sequence[Contributions]) -> Contributions:
    """What each annotator did for the items' sets, from what they did for each member (labels 0 and 1).

    Members are independent given the item, as in `set_consensus`: probabilities multiply and log-likelihood ratios add up.
    `share` is the mean over members. `effective_votes` and `most_annotator_code` are those of the whole set and, of the
    former, of the member that is least sure: a set is no better founded than that. `label_code` and `runner_up_code` are
    null: they would be codes of sets.

    Args:
        of_members: for each member the contributions of the same votes.

    Raises:
        BadOption: there is none.
    """
    if not of_members:
        raise BadOption("of_members", "nothing", "the contributions to one member or more")
    keys = ["item_code", "annotator_code"]
    stacked = pl.concat([one.annotations for one in of_members])
    without, ratio = pl.col("p_label_without"), pl.col("log_ratio")
    annotations = (
        stacked.group_by(keys)
        .agg(
            pl.lit(None, dtype=pl.Int64).alias("label_code"),
            pl.col("n_annotations").first(),
            pl.col("share").mean(),
            pl.when(ratio.null_count() == 0).then(ratio.sum()).alias("log_ratio"),
            pl.when(without.null_count() == 0).then(without.product()).alias("p_label_without"),
        )
        .sort(keys)
    )
    items = pl.concat([one.items for one in of_members]).sort("item_code", "p_label", maintain_order=True)
    whole = items.group_by("item_code", maintain_order=True).agg(
        pl.col("p_label").product().alias("p_set"), pl.col("n_annotators", "effective_votes").first()
    )
    moved = annotations.join(whole.select("item_code", "p_set"), on="item_code").with_columns(
        moved=pl.col("p_set") - pl.col("p_label_without")
    )
    strongest = (
        moved.drop_nulls("moved")
        .sort(["item_code", pl.col("moved").abs(), "annotator_code"], descending=[False, True, False])
        .group_by("item_code", maintain_order=True)
        .agg(
            pl.col("annotator_code").first().alias("most_annotator_code"),
            pl.col("moved").first().alias("most_moved"),
        )
    )
    none = pl.lit(None, dtype=pl.Int64)
    return Contributions(
        moved.select(
            *keys, "label_code", "n_annotations", "share", "log_ratio", "p_label_without", "moved"
        ).sort(keys),
        whole.join(strongest, on="item_code", how="left").select(
            "item_code", none.alias("label_code"), pl.col("p_set").alias("p_label"), none.alias("runner_up_code"),
            "n_annotators", "effective_votes", "most_annotator_code", "most_moved",
        ).sort("item_code"),
    )  # fmt: skip


def _yes(items: pl.DataFrame) -> FloatArray:
    return items.select(pl.col("posterior").list.get(1)).to_series().to_numpy()
