"""What a model says of labels that are sets: of the whole set, and of each choice by itself.

A model of sets gives each choice a probability of its own. Choices are taken as independent given the item, as in
`set_consensus`: the probability of a set S is

    prod_{k in S} p(k)  prod_{k not in S} (1 - p(k)),

so the likeliest set has the choices of more than one half, and the likeliest set but for a given one is the likeliest,
or, where that is the given one, the given set with the choice turned that is least sure. Where choices exclude each other
or go together the product is off; the probabilities of single choices do not depend on it, and the calibration of whole
sets shows by how much.

Each choice is a question of its own to confident learning (`confident_members`) and to CROWDLAB: "has the item this
choice, yes or no" is one label of two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.confident_learning import BoolArray
from analytics.confident_members import set_suspects
from analytics.crowdlab import crowdlab
from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.set_consensus import member_votes


@dataclass(frozen=True, slots=True)
class SetOpinions:
    """What is said of I sets of K choices.

    Attributes:
        p_set: (I,) the model's probability of the given set.
        other: (I, K) the likeliest set but for the given one.
        p_other: (I,) its probability.
        is_suspect: (I, K) the choices that confident learning doubts.
        p_given: (I, K) the model's probability that the choice is as the set has it.
        together: (I, K) the same of votes and model together (CROWDLAB); NaN where an item has no votes, or no item has
            two.
        doubted: (I,) the place of the choice in most doubt: of those that confident learning doubts, where there are any, the
            one that `together` (else the model) gives the least.
    """

    p_set: FloatArray
    other: BoolArray
    p_other: FloatArray
    is_suspect: BoolArray
    p_given: FloatArray
    together: FloatArray
    doubted: IntArray

    @property
    def quality(self) -> FloatArray:
        """(I, K) `together` where it is known, else the model alone."""
        return np.where(np.isnan(self.together), self.p_given, self.together)


def set_opinions(
    votes: pl.DataFrame,
    given: BoolArray,
    probabilities: FloatArray,
    *,
    item_codes: IntArray,
    sets: Sequence[Collection[int]],
    members: Sequence[int],
) -> SetOpinions:
    """Hold a model, and the votes, against the sets that items have.

    Args:
        votes: one row an annotation (VOTES); `label_code` is a place in `sets`. Those of other items are left out.
        given: (I, K) which choices each item's set has.
        probabilities: (I, K) out of sample, of each choice by itself, in [0, 1].
        item_codes: (I,) the item of each row, each once.
        sets: the members of each set.
        members: the codes of the K choices, in the order of the columns.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract.
        BadOption: arrays that do not fit or hold what they may not.
    """
    if given.shape != (len(item_codes), len(members)):
        raise BadOption(
            "given", f"array of shape {given.shape}", f"of shape ({len(item_codes)}, {len(members)})"
        )
    found = set_suspects(given, probabilities, item_codes=item_codes)
    p = np.asarray(probabilities, dtype=np.float64)
    p_given = np.where(given, p, 1 - p)
    together = _together(votes, given, p, item_codes, sets, members)
    quality = np.where(np.isnan(together), p_given, together)
    any_suspect = found.is_suspect.any(axis=1, keepdims=True)
    eligible = found.is_suspect | ~any_suspect
    other, p_other = likeliest_other(given, p)
    return SetOpinions(
        p_set=p_given.prod(axis=1),
        other=other,
        p_other=p_other,
        is_suspect=found.is_suspect,
        p_given=p_given,
        together=together,
        doubted=np.where(eligible, quality, np.inf).argmin(axis=1),
    )


def likeliest_other(given: BoolArray, probabilities: FloatArray) -> tuple[BoolArray, FloatArray]:
    """The likeliest set (I, K) but for the given one, and its probability (I,).

    >>> likeliest_other(np.array([[True, False]]), np.array([[0.9, 0.4]]))
    (array([[ True,  True]]), array([0.36]))
    """
    other = probabilities > 0.5
    same = np.flatnonzero((other == given).all(axis=1))
    least_sure = np.abs(probabilities[same] - 0.5).argmin(axis=1)
    other[same, least_sure] ^= True
    return other, np.where(other, probabilities, 1 - probabilities).prod(axis=1)


def members_table(sets: Sequence[Collection[int]], members: Sequence[int]) -> BoolArray:
    """(D, K) which set has which member.

    >>> members_table([(), (0, 2)], [0, 2]).tolist()
    [[False, False], [True, True]]
    """
    return np.array([[member in one for member in members] for one in sets], dtype=np.bool_).reshape(
        len(sets), len(members)
    )


def overlap(a: BoolArray, b: BoolArray) -> FloatArray:
    """Jaccard's overlap (I,) of two sets an item, each (I, K); 1 of two empty ones.

    >>> overlap(np.array([[True, True], [False, False]]), np.array([[True, False], [False, False]]))
    array([0.5, 1. ])
    """
    both, either = (a & b).sum(axis=1), (a | b).sum(axis=1)
    return np.asarray(np.divide(both, either, out=np.ones(len(a)), where=either > 0))


def _together(
    votes: pl.DataFrame,
    given: BoolArray,
    p: FloatArray,
    item_codes: IntArray,
    sets: Sequence[Collection[int]],
    members: Sequence[int],
) -> FloatArray:
    """(I, K) what votes and model together give the choice as the set has it."""
    found = np.full(given.shape, np.nan)
    rows = pl.DataFrame({"item_code": item_codes}).with_row_index("row")
    own = votes.join(rows.select("item_code"), on="item_code", how="semi")
    if own.is_empty():
        return found
    for place, member in enumerate(members):  # over choices, not items
        asked = member_votes(own, sets=sets, member=member)
        both = np.stack([1 - p[:, place], p[:, place]], axis=1)
        blended = crowdlab(asked, both, item_codes=item_codes)
        if blended.undefined is not None:
            return found
        yes = rows.join(blended.items.select("item_code", "posterior"), on="item_code")
        at = yes["row"].to_numpy()
        has = yes["posterior"].list.get(1).to_numpy()
        found[at, place] = np.where(given[at, place], has, 1 - has)
    return found
