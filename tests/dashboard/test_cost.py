"""Rates and the ledger in a real store: what is paid, who may see it, and what is said where something is missing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import cost, cost_means, cost_today, cost_view, rates
from dashboard.workflows.cost_rework import NOT_KEPT, ROWS
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store, open_store
from dashboard.workflows.rates import Rate
from tests import stores
from tests.dashboard.release_steps import propose, sign, waive_all
from tests.dashboard.review_steps import another, current, settle, take
from tests.rebuilt import tables, tables_of_journal

P = stores.PROJECT
FROM = date(2026, 8, 1)
HOUR = Rate("hour", Decimal("18.00"), "EUR", FROM)


def pay(store: Store, *table: Rate) -> None:
    rates.set_rates(store, project_id=P, by=stores.LENA, table=table)


def look(store: Store, group: str = "work", *, into: str | None = None) -> cost.Cost:
    return cost.cost(store, project_id=P, by=stores.LENA, group=group, into=into)


def test_without_rates_hours_are_told_and_nothing_is_guessed(pets: Store) -> None:
    seen = look(pets)
    assert (seen.state, seen.has_rates, seen.tables, seen.figures) == ("undefined", False, (), None)
    assert "Nobody has said what work is paid" in seen.sentence
    assert "200 pieces of work, 0.3 hours" in seen.detail


@pytest.mark.parametrize("group", cost.BYS)
def test_every_table_adds_up_to_the_hours_times_the_rate(pets: Store, group: str) -> None:
    pay(pets, HOUR)
    (table,) = look(pets, group).tables
    seconds = 40 * (4 + 5 + 6 + 7 + 8)
    assert table.total == table.table["amount"].sum() == seconds * 1800 // 3600
    assert table.table["active_ms"].sum() == seconds * 1000
    assert table.table["n"].sum() == 200


def test_one_s_own_rate_and_a_price_of_predictions_in_another_currency_stay_apart(pets: Store) -> None:
    pay(
        pets,
        HOUR,
        Rate("annotation", Decimal("0.10"), "EUR", FROM, who="a0"),
        Rate("prediction", Decimal("0.005"), "USD", FROM),
    )
    euros, dollars = look(pets, "annotator").tables
    assert dict(euros.table.select("group", "amount").iter_rows())["a0"] == 400
    assert (dollars.currency, dollars.total, dollars.table["n"].to_list()) == ("USD", 10, [20])
    assert "Beside it 0.10 USD" in look(pets).detail
    assert look(pets).sentence.startswith(
        "A label that stands costs at least 0."
    )  # the dollars are not in it
    pay(pets, Rate("exchange", Decimal("0.5"), "USD", FROM, into="EUR"))
    (both,) = look(pets, "annotator").tables
    assert "at least" not in look(pets).sentence
    assert both.total == euros.total + 5
    assert look(pets, into="USD").tables[0].currency == "USD"
    with pytest.raises(BadRequest, match="GBP"):
        look(pets, into="GBP")


def test_a_rate_can_be_corrected_and_taken_back_and_the_past_stays(pets: Store) -> None:
    pay(pets, HOUR)
    then = pets.head
    pay(pets, Rate("hour", Decimal(36), "EUR", FROM))
    assert look(pets).tables[0].total == 1200
    assert cost.cost(pets, project_id=P, by=stores.LENA, as_of=then).tables[0].total == 600
    pay(pets, Rate("hour", None, "EUR", FROM))
    assert not look(pets).has_rates


def test_rework_has_its_rows_and_a_decision_without_a_time_is_said(flagged: Store) -> None:
    pay(flagged, HOUR)
    label = current(flagged, stores.ANNA)
    flag_id = take(flagged, stores.ANNA, blind=label, final="dog" if label != "dog" else "cat")
    settle(flagged, flag_id, label, by=stores.LENA)
    seen = look(flagged)
    rows = {row["group"]: row for row in seen.tables[0].table.iter_rows(named=True)}
    assert rows["time not known"]["amount"] is None
    assert rows["time not known"]["n"] >= 1
    assert "nobody recorded their time" in seen.detail
    pay(flagged, Rate("annotation", Decimal("1.00"), "EUR", FROM, work="adjudication"))
    rows = {row["group"]: row for row in look(flagged).tables[0].table.iter_rows(named=True)}
    assert (rows["adjudication"]["n"], rows["adjudication"]["amount"]) == (1, 100)
    figures = look(flagged).figures
    assert figures is not None
    assert figures.rework_share.value == pytest.approx(1.0 / (6.0 + 1.0), rel=0.02)


def test_a_decision_s_time_is_paid_and_the_rework_ledger_adds_up(flagged: Store) -> None:
    pay(flagged, HOUR)
    for seconds in (36.0, None):
        label = current(flagged, stores.ANNA)
        flag_id = take(flagged, stores.ANNA, blind=label, final=another(label))
        settle(flagged, flag_id, another(label), by=stores.LENA, active_seconds=seconds)
    seen = look(flagged)
    rows = {row["group"]: row for row in seen.tables[0].table.iter_rows(named=True)}
    assert (rows["adjudication"]["n"], rows["adjudication"]["active_ms"]) == (1, 36_000)
    assert rows["adjudication"]["amount"] == 18  # cents: 36 seconds at 18 euros an hour
    again = cost_view.cost_view(flagged, project_id=P, by=stores.LENA).rework
    assert again is not None
    assert again.ledger is not None
    counts = {row["work"]: row for row in again.counts.to_dicts()}
    assert tuple(counts) == ROWS
    assert (counts["adjudication"]["n"], counts["adjudication"]["n_untimed"]) == (2, 1)
    assert (counts["relabel"]["n"], counts["relabel"]["n_untimed"]) == (2, 2)
    assert counts["release review"]["n"] == 0
    lost = seen.tables[0].table
    assert counts[NOT_KEPT]["n"] > 0
    table = again.ledger.table
    assert again.ledger.total == table["amount"].sum() < lost["amount"].sum()
    assert "nobody recorded the time of 5" in again.sentence  # two answers each, and one decision


def test_labels_not_kept_are_those_of_the_outcome_that_nobody_doubts(pets: Store) -> None:
    pay(pets, Rate("annotation", Decimal("0.10"), "EUR", FROM))
    again = cost_view.cost_view(pets, project_id=P, by=stores.LENA).rework
    assert again is not None
    assert again.ledger is not None
    (table,) = look(pets, "outcome").tables
    kept = {row["group"]: row["amount"] for row in table.table.iter_rows(named=True)}
    assert again.ledger.total == kept["the label was not kept"]


def test_looking_a_release_over_is_paid_by_its_time_and_by_no_rate_for_any_piece(pets: Store) -> None:
    pay(pets, HOUR, Rate("annotation", Decimal("0.50"), "EUR", FROM))
    made = propose(pets)
    waive_all(pets, made)
    sign(pets, made, stores.LENA, active_seconds=120.0)
    sign(pets, made, stores.RITA)
    for group in cost.BYS:
        (table,) = look(pets, group).tables
        assert table.total == table.table["amount"].sum()
    rows = {row["group"]: row for row in look(pets).tables[0].table.iter_rows(named=True)}
    assert (rows["release review"]["n"], rows["release review"]["amount"]) == (1, 60)
    assert rows["time not known"]["n"] == 1
    figures = look(pets).figures
    assert figures is not None
    assert figures.per_item.n == 40
    assert figures.rework_share.value == 0.0  # looking over is not doing again
    pay(pets, Rate("annotation", Decimal("7.00"), "EUR", FROM, work="release review"))
    rows = {row["group"]: row for row in look(pets).tables[0].table.iter_rows(named=True)}
    assert rows["release review"]["amount"] == 1400


def test_a_time_that_cannot_be_is_refused(flagged: Store) -> None:
    label = current(flagged, stores.ANNA)
    flag_id = take(flagged, stores.ANNA, blind=label, final=another(label))
    with pytest.raises(BadRequest, match="between 0 and a day"):
        settle(flagged, flag_id, label, by=stores.LENA, active_seconds=-1.0)
    made = propose(flagged)
    with pytest.raises(BadRequest, match="between 0 and a day"):
        sign(flagged, made, stores.LENA, active_seconds=100_000.0)


def test_rates_and_times_come_back_from_the_journal_alone(flagged: Store, tmp_path: Path) -> None:
    pay(flagged, HOUR, Rate("annotation", Decimal("0.10"), "USD", FROM, who="a0"))
    pay(flagged, Rate("hour", Decimal("20.00"), "EUR", FROM))
    label = current(flagged, stores.ANNA)
    flag_id = take(flagged, stores.ANNA, blind=label, final=another(label))
    settle(flagged, flag_id, label, by=stores.LENA, active_seconds=36.0)
    before, live = look(flagged, "annotator"), tables(flagged)
    scratch = tmp_path / "rebuilt"
    assert tables_of_journal(flagged.path, scratch)["rate"] == live["rate"]
    assert len(live["rate"]) == 3
    with open_store(scratch, keys_folder=scratch / "keys") as store:
        after = look(store, "annotator")
    assert [one.total for one in after.tables] == [one.total for one in before.tables]
    assert after.tables[0].table.equals(before.tables[0].table)


def test_few_gold_items_say_nothing_of_what_a_correct_label_costs(pets: Store) -> None:
    pay(pets, HOUR)
    seen = look(pets)
    assert seen.state == "undefined"
    assert "only 10 items with a label have gold; 20 are needed" in seen.sentence


def test_enough_gold_gives_a_correct_label_s_cost_with_an_interval(
    pets: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_means, "FEWEST_GOLD", 5)
    pay(pets, HOUR)
    figures = look(pets).figures
    assert figures is not None
    right = figures.per_right
    assert right.value is not None
    assert right.low is not None
    assert right.high is not None
    assert 6 / 40 <= right.low <= right.value <= right.high
    assert look(pets).sentence.startswith("A correct label costs 0.1")


def test_much_idle_time_is_in_the_first_sentence(tmp_path: Path) -> None:
    votes = pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(40)], "annotator_id": ["a"] * 40, "label": ["cat"] * 40,
            "active_seconds": [8.0, 10.0, 12.0, 9.0] * 9 + [11.0, 10.0, 9.0, 3600.0],
        }
    )  # fmt: skip
    with stores.annotated_store(tmp_path / "store", votes) as store:
        pay(store, HOUR)
        seen = look(store)
        assert seen.figures is not None
        assert seen.figures.idle_share.value is not None
        assert seen.figures.idle_share.value > 0.85
        assert seen.sentence.startswith(
            "A label that stands costs 0.50 EUR today, 90% of it for idle time; what"
        )
        _, said = cost_today.cost_today(store, P, stores.LENA)
        assert "90% of it for idle time" in said


def test_a_few_pieces_whose_pay_is_not_known_are_said_and_leave_the_figure(tmp_path: Path) -> None:
    for n_untimed, least in ((1, False), (2, True)):
        votes = pl.DataFrame(
            {
                "item_id": [f"i{n}" for n in range(120)], "annotator_id": ["a"] * 120, "label": ["cat"] * 120,
                "active_seconds": [10.0] * (120 - n_untimed) + [None] * n_untimed,
            }
        )  # fmt: skip
        with stores.annotated_store(tmp_path / f"store-{n_untimed}", votes) as store:
            pay(store, HOUR)
            seen = look(store)
            assert ("at least" in seen.sentence) is least
            assert f"Pay by the hour of {n_untimed} more is not known" in seen.detail


def test_who_may_see_what(pets: Store) -> None:
    pay(pets, HOUR)
    assert cost.cost(pets, project_id=P, by=stores.RITA).tables
    with pytest.raises(NotAllowed, match="what single annotators are paid"):
        cost.cost(pets, project_id=P, by=stores.RITA, group="annotator")
    with pytest.raises(NotAllowed):
        rates.rates(pets, project_id=P, by=stores.RITA)
    with pytest.raises(NotAllowed):
        cost.cost(pets, project_id=P, by=stores.ANNA)
    with pytest.raises(NotAllowed):
        rates.set_rates(pets, project_id=P, by=stores.RITA, table=[HOUR])


def test_the_audit_trail_says_that_rates_were_set_and_no_amount(pets: Store) -> None:
    pay(pets, Rate("hour", Decimal("18.37"), "EUR", FROM, who="a0"))
    event = _newest(pets)
    assert "18370000" not in event
    assert "18.37" not in event


def _newest(store: Store) -> str:
    (line,) = store.event_lines(frozenset({store.head}))
    return line.decode()


def test_a_retry_sets_rates_once(pets: Store) -> None:
    for _ in range(2):
        rates.set_rates(pets, project_id=P, by=stores.LENA, table=[HOUR], request_id="once")
    head = pets.head
    rates.set_rates(pets, project_id=P, by=stores.LENA, table=[HOUR], request_id="once")
    assert pets.head == head


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("basis,amount,currency\nhour,1,EUR\n", "has no column from"),
        ("basis,amount,currency,from\nweek,1,EUR,2026-01-01\n", "row 1: basis 'week'"),
        ("basis,amount,currency,from\nhour,1,EURO,2026-01-01\n", "'EURO' is not a code"),
        ("basis,amount,currency,from\nhour,1,EUR,1.2.2026\n", "a day is written 2026-01-31"),
        ("basis,amount,currency,from\nhour,-1,EUR,2026-01-01\n", "between 0 and"),
        ("basis,amount,currency,from\nhour,0.0000001,EUR,2026-01-01\n", "more than six digits"),
        ("basis,amount,currency,from\nhour,NaN,EUR,2026-01-01\n", "does not lie"),
        ("basis,amount,currency,from,work\nhour,1,EUR,2026-01-01,lunch\n", "'lunch' is none of"),
        ("basis,amount,currency,from,into\nexchange,1,EUR,2026-01-01,EUR\n", "another currency"),
        ("basis,amount,currency,from,to\nhour,1,EUR,2026-02-01,2026-01-01\n", "ends before it begins"),
        ("basis,amount,currency,from,wage\nhour,1,EUR,2026-02-01,2\n", "no column 'wage'"),
        ("basis,amount,currency,from\n", "no rate in"),
        ("basis,amount,currency,from\nhour,1,EUR,2026-01-01\nhour,x,EUR,2026-01-01\n", "row 2: amount 'x'"),
    ],
)
def test_a_wrong_file_is_refused_whole_and_says_where(text: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        rates.parse_rates(text.encode())


def test_csv_and_json_say_the_same(tmp_path: Path) -> None:
    table = tmp_path / "rates.csv"
    table.write_text(
        "Basis;Amount;Currency;From;To;Annotator\nhour;18.50;eur;2026-01-01;2026-06-30;a1\n",
        encoding="utf-8-sig",
    )
    other = tmp_path / "rates.json"
    other.write_text(
        '[{"basis": "hour", "amount": 18.50, "currency": "EUR", "from": "2026-01-01", "to": "2026-06-30", "annotator": "a1"}]'
    )
    (first,) = rates.read_rates(table)
    assert (first,) == rates.read_rates(other)
    assert first == Rate("hour", Decimal("18.50"), "EUR", date(2026, 1, 1), date(2026, 6, 30), "a1")
    with pytest.raises(BadRequest, match="cannot be read"):
        rates.read_rates(tmp_path / "none.csv")
