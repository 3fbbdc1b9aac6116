"""One JSON document that is a list, or a list a line: what programs write that keep what a model gave as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl

from data.errors import ImportRejected
from data.importers.parsed import ImportOptions
from data.importers.source import Source, open_text

SCORES = "scores"
"""The key under which an entry that is a list is found."""

_LISTS = "SELECT bool_and(CASE WHEN json_valid(j) THEN json_type(j) = 'ARRAY' ELSE false END) FROM given"
_OF_LINES = """
    SELECT CASE WHEN json_type(j) = 'ARRAY' THEN '{"scores":' || j || '}' ELSE j END AS e FROM given ORDER BY n
"""
_OF_DOCUMENT = """
    SELECT CASE WHEN json_type(e) = 'ARRAY' THEN '{"scores":' || e || '}' ELSE CAST(e AS VARCHAR) END AS e FROM (
        SELECT unnest(CAST(j AS JSON[])) AS e, generate_subscripts(CAST(j AS JSON[]), 1) AS place FROM whole
    ) ORDER BY place
"""


def as_lines(source: Source, scratch: Path, options: ImportOptions) -> Source:
    """The entries of a list as JSONL, an entry a line; a list as entry becomes an object with the one key SCORES.

    Where each of several lines is a list, each line is an entry.

    Raises:
        ImportRejected: no valid JSON, or no list.
    """
    text = open_text(source, scratch, max_bytes=options.max_bytes)
    lines = pl.scan_lines(text.path, name="j").collect().with_row_index("n", offset=1)
    lines = lines.with_columns(pl.col("j").str.strip_prefix("\ufeff")).filter(pl.col("j").str.contains(r"\S"))
    with duckdb.connect(":memory:") as database:
        database.execute(
            f"SET memory_limit = '{max(options.max_memory_bytes // 1024**2, 64)}MiB'; SET threads = 2"
        )
        database.execute("SET python_enable_replacements = false; SET enable_external_access = false")
        database.register("given", lines.to_arrow())
        if len(lines) > 1 and database.execute(_LISTS).fetchall()[0][0]:
            entries = database.execute(_OF_LINES).pl()["e"]
        else:
            entries = _of_document(database, lines["j"].str.join("\n"), source.name)
    path = scratch / "entries.jsonl"
    path.write_text(str(entries.str.join("\n").item()), "utf-8")
    with path.open("rb") as file:
        return replace(source, path=path, head=file.read(65_536), notes=text.notes)


def _of_document(database: duckdb.DuckDBPyConnection, whole: pl.Series, name: str) -> pl.Series:
    database.register("whole", whole.alias("j").to_frame().to_arrow())
    kind = database.execute("SELECT CASE WHEN json_valid(j) THEN json_type(j) END FROM whole").fetchall()[0][
        0
    ]
    if kind is None:
        raise ImportRejected(f"{name} is no valid JSON (NaN is none). It may be cut short.")
    if kind != "ARRAY":
        raise ImportRejected(
            f"{name} is one JSON document, and no list. Give a list with an entry an item, one object a line (JSONL), or CSV."
        )
    entries = database.execute(_OF_DOCUMENT).pl()["e"]
    if entries.is_empty():
        raise ImportRejected(f"{name} is an empty list.")
    return entries
