"""How fast what pulls labels, and the mixed model of a gap, are worked out: whole answers, beside the plain way to get one slope.

    python -m tests.benchmarks.effects [--items 200000] [--rounds 3] [--peer-up-to 1000000]

Five annotations an item by 500 annotators, two labels, sittings of 100 answers, gold for every fourth item. Order effects are all 16
slopes with intervals and their curves. The peer takes means of annotators and items off in turn with pandas until nothing moves by more
than 1e-7 (at most 300 rounds, as our own first version did), which gives one slope and no interval. The mixed model has no peer that
ends at this size: statsmodels' MixedLM builds a dense matrix of annotations and items. Ours is timed in a process of its own;
importing, compiling and making the work are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl

from tests.benchmarks import bias
from tests.benchmarks.rows import (
    Call,
    Row,
    forget_peak,
    item_options,
    median_seconds,
    own_rows,
    peak_mb,
    print_table,
)

ORDER, MIXED = "order, tiredness and haste: 16 slopes and curves", "mixed model of 2 annotator groups"
TASKS = ((ORDER, "pandas, means in turn, one slope"), (MIXED, ""))
ROUNDS, LEFT_OVER = 300, 1e-7


def timed_votes(n_items: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Votes with the moment and the seconds of each answer, in an order of their own; and gold."""
    rng = np.random.default_rng(4)
    votes = bias.generated(n_items).votes
    place = pl.int_range(pl.len()).over("annotator_code")
    ordered = votes.with_columns(order=pl.Series(rng.permutation(votes.height))).sort(
        "annotator_code", "order"
    )
    pause = pl.duration(seconds=place * 12 + (place // 100) * 7200)
    told = ordered.with_columns(
        at=pl.lit(datetime(2026, 1, 1, tzinfo=UTC)) + pause,
        active_seconds=pl.Series(rng.lognormal(2, 0.7, votes.height)),
    )
    items = np.arange(0, n_items, 4)
    return told, pl.DataFrame({"item_code": items, "label_code": rng.integers(0, bias.N_LABELS, items.size)})


def ours(task: str, n_items: int) -> Call:
    """The call of a task."""
    if task == MIXED:
        from analytics.mixed_gaps import mixed_gaps

        work = bias.generated(n_items)
        return lambda: mixed_gaps(work.votes, work.people, n_labels=bias.N_LABELS)
    from analytics.order_effects import order_effects

    votes, gold = timed_votes(n_items)
    return lambda: order_effects(votes, n_labels=bias.N_LABELS, gold=gold, replicates=bias.REPLICATES)


def in_turn(n_items: int) -> Call:
    """One slope of whether an answer is the label of most on the place in the sitting, within annotators and items."""
    votes, _ = timed_votes(n_items)
    place = pl.int_range(pl.len()).over("annotator_code") % 100
    wrong = pl.col("label_code") != pl.col("label_code").mean().over("item_code").round()
    table = votes.select("item_code", "annotator_code", x=place / 100, y=wrong.cast(pl.Float64)).to_pandas()

    def call() -> float:
        left = table[["x", "y"]].copy()
        for _ in range(ROUNDS):
            moved = 0.0
            for key in ("annotator_code", "item_code"):
                mean = left.groupby(table[key]).transform("mean")
                moved = max(moved, float(mean.abs().to_numpy().max()))
                left -= mean
            if moved <= LEFT_OVER:
                break
        return float((left["x"] * left["y"]).sum() / (left["x"] ** 2).sum())

    return call


def child(task: str, n_items: int, rounds: int) -> None:
    """What `rows` starts: prints our seconds and the peak in MB as JSON."""
    ours(task, 2000)()  # compiles
    call = ours(task, n_items)
    forget_peak()
    print(json.dumps([median_seconds(call, rounds), peak_mb()]))


def rows(asked: argparse.Namespace) -> Iterator[Row]:
    """Each line of the table; the peer is measured once."""
    size = asked.items * bias.N_VOTES
    theirs = median_seconds(in_turn(asked.items), 1) if size <= asked.peer_up_to else None
    yield from own_rows("tests.benchmarks.effects", TASKS, size, theirs, asked)


def main(asked: argparse.Namespace) -> list[Row]:
    """Measure, print and return every line."""
    return print_table(rows(asked))


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    return item_options(__doc__, words, rounds=3)


if __name__ == "__main__":
    given = options()
    if given.child:
        child(given.child, given.items, given.rounds)
    else:
        main(given)
