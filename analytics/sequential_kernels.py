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
    innovations: FloatArray, rho: float, season: IntArray, n_reference: int, n_seasons: int, slope: FloatArray,
    offset: FloatArray, allowance: float, n_paths: int, rng: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """(n_paths,) the largest statistic of series without a change, each judged by the baseline of its own reference.

    A series is autoregressive of order 1 with innovations drawn again (a sieve bootstrap: Bühlmann 1997, Bernoulli 3);
    its rho is drawn too, from the normal distribution of its estimate, since too low a one would mean too low a limit.
    `slope`, `offset`: (2, T) steps of the two CUSUMs as slope z + offset; empty for Page–Hinkley with `allowance`.
    """
    length = season.size
    largest = np.zeros(n_paths)
    series = np.empty(length)
    for path in range(n_paths):
        value = 0.0
        drawn = rho + np.sqrt((1 - rho * rho) / n_reference) * rng.standard_normal()
        drawn = min(max(drawn, 0.0), 0.95)
        for t in range(-30, length):
            value = drawn * value + innovations[int(rng.random() * innovations.size)]
            if t >= 0:
                series[t] = value
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
