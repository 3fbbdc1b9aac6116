"""Column contracts of the frames that analytics takes, which repeated votes count, and label counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.once import once

Repeats = Literal["count", "first", "last"]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

MAX_DENSE_CELLS = 40_000_000
"""Largest item x label table made as an array (8 bytes a cell); wider ones are kept sparse."""

_MAX_KEY = 2**62


@dataclass(frozen=True, slots=True)
class Contract:
    """The columns that a frame must have. All of them are codes: integers of 0 or more, never null.

    Attributes:
        name: what error messages call the frame.
        codes: the names of its code columns. They need not be dense.
    """

    name: str
    codes: tuple[str, ...]


VOTES = Contract("votes", ("item_code", "annotator_code", "label_code"))
"""One row an annotation. May also have `order` (integer, e.g. the journal's), `at`, `active_seconds`."""

GOLD = Contract("gold", ("item_code", "label_code"))
"""One row an item whose label is known in advance."""


def require(frame: pl.DataFrame, contract: Contract) -> None:
    """Check that a frame keeps its contract.

    Raises:
        MissingColumn: a column of the contract is not there.
        BadColumn: a column is not of integers, or holds a null or a negative code.
    """
    missing = [name for name in contract.codes if name not in frame.columns]
    if missing:
        needs = f"It needs {', '.join(contract.codes)}."
        raise MissingColumn(contract.name, missing, frame.columns, why=needs)
    if frame.is_empty():
        return
    for name in contract.codes:
        column = frame.get_column(name)
        if not column.dtype.is_integer():
            raise BadColumn(contract.name, name, f"has to hold integers; it holds {column.dtype}")
        if column.null_count():
            problem = f"has {column.null_count()} nulls; leave a missing annotation out, it has no row"
            raise BadColumn(contract.name, name, problem)
        smallest = column.min()
        if isinstance(smallest, int) and smallest < 0:
            raise BadColumn(contract.name, name, f"has the code {smallest}; codes are 0 or more")


def require_labels(frame: pl.DataFrame, contract: Contract, n_labels: int) -> None:
    """Check that a frame keeps its contract and that its label codes are in [0, K).

    Raises:
        MissingColumn, BadColumn: as `require`; BadColumn too for a label code of K or more.
        BadOption: K is not a whole number of 1 or more.
    """
    if isinstance(n_labels, bool) or not isinstance(n_labels, int) or n_labels < 1:
        raise BadOption("n_labels", n_labels, "the number of labels in the label set, 1 or more")
    require(frame, contract)
    largest = frame.get_column("label_code").max() if frame.height else 0
    if isinstance(largest, int) and largest >= n_labels:
        problem = (
            f"has the code {largest}, but the label set has {n_labels} labels (codes 0 to {n_labels - 1})"
        )
        raise BadColumn(contract.name, "label_code", problem)


def keep_repeats(votes: pl.DataFrame, repeats: Repeats) -> pl.DataFrame:
    """Which of several votes by one annotator on one item count.

    Args:
        votes: a frame that keeps VOTES.
        repeats: "count" keeps them all; "first" and "last" keep one vote an (item, annotator), by the column
            `order`, never by the order of the rows.

    Returns:
        The same columns, fewer rows. For "count" the frame itself.

    Raises:
        BadOption: another word for `repeats`.
        MissingColumn: "first" or "last" without the column `order`.
        BadColumn: `order` is not of integers, has nulls, or does not order the votes of one (item,
            annotator).
    """
    if repeats not in get_args(Repeats):
        raise BadOption("repeats", repeats, get_args(Repeats))
    if repeats == "count":
        return votes
    if "order" not in votes.columns:
        why = f"repeats={repeats!r} needs it: the order of rows is never taken for the order of votes."
        raise MissingColumn(VOTES.name, ["order"], votes.columns, why=why)
    if votes.is_empty():
        return votes
    order = votes.get_column("order")
    if not order.dtype.is_integer() or order.null_count():
        raise BadColumn(VOTES.name, "order", "has to hold integers without nulls")
    pair = ["item_code", "annotator_code"]
    ordered = votes.sort([*pair, "order"])
    if ordered.select(
        pl.all_horizontal(pl.col(*pair, "order") == pl.col(*pair, "order").shift()).any()
    ).item():
        raise BadColumn(VOTES.name, "order", "is the same for two votes of one annotator on one item")
    return ordered.unique(subset=pair, keep=repeats, maintain_order=True)


def one_vote_each(votes: pl.DataFrame, repeats: Repeats) -> pl.DataFrame:
    """One vote an (item, annotator), for figures that cannot count repeats.

    The column `order` is asked for only if there are any.

    Raises:
        BadOption: `repeats` is "count" or another word.
        MissingColumn, BadColumn: as `keep_repeats`, if any vote is a repeat.
    """
    if repeats not in ("first", "last"):
        raise BadOption("repeats", repeats, ("first", "last"))
    if votes.is_empty():
        return votes
    n_codes = {name: int(votes.get_column(name).to_numpy().max()) + 1 for name in VOTES.codes}
    pair = pl.struct("item_code", "annotator_code")
    if n_codes["item_code"] * n_codes["annotator_code"] < _MAX_KEY:  # one integer is several times faster
        pair = pl.col("item_code").cast(pl.Int64) * n_codes["annotator_code"] + pl.col("annotator_code")
    if votes.select(pair.n_unique()).item() == votes.height:
        return votes
    return keep_repeats(votes, repeats)


def dense_codes(column: pl.Series) -> tuple[IntArray, IntArray]:
    """The distinct codes of a column, sorted, and for each row the place of its code among them."""
    codes = column.to_numpy().astype(np.int64, copy=False)
    n_codes = int(codes.max(initial=-1)) + 1
    if n_codes > 4 * codes.size + 1024:
        distinct, place = np.unique(codes, return_inverse=True)
        return distinct, place
    seen = np.zeros(n_codes, dtype=np.bool_)
    seen[codes] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[codes]


@dataclass(frozen=True, slots=True)
class Patterns:
    """Label counts of items: how often each distinct row of the item x label count matrix occurs.

    What depends on the counts alone (alpha, Fleiss, AC1, percent agreement) can be computed, and its items
    resampled, from these few rows, exactly. The most frequent pattern comes first, ties by the pattern
    itself, so that neither the order of rows nor the names of items or annotators change anything.

    Attributes:
        counts: (P, K) votes for each label; an array, or a scipy `csr_array` where K is large.
        n_items: (P,) how many items have this pattern.
    """

    counts: FloatArray
    n_items: IntArray

    @property
    def n_votes(self) -> FloatArray:
        """(P,) votes that an item of this pattern has."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.float64)

    def rows_times(self, factor: FloatArray | IntArray) -> FloatArray:
        """(P, K) counts with each row multiplied by its factor (P,); sparse where the counts are."""
        from scipy.sparse import diags_array, issparse

        scaled: FloatArray
        if issparse(self.counts):
            scaled = diags_array(factor.astype(np.float64)) @ self.counts
        else:
            scaled = self.counts * factor[:, None]
        return scaled

    def with_votes(self, at_least: int) -> Patterns:
        """Only the patterns with so many votes or more."""
        enough = self.n_votes >= at_least
        return Patterns(self.counts[enough], self.n_items[enough])


def count_patterns(votes: pl.DataFrame, n_labels: int) -> Patterns:
    """Count each item's votes by label (I x K) and collapse equal rows into patterns.

    Args:
        votes: a frame that passed `require_labels`. Each row is one vote.
        n_labels: K of the label set.
    """
    return once(votes, n_labels, lambda: _counted(votes, n_labels))


def _counted(votes: pl.DataFrame, n_labels: int) -> Patterns:
    if votes.is_empty():
        return Patterns(np.zeros((0, n_labels)), np.zeros(0, dtype=np.int64))
    items = votes.get_column("item_code").to_numpy().astype(np.int64, copy=False)
    n_rows = int(items.max()) + 1
    if n_rows > 2 * items.size + 1024:
        found, items = np.unique(items, return_inverse=True)
        n_rows = found.size
    return _patterns_of(*_count_rows(items, _labels_of(votes), n_rows, n_labels))


def count_group_patterns(votes: pl.DataFrame, n_labels: int, by: str) -> tuple[IntArray, list[Patterns]]:
    """As `count_patterns`, for each group of votes: all groups are counted in one pass.

    An item with votes in several groups is an item of each, with its votes there.

    Args:
        votes: a frame that passed `require_labels`.
        n_labels: K of the label set.
        by: a column of integers of 0 or more.

    Returns:
        The group codes, ascending, and for each what `count_patterns` finds in its votes alone.
    """
    groups, group = dense_codes(votes.get_column(by))
    _, item = dense_codes(votes.get_column("item_code"))
    if not groups.size:
        return groups, []
    n_items = int(item.max()) + 1
    if groups.size > _MAX_KEY // n_items:
        raise BadColumn(
            VOTES.name, by, f"has {groups.size} groups of {n_items} items: too many to tell apart"
        )
    units, unit = dense_codes(pl.Series(group * n_items + item))
    key, rows_at = _count_rows(unit, _labels_of(votes), units.size, n_labels)
    cells = (
        pl.DataFrame({"group": units // n_items, "key": key})
        .with_row_index("row")
        .group_by("group", "key")
        .agg(pl.col("row").first().cast(pl.Int64), n=pl.len().cast(pl.Int64))
        .sort(["group", "n", "key"], descending=[False, True, False])
    )
    counts, n = rows_at(cells.get_column("row").to_numpy()), cells.get_column("n").to_numpy()
    edges = np.searchsorted(cells.get_column("group").to_numpy(), np.arange(groups.size + 1))
    return groups, [Patterns(counts[a:b], n[a:b]) for a, b in pairwise(edges.tolist())]


_RowsAt = Callable[[IntArray], FloatArray]


def _patterns_of(key: IntArray, rows_at: _RowsAt) -> Patterns:
    first, n_items = _distinct(key)
    return Patterns(rows_at(first), n_items)


def _labels_of(votes: pl.DataFrame) -> IntArray:
    return votes.get_column("label_code").to_numpy().astype(np.int64, copy=False)


def _count_rows(items: IntArray, labels: IntArray, n_rows: int, n_labels: int) -> tuple[IntArray, _RowsAt]:
    """For each of the rows of the item x label count matrix a key that tells it from others; and its rows."""
    if n_rows * n_labels <= max(MAX_DENSE_CELLS, 4 * items.size):
        return _dense_rows(items, labels, n_rows, n_labels)
    return _sparse_rows(items, labels, n_labels)


def _dense_rows(items: IntArray, labels: IntArray, n_rows: int, n_labels: int) -> tuple[IntArray, _RowsAt]:
    table = np.bincount(labels * n_rows + items, minlength=n_rows * n_labels).reshape(n_labels, n_rows)
    key = np.zeros(n_rows, dtype=np.int64)
    span = 1
    for column in table:
        key, span = _fold(key, span, column, int(column.max()) + 1)
    return key, lambda rows: np.ascontiguousarray(table[:, rows].T, dtype=np.float64)


def _sparse_rows(items: IntArray, labels: IntArray, n_labels: int) -> tuple[IntArray, _RowsAt]:
    """As `_dense_rows`, from the cells that are not 0: an item's key is its list of (label, count)."""
    from scipy.sparse import csr_array

    cells = (
        pl.DataFrame({"item": items, "label": labels})
        .group_by("item", "label")
        .agg(n=pl.len().cast(pl.Int64))
        .sort("item", "label")
    )
    row = cells.get_column("item").rle_id().cast(pl.Int64).to_numpy()
    label = cells.get_column("label").to_numpy()
    n = cells.get_column("n").to_numpy()
    width = np.bincount(row)
    starts = np.concatenate([[0], np.cumsum(width)])
    place = np.arange(row.size) - starts[row]
    by_place = np.argsort(place, kind="stable")
    cuts = np.searchsorted(place[by_place], np.arange(int(width.max()) + 1))
    most = int(n.max()) + 1
    key = np.zeros(width.size, dtype=np.int64)
    span = 1
    for start, stop in pairwise(cuts.tolist()):
        cell = by_place[start:stop]
        column = np.zeros(width.size, dtype=np.int64)
        column[row[cell]] = label[cell] * most + n[cell]
        key, span = _fold(key, span, column, n_labels * most)
    matrix = csr_array((n.astype(np.float64), label, starts), shape=(width.size, n_labels))
    return key, lambda rows: matrix[rows]


def _fold(key: IntArray, span: int, column: IntArray, size: int) -> tuple[IntArray, int]:
    """Append a digit in [0, size) to keys in [0, span), as one integer.

    Ranks replace the keys before they overflow. Keys keep the lexicographic order of their digits, and the
    digits of an empty row give 0.
    """
    if span > _MAX_KEY // size:
        distinct, key = np.unique(key, return_inverse=True)
        span = distinct.size
    return key * size + column, span * size


def _distinct(key: IntArray) -> tuple[IntArray, IntArray]:
    """One row of each key that is not 0, and how many rows have it: most first, then by key."""
    groups = (
        pl.DataFrame({"key": key})
        .with_row_index("row")
        .filter(pl.col("key") > 0)
        .group_by("key")
        .agg(pl.col("row").first().cast(pl.Int64), n=pl.len().cast(pl.Int64))
        .sort(["n", "key"], descending=[True, False])
    )
    return groups.get_column("row").to_numpy(), groups.get_column("n").to_numpy()
