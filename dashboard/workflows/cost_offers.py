"""What can be bought for a label, at what price, and how often it is right; and what cannot, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl

from analytics.frames import FloatArray, IntArray
from analytics.pay import MICROS
from analytics.purchase_frontier import MIX, price_of_errors
from analytics.vote_confusion import confusion_beside, pooled_confusion, tempered
from analytics.vote_value import Action, Offers
from dashboard.workflows.cost_work import PaidWork, price_of
from dashboard.workflows.model_samples import BUILT_IN

VOTE, ADJUDICATION, GOLD = "extra vote", "adjudication", "gold label"
PRE_LABEL, MODEL_VOTE = "model pre-label", "LLM vote"
"""A prediction of the built-in model, and one of any other model, such as an LLM."""

MOST_VOTES = 5
FEWEST_DECISIONS = 20
NEXT = 10
"""What the next money is best spent on is told for so many main units: one unit is often less than one purchase."""

NO_PRICE = "no rate by the prediction says what one costs"
COSTS_NOTHING = "it costs nothing by the rates that hold: there is nothing to weigh"
OFFERED = {
    "action": pl.String, "price": pl.Float64, "accuracy": pl.Float64, "best_for": pl.Int64, "per_error": pl.Float64,
    "why_not": pl.String,
}  # fmt: skip

Refused = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What purchases are weighed by: the work and its pay, the items whose labels are open, the temperature, gold.

    `posterior` (C, I, K): of labels that are sets a yes or no (K = 2) to each of C choices, else C is 1. `parts` as `parts_of` gives it.
    """

    seen: PaidWork
    items: pl.DataFrame
    posterior: FloatArray
    parts: IntArray
    heat: float
    gold: pl.DataFrame
    realised: float


def people(
    given: Given, annotators: pl.DataFrame, votes: pl.DataFrame, gold_price: Decimal | None
) -> tuple[list[Action], Refused]:
    """What people can be asked for, and what they cannot."""
    n_choices, _, n_labels = given.posterior.shape
    price = price_of(given.seen, "labelling")
    assert price is not None  # without one nothing is planned
    busy = annotators.join(votes.group_by("annotator_code").len(), on="annotator_code", how="left").fill_null(
        0
    )
    shape = (-1, n_choices, n_labels, n_labels)
    matrices = np.asarray(busy["confusion"].to_list(), dtype=np.float64).reshape(shape)
    each = [pooled_confusion(matrices[:, choice], busy["len"].to_numpy()) for choice in range(n_choices)]
    next_one = np.clip(np.stack(each), 1e-12, None)
    actions = [Action(VOTE, price, tempered(next_one, given.heat), MOST_VOTES, realised=given.realised)]
    refused: Refused = []
    lead = _adjudication(given)
    if isinstance(lead, str):
        refused.append((ADJUDICATION, lead))
    else:
        actions.append(lead)
    if gold_price is None:
        refused.append((GOLD, "no price was given for a label that is taken for right"))
    else:
        actions.append(
            Action(GOLD, max(int(gold_price * MICROS), 1), np.tile(np.eye(n_labels), (n_choices, 1, 1)))
        )
    return actions, refused


def models(predictions: pl.DataFrame, runs: pl.DataFrame, given: Given) -> tuple[list[Action], Refused]:
    """Each model with a price, for the items that it said nothing of; how often it is right by the votes of people.

    Args:
        predictions: who_id (the model run), item_code, answers (to each choice; one, where labels are no sets).
        runs: model_run, format of those that gave probabilities.
        given: what purchases are weighed by.
    """
    own = set(runs.filter(pl.col("format") == BUILT_IN)["model_run"])
    found: list[Action] = []
    refused: Refused = []
    for run in predictions["who_id"].unique().sort().to_list():
        name = f"{PRE_LABEL if run in own else 'prediction'} of {run}"
        made = _model(name, predictions.filter(pl.col("who_id") == run), given)
        if isinstance(made, str):
            refused.append((name, made))
        else:
            found.append(made)
    for kind, has_any in ((PRE_LABEL, bool(own)), (MODEL_VOTE, len(set(predictions["who_id"]) - own) > 0)):
        if not has_any:
            refused.append((kind, "no such model has made predictions here"))
    return found, refused


def offered(found: Offers, actions: list[Action], refused: Refused, frontier: pl.DataFrame) -> pl.DataFrame:
    """One row a purchase: action, price (main units), accuracy (how often one is right; of sets, in all choices), best_for (items for
    which it is the best first purchase), per_error (main units for an error removed, expected over the first NEXT main units), why_not.
    """
    first = found.steps.unique("item", keep="first", maintain_order=True)["action"].to_numpy()
    weights = np.bincount(first, minlength=len(actions))
    rows = [
        (
            action.key,
            action.price / MICROS,
            float(np.diagonal(action.confusion, axis1=-2, axis2=-1).mean(axis=-1).prod()),
            int(weights[place]),
            per_error(frontier, action.key),
            None,
        )
        for place, action in enumerate(actions)
    ]
    rows_refused = [(key, None, None, 0, None, why) for key, why in refused]
    return pl.DataFrame([*rows, *rows_refused], schema=OFFERED, orient="row")


def per_error(frontier: pl.DataFrame, key: str = MIX) -> float | None:
    """Main units for an error removed, over the first NEXT of them spent on one purchase alone; None where none is removed."""
    price = price_of_errors(frontier.filter(pl.col("action") == key), budget=NEXT * MICROS)
    return None if price is None else price / MICROS


def _adjudication(given: Given) -> Action | str:
    """A decision of a lead, judged by those on items with gold; or why it is not on offer."""
    price = price_of(given.seen, "adjudication")
    decided = given.seen.work.filter((pl.col("work") == "adjudication") & pl.col("label_code").is_not_null())
    beside = decided.join(given.gold.rename({"label_code": "gold_code"}), on="item_code", how="inner")
    if price is None:
        if decided.is_empty():
            return "nobody knows what one costs: none was made yet"
        return "nobody knows what one costs: none that is paid by the hour has a recorded time, and none is paid by the piece"
    if price == 0:
        return COSTS_NOTHING
    if beside.height < FEWEST_DECISIONS:
        return f"how often one is right is not known: {beside.height} were of items with gold, {FEWEST_DECISIONS} are needed"
    known, said = (given.parts[beside[name].to_numpy()] for name in ("gold_code", "label_code"))
    sure = np.eye(given.posterior.shape[2])
    each = [confusion_beside(sure[known[:, choice]], said[:, choice]) for choice in range(known.shape[1])]
    return Action(ADJUDICATION, price, np.stack(each))


def _model(name: str, own: pl.DataFrame, given: Given) -> Action | str:
    price = price_of(given.seen, "prediction", who_id=str(own["who_id"][0]))
    if not price:
        return NO_PRICE if price is None else COSTS_NOTHING
    items = given.items
    lacking = ~items["item_code"].is_in(own["item_code"].implode()).to_numpy()
    if not lacking.any():
        return "it has spoken on every item already"
    said = items.with_row_index("place").join(own, on="item_code", how="inner").drop_nulls("answers")
    if said.is_empty():
        return "how often it is right is not known: it said nothing of items with votes"
    posterior = given.posterior[:, said["place"].to_numpy()]
    answers = np.asarray(said["answers"].to_list(), dtype=np.int64).T
    beside = [confusion_beside(choice, told) for choice, told in zip(posterior, answers, strict=True)]
    return Action(name, price, np.stack(beside), offered=lacking, realised=given.realised)
