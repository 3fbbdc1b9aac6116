"""Reviewers on the screen: the tab, the block in a person's file, one's own on My work; who sees what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.workflows import members
from dashboard.workflows import reviewers as reviewing
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import ANNOTATOR, Person
from tests import stores
from tests.dashboard.pages import checked, open_page, shown_by, words
from tests.dashboard.review_steps import another, current, settle, take

A0 = Person("a0", "A null", frozenset({ANNOTATOR}))


@pytest.fixture
def shown(flagged: Store) -> Iterator[Store]:
    """The flagged store, in which a0 is a member too: Lars changes a label and settles it himself, Anna changes one, a0 keeps one."""
    members.set_member(flagged, by=stores.LENA, person_id="a0", name="A null", roles=["annotator"])
    label = current(flagged, stores.LARS)
    flag_id = take(flagged, stores.LARS, blind=label, final=another(label))
    settle(flagged, flag_id, another(label), by=stores.LARS)
    label = current(flagged, stores.ANNA)
    take(flagged, stores.ANNA, blind=label, final=another(label))
    label = current(flagged, A0)
    take(flagged, A0, blind=label, final=label)
    with shown_by(flagged):
        yield flagged


def tab(person: str, **address: str) -> AppTest:
    return open_page("annotators", person=person, tab="reviewers", **address)


@pytest.mark.parametrize("person", ["lena", "rita"])
def test_the_tab_says_what_can_be_said_of_few_reviews(shown: Store, person: str) -> None:
    app = tab(person)
    said = words(app).replace("\\", "")
    assert "Own labels judged by whoever gave them" in said
    assert "Nobody can be compared yet" in said
    assert "3 reviewers: fewer than 20 items were reviewed." in said
    table, rows = (frame.value for frame in app.dataframe)
    assert list(table["reviewer_id"]) == ["a0", "anna", "lars"]
    assert table["own"].iloc[2].startswith("1 of ")
    assert set(rows["Reviewer"]) == {"a0", "anna", "lars"}
    assert "leniency" not in table.columns


def test_a_column_that_nobody_has_a_figure_in_is_left_out(flagged: Store) -> None:
    label = current(flagged, stores.ANNA)
    take(flagged, stores.ANNA, blind=label, final=label)
    with shown_by(flagged):
        columns = set(tab("lena").dataframe[0].value.columns)
    assert {"acceptance", "n_signed"} <= columns
    assert not columns & {"own", "expected", "leniency"}


def test_without_reviews_the_tab_says_what_a_review_is(flagged: Store) -> None:
    with shown_by(flagged):
        assert "Nobody has reviewed anything yet" in words(tab("lena"))


def test_the_other_tab_is_the_list_as_before(shown: Store) -> None:
    assert "Since yesterday" in words(open_page("annotators", person="lena"))
    assert "Since yesterday" in words(open_page("annotators", person="lena", tab="nonsense"))


def test_the_address_says_whose_labels_are_shown_and_which(shown: Store) -> None:
    rows = tab("lena", reviewer="lars", reviews="own").dataframe[1].value
    assert set(rows["Reviewer"]) == {"lars"} == set(rows["Annotator"])
    assert "adjudication" in set(rows["In"])
    refused = tab("lena", reviewer="anna", reviews="refused").dataframe[1].value
    assert not refused["Accepted"].any()
    nothing = tab("lena", reviewer="nobody", reviews="nonsense").dataframe[1].value
    assert set(nothing["Reviewer"]) == {"a0", "anna", "lars"}
    assert len(tab("lena", reviews="signed").dataframe) == 1


def test_a_choice_goes_into_the_address(shown: Store) -> None:
    app = tab("lena")
    app = checked(app.selectbox(key="address_reviewer").set_value("lars").run())
    app = checked(app.selectbox(key="address_reviews").set_value("own").run())
    assert (app.query_params["reviewer"], app.query_params["reviews"]) == ("lars", "own")
    assert set(app.dataframe[1].value["Reviewer"]) == {"lars"}


def test_who_can_be_compared_has_a_mark_with_an_interval(
    flagged: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "MIN_ITEMS", 1)
    for person in (stores.ANNA, stores.BEN) * 5:
        label = current(flagged, person)
        take(flagged, person, blind=label, final=label)
    with shown_by(flagged):
        app = tab("lena")
        said = words(app)
        assert "No reviewer is seen to accept more or less than others do" in said
        assert "Nobody can be compared yet" not in said
        assert {"leniency", "expected"} <= set(app.dataframe[0].value.columns)
        assert app.get("plotly_chart")


def test_a_person_s_file_has_what_they_reviewed(shown: Store) -> None:
    said = words(open_page("annotators", person="lena", annotator="a0")).replace("\\", "")
    assert "What a0 reviewed" in said
    assert "labels of flagged items judged by a0." in said
    assert "Accepts own labels" in said
    assert "Fewer than 20 items were reviewed." in said
    assert "reviewed" not in words(open_page("annotators", person="lena", annotator="a4"))


def test_leaving_a_file_clears_what_was_chosen_of_its_reviews(shown: Store) -> None:
    app = open_page("annotators", person="lena", annotator="a0", reviews="own")
    back = next(button for button in app.button if button.label == "All annotators")
    assert "reviews" not in checked(back.click().run()).query_params


def test_my_work_shows_one_s_own_reviews_and_names_nobody(shown: Store) -> None:
    app = open_page("my_work", person="a0", reviewer="anna")
    said = words(app).replace("\\", "")
    assert "What you reviewed" in said
    assert "judged by you" in said
    rows = app.dataframe[-1].value
    assert "Reviewer" not in rows.columns
    assert set(rows["Annotator"]) == {"you", "somebody else"}
    assert not [name for name in ("a1", "a2", "anna", "lars") if name in said.split()]


def test_an_annotator_does_not_see_the_tab(shown: Store) -> None:
    assert "Annotators is not for your role" in words(tab("a0"))


def test_who_reviewed_nothing_has_no_block(shown: Store) -> None:
    assert "What you reviewed" not in words(open_page("my_work", person="ben"))
