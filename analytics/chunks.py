"""Work over a range of items in fixed chunks on all cores: the same result whatever the number of cores.

The chunks depend on the data alone. Each chunk writes to places of its own, and whoever adds up the parts adds
them in the order of the chunks; so a sum never depends on which thread was first. The work itself has to let
go of Python's lock (kernels compiled with `nogil=True` do). Threads of our own rather than numba's: those may
not be entered from two threads at once, and a server does that.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

Result = TypeVar("Result")

MOST_CHUNKS = 8
"""The most chunks that a range is cut into, however many cores there are."""

WORTH_A_THREAD = 20_000
"""The least work (annotations) that is worth a chunk of its own."""

MOST_CELLS = 8_000_000
"""The most cells (8 bytes each) that the partial sums of all chunks hold, as long as two chunks fit."""


def chunk_edges(n_items: int, *, n_annotations: int, cells_per_chunk: int = 0) -> list[tuple[int, int]]:
    """The first and the last + 1 item of each chunk: about equal numbers of items, at least one chunk.

    Args:
        n_items: I.
        n_annotations: how much work there is in all.
        cells_per_chunk: how many numbers a chunk's partial sums hold.

    >>> chunk_edges(10, n_annotations=50)
    [(0, 10)]
    >>> chunk_edges(10_000, n_annotations=50_000)
    [(0, 5000), (5000, 10000)]
    """
    n_chunks = min(MOST_CHUNKS, n_annotations // WORTH_A_THREAD, n_items)
    if cells_per_chunk:
        n_chunks = min(n_chunks, max(MOST_CELLS // cells_per_chunk, 2))
    n_chunks = max(n_chunks, 1)
    edges = [n_items * chunk // n_chunks for chunk in range(n_chunks + 1)]
    return list(pairwise(edges))


def run_each(work: Callable[[int], Result], n_parts: int) -> list[Result]:
    """`work(0)` to `work(n_parts - 1)` on all cores; the results in this order.

    >>> run_each(lambda part: part * part, 4)
    [0, 1, 4, 9]
    """
    n_threads = min(n_parts, os.cpu_count() or 1)
    if n_threads <= 1:
        return [work(part) for part in range(n_parts)]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, range(n_parts)))
