from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from analytics.adjusted_gaps import annotator_gaps
from analytics.errors import BadOption
from analytics.gap_draws import Draws
from analytics.gap_table import ANNOTATOR, CROSSED, GAPS, ITEM, corrected, of_slices, side_by_side
from analytics.group_rates import annotator_group_rates
from tests.analytics.test_adjusted_gaps import PEOPLE, mixed_crowd


def gaps(**columns: Sequence[object]) -> pl.DataFrame:
    """Rows of GAPS with what is named; the rest is null."""
    frame = pl.DataFrame(columns)
    present = frame.with_columns(
        pl.lit(None, dtype=kind).alias(name) for name, kind in GAPS.items() if name not in frame.columns
    )
    return present.with_columns(pl.col(name).cast(kind) for name, kind in GAPS.items())


def rows() -> pl.DataFrame:
    return gaps(
        side=[ANNOTATOR, ANNOTATOR, ANNOTATOR, ANNOTATOR, ANNOTATOR, ANNOTATOR, ITEM, ITEM, CROSSED],
        measure=["disagreement"] * 6 + ["label_rate", "disagreement", "label_rate"],
        value=[0.5, 0.5, 0.5, 0.5, 0.5, None, 0.5, 0.5, 0.5],
        p_value=[1e-6, 1e-6, 1e-6, 0.5, None, None, 1e-6, 1e-6, None],
        difference=[0.2] * 9,
        error=[0.02] * 9,
        freedom=[50.0] * 9,
        adjusted=[0.2, 0.01, None, 0.01, None, None, 0.2, 0.2, 0.1],
        adjusted_p=[1e-6, 0.8, None, 0.8, None, None, 1e-6, 1e-6, 1e-6],
        adjusted_error=[0.02] * 9,
        adjusted_freedom=[50.0] * 9,
        beyond=[None] * 8 + [0.0],
        beyond_p=[None] * 8 + [0.9],
    )


def test_the_adjusted_gap_decides_what_a_row_says() -> None:
    shaken = rows().with_columns(adjusted=pl.lit(0.15), adjusted_p=pl.lit(0.3))
    assert corrected(shaken)["verdict"][0] == "unclear"  # not seen any more, but not explained either
    assert corrected(rows())["verdict"].to_list() == [
        "gap",
        "items",  # seen crude, gone inside the items
        "unclear",  # seen crude, nothing to adjust by
        "none",
        "described",
        "undefined",
        "unclear",  # how often items of a group get a label says what they are, adjusted or not
        "gap",
        "none",  # a crossed row says whether it is beyond the other items
    ]


def test_picked_intervals_are_wider_and_others_have_none() -> None:
    table = corrected(rows())
    picked = table["verdict"].is_in(["gap", "unclear"])
    assert (table["fcr_low"].is_not_null() == picked).all()
    assert table["fcr_low"][0] < 0.2 - 2.02 * 0.02
    assert table["fcr_high"][0] > 0.2 + 2.02 * 0.02


def test_the_correction_counts_every_row_that_was_tested() -> None:
    one = gaps(side=[ANNOTATOR], value=[0.5], difference=[0.1], error=[0.03], freedom=[60.0], adjusted=[0.1],
               adjusted_p=[0.02], adjusted_error=[0.03], adjusted_freedom=[60.0])  # fmt: skip
    many = pl.concat([one, *[one.with_columns(adjusted_p=pl.lit(0.6))] * 9])
    assert corrected(one)["verdict"][0] == "gap"
    assert corrected(many)["verdict"][0] == "none"
    assert (
        corrected(many)["p_adjusted"][0] > corrected(many, correction="benjamini-hochberg")["p_adjusted"][0]
    )


def test_crude_and_adjusted_stand_in_one_row() -> None:
    votes, groups = mixed_crowd(n_items=200)
    crude = annotator_group_rates(votes, groups, n_labels=2, draws=PEOPLE)
    adjusted = annotator_gaps(votes, groups, n_labels=2, draws=PEOPLE)
    table = side_by_side(crude, adjusted)
    assert table.columns == list(GAPS)
    assert table.select("group_code", "measure").rows() == [
        (group, measure) for group in (0, 1) for measure in ("disagreement", "label_rate")
    ]
    rate = table.filter(measure="label_rate", group_code=1).row(0, named=True)
    assert rate["difference"] == crude.filter(group_code=1)["difference"][0]
    assert rate["adjusted"] == adjusted.filter(group_code=1, measure="label_rate")["adjusted"][0]


def test_crossed_rows_have_a_slice() -> None:
    votes, groups = mixed_crowd(n_items=200)
    items = pl.DataFrame({"item_code": range(200), "group_code": [item % 2 for item in range(200)]})
    draws = Draws("both", replicates=100)
    table = of_slices(annotator_gaps(votes, groups, n_labels=2, draws=draws, item_groups=items))
    told = corrected(table.with_columns(side=pl.lit(CROSSED)))
    assert told["slice_code"].unique().sort().to_list() == [0, 1]
    assert told["beyond"].null_count() == 0
    assert set(told["verdict"]) <= {"none", "gap"}


def test_an_empty_table_stays_empty() -> None:
    assert corrected(rows().head(0)).is_empty()


def test_misuse_is_refused() -> None:
    with pytest.raises(BadOption, match="correction='bonferroni'"):
        corrected(rows(), correction="bonferroni")  # type: ignore[arg-type]  # a wrong word, on purpose
    with pytest.raises(BadOption, match="level"):
        corrected(rows(), level=0)
