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
import functools
import json
import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from analytics.features import Features
from tests.benchmarks.rows import MEGABYTE, Row, in_own_process, median_seconds, peak_mb, print_table

N_LABELS, N_FOLDS, N_MEMBERS = 10, 5, 10
PENALTY = {"embeddings": 10.0, "texts": 1.0}
N_TOKENS, TOKENS_OF_TEXT = 20_000, 60

Kind = Literal["embeddings", "texts"]
KINDS: tuple[Kind, ...] = ("embeddings", "texts")


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

    def of(n_members: int) -> float:
        train = functools.partial(
            train_model,
            features,
            labels,
            n_members=n_members,
            n_folds=N_FOLDS,
            penalty=PENALTY[kind],
            device=device,
        )
        return median_seconds(train, rounds, warm_up=False)

    return of(1), of(N_MEMBERS)


def child(kind: Kind, n_items: int, rounds: int) -> None:
    """What `_processor` starts: prints seconds of one and of ten members, and the peak in MB, as JSON."""
    print(json.dumps([*timed(kind, n_items, rounds, "cpu"), peak_mb()]))


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
    words = ("--child", kind, "--items", str(n_items), "--rounds", str(rounds))
    one, ten, peak = in_own_process("tests.benchmarks.training", *words)
    return Row(_task(kind, ten / one), n_items, "scikit-learn, one by one", theirs, ten, peak, "cpu")


def on_card(kind: Kind, n_items: int, rounds: int) -> Row:
    """The row of a card."""
    import torch

    torch.cuda.reset_peak_memory_stats()
    one, ten = timed(kind, n_items, rounds, "cuda")
    peak = torch.cuda.max_memory_allocated() / MEGABYTE
    return Row(_task(kind, ten / one), n_items, "none", None, ten, peak, "cuda")


def _task(kind: Kind, times_one: float) -> str:
    return f"training on {kind}, {N_MEMBERS} members ({times_one:.1f} times one member)"


def main(arguments: argparse.Namespace) -> list[Row]:
    """Measure and print the table."""
    return print_table(_processor(kind, arguments.items, arguments.rounds) for kind in KINDS)


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
