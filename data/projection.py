"""How an event becomes rows of the read side.

An event carries its facts as rows: `payload["rows"]` (table -> list of rows) for a few, `payload["segments"]`
(table -> reference to a Parquet file) for many. So replaying needs no knowledge of what the event meant, and a store
rebuilt from its journal is the store that was. Two tables are kept current beside the facts: `current_label` and the
status in `flag`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import duckdb
import polars as pl

from data.journal import canonical_json, decode_line
from data.records import Event
from data.segments import Segments

_STAMP = {"seq": "seq"}
_PROJECT = {"seq": "seq", "project_id": "project_id"}

# table -> {column: event field that fills it}
TABLES: Mapping[str, Mapping[str, str]] = {
    "member": _STAMP,
    "project": _PROJECT,
    "label_set": _PROJECT,
    "label": _PROJECT,
    "guideline": {**_PROJECT, "published_at": "recorded_at", "published_by": "actor"},
    "item": _PROJECT,
    "annotator": _STAMP,
    "gold": _PROJECT,
    "prediction": _PROJECT,
    "model_run": {**_PROJECT, "imported_at": "recorded_at", "imported_by": "actor"},
    "probability": _PROJECT,
    "model_sample": _PROJECT,
    "model_layer": _PROJECT,
    "model_feature": _PROJECT,
    "model_fold": _PROJECT,
    "judgement": _PROJECT,
    "embedding_run": {**_PROJECT, "imported_at": "recorded_at", "imported_by": "actor"},
    "embedding": _PROJECT,
    "token_run": {**_PROJECT, "imported_at": "recorded_at", "imported_by": "actor"},
    "token_probability": _PROJECT,
    "annotation": {**_PROJECT, "recorded_at": "recorded_at"},
    "suggestion": {**_PROJECT, "drawn_at": "recorded_at"},
    "retraction": _STAMP,
    "import": _PROJECT,
    "run": {**_PROJECT, "ran_at": "recorded_at"},
    "consensus": _PROJECT,
    "run_annotator": _PROJECT,
    "measurement": {**_PROJECT, "measured_at": "recorded_at"},
    "flag": {**_PROJECT, "raised_at": "recorded_at"},
    "flag_status": {**_PROJECT, "changed_at": "recorded_at", "actor": "actor"},
    "flag_touch": {**_PROJECT, "touched_at": "recorded_at", "person_id": "actor"},
    "routing": _PROJECT,
    "claim": {**_PROJECT, "claimed_at": "recorded_at", "person_id": "actor"},
    "work_draft": {**_STAMP, "saved_at": "recorded_at", "person_id": "actor"},
    "decision": {**_PROJECT, "decided_at": "recorded_at", "decided_by": "actor"},
    "label_version": {**_PROJECT, "recorded_at": "recorded_at"},
    "release": {**_PROJECT, "proposed_at": "recorded_at", "proposed_by": "actor"},
    "release_item": _STAMP,
    "signature": {**_STAMP, "signed_at": "recorded_at", "person_id": "actor"},
    "waiver": {**_STAMP, "waived_at": "recorded_at", "person_id": "actor"},
    "drift_run": {**_PROJECT, "measured_at": "recorded_at", "measured_by": "actor"},
    "drift_report": {**_PROJECT, "made_at": "recorded_at"},
    "alert": {**_PROJECT, "opened_at": "recorded_at"},
    "alert_status": {**_PROJECT, "changed_at": "recorded_at", "actor": "actor"},
    "alert_delivery": {**_PROJECT, "tried_at": "recorded_at"},
    "setting": {**_PROJECT, "set_at": "recorded_at", "set_by": "actor"},
    "rate": {**_PROJECT, "set_at": "recorded_at", "set_by": "actor"},
}

_NEWEST = """
    SELECT project_id, item_code, max(version) AS version, max_by(label_code, version) AS label_code,
        max_by(label_json, version) AS label_json, arg_max_null(p_label, version) AS p_label,
        max_by(n_annotations, version) AS n_annotations, max_by(source, version) AS source, max(seq) AS seq
    FROM label_version WHERE seq BETWEEN $first AND $last GROUP BY project_id, item_code
"""
_REPLACE_CURRENT = f"""
    DELETE FROM current_label USING ({_NEWEST}) AS fresh
    WHERE current_label.project_id = fresh.project_id AND current_label.item_code = fresh.item_code
"""  # noqa: S608 - both parts are constants
_ADD_CURRENT = f"INSERT INTO current_label BY NAME {_NEWEST}"
_SET_STATUS = """
    UPDATE flag SET "status" = fresh."status" FROM (
        SELECT flag_id, max_by("status", seq) AS "status" FROM flag_status WHERE seq BETWEEN $first AND $last GROUP BY flag_id
    ) AS fresh WHERE flag.flag_id = fresh.flag_id
"""
_KEPT_CURRENT = {"label_version": (_REPLACE_CURRENT, _ADD_CURRENT), "flag_status": (_SET_STATUS,)}


def apply_events(cursor: duckdb.DuckDBPyConnection, events: Sequence[Event], segments: Segments) -> None:
    """Add the rows of `events` (in journal order) to the read side; the caller holds the transaction."""
    if not events:
        return
    rows: dict[str, list[dict[str, object]]] = defaultdict(list)
    touched: set[str] = set()
    for event in events:
        rows["event"].append(_event_row(event))
        inline = cast("Mapping[str, Sequence[Mapping[str, object]]]", event.payload.get("rows", {}))
        for table, table_rows in inline.items():
            stamp = {column: getattr(event, field) for column, field in TABLES[table].items()}
            rows[table] += [{**row, **stamp} for row in table_rows]
        bulk = cast("Mapping[str, Mapping[str, object]]", event.payload.get("segments", {}))
        for table, reference in bulk.items():
            if table in TABLES:
                _insert_segment(cursor, table, event, segments, str(reference["sha256"]))
                touched.add(table)
    for table, table_rows in rows.items():
        _insert_rows(cursor, table, table_rows)
        touched.add(table)
    for table, statements in _KEPT_CURRENT.items():
        if table in touched:
            for statement in statements:
                cursor.execute(statement, {"first": events[0].seq, "last": events[-1].seq})
    cursor.execute("UPDATE applied SET seq = ?, head_hash = ?", [events[-1].seq, events[-1].hash])


EVENT_COLUMNS = (
    "seq", "event_id", "recorded_at", "project_id", "actor", "kind", "subject", "payload", "request_id", "request_hash", "hash",
)  # fmt: skip


def event_of_row(row: Sequence[object], *, prev_hash: str = "") -> Event:
    """The event of a row of the table `event` (EVENT_COLUMNS); the row does not know the hash of the event before."""
    fields = dict(zip(EVENT_COLUMNS, row, strict=True))
    fields["payload"] = json.loads(str(fields["payload"]))
    moment = fields["recorded_at"]
    fields["recorded_at"] = moment.isoformat() if isinstance(moment, datetime) else moment
    return decode_line(canonical_json({**fields, "prev_hash": prev_hash}).encode())


def _event_row(event: Event) -> dict[str, object]:
    return {
        "seq": event.seq,
        "event_id": event.event_id,
        "recorded_at": event.recorded_at,
        "project_id": event.project_id,
        "actor": event.actor,
        "kind": event.kind,
        "subject": event.subject,
        "request_id": event.request_id,
        "request_hash": event.request_hash,
        "payload": canonical_json(event.payload),
        "hash": event.hash,
    }


def _insert_rows(cursor: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert a few rows by one prepared statement, many through a frame."""
    columns = sorted({name for row in rows for name in row})
    names = ", ".join(f'"{name}"' for name in columns)
    if len(rows) <= 8:
        places = "(" + ", ".join("?" for _ in columns) + ")"
        statement = f'INSERT INTO "{table}" ({names}) VALUES ' + ", ".join(places for _ in rows)  # noqa: S608 - names are the schema's
        cursor.execute(statement, [row.get(name) for row in rows for name in columns])
        return
    frame = pl.DataFrame(
        [{name: row.get(name) for name in columns} for row in rows], infer_schema_length=None
    )
    cursor.register("incoming", frame.to_arrow())
    try:
        cursor.execute(f'INSERT INTO "{table}" BY NAME SELECT {names} FROM incoming')  # noqa: S608 - names are the schema's
    finally:
        cursor.unregister("incoming")


def _insert_segment(
    cursor: duckdb.DuckDBPyConnection, table: str, event: Event, segments: Segments, sha256: str
) -> None:
    path = segments.require(sha256)
    stamp = {column: getattr(event, field) for column, field in TABLES[table].items()}
    fixed = ", ".join(f'${column} AS "{column}"' for column in stamp)
    statement = f'INSERT INTO "{table}" BY NAME SELECT *, {fixed} FROM read_parquet($path)'  # noqa: S608 - names are the schema's
    cursor.execute(statement, {**stamp, "path": str(path)})
