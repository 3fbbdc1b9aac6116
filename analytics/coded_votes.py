"""Votes as integer-coded arrays sorted by item: what the kernels of the consensus models read."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.consensus import int_codes, rank_codes
from analytics.frames import IntArray

SmallInts = NDArray[np.int32]

_SHORT_RUN = 32


@dataclass(frozen=True, slots=True)
class CodedVotes:
    """V votes, sorted by item, then annotator, then label: the order of the rows they came from is gone.

    A pair is an (annotator, label) that occurs; the P pairs are sorted by annotator, then label. Item i's votes
    are `pairs[starts[i]:starts[i + 1]]`.

    Attributes:
        item_codes: (I,) ascending.
        annotator_codes: (A,) ascending.
        starts: (I + 1,) where each item's votes begin.
        pairs: (V,) the pair of each vote.
        annotator_of_pair: (P,) rank in `annotator_codes`.
        label_of_pair: (P,) label code.
        n_labels: K of the label set.
    """

    item_codes: IntArray
    annotator_codes: IntArray
    starts: IntArray
    pairs: SmallInts
    annotator_of_pair: SmallInts
    label_of_pair: SmallInts
    n_labels: int

    @property
    def n_items(self) -> int:
        """I."""
        return len(self.item_codes)

    @property
    def n_annotators(self) -> int:
        """A."""
        return len(self.annotator_codes)

    @property
    def n_pairs(self) -> int:
        """P."""
        return len(self.annotator_of_pair)

    @property
    def n_votes(self) -> int:
        """V, over all items."""
        return len(self.pairs)

    @property
    def votes_of_item(self) -> IntArray:
        """(I,) how many votes each item has; 1 or more."""
        return np.diff(self.starts)

    @property
    def votes_of_pair(self) -> IntArray:
        """(P,) how often each annotator gave each label."""
        return np.bincount(self.pairs, minlength=self.n_pairs)

    @property
    def given(self) -> NDArray[np.bool_]:
        """(K,) whether anybody gave the label."""
        return np.bincount(self.label_of_pair, minlength=self.n_labels) > 0

    @property
    def has_repeats(self) -> bool:
        """Whether any annotator has several votes on one item."""
        return _find_repeat(self.starts, self.pairs, self.annotator_of_pair)

    def votes_frame(self) -> dict[str, IntArray]:
        """Columns item_code, annotator_code, label_code in the order of `pairs`."""
        return {
            "item_code": np.repeat(self.item_codes, self.votes_of_item),
            "annotator_code": self.annotator_codes[self.annotator_of_pair][self.pairs],
            "label_code": self.label_of_pair.astype(np.int64)[self.pairs],
        }


def code_votes(votes: pl.DataFrame, *, n_labels: int) -> CodedVotes:
    """Sort and code a frame that passed `require_labels`; repeats stay."""
    item_codes, items = rank_codes(int_codes(votes, "item_code"))
    annotator_codes, keys = rank_codes(int_codes(votes, "annotator_code"))
    keys = keys * n_labels
    keys += int_codes(votes, "label_code")
    pair_codes, keys = rank_codes(keys)
    starts, pairs = _by_item(items, keys, len(item_codes))
    return CodedVotes(
        item_codes=item_codes,
        annotator_codes=annotator_codes,
        starts=starts,
        pairs=pairs,
        annotator_of_pair=(pair_codes // n_labels).astype(np.int32),
        label_of_pair=(pair_codes % n_labels).astype(np.int32),
        n_labels=n_labels,
    )


@numba.njit(nogil=True, cache=True)
def _by_item(items: IntArray, pairs: IntArray, n_items: int) -> tuple[IntArray, SmallInts]:
    """A counting sort by item; within an item by pair."""
    starts = np.zeros(n_items + 1, dtype=np.int64)
    for item in items:
        starts[item + 1] += 1
    for item in range(n_items):
        starts[item + 1] += starts[item]
    ends = starts[:-1].copy()
    placed = np.empty(len(pairs), dtype=np.int32)
    for vote in range(len(pairs)):
        item = items[vote]
        placed[ends[item]] = pairs[vote]
        ends[item] += 1
    for item in range(n_items):
        first, last = starts[item], starts[item + 1]
        if last - first > _SHORT_RUN:
            placed[first:last].sort()
            continue
        for place in range(first + 1, last):
            pair = placed[place]
            before = place - 1
            while before >= first and placed[before] > pair:
                placed[before + 1] = placed[before]
                before -= 1
            placed[before + 1] = pair
    return starts, placed


@numba.njit(nogil=True, cache=True)
def _find_repeat(starts: IntArray, pairs: SmallInts, annotator_of_pair: SmallInts) -> bool:
    for item in range(len(starts) - 1):
        for vote in range(starts[item] + 1, starts[item + 1]):
            if annotator_of_pair[pairs[vote]] == annotator_of_pair[pairs[vote - 1]]:
                return True
    return False
