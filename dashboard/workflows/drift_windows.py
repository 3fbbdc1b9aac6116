"""Which annotations are compared with which: a window of days or of a count, against a reference period or a release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import polars as pl

from dashboard.workflows.drift_label_sets import LabelSets, label_sets
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store

_DAYS = re.compile(r"^(\d{1,4})d$")
_DATES = re.compile(r"^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$")
_RELEASE = re.compile(r"^release:(\d+)$")
_COUNT = re.compile(r"^\d{1,9}$")


@dataclass(frozen=True, slots=True)
class Windows:
    """`rows`: the annotations of both, `window` 0 or 1, those of the reference first; `reference` and `window` in words; how many
    have no time and are left out; the project's label sets, to which `set_code` in rows points.
    """

    rows: pl.DataFrame
    reference: str
    window: str
    untimed: int
    sets: LabelSets


def windows(store: Store, project_id: str, *, reference: str, window: str, as_of: int) -> Windows:
    """Read and split the independent annotations of a project.

    Args:
        store: the store.
        project_id: the project.
        reference: "90d" (days before the window), "release:3" (what that release saw), "2026-01-01..2026-02-01" (both days in).
        window: "7d" (the last days that have annotations), two dates, or a number of annotations (the newest ones).
        as_of: a seq.

    Raises:
        BadRequest: a form that is neither, or a release that is not there.
    """
    sets = label_sets(store, project_id, as_of=as_of)
    votes = store.read("drift_votes", project_id=project_id, as_of=as_of)
    votes = votes.with_columns(sets.codes(votes["seq"]))
    timed = votes.drop_nulls("at") if votes["at"].null_count() else votes
    untimed = votes.height - timed.height
    if timed.is_empty():
        return Windows(timed.with_columns(window=pl.lit(0, dtype=pl.Int64)), reference, window, untimed, sets)
    newest = cast("datetime", timed["at"].max())
    if _COUNT.match(window):
        n = min(int(window), timed.height)
        timed = timed.sort("at", "order")
        place = pl.int_range(pl.len())
        inside, start = place >= timed.height - n, timed["at"][timed.height - n]
        told = f"the newest {n:,} annotations"
    else:
        start, end = _span(window, newest)
        inside = pl.col("at").is_between(start, end, closed="left")
        told = _words(start, end)
    before, said = _reference(store, project_id, reference, start, as_of)
    marks = timed.select(inside=inside, before=before)
    kept = timed.drop("order", "seq")
    parts = [
        kept.filter(which).with_columns(window=pl.lit(w, dtype=pl.Int64))
        for w, which in ((0, marks["before"] & ~marks["inside"]), (1, marks["inside"]))
    ]
    return Windows(pl.concat(parts), said, told, untimed, sets)


def halves(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The reference's rows and the window's, without a copy."""
    n_before = rows.height - int(rows["window"].sum())
    return rows.head(n_before), rows.slice(n_before)


def _span(text: str, newest: datetime) -> tuple[datetime, datetime]:
    """The moments from (in) and until (out) of days that end with the newest annotation's, or of two dates."""
    if found := _DAYS.match(text):
        end = newest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return end - timedelta(days=max(int(found[1]), 1)), end
    return _dates(
        text, "a window is days such as 7d, a number of annotations such as 500, or two dates FROM..TO"
    )


def _dates(text: str, rule: str) -> tuple[datetime, datetime]:
    found = _DATES.match(text)
    if found is None:
        raise BadRequest(f"{text!r} is not understood: {rule}.")
    try:
        first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in found.groups())
    except ValueError as error:
        raise BadRequest(f"{text!r} is not understood: {error}.") from error
    if last < first:
        raise BadRequest(f"{text!r} ends before it begins.")
    return first, last + timedelta(days=1)


def _reference(store: Store, project_id: str, text: str, start: datetime, as_of: int) -> tuple[pl.Expr, str]:
    if found := _DAYS.match(text):
        first = start - timedelta(days=int(found[1]))
        return (pl.col("at") >= first) & (pl.col("at") < start), f"the {int(found[1])} days before"
    if found := _RELEASE.match(text):
        releases = store.read("release_list", project_id=project_id, as_of=as_of)
        chosen = releases.filter(pl.col("version") == int(found[1]))
        if chosen.is_empty():
            known = ", ".join(str(version) for version in releases["version"]) or "none"
            raise BadRequest(f"There is no release {found[1]} in {project_id}. Releases: {known}.")
        return pl.col("seq") <= int(chosen["saw_seq"][0]), f"release {found[1]}"
    first, end = _dates(text, "a reference is days such as 90d, release:N, or two dates FROM..TO")
    return (pl.col("at") >= first) & (pl.col("at") < end), _words(first, end)


def _words(start: datetime, end: datetime) -> str:
    last = end - timedelta(days=1)
    if start.date() == last.date():
        return f"{start:%d %b %Y}"
    return f"{start:%d %b} to {last:%d %b %Y}"
