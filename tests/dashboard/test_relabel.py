"""Relabelling: blind first, then the reveal; nobody twice; a stale screen saves nothing; undo is a new event."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import polars as pl
import pytest

from dashboard.workflows import (
    flag,
    guideline,
    ingest,
    relabel,
    relabel_queue,
    relabel_reveal,
    relabel_undo,
    score,
)
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_answers import Saved
from dashboard.workflows.relabel_queue import WorkDraft, WorkItem
from dashboard.workflows.rules import ANNOTATOR, Person
from tests import stores

A0 = Person("a0", "Of the crowd", frozenset({ANNOTATOR}))
P = "pets"


def take(store: Store, person: Person) -> WorkItem:
    work = relabel_queue.next_item(store, project_id=P, by=person)
    assert work is not None
    return work


def blind(
    store: Store, person: Person, flag_id: str, label: str | None, *, request_id: str | None = None
) -> Saved:
    return relabel.answer_blind(
        store,
        project_id=P,
        by=person,
        flag_id=flag_id,
        label=label,
        active_seconds=2.0,
        request_id=request_id,
    )


def answer(
    store: Store, person: Person, flag_id: str, label: str | None, *, version: int | None = None,
    request_id: str | None = None,
) -> Saved:  # fmt: skip
    """The answer after the reveal: keep where the label is today's, change where it is another, None for cannot tell."""
    shown = relabel_reveal.reveal(store, project_id=P, by=person, flag_id=flag_id)
    verdict = "cannot_tell" if label is None else "keep" if label == shown.label else "change"
    return relabel.answer(
        store, project_id=P, by=person, flag_id=flag_id, verdict=verdict,
        label=label if verdict == "change" else None, expected_version=shown.version if version is None else version,
        request_id=request_id,
    )  # fmt: skip


def work_through(store: Store, person: Person, flag_id: str, label: str | None) -> Saved:
    blind(store, person, flag_id, label)
    return answer(store, person, flag_id, label)


def label_of(store: Store, work: WorkItem) -> tuple[str, int]:
    rows = store.read("current_labels", project_id=P).filter(pl.col("item_code") == work.item_code)
    return work.label_set.label(rows["label_code"][0]), rows["version"][0]


def another(store: Store, work: WorkItem) -> str:
    return next(label for label in stores.LABELS if label != label_of(store, work)[0])


def annotations_of(store: Store, work: WorkItem) -> pl.DataFrame:
    return store.read("item_annotations", project_id=P, item_code=work.item_code)


def test_nothing_about_the_label_is_handed_out_before_the_blind_answer(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    assert work.blind
    assert not {"label", "votes", "reasons"} & set(WorkItem.__slots__)
    assert work.suggestion is None  # unless the project shows suggestions before the answer: test_suggestions
    with pytest.raises(BadRequest, match="own answer"):
        relabel_reveal.reveal(flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id)
    with pytest.raises(BadRequest, match="own answer"):
        relabel.answer(
            flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, verdict="keep", expected_version=1
        )


def test_only_the_blind_answer_of_somebody_new_to_the_item_is_independent(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    before = flagged.read("score_votes", project_id=P).height
    assert blind(flagged, stores.ANNA, work.flag_id, "cat").independent
    assert not answer(flagged, stores.ANNA, work.flag_id, "cat").independent
    assert flagged.read("score_votes", project_id=P).height == before + 1
    own = annotations_of(flagged, work).filter(pl.col("annotator_id") == "anna")
    assert own["independent"].to_list().count(True) == 1
    assert own["asserted"].any() is False


def test_who_labelled_the_item_in_the_import_is_a_repeat_and_not_independent(flagged: Store) -> None:
    work = take(flagged, A0)
    assert not blind(flagged, A0, work.flag_id, "cat").independent
    newest = annotations_of(flagged, work).filter(
        (pl.col("annotator_id") == "a0") & (pl.col("source") == "relabel")
    )
    assert newest["assignment"].to_list() == ["repeat"]


def test_cannot_tell_is_an_answer_and_no_annotation(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    n_before = annotations_of(flagged, work).height
    assert not blind(flagged, stores.ANNA, work.flag_id, None).independent
    assert answer(flagged, stores.ANNA, work.flag_id, None).status == "second"
    assert annotations_of(flagged, work).height == n_before


def test_the_annotation_names_the_guideline_version_that_held(flagged: Store) -> None:
    guideline.publish(flagged, project_id=P, by=stores.LENA, markdown="# Pets, second version")
    work = take(flagged, stores.ANNA)
    blind(flagged, stores.ANNA, work.flag_id, "cat")
    own = annotations_of(flagged, work).filter(pl.col("annotator_id") == "anna")
    assert own["guideline_version"].to_list() == [2]


def test_an_annotator_sees_what_others_said_but_not_who(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    blind(flagged, stores.ANNA, work.flag_id, "cat")
    shown = relabel_reveal.reveal(flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id)
    assert set(shown.votes["annotator_id"]) == {"you", "somebody else"}
    assert not any(f"a{person}" in reason.evidence for reason in shown.reasons for person in range(5))
    lead = take(flagged, stores.LARS)
    blind(flagged, stores.LARS, lead.flag_id, "cat")
    told = relabel_reveal.reveal(flagged, project_id=P, by=stores.LARS, flag_id=lead.flag_id)
    assert {"a0", "lars"} <= set(told.votes["annotator_id"])


def test_keeping_closes_the_flag_and_makes_no_version(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    label, version = label_of(flagged, work)
    saved = work_through(flagged, stores.ANNA, work.flag_id, label)
    assert (saved.status, saved.resolution) == ("closed", "kept")
    assert label_of(flagged, work) == (label, version)


def test_two_people_who_agree_make_a_new_version(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    _, version = label_of(flagged, work)
    new = another(flagged, work)
    assert work_through(flagged, stores.ANNA, work.flag_id, new).status == "second"
    assert label_of(flagged, work)[1] == version, "one person alone changes nothing"
    saved = work_through(flagged, stores.BEN, work.flag_id, new)
    assert (saved.status, saved.resolution) == ("closed", "changed")
    assert label_of(flagged, work) == (new, version + 1)
    score.score(flagged, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False))
    assert label_of(flagged, work) == (new, version + 1), "a rescore leaves what two people decided"


def test_two_people_who_differ_go_to_the_lead(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    first, second = (label for label in stores.LABELS if label != label_of(flagged, work)[0])
    work_through(flagged, stores.ANNA, work.flag_id, first)
    assert work_through(flagged, stores.BEN, work.flag_id, second).status == "adjudicate"


def test_a_question_goes_to_the_lead_with_its_words(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    with pytest.raises(BadRequest, match="what is unclear"):
        relabel.ask_lead(flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, question="  ")
    saved = relabel.ask_lead(
        flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, question="Is a wolf a dog?"
    )
    assert saved.status == "adjudicate"


def test_nobody_is_handed_an_item_twice(flagged: Store) -> None:
    handed: list[str] = []
    while (work := relabel_queue.next_item(flagged, project_id=P, by=stores.ANNA)) is not None:
        assert take(flagged, stores.ANNA).flag_id == work.flag_id, "asking again hands out the same item"
        handed.append(work.flag_id)
        relabel.skip(flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, reason="blurred")
    assert len(handed) == len(set(handed)) > 5
    assert take(flagged, stores.BEN).flag_id in handed, "what one skips another gets"


def test_many_who_ask_at_once_get_different_items(flagged: Store) -> None:
    crowd = [Person(f"w{number}", "", frozenset({ANNOTATOR})) for number in range(8)]
    handed: list[str] = []
    threads = [
        threading.Thread(target=lambda who=who: handed.append(take(flagged, who).flag_id)) for who in crowd
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(handed)) == len(crowd)


def test_a_claim_lapses_and_then_the_screen_of_the_first_is_stale(
    flagged: Store, clock: stores.SteppingClock
) -> None:
    work = take(flagged, stores.ANNA)
    clock.now += timedelta(minutes=31)
    assert take(flagged, stores.BEN).flag_id == work.flag_id
    head = flagged.head
    with pytest.raises(Stale, match=r"ben works on item .* nothing was saved"):
        blind(flagged, stores.ANNA, work.flag_id, "cat")
    assert flagged.head == head


def test_a_draft_survives_and_is_used_up_by_the_answer(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    draft = WorkDraft("cat", ("two labels fit",), "it has whiskers")
    keep = partial(
        relabel_queue.save_draft, flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, draft=draft
    )
    assert keep()
    assert not keep()
    assert take(flagged, stores.ANNA).draft == draft
    blind(flagged, stores.ANNA, work.flag_id, "cat")
    assert take(flagged, stores.ANNA).draft == WorkDraft()


def test_an_answer_to_a_label_that_changed_is_stale(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    blind(flagged, stores.ANNA, work.flag_id, "cat")
    seen, new = label_of(flagged, work)[1], another(flagged, work)
    votes = stores.parsed_crowd(n_items=40, n_annotators=30, seed=11, name="thirty more.csv")
    object.__setattr__(votes, "annotations", votes.annotations.with_columns(pl.lit(new).alias("label")))
    request = ingest.ImportRequest()
    ingest.import_parsed(flagged, parsed=votes, project_id=P, by=stores.LENA, request=request)
    majority = score.ScoreOptions(method="majority", figures=False)
    score.score(flagged, project_id=P, by=stores.LENA, options=majority)
    assert label_of(flagged, work) == (new, seen + 1)
    with pytest.raises(Stale, match="Look again"):
        answer(flagged, stores.ANNA, work.flag_id, "cat", version=seen)


def test_a_second_blind_answer_and_a_second_final_answer_are_refused(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    blind(flagged, stores.ANNA, work.flag_id, "cat")
    with pytest.raises(BadRequest, match="already"):
        blind(flagged, stores.ANNA, work.flag_id, "dog")
    answer(flagged, stores.ANNA, work.flag_id, None)
    with pytest.raises(Stale, match="already answered"):
        relabel.skip(flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, reason="late")


def test_a_repeated_request_saves_once_and_says_the_same(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    first = blind(flagged, stores.ANNA, work.flag_id, "cat", request_id="b1")
    head = flagged.head
    assert blind(flagged, stores.ANNA, work.flag_id, "cat", request_id="b1") == first
    final = answer(flagged, stores.ANNA, work.flag_id, None, request_id="a1")
    again = relabel.answer(
        flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, verdict="cannot_tell",
        expected_version=label_of(flagged, work)[1], request_id="a1",
    )  # fmt: skip
    assert again == final
    assert flagged.head == head + 1
    with pytest.raises(Exception, match="already used for a different request"):
        blind(flagged, stores.ANNA, work.flag_id, "dog", request_id="b1")


def test_labels_verdicts_and_times_that_cannot_be_are_refused(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    head = flagged.head
    say = partial(relabel.answer_blind, flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id)
    conclude = partial(
        relabel.answer, flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, expected_version=1
    )
    with pytest.raises(BadRequest, match="not in the label set"):
        say(label="wolf")
    with pytest.raises(BadRequest, match="between 0 and a day"):
        say(label="cat", active_seconds=-1.0)
    for verdict, label in (("maybe", None), ("keep", "cat"), ("change", None)):
        with pytest.raises(BadRequest, match="A verdict is one of"):
            conclude(verdict=verdict, label=label)
    with pytest.raises(BadRequest, match="no flag 'none'"):
        blind(flagged, stores.ANNA, "none", "cat")
    assert flagged.head == head


def test_a_reviewer_does_not_relabel(flagged: Store) -> None:
    for verb in (relabel_queue.next_item, relabel_queue.current_item, relabel_undo.undo):
        with pytest.raises(NotAllowed, match="Annotator"):
            verb(flagged, project_id=P, by=stores.RITA)


def test_undo_is_a_new_event_that_takes_the_answer_back(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    label, version = label_of(flagged, work)
    votes = flagged.read("score_votes", project_id=P).height
    work_through(flagged, stores.ANNA, work.flag_id, label)
    head = flagged.head
    undone = relabel_undo.undo(flagged, project_id=P, by=stores.ANNA)
    assert (undone.action, undone.status, flagged.head) == ("answer", "open", head + 1)
    assert take(flagged, stores.ANNA).flag_id == work.flag_id
    relabel_undo.undo(flagged, project_id=P, by=stores.ANNA)
    assert flagged.read("score_votes", project_id=P).height == votes
    assert take(flagged, stores.ANNA).blind
    with pytest.raises(BadRequest, match="nothing to undo"):
        relabel_undo.undo(flagged, project_id=P, by=stores.ANNA)
    assert not blind(flagged, stores.ANNA, work.flag_id, label).independent, "they have seen the reveal"
    assert label_of(flagged, work) == (label, version)


def test_undoing_the_answer_that_changed_the_label_brings_the_old_one_back_as_a_new_version(
    flagged: Store,
) -> None:
    work = take(flagged, stores.ANNA)
    label, version = label_of(flagged, work)
    new = another(flagged, work)
    work_through(flagged, stores.ANNA, work.flag_id, new)
    work_through(flagged, stores.BEN, work.flag_id, new)
    with pytest.raises(Stale, match="ben worked on item"):
        relabel_undo.undo(flagged, project_id=P, by=stores.ANNA)
    relabel_undo.undo(flagged, project_id=P, by=stores.BEN)
    assert label_of(flagged, work) == (label, version + 2)


def test_undo_is_refused_once_the_item_was_flagged_again(flagged: Store) -> None:
    work = take(flagged, stores.ANNA)
    work_through(flagged, stores.ANNA, work.flag_id, label_of(flagged, work)[0])
    score.score(flagged, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False))
    more = stores.parsed_crowd(n_items=40, n_annotators=4, seed=3, name="doubts.csv")
    ingest.import_parsed(flagged, parsed=more, project_id=P, by=stores.LENA, request=ingest.ImportRequest())
    score.score(flagged, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False))
    sharp = flag.FlagOptions(least_probability=0.999999, least_margin=0.99)
    flag.raise_flags(flagged, project_id=P, by=stores.LENA, options=sharp)
    with pytest.raises(Stale, match="flagged again"):
        relabel_undo.undo(flagged, project_id=P, by=stores.ANNA)
