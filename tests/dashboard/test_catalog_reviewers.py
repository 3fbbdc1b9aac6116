"""Every figure of reviewers in the catalogue, one after the other, through the same questions."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from dashboard.workflows.catalog import GROUP_METRICS, METRICS
from dashboard.workflows.catalog_reviewers import REVIEWER_METRICS, ReviewerMetric

LOWEST = {"share": 0.0, "coefficient": -1.0}

each_reviewer_metric = pytest.mark.parametrize("metric", REVIEWER_METRICS, ids=lambda metric: metric.key)


@each_reviewer_metric
def test_a_row_says_all_about_itself(metric: ReviewerMetric) -> None:
    assert all((metric.key, metric.title, metric.question, metric.undefined_when, metric.reference))
    assert metric.unit in LOWEST
    assert metric.better in ("neither", "nearer to 0")


def test_keys_are_unique() -> None:
    known = {metric.key for metric in METRICS} | {metric.key for metric in GROUP_METRICS}
    keys = [metric.key for metric in REVIEWER_METRICS]
    assert len(keys) == len(set(keys))
    assert not known & set(keys)


def some_reviews() -> pl.DataFrame:
    """Four reviewers, who are annotators too, on 200 items three labels each, one of them their own; a fifth reviews one item."""
    rng = np.random.default_rng(4)
    items = np.repeat(np.arange(200), 3)
    reviews = pl.DataFrame(
        {"item_code": items, "reviewer_code": items % 4, "annotator_code": (items + np.tile([0, 1, 3], 200)) % 4,
         "accepted": rng.random(items.size) < 0.7}
    )  # fmt: skip
    return pl.concat([reviews, reviews.head(1).with_columns(reviewer_code=pl.lit(9, dtype=pl.Int64))])


@each_reviewer_metric
def test_without_reviews_there_is_no_reviewer(metric: ReviewerMetric) -> None:
    assert metric.compute(some_reviews().clear()).is_empty()


@each_reviewer_metric
def test_a_figure_of_reviewers_is_in_range_and_the_same_again(metric: ReviewerMetric) -> None:
    reviews = some_reviews()
    before = reviews.clone()
    found = metric.compute(reviews)
    assert set(found.columns) == {"reviewer_code", "value", "low", "high", "n", "undefined"}
    assert found["reviewer_code"].is_unique().all()
    assert found["value"].null_count() < found.height
    for row in found.iter_rows(named=True):
        assert (row["value"] is None) == (row["undefined"] is not None)
        assert all(
            (row[name] is None or LOWEST[metric.unit] <= row[name] <= 1) for name in ("value", "low", "high")
        )
        if row["low"] is not None:
            assert row["low"] <= row["value"] <= row["high"]
    assert_frame_equal(metric.compute(reviews), found, check_exact=True)
    assert_frame_equal(reviews, before)


@each_reviewer_metric
def test_neither_the_order_of_rows_nor_names_change_a_figure_of_reviewers(metric: ReviewerMetric) -> None:
    reviews = some_reviews()
    found = metric.compute(reviews)
    mixed = reviews.sample(fraction=1, shuffle=True, seed=3)
    assert_frame_equal(metric.compute(mixed), found, abs_tol=1e-12)
    people, item = pl.col("reviewer_code", "annotator_code") * 3 + 11, pl.col("item_code") * 7 + 5
    figures = [name for name in found.columns if name != "reviewer_code"]
    again = metric.compute(reviews.with_columns(people, item))
    assert_frame_equal(again.select(figures), found.select(figures), abs_tol=1e-12)
