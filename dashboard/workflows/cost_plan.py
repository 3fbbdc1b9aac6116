"""What the next money is best spent on: more votes, adjudication, gold, a model's predictions; and the plan that reaches an accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl

from analytics.frames import FloatArray
from analytics.pay import MICROS, PREDICTION
from analytics.results import Estimate
from analytics.temperature import MIN_ITEMS, fit_temperature, logits_of
from analytics.vote_policies import realised_share
from analytics.vote_value import (
    Action,
    Offers,
    Plan,
    confusion_beside,
    offers,
    plan,
    pooled_confusion,
    tempered,
)
from dashboard.workflows import cost_batch
from dashboard.workflows.consensus_methods import DEFAULT, Question, method
from dashboard.workflows.cost_words import next_words, plan_words
from dashboard.workflows.cost_work import PaidWork, paid_work, price_of
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

VOTE, ADJUDICATION, GOLD = "extra vote", "adjudication", "gold label"
MOST_VOTES = 5
MIN_VOTES = 3
NEXT = 10
"""What the next money is best spent on is told for so many main units: one unit is often less than one purchase."""

FEWEST_DECISIONS = 20
PEOPLE = ("adjudication", "relabel")
OFFERED = {
    "action": pl.String,
    "price": pl.Float64,
    "accuracy": pl.Float64,
    "best_for": pl.Int64,
    "why_not": pl.String,
}


@dataclass(frozen=True, slots=True, eq=False)
class Spending:
    """What can be bought, and what is best.

    `offered`: action, price (main units), accuracy (how often it is right), best_for (items for which it is the best first
    purchase), why_not (why it is not on offer, else null). `temperature`: fitted on gold, undefined where there is too little:
    then posteriors are taken as the model has them. `realised`: the share of an expected gain that comes, on gold; undefined: the
    model is taken at its word. Without gold `accuracy_now` is the model's own belief. `next_items`: what the next
    NEXT main units buy. `undefined`: why nothing can be planned.
    """

    currency: str | None
    offered: pl.DataFrame
    found: Offers | None
    item_codes: pl.Series
    temperature: Estimate
    realised: Estimate
    accuracy_now: float | None
    next_plan: Plan | None
    sentence: str
    n_settled: int
    undefined: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ItemPlan:
    """A plan for the items of a project: item_code, item_id, action, n, cost (main units), gain."""

    plan: Plan
    items: pl.DataFrame
    sentence: str
    currency: str


def spending(
    store: Store,
    *,
    project_id: str,
    by: Person,
    into: str | None = None,
    gold_price: Decimal | None = None,
    as_of: int | None = None,
) -> Spending:
    """What each purchase would do for each item, by the newest annotations. Seconds for a million items.

    Args:
        store: where the annotations are.
        project_id: whose.
        by: who asks.
        into: the currency of the prices.
        gold_price: what a label costs that is taken for right whatever it says (an expert's); None: not on offer.
        as_of: an event.

    Raises:
        NotAllowed: the person may not see costs. BadRequest: an unknown currency, or a price that is not above 0.
    """
    require(by, "view.cost")
    if gold_price is not None and not 0 < gold_price < 10**8:
        raise BadRequest(f"The price of gold is {gold_price}; it is above 0.")
    seen = paid_work(store, project_id, into=into, as_of=as_of)
    return of_work(store, project_id, seen, gold_price=gold_price, as_of=as_of)


def of_work(
    store: Store,
    project_id: str,
    seen: PaidWork,
    *,
    gold_price: Decimal | None = None,
    as_of: int | None = None,
) -> Spending:
    """As `spending`, of work that was read before; the caller has checked who may see it."""
    label_set = require_label_set(store, project_id, as_of=as_of)
    votes = store.read("score_votes", project_id=project_id, as_of=as_of)
    why = _why_not(seen, label_set, votes)
    if why is not None:
        return _nothing(seen.currency, why)
    fitted = method(DEFAULT).fit(Question(votes, label_set.n_labels))
    items = fitted.items.sort("item_code")
    gold = store.read("score_gold", project_id=project_id, as_of=as_of)
    temperature = _temperature(items, gold)
    heat = temperature.value if temperature.value is not None else 1.0
    settled = store.read("current_labels", project_id=project_id).filter(pl.col("source").is_in(PEOPLE))
    open_items = items.join(settled, on="item_code", how="anti", maintain_order="left")
    open_items = open_items.join(gold, on="item_code", how="anti", maintain_order="left")
    if open_items.is_empty():
        return _nothing(seen.currency, "people settled every label, or gold says it")
    posterior = tempered(np.clip(_table(open_items), 1e-12, None), heat)
    realised = _realised(votes, gold, label_set.n_labels)
    given = _Given(seen, open_items, posterior, heat, gold, _share_of(realised))
    actions, refused = _people(given, fitted.annotators, votes, gold_price)
    if PREDICTION in set(seen.rates["basis"]):
        models, silent = _models(store.read("cost_predictions", project_id=project_id, as_of=as_of), given)
        actions, refused = actions + models, refused + silent
    found = offers(posterior, actions)
    following = plan(found, budget=NEXT * MICROS)
    currency = seen.currency or ""
    return Spending(
        currency,
        _offered(found, actions, refused),
        found,
        open_items["item_code"],
        temperature,
        realised,
        float(found.right_now.mean()),
        following,
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
    coded = made.items.with_columns(item_code=seen.item_codes.gather(made.items["item"].cast(pl.UInt32)))
    items = coded.join(names, on="item_code", how="left", maintain_order="left").select(
        "item_code", "item_id", "action", pl.col("n").cast(pl.Int64), pl.col("cost") / MICROS, "gain"
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


def _why_not(seen: PaidWork, label_set: LabelSet, votes: pl.DataFrame) -> str | None:
    if label_set.is_sets:
        return "labels are sets, whose next vote is not yet valued"
    if votes.is_empty():
        return "there are no independent annotations"
    if price_of(seen, "labelling") is None:
        return (
            "nobody knows what an annotation costs: no rate holds for newest work, or its times are not known"
        )
    return None


def _nothing(currency: str | None, why: str) -> Spending:
    none, nobody = Estimate.none(why), pl.Series([], dtype=pl.Int64)
    return Spending(currency, pl.DataFrame(schema=OFFERED), None, nobody, none, none, None, None, "", 0, why)


def _table(items: pl.DataFrame) -> FloatArray:
    return np.asarray(items["posterior"].to_list(), dtype=np.float64)


def _temperature(items: pl.DataFrame, gold: pl.DataFrame) -> Estimate:
    """How much too sure the posteriors are, by gold."""
    known = items.join(gold.rename({"label_code": "gold_code"}), on="item_code", how="inner")
    if known.height < MIN_ITEMS:
        return Estimate.none(f"fewer than {MIN_ITEMS} items with votes have gold", known.height)
    logits = logits_of(_table(known))
    return fit_temperature(logits, known["gold_code"].cast(pl.Int64).to_numpy()).temperature


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What purchases are weighed by: the work and its pay, the items whose labels are open (I, K), the temperature, gold."""

    seen: PaidWork
    items: pl.DataFrame
    posterior: FloatArray
    heat: float
    gold: pl.DataFrame
    realised: float


def _realised(votes: pl.DataFrame, gold: pl.DataFrame, n_labels: int) -> Estimate:
    """How much of a plan's expected gain comes: tried on the gold items' own votes, from nearly as many as items have today."""
    counts = (
        votes.join(gold.select("item_code"), on="item_code", how="semi").group_by("item_code").len()["len"]
    )
    usual = counts.median()
    if not isinstance(usual, float) or usual < MIN_VOTES:
        return Estimate.none(f"items with gold have fewer than {MIN_VOTES} votes")
    return realised_share(votes, gold, n_labels=n_labels, start=max(int(usual) - 2, 1))


def _share_of(realised: Estimate) -> float:
    """The share that gains are multiplied by: 0 where votes had no measurable effect, 1 where nobody knows."""
    if realised.value is None or realised.low is None:
        return 1.0
    return min(realised.value, 1.0) if realised.low > 0 else 0.0


def _people(
    given: _Given, annotators: pl.DataFrame, votes: pl.DataFrame, gold_price: Decimal | None
) -> tuple[list[Action], list[tuple[str, str]]]:
    """What people can be asked for, and what they cannot, with the reason."""
    n_labels = given.posterior.shape[1]
    price = price_of(given.seen, "labelling")
    assert price is not None
    busy = annotators.join(votes.group_by("annotator_code").len(), on="annotator_code", how="left").fill_null(
        0
    )
    matrices = np.asarray(busy["confusion"].to_list(), dtype=np.float64).reshape(-1, n_labels, n_labels)
    next_one = np.clip(pooled_confusion(matrices, busy["len"].to_numpy()), 1e-12, None)
    actions = [Action(VOTE, price, tempered(next_one, given.heat), MOST_VOTES, realised=given.realised)]
    refused = []
    lead = price_of(given.seen, "adjudication")
    decided = given.seen.work.filter((pl.col("work") == "adjudication") & pl.col("label_code").is_not_null())
    beside = decided.join(given.gold.rename({"label_code": "gold_code"}), on="item_code", how="inner")
    if lead is None:
        why = "nobody knows what one costs: its time is not recorded, so it takes a rate by the annotation"
        refused.append((ADJUDICATION, why))
    elif beside.height < FEWEST_DECISIONS:
        why = f"how often one is right is not known: {beside.height} were of items with gold, {FEWEST_DECISIONS} are needed"
        refused.append((ADJUDICATION, why))
    else:
        sure = np.eye(n_labels)[beside["gold_code"].to_numpy()]
        actions.append(Action(ADJUDICATION, lead, confusion_beside(sure, beside["label_code"].to_numpy())))
    if gold_price is None:
        refused.append((GOLD, "no price was given for a label that is taken for right"))
    else:
        actions.append(Action(GOLD, max(int(gold_price * MICROS), 1), np.eye(n_labels)))
    return actions, refused


def _models(runs: pl.DataFrame, given: _Given) -> tuple[list[Action], list[tuple[str, str]]]:
    """Each model with a price, for the items that it said nothing of; how often it is right by the votes of people."""
    found, refused, items = [], [], given.items
    for run in runs["who_id"].unique().sort().to_list():
        price = price_of(given.seen, PREDICTION, who_id=run)
        own = runs.filter(pl.col("who_id") == run)
        lacking = ~items["item_code"].is_in(own["item_code"].implode()).to_numpy()
        said = (
            items.with_row_index("place")
            .join(own, on="item_code", how="inner", suffix="_said")
            .drop_nulls("label_code_said")
        )
        if price is not None and not lacking.any():
            refused.append((f"prediction of {run}", "it has said something of every item"))
        if price is None or not lacking.any() or said.is_empty():
            continue
        beside = confusion_beside(
            given.posterior[said["place"].to_numpy()], said["label_code_said"].to_numpy()
        )
        found.append(Action(f"prediction of {run}", price, beside, offered=lacking, realised=given.realised))
    return found, refused


def _offered(found: Offers, actions: list[Action], refused: list[tuple[str, str]]) -> pl.DataFrame:
    first = found.steps.unique("item", keep="first", maintain_order=True)["action"].to_numpy()
    weights = np.bincount(first, minlength=len(actions))
    rows = [
        (
            action.key,
            action.price / MICROS,
            float(np.diag(action.confusion).mean()),
            int(weights[place]),
            None,
        )
        for place, action in enumerate(actions)
    ]
    rows_refused = [(key, None, None, 0, why) for key, why in refused]
    return pl.DataFrame([*rows, *rows_refused], schema=OFFERED, orient="row")
