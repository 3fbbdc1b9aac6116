"""How fast Dawid and Skene's EM runs on a CUDA card, votes already there: for `tests.benchmarks.card`.

20 iterations of generated work: 5 annotations an item, 10 labels, 5,000 annotators. There is no peer on a card; the share of
the memory bandwidth is the time in which a plain copy on the same card moves what one iteration cannot do without (each
vote's pair and item once, the posterior written once and read once), over the time taken. Sorting and upload are timed
apart.
"""

from __future__ import annotations

import time

import numpy as np

from analytics.coded_votes import CodedVotes
from tests.benchmarks.rows import MEGABYTE, Row, median_seconds

N_LABELS, PER_ITEM, N_ANNOTATORS, N_ITERATIONS = 10, 5, 5_000, 20


def generated(n_annotations: int) -> CodedVotes:
    """Annotators right in half to nearly all cases; already coded and sorted by item."""
    rng = np.random.default_rng(7)
    n_items = n_annotations // PER_ITEM
    known = rng.integers(0, N_LABELS, n_items, dtype=np.int32)[:, None]
    away = np.array([0, 7, 31, 77, 191], dtype=np.int32)
    annotators = (rng.integers(0, N_ANNOTATORS, (n_items, 1), dtype=np.int32) + away) % N_ANNOTATORS
    wrong = rng.integers(0, N_LABELS, annotators.shape, dtype=np.int32)
    chance = np.linspace(0.5, 0.95, N_ANNOTATORS, dtype=np.float32)[annotators]
    labels = np.where(rng.random(annotators.shape, dtype=np.float32) < chance, known, wrong)
    every = np.arange(N_ANNOTATORS * N_LABELS, dtype=np.int32)
    pairs = np.ascontiguousarray((annotators * N_LABELS + labels).ravel().astype(np.int32))
    pairs[: len(every)] = every  # each pair has a vote
    return CodedVotes(
        item_codes=np.arange(n_items),
        annotator_codes=np.arange(N_ANNOTATORS),
        starts=np.arange(n_items + 1, dtype=np.int64) * PER_ITEM,
        pairs=pairs,
        annotator_of_pair=every // N_LABELS,
        label_of_pair=every % N_LABELS,
        n_labels=N_LABELS,
    )


def copied_per_second(n_bytes: int = 4_000_000_000) -> float:
    """Bytes read and written in a second by a plain copy on the card."""
    import torch

    one = torch.empty(n_bytes, dtype=torch.uint8, device="cuda")
    other = torch.empty_like(one)

    def copy() -> None:
        other.copy_(one)
        torch.cuda.synchronize()

    return 2 * n_bytes / median_seconds(copy, 10)


def on_card(n_annotations: int, rounds: int) -> list[Row]:
    """Two rows: twenty iterations, and what comes before them."""
    import torch

    from analytics.em_steps import Assumptions
    from analytics.em_torch import TorchSteps

    speed = copied_per_second()
    votes = generated(n_annotations)
    assumed = Assumptions("full", 0.0, 0.0, 0.0)
    TorchSteps(generated(50_000 * PER_ITEM), assumed, "cuda").expect()  # compiles
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    steps = TorchSteps(votes, assumed, "cuda")
    torch.cuda.synchronize()
    before = time.perf_counter() - began
    spent = median_seconds(lambda: [steps.expect() for _ in range(N_ITERATIONS)], rounds)
    peak = torch.cuda.max_memory_allocated() / MEGABYTE
    needed = 2 * votes.n_votes * 4 + 2 * votes.n_items * N_LABELS * 8
    share = needed * N_ITERATIONS / speed / spent
    task = f"Dawid-Skene, {N_ITERATIONS} iterations ({share:.0%} of memory bandwidth)"
    return [
        Row(task, n_annotations, "none", None, spent, peak, "cuda"),
        Row("Dawid-Skene, upload and sorting", n_annotations, "none", None, before, peak, "cuda"),
    ]
