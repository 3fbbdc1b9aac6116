"""What every importer gives back, and what a caller may ask of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

ContentKind = Literal["embeddings", "tokens", "people"]
Format = Literal["auto", "table", "label-studio"]

MOMENT: pl.DataType = pl.Datetime("us", "UTC")
ANNOTATIONS = pl.Schema(
    {
        "row": pl.Int64(),
        "item_id": pl.String(),
        "annotator_id": pl.String(),
        "label": pl.String(),
        "labelled_at": MOMENT,
        "active_seconds": pl.Float64(),
        "source_id": pl.String(),
        "independent": pl.Boolean(),
        "rationale": pl.String(),
    }
)
SUGGESTIONS = pl.Schema({"row": pl.Int64(), "suggestion": pl.String(), "is_shown": pl.Boolean()})
ITEMS = pl.Schema(
    {
        "item_id": pl.String(),
        "kind": pl.String(),
        "text": pl.String(),
        "image": pl.String(),
        "gold": pl.String(),
        "attributes": pl.String(),
    }
)
ANNOTATORS = pl.Schema({"annotator_id": pl.String(), "attributes": pl.String()})
PREDICTIONS = pl.Schema(
    {"item_id": pl.String(), "model_run": pl.String(), "label": pl.String(), "score": pl.Float64()}
)
PROBABILITIES = pl.Schema({"row": pl.Int64(), "item_id": pl.String(), "probabilities": pl.List(pl.Float64())})
EMBEDDINGS = pl.Schema({"row": pl.Int64(), "item_id": pl.String(), "vector": pl.List(pl.Float32())})
TOKENS = pl.Schema(
    {
        "row": pl.Int64(),
        "item_id": pl.String(),
        "starts": pl.List(pl.Int32()),
        "ends": pl.List(pl.Int32()),
        "probabilities": pl.List(pl.Float32()),
    }
)
PEOPLE = pl.Schema({"row": pl.Int64(), "annotator_id": pl.String(), "attributes": pl.String()})
REJECTED = pl.Schema({"row": pl.Int64(), "reason": pl.String()})


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read one file, and how much it may cost.

    Attributes:
        mapping: role -> source column (roles in `mapping.ROLES`); an empty column leaves the role out.
        item_attributes: source columns kept with the item.
        annotator_attributes: source columns about the annotator; personal, so they belong in the vault.
        sets: whether a label is a set of labels; else a row with several is rejected.
        logits: whether a file of probabilities has scores before softmax (of sets: before the logistic function).
        label_order: the labels in the model's own order, as `id2label` of its configuration has them; () where it is not known.
        ids: the path of a table with the item of each row, in the file's order; "" where the file has a column of them.
        separator: what parts the labels of one cell, where labels are sets and cells are no lists; "" for nothing.
        max_bytes: largest file in bytes, counted after unpacking.
        max_memory_bytes: what reading may take beyond the reader's own start-up size, in bytes.
        max_seconds: wall-clock limit in seconds.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    item_attributes: tuple[str, ...] = ()
    annotator_attributes: tuple[str, ...] = ()
    sets: bool = False
    separator: str = ""
    logits: bool = False
    label_order: tuple[str, ...] = ()
    ids: str = ""
    max_bytes: int = 4 * 1024**3
    max_memory_bytes: int = 12 * 1024**3
    max_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file, read. Frames have exactly the columns of the schemas in this module.

    Attributes:
        annotations: one row an annotation, in the source's order; `row` counts from 1 without the header. A label that is a
            set (`ImportOptions.sets`) is written as a JSON list of texts, sorted; so are gold and predictions then.
        items: one row an item, in order of first appearance; `attributes` is a JSON object of texts.
        annotators: one row an annotator, in order of first appearance.
        predictions: one row for each (item, model run).
        rejected: rows that were not taken, each with its reason.
        format: what the file was: csv, tsv, jsonl, parquet or label-studio.
        mapping: role -> source column, as used.
        guessed: sentences on everything that was assumed, changed or left out.
        n_rows: annotations plus rejected rows; rows left out on purpose are counted in `guessed`.
        sha256: of the file's bytes as they were given.
        name: the file's name.
        suggestions: SUGGESTIONS, one row for each annotation of which the file says whether a suggestion was shown; the suggestion
            is written as a label, null where it is not known which it was.
    """

    annotations: pl.DataFrame
    items: pl.DataFrame
    annotators: pl.DataFrame
    predictions: pl.DataFrame
    rejected: pl.DataFrame
    format: str
    mapping: dict[str, str]
    guessed: tuple[str, ...]
    n_rows: int
    sha256: str
    name: str
    suggestions: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SUGGESTIONS))


@dataclass(frozen=True, slots=True)
class ParsedProbabilities:
    """One file of a model's probabilities, read; one row an item.

    Attributes:
        probabilities: PROBABILITIES, in the source's order; each list has one number in [0, 1] a label, in the order of
            the labels that were asked for, and sums to 1 within `probabilities.SUM_WITHIN` (but where labels are sets). Each item
            stands there once. Where there are members, a list has those of all members, one after the other.
        rejected: rows that were not taken, each with its reason.
        format: what the file was: csv, tsv, jsonl or parquet.
        mapping: "item", and "probabilities" or each label -> source column, as used.
        guessed: sentences on everything that was assumed, changed or left out.
        n_rows: rows taken plus rows rejected.
        sha256: of the file's bytes as they were given.
        name: the file's name.
        members: what the members of the model are called, in the order of the lists; () where there is no such column.
    """

    probabilities: pl.DataFrame
    rejected: pl.DataFrame
    format: str
    mapping: dict[str, str]
    guessed: tuple[str, ...]
    n_rows: int
    sha256: str
    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedContent:
    """One file of what a model made of items beyond probabilities of labels, or of what is known of annotators; one row each.

    Attributes:
        contents: EMBEDDINGS, or TOKENS (probabilities of the first token's tags, then the second's, …), in the source's order;
            each item stands there once. Or PEOPLE: each annotator stands there once, `attributes` is a JSON object of texts.
        tags: of tokens, sorted; of people the names of their attributes; else none.
        rejected, format, mapping, guessed, n_rows, sha256, name: as in `ParsedProbabilities`.
    """

    contents: pl.DataFrame
    rejected: pl.DataFrame
    format: str
    mapping: dict[str, str]
    guessed: tuple[str, ...]
    n_rows: int
    sha256: str
    name: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a file, before anything is imported.

    Attributes:
        rows: the first rows, every column as text, named as in the source.
        columns: all the source's column names.
        format: as in `Parsed`.
        mapping: role -> source column, as far as it could be told.
        guessed: a sentence for each guess.
        problem: why the file could not be imported with this mapping, or None.
        name: the file's name.
    """

    rows: pl.DataFrame
    columns: tuple[str, ...]
    format: str
    mapping: dict[str, str]
    guessed: tuple[str, ...]
    problem: str | None
    name: str
