"""Taking back what one did with a flag: a new event that says so, refused where somebody built on it."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_answers import Rows
from dashboard.workflows.relabel_queue import held_flag, queue_keys
from dashboard.workflows.relabel_state import CLOSED, UNDO, FlagState, Touch, flag_state, flag_touches
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

WORDS = {
    "blind": "your blind answer",
    "answer": "your answer",
    "skip": "your skip",
    "question": "your question",
}


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back; the item is the person's again."""

    seq: int
    undone_seq: int
    flag_id: str
    item_id: str
    action: str
    status: str


def undo(
    store: Store, *, project_id: str, by: Person, seq: int | None = None, request_id: str | None = None
) -> Undone:
    """Take back the person's newest action, or the one of event `seq`, and give them the item again.

    The annotation is retracted, the flag's status is what it was, and a label version that the answer made is
    followed by one with the label before. Nothing is removed.

    Raises:
        BadRequest: there is nothing (more) to undo, or the event is not one of the person's own.
        Stale: somebody acted on the item since, or works on it now; nothing was changed.
    """
    require(by, "relabel")

    def plan(reader: Reader) -> Draft:
        touch, flag_id = _wanted(reader, project_id, by, seq)
        state = flag_state(reader, project_id, flag_id)
        touches = flag_touches(reader, project_id, flag_id)
        _require_newest(touch, touches, by, state)
        after = reader.read(
            "queue_after",
            project_id=project_id,
            flag_id=flag_id,
            item_code=state.item_code,
            touch_seq=touch.seq,
            person_id=by.person_id,
        ).row(0, named=True)
        _require_untouched(store, state, by, after["other_person"], after["decided_by"], after["newer_flag"])
        status = after["status_before"] or state.status
        rows: Rows = {
            "flag_touch": [
                {"flag_id": flag_id, "action": UNDO, "verdict": touch.action, "note": str(touch.seq)}
            ],
            "claim": [*_let_go(reader, project_id, by, flag_id), {"flag_id": flag_id, "action": "take"}],
        }
        if touch.annotation_id is not None:
            rows["retraction"] = [{"annotation_id": touch.annotation_id, "undo_of": touch.seq}]
        if after["status_before"] is not None:
            note = f"{WORDS[touch.action].removeprefix('your ')} undone"
            rows["flag_status"] = [{"flag_id": flag_id, "status": status, "resolution": None, "note": note}]
        rows |= _label_before(reader, project_id, state, touch, by)
        facts = {"undone_seq": touch.seq, "undone": touch.action, "status": status}
        return Draft(
            "answer_undone",
            project_id,
            state.item_id,
            {"rows": rows, "flag_id": flag_id, "item_id": state.item_id, **facts},
        )

    request: dict[str, object] = {
        "verb": "relabel.undo",
        "project": project_id,
        "by": by.person_id,
        "seq": seq,
    }
    keys = queue_keys(project_id)
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id, keys=keys)
    if event is None:  # the plan always makes an event
        raise BadRequest("Nothing was undone.")
    payload = event.payload
    return Undone(
        seq=event.seq,
        undone_seq=int(str(payload["undone_seq"])),
        flag_id=str(payload["flag_id"]),
        item_id=str(payload["item_id"]),
        action=str(payload["undone"]),
        status=str(payload["status"]),
    )


def _wanted(reader: Reader, project_id: str, by: Person, seq: int | None) -> tuple[Touch, str]:
    """The touch to undo, and its flag."""
    found = reader.read("queue_newest_touch", project_id=project_id, person_id=by.person_id, seq=seq)
    if found.is_empty():
        nothing = "There is nothing to undo."
        raise BadRequest(nothing if seq is None else f"Event {seq} is nothing of yours that can be undone.")
    row = found.row(0, named=True)
    touches = flag_touches(reader, project_id, row["flag_id"])
    return next(touch for touch in touches if touch.seq == row["seq"]), row["flag_id"]


def _require_newest(touch: Touch, touches: tuple[Touch, ...], by: Person, state: FlagState) -> None:
    newest = max(other.seq for other in touches if other.person_id == by.person_id)
    if touch.seq != newest:
        raise BadRequest(
            f"You did more with item {state.item_id} after that. Undo your newest action on it first."
        )


def _require_untouched(
    store: Store,
    state: FlagState,
    by: Person,
    other: str | None,
    decided_by: str | None,
    newer_flag: str | None,
) -> None:
    """Raise Stale where somebody built on what is to be undone."""
    refused = "It cannot be undone any more; ask the lead."
    if decided_by is not None:
        raise Stale(f"{decided_by} settled item {state.item_id} after you. {refused}")
    if other is not None:
        raise Stale(f"{other} worked on item {state.item_id} after you. {refused}")
    holder = state.held_by_other(by.person_id, store.clock())
    if holder is not None:
        raise Stale(f"{holder} is working on item {state.item_id} now. {refused}")
    if newer_flag is not None and state.status == CLOSED:
        raise Stale(f"Item {state.item_id} was flagged again after you. {refused}")


def _let_go(reader: Reader, project_id: str, by: Person, flag_id: str) -> list[dict[str, object]]:
    """Release the item that the person holds now: nobody holds two."""
    held, _touches = held_flag(reader, project_id, by)
    if held is None or held.flag_id == flag_id:
        return []
    return [{"flag_id": held.flag_id, "action": "release"}]


def _label_before(reader: Reader, project_id: str, state: FlagState, touch: Touch, by: Person) -> Rows:
    """A version with the label from before the answer, where the answer made one."""
    versions = reader.read("queue_versions", project_id=project_id, item_code=state.item_code)
    made = versions["seq"].to_list()
    if touch.seq not in made:
        return {}
    if made[0] != touch.seq:
        raise Stale(
            f"The label of item {state.item_id} was changed again after your answer "
            f"(it is {state.label!r} now). It cannot be undone any more; ask the lead."
        )
    before = versions.row(1, named=True)
    kept = ("item_code", "label_code", "label_json", "p_label", "n_annotations", "source", "run_id")
    row: dict[str, object] = {name: before[name] for name in kept if name in before}
    row |= {
        "item_code": state.item_code,
        "version": state.version + 1,
        "decided_by": by.person_id,
        "reason": f"{by.person_id} undid the answer that changed it",
    }
    return {"label_version": [row]}
