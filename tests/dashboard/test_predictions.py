"""A model's probabilities as a use case: one event, names that never change, and a doubt where a model saw the labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analytics.frames import FloatArray
from dashboard.workflows import history, ingest, item_story, label_sets, model_runs, predictions
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from dashboard.workflows.prediction_check import compare
from dashboard.workflows.predictions import PredictionsRequest, PredictionsSummary
from data.importers.parsed import ANNOTATIONS, PREDICTIONS
from tests import rebuilt, stores

ITEMS = [f"item-{number:03d}" for number in range(40)]


def table_of(seed: int = 0, n: int = 40) -> FloatArray:
    return np.random.default_rng(seed).dirichlet((1, 1, 1), n)


def write(folder: Path, table: FloatArray, *, items: list[str] = ITEMS, name: str = "model.csv") -> Path:
    path = folder / name
    columns = dict(zip(stores.LABELS, table.T, strict=True))
    frame = pl.DataFrame({"item": items, **columns})
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


def bring(
    store: Store, path: Path, run: str = "m", *, skip: bool = False, dry: bool = False, request_id: str | None = None
) -> PredictionsSummary:  # fmt: skip
    request = PredictionsRequest(model_run=run, skip_bad_rows=skip, dry_run=dry, note="five folds")
    return predictions.import_predictions(
        store, path=path, project_id="pets", by=stores.LENA, request=request, request_id=request_id
    )


def test_a_run_is_one_event_and_comes_back_as_it_was(pets: Store, tmp_path: Path) -> None:
    head, table = pets.head, table_of()
    summary = bring(pets, write(tmp_path, table))
    assert (summary.imported, summary.items, summary.missing_items, pets.head) == (40, 40, 0, head + 1)
    item_codes, found = predictions.probabilities(pets, project_id="pets", model_run="m")
    assert item_codes.tolist() == list(range(40))
    np.testing.assert_allclose(found, table, rtol=0, atol=1e-12)
    ((run, note),) = model_runs.model_runs(pets, project_id="pets").select("model_run", "note").iter_rows()
    assert (run, note) == ("m", "five folds")
    said = history.events(pets, by=stores.LENA, project_id="pets").rows["words"][0]
    assert said.endswith("imported what the model run m says about 40 items: five folds")


def test_items_and_relabel_show_its_first_label(pets: Store, tmp_path: Path) -> None:
    bring(pets, write(tmp_path, np.tile([0.2, 0.1, 0.7], (40, 1))))
    story = item_story.item_story(pets, project_id="pets", by=stores.LENA, item_id="item-001")
    shown = story.predictions.select("model_run", "label", "score").rows()
    assert shown == [("m", "dog", 0.7)]
    suggested = pets.read("queue_prediction", project_id="pets", item_code=0)  # has one of an earlier run
    assert suggested.rows()[0] == ("m", 2, '"dog"', 0.7)


def test_a_store_made_from_the_journal_alone_has_the_run(pets: Store, tmp_path: Path) -> None:
    bring(pets, write(tmp_path, table_of()))
    before = rebuilt.tables(pets)
    assert len(before["probability"]) == 40
    assert len(before["model_run"]) == 1
    assert rebuilt.tables_of_journal(pets.path, tmp_path / "again") == before


def test_the_past_knows_nothing_of_the_run(pets: Store, tmp_path: Path) -> None:
    head = pets.head
    bring(pets, write(tmp_path, table_of()))
    assert model_runs.model_runs(pets, project_id="pets", as_of=head).is_empty()
    with pytest.raises(BadRequest, match="no model run 'm' in pets"):
        predictions.probabilities(pets, project_id="pets", model_run="m", as_of=head)


# --- again, and under another name ------------------------------------------------------------------------------------


def test_the_same_content_again_changes_nothing_in_whatever_form(pets: Store, tmp_path: Path) -> None:
    table = table_of()
    bring(pets, write(tmp_path, table))
    head = pets.head
    backwards = write(tmp_path, table[::-1], items=ITEMS[::-1], name="model.parquet")
    again = bring(pets, backwards)
    assert (again.imported, again.items, again.known, pets.head) == (0, 40, True, head)


def test_other_content_under_the_name_is_refused(pets: Store, tmp_path: Path) -> None:
    bring(pets, write(tmp_path, table_of()))
    head = pets.head
    for dry in (True, False):
        with pytest.raises(BadRequest, match="'m' is there with other probabilities"):
            bring(pets, write(tmp_path, table_of(1)), dry=dry)
    with pytest.raises(
        BadRequest, match="'model-1' belongs to predictions that came with an annotation file"
    ):
        bring(pets, write(tmp_path, table_of(1)), run="model-1")
    assert pets.head == head
    bring(pets, write(tmp_path, table_of(1)), run="m2")
    assert model_runs.model_runs(pets, project_id="pets")["model_run"].to_list() == ["m2", "m"]


def test_a_request_that_is_sent_again_is_saved_once(pets: Store, tmp_path: Path) -> None:
    path = write(tmp_path, table_of())
    first, head = bring(pets, path, request_id="r"), pets.head
    assert bring(pets, path, request_id="r").imported == first.imported == 40
    assert pets.head == head


# --- what is refused --------------------------------------------------------------------------------------------------


def test_an_unknown_item_or_a_bad_row_and_nothing_comes_in_unless_asked_for(
    pets: Store, tmp_path: Path
) -> None:
    table, head = table_of(), pets.head
    table[3] *= 2
    path = write(tmp_path, table, items=[*ITEMS[:-1], "stranger"])
    refused = bring(pets, path)
    assert (refused.refused, refused.imported, pets.head) == (True, 0, head)
    assert refused.unknown_items == ("stranger",)
    assert refused.rejected["row"].to_list() == [4]
    summary = bring(pets, path, skip=True)
    assert (summary.imported, summary.missing_items, summary.refused) == (38, 2, False)
    item_codes, _ = predictions.probabilities(pets, project_id="pets", model_run="m")
    assert item_codes.tolist() == [code for code in range(39) if code != 3]


def test_a_dry_run_changes_nothing(pets: Store, tmp_path: Path) -> None:
    head = pets.head
    summary = bring(pets, write(tmp_path, table_of()), dry=True)
    assert (summary.imported, summary.dry_run, pets.head) == (40, True, head)


def test_what_cannot_be_a_run_is_refused(pets: Store, tmp_path: Path) -> None:
    path, head = write(tmp_path, table_of()), pets.head
    for name in (" ", "a\nb", "x" * 201):
        with pytest.raises(BadRequest, match="needs a name"):
            bring(pets, path, run=name)
    with pytest.raises(BadRequest, match="for no item of pets"):
        bring(pets, write(tmp_path, table_of(), items=[f"x{n}" for n in range(40)]), skip=True)
    with pytest.raises(NotAllowed):
        predictions.import_predictions(
            pets, path=path, project_id="pets", by=stores.ANNA, request=PredictionsRequest("m")
        )
    with pytest.raises(BadRequest, match="--map item names no column"):
        predictions.map_options(["item"])
    assert pets.head == head


# --- the label set moves ----------------------------------------------------------------------------------------------


def test_labels_in_another_order_and_labels_that_came_later_keep_their_codes(
    pets: Store, tmp_path: Path
) -> None:
    label_sets.correct_level(
        pets, project_id="pets", by=stores.LENA, level="ordinal", order=["dog", "bird", "cat"]
    )
    table = table_of()
    path = tmp_path / "places.csv"
    pl.DataFrame({"item": ITEMS, "p0": table[:, 2], "p1": table[:, 0], "p2": table[:, 1]}).write_csv(path)
    bring(pets, path)
    parsed = replace(
        stores.parsed_crowd(seed=1, name="more.csv"), predictions=pl.DataFrame(schema=PREDICTIONS)
    )
    fish = parsed.annotations.with_columns(label=pl.lit("fish")).cast(ANNOTATIONS)
    ingest.import_parsed(
        pets, parsed=replace(parsed, annotations=fish), project_id="pets", by=stores.LENA,
        request=ingest.ImportRequest(extend_labels=True),
    )  # fmt: skip
    _, found = predictions.probabilities(pets, project_id="pets", model_run="m")
    np.testing.assert_allclose(found, np.pad(table, ((0, 0), (0, 1))), rtol=0, atol=1e-12)


# --- has it seen the labels? ------------------------------------------------------------------------------------------

N = 200


def crowd(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What is true of N items, and what a majority that errs on three in ten of them says."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, N)
    errs = rng.random(N) < 0.3
    return truth, np.where(errs, (truth + 1) % 3, truth)


def sure_of(labels: np.ndarray, p: float) -> FloatArray:
    table = np.full((len(labels), 3), (1 - p) / 2)
    table[np.arange(len(labels)), labels] = p
    return table


def frames(majority: np.ndarray, gold: np.ndarray) -> tuple[pl.DataFrame, pl.DataFrame]:
    votes = pl.DataFrame({"item_code": np.arange(len(majority)), "majority": majority, "tied": False})
    return votes, pl.DataFrame({"item_code": np.arange(len(gold)), "label_code": gold})


def test_a_model_that_learned_the_annotators_mistakes_by_heart_is_doubted() -> None:
    truth, majority = crowd()
    found = compare(np.arange(N), sure_of(majority, 0.98), *frames(majority, truth))
    assert found.out_of_sample == "doubted"
    assert found.warning is not None
    assert "give the majority's label 0.98 on average" in found.warning


@pytest.mark.parametrize("p", [0.6, 0.98])
def test_a_model_that_knows_better_than_the_annotators_is_not(p: float) -> None:
    truth, majority = crowd()
    assert compare(np.arange(N), sure_of(truth, p), *frames(majority, truth)).out_of_sample == "passed"


def test_an_overconfident_model_that_never_saw_the_labels_is_not() -> None:
    truth, majority = crowd()
    guess = np.where(np.random.default_rng(1).random(N) < 0.7, truth, (truth + 2) % 3)
    assert compare(np.arange(N), sure_of(guess, 0.99), *frames(majority, truth)).out_of_sample == "passed"


def test_a_model_that_is_surer_where_there_are_annotations_is_doubted() -> None:
    truth, majority = crowd()
    half = majority[: N // 2]
    table = np.concatenate([sure_of(half, 0.97), sure_of(truth[N // 2 :], 0.7)])
    found = compare(np.arange(N), table, *frames(half, truth[:0]))
    assert found.out_of_sample == "doubted"
    assert found.warning is not None
    assert "0.97 on average on the 100 items with annotations, but 0.70 on the 100 without" in found.warning
    even = compare(np.arange(N), sure_of(truth, 0.7), *frames(half, truth[:0]))
    assert (even.out_of_sample, even.warning) == ("passed", None)


def test_too_few_items_say_nothing() -> None:
    truth, majority = crowd()
    found = compare(np.arange(29), sure_of(majority[:29], 1), *frames(majority[:29], truth[:29]))
    assert (found.out_of_sample, found.warning) == ("not_checked", None)


def test_the_doubt_is_kept_with_the_run(tmp_path: Path) -> None:
    with stores.empty_store(tmp_path / "store") as store:
        parsed = stores.parsed_crowd(n_items=160, n_annotators=1)  # one person, who guesses
        gold = parsed.items.with_columns(gold=pl.lit("cat"))
        ingest.import_parsed(
            store, parsed=replace(parsed, items=gold), project_id="pets", by=stores.LENA,
            request=ingest.ImportRequest(labels=stores.LABELS),
        )  # fmt: skip
        said = parsed.annotations["label"].replace_strict(dict(zip(stores.LABELS, range(3), strict=True)))
        path = write(tmp_path, sure_of(said.to_numpy(), 1), items=parsed.annotations["item_id"].to_list())
        summary = bring(store, path)
        run = model_runs.model_runs(store, project_id="pets").row(0, named=True)
        assert run["out_of_sample"] == summary.out_of_sample == "doubted"
        assert run["warning"] == summary.warning
        said = history.events(store, by=stores.LENA, project_id="pets").rows["words"][0]
        assert "it looks in-sample" in said
