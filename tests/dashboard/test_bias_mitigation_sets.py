"""Evening out a model of sets: one choice at a time, the others as they were."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from dashboard.workflows.bias_evening import decide
from dashboard.workflows.bias_mitigation import CONSTRAINTS, MitigationView, mitigate
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.model_runs import model_runs
from dashboard.workflows.model_samples import ModelRun, record_model_run
from dashboard.workflows.opening import Store
from dashboard.workflows.predictions import probabilities
from tests import stores
from tests.dashboard.pages import open_page, shown_by, words
from tests.dashboard.test_bias_sets import P, sets_store

THRESHOLDS, PARITY = "a threshold for each group", "demographic_parity"


def a_model(store: Store, *, lean: float) -> None:
    """Says a dog more often of items of the city (even numbers) than of others; of the car it knows the same of both."""
    rng = np.random.default_rng(4)
    label_set = require_label_set(store, P)
    items = store.read("import_known_items", project_id=P).sort("item_code")
    number = items["item_id"].str.slice(1).cast(pl.Int64).to_numpy()
    votes = store.read("score_votes", project_id=P)
    columns = []
    for name in label_set.choices:
        has = votes.with_columns(has=pl.col("label_code").is_in(label_set.codes_with(name)))
        share = items.join(
            has.group_by("item_code").agg(pl.col("has").mean()), on="item_code", maintain_order="left"
        )["has"].to_numpy()
        tilt = lean * np.where(number % 2 == 0, 1, -1) if name == "dog" else 0.0
        columns.append(1 / (1 + np.exp(-(5 * (share - 0.5) + tilt + rng.normal(0, 0.6, number.size)))))
    table = np.column_stack(columns)[None].astype(np.float32)
    run = ModelRun("leaning", items["item_code"].to_numpy(), table, {"by": "a test"})
    record_model_run(store, project_id=P, by=stores.LENA, run=run, saw=store.head)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with sets_store(tmp_path_factory.mktemp("set-mitigation"), gap=0.2) as store:
        a_model(store, lean=1.2)
        yield store


def seen_of(store: Store, label: str) -> MitigationView:
    return mitigate(store, project_id=P, by=stores.RITA, attribute="place", label=label, replicates=100)


def said(store: Store, run: str, label: str) -> tuple[np.ndarray, np.ndarray]:
    """(I,) whether the run has the choice in the set, and whether the item is of the city."""
    codes, table = probabilities(store, project_id=P, model_run=run)
    items = pl.DataFrame({"item_code": codes}).join(
        store.read("import_known_items", project_id=P), on="item_code", maintain_order="left"
    )
    place = require_label_set(store, P).choices.index(label)
    return table[:, place] >= 0.5, items["item_id"].str.slice(1).cast(pl.Int64).to_numpy() % 2 == 0


def gap(store: Store, run: str, label: str) -> float:
    has, is_city = said(store, run, label)
    return float(has[is_city].mean() - has[~is_city].mean())


def test_a_model_that_leans_on_one_choice_is_evened_out_in_it_alone(scenes: Store) -> None:
    seen = seen_of(scenes, "dog")
    before = seen.found.table.filter(method="as it is").row(0, named=True)
    assert before["parity_gap"] == pytest.approx(abs(gap(scenes, "leaning", "dog")), abs=0.08)
    run = decide(
        scenes, project_id=P, by=stores.RITA, seen=seen, method=THRESHOLDS, constraint=PARITY, name="even", reason="a test"
    )  # fmt: skip
    assert gap(scenes, "leaning", "dog") > 0.25
    assert abs(gap(scenes, run, "dog")) < gap(scenes, "leaning", "dog") / 2
    codes, was = probabilities(scenes, project_id=P, model_run="leaning")
    same, now = probabilities(scenes, project_id=P, model_run=run)
    assert (codes == same).all()
    place = require_label_set(scenes, P).choices.index("dog")
    others = np.arange(was.shape[1]) != place
    assert (now[:, others] == was[:, others]).all()
    changed = now[:, place] != was[:, place]
    assert 0 < changed.sum() < codes.size / 2
    assert now[changed, place] == pytest.approx(1 - was[changed, place])
    assert model_runs(scenes, project_id=P)["model_run"][0] == "even"


def test_a_choice_on_which_the_model_does_not_lean_has_hardly_a_gap(scenes: Store) -> None:
    plain = seen_of(scenes, "car").found.table.filter(method="as it is").row(0, named=True)
    leaning = seen_of(scenes, "dog").found.table
    assert plain["parity_gap"] < 0.15
    assert set(leaning["constraint"].drop_nulls()) == set(CONSTRAINTS)


def test_a_choice_that_nobody_gave_cannot_be_judged_and_a_set_is_no_choice(scenes: Store) -> None:
    assert "fewer than" in (seen_of(scenes, "tree").found.undefined or "")
    with pytest.raises(BadRequest, match=r"no label 'car \+ dog'\. Labels: car, dog, tree"):
        seen_of(scenes, "car + dog")


def test_the_page_offers_the_choices(scenes: Store) -> None:
    with shown_by(scenes):
        app = open_page(
            "bias", project=P, person="rita", section="model", even_label="dog", even_run="leaning"
        )
        assert [box.label for box in app.selectbox][:3] == [
            "Between groups of",
            "Choice",
            "Labels of the model run",
        ]
        app.button(key="bias_mitigate").click().run()
        assert "“dog” by place" in words(app).replace("\\", "")
