"""Every page in every state for every role, and what the pages' buttons do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import navigation, session
from dashboard.navigation import PAGES
from dashboard.workflows import demo, flag, guideline, ingest, relabel_queue, score, settings
from dashboard.workflows.opening import Store, open_store
from dashboard.workflows.rules import Person
from tests import stores
from tests.dashboard.pages import checked, open_page, shown_by, words

KEYS = [page.key for page in PAGES]
DOUBTFUL = flag.FlagOptions(least_probability=0.95, least_margin=0.5)


def one_label_store(path: Path) -> Store:
    """A project in which everybody always said the same: agreement beyond chance is undefined."""
    store = stores.empty_store(path)
    same = stores.parsed_crowd(n_items=6, n_annotators=2, name="same.csv")
    parsed = type(same)(
        annotations=same.annotations.with_columns(pl.lit("cat").alias("label")),
        items=same.items.with_columns(pl.lit(None, dtype=pl.Utf8).alias("gold")),
        annotators=same.annotators,
        predictions=same.predictions.clear(),
        rejected=same.rejected,
        format=same.format,
        mapping=same.mapping,
        guessed=(),
        n_rows=same.n_rows,
        sha256="1" * 64,
        name="same.csv",
    )
    request = ingest.ImportRequest(labels=stores.LABELS)
    ingest.import_parsed(store, parsed=parsed, project_id=stores.PROJECT, by=stores.LENA, request=request)
    score.score(store, project_id=stores.PROJECT, by=stores.LENA, options=score.ScoreOptions(replicates=200))
    return store


def demo_store(path: Path) -> Store:
    demo.build_demo(path, now=datetime(2026, 11, 1, 12, tzinfo=UTC), keys_folder=path.parent / "keys")
    return open_store(path, keys_folder=path.parent / "keys")


STATES = {
    "no project": stores.empty_store,
    "not scored": lambda path: stores.small_store(path, scored=False),
    "undefined": one_label_store,
    "demo": demo_store,
}


@pytest.fixture(scope="module", params=STATES)
def state(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = STATES[request.param](tmp_path_factory.mktemp("state") / "store")
    with store, shown_by(store):
        yield store


@pytest.fixture
def pets(tmp_path: Path) -> Iterator[Store]:
    store = stores.small_store(tmp_path / "store")
    with store, shown_by(store):
        yield store


def one_of_each_role() -> list[Person]:
    """The first member with each role, the store's own people."""
    found: dict[str, Person] = {}
    for person in session.people():
        for role in sorted(person.roles):
            found.setdefault(role, person)
    return list(found.values())


@pytest.mark.parametrize("key", KEYS)
def test_every_page_opens_in_every_state_for_every_role(state: Store, key: str) -> None:
    for person in one_of_each_role():
        said = words(open_page(key, person=person.person_id))
        refused = f"{navigation.page(key).title} is not for your role" in said
        assert refused != navigation.page(key).allows(person)
        assert re.search(r"^#{1,4} |^#### |:material/", said, re.MULTILINE), "a page says something first"
        assert not re.search(r"\b(nan|NaN|None|null|inf)\b", said)


@pytest.mark.parametrize("key", KEYS)
def test_every_page_can_show_the_past(pets: Store, key: str) -> None:
    person = "lena" if navigation.page(key).allows(stores.LENA) else "anna"
    said = words(open_page(key, person=person, as_of="8"))
    assert "You see everything as it was" in said


def test_the_figures_are_undefined_in_words_where_there_is_only_one_label(tmp_path: Path) -> None:
    with one_label_store(tmp_path / "store") as store, shown_by(store):
        said = words(open_page("overview", person="lena"))
        assert "only one label" in said
        assert "0.00" not in said


def test_overview_scores_and_flags(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store", scored=False) as store, shown_by(store):
        app = open_page("overview", person="lena")
        checked(next(button for button in app.button if button.label.startswith("Score")).click().run())
        assert store.read("score_runs", project_id="pets", as_of=None).height == 1
        app = open_page("overview", person="lena")
        checked(app.button(key="todo_flag").click().run())
        progress = relabel_queue.progress(store, project_id="pets", by=stores.LENA, today=store.clock())
        assert progress.n_open > 0


def test_a_reviewer_is_shown_no_button_that_would_be_refused(pets: Store) -> None:
    app = open_page("overview", person="rita")
    assert [
        button.label
        for button in app.button
        if button.key and button.key.startswith(("todo", "score", "flag"))
    ] == []


def test_items_keeps_its_filters_in_the_address(pets: Store) -> None:
    app = open_page("items", person="lena", label="cat")
    everything = len(open_page("items", person="lena").dataframe[0].value)
    cats = app.dataframe[0].value
    assert 0 < len(cats) < everything
    assert {tuple(row) for row in cats["Label"]} == {("cat",)}


def test_an_address_with_nonsense_shows_the_page_all_the_same(pets: Store) -> None:
    for address in (
        {"label": "elephant"},
        {"sort": "'; drop table"},
        {"page": "-3"},
        {"as_of": "x"},
        {"item": "nobody"},
    ):
        open_page("items", person="lena", **address)


def test_one_items_story_has_its_annotations_label_and_history(pets: Store) -> None:
    app = open_page("items", person="rita", item="item-003")
    assert app.text[0].value == "A small animal, number 3, seen in the garden."
    said = words(app)
    for annotator in ("a0", "a4"):
        assert annotator in said
    assert "the consensus of its annotations" in said


def test_a_lead_publishes_a_guideline(pets: Store) -> None:
    app = open_page("guideline", person="lena")
    app.text_area[0].set_value("# Pets\n\nA fox is a dog.").run()
    checked(next(button for button in app.button if "ublish" in button.label).click().run())
    newest = guideline.current(pets, project_id="pets")
    assert newest is not None
    assert (newest.version, newest.markdown) == (2, "# Pets\n\nA fox is a dog.\n")


def test_an_annotator_reads_the_guideline_and_cannot_write_it(pets: Store) -> None:
    app = open_page("guideline", person="anna")
    assert "Choose the animal" in words(app)
    assert len(app.text_area) == 0


def test_the_limits_of_a_release_are_shown_to_a_lead(pets: Store) -> None:
    said = words(open_page("settings", person="lars", tab="limits"))
    limits = settings.limits(pets, "pets")
    assert len(limits) == len(settings.SETTINGS)
    assert "alpha" in said


class TestRelabel:
    """The desk without a browser; keys and focus are tests/browser's."""

    @pytest.fixture
    def flagged(self, pets: Store) -> Store:
        flag.raise_flags(pets, project_id="pets", by=stores.LENA, options=DOUBTFUL)
        return pets

    def test_the_blind_answer_comes_before_the_reveal(
        self, flagged: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dashboard.relabel_desk.LOOK_SECONDS", 0.0)
        app = open_page("relabel", person="anna")
        assert "The current label" not in words(app)
        app = checked(self.press(app, "cat"))
        app = checked(self.press(app, "Submit cat"))
        assert "The current label" in words(app)
        answers = relabel_queue.recent(flagged, project_id="pets", by=stores.ANNA)
        assert answers.select("action", "label").rows() == [("blind", "cat")]

    def test_enter_without_a_label_says_what_to_do(self, flagged: Store) -> None:
        app = checked(self.press(open_page("relabel", person="anna"), "Submit"))
        assert "Choose a label first" in words(app)
        assert relabel_queue.recent(flagged, project_id="pets", by=stores.ANNA).is_empty()

    def test_a_press_on_the_screen_before_is_dropped(self, flagged: Store) -> None:
        app = checked(self.press(open_page("relabel", person="anna"), "cat"))
        assert relabel_queue.recent(flagged, project_id="pets", by=stores.ANNA).is_empty()
        assert any("Submit cat" in button.label for button in app.button)

    def test_nothing_left_is_said_in_words(self, pets: Store) -> None:
        assert "No flags yet" in words(open_page("relabel", person="anna"))

    def test_the_past_cannot_be_relabelled(self, flagged: Store) -> None:
        app = open_page("relabel", person="anna", as_of="9")
        assert "Relabelling happens now" in words(app)
        assert not [button for button in app.button if button.label.startswith("Submit")]

    @staticmethod
    def press(app: AppTest, words: str) -> AppTest:
        return next(button for button in app.button if button.label.endswith(words)).click().run()


def test_a_store_that_cannot_be_opened_is_said_on_every_page() -> None:
    session.set_failure("The store acme is open in another process (PID 41).")
    try:
        for key in ("overview", "relabel"):
            said = words(open_page(key, person="lena"))
            assert "open in another process" in said
    finally:
        session.clear_store()
