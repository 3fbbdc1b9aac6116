"""The label that an item's annotations agree on: majority vote, and the same without one's own vote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import VOTES, FloatArray, IntArray, Repeats, keep_repeats, require_labels

ITEMS_SCHEMA = pl.Schema(
    {
        "item_code": pl.Int64(),
        "label_code": pl.Int64(),
        "p_label": pl.Float64(),
        "n_annotations": pl.Int64(),
        "tied": pl.Boolean(),
        "posterior": pl.List(pl.Float64),
    }
)
"""Columns of `Consensus.items`. `posterior` has one entry a label of the label set, in order of code."""

_CHUNK_CELLS = 4_000_000  # (annotator, item) pairs x labels held at once: 32 MB


@dataclass(frozen=True, slots=True)
class Consensus:
    """One consensus label an item.

    Attributes:
        items: one row an item, sorted by item_code, with the columns of ITEMS_SCHEMA. `p_label` is the
            posterior of `label_code`; `n_annotations` counts the annotations it rests on; `tied` is true
            where another label has as much behind it, and `label_code` is then the smallest of them.
    """

    items: pl.DataFrame


def majority_vote(votes: pl.DataFrame, *, n_labels: int, repeats: Repeats = "count") -> Consensus:
    """The most frequent label of each item.

    A tie goes to the smallest label code and is marked in `tied`. The order of the rows changes nothing.

    Args:
        votes: a frame that keeps VOTES.
        n_labels: K, the number of labels of the label set.
        repeats: which of several votes by one annotator on one item count.

    Returns:
        A consensus whose posterior is the share of the item's votes that each of the K labels got.

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels` and `keep_repeats`.

    >>> votes = pl.DataFrame({"item_code": [7, 7, 7], "annotator_code": [0, 1, 2], "label_code": [1, 0, 1]})
    >>> majority_vote(votes, n_labels=2).items.select("item_code", "label_code", "tied").row(0)
    (7, 1, False)
    """
    require_labels(votes, VOTES, n_labels)
    kept = keep_repeats(votes, repeats)
    item_codes, items = rank_codes(int_codes(kept, "item_code"))
    counts = count_labels(items, int_codes(kept, "label_code"), n_items=len(item_codes), n_labels=n_labels)
    n_votes = counts.sum(axis=1)
    return Consensus(items_frame(item_codes, counts / n_votes[:, None], n_votes, tied=top_is_tied(counts)))


def leave_one_out_majority(votes: pl.DataFrame, *, n_labels: int) -> pl.DataFrame:
    """For every vote, the most frequent label that the *other* annotators gave to the same item.

    All votes of the vote's own annotator on that item are left out, repeats too; repeats of the others count.

    Args:
        votes: a frame that keeps VOTES.
        n_labels: K, the number of labels of the label set.

    Returns:
        One row a vote, sorted: item_code, annotator_code, label_code, label_others (null where the others are
        tied or there are none), n_others (how many votes of others).

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`.
    """
    require_labels(votes, VOTES, n_labels)
    item_codes, items = rank_codes(int_codes(votes, "item_code"))
    annotator_codes, annotators = rank_codes(int_codes(votes, "annotator_code"))
    labels = int_codes(votes, "label_code")
    counts = count_labels(items, labels, n_items=len(item_codes), n_labels=n_labels)

    pair_codes, pairs = rank_codes(items * len(annotator_codes) + annotators)
    label_others, n_others = _without_own(counts, pair_codes // max(len(annotator_codes), 1), pairs, labels)
    frame = pl.DataFrame(
        {
            "item_code": item_codes[items],
            "annotator_code": annotator_codes[annotators],
            "label_code": labels,
            "label_others": label_others[pairs],
            "n_others": n_others[pairs],
        }
    )
    known = pl.when(pl.col("label_others") >= 0).then("label_others").alias("label_others")
    return frame.with_columns(known).sort("item_code", "annotator_code", "label_code")


def _without_own(
    counts: IntArray, item_of_pair: IntArray, pairs: IntArray, labels: IntArray
) -> tuple[IntArray, IntArray]:
    """For each (item, annotator) pair: the others' top label (-1: tied or nobody) and how many they are.

    Works through the pairs in chunks, so that no more than a chunk x K table is held beside the item x K
    counts.
    """
    n_pairs, n_labels = len(item_of_pair), counts.shape[1]
    top = np.empty(n_pairs, dtype=np.int64)
    n_others = np.empty(n_pairs, dtype=np.int64)
    order = np.argsort(pairs, kind="stable")
    sorted_pairs, sorted_labels = pairs[order], labels[order]
    step = max(_CHUNK_CELLS // n_labels, 1)
    for start in range(0, n_pairs, step):
        stop = min(start + step, n_pairs)
        first, last = np.searchsorted(sorted_pairs, [start, stop])
        own = count_labels(
            sorted_pairs[first:last] - start,
            sorted_labels[first:last],
            n_items=stop - start,
            n_labels=n_labels,
        )
        left = counts[item_of_pair[start:stop]] - own
        n_others[start:stop] = left.sum(axis=1)
        top[start:stop] = np.where(top_is_tied(left) | (n_others[start:stop] == 0), -1, left.argmax(axis=1))
    return top, n_others


def int_codes(frame: pl.DataFrame, column: str) -> IntArray:
    """A code column as an int64 array; an empty column of any type gives an empty array."""
    return frame.get_column(column).cast(pl.Int64).to_numpy()


def rank_codes(codes: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct codes in ascending order, and for each code its rank among them.

    >>> rank_codes(np.array([7, 3, 7]))
    (array([3, 7]), array([1, 0, 1]))
    """
    if len(codes) == 0:
        return codes.astype(np.int64), codes.astype(np.int64)
    largest = int(codes.max())
    if largest > 8 * len(codes) + 1024:
        # Too sparse for a table of all codes: sorting is cheaper than the memory.
        distinct, ranks = np.unique(codes, return_inverse=True)
        return distinct, ranks.astype(np.int64)
    seen = np.zeros(largest + 1, dtype=np.bool_)
    seen[codes] = True
    distinct = np.flatnonzero(seen)
    if len(distinct) == largest + 1:
        return distinct, codes
    return distinct, (np.cumsum(seen) - 1)[codes]


def count_labels(items: IntArray, labels: IntArray, *, n_items: int, n_labels: int) -> IntArray:
    """How often each item (rank in [0, I)) got each label: shape (I, K)."""
    return np.bincount(items * n_labels + labels, minlength=n_items * n_labels).reshape(n_items, n_labels)


def top_is_tied(weights: IntArray | FloatArray, *, within: float = 0.0) -> NDArray[np.bool_]:
    """For each row of (I, K): whether a second label weighs as much as the first, give or take `within`."""
    top = weights.max(axis=1, keepdims=True)
    tied: NDArray[np.bool_] = np.count_nonzero(weights >= top - within, axis=1) > 1
    return tied


def items_frame(
    item_codes: IntArray, posterior: FloatArray, n_annotations: IntArray, *, tied: NDArray[np.bool_]
) -> pl.DataFrame:
    """`Consensus.items` from a posterior of shape (I, K) whose rows follow `item_codes`, ascending."""
    best = posterior.argmax(axis=1)
    return pl.DataFrame(
        {
            "item_code": item_codes,
            "label_code": best,
            "p_label": posterior[np.arange(len(best)), best],
            "n_annotations": n_annotations,
            "tied": tied,
            "posterior": pl.Series(values=posterior, dtype=pl.Array(pl.Float64, posterior.shape[1])),
        }
    ).cast(ITEMS_SCHEMA)
