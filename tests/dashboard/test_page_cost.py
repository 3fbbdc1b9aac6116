"""The page Cost: every state, as each role sees it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.workflows import cost_means, rates
from dashboard.workflows.opening import Store
from dashboard.workflows.rates import Rate
from tests import stores
from tests.dashboard import pages
from tests.dashboard.pages import checked, open_page, shown_by

P = stores.PROJECT
FROM = date(2026, 8, 1)
HOUR = Rate("hour", Decimal("18.00"), "EUR", FROM)


def words(app: AppTest) -> str:
    """What stands on the page, without the marks that keep Markdown from reading figures."""
    return pages.words(app).replace("\\", "")


@pytest.fixture
def shown(pets: Store) -> Iterator[Store]:
    with shown_by(pets):
        yield pets


@pytest.fixture
def paid(shown: Store) -> Store:
    rates.set_rates(shown, project_id=P, by=stores.LENA, table=[HOUR])
    return shown


@pytest.mark.parametrize(("person", "may_set"), [("lena", True), ("lars", True), ("rita", False)])
def test_without_rates_the_page_says_what_to_do(shown: Store, person: str, may_set: bool) -> None:
    app = open_page("cost", person=person)
    said = words(app)
    assert "Nobody has said what work is paid" in said
    assert "0.3 hours" in said
    assert ("touchstone rates --basis hour" in said) is may_set
    assert bool(app.text_input) is may_set
    if not may_set:
        assert "A lead or an administrator sets the rates" in said


@pytest.mark.parametrize(("person", "sees_pay"), [("lena", True), ("lars", True), ("rita", False)])
def test_with_rates_the_first_sentence_has_the_figure(paid: Store, person: str, sees_pay: bool) -> None:
    app = open_page("cost", person=person)
    said = words(app)
    assert "A label that stands costs 0.15 EUR today" in said
    assert "only 10 items with a label have gold" in said
    assert "the next 10 EUR" in said
    assert "No flag waits for anybody" in said
    table = app.dataframe[0].value
    assert table["Pay"].iloc[-1] == "6.00 EUR"
    assert table.iloc[-1, 0] == "Total"
    by = app.selectbox(key="address_per").options
    assert ("Annotator" in by) is sees_pay
    assert any("By the hour" in list(frame.value.get("Paid", [])) for frame in app.dataframe) is sees_pay


def test_an_annotator_does_not_see_the_page(paid: Store) -> None:
    assert "Cost is not for your role" in words(open_page("cost", person="anna"))


def test_the_ledger_is_grouped_by_the_address_and_sums_up(paid: Store) -> None:
    table = open_page("cost", person="lena", per="annotator").dataframe[0].value
    assert list(table["Annotator"]) == ["a0", "a1", "a2", "a3", "a4", "Total"]
    assert list(table["Pay"])[-1] == "6.00 EUR"
    assert (
        next(iter(open_page("cost", person="rita", per="annotator").dataframe[0].value.columns))
        == "Kind of work"
    )
    assert "Kind of work" in open_page("cost", person="lena", per="nonsense").dataframe[0].value.columns


def test_the_first_row_has_the_queue_and_what_nobody_knows(paid: Store) -> None:
    said = words(open_page("cost", person="lena"))
    for title in ("A correct label", "An error removed", "Model point", "Queue empty by"):
        assert f"**{title}**" in said
    assert "touchstone train --curve measures it" in said
    assert said.index("Queue empty by") < said.index("What the next money buys")


def test_the_rework_ledger_has_a_row_each_and_what_an_error_removed_cost_is_said(paid: Store) -> None:
    app = open_page("cost", person="rita")
    (table,) = [one.value for one in app.dataframe if "Without a time" in one.value.columns]
    assert list(table["Work"]) == [
        "label not kept", "relabel", "review", "adjudication", "passed on", "release review", "Total"
    ]  # fmt: skip
    assert table["Pieces"].iloc[0] != "0"
    said = words(app)
    assert "went into labels that were not kept" in said
    assert "What an error removed between releases cost cannot be told" in said


def test_the_purchases_are_drawn_and_those_not_on_offer_say_why(paid: Store) -> None:
    app = open_page("cost", person="lena", gold="0.50")
    (table,) = [one.value for one in app.dataframe if "Purchase" in one.value.columns]
    rows = {row["Purchase"]: row for row in table.to_dict("records")}
    assert rows["gold label"]["Per error removed (EUR)"]
    assert "none was made yet" in rows["adjudication"]["Why not on offer"]
    assert "no rate by the prediction" in rows["model pre-label"]["Why not on offer"]
    assert app.get("plotly_chart")


def test_enough_gold_gives_the_figures_and_the_frontier(paid: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_means, "FEWEST_GOLD", 5)
    monkeypatch.setattr("analytics.vote_policies.FEWEST_ITEMS", 10)
    app = open_page("cost", person="lena", accuracy="nonsense")
    assert "A correct label costs 0.1" in words(app)
    assert app.get("plotly_chart")


def test_a_plan_can_be_handed_to_relabel_by_whoever_may_flag(paid: Store) -> None:
    app = open_page("cost", person="lena", accuracy="0.995", gold="0.50")
    said = words(app)
    assert "are expected to bring the labels" in said
    button = next(one for one in app.button if one.key == "cost_batch")
    app = checked(button.click().run())
    assert "were handed to Relabel" in words(app)
    waiting = paid.read("overview_work", project_id=P, as_of=paid.head)["open"][0]
    assert waiting > 0
    assert "flags wait" in words(app) or "1 flag waits" in words(app)
    reviewer = open_page("cost", person="rita", accuracy="0.995", gold="0.50")
    assert "cost_batch" not in [str(one.key) for one in reviewer.button]
    again = open_page("cost", person="lena", accuracy="0.995", gold="0.50")
    button = next(one for one in again.button if one.key == "cost_batch")
    assert "wait there already" in words(checked(button.click().run()))


def test_an_accuracy_out_of_reach_is_said(paid: Store) -> None:
    said = words(open_page("cost", person="lena", accuracy="0.995"))
    assert "cannot be reached" in said or "are expected to bring" in said


def test_a_rate_set_on_the_page_holds_and_a_wrong_one_is_refused(shown: Store) -> None:
    app = open_page("cost", person="lena")
    fields = {one.label: one for one in app.text_input}
    fields["Amount"].set_value("a lot")
    fields["Currency"].set_value("eur")
    app = checked(app.button[0].click().run())
    assert "is not a number with a point" in words(app)
    fields = {one.label: one for one in app.text_input}
    fields["Amount"].set_value("18.00")
    fields["Currency"].set_value("eur")
    app.date_input[0].set_value(FROM)
    app = checked(app.button[0].click().run())
    assert rates.rates(shown, project_id=P, by=stores.LENA)["amount_micros"].to_list() == [18_000_000]
    assert "A label that stands costs 0.15 EUR today" in words(app)


def test_the_past_is_shown_without_buttons(paid: Store) -> None:
    seq = paid.head
    rates.set_rates(paid, project_id=P, by=stores.LENA, table=[Rate("hour", Decimal(36), "EUR", FROM)])
    app = open_page("cost", person="lena", as_of=str(seq), accuracy="0.995", gold="0.50")
    assert app.dataframe[0].value["Pay"].iloc[-1] == "6.00 EUR"
    assert "cost_batch" not in [str(one.key) for one in app.button]
    assert open_page("cost", person="lena").dataframe[0].value["Pay"].iloc[-1] == "12.00 EUR"
