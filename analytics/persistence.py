"""How much of a series' spread hangs together from one period to the next, and how uncertain that is, from few periods.

Standardised shares of a label z are taken for u + e: u an autoregression of order 1 (correlation rho, the share s of the variance),
e without correlation. An autoregression fitted to z itself would be wrong twice: the counts' own noise is never correlated, so the
correlation of z dies away more slowly than that of its first lag says, and the estimate from a short series whose means were taken
out is too low (Kendall 1954, Biometrika 41). Here the restricted likelihood of (rho, s) is worked out on a grid, with the seasons'
means as fixed effects and the scale profiled out (Patterson & Thompson 1971, Biometrika 58: its estimates do not have that bias), and
pairs are drawn in proportion to it and to 1 / sqrt(1 - rho^2), the prior that a long series forgets and a short one needs (Berger
& Yang 1994, Econometric Theory 10): a limit from such draws carries what the series leaves open. s is at most what the counts
leave: 1 - 1 / phi of the over-dispersion phi, at the upper end of its 95 % interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from analytics.frames import FloatArray, IntArray

RHO = np.arange(20) / 20
"""Correlations tried: 0 to 0.95."""
N_SHARES = 9
MOST_PERIODS = 150
"""Of a longer series the newest count."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """`weight` (R, S) of each pair of `rho` (R,) and `share` (S,), summing to 1."""

    rho: FloatArray
    share: FloatArray
    weight: FloatArray

    @property
    def first_lag(self) -> float:
        """The mean of rho s: how the series correlates with itself a period later."""
        return float((self.weight * np.outer(self.rho, self.share)).sum())

    def draw(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """(n,) correlations and shares."""
        at = rng.choice(self.weight.size, n, p=self.weight.ravel())
        return self.rho[at // self.share.size], self.share[at % self.share.size]


def persistence(z: FloatArray, season: IntArray, n_seasons: int, phi: float) -> Persistence:
    """Of a series z (T,) whose seasons' means were taken out, with over-dispersion `phi` of its counts."""
    from scipy.special import chdtri
    from threadpoolctl import threadpool_limits

    z, season = z[-MOST_PERIODS:], season[-MOST_PERIODS:]
    used = np.unique(season)
    freedom = z.size - used.size
    if freedom < 2 or not z.any():
        return Persistence(np.zeros(1), np.zeros(1), np.ones((1, 1)))
    upper = phi * freedom / float(chdtri(freedom, 0.975))
    share = np.linspace(0.0, max(1 - 1 / upper, 0.0), N_SHARES)
    levels = (season[:, None] == used[None, :]).astype(np.float64)
    with threadpool_limits(1):  # many small matrices: threads only get in each other's way
        found = np.array(
            [_restricted(z, levels, share, *_correlation(z.size, place)) for place in range(RHO.size)]
        )
    weight = np.exp(found - found.max()) / np.sqrt(1 - RHO**2)[:, None]
    return Persistence(RHO, share, weight / weight.sum())


@lru_cache(maxsize=256)
def _correlation(n: int, place: int) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues and vectors of an autoregression's correlations."""
    apart = np.abs(np.arange(n)[:, None] - np.arange(n)[None, :])
    values, vectors = np.linalg.eigh(RHO[place] ** apart)
    return values, vectors


def _restricted(
    z: FloatArray, levels: FloatArray, share: FloatArray, values: FloatArray, vectors: FloatArray
) -> FloatArray:
    """(S,) log restricted likelihoods."""
    x, y = vectors.T @ levels, vectors.T @ z
    out = np.empty(share.size)
    for place, s in enumerate(share):
        precision = 1 / (s * values + 1 - s)
        gram = (x * precision[:, None]).T @ x
        right = (x * precision[:, None]).T @ y
        square = float(precision @ y**2 - right @ np.linalg.solve(gram, right))
        sign_free = float(np.linalg.slogdet(gram)[1])
        out[place] = -0.5 * ((z.size - len(gram)) * np.log(square) - np.log(precision).sum() + sign_free)
    return out
