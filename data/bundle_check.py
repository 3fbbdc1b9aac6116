"""Checking a release bundle from its files alone; docs/release-format.md says what a bundle holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import polars as pl

from data import release_record
from data.content_hash import content_hash, label_json_of
from data.exporters.csv_cells import restored
from data.journal import broken_reason, canonical_sha256, decode_line
from data.records import BrokenEvent, Event, Verification
from data.release_record import ReleaseRecord
from data.segments import file_sha256

FORMAT = "touchstone-release/1"
MANIFEST, EVENTS, PARQUET, CSV, README = (
    "manifest.json",
    "events.jsonl",
    "labels.parquet",
    "labels.csv",
    "README.txt",
)
COVERED = (EVENTS, PARQUET, CSV, README)
CONSISTENT = "internally consistent"


class _Broken(Exception):
    """Something in the bundle is not what it should be. `seq`: the event at fault, 0 for a file."""

    def __init__(self, reason: str, seq: int = 0) -> None:
        super().__init__(reason)
        self.seq = seq


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    folder: Path
    manifest: Mapping[str, object] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    record: ReleaseRecord | None = None
    head_hash: str = ""
    checks: list[str] = field(default_factory=list)


def verify_release(folder: Path) -> Verification:
    """Check a release bundle: files against the manifest, labels against the signed hash, and who signed.

    Stops at the first thing that is broken and names it; `first_broken.seq` is 0 where that is a
    file and no event.
    """
    found = _Found(folder)
    steps: tuple[Callable[[_Found], str], ...] = (
        _read_manifest,
        _check_files,
        _check_events,
        _check_parquet,
        _check_csv,
        _check_signatures,
        _check_gates,
        _check_statement,
        _check_manifest_says_the_same,
    )
    broken = None
    try:
        for step in steps:
            found.checks.append(step(found))
    except _Broken as error:
        broken = BrokenEvent(error.seq, str(error))
    if broken is None:
        known = {MANIFEST, *COVERED}
        strangers = sorted(path.name for path in folder.iterdir() if path.name not in known)
        if strangers:
            found.checks.append(f"not part of the release, and not checked: {', '.join(strangers)}")
    return Verification(
        valid=broken is None,
        events=len(found.events),
        first_broken=broken,
        head_hash=found.head_hash,
        segments=0,
        statement=CONSISTENT if broken is None else f"broken: {broken.reason}",
        checks=tuple(found.checks),
    )


def _read_manifest(found: _Found) -> str:
    try:
        manifest = json.loads((found.folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _Broken(f"{MANIFEST} cannot be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _Broken(f"{MANIFEST} does not say that it is of the format {FORMAT}")
    found.manifest = manifest
    return f"{MANIFEST}: format {FORMAT}"


def _check_files(found: _Found) -> str:
    listed = _mapping(found.manifest.get("files"), "files")
    for name in COVERED:
        said = _mapping(listed.get(name), f"files.{name}")
        path = found.folder / name
        if not path.is_file():
            raise _Broken(f"{name} is missing")
        if file_sha256(path) != said.get("sha256"):
            raise _Broken(f"{name} was changed: its bytes do not have the hash that {MANIFEST} says")
    return f"{len(COVERED)} files have the hashes that {MANIFEST} says"


def _check_events(found: _Found) -> str:
    events: list[Event] = []
    records: dict[str, ReleaseRecord] = {}
    for number, line in enumerate((found.folder / EVENTS).read_bytes().splitlines(keepends=True), start=1):
        try:
            event = decode_line(line)
        except ValueError as error:
            raise _Broken(
                f"line {number} of {EVENTS} is no event: {error}", events[-1].seq if events else 0
            ) from error
        reason = broken_reason(line, seq=event.seq, prev_hash=event.prev_hash)
        if reason is None and event.kind not in release_record.KINDS:
            reason = f"an event of kind {event.kind} is no part of a release"
        if reason is None and events and event.seq <= events[-1].seq:
            reason = "it stands after a later event"
        reason = reason or release_record.broken_rule(records, event)
        if reason is not None:
            raise _Broken(f"{EVENTS}: event {event.seq}: {reason}", event.seq)
        events.append(event)
    if len(records) != 1:
        raise _Broken(f"{EVENTS} should propose one release and proposes {len(records)}")
    found.events, found.record = tuple(events), next(iter(records.values()))
    found.head_hash = events[-1].hash
    return f"{len(events)} events match their own hashes and tell of one release"


def _check_parquet(found: _Found) -> str:
    try:
        table = pl.read_parquet(found.folder / PARQUET, columns=["item_id", "label_version", "label"])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _Broken(f"{PARQUET} cannot be read: {error}") from error
    _check_content(found, table, PARQUET)
    return f"{PARQUET}: {table.height:,} labels have the content hash that was signed"


def _check_csv(found: _Found) -> str:
    try:
        table = pl.read_csv(found.folder / CSV, infer_schema=False, empty_string_is_null=False)
        table = restored(table.select("item_id", "label_version", "label"))
        table = table.with_columns(pl.col("label_version").cast(pl.Int64))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _Broken(f"{CSV} cannot be read: {error}") from error
    _check_content(found, table, CSV)
    return f"{CSV}: {table.height:,} labels have the content hash that was signed"


def _check_content(found: _Found, table: pl.DataFrame, name: str) -> None:
    record = _record(found)
    encoding = str(_mapping(found.manifest.get("labels"), "labels").get("encoding"))
    try:
        label_json = label_json_of(table["label"].cast(pl.Utf8), encoding)
        rows = table.select("item_id", pl.col("label_version").alias("version")).with_columns(
            label_json.alias("label_json")
        )
        digest = content_hash(rows)
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise _Broken(f"the labels in {name} cannot be hashed: {error}") from error
    if digest != record.content_hash:
        raise _Broken(
            f"the labels in {name} have the content hash {digest}; {record.content_hash} was signed"
        )


def _check_signatures(found: _Found) -> str:
    record = _record(found)
    if record.rejected_by is not None:
        raise _Broken(f"{record.rejected_by} rejected this release")
    if not record.approved:
        raise _Broken(
            f"{len(record.approvals)} people approved this release; it takes "
            f"{release_record.SIGNATURES_NEEDED} different ones"
        )
    return f"{len(record.approvals)} different people approved that hash: {', '.join(record.approvals)}"


def _check_gates(found: _Found) -> str:
    record = _record(found)
    if record.missing_waivers:
        raise _Broken(f"the gate {record.missing_waivers[0]} said no and nobody waived it")
    if record.failed_gates:
        waived = ", ".join(f"{gate} (by {record.waived[gate]})" for gate in record.failed_gates)
        return f"gates passed, but for those that were waived: {waived}"
    return f"no gate of {len(record.gates)} said no"


def _check_statement(found: _Found) -> str:
    """The bias statement is the one that was proposed, and each signature that names one names it (the events' rules see to that)."""
    said = _record(found).bias_statement_sha256
    if said is None:
        return "no bias statement: this release is of a version that had none"
    held = canonical_sha256(found.manifest.get("bias_statement"))
    if held != said:
        raise _Broken(f"the bias statement in {MANIFEST} has the hash {held}; {said} was proposed and signed")
    return "the bias statement has the hash that was proposed and signed"


def _check_manifest_says_the_same(found: _Found) -> str:
    record, proposal = _record(found), found.events[0]
    said = found.manifest
    actual: Mapping[str, object] = {
        "release_id": record.release_id,
        "version": record.version,
        "project_id": proposal.project_id,
        "content_hash": record.content_hash,
        "n_items": record.n_items,
        "state": "approved",
        "gates": list(record.gates),
    }
    for name, value in actual.items():
        if said.get(name) != value:
            raise _Broken(f"{MANIFEST} says otherwise about {name} than the events do")
    people = {
        "signatures": [event.actor for event in found.events if event.kind == release_record.SIGNED],
        "waivers": [event.actor for event in found.events if event.kind == release_record.WAIVED],
    }
    for name, actors in people.items():
        listed = cast("list[Mapping[str, object]]", said.get(name) or [])
        if [entry.get("person_id") for entry in listed] != actors:
            raise _Broken(f"{MANIFEST} lists other {name} than the events do")
    return f"{MANIFEST} says about gates and signatures what the events say"


def _record(found: _Found) -> ReleaseRecord:
    assert found.record is not None  # the events are checked before whatever asks for them
    return found.record


def _mapping(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _Broken(f"{MANIFEST} says nothing about {name}")
    return value
