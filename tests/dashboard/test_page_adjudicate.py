"""Adjudicate: what a lead is shown, and what a decision does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.workflows import adjudicate, flag, relabel, relabel_queue, relabel_reveal
from dashboard.workflows.item_story import item_story
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from tests import stores
from tests.dashboard.pages import checked, open_page, shown_by
from tests.dashboard.pages import words as marked_words

DOUBTFUL = flag.FlagOptions(least_probability=0.95, least_margin=0.5)
QUESTION = "Is a fox a dog?"


@pytest.fixture
def flagged(tmp_path: Path) -> Iterator[Store]:
    with stores.copied(tmp_path / "store", with_flags) as store, shown_by(store):
        yield store


def with_flags(path: Path, keys: Path, clock: stores.SteppingClock) -> Store:
    store = stores.with_scores(path, keys, clock)
    flag.raise_flags(store, project_id="pets", by=stores.LENA, options=DOUBTFUL)
    return store


def next_flag(store: Store, by: Person) -> str:
    item = relabel_queue.next_item(store, project_id="pets", by=by)
    assert item is not None
    return item.flag_id


def answer_another_label(store: Store, by: Person, *, place: int, rationale: str) -> str:
    """Answer the person's next item with a label that it does not have, chosen by `place`; returns the flag."""
    flag_id = next_flag(store, by)
    relabel.answer_blind(
        store, project_id="pets", by=by, flag_id=flag_id, label=stores.LABELS[place], active_seconds=3.0
    )
    shown = relabel_reveal.reveal(store, project_id="pets", by=by, flag_id=flag_id)
    label = [one for one in stores.LABELS if one != shown.label][place % 2]
    relabel.answer(
        store,
        project_id="pets",
        by=by,
        flag_id=flag_id,
        verdict="change",
        label=label,
        expected_version=shown.version,
        rationale=rationale,
    )
    return flag_id


def ask(store: Store, by: Person) -> str:
    flag_id = next_flag(store, by)
    relabel.ask_lead(store, project_id="pets", by=by, flag_id=flag_id, question=QUESTION, active_seconds=2.0)
    return flag_id


@pytest.fixture
def differing(flagged: Store) -> Store:
    """Two people differ on one item, and a third asks about another."""
    first = answer_another_label(flagged, stores.ANNA, place=0, rationale="It barks.")
    assert answer_another_label(flagged, stores.BEN, place=1, rationale="It has feathers.") == first
    assert ask(flagged, stores.ANNA) != first
    return flagged


def words(app: AppTest) -> str:
    """What stands on the page, without what keeps markdown from reading it."""
    return marked_words(app).replace("\\", "")


def waiting(store: Store) -> list[str]:
    """The items that wait, most pressing first."""
    return adjudicate.waiting(store, project_id="pets", by=stores.LENA)["item_id"].to_list()


def press(app: AppTest, label: str) -> AppTest:
    return checked(next(one for one in app.button if one.label.endswith(label)).click().run())


def decide(app: AppTest, label: str, reason: str) -> AppTest:
    app = press(app, label)
    app.text_area[0].set_value(reason)
    return press(app, f"Decide: {label}")


def other_label(store: Store, item: str) -> str:
    rows = adjudicate.waiting(store, project_id="pets", by=stores.LENA)
    current = dict(rows.select("item_id", "label").iter_rows())[item]
    return next(one for one in stores.LABELS if one != current)


def test_nothing_to_decide_is_said_in_words(flagged: Store) -> None:
    said = words(open_page("adjudicate", person="lars"))
    assert "No item waits for your decision" in said
    assert "when two people differ" in said


def test_a_project_without_items_has_nothing_to_decide(tmp_path: Path) -> None:
    with stores.empty_store(tmp_path / "store") as store, shown_by(store):
        assert "Nothing has been imported yet" in words(open_page("adjudicate", person="lars"))


@pytest.mark.parametrize("person", ["rita", "anna"])
def test_only_leads_adjudicate(differing: Store, person: str) -> None:
    app = open_page("adjudicate", person=person)
    assert "not for your role" in words(app)
    assert not app.radio


def test_the_case_has_votes_answers_names_rationales_and_reasons(differing: Store) -> None:
    app = open_page("adjudicate", person="lars", item=waiting(differing)[0])
    said = words(app)
    assert "2 items wait for your decision" in said
    for found in ("Its label now", "a0", "anna", "ben", "It barks", "It has feathers", "Why it was flagged"):
        assert found in said
    assert app.text[0].value.startswith("A small animal")
    assert len(app.radio[0].options) == 2
    assert "answered this item yourself" not in "".join(one.value for one in app.warning)


def test_a_question_to_the_lead_stands_in_its_case(differing: Store) -> None:
    rows = adjudicate.waiting(differing, project_id="pets", by=stores.LENA)
    asked = rows.filter(rows["n_questions"] > 0)["item_id"][0]
    assert "Is a fox a dog?" in words(open_page("adjudicate", person="lars", item=asked))


def test_each_label_has_its_key(differing: Store) -> None:
    app = open_page("adjudicate", person="lars")
    keys = {
        one.label.split()[-1]: one.proto.shortcut for one in app.button if one.label.endswith(stores.LABELS)
    }
    assert keys == {"bird": "1", "cat": "2", "dog": "3"}


def test_a_decision_is_stored_and_the_next_case_opens(differing: Store) -> None:
    first, second = waiting(differing)
    label = other_label(differing, first)
    app = decide(open_page("adjudicate", person="lars", item=first), label, "The guideline names it.")
    assert waiting(differing) == [second]
    story = item_story(differing, project_id="pets", by=stores.LENA, item_id=first)
    assert story.label is not None
    assert (story.label.label, story.label.source) == (label, "adjudication")
    assert (story.label.decided_by, story.label.reason) == ("lars", "The guideline names it.")
    assert app.query_params["item"] == second
    said = words(app)
    assert f"{first} is now {label}, by your decision" in said
    assert "1 item waits for your decision" in said


def test_after_the_last_decision_nothing_is_left(differing: Store) -> None:
    app = open_page("adjudicate", person="lars")
    for _each in range(2):
        app = decide(app, "cat", "The picture shows a cat.")
    assert waiting(differing) == []
    assert "No item waits for your decision" in words(app)


def test_a_decision_without_label_or_reason_is_not_sent(differing: Store) -> None:
    app = press(open_page("adjudicate", person="lars"), "Decide")
    assert "Choose a label first" in words(app)
    app = press(press(app, "cat"), "Decide: cat")
    assert "A decision needs a reason" in words(app)
    assert len(waiting(differing)) == 2


def test_what_somebody_else_settled_meanwhile_is_refused_in_words(differing: Store) -> None:
    item = waiting(differing)[0]
    app = press(open_page("adjudicate", person="lars", item=item), "cat")
    settle(differing, item)
    app.text_area[0].set_value("It purrs.")
    app = press(app, "Decide: cat")
    assert "settled while it was on your screen" in words(app)
    assert item not in waiting(differing)


def test_the_reason_stays_while_another_case_is_looked_at(differing: Store) -> None:
    first, second = waiting(differing)
    app = open_page("adjudicate", person="lars", item=first)
    checked(app.text_area[0].set_value("Half a thought").run())
    checked(app.radio[0].set_value(second).run())
    assert app.text_area[0].value == ""
    checked(app.radio[0].set_value(first).run())
    assert app.text_area[0].value == "Half a thought"


def test_a_lead_is_told_about_an_own_answer_and_the_record_keeps_it(flagged: Store) -> None:
    flag_id = answer_another_label(flagged, stores.LARS, place=0, rationale="It barks.")
    assert answer_another_label(flagged, stores.ANNA, place=1, rationale="It flies.") == flag_id
    app = open_page("adjudicate", person="lars")
    assert "You answered this item yourself" in app.warning[0].value
    decide(app, "cat", "It purrs after all.")
    line = flagged.event_lines(frozenset({flagged.head}))[0]
    assert b'"decided_own_answer":true' in line


def test_an_item_that_does_not_wait_is_said_and_the_first_opens(differing: Store) -> None:
    said = words(open_page("adjudicate", person="lars", item="nobody"))
    assert "nobody does not wait for a decision" in said
    assert "Its label now" in said


def test_nothing_is_decided_in_the_past(differing: Store) -> None:
    app = open_page("adjudicate", person="lars", as_of=str(differing.head - 1))
    assert "Decisions are made now" in words(app)
    assert not [one for one in app.button if one.label.startswith("Decide")]


def settle(store: Store, item: str) -> None:
    rows = adjudicate.waiting(store, project_id="pets", by=stores.LENA)
    flag_id = rows.filter(rows["item_id"] == item)["flag_id"][0]
    case = adjudicate.case(store, project_id="pets", by=stores.LENA, flag_id=flag_id)
    adjudicate.decide(
        store,
        project_id="pets",
        by=stores.LENA,
        flag_id=flag_id,
        label="dog",
        reason="It barks.",
        expected_version=case.evidence.version,
    )


def test_the_time_at_a_case_is_recorded_though_another_one_was_looked_at_between(
    differing: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("dashboard.active_time.now", lambda: clock[0])
    first, second = waiting(differing)[:2]
    app = open_page("adjudicate", person="lars", item=first)
    clock[0] += 20.0
    app.query_params["item"] = second
    app = checked(app.run())
    clock[0] += 300.0
    app.query_params["item"] = first
    app = checked(app.run())
    clock[0] += 5.0
    label = other_label(differing, first)
    decide(app, label, "It barks.")
    done = differing.read("cost_work", project_id="pets").filter(work="adjudication")
    assert done["active_seconds"].to_list() == [25.0]


def test_time_on_another_page_does_not_count(differing: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("dashboard.active_time.now", lambda: clock[0])
    item = waiting(differing)[0]
    app = open_page("adjudicate", person="lars", item=item)
    clock[0] += 7.0
    monkeypatch.setattr("dashboard.session.as_of", lambda: 1)  # the page shows no case of the past
    app = checked(app.run())
    clock[0] += 900.0
    monkeypatch.undo()
    monkeypatch.setattr("dashboard.active_time.now", lambda: clock[0])
    app = checked(app.run())
    clock[0] += 2.0
    decide(app, other_label(differing, item), "It barks.")
    done = differing.read("cost_work", project_id="pets").filter(work="adjudication")
    assert done["active_seconds"].to_list() == [9.0]
