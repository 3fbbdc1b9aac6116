"""What fairlearn's mitigation would make of a model's labels, between groups of items: gaps, and the price in accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.consensus import majority_vote
from analytics.errors import AnalyticsError
from analytics.fair_predictions import Mitigation, mitigation
from dashboard.workflows import bias_groups
from dashboard.workflows.bias_sources import read_sources
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.model_runs import model_runs
from dashboard.workflows.opening import Store
from dashboard.workflows.predictions import probabilities
from dashboard.workflows.rules import Person, require

_LEAST = 1e-6
STANDARD = {"gold": "gold", "labels": "the people's labels"}


@dataclass(frozen=True, slots=True)
class MitigationView:
    """`standard`: what accuracy is judged by, gold where there is any, else people's labels; `groups`: their names."""

    model_run: str
    label: str
    groups: tuple[str, ...]
    standard: str
    found: Mitigation


def mitigate(
    store: Store,
    *,
    project_id: str,
    by: Person,
    attribute: str,
    label: str,
    model_run: str = "",
    replicates: int = 1000,
    seed: int = 0,
) -> MitigationView:
    """Compare a model's labels with what mitigation makes of them, for one label and the groups of an item attribute.

    Changes nothing. Fitted and judged on different items.

    Raises:
        BadRequest: no such attribute, label or model run, or groups too few or small. NotAllowed: the person may not measure.
    """
    require(by, "bias.measure")
    sources = read_sources(store, project_id, saw=store.head, model_run=model_run)
    if label not in sources.label_set.labels:
        raise BadRequest(f"There is no label {label!r}. Labels: {', '.join(sources.label_set.labels)}.")
    runs = model_runs(store, project_id=project_id)["model_run"].to_list()
    if not runs:
        raise BadRequest("No model has given probabilities yet; train one, or bring them in.")
    named = model_run or str(runs[0])
    codes, table = probabilities(store, project_id=project_id, model_run=named)
    groups = bias_groups.item_groups(
        store, project_id=project_id, attribute=attribute, codes=pl.Series(codes), as_of=sources.saw
    )
    if groups.untested is not None:
        raise BadRequest(f"Nothing can be compared by {attribute}: {groups.untested}.")
    voted = majority_vote(sources.votes, n_labels=sources.label_set.n_labels).items.filter(~pl.col("tied"))
    standard = "labels" if sources.gold is None else "gold"
    known = voted if sources.gold is None else sources.gold
    rows = (
        pl.DataFrame({"item_code": codes, "row": np.arange(codes.size)}).cast(pl.Int64)
        .join(known.select(pl.col("item_code", "label_code").cast(pl.Int64)), on="item_code")
        .join(groups.of, on="item_code").sort("item_code")
    )  # fmt: skip
    code = sources.label_set.codes[sources.label_set.labels.index(label)]
    p = table[rows["row"].to_numpy()]
    try:
        found = mitigation(
            p[:, code], (rows["label_code"] == code).to_numpy(), rows["group_code"].to_numpy(),
            np.log(np.clip(p, _LEAST, None)) - np.log(np.clip(1 - p, _LEAST, None)), replicates=replicates, seed=seed,
        )  # fmt: skip
    except AnalyticsError as error:
        raise BadRequest(f"Nothing can be compared by {attribute}: {error}") from error
    return MitigationView(named, label, groups.names, STANDARD[standard], found)
