"""Several samples an item: every member is kept, the mean is what is shown, and members that say the same are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analytics.frames import FloatArray
from dashboard.workflows import model_runs, model_samples, predictions
from dashboard.workflows.opening import Store
from tests import rebuilt, stores
from tests.dashboard.test_predictions import ITEMS, bring

MEMBERS = ("10", "9", "ema")


def members_of(seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).dirichlet((1, 1, 1), (3, 40))


def long(table: FloatArray, names: tuple[str, ...] = MEMBERS, column: str = "member") -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"item": ITEMS, column: [name] * 40, **dict(zip(stores.LABELS, one.T, strict=True))})
        for name, one in zip(names, table, strict=True)
    )


def save(folder: Path, frame: pl.DataFrame, name: str = "ensemble.csv") -> Path:
    path = folder / name
    if path.suffix == ".csv":
        frame.write_csv(path)
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_ndjson(path)
    return path


@pytest.mark.parametrize("form", ["e.csv", "e.parquet", "e.jsonl"])
def test_every_member_comes_back_and_the_mean_beside_them(pets: Store, tmp_path: Path, form: str) -> None:
    table = members_of()
    shuffled = long(table, column="Sample").sample(fraction=1.0, shuffle=True, seed=3)
    summary = bring(pets, save(tmp_path, shuffled, form))
    assert summary.members == ("9", "10", "ema")  # by number, then by name
    assert (summary.imported, summary.warning) == (40, None)
    codes, samples = model_samples.samples(pets, project_id="pets", model_run="m")
    assert codes.tolist() == list(range(40))
    np.testing.assert_allclose(samples, table[[1, 0, 2]], atol=1e-6)
    _, mean = predictions.probabilities(pets, project_id="pets", model_run="m")
    np.testing.assert_allclose(mean, table.mean(axis=0), atol=1e-12)
    run = model_runs.model_runs(pets, project_id="pets").row(0, named=True)
    assert (run["n_members"], run["provenance"]) == (3, '{"members":["9","10","ema"]}')


def test_the_same_members_again_in_another_order_change_nothing(pets: Store, tmp_path: Path) -> None:
    frame = long(members_of())
    bring(pets, save(tmp_path, frame))
    head = pets.head
    again = bring(pets, save(tmp_path, frame.reverse(), "again.parquet"))
    assert (again.known, again.imported, pets.head) == (True, 0, head)


def test_an_item_without_a_member_is_named_with_it_and_refused(pets: Store, tmp_path: Path) -> None:
    head, frame = pets.head, long(members_of())
    path = save(tmp_path, frame.filter(~((pl.col("item") == "item-007") & (pl.col("member") == "9"))))
    refused = bring(pets, path)
    assert refused.refused
    assert refused.rejected["reason"].unique().to_list() == [
        "item 'item-007' has no row of member '9', which other items have"
    ]
    assert refused.rejected["row"].to_list() == [8, 87]
    assert pets.head == head
    taken = bring(pets, path, skip=True)
    assert (taken.imported, taken.missing_items) == (39, 1)
    codes, samples = model_samples.samples(pets, project_id="pets", model_run="m")
    assert 7 not in codes
    np.testing.assert_allclose(samples, np.delete(members_of(), 7, axis=1)[[1, 0, 2]], atol=1e-6)


def test_every_row_is_checked_and_a_member_stands_once(pets: Store, tmp_path: Path) -> None:
    frame = long(members_of())
    twice = pl.concat([frame, frame[3:4]])
    reasons = bring(pets, save(tmp_path, twice)).rejected.rows()
    assert reasons == [(121, "item 'item-003' of member '10' stands in row 4 already")]
    wrong = frame.with_columns(
        cat=pl.when(pl.int_range(pl.len()) == 50).then(2.0).otherwise("cat"),
        member=pl.when(pl.int_range(pl.len()) == 60).then(None).otherwise("member"),
    )
    rows = dict(bring(pets, save(tmp_path, wrong)).rejected.rows())
    assert rows[51] == "cat is 2.0, which is not within 0 and 1"
    assert rows[61].startswith("no member")
    assert set(rows) == {11, 21, 51, 61, 91, 101}


def test_members_that_say_the_same_are_named(pets: Store, tmp_path: Path) -> None:
    table = members_of()
    table[2] = table[0]
    summary = bring(pets, save(tmp_path, long(table)))
    assert summary.warning is not None
    assert "exactly the same of every item: 10 and ema." in summary.warning
    assert summary.out_of_sample != "doubted"


def test_a_store_made_from_the_journal_alone_has_the_members(pets: Store, tmp_path: Path) -> None:
    bring(pets, save(tmp_path, long(members_of())))
    before = rebuilt.tables(pets)
    assert len(before["model_sample"]) == 40
    assert rebuilt.tables_of_journal(pets.path, tmp_path / "again") == before


def test_one_member_is_a_run_without(pets: Store, tmp_path: Path) -> None:
    one = long(members_of()[:1], ("a",))
    bring(pets, save(tmp_path, one))
    again = bring(pets, save(tmp_path, one.drop("member"), "plain.csv"))
    assert again.known
