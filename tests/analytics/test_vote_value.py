"""The worth of the next vote, by hand and by going through everything; plans that reach what they promise."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.vote_value import Action, chosen, offers, plan, worths
from analytics.vote_value_kernels import expected_right, outcome_table

EURO = 1_000_000


def coin(right: float, n_labels: int = 2) -> NDArray[np.float64]:
    wrong = (1 - right) / (n_labels - 1)
    return np.where(np.eye(n_labels, dtype=bool), right, wrong)


def test_one_vote_on_an_even_item_makes_it_as_right_as_the_voter() -> None:
    even_and_sure = np.array([[0.5, 0.5], [0.95, 0.05]])
    each = worths(even_and_sure, [Action("vote", EURO, coin(0.8))])
    found = chosen(each)
    assert each.next_one("vote").tolist() == pytest.approx([0.3, 0.0])
    assert found.steps.select("item", "n", "cost").rows() == [(0, 1, EURO)]


def test_where_one_vote_cannot_turn_the_label_two_may() -> None:
    each = worths(np.array([[0.9, 0.1]]), [Action("vote", EURO, coin(0.8), most=2)])
    found = chosen(each)
    assert each.next_one("vote")[0] == 0
    # Two votes against turn it: 0.1 x 0.64 comes to be right, 0.9 x 0.04 stops being right.
    assert found.steps["gain"].to_list() == pytest.approx([0.1 * 0.64 - 0.9 * 0.04])
    assert found.steps["n"].to_list() == [2]


@given(
    st.integers(2, 4), st.integers(1, 3), st.integers(0, 10_000)
)  # fmt: skip
def test_bundles_are_worth_what_going_through_all_answers_says(
    n_labels: int, n_votes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    posterior = rng.dirichlet(np.ones(n_labels), 3)
    confusion = rng.dirichlet(np.ones(n_labels), n_labels)
    table = outcome_table(confusion, n_votes)
    value = expected_right(posterior, table)
    each = [
        (posterior * np.prod([confusion[:, vote] for vote in votes], axis=0)).max(axis=1)
        for votes in product(range(n_labels), repeat=n_votes)
    ]
    assert value == pytest.approx(np.sum(each, axis=0))
    assert table.sum(axis=0) == pytest.approx(np.ones(n_labels))


def test_the_cheapest_plan_is_the_one_that_trying_everything_finds() -> None:
    rng = np.random.default_rng(3)
    posterior = rng.dirichlet(np.ones(2), 4)
    actions = [Action("vote", 2 * EURO, coin(0.75), most=3), Action("lead", 7 * EURO, coin(0.97))]
    found = offers(posterior, actions)
    tables = [(0, None), *((n * 2 * EURO, outcome_table(coin(0.75), n)) for n in (1, 2, 3))]
    tables.append((7 * EURO, outcome_table(coin(0.97), 1)))
    worth = [
        [posterior[i].max() if t is None else expected_right(posterior[i : i + 1], t)[0] for _, t in tables]
        for i in range(4)
    ]
    for places in range(1, found.steps.height + 1):
        spent = int(found.steps["cost"].head(places).sum())
        made = plan(found, budget=spent)
        best = max(
            sum(worth[i][c] for i, c in enumerate(choice))
            for choice in product(range(5), repeat=4)
            if sum(tables[c][0] for c in choice) <= spent
        )
        assert made.cost == spent
        assert made.accuracy_then * 4 == pytest.approx(best)


def test_a_plan_reaches_the_accuracy_with_its_last_step_and_not_before() -> None:
    posterior = np.random.default_rng(0).dirichlet([0.5, 0.5], 400)
    found = offers(posterior, [Action("vote", EURO, coin(0.8), most=5)])
    made = plan(found, accuracy=0.9)
    assert made.accuracy_now < 0.9 <= made.accuracy_then
    before = plan(found, budget=made.cost - 1)
    assert before.accuracy_then < 0.9
    assert made.items["cost"].sum() == made.cost
    assert made.items["gain"].sum() / 400 == pytest.approx(made.accuracy_then - made.accuracy_now)
    assert plan(found, accuracy=0.5).items.is_empty()
    impossible = plan(found, accuracy=0.9999)
    assert impossible.undefined is not None
    assert "cannot be reached" in impossible.undefined


def test_an_action_is_bought_only_where_it_is_offered() -> None:
    offered = np.array([False, True])
    each = worths(np.full((2, 2), 0.5), [Action("model", EURO, coin(0.9), offered=offered)])
    assert chosen(each).steps["item"].to_list() == [1]
    assert np.isnan(each.next_one("model")[0])


def test_votes_drawn_from_the_model_are_right_as_often_as_the_plan_expects() -> None:
    rng = np.random.default_rng(7)
    posterior = rng.dirichlet([0.6, 0.6, 0.6], 20_000)
    confusion = coin(0.7, 3)
    made = plan(offers(posterior, [Action("vote", EURO, confusion, most=4)]), accuracy=0.85)
    truth = (rng.random((len(posterior), 1)) > posterior.cumsum(axis=1)[:, :-1]).sum(axis=1)
    joint = posterior.copy()
    wanted = np.zeros(len(posterior), dtype=np.int64)
    wanted[made.items["item"].to_numpy()] = made.items["n"].to_numpy()
    for nth in range(4):
        votes = (rng.random((len(posterior), 1)) > confusion[truth].cumsum(axis=1)[:, :-1]).sum(axis=1)
        joint *= np.where((wanted > nth)[:, None], confusion[:, votes].T, 1.0)
    right = float((joint.argmax(axis=1) == truth).mean())
    assert right == pytest.approx(made.accuracy_then, abs=4 * np.sqrt(0.85 * 0.15 / 20_000))


def test_what_cannot_be_is_refused() -> None:
    even = np.full((1, 2), 0.5)
    for action in (
        Action("a", 0, coin(0.8)), Action("a", 1, coin(0.8), most=0), Action("a", 1, np.ones((2, 2))), Action("a", 1, coin(0.8, 3))
    ):  # fmt: skip
        with pytest.raises(BadOption):
            offers(even, [action])
    with pytest.raises(BadOption, match="actions"):
        offers(even, [])
    with pytest.raises(BadOption, match="posterior"):
        offers(even * 2, [Action("a", 1, coin(0.8))])
    found = offers(even, [Action("a", 1, coin(0.8))])
    with pytest.raises(BadOption, match="not both"):
        plan(found, accuracy=0.9, budget=3)
    with pytest.raises(BadOption, match="key='b'"):
        chosen(worths(even, [Action("a", 1, coin(0.8))]), only="b")


def test_a_set_is_worth_what_going_through_all_answers_to_all_choices_says() -> None:
    rng = np.random.default_rng(5)
    p_in = rng.uniform(0.1, 0.9, (3, 4))  # three choices, four items
    posterior = np.stack([1 - p_in, p_in], axis=2)
    confusion = np.stack([coin(float(one)) for one in rng.uniform(0.6, 0.95, 3)])
    found = worths(posterior, [Action("vote", EURO, confusion, most=2)])
    assert found.right_now == pytest.approx(posterior.max(axis=2).prod(axis=0))
    for n_votes in (1, 2):
        worth = np.zeros(4)
        for votes in product(product((0, 1), repeat=3), repeat=n_votes):
            sets = np.zeros((4, 8))
            for place, truth in enumerate(product((0, 1), repeat=3)):
                joint = np.prod([posterior[c, :, truth[c]] for c in range(3)], axis=0)
                seen = np.prod([confusion[c, truth[c], vote[c]] for vote in votes for c in range(3)])
                sets[:, place] = joint * seen
            worth += sets.max(axis=1)
        both = [expected_right(posterior[c], outcome_table(confusion[c], n_votes)) for c in range(3)]
        assert np.prod(both, axis=0) == pytest.approx(worth)
        if n_votes == 1:
            assert found.next_one("vote") == pytest.approx(np.maximum(worth - found.right_now, 0))


def test_one_choice_is_a_label_of_two() -> None:
    posterior = np.random.default_rng(2).dirichlet([0.7, 0.7], 50)
    plain = offers(posterior, [Action("vote", EURO, coin(0.8), most=3)])
    as_set = offers(posterior[None], [Action("vote", EURO, coin(0.8)[None], most=3)])
    assert plain.steps.equals(as_set.steps)
    with pytest.raises(BadOption, match="for each of 2 choices"):
        offers(np.stack([posterior, posterior]), [Action("vote", EURO, coin(0.8))])
