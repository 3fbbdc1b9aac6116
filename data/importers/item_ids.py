"""Which item each row is about, where the file does not say: a file of ids in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from data.errors import ImportRejected
from data.importers.delimited import Loaded
from data.importers.mapping import guess, listed, plain
from data.importers.parsed import ImportOptions
from data.importers.sniff import sniff
from data.importers.source import open_source
from data.importers.table import open_table
from data.importers.values import Cleaned, clean_ids

ITEM = "item"
_OWN = ("item", "itemid", "id")


def refuse_own_ids(columns: Iterable[str], asked: Iterable[str], name: str) -> None:
    """Raise where a file that gets its ids from another has a column of ids, for then one of the two is wrong.

    Args:
        columns: that may be the item.
        asked: the roles that were given a column.
        name: what to call the file in messages.
    """
    if ITEM in asked:
        raise ImportRejected(
            "--map item=COLUMN and --ids FILE both say which item is which; give one of them."
        )
    own = [column for column in columns if plain(column) in _OWN]
    if own:
        raise ImportRejected(f"{name} has ids of its own in the column {own[0]!r}; leave --ids out.")


def ids_of(
    loaded: Loaded, column: str | None, options: ImportOptions, scratch: Path, name: str
) -> tuple[Cleaned, dict[str, str]]:
    """The item of each row that was loaded, from its column, or where there is none, from the file `options.ids`; and which it was.

    Raises:
        ImportRejected: the file of ids cannot be read, or has not one id for each row.
    """
    if column is not None:
        return clean_ids(loaded.frame[column], column, ITEM), {ITEM: column}
    # Rows that cannot be read have an id of their own too.
    rows = np.union1d(loaded.rows.to_numpy(), loaded.rejected["row"].to_numpy())
    given, where = read_ids(options, len(rows), scratch, name)
    places = np.searchsorted(rows, loaded.rows.to_numpy())
    return Cleaned(given.values.gather(places), given.bad.gather(places), given.notes), where


def read_ids(options: ImportOptions, n_rows: int, scratch: Path, name: str) -> tuple[Cleaned, dict[str, str]]:
    """The ids of `options.ids`, one for each of `n_rows` rows of the file `name`; and which file it was, for the record.

    Raises:
        ImportRejected: there is no such file, it has no column that is plainly the item, or another number of rows.
    """
    if not options.ids:
        raise ImportRejected(
            f"{name} does not say which item is which; give their ids in its order with --ids FILE."
        )
    folder = scratch / "ids"
    folder.mkdir(exist_ok=True)
    source = open_source(Path(options.ids), folder, max_bytes=options.max_bytes)
    kind = sniff(source.name, source.head)
    if kind == "json":
        raise ImportRejected(f"{source.name} is one JSON document; give ids as a table with a column `item`.")
    table = open_table(source, kind, folder, options)
    column = _column(table.columns, source.name)
    loaded = table.load([column])
    if len(loaded.rejected):
        row, reason = loaded.rejected.row(0)
        raise ImportRejected(f"{source.name}, row {row}: {reason}. Every row needs an id.")
    if len(loaded.rows) and loaded.rows.max() != len(loaded.rows):
        raise ImportRejected(f"{source.name} has an empty row, or one without an id. Every row needs an id.")
    if len(loaded.rows) != n_rows:
        raise ImportRejected(
            f"{source.name} has {len(loaded.rows):,} ids below its header {column!r}, and {name} has {n_rows:,} rows; each row needs "
            "its id, in the same order."
        )
    ids = clean_ids(loaded.frame[column], column, ITEM)
    said = f"The ids were taken from {column!r} of {source.name}, in its order."
    where = {ITEM: f"{column} of {source.name} (sha256 {source.sha256})"}
    return Cleaned(ids.values, ids.bad, (*ids.notes, said)), where


def _column(columns: Sequence[str], name: str) -> str:
    """The only column, or the one that is plainly the item."""
    found = columns[0] if len(columns) == 1 else guess(columns, ITEM) or bare_id(columns)
    if found is None:
        raise ImportRejected(f"{name} has no column that is plainly the item; it has {listed(columns)}.")
    return found


def bare_id(columns: Sequence[str]) -> str | None:
    """The one column that is called id, or None."""
    found = [column for column in columns if plain(column) == "id"]
    return found[0] if len(found) == 1 else None
