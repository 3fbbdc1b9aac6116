"""What people decide about a gap: an action with a reason, on record; the newest decision about a gap is the one that holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.workflows import bias_view
from dashboard.workflows.bias_rows import gap_id
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

ACTIONS: Mapping[str, str] = {
    "relabel": "the items are labelled again, by other people",
    "balance": "the panel is balanced: votes are reweighted, or asked of the group that is missing",
    "guideline": "the guideline was made clearer",
    "exclude": "the labels, or the group's votes, are left out",
    "accept": "known, and accepted",
    "examine": "it is being looked into",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided about a gap, by whom and why."""

    action: str
    reason: str
    decided_by: str
    decided_at: datetime
    seq: int

    def words(self) -> str:
        """The answer as a sentence."""
        return f"Decided by {self.decided_by}: {ACTIONS.get(self.action, self.action)} ({self.reason})."

    def as_document(self) -> dict[str, object]:
        """The answer as JSON."""
        return {
            "action": self.action, "words": ACTIONS.get(self.action, self.action), "reason": self.reason,
            "decided_by": self.decided_by, "decided_at": self.decided_at.isoformat(), "seq": self.seq,
        }  # fmt: skip


def answer_gap(
    store: Store,
    *,
    project_id: str,
    by: Person,
    named: str,
    action: str,
    reason: str,
    request_id: str | None = None,
) -> Answer:
    """Record what is done about a gap of the newest comparison.

    Raises:
        BadRequest: there is no such gap or action, or no reason.
        NotAllowed: the person may not decide.
    """
    require(by, "bias.answer")
    if action not in ACTIONS:
        raise BadRequest(f"{action!r} is not an action. Actions: {', '.join(ACTIONS)}.")
    said = reason.strip()
    if not said:
        raise BadRequest(
            "Deciding about a gap needs a reason: it stands in the bias statement of every release."
        )
    seen = bias_view.read_view(store, project_id, as_of=store.head)
    known = {} if seen is None else {gap_id(row): row for row in seen.gaps.iter_rows(named=True)}
    if seen is None or named not in known:
        raise BadRequest("The newest comparison has no such gap; groups too small to be shown have none.")
    payload: dict[str, object] = {
        "gap": named, "what": bias_view.what(known[named]), "action": action, "reason": said, "run_id": seen.run.run_id,
    }  # fmt: skip

    def plan(reader: Reader) -> Draft:
        return Draft("bias_answered", project_id, str(payload["what"]), payload)

    request: dict[str, object] = {"verb": "bias.answer", "project": project_id, **payload}
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    assert event is not None  # a decision always makes an event, or raises
    return Answer(action, said, event.actor, event.recorded_at, event.seq)


def answers(store: Store | Reader, project_id: str, *, as_of: int) -> dict[str, Answer]:
    """The newest decision about each gap, by what the gap is called."""
    found = {}
    rows = store.read("bias_answers", project_id=project_id, as_of=as_of)
    for row in rows.iter_rows(named=True):
        payload = json.loads(row["payload"])
        found[str(payload["gap"])] = Answer(
            payload["action"], payload["reason"], row["actor"], row["recorded_at"], row["seq"]
        )
    return found
