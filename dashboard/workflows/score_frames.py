"""The rows of a scoring run: measurements in one shape, and the labels that a run changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

import polars as pl

from analytics import agreement, annotators, set_figures
from analytics.frames import Repeats
from analytics.once import counted_once
from analytics.results import Estimate
from dashboard.workflows.catalog import GROUP_METRICS, METRICS
from dashboard.workflows.figure_inputs import Inputs, others_of, with_shared
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store
from data.database import Reader

PERSONS_DECISIONS = ("adjudication", "relabel")


def repeats_of(text: str) -> Repeats:
    """The option as analytics types it; the caller has checked it."""
    return cast("Repeats", text)


def no_measurements() -> pl.DataFrame:
    """A frame of measurements without rows."""
    return pl.DataFrame(schema=MEASUREMENT)


def accuracy(inputs: Inputs) -> Estimate:
    """Accuracy of the consensus on gold."""
    return annotators.consensus_accuracy(inputs.consensus, inputs.gold)


def measurements(store: Store, inputs: Inputs, label_set: LabelSet) -> pl.DataFrame:
    """Every figure of the catalogue as rows; groups are named by label, annotator id, or a JSON pair of annotator ids."""
    with counted_once():
        return _measured(store, with_shared(inputs), label_set)


def _measured(store: Store, inputs: Inputs, label_set: LabelSet) -> pl.DataFrame:
    overall = [_row(metric.key, metric.compute(inputs)) for metric in METRICS]
    frames = [pl.DataFrame(overall, schema=MEASUREMENT)]
    labels = label_set.frame()
    people = store.read("annotator_codes").select("annotator_code", "annotator_id")
    for metric in GROUP_METRICS:
        found = metric.compute(inputs)
        if metric.group_kind == "label":
            named = found.join(labels, on="label_code").rename({"label": "group_id"})
        elif metric.group_kind == "annotator":
            named = found.join(people, on="annotator_code").rename({"annotator_id": "group_id"})
        else:
            named = _named_pairs(found, people)
        frames.append(_shaped(named, metric.key, metric.group_kind, metric.unit))
    frames += [_confusions(inputs, people, labels), _label_confusion(inputs, labels)]
    return pl.concat(frames)


def changed_labels(
    reader: Reader, project_id: str, consensus: pl.DataFrame, label_set: LabelSet, run_id: str
) -> pl.DataFrame:
    """Rows of label_version for the items whose consensus differs from today's label and that no person decided."""
    today = reader.read("current_labels", project_id=project_id)
    joined = consensus.join(today, on="item_code", how="left", suffix="_today")
    differs = pl.col("version").is_null() | (
        (pl.col("label_code") != pl.col("label_code_today")) & ~pl.col("source").is_in(PERSONS_DECISIONS)
    )
    return (
        joined.filter(differs)
        .join(label_set.texts(), on="label_code")
        .select(
            "item_code",
            (pl.col("version").fill_null(0) + 1).cast(pl.Int32).alias("version"),
            "label_code",
            "label_json",
            "p_label",
            "n_annotations",
            pl.lit("consensus").alias("source"),
            pl.lit(run_id).alias("run_id"),
        )
        .sort("item_code")
    )


def readable_labels(
    store: Store, project_id: str, consensus: pl.DataFrame, label_set: LabelSet
) -> pl.DataFrame:
    """Columns item_id, label, p_label, n_annotations; sorted by item_id."""
    items = store.read("import_known_items", project_id=project_id)
    named = consensus.join(items, on="item_code").join(label_set.frame(), on="label_code")
    return named.select("item_id", "label", "p_label", "n_annotations").sort("item_id")


def segments_of(reader: Reader, tables: Mapping[str, pl.DataFrame]) -> dict[str, dict[str, object]]:
    """Frames as segments, for an event to name; those without rows are left out."""
    return {
        name: reader.segments.put(frame).as_payload()
        for name, frame in tables.items()
        if not frame.is_empty()
    }


def _row(key: str, estimate: Estimate) -> dict[str, object]:
    return {
        "key": key, "group_kind": "", "group_id": "", "value": estimate.value, "low": estimate.low, "high": estimate.high,
        "n": estimate.n, "undefined": estimate.undefined, "unit": estimate.unit, "detail": None,
    }  # fmt: skip


def _shaped(frame: pl.DataFrame, key: str, group_kind: str, unit: str) -> pl.DataFrame:
    fixed = {"key": key, "group_kind": group_kind, "unit": unit}
    frame = frame.with_columns(pl.lit(value).alias(name) for name, value in fixed.items())
    if "detail" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.Utf8).alias("detail"))
    return frame.select(pl.col(name).cast(kind) for name, kind in MEASUREMENT.items())


def _named_pairs(pairs: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Pairs under a JSON list of the two ids, sorted; each id is written as JSON once, as pairs are many."""
    quoted = [json.dumps(person, ensure_ascii=False) for person in people["annotator_id"].to_list()]
    named = people.with_columns(pl.Series("quoted", quoted, dtype=pl.Utf8))
    for end in ("a", "b"):
        pairs = pairs.join(
            named.rename(
                {"annotator_code": f"annotator_{end}", "annotator_id": f"id_{end}", "quoted": f"quoted_{end}"}
            ),
            on=f"annotator_{end}",
        )
    ordered = pl.col("id_a") < pl.col("id_b")
    first = pl.when(ordered).then("quoted_a").otherwise("quoted_b")
    second = pl.when(ordered).then("quoted_b").otherwise("quoted_a")
    found = pairs.with_columns(pl.format("[{}, {}]", first, second).alias("group_id"))
    if "agreement" not in pairs.columns:
        return found
    share = pl.col("agreement").round(6).cast(pl.Utf8)
    return found.with_columns(pl.concat_str(pl.lit('{"agreement":'), share, pl.lit("}")).alias("detail"))


def _confusions(inputs: Inputs, people: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """How each annotator labels what the others (left out: the annotator) call something: one JSON list a person."""
    if (
        inputs.sets
    ):  # the consensus of the others is one set of very many; `overlap_with_others` says it for sets
        return no_measurements()
    counts = annotators.confusion_of_counts(others_of(inputs))
    named = counts.join(people, on="annotator_code")
    for column in ("label_others", "label_given"):
        named = named.join(labels.rename({"label_code": column, "label": f"{column}_text"}), on=column)
    grouped = (
        named.sort("annotator_id", "label_others", "label_given")
        .group_by("annotator_id", maintain_order=True)
        .agg(
            pl.col("n").sum().alias("n"),
            pl.struct("label_others_text", "label_given_text", count="n").alias("cells"),
        )
    )
    details = [
        json.dumps(
            [[c["label_others_text"], c["label_given_text"], c["count"]] for c in cells], ensure_ascii=False
        )
        for cells in grouped["cells"].to_list()
    ]
    frame = grouped.select(group_id="annotator_id", n="n").with_columns(
        pl.lit(None, dtype=pl.Float64).alias("value"),
        pl.lit(None, dtype=pl.Float64).alias("low"),
        pl.lit(None, dtype=pl.Float64).alias("high"),
        pl.lit("a table, not one figure").alias("undefined"),
        pl.Series("detail", details, dtype=pl.Utf8),
    )
    return _shaped(frame, "confusion_with_others", "annotator", "annotations")


def _label_confusion(inputs: Inputs, labels: pl.DataFrame) -> pl.DataFrame:
    """Which two labels people give to the same item: pairs of votes and their share of all pairs."""
    if inputs.sets:
        pairs = set_figures.member_confusion(inputs.votes, sets=inputs.sets)
    else:
        pairs = agreement.label_confusion(inputs.votes, n_labels=inputs.n_labels)
    for column in ("label_a", "label_b"):
        pairs = pairs.join(labels.rename({"label_code": column, "label": f"{column}_text"}), on=column)
    names = [
        json.dumps([a, b], ensure_ascii=False)
        for a, b in pairs.select("label_a_text", "label_b_text").iter_rows()
    ]
    frame = pairs.select(value="share", n="pairs").with_columns(
        pl.Series("group_id", names, dtype=pl.Utf8),
        pl.lit(None, dtype=pl.Float64).alias("low"),
        pl.lit(None, dtype=pl.Float64).alias("high"),
        pl.lit(None, dtype=pl.Utf8).alias("undefined"),
    )
    return _shaped(frame, "label_confusion", "label_pair", "share")
