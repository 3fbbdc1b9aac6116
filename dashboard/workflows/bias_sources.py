"""What gaps are computed from, as of one seq: votes, gold, the model's labels, the label set."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from dashboard.workflows import model_runs, predictions
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store


@dataclass(frozen=True, slots=True)
class Sources:
    """Votes that are independent; gold (None where there is none); `model`: item_code, label_code (None where there is no model)."""

    votes: pl.DataFrame
    gold: pl.DataFrame | None
    model: pl.DataFrame | None
    label_set: LabelSet
    saw: int


def read_sources(store: Store, project_id: str, *, saw: int, model_run: str = "", least: int = 1) -> Sources:
    """Read them, where there are `least` independent annotations.

    Raises:
        BadRequest: labels are sets, too little was labelled, or there is no such model run.
    """
    label_set = require_label_set(store, project_id, as_of=saw)
    if label_set.is_sets:
        raise BadRequest("The labels of this project are sets; groups are compared for single labels so far.")
    votes = store.read("score_votes", project_id=project_id, as_of=saw)
    if votes.height < least:
        raise BadRequest(
            f"Project {project_id!r} has no independent annotations yet; there is nothing to compare."
        )
    gold = store.read("score_gold", project_id=project_id, as_of=saw)
    return Sources(
        votes=votes.select("item_code", "annotator_code", "label_code", "order"),
        gold=None if gold.is_empty() else gold,
        model=_model(store, project_id, model_run, saw),
        label_set=label_set,
        saw=saw,
    )


def _model(store: Store, project_id: str, named: str, saw: int) -> pl.DataFrame | None:
    """The likeliest label of a model run (the newest where none is named) for each item; None where there is no run."""
    known = model_runs.model_runs(store, project_id=project_id, as_of=saw)["model_run"].to_list()
    if named and named not in known:
        raise BadRequest(
            f"There is no model run {named!r} in {project_id}. Runs: {', '.join(known) or 'none'}."
        )
    if not known:
        return None
    codes, table = predictions.probabilities(
        store, project_id=project_id, model_run=named or str(known[0]), as_of=saw
    )
    return pl.DataFrame({"item_code": codes, "label_code": table.argmax(axis=1)})
