"""From who labels which item in which week to annotations with times, in weekly batches.

Votes are drawn in two steps: what the item looks like at that moment (its own label, or a look-alike for an
ambiguous item), then a label from the annotator's confusion row for what was seen. Labels do not depend on
the calendar: only the times move with `now`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data.demo.project import ANNOTATIONS
from data.synthetic import Codes, Floats, draw_labels, moments

_WEEKEND_SHARE = 0.1
_IDLE_SHARE = 0.015
_DAY = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """N votes: item, annotator, week from 0, and whether it is a second answer to an item labelled before."""

    items: Codes
    annotators: Codes
    weeks: Codes
    repeated: NDArray[np.bool_]


def last_midnight(now: datetime) -> datetime:
    """Midnight UTC before `now`: all simulated work is done by then.

    Raises:
        ValueError: `now` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("now has no time zone; give a UTC moment")
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def assign(
    week_of_item: Codes, votes_of_item: Codes, workload: Floats, n_repeats: int, rng: np.random.Generator
) -> Votes:
    """Who labels what: distinct annotators for an item, more often the busier ones; repeats one week later.

    Args:
        week_of_item: (I,) the week in which an item's first votes are cast.
        votes_of_item: (I,) how many annotators an item gets.
        workload: (A,) relative amount of work of each annotator.
        n_repeats: how many votes are cast again by the same annotator; never for items of the last week.
        rng: where chance comes from.
    """
    keys = np.log(workload) + rng.gumbel(size=(len(week_of_item), len(workload)))
    ranked = np.argsort(-keys, axis=1)
    kept = np.arange(len(workload)) < votes_of_item[:, None]
    items, annotators = np.nonzero(kept)[0], ranked[kept]
    weeks = week_of_item[items]
    early = np.flatnonzero(weeks < week_of_item.max())
    again = rng.choice(early, size=n_repeats, replace=False)
    return Votes(
        items=np.concatenate([items, items[again]]),
        annotators=np.concatenate([annotators, annotators[again]]),
        weeks=np.concatenate([weeks, weeks[again] + 1]),
        repeated=np.arange(len(items) + n_repeats) >= len(items),
    )


def label(votes: Votes, looks: Floats, panels: Sequence[Floats], rng: np.random.Generator) -> Codes:
    """(N,) label codes.

    Args:
        votes: the N votes.
        looks: (I, K) chance that an item looks like each label.
        panels: one (A, K, K) array of confusion matrices a week.
        rng: where chance comes from.
    """
    rows = np.stack(list(panels))[votes.weeks, votes.annotators]
    return draw_labels(np.einsum("nk,nkl->nl", looks[votes.items], rows), rng)


def active_seconds(votes: Votes, pace: Floats, slower: Floats, rng: np.random.Generator) -> Floats:
    """(N,) log-normal, around an annotator's `pace` (A,) times an item's `slower` (I,); a few are idle."""
    seconds = pace[votes.annotators] * slower[votes.items] * np.exp(rng.normal(0.0, 0.45, len(votes.items)))
    idle = rng.random(len(seconds)) < _IDLE_SHARE
    active: Floats = np.where(idle, rng.uniform(240.0, 1500.0, len(seconds)), seconds)
    return active.round(1)


def times(
    votes: Votes, seconds: Floats, n_weeks: int, ends_at: datetime, rng: np.random.Generator
) -> pl.Series:
    """(N,) moments: each annotator works in one sitting a day, vote after vote, mostly on weekdays."""
    starts_at = ends_at - timedelta(weeks=n_weeks)
    weekdays = np.array([(starts_at + timedelta(days=day)).weekday() for day in range(7)])
    weights = np.where(weekdays < 5, 1.0, _WEEKEND_SHARE)
    days = votes.weeks * 7 + rng.choice(7, size=len(votes.items), p=weights / weights.sum())
    n_annotators = int(votes.annotators.max()) + 1
    sittings = rng.uniform(7.5 * 3600, 15.5 * 3600, (n_annotators, n_weeks * 7))
    spent = pl.DataFrame(
        {"annotator": votes.annotators, "day": days, "spent": seconds + rng.exponential(1.5, len(seconds))}
    ).select(pl.col("spent").cum_sum().over("annotator", "day"))
    since = days * _DAY + sittings[votes.annotators, days] + spent["spent"].to_numpy()
    return moments(starts_at, (since * 1e6).astype(np.int64))


def weekly_batches(votes: Votes, columns: pl.DataFrame, source: str) -> tuple[pl.DataFrame, ...]:
    """One `ANNOTATIONS` frame a week, by time.

    Args:
        votes: the N votes.
        columns: N rows with `item_id, annotator_id, label, labelled_at, active_seconds, rationale`.
        source: what the source's own annotation ids begin with.
    """
    named = (
        columns.with_columns(week=pl.Series(votes.weeks), independent=pl.Series(~votes.repeated))
        .sort("labelled_at", "annotator_id", "item_id")
        .with_columns(
            source_id=pl.format(source + "-{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(5))
        )
    )
    weekly = named.partition_by("week", maintain_order=True)
    return tuple(
        week.with_columns(row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
        .select(ANNOTATIONS.names())
        .cast(ANNOTATIONS)
        for week in weekly
    )
