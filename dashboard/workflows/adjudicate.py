"""Adjudication: where people still differ, cannot tell or ask, a lead settles the item with a reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_answers import Rows, check_input, reason_marks
from dashboard.workflows.relabel_queue import queue_keys
from dashboard.workflows.relabel_reveal import Reveal, evidence
from dashboard.workflows.relabel_state import ADJUDICATED, CLOSED, flag_state, flag_touches, require_version
from dashboard.workflows.rules import Person, require
from dashboard.workflows.set_labels import coded, new_rows
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft


@dataclass(frozen=True, slots=True)
class Case:
    """An item that a lead may settle, with all that speaks for one label or another."""

    flag_id: str
    item_id: str
    kind: str
    text: str | None
    image_bytes: bytes | None
    image: str | None
    attributes: Mapping[str, object]
    label_set: LabelSet
    evidence: Reveal


@dataclass(frozen=True, slots=True)
class Decided:
    """A lead's decision. `changed`: the label is another one than before."""

    seq: int
    decision_id: str
    flag_id: str
    item_id: str
    label: str
    version: int
    changed: bool


def waiting(store: Store, *, project_id: str, by: Person) -> pl.DataFrame:
    """The items that a lead may settle, most pressing first.

    Returns:
        flag_id, item_id, text, kind, status (adjudicate: people differ or ask; second: one more person has to
        look; open: somebody skipped it), label (the current one), score, waiting_since, n_answers, n_skips,
        n_questions.
    """
    require(by, "adjudicate")
    frame = store.read("queue_waiting", project_id=project_id)
    labels = require_label_set(store, project_id).frame().with_columns(pl.col("label_code").cast(pl.Int32))
    return frame.join(labels, on="label_code", how="left", maintain_order="left").select(
        "flag_id",
        "item_id",
        "text",
        "kind",
        "status",
        "label",
        "score",
        "waiting_since",
        "n_answers",
        "n_skips",
        "n_questions",
    )


def case(store: Store, *, project_id: str, by: Person, flag_id: str) -> Case:
    """One item with all votes, final answers, rationales, questions and the reasons of its flag."""
    require(by, "adjudicate")
    state = flag_state(store, project_id, flag_id)
    item = store.read("queue_item", project_id=project_id, item_code=state.item_code).row(0, named=True)
    return Case(
        flag_id=flag_id,
        item_id=state.item_id,
        kind=item["kind"],
        text=item["text"],
        image_bytes=item["image_bytes"],
        image=item["image"],
        attributes=json.loads(item["attributes"] or "{}"),
        label_set=require_label_set(store, project_id),
        evidence=evidence(store, project_id, state, flag_touches(store, project_id, flag_id)),
    )


def decide(
    store: Store,
    *,
    project_id: str,
    by: Person,
    flag_id: str,
    label: str,
    reason: str,
    expected_version: int,
    active_seconds: float | None = None,
    request_id: str | None = None,
) -> Decided:
    """Settle the item with a label and a reason; no scoring run replaces it afterwards.

    A version is appended even where the label stays: from now on it stands because a person decided it.

    Args:
        store: where the item is.
        project_id: whose.
        by: a lead.
        flag_id: the case.
        label: one of the label set.
        reason: why; it stays with the label.
        expected_version: of the label that was looked at.
        active_seconds: how long they were at it, idle time left out; None where it was not measured.
        request_id: makes a retry harmless.

    Raises:
        BadRequest: no reason, a time that cannot be, or a label that is not in the label set.
        Stale: the label changed, or the flag was closed, since it was on the screen; nothing was saved.
    """
    require(by, "adjudicate")
    check_input(active_seconds, reason)
    text = reason.strip()
    if not text:
        raise BadRequest("A decision needs a reason; nothing was saved.")

    def plan(reader: Reader) -> Draft:
        state = flag_state(reader, project_id, flag_id)
        if state.status == CLOSED:
            raise Stale(f"Item {state.item_id} was settled while it was on your screen; nothing was saved.")
        require_version(state, expected_version)
        known = require_label_set(reader, project_id)
        label_set, code = coded(known, label)
        now = store.clock()
        decision_id = uuid7(now)
        label_json = label_set.json_of(code)
        voters = reader.read("queue_votes", project_id=project_id, item_code=state.item_code)
        n_independent = voters.filter(pl.col("independent")).height
        rows: Rows = {
            "decision": [
                {
                    "decision_id": decision_id,
                    "item_code": state.item_code,
                    "flag_id": flag_id,
                    "label_code": code,
                    "label_json": label_json,
                    "reason": text,
                    "kind": "adjudication",
                }
            ],
            "label_version": [
                {
                    "item_code": state.item_code,
                    "version": state.version + 1,
                    "label_code": code,
                    "label_json": label_json,
                    "p_label": None,
                    "n_annotations": n_independent,
                    "source": "adjudication",
                    "run_id": None,
                    "decided_by": by.person_id,
                    "reason": text,
                }
            ],
            "flag_status": [{"flag_id": flag_id, "status": CLOSED, "resolution": ADJUDICATED, "note": text}],
            "claim": [{"flag_id": flag_id, "action": "release"}],
        }
        if label_set.n_labels > known.n_labels:
            rows["label"] = new_rows(known, label_set)
        answered = [touch.person_id for touch in flag_touches(reader, project_id, flag_id)]
        facts = {
            "flag_id": flag_id,
            "item_id": state.item_id,
            "decision_id": decision_id,
            "label": label_set.label(code),
            "label_before": state.label,
            "version": state.version + 1,
            "changed": code != state.label_code,
            "reason": text,
            "flag_reasons": reason_marks(state, code, label_set),
            "decided_own_answer": by.person_id in answered,
            "active_seconds": active_seconds,
        }
        return Draft("adjudicated", project_id, state.item_id, {"rows": rows, **facts})

    request: dict[str, object] = {
        "verb": "adjudicate",
        "project": project_id,
        "by": by.person_id,
        "flag": flag_id,
        "label": label,
        "reason": text,
        "expected": expected_version,
    }
    event = store.submit(
        plan, by=by.person_id, request=request, request_id=request_id, keys=queue_keys(project_id)
    )
    if event is None:  # the plan always makes an event
        raise BadRequest("Nothing was saved.")
    payload = event.payload
    return Decided(
        seq=event.seq,
        decision_id=str(payload["decision_id"]),
        flag_id=str(payload["flag_id"]),
        item_id=str(payload["item_id"]),
        label=str(payload["label"]),
        version=int(str(payload["version"])),
        changed=bool(payload["changed"]),
    )
