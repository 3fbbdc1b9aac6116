"""Labels that are sets are explained one choice at a time: who put it in, what the votes and what the model hold of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from dashboard.workflows import score, train
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.explain import Explanation, explain
from dashboard.workflows.explanation_document import document
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.pages import open_page, shown_by, words
from tests.dashboard.scenes import CHOICES, P, bring, scene_rows, write_jsonl

SEEN = {"car": "wheels road engine", "dog": "fur paws tail", "tree": "leaves bark roots"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Scenes whose texts tell what is in them, with a trained model."""
    folder = tmp_path_factory.mktemp("scenes")
    rows = scene_rows(n_items=60)
    by_item: dict[str, list[list[str]]] = {}
    for row in rows:
        by_item.setdefault(row["item"], []).append(row["label"])
    for row in rows:
        given = by_item[row["item"]]
        inside = [choice for choice in CHOICES if 2 * sum(choice in one for one in given) > len(given)]
        row["text"] = " ".join(SEEN[choice] for choice in inside) or "nothing at all"
    with stores.empty_store(folder / "store") as found:
        bring(found, write_jsonl(folder / "scenes.jsonl", rows))
        score.score(
            found, project_id=P, by=stores.LENA, options=score.ScoreOptions(replicates=100, figures=False)
        )
        train.train(
            found,
            project_id=P,
            by=stores.LENA,
            options=train.TrainOptions(n_members=3, n_folds=3, penalty=0.1),
        )
        yield found


def told(store: Store, item_id: str, choice: str | None = None) -> Explanation:
    return explain(store, project_id=P, by=stores.LENA, item_id=item_id, choice=choice)


def a_scene_with(store: Store, choice: str) -> str:
    for number in range(60):
        found = told(store, f"scene-{number:02d}")
        held = [one for one in found.choices if one.is_in]
        if found.story.label and choice in found.story.label.label and len(held) > 1:
            return found.item_id
    raise AssertionError(choice)


def test_every_choice_that_somebody_put_in_is_told_with_who_did(store: Store) -> None:
    found = told(store, "scene-04")
    given = found.story.annotations["label"].to_list()
    named = {name for label in given for name in label.split(" + ")} - {"(none)"}
    assert named <= {one.choice for one in found.choices}
    for one in found.choices:
        assert one.n_in == sum(one.choice in label.split(" + ") for label in given)
        assert sum(vote.put_in for vote in one.votes) == one.n_in
        assert one.p_model is not None
        assert one.p_votes is not None
    assert [one.doubt for one in found.choices] == sorted((one.doubt for one in found.choices), reverse=True)


def test_the_model_is_taken_apart_for_the_choice_that_is_asked_for(store: Store) -> None:
    item_id = a_scene_with(store, "dog")
    found = told(store, item_id, "dog")
    model = found.model
    assert (found.choice, model.label, model.against) == ("dog", "dog", "not dog")
    assert model.p_label == pytest.approx(1 - (model.p_against or 0.0))
    assert {one.term.split()[0] for one in model.speaks_for[:2]} <= set(SEEN["dog"].split())
    assert model.log_odds is not None
    assert model.baseline_log_odds is not None
    assert sum(span.value for span in model.spans) == pytest.approx(
        model.log_odds - model.baseline_log_odds, rel=0.01
    )
    other = told(store, item_id, "car").model
    assert other.label == "car"
    assert other.spans != model.spans


def test_by_default_the_most_doubtful_choice_is_taken_apart(store: Store) -> None:
    found = told(store, "scene-04")
    assert found.choice == found.choices[0].choice == found.model.label


def test_neighbours_go_by_the_choice(store: Store) -> None:
    found = told(store, a_scene_with(store, "dog"), "dog")
    assert found.neighbours.choice == "dog"
    assert all("dog" in one.label.split(" + ") for one in found.neighbours.speaks_for)
    assert not any("dog" in one.label.split(" + ") for one in found.neighbours.speaks_against)


def test_a_run_is_held_against_the_whole_set(store: Store) -> None:
    found = told(store, a_scene_with(store, "dog"))
    run = found.runs[0]
    assert run.p_label is not None
    assert found.story.label is not None
    assert run.agrees == (run.label == found.story.label.label)


def test_an_unknown_choice_is_refused(store: Store) -> None:
    with pytest.raises(BadRequest, match="'cow' is no choice"):
        told(store, "scene-04", "cow")


def test_the_document_has_the_choices(store: Store) -> None:
    found = json.loads(json.dumps(document(told(store, "scene-04")), default=str, allow_nan=False))
    assert found["choice"] in CHOICES
    assert set(found["choices"][0]) == {"choice", "is_in", "p_votes", "p_model", "n_in", "n_votes", "votes"}


def test_the_page_tells_one_choice_at_a_time(store: Store) -> None:
    item_id = a_scene_with(store, "dog")
    with shown_by(store):
        app = open_page("explanations", person="lena", item=item_id, choice="dog")
        said = words(app)
    assert "One choice at a time" in said
    assert "put it in" in said
    assert "for dog, orange" in said
    assert app.selectbox(key="address_choice").value == "dog"
