"""Files of probabilities of tokens: JSONL or Parquet, a row an item, with offsets in characters and a probability for each tag."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import ImportRejected
from data.importers.json_lines import LinesFile
from data.importers.mapping import find_column, listed, no_such_column
from data.importers.parquet import ParquetFile
from data.importers.parsed import REJECTED, TOKENS, ImportOptions, ParsedContent
from data.importers.probability_reasons import SUM_WITHIN
from data.importers.sniff import Kind
from data.importers.source import Source
from data.importers.table import left_out, open_table, table_notes
from data.importers.values import clean_ids

ITEM, LIST = "item", "tokens"
_HAIR = 1e-6
_ENTRIES = """
    SELECT n AS row, place, x->>'$.start' AS start, x->>'$.end' AS "end", json_keys(x, '$.probabilities') AS tags,
        list_transform(json_keys(x, '$.probabilities'), lambda k:
            json_extract_string(x, '/probabilities/' || replace(replace(k, '~', '~0'), '/', '~1'))) AS p
    FROM (
        SELECT n, unnest(CAST(j AS JSON[])) AS x, generate_subscripts(CAST(j AS JSON[]), 1) AS place FROM given
        WHERE json_valid(j) AND json_type(j) = 'ARRAY'
    ) ORDER BY row, place
"""


def read_tokens(source: Source, kind: Kind, scratch: Path, options: ImportOptions) -> ParsedContent:
    """Read lines of {"item": id, "tokens": [{"start": 0, "end": 5, "probabilities": {"O": 0.9, "PER": 0.1}}, …]}, or such Parquet.

    A tag that a token does not name has probability 0 there. In Parquet, probabilities are a map or a record.

    Raises:
        ImportRejected: neither JSONL nor Parquet, no such keys, or no rows.
    """
    table = open_table(source, kind, scratch, options)
    if not isinstance(table, LinesFile | ParquetFile):
        raise ImportRejected(
            f"{source.name} is neither JSONL nor Parquet; tokens are read from one object a row."
        )
    found = {role: find_column(table.columns, options.mapping.get(role, role)) for role in (ITEM, LIST)}
    for role, column in found.items():
        if column is None:
            raise ImportRejected(no_such_column(table.columns, options.mapping.get(role, role), source.name))
    item, tokens = str(found[ITEM]), str(found[LIST])
    if isinstance(table, LinesFile):
        loaded = table.load([item, tokens], lists=[tokens])
        texts = loaded.frame[tokens]
    else:
        loaded, texts = table.load([item]), _as_json(table, tokens)
    if loaded.frame.is_empty() and loaded.rejected.is_empty():
        raise ImportRejected(f"{source.name} holds no rows.")
    ids = clean_ids(loaded.frame[item], item, "item")
    entries = _entries(loaded.rows, texts)
    single, tags = _numbers(entries)
    judged = (
        pl.DataFrame([loaded.rows.cast(pl.Int64), ids.values.alias("item_id"), ids.bad.alias("no_item")])
        .with_columns(first=pl.col("row").min().over("item_id"))
        .join(_per_item(single, len(tags)), on="row", how="left", maintain_order="left")
        .with_columns(
            reason=pl.coalesce(
                "no_item",
                pl.when(pl.col("starts").is_null()).then(pl.lit(f"{tokens} is no list of tokens, or empty")),
                "problem",
                pl.when(pl.col("row") != pl.col("first")).then(
                    pl.format(
                        "item '{}' stands in row {} already", pl.col("item_id").str.slice(0, 40), "first"
                    )
                ),
            )
        )
    )
    good = judged.filter(pl.col("reason").is_null()).select(TOKENS.names()).cast(TOKENS)
    bad = judged.filter(pl.col("reason").is_not_null()).select("row", "reason").cast(REJECTED)
    unused = [column for column in table.columns if column not in (item, tokens)]
    return ParsedContent(
        contents=good,
        rejected=pl.concat([bad, loaded.rejected]).sort("row"),
        format=table.format,
        mapping={ITEM: item, LIST: tokens},
        guessed=(
            *table_notes(table, source),
            f"Tags: {listed(tags)}.",
            *loaded.notes,
            *ids.notes,
            *left_out(unused),
        ),
        n_rows=len(judged) + len(loaded.rejected),
        sha256=source.sha256,
        name=source.name,
        tags=tags,
    )


def _as_json(table: ParquetFile, column: str) -> pl.Series:
    """A column of Parquet as JSON texts; maps become objects."""
    try:
        held = pq.read_table(table.source.path, columns=[column])
    except (pa.ArrowException, OSError) as error:
        raise ImportRejected(f"{table.source.name} is damaged: {error}.") from error
    given = held.rename_columns(["tokens"]).append_column("n", pa.array(np.arange(len(held))))
    with duckdb.connect(":memory:") as database:
        database.execute("SET python_enable_replacements = false; SET enable_external_access = false")
        database.register("given", given)
        return database.execute("SELECT CAST(to_json(tokens) AS VARCHAR) AS j FROM given ORDER BY n").pl()[
            "j"
        ]


def _entries(rows: pl.Series, values: pl.Series) -> pl.DataFrame:
    """A token a row: row, place (from 1), start, end (texts), tags, p (lists of texts)."""
    given = pl.DataFrame({"n": rows.cast(pl.Int64), "j": values.cast(pl.String)})
    with duckdb.connect(":memory:") as database:
        database.execute("SET python_enable_replacements = false; SET enable_external_access = false")
        database.register("given", given.to_arrow())
        return database.execute(_ENTRIES).pl()


def _numbers(entries: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """A token a row with numbers: row, place, start, end (null where none), t0, t1, … (a probability a tag); and the tags, sorted."""
    token = entries.select(
        "row", "place",
        pl.col("start").cast(pl.Int32, strict=False), pl.col("end").cast(pl.Int32, strict=False),
    )  # fmt: skip
    long = (
        entries.select("row", "place", "tags", "p")
        .drop_nulls("tags")
        .explode("tags", "p")
        .drop_nulls(("tags", "p"))
        .with_columns(p=pl.col("p").cast(pl.Float64, strict=False).fill_null(float("nan")))
    )
    tags = tuple(long["tags"].unique().sort())
    wide = long.group_by("row", "place").agg(
        pl.col("p").filter(pl.col("tags") == tag).first().fill_null(0.0).alias(f"t{at}")
        for at, tag in enumerate(tags)
    )
    return token.join(wide, on=["row", "place"], how="left", maintain_order="left"), tags


def _per_item(single: pl.DataFrame, n_tags: int) -> pl.DataFrame:
    """An item a row: row, starts, ends, probabilities (tokens × tags) and `problem`, the first token's that has one."""
    names = [f"t{at}" for at in range(n_tags)]
    inside = (
        pl.all_horizontal(pl.col(one).is_between(-_HAIR, 1 + _HAIR) for one in names)
        if names
        else pl.lit(value=False)
    )
    total = pl.sum_horizontal(names) if names else pl.lit(0.0)
    before = pl.col("end").shift(1).over("row", order_by="place")
    problem = (
        pl.when(pl.col("start").is_null() | pl.col("end").is_null() | (pl.col("start") < 0))
        .then(pl.format("token {} has no start and end that are whole numbers from 0", "place"))
        .when(pl.col("start") >= pl.col("end"))
        .then(pl.format("token {} ends where it starts, or before", "place"))
        .when((pl.col("start") < before).fill_null(value=False))
        .then(pl.format("token {} begins before the one before it ends", "place"))
        .when(~inside.fill_null(value=False))
        .then(pl.format("token {} has a probability that is no number within 0 and 1, or none", "place"))
        .when((total - 1).abs() > SUM_WITHIN)
        .then(pl.format("the probabilities of token {} sum to {}, not to 1", "place", total.round(4)))
    )
    lists = (
        pl.concat_list(pl.col(one).clip(0, 1) for one in names)
        if names
        else pl.lit(None, dtype=pl.List(pl.Float64))
    )
    return (
        single.with_columns(problem=problem, probabilities=lists)
        .group_by("row", maintain_order=True)
        .agg(
            starts="start", ends="end", probabilities=pl.col("probabilities").explode(),
            problem=pl.col("problem").drop_nulls().first(),
        )
    )  # fmt: skip
