"""The part of the page Bias about what pulls labels: every state and role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.workflows import bias_effects, suggestions
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.bias_steps import crowd_store
from tests.dashboard.pages import checked, open_page, shown_by, words
from tests.dashboard.test_bias_effects import QUICK, with_suggestions


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with crowd_store(tmp_path_factory.mktemp("page_effects") / "store") as store:
        with_suggestions(store, pull=0.5)
        bias_effects.measure(store, project_id="pets", by=stores.LENA, options=QUICK)
        yield store


@pytest.mark.parametrize("person", ["lars", "lena", "rita"])
def test_the_first_line_answers_and_the_parts_stand_below(measured: Store, person: str) -> None:
    with shown_by(measured):
        app = open_page("bias", person=person, section="effects")
        said = words(app).replace("\\", "")
        assert "Yes: people agree with a suggestion" in said
        assert "Do shown suggestions pull labels?" in said
        assert "No figure for" in said
        tables = [frame.value.to_csv() for frame in app.dataframe]
        assert any("Pull, in points" in table for table in tables)
        assert any("channel" in table for table in tables)


def test_annotators_see_nothing_of_it(measured: Store) -> None:
    with shown_by(measured):
        assert "pull labels" not in words(open_page("bias", person="anna", section="effects"))


def test_before_it_was_measured_one_button_does_it(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        app = open_page("bias", person="lars", section="effects")
        assert "Nothing was measured yet" in words(app)
        app.button(key="bias_effects_measure").click().run()
        said = words(checked(app))
        assert "Nothing was measured yet" not in said
        assert "no annotation says whether a suggestion was shown" in said


def test_a_lead_with_the_right_to_change_settings_says_when_suggestions_are_shown(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        app = open_page("bias", person="lena", section="effects")
        app.radio(key="suggestions_when").set_value("before")
        app.text_input(key="suggestions_reason").set_value("to measure the pull").run()
        app.button(key="suggestions_change").click().run()
        checked(app)
        assert suggestions.rule_of(store, "pets").when == "before"
        reviewer = open_page("bias", person="rita", section="effects")
        assert "shown before it" in words(reviewer)
        assert not [box for box in reviewer.radio if box.key == "suggestions_when"]
