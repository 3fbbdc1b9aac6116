"""What the next money is best spent on: more votes, adjudication, gold, a model's predictions; and the plan that reaches an accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl

from analytics.frames import FloatArray
from analytics.pay import MICROS
from analytics.purchase_frontier import purchase_frontiers
from analytics.results import Estimate
from analytics.vote_value import Offers, Plan, chosen, plan, worths
from dashboard.workflows import cost_batch, cost_offers
from dashboard.workflows.cost_fit import PlanBasis
from dashboard.workflows.cost_offers import ADJUDICATION, GOLD, NEXT, OFFERED, VOTE
from dashboard.workflows.cost_words import next_words, plan_words
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

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


def spending(basis: PlanBasis | str, currency: str | None, *, gold_price: Decimal | None = None) -> Spending:
    """What each purchase would do for each item.

    Args:
        basis: what plans are weighed by, or why nothing can be planned.
        currency: of the prices.
        gold_price: what a label costs that is taken for right whatever it says (an expert's); None: not on offer.
    """
    if isinstance(basis, str):
        return _nothing(currency, basis)
    given = basis.given
    actions, refused = cost_offers.people(given, basis.annotators, basis.votes, gold_price)
    actions, refused = actions + basis.models, refused + basis.silent
    each = worths(given.posterior, actions)
    found = chosen(each)
    curves = purchase_frontiers(each, found)
    following = plan(found, budget=NEXT * MICROS)
    return Spending(
        currency,
        cost_offers.offered(found, actions, refused, curves),
        curves.with_columns(pl.col("cost") / MICROS),
        found,
        given.items["item_code"],
        each.next_one(VOTE),
        basis.temperature,
        basis.realised,
        float(found.right_now.mean()),
        following,
        cost_offers.per_error(curves),
        next_words(following, currency or "", most=NEXT),
        basis.n_settled,
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
