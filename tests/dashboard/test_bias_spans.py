from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from fairlearn.metrics import MetricFrame, selection_rate

from analytics.gap_draws import Draws
from analytics.group_rates import item_group_rates
from dashboard.workflows import bias, bias_spans
from tests import stores
from tests.analytics.test_group_rates import crowd
from tests.dashboard.bias_steps import crowd_store


def test_fairlearn_on_counts_is_fairlearn_on_every_annotation() -> None:
    votes, _, items, _ = crowd()
    rates = item_group_rates(votes, items, n_labels=2, draws=Draws("items", replicates=100))
    told = bias_spans.with_spans(rates.with_columns(slice_code=pl.lit(0, dtype=pl.Int64)))
    table = votes.join(items, on="item_code").to_pandas()
    frame = MetricFrame(
        metrics=selection_rate,
        y_true=table["label_code"],
        y_pred=table["label_code"],
        sensitive_features=table["group_code"],
    )
    rows = told.filter(measure="label_rate")
    assert rows["span"].to_list() == [pytest.approx(frame.difference())] * 3
    assert rows["span_ratio"][0] == pytest.approx(frame.ratio())
    assert rows["span_to"][0] == frame.by_group.idxmax()
    assert rows["span_from"][0] == frame.by_group.idxmin()
    assert rows["value"].to_list() == pytest.approx(frame.by_group.to_list())


def test_one_group_has_no_span() -> None:
    votes, _, items, _ = crowd()
    only = items.filter(group_code=0)
    rates = item_group_rates(votes, only, n_labels=2, draws=Draws("items", replicates=100))
    told = bias_spans.with_spans(rates.with_columns(slice_code=pl.lit(0, dtype=pl.Int64)))
    assert told["span"].null_count() == told.height


def test_the_use_case_tells_the_two_groups_by_name(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        run = bias.bias(store, project_id="pets", by=stores.LARS)
        row = run.gaps.filter(measure="error_on_gold").row(0, named=True)
        assert {row["span_low_group"], row["span_high_group"]} == {"chat", "mail"}
        assert row["span"] == pytest.approx(abs(row["difference"]))
