"""The records that the store hands out and takes in: frozen, slotted, without behaviour of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """Bulk content of an event: a Parquet file named by the SHA-256 of its bytes."""

    sha256: str
    rows: int
    columns: Mapping[str, str]

    def as_payload(self) -> dict[str, object]:
        """The reference as it stands in an event's payload."""
        return {"sha256": self.sha256, "rows": self.rows, "columns": dict(self.columns)}


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that has no number yet: what a command's plan returns."""

    kind: str
    project_id: str
    subject: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal."""

    seq: int
    event_id: str
    recorded_at: datetime
    project_id: str
    actor: str
    kind: str
    subject: str
    payload: Mapping[str, object]
    request_id: str
    request_hash: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class BrokenEvent:
    """The first event, or file, that does not hold what the record says."""

    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking a store or a release found."""

    valid: bool
    events: int
    first_broken: BrokenEvent | None
    head_hash: str
    segments: int = 0
    statement: str = ""
    checks: tuple[str, ...] = field(default=())
