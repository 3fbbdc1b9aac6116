"""Suggestions shown before the answer: drawn once, on record, never independent; hidden ones leave the answer blind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.workflows import flag, history, relabel, relabel_queue, relabel_reveal, suggestions
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.flag import FlagOptions
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from dashboard.workflows.suggestions import Rule
from tests import stores

P = "pets"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with stores.small_store(tmp_path / "store") as found:
        flag.raise_flags(found, project_id=P, by=stores.LENA, options=FlagOptions(random_checks=40))
        yield found


def show_before(store: Store, share: float = 0.5) -> None:
    rule = Rule("before", share, 7)
    suggestions.change_rule(store, project_id=P, by=stores.LENA, rule=rule, reason="to measure the pull")


def answered(store: Store, n: int) -> list[tuple[bool, bool]]:
    """Anna answers n items: whether a suggestion was shown, and whether the answer is independent."""
    found = []
    for _ in range(n):
        work = relabel_queue.next_item(store, project_id=P, by=stores.ANNA)
        assert work is not None
        label = work.label_set.choices[0]
        saved = relabel.answer_blind(store, project_id=P, by=stores.ANNA, flag_id=work.flag_id, label=label)
        found.append((work.suggestion is not None, saved.independent))
        relabel.skip(store, project_id=P, by=stores.ANNA, flag_id=work.flag_id, reason="enough")
    return found


def test_some_are_shown_and_some_hidden_and_only_what_was_not_shown_is_independent(store: Store) -> None:
    show_before(store)
    found = answered(store, 16)
    assert {shown for shown, _ in found} == {True, False}
    assert all(independent is not shown for shown, independent in found)
    rows = store.read("bias_suggestions", project_id=P, as_of=store.head)
    assert set(rows["source"]) == {"drawn"}
    assert rows["is_shown"].sum() == sum(shown for shown, _ in found)
    assert rows.height <= 16


def test_the_draw_is_in_the_event_that_hands_the_item_out_and_can_be_worked_out_again(
    store: Store, tmp_path: Path
) -> None:
    show_before(store, 0.3)
    work = relabel_queue.next_item(store, project_id=P, by=stores.ANNA)
    assert work is not None
    again = relabel_queue.current_item(store, project_id=P, by=stores.ANNA)
    assert again is not None
    assert again.suggestion == work.suggestion
    lines = "".join(path.read_text() for path in sorted((tmp_path / "store" / "journal").glob("*.jsonl")))
    claims = [event for event in map(json.loads, lines.splitlines()) if event["kind"] == "flag_claimed"]
    drawn = [row for event in claims for row in event["payload"]["rows"].get("suggestion", [])]
    if drawn:
        u = suggestions.chance(7, P, work.item_id, "anna")
        assert drawn[0]["is_shown"] is (u >= 0.3)
        assert drawn[0]["p_hidden"] == 0.3


def test_by_default_nothing_is_shown_before_and_never_means_never(store: Store) -> None:
    assert answered(store, 3) == [(False, True)] * 3
    suggestions.change_rule(store, project_id=P, by=stores.LENA, rule=Rule("never"), reason="it pulls")
    for _ in range(8):
        work = relabel_queue.next_item(store, project_id=P, by=stores.ANNA)
        assert work is not None
        label = work.label_set.choices[0]
        relabel.answer_blind(store, project_id=P, by=stores.ANNA, flag_id=work.flag_id, label=label)
        shown = relabel_reveal.reveal(store, project_id=P, by=stores.ANNA, flag_id=work.flag_id)
        assert shown.suggestion is None
        relabel.skip(store, project_id=P, by=stores.ANNA, flag_id=work.flag_id, reason="enough")
    events = history.events(store, project_id=P, by=stores.RITA, kinds=["setting_changed"])
    assert events.total == 1


def test_the_chance_is_even() -> None:
    drawn = [suggestions.chance(1, "p", f"item-{i}", f"a{i % 7}") for i in range(4000)]
    assert sum(u < 0.3 for u in drawn) / 4000 == pytest.approx(0.3, abs=0.03)


def test_what_cannot_be_is_refused(store: Store) -> None:
    def change(rule: Rule, reason: str = "why", by: Person = stores.LENA) -> None:
        suggestions.change_rule(store, project_id=P, by=by, rule=rule, reason=reason)

    with pytest.raises(BadRequest, match="sometimes"):
        change(Rule("sometimes"))
    with pytest.raises(BadRequest, match="hidden share"):
        change(Rule("before", 0.0))
    with pytest.raises(BadRequest, match="reason"):
        change(Rule("before"), reason=" ")
    with pytest.raises(NotAllowed):
        change(Rule("before"), by=stores.ANNA)
