"""How long it takes to score one relabelled item of a large project, beside a full run and beside reading the votes.

    python -m tests.benchmarks.changed [ANNOTATIONS]

Makes a store of so many annotations (a million by default; 5 an item, 10 labels, 500 annotators), scores it in full, gives
one item two more labels, and scores what changed. Prints seconds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import polars as pl

from dashboard.workflows import ingest, score, score_changed
from dashboard.workflows.opening import Store
from data.importers.parsed import ANNOTATIONS, ITEMS
from tests import stores
from tests.benchmarks.consensus import N_LABELS, generated

LABELS = tuple(f"label-{code}" for code in range(N_LABELS))


def main(n_annotations: int) -> None:
    """Make the store, time the runs, print."""
    with tempfile.TemporaryDirectory() as folder, stores.empty_store(Path(folder) / "store") as store:
        votes = generated(n_annotations).votes.select(
            pl.format("item-{}", "item_code").alias("item_id"),
            pl.format("annotator-{}", "annotator_code").alias("annotator_id"),
            pl.format("label-{}", "label_code").alias("label"),
        )
        _bring(store, votes, "all.csv")
        whole = score.ScoreOptions(figures=False)
        _say(
            "a full run", lambda: score.score(store, project_id=stores.PROJECT, by=stores.LENA, options=whole)
        )
        of_item = votes.filter(pl.col("item_id") == votes["item_id"][0])
        other = next(label for label in LABELS if label not in of_item["label"].to_list())
        relabel = of_item.head(2).with_columns(label=pl.lit(other))
        _bring(store, relabel, "relabel.csv")
        _say("reading all votes", lambda: store.read("score_votes", project_id=stores.PROJECT))
        marks: list[float] = []
        began = time.perf_counter()
        found = score_changed.score_changed(
            store,
            project_id=stores.PROJECT,
            by=stores.LENA,
            progress=lambda *_: marks.append(time.perf_counter()),
        )
        assert found.n_items == 1
        print(f"{'what changed, all of it':36} {time.perf_counter() - began:8.3f}")
        for what, seconds in zip(("reading", "consensus and counts", "writing"), _steps(marks), strict=True):
            print(f"{'  ' + what:36} {seconds:8.3f}")
        _say(
            "the consensus of all, as flags read it",
            lambda: store.read("score_consensus", project_id=stores.PROJECT, run_id=found.run_id),
        )


def _steps(marks: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(marks)]


def _say(what: str, call: Callable[[], object]) -> None:
    began = time.perf_counter()
    call()
    print(f"{what:36} {time.perf_counter() - began:8.3f}", flush=True)


def _bring(store: Store, votes: pl.DataFrame, name: str) -> None:
    like = stores.parsed_crowd(n_items=1, name=name)
    given = votes.with_row_index("row", offset=1).with_columns(independent=True)
    items = votes.select("item_id").unique().sort("item_id").with_columns(kind=pl.lit("text"))
    parsed = replace(
        like,
        annotations=_filled(given, ANNOTATIONS),
        items=_filled(items, ITEMS),
        annotators=like.annotators.clear(),
        predictions=like.predictions.clear(),
        n_rows=given.height,
        sha256=f"{given.height:064d}",
    )
    request = (
        ingest.ImportRequest(labels=LABELS, title="Large")
        if given.height > len(LABELS)
        else ingest.ImportRequest()
    )
    ingest.import_parsed(store, parsed=parsed, project_id=stores.PROJECT, by=stores.LENA, request=request)


def _filled(frame: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in schema.items()
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
