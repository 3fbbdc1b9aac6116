"""The hash-chained record: append, read, verify.

A line is one event. Its hash is SHA-256 over the bytes of the line as written, up to the field that carries the hash
itself, so that verifying needs no re-serialisation. Each line also carries the hash of the line before.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from data.errors import StoreDamaged
from data.records import BrokenEvent, Event

GENESIS = "0" * 64
FILE_LIMIT = 64 * 1024 * 1024
_MARK = b',"hash":"'
_TAIL = len(_MARK) + 64 + len(b'"}')


def canonical_json(value: object) -> str:
    """Text that is the same for equal values: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_sha256(value: object) -> str:
    """SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def encode_event(event: Event) -> bytes:
    """The line of `event` without its hash, as the hash is taken over it (no line end)."""
    fields = (
        ("seq", event.seq),
        ("event_id", event.event_id),
        ("recorded_at", event.recorded_at.astimezone(UTC).isoformat(timespec="microseconds")),
        ("project_id", event.project_id),
        ("actor", event.actor),
        ("kind", event.kind),
        ("subject", event.subject),
        ("payload", event.payload),
        ("request_id", event.request_id),
        ("request_hash", event.request_hash),
        ("prev_hash", event.prev_hash),
    )
    inside = ",".join(f'"{name}":{canonical_json(value)}' for name, value in fields)
    return ("{" + inside).encode()


def seal(event: Event) -> tuple[Event, bytes]:
    """Return the event with its hash, and the whole line to append (with line end)."""
    body = encode_event(event)
    digest = hashlib.sha256(body).hexdigest()
    sealed = Event(
        event.seq, event.event_id, event.recorded_at, event.project_id, event.actor, event.kind, event.subject,
        event.payload, event.request_id, event.request_hash, event.prev_hash, digest,
    )  # fmt: skip
    return sealed, body + _MARK + digest.encode() + b'"}\n'


def decode_line(line: bytes) -> Event:
    """Parse one line into an event; raises ValueError where it is not one."""
    fields = json.loads(line)
    try:
        return Event(
            seq=int(fields["seq"]),
            event_id=fields["event_id"],
            recorded_at=datetime.fromisoformat(fields["recorded_at"]),
            project_id=fields["project_id"],
            actor=fields["actor"],
            kind=fields["kind"],
            subject=fields["subject"],
            payload=fields["payload"],
            request_id=fields["request_id"],
            request_hash=fields["request_hash"],
            prev_hash=fields["prev_hash"],
            hash=fields["hash"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an event: {error}") from error


def broken_reason(line: bytes, *, seq: int, prev_hash: str) -> str | None:
    """Why `line` cannot be event `seq` after a line with hash `prev_hash`; None where it can."""
    try:
        _checked(line, seq=seq, prev_hash=prev_hash)
    except ValueError as error:
        return str(error)
    return None


def _checked(line: bytes, *, seq: int, prev_hash: str) -> Event:
    """Event `seq`, which follows a line with hash `prev_hash`; raises ValueError where `line` is not that."""
    body = line.rstrip(b"\n")
    if len(body) <= _TAIL or body[-_TAIL : -_TAIL + len(_MARK)] != _MARK or not body.endswith(b'"}'):
        raise ValueError("the line is not a whole event")
    if hashlib.sha256(body[:-_TAIL]).hexdigest() != _hash_of(line):
        raise ValueError("the event's content does not match its hash: it was changed after it was written")
    try:
        event = decode_line(body)
    except ValueError as error:
        raise ValueError(f"the event cannot be read: {error}") from error
    if event.seq != seq:
        raise ValueError(
            f"event {event.seq} stands where event {seq} should: events are missing, doubled or out of order"
        )
    if event.prev_hash != prev_hash:
        raise ValueError(
            "the event does not follow the one before it: an earlier event was changed, removed or put in"
        )
    return event


def _hash_of(line: bytes) -> str:
    """The hash that a line says it has."""
    return line.rstrip(b"\n")[-66:-2].decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Check:
    """What walking the chain found."""

    events: int
    head_hash: str
    first_broken: BrokenEvent | None


class Journal:
    """The folder of journal files. One process appends; anyone may read."""

    def __init__(self, folder: Path, *, file_limit: int = FILE_LIMIT) -> None:
        self.folder = folder
        self._file_limit = file_limit
        self.head_seq = 0
        self.head_hash = GENESIS

    def files(self) -> list[Path]:
        """The journal's files, oldest first."""
        return sorted(self.folder.glob("[0-9]*.jsonl"))

    def lines(self) -> Iterator[tuple[Path, bytes]]:
        """Every line with the file that it stands in, oldest first."""
        for path in self.files():
            with path.open("rb") as handle:
                for line in handle:
                    yield path, line

    def events(self, *, after: int = 0) -> Iterator[Event]:
        """Events with a sequence number over `after`, each checked against its hash and the event before it.

        Raises:
            StoreDamaged: an event is not what was written; what came before it was yielded.
        """
        prev_hash = GENESIS
        for seq, (path, line) in enumerate(self.lines(), start=1):
            if seq > after:
                try:
                    event = _checked(line, seq=seq, prev_hash=prev_hash)
                except ValueError as error:
                    raise StoreDamaged(
                        f"Event {seq} in {path} is broken: {error}. Nothing was changed. `touchstone verify "
                        f"{self.folder.parent}` checks the whole record; put that file back from a backup."
                    ) from error
                yield event
            prev_hash = _hash_of(line)

    def check(self) -> Check:
        """Walk the whole chain; stops at the first event that is broken."""
        seq, prev_hash = 0, GENESIS
        for _path, line in self.lines():
            reason = broken_reason(line, seq=seq + 1, prev_hash=prev_hash)
            if reason is None and not line.endswith(b"\n"):
                reason = "the line has no end: writing it was interrupted"
            if reason is not None:
                return Check(seq, prev_hash, BrokenEvent(seq + 1, reason))
            seq += 1
            prev_hash = _hash_of(line)
        return Check(seq, prev_hash, None)

    def recover(self) -> tuple[str, ...]:
        """Make the end of the journal whole and find its head; returns what had to be mended.

        A crash in the middle of an append leaves a line without its end. Nobody was told that it was saved, so it is
        set aside beside the journal, never deleted. A line that is broken elsewhere raises StoreDamaged.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        notices: list[str] = []
        files = self.files()
        while files:
            notices += self._set_torn_tail_aside(files[-1])
            if files[-1].stat().st_size:
                break
            files[-1].unlink()
            files.pop()
        if files:
            last = _last_line(files[-1])
            try:
                event = decode_line(last)
            except ValueError as error:
                raise StoreDamaged(
                    f"The last line of {files[-1]} is no event ({error}). `touchstone verify` names the first broken one."
                ) from error
            if hashlib.sha256(last.rstrip(b"\n")[:-_TAIL]).hexdigest() != event.hash:
                raise StoreDamaged(
                    f"Event {event.seq} in {files[-1]} does not match its hash. Nothing was changed; restore the journal "
                    "from a backup. `touchstone verify` names the first broken event."
                )
            self.head_seq, self.head_hash = event.seq, event.hash
        return tuple(notices)

    def append(self, lines: Sequence[bytes], *, head_seq: int, head_hash: str) -> None:
        """Append sealed lines and make them durable with one fsync."""
        files = self.files()
        path = files[-1] if files else self.folder / "00000001.jsonl"
        fresh = not files
        if files and path.stat().st_size >= self._file_limit:
            path = self.folder / f"{int(path.stem) + 1:08d}.jsonl"
            fresh = True
        size = 0 if fresh else path.stat().st_size
        with path.open("ab") as handle:
            try:
                handle.write(b"".join(lines))
                handle.flush()
                os.fdatasync(handle.fileno())
            except OSError:
                os.ftruncate(handle.fileno(), size)
                raise
        if fresh:
            sync_folder(self.folder)
        self.head_seq, self.head_hash = head_seq, head_hash

    def _set_torn_tail_aside(self, path: Path) -> list[str]:
        content = path.read_bytes() if path.stat().st_size < 1024 else _tail_bytes(path)
        if not content or content.endswith(b"\n"):
            return []
        cut = content.rfind(b"\n") + 1
        torn = content[cut:]
        aside = path.with_suffix(f".torn-{hashlib.sha256(torn).hexdigest()[:12]}")
        aside.write_bytes(torn)
        os.truncate(path, path.stat().st_size - len(torn))
        sync_folder(self.folder)
        notice = (
            f"The journal ended in the middle of a line ({len(torn)} bytes), as after a crash: nobody is told that "
            f"something was saved before its line is whole. It was set aside as {aside.name}."
        )
        return [notice]


def sync_folder(folder: Path) -> None:
    """Make a new or renamed file's entry in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tail_bytes(path: Path) -> bytes:
    """The end of the file from the last complete line on (at least one line end, where there is one)."""
    size, step = path.stat().st_size, 65536
    with path.open("rb") as handle:
        while True:
            start = max(0, size - step)
            handle.seek(start)
            content = handle.read(size - start)
            if start == 0 or b"\n" in content[:-1]:
                return content
            step *= 4


def _last_line(path: Path) -> bytes:
    return _tail_bytes(path).rstrip(b"\n").rsplit(b"\n", 1)[-1] + b"\n"
