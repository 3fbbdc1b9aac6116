"""Drift: measuring what changed and why, keeping it, and saying it in a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import polars as pl

from analytics.errors import AnalyticsError
from analytics.label_mix import MIN_ANNOTATIONS
from analytics.sequential import Chart
from dashboard import __version__
from dashboard.workflows import (
    alert_opening,
    alerts,
    drift_figures,
    drift_label_sets,
    drift_people,
    drift_split,
    drift_trend,
    drift_words,
)
from dashboard.workflows.drift_windows import Windows, windows
from dashboard.workflows.drift_words import State
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft

KIND = "drift"
MOVERS = 2
PARTS = {"part": pl.Utf8, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64}
PEOPLE = {
    "annotator_id": pl.Utf8, "n_before": pl.Int64, "n_after": pl.Int64, "mix": pl.Float64, "behaviour": pl.Float64,
    "shift": pl.Float64, "agreed_before": pl.Float64, "agreed_after": pl.Float64,
}  # fmt: skip
KINDS = {
    "kind": pl.Utf8, "n_before": pl.Int64, "n_after": pl.Int64, "mix": pl.Float64, "residual": pl.Float64,
}  # fmt: skip
ITEMS = {
    "item_id": pl.Utf8, "n": pl.Int64, "hits": pl.Int64, "moved": pl.Float64, "label": pl.Utf8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """What is compared: see `drift_windows.windows`. `label`: the one to split (else the one that moved most), of sets a choice;
    `attribute`: what kind an item is (else the one whose mix moved most); `chart`: the sequential test in charge of alarms;
    `shift`, `run_length`: its.
    """

    reference: str = "90d"
    window: str = "7d"
    label: str = ""
    attribute: str = ""
    chart: str = "cusum"
    shift: float = 0.05
    run_length: int = 370
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    """A measurement of drift as it was kept.

    `figures`: MEASUREMENT; `labels`: drift_figures.LABELS; `parts`: PARTS, of the change of `label`; `alone`: (factor, why it
    has no part of its own); `trend`: drift_trend.TREND, a day a row; `limit` of its up and down; `people`: PEOPLE; `kinds`: KINDS; `items`:
    ITEMS, the window's that moved the rate most; `facts`: the rest in words and figures (windows, effective sample sizes, change
    points, the other sequential test, why something is undefined); `report_sha256`, `report_tool`: of the report that is kept with
    it (`drift_report.read` has its page).
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
    items: pl.DataFrame
    facts: Mapping[str, Any]
    measured_at: datetime | None = None
    report_sha256: str | None = None
    report_tool: str = ""


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
        BadRequest: windows that are not understood; no such label, attribute or sequential test.
    """
    require(by, "drift.measure")
    asked = options or DriftOptions()
    saw = store.head
    label_set = require_label_set(store, project_id, as_of=saw)
    if asked.label and asked.label not in label_set.choices:
        raise BadRequest(f"There is no label {asked.label!r}. Labels: {', '.join(label_set.choices)}.")
    if asked.chart not in drift_trend.CHARTS:
        raise BadRequest(f"{asked.chart!r} is no sequential test. They are: {', '.join(drift_trend.CHARTS)}.")
    found = windows(store, project_id, reference=asked.reference, window=asked.window, as_of=saw)
    try:
        people = drift_people.changes(store, found.rows, seed=asked.seed)
        document, figures = _document(store, project_id, found, asked, saw, people)
    except AnalyticsError as error:
        raise BadRequest(f"Drift could not be worked out: {error}") from error
    run_id = uuid7(store.clock())
    state, sentence = document["state"], document["sentence"]
    parameters = {name: getattr(asked, name) for name in DriftOptions.__slots__}

    def plan(reader: Reader) -> Draft:
        measured = alert_opening.Measured(run_id, saw, store.clock())
        opened = alert_opening.of_drift(
            reader,
            project_id,
            measured,
            pl.concat([figures, people]),
            document["alarm"],
            sentence=sentence,
            causes={"drift_agreement": drift_people.who_fell(people)},
        )
        run = {
            "run_id": run_id, "kind": KIND, "method": "shapley", "parameters": json.dumps(parameters, sort_keys=True),
            "code_version": __version__, "saw_seq": saw,
        }  # fmt: skip
        kept = {
            "run_id": run_id, "state": state, "sentence": sentence, "document": json.dumps(document, ensure_ascii=False),
        }  # fmt: skip
        rows = {
            "run": [run], "drift_run": [kept], **opened,
            "measurement": [{**row, "run_id": run_id} for row in figures.iter_rows(named=True)],
        }  # fmt: skip
        payload: dict[str, object] = {
            "rows": {table: found_rows for table, found_rows in rows.items() if found_rows},
            "parameters": parameters, "sentence": sentence,
        }  # fmt: skip
        if people.height:  # as many rows as there are annotators
            segment = reader.segments.put(people.with_columns(run_id=pl.lit(run_id)))
            payload["segments"] = {"measurement": segment.as_payload()}
        return Draft("drift_measured", project_id, run_id, payload)

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
    found = store.read("drift_run", project_id=project_id, run_id=run_id, as_of=as_of)
    return (
        None if found.is_empty() else _read(found.row(0, named=True), sees_people=by.may("view.annotators"))
    )


def runs(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """run_id, state, sentence, measured_by, measured_at: what was measured, newest first (50 at most)."""
    require(by, "view.figures")
    return store.read("drift_run_list", project_id=project_id, as_of=as_of)


def movers(
    store: Store, *, project_id: str, by: Person, run_id: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The annotators and the items that moved the rate of a measurement most, MOVERS of each at most; none where it is not split.

    Raises:
        NotAllowed: the person may not see figures.
    """
    seen = newest(store, project_id=project_id, by=by, run_id=run_id)
    if seen is None:
        return (), ()
    people = seen.people.filter(~pl.col("annotator_id").is_in(list(drift_split.POOLED.values())))
    return tuple(people["annotator_id"].head(MOVERS)), tuple(seen.items["item_id"].head(MOVERS))


def drift_today(store: Store, project_id: str, by: Person, *, as_of: int | None = None) -> tuple[State, str]:
    """What drift says today, for a card: a state, and one sentence with its figure."""
    seen = newest(store, project_id=project_id, by=by, as_of=as_of)
    if seen is None:
        return "undefined", "Drift was not measured yet."
    waiting = alerts.waiting(store, project_id=project_id, by=by, as_of=as_of).filter(
        pl.col("key").str.starts_with("drift_")
    )
    if waiting.is_empty():
        return seen.state, f"{seen.sentence}."
    n = waiting.height
    if seen.state != "watch":  # an alert says what the label mix does not
        more = {1: "", 2: " 1 more alert is open."}.get(n, f" {n - 1} more alerts are open.")
        return "watch", f"{waiting['sentence'][0]}.{more}"
    return "watch", f"{seen.sentence}. {'1 alert is' if n == 1 else f'{n} alerts are'} open."


def _document(
    store: Store, project_id: str, found: Windows, asked: DriftOptions, saw: int, people: pl.DataFrame
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Everything that is kept, ready for JSON, and the measurements among it."""
    counts = [int((found.rows["window"] == w).sum()) for w in (0, 1)]
    facts: dict[str, Any] = {
        "reference": found.reference, "window": found.window, "n_before": counts[0], "n_after": counts[1],
        "untimed": found.untimed, "asked": {name: getattr(asked, name) for name in DriftOptions.__slots__},
    }  # fmt: skip
    empty: dict[str, Any] = {
        "state": "undefined", "detail": "", "label": "", "figures": [], "labels": [], "parts": [], "alone": [], "trend": [],
        "limit": None, "people": [], "kinds": [], "items": [], "facts": facts, "alarm": None,
    }  # fmt: skip
    if min(counts) < MIN_ANNOTATIONS:
        few = f"Too few annotations to speak of drift: {counts[1]:,} in {found.window}, {counts[0]:,} in {found.reference}"
        return {**empty, "sentence": few, "detail": drift_words.times_words(found)}, pl.DataFrame(
            schema=MEASUREMENT
        )
    label_set = require_label_set(store, project_id, as_of=saw)
    labels, distances = drift_figures.label_table(found.rows, label_set, seed=asked.seed)
    name = asked.label or str(labels["label"][0])
    codes = label_set.codes_with(name)
    moved = drift_split.split_change(
        store, project_id, found.rows, codes, attribute=asked.attribute, as_of=saw, seed=asked.seed
    )
    course = drift_trend.trend(
        found.rows, codes, chart=cast("Chart", asked.chart), shift=asked.shift, run_length=asked.run_length, seed=asked.seed,
        n_series=1 if asked.label else labels.height,
    )  # fmt: skip
    figures = drift_figures.figures(
        store, project_id, found.rows, label_set, distances, as_of=saw, seed=asked.seed
    )
    split = moved.split
    facts |= {
        "attribute": moved.attribute, "n_used": moved.n_used, "resampled": split.resampled, "undefined": split.undefined,
        "effective_annotators": split.effective_annotators, "effective_items": split.effective_items,
        "n_bridge": split.n_bridge, "label_set": drift_label_sets.change_words(found.rows, found.sets, label_set),
        "is_sets": label_set.is_sets, **drift_trend.facts(course, asked.chart),
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
    if state != "watch" and course.watched.alarm_at is not None:
        runs = f"the rate of {name} runs {course.watched.direction} since {course.watched.began_at}"
        state, sentence = "watch", f"{sentence}; but {runs}, as the sequential test finds"
    document = {
        **empty, "state": state, "sentence": sentence, "detail": drift_words.detail(facts), "label": name, "figures": figures.to_dicts(),
        "labels": labels.to_dicts(), "parts": parts, "alone": [[key, why] for key, why in split.alone.items()],
        "trend": drift_trend.rows(course), "limit": course.watched.limit, "people": _people(store, split.annotators, people),
        "kinds": _kinds(moved), "items": _items(store, project_id, moved.items, label_set, saw),
        "alarm": drift_trend.alarm(name, course.watched, asked.run_length, cause=drift_words.causes(parts)),
    }  # fmt: skip
    return document, figures


def _people(store: Store, people: pl.DataFrame, changes: pl.DataFrame) -> list[dict[str, Any]]:
    if people.is_empty():
        return []
    names = dict(store.read("drift_people").iter_rows()) | drift_split.POOLED
    agreed = [
        pl.col("detail").str.json_path_match(f"$.{when}").cast(pl.Float64) for when in ("before", "after")
    ]
    told = people.with_columns(annotator_id=pl.col("annotator_code").replace_strict(names, default="?")).join(
        changes.select(annotator_id="group_id", agreed_before=agreed[0], agreed_after=agreed[1]), on="annotator_id", how="left"
    )  # fmt: skip
    by_size = (pl.col("mix") + pl.col("behaviour")).abs()
    return told.sort(by_size, "annotator_id", descending=[True, False]).select(*PEOPLE).head(200).to_dicts()


def _items(
    store: Store, project_id: str, items: pl.DataFrame, label_set: LabelSet, saw: int
) -> list[dict[str, Any]]:
    codes = items["item_code"].to_list()
    known = store.read("item_ids", project_id=project_id, item_codes=codes)
    named = items.join(known, on="item_code", how="left", maintain_order="left")
    labels = dict(zip(label_set.codes, label_set.labels, strict=True))
    now = pl.col("label_code").replace_strict(labels, default=None, return_dtype=pl.Utf8)
    return named.with_columns(label=now).select(*ITEMS).to_dicts()


def _kinds(moved: drift_split.Moved) -> list[dict[str, Any]]:
    if not moved.attribute or moved.split.kinds.is_empty():
        return []
    named = moved.split.kinds.join(moved.kinds, on="stratum_code", how="left")
    told = named.with_columns(pl.col("kind").fill_null("without one"))
    return told.sort(pl.col("mix").abs(), "kind", descending=[True, False]).select(*KINDS).to_dicts()


def _read(row: Mapping[str, Any], *, sees_people: bool) -> Drift:
    kept = json.loads(row["document"])
    people = pl.DataFrame(kept["people"], schema=PEOPLE)
    return Drift(
        row["run_id"], kept["state"], kept["sentence"], kept["detail"], kept["label"],
        pl.DataFrame(kept["figures"], schema=MEASUREMENT), pl.DataFrame(kept["labels"], schema=drift_figures.LABELS),
        pl.DataFrame(kept["parts"], schema=PARTS), tuple((key, why) for key, why in kept["alone"]),
        pl.DataFrame(kept["trend"], schema=drift_trend.TREND), kept["limit"], people if sees_people else people.clear(),
        pl.DataFrame(kept["kinds"], schema=KINDS), pl.DataFrame(kept.get("items", []), schema=ITEMS),
        kept["facts"], row["measured_at"], row["report_sha256"], row["report_tool"] or "",
    )  # fmt: skip
