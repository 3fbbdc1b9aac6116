"""The DuckDB file of a store: opening it, reading it by named queries, and making it anew from the journal."""

from __future__ import annotations

import contextlib
import re
import threading
import weakref
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path

import duckdb
import polars as pl

from data.errors import StoreLocked
from data.journal import Journal, seal
from data.migrate import migrate
from data.projection import EVENT_COLUMNS, apply_events, event_of_row
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


def damage_of(error: duckdb.Error) -> str | None:
    """What the error says, where it means that the file does not hold what DuckDB wrote; None for any other error."""
    said = str(error).splitlines()[0]
    kinds = (duckdb.InternalException, duckdb.SerializationException)
    return said if isinstance(error, kinds) or "Corrupt" in said or "checksum" in said else None


class Reader:
    """Answers named queries on one cursor."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, segments: Segments) -> None:
        self._cursor = cursor
        self._in_use = threading.Lock()
        self.segments = segments

    def read(self, name: str, **params: object) -> pl.DataFrame:
        """Run `queries/<name>.sql`. `as_of` (a seq) is everything there is where it is not given."""
        text, names = query(name)
        if "as_of" in names and params.get("as_of") is None:
            params["as_of"] = FOREVER
        with self._in_use:
            frame = self._cursor.execute(text, params or None).pl()
        moments = [column for column, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
        return frame.with_columns(pl.col(moments).dt.convert_time_zone("UTC")) if moments else frame

    def close(self) -> None:
        """Let go of the file, once a query that runs has ended."""
        with self._in_use:
            self._cursor.close()


class Database:
    """One connection to a store's DuckDB file; every thread reads on a cursor of its own."""

    def __init__(self, path: Path, segments: Segments) -> None:
        self.path = path
        self.segments = segments
        self.connection = self._connect()
        self._threads = threading.local()
        self._readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        self._adding = threading.Lock()

    def reader(self) -> Reader:
        """The calling thread's reader."""
        found: Reader | None = getattr(self._threads, "reader", None)
        if found is None:
            found = self._threads.reader = Reader(self.connection.cursor(), self.segments)
            with self._adding:
                self._readers.add(found)
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
            cursor.close()
            count += len(chunk)
        return count

    def close(self, *, checkpoint: bool = True) -> None:
        """Close the file for every thread; with `checkpoint` what is in its log is moved into it first.

        A checkpoint that fails is left for the next opening: the journal has everything.
        """
        if checkpoint:
            with contextlib.suppress(duckdb.Error):
                self.connection.execute("CHECKPOINT")
        with self._adding:
            readers = list(self._readers)
        for reader in readers:  # DuckDB keeps a file open until its last cursor is closed
            reader.close()
        self.connection.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = duckdb.connect(str(self.path))
        except duckdb.IOException as error:
            holder = re.search(r"PID (\d+)", str(error))
            if "Could not set lock" in str(error):
                raise StoreLocked(self.path.parent, int(holder.group(1)) if holder else None) from error
            raise
        folder = str(self.segments.folder).replace("'", "''")
        try:
            connection.execute(f"SET allowed_directories = ['{folder}']")
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET wal_autocheckpoint = '512MB'")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            migrate(connection)
        except duckdb.Error:
            connection.close()
            raise
        return connection


def open_database(
    path: Path, journal: Journal, segments: Segments, *, damage: str | None = None
) -> tuple[Database, tuple[str, ...]]:
    """Open the file and bring it up to the journal's head; make it anew where it is broken or another history's.

    Args:
        damage: what is known to be wrong with the file; it is made anew for that.

    Returns the database and what had to be mended, in words.
    """
    if damage is not None:
        return _made_anew(path, journal, segments, reason=f"it is damaged ({damage})")
    fresh = not path.exists()
    try:
        database = Database(path, segments)
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        return _made_anew(path, journal, segments, reason=f"it could not be opened ({said})")
    notices: list[str] = []
    try:
        notices += _restore_end(journal, database)
        seq, head_hash = database.applied()
        reason = _foreign_reason(journal, seq, head_hash)
        if reason is None and seq < journal.head_seq:
            behind = database.replay(journal.events(after=seq))
            if not fresh:
                notices.append(
                    f"{behind} saved events were in the journal and not yet in {path.name}; they were added."
                )
    except duckdb.Error as error:
        reason = f"it could not be read ({str(error).splitlines()[0]})"
    except BaseException:
        database.close(checkpoint=False)
        raise
    if reason is None:
        return database, tuple(notices)
    database.close(checkpoint=False)
    anew, said_of_it = _made_anew(path, journal, segments, reason=reason)
    return anew, (*notices, *said_of_it)


def _made_anew(
    path: Path, journal: Journal, segments: Segments, *, reason: str
) -> tuple[Database, tuple[str, ...]]:
    """A database from the journal alone; the file that was there is kept aside."""
    aside = _set_aside(path)
    database = Database(path, segments)
    try:
        count = database.replay(journal.events())
    except BaseException:
        database.close(checkpoint=False)
        raise
    notice = (
        f"The file {path.name} was made anew from the journal ({count} events), because {reason}. "
        f"The old file is kept as {aside}. The journal is the record: nothing of it was lost."
    )
    return database, (notice,)


def _restore_end(journal: Journal, database: Database) -> list[str]:
    """Give the journal back the events that were cut off its end, where the database still has them.

    Each line is written anew from the database's row and hashed: only if it and all before it come out with the hashes
    that they had, from the journal's last event on, are they what was there.
    """
    columns = ", ".join(EVENT_COLUMNS)
    statement = f"SELECT {columns} FROM event WHERE seq > ? ORDER BY seq"  # noqa: S608 - names are the schema's
    rows = database.connection.execute(statement, [journal.head_seq]).fetchall()
    lines: list[bytes] = []
    head_seq, head_hash = journal.head_seq, journal.head_hash
    for row in rows:
        event = event_of_row(row, prev_hash=head_hash)
        sealed, line = seal(event)
        if sealed.hash != event.hash or event.seq != head_seq + 1:
            return []
        lines.append(line)
        head_seq, head_hash = sealed.seq, sealed.hash
    if not lines:
        return []
    journal.append(lines, head_seq=head_seq, head_hash=head_hash)
    notice = (
        f"The end of the journal was missing ({len(lines)} events). They were restored from {database.path.name}; "
        "their hashes prove that they are what was saved."
    )
    return [notice]


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
