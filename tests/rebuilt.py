"""The read side of a store, whole, to compare with what its journal alone gives."""

from __future__ import annotations

import shutil
from pathlib import Path

from data.projection import TABLES
from data.store import Store

Rows = list[tuple[object, ...]]


def tables(store: Store) -> dict[str, Rows]:
    """Every row of every table, in an order of their own."""
    cursor = store._database.connection.cursor()
    names = [*TABLES, "event", "current_label", "applied"]
    found = {name: cursor.execute(f'SELECT * FROM "{name}" ORDER BY ALL').fetchall() for name in names}
    cursor.close()
    return found


def tables_of_journal(store_folder: Path, scratch: Path) -> dict[str, Rows]:
    """The tables of a store made from the journal and segments of another, in the folder `scratch`."""
    scratch.mkdir()
    for part in ("journal", "segments"):
        shutil.copytree(store_folder / part, scratch / part)
    with Store.open(scratch, keys_folder=scratch / "keys") as store:
        return tables(store)
