"""How long the built-in model trains: ten members next to one, and next to scikit-learn's models one after another.

    python -m tests.benchmarks.training [--items 20000] [--rounds 3]

Ten labels, five folds: ten members are fifty models. Embeddings are dense, 384 wide; texts are sparse, about fifty tokens of
20,000. Each side has its features ready; what ours works out of them first is part of its time. The task says how many
times as long ten members take as one. The peer is LogisticRegression at the same penalty with its own tolerance, fitted to
four fifths of the items; one fit is timed, and multiplied by fifty. Its probabilities for the other fifth are not timed, ours
are. Ours runs in a process of its own; its peak memory is that of the process (read from /proc: Linux).

`on_card` is for `tests.benchmarks.card`; the peer stays on the processor and is not asked there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from analytics.features import Features

N_LABELS, N_FOLDS, N_MEMBERS = 10, 5, 10
PENALTY = {"embeddings": 10.0, "texts": 1.0}
N_TOKENS, TOKENS_OF_TEXT = 20_000, 60
MEGABYTE = 1e6

Kind = Literal["embeddings", "texts"]
KINDS: tuple[Kind, ...] = ("embeddings", "texts")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table, as in `tests.benchmarks.uncertainty`; `times_one` is ten members' seconds over one's."""

    task: str
    size: int
    peer: str
    peer_seconds: float | None
    our_seconds: float
    our_peak_mb: float
    device: Literal["cpu", "cuda"]
    times_one: float


def generated(kind: Kind, n_items: int) -> tuple[Features, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Features, and soft labels of 0.82 for a label drawn from a linear model."""
    rng = np.random.default_rng(5)
    features: Features
    if kind == "embeddings":
        features = rng.standard_normal((n_items, 384)).astype(np.float32)
        logits = features @ rng.standard_normal((384, N_LABELS)) / 10
    else:
        # Few tokens are in most texts, most in few.
        tokens = np.minimum(rng.pareto(1.0, n_items * TOKENS_OF_TEXT) * 20, N_TOKENS - 1).astype(np.int64)
        cells = (np.repeat(np.arange(n_items), TOKENS_OF_TEXT), tokens)
        features = csr_array((np.full(len(tokens), 0.13, np.float32), cells), shape=(n_items, N_TOKENS))
        features.sum_duplicates()
        logits = features @ rng.standard_normal((N_TOKENS, N_LABELS)) * 3
    codes = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return features, np.eye(N_LABELS)[codes] * 0.8 + 0.02


def timed(kind: Kind, n_items: int, rounds: int, device: Literal["cpu", "cuda"]) -> tuple[float, float]:
    """Median seconds of one member and of ten."""
    from analytics.training import train_model

    features, labels = generated(kind, n_items)
    train_model(features[:500], labels[:500], n_members=2, device=device)  # compiles
    found = []
    for n_members in (1, N_MEMBERS):
        seconds = []
        for _ in range(rounds):
            began = time.perf_counter()
            train_model(
                features, labels, n_members=n_members, n_folds=N_FOLDS, penalty=PENALTY[kind], device=device
            )
            seconds.append(time.perf_counter() - began)
        found.append(statistics.median(seconds))
    return found[0], found[1]


def child(kind: Kind, n_items: int, rounds: int) -> None:
    """What `_processor` starts: prints seconds of one and of ten members, and the peak in MB, as JSON."""
    seconds = timed(kind, n_items, rounds, "cpu")
    status = Path("/proc/self/status").read_text().split()
    print(json.dumps([*seconds, int(status[status.index("VmHWM:") + 1]) * 1000 / MEGABYTE]))


def by_scikit_learn(kind: Kind, n_items: int) -> float:
    """Seconds of one fit on four fifths of the items."""
    from sklearn.linear_model import LogisticRegression

    features, labels = generated(kind, n_items)
    some = slice(0, n_items * (N_FOLDS - 1) // N_FOLDS)
    model = LogisticRegression(C=1 / PENALTY[kind], max_iter=1000)
    began = time.perf_counter()
    model.fit(features[some], labels[some].argmax(axis=1))
    return time.perf_counter() - began


def _processor(kind: Kind, n_items: int, rounds: int) -> Row:
    theirs = by_scikit_learn(kind, n_items) * N_MEMBERS * N_FOLDS
    command = [sys.executable, "-m", "tests.benchmarks.training", "--child", kind]
    command += ["--items", str(n_items), "--rounds", str(rounds)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    one, ten, peak = json.loads(finished.stdout)
    return Row(
        _task(kind, ten / one), n_items, "scikit-learn, one by one", theirs, ten, peak, "cpu", ten / one
    )


def on_card(kind: Kind, n_items: int, rounds: int) -> Row:
    """The row of a card."""
    import torch

    torch.cuda.reset_peak_memory_stats()
    one, ten = timed(kind, n_items, rounds, "cuda")
    peak = torch.cuda.max_memory_allocated() / MEGABYTE
    return Row(_task(kind, ten / one), n_items, "none", None, ten, peak, "cuda", ten / one)


def _task(kind: Kind, times_one: float) -> str:
    return f"training on {kind}, {N_MEMBERS} members ({times_one:.1f} times one member)"


def main(arguments: argparse.Namespace) -> list[Row]:
    """Measure and print the table."""
    rows = [_processor(kind, arguments.items, arguments.rounds) for kind in KINDS]
    print("| task | items | peer | peer s | ours s | ratio | ours, peak MB | device |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        spent, ratio = "", ""
        if row.peer_seconds is not None:
            spent, ratio = f"{row.peer_seconds:.1f}", f"{row.peer_seconds / row.our_seconds:.1f}"
        print(
            f"| {row.task} | {row.size:,} | {row.peer} | {spent} | {row.our_seconds:.2f} | {ratio} "
            f"| {row.our_peak_mb:.0f} | {row.device} |"
        )
    return rows


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, or the words in its place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000, help="items to train on")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of ours; the median is printed")
    parser.add_argument("--child", choices=tuple(PENALTY), help=argparse.SUPPRESS)
    return parser.parse_args(words)


if __name__ == "__main__":
    chosen = options()
    if chosen.child:
        child(chosen.child, chosen.items, chosen.rounds)
    else:
        main(chosen)
