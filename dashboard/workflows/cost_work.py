"""The work of a project with its time and pay: what the ledger, the plan and the forecast are made of."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analytics import cost_ledger, pay
from analytics.idle_time import split_idle
from dashboard.workflows.cost_predictions import predictions
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rates import EXCHANGE

DAY_SECONDS = 86_400.0
"""No piece of work takes longer; a time that says so was a clock that nobody stopped."""

LATELY = 28
"""Days of newest work that the price of the next piece of it is taken from."""


@dataclass(frozen=True, slots=True)
class PaidWork:
    """Work and what it is paid.

    `work`: entry, who_id, who_code, item_code, label_code, work, at, day, active_ms, idle_ms (null: not known), counts, seq.
    Predictions are in it where a rate pays them. `paid`: as `pay.payments`, with day, into (the currency) and rate_micros.
    `rates`: those that hold. `currency`: that of most of the work, or the one asked for; None where nothing is paid.
    `apart`: currencies that no rate of exchange brings into it. `n_beyond`: pieces whose recorded time cannot be, since it is longer
    than a day or under 0: it is taken as not known.
    """

    work: pl.DataFrame
    paid: pl.DataFrame
    rates: pl.DataFrame
    currency: str | None
    apart: frozenset[str]
    n_beyond: int = 0

    @property
    def has_rates(self) -> bool:
        """Whether anything says what work is paid."""
        return self.rates.filter(pl.col("basis") != EXCHANGE).height > 0


def paid_work(
    store: Store, project_id: str, *, into: str | None = None, as_of: int | None = None
) -> PaidWork:
    """All work of a project with its pay; the caller has checked who may see it.

    Raises:
        BadRequest: `into` is a currency that neither a rate nor a rate of exchange names.
    """
    rates = store.read("cost_rates", project_id=project_id, as_of=as_of)
    done = store.read("cost_work", project_id=project_id, as_of=as_of)
    frames = [done.with_columns(pl.col("work").cast(pl.String))]
    if (rates["basis"] == pay.PREDICTION).any():
        made = predictions(store, project_id, as_of=as_of).drop("answers")
        frames.append(made.with_columns(work=pl.lit(pay.PREDICTION), counts=pl.lit(False)))
    return priced(pl.concat(frames, how="diagonal_relaxed"), rates, into=into)


def priced(done: pl.DataFrame, rates: pl.DataFrame, *, into: str | None = None) -> PaidWork:
    """Work with its pay.

    Args:
        done: as the query `cost_work` gives it, in the order in which it was done; predictions of models among it.
        rates: as the query `cost_rates` gives them.
        into: the currency to bring others into.

    Raises:
        BadRequest: as `paid_work`.
    """
    every = done.with_row_index("entry")
    seconds = pl.col("active_seconds")
    can_be = seconds.is_between(0, DAY_SECONDS)
    codes = (
        pl.concat([every["who_id"], rates["who_id"]])
        .unique()
        .sort()
        .to_frame("who_id")
        .with_row_index("who_code")
    )
    codes = codes.with_columns(pl.col("who_code").cast(pl.Int64))
    named = every.join(codes, on="who_id", how="left", maintain_order="left").with_columns(
        pl.col("entry").cast(pl.Int64),
        milliseconds=(pl.when(can_be).then(seconds) * 1000).round().cast(pl.Int64),
    )
    timed = split_idle(named).drop("active_seconds", "milliseconds", "limit_ms")
    paid = pay.payments(timed, _pay_rates(rates, codes)).join(
        timed.select("entry", "day"), on="entry", how="left"
    )
    nobody_pays = (pl.col("work") == pay.PREDICTION) & ~pl.col("entry").is_in(
        paid["entry"].unique().implode()
    )
    currency = _main_currency(paid, rates, into)
    exchanges = rates.filter(
        (pl.col("basis") == EXCHANGE) & (pl.col("into_currency") == (currency or ""))
    ).select("currency", "valid_from", rate_micros="amount_micros")
    converted, apart = cost_ledger.in_currency(paid, exchanges, into=currency or "XXX")
    n_beyond = int(every.select((seconds.is_not_null() & ~can_be).sum()).item())
    return PaidWork(timed.filter(~nobody_pays), converted, rates, currency, apart, n_beyond)


def _pay_rates(rates: pl.DataFrame, codes: pl.DataFrame) -> pl.DataFrame:
    """The rates of pay as analytics takes them: codes for names, null for "all"."""
    own = rates.filter(pl.col("basis") != EXCHANGE).join(
        codes, on="who_id", how="left", maintain_order="left"
    )
    return own.select(
        "basis",
        pl.when(pl.col("who_id") != "").then("who_code").alias("who_code"),
        pl.when(pl.col("work") != "").then("work").alias("work"),
        "currency",
        "amount_micros",
        "valid_from",
        "valid_to",
    )


def _main_currency(paid: pl.DataFrame, rates: pl.DataFrame, into: str | None) -> str | None:
    if into is not None:
        known = set(rates["currency"]) | set(rates["into_currency"]) - {""}
        if into not in known:
            raise BadRequest(
                f"No rate names the currency {into}; known: {', '.join(sorted(known)) or 'none'}. "
                "A rate of exchange brings one currency into another."
            )
        return into
    found = paid.group_by("currency").agg(pl.len()).sort("len", "currency", descending=[True, False])
    return None if found.is_empty() else str(found["currency"][0])


def price_of(seen: PaidWork, work: str, *, who_id: str | None = None) -> int | None:
    """What a piece of this work (of one who does it) cost lately, in whole millionths of `seen.currency`; None where nobody knows; 0
    where the rates pay nothing for it.

    The mean over the newest LATELY days with such work, idle time too, of the pieces whose pay is known in whole and in that currency.
    """
    own = seen.work.filter(
        pl.col("work") == work, pl.lit(True) if who_id is None else pl.col("who_id") == who_id
    )
    newest = own["day"].max()
    if newest is None or seen.currency is None:
        return None
    recent = own.filter(pl.col("day") > pl.lit(newest).dt.offset_by(f"-{LATELY}d"))
    known = wholly_known(seen, recent)
    n = known["entry"].n_unique()
    if n == 0:
        return None
    total = cost_ledger.exact_sum(known)
    return max(int(total * pay.MICROS / n), 1) if total else 0


def wholly_known(seen: PaidWork, work: pl.DataFrame) -> pl.DataFrame:
    """The payments of those pieces of `work` whose pay is known in whole, and in `seen.currency`.

    A piece that no rate holds for, whose time is not known though it is paid by the hour, or that is paid in another currency has none.
    """
    own = seen.paid.join(work.select("entry"), on="entry", how="semi")
    lacking = own.filter(pl.col("active_quanta").is_null() | (pl.col("into") != (seen.currency or "")))
    return own.join(lacking, on="entry", how="anti")


def known_pay(seen: PaidWork, work: pl.DataFrame) -> pl.DataFrame:
    """entry, item_code, amount (main units) of the pieces of `work` that are `wholly_known`."""
    quanta = pl.col("active_quanta").cast(pl.Float64) + pl.col("idle_quanta").cast(pl.Float64)
    each = (
        wholly_known(seen, work)
        .group_by("entry")
        .agg(amount=(quanta * pl.col("rate_micros")).sum() / (float(pay.QUANTA) * pay.MICROS))
    )
    return work.select("entry", "item_code").join(each, on="entry", how="inner").sort("entry")
