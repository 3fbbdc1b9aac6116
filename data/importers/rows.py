"""From the roles' raw columns to the frames of a Parsed file: the same for every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from data.importers.moments import clean_moments
from data.importers.parsed import ANNOTATIONS, ANNOTATORS, ITEMS, MOMENT, REJECTED
from data.importers.set_cells import clean_sets
from data.importers.shown import clean_shown, suggestions, told_of
from data.importers.values import (
    Cleaned,
    as_text,
    clean_choices,
    clean_content,
    clean_ids,
    clean_labels,
    clean_seconds,
)

_OURS = {
    "item": "item_id",
    "annotator": "annotator_id",
    "label": "label",
    "at": "labelled_at",
    "seconds": "active_seconds",
    "text": "text",
    "image": "image",
    "gold": "gold",
    "source_id": "source_id",
    "rationale": "rationale",
    "suggestion": "suggestion",
    "suggestion_shown": "is_shown",
}
_TYPES: dict[str, pl.DataType] = {
    "labelled_at": MOMENT,
    "active_seconds": pl.Float64(),
    "is_shown": pl.Boolean(),
}
_LABELS = ("label", "gold", "suggestion")


@dataclass(frozen=True, slots=True)
class Raw:
    """A file's columns by role, not yet clean.

    Attributes:
        rows: Int64, the source's row number of each.
        roles: role -> column.
        names: role -> what the column is called in messages.
        independent: Boolean, or None where all are; one with a suggestion shown is not, whatever stands here.
        fixed_labels: whether labels are words of a fixed list already, to be taken exactly as they stand.
        item_attributes: name -> column.
        annotator_attributes: name -> column.
        sets: whether labels, gold and suggestions are sets of labels, parted by `separator` where cells are no lists.
    """

    rows: pl.Series
    roles: Mapping[str, pl.Series]
    names: Mapping[str, str]
    independent: pl.Series | None
    fixed_labels: bool
    item_attributes: Mapping[str, pl.Series]
    annotator_attributes: Mapping[str, pl.Series]
    sets: bool = False
    separator: str = ""


@dataclass(frozen=True, slots=True)
class Assembled:
    """Clean frames in the shapes of `parsed`, with a sentence for each thing changed."""

    annotations: pl.DataFrame
    items: pl.DataFrame
    annotators: pl.DataFrame
    rejected: pl.DataFrame
    suggestions: pl.DataFrame
    notes: tuple[str, ...]


def assemble(raw: Raw, *, day_first: bool = False) -> Assembled:
    """Clean every role, put aside rows that cannot be taken, and part annotations, items and annotators.

    An item's text, image and gold are those of its first good row; a later row that differs is rejected.
    Attributes that differ keep their first value, and a note says so.

    Raises:
        ImportRejected: a column holds bytes, lists or records.
    """
    frame, notes = _cleaned(raw, day_first)
    bad = frame.filter(pl.col("reason") != "").select("row", "reason")
    good = frame.filter(pl.col("reason") == "").drop("reason")
    rejected = [bad]
    for column, word in (("text", "texts"), ("image", "images"), ("gold", "gold labels")):
        good, conflicts = _apart(good, column, word)
        rejected.append(conflicts)
    items, item_notes = _grouped(good, "item_id", "item", list(raw.item_attributes))
    shown, shown_notes = suggestions(good)
    annotators, annotator_notes = _grouped(good, "annotator_id", "annotator", list(raw.annotator_attributes))
    return Assembled(
        annotations=good.select(ANNOTATIONS.names()).cast(ANNOTATIONS),
        items=items.select(ITEMS.names()).cast(ITEMS),
        annotators=annotators.select(ANNOTATORS.names()).cast(ANNOTATORS),
        rejected=pl.concat([r.cast(REJECTED) for r in rejected]).sort("row"),
        suggestions=shown,
        notes=(*notes, *shown_notes, *item_notes, *annotator_notes),
    )


def with_kind(items: pl.DataFrame) -> pl.DataFrame:
    """Items with `kind` told from what they have: an image, else a text, else none."""
    kind = pl.when(pl.col("image").is_not_null()).then(pl.lit("image"))
    return items.with_columns(
        kind=kind.when(pl.col("text").is_not_null()).then(pl.lit("text")).otherwise(pl.lit("none"))
    )


def attributes_json(frame: pl.DataFrame, columns: Mapping[str, str]) -> pl.Series:
    """Columns (name in the JSON -> column) as one canonical JSON object a row: sorted names, no blanks."""
    if not columns:
        return pl.Series("attributes", ["{}"]).new_from_index(0, len(frame))
    fields = [pl.col(columns[name]).alias(name) for name in sorted(columns)]
    return frame.select(attributes=pl.struct(fields).struct.json_encode())["attributes"]


def _clean(role: str, raw: Raw, day_first: bool) -> Cleaned:
    values, name = raw.roles[role], raw.names[role]
    if role in _LABELS:
        if raw.sets:
            cleaned = clean_sets(values, name, role, separator=raw.separator)
        elif raw.fixed_labels:
            cleaned = clean_choices(values, name, role)
        else:
            among = [raw.roles[other] for other in _LABELS if other != role and other in raw.roles]
            cleaned = clean_labels(values, name, role, among=among)
        return cleaned if role == "label" else _may_be_empty(cleaned)
    if role in ("item", "annotator"):
        return clean_ids(values, name, role)
    if role == "source_id":
        return _may_be_empty(clean_ids(values, name, role))
    if role == "suggestion_shown":
        return clean_shown(values, name)
    if role == "at":
        return clean_moments(values, name, day_first=day_first)
    return clean_seconds(values, name) if role == "seconds" else clean_content(values, name)


def _may_be_empty(cleaned: Cleaned) -> Cleaned:
    """Without the objection that a value is missing; others stand."""
    frame = pl.DataFrame({"v": cleaned.values, "bad": cleaned.bad})
    return Cleaned(
        cleaned.values, frame.select(bad=pl.when(pl.col("v").is_not_null()).then("bad"))["bad"], cleaned.notes
    )


def _cleaned(raw: Raw, day_first: bool) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """All columns under our names, and `reason`: every objection to the row, "" for none."""
    n = len(raw.rows)
    columns: dict[str, pl.Series] = {"row": raw.rows}
    reasons: list[pl.Series] = []
    notes: list[str] = []
    shown: Cleaned | None = None
    for role, ours in _OURS.items():
        if role not in raw.roles:
            columns[ours] = pl.Series(ours, [None], dtype=_TYPES.get(ours, pl.String())).new_from_index(0, n)
            continue
        cleaned = _clean(role, raw, day_first)
        columns[ours] = cleaned.values
        notes += cleaned.notes
        shown = cleaned if role == "suggestion_shown" else shown
        if cleaned.bad.null_count() < n:
            reasons.append(cleaned.bad.alias(f"reason {len(reasons)}"))
    if "suggestion" in raw.roles:
        columns["is_shown"], unsaid, assumed = told_of(columns["suggestion"], shown, raw.names["suggestion"])
        reasons.append(unsaid.alias(f"reason {len(reasons)}"))
        notes += assumed
    blind = ~columns["is_shown"].fill_null(False)
    columns["independent"] = blind if raw.independent is None else blind & raw.independent
    for prefix, attributes in (("item", raw.item_attributes), ("annotator", raw.annotator_attributes)):
        for name, values in attributes.items():
            columns[f"{prefix} {name}"] = clean_labels(as_text(values, name), name, name).values
    frame = pl.DataFrame({name: values.alias(name) for name, values in columns.items()})
    why = pl.concat_str(reasons, separator="; ", ignore_nulls=True) if reasons else pl.lit("")
    return frame.with_columns(reason=why), tuple(notes)


def _apart(good: pl.DataFrame, column: str, word: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that agree with the first row of their item on `column`, and those that do not with the reason."""
    none = pl.DataFrame(schema=REJECTED)
    if good[column].null_count() == len(good):
        return good, none
    said = good.lazy().select("item_id", column).drop_nulls().unique(maintain_order=False).collect()
    torn = said.group_by("item_id").len().filter(pl.col("len") > 1).select("item_id")
    if not len(torn):
        return good, none
    suspects = (
        good.select("row", "item_id", column)
        .join(torn, on="item_id", how="semi")
        .filter(pl.col(column).is_not_null())
    )
    first = (
        suspects.sort("row")
        .group_by("item_id", maintain_order=True)
        .agg(pl.first(column).alias("first"), pl.first("row").alias("at"))
    )
    wrong = suspects.join(first, on="item_id").filter(pl.col(column) != pl.col("first"))
    reason = pl.format(
        "item '{}' has two {}: this one differs from row {}",
        pl.col("item_id").str.slice(0, 40),
        pl.lit(word),
        pl.col("at"),
    )
    return good.join(wrong.select("row"), on="row", how="anti", maintain_order="left"), wrong.select(
        "row", reason=reason
    )


def _grouped(
    good: pl.DataFrame, key: str, prefix: str, names: list[str]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """One row for each id, in order of first appearance, with the first known value of each thing."""
    about = [c for c in ("text", "image", "gold") if prefix == "item"]
    attributes = [f"{prefix} {name}" for name in names]
    filled = [c for c in (*about, *attributes) if good[c].null_count() < len(good)]
    ids = good.lazy().select(key).unique(maintain_order=True).collect()
    notes: list[str] = []
    for column in filled:
        said = good.lazy().select(key, column).drop_nulls().unique(subset=None, maintain_order=True).collect()
        first = said.unique(subset=key, keep="first", maintain_order=True)
        if column in attributes and len(first) < len(said):
            torn = said.group_by(key).len().filter(pl.col("len") > 1)
            many = f"1 {prefix}" if len(torn) == 1 else f"{len(torn):,} {prefix}s"
            notes.append(
                f"{column.removeprefix(prefix + ' ')!r} differs within {many}; the first value was kept."
            )
        ids = ids.join(first, on=key, how="left", maintain_order="left")
    blank = [c for c in (*about, *attributes) if c not in filled]
    ids = ids.with_columns(pl.lit(None, dtype=pl.String).alias(c) for c in blank)
    ids = ids.with_columns(attributes_json(ids, dict(zip(names, attributes, strict=True))))
    return with_kind(ids) if prefix == "item" else ids, tuple(notes)
