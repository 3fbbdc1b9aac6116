"""Why a label's rate changed between two windows: its parts, and the items and people behind them, from the store."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics import rate_change
from analytics.moved_items import moved_items
from dashboard.workflows.opening import Store
from data.identifiers import json_pointer

MOST_VALUES = 50
MOST_ATTRIBUTES = 20
MOST_ROWS = 60_000
"""Annotations that the split of a change is worked out from: of a window with more than half of it a draw of items is taken."""
REPLICATES = 200
MOST_ITEMS = 50
POOLED = {-1: "everybody else, before", -2: "everybody else, now", -3: "everybody else"}
"""Annotators beyond the busiest have no effect of their own (`rate_change.rate_change`)."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A label whose rate changed, and its split.

    `attribute`: of the items' kinds, "" where there are none; `kinds`: stratum_code, kind; `n_used`: annotations that the split
    rests on where they are a draw, else None; `items`: item_code, n, hits, moved: the window's items that moved it most.
    """

    split: rate_change.RateChange
    attribute: str
    kinds: pl.DataFrame
    n_used: int | None
    items: pl.DataFrame


def split_change(
    store: Store, project_id: str, rows: pl.DataFrame, codes: Collection[int], *, attribute: str, as_of: int, seed: int,
) -> Moved:  # fmt: skip
    """Split the change of the rate of the label (or choice) that `codes` are; items are of a kind by `attribute`, or by the one
    whose mix moved most.
    """
    hit = pl.col("label_code").is_in(list(codes))
    coded = rows.select(
        "item_code", "annotator_code", "window", "guideline_code", "set_code", hit=hit.cast(pl.Int64),
        period_code=pl.col("at").dt.epoch("d").cast(pl.Int64),
    )  # fmt: skip
    items = moved_items(coded, most=MOST_ITEMS)
    drawn = sample(coded, seed=seed) if coded.height > MOST_ROWS else None
    coded = coded if drawn is None else drawn
    versions = ("guideline_code", "set_code")
    coded = coded.drop([name for name in versions if coded[name].n_unique() < 2])
    coded, kinds, name = with_kinds(store, project_id, coded, attribute, as_of)
    split = rate_change.rate_change(coded, replicates=REPLICATES, seed=seed)
    return Moved(split, name, kinds, None if drawn is None else drawn.height, items)


def sample(coded: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    """A draw of items, those of the window and those of the reference alone each to half of MOST_ROWS, with the `weight` of its rows.

    The weights are made to give each window's number of annotations with and without the label exactly, so the rates of the
    draw are those of all.
    """
    item, window, hit = (coded[name].to_numpy() for name in ("item_code", "window", "hit"))
    new = np.zeros(int(item.max()) + 1, dtype=bool)
    new[item[window == 1]] = True
    of_window = new[item]
    sizes = np.array([(~of_window).sum(), of_window.sum()])
    share = np.minimum(MOST_ROWS / 2 / np.maximum(sizes, 1), 1.0)
    kept = (np.random.default_rng(seed).random(new.size) < share[new.astype(int)])[item]
    cell = window * 2 + hit
    weight = 1 / share[of_window.astype(int)]
    whole = np.bincount(cell, minlength=4)
    drawn = np.bincount(cell[kept], weight[kept], minlength=4)
    scale = np.divide(whole, drawn, out=np.ones(4), where=drawn > 0)
    return coded.filter(pl.Series(kept)).with_columns(weight=pl.Series((weight * scale[cell])[kept]))


def with_kinds(
    store: Store, project_id: str, coded: pl.DataFrame, attribute: str, as_of: int
) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """The rows with `stratum_code` by an attribute of 2 to 50 values, the kinds' names, and the attribute's; as they are without one."""
    names = store.read("item_attribute_names", project_id=project_id)["name"].to_list()
    codes = coded["item_code"].unique().sort()
    best: tuple[float, pl.DataFrame, pl.DataFrame, str] | None = None
    for name in [attribute] if attribute else names[:MOST_ATTRIBUTES]:
        values = store.read(
            "drift_attribute", project_id=project_id, attribute=json_pointer(name), item_codes=codes.to_list(), as_of=as_of
        )  # fmt: skip
        found = values["attribute_value"].unique().sort()
        if not 2 <= found.len() <= MOST_VALUES:
            continue
        kinds = pl.DataFrame({"kind": found}).with_row_index("stratum_code").cast({"stratum_code": pl.Int64})
        of_item = values.join(kinds, left_on="attribute_value", right_on="kind").select(
            "item_code", "stratum_code"
        )
        joined = coded.join(of_item, on="item_code", how="left", maintain_order="left").with_columns(
            pl.col("stratum_code").fill_null(found.len())
        )
        moved = _mix_moved(joined)
        if best is None or moved > best[0]:
            best = (moved, joined, kinds, name)
    if best is None:
        return coded, pl.DataFrame(schema={"stratum_code": pl.Int64, "kind": pl.Utf8}), ""
    return best[1:]


def _mix_moved(coded: pl.DataFrame) -> float:
    """Total variation of the kinds' shares."""
    kind, window = coded["stratum_code"].to_numpy(), coded["window"].to_numpy()
    weight = coded["weight"].to_numpy() if "weight" in coded.columns else np.ones(coded.height)
    shares = [np.bincount(kind[window == w], weight[window == w], int(kind.max()) + 1) for w in (0, 1)]
    before, after = (one / max(one.sum(), 1) for one in shares)
    return float(np.abs(after - before).sum() / 2)
