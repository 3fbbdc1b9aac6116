"""Opening alerts: in the plan that stores a measurement, so that an alert and the figures it speaks of are one event.

An alert opens where the near end of the interval is beyond the limit, on enough n, while none of the same figure and group is open,
and not where one was closed by somebody who had seen these data. An undefined figure raises none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from dashboard.workflows import alert_crowd
from dashboard.workflows.alert_figures import CHOICES, CROWD, MIX, SEQUENTIAL, Watched, title, told, watched
from dashboard.workflows.alert_limits import AlertLimit, limits, owners_now
from dashboard.workflows.monitor import MEASUREMENT
from data.database import Reader
from data.identifiers import uuid7

CLOSED, OWNED = "closed", "owned"
CHANCE = 0.01
"""As rare as a distance has to be where nothing changed, to raise an alert; as `drift_words.LEVEL`, where it is said to be seen."""


Rows = dict[str, list[dict[str, object]]]
Known = Mapping[tuple[str, str, str], Sequence[Mapping[str, Any]]]
"""The alerts that there were, by figure, kind of group and group."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run as alerts see it: its id, up to which event it saw, and when it is stored."""

    run_id: str
    saw: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """What is said behind a figure that is beyond its limit, and whom that names."""

    words: str
    annotators: tuple[str, ...] = ()


def to_open(
    reader: Reader, project_id: str, run: Measured, figures: pl.DataFrame, *, sentences: Mapping[str, str] | None = None,
    causes: Mapping[str, Cause] | None = None,
) -> Rows:  # fmt: skip
    """The rows of `alert` and `alert_status` that a measurement opens; no table where there is none.

    Args:
        reader: of the store as it is.
        project_id: whose figures.
        run: that measured them.
        figures: MEASUREMENT.
        sentences: what an alert says, by group id or (of the project) by key; else the figure, its interval and the limit.
        causes: what is said behind that, by key.
    """
    alerts: list[dict[str, object]] = []
    held = [limit for limit in limits(reader, project_id) if limit.value is not None]
    own = figures.filter(pl.col("key").is_in([limit.key for limit in held]), pl.col("value").is_not_null())
    if own.is_empty():
        return {}
    known, owners = _known(reader, project_id), owners_now(reader, project_id, {limit.key for limit in held})
    facts = reader.read("alert_data", project_id=project_id, as_of=run.saw).row(0, named=True)
    for limit in held:
        row_of = watched(limit.key)
        data_seq = max(facts[kind] for kind in row_of.rests_on)
        for row in _of_limit(own, limit).iter_rows(named=True):
            if row["n"] < limit.least_n or not _beyond(row, row_of, limit) or _holding(known, row, data_seq):
                continue
            said = (sentences or {}).get(row["group_id"] or row["key"]) or _sentence(row, row_of, limit)
            cause = (causes or {}).get(limit.key)
            said += f"; {cause.words}" if cause else ""
            names = json.dumps(cause.annotators, ensure_ascii=False) if cause and cause.annotators else None
            alerts.append(
                {
                    **_alert(run, row, row_of, limit),
                    "sentence": said,
                    "data_seq": data_seq,
                    "annotators": names,
                }
            )
        if limit.group_kind == CROWD:
            alerts += _of_crowd(own, run, limit, known, data_seq)
    taken = [
        {"alert_id": alert["alert_id"], "status": OWNED, "owner": owners[key], "reason": None, "code": None}
        for alert in alerts if (key := str(alert["key"])) in owners
    ]  # fmt: skip
    found: Rows = {"alert": alerts, "alert_status": taken}
    return {table: rows for table, rows in found.items() if rows}


def of_drift(
    reader: Reader, project_id: str, run: Measured, figures: pl.DataFrame, alarm: Mapping[str, Any] | None, *, sentence: str,
    causes: Mapping[str, Cause] | None = None,
) -> Rows:  # fmt: skip
    """As `to_open`, of a measurement of drift; `alarm`: what the sequential test raised (value, limit, n, sentence); `sentence`: what the
    measurement says of the label mix; `causes`: as there.

    A distance between two samples is over 0 where nothing changed, so one that chance makes as often as once in 100 (`p_value` in
    its detail) raises no alert, however far it is beyond its limit.
    """
    p_values = figures["detail"].str.json_path_match("$.p_value").cast(pl.Float64, strict=False)
    figures = figures.filter((p_values < CHANCE).fill_null(True))
    sentences = {MIX: sentence, CHOICES: sentence}
    if alarm is not None:
        raised: dict[str, object] = dict.fromkeys(MEASUREMENT) | {
            "key": SEQUENTIAL, "group_kind": "", "group_id": "", "unit": "", "value": alarm["value"], "low": alarm["limit"],
            "n": alarm["n"],
        }  # fmt: skip
        figures = pl.concat([figures, pl.DataFrame([raised], schema=MEASUREMENT)])
        sentences[SEQUENTIAL] = str(alarm["sentence"])
    return to_open(reader, project_id, run, figures, sentences=sentences, causes=causes)


def _of_limit(figures: pl.DataFrame, limit: AlertLimit) -> pl.DataFrame:
    """The rows that a limit is about: of its group, or of every group where the figure is watched in all of them."""
    own = figures.filter(pl.col("key") == limit.key)
    if not limit.group_kind:
        return own
    # of all annotators at once nothing has a row of its own: `_of_crowd`
    return own.filter(pl.col("group_kind") == limit.group_kind, pl.col("group_id") == limit.group_id)


def _beyond(row: Mapping[str, Any], figure: Watched, limit: AlertLimit) -> bool:
    if figure.side == "value":
        return True
    end = row[figure.side]
    if end is None or limit.value is None:
        return False
    return bool(end > limit.value if figure.side == "low" else end < limit.value)


def _known(reader: Reader, project_id: str) -> Known:
    """The alerts that there were, by figure and group."""
    found = reader.read("alert_list", project_id=project_id)
    rows: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in found.iter_rows(named=True):
        rows.setdefault((row["key"], row["group_kind"], row["group_id"]), []).append(row)
    return rows


def _holding(known: Known, row: Mapping[str, Any], data_seq: int) -> list[Mapping[str, Any]]:
    """The alerts of this figure and group that wait, or that were closed by who had seen all the data that there are (`data_seq`)."""
    alerts = known.get((row["key"], row["group_kind"], row["group_id"]), ())
    return [alert for alert in alerts if alert["status"] != CLOSED or alert["saw_seq"] >= data_seq]


def _of_crowd(
    figures: pl.DataFrame, run: Measured, limit: AlertLimit, known: Known, data_seq: int
) -> list[dict[str, object]]:  # fmt: skip
    """One alert that names the annotators who are surely beyond the limit and whom none names yet; none where there is nobody new."""
    row_of = watched(limit.key)
    crowd = alert_crowd.beyond(figures, limit, row_of)
    row: dict[str, Any] = {"key": limit.key, "group_kind": CROWD, "group_id": "", "unit": row_of.unit}
    new = alert_crowd.newly(crowd, alert_crowd.known_in(_holding(known, row, data_seq)))
    if not new.named:
        return []
    worst = new.named[0]
    row |= {"value": worst.value, "low": worst.low, "high": worst.high, "n": worst.n}
    said = alert_crowd.sentence(new, len(crowd.named) - len(new.named), limit, row_of)
    names = json.dumps([one.annotator_id for one in new.named], ensure_ascii=False)
    return [{**_alert(run, row, row_of, limit), "sentence": said, "data_seq": data_seq, "annotators": names}]


def _alert(run: Measured, row: Mapping[str, Any], figure: Watched, limit: AlertLimit) -> dict[str, object]:
    sequential = figure.side == "value"
    return {
        "alert_id": uuid7(run.now), "run_id": run.run_id, "key": row["key"], "group_kind": row["group_kind"],
        "group_id": row["group_id"], "unit": figure.unit or row["unit"], "side": figure.side, "value": row["value"],
        "low": None if sequential else row["low"], "high": row["high"], "n": row["n"],
        "limit_value": row["low"] if sequential else limit.value,
    }  # fmt: skip


def _sentence(row: Mapping[str, Any], figure: Watched, limit: AlertLimit) -> str:
    """The figure with its interval, and on which side of the limit that lies.

    Where low and high are the value itself (all that there is was counted) there is no interval to say.
    """
    unit = figure.unit or str(row["unit"])
    assert limit.value is not None  # only a limit that holds gets here
    ends = (
        ""
        if row["low"] is None or row["low"] == row["high"]
        else f" ({told(row['low'], unit).partition(' ')[0]} to {told(row['high'], unit)})"
    )
    beyond = "over" if figure.side == "low" else "under"
    what = title(row["key"], row["group_kind"], row["group_id"])
    return f"{what} is {told(row['value'], unit)}{ends}, {beyond} the limit of {told(limit.value, unit)}"
