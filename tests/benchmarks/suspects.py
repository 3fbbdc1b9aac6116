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
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benchmarks.rows import Row, forget_peak, in_own_process, median_seconds, peak_mb, print_table

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


def child(kind: str, n_items: int, rounds: int) -> None:
    """What `_row` starts: prints our seconds, the peak in MB and the recall as JSON."""
    call = ours(kind)
    call(generated(kind, WARM_UP))  # compiles
    work = generated(kind, n_items)
    forget_peak()
    found: list[Any] = []
    seconds = median_seconds(lambda: found.append(call(work)), rounds, warm_up=False)
    recall = found[-1].recall.value if kind == "neighbours" else None
    print(json.dumps([seconds, peak_mb(), recall]))


def main(arguments: argparse.Namespace) -> list[Row]:
    """Measure and print the table."""
    warnings.simplefilter("ignore")  # of the peer, on import
    return print_table(
        _row(kind, size, arguments) for kind in arguments.kinds for size in arguments.sizes or SIZES[kind]
    )


def _row(kind: str, size: int, asked: argparse.Namespace) -> Row:
    theirs, name = None, "none"
    compared = peer(kind)
    if compared is not None and size <= asked.peer_up_to:
        name, call = compared
        call(generated(kind, WARM_UP))
        given = generated(kind, size)
        theirs = median_seconds(lambda: call(given), asked.peer_rounds, warm_up=False)
    words = ("--child", kind, "--sizes", str(size), "--rounds", str(asked.rounds))
    mine, peak, recall = in_own_process("tests.benchmarks.suspects", *words)
    return Row(kind if recall is None else f"{kind} (recall {recall:.3f})", size, name, theirs, mine, peak)


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
