"""The part of the page Bias about what is done: the effect first, one button, and who may."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.workflows import bias_decisions
from tests.dashboard.bias_steps import crowd_store
from tests.dashboard.pages import checked, open_page, shown_by, words


def test_a_reviewer_sees_the_effect_and_decides(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        app = open_page("bias", person="rita", section="actions")
        assert "Nothing was decided so far" in words(app)
        app.selectbox(key="bias_action_by").set_value("site")
        app.text_input(key="bias_action_purpose").set_value("the statement").run()
        app.button(key="bias_propose").click().run()
        said = words(checked(app)).replace("\\", "")
        assert "labels would change" in said
        assert not bias_decisions.decisions(store, "pets", as_of=store.head)
        app.text_input(key="bias_action_reason").set_value("more voices").run()
        app.button(key="bias_commit").click().run()
        said = words(checked(app)).replace("\\", "")
        assert "1 action was decided" in said
        assert "Why: more voices" in said
        assert len(bias_decisions.decisions(store, "pets", as_of=store.head)) == 1


@pytest.mark.parametrize("person", ["lars"])
def test_a_lead_reads_what_was_decided_and_no_attribute(tmp_path: Path, person: str) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        app = open_page("bias", person=person, section="actions")
        assert "Compliance reviewers and administrators see" in words(app)
        assert not [box for box in app.selectbox if box.key == "bias_action_by"]
