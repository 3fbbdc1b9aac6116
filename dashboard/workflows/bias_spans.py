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
    difference and ratio between groups, are those of the annotations themselves. All figures are one MetricFrame, controlled
    by the figure: a frame for each would cost more than the gaps.
    """
    figures = gaps.select(_FIGURE).unique(maintain_order=True).with_row_index("figure")
    known = (
        gaps.drop_nulls("value")
        .filter(pl.col("n") > 0)
        .join(figures, on=_FIGURE, nulls_equal=True)
        .filter(pl.len().over("figure") >= 2)  # one group is no span
        .sort("figure", "group_code")
    )
    spans = figures.join(_spans(known), on="figure").drop("figure")
    return gaps.join(spans, on=_FIGURE, how="left", maintain_order="left")


def _spans(known: pl.DataFrame) -> pl.DataFrame:
    """SPANS by `figure`, of the shares (`value`) of `n` annotations by `group_code`; two groups or more each."""
    from fairlearn.metrics import MetricFrame, selection_rate

    schema = {"figure": known.schema["figure"], **SPANS}
    if known.is_empty():
        return pl.DataFrame(schema=schema)
    figure, codes, share, n = (known[name].to_numpy() for name in ("figure", "group_code", "value", "n"))
    outcome = [1] * known.height + [0] * known.height
    frame = MetricFrame(
        metrics=selection_rate,
        y_true=outcome,  # selection_rate does not look at it
        y_pred=outcome,
        sensitive_features=[*codes, *codes],
        control_features=[*figure, *figure],
        sample_params={"sample_weight": [*(share * n), *((1 - share) * n)]},
    )
    largest = frame.group_max()
    by_group = (
        frame.by_group.unstack()
    )  # a row a figure, a column a group; NaN for one that a figure has not got
    return pl.DataFrame(
        {
            "figure": largest.index.to_numpy(),
            "span": frame.difference(method="between_groups").to_numpy(),
            "span_ratio": frame.ratio(method="between_groups").where(largest > 0).to_numpy(),
            "span_from": by_group.idxmin(axis="columns").to_numpy(),
            "span_to": by_group.idxmax(axis="columns").to_numpy(),
        },
        schema_overrides=schema,
        nan_to_null=True,
    )
