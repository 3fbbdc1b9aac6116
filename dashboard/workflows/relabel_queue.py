"""Handing out flagged items: the writer gives each person the next one, so that nobody races for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.workflows import guideline
from dashboard.workflows.asked_first import asked_of
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_state import (
    BLIND,
    CLAIM_LASTS,
    OPEN,
    SECOND,
    FlagState,
    Touch,
    flag_state,
    flag_touches,
    is_done,
    own_touch,
)
from dashboard.workflows.rules import Person, require
from dashboard.workflows.suggestions import Suggestion, draw_row, drawn, suggestion_of
from data.database import Reader
from data.records import Draft

NO_ANNOTATOR = -1
RECENT_LIMIT = 10


@dataclass(frozen=True, slots=True)
class WorkDraft:
    """What a person had chosen and written before they sent it. `label` is None where nothing was chosen."""

    label: str | None = None
    reasons: tuple[str, ...] = ()
    rationale: str = ""

    def as_json(self) -> str:
        """The draft as it stands in the journal."""
        content = {"label": self.label, "reasons": list(self.reasons), "rationale": self.rationale}
        return json.dumps(content, sort_keys=True, ensure_ascii=False)

    @classmethod
    def of(cls, text: str) -> WorkDraft:
        """The draft that `as_json` wrote."""
        content = json.loads(text)
        return cls(content["label"], tuple(content["reasons"]), content["rationale"])


@dataclass(frozen=True, slots=True)
class WorkItem:
    """The item that a person is working on.

    `blind`: they have not answered yet, so nothing about its label is shown.
    `own_blind` is their blind answer once it is given (None with `blind` False: they could not tell).
    `expected_version` is the label version that the reveal shows; the answer has to name it. `suggestion` is a model's label that was
    drawn to be shown while they answer, so their answer is no independent one; None where there is none, or it is hidden.
    """

    flag_id: str
    item_code: int
    item_id: str
    kind: str
    text: str | None
    image_bytes: bytes | None
    image: str | None
    attributes: Mapping[str, object]
    label_set: LabelSet
    blind: bool
    own_blind: str | None
    is_second: bool
    draft: WorkDraft
    guideline_version: int | None
    expected_version: int
    suggestion: Suggestion | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a person and the queue are.

    `n_left` counts what this person could still be handed, the one in hand too.
    """

    n_done_today: int
    n_done: int
    n_left: int
    n_open: int
    n_second: int
    n_adjudicate: int
    n_closed: int

    @property
    def n_flags(self) -> int:
        """All flags of the project."""
        return self.n_open + self.n_second + self.n_adjudicate + self.n_closed


def next_item(store: Store, *, project_id: str, by: Person, request_id: str | None = None) -> WorkItem | None:
    """The item that the person works on: the one they hold, else the best free one, which they then hold.

    Never one that somebody else holds, nor one that the person answered, skipped or asked about, nor one for which others are asked
    first. None where nothing is left.
    """
    require(by, "relabel")

    def plan(reader: Reader) -> Draft | None:
        now = store.clock()
        found = _best_flag(store, reader, project_id, by, now)
        if found.is_empty():
            return None
        row = found.row(0, named=True)
        if row["is_mine"] and row["held_at"] > now - CLAIM_LASTS:
            return None
        flag_id = row["flag_id"]
        item_id = reader.read("queue_item_id", project_id=project_id, item_code=row["item_code"])["item_id"][
            0
        ]
        rows = {
            "claim": [{"flag_id": flag_id, "action": "take"}],
            **_draw_rows(reader, project_id, by, (row["item_code"], item_id), flag_id),
        }
        return Draft(
            "flag_claimed", project_id, item_id, {"rows": rows, "flag_id": flag_id, "item_id": item_id}
        )

    request: dict[str, object] = {"verb": "relabel.next", "project": project_id, "by": by.person_id}
    store.submit(plan, by=by.person_id, request=request, request_id=request_id, keys=queue_keys(project_id))
    return current_item(store, project_id=project_id, by=by)


def upcoming(store: Store, *, project_id: str, by: Person) -> str | None:
    """The id of the item that `next_item` would give the person now; None where nothing is left. Changes nothing."""
    require(by, "relabel")
    found = _best_flag(store, store, project_id, by, store.clock())
    if found.is_empty():
        return None
    item_id: str = store.read("queue_item_id", project_id=project_id, item_code=found["item_code"][0])[
        "item_id"
    ][0]
    return item_id


def current_item(store: Store, *, project_id: str, by: Person) -> WorkItem | None:
    """The item that the person holds; None where they hold none. Changes nothing.

    A claim that lapsed is still theirs while nobody else took the item.
    """
    require(by, "relabel")
    state, touches = held_flag(store, project_id, by)
    return None if state is None else _work_item(store, project_id, by, state, touches)


def held_flag(
    reader: Store | Reader, project_id: str, by: Person
) -> tuple[FlagState | None, tuple[Touch, ...]]:
    """The flag that the person holds and can still answer, with what was done with it. Nobody holds two."""
    own = reader.read("queue_own_claim", project_id=project_id, person_id=by.person_id).row(0, named=True)
    if own["flag_id"] is None or own["action"] == "release":
        return None, ()
    state = flag_state(reader, project_id, own["flag_id"])
    if state.holder != by.person_id or state.status not in (OPEN, SECOND):
        return None, ()
    touches = flag_touches(reader, project_id, state.flag_id)
    return (None, ()) if is_done(touches, by.person_id) else (state, touches)


def progress(store: Store, *, project_id: str, by: Person, today: datetime) -> Progress:
    """The person's own progress since `today` (the moment their day began) and the queue's."""
    require(by, "relabel")
    now = store.clock()
    row = store.read(
        "queue_progress",
        project_id=project_id,
        person_id=by.person_id,
        annotator_code=_annotator_code(store, by),
        today=today,
        alive_since=now - CLAIM_LASTS,
        **asked_of(store, store, project_id, by.person_id, now),
    ).row(0, named=True)
    return Progress(**row)


def recent(store: Store, *, project_id: str, by: Person, how_many: int = RECENT_LIMIT) -> pl.DataFrame:
    """What the person did last and did not undo, newest first.

    Returns:
        seq, flag_id, action, verdict, label, note, touched_at, item_id, text.
    """
    require(by, "relabel")
    frame = store.read("queue_recent", project_id=project_id, person_id=by.person_id, how_many=how_many)
    labels = require_label_set(store, project_id).frame()
    return frame.join(
        labels.with_columns(pl.col("label_code").cast(pl.Int32)),
        on="label_code",
        how="left",
        maintain_order="left",
    ).select("seq", "flag_id", "action", "verdict", "label", "note", "touched_at", "item_id", "text")


def save_draft(
    store: Store,
    *,
    project_id: str,
    by: Person,
    flag_id: str,
    draft: WorkDraft,
    request_id: str | None = None,
) -> bool:
    """Keep what the person has chosen and written so far; a sign of life too. False where nothing is new."""
    require(by, "relabel")

    def plan(reader: Reader) -> Draft | None:
        state = flag_state(reader, project_id, flag_id)
        if _stored_draft(reader, by, flag_id, flag_touches(reader, project_id, flag_id)) == draft:
            return None
        rows: dict[str, list[dict[str, object]]] = {
            "work_draft": [{"flag_id": flag_id, "content": draft.as_json()}]
        }
        if state.holder == by.person_id:
            rows["claim"] = [{"flag_id": flag_id, "action": "renew"}]
        payload = {"rows": rows, "flag_id": flag_id, "item_id": state.item_id}
        return Draft("draft_saved", project_id, state.item_id, payload)

    request = {"verb": "relabel.draft", "project": project_id, "flag": flag_id, "content": draft.as_json()}
    keys = queue_keys(project_id)
    return store.submit(plan, by=by.person_id, request=request, request_id=request_id, keys=keys) is not None


def queue_keys(project_id: str) -> frozenset[str]:
    """What every command of the queue reads and writes: the queue itself, and the store's annotator codes."""
    return frozenset({f"queue:{project_id}", "annotators"})


def _best_flag(
    store: Store, reader: Store | Reader, project_id: str, by: Person, now: datetime
) -> pl.DataFrame:
    """The row of the flag that the person should work on next; no row where nothing is left."""
    return reader.read(
        "queue_next",
        project_id=project_id,
        person_id=by.person_id,
        annotator_code=_annotator_code(reader, by),
        alive_since=now - CLAIM_LASTS,
        **asked_of(store, reader, project_id, by.person_id, now),
    )


def _annotator_code(reader: Store | Reader, by: Person) -> int:
    known: list[int] = reader.read("queue_annotator", person_id=by.person_id)["annotator_code"].to_list()
    return known[0] if known else NO_ANNOTATOR


def _draw_rows(
    reader: Reader, project_id: str, by: Person, item: tuple[int, str], flag_id: str
) -> dict[str, list[dict[str, object]]]:
    """What is drawn about the model's suggestion as the item is handed out; a person's first draw makes them an annotator."""
    code, new = _annotator_code(reader, by), []
    if code == NO_ANNOTATOR:
        code = reader.read("queue_next_code")["next_code"][0]
        new = [{"annotator_code": code, "annotator_id": by.person_id, "kind": "person"}]
    draw = draw_row(reader, project_id, item=item, annotator=(code, by.person_id), flag_id=flag_id)
    if draw is None:
        return {}
    return {"suggestion": [draw], **({"annotator": new} if new else {})}


def _shown_suggestion(
    store: Store, project_id: str, by: Person, state: FlagState, label_set: LabelSet
) -> Suggestion | None:
    """The suggestion that was drawn to be shown; what was drawn, though a newer model says something else."""
    found = drawn(store, project_id, state.item_code, _annotator_code(store, by))
    if found is None or not found.is_shown or found.label_code is None:
        return None
    newest = suggestion_of(store, project_id, state.item_code)
    if newest is not None and newest.label_code == found.label_code:
        return newest
    return Suggestion(label_set.label(found.label_code), None, "an earlier model", found.label_code)


def _work_item(
    store: Store, project_id: str, by: Person, state: FlagState, touches: tuple[Touch, ...]
) -> WorkItem:
    item = store.read("queue_item", project_id=project_id, item_code=state.item_code).row(0, named=True)
    label_set = require_label_set(store, project_id)
    blind = own_touch(touches, by.person_id, BLIND)
    newest = guideline.current(store, project_id=project_id)
    return WorkItem(
        flag_id=state.flag_id,
        item_code=state.item_code,
        item_id=state.item_id,
        kind=item["kind"],
        text=item["text"],
        image_bytes=item["image_bytes"],
        image=item["image"],
        attributes=json.loads(item["attributes"] or "{}"),
        label_set=label_set,
        blind=blind is None,
        own_blind=None if blind is None or blind.label_code is None else label_set.label(blind.label_code),
        is_second=state.status == SECOND,
        draft=_stored_draft(store, by, state.flag_id, touches) or WorkDraft(),
        guideline_version=newest.version if newest else None,
        expected_version=state.version,
        suggestion=_shown_suggestion(store, project_id, by, state, label_set),
    )


def _stored_draft(
    reader: Store | Reader, by: Person, flag_id: str, touches: tuple[Touch, ...]
) -> WorkDraft | None:
    """The person's newest draft; one from before their last answer is used up."""
    frame = reader.read("queue_draft", person_id=by.person_id, flag_id=flag_id)
    own = [touch.seq for touch in touches if touch.person_id == by.person_id]
    if frame.is_empty() or (own and frame["seq"][0] < max(own)):
        return None
    return WorkDraft.of(frame["content"][0])
