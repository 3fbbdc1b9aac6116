"""How far apart the two groups lie that are furthest apart: fairlearn's MetricFrame on counts, so that it costs next to nothing."""

from __future__ import annotations

import polars as pl

SPANS: dict[str, pl.DataType | type[pl.DataType]] = {
    "span": pl.Float64,
    "span_ratio": pl.Float64,
    "span_from": pl.Int64,
    "span_to": pl.Int64,
}
"""Columns: the largest share of a group less the smallest, the smallest over the largest, and the codes of the two groups."""

_FIGURE = ("measure", "label_code", "slice_code")


def with_spans(gaps: pl.DataFrame) -> pl.DataFrame:
    """The rows of a table of gaps (`analytics.gap_table.GAPS`) with SPANS: one figure's rows have the same.

    fairlearn is given two rows a group, hits and others, weighted by how many there are; so its shares by group, and its
    difference and ratio between groups, are those of the annotations themselves.
    """
    told = [_span(part) for part in gaps.partition_by(*_FIGURE, maintain_order=True)]
    spans = pl.DataFrame(told, schema={**{name: gaps.schema[name] for name in _FIGURE}, **SPANS})
    return gaps.join(spans, on=_FIGURE, how="left", maintain_order="left")


def _span(part: pl.DataFrame) -> dict[str, object]:
    from fairlearn.metrics import MetricFrame, selection_rate

    figure = part.select(_FIGURE).row(0, named=True)
    known = part.drop_nulls("value").filter(pl.col("n") > 0).sort("group_code")
    if known.height < 2:
        return figure
    codes, share, n = (known[name].to_numpy() for name in ("group_code", "value", "n"))
    outcome = [1] * len(codes) + [0] * len(codes)
    frame = MetricFrame(
        metrics=selection_rate,
        y_true=outcome,  # selection_rate does not look at it
        y_pred=outcome,
        sensitive_features=[*codes, *codes],
        sample_params={"sample_weight": [*(share * n), *((1 - share) * n)]},
    )
    by_group = frame.by_group
    largest = float(frame.group_max())
    return figure | {
        "span": float(frame.difference(method="between_groups")),
        "span_ratio": float(frame.ratio(method="between_groups")) if largest > 0 else None,
        "span_from": int(by_group.idxmin()),
        "span_to": int(by_group.idxmax()),
    }
