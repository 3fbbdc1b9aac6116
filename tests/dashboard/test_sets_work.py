"""Work on labels that are sets: flags, relabelling, adjudication, the release, and the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import (
    adjudicate,
    flag,
    relabel,
    relabel_queue,
    relabel_reveal,
    release,
    reviewers,
)
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from tests import stores
from tests.dashboard.pages import checked, open_page, shown_by, words
from tests.dashboard.scenes import (
    CHOICES,
    P,
    labels_of,
    made_anew,
    scored_store,
)


@pytest.fixture
def scenes(tmp_path: Path) -> Iterator[Store]:
    with scored_store(tmp_path) as store:
        yield store


@pytest.fixture
def flagged(scenes: Store) -> Store:
    flag.raise_flags(
        scenes,
        project_id=P,
        by=stores.LENA,
        options=flag.FlagOptions(least_probability=0.99, least_margin=0.4),
    )
    return scenes


def relabelled(store: Store, person: Person, label: str, flag_id: str | None = None) -> str:
    """Answer the person's next flag with this label, blind and after the reveal; returns the flag's id."""
    work = relabel_queue.next_item(store, project_id=P, by=person)
    assert work is not None
    assert flag_id in (None, work.flag_id)
    relabel.answer_blind(store, project_id=P, by=person, flag_id=work.flag_id, label=label)
    shown = relabel_reveal.reveal(store, project_id=P, by=person, flag_id=work.flag_id)
    relabel.answer(
        store, project_id=P, by=person, flag_id=work.flag_id, verdict="change", label=label,
        expected_version=shown.version,
    )  # fmt: skip
    return work.flag_id


def unheard(store: Store) -> str:
    """A set that nobody gave yet."""
    known = labels_of(store)
    missing = [chosen for chosen in ((0, 1, 2), (1, 2), (0, 2)) if chosen not in known.members]
    return " + ".join(known.label(code) for code in missing[0]) if missing else "car + dog + tree"


def test_a_review_accepts_the_same_set_and_no_other(flagged: Store) -> None:
    wanted = unheard(flagged)
    relabelled(flagged, stores.ANNA, wanted)
    seen = reviewers.reviewers(flagged, project_id=P, by=stores.LENA)
    assert seen is not None
    assert set(seen.reviews["decided"]) == {wanted}
    assert sorted(seen.reviews["annotator_id"]) == [f"a{n}" for n in range(6)]  # not Anna's own blind answer
    said = seen.reviews["said"]
    assert said.null_count() == 0
    assert seen.table["acceptance"][0] == pytest.approx((said == wanted).mean())
    others = seen.reviews.filter(said != wanted)
    assert not others["accepted"].any()
    assert any(set(text.split(" + ")) & set(wanted.split(" + ")) for text in others["said"])


def test_two_people_relabel_with_a_set_that_nobody_gave(flagged: Store, tmp_path: Path) -> None:
    label = unheard(flagged)
    flag_id = relabelled(flagged, stores.ANNA, label)
    relabelled(flagged, stores.BEN, label, flag_id)
    state = flagged.read("queue_flag", project_id=P, flag_id=flag_id)
    assert state["status"][0] == "closed"
    code = labels_of(flagged).code(label)
    today = flagged.read("current_labels", project_id=P).filter(pl.col("source") == "relabel")
    assert today["label_code"].to_list() == [code]
    with made_anew(flagged, tmp_path) as again:
        assert labels_of(again).code(label) == code


def test_a_lead_settles_with_a_set_and_the_release_holds_lists(flagged: Store, tmp_path: Path) -> None:
    case = adjudicate.waiting(flagged, project_id=P, by=stores.LENA)
    if case.is_empty():
        relabelled(flagged, stores.ANNA, "car")
        case = adjudicate.waiting(flagged, project_id=P, by=stores.LENA)
    row = case.row(0, named=True)
    found = adjudicate.case(flagged, project_id=P, by=stores.LENA, flag_id=row["flag_id"])
    done = adjudicate.decide(
        flagged, project_id=P, by=stores.LENA, flag_id=row["flag_id"], label="tree + dog + car", reason="all seen",
        expected_version=found.evidence.version,
    )  # fmt: skip
    assert done.label == "car + dog + tree"
    made = release.propose(flagged, project_id=P, by=stores.LENA)
    rows = flagged.read("release_items", release_id=made.release_id)
    assert '["car","dog","tree"]' in rows["label_json"].to_list()


def test_the_desk_toggles_members(flagged: Store) -> None:
    with shown_by(flagged):
        app = open_page("relabel", person="anna", project=P)
        assert "Choose all that apply" in words(app)
        keyed = {
            button.key: button for button in app.button if button.key and button.key.startswith("label-")
        }
        assert len(keyed) == len(CHOICES) + 1
        for place in (0, 2):
            next(b for key, b in keyed.items() if key.startswith(f"label-{place}-")).click()
            checked(app.run())
            keyed = {b.key: b for b in app.button if b.key and b.key.startswith("label-")}
        labels = [button.label for button in app.button]
        assert "Submit car \\+ tree" in labels


@pytest.mark.parametrize("page", ["overview", "agreement", "annotators", "items", "adjudicate"])
def test_pages_show_a_project_of_sets(flagged: Store, page: str) -> None:
    with shown_by(flagged):
        app = open_page(page, person="lena", project=P)
        assert not app.error
