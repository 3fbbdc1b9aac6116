"""Reading stored measurements: the newest figures, their trend, and whether they still hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.workflows.opening import Store
from data.database import Reader

FIGURE_RUN, UNCERTAINTY_RUN = "score", "uncertainty"
"""Kinds of runs: of the project's figures, and of a model held against the labels."""

MEASUREMENT = {
    "key": pl.Utf8, "group_kind": pl.Utf8, "group_id": pl.Utf8, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "n": pl.Int64, "undefined": pl.Utf8, "unit": pl.Utf8, "detail": pl.Utf8,
}  # fmt: skip
"""The columns of a figure as a run stores it."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run: how it computed, and up to which event it saw. `stale` says that annotations came after it."""

    run_id: str
    method: str
    parameters: dict[str, object]
    saw_seq: int
    ran_at: datetime
    stale: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a project holds."""

    items: int
    labelled: int
    annotations: int
    independent: int
    annotators: int
    gold: int


def newest_run(
    store: Store | Reader, project_id: str, *, as_of: int | None = None, kind: str | None = FIGURE_RUN
) -> Run | None:
    """The newest run of a kind, by default the one that measured the project's figures; None where there is none.

    `kind=None`: of either kind that made a consensus.
    """
    runs = store.read("score_runs", project_id=project_id, as_of=as_of)
    runs = runs.filter(
        pl.col("kind").is_in(["score", "consensus"]) if kind is None else pl.col("kind") == kind
    )
    if runs.is_empty():
        return None
    row = runs.row(0, named=True)
    newest = int(store.read("score_newest_annotation", project_id=project_id, as_of=as_of)["seq"][0])
    return Run(
        row["run_id"],
        row["method"],
        json.loads(row["parameters"]),
        row["saw_seq"],
        row["ran_at"],
        newest > row["saw_seq"],
    )


def figures(store: Store | Reader, project_id: str, run: Run, *, group_kind: str = "") -> pl.DataFrame:
    """Measurements of a run: key, group_id, value, low, high, n, undefined, unit, detail; sorted by key and group."""
    return store.read("score_measurements", project_id=project_id, run_id=run.run_id, group_kind=group_kind)


def trend(
    store: Store,
    project_id: str,
    key: str,
    *,
    group_kind: str = "",
    group_id: str = "",
    as_of: int | None = None,
) -> pl.DataFrame:
    """One figure through time, oldest first: measured_at, value, low, high, n, undefined, unit, run_id, seq."""
    return store.read(
        "score_trend", project_id=project_id, key=key, group_kind=group_kind, group_id=group_id, as_of=as_of
    )


def counts(store: Store, project_id: str, *, as_of: int | None = None) -> Counts:
    """How much the project holds as of a seq."""
    return Counts(**store.read("score_counts", project_id=project_id, as_of=as_of).row(0, named=True))
