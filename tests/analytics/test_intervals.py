from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control

from analytics.errors import BadOption
from analytics.frames import Patterns
from analytics.intervals import (
    benjamini_hochberg,
    percentile_interval,
    resampled_weights,
    wilson,
    wilson_bounds,
    wilson_of_clusters,
)
from tests.published import (
    BENJAMINI_HOCHBERG_1995,
    BENJAMINI_HOCHBERG_1995_BONFERRONI,
    BENJAMINI_HOCHBERG_1995_REJECTED,
)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_is_scipys(counts: tuple[int, int], confidence: float) -> None:
    successes, n = counts
    share = wilson(successes, n, confidence=confidence)
    expected = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert (share.value, share.n) == (successes / n, n)


def test_wilson_of_nothing_is_undefined() -> None:
    assert wilson(0, 0, n_unit="annotations").undefined == "there are no annotations"
    low, high = wilson_bounds([0, 3, 0], [0, 3, 5])
    assert np.isnan([low[0], high[0]]).all()
    assert (high[1], low[2]) == (1.0, 0.0)


def test_clusters_of_one_case_are_cases() -> None:
    group = np.repeat([0, 1, 2], [20, 7, 5])
    hit = np.concatenate([np.arange(20) < 14, np.arange(7) < 7, np.arange(5) < 0]).astype(int)
    found = wilson_of_clusters(group, hit, np.ones(32), 4)
    expected = wilson_bounds([14, 7, 0, 0], [20, 7, 5, 0])
    for ends, known in zip(found, expected, strict=True):
        assert ends == pytest.approx(known, abs=1e-12, nan_ok=True)


def test_clusters_by_hand() -> None:
    """Four items of 2, 2, 3 and 3 labels, of which 2, 0, 3 and 1 were accepted: p = 0.6, gaps 0.8, -1.2, 1.2, -0.8."""
    variance = 4 / 3 * (2 * 0.8**2 + 2 * 1.2**2) / 10**2
    counted = 0.24 / variance * (1.9599639845400545 / 3.182446305284263) ** 2  # t of 3 degrees of freedom
    low, high = wilson_of_clusters(np.zeros(4, dtype=np.int64), [2, 0, 3, 1], [2, 2, 3, 3], 1)
    expected = wilson_bounds([0.6 * counted], [counted])
    assert (low[0], high[0]) == pytest.approx((expected[0][0], expected[1][0]), abs=1e-9)


def test_clusters_without_spread() -> None:
    """All accepted, none, or one cluster: as many as there are clusters. Each half accepted: as many as there are cases."""
    group = np.repeat([0, 1, 2, 3], [6, 6, 1, 6])
    s = np.concatenate([np.full(6, 4), np.zeros(6), [3], np.full(6, 2)])
    low, high = wilson_of_clusters(group, s, np.full(19, 4), 4)
    expected = wilson_bounds([6, 0, 0.75, 12], [6, 6, 1, 24])
    assert low == pytest.approx(expected[0])
    assert high == pytest.approx(expected[1])


def test_clusters_cover_where_single_cases_would_not() -> None:
    """Twenty items of one to five labels that go together (beta-binomial, correlation 0.8), 70 % of them accepted."""
    rng = np.random.default_rng(1)
    times, m, p, rho = 1000, 20, 0.7, 0.8
    chance = rng.beta(p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho, size=(times, m))
    n = rng.integers(1, 6, size=(times, m))
    s = rng.binomial(n, chance)
    low, high = wilson_of_clusters(np.repeat(np.arange(times), m), s.ravel(), n.ravel(), times)
    plain_low, plain_high = wilson_bounds(s.sum(axis=1), n.sum(axis=1))
    assert ((plain_low <= p) & (p <= plain_high)).mean() < 0.8
    assert 0.92 < ((low <= p) & (p <= high)).mean() < 0.98


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(BadOption, match="successes"):
        wilson(successes, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_a_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(BadOption, match="confidence"):
        wilson(1, 2, confidence=confidence)


def test_benjamini_and_hochberg_reject_what_they_print() -> None:
    p = np.array(BENJAMINI_HOCHBERG_1995)
    assert (benjamini_hochberg(p) <= 0.05).sum() == BENJAMINI_HOCHBERG_1995_REJECTED
    assert (p <= 0.05 / p.size).sum() == BENJAMINI_HOCHBERG_1995_BONFERRONI


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_is_scipys(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values))


def test_benjamini_hochberg_takes_p_values_only() -> None:
    assert benjamini_hochberg([]).size == 0
    for wrong in ([1.2], [-0.1], [float("nan")]):
        with pytest.raises(BadOption, match="p_values"):
            benjamini_hochberg(wrong)


def test_no_interval_is_claimed_from_replicates_that_cannot_give_one() -> None:
    few_undefined = np.concatenate([np.linspace(0, 1, 96), [np.nan] * 4])
    many_undefined = np.concatenate([np.linspace(0, 1, 94), [np.nan] * 6])
    assert percentile_interval(few_undefined, 0.9) == pytest.approx((0.05, 0.95))
    assert percentile_interval(many_undefined, 0.9) is None
    assert percentile_interval(np.full(100, 0.7), 0.9) is None
    assert percentile_interval(np.zeros(0), 0.9) is None


@pytest.mark.parametrize("n_items", [(40, 1000, 160), (1, 5, 2, 1, 3), (9000, 70, *[2] * 160)])
def test_weights_have_the_moments_of_resampled_items(n_items: tuple[int, ...]) -> None:
    """Multinomial: mean n_p, variance n_p (1 - n_p / I); every way of drawing (many items a pattern, few, both)."""
    patterns = Patterns(np.eye(len(n_items)), np.array(n_items))
    total = sum(n_items)
    weights = np.concatenate(list(resampled_weights(patterns, 20_000, 3)))
    assert weights.shape == (20_000, len(n_items))
    assert (weights.sum(axis=1) == total).all()
    mean = np.array(n_items, dtype=float)
    variance = mean * (1 - mean / total)
    error = np.sqrt(variance / 20_000)
    assert np.abs(weights.mean(axis=0) - mean).max() < 5 * error.max()
    assert weights.var(axis=0) == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize("n_items", [(40, 1000, 160), (1, 5, 2, 1, 3), (9000, 70, *[2] * 160)])
def test_chunks_do_not_change_the_draws(n_items: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    patterns = Patterns(np.eye(len(n_items)), np.array(n_items))
    whole = np.concatenate(list(resampled_weights(patterns, 50, 1)))
    monkeypatch.setattr("analytics.intervals.MAX_WEIGHTS", 7 * len(n_items))
    chunks = list(resampled_weights(patterns, 50, 1))
    assert len(chunks) == 8
    assert np.array_equal(np.concatenate(chunks), whole)
