"""Crude and adjusted gaps side by side, corrected for how many there are, with what each row says.

What a row says (`verdict`) is decided by the adjusted gap, since a crude one may only show that groups met other items:

    gap        the adjusted gap differs from 0 after the correction
    items      the crude gap does, the adjusted one does not and is less than half as large: what was labelled explains it
    unclear    the crude gap does, and what was labelled can neither explain it nor be ruled out
    none       tested, and not seen to differ
    described  too few people or items for an interval
    undefined  there is no figure

Beside it stands what a mixed model says of a gap between groups of annotators (`mixed_gaps`), corrected in the same way among its
own: it agrees where it too would report the gap, in the same direction, or where neither would.
"""

from __future__ import annotations

from typing import get_args

import polars as pl

from analytics.errors import BadOption
from analytics.gap_strata import ADJUSTED
from analytics.gap_tests import Correction, Spread, adjusted_p, fcr_confidence
from analytics.group_outcomes import LABEL_RATE
from analytics.group_rates import RATES
from analytics.mixed_gaps import MIXED

AGREES, DIFFERS = "agrees", "differs"
VERDICTS = ("gap", "items", "unclear", "none", "described", "undefined")
ANNOTATOR, ITEM, CROSSED = "annotator", "item", "crossed"
LEVEL = 0.05

_KEYS = ("group_code", "slice_code", "measure", "label_code")
GAPS = {
    "group_code": pl.Int64,
    "slice_code": pl.Int64,
    **{name: kind for name, kind in RATES.items() if name != "group_code"},
    **{name: kind for name, kind in ADJUSTED.items() if name.startswith(("adjusted", "beyond", "n_shared"))},
    **{name: kind for name, kind in MIXED.items() if name.startswith("mixed")},
}
"""Columns of a table of gaps: those of `group_rates.RATES`, of `adjusted_gaps.ADJUSTED` and of `mixed_gaps.MIXED`."""


def side_by_side(
    rates: pl.DataFrame, adjusted: pl.DataFrame, mixed: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Crude rates (RATES), adjusted gaps (ADJUSTED, one slice) and a mixed model's (MIXED) as GAPS.

    A row that only one of the first two has is kept.

    Where there is no crude row (disagreement of groups of annotators) the shares are those of the votes compared.
    """
    own = pl.col("slice_code").fill_null(0)
    crude = rates.with_columns(slice_code=pl.lit(0, dtype=pl.Int64))
    told = adjusted.rename(
        {name: f"{name}_here" for name in ("n_items", "n_annotators", "n", "value", "others")}
    )
    both = crude.join(told, on=_KEYS, how="full", coalesce=True).with_columns(slice_code=own)
    if mixed is not None:
        both = both.join(mixed, on=_KEYS, how="left")
    for name in ("n_items", "n_annotators", "n", "value", "others"):
        both = both.with_columns(pl.coalesce(name, f"{name}_here").alias(name))
    gap = pl.coalesce("difference", pl.col("value") - pl.col("others"))
    return _ordered(both.with_columns(difference=gap))


def of_slices(adjusted: pl.DataFrame) -> pl.DataFrame:
    """Gaps of groups of annotators on each group of items (ADJUSTED) as GAPS; their figures are those inside shared items."""
    return _ordered(adjusted.with_columns(difference=pl.col("value") - pl.col("others")))


def corrected(
    gaps: pl.DataFrame, *, correction: Correction = "benjamini-yekutieli", level: float = LEVEL
) -> pl.DataFrame:
    """Correct a whole table of gaps for how many were tested, and say what each row says.

    Args:
        gaps: GAPS with a column `side` (annotator, item, crossed); all that was looked at, since that is what is corrected for.
        correction: Benjamini and Yekutieli's holds however the tests depend (groups share their others, and labels
            exclude one another); Benjamini and Hochberg's finds more where they depend positively.
        level: the share of false reports, and of intervals picked out that miss.

    Returns:
        The rows in their order, with tested_p (the p-value that decides: of the adjusted gap, of `beyond` in crossed rows,
        else of the crude gap), p_adjusted, crude_p_adjusted, fcr_low, fcr_high (the interval of the gap that was tested, at
        the confidence that rows picked out need; null elsewhere), verdict, mixed_p_adjusted and mixed_says (AGREES, DIFFERS; null
        where there is no p-value of both).

    Raises:
        BadOption: `correction` is another word, or `level` not inside (0, 1).
    """
    if correction not in get_args(Correction):
        raise BadOption("correction", correction, get_args(Correction))
    if not 0 < level < 1:
        raise BadOption("level", level, "between 0 and 1, such as 0.05")
    is_crossed = pl.col("side") == CROSSED
    # Rates of labels differ between groups of items because items do: no comparison holds the item fixed.
    is_content = (pl.col("side") == ITEM) & (pl.col("measure") == LABEL_RATE)
    is_adjusted = pl.col("adjusted").is_not_null() & ~is_content
    picked_p = pl.when(is_crossed).then("beyond_p").when(is_adjusted).then("adjusted_p").otherwise("p_value")
    told = gaps.with_columns(tested_p=picked_p, is_adjusted=is_adjusted | is_crossed)
    told = told.with_columns(
        p_adjusted=adjusted_p(told.get_column("tested_p"), correction),
        crude_p_adjusted=adjusted_p(told.get_column("p_value"), correction),
        mixed_p_adjusted=adjusted_p(told.get_column("mixed_p"), correction),
    )
    seen, crude_seen = pl.col("p_adjusted") <= level, pl.col("crude_p_adjusted") <= level
    is_less = pl.col("adjusted").abs() < pl.col("difference").abs() / 2
    verdict = (
        pl.when(pl.col("value").is_null())
        .then(pl.lit("undefined"))
        .when(seen & pl.col("is_adjusted"))
        .then(pl.lit("gap"))
        .when(crude_seen & pl.col("is_adjusted") & is_less)
        .then(pl.lit("items"))
        .when(seen | crude_seen)
        .then(pl.lit("unclear"))
        .when(pl.col("tested_p").is_null())
        .then(pl.lit("described"))
        .otherwise(pl.lit("none"))
    )
    told = told.with_columns(verdict=verdict).with_columns(mixed_says=_second_opinion(level))
    return _with_picked_intervals(told, correction, level).drop("is_adjusted")


def _second_opinion(level: float) -> pl.Expr:
    own, other = pl.col("p_adjusted") <= level, pl.col("mixed_p_adjusted") <= level
    same_way = (pl.col("adjusted") > 0) == (pl.col("mixed") > 0)
    return (
        pl.when(pl.col("adjusted_p").is_null() | pl.col("mixed_p").is_null())
        .then(None)
        .when((own == other) & (same_way | ~own))
        .then(pl.lit(AGREES))
        .otherwise(pl.lit(DIFFERS))
    )


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    present = frame.with_columns(
        pl.lit(None, dtype=kind).alias(name) for name, kind in GAPS.items() if name not in frame.columns
    )
    return present.select(pl.col(name).cast(kind) for name, kind in GAPS.items()).sort(_KEYS)


def _with_picked_intervals(told: pl.DataFrame, correction: Correction, level: float) -> pl.DataFrame:
    picked = told.get_column("p_adjusted").fill_null(1.0) <= level
    n_tested = told.height - told.get_column("tested_p").null_count()
    ends: list[tuple[float, float] | None] = [None] * told.height
    if picked.any():
        confidence = fcr_confidence(int(picked.sum()), n_tested, level=level, correction=correction)
        for place in picked.arg_true().to_list():
            row = told.row(place, named=True)
            gap, error, freedom = ("difference", "error", "freedom")
            if row["side"] == CROSSED:
                gap, error, freedom = ("beyond", "beyond_error", "beyond_freedom")
            elif row["is_adjusted"]:
                gap, error, freedom = ("adjusted", "adjusted_error", "adjusted_freedom")
            ends[place] = Spread(row[error], row[freedom]).ends(row[gap], confidence)
    low = pl.Series("fcr_low", [None if end is None else end[0] for end in ends], dtype=pl.Float64)
    high = pl.Series("fcr_high", [None if end is None else end[1] for end in ends], dtype=pl.Float64)
    return told.with_columns(low, high)
