"""A moment or a release turned into a sequence number, which is how every page looks back in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store


@dataclass(frozen=True, slots=True)
class Moment:
    """The store as it was after one event."""

    seq: int
    recorded_at: datetime


def moment(store: Store, seq: int) -> Moment:
    """The moment after event `seq`.

    Raises:
        BadRequest: the store has no such event.
    """
    rows = store.read("moment_of", seq=seq)
    if rows.is_empty():
        raise BadRequest(f"There is no event {seq} in this store; it has the events 1 to {store.head}.")
    return Moment(seq, rows["recorded_at"][0])


def end_of_day(store: Store, day: date) -> Moment:
    """The last event recorded on or before `day` (UTC).

    Raises:
        BadRequest: nothing had been recorded by then.
    """
    seq = store.seq_at(datetime.combine(day, time(), UTC) + timedelta(days=1) - timedelta(microseconds=1))
    if seq == 0:
        raise BadRequest(f"Nothing had been recorded by the end of {day:%d %b %Y}.")
    return moment(store, seq)


def releases(store: Store, project_id: str) -> pl.DataFrame:
    """Columns version, seq (the last event the release saw), proposed_at; newest first."""
    return store.read("moment_releases", project_id=project_id)
