"""How long drift of a day against 90 takes from a store, part by part: reading, the figures, the course of a label, its split.

    python -m tests.benchmarks.drift_store STORE --project big [--window 1d] [--reference 90d] [--rounds 3]

Nothing is written. The first round, which compiles, is not counted; the median of the others is printed, with the processor time
beside it, since on a busy machine the clock tells little.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dashboard.workflows import drift_figures, drift_split, drift_trend
from dashboard.workflows.drift_windows import windows
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.opening import Store, open_store

Taken = dict[str, list[tuple[float, float]]]


@contextmanager
def timed(taken: Taken, part: str) -> Iterator[None]:
    """Note what passes inside, by the clock and of the processor."""
    clock, work = time.perf_counter(), time.process_time()
    yield
    taken.setdefault(part, []).append((time.perf_counter() - clock, time.process_time() - work))


def once(store: Store, asked: argparse.Namespace, taken: Taken) -> int:
    """One measurement, as `drift.measure` makes it, not kept; how many annotations there were."""
    saw = store.head
    label_set = require_label_set(store, asked.project, as_of=saw)
    with timed(taken, "windows are read"):
        found = windows(store, asked.project, reference=asked.reference, window=asked.window, as_of=saw)
    with timed(taken, "label mix with intervals"):
        labels, distances = drift_figures.label_table(found.rows, label_set)
    codes = label_set.codes_with(str(labels["label"][0]))
    with timed(taken, "agreement, pace, content, sureness"):
        drift_figures.figures(store, asked.project, found.rows, label_set, distances, as_of=saw, seed=0)
    with timed(taken, "course, two sequential tests, change points"):
        drift_trend.trend(found.rows, codes, chart="cusum", shift=0.05, run_length=370, seed=0)
    with timed(taken, "split of the change with intervals"):
        drift_split.split_change(store, asked.project, found.rows, codes, attribute="", as_of=saw, seed=0)
    return found.rows.height


def main(asked: argparse.Namespace) -> None:
    """Measure and print the table."""
    with open_store(asked.store) as store:
        n = once(store, asked, {})
        taken: Taken = {}
        for _ in range(asked.rounds):
            once(store, asked, taken)
    print(f"{n:,} annotations\n\n| part | seconds | of the processor |\n|---|---|---|")
    total = np.zeros(2)
    for part, seen in taken.items():
        middle = np.median(np.array(seen), axis=0)
        total += middle
        print(f"| {part} | {middle[0]:.2f} | {middle[1]:.2f} |")
        if part.startswith("course"):
            print(f"| the figures together | {total[0]:.2f} | {total[1]:.2f} |")
    print(f"| all | {total[0]:.2f} | {total[1]:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--project", required=True)
    parser.add_argument("--reference", default="90d")
    parser.add_argument("--window", default="1d")
    parser.add_argument("--rounds", type=int, default=3)
    main(parser.parse_args())
