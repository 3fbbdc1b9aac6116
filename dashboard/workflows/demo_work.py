"""What the demo's people did: answers to flags, decisions of a lead, a release. All of it is simulated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import numpy as np

from dashboard.workflows import (
    adjudicate,
    bias,
    bias_decisions,
    bias_statement,
    rates,
    relabel_queue,
    relabel_reveal,
    release,
)
from dashboard.workflows import relabel as relabel_flow
from dashboard.workflows.opening import Store
from dashboard.workflows.rates import Rate
from dashboard.workflows.relabel_state import CANNOT_TELL, CHANGE, KEEP
from dashboard.workflows.rules import ANNOTATOR, Person
from data.demo import DemoProject

Step = Callable[[], None]

RATIONALES = ("", "", "", "Clear once you look twice.", "Read it again with the guideline.", "")
WAIVERS = {
    "open_flags": "The pilot model is trained without the flagged items.",
    "coverage": "The rest is labelled in the weeks to come.",
}
QUESTIONS = (
    "Which one counts when both are there?",
    "The guideline does not name this case. What should it be?",
)
REASONS = (
    "Two people who know the guideline agree; the other vote is a slip.",
    "The guideline names this case.",
    "Seen together with the annotators; it is clear now.",
)


LOOKED_SECONDS = 540.0
"""What each lead took to look at the demo's release before signing."""


def set_rates(store: Store, project: DemoProject, lead: Person) -> None:
    """What the demo's people are paid, from the first guideline on: by the hour, a lead's decisions by the piece, a model too."""
    start = project.guideline_versions[0][0].date()
    table = (
        Rate("hour", Decimal("17.50"), "EUR", start),
        Rate("hour", Decimal("19.20"), "EUR", start + timedelta(weeks=2), who="ana"),
        Rate("annotation", Decimal("0.90"), "EUR", start, work="adjudication"),
        Rate("prediction", Decimal("0.002"), "USD", start),
        Rate("exchange", Decimal("0.92"), "USD", start, into="EUR"),
    )
    rates.set_rates(store, project_id=project.project_id, by=lead, table=table)


def relabel(store: Store, project: DemoProject, *, answers: int, seed: int) -> None:
    """Let the demo's annotators answer flags by turns; most find the label that gold or the model would give."""
    rng = np.random.default_rng(seed)
    people = [
        Person(one.person_id, one.name, frozenset(one.roles))
        for one in project.people
        if ANNOTATOR in one.roles
    ]
    gold = dict(project.items.select("item_id", "gold").iter_rows())
    best = dict(
        project.predictions.sort("score")
        .group_by("item_id", maintain_order=True)
        .last()
        .select("item_id", "label")
        .iter_rows()
    )
    for number in range(answers):
        person = people[number % len(people)]
        work = relabel_queue.next_item(store, project_id=project.project_id, by=person)
        if work is None:
            continue
        label = gold.get(work.item_id) or best[work.item_id]
        if rng.random() < 0.15:
            label = str(rng.choice(project.labels))
        _answer(store, project.project_id, person, work, label, rng)


def adjudicate_some(store: Store, project_id: str, lead: Person, *, how_many: int) -> None:
    """Let the lead settle the first few items where people differ, half a minute or so each."""
    rng = np.random.default_rng(how_many)
    waiting = adjudicate.waiting(store, project_id=project_id, by=lead)
    for number, flag_id in enumerate(waiting["flag_id"].head(how_many).to_list()):
        case = adjudicate.case(store, project_id=project_id, by=lead, flag_id=flag_id)
        said = [one.label for one in case.evidence.answers if one.label is not None]
        label = said[-1] if said else case.evidence.label
        if label is None:
            continue
        adjudicate.decide(
            store,
            project_id=project_id,
            by=lead,
            flag_id=flag_id,
            label=label,
            reason=REASONS[number % len(REASONS)],
            expected_version=case.evidence.version,
            active_seconds=float(np.round(rng.lognormal(3.4, 0.5), 1)),
        )


def compare_groups(store: Store, project_id: str, lead: Person) -> None:
    """Compare groups of items, and say of each gap that stays that it is looked into, so that a release has a whole statement."""
    bias.bias(store, project_id=project_id, by=lead)
    for gap in bias_statement.statement(store, project_id=project_id, by=lead).unanswered:
        bias_decisions.decide(
            store,
            project_id=project_id,
            by=lead,
            named=gap.named,
            action="examine",
            reason="Read with the next batch, before the second release.",
        )


def release_labels(store: Store, project_id: str, leads: tuple[Person, ...]) -> None:
    """Propose what there is, waive what says no, and let two leads sign it."""
    proposed = release.propose(
        store, project_id=project_id, by=leads[0], note="First release, for the pilot model."
    )
    for gate in proposed.failed_gates:
        release.waive(
            store,
            project_id=project_id,
            by=leads[1],
            release_id=proposed.release_id,
            gate=gate.key,
            reason=WAIVERS.get(gate.key, "Accepted for the pilot; to be mended before the next release."),
        )
    for lead in leads[:2]:
        release.approve(
            store,
            project_id=project_id,
            by=lead,
            release_id=proposed.release_id,
            expected_hash=proposed.content_hash,
            reason="Seen item by item where people differed.",
            active_seconds=LOOKED_SECONDS,
        )


def _answer(
    store: Store,
    project_id: str,
    person: Person,
    work: relabel_queue.WorkItem,
    label: str,
    rng: np.random.Generator,
) -> None:
    """One item: the blind answer, the reveal, the answer after it; now and then a question to the lead."""
    flag_id = work.flag_id
    if rng.random() < 0.08:
        relabel_flow.ask_lead(
            store, project_id=project_id, by=person, flag_id=flag_id, question=str(rng.choice(QUESTIONS))
        )
        return
    relabel_flow.answer_blind(
        store,
        project_id=project_id,
        by=person,
        flag_id=flag_id,
        label=label,
        active_seconds=float(np.round(rng.lognormal(1.9, 0.5), 1)),
    )
    shown = relabel_reveal.reveal(store, project_id=project_id, by=person, flag_id=flag_id)
    unsure = rng.random() < 0.07
    verdict = CANNOT_TELL if unsure else KEEP if label == shown.label else CHANGE
    relabel_flow.answer(
        store,
        project_id=project_id,
        by=person,
        flag_id=flag_id,
        verdict=verdict,
        label=label if verdict == CHANGE else None,
        expected_version=shown.version,
        reasons=("wrong label",) if verdict == CHANGE else (),
        rationale=str(rng.choice(RATIONALES)),
        active_seconds=float(np.round(rng.lognormal(1.2, 0.5), 1)),
    )
