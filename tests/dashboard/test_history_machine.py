"""Any order of use cases on a real store: what must hold of its history holds after every step."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from dashboard.workflows import (
    adjudicate,
    flag,
    relabel,
    relabel_queue,
    relabel_reveal,
    relabel_undo,
    release,
    score,
)
from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.rules import ANNOTATOR, Person
from tests import stores
from tests.dashboard.histories import KINDS, StoreUnderTest, import_crowd

CROWD = Person("a0", "Who labelled the import too", frozenset({ANNOTATOR}))
WORKERS = (stores.ANNA, stores.BEN, CROWD, stores.LARS)
SIGNERS = (stores.LENA, stores.LARS, stores.RITA)
BY_PERSON = {person.person_id: person for person in (*WORKERS, *SIGNERS)}
FLAGS = flag.FlagOptions(least_probability=0.97, least_margin=0.6)
DECIDED = ("adjudication", "relabel")

workers = st.sampled_from(WORKERS)
labels = st.sampled_from(("cat", "cat", "cat", "dog", "bird"))  # people have to agree now and then
choices = st.one_of(st.just("keep"), st.just("cannot_tell"), labels)


class History(StoreUnderTest):
    """Import, score, flag, relabel, adjudicate, release, in any order, by several people."""

    @initialize()
    def score_and_flag(self) -> None:
        self.score("majority")
        self.raise_flags()

    # --- figures -------------------------------------------------------------------------------------------------------

    @rule()
    def import_more(self) -> None:
        if self.n_imports > 2:
            return
        import_crowd(self.store, seed=self.n_imports)
        self.n_imports += 1

    @rule(method=st.sampled_from(("dawid-skene-prior", "majority")))
    def score(self, method: str) -> None:
        before = self.labels().filter(pl.col("source").is_in(DECIDED))
        options = score.ScoreOptions(method=method, replicates=100, figures=not self.seen_releases)
        score.score(self.store, project_id="pets", by=stores.LENA, options=options)
        after = self.labels().join(before, on="item_code", how="semi")
        assert after.equals(before), "a rescore replaced a label that people decided"

    @rule()
    def raise_flags(self) -> None:
        waiting = set(self.open_flags()["item_code"])
        flag.raise_flags(self.store, project_id="pets", by=stores.LENA, options=FLAGS)
        assert self.open_flags()["item_code"].is_unique().all(), "an item has two flags that are not closed"
        assert waiting <= set(self.open_flags()["item_code"])

    # --- relabelling ---------------------------------------------------------------------------------------------------

    @rule(first=workers, second=workers, label=labels)
    def two_work(self, first: Person, second: Person, label: str) -> None:
        """Two people, one after the other, on what they are handed; often they agree."""
        self.work_through(first, label, label)
        self.work_through(second, None, label)

    @rule(person=workers)
    def take(self, person: Person) -> None:
        work = relabel_queue.next_item(self.store, project_id="pets", by=person)
        if work is None:
            return
        held_by_others = {
            flag_id for other, flag_id in self.holds.items() if other != person.person_id and flag_id
        }
        assert work.flag_id not in held_by_others, "two people were handed the same item"
        assert (person.person_id, work.flag_id) not in self.done, "somebody was handed an item twice"
        if (before := self.holds.get(person.person_id)) is not None and self.is_open(before):
            assert work.flag_id == before, "somebody was handed a second item"
        self.holds[person.person_id] = work.flag_id

    @rule()
    def half_an_hour_passes(self) -> None:
        self.clock.now += timedelta(minutes=31)
        self.holds.clear()

    @rule(person=workers, label=st.one_of(st.none(), labels))
    def answer_blind(self, person: Person, label: str | None) -> None:
        work = relabel_queue.current_item(self.store, project_id="pets", by=person)
        if work is None or not work.blind:
            return
        with pytest.raises(BadRequest, match="own answer"):
            relabel_reveal.reveal(self.store, project_id="pets", by=person, flag_id=work.flag_id)
        labelled_before = self.has_labelled(person, work.item_code)
        saved = relabel.answer_blind(
            self.store, project_id="pets", by=person, flag_id=work.flag_id, label=label
        )
        assert saved.independent == (label is not None and not labelled_before)
        self.holds[person.person_id] = work.flag_id

    @rule(person=workers, choice=choices)
    def answer(self, person: Person, choice: str) -> None:
        work = relabel_queue.current_item(self.store, project_id="pets", by=person)
        if work is None or work.blind:
            return
        shown = relabel_reveal.reveal(self.store, project_id="pets", by=person, flag_id=work.flag_id)
        is_label = choice in stores.LABELS
        saved = relabel.answer(
            self.store,
            project_id="pets",
            by=person,
            flag_id=work.flag_id,
            verdict="change" if is_label else choice,
            label=choice if is_label else None,
            expected_version=shown.version,
        )
        assert not saved.independent
        self.finish(person, work.flag_id)

    @rule(person=workers, label=st.one_of(st.none(), labels), choice=choices)
    def work_through(self, person: Person, label: str | None, choice: str) -> None:
        """One item from hand to hand: the way that most items go."""
        self.take(person)
        self.answer_blind(person, label)
        self.answer(person, choice)

    @rule(person=workers, ask=st.booleans())
    def pass_on(self, person: Person, ask: bool) -> None:
        work = relabel_queue.current_item(self.store, project_id="pets", by=person)
        if work is None:
            return
        if ask:
            relabel.ask_lead(
                self.store, project_id="pets", by=person, flag_id=work.flag_id, question="Cat or dog?"
            )
        else:
            relabel.skip(self.store, project_id="pets", by=person, flag_id=work.flag_id, reason="too dark")
        self.finish(person, work.flag_id)

    @rule(person=workers)
    def undo(self, person: Person) -> None:
        try:
            undone = relabel_undo.undo(self.store, project_id="pets", by=person)
        except (BadRequest, Stale):
            return
        self.done.discard((person.person_id, undone.flag_id))
        self.holds[person.person_id] = undone.flag_id
        work = relabel_queue.current_item(self.store, project_id="pets", by=person)
        assert work is not None
        assert work.flag_id == undone.flag_id

    @rule(label=labels, pick=st.integers(0, 50))
    def adjudicate(self, label: str, pick: int) -> None:
        waiting = adjudicate.waiting(self.store, project_id="pets", by=stores.LENA)
        if waiting.is_empty():
            return
        flag_id = waiting["flag_id"][pick % waiting.height]
        case = adjudicate.case(self.store, project_id="pets", by=stores.LENA, flag_id=flag_id)
        decided = adjudicate.decide(
            self.store,
            project_id="pets",
            by=stores.LENA,
            flag_id=flag_id,
            label=label,
            reason="The guideline names it.",
            expected_version=case.evidence.version,
        )
        assert decided.version == case.evidence.version + 1

    # --- releases ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.seen_releases) < 3)
    @rule()
    def propose(self) -> None:
        try:
            made = release.propose(self.store, project_id="pets", by=stores.LENA)
        except BadRequest as error:
            if "already holds exactly these labels" not in str(error):
                raise
            return
        items = self.store.read("release_items", release_id=made.release_id)
        self.seen_releases[made.release_id] = items

    @precondition(lambda self: self.seen_releases)
    @rule(person=st.sampled_from(SIGNERS))
    def sign(self, person: Person) -> None:
        found = release.find_release(self.store, "pets")
        may = (
            found.state == "proposed"
            and not found.blocking_gates
            and person.person_id not in found.approved_by
        )
        try:
            release.approve(
                self.store,
                project_id="pets",
                by=person,
                release_id=found.release_id,
                expected_hash=found.content_hash,
            )
        except (BadRequest, Stale):
            assert not may
        else:
            assert may

    @precondition(lambda self: self.seen_releases)
    @rule()
    def waive(self) -> None:
        found = release.find_release(self.store, "pets")
        for gate in found.blocking_gates if found.state == "proposed" else ():
            release.waive(
                self.store,
                project_id="pets",
                by=stores.LARS,
                release_id=found.release_id,
                gate=gate.key,
                reason="a pilot",
            )

    @precondition(lambda self: self.seen_releases)
    @rule(first=st.sampled_from(SIGNERS), second=st.sampled_from(SIGNERS))
    def let_through(self, first: Person, second: Person) -> None:
        """What a release waits for: waivers, then one person or two."""
        self.waive()
        self.sign(first)
        self.sign(second)

    @precondition(lambda self: len(self.seen_releases) > 1)
    @rule()
    def reject(self) -> None:
        found = release.find_release(self.store, "pets")
        if found.state == "proposed":
            release.reject(
                self.store,
                project_id="pets",
                by=stores.RITA,
                release_id=found.release_id,
                expected_hash=found.content_hash,
                reason="not yet",
            )


def test_any_order_of_use_cases_keeps_the_rules_of_history() -> None:
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=18,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),  # shrinking takes minutes; a failure prints its steps
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    reached = {
        "annotations_imported", "scored", "flags_raised", "flag_claimed", "answered_blind", "answered", "answer_undone",
        "flag_skipped", "question_asked", "adjudicated", "release_proposed", "release_signed", "gate_waived",
        "consensus", "relabel", "adjudication", "proposed", "approved", "rejected",
    }  # fmt: skip
    assert reached - set(KINDS) == set()
