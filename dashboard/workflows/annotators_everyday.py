"""Everyday questions about annotators: who did how much since yesterday, who has stopped, who is unusually fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

import polars as pl

from dashboard.workflows import annotator_evidence, moments, monitor
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

DAYS = 7
"""Who has stopped: no annotation for so many days, unless another number is asked for."""


@dataclass(frozen=True, slots=True)
class Everyday:
    """`table`: annotator_id, kind, n, n_since, last_at; one row an annotator.

    `since`: the beginning of yesterday (UTC), as of the moment looked at. `n_since`: annotations made from then on, by
    `people_since` annotators. `stopped`: their ids, the longest quiet first.
    """

    since: datetime
    n_since: int
    people_since: int
    days: int
    stopped: tuple[str, ...]
    table: pl.DataFrame


def everyday(
    store: Store, *, project_id: str, by: Person, days: int = DAYS, as_of: int | None = None
) -> Everyday:
    """Who did what lately.

    Somebody has stopped where the newest annotation of the project is more than `days` days newer than their own: while
    nobody works, nobody has stopped. Models do not stop.

    Raises:
        NotAllowed: the person may not see annotators' figures. BadRequest: `days` is under 1.
    """
    require(by, "view.annotators")
    if days < 1:
        raise BadRequest("Somebody can have stopped for 1 day or more.")
    now = store.clock() if as_of is None else moments.moment(store, as_of).recorded_at
    since = datetime.combine(now.date() - timedelta(days=1), time(), now.tzinfo)
    found = store.read("annotator_days", project_id=project_id, since=since, as_of=as_of)
    return Everyday(
        since=since,
        n_since=int(found["n_since"].sum()),
        people_since=found.filter(pl.col("n_since") > 0).height,
        days=days,
        stopped=stopped_in(found, days),
        table=found,
    )


def stopped_in(table: pl.DataFrame, days: int) -> tuple[str, ...]:
    """Whose last annotation lies more than `days` days behind the newest of all, the longest quiet first.

    Args:
        table: annotator_id, kind, last_at.
        days: 1 or more.
    """
    quiet = pl.col("last_at").max() - pl.col("last_at")
    stopped = table.filter((quiet > timedelta(days=days)) & (pl.col("kind") == "person"))
    return tuple(stopped.sort("last_at", "annotator_id")["annotator_id"])


def paces(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame | None:
    """Everybody's pace as the newest run saw it (see `annotator_evidence.paces`); None where nothing was scored yet.

    Annotators without other roles see their own row only.
    """
    require(by, "view")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        return None
    found = annotator_evidence.paces(store, project_id, seq=run.saw_seq)
    return found if by.may("view.annotators") else found.filter(pl.col("annotator_id") == by.person_id)
