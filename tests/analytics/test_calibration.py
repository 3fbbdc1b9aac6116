"""Calibration: small cases by hand, probabilities that are right or wrong by a known amount, and coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from analytics.calibration import (
    calibration_by_group,
    calibration_by_label,
    calibration_error,
)
from analytics.errors import BadOption
from analytics.reliability import equal_mass_bins, label_outcomes, reliability, top_label

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def drawn(n: int, *, seed: int, too_sure: float = 0.0) -> tuple[Floats, Bools]:
    """Probabilities between 0.3 and 1, and outcomes that are so a share `too_sure` less often."""
    rng = np.random.default_rng(seed)
    p = 0.3 + 0.7 * rng.random(n)
    return p, rng.random(n) < p - too_sure


def test_by_hand() -> None:
    """Two bins of ten: 0.2 with 4 so, 0.8 with 7 so."""
    p = np.repeat([0.2, 0.8], 10)
    so = np.concatenate([np.arange(10) < 4, np.arange(10) < 7])
    found = calibration_error(p, so, n_bins=2, replicates=0)
    plug_in = (0.2**2 + 0.1**2) / 2
    assert found.plug_in == pytest.approx(plug_in**0.5)
    assert found.squared == pytest.approx(plug_in - (0.4 * 0.6 / 9 + 0.7 * 0.3 / 9) / 2)
    assert found.debiased.value == pytest.approx(max(found.squared or 0.0, 0.0) ** 0.5)
    assert found.mean_absolute == pytest.approx(0.15)
    assert found.overconfidence.value == pytest.approx(0.5 - 0.55)
    assert found.debiased.low is None
    assert found.n_bins == 2


def test_a_diagram_by_hand() -> None:
    p = np.concatenate([np.linspace(0.1, 0.2, 10), np.linspace(0.7, 0.9, 10)])
    so = np.concatenate([np.arange(10) < 1, np.arange(10) < 8])
    rows = reliability(p, so, n_bins=2)
    assert rows.get_column("n").to_list() == [10, 10]
    assert rows.get_column("observed_share").to_list() == [0.1, 0.8]
    assert rows.get_column("p_mean").to_list() == pytest.approx([0.15, 0.8])
    assert rows.get_column("p_low").to_list() == [0.1, 0.7]
    assert rows.get_column("p_high").to_list() == [0.2, 0.9]
    assert rows.row(0, named=True)["low"] == pytest.approx(0.0179, abs=1e-4)  # Wilson, 1 of 10
    assert rows.row(0, named=True)["high"] == pytest.approx(0.4042, abs=1e-4)


def test_right_probabilities_show_no_error_where_the_plug_in_does() -> None:
    found = [calibration_error(*drawn(400, seed=seed), replicates=0) for seed in range(300)]
    squared = np.array([each.squared for each in found], dtype=np.float64)
    standard_error = squared.std() / len(squared) ** 0.5
    assert abs(squared.mean()) < 3 * standard_error
    plug_in = np.array([each.plug_in for each in found], dtype=np.float64)
    assert plug_in.mean() > 0.07
    assert np.mean([each.mean_absolute for each in found]) > 0.05


def test_an_error_of_known_size_is_found_without_bias() -> None:
    found = [calibration_error(*drawn(400, seed=seed, too_sure=0.15), replicates=0) for seed in range(200)]
    squared = np.array([each.squared for each in found], dtype=np.float64)
    assert squared.mean() == pytest.approx(0.15**2, abs=3 * squared.std() / len(squared) ** 0.5)
    assert np.mean([each.overconfidence.value for each in found]) == pytest.approx(0.15, abs=0.01)


@pytest.mark.parametrize("too_sure", [0.05, 0.15])
def test_intervals_cover(too_sure: float) -> None:
    """200 simulated sets of 1,000 items, intervals of 90 %: at 200 sets 0.84 is three standard errors off."""
    covered, gap_covered = 0, 0
    for seed in range(200):
        found = calibration_error(
            *drawn(1000, seed=seed, too_sure=too_sure), replicates=200, seed=seed, confidence=0.9
        )
        low, high = found.debiased.low, found.debiased.high
        assert low is not None
        assert high is not None
        covered += low <= too_sure <= high
        assert found.overconfidence.low is not None
        assert found.overconfidence.high is not None
        gap_covered += found.overconfidence.low <= too_sure <= found.overconfidence.high
    assert covered / 200 > 0.83
    assert gap_covered / 200 > 0.83


def test_cells_of_many_items_give_the_interval_of_the_items(monkeypatch: pytest.MonkeyPatch) -> None:
    p, so = drawn(6000, seed=3, too_sure=0.1)
    few = calibration_error(p, so, replicates=1000).debiased
    monkeypatch.setattr("analytics.calibration._CELLS", 6000)
    all_items = calibration_error(p, so, replicates=1000, seed=1).debiased
    assert few.value == pytest.approx(all_items.value)
    assert few.low == pytest.approx(all_items.low, abs=0.003)
    assert few.high == pytest.approx(all_items.high, abs=0.003)


@given(p=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), max_size=120), n_bins=st.integers(1, 20))
def test_bins_are_in_order_big_enough_and_part_no_equals(p: list[float], n_bins: int) -> None:
    values = np.array(p, dtype=np.float64)
    bins = equal_mass_bins(values, n_bins)
    for one in set(p):
        assert len(set(bins[values == one])) == 1
    order = np.argsort(values, kind="stable")
    assert (np.diff(bins[order]) >= 0).all()
    counts = np.bincount(bins)
    assert (counts >= min(10, len(p))).all()
    assert len(counts) <= n_bins


def test_bins_have_equal_numbers_where_probabilities_differ() -> None:
    p = np.random.default_rng(0).random(1500)
    assert np.bincount(equal_mass_bins(p, 15)).tolist() == [100] * 15


def test_order_of_items_changes_nothing() -> None:
    p, so = drawn(500, seed=1, too_sure=0.1)
    order = np.random.default_rng(0).permutation(500)
    assert calibration_error(p, so) == calibration_error(p[order], so[order])
    assert_frame_equal(reliability(p, so), reliability(p[order], so[order]))


def test_top_label_and_label_outcomes() -> None:
    probabilities = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    p, right = top_label(probabilities, np.array([1, 1]))
    assert p.tolist() == [0.5, 0.4]
    assert right.tolist() == [True, False]
    p, has = label_outcomes(probabilities, np.array([1, 2]), 2)
    assert p.tolist() == [0.3, 0.2]
    assert has.tolist() == [False, True]


def test_each_group_is_measured_by_itself() -> None:
    p, so = drawn(2000, seed=2)
    so[:1000] &= np.random.default_rng(1).random(1000) < 0.7
    groups = np.repeat([4, 1, 9], [1000, 950, 50])
    rows = calibration_by_group(p, so, groups, replicates=100)
    assert rows.get_column("group_code").to_list() == [1, 4, 9]
    alone = calibration_error(p[:1000], so[:1000], replicates=100)
    assert rows.row(1, named=True)["error"] == alone.debiased.value
    assert rows.row(1, named=True)["low"] == alone.debiased.low
    assert rows.row(1, named=True)["low"] > 0.1
    assert rows.row(0, named=True)["error"] < 0.06
    assert rows.row(2, named=True)["undefined"] == "fewer than 100 items"
    assert rows.row(2, named=True)["error"] is None


def test_each_label_is_measured_by_itself() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([2.0, 1.0, 0.02], 3000)
    codes = (rng.random((3000, 1)) > probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
    rows = calibration_by_label(probabilities, codes[:, None] == np.arange(3), replicates=50, min_items=40)
    assert rows.get_column("label_code").to_list() == [0, 1, 2]
    alone = calibration_error(*label_outcomes(probabilities, codes, 1), replicates=50)
    assert rows.row(1, named=True)["error"] == alone.debiased.value
    assert rows.row(0, named=True)["error"] < 0.03
    assert rows.row(2, named=True)["undefined"] == "fewer than 40 items have the label, or have it not"


def test_few_items_are_undefined() -> None:
    found = calibration_error(np.full(19, 0.5), np.zeros(19, dtype=np.bool_))
    assert found.debiased.undefined == "calibration needs 20 items or more"
    assert found.squared is None
    assert reliability(np.empty(0), np.empty(0, dtype=np.bool_)).is_empty()
    empty = calibration_by_group(np.empty(0), np.empty(0, dtype=np.bool_), np.empty(0, dtype=np.int64))
    assert empty.is_empty()
    assert empty.schema["undefined"] == pl.String


def test_misuse_is_refused() -> None:
    p, so = drawn(50, seed=0)
    bad_ps: list[Any] = [p + 1, p * np.nan, p[:, None], so.astype(np.int64)]
    for bad_p in bad_ps:
        with pytest.raises(BadOption, match="p="):
            calibration_error(bad_p, so)
    for bad_outcomes in (so[:10], so.astype(np.int64)):
        with pytest.raises(BadOption, match="outcomes"):
            reliability(p, bad_outcomes)  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(BadOption, match="n_bins"):
        reliability(p, so, n_bins=0)
    with pytest.raises(BadOption, match="replicates"):
        calibration_error(p, so, replicates=-1)
    with pytest.raises(BadOption, match="group_codes"):
        calibration_by_group(p, so, np.zeros(3, dtype=np.int64))
    with pytest.raises(BadOption, match="has_label"):
        calibration_by_label(p[:, None], so)
    even = np.full((2, 2), 0.5)
    with pytest.raises(BadOption, match="a row"):
        top_label(even / 2, np.array([0, 1]))
    with pytest.raises(BadOption, match="label_codes"):
        top_label(even, np.array([0, 2]))
    with pytest.raises(BadOption, match="label_code=2"):
        label_outcomes(even, np.array([0, 1]), 2)
