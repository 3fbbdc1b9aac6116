"""Reasons to doubt a label that is a set: the same reasons as `label_errors`, asked of the member that is least sure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.annotators import one_gold_each
from analytics.errors import BadOption
from analytics.frames import VOTES, require_labels
from analytics.label_errors import weak_annotator
from analytics.reasons import Reason, doubted_items
from analytics.set_consensus import member_votes


@dataclass(frozen=True, slots=True)
class SetGrounds:
    """All that the reasons look at, and the limits they go by.

    Attributes:
        votes: a frame that keeps VOTES; `label_code` is a place in `sets`.
        items: item_code, label_code (a place in `sets`), p_label, n_annotations, tied, posterior (of each member).
        gold: item_code, label_code; empty where no gold is known.
        sets: the members of each set.
        members: the codes of the members, in the order of `posterior`.
        least_probability: `low_posterior` doubts sets with a member that is decided with less.
        least_margin: `split_vote` doubts sets with a member for which yes and no are within this share of the votes.
        level: `weak_annotator` goes by differences significant at this level, after correction.
    """

    votes: pl.DataFrame
    items: pl.DataFrame
    gold: pl.DataFrame
    sets: Sequence[Collection[int]]
    members: Sequence[int]
    least_probability: float = 0.8
    least_margin: float = 0.2
    level: float = 0.05


def low_posterior(seen: SetGrounds) -> pl.DataFrame:
    """Items with a member that is decided with less than the limit; score = 1 - the probability of that decision.

    Evidence: label_code, member_label_code (the least sure member), p_member (that it belongs to the set), p_label,
    n_annotations, limit.
    """
    limit = _share("least_probability", seen.least_probability)
    p, places = _least_sure(seen)
    doubted = seen.items.with_columns(places, pl.Series("p_member", p), limit=pl.lit(limit)).with_columns(
        sure=pl.max_horizontal("p_member", 1 - pl.col("p_member"))
    )
    return doubted_items(
        doubted.filter(pl.col("sure") < limit),
        "low_posterior",
        score=1 - pl.col("sure"),
        threshold=1 - limit,
        evidence=["label_code", "member_label_code", "p_member", "p_label", "n_annotations", "limit"],
    )


def split_vote(seen: SetGrounds) -> pl.DataFrame:
    """Items with a member for which yes and no are within the limit of the votes; score = 1 - that margin.

    Evidence: label_code, member_label_code (the most evenly split), n_with, n_without, n_annotations, margin, limit.
    """
    limit = _share("least_margin", seen.least_margin)
    require_labels(seen.votes, VOTES, max(len(seen.sets), 1))
    long = pl.DataFrame(
        [(place, code) for place, one in enumerate(seen.sets) for code in sorted(one)],
        schema={"label_code": pl.Int64, "member_label_code": pl.Int64},
        orient="row",
    )
    codes = seen.votes.select(pl.col("item_code", "label_code").cast(pl.Int64))
    with_it = codes.join(long, on="label_code").group_by("item_code", "member_label_code").len("n_with")
    split = (
        with_it.join(codes.group_by("item_code").len("n_all"), on="item_code")
        .with_columns(pl.col("n_with", "n_all").cast(pl.Int64))
        .with_columns(n_without=pl.col("n_all") - pl.col("n_with"))
        .with_columns(
            margin=(pl.col("n_with") - pl.col("n_without")).abs() / pl.col("n_all"), limit=pl.lit(limit)
        )
        .filter(pl.col("margin") <= limit)
        .sort("item_code", "margin", "member_label_code")
        .unique("item_code", keep="first", maintain_order=True)
        .join(seen.items.select("item_code", "label_code"), on="item_code")
        .with_columns(n_annotations=pl.col("n_all"))
    )
    return doubted_items(
        split,
        "split_vote",
        score=1 - pl.col("margin"),
        threshold=1 - limit,
        evidence=[
            "label_code", "member_label_code", "n_with", "n_without", "n_annotations", "margin", "limit",
        ],
    )  # fmt: skip


def gold_disagreement(seen: SetGrounds) -> pl.DataFrame:
    """Items whose set is not the gold set; score = 1 - the probability of the gold set, at least 0.5.

    Evidence: label_code, gold_label_code, p_label, p_gold, n_annotations.
    """
    known = seen.items.join(one_gold_each(seen.gold), on="item_code", how="inner").filter(
        pl.col("label_code") != pl.col("label_gold")
    )
    holds = _holds(seen)[known["label_gold"].to_numpy()] if known.height else np.empty((0, len(seen.members)))
    p_yes = _posterior(known, len(seen.members))
    p_gold = np.where(holds, p_yes, 1 - p_yes).prod(axis=1)
    return doubted_items(
        known.rename({"label_gold": "gold_label_code"}).with_columns(
            pl.Series("p_gold", p_gold, dtype=pl.Float64)
        ),
        "gold_disagreement",
        score=(1 - pl.col("p_gold")).clip(lower_bound=0.5),
        threshold=0.5,
        evidence=["label_code", "gold_label_code", "p_label", "p_gold", "n_annotations"],
    )


def weak_member_votes(seen: SetGrounds) -> pl.DataFrame:
    """Items with a member that is decided by annotators who are far below their peers on it (`label_errors.weak_annotator`).

    Evidence: label_code, member_label_code, says_member (whether the set has it), annotator_code, agreement,
    peers_agreement, n, n_set_aside, n_annotations; of the member with the strongest doubt.
    """
    frames = []
    p_yes = _posterior(seen.items, len(seen.members))
    for place, member in enumerate(seen.members):
        yes = p_yes[:, place] > 0.5
        binary = seen.items.select(
            "item_code",
            pl.Series("label_code", yes.astype(np.int64)),
            pl.Series("p_label", np.maximum(p_yes[:, place], 1 - p_yes[:, place])),
            "n_annotations",
            "tied",
            pl.Series("posterior", np.stack([1 - p_yes[:, place], p_yes[:, place]], axis=1)).arr.to_list(),
        )
        own = member_votes(seen.votes, sets=seen.sets, member=member)
        found = weak_annotator(own, binary, n_labels=2, level=seen.level)
        if found.height:
            frames.append(found.with_columns(member_label_code=pl.lit(member, dtype=pl.Int64)))
    if not frames:
        return doubted_items(
            seen.items.head(0).with_columns(member_label_code=pl.lit(None, dtype=pl.Int64)),
            "weak_annotator", score=pl.lit(0.0), threshold=0.5, evidence=["member_label_code"],
        )  # fmt: skip
    strongest = (
        pl.concat(frames)
        .sort(["item_code", "score", "member_label_code"], descending=[False, True, False])
        .unique("item_code", keep="first", maintain_order=True)
        .unnest("evidence")
        .with_columns(says_member=pl.col("label_code") == 1)
        .drop("label_code")
        .join(seen.items.select("item_code", "label_code"), on="item_code")
    )
    fields = ["label_code", "member_label_code", "says_member", "annotator_code", "agreement"]
    return doubted_items(
        strongest,
        "weak_annotator",
        score=pl.col("score"),
        threshold=0.5,
        evidence=[*fields, "peers_agreement", "n", "n_set_aside", "n_annotations"],
    )


REASONS: tuple[Reason[SetGrounds], ...] = (
    Reason(
        key="low_posterior",
        title="The votes do not settle the label",
        rule="The consensus decides a choice with less than the limit.",
        words="The annotations leave open whether {member_label} belongs to the set: {p_member:.0%} say so, by the consensus; "
        "the limit is {limit:.0%} for or against.",
        detect=low_posterior,
    ),
    Reason(
        key="split_vote",
        title="The annotators are split",
        rule="Yes and no to a choice are within the limit of the votes of each other.",
        words="{n_with} of {n_annotations} annotations have {member_label}, {n_without} do not.",
        detect=split_vote,
    ),
    Reason(
        key="gold_disagreement",
        title="The label is not the known one",
        rule="The consensus is not the set known in advance.",
        words="The annotators chose {label}; the label known in advance is {gold_label}.",
        detect=gold_disagreement,
    ),
    Reason(
        key="weak_annotator",
        title="The label rests on annotators who often differ from the others here",
        rule="Without the annotators who are surely less right than others on a choice, it would have been decided otherwise.",
        words="Whether {member_label} belongs to the set rests on {n_set_aside} of the {n_annotations} annotations. Where the "
        "others decide on it, {annotator} agrees {agreement:.0%} of the time ({n} annotations), the others "
        "{peers_agreement:.0%}.",
        detect=weak_member_votes,
    ),
)
"""Every reason that a set can be doubted for, in the order in which they are told; the keys are those of single labels."""


def _share(option: str, value: float) -> float:
    if not 0 <= value < 1:
        raise BadOption(option, value, "0 or more and less than 1")
    return value


def _posterior(items: pl.DataFrame, n_members: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(I, M) the probability of each member."""
    if items.is_empty():
        return np.empty((0, n_members))
    return items["posterior"].list.to_array(n_members).to_numpy()


def _holds(seen: SetGrounds) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """(D, M) which set has which member."""
    return np.array([[member in one for member in seen.members] for one in seen.sets], dtype=np.bool_)


def _least_sure(seen: SetGrounds) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], pl.Series]:
    """Of each item the probability of the member nearest to one half, and that member's code."""
    p = _posterior(seen.items, len(seen.members))
    place = np.abs(p - 0.5).argmin(axis=1) if len(p) else np.empty(0, dtype=np.int64)
    codes = np.asarray(seen.members, dtype=np.int64)[place]
    return p[np.arange(len(p)), place], pl.Series("member_label_code", codes, dtype=pl.Int64)
