"""The rows of an import: identifiers, codes and what the store does not have yet. Frames in, frames out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.opening import Store
from data.database import Reader
from data.identity import annotation_ids
from data.importers import Parsed

IMAGE_LIMIT = 10 * 1024 * 1024
IMAGE_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")


def with_ids(annotations: pl.DataFrame, project_id: str) -> pl.DataFrame:
    """The annotations with a column annotation_id."""
    return annotations.with_columns(annotation_ids(annotations, project_id=project_id).alias("annotation_id"))


def without_known(store: Store | Reader, annotations: pl.DataFrame, project_id: str) -> pl.DataFrame:
    """The annotations that the store does not have yet."""
    known = store.read("import_known_annotations", project_id=project_id)
    return annotations if known.is_empty() else annotations.join(known, on="annotation_id", how="anti")


def attributes_by_person(annotators: pl.DataFrame) -> dict[str, dict[str, object]]:
    """Personal attributes by annotator, for the vault; people without any are left out."""
    filled = annotators.filter(pl.col("attributes") != "{}")
    return {
        person: json.loads(text) for person, text in filled.select("annotator_id", "attributes").iter_rows()
    }


def images_beside(items: pl.DataFrame, folder: Path) -> dict[str, bytes]:
    """Content of the images that items name by a path inside `folder`, by item; whatever else is named is left alone."""
    root = folder.resolve()
    found: dict[str, bytes] = {}
    for item_id, name in items.filter(pl.col("image").is_not_null()).select("item_id", "image").iter_rows():
        if "://" in name:
            continue
        path = (root / name).resolve()
        if path.is_relative_to(root) and path.is_file() and path.stat().st_size <= IMAGE_LIMIT:
            content = path.read_bytes()
            if content.startswith(IMAGE_MARKS):
                found[item_id] = content
    return found


def tables(
    reader: Reader,
    project_id: str,
    parsed: Parsed,
    annotations: pl.DataFrame,
    label_set: LabelSet,
    image_bytes: Mapping[str, bytes],
) -> dict[str, pl.DataFrame]:
    """The new rows of each table, with codes; a frame may be empty."""
    items, item_codes = _items(reader, project_id, parsed.items, image_bytes)
    annotators, annotator_codes = _annotators(reader, annotations)
    labels = _written(label_set)
    return {
        "item": items,
        "annotator": annotators,
        "gold": _gold(reader, project_id, parsed.items, item_codes, labels),
        "prediction": _predictions(reader, project_id, parsed.predictions, item_codes, labels),
        "annotation": _annotations(annotations, item_codes, annotator_codes, labels),
        "suggestion": _suggestions(parsed.suggestions, annotations, (item_codes, annotator_codes, labels)),
    }


def _written(label_set: LabelSet) -> pl.DataFrame:
    """label_code, label as importers write it (a set as the JSON list of its sorted members), label_json."""
    texts = label_set.texts()
    if not label_set.is_sets:
        return texts
    names = [sorted(label_set.label(member) for member in members) for members in label_set.members]
    written = [json.dumps(members, ensure_ascii=False) for members in names]
    return texts.with_columns(pl.Series("label", written, dtype=pl.Utf8))


def _items(
    reader: Reader, project_id: str, items: pl.DataFrame, image_bytes: Mapping[str, bytes]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    known = reader.read("import_known_items", project_id=project_id)
    fresh = items.join(known, on="item_id", how="anti", maintain_order="left")
    fresh = fresh.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("item_code") + known.height)
    bytes_of = pl.DataFrame(
        {"item_id": list(image_bytes), "image_bytes": list(image_bytes.values())},
        schema={"item_id": pl.Utf8, "image_bytes": pl.Binary},
    )
    fresh = fresh.join(bytes_of, on="item_id", how="left", maintain_order="left")
    codes = pl.concat([known, fresh.select("item_id", "item_code")])
    return fresh.select("item_code", "item_id", "kind", "text", "image", "image_bytes", "attributes"), codes


def _annotators(reader: Reader, annotations: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    known = reader.read("import_known_annotators")
    fresh = annotations.select(pl.col("annotator_id").unique(maintain_order=True)).join(
        known, on="annotator_id", how="anti", maintain_order="left"
    )
    fresh = fresh.with_columns(
        (pl.int_range(pl.len(), dtype=pl.Int64) + known.height).alias("annotator_code"),
        pl.lit("person").alias("kind"),
    )
    return fresh, pl.concat([known, fresh.select("annotator_id", "annotator_code")])


def _gold(
    reader: Reader, project_id: str, items: pl.DataFrame, item_codes: pl.DataFrame, labels: pl.DataFrame
) -> pl.DataFrame:
    known = reader.read("import_known_gold", project_id=project_id)
    said = items.filter(pl.col("gold").is_not_null()).select("item_id", label="gold")
    said = said.join(item_codes, on="item_id").join(labels, on="label")
    fresh = said.join(known, on=["item_code", "label_code"], how="anti")
    return fresh.select("item_code", "label_code", "label_json").sort("item_code")


def _predictions(
    reader: Reader, project_id: str, predictions: pl.DataFrame, item_codes: pl.DataFrame, labels: pl.DataFrame
) -> pl.DataFrame:
    known = reader.read("import_known_predictions", project_id=project_id)
    said = predictions.join(item_codes, on="item_id").join(labels, on="label")
    fresh = said.join(known, on=["item_code", "model_run"], how="anti")
    return fresh.select("item_code", "model_run", "label_code", "label_json", "score").sort("item_code")


def _suggestions(
    said: pl.DataFrame, annotations: pl.DataFrame, codes: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
) -> pl.DataFrame:
    """What the file says was suggested, for each item and annotator beside their first annotation; asserted, not observed.

    A hidden one beside an annotation that is not independent (begun from another's, say) tells nothing and is left out.
    """
    items, annotators, labels = codes
    known = said.filter(pl.col("suggestion").is_not_null())
    beside = annotations.join(known, on="row").filter(pl.col("is_shown") | pl.col("independent"))
    first = beside.sort("row").unique(["item_id", "annotator_id"], keep="first", maintain_order=True)
    coded = first.join(items, on="item_id").join(annotators, on="annotator_id")
    return (
        coded.join(labels.select("label_code", suggestion="label"), on="suggestion")
        .with_columns(source=pl.lit("asserted"))
        .select("item_code", "annotator_code", "label_code", "is_shown", "source")
        .sort("item_code", "annotator_code")
    )


def _annotations(
    annotations: pl.DataFrame, item_codes: pl.DataFrame, annotator_codes: pl.DataFrame, labels: pl.DataFrame
) -> pl.DataFrame:
    coded = (
        annotations.join(item_codes, on="item_id")
        .join(annotator_codes, on="annotator_id")
        .join(labels, on="label")
    )
    order = ["item_code", "annotator_code", "row"]
    repeat = pl.int_range(pl.len()).over("item_code", "annotator_code", order_by=["labelled_at", "row"]) > 0
    return (
        coded.with_columns(assignment=pl.when(repeat).then(pl.lit("repeat")).otherwise(pl.lit("first")))
        .sort(order)
        .select(
            "annotation_id",
            "item_code",
            "annotator_code",
            "label_code",
            "label_json",
            "labelled_at",
            "active_seconds",
            pl.lit("import").alias("source"),
            "independent",
            pl.lit(True).alias("asserted"),
            "assignment",
            "rationale",
            position=pl.col("row"),
        )
    )
