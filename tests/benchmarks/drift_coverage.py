"""How often the intervals of a change of agreement, pace and a model's sureness hold what was planted, over many simulated crowds.

    python -m tests.benchmarks.drift_coverage [--crowds 200]

Agreement: 600 items in each window, 3 of 30 annotators each, who are right in 60 to 95 % of the cases, of 3 labels; planted, all are
right less often in the window. What alpha should be is worked out from their accuracies. Pace: 30 annotators with 40 times in each window,
each with a pace and a change of their own. Sureness: 500 items in each window. *Reported*: the interval leaves out 0 (of paces 1).
Printed as a table for `docs/drift.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.frames import FloatArray
from analytics.krippendorff import alpha
from analytics.results import Estimate
from analytics.window_changes import difference, mean_change, pace_change

N_LABELS, N_ITEMS, N_PEOPLE, PER_ITEM = 3, 600, 30, 3


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: of the crowds, the mean figure, how often its interval held what was planted, and was reported."""

    figure: str
    planted: str
    mean: float
    held: float
    reported: float


def agreement(rng: np.random.Generator, drop: float) -> tuple[Estimate, float]:
    """The change of alpha where everybody's accuracy drops, and what it should be."""
    right = rng.uniform(0.6, 0.95, N_PEOPLE)
    found, should = [], []
    for accuracy in (right, right - drop):
        truth = rng.integers(0, N_LABELS, N_ITEMS)
        person = np.argsort(rng.random((N_ITEMS, N_PEOPLE)), axis=1)[:, :PER_ITEM]
        wrong = (truth[:, None] + rng.integers(1, N_LABELS, person.shape)) % N_LABELS
        label = np.where(rng.random(person.shape) < accuracy[person], truth[:, None], wrong)
        votes = pl.DataFrame({
            "item_code": np.repeat(np.arange(N_ITEMS), PER_ITEM), "annotator_code": person.ravel(), "label_code": label.ravel(),
        })  # fmt: skip
        found.append(
            alpha(votes, level="nominal", n_labels=N_LABELS, replicates=200, seed=int(rng.integers(1 << 30)))
        )
        should.append(1 - (1 - _same(accuracy)) / (1 - 1 / N_LABELS))
    return difference(found[0], found[1]), should[1] - should[0]


def _same(accuracy: FloatArray) -> float:
    """The chance that two different annotators say the same."""
    both = np.outer(accuracy, accuracy) + np.outer(1 - accuracy, 1 - accuracy) / (N_LABELS - 1)
    return float((both.sum() - np.trace(both)) / (both.size - len(both)))


def pace(rng: np.random.Generator, factor: float) -> tuple[Estimate, float]:
    """The change of pace where everybody's times are multiplied by `factor` and something of their own."""
    person = np.repeat(np.arange(N_PEOPLE), 80)
    window = np.tile(np.repeat([0, 1], 40), N_PEOPLE)
    moved = np.log(factor) + rng.normal(0, 0.15, N_PEOPLE)
    logs = rng.normal(2, 0.5, N_PEOPLE)[person] + window * moved[person] + rng.normal(0, 0.6, person.size)
    frame = pl.DataFrame({"annotator_code": person, "window": window, "active_seconds": np.exp(logs)})
    return pace_change(frame), factor


def sureness(rng: np.random.Generator, drop: float) -> tuple[Estimate, float]:
    """The change of the mean sureness, of a skewed distribution."""
    before, after = rng.beta(9, 1, 500), rng.beta(9, 1, 500)
    return mean_change(before, np.asarray(after - drop)), -drop


SCENES: tuple[tuple[str, str, Callable[[np.random.Generator, float], tuple[Estimate, float]], float, float], ...] = (
    ("drift_agreement", "nothing", agreement, 0.0, 0.0),
    ("drift_agreement", "everybody right 6 points less often", agreement, 0.06, 0.0),
    ("drift_pace", "nothing", pace, 1.0, 1.0),
    ("drift_pace", "times 0.8", pace, 0.8, 1.0),
    ("drift_confidence", "nothing", sureness, 0.0, 0.0),
    ("drift_confidence", "-0.03", sureness, 0.03, 0.0),
)  # fmt: skip


def measured(n_crowds: int) -> list[Row]:
    """Every scene; prints each line once it is there."""
    rows = []
    for figure, planted, scene, size, neutral in SCENES:
        values, held, reported = [], 0, 0
        for seed in range(n_crowds):
            found, should = scene(np.random.default_rng(seed), size)
            if found.value is None or found.low is None or found.high is None:
                continue
            values.append(found.value)
            held += found.low <= should <= found.high
            reported += not found.low <= neutral <= found.high
        rows.append(Row(figure, planted, float(np.mean(values)), held / n_crowds, reported / n_crowds))
        one = rows[-1]
        print(
            f"| `{figure}` | {planted} | {one.mean:+z.3f} | {one.held:.0%} | {one.reported:.0%} |", flush=True
        )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--crowds", type=int, default=200, help="crowds for each line")
    print("| figure | planted | mean found | interval held it | reported |")
    print("|---|---|---|---|---|")
    measured(parser.parse_args().crowds)
