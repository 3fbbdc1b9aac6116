"""Checking a store's folder or a release bundle from its files alone: no database, no lock, no network.

What it can say without a checkpoint kept elsewhere is that a folder is *internally consistent*:
whoever can write to the folder could have written all of it anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import polars as pl

from data import release_record
from data.bundle_check import MANIFEST, verify_release
from data.content_hash import content_hash
from data.errors import StoreError, StoreMissing
from data.journal import GENESIS, Journal, broken_reason, decode_line
from data.records import BrokenEvent, Event, Verification
from data.release_record import ReleaseRecord
from data.segments import Segments

CONSISTENT = "internally consistent"
_HALF_LINE_WAIT_SECONDS = 0.25
_MAY_NEED_MORE = (b'"segments":', b'"kind":"release_', b'"kind":"gate_waived"')


def verify(path: Path) -> Verification:
    """Check the store or the release bundle in the folder `path`.

    Raises:
        StoreMissing: there is no such folder.
        StoreError: the folder is neither a store nor a release bundle.
    """
    if (path / "journal").is_dir():
        return verify_store(path)
    if (path / MANIFEST).is_file():
        return verify_release(path)
    if not path.is_dir():
        raise StoreMissing(path)
    raise StoreError(f"{path} is neither a store (no journal folder) nor a release (no {MANIFEST}).")


def verify_store(path: Path) -> Verification:
    """Walk a store's journal from its first event: the chain, the segments that events name, the releases.

    Reads files only, so it also works while a server has the store open; it stops at the first broken event.
    """
    walk = _Walk(Segments(path / "segments"))
    seq, prev_hash, broken = 0, GENESIS, None
    for line in _lines(Journal(path / "journal")):
        reason = broken_reason(line, seq=seq + 1, prev_hash=prev_hash)
        if reason is None and not line.endswith(b"\n"):
            reason = "the line has no end: writing it was interrupted, or the file was cut short"
        if reason is None and any(mark in line for mark in _MAY_NEED_MORE):
            reason = walk.broken_reason(decode_line(line))
        if reason is not None:
            broken = BrokenEvent(seq + 1, reason)
            break
        seq += 1
        prev_hash = line.rstrip(b"\n")[-66:-2].decode()
    if seq == 0 and broken is None:
        broken = BrokenEvent(1, "the journal is empty: not even the store's first event is there")
    return Verification(
        valid=broken is None,
        events=seq,
        first_broken=broken,
        head_hash=prev_hash,
        segments=len(walk.checked),
        statement=CONSISTENT if broken is None else f"broken at event {broken.seq}",
        checks=() if broken else walk.checks(seq),
    )


@dataclass(slots=True)
class _Walk:
    """What has been seen on the way through a journal."""

    segments: Segments
    checked: set[str] = field(default_factory=set)
    rows: int = 0
    releases: dict[str, ReleaseRecord] = field(default_factory=dict)

    def broken_reason(self, event: Event) -> str | None:
        """Why what the event names cannot be trusted; None where it can."""
        named = cast("Mapping[str, Mapping[str, object]]", event.payload.get("segments") or {})
        for table, reference in named.items():
            reason = self._broken_segment(reference)
            if reason is not None:
                return f"{reason} (it holds the event's {table} rows)"
        if event.kind not in release_record.KINDS:
            return None
        reason = release_record.broken_rule(self.releases, event)
        if reason is None and event.kind == release_record.PROPOSED:
            reason = self._broken_content(release_record.proposed(event))
        return reason

    def checks(self, events: int) -> tuple[str, ...]:
        """What was checked and held, in words; also what no event accounts for."""
        approved = sum(record.approved for record in self.releases.values())
        said = [
            f"{events:,} events: each matches its hash and follows the one before",
            f"{len(self.checked):,} segments with {self.rows:,} rows: each is what its event says",
            f"{len(self.releases):,} releases, {approved:,} approved: contents and signatures hold",
        ]
        unnamed = {path.stem for path in self.segments.folder.glob("*.parquet")} - self.checked
        if unnamed:
            said.append(
                f"{len(unnamed):,} segments are named by no event: left by a command that was refused or "
                "is under way, or the end of the journal was cut off"
            )
        return tuple(said)

    def _broken_segment(self, reference: Mapping[str, object]) -> str | None:
        sha256 = str(reference.get("sha256"))
        if sha256 in self.checked:
            return None
        reason = self.segments.broken_reason(sha256)
        if reason is not None:
            return reason
        lazy = pl.scan_parquet(self.segments.path(sha256))
        try:
            columns = {name: str(kind) for name, kind in lazy.collect_schema().items()}
            rows = int(lazy.select(pl.len()).collect().item())
        except (pl.exceptions.PolarsError, OSError) as error:
            return f"the segment {sha256} cannot be read: {error}"
        if rows != reference.get("rows"):
            return f"the segment {sha256} holds {rows:,} rows where the event says {reference.get('rows')}"
        if columns != reference.get("columns"):
            return f"the segment {sha256} has other columns than the event says"
        self.checked.add(sha256)
        self.rows += rows
        return None

    def _broken_content(self, record: ReleaseRecord) -> str | None:
        labels = pl.read_parquet(self.segments.path(record.segment))
        try:
            found = content_hash(labels)
        except (pl.exceptions.PolarsError, ValueError) as error:
            return f"the contents of release {record.version} cannot be hashed: {error}"
        if found != record.content_hash:
            return (
                f"the contents of release {record.version} have the hash {found}, not {record.content_hash}"
            )
        if labels.height != record.n_items:
            said = f"where the event says {record.n_items:,}"
            return f"release {record.version} holds {labels.height:,} items {said}"
        return None


def _lines(journal: Journal) -> Iterator[bytes]:
    """The journal's lines. A half line at the end may be one that a server writes right now: it "
    "gets a moment.
    """
    for path in journal.files():
        with path.open("rb") as handle:
            while line := handle.readline():
                if not line.endswith(b"\n"):
                    start = handle.tell() - len(line)
                    time.sleep(_HALF_LINE_WAIT_SECONDS)
                    handle.seek(start)
                    line = handle.readline()
                yield line
