"""Money for an error removed between two releases, by gold that came after both: an audit that nobody could work towards.

Gold that is known before labels are mended tells nothing of the mending: a flag says that gold disagrees, and those labels are
mended first. Gold that came after a release was frozen is an audit of it, as far as its items were chosen without looking at its
labels; that is for whoever imports it to see to.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from analytics.cost_effect import FEWEST_ITEMS, GREW, NO_EFFECT, money_per_error
from analytics.pay import MICROS, QUANTA
from analytics.results import Estimate
from dashboard.workflows.cost_words import money
from dashboard.workflows.cost_work import PaidWork
from dashboard.workflows.opening import Store

NEEDED = (
    f"it takes two releases, and gold that came after both for {FEWEST_ITEMS} items that both hold; gold that was known before is "
    "mended first and tells nothing"
)


@dataclass(frozen=True, slots=True)
class Audit:
    """What the work between two releases did to the error on the audited items, and what an error removed cost.

    `before`, `after`: versions of the releases; None where no two can be compared. `error_before`, `error_after`: shares of the audited
    items. `money`: main units for an error removed; undefined with the reason.
    """

    before: int | None
    after: int | None
    error_before: float | None
    error_after: float | None
    money: Estimate
    sentence: str


def audit(store: Store, project_id: str, seen: PaidWork, *, as_of: int | None = None) -> Audit:
    """By the newest two releases after which enough gold came; the caller has checked who may see costs."""
    unit = seen.currency or "money"
    releases = store.read("release_list", project_id=project_id, as_of=as_of).sort("version", descending=True)
    gold = store.read("cost_gold", project_id=project_id, as_of=as_of)
    rows = releases.select("version", "release_id", "saw_seq").rows()
    for (after, after_id, frozen), (before, before_id, begun) in pairwise(rows):
        late = gold.filter(pl.col("since") > frozen).drop("since")
        if late.height < FEWEST_ITEMS:
            continue
        judged = _errors(store, late, before_id, after_id)
        if judged.height < FEWEST_ITEMS:
            continue
        spent = _spent(seen, begun, frozen)
        each = judged.join(spent, on="item_code", how="left", maintain_order="left").fill_null(0.0)
        found = money_per_error(
            each["cost"].to_numpy(), each["before"].to_numpy(), each["after"].to_numpy(), currency=unit
        )
        return _told(before, after, each, found)
    reason = f"no two releases can be compared: {NEEDED}"
    return Audit(
        None, None, None, None, Estimate.none(reason, unit=unit, n_unit="audited items"),
        f"What an error removed between releases cost cannot be told: {reason}",
    )  # fmt: skip


def _errors(store: Store, gold: pl.DataFrame, before_id: str, after_id: str) -> pl.DataFrame:
    """item_code, before, after: 1.0 where the release's label is not the gold one, for the items that both hold."""
    then, now = (
        store.read("release_items", release_id=one).select("item_code", "label_code")
        for one in (before_id, after_id)
    )
    both = (
        gold.drop_nulls("label_code")
        .join(then.rename({"label_code": "then"}), on="item_code", how="inner")
        .join(now.rename({"label_code": "now"}), on="item_code", how="inner")
    )
    wrong = [
        (pl.col(one) != pl.col("label_code")).fill_null(True).cast(pl.Float64).alias(name)
        for one, name in (("then", "before"), ("now", "after"))
    ]
    return both.select("item_code", *wrong).sort("item_code")


def _spent(seen: PaidWork, begun: int, frozen: int) -> pl.DataFrame:
    """item_code, cost (main units): the pay that is known for the work between the two releases, whoever did it."""
    between = seen.work.filter(
        pl.col("seq") > begun, pl.col("seq") <= frozen, pl.col("item_code").is_not_null()
    )
    own = seen.paid.filter(pl.col("into") == (seen.currency or "")).join(
        between.select("entry", "item_code"), on="entry", how="inner"
    )
    quanta = pl.col("active_quanta").cast(pl.Float64) + pl.col("idle_quanta").cast(pl.Float64)
    cost = (quanta * pl.col("rate_micros") / (float(QUANTA) * MICROS)).fill_null(0.0)
    return own.group_by("item_code").agg(cost=cost.sum())


def _told(before: int, after: int, each: pl.DataFrame, found: Estimate) -> Audit:
    was, now = (float(each[name].to_numpy().mean()) for name in ("before", "after"))
    change = f"from release {before} to release {after} the error on {each.height:,} audited items went from {was:.1%} to {now:.1%}"
    if found.value is None:
        why = {NO_EFFECT: "which is no measurable effect", GREW: "so it grew"}.get(
            found.undefined or "", found.undefined
        )
        said = f"{change[:1].upper()}{change[1:]}, {why}"
    else:
        ends = (
            ""
            if found.low is None or found.high is None
            else f" ({money(found.low, '').strip()} to {money(found.high, found.unit)})"
        )
        said = f"An error removed between releases cost {money(found.value, found.unit)}{ends}: {change}"
    return Audit(before, after, was, now, found, said)
