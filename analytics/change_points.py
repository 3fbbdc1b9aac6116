"""Where a series of shares changed its level: binary segmentation, each change with an interval.

The most likely place of one change of the mean of z is the largest of

    LR(t) = t (n - t) / n * (mean_after - mean_before)^2 / s

s being the long-run variance of the residuals about the two means, sigma^2 (1 + rho) / (1 - rho) for autocorrelation rho of order 1.
A change is kept where LR is over the 1 - level quantile of the largest LR of simulated series of that rho and length, and both sides
are searched again (Vostrikova 1981; Truong et al. 2020, Signal Processing 167). Its interval is the set of t with LR(t) within
-2 ln(1 - sqrt(confidence)) of the largest: for a shift of a Gaussian mean the ratio at the true place has the distribution function
(1 - exp(-x / 2))^2 (Yao 1987, Ann. Statist. 15).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.errors import BadOption
from analytics.frames import FloatArray

MIN_SEGMENT = 5
"""Periods on either side of a change."""
N_PATHS = 1000
_STEPS = 3
_MAX_RHO = 0.9


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change before row `at`; the interval `low` to `high` (rows, both may be where the new level begins); `step` of the mean."""

    at: int
    low: int
    high: int
    step: float
    ratio: float


def change_points(
    values: ArrayLike, *, level: float = 0.05, confidence: float = 0.95, most: int = 5, seed: int = 0
) -> tuple[ChangePoint, ...]:
    """Changes of the mean of a series with about the same spread throughout (such as `Watch.periods["z"]`), by row.

    Args:
        values: (T,) finite.
        level: the chance to find a change in a series without one (for each search).
        confidence: of the interval of each place.
        most: no more changes than this.
        seed: of the simulated limit.

    Raises:
        BadOption: values that are not finite, or a level or confidence outside (0, 1).
    """
    z = np.asarray(values, dtype=np.float64)
    if z.ndim != 1 or not np.isfinite(z).all():
        raise BadOption("values", z.shape, "one row of finite numbers")
    for name, share in (("level", level), ("confidence", confidence)):
        if not 0 < share < 1:
            raise BadOption(name, share, "between 0 and 1")
    found: list[ChangePoint] = []
    waiting = [(0, z.size)]
    while waiting and len(found) < most:
        first, last = waiting.pop(0)
        one = _one(z[first:last], level, confidence, seed)
        if one is not None:
            at = one.at + first
            found.append(ChangePoint(at, one.low + first, one.high + first, one.step, one.ratio))
            waiting += [(first, at), (at, last)]
    return tuple(sorted(found, key=lambda point: point.at))


def _one(z: FloatArray, level: float, confidence: float, seed: int) -> ChangePoint | None:
    if z.size < 4 * MIN_SEGMENT:
        return None
    ratio, rho = _ratios(z[None, :])
    at = int(np.argmax(ratio[0]))
    rng = np.random.default_rng(seed)
    # The correlation is estimated from the series: a lucky low one would make the limit too low.
    noise = rng.standard_normal((N_PATHS, z.size + 20))
    for t in range(1, noise.shape[1]):
        noise[:, t] += rho[0] * noise[:, t - 1]
    limit = float(np.quantile(_ratios(noise[:, 20:])[0].max(axis=1), 1 - level))
    top = float(ratio[0, at])
    if top <= limit:
        return None
    within = np.flatnonzero(ratio[0] >= top + 2 * np.log(1 - np.sqrt(confidence)))
    step = float(z[at:].mean() - z[:at].mean())
    return ChangePoint(at, int(within[0]), int(within[-1]), step, top)


def _ratios(z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(R, T) LR of a change before each place (0 near the ends) and (R,) the autocorrelation about the best change."""
    n = z.shape[1]
    t = np.arange(n, dtype=np.float64)
    total = z.sum(axis=1, keepdims=True)
    before = np.cumsum(z, axis=1) - z  # sum of the rows before t
    inside = (t >= MIN_SEGMENT) & (t <= n - MIN_SEGMENT)
    safe = np.where(inside, t, 1.0)
    gap = (total - before) / np.where(inside, n - t, 1.0) - before / safe
    raw = np.where(inside, safe * (n - t) / n * gap**2, 0.0)
    best = np.maximum(raw.argmax(axis=1), 1)  # without any spread no place is the best
    rows = np.arange(len(z))
    mean_before = before[rows, best] / best
    mean_after = (total[:, 0] - before[rows, best]) / (n - best)
    left = z - np.where(t[None, :] < best[:, None], mean_before[:, None], mean_after[:, None])
    variance = (left**2).sum(axis=1) / (n - 2)
    safe_variance = np.where(variance > 0, variance, 1.0)
    r = (left[:, 1:] * left[:, :-1]).sum(axis=1) / (n - 2) / safe_variance
    rho = np.clip(r + (1 + _STEPS * r) / n, 0.0, _MAX_RHO)
    return raw / (safe_variance * (1 + rho) / (1 - rho))[:, None], rho
