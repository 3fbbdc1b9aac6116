"""The page Bias: every state and role, filters in the address, and what it must never tell."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.workflows import annotators, bias, bias_behind, bias_view, history
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.bias_steps import SECRET, crowd_store
from tests.dashboard.pages import checked, open_page, shown_by, words

PURPOSE = "the bias statement"
RUN = bias.BiasOptions(by=("site", "channel", "site+team", "team"), purpose=PURPOSE, replicates=100)
GAP = "annotator|site|north|||label_rate|dog"
ITEM_GAP = "item|channel|chat|||disagreement|"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with crowd_store(tmp_path_factory.mktemp("page_bias") / "store") as store:
        bias.bias(store, project_id="pets", by=stores.RITA, options=RUN)
        yield store


@pytest.fixture
def shown(crowd: Store) -> Iterator[Store]:
    with shown_by(crowd):
        yield crowd


def everything(app: AppTest) -> str:
    """All text on the page, with its tables and what can be chosen."""
    tables = [frame.value.to_csv() for frame in app.dataframe]
    choices = [str(box.options) for box in [*app.selectbox, *app.multiselect]]
    return "\n".join([words(app), *tables, *choices]).replace("\\", "")


def n_readings(store: Store) -> int:
    return history.events(store, project_id="pets", by=stores.RITA, kinds=["attributes_read"]).total


@pytest.mark.parametrize("person", ["lars", "lena", "rita"])
def test_the_first_line_answers_with_the_figure(shown: Store, person: str) -> None:
    said = everything(open_page("bias", person=person))
    assert "Yes: annotators with site north label “dog”" in said
    assert "points less often [" in said
    assert "gaps were tested together" in said
    assert "site: 1 group is not shown" in said


def test_annotators_do_not_see_the_page(shown: Store) -> None:
    said = words(open_page("bias", person="anna"))
    assert "north" not in said


def test_before_anything_was_compared_the_page_says_what_belongs_here(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        for person in ("lars", "rita"):
            app = open_page("bias", person=person)
            assert "No groups were compared yet" in words(app)
            offered = str(app.multiselect(key="bias_attributes").options)
            assert "channel (items)" in offered
            assert ("site (annotators)" in offered) == (person == "rita")


def test_a_lead_compares_items_from_the_page(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        app = open_page("bias", person="lars")
        checked(app.button(key="bias_compare").click().run())
        assert "gaps were tested together" in words(app)
        assert n_readings(store) == 0


def test_a_reviewer_gives_a_purpose_before_attributes_are_read(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        app = open_page("bias", person="rita")
        checked(app.multiselect(key="bias_attributes").set_value(["annotator:site"]).run())
        assert app.button(key="bias_compare").disabled
        checked(app.text_input(key="bias_purpose").set_value(PURPOSE).run())
        checked(app.button(key="bias_compare").click().run())
        assert "annotators with site north" in words(app)
        assert n_readings(store) == 1


def test_too_few_is_a_state_of_its_own(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        only = bias.BiasOptions(by=("annotator:age+site",), purpose=PURPOSE, replicates=100)
        bias.bias(store, project_id="pets", by=stores.RITA, options=only)
        said = words(open_page("bias", person="lars"))
        assert "Too few to say" in said or "No group is seen" in said


def test_filters_live_in_the_address(shown: Store) -> None:
    app = open_page("bias", person="lars", side="item", by="channel", figure="error_on_gold")
    assert list(app.dataframe[0].value["Figure"]) == ["wrong on gold"]
    nonsense = open_page("bias", person="lars", side="coast", by="coast", figure="x", answer="y")
    assert nonsense.selectbox(key="address_side").value == "annotator"


def test_a_gap_has_its_evidence_and_its_items(shown: Store) -> None:
    app = open_page("bias", person="lars", side="item", gap=ITEM_GAP)
    assert "Inside" in words(app)
    assert len(app.dataframe) == 2
    assert set(app.dataframe[1].value.columns) == {"Item", "Share", "Annotations"}


def test_a_lead_never_sees_who_is_in_a_group(shown: Store) -> None:
    before = n_readings(shown)
    app = open_page("bias", person="lars", gap=GAP)
    said = everything(app)
    assert "compliance reviewers and administrators" in said
    assert "p00" not in said
    assert len(app.dataframe) == 1
    with pytest.raises(NotAllowed):
        bias_behind.behind(shown, project_id="pets", by=stores.LARS, named=GAP, purpose=PURPOSE)
    assert n_readings(shown) == before


def test_a_reviewer_looks_behind_a_gap_and_leaves_a_trace(shown: Store) -> None:
    before = n_readings(shown)
    app = open_page("bias", person="rita", gap=GAP)
    assert n_readings(shown) == before
    checked(app.text_input(key="bias_behind_purpose").set_value("a complaint by p07").run())
    checked(app.button(key="bias_behind_show").click().run())
    people = app.dataframe[2].value
    assert set(people["Group"]) == {"north", "others"}
    assert (people["Group"] == "north").sum() == 20
    assert n_readings(shown) == before + 1
    newest = history.events(shown, project_id="pets", by=stores.RITA, kinds=["attributes_read"]).rows.row(
        0, named=True
    )
    assert newest["words"] == "rita read annotators' personal attributes (site): a complaint by p07"


@pytest.mark.parametrize("person", ["lars", "rita"])
@pytest.mark.parametrize(
    "address",
    [
        {},
        {"side": "annotator", "by": "site"},
        {"gap": f"annotator|site|{SECRET}|||label_rate|dog"},
        {"gap": f"crossed|site|{SECRET}|channel|chat|label_rate|dog"},
        {"gap": f"annotator|site + team|{SECRET} + a|||label_rate|dog"},
        {"by": SECRET, "side": "crossed"},
    ],
)
def test_no_address_gets_at_a_group_that_is_not_shown(
    shown: Store, person: str, address: dict[str, str]
) -> None:
    app = open_page("bias", person=person, **address)
    said = everything(app)
    assert SECRET not in said
    if "gap" in address:
        assert "There is no such gap" in said


def test_no_verb_gets_at_a_group_that_is_not_shown(shown: Store) -> None:
    seen = bias_view.bias_view(shown, project_id="pets", by=stores.RITA)
    assert seen is not None
    for named in (
        f"annotator|site|{SECRET}|||label_rate|dog",
        f"annotator|site + team|{SECRET} + b|||label_rate|dog",
        "||||||",
    ):
        with pytest.raises(BadRequest, match="no such gap"):
            bias_behind.behind(shown, project_id="pets", by=stores.RITA, named=named, purpose=PURPOSE)
    assert SECRET not in bias_behind.gaps_csv(seen.gaps).decode()
    found = bias_behind.behind(shown, project_id="pets", by=stores.RITA, named=GAP, purpose=PURPOSE)
    assert found.annotators is not None
    hidden = {f"p{place:02d}" for place in range(40, 46)}  # the coast, and those who did not say
    assert not hidden & set(found.annotators["annotator_id"])


def test_totals_less_what_is_published_leave_no_group_that_is_too_small(shown: Store) -> None:
    """What anybody can add up: everybody's annotations, less those of each published group of an attribute, are of 5 people or more."""
    seen = bias_view.bias_view(shown, project_id="pets", by=stores.LARS)
    assert seen is not None
    people = annotators.annotator_table(shown, project_id="pets", by=stores.LARS)
    published = pl.read_csv(io.BytesIO(bias_behind.gaps_csv(seen.gaps)))
    assert published.filter(side="annotator", attribute="site").height
    for of_group in published.filter(side="annotator").partition_by("attribute"):
        told = dict(of_group.filter(measure="disagreement").select("group", "n_annotators").iter_rows())
        left = people.height - sum(told.values())
        assert left == 0 or left >= 5, told
    crossed = published.filter(side="crossed", attribute="site")
    assert set(crossed["group"]) == {"north", "south"}


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """A group's name from a file is never markup."""
    with crowd_store(tmp_path / "store") as store, shown_by(store):
        store.vault.put({f"p{p:02d}": {"site": "<b>north</b> [x](http://e)"} for p in range(20)})
        bias.bias(
            store,
            project_id="pets",
            by=stores.RITA,
            options=bias.BiasOptions(by=("site",), purpose=PURPOSE, replicates=100),
        )
        app = open_page("bias", person="lars")
        assert "](http://e)" not in words(app).replace("\\[", "").replace("\\]", "").replace("\\(", "")
