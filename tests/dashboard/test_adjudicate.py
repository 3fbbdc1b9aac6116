"""Adjudication: a lead settles what others could not, with a reason, for good."""

from __future__ import annotations

import polars as pl
import pytest

from dashboard.workflows import adjudicate, relabel, relabel_queue, relabel_reveal, relabel_undo, score
from dashboard.workflows.adjudicate import Decided
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from tests import stores

P = "pets"


def cannot_tell(store: Store, person: Person) -> str:
    """The person takes the next item and cannot tell, twice; returns the flag."""
    work = relabel_queue.next_item(store, project_id=P, by=person)
    assert work is not None
    relabel.answer_blind(
        store, project_id=P, by=person, flag_id=work.flag_id, label=None, rationale="a paw only"
    )
    shown = relabel_reveal.reveal(store, project_id=P, by=person, flag_id=work.flag_id)
    relabel.answer(
        store,
        project_id=P,
        by=person,
        flag_id=work.flag_id,
        verdict="cannot_tell",
        expected_version=shown.version,
    )
    return work.flag_id


@pytest.fixture
def case(flagged: Store) -> adjudicate.Case:
    """An item that two people could not tell."""
    flag_id = cannot_tell(flagged, stores.ANNA)
    assert cannot_tell(flagged, stores.BEN) == flag_id
    return adjudicate.case(flagged, project_id=P, by=stores.LENA, flag_id=flag_id)


def decide(
    store: Store, case: adjudicate.Case, label: str, *, by: Person = stores.LENA, version: int | None = None,
    reason: str = "the guideline names it", request_id: str | None = None,
) -> Decided:  # fmt: skip
    return adjudicate.decide(
        store, project_id=P, by=by, flag_id=case.flag_id, label=label, reason=reason, request_id=request_id,
        expected_version=case.evidence.version if version is None else version,
    )  # fmt: skip


def other(case: adjudicate.Case) -> str:
    return next(label for label in stores.LABELS if label != case.evidence.label)


def test_a_case_shows_who_said_what_and_why(flagged: Store, case: adjudicate.Case) -> None:
    waiting = adjudicate.waiting(flagged, project_id=P, by=stores.LENA)
    assert waiting.row(0, named=True)["flag_id"] == case.flag_id
    assert waiting.row(0, named=True)["status"] == "adjudicate"
    assert waiting.row(0, named=True)["n_answers"] == 2
    assert [answer.person_id for answer in case.evidence.answers] == ["anna", "ben"]
    assert case.evidence.reasons
    assert "a0" in case.evidence.votes["annotator_id"].to_list()


def test_a_decision_is_a_new_version_with_who_and_why(flagged: Store, case: adjudicate.Case) -> None:
    decided = decide(flagged, case, other(case))
    assert (decided.changed, decided.version) == (True, case.evidence.version + 1)
    codes = {label: code for code, label in enumerate(stores.LABELS)}
    item_code = flagged.read("queue_flag", project_id=P, flag_id=case.flag_id)["item_code"][0]
    newest = (
        flagged.read("item_versions", project_id=P, item_code=item_code)
        .sort("label_version")
        .row(-1, named=True)
    )
    assert (newest["label_code"], newest["source"]) == (codes[other(case)], "adjudication")
    assert (newest["decided_by"], newest["reason"]) == ("lena", "the guideline names it")
    assert newest["p_label"] is None
    assert case.flag_id not in adjudicate.waiting(flagged, project_id=P, by=stores.LENA)["flag_id"]


def test_the_same_label_is_settled_too(flagged: Store, case: adjudicate.Case) -> None:
    decided = decide(flagged, case, str(case.evidence.label))
    assert (decided.changed, decided.version) == (False, case.evidence.version + 1)


def test_no_scoring_run_replaces_a_decision_and_no_agreement_counts_it(
    flagged: Store, case: adjudicate.Case
) -> None:
    votes = flagged.read("score_votes", project_id=P)
    decided = decide(flagged, case, other(case))
    assert flagged.read("score_votes", project_id=P).equals(votes)
    for method in [one for one in score.METHODS if one != "crowdlab"]:
        options = score.ScoreOptions(method=method, figures=False)
        score.score(flagged, project_id=P, by=stores.LENA, options=options)
    current = flagged.read("current_labels", project_id=P).filter(pl.col("source") == "adjudication")
    assert current["version"].to_list() == [decided.version]


def test_a_screen_that_is_stale_saves_nothing(flagged: Store, case: adjudicate.Case) -> None:
    head = flagged.head
    with pytest.raises(Stale, match="Look again"):
        decide(flagged, case, "cat", version=case.evidence.version + 3)
    assert flagged.head == head
    decide(flagged, case, "cat")
    with pytest.raises(Stale, match="was settled while"):
        decide(flagged, case, "dog", by=stores.LARS)


def test_a_repeated_request_decides_once(flagged: Store, case: adjudicate.Case) -> None:
    first = decide(flagged, case, "cat", request_id="d1")
    head = flagged.head
    assert decide(flagged, case, "cat", request_id="d1") == first
    assert flagged.head == head


def test_a_decision_needs_a_reason_and_a_label_of_the_set(flagged: Store, case: adjudicate.Case) -> None:
    with pytest.raises(BadRequest, match="needs a reason"):
        decide(flagged, case, "cat", reason=" ")
    with pytest.raises(BadRequest, match="not in the label set"):
        decide(flagged, case, "wolf")


@pytest.mark.parametrize("person", [stores.ANNA, stores.RITA])
def test_only_a_lead_settles(flagged: Store, case: adjudicate.Case, person: Person) -> None:
    with pytest.raises(NotAllowed, match="Team lead"):
        decide(flagged, case, "cat", by=person)
    with pytest.raises(NotAllowed):
        adjudicate.waiting(flagged, project_id=P, by=person)
    with pytest.raises(NotAllowed):
        adjudicate.case(flagged, project_id=P, by=person, flag_id=case.flag_id)


def test_what_a_lead_settled_is_not_undone_by_an_annotator(flagged: Store, case: adjudicate.Case) -> None:
    decide(flagged, case, "cat")
    with pytest.raises(Stale, match="lena settled item"):
        relabel_undo.undo(flagged, project_id=P, by=stores.BEN)
