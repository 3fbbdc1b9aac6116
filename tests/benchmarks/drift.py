"""How fast drift is worked out: a day against 90 days, and next to Evidently's report of the same columns.

    python -m tests.benchmarks.drift [--annotations 10000000] [--peer-rows 1000000] [--rounds 3]

10 labels, 5,000 annotators, 5 annotations an item. Ours: the label mixes with two-way clustered covariances, the three distances with
intervals, each label's rate by day and the sequential test of the one that moved most with its simulated limit. Evidently: its report
of five columns (DataDriftPreset) of as many rows, half of them the reference; without intervals, clusters or time. Loading, importing
and compiling are left out for both.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl

from analytics.label_mix import distances, label_mix
from analytics.sequential import watch
from tests.benchmarks.rows import Row, forget_peak, in_own_process, median_seconds, peak_mb, print_table

N_LABELS, N_ANNOTATORS, PER_ITEM, DAYS = 10, 5000, 5, 91


def generated(n: int) -> pl.DataFrame:
    """Annotations of 91 days: item_code, annotator_code, label_code, day."""
    rng = np.random.default_rng(7)
    item = np.arange(n) // PER_ITEM
    day = (item * DAYS // (item[-1] + 1)).astype(np.int64)
    return pl.DataFrame(
        {
            "item_code": item, "annotator_code": rng.integers(0, N_ANNOTATORS, n), "label_code": rng.integers(0, N_LABELS, n),
            "day": day,
        }
    )  # fmt: skip


def ours(rows: pl.DataFrame) -> object:
    """Everything that is said of the mix of labels and its course."""
    codes = [rows[name].to_numpy() for name in ("item_code", "annotator_code", "label_code")]
    day = rows["day"].to_numpy()
    split = int(np.searchsorted(day, DAYS - 1))  # in the order of time
    parts = (slice(None, split), slice(split, None))
    mixes = [label_mix(codes[0][part], codes[1][part], codes[2][part], N_LABELS) for part in parts]
    found = distances(mixes[0], mixes[1])
    table = np.bincount(day * N_LABELS + codes[2], minlength=DAYS * N_LABELS).reshape(DAYS, N_LABELS)
    top = int(np.argmax(np.abs(mixes[1].shares - mixes[0].shares)))
    counts = pl.DataFrame(
        {
            "period": np.arange(DAYS),
            "k": table[:, top],
            "n": table.sum(axis=1),
            "season_code": np.arange(DAYS) % 7,
        }
    )
    return found, watch(counts, n_reference=DAYS - 1)


def evidently(rows: pl.DataFrame) -> Callable[[], object]:
    """Evidently's report of five columns: the label, the annotator's group, the day of the week, two numbers."""
    os.environ["DO_NOT_TRACK"] = "1"
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    rng = np.random.default_rng(1)
    wide = rows.select(
        label=pl.col("label_code").cast(pl.Utf8), team=(pl.col("annotator_code") % 20).cast(pl.Utf8),
        weekday=(pl.col("day") % 7).cast(pl.Utf8), seconds=pl.Series(rng.gamma(2, 4, rows.height)),
        sureness=pl.Series(rng.random(rows.height)),
    ).to_pandas()  # fmt: skip
    definition = DataDefinition(
        numerical_columns=["seconds", "sureness"], categorical_columns=["label", "team", "weekday"]
    )
    half = rows.height // 2
    sets = [Dataset.from_pandas(part, data_definition=definition) for part in (wide[half:], wide[:half])]
    return lambda: Report([DataDriftPreset()]).run(sets[0], sets[1]).get_html_str(as_iframe=False)


def child(n: int, rounds: int) -> None:
    """What `_rows` starts: prints our seconds and the peak in MB as JSON."""
    ours(generated(10_000))  # compiles
    work = generated(n)
    forget_peak()
    print(json.dumps([median_seconds(lambda: ours(work), rounds, warm_up=False), peak_mb()]))


def _rows(asked: argparse.Namespace) -> Iterator[Row]:
    if asked.peer_rows:
        report = evidently(generated(asked.peer_rows))
        theirs = median_seconds(report, 1, warm_up=False)
        task = "drift of the label mix with its course (peer: a report of five columns)"
        yield Row(task, asked.peer_rows, "evidently", theirs, *_measured(asked.peer_rows, asked.rounds))
    task = "drift of a day against 90, label mix with its course"
    yield Row(task, asked.annotations, "none", None, *_measured(asked.annotations, asked.rounds))


def _measured(n: int, rounds: int) -> tuple[float, float]:
    words = ("--child", "--annotations", str(n), "--rounds", str(rounds))
    seconds, peak = in_own_process("tests.benchmarks.drift", *words)
    return seconds, peak


def main(asked: argparse.Namespace) -> list[Row]:
    """Measure and print the table."""
    return print_table(_rows(asked))


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, or the words in its place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--annotations", type=int, default=10_000_000, help="of the 91 days")
    parser.add_argument(
        "--peer-rows", type=int, default=1_000_000, help="rows for Evidently; 0 leaves it out"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of ours; the median is printed")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(words)


if __name__ == "__main__":
    chosen = options()
    if chosen.child:
        child(chosen.annotations, chosen.rounds)
    else:
        main(chosen)
