"""Files of a model's probabilities: one row an item (or an item and member), a number for each label of the label set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from data.errors import ImportRejected
from data.importers.delimited import Loaded
from data.importers.json_lines import LinesFile
from data.importers.mapping import listed
from data.importers.number_lists import as_lists
from data.importers.parsed import PROBABILITIES, REJECTED, ImportOptions, ParsedProbabilities
from data.importers.probability_columns import ProbabilityColumns, find_probability_columns
from data.importers.probability_members import gather
from data.importers.probability_scores import are_scores, of_scores
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
        ImportRejected: the file cannot be read, holds no rows, a label has no column, or logits are probabilities already.
    """
    _require_order(options.label_order, labels)
    table = open_table(source, kind, scratch, options)
    columns = find_probability_columns(
        table.columns, options.mapping, labels,
        name=source.name, logits=options.logits, label_order=options.label_order,
    )  # fmt: skip
    loaded = _load(table, columns)
    if loaded.frame.is_empty() and loaded.rejected.is_empty():
        raise ImportRejected(f"{source.name} holds no rows.")
    ids = clean_ids(loaded.frame[columns.item], columns.item, "item")
    values, said = _values(loaded.frame, columns, labels, options, source.name)
    frame = values.with_columns(loaded.rows, ids.values.alias("item_id"), ids.bad.alias("no_item"))
    frame = _with_member(frame, loaded.frame, columns)
    judged = frame.with_columns(reason=_reason(frame, columns, labels, options))
    good, repeated = _once(judged.filter(pl.col("reason").is_null()))
    if options.logits:
        good, said = _softmax(good, labels, options, source.name), (*said, _said_of_logits(options))
    bad = judged.filter(pl.col("reason").is_not_null()).select("row", "reason")
    members: tuple[str, ...] = ()
    if columns.member is None:
        items, short = _lists(good, len(labels)), pl.DataFrame(schema=REJECTED)
    else:
        items, members, short = gather(_clipped(good, len(labels)), len(labels))
    rejected = pl.concat([bad.cast(REJECTED), repeated.cast(REJECTED), short, loaded.rejected]).sort("row")
    unused = [column for column in table.columns if column not in columns.used]
    return ParsedProbabilities(
        probabilities=items,
        rejected=rejected,
        format=table.format,
        mapping=columns.mapping,
        guessed=(
            *table_notes(table, source),
            *columns.said,
            *said,
            *loaded.notes,
            *ids.notes,
            *left_out(unused),
        ),
        n_rows=len(good) - len(short) + len(rejected),
        sha256=source.sha256,
        name=source.name,
        members=members,
    )


def _require_order(label_order: Sequence[str], labels: Sequence[str]) -> None:
    if label_order and sorted(label_order) != sorted(labels):
        raise ImportRejected(
            f"id2label has the labels {listed(map(repr, label_order))}, and the label set {listed(map(repr, labels))}; they have to be "
            "the same."
        )


def _values(
    frame: pl.DataFrame, columns: ProbabilityColumns, labels: Sequence[str], options: ImportOptions, name: str
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Columns n0, n1, … in the label set's order and what goes with them, and a sentence on the order."""
    if columns.list is None:
        return _of_columns(frame, columns.labels), ()
    values = frame[columns.list]
    if are_scores(values):
        found = of_scores(values, columns.list, labels, options.label_order, name=name)
        return found, (f"The scores in {columns.list!r} were taken by the labels that they name.",)
    order, whose = (options.label_order, "id2label's") if options.label_order else (labels, "the label set's")
    found = _of_list(values, columns.list, labels)
    moved = {f"n{place}": f"n{list(labels).index(label)}" for place, label in enumerate(order)}
    said = f"The lists in {columns.list!r} were taken in {whose} order: {listed(order)}."
    return found.rename(moved), (said,)


def _with_member(frame: pl.DataFrame, given: pl.DataFrame, columns: ProbabilityColumns) -> pl.DataFrame:
    if columns.member is None:
        return frame
    names = clean_ids(given[columns.member], columns.member, "member")
    return frame.with_columns(names.values.alias("member"), names.bad.alias("no_member"))


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


def _reason(
    frame: pl.DataFrame, columns: ProbabilityColumns, labels: Sequence[str], options: ImportOptions
) -> pl.Expr:
    """Why a row cannot be taken; null where it can."""
    reasons = [pl.col(name) for name in ("no_item", "no_member", "problem") if name in frame.columns]
    if "length" in frame.columns:
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
        reasons += _number_reasons(place, label, where, written=bool(columns.labels), logits=options.logits)
    if options.sets or options.logits:
        return pl.coalesce(reasons)
    total = pl.sum_horizontal(f"n{place}" for place in range(len(labels)))
    reasons.append(
        pl.when((total - 1).abs() > SUM_WITHIN).then(
            pl.format("the probabilities sum to {}, not to 1", total.round(4))
        )
    )
    return pl.coalesce(reasons)


def _number_reasons(place: int, label: str, where: str, *, written: bool, logits: bool) -> list[pl.Expr]:
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
    if logits:
        outside, inside = pl.lit(f"{where} is not finite"), number.is_finite()
    else:
        inside = number.is_between(-_HAIR, 1 + _HAIR)
    return [pl.when(number.is_null()).then(none), pl.when(~inside).then(outside)]


def _once(good: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first row of each item (and member), and the others as rejected rows."""
    key, of = (
        (["item_id", "member"], pl.format(" of member '{}'", pl.col("member").str.slice(0, 40)))
        if "member" in good.columns
        else (["item_id"], pl.lit(""))
    )
    first = pl.col("row").min().over(key)
    marked = good.with_columns(first=first)
    reason = pl.format(
        "item '{}'{} stands in row {} already", pl.col("item_id").str.slice(0, 40), of, pl.col("first")
    )
    again = marked.filter(pl.col("row") != pl.col("first")).select("row", reason=reason)
    return marked.filter(pl.col("row") == pl.col("first")), again


def _lists(good: pl.DataFrame, n_labels: int) -> pl.DataFrame:
    clipped = [pl.col(f"n{place}") for place in range(n_labels)]
    return (
        _clipped(good, n_labels)
        .select("row", "item_id", probabilities=pl.concat_list(clipped))
        .cast(PROBABILITIES)
    )


def _clipped(good: pl.DataFrame, n_labels: int) -> pl.DataFrame:
    return good.with_columns(pl.col(f"n{place}").clip(0, 1) for place in range(n_labels))
