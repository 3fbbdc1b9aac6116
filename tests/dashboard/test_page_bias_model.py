"""The part of the page Bias about the model: the price first, then the decision; who may, and what is said where there is nothing."""

from __future__ import annotations

from pathlib import Path

from dashboard.workflows import bias_evening
from tests import stores
from tests.dashboard.bias_steps import crowd_store, leaning_model
from tests.dashboard.pages import checked, open_page, shown_by, words


def test_a_reviewer_sees_the_price_and_decides(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        leaning_model(store, "leaning")
        app = open_page("bias", person="rita", section="model", even_by="channel", even_label="dog")
        app.button(key="bias_mitigate").click().run(timeout=120)
        said = words(checked(app)).replace("\\", "")
        assert "Evening out “dog” by channel" in said
        assert "Judged by the people's labels" in said
        assert bias_evening.decided(store, project_id="pets", by=stores.RITA).is_empty()
        app.text_input(key="bias_mitigate_reason").set_value("mails are no dogs").run()
        app.button(key="bias_mitigate_commit").click().run(timeout=60)
        said = words(checked(app)).replace("\\", "")
        assert "Decided: the run leaning, dog even by channel" in said
        assert "Why: mails are no dogs" in said
        assert bias_evening.decided(store, project_id="pets", by=stores.RITA).height == 1


def test_a_lead_sees_no_button_that_decides(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        leaning_model(store, "leaning")
        app = open_page("bias", person="lars", section="model")
        app.button(key="bias_mitigate").click().run(timeout=120)
        assert "Compliance reviewers and administrators decide" in words(checked(app))
        assert not [button for button in app.button if button.key == "bias_mitigate_commit"]


def test_filters_stand_in_the_address_and_a_wrong_one_is_no_trouble(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        leaning_model(store, "leaning")
        app = open_page(
            "bias", person="rita", section="model", even_by="shoes", even_label="cat", even_run="none"
        )
        assert app.selectbox(key="address_even_by").value == "channel"
        assert app.selectbox(key="address_even_label").value == "cat"
        assert app.selectbox(key="address_even_run").value == "leaning"


def test_without_a_model_it_says_how_to_get_one(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        app = open_page("bias", person="lars", section="model")
        assert "No model has labelled these items" in words(checked(app))
