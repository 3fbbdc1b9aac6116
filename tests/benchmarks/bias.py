"""How fast gaps between groups are worked out, next to fairlearn's MetricFrame, in the same run.

    python -m tests.benchmarks.bias [--items 200000] [--rounds 5] [--peer-up-to 1000000]

Five annotations an item by 500 annotators, two labels, five groups. The table is every figure that there is without gold or a
model: label rates, disagreement with the other annotators, both rates of equalised odds, each beside everybody else's, with
intervals from 1,000 replicates and p-values. The peer works out the same shares by group, without intervals: its own bootstrap
does not finish at this size. Ours is timed in a process of its own; importing, compiling and making the work are left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from analytics.gap_draws import Draws

N_VOTES, N_LABELS, N_GROUPS, N_ANNOTATORS = 5, 2, 5, 500
REPLICATES = 1000
MEGABYTE = 1e6

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: seconds (medians), and our peak in MB; `peer_seconds` is None where the peer was not asked."""

    task: str
    size: int
    peer: str
    peer_seconds: float | None
    our_seconds: float
    our_peak_mb: float
    device: Literal["cpu"] = "cpu"


@dataclass(frozen=True, slots=True)
class Work:
    """Votes, and groups of items and of annotators."""

    votes: pl.DataFrame
    items: pl.DataFrame
    people: pl.DataFrame


def generated(n_items: int) -> Work:
    """Seven in ten votes are the item's usual label; nobody differs by group."""
    rng = np.random.default_rng(3)
    usual = rng.integers(0, N_LABELS, (n_items, 1))
    people = (rng.integers(0, N_ANNOTATORS, (n_items, 1)) + np.arange(N_VOTES) * 7) % N_ANNOTATORS
    labels = np.where(
        rng.random((n_items, N_VOTES)) < 0.7, usual, rng.integers(0, N_LABELS, (n_items, N_VOTES))
    )
    votes = {
        "item_code": np.repeat(np.arange(n_items), N_VOTES),
        "annotator_code": people.ravel(),
        "label_code": labels.ravel(),
    }
    return Work(
        pl.DataFrame(votes),
        pl.DataFrame({"item_code": np.arange(n_items), "group_code": rng.integers(0, N_GROUPS, n_items)}),
        pl.DataFrame(
            {"annotator_code": np.arange(N_ANNOTATORS), "group_code": rng.integers(0, 2, N_ANNOTATORS)}
        ),
    )


def ours(task: str, work: Work) -> Call:
    """The call of a task."""
    from analytics import adjusted_gaps, group_rates

    def draws(resample: Literal["items", "annotators", "both"]) -> Draws:
        return Draws(resample, replicates=REPLICATES)

    calls: dict[str, Call] = {
        "gaps of 5 item groups, items drawn": lambda: group_rates.item_group_rates(
            work.votes, work.items, n_labels=N_LABELS, draws=draws("items")
        ),
        "gaps of 5 item groups, items and annotators drawn": lambda: group_rates.item_group_rates(
            work.votes, work.items, n_labels=N_LABELS, draws=draws("both")
        ),
        "gaps of 2 annotator groups inside items, annotators drawn": lambda: adjusted_gaps.annotator_gaps(
            work.votes, work.people, n_labels=N_LABELS, draws=draws("annotators")
        ),
    }
    return calls[task]


TASKS = (
    ("gaps of 5 item groups, items drawn", "fairlearn MetricFrame, no intervals"),
    ("gaps of 5 item groups, items and annotators drawn", "fairlearn MetricFrame, no intervals"),
    ("gaps of 2 annotator groups inside items, annotators drawn", ""),
)


def fairlearn(work: Work) -> Call:
    """The same shares by group as a MetricFrame; what each vote is held against is worked out beforehand."""
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score

    from analytics.consensus import leave_one_out_majority

    beside = leave_one_out_majority(work.votes, n_labels=N_LABELS).join(work.items, on="item_code")
    table = beside.drop_nulls("label_others").select("label_others", "label_code", "group_code").to_pandas()
    metrics = {
        "rate": selection_rate,
        "agree": accuracy_score,
        "tpr": true_positive_rate,
        "fpr": false_positive_rate,
    }
    return lambda: (
        MetricFrame(
            metrics=metrics,
            y_true=table["label_others"],
            y_pred=table["label_code"],
            sensitive_features=table["group_code"],
        ).by_group
    )


def timed(call: Call, rounds: int) -> float:
    """Median wall seconds, after a round that does not count."""
    call()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def child(task: str, n_items: int, rounds: int) -> None:
    """What `row` starts: prints our seconds and the peak in MB as JSON."""
    call = ours(task, generated(n_items))
    call()  # compiles
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    seconds = timed(call, rounds)
    # Not getrusage: its figure outlives exec and would be the parent's where that is larger.
    status = Path("/proc/self/status").read_text().split()
    print(json.dumps([seconds, int(status[status.index("VmHWM:") + 1]) * 1000 / MEGABYTE]))


def row(task: str, peer: str, theirs: float | None, n_items: int, rounds: int) -> Row:
    """One line of the table."""
    command = [sys.executable, "-m", "tests.benchmarks.bias", "--child", task]
    command += ["--items", str(n_items), "--rounds", str(rounds)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = json.loads(finished.stdout)
    return Row(task, n_items * N_VOTES, peer, theirs if peer else None, seconds, peak)


def main(asked: argparse.Namespace) -> list[Row]:
    """Measure, print and return every line."""
    is_asked = asked.items * N_VOTES <= asked.peer_up_to
    theirs = timed(fairlearn(generated(asked.items)), min(asked.rounds, 3)) if is_asked else None
    rows = []
    for task, peer in TASKS:
        found = row(task, peer, theirs, asked.items, asked.rounds)
        rows.append(found)
        shown = "–" if found.peer_seconds is None else f"{found.peer_seconds:.3g} s"
        print(f"{task}, {found.size:,}: {shown} -> {found.our_seconds:.3g} s, {found.our_peak_mb:,.0f} MB")
    return rows


def options(words: Sequence[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--peer-up-to", type=int, default=1_000_000, help="annotations that the peer is asked for"
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args(words)


if __name__ == "__main__":
    given = options(sys.argv[1:])
    if given.child:
        child(given.child, given.items, given.rounds)
    else:
        main(given)
