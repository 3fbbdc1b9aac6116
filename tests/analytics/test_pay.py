"""Pay in whole numbers: which rate holds, what is paid, and that every table adds up to the cent."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import cost_ledger, pay
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.idle_time import split_idle

DAY = date(2026, 11, 2)
WORK = {
    "entry": pl.Int64, "who_code": pl.Int64, "item_code": pl.Int64, "work": pl.String, "day": pl.Date, "active_ms": pl.Int64,
    "idle_ms": pl.Int64,
}  # fmt: skip
RATE = {
    "basis": pl.String, "who_code": pl.Int64, "work": pl.String, "currency": pl.String, "amount_micros": pl.Int64,
    "valid_from": pl.Date, "valid_to": pl.Date,
}  # fmt: skip
EUR = pay.MICROS


def work(*rows: tuple[object, ...]) -> pl.DataFrame:
    """Rows of who, item, kind, day, active, idle; entries count from 0."""
    return pl.DataFrame([(n, *row) for n, row in enumerate(rows)], schema=WORK, orient="row")


def rates(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=RATE, orient="row")


def money(found: pl.DataFrame) -> list[float]:
    return [quanta / pay.QUANTA for quanta in found["active_quanta"].to_list()]


def test_an_hour_is_paid_by_the_millisecond_and_a_piece_as_a_piece() -> None:
    done = work((1, 1, "labelling", DAY, 3_600_000, 0), (1, 2, "labelling", DAY, 900_000, 900_000))
    by_hour = pay.payments(done, rates(("hour", None, None, "EUR", 18 * EUR, DAY, None)))
    assert money(by_hour) == [18.0, 4.5]
    assert by_hour["idle_quanta"].to_list() == [0, 9 * pay.QUANTA // 2]
    by_piece = pay.payments(done, rates(("annotation", None, None, "EUR", EUR // 20, DAY, None)))
    assert money(by_piece) == [0.05, 0.05]
    assert by_piece["idle_quanta"].to_list() == [0, 0]


def test_an_item_is_paid_once_to_each_person_for_each_kind_of_work() -> None:
    done = work(
        (1, 1, "labelling", DAY, 1, 0), (1, 1, "labelling", DAY, 1, 0), (2, 1, "labelling", DAY, 1, 0), (1, 1, "relabel", DAY, 1, 0)
    )  # fmt: skip
    assert money(pay.payments(done, rates(("item", None, None, "EUR", EUR, DAY, None)))) == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("table", "paid"),
    [
        ([("hour", 1, None, 7), ("hour", None, None, 5)], [7, 5]),  # one's own before everybody's
        ([("hour", None, "labelling", 7), ("hour", None, None, 5)], [7, 7]),  # for the work before for any
        ([("hour", None, "relabel", 7)], []),
        ([("hour", 1, None, 7), ("hour", 1, "labelling", 6), ("hour", None, "labelling", 5)], [6, 5]),
        ([("hour", None, None, 5), ("hour", None, None, 8)], [8, 8]),  # of two of one day, the later row
        ([("hour", 1, None, 7), ("annotation", None, None, 2)], [7, 2]),  # who has an own rate gets no other
        ([("hour", None, None, 7), ("annotation", None, None, 2)], [2, 7, 2, 7]),  # bases of one rank add up
    ],
)
def test_which_rate_holds(table: list[tuple[str, int | None, str | None, int]], paid: list[float]) -> None:
    done = work((1, 1, "labelling", DAY, 3_600_000, 0), (2, 1, "labelling", DAY, 3_600_000, 0))
    known = rates(*((basis, who, kind, "EUR", amount * EUR, DAY, None) for basis, who, kind, amount in table))
    assert money(pay.payments(done, known)) == paid


def test_a_rate_holds_in_its_period_and_the_newest_wins() -> None:
    days = [DAY - timedelta(days=1), DAY, DAY + timedelta(days=6), DAY + timedelta(days=7)]
    done = work(*((1, n, "labelling", day, 3_600_000, 0) for n, day in enumerate(days)))
    table = rates(
        ("hour", None, None, "EUR", 9 * EUR, DAY + timedelta(days=5), DAY + timedelta(days=6)),
        ("hour", None, None, "EUR", 8 * EUR, DAY, None),
    )
    found = pay.payments(done, table)
    assert found["entry"].to_list() == [1, 2, 3]
    assert money(found) == [8, 9, 8]


def test_a_prediction_has_its_own_price_and_nothing_else() -> None:
    done = work((-1, 1, "prediction", DAY, None, None), (1, 1, "labelling", DAY, 1000, 0))
    table = rates(
        ("prediction", None, None, "USD", 400, DAY, None), ("annotation", None, None, "EUR", EUR, DAY, None)
    )
    found = pay.payments(done, table)
    assert found.select("entry", "basis", "currency").rows() == [
        (0, "prediction", "USD"),
        (1, "annotation", "EUR"),
    ]
    assert money(found) == [0.0004, 1]


def test_bad_rates_are_refused() -> None:
    done = work((1, 1, "labelling", DAY, 1, 0))
    with pytest.raises(BadOption, match="basis='week'"):
        pay.payments(done, rates(("week", None, None, "EUR", 1, DAY, None)))
    with pytest.raises(BadColumn, match="0 or more"):
        pay.payments(done, rates(("hour", None, None, "EUR", -1, DAY, None)))
    with pytest.raises(MissingColumn, match="'valid_to'"):
        pay.payments(done, rates().drop("valid_to"))


@given(st.lists(st.fractions(-1000, 1000), max_size=30), st.integers(0, 3))
def test_apportioned_amounts_add_up_and_are_off_by_less_than_a_unit(
    amounts: list[Fraction], digits: int
) -> None:
    units = pay.apportion(amounts, digits=digits)
    assert sum(units) == pay.round_half_up(sum(amounts, Fraction(0)) * 10**digits)
    assert all(abs(unit - amount * 10**digits) < 1 for unit, amount in zip(units, amounts, strict=True))


PIECES = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(1, 4), st.sampled_from(["labelling", "relabel"]), st.integers(0, 9),
        st.none() | st.integers(0, 4_000_000),
    ),
    min_size=1, max_size=25,
)  # fmt: skip
TABLES = st.lists(
    st.tuples(
        st.sampled_from(["hour", "annotation", "item"]), st.none() | st.integers(1, 3),
        st.none() | st.sampled_from(["labelling", "relabel"]), st.sampled_from(["EUR", "USD", "JPY"]),
        st.integers(0, 60_000_000), st.integers(0, 9),
    ),
    max_size=5,
)  # fmt: skip


@given(PIECES, TABLES, st.sampled_from(["who", "work", "day"]), st.booleans())
def test_every_table_adds_up_to_the_total_pay_to_the_cent(
    pieces: list[tuple[int, int, str, int, int | None]],
    table: list[tuple[str, int | None, str | None, str, int, int]],
    by: str,
    exchanged: bool,
) -> None:
    done = work(
        *((who, item, kind, DAY + timedelta(days=day), ms, None) for who, item, kind, day, ms in pieces)
    )
    times = split_idle(done.select("who_code", "work", milliseconds="active_ms"), most_seconds=1800)
    done = done.with_columns(times["active_ms"], times["idle_ms"])
    known = rates(*((*row[:5], DAY + timedelta(days=row[5]), None) for row in table))
    paid = pay.payments(done, known).join(done.select("entry", "day"), on="entry")
    dollars = pl.DataFrame({"currency": ["USD"], "valid_from": [DAY], "rate_micros": [917_431]})
    paid, apart = cost_ledger.in_currency(paid, dollars if exchanged else dollars.clear(), into="EUR")
    assert apart <= {"JPY"} if exchanged else apart <= {"JPY", "USD"}
    named = done.with_columns(
        pl.col("who_code").cast(pl.String).alias("who"), pl.col("day").cast(pl.String).alias("on_day")
    )
    name = {"who": "who", "work": "work", "day": "on_day"}[by]
    for ledger in cost_ledger.ledgers(named, paid, by=name):
        own = paid.filter(pl.col("into") == ledger.currency).fill_null(0)
        exact = sum(
            (
                Fraction((active + idle) * rate, pay.QUANTA * pay.MICROS)
                for active, idle, rate in own.select(
                    "active_quanta", "idle_quanta", "rate_micros"
                ).iter_rows()
            ),
            Fraction(0),
        )
        assert ledger.exact == exact
        assert ledger.total == ledger.table["amount"].sum() == pay.round_half_up(exact * 10**ledger.digits)


def test_the_rows_outside_are_said_and_not_guessed() -> None:
    done = work(
        (1, 1, "labelling", DAY, 60_000, 0), (1, 2, "labelling", DAY, 60_000, 540_000), (1, 3, "labelling", DAY, None, None),
        (2, 4, "labelling", DAY, 60_000, 0),
    )  # fmt: skip
    paid = pay.payments(done, rates(("hour", 1, None, "EUR", 60 * EUR, DAY, None)))
    paid, _ = cost_ledger.in_currency(
        paid.join(done.select("entry", "day"), on="entry"), NO_EXCHANGE, into="EUR"
    )
    (ledger,) = cost_ledger.ledgers(done, paid, by="work")
    assert ledger.table.select("group", "n", "active_ms", "idle_ms", "amount").rows() == [
        ("labelling", 2, 120_000, 0, 200),
        ("idle time", 1, 0, 540_000, 900),
        ("time not known", 1, 0, 0, None),
        ("no rate", 1, 60_000, 0, None),
    ]
    assert ledger.total == 1100


NO_EXCHANGE = pl.DataFrame(schema={"currency": pl.String, "valid_from": pl.Date, "rate_micros": pl.Int64})


def test_a_currency_is_brought_over_by_the_newest_rate_of_its_day_or_stays_apart() -> None:
    days = [DAY, DAY + timedelta(days=3)]
    done = work(*((1, n, "labelling", day, 0, 0) for n, day in enumerate(days)))
    paid = pay.payments(done, rates(("annotation", None, None, "USD", 10 * EUR, DAY, None))).join(
        done.select("entry", "day"), on="entry"
    )
    moves = pl.DataFrame(
        {
            "currency": ["USD", "USD"],
            "valid_from": [DAY, DAY + timedelta(days=2)],
            "rate_micros": [900_000, 500_000],
        }
    )
    into, apart = cost_ledger.in_currency(paid, moves, into="EUR")
    assert into.select("into", "rate_micros").rows() == [("EUR", 900_000), ("EUR", 500_000)]
    assert not apart
    (ledger,) = cost_ledger.ledgers(done, into, by="work")
    assert (ledger.currency, ledger.total) == ("EUR", 1400)
    late, apart = cost_ledger.in_currency(paid, moves.tail(1), into="EUR")
    assert (late["into"].to_list(), apart) == (["USD"] * 2, frozenset({"USD"}))
