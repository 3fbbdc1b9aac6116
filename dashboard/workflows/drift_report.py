"""Evidently's drift presets on the same two windows, as a page of its own that is kept with the measurement."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from dataclasses import dataclass

import polars as pl

from dashboard.workflows.drift_windows import windows
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import json_pointer
from data.records import Draft

MIN_ROWS = 100
"""Annotations of each window: Evidently itself takes three in silence."""
MOST_ROWS = 100_000
MOST_ATTRIBUTES = 6


@dataclass(frozen=True, slots=True)
class Report:
    """The page, the hash of its bytes, and what made it."""

    html: str
    sha256: str
    tool: str


def make(store: Store, *, project_id: str, by: Person, run_id: str) -> Report:
    """Make Evidently's report of the windows of a measurement of drift, and keep it in the store under its hash.

    Raises:
        NotAllowed: the person may not measure drift.
        BadRequest: there is no such measurement, or a window has fewer than MIN_ROWS annotations.
    """
    require(by, "drift.measure")
    runs = store.read("drift_run", project_id=project_id, run_id=run_id)
    if not run_id or runs.is_empty():
        raise BadRequest(f"There is no measurement of drift {run_id!r} in {project_id}.")
    asked = json.loads(runs["document"][0])["facts"]["asked"]
    saw = int(runs["seq"][0]) - 1  # the measurement saw what came before it
    found = windows(store, project_id, reference=asked["reference"], window=asked["window"], as_of=saw)
    frames = [_columns(store, project_id, found.rows.filter(pl.col("window") == w), saw) for w in (0, 1)]
    if min(frame.height for frame in frames) < MIN_ROWS:
        raise BadRequest(f"A report takes {MIN_ROWS} annotations in each window.")
    html, tool = _evidently(frames[0], frames[1])
    digest = hashlib.sha256(html.encode()).hexdigest()
    row = {"run_id": run_id, "tool": tool, "html": html, "html_sha256": digest}

    def plan(reader: Reader) -> Draft:
        segment = reader.segments.put(pl.DataFrame([row]))
        payload = {"segments": {"drift_report": segment.as_payload()}, "html_sha256": digest, "tool": tool}
        return Draft("drift_reported", project_id, run_id, payload)

    store.submit(
        plan,
        by=by.person_id,
        request={"verb": "drift.report", "project": project_id, "run": run_id, "hash": digest},
    )
    return Report(html, digest, tool)


def read(
    store: Store, *, project_id: str, by: Person, run_id: str, as_of: int | None = None
) -> Report | None:
    """The newest report that was kept with a measurement; None where there is none.

    Raises:
        NotAllowed: the person may not see figures.
        BadRequest: its bytes are not those that were kept.
    """
    require(by, "view.figures")
    found = store.read("drift_report", project_id=project_id, run_id=run_id, as_of=as_of)
    if found.is_empty():
        return None
    html, digest = str(found["html"][0]), str(found["html_sha256"][0])
    if hashlib.sha256(html.encode()).hexdigest() != digest:
        raise BadRequest("The report's bytes are not those that were kept: run `touchstone verify`.")
    return Report(html, digest, str(found["tool"][0]))


def _columns(store: Store, project_id: str, rows: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """One row an annotation: its label, who gave it, how long it took, the item's attributes. No content, no names of items."""
    label_set = require_label_set(store, project_id, as_of=as_of)
    labels = dict(zip(label_set.codes, label_set.labels, strict=True))
    people = dict(store.read("drift_people").iter_rows())
    frame = rows.sample(n=min(rows.height, MOST_ROWS), seed=0).select(
        "item_code",
        label=pl.col("label_code").replace_strict(labels, default="?"),
        annotator=pl.col("annotator_code").replace_strict(people, default="?"),
        active_seconds="active_seconds",
    )
    names = store.read("item_attribute_names", project_id=project_id)["name"].to_list()
    for name in names[:MOST_ATTRIBUTES]:
        values = store.read(
            "score_attribute_values", project_id=project_id, attribute=json_pointer(name), as_of=as_of
        )
        named = values.rename({"attribute_value": f"item: {name}"})
        frame = frame.join(named, on="item_code", how="left", maintain_order="left")
    kept = frame.drop("item_code")
    return kept.drop([name for name in kept.columns if kept[name].null_count() == kept.height])


def _evidently(reference: pl.DataFrame, window: pl.DataFrame) -> tuple[str, str]:
    """The report of the columns that both windows have. Evidently takes pandas, and asks the network unless told not to."""
    os.environ["DO_NOT_TRACK"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import evidently
            from evidently import DataDefinition, Dataset, Report
            from evidently.presets import DataDriftPreset, DataSummaryPreset
        except ImportError as error:
            raise BadRequest(
                f"Evidently is not there ({error}): pip install 'touchstone[reports]'."
            ) from error

        shared = [name for name in reference.columns if name in window.columns]
        numbers = [name for name in shared if reference[name].dtype.is_numeric()]
        definition = DataDefinition(
            numerical_columns=numbers, categorical_columns=[name for name in shared if name not in numbers]
        )
        sets = [
            Dataset.from_pandas(frame.select(shared).to_pandas(), data_definition=definition)
            for frame in (window, reference)
        ]
        html = (
            Report([DataDriftPreset(), DataSummaryPreset()])
            .run(sets[0], sets[1])
            .get_html_str(as_iframe=False)
        )
    return str(html), f"evidently {evidently.__version__}"
