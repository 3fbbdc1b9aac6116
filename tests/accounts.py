"""Pay by the book: what every piece of work is paid, one after the other, in fractions. The ledger is held against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction

import polars as pl

MICROS = 10**6
Row = Mapping[str, object]


def pay_by_the_book(done: pl.DataFrame, rates: pl.DataFrame, *, into: str) -> dict[str, Fraction]:
    """Main units of each currency, by rows of `cost_work` and `cost_rates`; nothing is rounded, unknown pay is left out."""
    exchanges = [
        rate for rate in rates.to_dicts() if rate["basis"] == "exchange" and rate["into_currency"] == into
    ]
    known = [rate for rate in rates.to_dicts() if rate["basis"] != "exchange"]
    paid: set[tuple[object, ...]] = set()
    payments: list[tuple[str, date, Fraction | None]] = []
    for piece in done.to_dicts():
        payments += [
            (str(rate["currency"]), _day(piece["day"]), _amount(piece, rate, paid))
            for rate in _holding(piece, known)
        ]
    apart = {
        currency
        for currency, day, _ in payments
        if currency != into and _exchange(exchanges, currency, day) is None
    }
    totals: dict[str, Fraction] = defaultdict(Fraction)
    for currency, day, amount in payments:
        worth = Fraction(1) if currency == into or currency in apart else _exchange(exchanges, currency, day)
        assert worth is not None
        totals[currency if currency in apart else into] += (amount or 0) * worth
    return dict(totals)


def _holding(piece: Row, rates: Iterable[Row]) -> list[Row]:
    """The rates that hold for a piece: one of each basis, all of the highest rank."""
    best: dict[object, tuple[int, Row]] = {}
    ranks = [(_rank(piece, rate), rate) for rate in rates]
    top = max((rank for rank, _ in ranks if rank is not None), default=None)
    for rank, rate in ranks:
        newer = rate["basis"] not in best or _day(rate["valid_from"]) >= _day(
            best[rate["basis"]][1]["valid_from"]
        )
        if rank is not None and rank == top and newer:
            best[rate["basis"]] = (rank, rate)
    return [rate for _, rate in best.values()]


def _rank(piece: Row, rate: Row) -> int | None:
    """How closely a rate is meant for a piece of work; None where it is not."""
    last = rate["valid_to"]
    in_time = _day(rate["valid_from"]) <= _day(piece["day"]) and (
        last is None or _day(piece["day"]) <= _day(last)
    )
    of_models = (rate["basis"] == "prediction") == (piece["work"] == "prediction")
    named = rate["work"] in ("", piece["work"]) and rate["who_id"] in ("", piece["who_id"])
    has_to_name = piece["work"] == "release review" and rate["basis"] != "hour"
    if not (in_time and of_models and named) or (has_to_name and rate["work"] == ""):
        return None
    return 2 * (rate["who_id"] != "") + (rate["work"] != "")


def _amount(piece: Row, rate: Row, paid: set[tuple[object, ...]]) -> Fraction | None:
    amount = Fraction(int(str(rate["amount_micros"])), MICROS)
    if rate["basis"] == "hour":
        seconds = piece["active_seconds"]
        if not isinstance(seconds, float) or not 0 <= seconds <= 86_400:
            return None
        return amount * round(seconds * 1000) / 3_600_000
    if rate["basis"] == "item" and piece["item_code"] is not None:
        once = (piece["who_id"], piece["item_code"], piece["work"])
        if once in paid:
            return Fraction(0)
        paid.add(once)
    return amount


def _exchange(exchanges: Sequence[Row], currency: str, day: date) -> Fraction | None:
    """What a main unit is worth on a day: the newest rate on or before it."""
    known = [one for one in exchanges if one["currency"] == currency and _day(one["valid_from"]) <= day]
    if not known:
        return None
    newest = max(known, key=lambda one: _day(one["valid_from"]))
    return Fraction(int(str(newest["amount_micros"])), MICROS)


def _day(value: object) -> date:
    assert isinstance(value, date)
    return value
