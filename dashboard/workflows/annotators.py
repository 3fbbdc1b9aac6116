"""What is known of each annotator: how much, how well, how fast; and, for those who may see it, who they are."""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from dashboard.workflows import monitor
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

# measurement key -> the column names of its value and interval
_COLUMNS = {
    "agreement_with_others": ("agreement", "low", "high", "n_compared"),
    "accuracy_on_gold": ("accuracy_on_gold", "gold_low", "gold_high", "n_gold"),
    "median_seconds": ("median_seconds", "p10_seconds", "p90_seconds", "n_timed"),
}


@dataclass(frozen=True, slots=True)
class Confusion:
    """How one annotator labels what the consensus of the others calls something. `cells`: label_others, label_given, n."""

    annotator_id: str
    cells: pl.DataFrame


def annotator_table(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """One row an annotator, sorted by id, from the newest run's measurements.

    Columns: annotator_id, kind, n, first_at, last_at, agreement, low, high, n_compared (with the consensus of the others),
    accuracy_on_gold, gold_low, gold_high, n_gold, median_seconds, p10_seconds, p90_seconds, n_timed. Annotators without other
    roles see their own row only, and nothing of gold in it.
    """
    require(by, "view")
    table = store.read("annotator_activity", project_id=project_id, as_of=as_of).drop("recorded_last")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    measured = (
        monitor.figures(store, project_id, run, group_kind="annotator")
        if run
        else pl.DataFrame(
            schema={
                "key": pl.Utf8,
                "group_id": pl.Utf8,
                "value": pl.Float64,
                "low": pl.Float64,
                "high": pl.Float64,
                "n": pl.Int64,
            }
        )
    )
    for key, names in _COLUMNS.items():
        rows = measured.filter(pl.col("key") == key).select(
            "group_id",
            *(
                pl.col(column).alias(name)
                for column, name in zip(("value", "low", "high", "n"), names, strict=True)
            ),
        )
        table = table.join(
            rows, left_on="annotator_id", right_on="group_id", how="left", maintain_order="left"
        )
    if not by.may("view.annotators"):
        # What an annotator sees must not tell which items are gold; `my_work` says it in steps of ten.
        hidden = [pl.lit(None, dtype=table.schema[name]).alias(name) for name in _COLUMNS["accuracy_on_gold"]]
        table = table.filter(pl.col("annotator_id") == by.person_id).with_columns(hidden)
    return table


def confusion(
    store: Store, *, project_id: str, by: Person, annotator_id: str, as_of: int | None = None
) -> Confusion:
    """One annotator's confusion with the consensus of the others; raises NotAllowed for somebody else's."""
    require(by, "view")
    if not by.may("view.annotators") and annotator_id != by.person_id:
        raise NotAllowed("Annotators see their own figures only.")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        raise BadRequest("Nothing was scored yet; score the project first.")
    rows = monitor.figures(store, project_id, run, group_kind="annotator").filter(
        (pl.col("key") == "confusion_with_others") & (pl.col("group_id") == annotator_id)
    )
    cells = json.loads(rows["detail"][0]) if rows.height else []
    schema = {"label_others": pl.Utf8, "label_given": pl.Utf8, "n": pl.Int64}
    return Confusion(annotator_id, pl.DataFrame(cells, schema=schema, orient="row"))
