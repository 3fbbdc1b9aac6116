"""Sending alerts to a webhook: signed, again after longer and longer waits while it fails, every attempt on the record.

The body is JSON; `X-Touchstone-Signature: sha256=…` is the HMAC-SHA256 (RFC 2104) of `timestamp.body` under a secret that both sides
know, `X-Touchstone-Timestamp` the timestamp: a receiver recomputes it and refuses old ones. Address and secret are read from the
environment and stand nowhere in the store, where only the host is kept. What is sent names no annotator and no group of people.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from dashboard.workflows.alert_addresses import NotReached, addresses, checked_url, post
from dashboard.workflows.alert_figures import ANNOTATOR, BIAS, CROWD, title, told
from dashboard.workflows.alert_limits import HANDLES
from dashboard.workflows.alert_opening import CLOSED
from dashboard.workflows.alert_webhook import Webhook
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

MOST_ATTEMPTS = 10
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
"""The wait after the first failure, doubled after each further one up to the longest; a quarter of it more or less."""

ABOUT_PEOPLE = frozenset({ANNOTATOR, CROWD, "pair", BIAS})
"""Kinds of groups whose names stay in the house."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an attempt came to: `answer` is the status line, or why there is none."""

    alert_id: str
    attempt: int
    delivered: bool
    answer: str


def deliver(
    store: Store, *, project_id: str, by: Person, webhook: Webhook, at_once: bool = False,
    is_over: Callable[[], bool] = bool,
) -> tuple[Delivery, ...]:  # fmt: skip
    """Try once to send every alert that is due: not closed, not delivered, with attempts left and its wait over; oldest first.

    A host that is not found or not allowed is a failed attempt, and on the record. An alert can arrive twice (where the store could
    not keep that it had): its id says so.

    Args:
        store: the store.
        project_id: the project.
        by: who acts.
        webhook: where to.
        at_once: do not wait for what failed before.
        is_over: asked before each attempt; where it says yes, what is left stays for another time.

    Raises:
        NotAllowed: the person may not handle alerts.
        BadRequest: no secret, or an address that is none of a webhook.
    """
    require(by, HANDLES)
    webhook.check()
    done: list[Delivery] = []
    for row in undelivered(store, project_id).iter_rows(named=True):
        if is_over():
            break
        if at_once or due_at(row) <= store.clock():
            done.append(_attempt(store, project_id, by, webhook, row))
    return tuple(done)


def undelivered(store: Store, project_id: str) -> pl.DataFrame:
    """The alerts that are still to be sent, as `alert_list` has them, oldest first."""
    return (
        store.read("alert_list", project_id=project_id)
        .filter((pl.col("status") != CLOSED) & ~pl.col("delivered") & (pl.col("attempts") < MOST_ATTEMPTS))
        .reverse()
    )


def due_at(row: Mapping[str, Any]) -> datetime:
    """When an alert may be sent next: at once, or after a wait that grows with each failure.

    30 s, 1 min, 2 min … up to an hour, each between three quarters and five quarters of that, so that many alerts do not come back at
    the same moment; how much is taken from the alert's id and the attempt, so a restart changes nothing.
    """
    tried: datetime = row["opened_at"] if row["tried_at"] is None else row["tried_at"]
    if not row["attempts"]:
        return tried
    wait: timedelta = min(FIRST_WAIT * 2 ** (row["attempts"] - 1), LONGEST_WAIT)
    drawn = hashlib.sha256(f"{row['alert_id']}/{row['attempts']}".encode()).digest()
    share = 0.75 + int.from_bytes(drawn[:4], "big") / 2**33
    return tried + wait * share


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What `X-Touchstone-Signature` holds.

    >>> signature("key", "1", b"{}")[:20]
    'sha256=1ba6b8171186e'
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def message(project_id: str, row: Mapping[str, Any]) -> dict[str, object]:
    """What is sent of an alert. Whose figure it is stays here where that is an annotator or a group of people, and whom it names."""
    names: str | None = row.get("annotators")
    hidden = row["group_kind"] in ABOUT_PEOPLE or names is not None
    says = row["sentence"]
    if hidden:
        beyond = "over" if row["side"] == "low" else "under"
        what = told(row["value"], row["unit"])
        if row["group_kind"] == CROWD and names is not None:
            n = len(json.loads(names))
            what = f"{n} annotator{'' if n == 1 else 's'}"
        says = f"{title(row['key'])}: {what}, {beyond} the limit of {told(row['limit_value'], row['unit'])}"
    group = "" if hidden or not row["group_kind"] else f"{row['group_kind']}:{row['group_id']}"
    return {
        "project": project_id, "alert": row["alert_id"], "figure": row["key"], "group": group, "value": row["value"], "low": row["low"],
        "high": row["high"], "n": row["n"], "limit": row["limit_value"], "says": says, "opened_at": row["opened_at"].isoformat(),
        "run": row["run_id"],
    }  # fmt: skip


def _attempt(store: Store, project_id: str, by: Person, webhook: Webhook, row: Mapping[str, Any]) -> Delivery:
    parts = checked_url(webhook.url, allow_private=webhook.allow_private)
    body = json.dumps(message(project_id, row), ensure_ascii=False).encode()
    stamp = str(int(store.clock().timestamp()))
    headers = {
        "Content-Type": "application/json", "Host": parts.netloc, "X-Touchstone-Timestamp": stamp,
        "X-Touchstone-Signature": signature(webhook.secret, stamp, body),
    }  # fmt: skip
    try:
        known = addresses(parts, allow_private=webhook.allow_private)
        delivered, answer = post(parts, known, body, headers, timeout=webhook.timeout)
    except NotReached as error:
        delivered, answer = False, str(error)
    one = Delivery(row["alert_id"], int(row["attempts"]) + 1, delivered, answer)
    _record(store, project_id, by, one, str(parts.hostname))
    return one


def _record(store: Store, project_id: str, by: Person, one: Delivery, host: str) -> None:
    row = {
        "alert_id": one.alert_id, "attempt": one.attempt, "delivered": one.delivered, "host": host, "answer": one.answer,
    }  # fmt: skip

    def plan(reader: Reader) -> Draft:
        return Draft("alert_sent", project_id, one.alert_id, {"rows": {"alert_delivery": [row]}})

    store.submit(plan, by=by.person_id, request={"verb": "alert.sent", "project": project_id, **row})
