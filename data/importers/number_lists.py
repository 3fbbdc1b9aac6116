"""Columns of lists of numbers, as Parquet, JSON and text have them."""

from __future__ import annotations

import polars as pl

from data.errors import ImportRejected
from data.importers.values import as_text


def as_lists(values: pl.Series, column: str) -> pl.Series:
    """Lists of numbers, from lists or from text such as "[0.1, 0.9]"; null where there is none, or in a list for no number.

    Raises:
        ImportRejected: the column holds lists of something else.
    """
    kind = values.dtype
    if isinstance(kind, (pl.List, pl.Array)):
        if kind.inner is None or not pl.Series(dtype=kind.inner).dtype.is_numeric():
            raise ImportRejected(
                f"Column {column!r} holds lists of something else than numbers; give one number a label or dimension."
            )
        return values.cast(pl.List(pl.Float64))
    inside = pl.col("v").str.strip_chars(" \t[]()").str.replace_all(r"[,;\s]+", " ")
    return (
        as_text(values, column)
        .to_frame("v")
        .select(v=pl.when(inside != "").then(inside.str.split(" ")).cast(pl.List(pl.Float64), strict=False))[
            "v"
        ]
    )
