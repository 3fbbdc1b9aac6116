"""What money bought and will buy: error on gold by votes, what the last vote's errors cost, and when the queue will be empty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date

import numpy as np
import polars as pl

from analytics.cost_effect import money_per_error
from analytics.pay import MICROS
from analytics.queue_forecast import Forecast, forecast, queue_cost
from analytics.results import Estimate
from analytics.vote_policies import votes_frontier
from dashboard.workflows import moments
from dashboard.workflows.cost_predictions import parts_of
from dashboard.workflows.cost_rework import REWORK
from dashboard.workflows.cost_words import with_ends
from dashboard.workflows.cost_work import PaidWork, known_pay, price_of
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.opening import Store

MOST_VOTES = 10
"""Votes an item up to which the error is followed."""

LEAST_SHARE = 0.8
"""The error is followed to as many votes as this share of the gold items has."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What money bought and will buy.

    `frontier`: n_votes, cost (main units an item), error, low, high: measured on gold, on items set aside. `frontier_undefined`:
    why there is none. `last_vote`: what an error cost that the last of these votes removed. `queue`: when the flags that wait will
    be settled; `n_waiting` of them; `queue_cost`: what that will cost, from what settling one cost so far. `pace`: day and n, the
    annotations of each day. `today`: the day that is looked ahead from.
    """

    currency: str | None
    frontier: pl.DataFrame
    frontier_undefined: str | None
    last_vote: Estimate
    queue: Forecast
    n_waiting: int
    queue_cost: Estimate
    pace: pl.DataFrame
    today: date


def of_work(store: Store, project_id: str, seen: PaidWork, *, as_of: int | None = None) -> Outlook:
    """What votes did to the error so far, and when what waits is done; the caller has checked who may see it.

    Args:
        store: where the work stands.
        project_id: whose.
        seen: the work and its pay.
        as_of: an event; then what was ahead of it.
    """
    frontier, why, last = _frontier(store, project_id, seen, as_of)
    days = store.read("cost_days", project_id=project_id, as_of=as_of)
    today = _today(store, as_of)
    settled, waiting = _queue(store, project_id, days, today, as_of)
    closed = store.read("cost_closed", project_id=project_id, as_of=as_of)
    pace = days.select("day", n="n_votes")
    return Outlook(
        seen.currency, frontier, why, last, settled, waiting, _queue_cost(seen, closed, waiting), pace, today
    )


def queue(store: Store, project_id: str, *, as_of: int | None = None) -> Forecast:
    """When no flag will wait any more; the caller has checked who may see it."""
    days = store.read("cost_days", project_id=project_id, as_of=as_of)
    return _queue(store, project_id, days, _today(store, as_of), as_of)[0]


def votes_by(seen: Outlook, n_votes: int) -> Forecast:
    """When so many votes would be in, at the pace of all annotations."""
    return forecast(seen.pace, left=n_votes, today=seen.today)


def queue_words(seen: Outlook) -> str:
    """When the queue will be empty and at what cost, in a sentence."""
    if seen.n_waiting == 0:
        return "No flag waits for anybody"
    flags = "1 flag waits" if seen.n_waiting == 1 else f"{seen.n_waiting:,} flags wait"
    if seen.queue.done_on is None or seen.queue.earliest is None or seen.queue.latest is None:
        when = f"{flags}; when they will be settled cannot be told: {seen.queue.days.undefined}"
    else:
        middle, first, last = (
            f"{one:%d %b %Y}" for one in (seen.queue.done_on, seen.queue.earliest, seen.queue.latest)
        )
        when = f"{flags}; at the pace of the last {seen.queue.n_weeks} weeks they are settled by {middle} ({first} to {last})"
    if seen.queue_cost.value is None:
        return f"{when}. What that costs cannot be told: {seen.queue_cost.undefined}"
    return f"{when}. At what settling a flag cost so far it takes {queue_money(seen)}"


def queue_money(seen: Outlook) -> str:
    """What settling the queue costs, with its interval: "4.20 EUR (3.10 to 5.30)"."""
    return "" if seen.queue_cost.value is None else with_ends(seen.queue_cost)


def _queue(
    store: Store, project_id: str, days: pl.DataFrame, today: date, as_of: int | None
) -> tuple[Forecast, int]:
    """When what waits is settled, and how many flags wait."""
    waiting = int(
        store.read("overview_work", project_id=project_id, as_of=as_of)
        .select(pl.sum_horizontal("open", "second", "adjudicate"))
        .item()
    )
    return forecast(days.select("day", n="n_closed"), left=waiting, today=today), waiting


def _today(store: Store, as_of: int | None) -> date:
    """The day (UTC) that is looked ahead from: that of the event whose past is looked at, today where that is the newest."""
    now = store.clock() if as_of is None or as_of >= store.head else moments.moment(store, as_of).recorded_at
    return now.astimezone(UTC).date()


def _queue_cost(seen: PaidWork, closed: pl.DataFrame, waiting: int) -> Estimate:
    """What settling what waits costs, at what settling each cost so far: the work on its item that first labels did not take."""
    unit = seen.currency or "money"
    if closed.is_empty():
        return Estimate.none("no flag was settled yet", unit=unit, n_unit="settled flags")
    again = seen.work.filter(pl.col("work").is_in(REWORK))
    paid = known_pay(seen, again)
    in_part = again.join(paid, on="entry", how="anti").select("item_code")
    of_items = (
        paid.join(in_part, on="item_code", how="anti").group_by("item_code").agg(cost=pl.col("amount").sum())
    )
    known = closed.join(of_items, on="item_code", how="inner")
    if known.is_empty():
        return Estimate.none(
            "nobody knows what settling one costs",
            int(closed["n_closed"].sum()),
            unit=unit,
            n_unit="settled flags",
        )
    counts = known["n_closed"].to_numpy()
    each = np.repeat(known["cost"].to_numpy() / counts, counts)
    return replace(queue_cost(each, left=waiting, currency=unit), n_unit="settled flags")


def _frontier(
    store: Store, project_id: str, seen: PaidWork, as_of: int | None
) -> tuple[pl.DataFrame, str | None, Estimate]:
    """The measured frontier, why there is none, and what an error removed by its last vote cost."""
    label_set = require_label_set(store, project_id, as_of=as_of)
    price, unit = price_of(seen, "labelling"), seen.currency or "money"
    empty = pl.DataFrame(
        schema={
            "n_votes": pl.Int64,
            "cost": pl.Float64,
            "error": pl.Float64,
            "low": pl.Float64,
            "high": pl.Float64,
        }
    )
    if not price:
        why = "nobody knows what an annotation costs" if price is None else "an annotation costs nothing"
        return empty, why, Estimate.none(why, unit=unit)
    votes = store.read("score_votes", project_id=project_id, as_of=as_of)
    gold = store.read("score_gold", project_id=project_id, as_of=as_of)
    counts = (
        votes.join(gold.select("item_code"), on="item_code", how="semi")
        .group_by("item_code")
        .len()["len"]
        .sort()
    )
    most = int(counts[int((1 - LEAST_SHARE) * (len(counts) - 1))]) if len(counts) else 0
    if most < 2:
        why = (
            "too few items have both gold and votes"
            if not len(counts)
            else "items with gold have fewer than 2 votes"
        )
        return empty, why, Estimate.none(why, unit=unit)
    members = parts_of(label_set) if label_set.is_sets else None
    found = votes_frontier(
        votes, gold, n_labels=label_set.n_labels, members=members, most=min(most, MOST_VOTES)
    )
    if found.undefined is not None:
        return empty, found.undefined, Estimate.none(found.undefined, unit=unit)
    each = price / MICROS
    table = found.table.select("n_votes", "error", "low", "high", cost=pl.col("n_votes") * each)
    spent = np.full(len(found.errors), each)
    last = money_per_error(spent, found.errors[:, -2], found.errors[:, -1], currency=unit)
    return table.select("n_votes", "cost", "error", "low", "high"), None, last
