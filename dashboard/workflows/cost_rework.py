"""What doing it again and looking it over cost: labels that were not kept, relabels, reviews, adjudications, signatures."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from analytics.cost_ledger import Ledger, ledgers
from dashboard.workflows.cost_words import money
from dashboard.workflows.cost_work import PaidWork

REWORK = ("relabel", "review", "adjudication", "passed on")
"""Work that would not be there had the first labels been right and beyond doubt."""

NOT_KEPT = "label not kept"
RELEASE_REVIEW = "release review"
ROWS = (NOT_KEPT, *REWORK, RELEASE_REVIEW)


@dataclass(frozen=True, slots=True)
class Rework:
    """What was paid for doing work again and for looking it over, in one currency.

    `ledger`: by ROWS, adding up to all of that pay that is known; None where there is no such work, or nothing of it is paid.
    `counts`: one row of ROWS each: work, n, n_untimed (pieces whose time nobody recorded), active_ms, idle_ms.
    """

    ledger: Ledger | None
    counts: pl.DataFrame
    sentence: str


def rework(seen: PaidWork, items: pl.DataFrame, currency: str) -> Rework:
    """The rework ledger.

    Args:
        seen: the work and its pay.
        items: item_code, label_code (today's), is_waiting.
        currency: the pay in other currencies is left out.
    """
    today = items.select("item_code", today="label_code")
    first = pl.col("work").is_in(["labelling", "repeat"])
    lost = first & pl.col("label_code").is_not_null() & (pl.col("label_code") != pl.col("today"))
    named = (
        seen.work.join(today, on="item_code", how="left", maintain_order="left")
        .with_columns(group=pl.when(lost).then(pl.lit(NOT_KEPT)).otherwise("work"))
        .filter(pl.col("group").is_in(ROWS))
    )
    own = seen.paid.filter(pl.col("into") == currency)
    (ledger,) = ledgers(named, own, by="group", order=ROWS) or (None,)
    counted = named.group_by("group").agg(
        n=pl.len().cast(pl.Int64),
        n_untimed=pl.col("active_ms").null_count().cast(pl.Int64),
        active_ms=pl.col("active_ms").sum(),
        idle_ms=pl.col("idle_ms").sum(),
    )
    counts = (
        pl.DataFrame({"work": ROWS})
        .join(counted, left_on="work", right_on="group", how="left", maintain_order="left")
        .fill_null(0)
    )
    return Rework(ledger, counts, _sentence(ledger, counts))


def _sentence(ledger: Ledger | None, counts: pl.DataFrame) -> str:
    n, untimed = int(counts["n"].sum()), int(counts["n_untimed"].sum())
    if n == 0:
        return "Nothing was done again or looked over so far"
    pieces = "1 piece of work" if n == 1 else f"{n:,} pieces of work"
    lacking = f"; nobody recorded the time of {untimed:,}" if untimed else ""
    if ledger is None or not any(amount is not None for amount in ledger.table["amount"]):
        return f"{pieces} went into doing it again or looking it over, whose pay is not known{lacking}"
    spent = money(Fraction(ledger.total, 10**ledger.digits), ledger.currency, ledger.digits)
    return f"{spent} went into labels that were not kept, into doing it again and into looking it over, in {pieces}{lacking}"
