"""Files of a model's probabilities: one row an item, a number for each label of the label set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from data.errors import ImportRejected
from data.importers.delimited import Loaded
from data.importers.json_lines import LinesFile
from data.importers.parsed import PROBABILITIES, REJECTED, ImportOptions, ParsedProbabilities
from data.importers.probability_columns import ProbabilityColumns, find_probability_columns
from data.importers.sniff import Kind
from data.importers.source import Source
from data.importers.table import TableFile, left_out, open_table, table_notes
from data.importers.values import as_text, clean_ids, quoted

SUM_WITHIN = 1e-3
"""How far from 1 the probabilities of an item may sum."""

# What arithmetic in single precision leaves outside [0, 1] is taken as 0 or 1.
_HAIR = 1e-6
_COMMA = r"^\s*-?\d+,\d+\s*$"


def read_probabilities(
    source: Source, kind: Kind, scratch: Path, options: ImportOptions, labels: Sequence[str]
) -> ParsedProbabilities:
    """Read a whole file of probabilities.

    Raises:
        ImportRejected: the file cannot be read, holds no rows, or a label has no column.
    """
    table = open_table(source, kind, scratch, options)
    columns = find_probability_columns(table.columns, options.mapping, labels, name=source.name)
    loaded = _load(table, columns)
    if loaded.frame.is_empty() and loaded.rejected.is_empty():
        raise ImportRejected(f"{source.name} holds no rows.")
    ids = clean_ids(loaded.frame[columns.item], columns.item, "item")
    values = (
        _of_columns(loaded.frame, columns.labels)
        if columns.list is None
        else _of_list(loaded.frame[columns.list], columns.list, labels)
    )
    frame = values.with_columns(loaded.rows, ids.values.alias("item_id"), ids.bad.alias("no_item"))
    judged = frame.with_columns(reason=_reason(columns, labels))
    good, repeated = _once(judged.filter(pl.col("reason").is_null()))
    bad = judged.filter(pl.col("reason").is_not_null()).select("row", "reason")
    rejected = pl.concat([bad.cast(REJECTED), repeated.cast(REJECTED), loaded.rejected]).sort("row")
    unused = [column for column in table.columns if column not in columns.used]
    return ParsedProbabilities(
        probabilities=_lists(good, len(labels)),
        rejected=rejected,
        format=table.format,
        mapping=columns.mapping,
        guessed=(*table_notes(table, source), *columns.said, *loaded.notes, *ids.notes, *left_out(unused)),
        n_rows=len(good) + len(rejected),
        sha256=source.sha256,
        name=source.name,
    )


def _load(table: TableFile, columns: ProbabilityColumns) -> Loaded:
    if isinstance(table, LinesFile) and columns.list is not None:
        return table.load(columns.used, lists=[columns.list])
    return table.load(columns.used)


def _of_columns(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Columns n0, n1, … (numbers, null where there is none) and t0, t1, … (what was written, null where empty)."""
    found: list[pl.Series] = []
    for place, column in enumerate(columns):
        values = frame[column]
        if values.dtype.is_numeric():
            number = values.cast(pl.Float64).fill_nan(None)
            found += [
                number.alias(f"n{place}"),
                pl.Series(f"t{place}", [None], pl.String).new_from_index(0, len(values)),
            ]
        else:
            text = as_text(values, column)
            found += [_numbers(text).alias(f"n{place}"), text.alias(f"t{place}")]
    return pl.DataFrame(found)


def _of_list(values: pl.Series, column: str, labels: Sequence[str]) -> pl.DataFrame:
    """Columns n0, n1, … as above from a column of lists, and `length` (null where there is no list)."""
    lists = _as_lists(values, column).alias("v")
    frame = lists.to_frame().with_columns(length=pl.col("v").list.len())
    wanted = [
        pl.col("v").list.get(place, null_on_oob=True).fill_nan(None).alias(f"n{place}")
        for place in range(len(labels))
    ]
    return frame.select("length", *wanted)


def _as_lists(values: pl.Series, column: str) -> pl.Series:
    """Lists of numbers, from lists or from text such as "[0.1, 0.9]"."""
    kind = values.dtype
    if isinstance(kind, (pl.List, pl.Array)):
        if kind.inner is None or not pl.Series(dtype=kind.inner).dtype.is_numeric():
            raise ImportRejected(
                f"Column {column!r} holds lists of something else than numbers; give one probability a label."
            )
        return values.cast(pl.List(pl.Float64))
    inside = pl.col("v").str.strip_chars(" \t[]()").str.replace_all(r"[,;\s]+", " ")
    return (
        as_text(values, column)
        .to_frame("v")
        .select(v=pl.when(inside != "").then(inside.str.split(" ")).cast(pl.List(pl.Float64), strict=False))[
            "v"
        ]
    )


def _numbers(text: pl.Series) -> pl.Series:
    """Text as numbers, null where it is none; a decimal comma is understood, for no probability has thousands."""
    value = pl.col("v").str.strip_chars()
    point = (
        pl.when(value.str.contains(_COMMA)).then(value.str.replace(",", ".", literal=True)).otherwise(value)
    )
    return text.to_frame("v").select(v=point.cast(pl.Float64, strict=False).fill_nan(None))["v"]


def _reason(columns: ProbabilityColumns, labels: Sequence[str]) -> pl.Expr:
    """Why a row cannot be taken; null where it can."""
    reasons = [pl.col("no_item")]
    if columns.list is not None:
        reasons += [
            pl.when(pl.col("length").is_null()).then(pl.lit(f"{columns.list} is empty")),
            pl.when(pl.col("length") != len(labels)).then(
                pl.format(
                    "{} holds {} probabilities, not the {} of the label set",
                    pl.lit(columns.list), pl.col("length"), pl.lit(len(labels)),
                )
            ),
        ]  # fmt: skip
    for place, label in enumerate(labels):
        where = columns.labels[place] if columns.labels else f"{columns.list}, number {place + 1}"
        reasons += _number_reasons(place, label, where, written=bool(columns.labels))
    total = pl.sum_horizontal(f"n{place}" for place in range(len(labels)))
    reasons.append(
        pl.when((total - 1).abs() > SUM_WITHIN).then(
            pl.format("the probabilities sum to {}, not to 1", total.round(4))
        )
    )
    return pl.coalesce(reasons)


def _number_reasons(place: int, label: str, where: str, *, written: bool) -> list[pl.Expr]:
    """What can be wrong with one label's number."""
    number, text = pl.col(f"n{place}"), f"t{place}"
    empty = pl.lit(f"no probability of {label!r} ({where} is empty)")
    none = (
        pl.when(pl.col(text).str.strip_chars().fill_null("") == "")
        .then(empty)
        .otherwise(quoted(text, f"{where} is not a number"))
        if written
        else pl.lit(f"no probability of {label!r} ({where} is not a number)")
    )
    outside = pl.format("{} is {}, which is not within 0 and 1", pl.lit(where), number)
    return [
        pl.when(number.is_null()).then(none),
        pl.when(~number.is_between(-_HAIR, 1 + _HAIR)).then(outside),
    ]


def _once(good: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first row of each item, and the others as rejected rows."""
    first = pl.col("row").min().over("item_id")
    marked = good.with_columns(first=first)
    reason = pl.format(
        "item '{}' stands in row {} already", pl.col("item_id").str.slice(0, 40), pl.col("first")
    )
    again = marked.filter(pl.col("row") != pl.col("first")).select("row", reason=reason)
    return marked.filter(pl.col("row") == pl.col("first")), again


def _lists(good: pl.DataFrame, n_labels: int) -> pl.DataFrame:
    clipped = [pl.col(f"n{place}").clip(0, 1) for place in range(n_labels)]
    return good.select("row", "item_id", probabilities=pl.concat_list(clipped)).cast(PROBABILITIES)
