"""What the next money is best spent on: more votes, adjudication, gold, a model's predictions; and the plan that reaches an accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl

from analytics.frames import FloatArray, IntArray
from analytics.pay import MICROS, PREDICTION
from analytics.purchase_frontier import purchase_frontiers
from analytics.results import Estimate
from analytics.temperature import MIN_ITEMS, fit_temperature, logits_of
from analytics.vote_confusion import tempered
from analytics.vote_policies import realised_share
from analytics.vote_value import Action, Offers, Plan, chosen, plan, worths
from dashboard.workflows import cost_batch, cost_offers
from dashboard.workflows.consensus_methods import DEFAULT, Fitted, Question, method
from dashboard.workflows.cost_offers import ADJUDICATION, GOLD, NEXT, OFFERED, VOTE
from dashboard.workflows.cost_predictions import parts_of, predictions
from dashboard.workflows.cost_words import next_words, plan_words
from dashboard.workflows.cost_work import PaidWork, price_of
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.score_sets import fit_sets

MIN_VOTES = 3
PEOPLE = ("adjudication", "relabel")
FRONTIER = {"action": pl.String, "cost": pl.Float64, "errors": pl.Float64}


@dataclass(frozen=True, slots=True, eq=False)
class Spending:
    """What can be bought, and what is best.

    `next_vote` (items): what one more vote adds to the probability that each item's label is right, expected.
    `offered`: as `cost_offers.offered`. `frontier`: action (of `analytics.purchase_frontier`), cost (main units), errors (wrong
    labels fewer, expected): each purchase by itself, and the cheapest mix. `temperature`: fitted on gold, undefined where there is
    too little: then posteriors are taken as the model has them. `realised`: the share of an expected gain that comes, on gold;
    undefined: the model is taken at its word. Without gold `accuracy_now` is the model's own belief. `next_plan`: what the next NEXT
    main units buy. `mix_per_error`: what an error removed costs over these, by the cheapest mix. `undefined`: why nothing can be
    planned.
    """

    currency: str | None
    offered: pl.DataFrame
    frontier: pl.DataFrame
    found: Offers | None
    item_codes: pl.Series
    next_vote: FloatArray
    temperature: Estimate
    realised: Estimate
    accuracy_now: float | None
    next_plan: Plan | None
    mix_per_error: float | None
    sentence: str
    n_settled: int
    undefined: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ItemPlan:
    """A plan for the items of a project: item_code, item_id, action, n, cost (main units), gain, next_vote.

    `gain`: what the purchase adds to the probability that the label is right; `next_vote`: what a single vote more would add.
    """

    plan: Plan
    items: pl.DataFrame
    sentence: str
    currency: str


def check_price(gold_price: Decimal | None) -> None:
    """Raise BadRequest for a price of gold that cannot be."""
    if gold_price is not None and not 0 < gold_price < 10**8:
        raise BadRequest(f"The price of gold is {gold_price}; it is above 0.")


def of_work(
    store: Store,
    project_id: str,
    seen: PaidWork,
    *,
    gold_price: Decimal | None = None,
    as_of: int | None = None,
) -> Spending:
    """What each purchase would do for each item, by the newest annotations; the caller has checked who may see it and the price.

    Seconds for a million items.

    Args:
        store: where the annotations are.
        project_id: whose.
        seen: the work and its pay.
        gold_price: what a label costs that is taken for right whatever it says (an expert's); None: not on offer.
        as_of: an event.
    """
    label_set = require_label_set(store, project_id, as_of=as_of)
    votes = store.read("score_votes", project_id=project_id, as_of=as_of)
    why = _why_not(seen, votes)
    if why is not None:
        return _nothing(seen.currency, why)
    fitted = _fitted(votes, label_set)
    if fitted.annotators.is_empty():
        return _nothing(seen.currency, "so many people and choices are too many to be weighed one by one")
    items, parts = fitted.items.sort("item_code"), parts_of(label_set)
    gold = store.read("score_gold", project_id=project_id, as_of=as_of)
    temperature = _temperature(items, gold, parts, sets=label_set.is_sets)
    heat = temperature.value if temperature.value is not None else 1.0
    settled = store.read("current_labels", project_id=project_id).filter(pl.col("source").is_in(PEOPLE))
    open_items = items.join(settled, on="item_code", how="anti", maintain_order="left")
    open_items = open_items.join(gold, on="item_code", how="anti", maintain_order="left")
    if open_items.is_empty():
        return _nothing(seen.currency, "people settled every label, or gold says it")
    posterior = tempered(np.clip(_table(open_items, sets=label_set.is_sets), 1e-12, None), heat)
    realised = _realised(votes, gold, label_set.n_labels, parts if label_set.is_sets else None)
    given = cost_offers.Given(seen, open_items, posterior, parts, heat, gold, _share_of(realised))
    actions, refused = cost_offers.people(given, fitted.annotators, votes, gold_price)
    models, silent = _models(store, project_id, given, as_of)
    actions, refused = actions + models, refused + silent
    each = worths(posterior, actions)
    found = chosen(each)
    curves = purchase_frontiers(each, found)
    following = plan(found, budget=NEXT * MICROS)
    currency = seen.currency or ""
    return Spending(
        currency,
        cost_offers.offered(found, actions, refused, curves),
        curves.with_columns(pl.col("cost") / MICROS),
        found,
        open_items["item_code"],
        each.next_one(VOTE),
        temperature,
        realised,
        float(found.right_now.mean()),
        following,
        cost_offers.per_error(curves),
        next_words(following, currency, most=NEXT),
        settled.height,
        None,
    )


def plan_for(
    store: Store,
    seen: Spending,
    *,
    project_id: str,
    by: Person,
    accuracy: float | None = None,
    budget: Decimal | None = None,
) -> ItemPlan:
    """The cheapest plan for a wanted accuracy, or the best one for a budget in main units.

    Raises:
        BadRequest: nothing can be planned, or not exactly one of the two is given, or it is out of range. NotAllowed.
    """
    require(by, "view.cost")
    if seen.found is None or seen.currency is None:
        raise BadRequest(f"Nothing can be planned: {seen.undefined}.")
    if (accuracy is None) == (budget is None):
        raise BadRequest("A plan takes an accuracy to reach or a budget, one of the two.")
    if accuracy is not None and not 0.0 < accuracy <= 1.0:
        raise BadRequest(f"An accuracy lies between 0 and 1; {accuracy:g} does not.")
    if budget is not None and not 0 <= budget < 10**10:
        raise BadRequest(f"A budget is 0 or more; {budget} is not.")
    made = plan(seen.found, accuracy=accuracy, budget=None if budget is None else int(budget * MICROS))
    names = store.read("import_known_items", project_id=project_id).select("item_code", "item_id")
    places = made.items["item"].cast(pl.UInt32)
    coded = made.items.with_columns(
        item_code=seen.item_codes.gather(places), next_vote=pl.Series(seen.next_vote[places.to_numpy()], dtype=pl.Float64)
    )  # fmt: skip
    items = coded.join(names, on="item_code", how="left", maintain_order="left").select(
        "item_code",
        "item_id",
        "action",
        pl.col("n").cast(pl.Int64),
        pl.col("cost") / MICROS,
        "gain",
        "next_vote",
    )
    return ItemPlan(made, items, plan_words(made, accuracy, seen.currency), seen.currency)


def ask_for_votes(
    store: Store, made: ItemPlan, *, project_id: str, by: Person, request_id: str | None = None
) -> cost_batch.Batch:
    """Hand the items of a plan that people are to look at to Relabel.

    Raises:
        BadRequest: no item of the plan is for people. NotAllowed: the person may not flag.
    """
    items = made.items.filter(pl.col("action").is_in([VOTE, ADJUDICATION, GOLD]))
    return cost_batch.raise_batch(store, project_id=project_id, by=by, items=items, request_id=request_id)


def _why_not(seen: PaidWork, votes: pl.DataFrame) -> str | None:
    if votes.is_empty():
        return "there are no independent annotations"
    price = price_of(seen, "labelling")
    if price is None:
        return (
            "nobody knows what an annotation costs: no rate holds for newest work, or its times are not known"
        )
    return (
        None if price else "an annotation costs nothing by the rates that hold, so there is nothing to weigh"
    )


def _nothing(currency: str | None, why: str) -> Spending:
    none, nobody = Estimate.none(why), pl.Series([], dtype=pl.Int64)
    return Spending(
        currency,
        pl.DataFrame(schema=OFFERED),
        pl.DataFrame(schema=FRONTIER),
        None,
        nobody,
        np.empty(0),
        none,
        none,
        None,
        None,
        None,
        "",
        0,
        why,
    )


def _models(
    store: Store, project_id: str, given: cost_offers.Given, as_of: int | None
) -> tuple[list[Action], cost_offers.Refused]:
    """The models with a price; where no rate pays predictions the millions of them need not be read."""
    if PREDICTION not in set(given.seen.rates["basis"]):
        return [], [(kind, cost_offers.NO_PRICE) for kind in (cost_offers.PRE_LABEL, cost_offers.MODEL_VOTE)]
    runs = store.read("model_runs", project_id=project_id, as_of=as_of)
    return cost_offers.models(predictions(store, project_id, as_of=as_of), runs, given)


def _fitted(votes: pl.DataFrame, label_set: LabelSet) -> Fitted:
    asked = Question(votes, label_set.n_labels)
    if label_set.is_sets:
        return fit_sets(method(DEFAULT), asked, label_set)[0]
    return method(DEFAULT).fit(asked)


def _table(items: pl.DataFrame, *, sets: bool) -> FloatArray:
    """(C, I, K): the posterior of each choice of sets, else of the one label."""
    table = np.asarray(items["posterior"].to_list(), dtype=np.float64)
    return np.stack([1 - table.T, table.T], axis=2) if sets else table[None]


def _temperature(items: pl.DataFrame, gold: pl.DataFrame, parts: IntArray, *, sets: bool) -> Estimate:
    """How much too sure the posteriors are, by gold; of sets those of all choices together."""
    known = items.join(gold.rename({"label_code": "gold_code"}), on="item_code", how="inner")
    if known.height < MIN_ITEMS:
        return Estimate.none(f"fewer than {MIN_ITEMS} items with votes have gold", known.height)
    table = _table(known, sets=sets)
    labels = parts[known["gold_code"].cast(pl.Int64).to_numpy()].T.ravel()
    return fit_temperature(logits_of(table.reshape(-1, table.shape[2])), labels).temperature


def _realised(votes: pl.DataFrame, gold: pl.DataFrame, n_labels: int, members: IntArray | None) -> Estimate:
    """How much of a plan's expected gain comes: tried on the gold items' own votes, from nearly as many as items have today."""
    counts = (
        votes.join(gold.select("item_code"), on="item_code", how="semi").group_by("item_code").len()["len"]
    )
    usual = counts.median()
    if not isinstance(usual, float) or usual < MIN_VOTES:
        return Estimate.none(f"items with gold have fewer than {MIN_VOTES} votes")
    return realised_share(votes, gold, n_labels=n_labels, members=members, start=max(int(usual) - 2, 1))


def _share_of(realised: Estimate) -> float:
    """The share that gains are multiplied by: 0 where votes had no measurable effect, 1 where nobody knows."""
    if realised.value is None or realised.low is None:
        return 1.0
    return min(realised.value, 1.0) if realised.low > 0 else 0.0
