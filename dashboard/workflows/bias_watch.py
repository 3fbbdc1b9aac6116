"""What a comparison of groups says to the alerts: of each attribute, the widest gap that stays."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from dashboard.workflows.alert_figures import BIAS, BIAS_GAP
from dashboard.workflows.bias_rows import gap_id
from dashboard.workflows.bias_view import gap_of, sentence
from dashboard.workflows.monitor import MEASUREMENT


def widest_gaps(
    gaps: pl.DataFrame, *, accepted: Collection[str] = ()
) -> tuple[pl.DataFrame, Mapping[str, str]]:
    """Of each attribute (or two crossed) the gap that stays and is widest at the near end of its interval.

    A gap of -12 points is one of 12: `low` and `high` are the ends nearer to and further from 0, of the interval that counts how
    many gaps were tested (`analytics.gap_table.corrected`).

    Args:
        gaps: `bias_rows.GAP_ROWS`.
        accepted: ids of gaps (`bias_rows.gap_id`) that are known and were accepted; they raise no alert.

    Returns:
        MEASUREMENT with the attribute as group, and the sentence of each by its group.
    """
    rows: dict[str, dict[str, object]] = {}
    sentences: dict[str, str] = {}
    near_of: dict[str, float] = {}
    for row in gaps.filter(pl.col("verdict") == "gap", pl.col("fcr_low").is_not_null()).iter_rows(named=True):
        gap, ends = gap_of(row)
        if ends is None or gap_id(row) in accepted:
            continue
        near, far = sorted(abs(end) for end in ends)
        near = 0.0 if ends[0] <= 0 <= ends[1] else near
        name = " × ".join(one for one in (row["attribute"], row["item_attribute"]) if one)
        group = f"{row['side']} {name}"
        if near <= near_of.get(group, -1.0):
            continue
        near_of[group] = near
        said = sentence(row)
        sentences[group] = said[0].upper() + said[1:]
        rows[group] = {
            "key": BIAS_GAP, "group_kind": BIAS, "group_id": group, "value": abs(gap), "low": near, "high": far, "n": row["n"],
            "undefined": None, "unit": "difference", "detail": None,
        }  # fmt: skip
    return pl.DataFrame(list(rows.values()), schema=MEASUREMENT), sentences
