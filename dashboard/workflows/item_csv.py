"""The items behind a figure, to take along."""

from __future__ import annotations

import polars as pl

from data.exporters.csv_cells import neutralised


def items_csv(items: pl.DataFrame) -> bytes:
    r"""A table of items as CSV in which no cell is a formula; the store's own codes stay out of it.

    >>> items_csv(pl.DataFrame({"item_id": ["=1+1"], "item_code": [7], "n": [-2]}))
    b"item_id,n\n'=1+1,-2\n"
    """
    return neutralised(items.drop("item_code", strict=False)).write_csv().encode()
