"""Every verb about bias that takes a request id: sent again it is answered with the first result, with other words it is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from dashboard.workflows import (
    bias,
    bias_actions,
    bias_decisions,
    bias_effects,
    bias_evening,
    bias_rows,
    bias_view,
    suggestions,
)
from dashboard.workflows.bias_actions import Wish
from dashboard.workflows.bias_evening import Evening
from dashboard.workflows.bias_mitigation import mitigate
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from data.errors import RequestConflict
from tests import stores
from tests.dashboard.bias_steps import crowd_store, leaning_model, more_votes

P = "pets"
BY_SITE = bias.BiasOptions(by=("site", "item:channel"), purpose="a test", replicates=100)
QUICK = bias_effects.EffectOptions(replicates=100, permutations=99)
EVEN = Evening("channel", "dog", "leaning", replicates=100)

Call = Callable[[Store, str], object]


def compare(store: Store, request_id: str, options: bias.BiasOptions = BY_SITE) -> object:
    run = bias.bias(store, project_id=P, by=stores.RITA, options=options, request_id=request_id)
    return run.run_id, run.gaps.to_dicts(), run.untested.to_dicts()


def answer(store: Store, request_id: str, reason: str = "read with the next batch") -> object:
    seen = bias_view.read_view(store, P)
    assert seen is not None
    named = bias_rows.gap_id(
        seen.gaps.filter(measure="label_rate", side="annotator", group="north").row(0, named=True)
    )
    return bias_decisions.decide(
        store,
        project_id=P,
        by=stores.RITA,
        named=named,
        action="examine",
        reason=reason,
        request_id=request_id,
    )


def effects(store: Store, request_id: str, options: bias_effects.EffectOptions = QUICK) -> object:
    run = bias_effects.measure(store, project_id=P, by=stores.RITA, options=options, request_id=request_id)
    return run.run_id, run.document


def act(store: Store, request_id: str, wish: Wish | None = None, reason: str = "to balance it") -> object:
    return bias_actions.act(
        store, project_id=P, by=stores.RITA, wish=wish or Wish("extra-vote", "site", n_items=9), purpose="a test", reason=reason,
        request_id=request_id,
    )  # fmt: skip


def even(store: Store, request_id: str, wish: Evening = EVEN) -> object:
    return bias_evening.act(
        store, project_id=P, by=stores.RITA, wish=wish, reason="mails are no dogs", request_id=request_id
    )


def change(store: Store, request_id: str, share: float = 0.3) -> object:
    rule = suggestions.Rule("before", share)
    return suggestions.change_rule(
        store, project_id=P, by=stores.LENA, rule=rule, reason="to measure the pull", request_id=request_id
    )


VERBS: dict[str, tuple[Call, Call]] = {
    "bias": (compare, lambda store, key: compare(store, key, replace(BY_SITE, seed=1))),
    "bias, another purpose": (
        compare,
        lambda store, key: compare(store, key, replace(BY_SITE, purpose="another")),
    ),
    "bias-answer": (answer, lambda store, key: answer(store, key, "another reason")),
    "bias-effects": (effects, lambda store, key: effects(store, key, replace(QUICK, seed=1))),
    "bias-act": (act, lambda store, key: act(store, key, Wish("extra-vote", "site", n_items=10))),
    "bias-act, another action": (
        act,
        lambda store, key: act(store, key, Wish("adjudicate", "site", n_items=9)),
    ),
    "bias-act, another reason": (act, lambda store, key: act(store, key, reason="another")),
    "bias-mitigate": (even, lambda store, key: even(store, key, replace(EVEN, seed=1))),
    "suggestions": (change, lambda store, key: change(store, key, 0.5)),
}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with crowd_store(tmp_path_factory.mktemp("repeats") / "store") as store:
        leaning_model(store, "leaning")
        compare(store, "the first comparison")
        yield store


@pytest.mark.parametrize("named", VERBS)
def test_a_repeat_is_answered_with_the_first_result_and_other_words_are_refused(
    crowd: Store, named: str
) -> None:
    """Also after the store moved on: what the verb would find by now is another thing."""
    call, other = VERBS[named]
    first = call(crowd, named)
    more_votes(
        crowd, [(f"item-{len(named):03d}", f"new-{named}", "dog"), ("item-001", f"new-{named}", "cat")]
    )
    head = crowd.head
    assert call(crowd, named) == first
    with pytest.raises(RequestConflict):
        other(crowd, named)
    assert crowd.head == head  # nothing was written, not even that an attribute was read


def test_what_was_shown_is_decided_on_once(crowd: Store) -> None:
    """As the page does it: a press that was saved, but was not answered, is sent again with what is on the screen."""
    wish = Wish("adjudicate", "site", n_items=4)
    found = bias_actions.propose(crowd, project_id=P, by=stores.RITA, wish=wish, purpose="a test")
    seen = mitigate(
        crowd,
        project_id=P,
        by=stores.RITA,
        attribute="channel",
        label="dog",
        model_run="leaning",
        replicates=100,
    )
    row = seen.found.table.row(1, named=True)

    def settle() -> int:
        return bias_actions.commit(
            crowd, project_id=P, by=stores.RITA, proposal=found, reason="seen", request_id="press"
        )

    def keep(reason: str) -> str:
        return bias_evening.decide(
            crowd, project_id=P, by=stores.RITA, seen=seen, method=row["method"], constraint=row["constraint"], reason=reason,
            request_id="another press",
        )  # fmt: skip

    first = settle(), keep("seen")
    more_votes(crowd, [("item-002", "late", "dog")])
    head = crowd.head
    assert (settle(), keep("seen")) == first
    assert crowd.head == head
    with pytest.raises(RequestConflict):
        keep("another reason")


def test_a_repeat_is_not_for_who_may_not(crowd: Store) -> None:
    act(crowd, "of rita")
    for person in (stores.LARS, stores.ANNA):
        with pytest.raises(NotAllowed):
            bias_actions.act(
                crowd, project_id=P, by=person, wish=Wish("extra-vote", "site", n_items=9), purpose="a test", reason="to balance it",
                request_id="of rita",
            )  # fmt: skip


def test_evening_out_what_has_too_few_items_says_so(crowd: Store) -> None:
    with pytest.raises(BadRequest, match="reason"):
        bias_evening.act(crowd, project_id=P, by=stores.RITA, wish=EVEN, reason=" ")
