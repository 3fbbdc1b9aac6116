"""Numbers of a model's judgement that single labels and sets have in common: as measurements, and as columns of an item."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray
from analytics.quadrants import quadrants, upper_limit
from analytics.results import Estimate
from analytics.uncertainty import Uncertainty
from dashboard.workflows.monitor import MEASUREMENT

HARD_SHARE = 0.2
"""So many items, the least sure ones, are hard for the model."""

MIN_GROUP = 100
"""Items that a group's figures need."""


def unsure_columns(found: Uncertainty, item_codes: IntArray) -> pl.DataFrame:
    """How unsure the model is of each item, as the table `judgement` has it."""
    return found.frame(item_codes).select(
        "item_code",
        "predictive_entropy",
        "expected_entropy",
        "mutual_information",
        "variation_ratio",
        "margin",
    )


def with_quadrants(items: pl.DataFrame) -> pl.DataFrame:
    """The items with whom each is hard for; they have disagreement and predictive_entropy."""
    entropy = items["predictive_entropy"].to_numpy()
    limit = upper_limit(entropy, share=HARD_SHARE)
    placed = quadrants(
        items.select("item_code", "disagreement"),
        items.select("item_code", uncertainty="predictive_entropy"),
        model_limit=float(entropy.max()) + 1.0 if limit is None else limit,
    )
    return items.join(
        placed.items.select("item_code", "quadrant"), on="item_code", how="left", maintain_order="left"
    )


def quadrant_rows(items: pl.DataFrame) -> list[dict[str, object]]:
    """The share of each quadrant among the items of which it can be told."""
    return [
        figure_row("quadrant_share", estimate, "share", kind="quadrant", group=name)
        for name, estimate in _quadrant_shares(items).items()
    ]


def group_rows(
    item_codes: IntArray,
    p_top: FloatArray,
    right: NDArray[np.bool_],
    groups: Mapping[str, pl.DataFrame],
    *,
    replicates: int,
    seed: int,
) -> list[pl.DataFrame]:
    """The calibration error of each value of each item attribute, a frame of measurements an attribute.

    Args:
        item_codes: (N,) of the items.
        p_top: (N,) how sure the model is of what it holds the likeliest.
        right: (N,) whether that is what the item has.
        groups: attribute -> item_code, attribute_value.
        replicates: of the bootstrap.
        seed: of the bootstrap.
    """
    from analytics.calibration import calibration_by_group

    frames = []
    rows = pl.DataFrame({"item_code": item_codes}).with_row_index("row")
    for name, of_items in groups.items():
        table = rows.join(of_items, on="item_code")
        values = table["attribute_value"].unique().sort()
        coded = table.join(
            pl.DataFrame({"attribute_value": values, "group_code": range(len(values))}), on="attribute_value"
        )
        at = coded["row"].to_numpy()
        found = calibration_by_group(
            p_top[at],
            right[at],
            coded["group_code"].to_numpy(),
            min_items=MIN_GROUP,
            replicates=replicates,
            seed=seed,
        )
        ids = [json.dumps([name, value], ensure_ascii=False) for value in values]
        names = pl.DataFrame({"group_code": range(len(values)), "group_id": ids})
        frames.append(grouped_rows(found.join(names, on="group_code"), "attribute"))
    return frames


def reliability_rows(p_top: FloatArray, right: NDArray[np.bool_]) -> list[dict[str, object]]:
    """The bins of the reliability diagram: value is the observed share, detail has the bin's ends and mean."""
    from analytics.reliability import PER_BIN, reliability

    if len(p_top) < 2 * PER_BIN:
        return []
    bins = reliability(p_top, right)
    return [
        {
            "key": "reliability_bin", "group_kind": "bin", "group_id": str(row["bin"]), "value": row["observed_share"],
            "low": row["low"], "high": row["high"], "n": row["n"], "undefined": None, "unit": "share",
            "detail": json.dumps({"p_low": row["p_low"], "p_high": row["p_high"], "p_mean": row["p_mean"]}),
        }
        for row in bins.iter_rows(named=True)
    ]  # fmt: skip


def figure_row(
    key: str, estimate: Estimate, unit: str, *, kind: str = "", group: str = "", detail: str | None = None
) -> dict[str, object]:
    """A figure as a run stores it."""
    return {
        "key": key, "group_kind": kind, "group_id": group, "value": estimate.value, "low": estimate.low, "high": estimate.high,
        "n": estimate.n, "undefined": estimate.undefined, "unit": unit, "detail": detail,
    }  # fmt: skip


def grouped_rows(found: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The calibration error of each `group_id` as measurements of that kind."""
    fixed = {"key": "calibration_error_of", "group_kind": kind, "unit": "share"}
    frame = found.with_columns(pl.lit(value).alias(name) for name, value in fixed.items()).with_columns(
        value=pl.col("error"), detail=pl.lit(None, dtype=pl.Utf8)
    )
    return frame.select(pl.col(name).cast(dtype) for name, dtype in MEASUREMENT.items())


def _quadrant_shares(items: pl.DataFrame) -> dict[str, Estimate]:
    from analytics.intervals import wilson
    from analytics.quadrants import QUADRANTS

    counts = dict(items.group_by("quadrant").len().iter_rows())
    told = sum(int(n) for name, n in counts.items() if name != "cannot tell")
    return {
        name: wilson(int(counts.get(name, 0)), told)
        if told and name != "cannot tell"
        else Estimate.none("of these items it cannot be told", int(counts.get(name, 0)), unit="share")
        for name in QUADRANTS
    }
