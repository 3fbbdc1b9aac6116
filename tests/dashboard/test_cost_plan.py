"""Plans in a real store: what is on offer and why not, what gold says of promises, batches for Relabel, forecasts, roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from dashboard.workflows import (
    cost_model,
    cost_outlook,
    cost_plan,
    cost_today,
    cost_view,
    ingest,
    rates,
    relabel_queue,
    relabel_reveal,
    score,
    train,
)
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from dashboard.workflows.rates import Rate
from tests import stores
from tests.dashboard.review_steps import current, settle, take

P = stores.PROJECT
FROM = date(2026, 8, 1)
VOTE = Rate("annotation", Decimal("0.05"), "EUR", FROM)


@pytest.fixture
def paid(pets: Store) -> Store:
    rates.set_rates(pets, project_id=P, by=stores.LENA, table=[VOTE])
    return pets


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """240 items with five annotators and gold on every fourth, scored and paid."""
    folder = tmp_path_factory.mktemp("crowded")
    with stores.empty_store(folder / "store") as store:
        parsed = stores.parsed_crowd(n_items=240)
        request = ingest.ImportRequest(labels=stores.LABELS, title="Pets")
        ingest.import_parsed(store, parsed=parsed, project_id=P, by=stores.LENA, request=request)
        score.score(store, project_id=P, by=stores.LENA, options=score.ScoreOptions(replicates=200))
        rates.set_rates(store, project_id=P, by=stores.LENA, table=[VOTE])
        yield store


def spend(store: Store, gold_price: str | None = None) -> cost_plan.Spending:
    price = None if gold_price is None else Decimal(gold_price)
    found = cost_view.cost_view(store, project_id=P, by=stores.LENA, gold_price=price).spending
    assert found is not None
    return found


def ahead(store: Store) -> cost_outlook.Outlook:
    found = cost_view.cost_view(store, project_id=P, by=stores.LENA).outlook
    assert found is not None
    return found


def test_what_is_not_on_offer_says_why(paid: Store) -> None:
    seen = spend(paid)
    offered = {row["action"]: row for row in seen.offered.to_dicts()}
    assert offered["extra vote"]["price"] == pytest.approx(0.05)
    assert "none was made yet" in offered["adjudication"]["why_not"]
    assert "no price was given" in offered["gold label"]["why_not"]
    assert offered["extra vote"]["best_for"] > 0
    assert "fewer than" in str(seen.realised.undefined)
    assert "which gold has not checked" in cost_view.trust_words(seen)
    with_gold = {row["action"]: row for row in spend(paid, "1.50").offered.to_dicts()}
    assert (with_gold["gold label"]["price"], with_gold["gold label"]["accuracy"]) == (1.5, 1.0)


def test_a_model_with_a_price_is_on_offer_where_it_has_not_spoken(paid: Store) -> None:
    rates.set_rates(
        paid, project_id=P, by=stores.LENA, table=[Rate("prediction", Decimal("0.001"), "EUR", FROM)]
    )
    offered = {row["action"]: row for row in spend(paid).offered.to_dicts()}
    assert offered["prediction of model-1"]["price"] == pytest.approx(0.001)
    assert 0.7 < offered["prediction of model-1"]["accuracy"] < 1  # it was always right, on few items
    bought = cost_plan.plan_for(paid, spend(paid), project_id=P, by=stores.LENA, budget=Decimal("0.02"))
    spoken = {f"item-{n:03d}" for n in range(0, 40, 2)}
    models = bought.items.filter(bought.items["action"] == "prediction of model-1")
    assert not set(models["item_id"]) & spoken


def test_gold_says_how_much_of_a_promise_comes(crowded: Store) -> None:
    seen = spend(crowded)
    assert seen.realised.value is not None
    assert seen.temperature.value is not None or "nearly every label is the likeliest one" in str(
        seen.temperature.undefined
    )
    assert "of the gain that was expected" in cost_view.trust_words(seen)
    assert "the next 10 EUR" in seen.sentence or "no purchase" in seen.sentence


def test_a_plan_reaches_what_it_says_for_what_it_costs(crowded: Store) -> None:
    seen = spend(crowded, "0.40")
    assert seen.accuracy_now is not None
    target = (1 + seen.accuracy_now) / 2
    made = cost_plan.plan_for(crowded, seen, project_id=P, by=stores.LENA, accuracy=target)
    assert made.plan.accuracy_then >= target
    assert made.items["cost"].sum() == pytest.approx(made.plan.cost / 1e6)
    assert f"to {made.plan.accuracy_then:.1%} correct" in made.sentence
    votes = made.items.filter((pl.col("action") == "extra vote") & (pl.col("n") == 1))
    assert votes.height
    assert votes["next_vote"].to_list() == pytest.approx(votes["gain"].to_list())
    cheaper = cost_plan.plan_for(
        crowded, seen, project_id=P, by=stores.LENA, budget=Decimal(made.plan.cost - 1) / 1_000_000
    )
    assert cheaper.plan.accuracy_then < target


def test_a_batch_is_handed_out_once_and_its_reason_gives_nothing_away(paid: Store) -> None:
    seen = spend(paid, "0.50")
    made = cost_plan.plan_for(paid, seen, project_id=P, by=stores.LENA, accuracy=0.995)
    batch = cost_plan.ask_for_votes(paid, made, project_id=P, by=stores.LENA)
    assert (batch.n_raised, batch.n_waiting) == (made.items.height, 0)
    again = cost_plan.ask_for_votes(paid, made, project_id=P, by=stores.LENA)
    assert (again.run_id, again.n_raised, again.n_waiting) == (None, 0, made.items.height)
    item = relabel_queue.next_item(paid, project_id=P, by=stores.ANNA)
    assert item is not None
    assert item.item_id in made.items["item_id"].to_list()
    reasons = relabel_reveal.flag_reasons(
        paid.read("queue_flag", project_id=P, flag_id=item.flag_id)["reasons"][0]
    )
    assert [reason.key for reason in reasons] == ["worth_a_vote"]
    assert not [label for label in stores.LABELS if label in reasons[0].sentence]


def test_what_people_settled_is_left_out(flagged: Store) -> None:
    rates.set_rates(flagged, project_id=P, by=stores.LENA, table=[VOTE])
    before = spend(flagged)
    label = current(flagged, stores.ANNA)
    flag_id = take(flagged, stores.ANNA, blind=label, final="dog" if label != "dog" else "cat")
    settle(flagged, flag_id, "bird", by=stores.LENA)
    after = spend(flagged)
    assert (before.n_settled, after.n_settled) == (0, 1)
    assert set(before.item_codes) - set(after.item_codes) <= set(
        flagged.read("cost_work", project_id=P).filter(work="adjudication")["item_code"]
    )
    gold = set(flagged.read("score_gold", project_id=P)["item_code"])
    assert not set(after.item_codes) & gold


def test_who_may_plan_and_who_may_hand_out(paid: Store) -> None:
    seen = cost_view.cost_view(paid, project_id=P, by=stores.RITA, gold_price=Decimal("0.5")).spending
    assert seen is not None
    made = cost_plan.plan_for(paid, seen, project_id=P, by=stores.RITA, accuracy=0.995)
    with pytest.raises(NotAllowed):
        cost_plan.ask_for_votes(paid, made, project_id=P, by=stores.RITA)
    for refused in (
        lambda: cost_plan.plan_for(paid, seen, project_id=P, by=stores.ANNA, accuracy=0.9),
        lambda: cost_view.cost_view(paid, project_id=P, by=stores.ANNA),
        lambda: cost_today.cost_today(paid, P, stores.ANNA),
    ):
        with pytest.raises(NotAllowed):
            refused()


def test_a_plan_that_cannot_be_is_refused(pets: Store) -> None:
    of_a_model = Rate("prediction", Decimal("0.001"), "EUR", FROM)
    rates.set_rates(pets, project_id=P, by=stores.LENA, table=[of_a_model])
    nothing = spend(pets)
    assert "nobody knows what an annotation costs" in str(nothing.undefined)
    with pytest.raises(BadRequest, match="Nothing can be planned"):
        cost_plan.plan_for(pets, nothing, project_id=P, by=stores.LENA, accuracy=0.9)
    rates.set_rates(pets, project_id=P, by=stores.LENA, table=[VOTE])
    seen = spend(pets)
    for options in ({"accuracy": 1.2}, {"budget": Decimal(-1)}, {}, {"accuracy": 0.9, "budget": Decimal(1)}):
        with pytest.raises(BadRequest):
            cost_plan.plan_for(pets, seen, project_id=P, by=stores.LENA, **options)
    with pytest.raises(BadRequest, match="price of gold"):
        spend(pets, "0")
    rates.set_rates(pets, project_id=P, by=stores.LENA, table=[replace(VOTE, amount=Decimal(0))])
    free = cost_view.cost_view(pets, project_id=P, by=stores.LENA)
    assert free.spending is not None
    assert "costs nothing by the rates" in str(free.spending.undefined)
    assert free.outlook is not None
    assert free.outlook.frontier_undefined == "an annotation costs nothing"
    enough = cost_plan.plan_for(pets, seen, project_id=P, by=stores.LENA, accuracy=0.5)
    assert "Nothing needs to be bought" in enough.sentence
    with pytest.raises(BadRequest, match="no item"):
        cost_plan.ask_for_votes(pets, enough, project_id=P, by=stores.LENA)


def test_the_frontier_has_every_purchase_and_the_mix_above_them(crowded: Store) -> None:
    seen = spend(crowded, "0.40")
    mix, vote, gold = (
        seen.frontier.filter(pl.col("action") == name)
        for name in ("cheapest mix", "extra vote", "gold label")
    )
    assert gold["errors"][-1] > vote["errors"][-1]
    for part in (vote, gold):
        best = np.interp(part["cost"].to_numpy(), mix["cost"].to_numpy(), mix["errors"].to_numpy())
        assert (
            best >= part["errors"].to_numpy() - 0.05 * mix["errors"][-1]
        ).all()  # between points that are left out
    offered = {row["action"]: row for row in seen.offered.to_dicts()}
    assert seen.mix_per_error is not None
    assert seen.mix_per_error <= offered["gold label"]["per_error"] * 1.02
    assert {"model pre-label", "LLM vote"} <= set(offered)
    assert "no rate by the prediction" in offered["LLM vote"]["why_not"]
    assert spend(crowded).frontier["action"].unique().sort().to_list() == ["cheapest mix", "extra vote"]


def test_the_frontier_is_measured_on_gold(crowded: Store) -> None:
    seen = ahead(crowded)
    assert seen.frontier["n_votes"].to_list() == [1, 2, 3, 4, 5]
    assert seen.frontier["cost"].to_list() == pytest.approx([0.05 * n for n in range(1, 6)])
    assert seen.frontier["error"][0] > seen.frontier["error"][-1]
    assert seen.last_vote.unit == "EUR"


def test_a_forecast_needs_weeks_and_then_has_a_day_and_a_cost(
    flagged: Store, clock: stores.SteppingClock
) -> None:
    rates.set_rates(flagged, project_id=P, by=stores.LENA, table=[VOTE])
    early = ahead(flagged)
    assert early.n_waiting > 6
    assert "cannot be told: fewer than 4 whole weeks" in cost_outlook.queue_words(early)
    assert "no flag was settled yet" in cost_outlook.queue_words(early)
    for _ in range(6):
        clock.now += timedelta(days=6)
        label = current(flagged, stores.ANNA)
        take(flagged, stores.ANNA, blind=label, final=label)
    late = ahead(flagged)
    said = cost_outlook.queue_words(late)
    assert late.queue.done_on is not None
    assert late.queue.earliest is not None
    assert late.queue.earliest <= late.queue.done_on
    assert "at the pace of the last" in said
    assert "it takes" in said
    assert late.queue_cost.value == pytest.approx(
        0.1 * late.n_waiting
    )  # a blind answer and one after the reveal


def test_the_past_is_looked_ahead_from_its_own_day_with_what_was_settled_then(
    flagged: Store, clock: stores.SteppingClock
) -> None:
    rates.set_rates(flagged, project_id=P, by=stores.LENA, table=[VOTE])
    for _ in range(5):
        clock.now += timedelta(days=7)
        label = current(flagged, stores.ANNA)
        take(flagged, stores.ANNA, blind=label, final=label)
    then, seen = flagged.head, ahead(flagged)
    assert seen.queue.done_on is not None
    clock.now += timedelta(days=400)
    label = current(flagged, stores.ANNA)
    flag_id = take(flagged, stores.ANNA, blind=label, final="dog" if label != "dog" else "cat")
    settle(flagged, flag_id, "bird", by=stores.LENA)
    past = cost_view.cost_view(flagged, project_id=P, by=stores.LENA, as_of=then)
    assert past.outlook is not None
    assert past.outlook.queue == seen.queue
    assert past.spending is not None
    assert past.spending.n_settled == 0
    assert spend(flagged).n_settled == 1


def test_decisions_with_a_time_have_a_price(flagged: Store) -> None:
    hourly = Rate("hour", Decimal("18.00"), "EUR", FROM)
    rates.set_rates(flagged, project_id=P, by=stores.LENA, table=[hourly])
    why = ""
    for seconds in (None, 40.0):
        label = current(flagged, stores.ANNA)
        flag_id = take(flagged, stores.ANNA, blind=label, final="dog" if label != "dog" else "cat")
        settle(flagged, flag_id, label, by=stores.LENA, active_seconds=seconds)
        why = {row["action"]: row["why_not"] for row in spend(flagged).offered.to_dicts()}["adjudication"]
        assert ("none that is paid by the hour has a recorded time" in why) is (seconds is None)
    assert "were of items with gold, 20 are needed" in why


def test_a_point_of_model_error_has_a_price_once_a_curve_was_measured(
    paid: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = cost_view.cost_view(paid, project_id=P, by=stores.LENA)
    assert none.model is not None
    assert (
        none.model.money.undefined
        == "no learning curve was measured yet; touchstone train --curve measures it"
    )
    monkeypatch.setattr("analytics.learning_curve.FEWEST_ITEMS", 20)
    options = train.TrainOptions(n_members=1, n_folds=3, penalty=0.1, curve=True)
    done = train.train(paid, project_id=P, by=stores.LENA, options=options)
    assert done.curve is not None
    seen = cost_view.cost_view(paid, project_id=P, by=stores.LENA).model
    assert seen is not None
    assert seen.model_run == done.model_run
    point = done.curve["point"]
    assert isinstance(point, dict)
    if point["labels"] is None:
        assert seen.money.undefined == point["undefined"]
        assert "cannot be told" in seen.sentence
    else:
        assert seen.money.value == pytest.approx(point["labels"] * 0.25)


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (None, "was kept before points were priced"),
        ({"labels": None, "low": None, "high": None, "undefined": "no power law fits"}, "no power law fits"),
        (
            {"labels": 120.0, "low": 60.0, "high": 500.0, "undefined": None},
            "costs 30.00 EUR (15.00 to 125.00): 120 more labels at 0.25 EUR each",
        ),
        ({"labels": 120.0, "low": None, "high": None, "undefined": None}, "costs 30.00 EUR: 120 more labels"),
    ],
)
def test_what_a_kept_curve_says_of_a_point(
    paid: Store, monkeypatch: pytest.MonkeyPatch, point: dict[str, object] | None, said: str
) -> None:
    curve: dict[str, object] = {"points": [], "labelled": 400, **({} if point is None else {"point": point})}
    monkeypatch.setattr(cost_model, "_newest_curve", lambda *_: ("linear 7", curve))
    each = cost_view.cost_view(paid, project_id=P, by=stores.LENA).model
    assert each is not None
    assert said in each.sentence


def test_one_sentence_for_the_overview(paid: Store) -> None:
    state, said = cost_today.cost_today(paid, P, stores.RITA)
    assert state == "undefined"
    assert said.startswith("A label that stands costs 0.25 EUR today")
    assert said.endswith("0% of the pay went into work done again.")
