"""The items behind a label, behind agreement with oneself, and behind the accuracy on gold; and who may see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import items, items_behind, monitor, overview
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import ANNOTATOR, Person
from tests.dashboard import scenes
from tests.dashboard.pages import checked, open_page, shown_by, words
from tests.stores import ANNA, LENA, PROJECT, RITA, annotated_store, small_store

ROWS = [
    ("one", "a0", "cat"), ("one", "a1", "cat"), ("one", "a2", "dog"), ("one", "a0", "dog"),
    ("two", "a0", "dog"), ("two", "a1", "dog"), ("two", "a0", "dog"), ("two", "a0", "dog"),
    ("three", "a0", "cat"), ("three", "a1", "cat"), ("three", "a2", "cat"),
    ("four", "a2", "bird"), ("four", "a1", "bird"),
]  # fmt: skip
GOLD = {"one": "cat", "two": "cat", "three": "cat"}
ANNOTATIONS = pl.DataFrame(ROWS, schema=["item_id", "annotator_id", "label"], orient="row")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with annotated_store(tmp_path / "store", ANNOTATIONS, gold=GOLD) as opened:
        yield opened


def test_the_items_of_a_label_are_those_that_somebody_called_so(store: Store) -> None:
    found = items_behind.label_items(store, project_id=PROJECT, by=LENA, label="cat")
    assert found.select("item_id", "votes_label", "votes").rows() == [("one", 2, 4), ("three", 3, 3)]
    with pytest.raises(BadRequest, match="fish"):
        items_behind.label_items(store, project_id=PROJECT, by=LENA, label="fish")


def test_what_one_person_labelled_again_those_at_odds_first(store: Store) -> None:
    found = items_behind.repeated_items(store, project_id=PROJECT, by=LENA)
    assert found.rows() == [("one", "a0", 2, "cat, dog", False), ("two", "a0", 3, "dog, dog, dog", True)]


def test_gold_items_are_those_that_the_stored_accuracy_counts_as_wrong(tmp_path: Path, store: Store) -> None:
    found = items_behind.gold_differing(store, project_id=PROJECT, by=LENA)
    assert found is not None
    assert found.select("item_id", "gold", "consensus", "n_annotations", "today").rows() == [
        ("two", "cat", "dog", 4, "dog")
    ]
    for each in (store, small_store(tmp_path / "other" / "store")):
        run = monitor.newest_run(each, PROJECT)
        listed = items_behind.gold_differing(each, project_id=PROJECT, by=LENA)
        assert run is not None
        assert listed is not None
        row = monitor.figures(each, PROJECT, run).row(
            by_predicate=pl.col("key") == "consensus_accuracy_on_gold", named=True
        )
        assert listed.height == round((1 - row["value"]) * row["n"])
        assert listed["p_label"].is_sorted(descending=True)
        each.close()


def test_gold_is_never_told_to_an_annotator(store: Store) -> None:
    for person in (ANNA, Person("x", "X", frozenset()), Person("y", "Y", frozenset({ANNOTATOR}))):
        with pytest.raises(NotAllowed):
            items_behind.gold_differing(store, project_id=PROJECT, by=person)
        with pytest.raises(NotAllowed):
            items_behind.repeated_items(store, project_id=PROJECT, by=person)
        with pytest.raises(NotAllowed):
            items_behind.label_items(store, project_id=PROJECT, by=person, label="cat")
        with pytest.raises(NotAllowed):
            items.every_item(store, project_id=PROJECT, by=person)
    assert items_behind.gold_differing(store, project_id=PROJECT, by=RITA) is not None


def test_before_the_first_run_there_is_no_consensus_that_could_differ(tmp_path: Path) -> None:
    with small_store(tmp_path / "store", scored=False) as unscored:
        assert items_behind.gold_differing(unscored, project_id=PROJECT, by=LENA) is None
        assert items_behind.repeated_items(unscored, project_id=PROJECT, by=LENA).is_empty()


def test_the_past_does_not_know_what_came_later(store: Store) -> None:
    assert items_behind.gold_differing(store, project_id=PROJECT, by=LENA, as_of=1) is None
    assert items_behind.repeated_items(store, project_id=PROJECT, by=LENA, as_of=1).is_empty()
    assert items_behind.label_items(store, project_id=PROJECT, by=LENA, label="cat", as_of=1).is_empty()


@pytest.mark.parametrize(("behind", "said"), [
    ("agreement", "All annotations agree on 3 of 4 items"),
    ("repeats", "One label each time on 1 of 2"),
    ("gold", "1 gold item has another consensus than gold"),
])  # fmt: skip
def test_the_page_lists_what_its_address_names(store: Store, behind: str, said: str) -> None:
    with shown_by(store):
        page = open_page("agreement", person="lena", project=PROJECT, behind=behind)
        assert said in words(page)
        assert len(page.get("download_button")) >= 2


def test_a_label_in_the_address_shows_its_items(store: Store) -> None:
    with shown_by(store):
        page = open_page("agreement", person="lena", project=PROJECT, label="cat")
        assert "2 items were called cat by somebody; on 1 of them others said something else." in words(page)


def test_no_page_of_an_annotator_names_gold(store: Store) -> None:
    with shown_by(store):
        for key in ("agreement", "overview", "items"):
            page = open_page(key, person="anna", project=PROJECT, behind="gold")
            assert "another consensus than gold" not in words(page)
            assert not page.dataframe


def test_all_items_of_a_filter_can_be_taken_along(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store, shown_by(store):
        where = items.ItemFilter(label="cat")
        every = items.every_item(store, project_id=PROJECT, by=LENA, where=where)
        page = items.find_items(store, project_id=PROJECT, by=LENA, where=where, page_size=3)
        assert every.height == page.total > 3
        assert every["item_id"].head(3).to_list() == page.rows["item_id"].to_list()
        assert not {"item_code", "label_code", "picture", "total"} & set(every.columns)
        seen = open_page("items", person="lena", project=PROJECT, label="cat")
        assert any(
            f"All {every.height} as CSV" in str(button.proto)
            for button in checked(seen).get("download_button")
        )


def test_of_sets_the_items_of_a_choice_are_those_whose_sets_have_it(tmp_path: Path) -> None:
    with scenes.scored_store(tmp_path) as store:
        found = items_behind.label_items(store, project_id=scenes.P, by=LENA, label="dog")
        seen = overview.overview(store, project_id=scenes.P, by=LENA)
        today = items.find_items(
            store, project_id=scenes.P, by=LENA, where=items.ItemFilter(label="dog"), page_size=1
        )
    counted: dict[str, int] = {}
    for row in scenes.scene_rows():
        if "dog" in row["label"]:
            counted[row["item"]] = counted.get(row["item"], 0) + 1
    assert dict(found.select("item_id", "votes_label").iter_rows()) == counted
    assert set(found["votes"]) == {6}
    assert set(seen.mix["label"]) <= set(scenes.CHOICES)
    assert seen.mix.filter(pl.col("label") == "dog")["n"].to_list() == [today.total]
