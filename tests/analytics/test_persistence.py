"""How a series hangs together: without bias from 90 days, through the noise of counts, and open where it is open."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.frames import FloatArray
from analytics.persistence import RHO, persistence

N = 90
SEASON = np.arange(N) % 7


def drawn(rng: np.random.Generator, rho: float, share: float) -> FloatArray:
    """An autoregression and noise, the means of the days of the week taken out."""
    u = np.empty(N)
    value = rng.standard_normal()
    for t in range(N):
        value = rho * value + np.sqrt(1 - rho**2) * rng.standard_normal()
        u[t] = value
    z = np.sqrt(share) * u + np.sqrt(1 - share) * rng.standard_normal(N)
    means = np.bincount(SEASON, z, 7) / np.bincount(SEASON, minlength=7)
    return np.asarray(z - means[SEASON])


@pytest.mark.parametrize(("rho", "share"), [(0.6, 0.8), (0.3, 0.8)])
def test_the_first_lag_is_found_and_so_is_how_slowly_it_dies_away(rho: float, share: float) -> None:
    """An autoregression fitted to z itself would take 0.48 for rho where 0.6 of 0.8 hangs together, and wait too short."""
    rng = np.random.default_rng(0)
    found, own = [], []
    for _ in range(60):
        seen = persistence(drawn(rng, rho, share), SEASON, 7, 5.0)
        found.append(seen.first_lag)
        own.append(float(seen.weight.sum(axis=1) @ seen.rho))
    assert np.mean(found) == pytest.approx(rho * share, abs=0.07)
    assert np.mean(own) > rho * share - 0.01


def test_noise_of_counts_alone_leaves_nothing_to_hang_together() -> None:
    z = drawn(np.random.default_rng(1), 0.9, 0.9)
    found = persistence(z, SEASON, 7, 0.5)
    assert found.first_lag == 0.0
    assert found.share.max() == 0.0


def test_the_weight_is_the_prior_by_the_likelihood_that_is_that_of_the_normal_distribution_given_the_means() -> (
    None
):
    """Against the density of contrasts that are free of the means, written out (Harville 1974)."""
    from scipy.linalg import null_space
    from scipy.stats import multivariate_normal

    z = drawn(np.random.default_rng(2), 0.5, 0.7)
    found = persistence(z, SEASON, 7, 3.0)
    free = null_space((SEASON[:, None] == np.arange(7)[None, :]).astype(float).T)
    apart = np.abs(np.arange(N)[:, None] - np.arange(N)[None, :])

    def density(place: int, other: int) -> float:
        s = found.share[other]
        v = free.T @ (s * RHO[place] ** apart + (1 - s) * np.eye(N)) @ free
        y = free.T @ z
        scale = y @ np.linalg.solve(v, y) / len(y)
        return float(multivariate_normal(cov=scale * v).logpdf(y)) - 0.5 * float(np.log(1 - RHO[place] ** 2))

    pairs = [(4, 3), (12, 8), (19, 5), (0, 0)]
    ours = [np.log(found.weight[pair]) - np.log(found.weight[10, 6]) for pair in pairs]
    theirs = [density(*pair) - density(10, 6) for pair in pairs]
    assert ours == pytest.approx(theirs, abs=1e-8)


def test_draws_are_in_proportion_to_the_weights() -> None:
    found = persistence(drawn(np.random.default_rng(3), 0.6, 0.8), SEASON, 7, 5.0)
    assert found.weight.sum() == pytest.approx(1)
    rho, share = found.draw(20_000, np.random.default_rng(0))
    assert np.mean(rho * share) == pytest.approx(found.first_lag, abs=0.01)
    assert set(rho) <= set(RHO)


def test_a_series_without_spread_hangs_in_nothing() -> None:
    assert persistence(np.zeros(40), np.zeros(40, dtype=np.int64), 1, 1.0).first_lag == 0.0
