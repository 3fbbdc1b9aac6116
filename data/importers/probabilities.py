"""Files of a model's probabilities: one row an item (or an item and member), a number for each label of the label set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from data.errors import ImportRejected
from data.importers.delimited import Loaded
from data.importers.item_ids import ids_of
from data.importers.json_lines import LinesFile
from data.importers.mapping import listed
from data.importers.number_lists import as_lists
from data.importers.parsed import PROBABILITIES, REJECTED, ImportOptions, ParsedProbabilities
from data.importers.probability_columns import ProbabilityColumns, find_probability_columns
from data.importers.probability_members import are_nested, gather, unfold
from data.importers.probability_reasons import SUM_WITHIN, judge
from data.importers.probability_scores import are_scores, of_scores
from data.importers.sniff import Kind
from data.importers.source import Source
from data.importers.table import TableFile, left_out, open_table, table_notes
from data.importers.values import as_text, clean_ids

_COMMA = r"^\s*-?\d+,\d+\s*$"
_NONE = pl.DataFrame(schema=REJECTED)


def read_probabilities(
    source: Source, kind: Kind, scratch: Path, options: ImportOptions, labels: Sequence[str]
) -> ParsedProbabilities:
    """Read a whole file of probabilities.

    Raises:
        ImportRejected: the file cannot be read, holds no rows, a label has no column, or logits are probabilities already.
    """
    _require_order(options.label_order, labels)
    table = open_table(source, kind, scratch, options)
    columns = find_probability_columns(
        table.columns, options.mapping, labels,
        name=source.name, logits=options.logits, label_order=options.label_order, ids=bool(options.ids),
    )  # fmt: skip
    loaded = _load(table, columns)
    if loaded.frame.is_empty() and loaded.rejected.is_empty():
        raise ImportRejected(f"{source.name} holds no rows.")
    ids, which = ids_of(loaded, columns.item, options, scratch, source.name)
    rows = pl.DataFrame([loaded.rows, ids.values.alias("item_id"), ids.bad.alias("no_item")])
    frame, said = _numbered(rows, loaded.frame, columns, labels, options, source.name)
    good, bad = judge(frame, columns, labels, options)
    good, repeated = _once(good)
    if options.logits:
        good, said = _softmax(good, labels, options, source.name), (*said, _said_of_logits(options))
    good = good.with_columns(pl.col(f"n{place}").clip(0, 1) for place in range(len(labels)))
    items, members, short = (
        gather(good, len(labels)) if "member" in good.columns else (_lists(good, len(labels)), (), _NONE)
    )
    # A row that holds several members may have several reasons; the first is told.
    rejected = pl.concat([bad, repeated, short, loaded.rejected]).unique("row", keep="first").sort("row")
    unused = [column for column in table.columns if column not in columns.used]
    return ParsedProbabilities(
        probabilities=items,
        rejected=rejected,
        format=table.format,
        mapping=columns.mapping | which,
        guessed=(
            *table_notes(table, source),
            *columns.said,
            *said,
            *loaded.notes,
            *ids.notes,
            *left_out(unused),
        ),
        n_rows=len(loaded.frame) + len(loaded.rejected),
        sha256=source.sha256,
        name=source.name,
        members=members,
    )


def _require_order(label_order: Sequence[str], labels: Sequence[str]) -> None:
    if label_order and sorted(label_order) != sorted(labels):
        raise ImportRejected(
            f"The given order has the labels {listed(map(repr, label_order))}, and the label set {listed(map(repr, labels))}; they have "
            "to be the same."
        )


def _numbered(
    rows: pl.DataFrame,
    given: pl.DataFrame,
    columns: ProbabilityColumns,
    labels: Sequence[str],
    options: ImportOptions,
    name: str,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The rows with the columns that `judge` takes, one for each item (and member); and a sentence on the order."""
    if columns.member is not None:
        names = clean_ids(given[columns.member], columns.member, "member")
        rows = rows.with_columns(names.values.alias("member"), names.bad.alias("no_member"))
    if columns.list is None:
        return pl.concat([rows, _of_columns(given, columns.labels)], how="horizontal"), ()
    values = given[columns.list]
    if are_nested(values):
        if columns.member is not None:
            raise ImportRejected(
                f"{name} has lists of lists in {columns.list!r}, one for each member, and members in the column {columns.member!r}; "
                "give one or the other."
            )
        rows, values = unfold(rows, values, columns.list)
    found, said = _listed(values, columns.list, labels, options, name)
    if "problem" in rows.columns and "problem" in found.columns:
        found = found.with_columns(pl.coalesce(rows["problem"], "problem").alias("problem"))
        rows = rows.drop("problem")
    return pl.concat([rows, found], how="horizontal"), said


def _listed(
    values: pl.Series, column: str, labels: Sequence[str], options: ImportOptions, name: str
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Columns n0, n1, … in the label set's order and what goes with them, from lists; and a sentence on the order."""
    if are_scores(values):
        found = of_scores(values, column, labels, options.label_order, name=name)
        return found, (f"The scores in {column!r} were taken by the labels that they name.",)
    order, whose = (options.label_order, "the given") if options.label_order else (labels, "the label set's")
    found = _of_list(values, column, labels)
    moved = {f"n{place}": f"n{list(labels).index(label)}" for place, label in enumerate(order)}
    return found.rename(moved), (f"The lists in {column!r} were taken in {whose} order: {listed(order)}.",)


def _softmax(good: pl.DataFrame, labels: Sequence[str], options: ImportOptions, name: str) -> pl.DataFrame:
    """Logits as probabilities: exp(x − max) over its sum; where labels are sets, 1 / (1 + exp(−x)) of each."""
    names = [f"n{place}" for place in range(len(labels))]
    if options.sets:
        return good.with_columns((1 / (1 + (-pl.col(one)).exp())).alias(one) for one in names)
    table = good.select(names)
    inside = table.select(pl.all_horizontal(pl.all().is_between(0, 1)).all()).item()
    sums = table.select(((pl.sum_horizontal(names) - 1).abs() <= SUM_WITHIN).all()).item()
    if len(good) and inside and sums:
        raise ImportRejected(
            f"{name} has probabilities already: every row is within 0 and 1 and sums to 1. Import it without --logits."
        )
    powers = [(pl.col(one) - pl.max_horizontal(names)).exp() for one in names]
    return good.with_columns(powers).with_columns(pl.col(one) / pl.sum_horizontal(names) for one in names)


def _said_of_logits(options: ImportOptions) -> str:
    if options.sets:
        return "The numbers were taken as logits, and the logistic function of each as its probability."
    return "The numbers were taken as logits, and their softmax over the labels as probabilities."


def _load(table: TableFile, columns: ProbabilityColumns) -> Loaded:
    if isinstance(table, LinesFile) and columns.list is not None:
        return table.load(columns.used, lists=[columns.list])
    return table.load(columns.used)


def _of_columns(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Columns n0, n1, … (numbers, null where there is none) and, of columns of text, t0, t1, … (what was written)."""
    found: list[pl.Series] = []
    for place, column in enumerate(columns):
        values = frame[column]
        if values.dtype.is_numeric():
            found.append(values.cast(pl.Float64).fill_nan(None).alias(f"n{place}"))
        else:
            text = as_text(values, column)
            found += [_numbers(text).alias(f"n{place}"), text.alias(f"t{place}")]
    return pl.DataFrame(found)


def _of_list(values: pl.Series, column: str, labels: Sequence[str]) -> pl.DataFrame:
    """Columns n0, n1, … as above from a column of lists, and `length` (null where there is no list)."""
    lists = as_lists(values, column).alias("v")
    frame = lists.to_frame().with_columns(length=pl.col("v").list.len())
    wanted = [
        pl.col("v").list.get(place, null_on_oob=True).fill_nan(None).alias(f"n{place}")
        for place in range(len(labels))
    ]
    return frame.select("length", *wanted)


def _numbers(text: pl.Series) -> pl.Series:
    """Text as numbers, null where it is none; a decimal comma is understood, for no probability has thousands."""
    value = pl.col("v").str.strip_chars()
    point = (
        pl.when(value.str.contains(_COMMA)).then(value.str.replace(",", ".", literal=True)).otherwise(value)
    )
    return text.to_frame("v").select(v=point.cast(pl.Float64, strict=False).fill_nan(None))["v"]


def _once(good: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first row of each item (and member), and the others as rejected rows."""
    key, of = (
        (["item_id", "member"], pl.format(" of member '{}'", pl.col("member").str.slice(0, 40)))
        if "member" in good.columns
        else (["item_id"], pl.lit(""))
    )
    if good.select(key).n_unique() == len(good):
        return good, _NONE
    first = pl.col("row").min().over(key)
    marked = good.with_columns(first=first)
    reason = pl.format(
        "item '{}'{} stands in row {} already", pl.col("item_id").str.slice(0, 40), of, pl.col("first")
    )
    again = marked.filter(pl.col("row") != pl.col("first")).select("row", reason=reason)
    return marked.filter(pl.col("row") == pl.col("first")), again.cast(REJECTED)


def _lists(good: pl.DataFrame, n_labels: int) -> pl.DataFrame:
    lists = pl.concat_list(f"n{place}" for place in range(n_labels))
    return good.select("row", "item_id", probabilities=lists).cast(PROBABILITIES)
