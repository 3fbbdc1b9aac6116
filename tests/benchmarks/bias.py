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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from analytics.gap_draws import Draws
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

N_VOTES, N_LABELS, N_GROUPS, N_ANNOTATORS = 5, 2, 5, 500
REPLICATES = 1000


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


def child(task: str, n_items: int, rounds: int) -> None:
    """What `rows` starts: prints our seconds and the peak in MB as JSON."""
    call = ours(task, generated(n_items))
    call()  # compiles
    forget_peak()
    print(json.dumps([median_seconds(call, rounds), peak_mb()]))


def rows(asked: argparse.Namespace) -> Iterator[Row]:
    """Each line of the table; the peer is measured once."""
    size = asked.items * N_VOTES
    is_asked = size <= asked.peer_up_to
    theirs = median_seconds(fairlearn(generated(asked.items)), min(asked.rounds, 3)) if is_asked else None
    yield from own_rows("tests.benchmarks.bias", TASKS, size, theirs, asked)


def main(asked: argparse.Namespace) -> list[Row]:
    """Measure, print and return every line."""
    return print_table(rows(asked))


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    return item_options(__doc__, words, rounds=5)


if __name__ == "__main__":
    given = options()
    if given.child:
        child(given.child, given.items, given.rounds)
    else:
        main(given)
