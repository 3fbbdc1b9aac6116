"""Groups compared where labels are sets: choice by choice, all corrected together, nothing of a group too small to be shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dashboard.workflows import bias, bias_behind, bias_rows, bias_statement, bias_view, ingest
from dashboard.workflows.bias_sources import each_question, of_choice, read_sources
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.bias_steps import N_PEOPLE, SECRET, SITES
from tests.dashboard.pages import open_page, shown_by, words

P = "scenes"
CHOICES = ("car", "dog", "tree")
QUICK = bias.BiasOptions(by=("annotator:site", "item:place"), purpose="a test", replicates=200)


def sets_store(path: Path, *, gap: float = 0.35, n_items: int = 200) -> Store:
    """46 people, of whom those of the south put a dog into sets `gap` more often; nobody ever gives the tree."""
    rng = np.random.default_rng(8)
    truth = rng.random((n_items, 3)) < (0.5, 0.4, 0.0)
    lines = []
    for item in range(n_items):
        for person in rng.choice(N_PEOPLE, 6, replace=False):
            said = truth[item] ^ (rng.random(3) < (0.12, 0.12, 0.0))
            if SITES[person] == "south" and rng.random() < gap:
                said[1] = True
            lines.append(
                {
                    "item": f"i{item:03d}", "annotator": f"p{person:02d}", "label": [CHOICES[k] for k in range(3) if said[k]],
                    "gold": [CHOICES[k] for k in range(3) if truth[item][k]] if item % 3 == 0 else None,
                    "place": ("city", "country")[item % 2], "site": SITES[person],
                }
            )  # fmt: skip
    store = stores.empty_store(path / "store")
    file = path / "scenes.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    ingest.import_file(
        store, path=file, project_id=P, by=stores.LENA,
        options=ingest.ImportOptions(item_attributes=("place",), annotator_attributes=("site",)),
        request=ingest.ImportRequest(level="set", labels=CHOICES),
    )  # fmt: skip
    return store


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with sets_store(tmp_path_factory.mktemp("bias-sets")) as store:
        bias.bias(store, project_id=P, by=stores.LENA, options=QUICK)
        yield store


def gaps(store: Store) -> pl.DataFrame:
    seen = bias_view.bias_view(store, project_id=P, by=stores.RITA)
    assert seen is not None
    return seen.gaps


def test_a_planted_gap_is_found_on_its_choice_and_on_no_other(scenes: Store) -> None:
    found = gaps(scenes)
    rates = found.filter(side="annotator", measure="label_rate", group="north")
    by_label = {row["label"]: row for row in rates.iter_rows(named=True)}
    assert set(by_label) == {"car", "dog"}  # the tree was given by nobody: there is nothing to compare
    assert by_label["dog"]["verdict"] == "gap"
    assert by_label["dog"]["adjusted"] < -0.1
    assert by_label["dog"]["mixed_says"] == "agrees"
    assert by_label["car"]["verdict"] == "none"
    assert set(found.filter(verdict="gap", side="annotator")["label"]) == {"dog"}
    assert not found.filter(verdict="gap", label="car").height


def test_every_figure_is_of_one_choice_and_all_are_corrected_together(scenes: Store) -> None:
    found = gaps(scenes)
    assert set(found["label"]) == {"car", "dog"}
    for measure in ("disagreement", "error_on_gold", "true_positive_rate"):
        assert set(found.filter(measure=measure)["label"]) == {"car", "dog"}
    assert found.select(bias_rows.KEYS).is_duplicated().sum() == 0
    tested = found.filter(pl.col("tested_p").is_not_null())
    smallest = tested.sort("tested_p").row(0, named=True)
    assert smallest["p_adjusted"] >= min(smallest["tested_p"] * tested.height, 1.0) * 0.999


def test_words_name_the_choice(scenes: Store) -> None:
    found = gaps(scenes)
    wrong = found.filter(measure="error_on_gold", side="annotator", label="dog", group="north").row(
        0, named=True
    )
    assert bias_view.what(wrong) == "site north: wrong on gold on “dog”"
    assert "wrong on gold on “dog”" in bias_view.sentence(wrong)
    seen = bias_view.bias_view(scenes, project_id=P, by=stores.RITA)
    assert seen is not None
    assert "“dog”" in seen.sentence
    told = bias_statement.statement(scenes, project_id=P, by=stores.RITA)
    assert any("“dog”" in one.sentence for one in told.findings)


def test_a_group_too_small_to_be_shown_is_nowhere(scenes: Store) -> None:
    found = gaps(scenes)
    assert set(found.filter(side="annotator")["group"]) == {"north", "south"}
    assert SECRET not in json.dumps(
        bias_statement.document(bias_statement.statement(scenes, project_id=P, by=stores.RITA))
    )
    journal = b"".join(path.read_bytes() for path in sorted((scenes.path / "journal").iterdir()))
    assert SECRET.encode() not in journal


def mean_share(rows: pl.DataFrame) -> float:
    """The share over all annotations of rows of share and n."""
    return float(np.average(rows["share"].to_numpy(), weights=rows["n"].to_numpy()))


def test_what_stands_behind_a_gap_is_of_that_choice(scenes: Store) -> None:
    row = gaps(scenes).filter(side="item", measure="label_rate", label="dog").row(0, named=True)
    found = bias_behind.behind(scenes, project_id=P, by=stores.LENA, named=bias_rows.gap_id(row))
    assert mean_share(found.items) == pytest.approx(row["value"])
    people = (
        gaps(scenes)
        .filter(side="annotator", measure="error_on_gold", label="dog", group="north")
        .row(0, named=True)
    )
    told = bias_behind.behind(
        scenes, project_id=P, by=stores.LENA, named=bias_rows.gap_id(people), purpose="a test"
    )
    assert told.annotators is not None
    assert mean_share(told.annotators.filter(group="north")) == pytest.approx(people["value"])


def test_a_choice_is_two_labels_by_hand(scenes: Store) -> None:
    sources = read_sources(scenes, P, saw=scenes.head)
    assert [one.choice for one in each_question(sources)] == [
        sources.label_set.code("car"),
        sources.label_set.code("dog"),
    ]
    dog = of_choice(sources, sources.label_set.code("dog"))
    assert dog.n_labels == 2
    for code, told in zip(sources.votes["label_code"], dog.votes["label_code"], strict=True):
        assert told == ("dog" in json.loads(sources.label_set.json_of(code)))


def test_a_models_choices_are_those_from_one_half_on(scenes: Store) -> None:
    sources = read_sources(scenes, P, saw=scenes.head)
    car, dog = (sources.label_set.code(name) for name in ("car", "dog"))
    said = pl.DataFrame({"item_code": [0, 0, 1, 2], "label_code": [car, dog, dog, None]})
    model = of_choice(replace(sources, model=said), dog).model
    assert model is not None
    assert model.rows() == [(0, 1), (1, 1), (2, 0)]


def test_the_page_shows_one_choice_where_that_is_asked_for(scenes: Store) -> None:
    with shown_by(scenes):
        app = open_page("bias", project=P, person="rita", side="annotator", label="dog")
        table = app.dataframe[0].value.to_csv()
        assert "label “dog”" in table
        assert "wrong on gold on “dog”" in table
        assert SECRET not in words(app) + table
        assert "car" not in table
        row = (
            gaps(scenes)
            .filter(side="annotator", measure="label_rate", label="dog", group="north")
            .row(0, named=True)
        )
        assert "A mixed model agrees" in words(
            open_page("bias", project=P, person="rita", gap=bias_rows.gap_id(row))
        )
