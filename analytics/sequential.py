"""Sequential tests of a share over time: CUSUM and Page–Hinkley, with limits that keep false alarms rare.

k_t of n_t annotations have the label in period t. The first periods are the reference: its rate p, one for each season (such as
the day of the week), and its spread. Pearson residuals z_t = (k_t - n_t p_t) / sqrt(n_t p_t q_t) have the variance phi > 1 where
counts are over-dispersed, and hang together from period to period. The CUSUM sums the log-likelihood ratio of a rate shifted by
`shift` against p, over phi (quasi-likelihood), and starts anew under 0 (Page 1954, Biometrika 41):

    S_t = max(0, S_(t-1) + [k_t ln(p1/p0) + (n_t - k_t) ln(q1/q0)] / phi)

one for each direction.

Page–Hinkley (Hinkley 1971, Biometrika 58) sums z less its running mean (from the reference on) and an allowance, so it sees
jumps better than slow growth. Textbook limits hold for independent counts of known rate; here they would raise alarms much too
often. The limit is simulated: series that hang together as the reference may (drawn from what it leaves open: `persistence`) and
spread as it does, each with a baseline estimated as the real one was. It is set so that 1 - 1/e = 63 % of series without change
alarm within `run_length` periods, as for geometric waiting times of that mean; the mean is then not shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from analytics.errors import BadOption, MissingColumn
from analytics.frames import FloatArray, IntArray, dense_codes
from analytics.persistence import persistence
from analytics.sequential_kernels import (
    cusum_path,
    largest_without_change,
    page_hinkley_path,
    standardise,
)

Chart = Literal["cusum", "page-hinkley"]
MIN_PERIODS = 20
"""Periods with annotations that a reference needs before anything can be called unusual."""
MIN_CYCLES = 3
"""Each season is in the reference so often, or seasons are not taken out."""
ALLOWANCE = 0.5
"""Standard deviations that Page–Hinkley forgives in each period (half of a shift of one)."""
N_PATHS = 2000


@dataclass(frozen=True, slots=True)
class Watch:
    """What a sequential test says of a series.

    Attributes:
        periods: period, rate, expected, low, high (two standard deviations about expected, over-dispersion counted), n, z,
            up, down (the statistics), alarm (over the limit); the periods after the reference have up, down and alarm, others null.
        limit: of the statistics; None where undefined.
        alarm_at: the first period over the limit.
        direction: "up", "down", or "" without an alarm.
        began_at: the period after the last one in which the statistic was 0: where the shift seems to begin.
        dispersion: phi. rho: autocorrelation of order 1 (`Persistence.first_lag`). seasonal: whether seasons were taken out.
        undefined: why nothing is watched.
    """

    periods: pl.DataFrame
    limit: float | None
    alarm_at: object | None
    direction: str
    began_at: object | None
    dispersion: float
    rho: float
    seasonal: bool
    undefined: str | None = None


def watch(
    counts: pl.DataFrame,
    *,
    n_reference: int,
    chart: Chart = "cusum",
    shift: float = 0.05,
    run_length: int = 370,
    n_series: int = 1,
    n_paths: int = N_PATHS,
    seed: int = 0,
) -> Watch:
    """Watch a share period by period.

    Args:
        counts: period (sorted, distinct), k, n, and optionally season_code, and expected (the share that the reference makes
            one expect, such as of `week_hours`, in place of its seasons'); periods with n 0 are left out.
        n_reference: how many of the first rows are the reference.
        chart: which statistic.
        shift: the change of the share that CUSUM is tuned to find soonest, in rate points; Page–Hinkley takes none.
        run_length: periods without change until a false alarm, on average.
        n_series: how many such series this one was picked from, such as the labels of a set: the promise holds for all of them
            together (each alarms with a chance of 1 - exp(-1 / n_series) within `run_length` periods).
        n_paths: simulated series for the limit.
        seed: the same seed gives the same limit.

    Raises:
        MissingColumn: period, k or n is not there.
        BadOption: an unknown chart, a shift outside (0, 1), a run length under 10, fewer than one series.
    """
    _check(counts, chart, shift, run_length, n_series)
    used = counts.with_row_index("at").filter(pl.col("n") > 0)
    n_ref = int((used["at"] < n_reference).sum())
    k, n = (used[name].cast(pl.Float64).to_numpy() for name in ("k", "n"))
    if n_ref < MIN_PERIODS:
        return _undefined(used, f"the reference has {n_ref} periods with annotations; it takes {MIN_PERIODS}")
    overall = k[:n_ref].sum() / n[:n_ref].sum()
    if overall in (0.0, 1.0):
        return _undefined(used, "in the reference the label was given to all or to none")
    season, n_seasons = _seasons(used, n_ref)
    least = 0.5 / n[:n_ref].sum()
    p = np.clip(_expected(used, k, n, season, n_ref), least, 1 - least)
    pearson = (k - n * p) / np.sqrt(n * p * (1 - p))
    z = standardise(pearson, season, n_ref, n_seasons)
    phi = max(float(np.sum(pearson[:n_ref] ** 2)) / max(n_ref - n_seasons, 1), 1.0)
    hangs = persistence(z[:n_ref], season[:n_ref], n_seasons, phi)
    rng = np.random.default_rng(seed)
    rho, share = hangs.draw(n_paths, rng)
    shape = z[:n_ref] - z[:n_ref].mean()
    slope, offset = _llr(n, p, phi, shift) if chart == "cusum" else (np.zeros((0, 0)), np.zeros((0, 0)))
    later = np.arange(run_length) % n_ref  # sizes and seasons of days to come are those of the reference
    largest = largest_without_change(
        shape / max(float(np.sqrt(np.mean(shape**2))), 1e-12), rho, share,
        np.concatenate([season[:n_ref], season[later]]), n_ref, n_seasons,
        np.ascontiguousarray(slope[:, later]) if slope.size else slope,
        np.ascontiguousarray(offset[:, later]) if slope.size else offset, ALLOWANCE, rng,
    )  # fmt: skip
    limit = float(np.quantile(largest, np.exp(-1 / n_series)))
    new = z[n_ref:]
    if chart == "cusum":
        up, down = (cusum_path(slope[side, n_ref:] * new + offset[side, n_ref:]) for side in (0, 1))
    else:
        up, down = (page_hinkley_path(sign * new, ALLOWANCE, n_ref) for sign in (1, -1))
    return _told(used, n_ref, p, z, (up, down), (limit, phi, hangs.first_lag, n_seasons > 1))


def _expected(used: pl.DataFrame, k: FloatArray, n: FloatArray, season: IntArray, n_ref: int) -> FloatArray:
    """(T,) the share to expect: as given, or the season's in the reference."""
    if "expected" in used.columns:
        return used["expected"].cast(pl.Float64).to_numpy()
    n_seasons = int(season.max()) + 1
    hits, all_of = (np.bincount(season[:n_ref], one[:n_ref], n_seasons) for one in (k, n))
    return np.asarray((hits / np.maximum(all_of, 1))[season])


def _check(counts: pl.DataFrame, chart: str, shift: float, run_length: int, n_series: int) -> None:
    missing = [name for name in ("period", "k", "n") if name not in counts.columns]
    if missing:
        raise MissingColumn("counts", missing, counts.columns)
    if chart not in ("cusum", "page-hinkley"):
        raise BadOption("chart", chart, ("cusum", "page-hinkley"))
    if not 0 < shift < 1:
        raise BadOption("shift", shift, "between 0 and 1, such as 0.05")
    if n_series < 1:
        raise BadOption("n_series", n_series, "1 or more")
    if run_length < 10:
        raise BadOption("run_length", run_length, "10 periods or more")


def _seasons(used: pl.DataFrame, n_ref: int) -> tuple[IntArray, int]:
    """Season codes and how many; all 0 where the reference does not have each season often enough."""
    nothing = np.zeros(used.height, dtype=np.int64)
    if "season_code" not in used.columns:
        return nothing, 1
    known, codes = dense_codes(used["season_code"])
    often = np.bincount(codes[:n_ref], minlength=known.size).min() >= MIN_CYCLES
    return (codes, known.size) if often else (nothing, 1)


def _llr(n: FloatArray, p: FloatArray, phi: float, shift: float) -> tuple[FloatArray, FloatArray]:
    """(2, T) slope and offset of the log-likelihood ratio as a line in z, for a shift up and one down."""
    q = 1 - p
    sides = []
    for p1 in (np.minimum(p + shift, (1 + p) / 2), np.maximum(p - shift, p / 2)):
        more, less = np.log(p1 / p), np.log((1 - p1) / q)
        sides.append((np.sqrt(n * p * q / phi) * (more - less), n * (p * more + q * less) / phi))
    return np.stack([side[0] for side in sides]), np.stack([side[1] for side in sides])


def _told(
    used: pl.DataFrame, n_ref: int, p: FloatArray, z: FloatArray, paths: tuple[FloatArray, FloatArray],
    known: tuple[float, float, float, bool],
) -> Watch:  # fmt: skip
    limit, phi, rho, seasonal = known
    both = np.stack(paths)
    over = np.flatnonzero(both.max(axis=0) > limit)
    periods = used["period"]
    alarm_at, began_at, direction = None, None, ""
    if over.size:
        side = int(both[1, over[0]] > both[0, over[0]])
        direction = ("up", "down")[side]
        quiet = np.flatnonzero(both[side, : over[0]] <= 0)
        alarm_at = periods[n_ref + int(over[0])]
        began_at = periods[n_ref + (int(quiet[-1]) + 1 if quiet.size else 0)]
    half = 2 * np.sqrt(phi * p * (1 - p) / used["n"].cast(pl.Float64).to_numpy())
    empty = pl.Series([None] * n_ref, dtype=pl.Float64)
    table = used.select(
        "period", rate=pl.col("k") / pl.col("n"), expected=pl.Series(p), low=pl.Series(np.maximum(p - half, 0.0)),
        high=pl.Series(np.minimum(p + half, 1.0)), n=pl.col("n").cast(pl.Int64), z=pl.Series(z),
        up=pl.concat([empty, pl.Series(paths[0], dtype=pl.Float64)]),
        down=pl.concat([empty, pl.Series(paths[1], dtype=pl.Float64)]),
    ).with_columns(alarm=pl.max_horizontal("up", "down") > limit)  # fmt: skip
    return Watch(table, limit, alarm_at, direction, began_at, phi, rho, seasonal)


def _undefined(used: pl.DataFrame, reason: str) -> Watch:
    nothing = pl.lit(None, dtype=pl.Float64)
    table = used.select(
        "period", rate=pl.col("k") / pl.col("n"), expected=nothing, low=nothing, high=nothing,
        n=pl.col("n").cast(pl.Int64), z=nothing, up=nothing, down=nothing, alarm=pl.lit(None, dtype=pl.Boolean),
    )  # fmt: skip
    return Watch(table, None, None, "", None, 1.0, 0.0, False, reason)
