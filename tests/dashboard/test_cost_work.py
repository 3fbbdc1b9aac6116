"""Work and its pay as an accountant would check it: every ledger against the books, piece by piece, to the cent."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from analytics import cost_ledger
from analytics.pay import minor_digits, round_half_up
from dashboard.workflows import cost, cost_view, cost_work, rates
from dashboard.workflows.cost_work import PaidWork, priced
from dashboard.workflows.opening import Store
from dashboard.workflows.rates import Rate
from tests import stores
from tests.accounts import pay_by_the_book
from tests.dashboard.release_steps import propose, sign, waive_all
from tests.dashboard.review_steps import another, current, give_up, settle, take

P = stores.PROJECT
FROM = date(2026, 8, 1)
DAY = date(2026, 10, 25)  # the clocks of Europe go back
DONE = pl.Schema(
    {
        "who_id": pl.String(), "item_code": pl.Int64(), "label_code": pl.Int64(), "work": pl.String(), "at": pl.Datetime("us", "UTC"),
        "day": pl.Date(), "active_seconds": pl.Float64(), "counts": pl.Boolean(), "seq": pl.Int64(),
    }
)  # fmt: skip
RATES = pl.Schema(
    {
        "basis": pl.String(), "who_id": pl.String(), "work": pl.String(), "currency": pl.String(), "into_currency": pl.String(),
        "amount_micros": pl.Int64(), "valid_from": pl.Date(), "valid_to": pl.Date(), "set_by": pl.String(),
        "set_at": pl.Datetime("us", "UTC"),
    }
)  # fmt: skip
WORK = ("labelling", "relabel", "review", "adjudication", "passed on", "release review", "prediction")


def done(*rows: tuple[str, int | None, str, int, float | None]) -> pl.DataFrame:
    """Rows of who, item, kind of work, days from DAY on, seconds."""
    frame = [
        (who, item, 0, work, None, DAY + timedelta(days=day), seconds, True, n)
        for n, (who, item, work, day, seconds) in enumerate(rows)
    ]
    return pl.DataFrame(frame, schema=DONE, orient="row")


def table(*rows: tuple[str, str, str, str, str, int, int, int | None]) -> pl.DataFrame:
    """Rows of basis, who, work, currency, into, millionths, first day, last day (days from DAY on), as the store gives them."""
    frame = [
        (basis, who, work, currency, into, micros, DAY + timedelta(days=first),
         None if last is None else DAY + timedelta(days=last), "lena", None)
        for basis, who, work, currency, into, micros, first, last in rows
    ]  # fmt: skip
    return pl.DataFrame(frame, schema=RATES, orient="row").sort("valid_from", maintain_order=True)


def totals(seen: PaidWork, by: str = "work") -> dict[str, int]:
    """Minor units by currency; that every table adds up is checked on the way."""
    found = cost_ledger.ledgers(seen.work, seen.paid, by=by)
    for one in found:
        assert one.total == one.table["amount"].sum()
    return {one.currency: one.total for one in found}


def by_the_book(work: pl.DataFrame, held: pl.DataFrame, currency: str | None) -> dict[str, int]:
    exact = pay_by_the_book(work, held, into=currency or "")
    return {name: round_half_up(amount * 10 ** minor_digits(name)) for name, amount in exact.items()}


SECONDS = (
    st.none()
    | st.sampled_from([0.0, 0.0004, 3600.0, 86_400.0, 86_400.1, -5.0, 1e300, math.inf, math.nan])
    | st.floats(0, 5000)
)
PIECES = st.lists(
    st.tuples(st.sampled_from(["ana", "ben", "cleo"]), st.integers(1, 3), st.sampled_from(WORK), st.integers(0, 6), SECONDS),
    min_size=1, max_size=30,
)  # fmt: skip
AMOUNTS = st.integers(0, 60_000_000) | st.just(0) | st.just(1)
PAID = st.tuples(
    st.sampled_from(["hour", "annotation", "item", "prediction"]), st.sampled_from(["", "", "ana", "ben"]),
    st.sampled_from(["", "", *WORK[:-1]]), st.sampled_from(["EUR", "USD", "JPY", "KWD"]), st.just(""), AMOUNTS,
    st.integers(-2, 6), st.none() | st.integers(3, 6),
)  # fmt: skip
EXCHANGED = st.tuples(
    st.just("exchange"), st.just(""), st.just(""), st.sampled_from(["USD", "JPY", "KWD"]), st.just("EUR"),
    st.integers(1, 3_000_000), st.integers(-1, 4), st.none(),
)  # fmt: skip


@given(PIECES, st.lists(PAID, min_size=1, max_size=7), st.lists(EXCHANGED, max_size=3))
@settings(max_examples=60, deadline=None)
def test_the_ledger_is_the_sum_of_what_the_books_say_to_the_cent(
    pieces: list[tuple[str, int, str, int, float | None]],
    paid: list[tuple[str, str, str, str, str, int, int, int | None]],
    exchanged: list[tuple[str, str, str, str, str, int, int, int | None]],
) -> None:
    rows = [
        (who, None if kind == "release review" else item, kind, day, time)
        for who, item, kind, day, time in pieces
    ]
    once = {
        (row[0], row[1], row[2], row[6], row[3] if row[0] == "exchange" else ""): row
        for row in paid + exchanged
    }
    work, held = done(*rows), table(*once.values())
    seen = priced(work, held)
    assert totals(seen) == by_the_book(work, held, seen.currency)
    for by in ("who_id", "day"):
        named = seen.work.with_columns(pl.col(by).cast(pl.String).alias("group"))
        assert {
            one.currency: one.total for one in cost_ledger.ledgers(named, seen.paid, by="group")
        } == totals(seen)
    n_paid = seen.paid["entry"].n_unique()
    assert seen.work.join(seen.paid, on="entry", how="anti").height + n_paid == seen.work.height


def test_a_rate_of_nothing_is_a_rate_and_nobody_s_rate_is_none() -> None:
    work = done(("ana", 1, "labelling", 0, 3600.0), ("ben", 2, "labelling", 0, 3600.0))
    held = table(("hour", "ana", "", "EUR", "", 0, 0, None))
    (ledger,) = cost_ledger.ledgers(priced(work, held).work, priced(work, held).paid, by="work")
    assert ledger.table.select("group", "n", "amount").rows() == [("labelling", 1, 0), ("no rate", 1, None)]
    assert ledger.total == 0


def test_a_piece_is_paid_whole_by_the_rate_of_the_day_on_which_it_was_handed_in() -> None:
    """Ten minutes over midnight: the day is that of its end, and nothing of it is paid by the old rate."""
    work = done(("ana", 1, "labelling", 0, 600.0), ("ana", 2, "labelling", 1, 600.0))
    held = table(
        ("hour", "", "", "EUR", "", 6_000_000, 0, 0), ("hour", "", "", "EUR", "", 12_000_000, 1, None)
    )
    assert totals(priced(work, held)) == {"EUR": 100 + 200}


def test_a_time_that_cannot_be_is_not_known_and_breaks_nothing() -> None:
    work = done(
        *(
            ("ana", n, "labelling", 0, time)
            for n, time in enumerate([60.0, 86_400.0, 86_401.0, -1.0, 1e300, math.inf, math.nan])
        )
    )
    seen = priced(work, table(("hour", "", "", "EUR", "", 60_000_000, 0, None)))
    assert seen.n_beyond == 5
    assert seen.work["active_ms"].null_count() == 5
    (ledger,) = cost_ledger.ledgers(seen.work, seen.paid, by="work")
    assert dict(ledger.table.select("group", "n").iter_rows())["time not known"] == 5
    assert ledger.total == 100 + 144_000


def test_an_item_s_pay_is_for_the_first_piece_that_such_a_rate_holds_for() -> None:
    work = done(*(("ana", 1, "labelling", day, 3600.0) for day in range(4)))
    held = table(
        ("hour", "", "", "EUR", "", 1_000_000, -1, 0), ("item", "", "", "EUR", "", 5_000_000, 1, None)
    )
    assert totals(priced(work, held)) == {"EUR": 100 + 500}


def test_currencies_are_never_added_up() -> None:
    work = done(
        ("ana", 1, "labelling", 0, 3600.0),
        ("ana", 2, "labelling", 1, 3600.0),
        ("ben", 3, "labelling", 0, 3600.0),
    )
    held = table(
        ("hour", "ana", "", "EUR", "", 10_000_000, 0, None),
        ("hour", "ben", "", "USD", "", 10_000_000, 0, None),
    )
    assert totals(priced(work, held)) == {"EUR": 2000, "USD": 1000}
    late = pl.concat([held, table(("exchange", "", "", "USD", "EUR", 900_000, 1, None))])
    assert totals(priced(work, late)) == {
        "EUR": 2000,
        "USD": 1000,
    }  # no rate holds yet on the day of ben's work
    then = pl.concat([held, table(("exchange", "", "", "USD", "EUR", 900_000, 0, None))])
    assert totals(priced(work, then)) == {"EUR": 2900}


RATE_ROWS = st.lists(
    st.builds(
        Rate,
        basis=st.sampled_from(["hour", "annotation", "item", "prediction"]),
        amount=st.decimals(0, 60, places=4),
        currency=st.sampled_from(["EUR", "USD"]),
        valid_from=st.sampled_from([FROM, stores.START.date(), stores.START.date() + timedelta(days=1)]),
        who=st.sampled_from([None, "a0", "lena"]),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@given(RATE_ROWS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(
    [Rate("hour", Decimal("18.5"), "EUR", FROM), Rate("exchange", Decimal("0.9"), "USD", FROM, into="EUR")]
)
def test_every_table_of_a_store_with_all_kinds_of_work_adds_up_to_the_books(
    worked: Store, found: list[Rate]
) -> None:
    rates.set_rates(worked, project_id=P, by=stores.LENA, table=found)
    seen = cost_work.paid_work(worked, P)
    held = rates.rates(worked, project_id=P, by=stores.LENA)
    predictions = worked.read("cost_predictions", project_id=P).with_columns(
        work=pl.lit("prediction"), active_seconds=None
    )
    every = pl.concat([worked.read("cost_work", project_id=P), predictions], how="diagonal_relaxed")
    due = by_the_book(every, held, seen.currency)
    for group in cost.BYS:
        tables = cost.of_work(worked, P, seen, group=group).tables
        assert {one.currency: one.total for one in tables} == due
        assert all(one.total == one.table["amount"].sum() for one in tables)
    again = cost_view.rework_of(worked, P, seen)
    kinds = ("relabel", "review", "adjudication", "passed on", "release review")
    rework = by_the_book(
        every.filter(pl.col("work").is_in(kinds) | _not_kept(worked, every)), held, seen.currency
    )
    if again.ledger is not None:
        assert again.ledger.total == rework[again.ledger.currency]


@pytest.fixture
def worked(flagged: Store) -> Store:
    """Every kind of work: relabels, reviews, decisions with and without a time, a flag passed on, a release looked over."""
    for seconds in (36.0, None):
        label = current(flagged, stores.ANNA)
        flag_id = take(flagged, stores.ANNA, blind=label, final=another(label))
        settle(flagged, flag_id, another(label), by=stores.LENA, active_seconds=seconds)
    give_up(flagged, stores.BEN, blind=current(flagged, stores.BEN))
    made = propose(flagged)
    waive_all(flagged, made)
    sign(flagged, made, stores.LENA, active_seconds=95.0)
    sign(flagged, made, stores.RITA)
    return flagged


def _not_kept(store: Store, every: pl.DataFrame) -> pl.Series:
    """Whether each piece is a first label that is not today's."""
    today = store.read("cost_items", project_id=P).select("item_code", today="label_code")
    joined = every.join(today, on="item_code", how="left", maintain_order="left")
    lost = pl.col("work").is_in(["labelling", "repeat"]) & (pl.col("label_code") != pl.col("today"))
    return joined.select(lost.fill_null(False).alias("lost"))["lost"]


def test_a_day_is_that_of_utc_also_when_the_clocks_change(tmp_path: Path) -> None:
    """Europe, 25 October 2026, 02:30 comes twice; what was handed in before 02:00 there is still the 24th."""
    berlin = ["2026-10-25T01:59:59+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]
    votes = pl.DataFrame(
        {
            "item_id": ["x", "y", "z"],
            "annotator_id": ["ana"] * 3,
            "label": ["cat"] * 3,
            "labelled_at": [datetime.fromisoformat(one).astimezone(UTC) for one in berlin],
            "active_seconds": [3600.0] * 3,
        }
    )
    with stores.annotated_store(tmp_path / "store", votes) as store:
        old, new = (Rate("hour", Decimal(amount), "EUR", day) for amount, day in ((10, FROM), (12, DAY)))
        rates.set_rates(store, project_id=P, by=stores.LENA, table=[old, new])
        (table,) = cost.cost(store, project_id=P, by=stores.LENA).tables
        assert table.total == 1000 + 1200 + 1200


def test_absurd_times_that_were_imported_are_said_and_break_no_page(tmp_path: Path) -> None:
    people = [f"a{n}" for n in range(5)]
    votes = pl.DataFrame(
        {
            "item_id": ["x"] * 5, "annotator_id": people, "label": ["cat"] * 5, "active_seconds": [10.0, 20.0, None, 1e300, 90_000.0],
        }
    )  # fmt: skip
    with stores.annotated_store(tmp_path / "store", votes) as store:
        rates.set_rates(store, project_id=P, by=stores.LENA, table=[Rate("hour", Decimal(36), "EUR", FROM)])
        seen = cost_view.cost_view(store, project_id=P, by=stores.LENA)
        (table,) = seen.cost.tables
        assert (table.exact, table.total) == (Fraction(3, 10), 30)
        assert (
            "Pay by the hour of 3 more is not known: nobody recorded their time (2 times are longer than a day"
            in seen.cost.detail
        )
        assert "at least" in seen.cost.sentence
