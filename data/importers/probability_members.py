"""The members of a model: several rows an item, one for each, made one row an item."""

from __future__ import annotations

import numpy as np
import polars as pl

from data.importers.parsed import PROBABILITIES, REJECTED


def gather(good: pl.DataFrame, n_labels: int) -> tuple[pl.DataFrame, tuple[str, ...], pl.DataFrame]:
    """One row an item with the probabilities of all members one after the other, the members' names, and rejected rows.

    Every item has to have every member; the rows of one that has not are rejected.

    Args:
        good: row, item_id, member, n0, n1, … (a number a label); each item and member once.
        n_labels: K.
    """
    names = good["member"].unique()
    members = tuple(sorted(names, key=_natural))
    order = pl.DataFrame(
        {"member": members, "place": range(len(members))}, schema={"member": pl.String, "place": pl.Int64}
    )
    placed = good.join(order, on="member", how="left", maintain_order="left")
    lacking = _lacking(placed, order)
    rejected = (
        placed.join(lacking, on="item_id")
        .select(
            "row",
            reason=pl.format(
                "item '{}' has no row of member '{}', which other items have",
                pl.col("item_id").str.slice(0, 40), pl.col("lacks"),
            ),
        )
        .cast(REJECTED)
    )  # fmt: skip
    whole = placed.join(lacking, on="item_id", how="anti", maintain_order="left").with_columns(
        first=pl.col("row").min().over("item_id")
    )
    whole = whole.sort("first", "place")
    table = whole.select(f"n{place}" for place in range(n_labels)).to_numpy()
    flat = np.ascontiguousarray(table).reshape(-1, len(members) * n_labels) if len(whole) else table[:0]
    lists = pl.Series("probabilities", flat, dtype=pl.Array(pl.Float64, flat.shape[1]))
    heads = whole.filter(pl.col("place") == 0).select("item_id", row="first")
    items = heads.with_columns(lists.cast(pl.List(pl.Float64))).select("row", "item_id", "probabilities")
    return items.cast(PROBABILITIES), members, rejected


def _lacking(placed: pl.DataFrame, order: pl.DataFrame) -> pl.DataFrame:
    """Items without all members: item_id, and `lacks`, the first that it has not."""
    short = placed.group_by("item_id").len().filter(pl.col("len") < len(order)).select("item_id")
    missing = short.join(order, how="cross").join(placed, on=["item_id", "member"], how="anti")
    return missing.group_by("item_id").agg(lacks=pl.col("member").sort_by("place").first())


def _natural(name: str) -> tuple[int, float, str]:
    """Numbers by their size, before other names."""
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)
