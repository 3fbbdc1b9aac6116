"""The page Explanations, the card in Relabel, and the verb: for whom, and what they show."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from analytics.attribution_spans import Span
from dashboard.explanation_view import highlighted, pixel_picture
from dashboard.workflows.model_evidence import ModelEvidence
from dashboard.workflows.opening import Store
from tests.cli_shell import Shell
from tests.dashboard.pages import checked, open_page, shown_by, words


@pytest.mark.parametrize("person", ["lena", "rita"])
def test_a_lead_and_a_reviewer_read_why(flagged: Store, person: str) -> None:
    with shown_by(flagged):
        said = words(open_page("explanations", person=person, item="item-001"))
    for part in (
        "item\\-001 is labelled",
        "has not seen this item",
        "no model was trained on these labels",
        "`touchstone train --project pets`",
        "most like it",
        "What the guideline says",
        "History",
    ):
        assert part in said


def test_an_annotator_is_not_shown_the_page(flagged: Store) -> None:
    with shown_by(flagged):
        said = words(open_page("explanations", person="anna", item="item-001"))
    assert "has not seen this item" not in said


def test_without_an_item_it_asks_for_one(flagged: Store) -> None:
    with shown_by(flagged):
        app = open_page("explanations", person="lena")
        assert "Why is a label what it is?" in words(app)
        app.selectbox(key="explained_item").set_value("item-002")
        said = words(checked(app.run()))
    assert "item\\-002 is labelled" in said


def test_an_unknown_item_is_said(flagged: Store) -> None:
    with shown_by(flagged):
        assert "There is no item" in words(open_page("explanations", person="lena", item="nothing"))


def test_in_relabel_nothing_is_offered_before_the_blind_answer(flagged: Store) -> None:
    with shown_by(flagged):
        app = open_page("relabel", person="anna")
    assert not app.toggle
    assert "has not seen this item" not in words(app)


def test_words_are_marked_by_sign_and_line_not_by_colour_alone() -> None:
    text = "<b>good</b> bad"
    spans = (Span(3, 7, 2.0), Span(12, 15, -1.0))
    marked = highlighted(text, ModelEvidence(spans=spans))
    assert "<sup>+</sup>good" in marked
    assert "<sup>−</sup>bad" in marked
    assert "&lt;b&gt;" in marked
    assert "<b>" not in marked


def test_a_picture_has_a_sign_on_its_strong_pixels() -> None:
    drawn = pixel_picture(ModelEvidence(label="5", against="9", pixels=((1.0, 0.0), (-0.5, 0.01))))
    assert drawn.count("<rect") == 3
    assert ">+<" in drawn
    assert ">−<" in drawn


def test_the_verb_in_words_and_as_json(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared / "flagged", tmp_path / "flagged")
    shell = Shell(tmp_path / "flagged")
    as_json = shell("explain", "item-001", "--json")
    assert as_json.code == 0, as_json.err
    assert json.loads(as_json.out)["item_id"] == "item-001"
    said = shell("explain", "item-001")
    assert "To get one: touchstone train --project pets" in said.out
    assert "Record: as of event" in said.out
    assert "History, newest first:" in said.out
    wrong = shell("explain", "nothing", "--json")
    assert (wrong.code, wrong.out) == (3, "")
    assert "There is no item" in wrong.err
    assert shell("explain", "item-001", "--as-of", "0").code == 2
