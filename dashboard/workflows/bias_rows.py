"""The rows of a table of gaps: measured for the groups of one attribute or of two crossed, named, and as measurements."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import polars as pl

from dashboard.workflows import bias_groups, bias_spans
from dashboard.workflows.bias_groups import Groups
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.monitor import MEASUREMENT

if TYPE_CHECKING:
    from analytics.gap_draws import Draws, Resampled
    from analytics.gap_tests import Correction

ITEM, DISAGREEMENT = "item", "disagreement"
KIND = "bias"
"""The kind of the run."""

GROUP_KIND = "bias"
"""The kind of group of a gap's measurement; its id is a JSON list: side, attribute, group, item attribute, item group, label."""

KEYS = ("side", "attribute", "group", "item_attribute", "item_group", "measure", "label")
GAP_ROWS: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(KEYS, pl.Utf8), "n_items": pl.Int64, "n_annotators": pl.Int64, "n": pl.Int64, "value": pl.Float64,
    "low": pl.Float64, "high": pl.Float64, "others": pl.Float64, "difference": pl.Float64, "diff_low": pl.Float64,
    "diff_high": pl.Float64, "ratio": pl.Float64, "ratio_low": pl.Float64, "ratio_high": pl.Float64, "odds_ratio": pl.Float64,
    "cohens_h": pl.Float64, "span": pl.Float64, "span_ratio": pl.Float64, "span_low_group": pl.Utf8,
    "span_high_group": pl.Utf8, "p_value": pl.Float64, "n_shared": pl.Int64, "adjusted": pl.Float64,
    "adjusted_low": pl.Float64, "adjusted_high": pl.Float64, "adjusted_ratio": pl.Float64, "adjusted_odds_ratio": pl.Float64,
    "adjusted_p": pl.Float64,
    "adjusted_undefined": pl.Utf8, "adjusted_no_interval": pl.Utf8, "beyond": pl.Float64, "beyond_low": pl.Float64,
    "beyond_high": pl.Float64, "beyond_p": pl.Float64, "mixed": pl.Float64, "mixed_low": pl.Float64,
    "mixed_high": pl.Float64, "mixed_p": pl.Float64, "mixed_p_adjusted": pl.Float64, "mixed_says": pl.Utf8,
    "mixed_undefined": pl.Utf8, "tested_p": pl.Float64, "p_adjusted": pl.Float64,
    "fcr_low": pl.Float64, "fcr_high": pl.Float64, "verdict": pl.Utf8, "undefined": pl.Utf8, "no_interval": pl.Utf8,
}  # fmt: skip
"""Columns of a table of gaps. `side`: annotator, item or crossed (a group of annotators on a group of items); `span` and so on:
of the figure, between the two groups furthest apart; see `analytics.gap_table`, `gap_strata` and `mixed_gaps`."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What every table shares. `generalise`: items and annotators are both drawn. `choice`: of a set, whose code all rows have."""

    n_labels: int
    gold: pl.DataFrame | None
    model: pl.DataFrame | None
    replicates: int
    seed: int
    generalise: bool
    choice: int | None = None

    def draws(self, resample: Resampled) -> Draws:
        """The draws of a table."""
        from analytics.gap_draws import Draws

        return Draws("both" if self.generalise else resample, replicates=self.replicates, seed=self.seed)


def title(people: Groups | None, items: Groups | None) -> str:
    """What is compared, in words."""
    return " × ".join(one.attribute for one in (people, items) if one is not None)


def gaps(votes: pl.DataFrame, people: Groups | None, items: Groups | None, inputs: Inputs) -> pl.DataFrame:
    """The gaps of groups of annotators, of items, or of the first on each of the second: `gap_table.GAPS`, side and names."""
    table = _measured(votes, people, items, inputs)
    if inputs.choice is None:
        return table
    return table.with_columns(label_code=pl.lit(inputs.choice, dtype=table.schema["label_code"]))


def _measured(
    votes: pl.DataFrame, people: Groups | None, items: Groups | None, inputs: Inputs
) -> pl.DataFrame:
    from analytics import adjusted_gaps, gap_table, group_rates, mixed_gaps

    n, gold, model = inputs.n_labels, inputs.gold, inputs.model
    if people is None:
        assert items is not None  # a table is of something
        draws = inputs.draws("items")
        crude = group_rates.item_group_rates(votes, items.of, n_labels=n, draws=draws, gold=gold, model=model)
        adjusted = adjusted_gaps.item_gaps(votes, items.of, n_labels=n, draws=draws, gold=gold)
        return _named(gap_table.side_by_side(crude, adjusted), gap_table.ITEM, items, None)
    if items is None:
        draws = inputs.draws("annotators")
        crude = group_rates.annotator_group_rates(
            votes, people.of, n_labels=n, draws=draws, gold=gold, model=model
        )
        adjusted = adjusted_gaps.annotator_gaps(
            votes, people.of, n_labels=n, draws=draws, gold=gold, model=model
        )
        mixed = mixed_gaps.mixed_gaps(votes, people.of, n_labels=n, gold=gold, model=model)
        return _named(gap_table.side_by_side(crude, adjusted, mixed), gap_table.ANNOTATOR, people, None)
    shown, hidden = bias_groups.shown_cells(votes, people, items)
    table = gap_table.of_slices(
        adjusted_gaps.annotator_gaps(
            shown, people.of, n_labels=n, draws=inputs.draws("annotators"), item_groups=items.of, gold=gold
        )
    )
    rows = [bool(hidden[a, b]) for a, b in table.select("group_code", "slice_code").iter_rows()]
    table = table.filter(~pl.Series(rows, dtype=pl.Boolean), pl.col("value").is_not_null())
    return _named(table, gap_table.CROSSED, people, items)


def told(tables: list[pl.DataFrame], label_set: LabelSet, correction: str) -> pl.DataFrame:
    """All tables corrected together, with labels as words: GAP_ROWS, sorted by what they are of."""
    if not tables:
        return pl.DataFrame(schema=GAP_ROWS)
    from analytics import gap_table

    labels = label_set.frame().select(pl.col("label_code").cast(pl.Int64), "label")
    every = pl.concat(tables).join(labels, on="label_code", how="left", maintain_order="left")
    table = gap_table.corrected(
        every.with_columns(pl.col("label").fill_null("")), correction=cast("Correction", correction)
    )
    return table.select(pl.col(name).cast(kind) for name, kind in GAP_ROWS.items()).sort(KEYS)


def gap_id(row: Mapping[str, object]) -> str:
    """What a gap is called, in the address and where something was decided about it."""
    return "|".join(str(row[name]) for name in KEYS)


def measurements(table: pl.DataFrame) -> pl.DataFrame:
    """The gaps as rows of a run: the value is the crude gap, everything else is in `detail`."""
    ids = [
        json.dumps(list(row), ensure_ascii=False)
        for row in table.select(name for name in KEYS if name != "measure").iter_rows()
    ]
    details = [json.dumps(row, ensure_ascii=False) for row in table.iter_rows(named=True)]
    why = pl.coalesce("undefined", pl.lit("there is no figure of the others to compare with"))
    return table.select(
        pl.concat_str(pl.lit("gap_in_"), "measure").alias("key"),
        pl.lit(GROUP_KIND).alias("group_kind"),
        pl.Series("group_id", ids, dtype=pl.Utf8),
        value="difference",
        low="diff_low",
        high="diff_high",
        n="n",
        undefined=pl.when(pl.col("difference").is_null()).then(why),
        unit=pl.lit("difference"),
        detail=pl.Series("detail", details, dtype=pl.Utf8),
    ).select(pl.col(name).cast(kind) for name, kind in MEASUREMENT.items())


def from_measurements(stored: pl.DataFrame) -> pl.DataFrame:
    """The table that `measurements` was made of: GAP_ROWS, sorted."""
    rows = [json.loads(text) for text in stored["detail"].to_list()]
    return pl.DataFrame(rows, schema=GAP_ROWS).sort(KEYS)


def _named(table: pl.DataFrame, side: str, own: Groups, items: Groups | None) -> pl.DataFrame:
    def names(groups: Groups, code: str) -> pl.Expr:
        return pl.col(code).replace_strict(
            list(range(len(groups.names))), list(groups.names), return_dtype=pl.Utf8, default=""
        )

    table = bias_spans.with_spans(table)
    if len(own.names) == 2:
        # Of two groups each is the other's others: one row says it, and is tested once.
        own_reference = (pl.col("measure") == DISAGREEMENT) & pl.lit(side != ITEM)
        table = table.filter((pl.col("group_code") == 0) | own_reference)
    return table.with_columns(
        side=pl.lit(side),
        attribute=pl.lit(own.attribute),
        group=names(own, "group_code"),
        span_low_group=names(own, "span_from"),
        span_high_group=names(own, "span_to"),
        item_attribute=pl.lit(items.attribute if items else ""),
        item_group=names(items, "slice_code") if items else pl.lit(""),
    )
