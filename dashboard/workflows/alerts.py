"""Alerts: the limits that a lead sets, opening one where a figure of drift crosses its own, owning and closing it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import polars as pl

from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft

PREFIX = "alert."
SEQUENTIAL = "drift_sequential"
OPEN, OWNED, CLOSED = "open", "owned", "closed"


@dataclass(frozen=True, slots=True)
class Watched:
    """A figure that can raise an alert. `side`: which end of its interval has to be beyond the limit, so that chance alone does
    not raise one; `least_n`: of what the figure rests on.
    """

    key: str
    title: str
    side: Literal["low", "high", "value"]
    default: float
    least_n: int
    why: str


WATCHED: tuple[Watched, ...] = (
    Watched("drift_total_variation", "Labels that changed (total variation)", "low", 0.05, 400,
            "a change of 5 labels in 100 is worth a look; the lower end of the interval has to be over it"),
    Watched("drift_agreement", "Change of Krippendorff's alpha", "high", -0.05, 100,
            "the upper end of the change's interval has to be under it"),
    Watched("drift_content", "New items told from old (area under the curve)", "low", 0.65, 200,
            "0.5 is what alike items give; the lower end has to be over it"),
    Watched("drift_confidence", "Change of the model's sureness", "high", -0.05, 200,
            "the upper end of the change's interval has to be under it"),
    Watched(SEQUENTIAL, "Sequential test of a label's rate", "value", 1.0, 100,
            "its own limit keeps false alarms to about one in a year of days"),
)  # fmt: skip
_BY_KEY = {row.key: row for row in WATCHED}


@dataclass(frozen=True, slots=True)
class AlertLimit:
    """A limit as it holds; None switches the alert off. `least_n` is never less than the figure's own."""

    key: str
    value: float | None
    least_n: int
    set_by: str | None = None


def limits(store: Store | Reader, project_id: str, *, as_of: int | None = None) -> tuple[AlertLimit, ...]:
    """The limits of a project, in the order of WATCHED; those nobody set are the defaults."""
    rows = store.read("release_settings", project_id=project_id, as_of=as_of).rows_by_key(
        "key", named=True, unique=True
    )
    found = []
    for watched in WATCHED:
        row = rows.get(PREFIX + watched.key)
        kept: Mapping[str, Any] = {} if row is None else json.loads(row["value"])
        found.append(
            AlertLimit(
                watched.key, kept.get("limit", watched.default), int(kept.get("least_n", watched.least_n)),
                None if row is None else row["set_by"],
            )
        )  # fmt: skip
    return tuple(found)


def set_limit(
    store: Store, *, project_id: str, by: Person, key: str, limit: float | None, reason: str, least_n: int | None = None,
    request_id: str | None = None,
) -> tuple[AlertLimit, ...]:  # fmt: skip
    """Set the limit of one figure by an event that says why; None switches its alert off.

    Raises:
        NotAllowed: the person may not change settings.
        BadRequest: an unknown figure, a limit out of (-1, 1), an n under the figure's own, or no reason.
    """
    require(by, "setting.change")
    watched = _BY_KEY.get(key)
    if watched is None:
        raise BadRequest(f"{key!r} raises no alert. Figures that do: {', '.join(_BY_KEY)}.")
    if limit is not None and not -1 <= limit <= 1:
        raise BadRequest(f"The limit of {key} lies between -1 and 1; {limit:g} does not.")
    n = watched.least_n if least_n is None else least_n
    if n < watched.least_n:
        raise BadRequest(f"{key} raises no alert under n = {watched.least_n}: fewer tell nothing.")
    if not reason.strip():
        raise BadRequest("Changing a limit needs a reason.")
    row = {"key": PREFIX + key, "value": json.dumps({"limit": limit, "least_n": n})}
    payload = {"rows": {"setting": [row]}, "reason": reason.strip()}

    def plan(reader: Reader) -> Draft:
        return Draft("setting_changed", project_id, PREFIX + key, payload)

    request: dict[str, object] = {
        "verb": "alert.limit",
        "project": project_id,
        "key": key,
        "limit": limit,
        "n": n,
        "why": reason,
    }
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    return limits(store, project_id)


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
    return (
        alerts(store, project_id=project_id, by=by, as_of=as_of).filter(pl.col("status") != CLOSED).reverse()
    )


def days_open(opened_at: datetime, now: datetime) -> int:
    """Whole days since an alert opened; 0 where a clock went backwards."""
    return max(0, (now - opened_at).days)


def own(store: Store, *, project_id: str, by: Person, alert_id: str, request_id: str | None = None) -> None:
    """Take an alert: from now on it has an owner.

    Raises:
        NotAllowed: the person may not handle alerts.
        BadRequest: there is no such alert. Stale: it was closed.
    """
    _move(store, project_id, by, (alert_id, OWNED, by.person_id, ""), request_id)


def close(
    store: Store, *, project_id: str, by: Person, alert_id: str, reason: str, request_id: str | None = None
) -> None:
    """Close an alert with a reason; it needs an owner first.

    Raises:
        NotAllowed, BadRequest, Stale: as `own`; BadRequest without a reason, or while nobody owns it.
    """
    if not reason.strip():
        raise BadRequest("Closing an alert needs a reason: what was it, and what was done?")
    _move(store, project_id, by, (alert_id, CLOSED, "", reason.strip()), request_id)


def to_open(
    reader: Reader, project_id: str, run_id: str, figures: pl.DataFrame, alarm: Mapping[str, Any] | None, *, sentence: str,
    now: datetime,
) -> list[dict[str, object]]:  # fmt: skip
    """The alerts that a measurement opens: beyond the limit with the near end of the interval, on enough n, and none of the
    same figure is open already.
    """
    waiting = set(
        reader.read("alert_list", project_id=project_id).filter(pl.col("status") != CLOSED)["key"].to_list()
    )
    rows = {row["key"]: row for row in figures.iter_rows(named=True)}
    opened: list[dict[str, object]] = []
    for limit in limits(reader, project_id):
        if limit.value is None or limit.key in waiting:
            continue
        if limit.key == SEQUENTIAL:
            if alarm is not None and alarm["n"] >= limit.least_n:
                opened.append(
                    _alert(now, run_id, limit.key, alarm, float(alarm["limit"]), str(alarm["sentence"]))
                )
            continue
        row = rows.get(limit.key)
        if row is None or row["value"] is None or row["n"] < limit.least_n or not _beyond(row, limit):
            continue
        opened.append(_alert(now, run_id, limit.key, row, limit.value, sentence))
    return opened


def _beyond(row: Mapping[str, Any], limit: AlertLimit) -> bool:
    end = row[_BY_KEY[limit.key].side]
    if end is None or limit.value is None:
        return False
    return bool(end > limit.value if _BY_KEY[limit.key].side == "low" else end < limit.value)


def _alert(
    now: datetime, run_id: str, key: str, row: Mapping[str, Any], limit: float, sentence: str
) -> dict[str, object]:
    return {
        "alert_id": uuid7(now), "run_id": run_id, "key": key, "value": row["value"], "low": row.get("low"),
        "high": row.get("high"), "n": row["n"], "limit_value": limit, "sentence": sentence,
    }  # fmt: skip


def _move(
    store: Store, project_id: str, by: Person, step: tuple[str, str, str, str], request_id: str | None
) -> None:
    require(by, "alert.handle")
    alert_id, status, owner, reason = step

    def plan(reader: Reader) -> Draft | None:
        found = reader.read("alert_list", project_id=project_id).filter(pl.col("alert_id") == alert_id)
        if found.is_empty():
            raise BadRequest(f"There is no alert {alert_id!r} in {project_id}.")
        now = found.row(0, named=True)
        if now["status"] == CLOSED:
            raise Stale(f"The alert was closed by {now['changed_by']}: {now['reason']}")
        if status == CLOSED and now["status"] == OPEN:
            raise BadRequest("Nobody owns this alert yet: take it first, then close it.")
        if status == OWNED and now["owner"] == owner:
            return None
        row = {
            "alert_id": alert_id,
            "status": status,
            "owner": owner or now["owner"],
            "reason": reason or None,
        }
        return Draft(
            f"alert_{status}", project_id, alert_id, {"rows": {"alert_status": [row]}, "reason": reason}
        )

    request: dict[str, object] = {
        "verb": f"alert.{status}",
        "project": project_id,
        "alert": alert_id,
        "reason": reason,
    }
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
