"""Every figure of the catalogue, one after the other, through the same questions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analytics.consensus import majority_vote
from analytics.frames import GOLD, VOTES, Repeats
from analytics.results import Estimate
from dashboard.workflows import catalog_sets
from dashboard.workflows.catalog import GROUP_METRICS, METRICS, GroupMetric, Metric
from dashboard.workflows.figure_inputs import Inputs, with_shared
from tests.crowds import accurate, drawn_crowd

K = 3
ROWS: tuple[Metric | GroupMetric, ...] = (*METRICS, *GROUP_METRICS)
NEED_ORDER = {"gwet_ac2", "weighted_kappa_quadratic", "weighted_kappa_linear", "cohen_weighted_kappa"}
NEED_SETS = {"krippendorff_alpha_jaccard", "set_overlap", "overlap_with_others"}
NOT_OF_SETS = {"fleiss_kappa", "scotts_pi", "gwet_ac1", "self_consistency_alpha"}
LEVELS = ("nominal", "ordinal", "interval", "set")
SETS = ((0,), (1,), (0, 1))
RANGES = {"share": (0.0, 1.0), "coefficient": (-1.0, 1.0), "seconds": (0.0, float("inf"))}
GROUPS = {"label": ["label_code"], "pair": ["annotator_a", "annotator_b"], "annotator": ["annotator_code"]}

each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
each_group_metric = pytest.mark.parametrize("metric", GROUP_METRICS, ids=lambda metric: metric.key)


def inputs_of(votes: pl.DataFrame, gold: pl.DataFrame, level: str = "nominal") -> Inputs:
    consensus = majority_vote(votes, n_labels=K).items
    found = Inputs(votes, gold, consensus, K, level, tuple(float(code) for code in range(K)), replicates=100)
    return replace(found, sets=SETS, members=(0, 1)) if level == "set" else found


def a_crowd(level: str = "nominal") -> Inputs:
    """Ninety items, four of twelve annotators each, half of them labelled twice, with times and gold for every third item."""
    rng = np.random.default_rng(2)
    crowd = drawn_crowd(accurate(12, K, 0.75), n_items=90, n_per_item=4, priors=np.full(K, 1 / K), seed=1)
    again = crowd.votes.head(180)
    moved = pl.Series(rng.random(again.height) < 0.2)
    again = again.with_columns((pl.col("label_code") + moved.cast(pl.Int64)) % K)
    votes = pl.concat([crowd.votes, again.cast(crowd.votes.schema)])
    seconds = rng.lognormal(2, 1, votes.height)
    votes = (
        votes.cast(pl.Int64)
        .with_row_index("order")
        .with_columns(pl.col("order").cast(pl.Int64), pl.Series("active_seconds", seconds))
    )
    return inputs_of(votes, crowd.gold.filter(pl.col("item_code") % 3 == 0), level)


def nothing() -> Inputs:
    """A project without a vote."""
    votes = pl.DataFrame(
        schema=dict.fromkeys(VOTES.codes, pl.Int64) | {"order": pl.Int64, "active_seconds": pl.Float64}
    )
    return inputs_of(votes, pl.DataFrame(schema=dict.fromkeys(GOLD.codes, pl.Int64)))


def shuffled(inputs: Inputs) -> Inputs:
    """The same rows in another order."""

    def mixed(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.sample(fraction=1, shuffle=True, seed=3)

    return replace(
        inputs, votes=mixed(inputs.votes), gold=mixed(inputs.gold), consensus=mixed(inputs.consensus)
    )


def renamed(inputs: Inputs) -> Inputs:
    """The same with other codes for items and annotators, in the same order of people."""
    item, annotator = pl.col("item_code") * 7 + 5, pl.col("annotator_code") * 3 + 11
    return replace(
        inputs,
        votes=inputs.votes.with_columns(item, annotator),
        gold=inputs.gold.with_columns(item),
        consensus=inputs.consensus.with_columns(item),
    )


def in_range(value: float | None, unit: str) -> bool:
    low, high = RANGES[unit]
    return value is None or low <= value <= high


@pytest.mark.parametrize("metric", ROWS, ids=[metric.key for metric in ROWS])
def test_a_row_says_all_about_itself(metric: Metric | GroupMetric) -> None:
    assert all((metric.key, metric.title, metric.undefined_when, metric.reference))
    assert metric.unit in RANGES
    assert metric.better in ("higher", "lower")


def test_keys_are_unique() -> None:
    keys = [metric.key for metric in ROWS]
    assert len(keys) == len(set(keys))


@each_metric
def test_without_data_a_figure_is_undefined_and_says_why(metric: Metric) -> None:
    found = metric.compute(nothing())
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.undefined


def why_undefined(key: str, level: str) -> str | None:
    if level in ("nominal", "set") and key in NEED_ORDER:
        return "the labels have no order"
    if level == "set" and key in NOT_OF_SETS:
        return catalog_sets.OVERLAPPING
    return catalog_sets.NO_SETS if level != "set" and key in NEED_SETS else None


@each_metric
@pytest.mark.parametrize("level", LEVELS)
def test_a_figure_is_in_range_inside_its_interval_and_the_same_again(metric: Metric, level: str) -> None:
    inputs = a_crowd(level)
    before = [frame.clone() for frame in (inputs.votes, inputs.gold, inputs.consensus)]
    found = metric.compute(inputs)
    reason = why_undefined(metric.key, level)
    if reason is not None:
        assert found.undefined == reason
        return
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert in_range(found.low, metric.unit)
    assert in_range(found.high, metric.unit)
    assert found.n > 0
    assert metric.compute(inputs) == found
    for frame, old in zip((inputs.votes, inputs.gold, inputs.consensus), before, strict=True):
        assert_frame_equal(frame, old)


@each_metric
@pytest.mark.parametrize("change", [shuffled, renamed])
def test_neither_the_order_of_rows_nor_names_change_a_figure(metric: Metric, change: object) -> None:
    inputs = a_crowd(level_for(metric.key))
    assert callable(change)
    one, two = metric.compute(inputs), metric.compute(change(inputs))
    assert astuple(two) == pytest.approx(astuple(one), abs=1e-12)


def level_for(key: str) -> str:
    """A level at which the figure is defined."""
    return "set" if key in NEED_SETS else "ordinal" if key in NEED_ORDER else "nominal"


def astuple(found: Estimate) -> tuple[float | None, ...]:
    return (found.value, found.low, found.high, found.n)


@each_group_metric
def test_without_data_a_figure_of_groups_has_no_value(metric: GroupMetric) -> None:
    found = metric.compute(nothing())
    assert found["value"].null_count() == found.height
    assert found["undefined"].null_count() == 0


@each_group_metric
def test_a_figure_of_groups_is_in_range_has_a_row_a_group_and_is_the_same_again(metric: GroupMetric) -> None:
    inputs = a_crowd(level_for(metric.key))
    before = [frame.clone() for frame in (inputs.votes, inputs.gold, inputs.consensus)]
    found = metric.compute(inputs)
    assert {*GROUPS[metric.group_kind], "value", "low", "high", "n", "undefined"} <= set(found.columns)
    assert found.select(GROUPS[metric.group_kind]).is_unique().all()
    assert found["value"].null_count() < found.height
    for row in found.iter_rows(named=True):
        assert (row["value"] is None) == (row["undefined"] is not None)
        assert all(in_range(row[name], metric.unit) for name in ("value", "low", "high"))
        if row["low"] is not None:
            assert row["low"] <= row["value"] <= row["high"]
    assert_frame_equal(metric.compute(inputs), found, check_exact=True)
    for frame, old in zip((inputs.votes, inputs.gold, inputs.consensus), before, strict=True):
        assert_frame_equal(frame, old)


@each_group_metric
def test_neither_the_order_of_rows_nor_names_change_a_figure_of_groups(metric: GroupMetric) -> None:
    inputs = a_crowd(level_for(metric.key))
    found = metric.compute(inputs)
    assert_frame_equal(metric.compute(shuffled(inputs)), found, abs_tol=1e-12)
    names = GROUPS[metric.group_kind]
    figures = [name for name in found.columns if name not in names]
    assert_frame_equal(metric.compute(renamed(inputs)).select(figures), found.select(figures), abs_tol=1e-12)


def test_pairs_have_no_weighted_kappa_where_labels_have_no_order() -> None:
    metric = next(row for row in GROUP_METRICS if row.key == "cohen_weighted_kappa")
    assert metric.compute(a_crowd("nominal")).is_empty()


@pytest.mark.parametrize("metric", ROWS, ids=[metric.key for metric in ROWS])
def test_what_is_computed_once_a_run_changes_no_figure(metric: Metric | GroupMetric) -> None:
    inputs = a_crowd("ordinal")
    assert str(metric.compute(with_shared(inputs))) == str(metric.compute(inputs))


@pytest.mark.parametrize(
    "key",
    ["scotts_pi", "weighted_kappa_quadratic", "weighted_kappa_linear", "cohen_kappa", "cohen_weighted_kappa"],
)
def test_where_one_label_of_each_counts_it_is_the_one_that_was_asked_for(key: str) -> None:
    metric = next(row for row in ROWS if row.key == key)
    inputs = a_crowd("ordinal")
    wanted: tuple[Repeats, ...] = ("first", "last", "count")
    first, last, counted = (str(metric.compute(replace(inputs, repeats=one))) for one in wanted)
    assert first == counted != last
