"""Drift: measuring what changed and why, keeping it, and saying it in a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from analytics.errors import AnalyticsError
from analytics.label_mix import MIN_ANNOTATIONS
from dashboard import __version__
from dashboard.workflows import alerts, drift_figures, drift_label_sets, drift_words
from dashboard.workflows.drift_windows import Windows, windows
from dashboard.workflows.drift_words import State
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import json_pointer, uuid7
from data.records import Draft

KIND = "drift"
PARTS = {"part": pl.Utf8, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64}
TREND = {
    "period": pl.Utf8, "rate": pl.Float64, "expected": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64,
    "up": pl.Float64, "down": pl.Float64, "alarm": pl.Boolean,
}  # fmt: skip
PEOPLE = {
    "annotator_id": pl.Utf8, "n_before": pl.Int64, "n_after": pl.Int64, "mix": pl.Float64, "behaviour": pl.Float64,
    "shift": pl.Float64,
}  # fmt: skip
KINDS = {
    "kind": pl.Utf8, "n_before": pl.Int64, "n_after": pl.Int64, "mix": pl.Float64, "residual": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """What is compared: see `drift_windows.windows`. `label`: the one to split (else the one that moved most); `attribute`:
    what kind an item is (else the one whose mix moved most); `shift`, `run_length`: of the sequential test.
    """

    reference: str = "90d"
    window: str = "7d"
    label: str = ""
    attribute: str = ""
    shift: float = 0.05
    run_length: int = 370
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    """A measurement of drift as it was kept.

    `figures`: MEASUREMENT; `labels`: drift_figures.LABELS; `parts`: PARTS, of the change of `label`; `alone`: (factor, why it
    has no part of its own); `trend`: TREND, a day a row; `limit` of its up and down; `people`: PEOPLE; `kinds`: KINDS; `facts`:
    the rest in words and figures (windows, effective sample sizes, change points, why something is undefined).
    """

    run_id: str
    state: State
    sentence: str
    detail: str
    label: str
    figures: pl.DataFrame
    labels: pl.DataFrame
    parts: pl.DataFrame
    alone: tuple[tuple[str, str], ...]
    trend: pl.DataFrame
    limit: float | None
    people: pl.DataFrame
    kinds: pl.DataFrame
    facts: Mapping[str, Any]
    measured_at: datetime | None = None
    report_sha256: str | None = None


def measure(
    store: Store,
    *,
    project_id: str,
    by: Person,
    options: DriftOptions | None = None,
    request_id: str | None = None,
) -> Drift:
    """Measure drift, keep it, and open the alerts that the limits ask for.

    Raises:
        NotAllowed: the person may not measure drift.
        BadRequest: windows that are not understood; no such label or attribute; labels that are sets.
    """
    require(by, "drift.measure")
    asked = options or DriftOptions()
    saw = store.head
    label_set = require_label_set(store, project_id, as_of=saw)
    if label_set.is_sets:
        raise BadRequest("The labels of this project are sets; drift is worked out for single labels so far.")
    if asked.label and asked.label not in label_set.labels:
        raise BadRequest(f"There is no label {asked.label!r}. Labels: {', '.join(label_set.labels)}.")
    found = windows(store, project_id, reference=asked.reference, window=asked.window, as_of=saw)
    try:
        document, figures = _document(store, project_id, found, asked, saw)
    except AnalyticsError as error:
        raise BadRequest(f"Drift could not be worked out: {error}") from error
    run_id = uuid7(store.clock())
    state, sentence = document["state"], document["sentence"]
    parameters = {name: getattr(asked, name) for name in DriftOptions.__slots__}

    def plan(reader: Reader) -> Draft:
        opened = alerts.to_open(
            reader, project_id, run_id, figures, document["alarm"], sentence=sentence, now=store.clock()
        )
        run = {
            "run_id": run_id, "kind": KIND, "method": "shapley", "parameters": json.dumps(parameters, sort_keys=True),
            "code_version": __version__, "saw_seq": saw,
        }  # fmt: skip
        kept = {
            "run_id": run_id,
            "state": state,
            "sentence": sentence,
            "document": json.dumps(document, ensure_ascii=False),
        }
        rows = {
            "run": [run], "drift_run": [kept], "alert": opened,
            "measurement": [{**row, "run_id": run_id} for row in figures.iter_rows(named=True)],
        }  # fmt: skip
        rows = {table: found_rows for table, found_rows in rows.items() if found_rows}
        return Draft(
            "drift_measured",
            project_id,
            run_id,
            {"rows": rows, "parameters": parameters, "sentence": sentence},
        )

    request: dict[str, object] = {"verb": "drift.measure", "project": project_id, **parameters}
    if request_id is None:
        request["saw"] = saw
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    kept = newest(store, project_id=project_id, by=by)
    if kept is None:
        raise BadRequest(f"The measurement {run_id} is not in the store.")
    return kept


def newest(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None, run_id: str = ""
) -> Drift | None:
    """The newest measurement of drift (or the run named), None where there is none.

    Raises:
        NotAllowed: the person may not see figures.
    """
    require(by, "view.figures")
    runs = store.read("drift_runs", project_id=project_id, as_of=as_of)
    if run_id:
        runs = runs.filter(pl.col("run_id") == run_id)
    return None if runs.is_empty() else _read(runs.row(0, named=True), sees_people=by.may("view.annotators"))


def runs(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """run_id, state, sentence, measured_by, measured_at: what was measured, newest first (50 at most)."""
    require(by, "view.figures")
    found = store.read("drift_runs", project_id=project_id, as_of=as_of)
    return found.select("run_id", "state", "sentence", "measured_by", "measured_at")


def drift_today(store: Store, project_id: str, by: Person, *, as_of: int | None = None) -> tuple[State, str]:
    """What drift says today, for a card: a state, and one sentence with its figure."""
    seen = newest(store, project_id=project_id, by=by, as_of=as_of)
    if seen is None:
        return "undefined", "Drift was not measured yet."
    waiting = (
        alerts.alerts(store, project_id=project_id, by=by, as_of=as_of)
        .filter(pl.col("status") != "closed")
        .height
    )
    told = {0: "", 1: " 1 alert is open."}.get(waiting, f" {waiting} alerts are open.")
    return ("watch" if waiting else seen.state), f"{seen.sentence}.{told}"


def _document(
    store: Store, project_id: str, found: Windows, asked: DriftOptions, saw: int
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Everything that is kept, ready for JSON, and the measurements among it."""
    counts = [int((found.rows["window"] == w).sum()) for w in (0, 1)]
    facts: dict[str, Any] = {
        "reference": found.reference, "window": found.window, "n_before": counts[0], "n_after": counts[1],
        "untimed": found.untimed, "asked": {name: getattr(asked, name) for name in DriftOptions.__slots__},
    }  # fmt: skip
    empty: dict[str, Any] = {
        "state": "undefined", "detail": "", "label": "", "figures": [], "labels": [], "parts": [], "alone": [], "trend": [],
        "limit": None, "people": [], "kinds": [], "facts": facts, "alarm": None,
    }  # fmt: skip
    if min(counts) < MIN_ANNOTATIONS:
        few = f"Too few annotations to speak of drift: {counts[1]:,} in {found.window}, {counts[0]:,} in {found.reference}"
        return {**empty, "sentence": few, "detail": drift_words.times_words(found)}, pl.DataFrame(
            schema=MEASUREMENT
        )
    label_set = require_label_set(store, project_id, as_of=saw)
    labels, distances = drift_figures.label_table(found.rows, label_set)
    name = asked.label or str(labels["label"][0])
    code = label_set.codes[label_set.labels.index(name)]
    moved = drift_figures.split_change(
        store, project_id, found.rows, (name, code), attribute=asked.attribute, as_of=saw, seed=asked.seed
    )
    watched, points = drift_figures.trend(
        found.rows, code, shift=asked.shift, run_length=asked.run_length, seed=asked.seed
    )
    figures = drift_figures.figures(
        store, project_id, found.rows, label_set, distances, as_of=saw, seed=asked.seed
    )
    split = moved.split
    names = dict(store.read("drift_people").iter_rows())
    people = split.annotators
    if people.height:
        people = people.with_columns(annotator_id=pl.col("annotator_code").replace_strict(names, default="?"))
        people = people.sort(
            (pl.col("mix") + pl.col("behaviour")).abs(), "annotator_id", descending=[True, False]
        )
    facts |= {
        "attribute": moved.attribute, "sampled": moved.sampled, "resampled": split.resampled, "undefined": split.undefined,
        "effective_annotators": split.effective_annotators, "effective_items": split.effective_items,
        "n_bridge": split.n_bridge, "seasonal": watched.seasonal, "dispersion": watched.dispersion, "rho": watched.rho,
        "began_at": str(watched.began_at or ""), "alarm_at": str(watched.alarm_at or ""), "unwatched": watched.undefined,
        "label_set": drift_label_sets.change_words(found.rows, found.sets, label_set),
        "points": [{key: str(day) for key, day in point.items()} for point in points if isinstance(point, dict)],
    }  # fmt: skip
    parts = [
        {
            "part": drift_words.part_words(p.factors),
            "value": p.estimate.value,
            "low": p.estimate.low,
            "high": p.estimate.high,
            "n": p.estimate.n,
        }
        for p in split.parts
    ]
    state, sentence = drift_words.sentence(
        labels.row(by_predicate=pl.col("label") == name, named=True), distances, found, parts, split.alone
    )
    kinds = split.kinds if moved.attribute else split.kinds.clear()
    document = {
        **empty, "state": state, "sentence": sentence, "detail": drift_words.detail(facts), "label": name, "figures": figures.to_dicts(),
        "labels": labels.to_dicts(), "parts": parts, "alone": [[key, why] for key, why in split.alone.items()],
        "trend": watched.periods.with_columns(pl.col("period").cast(pl.Utf8)).select(*TREND).to_dicts(),
        "limit": watched.limit, "people": people.select(*PEOPLE).head(200).to_dicts() if people.height else [],
        "kinds": _named_kinds(store, project_id, kinds, moved.attribute, saw) if kinds.height else [],
        "alarm": _alarm(name, watched),
    }  # fmt: skip
    return document, figures


def _named_kinds(
    store: Store, project_id: str, kinds: pl.DataFrame, attribute: str, saw: int
) -> list[dict[str, Any]]:
    values = store.read(
        "score_attribute_values", project_id=project_id, attribute=json_pointer(attribute), as_of=saw
    )
    names = dict(enumerate(sorted(values["attribute_value"].unique())))
    told = kinds.with_columns(
        kind=pl.col("stratum_code").replace_strict(names, default="without one", return_dtype=pl.Utf8)
    )
    return told.sort(pl.col("mix").abs(), "kind", descending=[True, False]).select(*KINDS).to_dicts()


def _alarm(label: str, watched: Any) -> dict[str, Any] | None:
    """What the sequential test raised, for an alert."""
    if watched.alarm_at is None:
        return None
    last = watched.periods.filter(pl.col("alarm"))
    return {
        "value": float(max(last["up"][0], last["down"][0])), "limit": watched.limit, "n": int(last["n"].sum()),
        "sentence": f"The rate of {label} runs {watched.direction} since {watched.began_at}, beyond what chance does "
        "about once a year",
    }  # fmt: skip


def _read(row: Mapping[str, Any], *, sees_people: bool) -> Drift:
    kept = json.loads(row["document"])
    people = pl.DataFrame(kept["people"], schema=PEOPLE)
    return Drift(
        row["run_id"], kept["state"], kept["sentence"], kept["detail"], kept["label"],
        pl.DataFrame(kept["figures"], schema=MEASUREMENT), pl.DataFrame(kept["labels"], schema=drift_figures.LABELS),
        pl.DataFrame(kept["parts"], schema=PARTS), tuple((key, why) for key, why in kept["alone"]),
        pl.DataFrame(kept["trend"], schema=TREND), kept["limit"], people if sees_people else people.clear(),
        pl.DataFrame(kept["kinds"], schema=KINDS), kept["facts"], row["measured_at"], row["report_sha256"],
    )  # fmt: skip
