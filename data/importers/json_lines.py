"""JSONL: one JSON object a line. DuckDB checks the lines and takes them apart, a column at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from data.errors import ImportRejected
from data.identifiers import json_pointer
from data.importers.delimited import MAX_COLUMNS, Loaded
from data.importers.parsed import REJECTED
from data.importers.source import Text, size

# The longest line that one value of a column can hold.
_LONGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class LinesFile:
    """An opened JSONL file.

    Attributes:
        columns: the keys of all its objects, in order of first appearance.
        database: holds tables line(n, j, ok) and object(n, j, kind), n the line's number from 1.
    """

    text: Text
    columns: tuple[str, ...]
    database: duckdb.DuckDBPyConnection

    format = "jsonl"
    notes = ()
    day_first = False

    def load(self, columns: Sequence[str], *, lists: Sequence[str] = ()) -> Loaded:
        """These keys of every object as text; no object, or a list or object as value: rejected.

        A list under one of the keys `lists` is let through, as its JSON text.
        """
        values, kinds = self._extract("json_extract_string", columns), self._extract("json_type", columns)
        broken = self.database.execute("SELECT n, 'not valid JSON' AS reason FROM line WHERE NOT ok").pl()
        other = self.database.execute(
            "SELECT n, 'not a JSON object' AS reason FROM object WHERE kind <> 'OBJECT'"
        ).pl()
        names = [f"c{i}" for i in range(len(columns))]
        reasons = [
            pl.when((pl.col(name) == "ARRAY") & pl.lit(column not in lists))
            .then(pl.lit(f"{column} is a list, not one value"))
            .when(pl.col(name) == "OBJECT")
            .then(pl.lit(f"{column} is an object, not one value"))
            for name, column in zip(names, columns, strict=True)
        ]
        judged = kinds.select("n", reason=pl.concat_str(reasons, separator="; ", ignore_nulls=True))
        flat = judged["reason"] == ""
        # NaN is no JSON, but what Python writes for a missing number.
        missing = [kinds[name].is_in(["DOUBLE"]) & (values[name] == "NaN") for name in names]
        good = values.with_columns(
            pl.when(~gone.fill_null(False)).then(name).alias(name)
            for name, gone in zip(names, missing, strict=True)
            if gone.any()
        ).filter(flat)
        rejected = pl.concat(
            f.select(row=pl.col("n").cast(pl.Int64), reason=pl.col("reason").cast(pl.String))
            for f in (broken, other, judged.filter(~flat))
        )
        frame = good.select(pl.col(name).alias(column) for name, column in zip(names, columns, strict=True))
        return Loaded(good["n"].alias("row"), frame, rejected.cast(REJECTED).sort("row"))

    def head(self, n: int) -> pl.DataFrame:
        """The first n objects, every key as text; lists and objects as JSON."""
        values = self._extract("json_extract_string", self.columns, limit=n)
        return values.select(pl.col(f"c{i}").alias(column) for i, column in enumerate(self.columns))

    def _extract(self, function: str, columns: Sequence[str], *, limit: int | None = None) -> pl.DataFrame:
        """For each object, by n, what the JSON function gives for each key: columns n, c0, c1, ..."""
        pointers = ", ".join(_literal(json_pointer(c)) for c in columns)
        fields = "".join(f", v[{i + 1}] AS c{i}" for i in range(len(columns)))
        rows = f"LIMIT {limit}" if limit is not None else ""
        # One list of constant pointers is one pass over each line; parameters would be one pass a key.
        query = (
            f"SELECT n{fields} FROM (SELECT n, {function}(j, [{pointers}]) AS v FROM object "  # noqa: S608 -- literals escaped
            f"WHERE kind = 'OBJECT') ORDER BY n {rows}"
        )
        return self.database.execute(query).pl()


def open_lines(text: Text, *, max_memory_bytes: int, n_lines: int | None = None) -> LinesFile:
    """Check every line of a JSONL file and collect the keys.

    Args:
        text: the file.
        max_memory_bytes: what DuckDB may take.
        n_lines: how many lines to look at, None for all.

    Raises:
        ImportRejected: lines went missing on the way, none is a JSON object, or there are too many keys.
    """
    database = _database(max_memory_bytes)
    _number_lines(database, text, n_lines)
    found = database.execute(
        "SELECT keys, min(n) AS first "
        "FROM (SELECT n, json_keys(j) AS keys FROM object WHERE kind = 'OBJECT') "
        "GROUP BY keys ORDER BY first"
    ).pl()
    if not len(found):
        raise ImportRejected(f"{text.name} has no line that is a JSON object. JSONL is one object a line.")
    keys = found["keys"].explode().drop_nulls().unique(maintain_order=True)
    if len(keys) > MAX_COLUMNS:
        raise ImportRejected(
            f"{text.name} has {len(keys):,} different keys; at most {MAX_COLUMNS:,} are read."
        )
    return LinesFile(text, tuple(keys.to_list()), database)


def _database(max_memory_bytes: int) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own that can reach no file and no network, and whose settings cannot be changed."""
    database = duckdb.connect(":memory:")
    database.execute(f"SET memory_limit = '{max(max_memory_bytes // 1024**2, 64)}MiB'")
    database.execute("SET threads = 2; SET python_enable_replacements = false")
    database.execute("SET enable_external_access = false; SET lock_configuration = true")
    return database


def _number_lines(database: duckdb.DuckDBPyConnection, text: Text, n_lines: int | None) -> None:
    """Make the tables of LinesFile.database, out of all lines with something on them."""
    lines = pl.scan_lines(text.path, name="j", n_rows=n_lines).collect()
    if n_lines is None and len(lines) != text.n_lines:
        raise ImportRejected(
            f"{text.name} has {text.n_lines:,} lines but {len(lines):,} were read; "
            "its line ends are irregular."
        )
    longest = int(lines.select(pl.col("j").str.len_bytes().max()).item() or 0)
    if longest > _LONGEST:
        raise ImportRejected(f"{text.name} has a line of {size(longest)}; at most {size(_LONGEST)} are read.")
    lines = lines.with_columns(pl.col("j").str.strip_prefix("\ufeff")).with_row_index("n", offset=1)
    lines = lines.filter(pl.col("j").str.contains(r"\S")).with_columns(pl.col("n").cast(pl.Int64))
    database.register("given", lines.to_arrow())
    database.execute("CREATE TEMP TABLE line AS SELECT n, j, json_valid(j) AS ok FROM given")
    database.unregister("given")
    database.execute("CREATE TEMP TABLE object AS SELECT n, j, json_type(j) AS kind FROM line WHERE ok")


def _literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
