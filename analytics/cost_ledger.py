"""Where the money went: payments by group, in tables whose rows add up to the total to the cent.

A table has a row a group and, after them, the rows that belong to no group: time that was idle, work paid by the hour whose
time nobody knows (its pay is not known either, and is not guessed), and work that no rate holds for. Currencies are never
added up: there is a table for each, unless dated rates of exchange bring them into one.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from analytics.errors import BadColumn, MissingColumn
from analytics.pay import MICROS, QUANTA, apportion, minor_digits

IDLE, NO_TIME, NO_RATE = "idle time", "time not known", "no rate"
OUTSIDE = (IDLE, NO_TIME, NO_RATE)
"""The rows that belong to no group, in their order."""

EXCHANGES = ("currency", "valid_from", "rate_micros")


@dataclass(frozen=True, slots=True)
class Ledger:
    """One currency's table.

    Attributes:
        currency: of the amounts.
        digits: after the point, of its minor unit.
        table: group, part ("work" or one of OUTSIDE), n (pieces of work), n_timed, active_ms, idle_ms, amount (whole minor
            units, null where it cannot be known); the groups in their order, then OUTSIDE where there are any.
        total: the sum of the amounts, in minor units: all pay that is known.
        exact: the total before rounding, in main units.
    """

    currency: str
    digits: int
    table: pl.DataFrame
    total: int
    exact: Fraction


def in_currency(
    paid: pl.DataFrame, exchanges: pl.DataFrame, *, into: str, day: str = "day"
) -> tuple[pl.DataFrame, frozenset[str]]:
    """Payments with the rate that brings each into a currency, and the currencies that no rate brings there.

    The newest rate on or before the day of the work holds. A currency is left as it is where any of its payments has no
    rate: half of it converted would be two tables of one thing.

    Args:
        paid: payments with `currency` and the day of the work.
        exchanges: currency, valid_from (Date), rate_micros (millionths of `into` for one main unit).
        into: the currency to bring them into.
        day: the column with the day.

    Returns:
        `paid`, in its order, with `into` and rate_micros; the currencies left as they are.
    """
    missing = [name for name in EXCHANGES if name not in exchanges.columns]
    if missing:
        raise MissingColumn("exchanges", missing, exchanges.columns)
    rates = exchanges.filter(pl.col("currency") != into).select(
        "currency", pl.col("valid_from").alias("exchange_from"), pl.col("rate_micros").cast(pl.Int64)
    )
    days = paid.select("currency", pl.col(day).alias("exchange_day")).unique().sort("exchange_day")
    found = days.join_asof(
        rates.sort("exchange_from"), left_on="exchange_day", right_on="exchange_from", by="currency", check_sortedness=False
    )  # fmt: skip
    own = found.with_columns(
        rate_micros=pl.when(pl.col("currency") == into).then(MICROS).otherwise("rate_micros")
    )
    apart = own.filter(pl.col("rate_micros").is_null())["currency"].unique().to_list()
    stays = pl.col("currency").is_in(apart)
    chosen = own.select(
        "currency",
        pl.col("exchange_day").alias(day),
        into=pl.when(stays).then("currency").otherwise(pl.lit(into)),
        rate_micros=pl.when(stays).then(MICROS).otherwise("rate_micros").cast(pl.Int64),
    )
    joined = paid.join(chosen, on=("currency", day), how="left", maintain_order="left")
    return joined, frozenset(apart)


def exact_sum(paid: pl.DataFrame) -> Fraction:
    """All pay that is known, idle time too, in main units; `paid` as `in_currency` gives it, of one currency."""
    columns = ("active_quanta", "idle_quanta")
    return sum(
        (sum(_amounts(paid.fill_null(0), [], one).values(), Fraction(0)) for one in columns), Fraction(0)
    )


def ledgers(
    work: pl.DataFrame, paid: pl.DataFrame, *, by: str, order: tuple[str, ...] = ()
) -> tuple[Ledger, ...]:
    """A table for each currency, the one with the most pieces of work first.

    Args:
        work: a row a piece of work: entry, the column `by` (text, not null), active_ms, idle_ms.
        paid: payments of them: entry, basis, into (the currency), rate_micros, active_quanta, idle_quanta.
        by: the column of the groups.
        order: of the groups; others come after them by name.

    Returns:
        One or more tables; none where nothing is paid. In each, n counts the work that is paid in its currency; the row
        "no rate" stands in the first.

    Raises:
        MissingColumn, BadColumn: a column is not there, or a group is null.
    """
    if by not in work.columns:
        raise MissingColumn("work", [by], work.columns)
    if work.get_column(by).null_count():
        raise BadColumn("work", by, "has to name a group for each piece of work")
    joined = paid.join(
        work.select("entry", "active_ms", "idle_ms", pl.col(by).alias("group")), on="entry", how="inner"
    )
    sizes = (
        joined.group_by("into").agg(n=pl.col("entry").n_unique()).sort("n", "into", descending=[True, False])
    )
    unpaid = work.join(paid, on="entry", how="anti")
    return tuple(
        _ledger(
            joined.filter(pl.col("into") == currency),
            currency,
            order,
            unpaid if place == 0 else unpaid.head(0),
        )
        for place, currency in enumerate(sizes.get_column("into").to_list())
    )


def _ledger(paid: pl.DataFrame, currency: str, order: tuple[str, ...], unpaid: pl.DataFrame) -> Ledger:
    unknown = pl.col("active_quanta").is_null()
    lost = paid.filter(unknown).get_column("entry").unique()
    known = paid.filter(~pl.col("entry").is_in(lost.implode()))
    counts = _counts(known, order)
    # Piece rates of work whose hourly pay is not known are paid all the same: they stand beside it.
    beside = paid.filter(pl.col("entry").is_in(lost.implode()) & ~unknown)
    amounts = _amounts(known, ["group"], "active_quanta")
    rows: list[tuple[str, str, int, int, int, int, Fraction | None]] = [
        (group, "work", n, timed, active, 0, amounts.get(group, Fraction(0)))
        for group, n, timed, active in counts.select("group", "n", "n_timed", "active_ms").iter_rows()
    ]
    idle_ms, n_idle = int(counts["idle_ms"].sum()), int(counts["n_idle"].sum())
    if n_idle:
        spent = sum(_amounts(known, [], "idle_quanta").values(), Fraction(0))
        rows.append((IDLE, IDLE, n_idle, n_idle, 0, idle_ms, spent))
    if len(lost):
        piece = sum(_amounts(beside, [], "active_quanta").values(), Fraction(0)) if beside.height else None
        rows.append((NO_TIME, NO_TIME, len(lost), 0, 0, 0, piece))
    if unpaid.height:
        timed = unpaid.drop_nulls("active_ms")
        active, idle = int(timed["active_ms"].sum()), int(timed["idle_ms"].sum())
        rows.append((NO_RATE, NO_RATE, unpaid.height, timed.height, active, idle, None))
    return _rounded(rows, currency)


def _rounded(rows: list[tuple[str, str, int, int, int, int, Fraction | None]], currency: str) -> Ledger:
    digits = minor_digits(currency)
    known = [row[6] for row in rows if row[6] is not None]
    shares = iter(apportion(known, digits=digits))
    amounts = [None if row[6] is None else next(shares) for row in rows]
    schema = {
        "group": pl.String, "part": pl.String, "n": pl.Int64, "n_timed": pl.Int64, "active_ms": pl.Int64, "idle_ms": pl.Int64,
    }  # fmt: skip
    table = pl.DataFrame([row[:6] for row in rows], schema=schema, orient="row").with_columns(
        amount=pl.Series(amounts, dtype=pl.Int64)
    )
    total = sum(amount for amount in amounts if amount is not None)
    return Ledger(currency, digits, table, total, sum(known, Fraction(0)))


def _counts(known: pl.DataFrame, order: tuple[str, ...]) -> pl.DataFrame:
    """group, n, n_timed, active_ms, idle_ms, n_idle of the work, each piece counted once; in the groups' order."""
    each = known.unique("entry", keep="any")
    counted = each.group_by("group").agg(
        n=pl.len().cast(pl.Int64),
        n_timed=pl.col("active_ms").count().cast(pl.Int64),
        active_ms=pl.col("active_ms").sum().cast(pl.Int64),
        idle_ms=pl.col("idle_ms").sum().cast(pl.Int64),
        n_idle=(pl.col("idle_ms") > 0).sum().cast(pl.Int64),
    )
    place = pl.col("group").replace_strict(
        list(order), list(range(len(order))), default=len(order), return_dtype=pl.Int64
    )
    return counted.sort(place, "group")


def _amounts(paid: pl.DataFrame, by: list[str], column: str) -> dict[str, Fraction]:
    """Exact sums in main units of the currency brought into, by group ("" for all)."""
    named = paid.with_columns(key=pl.col(by[0]) if by else pl.lit(""))
    summed = named.group_by("key", "rate_micros").agg(pl.col(column).sum())
    found: dict[str, Fraction] = {}
    for key, rate, quanta in summed.iter_rows():
        found[key] = found.get(key, Fraction(0)) + Fraction(quanta * rate, QUANTA * MICROS)
    return found
