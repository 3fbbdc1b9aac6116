"""Rows of several tables picked out together: the correction and the intervals of all of them, not of each table alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.annotator_pulls import PullCounts, annotator_pulls, picked_together
from analytics.gap_tests import benjamini_yekutieli, fcr_confidence
from analytics.intervals import benjamini_hochberg, wilson_bounds


def a_table(agree_shown: list[int], agree_hidden: list[int], n: int = 40) -> pl.DataFrame:
    each = np.full(len(agree_shown), float(n))
    counts = PullCounts(each, np.array(agree_shown, dtype=float), each, np.array(agree_hidden, dtype=float))
    return annotator_pulls(np.arange(len(agree_shown)), counts, min_n=10, confidence=0.95)


def test_rows_are_corrected_among_all_tables() -> None:
    tables = [a_table([38, 22], [20, 21]), a_table([30, 25, 20], [20, 25, 20])]
    found = picked_together(tables, q=0.05, correction="benjamini-yekutieli")
    p = np.concatenate([table["p_value"].to_numpy() for table in tables])
    told = np.concatenate([table["p_adjusted"].to_numpy() for table in found])
    assert told == pytest.approx(benjamini_yekutieli(p))
    assert [table.height for table in found] == [2, 3]
    alone = picked_together(tables[:1], q=0.05)[0]["p_adjusted"].to_numpy()
    assert alone == pytest.approx(benjamini_hochberg(tables[0]["p_value"].to_numpy()))


def test_the_interval_of_a_picked_row_counts_how_many_were_asked() -> None:
    """Newcombe's method 10 by hand, at 1 - R q / m / (1 + ... + 1/m)."""
    tables = [a_table([38, 22], [20, 21]), a_table([20, 25, 20], [20, 25, 20])]
    first = picked_together(tables, q=0.05, correction="benjamini-yekutieli")[0].row(0, named=True)
    assert first["is_picked"]
    level = fcr_confidence(1, 5, level=0.05, correction="benjamini-yekutieli")
    (low1,), (high1,) = wilson_bounds(np.array([38.0]), np.array([40.0]), confidence=level)
    (low0,), (high0,) = wilson_bounds(np.array([20.0]), np.array([40.0]), confidence=level)
    share1, share0 = 38 / 40, 20 / 40
    assert first["low_fcr"] == pytest.approx(share1 - share0 - np.hypot(share1 - low1, high0 - share0))
    assert first["high_fcr"] == pytest.approx(share1 - share0 + np.hypot(high1 - share1, share0 - low0))
    assert first["low_fcr"] < first["low"]


def test_where_nothing_is_picked_nothing_has_such_an_interval_and_a_former_correction_is_replaced() -> None:
    once = picked_together([a_table([20, 25], [20, 25])], q=0.05)
    again = picked_together(once, q=0.05)
    assert once[0].equals(again[0])
    assert once[0]["low_fcr"].null_count() == 2
    few = picked_together([a_table([3], [2], n=5)], q=0.05)[0].row(0, named=True)
    assert (few["p_adjusted"], few["is_picked"]) == (None, False)
