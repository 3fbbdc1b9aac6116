"""The model runs of a project: which there are, and the one that somebody names."""

from __future__ import annotations

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store


def model_runs(store: Store, *, project_id: str, as_of: int | None = None) -> pl.DataFrame:
    """The runs that gave probabilities, newest first.

    Columns model_run, n_items, n_labels, n_members, note, out_of_sample, warning, name, format, provenance, imported_by, imported_at,
    seq.
    """
    return store.read("model_runs", project_id=project_id, as_of=as_of)


def require_model_run(
    store: Store, *, project_id: str, model_run: str = "", as_of: int | None = None
) -> dict[str, object]:
    """The row of the run of this name; of "" the newest.

    Raises:
        BadRequest: there is no such run, or none at all.
    """
    runs = model_runs(store, project_id=project_id, as_of=as_of)
    found = runs.filter(pl.col("model_run") == model_run) if model_run else runs
    if found.height:
        return found.row(0, named=True)
    if model_run:
        known = ", ".join(runs["model_run"]) or "none"
        raise BadRequest(f"There is no model run {model_run!r} in {project_id}. Runs: {known}.")
    raise BadRequest(
        f"There is no model yet in {project_id}: `touchstone train` makes one, `touchstone predictions` brings yours in."
    )
