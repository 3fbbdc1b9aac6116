"""How fast the consensus models are, next to the libraries that people use for them, in the same run.

    python -m tests.benchmarks.consensus [MODEL ...] [--sizes 100000,1000000] [--rounds 3] [--peer-up-to 1000000]

MODEL: dawid-skene, glad, mace, crowdlab, weighted-vote, contributions (all, if none is named). Generated work:
5 annotations an item, 10 labels, 500 annotators up to a million annotations, 5,000 beyond. Importing, compiling
and making the work are left out for everyone. Ours is timed in a process of its own, from the frame to the
frozen result; its peak memory is that of the process, with the frame in it (read from /proc: Linux).
Dawid-Skene runs 10 iterations for both; GLAD is one iteration of the peer's against the whole of our fit; MACE
and CROWDLAB run as they come. Contributions have no peer; their time has one iteration of Dawid-Skene in it.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tests.benchmarks.rows import Row, forget_peak, in_own_process, median_seconds, peak_mb, print_table

N_LABELS = 10
PER_ITEM = 5
N_ITERATIONS = 10
WARM_UP = 60_000


@dataclass(frozen=True, slots=True)
class Work:
    """Votes and a model's probabilities of their items, 0 to I - 1."""

    votes: pl.DataFrame
    probabilities: np.ndarray


def generated(n_annotations: int) -> Work:
    """Annotators right in half to nearly all cases; rows in any order."""
    rng = np.random.default_rng(7)
    n_items = n_annotations // PER_ITEM
    n_annotators = 500 if n_annotations <= 1_000_000 else 5_000
    known = rng.integers(0, N_LABELS, n_items)
    # Five different annotators of each item: one drawn, the others at fixed distances from it.
    annotators = (rng.integers(0, n_annotators, (n_items, 1)) + np.array([0, 7, 31, 77, 191])) % n_annotators
    right = rng.random(annotators.shape) < np.linspace(0.5, 0.95, n_annotators)[annotators]
    labels = np.where(right, known[:, None], rng.integers(0, N_LABELS, annotators.shape))
    order = rng.permutation(n_annotations)
    items = np.repeat(np.arange(n_items), PER_ITEM)
    columns = {"item_code": items, "annotator_code": annotators.ravel(), "label_code": labels.ravel()}
    votes = pl.DataFrame({name: values[order].astype(np.int64) for name, values in columns.items()})
    noise = rng.random((n_items, N_LABELS))
    noise[np.arange(n_items), known] += 2.0
    return Work(votes, noise / noise.sum(axis=1, keepdims=True))


def ours(model: str) -> Callable[[Work], object]:
    """Our function for a model, imported."""
    from analytics.contributions import model_contributions
    from analytics.crowdlab import crowdlab
    from analytics.dawid_skene import dawid_skene
    from analytics.glad import glad
    from analytics.mace import mace
    from analytics.weighted_vote import weighted_vote

    def explain(work: Work) -> object:
        fit = dawid_skene(work.votes, n_labels=N_LABELS, max_iterations=1)
        return model_contributions(
            work.votes,
            fit.items,
            priors=fit.priors,
            confusion=fit.confusion,
            annotator_codes=fit.annotator_codes,
        )

    calls: dict[str, Callable[[Work], object]] = {
        "dawid-skene": lambda work: dawid_skene(
            work.votes, n_labels=N_LABELS, max_iterations=N_ITERATIONS, tolerance=0
        ),
        "glad": lambda work: glad(work.votes, n_labels=N_LABELS),
        "mace": lambda work: mace(work.votes, n_labels=N_LABELS),
        "crowdlab": lambda work: crowdlab(
            work.votes, work.probabilities, item_codes=np.arange(len(work.probabilities))
        ),
        "weighted-vote": lambda work: weighted_vote(work.votes, n_labels=N_LABELS),
        "contributions": explain,
    }
    return calls[model]


def peer(model: str) -> tuple[str, Callable[[Any], object], Callable[[Work], Any]] | None:
    """Name and function of the library to compare with, and what makes its input; None: there is none."""
    from cleanlab.multiannotator import get_label_quality_multiannotator
    from crowdkit.aggregation import GLAD, MACE, DawidSkene

    def table(work: Work) -> Any:
        return work.votes.select(task="item_code", worker="annotator_code", label="label_code").to_pandas()

    def matrix(work: Work) -> Any:
        n_annotators = int(work.votes.get_column("annotator_code").to_numpy().max()) + 1
        wide = np.full((len(work.probabilities), n_annotators), np.nan)
        item, annotator, label = (work.votes.get_column(name).to_numpy() for name in work.votes.columns)
        wide[item, annotator] = label
        return wide, work.probabilities

    never = -1e30
    peers: dict[str, tuple[str, Callable[[Any], object], Callable[[Work], Any]]] = {
        "dawid-skene": (
            "crowd-kit",
            lambda frame: DawidSkene(n_iter=N_ITERATIONS, tol=never).fit(frame),
            table,
        ),
        "glad": ("crowd-kit", lambda frame: GLAD(n_iter=1, tol=never).fit(frame), table),
        "mace": ("crowd-kit", lambda frame: MACE().fit(frame), table),
        "crowdlab": (
            "cleanlab",
            lambda given: get_label_quality_multiannotator(*given, verbose=False),
            matrix,
        ),
    }
    return peers.get(model)


def child(model: str, n_annotations: int, rounds: int) -> None:
    """What `_row` starts: prints our seconds and the peak in MB as JSON."""
    call = ours(model)
    call(generated(WARM_UP))  # compiles
    work = generated(n_annotations)
    forget_peak()
    print(json.dumps([median_seconds(lambda: call(work), rounds, warm_up=False), peak_mb()]))


def main(arguments: argparse.Namespace) -> list[Row]:
    """Measure and print the table."""
    warnings.simplefilter("ignore")  # of the peers, on import and in pandas calls of their own
    return print_table(_row(model, size, arguments) for model in arguments.models for size in arguments.sizes)


def _row(model: str, size: int, asked: argparse.Namespace) -> Row:
    theirs, name = None, "none"
    compared = peer(model)
    if compared is not None and size <= asked.peer_up_to:
        name, call, made_from = compared
        call(made_from(generated(5_000)))
        given = made_from(generated(size))
        theirs = median_seconds(lambda: call(given), asked.peer_rounds, warm_up=False)
    words = ("--child", model, "--sizes", str(size), "--rounds", str(asked.rounds))
    mine, peak = in_own_process("tests.benchmarks.consensus", *words)
    return Row(model, size, name, theirs, mine, peak)


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, or the words in its place."""
    models = ["dawid-skene", "glad", "mace", "crowdlab", "weighted-vote", "contributions"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="which models; all, if none is named")
    parser.add_argument("--sizes", default="100000,1000000", help="numbers of annotations")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of ours; the median is printed")
    parser.add_argument("--peer-rounds", type=int, default=1, help="rounds of the peer")
    parser.add_argument("--peer-up-to", type=int, default=1_000_000, help="the largest size that a peer gets")
    parser.add_argument("--child", choices=models, help=argparse.SUPPRESS)
    found = parser.parse_args(words)
    unknown = set(found.models) - set(models)
    if unknown:
        parser.error(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(models)}")
    found.models = found.models or models
    found.sizes = [int(size.replace("_", "")) for size in found.sizes.split(",")]
    return found


if __name__ == "__main__":
    chosen = options()
    if chosen.child:
        child(chosen.child, chosen.sizes[0], chosen.rounds)
    else:
        main(chosen)
