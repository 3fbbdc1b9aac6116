"""Money for an error removed between two releases, by gold that came after both: an audit that nobody could work towards.

Gold that is known before labels are mended tells nothing of the mending: a flag says that gold disagrees, and those labels are
mended first. Gold that came after a release was frozen is an audit of it, as far as its items were chosen without looking at its
labels; that is for whoever imports it to see to.

Only approved releases count: what was rejected or waits for a signature never went out. Work between two approved ones is counted
whole, whatever was proposed in between. Work on an audited item whose pay nobody knows would make errors look cheap: it is said, and
where it is all there is nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from analytics.cost_effect import FEWEST_ITEMS, GREW, NO_EFFECT, money_per_error
from analytics.results import Estimate
from dashboard.workflows.cost_words import with_ends
from dashboard.workflows.cost_work import PaidWork, known_pay
from dashboard.workflows.opening import Store
from dashboard.workflows.release_record import Release, list_releases

NEEDED = (
    f"it takes two approved releases, and gold that came after both for {FEWEST_ITEMS} items that both hold; gold that was known before "
    "is mended first and tells nothing"
)
NOT_KNOWN = "nobody knows what the work between them cost"


@dataclass(frozen=True, slots=True)
class Audit:
    """What the work between two releases did to the error on the audited items, and what an error removed cost.

    `before`, `after`: versions of the approved releases; None where no two can be compared. `error_before`, `error_after`: shares of the
    audited items. `money`: main units for an error removed; undefined with the reason. `n_unpriced`: pieces of work on these items whose
    pay is not known, or is in another currency: they are not in `money`.
    """

    before: int | None
    after: int | None
    error_before: float | None
    error_after: float | None
    money: Estimate
    sentence: str
    n_unpriced: int = 0


def audit(store: Store, project_id: str, seen: PaidWork, *, as_of: int | None = None) -> Audit:
    """By the newest two approved releases after which enough gold came; the caller has checked who may see costs."""
    unit = seen.currency or "money"
    releases = list_releases(store, project_id, as_of=as_of)
    approved = [release for release in releases if release.state == "approved"]
    gold = store.read("cost_gold", project_id=project_id, as_of=as_of)
    for after, before in pairwise(approved):
        late = gold.filter(pl.col("since") > after.saw_seq).drop("since")
        if late.height < FEWEST_ITEMS:
            continue
        judged = _errors(store, late, before.release_id, after.release_id)
        if judged.height >= FEWEST_ITEMS:
            return _priced(seen, before, after, judged, unit)
    reason = f"{_so_far(approved, releases)}: {NEEDED}"
    return Audit(
        None, None, None, None, Estimate.none(reason, unit=unit, n_unit="audited items"),
        f"What an error removed between releases cost cannot be told: {reason}",
    )  # fmt: skip


def _so_far(approved: Sequence[Release], releases: Sequence[Release]) -> str:
    """Why no two can be compared, by how many there are."""
    if len(approved) >= 2:
        return "no two approved releases can be compared"
    others = len(releases) - len(approved)
    beside = f" ({others:,} more {'was' if others == 1 else 'were'} not approved)" if others else ""
    return f"{'no release is' if not approved else 'only 1 release is'} approved so far{beside}"


def _priced(seen: PaidWork, before: Release, after: Release, judged: pl.DataFrame, unit: str) -> Audit:
    between = seen.work.filter(
        pl.col("seq") > before.saw_seq, pl.col("seq") <= after.saw_seq, pl.col("item_code").is_in(judged["item_code"].implode())
    )  # fmt: skip
    paid = known_pay(seen, between)
    n_unpriced = between.height - paid.height
    each = judged.join(
        paid.group_by("item_code").agg(cost=pl.col("amount").sum()), on="item_code", how="left", maintain_order="left"
    ).fill_null(0.0)  # fmt: skip
    if n_unpriced and paid.is_empty():
        found = Estimate.none(NOT_KNOWN, each.height, unit=unit, n_unit="audited items")
    else:
        found = money_per_error(
            each["cost"].to_numpy(), each["before"].to_numpy(), each["after"].to_numpy(), currency=unit
        )
    return _told(before.version, after.version, each, found, n_unpriced)


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


def _told(before: int, after: int, each: pl.DataFrame, found: Estimate, n_unpriced: int) -> Audit:
    was, now = (float(each[name].to_numpy().mean()) for name in ("before", "after"))
    change = f"from release {before} to release {after} the error on {each.height:,} audited items went from {was:.1%} to {now:.1%}"
    if found.value is None:
        why = {NO_EFFECT: "which is no measurable effect", GREW: "so it grew"}.get(
            found.undefined or "", found.undefined
        )
        said = f"{change[:1].upper()}{change[1:]}, {why}"
    else:
        least = "at least " if n_unpriced else ""
        said = f"An error removed between releases cost {least}{with_ends(found)}: {change}"
        if n_unpriced:
            pieces = "1 piece of work" if n_unpriced == 1 else f"{n_unpriced:,} pieces of work"
            said += f"; the pay of {pieces} on them is not known and not in it"
    return Audit(before, after, was, now, found, said, n_unpriced)
