"""The one writer: commands wait in a queue, a thread turns a group of them into events with one fsync.

For each command: its plan checks the rules against the store as it is and returns the event's draft; the event is applied
to DuckDB inside an open transaction; the group's lines go to the journal and are made durable; the transaction is
committed; only then is anybody told. A failure before the journal leaves nothing behind; a failure after it is mended
by replaying the journal.
"""

from __future__ import annotations

import contextlib
import hashlib
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from data.database import Database, Reader, damage_of
from data.errors import RequestConflict, StoreError, StoreReadOnly
from data.identifiers import uuid7
from data.journal import Journal, canonical_json, seal
from data.projection import EVENT_COLUMNS, apply_events, event_of_row
from data.records import Draft, Event

GROUP_LIMIT = 64

Plan = Callable[[Reader], Draft | None]


@dataclass(slots=True)
class Command:
    """What somebody asked for, and where the answer goes."""

    plan: Plan
    by: str
    request_id: str
    request_hash: str
    keys: frozenset[str] | None
    answer: Future[Event | None] = field(default_factory=Future)


@dataclass(slots=True)
class Renewal:
    """Somebody could not read this database: has it been replaced, or can it be (for `damage`)?"""

    database: Database
    damage: str | None
    answer: Future[bool] = field(default_factory=Future)


def request_hash(request: Mapping[str, object]) -> str:
    """What a request id stands for: SHA-256 of the request's canonical JSON."""
    return hashlib.sha256(canonical_json(dict(request)).encode()).hexdigest()


class Writer:
    """The writer thread of one open store."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        clock: Callable[[], datetime],
        reopen: Callable[[str | None], Database],
    ) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock
        self._reopen = reopen
        self._queue: queue.SimpleQueue[Command | Renewal | None] = queue.SimpleQueue()
        self._read_only: str | None = None
        self._thread = threading.Thread(target=self._run, name="touchstone-writer", daemon=True)
        self._thread.start()

    def submit(self, command: Command) -> Event | None:
        """Queue the command and wait until its event is durable and visible."""
        if not self._thread.is_alive():
            raise StoreError("The store is closed; nothing was saved.")
        self._queue.put(command)
        return command.answer.result()

    def renew(self, database: Database, damage: str | None) -> bool:
        """Have the database made anew for its `damage`, between two groups; False where the same one is still in use.

        Raises:
            StoreReadOnly: it could not be made anew.
        """
        if not self._thread.is_alive() or threading.current_thread() is self._thread:
            return False
        renewal = Renewal(database, damage)
        self._queue.put(renewal)
        return renewal.answer.result()

    def stop(self) -> None:
        """Finish what is queued and stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            group = self._take_group()
            commands = [command for command in group if isinstance(command, Command)]
            if commands:
                self._write(commands)
            if isinstance(group[-1], Renewal):
                self._renew(group[-1])
            elif group[-1] is None:
                return

    def _renew(self, renewal: Renewal) -> None:
        replaced = self._database is not renewal.database
        if not replaced and renewal.damage is not None and self._read_only is None:
            replaced = self._mend(renewal.damage, damage=renewal.damage)
        if not replaced and self._read_only is not None:
            renewal.answer.set_exception(StoreReadOnly(self._read_only))
        else:
            renewal.answer.set_result(replaced)

    def _take_group(self) -> list[Command | Renewal | None]:
        """What is queued, up to a limit; anything but a command ends a group."""
        group = [self._queue.get()]
        while len(group) < GROUP_LIMIT and isinstance(group[-1], Command):
            try:
                group.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return group

    def _write(self, commands: Sequence[Command], *, mended: bool = False) -> None:
        """Write a group; where one of it breaks the transaction, each is tried alone, so that it breaks only itself.

        Where the database turns out to be damaged it is made anew from the journal first, once (`mended`).
        """
        if self._read_only is not None:
            for command in commands:
                command.answer.set_exception(StoreReadOnly(self._read_only))
            return
        group = _Group(self._database, self._journal, self._clock)
        try:
            group.build(commands)
        except Exception as error:  # whatever broke, everybody who waits must hear of it
            group.rollback()
            damage = damage_of(error) if isinstance(error, duckdb.Error) else None
            if damage is not None and not mended:
                self._mend(error, damage=damage)
                self._write(commands, mended=True)
            elif len(commands) > 1:
                for command in commands:
                    self._write([command], mended=mended)
            else:
                commands[0].answer.set_exception(_as_store_error(error))
            return
        try:
            group.log()
        except OSError as error:
            group.rollback()
            for command in commands:
                command.answer.set_exception(
                    StoreError(
                        f"The journal could not be written ({error.strerror}). Nothing was saved; try again."
                    )
                )
            return
        try:
            group.commit()
        except duckdb.Error as error:
            group.rollback()
            if not self._mend(error, damage=damage_of(error)):
                for command in commands:
                    command.answer.set_exception(StoreReadOnly(self._read_only or ""))
                return
        group.answer()

    def _mend(self, error: Exception | str, *, damage: str | None) -> bool:
        """Reopen the database, or make it anew for its damage; the journal has all of it. False where only reading is left."""
        try:
            self._database = self._reopen(damage)
        except (duckdb.Error, StoreError) as second:
            self._read_only = (
                f"The database could not be written ({error}) nor reopened ({second}). What was saved is in the journal; "
                "nothing more can be saved until the store is opened again."
            )
            return False
        return True


class _Group:
    """Commands that share a transaction and an fsync."""

    def __init__(self, database: Database, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._journal = journal
        self._clock = clock
        self._segments = database.segments
        self._cursor = database.connection.cursor()
        self._reader = Reader(self._cursor, database.segments)
        self._events: list[Event] = []
        self._lines: list[bytes] = []
        self._pending: list[Event] = []
        self._pending_keys: set[str] | None = set()
        self._by_request: dict[str, Event] = {}
        self._results: list[tuple[Command, Event | None]] = []
        self._failures: list[tuple[Command, Exception]] = []

    def build(self, commands: Sequence[Command]) -> None:
        """Plan and apply each command in the open transaction."""
        self._cursor.begin()
        for command in commands:
            try:
                event = self._earlier(command) or self._plan(command)
            except StoreError as error:
                self._failures.append((command, error))
                continue
            self._results.append((command, event))
        self._flush()

    def log(self) -> None:
        """Make the group's lines durable."""
        if self._lines:
            last = self._events[-1]
            self._journal.append(self._lines, head_seq=last.seq, head_hash=last.hash)

    def commit(self) -> None:
        """Make the group visible."""
        self._cursor.commit()
        self._cursor.close()

    def rollback(self) -> None:
        """Forget the group."""
        with contextlib.suppress(
            duckdb.Error
        ):  # the transaction may be gone already, which is what was wanted
            self._cursor.rollback()
        self._cursor.close()

    def answer(self) -> None:
        """Tell everybody who waits."""
        for command, error in self._failures:
            command.answer.set_exception(error)
        for command, event in self._results:
            command.answer.set_result(event)

    def _earlier(self, command: Command) -> Event | None:
        """The event that this request id made before, where there is one."""
        known = self._by_request.get(command.request_id)
        if known is None:
            found = self._cursor.execute(
                f"SELECT {', '.join(EVENT_COLUMNS)} FROM event WHERE request_id = ?",  # noqa: S608 - names are the schema's
                [command.request_id],
            ).fetchone()
            if found is None:
                return None
            known = event_of_row(found)
        if known.request_hash != command.request_hash:
            raise RequestConflict(command.request_id)
        return known

    def _plan(self, command: Command) -> Event | None:
        if command.keys is None or self._pending_keys is None or command.keys & self._pending_keys:
            self._flush()
        draft = command.plan(self._reader)
        if draft is None:
            return None
        last = self._events[-1] if self._events else None
        now = self._clock()
        event, line = seal(
            Event(
                seq=(last.seq if last else self._journal.head_seq) + 1,
                event_id=uuid7(now),
                recorded_at=now,
                project_id=draft.project_id,
                actor=command.by,
                kind=draft.kind,
                subject=draft.subject,
                payload=draft.payload,
                request_id=command.request_id,
                request_hash=command.request_hash,
                prev_hash=last.hash if last else self._journal.head_hash,
                hash="",
            )
        )
        self._events.append(event)
        self._lines.append(line)
        self._pending.append(event)
        self._by_request[command.request_id] = event
        if command.keys is None:
            self._pending_keys = None
        elif self._pending_keys is not None:
            self._pending_keys |= command.keys
        return event

    def _flush(self) -> None:
        apply_events(self._cursor, self._pending, self._segments)
        self._pending = []
        self._pending_keys = set()


def _as_store_error(error: Exception) -> Exception:
    if isinstance(error, duckdb.Error):
        wrapped = StoreError(f"The store refused the command: {error}. Nothing was saved.")
        wrapped.__cause__ = error
        return wrapped
    return error
