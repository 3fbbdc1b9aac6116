"""Answering a flag, blind first and then after the reveal; asking the lead; skipping. Each is one event."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_answers import Rows, Saved, Situation, check_input, saved_from, situation
from dashboard.workflows.relabel_queue import queue_keys
from dashboard.workflows.relabel_state import (
    ADJUDICATE,
    ANSWER,
    BLIND,
    CANNOT_TELL,
    CHANGE,
    KEEP,
    QUESTION,
    SKIP,
    UNCLEAR,
    outcome,
    own_touch,
    require_version,
)
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

REASON_CHIPS = ("wrong label", "two labels fit", "guideline unclear", "not enough to go by")
VERDICTS = (KEEP, CHANGE, CANNOT_TELL)


def answer_blind(
    store: Store,
    *,
    project_id: str,
    by: Person,
    flag_id: str,
    label: str | None,
    rationale: str = "",
    active_seconds: float | None = None,
    request_id: str | None = None,
) -> Saved:
    """Record what the person says before anything about the item's label was shown; None for "cannot tell".

    The annotation is independent only where the person had never labelled nor settled the item before, and no suggestion was
    shown beside it.

    Args:
        active_seconds: how long the person was at it, idle time left out; None where it was not measured.

    Raises:
        Stale: the flag is no longer theirs to answer. BadRequest: the label is not in the label set.
    """
    require(by, "relabel")
    check_input(active_seconds, rationale)

    def plan(now: Situation) -> Draft:
        if own_touch(now.touches, by.person_id, BLIND) is not None:
            raise BadRequest(
                f"You gave your blind answer for item {now.state.item_id} already; it is revealed now."
            )
        now, code = now.with_label(label)
        independent = code is not None and not now.seen_before and not now.suggestion_shown
        verdict = CANNOT_TELL if code is None else None
        touch: dict[str, object] = {
            "flag_id": flag_id,
            "action": BLIND,
            "label_code": code,
            "verdict": verdict,
            "note": rationale or None,
        }
        rows: Rows = {
            "flag_touch": [touch],
            "claim": [
                {"flag_id": flag_id, "action": "renew" if now.state.holder == by.person_id else "take"}
            ],
        }
        if code is not None:
            row = now.annotation_row(
                code, rationale=rationale, active_seconds=active_seconds, independent=independent
            )
            touch["annotation_id"] = row["annotation_id"]
            rows |= {"annotation": [row], **now.annotator_rows(), **now.label_rows()}
        facts = {
            "label": None if code is None else now.label_set.label(code),
            "independent": independent,
            "status": now.state.status,
            "active_seconds": active_seconds,
        }
        return now.draft("answered_blind", rows, facts)

    arguments = {"label": label, "rationale": rationale}
    return _submit(
        store,
        verb="relabel.blind",
        project_id=project_id,
        by=by,
        flag_id=flag_id,
        arguments=arguments,
        plan=plan,
        request_id=request_id,
    )


def answer(
    store: Store,
    *,
    project_id: str,
    by: Person,
    flag_id: str,
    verdict: str,
    expected_version: int,
    label: str | None = None,
    reasons: tuple[str, ...] = (),
    rationale: str = "",
    active_seconds: float | None = None,
    request_id: str | None = None,
) -> Saved:
    """Record the answer after the reveal: keep the current label, change it to `label`, or cannot tell.

    Kept closes the flag, unless somebody else said another label. A change that a second person shares makes
    a new label version; the first of two waits for the second; where two differ the lead decides.

    Args:
        expected_version: the label version that the person saw.
        reasons: short reasons that they picked (REASON_CHIPS).
        active_seconds: how long they were at it since the reveal, idle time left out; None where it was not
            measured.

    Raises:
        Stale: the label is not `expected_version` any more, or the flag is no longer theirs to answer;
            nothing was saved.
        BadRequest: no blind answer yet, an unknown verdict or label.
    """
    require(by, "relabel")
    check_input(active_seconds, rationale)
    if verdict not in VERDICTS or (verdict == CHANGE) != (label is not None):
        raise BadRequest(
            f"A verdict is one of {', '.join(VERDICTS)}; a label goes with {CHANGE!r} and with no other."
        )

    def plan(now: Situation) -> Draft:
        state = now.state
        blind = own_touch(now.touches, by.person_id, BLIND)
        if blind is None:
            raise BadRequest(
                f"Give your own answer for item {state.item_id} first; what others said is shown after it."
            )
        require_version(state, expected_version)
        if verdict == KEEP and state.label_code is None:
            raise BadRequest(f"Item {state.item_id} has no label to keep.")
        now, given = now.with_label(label)
        code = {KEEP: state.label_code}.get(verdict) if label is None else given
        others = tuple(t for t in now.touches if t.action == ANSWER and t.person_id != by.person_id)
        result = outcome(final=code, current=state.label_code, others=others)
        found = CANNOT_TELL if code is None else KEEP if code == state.label_code else CHANGE
        note = "; ".join([*reasons, *([rationale] if rationale else [])]) or None
        touch: dict[str, object] = {
            "flag_id": flag_id,
            "action": ANSWER,
            "label_code": code,
            "verdict": found,
            "note": note,
        }
        rows: Rows = {"flag_touch": [touch], "claim": [{"flag_id": flag_id, "action": "release"}]}
        if code is not None:
            row = now.annotation_row(
                code, rationale=rationale, active_seconds=active_seconds, supersedes=blind.annotation_id
            )
            touch["annotation_id"] = row["annotation_id"]
            rows |= {"annotation": [row], **now.annotator_rows(), **now.label_rows()}
        rows |= now.result_rows(result, code)
        facts = {
            "label": None if code is None else now.label_set.label(code),
            "verdict": found,
            "status": result.status,
            "resolution": result.resolution,
            "reasons": list(reasons),
            "flag_reasons": now.reason_marks(code),
            "saw_version": expected_version,
            "active_seconds": active_seconds,
        }
        return now.draft("answered", rows, facts)

    arguments = {
        "verdict": verdict,
        "label": label,
        "reasons": list(reasons),
        "rationale": rationale,
        "expected": expected_version,
    }
    return _submit(
        store,
        verb="relabel.answer",
        project_id=project_id,
        by=by,
        flag_id=flag_id,
        arguments=arguments,
        plan=plan,
        request_id=request_id,
    )


def ask_lead(
    store: Store,
    *,
    project_id: str,
    by: Person,
    flag_id: str,
    question: str,
    active_seconds: float | None = None,
    request_id: str | None = None,
) -> Saved:
    """The guideline is unclear for this item: it goes to the lead with the person's question.

    Raises:
        BadRequest: the question is empty. Stale: the flag is no longer theirs to answer.
    """
    require(by, "relabel")
    check_input(active_seconds, question)
    text = question.strip()
    if not text:
        raise BadRequest("Write what is unclear, so that the lead can answer it.")

    def plan(now: Situation) -> Draft:
        rows: Rows = {
            "flag_touch": [{"flag_id": flag_id, "action": QUESTION, "verdict": UNCLEAR, "note": text}],
            "flag_status": [{"flag_id": flag_id, "status": ADJUDICATE, "resolution": None, "note": text}],
            "claim": [{"flag_id": flag_id, "action": "release"}],
        }
        facts = {"question": text, "status": ADJUDICATE, "active_seconds": active_seconds}
        return now.draft("question_asked", rows, facts)

    return _submit(
        store,
        verb="relabel.ask",
        project_id=project_id,
        by=by,
        flag_id=flag_id,
        arguments={"question": text},
        plan=plan,
        request_id=request_id,
    )


def skip(
    store: Store,
    *,
    project_id: str,
    by: Person,
    flag_id: str,
    reason: str,
    active_seconds: float | None = None,
    request_id: str | None = None,
) -> Saved:
    """Leave the item to somebody else; this person never gets it again (unless they undo it), others do.

    Raises:
        BadRequest: the reason is empty. Stale: the flag is no longer theirs.
    """
    require(by, "relabel")
    check_input(active_seconds, reason)
    text = reason.strip()
    if not text:
        raise BadRequest("Say in a word or two why you skip it.")

    def plan(now: Situation) -> Draft:
        rows: Rows = {
            "flag_touch": [{"flag_id": flag_id, "action": SKIP, "note": text}],
            "claim": [{"flag_id": flag_id, "action": "release"}],
        }
        facts = {"reason": text, "status": now.state.status, "active_seconds": active_seconds}
        return now.draft("flag_skipped", rows, facts)

    return _submit(
        store,
        verb="relabel.skip",
        project_id=project_id,
        by=by,
        flag_id=flag_id,
        arguments={"reason": text},
        plan=plan,
        request_id=request_id,
    )


def _submit(
    store: Store,
    *,
    verb: str,
    project_id: str,
    by: Person,
    flag_id: str,
    arguments: Mapping[str, object],
    plan: Callable[[Situation], Draft],
    request_id: str | None,
) -> Saved:
    """Run a plan on what the writer finds.

    Active time is no part of what a request id stands for: a retry measures another.
    """

    def planned(reader: Reader) -> Draft:
        return plan(situation(store, reader, project_id=project_id, by=by, flag_id=flag_id))

    request = {"verb": verb, "project": project_id, "by": by.person_id, "flag": flag_id, **arguments}
    event = store.submit(
        planned, by=by.person_id, request=request, request_id=request_id, keys=queue_keys(project_id)
    )
    return saved_from(event)
