"""What the benchmarks have in common: a line of the table, medians, and the peak memory of a process of its own."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

MEGABYTE = 1e6

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: seconds (medians), and our peak in MB; `peer_seconds` is None where no peer was asked.

    `size`: annotations or items, as the task says. On a card the peak is the card's.
    """

    task: str
    size: int
    peer: str
    peer_seconds: float | None
    our_seconds: float
    our_peak_mb: float
    device: Literal["cpu", "cuda"] = "cpu"

    def document(self) -> dict[str, object]:
        """The row as docs/benchmarks.json has it."""
        theirs = self.peer_seconds
        return {
            "task": self.task, "size": self.size, "peer": self.peer, "peer_seconds": None if theirs is None else round(theirs, 4),
            "our_seconds": round(self.our_seconds, 4), "ratio": None if theirs is None else round(theirs / self.our_seconds, 1),
            "our_peak_mb": round(self.our_peak_mb), "device": self.device,
        }  # fmt: skip

    def line(self) -> str:
        """The row as docs/benchmarks.md has it."""
        theirs = "" if self.peer_seconds is None else f"{self.peer_seconds:.3g}"
        ratio = "" if self.peer_seconds is None else _ratio(self.peer_seconds / self.our_seconds)
        return (
            f"| {self.task} | {self.size:,} | {self.peer} | {theirs} | {self.our_seconds:.3g} | {ratio} "
            f"| {self.our_peak_mb:,.0f} | {self.device} |"
        )


HEAD = """| task | annotations or items | peer | peer s | ours s | ratio | our peak MB | device |
|---|---|---|---|---|---|---|---|"""


def print_table(rows: Iterable[Row]) -> list[Row]:
    """Print each row as soon as it is measured, under the table's head; return them."""
    print(HEAD)
    found = []
    for row in rows:
        print(row.line(), flush=True)
        found.append(row)
    return found


def median_seconds(call: Call, rounds: int, *, warm_up: bool = True) -> float:
    """Median wall seconds; with `warm_up` after a round that does not count."""
    if warm_up:
        call()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def in_own_process(module: str, *words: str) -> Any:
    """Run a benchmark's module as a child, whose peak is its own; returns what it printed, from JSON."""
    command = [sys.executable, "-m", module, *words]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(finished.stdout)


def own_rows(
    module: str, tasks: Iterable[tuple[str, str]], size: int, theirs: float | None, asked: argparse.Namespace
) -> Iterator[Row]:
    """A line for each (task, peer or ""), ours measured in a process of its own; `theirs`: the one peer's seconds."""
    for task, peer in tasks:
        words = ("--child", task, "--items", str(asked.items), "--rounds", str(asked.rounds))
        seconds, peak = in_own_process(module, *words)
        yield Row(task, size, peer, theirs if peer else None, seconds, peak)


def item_options(about: str | None, words: Sequence[str] | None, *, rounds: int) -> argparse.Namespace:
    """The options of a benchmark of so many items: how many, rounds, and up to where the peer is asked."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument(
        "--peer-up-to", type=int, default=1_000_000, help="annotations that the peer is asked for"
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def forget_peak() -> None:
    """Let the process's peak begin anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """The process's peak in MB, from /proc. Not getrusage: its figure outlives exec and would be the parent's where that is larger."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) * 1000 / MEGABYTE


def _ratio(ratio: float) -> str:
    """As many digits as tell 1.5 from 2."""
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×"
