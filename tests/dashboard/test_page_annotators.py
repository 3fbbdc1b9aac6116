"""The pages Annotators and My work: the list, the file of one person, the notes; who sees what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.workflows import members, notes
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.pages import checked, open_page, shown_by, words


@pytest.fixture
def shown(pets: Store) -> Iterator[Store]:
    """The scored store, in which the annotator a0 is a member too."""
    members.set_member(pets, by=stores.LENA, person_id="a0", name="A null", roles=["annotator"])
    with shown_by(pets):
        yield pets


def buttons(app: AppTest) -> list[str]:
    return [str(button.key) for button in app.button]


def test_the_list_says_what_happened_lately(shown: Store) -> None:
    app = open_page("annotators", person="lena")
    said = words(app)
    assert "Since yesterday" in said
    assert "Stopped while others worked" in said
    assert "Only annotations under a second count" in said
    assert list(app.dataframe[0].value["annotator_id"]) == ["a0", "a1", "a2", "a3", "a4"]
    assert open_page("annotators", person="lena", days="3").selectbox(key="address_days").value == "3"


@pytest.mark.parametrize(("person", "may_read"), [("lena", True), ("lars", True), ("rita", False)])
def test_the_file_has_figures_for_all_and_notes_for_leads(shown: Store, person: str, may_read: bool) -> None:
    notes.write_note(shown, project_id="pets", by=stores.LENA, annotator_id="a4", text="between leads")
    app = open_page("annotators", person=person, annotator="a4")
    said = words(app)
    assert "a4 agrees with the others on" in said
    assert "Rank 5 of 5" in said
    assert "labelled twice by this annotator" in said
    assert ("between leads" in [text.value for text in app.text]) is may_read
    assert ("note_write" in buttons(app)) is may_read


def test_esc_leads_back_to_the_list(shown: Store) -> None:
    app = open_page("annotators", person="lena", annotator="a4", behind="gold")
    back = next(button for button in app.button if button.label == "All annotators")
    app = checked(back.click().run())
    assert "annotator" not in app.query_params
    assert "behind" not in app.query_params
    assert "Since yesterday" in words(app)


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ({}, "where the others say something else"),
        ({"behind": "gold"}, "where gold says something else"),
        ({"behind": "cell", "others": "cat", "given": "dog"}, "that the others call cat, labelled dog"),
        ({"behind": "window", "window": "1"}, "from number 21 on"),
        ({"behind": "nonsense"}, "where the others say something else"),
        ({"behind": "window", "window": "x"}, "where the others say something else"),
        ({"behind": "cell", "others": "<b>", "given": "dog"}, "0 annotations"),
    ],
)
def test_the_address_says_which_items_are_shown(shown: Store, address: dict[str, str], title: str) -> None:
    assert title in words(open_page("annotators", person="lena", annotator="a4", **address))


def test_a_card_s_button_shows_the_items_behind_it(shown: Store) -> None:
    app = open_page("annotators", person="lena", annotator="a4")
    app = checked(app.button(key="behind_on_gold").click().run())
    assert "gold" in app.query_params["behind"]
    table = app.dataframe[0].value
    assert (table["Said"] != table["Gold"]).all()
    assert app.button(key="behind_consistency").disabled


def test_a_lead_writes_a_note_and_the_annotator_reads_what_is_shared(shown: Store) -> None:
    app = open_page("annotators", person="lena", annotator="a0")
    app.text_area[0].set_value("We looked at cats together.").run()
    checked(app.checkbox[0].check().run())
    app = checked(app.button(key="note_write").click().run())
    assert "The note was written" in words(app)
    assert app.text_area[0].value == ""
    mine = open_page("my_work", person="a0")
    assert [text.value for text in mine.text] == ["We looked at cats together."]


def test_an_empty_note_is_refused_in_words(shown: Store) -> None:
    app = open_page("annotators", person="lena", annotator="a0")
    assert "A note needs words" in words(checked(app.button(key="note_write").click().run()))


def test_the_past_can_be_read_and_not_written(shown: Store) -> None:
    head = shown.head
    notes.write_note(shown, project_id="pets", by=stores.LENA, annotator_id="a4", text="later")
    app = open_page("annotators", person="lena", annotator="a4", as_of=str(head))
    assert "a4 agrees with the others on" in words(app)
    assert "Notes are written now, not in the past" in words(app).replace("\\", "")
    assert "note_write" not in buttons(app)
    assert [text.value for text in app.text] == []


def test_my_work_names_nobody_and_lists_no_gold(shown: Store) -> None:
    app = open_page("my_work", person="a0", behind="gold")
    said = words(app)
    assert "You agree with the others on" in said
    assert "behind_on_gold" not in buttons(app)
    assert "where the others say something else" in said
    assert "Gold" not in app.dataframe[0].value.columns
    assert not [name for name in ("a1", "a2", "a3", "a4") if name in said.split()]


def test_my_work_of_somebody_who_has_labelled_nothing_says_so(shown: Store) -> None:
    assert "Nothing of yours was scored yet" in words(open_page("my_work", person="anna"))


def test_an_annotator_sees_nobody_s_file(shown: Store) -> None:
    said = words(open_page("annotators", person="a0", annotator="a4"))
    assert "Annotators is not for your role" in said


def test_nobody_of_that_name_is_said_in_words(shown: Store) -> None:
    said = words(open_page("annotators", person="lena", annotator="nobody"))
    assert "There is no annotator" in said


def test_without_a_run_the_file_says_what_to_do(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store", scored=False) as store, shown_by(store):
        assert "Nothing was scored yet" in words(open_page("annotators", person="lena", annotator="a0"))
