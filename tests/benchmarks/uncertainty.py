"""How fast a model's uncertainty is worked out, next to the straightforward way, in the same run.

    python -m tests.benchmarks.uncertainty [--items 100000] [--rounds 15]

20 members, 10 labels. The peer works out mutual information (BALD) alone, written as one would write it with NumPy;
ours checks the probabilities and works out that, both entropies, variation ratio, margin and largest mean probability.
Ours is timed in a process of its own; its peak memory is that of the process, samples included (read from /proc:
Linux). Importing, compiling and making the work are left out for both.

`on_card` is for `tests.benchmarks.card`: samples already on the card, next to BALD as one would write it with torch. The
task says which share that is of the memory bandwidth that a plain copy of the samples reaches on the same card in the
same run; the peak is the card's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.rows import (
    MEGABYTE,
    Call,
    Row,
    forget_peak,
    in_own_process,
    median_seconds,
    peak_mb,
    print_table,
)

N_MEMBERS = 20
N_LABELS = 10
KINDS = ("float32", "float64")

Samples = NDArray[np.floating[Any]]


def generated(n_items: int, kind: str) -> Samples:
    """(M, I, K) probabilities, none of them 0: NumPy's plain way would give NaN there."""
    rng = np.random.default_rng(3)
    samples = rng.random((N_MEMBERS, n_items, N_LABELS)) + 1e-3
    samples /= samples.sum(axis=2, keepdims=True)
    return samples.astype(kind)


def bald(samples: Samples) -> Samples:
    """Mutual information as one would write it."""
    means = samples.mean(axis=0)
    total = -(means * np.log(means)).sum(axis=1)
    within = -(samples * np.log(samples)).sum(axis=2).mean(axis=0)
    return np.asarray(total - within)


def child(n_items: int, kind: str, rounds: int) -> None:
    """What `_processor` starts: prints our seconds and the peak in MB as JSON."""
    from analytics.uncertainty import uncertainty

    samples = generated(n_items, kind)
    uncertainty(samples)  # compiles
    forget_peak()
    print(json.dumps([median_seconds(lambda: uncertainty(samples), rounds), peak_mb()]))


def _processor(n_items: int, kind: str, rounds: int) -> Row:
    samples = generated(n_items, kind)
    theirs = median_seconds(lambda: bald(samples), rounds)
    words = ("--child", kind, "--items", str(n_items), "--rounds", str(rounds))
    ours, peak = in_own_process("tests.benchmarks.uncertainty", *words)
    return Row(
        f"uncertainty, {N_MEMBERS} members, {kind}", n_items, "NumPy (BALD alone)", theirs, ours, peak, "cpu"
    )


def on_card(n_items: int, rounds: int, *, device: Literal["cpu", "cuda"] = "cuda") -> Row:
    """The row of a card; `device="cpu"` is there to see that it runs where there is none."""
    import torch

    from analytics.uncertainty_torch import measure_tensor

    def waited(call: Call) -> Call:
        def run() -> None:
            call()
            if device == "cuda":
                torch.cuda.synchronize()

        return run

    def plain() -> torch.Tensor:
        means = samples.mean(dim=0)
        within = -(samples * samples.log()).sum(dim=2).mean(dim=0)
        return -(means * means.log()).sum(dim=1) - within

    generator = torch.Generator(device).manual_seed(3)
    samples = torch.rand((N_MEMBERS, n_items, N_LABELS), device=device, generator=generator).add_(1e-3)
    samples /= samples.sum(dim=2, keepdim=True)
    # A copy reads and writes the samples; the figures have to read them once.
    room = [torch.empty_like(samples)]
    floor = median_seconds(waited(lambda: room[0].copy_(samples)), rounds) / 2
    room.clear()
    theirs = median_seconds(waited(plain), rounds)
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    ours = median_seconds(waited(lambda: measure_tensor(samples, device, sets=False)), rounds)
    peak = torch.cuda.max_memory_allocated() / MEGABYTE if device == "cuda" else 0.0
    task = f"uncertainty, {N_MEMBERS} members, float32 ({floor / ours:.0%} of memory bandwidth)"
    return Row(task, n_items, "torch (BALD alone)", theirs, ours, peak, device)


def main(arguments: argparse.Namespace) -> list[Row]:
    """Measure and print the table."""
    return print_table(_processor(arguments.items, kind, arguments.rounds) for kind in KINDS)


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, or the words in its place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000, help="items of the samples")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each side; the median is printed")
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    return parser.parse_args(words)


if __name__ == "__main__":
    chosen = options()
    if chosen.child:
        child(chosen.items, chosen.child, chosen.rounds)
    else:
        main(chosen)
