"""The members of a model: a row for each, or one row with a list of lists, made one row an item."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import polars as pl

from data.importers.parsed import PROBABILITIES, REJECTED

_NESTED = r"^\s*\[\s*\["


def are_nested(values: pl.Series) -> bool:
    """Whether a column holds lists of lists, one for each member: of Parquet, or as JSON text."""
    if isinstance(values.dtype, (pl.List, pl.Array)):
        return isinstance(values.dtype.inner, (pl.List, pl.Array))
    first = values.drop_nulls().head(1)
    return first.dtype == pl.String and bool(first.str.contains(_NESTED).any())


def unfold(rows: pl.DataFrame, values: pl.Series, column: str) -> tuple[pl.DataFrame, pl.Series]:
    """A row for each member of each row, with the member's name ("0", "1", …), and each member's own list.

    A row that holds none, or not as many as most, stays one row with the reason in `problem`, and without a list.

    Args:
        rows: what goes with each value: row, and other columns.
        values: lists of lists, or such JSON as text.
        column: what it is called in messages.
    """
    lists = _members_of_json(values) if values.dtype == pl.String else _as_list(values)
    sized = rows.with_columns(lists.alias("entry"), n=lists.list.len())
    lengths = sized.filter(pl.col("n") > 0)["n"].value_counts().sort("count", "n", descending=[True, False])
    most = int(lengths["n"][0]) if len(lengths) else 0
    problem = (
        pl.when(pl.col("n").fill_null(0) == 0)
        .then(pl.lit(f"{column} is no list of lists, one for each member"))
        .when(pl.col("n") != most)
        .then(pl.format("{} has {} members, most others have {}", pl.lit(column), "n", pl.lit(most)))
    )
    marked = sized.with_columns(problem=problem).with_columns(
        pl.when(pl.col("problem").is_null()).then("entry"),
        pl.when(pl.col("problem").is_null()).then(pl.int_ranges(0, "n")).alias("member"),
    )
    long = marked.drop("n").explode("entry", "member", empty_as_null=True, keep_nulls=True)
    return long.drop("entry").with_columns(pl.col("member").cast(pl.String)), long["entry"]


def gather(good: pl.DataFrame, n_labels: int) -> tuple[pl.DataFrame, tuple[str, ...], pl.DataFrame]:
    """One row an item with the probabilities of all members one after the other, the members' names, and rejected rows.

    Every item has to have every member; the rows of one that has not are rejected.

    Args:
        good: row, item_id, member, n0, n1, … (a number in [0, 1] a label); each item and member once.
        n_labels: K.
    """
    members = tuple(sorted(good["member"].unique(), key=_natural))
    heads = good.group_by("item_id").agg(pl.col("row").min(), n=pl.len()).sort("row")
    is_whole = (heads["n"] == len(members)).to_numpy()
    rejected = _short(good, heads.filter(~is_whole), members)
    at, place = _codes(good["item_id"], heads["item_id"]), _codes(good["member"], members)
    # Items in the order of their first row, and in each its members: a place of its own for every row that is kept.
    nth = np.cumsum(is_whole) - 1
    kept, n_items = is_whole[at], int(is_whole.sum())
    if not n_items:
        return pl.DataFrame(schema=PROBABILITIES), members, rejected
    slot = (nth[at] * len(members) + place)[kept]
    flat = np.empty((n_items * len(members), n_labels))
    for label in range(n_labels):
        flat[slot, label] = good[f"n{label}"].to_numpy()[kept]
    lists = pl.Series(
        "probabilities", flat.reshape(n_items, -1), dtype=pl.Array(pl.Float64, len(members) * n_labels)
    )
    items = heads.filter(is_whole).select("row", "item_id").with_columns(lists.cast(pl.List(pl.Float64)))
    return items.cast(PROBABILITIES), members, rejected


def _short(good: pl.DataFrame, short: pl.DataFrame, members: Sequence[str]) -> pl.DataFrame:
    """The rows of items without all members, each with the first that its item has not."""
    order = pl.DataFrame({"member": members}, schema={"member": pl.String}).with_row_index("place")
    given = good.join(short.select("item_id"), on="item_id", how="semi", maintain_order="left").select(
        "row", "item_id", "member"
    )
    missing = (
        short.select("item_id").join(order, how="cross").join(given, on=["item_id", "member"], how="anti")
    )
    lacking = missing.group_by("item_id").agg(lacks=pl.col("member").sort_by("place").first())
    reason = pl.format(
        "item '{}' has no row of member '{}', which other items have",
        pl.col("item_id").str.slice(0, 40), pl.col("lacks"),
    )  # fmt: skip
    return (
        given.join(lacking, on="item_id", maintain_order="left").select("row", reason=reason).cast(REJECTED)
    )


def _codes(values: pl.Series, among: Sequence[str] | pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The place of each value in `among`, which has all of them once."""
    places = pl.DataFrame({"v": among}, schema={"v": pl.String}).with_row_index("place")
    found = values.to_frame("v").join(places, on="v", how="left", maintain_order="left")
    return found["place"].cast(pl.Int64).to_numpy()


def _as_list(values: pl.Series) -> pl.Series:
    return values.arr.to_list() if isinstance(values.dtype, pl.Array) else values


def _members_of_json(values: pl.Series) -> pl.Series:
    """JSON texts of lists as lists of the texts of their entries; null where there is no list."""
    given = pl.DataFrame({"n": pl.int_range(len(values), eager=True), "j": values})
    with duckdb.connect(":memory:") as database:
        database.execute("SET python_enable_replacements = false; SET enable_external_access = false")
        database.register("given", given.to_arrow())
        return database.execute(
            "SELECT CASE WHEN json_valid(j) AND json_type(j) = 'ARRAY' THEN "
            "list_transform(CAST(j AS JSON[]), lambda x: nullif(CAST(x AS VARCHAR), 'null')) END AS entry "
            "FROM given ORDER BY n"
        ).pl()["entry"]


def _natural(name: str) -> tuple[int, float, str]:
    """Numbers by their size, before other names."""
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)
