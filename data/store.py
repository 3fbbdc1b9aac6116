"""The store: a folder whose journal is the record and whose DuckDB file answers questions."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import duckdb
import polars as pl

from data.database import Database, Reader, damage_of, open_database
from data.errors import RequestConflict, StoreError, StoreLocked, StoreMissing
from data.identifiers import uuid7
from data.journal import Journal, sync_folder
from data.projection import event_of_row
from data.records import Draft, Event
from data.segments import Segments
from data.vault import Vault
from data.writer import Command, Plan, Writer, request_hash

FORMAT = 1
DATABASE_NAME = "touchstone.duckdb"


def wall_clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def default_keys_folder() -> Path:
    """Where vault keys stand when nothing else is said: outside every store."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "touchstone" / "keys"


class Store:
    """An open store. Make one with `Store.open`; one process holds it at a time, any of its threads may use it."""

    def __init__(self, path: Path, lock: IO[str], clock: Callable[[], datetime], keys_folder: Path) -> None:
        self.path = path
        self.clock = clock
        self._lock = lock
        self._journal = Journal(path / "journal")
        self._segments = Segments(path / "segments")
        self._segments.folder.mkdir(parents=True, exist_ok=True)
        self._segments.sweep()
        torn = self._journal.recover()
        self._database, mended = open_database(path / DATABASE_NAME, self._journal, self._segments)
        self.notices: tuple[str, ...] = torn + mended
        self._writer = Writer(self._database, self._journal, clock, self._reopen)
        if self._journal.head_seq == 0:
            self._begin()
        self.store_id = str(self.read("store_identity")["subject"][0])
        self.vault = Vault(path / "vault", keys_folder / f"{self.store_id}.json")

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        create: bool = False,
        clock: Callable[[], datetime] = wall_clock,
        keys_folder: Path | None = None,
    ) -> Self:
        """Open the store in the folder `path`; with `create` make it where there is none.

        Raises:
            StoreMissing: there is no store and `create` was not asked for.
            StoreLocked: another process has it open.
            StoreDamaged: the journal or a segment does not hold what it should; nothing was changed.
        """
        folder = Path(path).absolute()
        if not (folder / "journal").is_dir():
            if not create:
                raise StoreMissing(folder)
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise StoreError(f"{folder} exists and is not a store. Name another folder, or an empty one.")
            (folder / "journal").mkdir(parents=True)
            sync_folder(folder)
        lock = _take_lock(folder)
        try:
            return cls(folder, lock, clock, keys_folder or default_keys_folder())
        except BaseException:
            lock.close()
            raise

    def read(self, name: str, **params: object) -> pl.DataFrame:
        """Run the query file `name` on this thread's cursor; see its header for columns and parameters.

        A database file that turns out to be damaged is made anew from the journal, which takes a moment (`notices`).
        """
        database = self._database
        try:
            return database.reader().read(name, **params)
        except duckdb.Error as error:
            damage = damage_of(error)
            # Closed: another thread found the damage, and the file is being made anew right now.
            closed = isinstance(error, duckdb.ConnectionException)
            if (damage is None and not closed) or not self._writer.renew(database, damage):
                raise
        return self._database.reader().read(name, **params)

    def submit(
        self,
        plan: Plan,
        *,
        by: str,
        request: Mapping[str, object],
        request_id: str | None = None,
        keys: frozenset[str] | None = None,
    ) -> Event | None:
        """Run a command in the writer and wait until its event is durable and visible.

        Args:
            plan: called in the writer with a reader of the store as it is; checks the rules and returns the event's draft,
                or None where there is nothing to do. It may be called again after a conflict, so it changes nothing.
            by: who acts.
            request: the verb and its arguments; with `by` and `request_id` it makes a retry harmless.
            request_id: made by the caller; a repeat of the same request returns the first event.
            keys: what the plan reads and writes ("item:p/3"); commands whose keys do not meet share a group without
                waiting for one another. None means everything.

        Raises:
            RequestConflict: the request id stands for another request.
            StoreError: whatever the plan raised, or the journal could not be written; nothing was saved.
        """
        command = Command(
            plan, by, request_id or uuid7(self.clock()), request_hash({**request, "by": by}), keys
        )
        return self._writer.submit(command)

    def earlier(self, request_id: str | None, *, by: str, request: Mapping[str, object]) -> Event | None:
        """The event that a request made before: what a repeat is answered with, before anything is worked out anew. None: there is none.

        For verbs that work out much, or that would find something else by now; `submit` says the same at the end.

        Raises:
            RequestConflict: the request id stands for another request.
        """
        found = [] if request_id is None else self.read("event_of_request", request_id=request_id).rows()
        if not found:
            return None
        event = event_of_row(found[0])
        if event.request_hash != request_hash({**request, "by": by}):
            raise RequestConflict(event.request_id)
        return event

    @property
    def head(self) -> int:
        """The sequence number of the last event."""
        return self._journal.head_seq

    @property
    def head_hash(self) -> str:
        """The hash of the last event."""
        return self._journal.head_hash

    def seq_at(self, moment: datetime) -> int:
        """The last event recorded at or before `moment`; 0 where there is none."""
        return int(self.read("seq_at", moment=moment)["seq"][0])

    def event_lines(self, seqs: frozenset[int]) -> list[bytes]:
        """The journal's own lines of the given events, as written."""
        found = []
        for _path, line in self._journal.lines():
            head, _, _ = line[: len('{"seq":') + 20].partition(b",")
            if int(head[len('{"seq":') :]) in seqs:
                found.append(line)
        return found

    def close(self) -> None:
        """Finish what is queued and let go of the folder."""
        if self._lock.closed:
            return
        self._writer.stop()
        self._database.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reopen(self, damage: str | None) -> Database:
        self._database.close(checkpoint=False)
        self._database, mended = open_database(
            self.path / DATABASE_NAME, self._journal, self._segments, damage=damage
        )
        self.notices += mended
        return self._database

    def _begin(self) -> None:
        store_id = uuid7(self.clock())
        draft = Draft("store_created", "", store_id, {"format": FORMAT})

        def plan(reader: Reader) -> Draft:
            return draft

        self.submit(plan, by="touchstone", request={"verb": "store.create", "store_id": store_id})


def _take_lock(folder: Path) -> IO[str]:
    """Lock the folder for this process; raises StoreLocked with the holder's process number."""
    lock = (folder / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise StoreLocked(folder, int(holder) if holder.isdigit() else None) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
