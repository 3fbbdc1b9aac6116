"""Which items of a window moved the rate of a label away from what it was before.

With r the rate of the reference and N annotations in the window, an item of n annotations, k of them with the label, moves the rate by
(k - n r) / N. Over all items of the window this sums to the change.
"""

from __future__ import annotations

import polars as pl

from analytics.errors import BadOption
from analytics.frames import Contract, require

ROWS = Contract("annotations", ("item_code", "window", "hit"))
"""As `rate_design.CODED`."""
MOVED = {"item_code": pl.Int64, "n": pl.Int64, "hits": pl.Int64, "moved": pl.Float64}


def moved_items(annotations: pl.DataFrame, *, most: int = 50) -> pl.DataFrame:
    """The window's items that moved the rate most, in the direction in which it went.

    Args:
        annotations: a frame that keeps ROWS.
        most: so many items.

    Returns:
        MOVED, most first; no rows where a window is empty or the rate did not move.

    Raises:
        MissingColumn, BadColumn: as `require`.
        BadOption: fewer than one item is asked for.
    """
    require(annotations, ROWS)
    if most < 1:
        raise BadOption("most", most, "1 or more")
    window = annotations.select("item_code", "hit").filter(annotations["window"] == 1)
    n_before = annotations.height - window.height
    if not n_before or window.is_empty():
        return pl.DataFrame(schema=MOVED)
    hits = int(window["hit"].sum())
    rate = (int(annotations["hit"].sum()) - hits) / n_before
    change = hits / window.height - rate
    by_item = window.group_by("item_code").agg(
        n=pl.len().cast(pl.Int64), hits=pl.col("hit").sum().cast(pl.Int64)
    )
    told = by_item.with_columns(moved=(pl.col("hits") - pl.col("n") * rate) / window.height)
    in_it = told.filter(pl.col("moved") * change > 0)
    return in_it.sort(pl.col("moved").abs(), "item_code", descending=[True, False]).head(most).select(*MOVED)
