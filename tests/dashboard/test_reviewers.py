"""Reviews found in a real store: answers after the reveal, second looks, adjudications, signatures."""

from __future__ import annotations

import polars as pl
import pytest

from dashboard.workflows import members, relabel_undo, release
from dashboard.workflows import reviewers as reviewing
from dashboard.workflows.errors import NotAllowed
from dashboard.workflows.opening import Store
from dashboard.workflows.reviewers import Reviewers
from dashboard.workflows.rules import ANNOTATOR, Person
from tests import stores
from tests.dashboard import release_steps
from tests.dashboard.pages import open_page, shown_by, words
from tests.dashboard.review_steps import another, current, give_up, settle, take

P = stores.PROJECT


def look(
    store: Store, by: Person = stores.LENA, *, only: str | None = None, as_of: int | None = None
) -> Reviewers:
    found = reviewing.reviewers(store, project_id=P, by=by, only=only, as_of=as_of)
    assert found is not None
    return found


def test_without_reviews_there_is_nothing_to_show(flagged: Store) -> None:
    assert reviewing.reviewers(flagged, project_id=P, by=stores.LENA) is None


def test_an_answer_judges_every_label_of_the_item_but_the_blind_one(flagged: Store) -> None:
    label = current(flagged, stores.ANNA)
    take(flagged, stores.ANNA, blind=another(label), final=label)
    seen = look(flagged)
    assert seen.reviews["annotator_id"].to_list() == ["a0", "a1", "a2", "a3", "a4"]
    assert set(seen.reviews["decided"]) == {label}
    assert seen.reviews["accepted"].to_list() == [said == label for said in seen.reviews["said"]]
    assert set(seen.reviews["stage"]) == {"first look"}
    assert seen.table["n_own"].to_list() == [0]
    assert seen.table["acceptance"][0] == pytest.approx((seen.reviews["said"] == label).mean())


def test_a_second_look_judges_the_final_answer_of_the_first(flagged: Store) -> None:
    label = current(flagged, stores.ANNA)
    flag_id = take(flagged, stores.ANNA, blind=label, final=another(label))
    assert take(flagged, stores.BEN, blind=label, final=another(label)) == flag_id
    ben = reviewing.behind(look(flagged), "all", "ben").filter(pl.col("annotator_id") == "anna")
    assert ben.select("stage", "said", "accepted", "own").rows() == [
        ("second look", another(label), True, False)
    ]


def test_the_first_answer_that_names_a_label_is_the_first_look(flagged: Store) -> None:
    """Who cannot tell has said no label that a second look could judge."""
    label = current(flagged, stores.ANNA)
    flag_id = give_up(flagged, stores.ANNA, blind=label)
    assert reviewing.reviewers(flagged, project_id=P, by=stores.LENA) is None
    assert take(flagged, stores.BEN, blind=label, final=label) == flag_id
    seen = look(flagged)
    assert set(seen.reviews["reviewer_id"]) == {"ben"}
    assert set(seen.reviews["stage"]) == {"first look"}


def test_self_approval_is_found_in_an_adjudication_of_one_s_own_answer(flagged: Store) -> None:
    label = current(flagged, stores.LARS)
    flag_id = take(flagged, stores.LARS, blind=another(label), final=another(label))
    settle(flagged, flag_id, another(label), by=stores.LARS)
    seen = look(flagged)
    row = seen.table.filter(pl.col("reviewer_id") == "lars").row(0, named=True)
    assert (row["n_own"], row["n_own_accepted"], row["own_share"]) == (1, 1, None)
    assert row["own_undefined"] == "fewer than 20 items with an own label were reviewed"
    assert seen.state == "watch"
    assert seen.sentence == "Own labels judged by whoever gave them: 1 of 1 accepted, by 1 reviewer"
    own = reviewing.behind(seen, "own", "lars")
    assert own.select("stage", "annotator_id", "said").rows() == [("adjudication", "lars", another(label))]


def test_an_adjudication_says_whose_vote_was_accepted_and_whose_was_not(flagged: Store) -> None:
    label = current(flagged, stores.ANNA)
    flag_id = take(flagged, stores.ANNA, blind=another(label), final=another(label))
    settle(flagged, flag_id, label, by=stores.LENA)
    rows = reviewing.behind(look(flagged), "refused", "lena")
    assert ("anna", another(label)) in rows.select("annotator_id", "said").rows()
    assert label not in rows["said"].to_list()
    assert look(flagged).table["n_own"].to_list() == [0, 0]


def test_what_was_undone_is_no_review(flagged: Store) -> None:
    label = current(flagged, stores.ANNA)
    take(flagged, stores.ANNA, blind=label, final=label)
    before = flagged.head
    relabel_undo.undo(flagged, project_id=P, by=stores.ANNA)
    assert reviewing.reviewers(flagged, project_id=P, by=stores.LENA) is None
    assert look(flagged, as_of=before).reviews.height == 5


def test_a_label_that_was_given_earlier_is_an_own_one_when_its_flag_is_answered(flagged: Store) -> None:
    """a0 labelled every item in the import; what they say blind to the same flag is not judged by their own answer."""
    a0 = Person("a0", "A null", frozenset({ANNOTATOR}))
    members.set_member(flagged, by=stores.LENA, person_id="a0", name="A null", roles=["annotator"])
    label = current(flagged, a0)
    take(flagged, a0, blind=another(label), final=label)
    own = reviewing.behind(look(flagged), "own", "a0")
    assert own.height == 1
    votes = flagged.read("score_votes", project_id=P, as_of=flagged.head)
    codes = flagged.read("annotator_codes", as_of=flagged.head)
    code = codes.filter(pl.col("annotator_id") == "a0")["annotator_code"][0]
    given = votes.filter(pl.col("annotator_code") == code, pl.col("item_code") == own["item_code"][0])
    assert own["said"][0] == stores.LABELS[given["label_code"][0]]


def test_the_rows_behind_a_figure_are_those_that_it_counts(flagged: Store) -> None:
    label = current(flagged, stores.ANNA)
    take(flagged, stores.ANNA, blind=label, final=label)
    seen = look(flagged)
    row = seen.table.row(0, named=True)
    n = {
        which: reviewing.behind(seen, which, "anna").height
        for which in ("all", "accepted", "refused", "own", "signed")
    }
    assert n["all"] == row["n"] + row["n_own"] == 5
    assert n["accepted"] == round(row["acceptance"] * row["n"])
    assert n["accepted"] + n["refused"] == row["n"]
    assert (n["own"], n["signed"]) == (row["n_own"], row["n_signed"])
    assert reviewing.behind(seen, "all", "nobody").is_empty()


def test_a_label_taken_back_after_the_signature_was_still_signed(flagged: Store) -> None:
    label = current(flagged, stores.LARS)
    take(flagged, stores.LARS, blind=label, final=label)
    made = release_steps.propose(flagged)
    release_steps.waive_all(flagged, made)
    release_steps.sign(flagged, made, stores.LARS)
    relabel_undo.undo(flagged, project_id=P, by=stores.LARS)
    assert look(flagged).signed["reviewer_id"].to_list() == ["lars"]


def test_a_signature_on_one_s_own_labels_is_told(flagged: Store) -> None:
    label = current(flagged, stores.LARS)
    flag_id = take(flagged, stores.LARS, blind=another(label), final=another(label))
    settle(flagged, flag_id, another(label), by=stores.LENA)
    made = release_steps.approved(flagged)
    seen = look(flagged)
    assert seen.signed.select("reviewer_id", "as_what", "label", "n_items", "release_version").rows() == [
        ("lena", "decided", another(label), made.n_items, 1)
    ]
    assert "Of the 40 labels of release 1, lena signed 1" in seen.detail
    assert dict(seen.table.select("reviewer_id", "n_signed").iter_rows()) == {"lars": 0, "lena": 1}


def test_an_annotation_in_a_release_counts_where_its_label_is_the_released_one(flagged: Store) -> None:
    label = current(flagged, stores.LARS)
    take(flagged, stores.LARS, blind=label, final=label)
    made = release_steps.propose(flagged)
    release_steps.waive_all(flagged, made)
    release_steps.sign(flagged, made, stores.LARS)
    seen = look(flagged)
    assert seen.signed.select("reviewer_id", "as_what", "label").rows() == [("lars", "annotated", label)]
    assert release.find_release(flagged, P, made.release_id).state == "proposed"


def test_annotators_see_themselves_only_and_nobody_s_name(flagged: Store) -> None:
    for person in (stores.ANNA, stores.BEN):
        label = current(flagged, person)
        take(flagged, person, blind=label, final=label)
    seen = look(flagged, stores.BEN)
    assert seen.table["reviewer_id"].to_list() == ["ben"]
    assert set(seen.reviews["reviewer_id"]) == {"ben"}
    assert set(seen.reviews["annotator_id"]) == {reviewing.SOMEBODY}
    assert look(flagged, stores.RITA).table["reviewer_id"].to_list() == ["anna", "ben"]
    assert look(flagged, stores.RITA, only="anna").table["reviewer_id"].to_list() == ["anna"]
    assert reviewing.reviewers(flagged, project_id=P, by=stores.LENA, only="a0") is None
    assert look(flagged, stores.BEN, only="ben").table["reviewer_id"].to_list() == ["ben"]
    with pytest.raises(NotAllowed, match="nobody else's reviews"):
        look(flagged, stores.BEN, only="anna")


def test_with_few_reviewers_one_s_own_leniency_would_tell_what_the_others_did(
    flagged: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "MIN_ITEMS", 1)
    for person in (stores.ANNA, stores.BEN) * 5:
        label = current(flagged, person)
        take(flagged, person, blind=label, final=label)
    lead = look(flagged).table
    assert lead["leniency"].null_count() == 0
    assert lead["undefined"].null_count() == 2
    own = look(flagged, stores.BEN).table.row(0, named=True)
    assert own["undefined"] == "fewer than 5 people review the same work as you"
    hidden = ("expected", "leniency", "leniency_low", "leniency_high", "p_adjusted", "share_by_others")
    assert [own[name] for name in hidden] == [None] * len(hidden)
    assert own["acceptance"] == lead["acceptance"][1]
    monkeypatch.setattr(reviewing, "FEWEST_REVIEWERS", 2)
    assert look(flagged, stores.BEN).table["leniency"].to_list() == [lead["leniency"][1]]


def test_few_reviews_are_said_to_be_few(flagged: Store) -> None:
    label = current(flagged, stores.ANNA)
    take(flagged, stores.ANNA, blind=label, final=label)
    seen = look(flagged)
    assert (seen.state, seen.sentence) == (
        "undefined",
        "Too few reviews to compare reviewers with one another",
    )
    assert seen.table["undefined"].to_list() == ["fewer than 20 items were reviewed"]


def test_the_csv_has_the_rows_and_no_formula(flagged: Store) -> None:
    label = current(flagged, stores.ANNA)
    take(flagged, stores.ANNA, blind=label, final=label)
    rows = look(flagged).reviews.with_columns(note=pl.lit("=1+1"))
    text = reviewing.reviews_csv(rows).decode()
    assert text.splitlines()[0].startswith("seq,reviewer_id,stage,item_id")
    assert ",=1+1" not in text


def test_the_tab_stands_in_the_address_and_shows_reviewers(flagged: Store) -> None:
    take(flagged, stores.ANNA, blind="cat", final=current(flagged, stores.ANNA))
    with shown_by(flagged):
        app = open_page("annotators", person="rita", project=P, tab="reviewers")
        assert "5 labels of flagged items judged by anna" in words(app)
        reviewed = [table.value for table in app.dataframe if "reviewer_id" in table.value.columns]
        assert reviewed[0]["reviewer_id"].to_list() == ["anna"]


def test_my_work_shows_a_person_their_own_reviews_and_nobody_elses(flagged: Store) -> None:
    take(flagged, stores.ANNA, blind="cat", final=current(flagged, stores.ANNA))
    with shown_by(flagged):
        own = open_page("my_work", person="anna", project=P)
        other = open_page("my_work", person="ben", project=P)
    assert "Accepts" in words(own)
    assert "a0" not in [cell for table in own.dataframe for cell in table.value.to_numpy().ravel().tolist()]
    assert "Accepts own labels" not in words(other)
