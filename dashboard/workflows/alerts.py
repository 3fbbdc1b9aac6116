"""Alerts: what is open, owning and closing one with a reason, and how often those of a figure were false."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from analytics.intervals import wilson_bounds
from dashboard.workflows.alert_codes import CODES, DUPLICATE, FALSE_ALARM
from dashboard.workflows.alert_limits import HANDLES
from dashboard.workflows.alert_opening import CLOSED, OWNED
from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

OPEN = "open"
FALSE_SHARES = {
    "key": pl.Utf8, "n_closed": pl.Int64, "n_false": pl.Int64, "share": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


def alerts(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """Every alert, newest first (columns: see the query alert_list).

    Raises:
        NotAllowed: the person may not see figures.
    """
    require(by, "view.figures")
    return store.read("alert_list", project_id=project_id, as_of=as_of)


def waiting(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """The alerts that are not closed, the oldest first.

    Raises:
        NotAllowed: the person may not see figures.
    """
    return still_open(alerts(store, project_id=project_id, by=by, as_of=as_of)).reverse()


def still_open(table: pl.DataFrame) -> pl.DataFrame:
    """The alerts of a table (as `alerts` gives it) that are not closed."""
    return table.filter(pl.col("status") != CLOSED)


def days_open(opened_at: datetime, now: datetime) -> int:
    """Whole days since an alert opened; 0 where a clock went backwards."""
    return max(0, (now - opened_at).days)


def false_shares(table: pl.DataFrame) -> pl.DataFrame:
    """How often the alerts of a figure were false, of those that were closed: FALSE_SHARES, sorted by key.

    Those closed as the same as another, or before there were codes, say nothing of it and are not counted. The interval is
    Wilson's (1927).

    Args:
        table: as `alerts` gives it.
    """
    told = table.filter(pl.col("status") == CLOSED, pl.col("code").is_not_null(), pl.col("code") != DUPLICATE)
    counted = told.group_by("key").agg(
        n_closed=pl.len().cast(pl.Int64), n_false=(pl.col("code") == FALSE_ALARM).sum().cast(pl.Int64)
    )
    low, high = wilson_bounds(counted["n_false"].to_numpy(), counted["n_closed"].to_numpy())
    return (
        counted.with_columns(
            pl.Series("low", low), pl.Series("high", high), share=pl.col("n_false") / pl.col("n_closed")
        )
        .select(pl.col(name).cast(kind) for name, kind in FALSE_SHARES.items())
        .sort("key")
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """What becomes of an alert."""

    alert_id: str
    status: str
    owner: str = ""
    code: str = ""
    reason: str = ""
    saw: int | None = None


def own(store: Store, *, project_id: str, by: Person, alert_id: str, request_id: str | None = None) -> None:
    """Take an alert: from now on it has an owner.

    Raises:
        NotAllowed: the person may not handle alerts.
        BadRequest: there is no such alert. Stale: it was closed.
    """
    _move(store, project_id, by, _Step(alert_id, OWNED, owner=by.person_id), request_id)


def close(
    store: Store, *, project_id: str, by: Person, alert_id: str, code: str, reason: str, saw: int | None = None,
    request_id: str | None = None,
) -> None:  # fmt: skip
    """Close an alert with a reason out of CODES and words; it needs an owner first.

    The next one of the figure can open once facts came in that the person had not seen.

    Args:
        store: the store.
        project_id: the project.
        by: who closes it.
        alert_id: which one.
        code: of CODES.
        reason: in words.
        saw: up to which event the person had seen what came in, by default up to now: a page may have been open for an hour.
        request_id: of the caller.

    Raises:
        NotAllowed, BadRequest, Stale: as `own`; BadRequest for another code, without words, or while nobody owns it, or for a `saw`
            before the alert opened.
    """
    if code not in CODES:
        raise BadRequest(f"{code!r} is no reason to close an alert. Reasons: {', '.join(CODES)}.")
    if not reason.strip():
        raise BadRequest("Closing an alert needs a reason in words: what was it, and what was done?")
    _move(
        store, project_id, by, _Step(alert_id, CLOSED, code=code, reason=reason.strip(), saw=saw), request_id
    )


def _move(store: Store, project_id: str, by: Person, step: _Step, request_id: str | None) -> None:
    require(by, HANDLES)

    def plan(reader: Reader) -> Draft | None:
        found = reader.read("alert_list", project_id=project_id).filter(pl.col("alert_id") == step.alert_id)
        if found.is_empty():
            raise BadRequest(f"There is no alert {step.alert_id!r} in {project_id}.")
        now = found.row(0, named=True)
        if now["status"] == CLOSED:
            raise Stale(f"The alert was closed by {now['changed_by']}: {now['reason']}")
        if step.status == CLOSED and now["status"] == OPEN:
            raise BadRequest("Nobody owns this alert yet: take it first, then close it.")
        if step.status == OWNED and now["owner"] == step.owner:
            return None
        if step.saw is not None and step.saw < now["seq"]:
            raise BadRequest(
                f"The alert opened with event {now['seq']}; who saw up to {step.saw} had not seen it."
            )
        row = {
            "alert_id": step.alert_id, "status": step.status, "owner": step.owner or now["owner"], "reason": step.reason or None,
            "code": step.code or None, "saw_seq": step.saw,
        }  # fmt: skip
        payload = {"rows": {"alert_status": [row]}, "reason": step.reason, "code": step.code}
        return Draft(f"alert_{step.status}", project_id, step.alert_id, payload)

    # what was seen is no part of the request: who presses again after a failure has seen more
    request: dict[str, object] = {
        "verb": f"alert.{step.status}", "project": project_id, "alert": step.alert_id, "code": step.code, "reason": step.reason,
    }  # fmt: skip
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
