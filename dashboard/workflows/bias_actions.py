"""What is done about a bias between groups of annotators: the expected effect first, then a decision that is an event.

Three actions: **reweight** the panel to a target mix, ask for one **extra-vote** about the items that hang by the least (of the
group that has the fewest votes there, or of one group), or **adjudicate** items on which groups say different things. A proposal
changes nothing, but it reads an attribute of annotators, and that leaves its event. Committing one raises a flag for each of its
items, so that people settle them: no label changes by itself. What stands in the record are figures of groups that may be shown,
never who belongs to one; and items that are picked by groups drawn by chance, by which one more vote is also asked for, or the list of
items, and who takes them, would tell (`vote_asking`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from dashboard import __version__
from dashboard.workflows import bias_decisions, bias_standing, vote_asking
from dashboard.workflows.bias_proposals import propose
from dashboard.workflows.bias_wishes import (
    ACTIONS,
    ADJUDICATE,
    EXTRA_VOTE,
    MOST_ITEMS,
    REWEIGHT,
    Proposal,
    Wish,
    said_by_groups,
)
from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.vote_asking import Routing
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft, Event

__all__ = [
    "ACTIONS",
    "ADJUDICATE",
    "EXTRA_VOTE",
    "MOST_ITEMS",
    "REWEIGHT",
    "Committed",
    "Proposal",
    "Wish",
    "act",
    "commit",
    "propose",
    "said_by_groups",
]

KIND, REASON_KEY = "bias_action", "panel_balance"


@dataclass(frozen=True, slots=True)
class Committed:
    """What was decided, as its event says it.

    `expected`, `groups` and `choices` as of the proposal; `items`: ids of those it is about; `flagged`: how many of them got a flag;
    `n_first`: of those, for how many some people are asked before everybody is.
    """

    title: str
    sentence: str
    expected: Mapping[str, float | int | None]
    groups: list[dict[str, Any]]
    choices: list[dict[str, Any]]
    items: tuple[str, ...]
    flagged: int
    n_first: int


def act(
    store: Store,
    *,
    project_id: str,
    by: Person,
    wish: Wish,
    purpose: str,
    reason: str,
    about: Sequence[str] | None = None,
    request_id: str | None = None,
) -> Committed:
    """Work out what a wish would do and decide on it at once. A repeat of a request is answered with what it decided.

    Arguments and errors as `propose` and `commit`.
    """
    require(by, "bias.act")
    request = _request(project_id, wish, purpose, reason, about)
    event = store.earlier(request_id, by=by.person_id, request=request)
    if event is None:
        proposal = propose(store, project_id=project_id, by=by, wish=wish, purpose=purpose)
        event = _committed(store, project_id, by, proposal, (reason, about), request_id)
    return _as_kept(event)


def commit(
    store: Store,
    *,
    project_id: str,
    by: Person,
    proposal: Proposal,
    reason: str,
    about: Sequence[str] | None = None,
    request_id: str | None = None,
) -> int:
    """Decide on a proposal: an event with who, what, why and the expected effect; its items are flagged. Returns how many were.

    Args:
        store: the store.
        project_id: the project.
        by: who decides.
        proposal: what was proposed.
        reason: why; it stands in the bias statement.
        about: ids of the gaps of the newest comparison that it answers; by default those of `bias_decisions.unanswered`.
        request_id: makes a repeat harmless: it is answered with what was decided first.

    Raises:
        BadRequest: no reason is given, or there is no such gap. NotAllowed: the person may not act. Stale: annotations came in
        since it was proposed.
    """
    require(by, "bias.act")
    request = _request(project_id, proposal.wish, proposal.purpose, reason, about)
    event = store.earlier(request_id, by=by.person_id, request=request)
    if event is None:
        event = _committed(store, project_id, by, proposal, (reason, about), request_id)
    return _as_kept(event).flagged


def _committed(
    store: Store,
    project_id: str,
    by: Person,
    proposal: Proposal,
    said: tuple[str, Sequence[str] | None],
    request_id: str | None,
) -> Event:
    reason, about = said
    if not reason.strip():
        raise BadRequest("An action on a bias needs a reason: an auditor will ask for it.")
    wish = proposal.wish
    run_id, told = uuid7(store.clock()), reason.strip()
    answered = bias_decisions.unanswered(store, project_id, wish.attribute) if about is None else tuple(about)
    if answered:
        bias_decisions.known_gaps(store, project_id, answered)
    proposal, routing = _routed(store, project_id, proposal, run_id)
    table = proposal.table
    assert table is not None  # `propose` always names it
    after = {table.key: bias_standing.follows(store, project_id, table)}
    bias_standing.keep(store, project_id, run_id, [table])
    standing = {table.key: table.record(run_id)}

    def plan(reader: Reader) -> Draft:
        newest = int(reader.read("score_newest_annotation", project_id=project_id)["seq"][0])
        if newest > proposal.saw:
            raise Stale(
                "Annotations came in since this was proposed. Nothing was decided; look at the effect again."
            )
        bias_standing.require_newest(reader, project_id, after)
        flags = _flags(reader, project_id, proposal, run_id)
        n_first, sentence = _asked_first(proposal, routing, flags)
        content: dict[str, object] = {
            "action": wish.action, "attribute": wish.attribute, "group": wish.group, "target": dict(wish.target or {}),
            "title": proposal.title, "sentence": sentence, "expected": dict(proposal.expected), "groups": proposal.groups.to_dicts(),
            "choices": proposal.choices.to_dicts(), "items": proposal.items["item_id"].to_list(), "about": list(answered), "reason": told,
            "decided_by": by.person_id, "wait_days": wish.wait_days, "n_first": n_first,
        }  # fmt: skip
        run = {
            "run_id": run_id, "kind": KIND, "method": wish.action, "code_version": __version__, "saw_seq": proposal.saw,
            "parameters": json.dumps({**content, "standing": standing}, sort_keys=True, allow_nan=False),
        }  # fmt: skip
        opened = flags.select("flag_id", status=pl.lit("open"))
        segments = {
            name: reader.segments.put(frame).as_payload()
            for name, frame in (("flag", flags), ("flag_status", opened), *([("routing", routing.rows)] if routing else []))
            if frame.height
        }  # fmt: skip
        return Draft(
            "bias_action_committed", project_id, run_id,
            {"rows": {"run": [run]}, "segments": segments, "flagged": flags.height, **content},
        )  # fmt: skip

    request = _request(project_id, wish, proposal.purpose, reason, about)
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    assert event is not None  # a decision always makes an event, or raises
    return event


def _request(
    project_id: str, wish: Wish, purpose: str, reason: str, about: Sequence[str] | None
) -> dict[str, object]:
    """What was asked for, and nothing of what is expected."""
    target = None if wish.target is None else dict(wish.target)
    return {
        "verb": "bias.act", "project": project_id, "action": wish.action, "attribute": wish.attribute, "target": target,
        "group": wish.group, "n_items": wish.n_items, "seed": wish.seed, "wait_days": wish.wait_days, "purpose": purpose.strip(),
        "reason": reason.strip(), "about": None if about is None else list(about),
    }  # fmt: skip


def _as_kept(event: Event) -> Committed:
    told: Any = event.payload
    return Committed(
        told["title"], told["sentence"], told["expected"], told["groups"], told["choices"], tuple(told["items"]), told["flagged"],
        told["n_first"],
    )  # fmt: skip


def _asked_first(proposal: Proposal, routing: Routing | None, flags: pl.DataFrame) -> tuple[int, str]:
    """For how many of the items that are flagged some people are asked before everybody, and the sentence that says it."""
    if routing is None:
        return 0, proposal.sentence
    first = routing.rows.filter(pl.col("opens_at").is_not_null())
    n = first.join(flags, on="item_code", how="semi").height
    words = f". For {n:,} items some people are asked first, for {proposal.wish.wait_days} days" if n else ""
    return n, proposal.sentence + words


def _routed(
    store: Store, project_id: str, proposal: Proposal, run_id: str
) -> tuple[Proposal, Routing | None]:
    """For an extra vote: the items that somebody can still answer, and who is asked first, which the vault then has."""
    wish = proposal.wish
    if wish.action != EXTRA_VOTE:
        return proposal, None
    found = vote_asking.route(
        store, project_id=project_id, run_id=run_id, attribute=wish.attribute, group=wish.group, wait_days=wish.wait_days,
        item_ids=proposal.items["item_id"].to_list(), now=store.clock(),
    )  # fmt: skip
    kept = proposal.items.filter(pl.col("item_id").is_in(found.items))
    return replace(proposal, items=kept), found


def _flags(reader: Reader, project_id: str, proposal: Proposal, run_id: str) -> pl.DataFrame:
    """A flag for each item that waits for nobody yet; its reason says nothing of groups."""
    waiting = reader.read("flag_standing", project_id=project_id).filter("is_waiting").select("item_code")
    ids = reader.read("import_known_items", project_id=project_id)
    found = (
        proposal.items.select("item_id")
        .join(ids, on="item_id", maintain_order="left")
        .join(waiting, on="item_code", how="anti")
    )
    reason = {
        "key": REASON_KEY, "title": "It was picked for another look", "sentence": "Its label hangs on who was asked. Say what you see.",
        "score": 0.5, "threshold": 0.0, "evidence": {},
    }  # fmt: skip
    return found.select(
        flag_id=pl.format("{}-{}", pl.lit(run_id), pl.col("item_code")), item_code="item_code", run_id=pl.lit(run_id), score=pl.lit(0.5),
        reasons=pl.lit(json.dumps([reason], sort_keys=True)), status=pl.lit("open"),
    )  # fmt: skip
