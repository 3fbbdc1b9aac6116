"""Maximum mean discrepancy: the sums of the paper written out, chance that is chance, and a change that no line tells apart."""

from __future__ import annotations

import numpy as np
import pytest

from analytics import mean_discrepancy as module
from analytics.content_drift import content_drift
from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.mean_discrepancy import mean_discrepancy


def windows(
    seed: int, n: int = 120, *, shift: float = 0.0, spread: float = 1.0
) -> tuple[FloatArray, IntArray]:
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.standard_normal((n, 4)), spread * rng.standard_normal((n // 2, 4)) + shift])
    return x, (np.arange(len(x)) >= n).astype(np.int64)


def written_out(x: FloatArray, y: FloatArray, scale: float) -> float:
    """Gretton and others 2012, equation 3, term by term."""

    def k(a: FloatArray, b: FloatArray) -> float:
        return float(np.exp(-((a - b) ** 2).sum() / (2 * scale**2)))

    m, n = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    within_y = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return within_x + within_y - 2 * sum(k(a, b) for a in x for b in y) / (m * n)


def test_it_is_the_sum_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    x, window = windows(0, shift=0.3)
    expected = written_out(x[window == 1], x[window == 0], 1.7)
    found = mean_discrepancy(x, window, bandwidth=1.7, permutations=20)
    assert found.squared.value == pytest.approx(expected, abs=1e-12)
    monkeypatch.setattr(module, "_BLOCK", 700)  # four rows at a time
    in_blocks = mean_discrepancy(x, window, bandwidth=1.7, permutations=20)
    assert in_blocks.squared.value == pytest.approx(expected, abs=1e-12)
    assert in_blocks.p_value == found.p_value


def test_the_bandwidth_is_the_median_distance() -> None:
    x, window = windows(1)
    pairs = np.triu_indices(len(x), 1)
    median = np.median(np.linalg.norm(x[:, None] - x[None, :], axis=2)[pairs])
    assert mean_discrepancy(x, window, permutations=20).bandwidth == pytest.approx(float(median))


def test_the_chance_is_uniform_where_nothing_changed() -> None:
    chances = [
        mean_discrepancy(*windows(seed, 100), permutations=39, seed=seed).p_value for seed in range(200)
    ]
    values = np.array([float(p or 0) for p in chances])
    assert (values <= 0.05).mean() == pytest.approx(0.05, abs=0.04)
    assert values.mean() == pytest.approx(0.5, abs=0.08)


def test_a_change_of_spread_is_seen_where_a_line_sees_nothing() -> None:
    x, window = windows(2, 400, spread=2.0)
    found = mean_discrepancy(x, window)
    assert found.p_value is not None
    assert found.p_value < 0.01
    area = content_drift(x, window).auroc
    assert area.low is not None
    assert area.low < 0.5


def test_what_is_undefined_says_why_and_misuse_is_refused() -> None:
    x, window = windows(3, 60)
    assert (
        mean_discrepancy(x, window * 0).squared.undefined == "a window has 0 items with features; it takes 50"
    )
    assert (
        mean_discrepancy(np.zeros((120, 2)), np.arange(120) % 2).squared.undefined
        == "most items have the same features"
    )
    with pytest.raises(BadOption, match="rows of finite"):
        mean_discrepancy(x[:5], window)
    with pytest.raises(BadOption, match="0 or 1"):
        mean_discrepancy(x, window + 1)
    with pytest.raises(BadOption, match="20 or more"):
        mean_discrepancy(x, window, permutations=5)
    with pytest.raises(BadOption, match="above 0"):
        mean_discrepancy(x, window, bandwidth=0)
