"""What an answer becomes: what the writer finds, the rows of the event, and what the person is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from dashboard.workflows import guideline
from dashboard.workflows.asked_first import waits_for_others
from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.label_sets import LabelSet, label_rows, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_state import (
    CHANGED,
    FlagState,
    Outcome,
    Touch,
    flag_state,
    flag_touches,
    require_workable,
)
from dashboard.workflows.rules import Person
from dashboard.workflows.set_labels import coded
from dashboard.workflows.suggestions import drawn
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft, Event

TEXT_LIMIT = 4_000
DAY_SECONDS = 86_400.0
CHOICE_NAMES = ("choice_label", "member_label")
"""Where the evidence of a reason names the choice of a set that it is about."""

Rows = dict[str, list[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class Saved:
    """What an answer did.

    `status` is the flag's status after it, `resolution` how it was closed (None while it is not).

    `independent` says whether a blind answer counts as an independent annotation; it is False for every later
    one.
    """

    seq: int
    flag_id: str
    item_id: str
    action: str
    label: str | None
    status: str
    resolution: str | None
    independent: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """What a command finds in the writer, once it is sure that the person may work on the flag.

    `seen_before`: the person annotated the item before this flag, or settled it. An answer that was undone
    counts: they have seen the reveal. `suggestion_shown`: a model's label stood beside the item.
    `n_labels_before`: how many labels the store has, once a label was given.
    """

    project_id: str
    by: Person
    now: datetime
    state: FlagState
    touches: tuple[Touch, ...]
    label_set: LabelSet
    annotator_code: int
    is_new_annotator: bool
    seen_before: bool
    guideline_version: int | None
    suggestion_shown: bool = False
    n_labels_before: int = 0

    def with_label(self, label: str | None) -> tuple[Situation, int | None]:
        """The situation in which the label that the person gave has a code, and that code; None for no label.

        Raises:
            BadRequest: the label is not in the label set.
        """
        if label is None:
            return self, None
        grown, code = coded(self.label_set, label)
        return replace(self, label_set=grown, n_labels_before=self.label_set.n_labels), code

    def label_rows(self) -> Rows:
        """The row of a set of labels that nobody gave before."""
        rows = label_rows(self.label_set, first=self.n_labels_before) if self.n_labels_before else []
        return {"label": rows} if rows else {}

    def annotator_rows(self) -> Rows:
        """The annotator's row where this is the person's first annotation."""
        row = {"annotator_code": self.annotator_code, "annotator_id": self.by.person_id, "kind": "person"}
        return {"annotator": [row]} if self.is_new_annotator else {}

    def annotation_row(
        self,
        code: int,
        *,
        rationale: str,
        active_seconds: float | None,
        independent: bool = False,
        supersedes: str | None = None,
    ) -> dict[str, object]:
        """The row of an annotation with the label of `code`."""
        return {
            "annotation_id": uuid7(self.now),
            "item_code": self.state.item_code,
            "annotator_code": self.annotator_code,
            "label_code": code,
            "label_json": self.label_set.json_of(code),
            "labelled_at": self.now.isoformat(),
            "active_seconds": active_seconds,
            "source": "relabel",
            "independent": independent,
            "asserted": False,
            "assignment": "repeat" if self.seen_before else "first",
            "guideline_version": self.guideline_version,
            "rationale": rationale or None,
            "supersedes": supersedes,
            "position": 0,
        }

    def result_rows(self, result: Outcome, code: int | None) -> Rows:
        """The flag's new status, and the label version where two people agree on a new label."""
        note = f"agrees with {result.agrees_with}" if result.agrees_with else None
        status: dict[str, object] = {
            "flag_id": self.state.flag_id,
            "status": result.status,
            "resolution": result.resolution,
            "note": note,
        }
        if result.resolution != CHANGED or code is None:
            return {"flag_status": [status]}
        version = {
            "item_code": self.state.item_code,
            "version": self.state.version + 1,
            "label_code": code,
            "label_json": self.label_set.json_of(code),
            "p_label": None,
            "n_annotations": 2,
            "source": "relabel",
            "run_id": None,
            "decided_by": self.by.person_id,
            "reason": f"{result.agrees_with} and {self.by.person_id} agree",
        }
        return {"flag_status": [status], "label_version": [version]}

    def reason_marks(self, code: int | None) -> dict[str, str]:
        """What the answer says about each reason of the flag."""
        return reason_marks(self.state, code, self.label_set)

    def draft(self, kind: str, rows: Rows, facts: Mapping[str, object]) -> Draft:
        """The event of an answer."""
        named = {"flag_id": self.state.flag_id, "item_id": self.state.item_id}
        return Draft(kind, self.project_id, self.state.item_id, {"rows": rows, **named, **facts})


def reason_marks(state: FlagState, code: int | None, label_set: LabelSet) -> dict[str, str]:
    """What an answer says about each reason of a flag: a doubt that the person shares is accepted.

    Where labels are sets, a reason that names a choice is about that choice alone.

    Args:
        state: the flag, and its item's label until now.
        code: the label that the person gives; None for "cannot tell".
        label_set: in which `code` has its place.
    """
    marks: dict[str, str] = {}
    for reason in json.loads(state.reasons):
        named = next((reason["evidence"][one] for one in CHOICE_NAMES if reason["evidence"].get(one)), None)
        if code is None:
            marks[reason["key"]] = "undecided"
        elif label_set.is_sets and named in label_set.choices and state.label_code is not None:
            member = label_set.code(named)
            was, is_now = (member in label_set.members_of(one) for one in (state.label_code, code))
            marks[reason["key"]] = "accepted" if was != is_now else "rejected"
        else:
            marks[reason["key"]] = "accepted" if code != state.label_code else "rejected"
    return marks


def situation(store: Store, reader: Reader, *, project_id: str, by: Person, flag_id: str) -> Situation:
    """What is so now.

    Raises:
        Stale: the person cannot work on the flag. BadRequest: there is no such flag.
    """
    state = flag_state(reader, project_id, flag_id)
    touches = flag_touches(reader, project_id, flag_id)
    now = store.clock()
    require_workable(state, touches, by.person_id, now)
    if state.holder != by.person_id and waits_for_others(
        store, reader, project_id, by.person_id, flag_id=flag_id, now=now
    ):
        raise Stale(
            f"Others are asked for item {state.item_id} first; after some days everybody is. Nothing was saved."
        )
    known = reader.read("queue_annotator", person_id=by.person_id)["annotator_code"].to_list()
    item = {"project_id": project_id, "item_code": state.item_code}
    n_before = reader.read("queue_seen", **item, annotator_code=known[0])["n"][0] if known else 0
    n_settled = reader.read("queue_settled", **item, person_id=by.person_id)["n"][0]
    own_here = sum(
        1 for touch in touches if touch.person_id == by.person_id and touch.annotation_id is not None
    )
    newest = guideline.current(reader, project_id=project_id)
    return Situation(
        project_id=project_id,
        by=by,
        now=now,
        state=state,
        touches=touches,
        label_set=require_label_set(reader, project_id),
        annotator_code=known[0] if known else reader.read("queue_next_code")["next_code"][0],
        is_new_annotator=not known,
        seen_before=n_before > own_here or n_settled > 0,
        suggestion_shown=bool(known) and _was_shown(reader, project_id, state.item_code, known[0]),
        guideline_version=newest.version if newest else None,
    )


def _was_shown(reader: Reader, project_id: str, item_code: int, annotator_code: int) -> bool:
    found = drawn(reader, project_id, item_code, annotator_code)
    return found is not None and found.is_shown


def saved_from(event: Event | None) -> Saved:
    """What the person is told, from the event alone, so that a retry is told the same."""
    if event is None:  # every plan of an answer makes an event
        raise BadRequest("Nothing was saved.")
    payload = event.payload
    resolution, label = payload.get("resolution"), payload.get("label")
    return Saved(
        seq=event.seq,
        flag_id=str(payload["flag_id"]),
        item_id=str(payload["item_id"]),
        action=event.kind,
        label=None if label is None else str(label),
        status=str(payload["status"]),
        resolution=None if resolution is None else str(resolution),
        independent=bool(payload.get("independent", False)),
    )


def check_input(active_seconds: float | None, text: str) -> None:
    """Raise BadRequest for a time or a text that cannot be."""
    if active_seconds is not None and not 0.0 <= active_seconds <= DAY_SECONDS:
        raise BadRequest(f"Active time is {active_seconds} seconds; it lies between 0 and a day.")
    if len(text) > TEXT_LIMIT:
        raise BadRequest(f"The text has {len(text):,} characters; the limit is {TEXT_LIMIT:,}.")
