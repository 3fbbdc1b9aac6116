"""What the journal's lines say about a release, and whether they keep the rules that a release has to keep.

Used on a whole store and on the few lines that a release bundle carries; it reads events alone, no database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from data.journal import canonical_sha256
from data.records import Event

PROPOSED, WAIVED, SIGNED = "release_proposed", "gate_waived", "release_signed"
KINDS = frozenset({PROPOSED, WAIVED, SIGNED})
APPROVE, REJECT = "approve", "reject"
FAILED = "failed"
SIGNATURES_NEEDED = 2
"""How many different people have to sign the same content hash."""


@dataclass(slots=True)
class ReleaseRecord:
    """One release as its events tell it: what was proposed, what was waived, who signed.

    `bias_statement_sha256`: of the statement of who is labelled how that it was proposed with; None in stores of earlier versions.
    """

    release_id: str
    version: int
    content_hash: str
    n_items: int
    failed_gates: tuple[str, ...]
    gates: tuple[Mapping[str, object], ...]
    segment: str
    bias_statement_sha256: str | None = None
    waived: dict[str, str] = field(default_factory=dict)
    approvals: dict[str, int] = field(default_factory=dict)
    rejected_by: str | None = None

    @property
    def approved(self) -> bool:
        """Whether enough different people signed and nobody rejected it."""
        return self.rejected_by is None and len(self.approvals) >= SIGNATURES_NEEDED

    @property
    def missing_waivers(self) -> tuple[str, ...]:
        """The gates that said no and that nobody waived."""
        return tuple(gate for gate in self.failed_gates if gate not in self.waived)


def proposed(event: Event) -> ReleaseRecord:
    """The record that a `release_proposed` event begins; raises ValueError where it lacks something."""
    row = _row(event, "release")
    try:
        gates = cast("list[Mapping[str, object]]", json.loads(str(row["gates"])))
        segments = cast("Mapping[str, Mapping[str, object]]", event.payload["segments"])
        return ReleaseRecord(
            release_id=str(row["release_id"]),
            version=int(str(row["version"])),
            content_hash=str(row["content_hash"]),
            n_items=int(str(row["n_items"])),
            failed_gates=tuple(str(gate["key"]) for gate in gates if gate["status"] == FAILED),
            gates=tuple(gates),
            segment=str(segments["release_item"]["sha256"]),
            bias_statement_sha256=_statement_hash(event),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"it does not say what a proposal says ({error} is missing or of another kind)"
        ) from error


def _statement_hash(event: Event) -> str | None:
    """The hash of the bias statement of a proposal; raises ValueError where the statement in the event is another."""
    said, held = event.payload.get("bias_statement_sha256"), event.payload.get("bias_statement")
    if held is None:
        return None  # of a version that kept the statement's moment alone
    if canonical_sha256(held) != said:
        raise ValueError("the bias statement that it holds does not have the hash that it says")
    return str(said)


def broken_rule(records: dict[str, ReleaseRecord], event: Event) -> str | None:
    """Take the event into `records` (release id -> record); says which rule it breaks, else None."""
    try:
        if event.kind == PROPOSED:
            record = proposed(event)
            if record.release_id in records:
                return f"release {record.version} is proposed a second time under one id"
            records[record.release_id] = record
            return None
        row = _row(event, "waiver" if event.kind == WAIVED else "signature")
        found = records.get(str(row.get("release_id")))
        if found is None:
            return "it is about a release that no earlier event proposed"
        return _waive(found, event, row) if event.kind == WAIVED else _sign(found, event, row)
    except ValueError as error:
        return str(error)


def _waive(record: ReleaseRecord, event: Event, row: Mapping[str, object]) -> str | None:
    gate = str(row.get("gate"))
    if record.approved or record.rejected_by is not None:
        return f"it waives a gate of release {record.version}, which was already settled"
    if not str(row.get("reason") or "").strip():
        return f"it waives the gate {gate} of release {record.version} without a reason"
    record.waived[gate] = event.actor
    return None


def _sign(record: ReleaseRecord, event: Event, row: Mapping[str, object]) -> str | None:
    release = f"release {record.version}"
    if row.get("content_hash") != record.content_hash:
        return f"it signs another content hash than the one that {release} was proposed with"
    signed = event.payload.get("bias_statement_sha256")
    if signed is not None and signed != record.bias_statement_sha256:
        return f"it signs another bias statement than the one that {release} was proposed with"
    if record.approved or record.rejected_by is not None:
        return f"it signs {release}, which was already settled"
    if row.get("decision") == REJECT:
        record.rejected_by = event.actor
        return None
    if row.get("decision") != APPROVE:
        return f"it neither approves nor rejects {release}"
    if event.actor in record.approvals:
        return f"{event.actor} approves {release} a second time"
    if record.missing_waivers:
        gate = record.missing_waivers[0]
        return f"it approves {release} although the gate {gate} had said no and nobody had waived it"
    record.approvals[event.actor] = event.seq
    return None


def _row(event: Event, table: str) -> Mapping[str, object]:
    """The one row that the event has for a table."""
    rows = cast("Mapping[str, Sequence[Mapping[str, object]]]", event.payload.get("rows") or {})
    found = rows.get(table) or ()
    if len(found) != 1 or not isinstance(found[0], dict):
        raise ValueError(f"it should have one row for {table} and has {len(found)}")
    return found[0]
