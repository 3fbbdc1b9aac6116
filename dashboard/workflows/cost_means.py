"""What an annotation, an item and a right label cost: pay over what there is of each."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from analytics.annotators import consensus_accuracy
from analytics.cost_ledger import IDLE, Ledger, exact_sum
from analytics.results import Estimate
from dashboard.workflows import monitor
from dashboard.workflows.cost_rework import REWORK
from dashboard.workflows.cost_work import PaidWork, wholly_known
from dashboard.workflows.opening import Store

FEWEST_GOLD = 20
"""With fewer gold items nothing is said of what a right label costs."""


@dataclass(frozen=True, slots=True)
class CostFigures:
    """What things cost, in main units of `currency`. Means over all that there is have no interval; a right label has that of gold.

    `rework_share`, `idle_share`: of the pay that is known. `is_partial`: there is pay in a currency apart, or more than LITTLE of the
    work has no known pay, so that an item and a label cost at least so much.
    """

    currency: str
    total: Fraction
    per_annotation: Estimate
    per_item: Estimate
    per_accepted: Estimate
    per_right: Estimate
    rework_share: Estimate
    idle_share: Estimate
    is_partial: bool = False


def right_share(store: Store, project_id: str, as_of: int | None) -> Estimate:
    """How often the newest consensus is right on gold; nobody who votes knows which items are gold."""
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        return Estimate.none("nothing was scored yet")
    items = store.read("score_consensus", project_id=project_id, run_id=run.run_id)
    gold = store.read("score_gold", project_id=project_id, as_of=as_of)
    found = consensus_accuracy(items, gold)
    if found.value is not None and found.n < FEWEST_GOLD:
        return Estimate.none(
            f"only {found.n} items with a label have gold; {FEWEST_GOLD} are needed", found.n
        )
    return found


def cost_figures(
    own: Ledger, seen: PaidWork, accepted: int, right: Estimate, is_partial: bool
) -> CostFigures:
    """The means.

    Args:
        own: the ledger in the main currency, however it is grouped.
        seen: the work and its pay.
        accepted: labels that stand.
        right: the share of labels that is right on gold.
        is_partial: whether pay is missing.
    """
    currency, total = own.currency, own.exact
    amounts = {row["group"]: row for row in own.table.iter_rows(named=True)}
    labelled = seen.work.filter(pl.col("work").is_in(["labelling", "repeat"]))
    first = wholly_known(seen, labelled)
    touched = seen.work.join(seen.paid.filter(pl.col("into") == currency), on="entry", how="semi")
    n_items = touched["item_code"].drop_nulls().n_unique()
    again = seen.work.filter(pl.col("work").is_in(REWORK)).select("entry")
    rework = exact_sum(seen.paid.filter(pl.col("into") == currency).join(again, on="entry", how="semi"))
    idle = Fraction(amounts[IDLE]["amount"] or 0, 10**own.digits) if IDLE in amounts else Fraction(0)
    return CostFigures(
        currency,
        total,
        _mean(exact_sum(first), first["entry"].n_unique(), currency, "annotations"),
        _mean(total, n_items, currency, "items"),
        _mean(total, accepted, currency, "labels that stand"),
        _per_right(total, accepted, right, currency),
        _share(rework, total),
        _share(idle, total),
        is_partial,
    )


def _mean(amount: Fraction, n: int, unit: str, n_unit: str) -> Estimate:
    if n == 0:
        return Estimate.none(f"there are no {n_unit}", unit=unit, n_unit=n_unit)
    return Estimate(float(amount / n), None, None, n, unit=unit, n_unit=n_unit)


def _share(part: Fraction, total: Fraction) -> Estimate:
    if total == 0:
        return Estimate.none("nothing was paid", n_unit="of the pay")
    return Estimate(float(part / total), None, None, 1, n_unit="of the pay")


def _per_right(total: Fraction, accepted: int, right: Estimate, unit: str) -> Estimate:
    """The pay over the labels that stand and are right; the interval is that of the share that is right on gold."""
    if right.value is None or right.low is None or right.high is None:
        return Estimate.none(
            right.undefined or "nobody knows how many are right", right.n, unit=unit, n_unit="gold items"
        )
    if not accepted or not right.low > 0:
        return Estimate.none(
            "no label stands that is known to be right", right.n, unit=unit, n_unit="gold items"
        )
    spent = float(total / accepted)
    return Estimate(
        spent / right.value, spent / right.high, spent / right.low, right.n, unit=unit, n_unit="gold items"
    )
