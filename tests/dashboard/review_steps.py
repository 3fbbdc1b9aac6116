"""Reviewing in the project "pets": answers to flags and decisions of a lead."""

from __future__ import annotations

import polars as pl

from dashboard.workflows import adjudicate, relabel, relabel_queue, relabel_reveal, relabel_state
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from tests import stores

P = stores.PROJECT


def take(store: Store, person: Person, *, blind: str, final: str) -> str:
    """The person answers their next item: blind, then with `final`; returns the flag."""
    work = relabel_queue.next_item(store, project_id=P, by=person)
    assert work is not None
    relabel.answer_blind(store, project_id=P, by=person, flag_id=work.flag_id, label=blind)
    shown = relabel_reveal.reveal(store, project_id=P, by=person, flag_id=work.flag_id)
    verdict = "keep" if final == shown.label else "change"
    relabel.answer(
        store, project_id=P, by=person, flag_id=work.flag_id, verdict=verdict, expected_version=shown.version,
        label=None if verdict == "keep" else final,
    )  # fmt: skip
    return work.flag_id


def give_up(store: Store, person: Person, *, blind: str) -> str:
    """The person answers their next item blind, and cannot tell after the reveal; returns the flag."""
    work = relabel_queue.next_item(store, project_id=P, by=person)
    assert work is not None
    relabel.answer_blind(store, project_id=P, by=person, flag_id=work.flag_id, label=blind)
    shown = relabel_reveal.reveal(store, project_id=P, by=person, flag_id=work.flag_id)
    relabel.answer(
        store, project_id=P, by=person, flag_id=work.flag_id, verdict=relabel_state.CANNOT_TELL,
        expected_version=shown.version,
    )  # fmt: skip
    return work.flag_id


def current(store: Store, person: Person) -> str:
    """Today's label of the person's next item."""
    work = relabel_queue.next_item(store, project_id=P, by=person)
    assert work is not None
    codes = store.read("queue_flag", project_id=P, flag_id=work.flag_id)["item_code"]
    today = store.read("current_labels", project_id=P).filter(pl.col("item_code") == codes[0])
    return stores.LABELS[today["label_code"][0]]


def another(label: str) -> str:
    return next(one for one in stores.LABELS if one != label)


def settle(
    store: Store, flag_id: str, label: str, *, by: Person, active_seconds: float | None = None
) -> None:
    case = adjudicate.case(store, project_id=P, by=by, flag_id=flag_id)
    adjudicate.decide(
        store, project_id=P, by=by, flag_id=flag_id, label=label, reason="as the guideline says",
        expected_version=case.evidence.version, active_seconds=active_seconds,
    )  # fmt: skip
