"""Why a label is what it is: complete, as of a moment, out of sample, and silent before the blind answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard.workflows import explain as explaining
from dashboard.workflows import guideline, relabel
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.explain import Explanation, explain, explain_revealed
from dashboard.workflows.explanation_document import SCHEMA, document
from dashboard.workflows.guideline import Guideline
from dashboard.workflows.guideline_clause import clause_of
from dashboard.workflows.item_story import item_story
from dashboard.workflows.items import ItemFilter, find_items
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_state import newest_flag
from tests import stores
from tests.dashboard.test_relabel_gold import GOLD_ITEM, a_store_whose_gold_differs
from tests.stores import START

P = stores.PROJECT


def told(store: Store, item_id: str, *, as_of: int | None = None) -> Explanation:
    return explain(store, project_id=P, by=stores.LENA, item_id=item_id, as_of=as_of)


def flagged_item(store: Store) -> tuple[str, str]:
    found = find_items(store, project_id=P, by=stores.LENA, where=ItemFilter(flag="open"))
    item_id = str(found.rows["item_id"][0])
    return item_id, newest_flag(store, P, item_id)


def test_an_explanation_has_votes_model_neighbours_and_flags(flagged: Store) -> None:
    item_id, flag_id = flagged_item(flagged)
    found = told(flagged, item_id)
    assert found.story.contributions is not None
    assert found.story.contributions.voters.height == 5
    assert found.model.undefined == (
        "the probabilities of model-1 were brought in; they come without weights, so what it saw in the item cannot be shown"
        if found.runs
        else "no model was trained on these labels"
    )
    assert found.model.command == f"touchstone train --project {P}"
    assert found.neighbours.n_nearest == 5
    assert item_id not in [
        one.item_id for one in found.neighbours.speaks_for + found.neighbours.speaks_against
    ]
    assert found.story.flags[0].flag_id == flag_id
    assert found.story.flags[0].reasons


def test_the_same_question_has_the_same_answer(pets: Store) -> None:
    one, two = (json.dumps(document(told(pets, "item-003")), default=str) for _ in range(2))
    assert one == two


def test_the_document_is_json_with_a_schema_and_no_codes(flagged: Store) -> None:
    found = json.loads(
        json.dumps(document(told(flagged, flagged_item(flagged)[0])), default=str, allow_nan=False)
    )
    assert found["schema"] == SCHEMA
    assert {one["voted"] for one in found["rests_on"]["voters"]} <= {*stores.LABELS, None}
    assert len(found["votes"]) == 5
    assert found["flags"][0]["reasons"][0]["evidence"]
    assert found["model"]["cannot_show"]
    assert found["guideline"] is None


def test_whose_votes_decide_are_those_without_whom_it_would_be_another_label(pets: Store) -> None:
    seen = 0
    for number in range(40):
        story = item_story(pets, project_id=P, by=stores.LENA, item_id=f"item-{number:03d}")
        made = story.contributions
        assert made is not None
        for row in made.voters.iter_rows(named=True):
            decides = row["label_without_code"] != made.label_code
            assert (row["annotator_id"] in explaining._decisive(story)) == decides
            if decides:
                assert row["p_label_without"] <= 0.5
                seen += 1
    assert seen


def test_before_the_scoring_there_is_no_label_and_after_the_past_it_is_as_it_was(pets: Store) -> None:
    scored = told(pets, "item-001").story.versions["seq"][0]
    before = told(pets, "item-001", as_of=int(scored) - 1)
    assert before.story.label is None
    assert before.neighbours.undefined == "the item has no label"
    assert before.model.undefined == "no model was trained on these labels"
    with pytest.raises(BadRequest, match="no project"):
        told(pets, "item-001", as_of=1)


def test_what_the_guideline_says_is_that_of_the_moment(pets: Store) -> None:
    label = told(pets, "item-001").story.label
    assert label is not None
    head = pets.head
    guideline.publish(
        pets, project_id=P, by=stores.LENA, markdown=f"# Pets\n\n- A {label.label} looks so.\n- Others not."
    )
    clause = told(pets, "item-001").clause
    assert clause is not None
    assert clause.passages == (f"- A {label.label} looks so.",)
    assert told(pets, "item-001", as_of=head).clause is None


def test_annotators_may_not_ask(pets: Store) -> None:
    with pytest.raises(NotAllowed):
        explain(pets, project_id=P, by=stores.ANNA, item_id="item-001")


def test_nothing_is_told_before_the_blind_answer(flagged: Store) -> None:
    _, flag_id = flagged_item(flagged)
    with pytest.raises(BadRequest, match="own answer"):
        explain_revealed(flagged, project_id=P, by=stores.ANNA, flag_id=flag_id)
    with pytest.raises(NotAllowed):
        explain_revealed(flagged, project_id=P, by=stores.RITA, flag_id=flag_id)
    relabel.answer_blind(flagged, project_id=P, by=stores.ANNA, flag_id=flag_id, label="cat")
    found = explain_revealed(flagged, project_id=P, by=stores.ANNA, flag_id=flag_id)
    assert found.model.command == f"touchstone train --project {P}"
    assert found.n_nearest == 5


def test_a_revealed_label_tells_neither_gold_nor_names_nor_other_items(tmp_path: Path) -> None:
    with a_store_whose_gold_differs(tmp_path / "store") as store:
        flag_id = newest_flag(store, P, GOLD_ITEM)
        relabel.answer_blind(store, project_id=P, by=stores.ANNA, flag_id=flag_id, label="cat")
        found = repr(explain_revealed(store, project_id=P, by=stores.ANNA, flag_id=flag_id))
        assert "gold" not in found.lower().replace("goldberg", "")
        assert "item-" not in found
        assert "'a0'" not in found
        assert found.count("label=") <= 3


@pytest.mark.parametrize(
    ("markdown", "passages"),
    [
        ("# Pets\n\nA **cat** purrs.\nIt is small.\n\nA dog barks.", ("A **cat** purrs.\nIt is small.",)),
        ("## Cat\n\nIt purrs.\n\n- It is small.\n\n## Dog\n\nIt barks.", ("It purrs.", "- It is small.")),
        ("| label | is |\n|---|---|\n| cat | purring |\n| dog | no cat |", ("cat · purring",)),
        ("No category here.", None),
    ],
)
def test_the_clause_that_names_a_label(markdown: str, passages: tuple[str, ...] | None) -> None:
    clause = clause_of(Guideline(3, markdown, START, "lena"), "cat")
    assert (None if clause is None else clause.passages) == passages
    assert clause is None or clause.version == 3
