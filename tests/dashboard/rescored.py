"""Steps of the tests about scoring what changed: new votes, a relabel, a vote taken back, the partial run."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import polars as pl

from dashboard.workflows import (
    ingest,
    relabel,
    relabel_queue,
    relabel_reveal,
    score_changed,
)
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from dashboard.workflows.score_changed import Changed, ChangedOptions
from data.database import Reader
from data.records import Draft
from tests import stores

P = stores.PROJECT


def rescore(store: Store, *, request_id: str | None = None, project: str = P, **options: Any) -> Changed:
    return score_changed.score_changed(
        store, project_id=project, by=stores.LENA, options=ChangedOptions(**options), request_id=request_id
    )


def give(store: Store, votes: list[tuple[str, str, str]], *, name: str = "more.csv", **request: Any) -> None:
    """Import votes: item_id, annotator_id, label."""
    like = stores.parsed_crowd(n_items=1)
    given = pl.DataFrame(votes, schema=["item_id", "annotator_id", "label"], orient="row").with_columns(
        pl.lit(True).alias("independent")
    )
    items = pl.DataFrame({"item_id": given["item_id"].unique().sort()}).with_columns(kind=pl.lit("text"))
    parsed = replace(
        like,
        annotations=stores._filled(given.with_row_index("row", offset=1), like.annotations),
        items=stores._filled(items, like.items),
        annotators=like.annotators.clear(),
        predictions=like.predictions.clear(),
        n_rows=given.height,
        name=name,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
    )
    ingest.import_parsed(
        store, parsed=parsed, project_id=P, by=stores.LENA, request=ingest.ImportRequest(**request)
    )


def standing(store: Store) -> pl.DataFrame:
    """The consensus as flags and training read it."""
    run = store.read("flag_run", project_id=P)["run_id"][0]
    return store.read("score_consensus", project_id=P, run_id=run)


def newest_run(store: Store) -> dict[str, Any]:
    return store.read("score_runs", project_id=P).row(0, named=True)


def code_of(store: Store, item_id: str) -> int:
    items = store.read("import_known_items", project_id=P)
    return int(items.filter(pl.col("item_id") == item_id)["item_code"][0])


def relabelled(store: Store, *people: Person) -> str:
    """All of them give the first flagged item the same other label; its id."""
    work, label = None, ""
    for person in people:
        work = relabel_queue.next_item(store, project_id=P, by=person)
        assert work is not None
        asked: dict[str, Any] = {"project_id": P, "by": person, "flag_id": work.flag_id}
        codes = store.read("current_labels", project_id=P).filter(pl.col("item_code") == work.item_code)
        label = label or next(
            one for one in work.label_set.labels if one != work.label_set.label(codes["label_code"][0])
        )
        relabel.answer_blind(store, **asked, label=label)
        shown = relabel_reveal.reveal(store, **asked)
        relabel.answer(store, **asked, verdict="change", label=label, expected_version=shown.version)
    assert work is not None
    return work.item_id


def retract(store: Store, annotation_id: str) -> None:
    def plan(_reader: Reader) -> Draft:
        rows = {"retraction": [{"annotation_id": annotation_id, "undo_of": 0}]}
        return Draft("answer_undone", P, "a flag", {"rows": rows})

    store.submit(plan, by="lena", request={"verb": "retract", "annotation": annotation_id})
