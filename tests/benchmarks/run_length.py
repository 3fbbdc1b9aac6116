"""How long the sequential tests stay quiet without a change, and how soon they find one, on series that they are made for.

    python -m tests.benchmarks.run_length [--series 400]

Shares of a label by day: logits that hang together from day to day (an autoregression of order 1), counts that spread more than
a binomial, weekends of another level and size. 90 days are the reference, then 370 are watched; the change, where there is
one, is there from the first watched day. Nothing of the generator is known to the test. Printed as a table for `docs/drift.md`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from analytics.sequential import watch

REFERENCE, WATCHED = 90, 370


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. `quiet`: mean days to the alarm, those without one counted as WATCHED; `within`: share that alarmed."""

    chart: str
    rho: float
    spread: float
    change: float
    quiet: float
    within: float


def series(seed: int, *, rho: float, spread: float, change: float) -> pl.DataFrame:
    """Counts by day. `spread`: standard deviation of the day's logit; `change`: added to the share after the reference."""
    rng = np.random.default_rng(seed)
    days = REFERENCE + WATCHED
    level, logit = 0.0, np.empty(days)
    for day in range(days):
        level = rho * level + spread * np.sqrt(1 - rho**2) * rng.standard_normal()
        logit[day] = level
    season = np.arange(days) % 7
    n = rng.poisson(np.where(season < 5, 300, 120))
    share = 1 / (1 + np.exp(-(logit - 0.8 + 0.3 * (season >= 5))))
    share = np.clip(share + change * (np.arange(days) >= REFERENCE), 0.001, 0.999)
    return pl.DataFrame(
        {"period": np.arange(days), "k": rng.binomial(n, share), "n": n, "season_code": season}
    )


def measured(
    chart: Literal["cusum", "page-hinkley"], n_series: int, *, rho: float, spread: float, change: float
) -> Row:
    """Run lengths over `n_series` series."""
    waits = []
    for seed in range(n_series):
        seen = watch(
            series(seed, rho=rho, spread=spread, change=change),
            n_reference=REFERENCE,
            chart=chart,
            n_paths=300,
        )
        at = WATCHED if seen.alarm_at is None else int(str(seen.alarm_at)) - REFERENCE + 1
        waits.append((at, seen.alarm_at is not None))
    return Row(
        chart,
        rho,
        spread,
        change,
        float(np.mean([w[0] for w in waits])),
        float(np.mean([w[1] for w in waits])),
    )


def main(n_series: int) -> list[Row]:
    """Measure and print the table."""
    print("| test | rho | spread of the logit | change | mean days to an alarm | alarmed within 370 days |")
    print("|---|---|---|---|---|---|")
    rows = []
    for chart in ("cusum", "page-hinkley"):
        for rho, spread in ((0.0, 0.0), (0.0, 0.3), (0.3, 0.3), (0.6, 0.3)):
            for change in (0.0, 0.05, 0.1):
                row = measured(chart, n_series, rho=rho, spread=spread, change=change)
                rows.append(row)
                print(
                    f"| {chart} | {rho:g} | {spread:g} | {change:g} | {row.quiet:.0f} | {row.within:.0%} |",
                    flush=True,
                )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--series", type=int, default=400, help="series for each line")
    main(parser.parse_args().series)
