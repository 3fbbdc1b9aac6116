"""What a point of model error costs: the labels that a learning curve asks for, at what a label costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from analytics.cost_effect import priced
from analytics.results import Estimate
from dashboard.workflows.cost_words import money, with_ends
from dashboard.workflows.opening import Store

HOW = "touchstone train --curve measures it"


@dataclass(frozen=True, slots=True)
class ModelPoint:
    """One point of error of the built-in model, a hundredth of its answers, bought with more labels.

    `money`: what it costs. `labels`: how many more that is. `per_label`: what one costs. `model_run`: whose curve it is, the newest
    that was measured; None where none was.
    """

    money: Estimate
    labels: Estimate
    per_label: Estimate
    model_run: str | None
    sentence: str


def model_point(
    store: Store, project_id: str, *, per_label: Estimate, currency: str, as_of: int | None = None
) -> ModelPoint:
    """The price of a point, by the newest curve; the caller has checked who may see costs.

    Args:
        store: where the model runs are.
        project_id: whose.
        per_label: what a label costs that stands.
        currency: of it.
        as_of: an event.
    """
    model_run, curve = _newest_curve(store, project_id, as_of)
    labels = _labels(curve)
    if labels.value is None:
        money_of = Estimate.none(labels.undefined or "cannot tell", labels.n, unit=currency)
    elif per_label.value is None or per_label.value <= 0:
        why = per_label.undefined or "a label costs nothing"
        money_of = Estimate.none(f"nobody knows what a label costs: {why}", labels.n, unit=currency)
    else:
        money_of = priced(labels, per_label.value, currency=currency)
    return ModelPoint(
        money_of, labels, per_label, model_run, _sentence(money_of, labels, per_label, model_run)
    )


def _newest_curve(
    store: Store, project_id: str, as_of: int | None
) -> tuple[str | None, Mapping[str, object] | None]:
    runs = store.read("model_runs", project_id=project_id, as_of=as_of)
    for name, text in runs.select("model_run", "provenance").iter_rows():
        curve = json.loads(str(text)).get("curve") if text else None
        if isinstance(curve, dict):
            return str(name), curve
    return None, None


def _labels(curve: Mapping[str, object] | None) -> Estimate:
    if curve is None:
        return Estimate.none(f"no learning curve was measured yet; {HOW}", unit="labels")
    point = curve.get("point")
    if not isinstance(point, dict):
        return Estimate.none(
            f"the newest curve was kept before points were priced; {HOW} again", unit="labels"
        )
    n = int(str(curve.get("labelled", 0)))
    if point["labels"] is None:
        return Estimate.none(str(point["undefined"]), n, unit="labels")
    return Estimate(point["labels"], point["low"], point["high"], n, unit="labels")


def _sentence(found: Estimate, labels: Estimate, per_label: Estimate, model_run: str | None) -> str:
    if found.value is None or labels.value is None or per_label.value is None:
        return f"What a point of model error costs cannot be told: {found.undefined}"
    each = money(per_label.value, found.unit)
    return (
        f"A point of model error costs {with_ends(found)}: {labels.value:,.0f} more labels at {each} each, "
        f"by the learning curve of {model_run} over {labels.n:,} items"
    )
