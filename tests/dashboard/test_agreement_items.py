"""The items behind the figures of agreement, and where alpha's interval is not claimed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from dashboard.workflows import agreement_view
from dashboard.workflows.agreement_view import Group
from dashboard.workflows.errors import NotAllowed
from dashboard.workflows.rules import Person
from dashboard.workflows.score_groups import PERCENT_OF
from tests.dashboard.pages import checked, open_page, shown_by, words
from tests.stores import LENA, PROJECT, parsed_crowd, small_store


def test_the_share_of_agreeing_pairs_of_each_item_is_counted_by_hand(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store:
        found = agreement_view.items_by_agreement(store, project_id=PROJECT, by=LENA)
    given: dict[str, Counter[str]] = {}
    for item_id, label in parsed_crowd().annotations.select("item_id", "label").iter_rows():
        given.setdefault(item_id, Counter())[label] += 1
    wanted = {
        item_id: sum(n * (n - 1) for n in counts.values()) / (counts.total() * (counts.total() - 1))
        for item_id, counts in given.items()
    }
    assert dict(found.select("item_id", "agreement_share").iter_rows()) == pytest.approx(wanted)
    assert len(set(wanted.values())) > 2
    assert found["agreement_share"].is_sorted()
    assert dict(found.select("item_id", "n_labels").iter_rows()) == {
        item_id: len(counts) for item_id, counts in given.items()
    }
    assert found["today"].null_count() == 0


def test_the_mean_share_is_percent_agreement(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store:
        found = agreement_view.items_by_agreement(store, project_id=PROJECT, by=LENA)
        seen = agreement_view.agreement_view(store, project_id=PROJECT, by=LENA)
    assert seen is not None
    stored = dict(seen.overall.select("key", "value").iter_rows())
    assert found["agreement_share"].mean() == pytest.approx(stored["percent_agreement"])


def test_before_the_import_there_is_none(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store:
        assert agreement_view.items_by_agreement(store, project_id=PROJECT, by=LENA, as_of=1).is_empty()


def test_somebody_without_a_role_is_not_told(tmp_path: Path) -> None:
    nobody = Person("nobody", "Nobody", frozenset())
    with small_store(tmp_path / "store") as store, pytest.raises(NotAllowed):
        agreement_view.items_by_agreement(store, project_id=PROJECT, by=nobody)


@pytest.mark.parametrize(("alpha", "n_items", "said"), [
    (0.2, 200, ""), (0.9, 10_000, ""), (0.5, 199, "fewer than 200 items"), (0.1, 200, "alpha under 0.2"),
    (-0.3, 20, "fewer than 200 items and alpha under 0.2"), (0.91, 200, "alpha above 0.9"),
])  # fmt: skip
def test_where_the_interval_is_not_claimed_the_page_says_so(alpha: float, n_items: int, said: str) -> None:
    words = agreement_view.coverage_words(alpha, n_items)
    assert (words == "") == (said == "")
    assert said in words


def test_the_page_shows_the_items_once_they_are_asked_for(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store, shown_by(store):
        page = open_page("agreement", person="lena", project=PROJECT)
        assert "All annotations agree on" not in words(page)
        page.selectbox(key="address_behind").set_value("agreement").run()
        found = agreement_view.items_by_agreement(store, project_id=PROJECT, by=LENA)
        whole = int((found["agreement_share"] == 1).sum())
        assert f"All annotations agree on {whole} of 40 items" in words(checked(page))
        assert "With fewer than 200 items" in words(page)


def test_the_page_compares_groups_and_shows_their_items(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store, shown_by(store):
        page = open_page("agreement", person="lena", project=PROJECT)
        page.session_state["agreement_tab"] = "Over time and by group"
        page.run()
        page.selectbox(key="address_compare").set_value("Items by batch").run()
        assert "Least agreement for " in words(checked(page))
        tables = [frame.value for frame in page.dataframe]
        assert any(len(table) == 20 and "agreement_share" in table.columns for table in tables)
        page.selectbox(key="address_compared").set_value(PERCENT_OF).run()
        assert PERCENT_OF in page.query_params["compared"]


def test_the_comparison_and_its_group_are_in_the_address(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store, shown_by(store):
        page = open_page("agreement", person="lena", project=PROJECT)
        page.session_state["agreement_tab"] = "Over time and by group"
        for name, value in {"compare": "Items by batch", "compared": PERCENT_OF, "group": "B"}.items():
            page.query_params[name] = value
        page.run()
        assert page.selectbox(key="address_compare").value == "Items by batch"
        assert page.selectbox(key="address_compared").value == PERCENT_OF
        assert page.selectbox(key="address_group").value == "B"


def test_the_least_agreed_are_the_first_of_all_and_say_how_many_there_are(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store:
        every = agreement_view.items_by_agreement(store, project_id=PROJECT, by=LENA)
        found = agreement_view.least_agreed(store, project_id=PROJECT, by=LENA, most=7)
        own = Group("attribute", "batch", "A")
        some = agreement_view.least_agreed(store, project_id=PROJECT, by=LENA, group=own, most=3)
        nothing = agreement_view.least_agreed(store, project_id=PROJECT, by=LENA, as_of=1)
    assert found is not None
    assert_frame_equal(found.items, every.head(7))
    assert (found.n_items, found.n_whole) == (40, int((every["agreement_share"] == 1).sum()))
    assert some is not None
    assert (some.items.height, some.n_items) == (3, 20)
    assert nothing is not None
    assert (nothing.items.height, nothing.n_items, nothing.n_whole) == (0, 0, 0)
