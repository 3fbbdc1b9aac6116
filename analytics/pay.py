"""What work is paid, exactly: rates by person, kind of work and period, in whole numbers all the way.

An amount is held in *quanta*: a main unit of its currency (a euro, a yen) is 3.6e12 of them, so that a rate in millionths
times a time in milliseconds over an hour is a whole number, and so is every sum. Nothing is rounded before a table is shown,
and then all its rows at once (`apportion`), so that they add up to the total to the cent.

Which rate holds: of those whose period has the day of the work, one's own before everybody's, then one for the kind of work
before one for any, then the newest. Rates of different bases at the same rank add up (by the hour and by the piece), so
whoever has a rate of their own is not paid by everybody's as well. A rate by the item pays the first of a person's pieces of a kind
of work on an item for which such a rate holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, get_args

import polars as pl

from analytics.errors import BadColumn, BadOption, MissingColumn

Basis = Literal["hour", "annotation", "item", "prediction"]
BASES: tuple[str, ...] = get_args(Basis)

PREDICTION = "prediction"
"""The kind of work that a model's prediction is; only a rate by the prediction pays it, and it pays nothing else."""

BY_NAME = ("release review",)
"""Kinds of work on no single item: a rate by the piece pays them only where it names them."""

MICROS = 1_000_000
_HOUR_MS = 3_600_000
QUANTA = MICROS * _HOUR_MS
"""Quanta of one main unit."""

WORK_COLUMNS = ("entry", "who_code", "item_code", "work", "day", "active_ms", "idle_ms")
RATE_COLUMNS = ("basis", "who_code", "work", "currency", "amount_micros", "valid_from", "valid_to")

_ZERO = ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF")  # fmt: skip
_THREE = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")


def minor_digits(currency: str) -> int:
    """Digits after the point of a currency's amounts (ISO 4217).

    >>> minor_digits("EUR"), minor_digits("JPY"), minor_digits("KWD")
    (2, 0, 3)
    """
    return 0 if currency in _ZERO else 3 if currency in _THREE else 2


def payments(work: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """What each piece of work is paid, in quanta; a row a rate that holds for it.

    Args:
        work: a row a piece of work, in the order of time: entry (unique), who_code, item_code (null: on no single item), work
            (its kind), day (Date), active_ms, idle_ms (whole; null: unknown).
        rates: basis, who_code (null: everybody), work (null: any), currency, amount_micros (of a main unit; 0 or more),
            valid_from, valid_to (Date, both inclusive; null: open).

    Returns:
        entry, basis, currency, active_quanta, idle_quanta (Int128; null where a time is unknown and the pay is by the hour);
        by entry, then basis. Work that no rate holds for has no row.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame that breaks its contract.
    """
    _check(work, WORK_COLUMNS, "work")
    _check(rates, RATE_COLUMNS, "rates")
    _check_rates(rates)
    keys = work.select("who_code", "work", "day").unique()
    held = _holding(keys, rates)
    priced = work.join(held, on=("who_code", "work", "day"), how="inner")
    micros = pl.col("amount_micros").cast(pl.Int128)
    by_time = pl.col("basis") == "hour"
    again = (pl.col("basis") == "item") & pl.col("entry").is_in(_again(priced).implode())
    piece = micros * pl.when(~again).then(_HOUR_MS).otherwise(0).cast(pl.Int128)
    nothing = pl.lit(0, dtype=pl.Int128)
    return priced.select(
        "entry",
        "basis",
        "currency",
        active_quanta=pl.when(by_time).then(micros * pl.col("active_ms").cast(pl.Int128)).otherwise(piece),
        idle_quanta=pl.when(by_time).then(micros * pl.col("idle_ms").cast(pl.Int128)).otherwise(nothing),
    ).sort("entry", "basis")


def apportion(amounts: Sequence[Fraction], *, digits: int) -> tuple[int, ...]:
    """Amounts in whole minor units that add up to the rounded total: the largest remainders get what is left.

    The total is rounded half up. Each amount is off by less than one unit. Ties go to the earlier amount. (Hamilton's
    method, 1792: Balinski & Young 2001, Fair representation, 2nd ed., Brookings.)

    Args:
        amounts: in main units, exact; negative ones too.
        digits: of the currency.

    >>> apportion([Fraction(1, 3)] * 3, digits=2)
    (34, 33, 33)
    """
    if isinstance(digits, bool) or not 0 <= digits <= 6:
        raise BadOption("digits", digits, "0 to 6")
    units = [amount * 10**digits for amount in amounts]
    floors = [unit.__floor__() for unit in units]
    total = round_half_up(sum(units, Fraction(0)))
    order = sorted(range(len(units)), key=lambda place: (floors[place] - units[place], place))
    extra = set(order[: total - sum(floors)])
    return tuple(floor + (place in extra) for place, floor in enumerate(floors))


def round_half_up(amount: Fraction) -> int:
    """The nearest whole number; a half goes up.

    >>> round_half_up(Fraction(5, 2)), round_half_up(Fraction(-5, 2))
    (3, -2)
    """
    return (amount + Fraction(1, 2)).__floor__()


def _again(priced: pl.DataFrame) -> pl.Series:
    """The entries that a rate by the item holds for and that are not the first such work of their person on their item."""
    by_item = priced.filter(pl.col("basis") == "item", pl.col("item_code").is_not_null())
    first = pl.col("entry").min().over("who_code", "item_code", "work")
    return by_item.filter(pl.col("entry") != first)["entry"]


def _check(frame: pl.DataFrame, columns: Sequence[str], name: str) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise MissingColumn(name, missing, frame.columns)


def _check_rates(rates: pl.DataFrame) -> None:
    unknown = [basis for basis in rates.get_column("basis").unique().to_list() if basis not in BASES]
    if unknown:
        raise BadOption("basis", unknown[0], BASES)
    amounts = rates.get_column("amount_micros")
    if rates.height and not amounts.dtype.is_integer():
        raise BadColumn("rates", "amount_micros", "has to hold whole millionths")
    if amounts.null_count() or (amounts.cast(pl.Int64) < 0).any():
        raise BadColumn("rates", "amount_micros", "has to be 0 or more and never null")


def _holding(keys: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """The rates that hold for each (who_code, work, day): one a basis, all of the highest rank."""
    numbered = rates.select(
        *RATE_COLUMNS, place=pl.int_range(pl.len(), dtype=pl.Int64)
    ).rename({"work": "rate_work"})  # fmt: skip
    own = keys.join(numbered.filter(pl.col("who_code").is_not_null()), on="who_code", how="inner")
    everybody = keys.join(
        numbered.filter(pl.col("who_code").is_null()).drop("who_code"), how="cross"
    )  # fmt: skip
    both = pl.concat(
        [own.with_columns(is_own=pl.lit(2)), everybody.select(*own.columns, is_own=pl.lit(0))],
        how="vertical_relaxed",
    )
    fits = (pl.col("basis") == PREDICTION) == (pl.col("work") == PREDICTION)
    in_time = (pl.col("valid_from") <= pl.col("day")) & (
        pl.col("valid_to").is_null() | (pl.col("day") <= pl.col("valid_to"))
    )
    for_work = pl.col("rate_work").is_null() | (pl.col("rate_work") == pl.col("work"))
    by_name = (pl.col("basis") == "hour") | ~pl.col("work").is_in(BY_NAME) | pl.col("rate_work").is_not_null()
    key = ("who_code", "work", "day")
    ranked = both.filter(fits & in_time & for_work & by_name).with_columns(
        rank=pl.col("is_own") + pl.col("rate_work").is_not_null().cast(pl.Int32)
    )
    best = ranked.filter(pl.col("rank") == pl.col("rank").max().over(*key))
    newest = best.sort("valid_from", "place").unique([*key, "basis"], keep="last")
    return newest.select(*key, "basis", "currency", "amount_micros")
