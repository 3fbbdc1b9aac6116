"""What people decide about bias: an answer to one gap, or an action with its expected effect; one record, the newest decision holds.

`decide` answers a gap of the newest comparison in words (the guideline is mended, it is accepted, …). An action whose effect was
worked out before (`bias_actions.commit`) names the gaps that it answers itself. The statement of a release reads both from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from dashboard.workflows import bias_view
from dashboard.workflows.bias_rows import gap_id
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft, Event

ACCEPT = "accept"
ANSWERS: Mapping[str, str] = {
    "relabel": "the items are labelled again, by other people",
    "balance": "the panel is balanced: votes are reweighted, or asked of the group that is missing",
    "guideline": "the guideline was made clearer",
    "exclude": "the labels, or the group's votes, are left out",
    ACCEPT: "known, and accepted",
    "examine": "it is being looked into",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by whom and why.

    Attributes:
        action: a key of `ANSWERS`, or of `bias_actions.ACTIONS`.
        title: what is done, in words.
        expected: the effect that was expected before it was decided, in words; "" for an answer in words alone.
        about: the gaps that it answers, by their ids; none for an action on no gap in particular.
        groups: the groups of annotators that `expected` names, as (attribute, group).
        n_first, wait_days: items for which some people are asked before everybody is, and for how long.
        n_flagged: items that it sent to people; n_settled: those of them whose flag is closed by now.
    """

    action: str
    title: str
    reason: str
    decided_by: str
    decided_at: datetime
    seq: int
    about: tuple[str, ...]
    expected: str = ""
    groups: tuple[tuple[str, str], ...] = ()
    n_first: int = 0
    wait_days: int = 0
    n_flagged: int = 0
    n_settled: int = 0

    def words(self) -> str:
        """The decision as a sentence."""
        return f"Decided by {self.decided_by}: {self.title[:1].lower()}{self.title[1:]} ({self.reason.rstrip(' .')}).{self.progress()}"

    def progress(self) -> str:
        """How far the items are that it sent to people: a sentence with a space before it, or nothing."""
        if not self.n_flagged:
            return ""
        n = "1 item" if self.n_flagged == 1 else f"{self.n_flagged:,} items"
        return f" It sent {n} to people; {self.n_settled:,} {'is' if self.n_settled == 1 else 'are'} settled."

    def as_document(self) -> dict[str, object]:
        """The decision as JSON; what was expected is left to who knows which groups may be named."""
        return {
            "action": self.action, "words": self.title, "reason": self.reason, "decided_by": self.decided_by,
            "decided_at": self.decided_at.isoformat(), "seq": self.seq, "n_flagged": self.n_flagged, "n_settled": self.n_settled,
        }  # fmt: skip


def decide(
    store: Store,
    *,
    project_id: str,
    by: Person,
    named: str,
    action: str,
    reason: str,
    request_id: str | None = None,
) -> Decision:
    """Record what is done about a gap of the newest comparison. A repeat of a request is answered with what it decided.

    Raises:
        BadRequest: there is no such gap or action, or no reason.
        NotAllowed: the person may not decide.
    """
    require(by, "bias.answer")
    if action not in ANSWERS:
        raise BadRequest(f"{action!r} is not an action. Actions: {', '.join(ANSWERS)}.")
    said = reason.strip()
    if not said:
        raise BadRequest(
            "Deciding about a gap needs a reason: it stands in the bias statement of every release."
        )
    request: dict[str, object] = {
        "verb": "bias.answer", "project": project_id, "gap": named, "action": action, "reason": said,
    }  # fmt: skip
    event = store.earlier(request_id, by=by.person_id, request=request)
    if event is None:
        event = _answered(store, project_id, by, request, request_id)
    return Decision(action, ANSWERS[action], said, event.actor, event.recorded_at, event.seq, (named,))


def _answered(
    store: Store, project_id: str, by: Person, request: Mapping[str, object], request_id: str | None
) -> Event:
    """The event of an answer to a gap of the newest comparison."""
    named = str(request["gap"])
    run_id, words = known_gaps(store, project_id, [named])
    payload: dict[str, object] = {
        "gap": named, "what": words[0], "action": request["action"], "reason": request["reason"], "run_id": run_id,
    }  # fmt: skip

    def plan(reader: Reader) -> Draft:
        return Draft("bias_answered", project_id, words[0], payload)

    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    assert event is not None  # a decision always makes an event, or raises
    return event


def known_gaps(store: Store, project_id: str, named: Sequence[str]) -> tuple[str, list[str]]:
    """The newest comparison's run id, and what each gap is of, in words.

    Raises:
        BadRequest: the newest comparison has no such gap; nothing is said about groups that are not shown.
    """
    seen = bias_view.read_view(store, project_id, as_of=store.head)
    known = {} if seen is None else {gap_id(row): row for row in seen.gaps.iter_rows(named=True)}
    if seen is None or any(one not in known for one in named):
        raise BadRequest("The newest comparison has no such gap; groups too small to be shown have none.")
    return seen.run.run_id, [bias_view.what(known[one]) for one in named]


def unanswered(store: Store, project_id: str, attribute: str) -> tuple[str, ...]:
    """The gaps between groups by an attribute that stay in the newest comparison and about which nothing was decided."""
    seen = bias_view.read_view(store, project_id, as_of=store.head)
    if seen is None:
        return ()
    found = bias_view.most_telling(seen.gaps.filter(pl.col("side") != "item", attribute=attribute))
    left = open_gaps(store, project_id, as_of=store.head)
    return tuple(named for named in map(gap_id, found.iter_rows(named=True)) if named in left)


def open_gaps(store: Store | Reader, project_id: str, *, as_of: int) -> frozenset[str]:
    """The ids of the gaps that stay in the newest comparison and about which nothing was decided: those that a release's gate counts."""
    gaps = store.read("bias_open_gaps", project_id=project_id, as_of=as_of).drop_nulls("gap_id")
    return frozenset(gaps.filter(~pl.col("is_answered"))["gap_id"])


def decisions(store: Store | Reader, project_id: str, *, as_of: int) -> tuple[Decision, ...]:
    """Every decision, oldest first."""
    rows = store.read("bias_decisions", project_id=project_id, as_of=as_of)
    return tuple(_decision(row, json.loads(row["payload"])) for row in rows.iter_rows(named=True))


def newest_by_gap(found: Sequence[Decision]) -> dict[str, Decision]:
    """The newest decision about each gap, by the gap's id."""
    return {gap: one for one in found for gap in one.about}


def _decision(row: Mapping[str, Any], payload: Mapping[str, Any]) -> Decision:
    who = (payload["reason"], row["actor"], row["recorded_at"], row["seq"])
    if row["kind"] == "bias_answered":
        action = str(payload["action"])
        return Decision(action, ANSWERS.get(action, action), *who, about=(str(payload["gap"]),))
    named = {str(one["group"]) for one in payload["groups"]} | {
        str(payload["group"]), *map(str, payload["target"])
    }  # fmt: skip
    return Decision(
        str(payload["action"]), str(payload["title"]), *who, about=tuple(map(str, payload.get("about", ()))),
        expected=str(payload["sentence"]), groups=tuple((str(payload["attribute"]), one) for one in sorted(named - {""})),
        n_first=int(payload.get("n_first", 0)), wait_days=int(payload.get("wait_days", 0)),
        n_flagged=row["n_flags"], n_settled=row["n_closed"],
    )  # fmt: skip
