"""How fast agreement is, next to the libraries that people use for it, in the same run.

    python -m tests.benchmarks.agreement [TASK ...] [--sizes 1000000,10000000] [--rounds 3]

TASK: point, interval, pairs, weighted-pairs, groups, sets (all, if none is named). Generated work: 5 annotations an
item by different annotators, 10 labels, 500 annotators up to a million annotations, 5,000 beyond, rows in any order.
Importing, compiling and making the work are left out for everyone. Ours starts from the frame of integer codes, the
peer from what it likes best: krippendorff from the finished item x label table (ours has to count it), scikit-learn
from the labels of two annotators lined up on their shared items.

Each side runs in a process of its own; its memory is what its peak rose by while it worked. A peer that would take
minutes is timed on a part and multiplied: 10 of 1,000 replicates, 1,500 of the pairs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

N_LABELS = 10
PER_ITEM = 5
REPLICATES = 1000
PEER_REPLICATES = 10
PEER_PAIRS = 1500
PEER_UP_TO = {"interval": 1_000_000}
"""The largest size at which a peer is asked, where it is not asked at all sizes."""

PAIRS_UP_TO = 1_000_000

SHORT, MOST_ROUNDS = 3.0, 15
"""Work is repeated until so many seconds or rounds have gone, and for the rounds asked for at least."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Median seconds and the rise of the peak, in GB, of one side of one task."""

    seconds: float
    gigabytes: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; the peer is missing where there is none or it was not asked."""

    task: str
    size: int
    peer: str
    theirs: Measured | None
    ours: Measured


def generated(n_annotations: int) -> pl.DataFrame:
    """Votes that are right in 70 % of the cases, else any label."""
    rng = np.random.default_rng(7)
    n_items = n_annotations // PER_ITEM
    n_annotators = 500 if n_annotations <= 1_000_000 else 5_000
    # A random start and a random step below a fifth of all: five different annotators, every pair possible.
    steps = rng.integers(1, n_annotators // PER_ITEM, (n_items, 1)) * np.arange(PER_ITEM)
    annotators = (rng.integers(0, n_annotators, (n_items, 1)) + steps) % n_annotators
    labels = rng.integers(0, N_LABELS, (n_items, PER_ITEM))
    right = rng.random(labels.shape) < 0.7
    labels = np.where(right, rng.integers(0, N_LABELS, (n_items, 1)), labels)
    order = rng.permutation(n_items * PER_ITEM)
    columns = {
        "item_code": np.repeat(np.arange(n_items), PER_ITEM),
        "annotator_code": annotators.ravel(),
        "label_code": labels.ravel(),
    }
    return pl.DataFrame({name: values[order] for name, values in columns.items()})


def ours(task: str, votes: pl.DataFrame) -> Callable[[], object]:
    """What is timed for us."""
    from analytics.grouped import agreement_by_group
    from analytics.krippendorff import alpha
    from analytics.pairwise import pairwise_kappa
    from analytics.set_agreement import set_alpha
    from analytics.weighted_kappa import pairwise_weighted_kappa

    if task == "pairs":
        return lambda: pairwise_kappa(votes, n_labels=N_LABELS)
    if task == "weighted-pairs":
        return lambda: pairwise_weighted_kappa(votes, n_labels=N_LABELS)
    if task == "sets":
        sets = [(code, (code * 3 + 1) % N_LABELS) for code in range(N_LABELS)]
        return lambda: set_alpha(votes, sets=sets)
    if task == "groups":
        grouped = votes.with_columns(group_code=pl.col("item_code") % 50)
        return lambda: agreement_by_group(grouped, n_labels=N_LABELS, replicates=REPLICATES)
    replicates = REPLICATES if task == "interval" else 0
    return lambda: alpha(votes, level="nominal", n_labels=N_LABELS, replicates=replicates)


def peers(task: str, votes: pl.DataFrame) -> tuple[Callable[[], object], float]:
    """What is timed for the peer, and what its time is multiplied by."""
    if task in ("pairs", "weighted-pairs"):
        return _pair_at_a_time(votes, "quadratic" if task == "weighted-pairs" else None)
    import krippendorff

    items, labels = votes.get_column("item_code").to_numpy(), votes.get_column("label_code").to_numpy()
    n_items = int(items.max()) + 1
    table = np.bincount(items * N_LABELS + labels, minlength=n_items * N_LABELS).reshape(n_items, N_LABELS)

    def point(counts: NDArray[np.int64]) -> float:
        return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))

    if task == "point":
        return lambda: point(table), 1.0
    rng = np.random.default_rng(0)

    def replicates() -> list[float]:
        return [point(table[rng.integers(0, n_items, n_items)]) for _ in range(PEER_REPLICATES)]

    return replicates, REPLICATES / PEER_REPLICATES


def _pair_at_a_time(votes: pl.DataFrame, weights: str | None) -> tuple[Callable[[], object], float]:
    from sklearn.metrics import cohen_kappa_score

    from analytics.pairwise import pairwise_kappa

    met = pairwise_kappa(votes, n_labels=N_LABELS).filter(pl.col("kappa").is_not_null())
    by_code = {code: own.sort("item_code") for (code,), own in votes.group_by("annotator_code")}
    lined_up = []
    for a, b in (
        met.sample(min(PEER_PAIRS, met.height), seed=0).select("annotator_a", "annotator_b").iter_rows()
    ):
        both = by_code[a].join(by_code[b], on="item_code", suffix="_b")
        lined_up.append(
            (both.get_column("label_code").to_numpy(), both.get_column("label_code_b").to_numpy())
        )

    def kappas() -> list[float]:
        return [
            cohen_kappa_score(mine, theirs, labels=range(N_LABELS), weights=weights)
            for mine, theirs in lined_up
        ]

    return kappas, met.height / len(lined_up)


PEERS = {
    "point": "krippendorff",
    "interval": "krippendorff in a loop",
    "pairs": "scikit-learn, a pair at a time",
    "weighted-pairs": "scikit-learn, a pair at a time",
    "groups": "none",
    "sets": "none",
}
"""The peer of each task. Nobody else does groups with intervals, or sets at these sizes."""


def child(side: str, task: str, file: str, rounds: int) -> Measured:
    """One side of one task, in this process."""
    votes = pl.read_parquet(file)
    warm = votes.filter(pl.col("item_code") < 2_000)
    if side == "ours":
        ours(task, warm)()
        work, factor = ours(task, votes), 1.0
    else:
        work, factor = peers(task, votes)
    before = _memory("VmRSS", reset_peak=True)
    seconds: list[float] = []
    while len(seconds) < rounds or (sum(seconds) < SHORT and len(seconds) < MOST_ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return Measured(statistics.median(seconds) * factor, max(_memory("VmHWM") - before, 0.0))


def _memory(line: str, *, reset_peak: bool = False) -> float:
    """A line of this process's status, in GB; Linux only."""
    if reset_peak:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split(f"{line}:")[1].split()[0]) / 1e6


def measure(task: str, size: int, file: Path, rounds: int) -> Row:
    """Both sides of a task, each in a child."""
    asked = PEERS[task] != "none" and size <= PEER_UP_TO.get(task, size)
    theirs = _in_child("peer", task, file, rounds) if asked else None
    return Row(task, size, PEERS[task], theirs, _in_child("ours", task, file, rounds))


def _in_child(side: str, task: str, file: Path, rounds: int) -> Measured:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.agreement",
        "--child",
        side,
        task,
        str(file),
        str(rounds),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(**json.loads(done.stdout.strip().splitlines()[-1]))


def table(rows: list[Row]) -> str:
    """The rows as markdown."""
    lines = ["| task | annotations | peer | peer s | peer GB | ours s | ours GB | ratio |", "|" + "---|" * 8]
    for row in rows:
        theirs = ("", "", "")
        if row.theirs is not None:
            ratio = row.theirs.seconds / row.ours.seconds
            theirs = (f"{row.theirs.seconds:.3g}", f"{row.theirs.gigabytes:.2f}", f"{ratio:,.0f}×")
        lines.append(
            f"| {row.task} | {row.size:,} | {row.peer} | {theirs[0]} | {theirs[1]} "
            f"| {row.ours.seconds:.3f} | {row.ours.gigabytes:.2f} | {theirs[2]} |"
        )
    return "\n".join(lines)


def main(tasks: list[str], sizes: list[int], rounds: int) -> list[Row]:
    """Make the work, measure, print."""
    import tempfile

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            file = Path(folder) / f"{size}.parquet"
            generated(size).write_parquet(file)
            for task in tasks:
                if task in ("pairs", "weighted-pairs") and size > PAIRS_UP_TO:
                    continue
                rows.append(measure(task, size, file, rounds))
                print(table(rows[-1:]).splitlines()[-1], flush=True)
    print("\n" + table(rows))
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        side, task, file, rounds = sys.argv[2:6]
        print(json.dumps(asdict(child(side, task, file, int(rounds)))))
    else:
        parser = argparse.ArgumentParser(
            description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("tasks", nargs="*", metavar="TASK", help=", ".join(PEERS))
        parser.add_argument("--sizes", default="1000000,10000000")
        parser.add_argument("--rounds", type=int, default=3)
        options = parser.parse_args()
        main(options.tasks or list(PEERS), [int(size) for size in options.sizes.split(",")], options.rounds)
