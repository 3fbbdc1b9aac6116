"""Files of what is known of annotators: one row a person, with columns of personal attributes."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from data.errors import ImportRejected
from data.importers.json_lines import LinesFile
from data.importers.mapping import find_column, guess, listed, no_such_column
from data.importers.parsed import PEOPLE, REJECTED, ImportOptions, ParsedContent
from data.importers.rows import attributes_json
from data.importers.sniff import Kind
from data.importers.source import Source
from data.importers.table import left_out, open_table, table_notes
from data.importers.values import as_text, clean_ids, clean_labels

ANNOTATOR = "annotator"


def read_people(source: Source, kind: Kind, scratch: Path, options: ImportOptions) -> ParsedContent:
    """Read a table with a column for the annotator; `annotator_attributes` names the others to keep, by default all.

    Empty cells are unknown. A person stands in one row.

    Raises:
        ImportRejected: the file cannot be read, no column is plainly the annotator's, or none is left to keep.
    """
    table = open_table(source, kind, scratch, options)
    asked = options.mapping.get(ANNOTATOR, "")
    person = find_column(table.columns, asked) if asked else guess(table.columns, ANNOTATOR)
    if person is None:
        words = f"{source.name} has no column that is plainly the annotator; it has {listed(table.columns)}."
        words += " Name it with --map annotator=COLUMN."
        raise ImportRejected(no_such_column(table.columns, asked, source.name) if asked else words)
    kept = [_named(table.columns, name, source.name) for name in options.annotator_attributes]
    kept = kept or [column for column in table.columns if column != person]
    if not kept or person in kept:
        raise ImportRejected(f"{source.name} has no column about annotators beside {person!r}.")
    wanted = [person, *kept]
    loaded = table.load(wanted, lists=()) if isinstance(table, LinesFile) else table.load(wanted)
    ids = clean_ids(loaded.frame[person], person, ANNOTATOR)
    values = {name: clean_labels(as_text(loaded.frame[name], name), name, name).values for name in kept}
    frame = pl.DataFrame(
        [
            loaded.rows.cast(pl.Int64).alias("row"),
            ids.values.alias("annotator_id"),
            ids.bad.alias("no_person"),
            attributes_json(pl.DataFrame(values), {name: name for name in kept}),
        ]
    )
    first = pl.col("row").min().over("annotator_id")
    twice = pl.format(
        "annotator '{}' stands in row {} already", pl.col("annotator_id").str.slice(0, 40), first
    )
    judged = frame.with_columns(reason=pl.coalesce("no_person", pl.when(pl.col("row") != first).then(twice)))
    good = judged.filter(pl.col("reason").is_null()).select(PEOPLE.names()).cast(PEOPLE)
    bad = judged.filter(pl.col("reason").is_not_null()).select("row", "reason").cast(REJECTED)
    unused = [column for column in table.columns if column not in wanted]
    return ParsedContent(
        contents=good,
        rejected=pl.concat([bad, loaded.rejected]).sort("row"),
        format=table.format,
        mapping={ANNOTATOR: person},
        guessed=(*table_notes(table, source), *loaded.notes, *ids.notes, *left_out(unused)),
        n_rows=len(frame) + len(loaded.rejected),
        sha256=source.sha256,
        name=source.name,
        tags=tuple(kept),
    )


def _named(columns: tuple[str, ...], wanted: str, name: str) -> str:
    found = find_column(columns, wanted)
    if found is None:
        raise ImportRejected(no_such_column(columns, wanted, name))
    return found
