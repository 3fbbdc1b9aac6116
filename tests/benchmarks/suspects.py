"""How fast labels that are probably wrong are found, next to the library that people use for it, in the same run.

    python -m tests.benchmarks.suspects [KIND ...] [--sizes N,N] [--rounds 3] [--peer-up-to 10000000]

KIND: confident-learning (items x 10 labels; by default a million and ten million), outliers (items x 128 features; 20,000),
neighbours (items x 384 features; 100,000; no peer). Generated work: 15 % of the labels drawn anew, probabilities that
know something; features about 50 centres. Importing, compiling and making the work are left out for everyone. Ours is
timed in a process of its own, from arrays to the frozen result; its peak memory is that of the process, with the
arrays in it (read from /proc: Linux). Confident learning is cleanlab's `find_label_issues` as it comes, and gives the
same items; outliers are its `OutOfDistribution` of features with 10 neighbours. Neighbours choose by themselves
whether to be exact: their recall is printed below the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.consensus import Row, timed

N_LABELS = 10
SIZES = {"confident-learning": [1_000_000, 10_000_000], "outliers": [20_000], "neighbours": [100_000]}
FEATURES = {"outliers": 128, "neighbours": 384}
WARM_UP = 3_000


@dataclass(frozen=True, slots=True)
class Work:
    """Labels (I,) and probabilities (I, K) or features (I, D)."""

    labels: np.ndarray
    rows: np.ndarray


def generated(kind: str, n_items: int) -> Work:
    """The same for the same kind and size."""
    rng = np.random.default_rng(7)
    if kind == "confident-learning":
        known = rng.integers(0, N_LABELS, n_items)
        rows = rng.random((n_items, N_LABELS))
        rows[np.arange(n_items), known] += 1.2
        rows /= rows.sum(axis=1, keepdims=True)
        return Work(np.where(rng.random(n_items) < 0.15, rng.integers(0, N_LABELS, n_items), known), rows)
    known = rng.integers(0, 50, n_items)
    features = rng.standard_normal((n_items, FEATURES[kind]), dtype=np.float32)
    features += rng.standard_normal((50, FEATURES[kind]), dtype=np.float32)[known]
    return Work(known, features)


def ours(kind: str) -> Callable[[Work], Any]:
    """Our function for a kind, imported."""
    from analytics.confident_learning import label_suspects
    from analytics.neighbourhoods import outlier_scores
    from analytics.neighbours import nearest_neighbours

    calls: dict[str, Callable[[Work], Any]] = {
        "confident-learning": lambda work: label_suspects(work.labels, work.rows),
        "outliers": lambda work: outlier_scores(nearest_neighbours(work.rows, k=10, search="exact")),
        "neighbours": lambda work: nearest_neighbours(work.rows, k=10),
    }
    return calls[kind]


def peer(kind: str) -> tuple[str, Callable[[Work], Any]] | None:
    """Name and function of the library to compare with; None: there is none."""
    from cleanlab.filter import find_label_issues
    from cleanlab.outlier import OutOfDistribution

    calls: dict[str, tuple[str, Callable[[Work], Any]]] = {
        "confident-learning": ("cleanlab", lambda work: find_label_issues(work.labels, work.rows)),
        "outliers": (
            "cleanlab",
            lambda work: OutOfDistribution({"k": 10}).fit_score(features=work.rows, verbose=False),
        ),
    }
    return calls.get(kind)


def measure_ours(kind: str, n_items: int, rounds: int) -> tuple[list[float], float, float | None]:
    """Seconds of each round, peak memory in GB and recall, measured in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.suspects", "--child", kind]
    command += ["--sizes", str(n_items), "--rounds", str(rounds)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak, recall = json.loads(finished.stdout)
    return seconds, peak, recall


def child(kind: str, n_items: int, rounds: int) -> None:
    """What `measure_ours` starts: prints seconds, peak and recall as JSON."""
    call = ours(kind)
    call(generated(kind, WARM_UP))  # compiles
    work = generated(kind, n_items)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    found: list[Any] = []
    seconds = timed(lambda given: found.append(call(given)), work, rounds)
    status = Path("/proc/self/status").read_text().split()
    peak = int(status[status.index("VmHWM:") + 1]) / 1e6
    recall = found[-1].recall.value if kind == "neighbours" else None
    print(json.dumps([seconds, peak, recall]))


def main(arguments: argparse.Namespace) -> list[Row]:
    """Measure and print the table."""
    rows, notes = [], []
    warnings.simplefilter("ignore")  # of the peer, on import
    print("| kind | items | peer | peer s | ours s | ratio | ours, peak GB |")
    print("|---|---|---|---|---|---|---|")
    for kind in arguments.kinds:
        for size in arguments.sizes or SIZES[kind]:
            theirs, name = None, "none"
            compared = peer(kind)
            if compared is not None and size <= arguments.peer_up_to:
                name, call = compared
                call(generated(kind, WARM_UP))
                theirs = statistics.median(timed(call, generated(kind, size), arguments.peer_rounds))
            seconds, peak, recall = measure_ours(kind, size, arguments.rounds)
            mine = statistics.median(seconds)
            spent, ratio = ("", "") if theirs is None else (f"{theirs:.2f}", f"{theirs / mine:.1f}")
            rows.append(Row(kind, size, name, theirs, mine, peak))
            print(f"| {kind} | {size:,} | {name} | {spent} | {mine:.3f} | {ratio} | {peak:.2f} |", flush=True)
            if recall is not None:
                notes.append(f"{kind}, {size:,} items: recall {recall:.3f}")
    print("\n".join(notes))
    return rows


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, or the words in its place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="what to measure; all, if none is named")
    parser.add_argument("--sizes", default="", help="numbers of items; by default those of the kind")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of ours; the median is printed")
    parser.add_argument("--peer-rounds", type=int, default=1, help="rounds of the peer")
    parser.add_argument(
        "--peer-up-to", type=int, default=10_000_000, help="the largest size that a peer gets"
    )
    parser.add_argument("--child", choices=list(SIZES), help=argparse.SUPPRESS)
    found = parser.parse_args(words)
    unknown = set(found.kinds) - set(SIZES)
    if unknown:
        parser.error(f"no such kind: {', '.join(sorted(unknown))}; there are {', '.join(SIZES)}")
    found.kinds = found.kinds or list(SIZES)
    found.sizes = [int(size.replace("_", "")) for size in found.sizes.split(",") if size]
    return found


if __name__ == "__main__":
    chosen = options()
    if chosen.child:
        child(chosen.child, chosen.sizes[0], chosen.rounds)
    else:
        main(chosen)
