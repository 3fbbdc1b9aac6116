"""Probabilities as lists of {label, score}, as text classifiers give them that are asked for all their labels."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import polars as pl

from data.errors import ImportRejected
from data.importers.mapping import listed

_SCORES = r"^\s*\[\s*\{"


def are_scores(values: pl.Series) -> bool:
    """Whether a column holds lists of objects: records of Parquet, or JSON text."""
    if isinstance(values.dtype, (pl.List, pl.Array)):
        return isinstance(values.dtype.inner, pl.Struct)
    first = values.drop_nulls().head(1)
    return first.dtype == pl.String and bool(first.str.contains(_SCORES).any())


def of_scores(
    values: pl.Series, column: str, labels: Sequence[str], label_order: Sequence[str], *, name: str
) -> pl.DataFrame:
    """Columns n0, n1, … (a number a label, null where there is none) and `problem` (why the list is none; null where it is one).

    Args:
        values: lists of objects with `label` and `score`.
        column: what it is called in messages.
        labels: the label set in its order.
        label_order: what LABEL_0, LABEL_1, … stand for; () where that is not known.
        name: what to call the source in messages.

    Raises:
        ImportRejected: the labels in the file are not those of the label set.
    """
    single = _exploded(values)
    broken = single.group_by("at").agg(
        bad=(pl.col("label").is_null() | pl.col("score").is_null()).any(),
        twice=pl.col("label").is_duplicated().any(),
    )
    names = {f"LABEL_{place}": label for place, label in enumerate(label_order)}
    known = single.drop_nulls("label").with_columns(pl.col("label").replace(names))
    _require_same(known["label"].unique().to_list(), labels, column, name)
    wide = known.group_by("at").agg(
        pl.col("score").filter(pl.col("label") == label).first().alias(f"n{place}")
        for place, label in enumerate(labels)
    )
    at = pl.DataFrame({"at": range(len(values))}, schema={"at": pl.Int64})
    joined = at.join(wide, on="at", how="left", maintain_order="left").join(
        broken, on="at", how="left", maintain_order="left"
    )
    problem = (
        pl.when(pl.col("bad").is_null())
        .then(pl.lit(f"{column} is no list of label and score"))
        .when("bad")
        .then(pl.lit(f"{column} has an entry without a label or a score that is a number"))
        .when("twice")
        .then(pl.lit(f"{column} names a label twice"))
    )
    return joined.select(*(f"n{place}" for place in range(len(labels))), problem=problem)


def _exploded(values: pl.Series) -> pl.DataFrame:
    """Columns at (the place in `values`), label, score: an entry a row; null where an entry lacks it."""
    if values.dtype == pl.String:
        values = _from_json(values)
    given = pl.DataFrame({"at": pl.int_range(len(values), eager=True, dtype=pl.Int64), "entry": values})
    entries = given.drop_nulls("entry").explode("entry").drop_nulls("entry").unnest("entry")
    if not {"label", "score"} <= set(entries.columns):
        raise ImportRejected("The lists have no entries with `label` and `score`.")
    return entries.select(
        "at", pl.col("label").cast(pl.String), pl.col("score").cast(pl.Float64, strict=False).fill_nan(None)
    )


def _from_json(values: pl.Series) -> pl.Series:
    """JSON texts as lists of records of two texts; null where it is no list of objects."""
    given = pl.DataFrame({"n": pl.int_range(len(values), eager=True), "j": values})
    with duckdb.connect(":memory:") as database:
        database.execute("SET python_enable_replacements = false; SET enable_external_access = false")
        database.register("given", given.to_arrow())
        found = database.execute(
            "SELECT n, CASE WHEN json_valid(j) AND json_type(j) = 'ARRAY' THEN list_transform(CAST(j AS JSON[]), x -> "
            "{'label': x->>'$.label', 'score': x->>'$.score'}) END AS entry FROM given ORDER BY n"
        ).pl()
    return found["entry"]


def _require_same(found: Sequence[str], labels: Sequence[str], column: str, name: str) -> None:
    strange = sorted(set(found) - set(labels))
    lacking = [label for label in labels if label not in found]
    if not strange and not lacking:
        return
    numbered = any(label.startswith("LABEL_") for label in strange)
    hint = (
        " Say what LABEL_0, LABEL_1, … stand for with --id2label config.json or --labels." if numbered else ""
    )
    missing = f"has no score of {listed(map(repr, lacking))}" if lacking else ""
    more = f"has scores of {listed(map(repr, strange))}, which the label set does not have" if strange else ""
    raise ImportRejected(
        f"{name}: {column} {' and '.join(filter(None, (missing, more)))}. Every label of the label set needs a score "
        f"(top_k=None): {listed(labels)}.{hint}"
    )
