"""The DuckDB file of a store: opening it, reading it by named queries, and making it anew from the journal."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path

import duckdb
import polars as pl

from data.errors import StoreLocked
from data.journal import Journal
from data.migrate import migrate
from data.projection import apply_events
from data.records import Event
from data.segments import Segments

FOREVER = 2**62
REPLAY_CHUNK = 20_000
_PARAMETER = re.compile(r"\$([a-z_]+)")


@cache
def query(name: str) -> tuple[str, frozenset[str]]:
    """The text of `queries/<name>.sql` and the names of its parameters."""
    text = files("data").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")
    body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return body, frozenset(_PARAMETER.findall(body))


class Reader:
    """Answers named queries on one cursor."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, segments: Segments) -> None:
        self._cursor = cursor
        self.segments = segments

    def read(self, name: str, **params: object) -> pl.DataFrame:
        """Run `queries/<name>.sql`. `as_of` (a seq) is everything there is where it is not given."""
        text, names = query(name)
        if "as_of" in names and params.get("as_of") is None:
            params["as_of"] = FOREVER
        frame = self._cursor.execute(text, params or None).pl()
        moments = [column for column, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
        return frame.with_columns(pl.col(moments).dt.convert_time_zone("UTC")) if moments else frame


class Database:
    """One connection to a store's DuckDB file; every thread reads on a cursor of its own."""

    def __init__(self, path: Path, segments: Segments) -> None:
        self.path = path
        self.segments = segments
        self.connection = self._connect()
        self._threads = threading.local()

    def reader(self) -> Reader:
        """The calling thread's reader."""
        found: Reader | None = getattr(self._threads, "reader", None)
        if found is None:
            found = self._threads.reader = Reader(self.connection.cursor(), self.segments)
        return found

    def applied(self) -> tuple[int, str]:
        """The seq and hash of the last event that the file holds."""
        row = self.connection.execute("SELECT seq, head_hash FROM applied").fetchone()
        return (int(row[0]), str(row[1])) if row else (0, "")

    def replay(self, events: Iterable[Event]) -> int:
        """Apply events in chunks, each in a transaction; returns how many."""
        stream, count = iter(events), 0
        while chunk := list(islice(stream, REPLAY_CHUNK)):
            cursor = self.connection.cursor()
            cursor.begin()
            apply_events(cursor, chunk, self.segments)
            cursor.commit()
            count += len(chunk)
        return count

    def close(self, *, checkpoint: bool = True) -> None:
        """Close the file; with `checkpoint` what is in its log is moved into it first."""
        if checkpoint:
            self.connection.execute("CHECKPOINT")
        self.connection.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = duckdb.connect(str(self.path))
        except duckdb.IOException as error:
            holder = re.search(r"PID (\d+)", str(error))
            if "lock" in str(error):
                raise StoreLocked(self.path.parent, int(holder.group(1)) if holder else None) from error
            raise
        folder = str(self.segments.folder).replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{folder}']")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET wal_autocheckpoint = '512MB'")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        migrate(connection)
        return connection


def open_database(path: Path, journal: Journal, segments: Segments) -> tuple[Database, tuple[str, ...]]:
    """Open the file and bring it up to the journal's head; make it anew where it is broken or another history's.

    Returns the database and what had to be mended, in words.
    """
    notices: list[str] = []
    fresh = not path.exists()
    seq = 0
    try:
        database = Database(path, segments)
        seq, head_hash = database.applied()
        reason = _foreign_reason(journal, seq, head_hash)
    except duckdb.Error as error:
        database, reason = None, f"it could not be opened ({str(error).splitlines()[0]})"
    if database is not None and reason is not None:
        database.close(checkpoint=False)
    if database is None or reason is not None:
        aside = _set_aside(path)
        database = Database(path, segments)
        count = database.replay(journal.events())
        notices.append(
            f"The file {path.name} was made anew from the journal ({count} events), because {reason}. "
            f"The old file is kept as {aside}. Nothing was lost."
        )
    else:
        behind = database.replay(journal.events(after=seq)) if seq < journal.head_seq else 0
        if behind and not fresh:
            notices.append(
                f"{behind} saved events were in the journal and not yet in {path.name}; they were added."
            )
    return database, tuple(notices)


def _foreign_reason(journal: Journal, seq: int, head_hash: str) -> str | None:
    """Why the file does not belong to this journal; None where it does."""
    if seq == 0:
        return None
    if seq == journal.head_seq:
        return None if head_hash == journal.head_hash else "it belongs to another journal"
    if seq > journal.head_seq:
        return f"it holds {seq} events where the journal holds {journal.head_seq}"
    at_seq = next(journal.events(after=seq - 1), None)
    return None if at_seq is not None and at_seq.hash == head_hash else "it belongs to another journal"


def _set_aside(path: Path) -> str:
    """Rename the file and its log out of the way; returns the new name."""
    number = 1
    while (target := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    path.replace(target)
    log = path.with_name(path.name + ".wal")
    if log.exists():
        log.replace(target.with_name(target.name + ".wal"))
    return target.name
