"""What plans are weighed by: the votes' consensus and how sure to be of it, what gold says of promises, the models with a price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.frames import FloatArray, IntArray
from analytics.pay import PREDICTION
from analytics.results import Estimate
from analytics.temperature import MIN_ITEMS, fit_temperature, logits_of
from analytics.vote_confusion import tempered
from analytics.vote_policies import realised_share
from analytics.vote_value import Action
from dashboard.workflows import cost_offers
from dashboard.workflows.consensus_methods import DEFAULT, Fitted, Question, method
from dashboard.workflows.cost_predictions import parts_of, predictions
from dashboard.workflows.cost_work import PaidWork, price_of
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.score_sets import fit_sets

MIN_VOTES = 3
PEOPLE = ("adjudication", "relabel")


@dataclass(frozen=True, slots=True, eq=False)
class PlanBasis:
    """What stands before any price of gold is given.

    `annotators`, `votes`: whose votes, and which. `models`, `silent`: the models on offer, and those that are not. `temperature`,
    `realised`: as in `cost_plan.Spending`. `n_settled`: items whose label people settled.
    """

    given: cost_offers.Given
    annotators: pl.DataFrame
    votes: pl.DataFrame
    models: list[Action]
    silent: cost_offers.Refused
    temperature: Estimate
    realised: Estimate
    n_settled: int


def plan_basis(store: Store, project_id: str, seen: PaidWork, *, as_of: int | None = None) -> PlanBasis | str:
    """What plans are weighed by, from the newest annotations, or why nothing can be planned; seconds for a million items.

    The caller has checked who may see it.
    """
    label_set = require_label_set(store, project_id, as_of=as_of)
    votes = store.read("score_votes", project_id=project_id, as_of=as_of)
    why = _why_not(seen, votes)
    if why is not None:
        return why
    fitted = _fitted(votes, label_set)
    if fitted.annotators.is_empty():
        return "so many people and choices are too many to be weighed one by one"
    items, parts = fitted.items.sort("item_code"), parts_of(label_set)
    gold = store.read("score_gold", project_id=project_id, as_of=as_of)
    temperature = _temperature(items, gold, parts, sets=label_set.is_sets)
    heat = temperature.value if temperature.value is not None else 1.0
    settled = _settled(store, project_id, as_of)
    open_items = items.join(settled, on="item_code", how="anti", maintain_order="left")
    open_items = open_items.join(gold, on="item_code", how="anti", maintain_order="left")
    if open_items.is_empty():
        return "people settled every label, or gold says it"
    posterior = tempered(np.clip(_table(open_items, sets=label_set.is_sets), 1e-12, None), heat)
    realised = _realised(votes, gold, label_set.n_labels, parts if label_set.is_sets else None)
    open_items = open_items.drop("posterior")
    given = cost_offers.Given(seen, open_items, posterior, parts, heat, gold, _share_of(realised))
    models, silent = _models(store, project_id, given, as_of)
    return PlanBasis(given, fitted.annotators, votes, models, silent, temperature, realised, settled.height)


def _settled(store: Store, project_id: str, as_of: int | None) -> pl.DataFrame:
    """The items whose label people settled by then."""
    if as_of is None:
        labels = store.read("current_labels", project_id=project_id)
    else:
        labels = store.read("judgement_labels", project_id=project_id, as_of=as_of)
    return labels.filter(pl.col("source").is_in(PEOPLE)).select("item_code")


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
