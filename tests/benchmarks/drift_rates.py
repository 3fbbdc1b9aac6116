"""How often the split of a change finds what was planted, and reports what was not, over many simulated crowds.

    python -m tests.benchmarks.drift_rates [--crowds 200] [--replicates 100]

The crowds are those of the tests (`tests/analytics/test_rate_change.py`): two windows of 2,000 annotations by 40 annotators, items
of two kinds. A part is reported where its 95 % interval leaves out 0. Printed as a table for `docs/drift.md`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from analytics.rate_change import rate_change
from tests.analytics.test_rate_change import crowd

N = 2000
SCENES: tuple[tuple[str, dict[str, object], dict[str, float]], ...] = (
    ("nothing", {}, {}),
    ("items", {"mix": 0.8}, {"items": 0.12}),
    ("annotators", {"strict_share": 0.9}, {"annotators": 0.08}),
    ("behaviour", {"behaviour": 0.1}, {"behaviour": 0.1}),
    ("guideline, staggered", {"guideline": "staggered", "effect": 0.2}, {"guideline": 0.07}),
    (
        "all four",
        {"mix": 0.8, "strict_share": 0.9, "behaviour": -0.1, "guideline": "staggered", "effect": 0.2},
        {"items": 0.12, "annotators": 0.08, "guideline": 0.07, "behaviour": -0.1},
    ),
    ("guideline, for all at once", {"guideline": "at once", "effect": 0.15}, {"guideline+behaviour": 0.15}),
    ("other people, other items", {"panels": "disjoint", "mix": 0.8}, {}),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: of `crowds` crowds, how often the part was reported, and how often its interval held what was planted."""

    scene: str
    part: str
    planted: float
    reported: float
    held: float
    mean: float


def measured(n_crowds: int, replicates: int) -> list[Row]:
    """Every scene with every part that it has; a scene without parts has one line, `undefined`."""
    rows = []
    for scene, options, planted in SCENES:
        seen: dict[str, list[tuple[float, float, float]]] = {}
        for seed in range(n_crowds):
            found = rate_change(crowd(seed=seed, n=N, **options), replicates=replicates, seed=seed)  # type: ignore[arg-type]  # of one scene
            if found.undefined is not None:
                seen.setdefault("undefined", []).append((0.0, -1.0, 1.0))
            for part in found.parts:
                estimate = part.estimate
                if estimate.value is not None and estimate.low is not None and estimate.high is not None:
                    name = "+".join(part.factors)
                    seen.setdefault(name, []).append((estimate.value, estimate.low, estimate.high))
        for name, values in seen.items():
            table = np.array(values)
            size = planted.get(name, 0.0)
            rows.append(
                Row(
                    scene,
                    name,
                    size,
                    float(((table[:, 1] > 0) | (table[:, 2] < 0)).sum() / n_crowds),
                    float(((table[:, 1] <= size) & (size <= table[:, 2])).mean()),
                    float(table[:, 0].mean()),
                )
            )
            one = rows[-1]
            print(
                f"| {scene} | {name} | {size:+.2f} | {one.mean:+.3f} | {one.reported:.0%} | {one.held:.0%} |",
                flush=True,
            )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--crowds", type=int, default=200, help="crowds for each scene")
    parser.add_argument("--replicates", type=int, default=100, help="of the bootstrap")
    chosen = parser.parse_args()
    print("| planted | part | planted size | mean found | reported | interval held it |")
    print("|---|---|---|---|---|---|")
    measured(chosen.crowds, chosen.replicates)
