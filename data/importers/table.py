"""Tables of annotations (CSV, TSV, JSONL, Parquet; each perhaps gzipped): one row an annotation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from data.errors import ImportRejected
from data.importers.delimited import DelimitedFile, open_delimited
from data.importers.json_lines import LinesFile, open_lines
from data.importers.mapping import REQUIRED, Roles, assign, find_column, is_known, listed
from data.importers.parquet import ParquetFile, open_parquet
from data.importers.parsed import PREDICTIONS, ImportOptions, Parsed, Preview
from data.importers.rows import Raw, assemble
from data.importers.sniff import Kind
from data.importers.source import Source, open_text

TableFile = DelimitedFile | LinesFile | ParquetFile

_DATA = r"^[+-]?\d+([.,]\d+)?$|^\d{4}-\d{2}-\d{2}"
# Lines of JSONL whose keys a preview looks at.
_PREVIEWED = 1_000
_SPANS = r'^\s*\[\s*\{.*"(labels|start|end|points|x)"\s*:'
_SEVERAL = r'^\s*\{\s*"choices"\s*:'


def open_table(
    source: Source, kind: Kind, scratch: Path, options: ImportOptions, *, n_lines: int | None = None
) -> TableFile:
    """Open a table of a known kind; of JSONL only the first n_lines where that is given.

    Raises:
        ImportRejected: the file is damaged, empty, or over a limit.
    """
    if kind == "parquet":
        return open_parquet(source, max_bytes=options.max_bytes)
    text = open_text(source, scratch, max_bytes=options.max_bytes)
    if kind == "jsonl":
        return open_lines(text, max_memory_bytes=options.max_memory_bytes, n_lines=n_lines)
    return open_delimited(text)


def read_table(source: Source, kind: Kind, scratch: Path, options: ImportOptions) -> Parsed:
    """Read a whole table.

    Raises:
        ImportRejected: the file cannot be read, or a required role has no column.
    """
    table = open_table(source, kind, scratch, options)
    roles = _resolved(table, source.name, options.mapping)
    about = {
        "item": _attribute_columns(table, source.name, options.item_attributes),
        "annotator": _attribute_columns(table, source.name, options.annotator_attributes),
    }
    wanted = list(dict.fromkeys([*roles.columns.values(), *about["item"], *about["annotator"]]))
    listed_roles = [
        roles.columns[role]
        for role in ("label", "gold", "suggestion")
        if options.sets and role in roles.columns
    ]
    loaded = table.load(wanted, lists=listed_roles) if isinstance(table, LinesFile) else table.load(wanted)
    label = loaded.frame[roles.columns["label"]]
    _refuse_spans(label, source.name)
    several = _several(label, sets=options.sets)
    kept = loaded.frame.filter(~several) if several.any() else loaded.frame
    assembled = assemble(
        Raw(
            rows=loaded.rows.filter(~several) if several.any() else loaded.rows,
            roles={role: kept[column] for role, column in roles.columns.items()},
            names=roles.columns,
            independent=None,
            fixed_labels=False,
            item_attributes={column: kept[column] for column in about["item"]},
            annotator_attributes={column: kept[column] for column in about["annotator"]},
            sets=options.sets,
            separator=options.separator,
        ),
        day_first=table.day_first,
    )
    extra = pl.DataFrame({"row": loaded.rows.filter(several)}).with_columns(
        reason=pl.lit("several choices; this label set is categorical (one choice); --level set takes sets")
    )
    rejected = pl.concat([assembled.rejected, loaded.rejected, extra.cast(loaded.rejected.schema)]).sort(
        "row"
    )
    unused = [c for c in table.columns if c not in wanted]
    return Parsed(
        annotations=assembled.annotations,
        items=assembled.items,
        annotators=assembled.annotators,
        predictions=pl.DataFrame(schema=PREDICTIONS),
        rejected=rejected,
        format=table.format,
        mapping=roles.columns,
        guessed=(
            *table_notes(table, source),
            *roles.guessed,
            *loaded.notes,
            *assembled.notes,
            *left_out(unused),
        ),
        n_rows=len(assembled.annotations) + len(rejected),
        sha256=source.sha256,
        name=source.name,
        suggestions=assembled.suggestions,
    )


def preview_table(source: Source, kind: Kind, scratch: Path, options: ImportOptions, n: int) -> Preview:
    """The first n rows of a table with the mapping as far as it can be told.

    Raises:
        ImportRejected: the file cannot be opened as a table, or an unknown role was asked for.
    """
    table = open_table(source, kind, scratch, options, n_lines=_PREVIEWED)
    roles = assign(table.columns, options.mapping, name=source.name)
    return Preview(
        rows=table.head(n),
        columns=table.columns,
        format=table.format,
        mapping=roles.columns,
        guessed=(*table_notes(table, source), *roles.guessed),
        problem=_problem(table, roles, source.name),
        name=source.name,
    )


def table_notes(table: TableFile, source: Source) -> tuple[str, ...]:
    """What opening the file found worth saying."""
    return (*(source.notes if isinstance(table, ParquetFile) else table.text.notes), *table.notes)


def _resolved(table: TableFile, name: str, asked: Mapping[str, str]) -> Roles:
    roles = assign(table.columns, asked, name=name)
    problem = _problem(table, roles, name)
    if problem:
        raise ImportRejected(problem)
    return roles


def _problem(table: TableFile, roles: Roles, name: str) -> str | None:
    """Why the roles cannot be used; where the first line looks like data rather than a header, that first."""
    if not roles.problems:
        return None
    lacking = [role for role in REQUIRED if role not in roles.columns]
    if isinstance(table, DelimitedFile) and lacking and not any(is_known(c) for c in table.columns):
        data = pl.Series(table.columns).str.contains(_DATA)
        if data.any():
            return (
                f"The first line of {name} looks like data, not like a header: {listed(table.columns)}. "
                "Add a header line such as item,annotator,label."
            )
    return " ".join(roles.problems)


def _attribute_columns(table: TableFile, name: str, wanted: tuple[str, ...]) -> list[str]:
    found = []
    for column in wanted:
        match = find_column(table.columns, column)
        if match is None:
            raise ImportRejected(f"{name} has no column {column!r} to keep; it has {listed(table.columns)}.")
        found.append(match)
    return list(dict.fromkeys(found))


def _refuse_spans(label: pl.Series, name: str) -> None:
    """Raise where the labels are lists of spans or boxes, as annotation tools write them into a cell."""
    if label.dtype != pl.String:
        return
    first = label.drop_nulls().head(100)
    if len(first) and first.str.contains(_SPANS).all():
        raise ImportRejected(f"{name} holds spans (labels); this version takes categories (choices).")


def _several(label: pl.Series, *, sets: bool) -> pl.Series:
    """Which labels are a cell of several choices, as Label Studio writes them, where a label is not a set."""
    if sets or label.dtype != pl.String:
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(label))
    return label.str.contains(_SEVERAL).fill_null(False)


def left_out(unused: list[str]) -> tuple[str, ...]:
    """A sentence on the columns that nobody used, where there are any."""
    return (f"Not used: {listed(unused)}.",) if unused else ()
