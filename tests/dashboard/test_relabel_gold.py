"""Which items are gold is not told to those whom gold tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from dashboard.workflows import flag, ingest, relabel, relabel_reveal, score
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_state import newest_flag
from dashboard.workflows.rules import Person
from tests import stores

GOLD_ITEM = "item-000"


def a_store_whose_gold_differs(path: Path) -> Store:
    """The first item's gold is another label than all five annotators gave it."""
    store = stores.empty_store(path)
    crowd = stores.parsed_crowd()
    known = dict(crowd.items.select("item_id", "gold").iter_rows())[GOLD_ITEM]
    given = next(label for label in stores.LABELS if label != known)
    of_item = pl.col("item_id") == GOLD_ITEM
    label = pl.when(of_item).then(pl.lit(given)).otherwise("label")
    parsed = replace(crowd, annotations=crowd.annotations.with_columns(label.alias("label")))
    request = ingest.ImportRequest(labels=stores.LABELS)
    ingest.import_parsed(store, parsed=parsed, project_id=stores.PROJECT, by=stores.LENA, request=request)
    score.score(store, project_id=stores.PROJECT, by=stores.LENA, options=score.ScoreOptions(figures=False))
    flag.raise_flags(store, project_id=stores.PROJECT, by=stores.LENA)
    return store


def revealed(store: Store, person: Person) -> relabel_reveal.Reveal:
    flag_id = newest_flag(store, stores.PROJECT, GOLD_ITEM)
    relabel.answer_blind(store, project_id=stores.PROJECT, by=person, flag_id=flag_id, label="cat")
    return relabel_reveal.reveal(store, project_id=stores.PROJECT, by=person, flag_id=flag_id)


def test_an_annotator_is_not_told_that_an_item_is_gold(tmp_path: Path) -> None:
    with a_store_whose_gold_differs(tmp_path / "store") as store:
        told = revealed(store, stores.ANNA)
        assert [reason.key for reason in told.reasons] == ["picked"]
        assert "known" not in " ".join(f"{one.title} {one.sentence} {one.evidence}" for one in told.reasons)


def test_a_lead_is(tmp_path: Path) -> None:
    with a_store_whose_gold_differs(tmp_path / "store") as store:
        assert [reason.key for reason in revealed(store, stores.LARS).reasons] == ["gold_disagreement"]
