"""Steps of the sequential tests, one period after the other, and the same over simulated series without a change."""

from __future__ import annotations

import numba
import numpy as np

from analytics.frames import FloatArray, IntArray


@numba.njit(nogil=True, cache=True)
def cusum_path(steps: FloatArray) -> FloatArray:
    """S_t = max(0, S_(t-1) + step_t) (Page 1954)."""
    path, level = np.zeros(steps.size), 0.0
    for t in range(steps.size):
        level = max(0.0, level + steps[t])
        path[t] = level
    return path


@numba.njit(nogil=True, cache=True)
def page_hinkley_path(z: FloatArray, allowance: float, n_before: int) -> FloatArray:
    """m_t = sum (z_i - mean_i - allowance), mean_i of all up to i, `n_before` of mean 0 among them; the path is m_t - min m."""
    path, total, level = np.zeros(z.size), 0.0, 0.0
    for t in range(z.size):
        total += z[t]
        level = max(0.0, level + z[t] - total / (n_before + t + 1) - allowance)
        path[t] = level
    return path


@numba.njit(nogil=True, cache=True)
def standardise(z: FloatArray, season: IntArray, n_reference: int, n_seasons: int) -> FloatArray:
    """The series with the seasons' means of the reference taken out, over the reference's root mean square."""
    total, count = np.zeros(n_seasons), np.zeros(n_seasons)
    for t in range(n_reference):
        total[season[t]] += z[t]
        count[season[t]] += 1
    out = np.empty(z.size)
    for t in range(z.size):
        s = season[t]
        out[t] = z[t] - (total[s] / count[s] if count[s] > 0 else 0.0)
    square = 0.0
    for t in range(n_reference):
        square += out[t] * out[t]
    scale = np.sqrt(square / max(n_reference - n_seasons, 1))
    return out / scale if scale > 0 else out


@numba.njit(nogil=True, cache=True)
def largest_without_change(  # noqa: PLR0917 - a compiled function has no keyword-only options
    shape: FloatArray, rho: FloatArray, share: FloatArray, season: IntArray, n_reference: int, n_seasons: int,
    slope: FloatArray, offset: FloatArray, allowance: float, rng: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """(paths,) the largest statistic of series without a change, each judged by the baseline of its own reference.

    Series p has variance 1: share[p] of it a Gaussian autoregression of correlation rho[p], the rest drawn again from `shape`,
    the standardised values of the reference.
    `slope`, `offset`: (2, T) steps of the two CUSUMs as slope z + offset; empty for Page–Hinkley with `allowance`.
    """
    length = season.size
    largest = np.zeros(rho.size)
    series = np.empty(length)
    for path in range(rho.size):
        hangs, left = np.sqrt(share[path]), np.sqrt(1 - share[path])
        step = np.sqrt(1 - rho[path] * rho[path])
        value = rng.standard_normal()
        for t in range(length):
            noise = left * shape[int(rng.random() * shape.size)]
            if hangs > 0:
                value = rho[path] * value + step * rng.standard_normal()
                noise += hangs * value
            series[t] = noise
        z = standardise(series, season, n_reference, n_seasons)[n_reference:]
        top = 0.0
        if slope.size:
            for side in range(2):
                top = max(top, cusum_path(slope[side] * z + offset[side]).max())
        else:
            top = max(
                page_hinkley_path(z, allowance, n_reference).max(),
                page_hinkley_path(-z, allowance, n_reference).max(),
            )
        largest[path] = top
    return largest
