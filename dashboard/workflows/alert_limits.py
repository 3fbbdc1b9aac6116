"""The limits that a lead sets on figures, and who owns an alert that opens: settings of a project, each by an event with its reason."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from dashboard.workflows import label_sets, members
from dashboard.workflows.alert_figures import (
    ANNOTATOR,
    CHOICES,
    CROWD,
    DRIFT,
    FALL,
    MIX,
    SEQUENTIAL,
    Watched,
    watched,
)
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.monitor import FIGURE_RUN, figures, newest_run
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import PERMISSIONS, Person, require
from data.database import Reader
from data.records import Draft

LIMIT, OWNER = "alert.", "alert_owner"
HANDLES = "alert.handle"
DRIFT_RUN = "drift"
_RUN_KINDS: Mapping[str, str] = {"drift": DRIFT_RUN, "cost": "cost"}
"""Which runs measure the figures of a page; `FIGURE_RUN` those of the others."""


@dataclass(frozen=True, slots=True)
class AlertLimit:
    """A limit as it holds; None switches the alert off. `group_kind`, `group_id`: of which group, "" for the project.

    `set_by`, `set_at`, `reason`: None and "" for a default.
    """

    key: str
    value: float | None
    least_n: int
    set_by: str | None = None
    group_kind: str = ""
    group_id: str = ""
    set_at: datetime | None = None
    reason: str = ""


def name_of(key: str, group_kind: str = "", group_id: str = "") -> str:
    """A figure with its group in one word.

    >>> name_of("label_alpha", "label", "cat"), name_of("drift_agreement"), name_of("accuracy_on_gold", "annotators")
    ('label_alpha@label:cat', 'drift_agreement', 'accuracy_on_gold@annotators')
    """
    if group_kind == CROWD:
        return f"{key}@{CROWD}"
    return f"{key}@{group_kind}:{group_id}" if group_kind else key


def parts_of(name: str) -> tuple[str, str, str]:
    """Key, kind of group and group of such a word; the last two are "" where it names no group.

    >>> parts_of("label_alpha@label:cat")
    ('label_alpha', 'label', 'cat')
    """
    key, _, group = name.partition("@")
    kind, _, group_id = group.partition(":")
    return key, kind, group_id


def limits(store: Store | Reader, project_id: str, *, as_of: int | None = None) -> tuple[AlertLimit, ...]:
    """The limits of a project: those of drift, the default where nobody set one, then every other that somebody set and that is on.

    How far labels moved has one figure for categories and another for sets: the one that the project's labels have.
    """
    kept = _kept(store, project_id, as_of)
    never, own = never_measured(store, project_id, as_of=as_of), {row.key for row in DRIFT}
    return (
        *(
            kept.get(row.key, AlertLimit(row.key, row.default, row.least_n))
            for row in DRIFT
            if row.key != never
        ),
        *(limit for name, limit in sorted(kept.items()) if name not in own and limit.value is not None),
    )


def never_measured(store: Store | Reader, project_id: str, *, as_of: int | None = None) -> str:
    """Which of MIX and CHOICES this project's labels do not have."""
    label_set = label_sets.current_label_set(store, project_id, as_of=as_of)
    return MIX if label_set is not None and label_set.is_sets else CHOICES


def _kept(store: Store | Reader, project_id: str, as_of: int | None) -> dict[str, AlertLimit]:
    """What somebody set, by name."""
    found = {}
    for row in store.read("release_settings", project_id=project_id, as_of=as_of).iter_rows(named=True):
        if not row["key"].startswith(LIMIT):
            continue
        key, kind, group_id = parts_of(row["key"].removeprefix(LIMIT))
        kept: Mapping[str, Any] = json.loads(row["value"])
        found[name_of(key, kind, group_id)] = AlertLimit(
            key, kept["limit"], int(kept["least_n"]), row["set_by"], kind, group_id, row["set_at"], kept.get("reason", "")
        )  # fmt: skip
    return found


def set_limit(
    store: Store, *, project_id: str, by: Person, key: str, limit: float | None, reason: str, least_n: int | None = None,
    group: str = "", request_id: str | None = None,
) -> tuple[AlertLimit, ...]:  # fmt: skip
    """Set the limit of one figure by an event that says why; None switches its alert off.

    Args:
        store: the store.
        project_id: whose figure.
        by: who sets it.
        key: the figure, one of `alert_figures.WATCHED`.
        limit: what its near end has to be beyond.
        reason: why.
        least_n: the fewest that the figure may rest on; by default its own, and never less.
        group: KIND:ID of the group where the figure has groups, such as "label:cat", as `touchstone score --json` names it;
            "annotators" for all annotators at once.
        request_id: of the caller.

    Raises:
        NotAllowed: the person may not change settings.
        BadRequest: an unknown figure or group, one that this project's labels do not have, a limit outside the figure's range, an n
            under its own, or no reason.
    """
    require(by, "setting.change")
    row = watched(key)
    if key == never_measured(store, project_id):
        instead = CHOICES if key == MIX else MIX
        raise BadRequest(
            f"{key} is not measured of this project's labels; {instead} says how far they moved."
        )
    kind, _, group_id = group.partition(":")
    _check_group(store, project_id, row, kind, group_id)
    n = row.least_n if least_n is None else least_n
    _check(row, limit, n)
    if not reason.strip():
        raise BadRequest("Changing a limit needs a reason.")
    name = name_of(key, kind, group_id)
    value = {"limit": limit, "least_n": n, "reason": reason.strip()}

    def plan(reader: Reader) -> Draft:
        before = _kept(reader, project_id, None).get(name)
        payload = {
            "rows": {"setting": [{"key": LIMIT + name, "value": json.dumps(value, ensure_ascii=False)}]},
            "before": row.default if before is None else before.value, "after": limit, "reason": reason.strip(),
        }  # fmt: skip
        return Draft("setting_changed", project_id, LIMIT + name, payload)

    request: dict[str, object] = {
        "verb": "alert.limit", "project": project_id, "key": key, "group": group, "limit": limit, "n": n, "why": reason,
    }  # fmt: skip
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    return limits(store, project_id)


def _check(row: Watched, limit: float | None, least_n: int) -> None:
    if limit is not None and row.key == SEQUENTIAL and limit != row.default:
        raise BadRequest(f"{row.key} has a limit of its own; it is on (1) or off.")
    if limit is not None and not (math.isfinite(limit) and row.lowest <= limit <= row.highest):
        between = (
            f"between {row.lowest:g} and {row.highest:g}"
            if math.isfinite(row.highest)
            else f"at {row.lowest:g} or more"
        )
        raise BadRequest(f"The limit of {row.key} lies {between}; {limit:g} does not.")
    if least_n < row.least_n:
        raise BadRequest(f"{row.key} raises no alert under n = {row.least_n}: fewer tell nothing.")


def _check_group(store: Store, project_id: str, row: Watched, kind: str, group_id: str) -> None:
    if (kind == "" and "" in row.group_kinds) or (
        kind == CROWD and CROWD in row.group_kinds and not group_id
    ):
        return
    if kind not in row.group_kinds or kind in ("", CROWD):
        named = (CROWD if one == CROWD else f"{one}:NAME" for one in row.group_kinds if one)
        wanted = " or ".join(named) or "none: it is of the whole project"
        raise BadRequest(
            f"{row.key} is of a group: name {wanted}."
            if row.group_kinds != ("",)
            else f"{row.key} has no groups."
        )
    known = groups(store, project_id, row.key, kind)
    if group_id not in known:
        shown = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        raise BadRequest(
            f"{row.key} was never measured of {kind} {group_id!r}. Measured: {shown or 'none; score the project first'}."
        )


def groups(store: Store, project_id: str, key: str, kind: str) -> tuple[str, ...]:
    """The groups of a kind that the newest run measured this figure of; of all annotators there are none, they are one."""
    run = newest_run(store, project_id, kind=DRIFT_RUN if key == FALL else FIGURE_RUN)
    if run is None:
        return ()
    found = store.read("score_measurements", project_id=project_id, run_id=run.run_id, group_kind=kind)
    return tuple(found.filter(pl.col("key") == key)["group_id"])


def measured_now(
    store: Store, project_id: str, held: Sequence[AlertLimit], *, as_of: int | None = None
) -> dict[str, Mapping[str, Any]]:
    """The newest value of each of these limits' figures, by `name_of`: group_id, value, low, high, n, unit, of all annotators the one
    nearest to the limit or furthest beyond it; no entry for one that is undefined, was not measured, or is none by itself (the
    sequential test, a gap).
    """
    tables: dict[tuple[str, str], pl.DataFrame] = {}
    found: dict[str, Mapping[str, Any]] = {}
    for limit in held:
        row = watched(limit.key)
        kind = ANNOTATOR if limit.group_kind == CROWD else limit.group_kind
        source = (_RUN_KINDS.get(row.page, FIGURE_RUN), kind)
        if source not in tables:
            run = newest_run(store, project_id, as_of=as_of, kind=source[0])
            tables[source] = (
                pl.DataFrame() if run is None else figures(store, project_id, run, group_kind=kind)
            )
        table = tables[source]
        if table.is_empty():
            continue
        own = table.filter(pl.col("key") == limit.key, pl.col("value").is_not_null())
        if limit.group_kind == CROWD:
            own = own.filter(pl.col("n") >= limit.least_n).sort(
                "value", "group_id", descending=[row.side == "low", False]
            )
        elif kind:
            own = own.filter(pl.col("group_id") == limit.group_id)
        if own.height:
            found[name_of(limit.key, limit.group_kind, limit.group_id)] = own.row(0, named=True)
    return found


def owners(store: Store | Reader, project_id: str, *, as_of: int | None = None) -> dict[str, str]:
    """Who owns an alert that opens: person ids by figure, "" for every figure without an entry of its own."""
    found = {}
    for row in store.read("release_settings", project_id=project_id, as_of=as_of).iter_rows(named=True):
        name, _, key = row["key"].partition(".")
        person = json.loads(row["value"]) if name == OWNER else None
        if person:
            found[key] = str(person)
    return found


def owners_now(reader: Store | Reader, project_id: str, keys: Collection[str]) -> dict[str, str]:
    """Who owns a new alert of each of these figures, by key: the person set, as long as they may act and handle alerts; else no entry."""
    named, able = owners(reader, project_id), may_own(reader)
    found = {key: named.get(key, named.get("")) for key in keys}
    return {key: person for key, person in found.items() if person in able}


def may_own(store: Store | Reader) -> dict[str, str]:
    """The people who may own alerts: active members who may handle them, names by id."""
    rows = store.read("member_list").filter(pl.col("active"))
    return {
        row["person_id"]: row["name"] for row in rows.iter_rows(named=True) if PERMISSIONS[HANDLES] & set(row["roles"])
    }  # fmt: skip


def set_owner(
    store: Store, *, project_id: str, by: Person, owner: str | None, reason: str, key: str = "", request_id: str | None = None
) -> dict[str, str]:  # fmt: skip
    """Set who owns alerts that open from now on, of one figure or (key "") of all; None takes it back.

    Raises:
        NotAllowed: the person may not change settings.
        BadRequest: an unknown figure; nobody of that id, or one who may not handle alerts; no reason.
    """
    require(by, "setting.change")
    if key:
        watched(key)
    if owner is not None and owner not in may_own(store):
        members.person(store, owner)  # says who there is, where nobody has this id
        raise BadRequest(
            f"{owner} may not handle alerts. Those who may: {', '.join(may_own(store)) or 'nobody'}."
        )
    if not reason.strip():
        raise BadRequest("Changing who owns alerts needs a reason.")
    setting = f"{OWNER}.{key}" if key else OWNER

    def plan(reader: Reader) -> Draft:
        payload = {
            "rows": {"setting": [{"key": setting, "value": json.dumps(owner)}]},
            "before": owners(reader, project_id).get(key), "after": owner, "reason": reason.strip(),
        }  # fmt: skip
        return Draft("setting_changed", project_id, setting, payload)

    request: dict[str, object] = {
        "verb": "alert.owner",
        "project": project_id,
        "key": key,
        "owner": owner,
        "why": reason,
    }
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    return owners(store, project_id)
