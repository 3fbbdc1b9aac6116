"""Cells that a spreadsheet would run as a formula, made harmless, and the way back."""

from __future__ import annotations

import polars as pl

MARK = "'"
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", MARK)
"""A text cell that begins with one of these gets a `'` in front; `'` itself too, so that there "
"is a way back."""


NUMBER = r"^[+-]\d+([.,]\d+)?$"
"""Text that a spreadsheet takes for the number that it is: harmless, and a label such as -1 stays what it was."""


def neutralised(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every text cell harmless in a spreadsheet; other columns stay."""
    return frame.with_columns(
        pl.when(pl.col(name).str.slice(0, 1).is_in(STARTS) & ~pl.col(name).str.contains(NUMBER))
        .then(pl.lit(MARK) + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name, kind in frame.schema.items()
        if kind == pl.Utf8
    )


def restored(frame: pl.DataFrame) -> pl.DataFrame:
    """What `neutralised` was given, read back as text: a cell's first character goes where it is a `'`."""
    return frame.with_columns(pl.col(pl.Utf8).str.strip_prefix(MARK))
