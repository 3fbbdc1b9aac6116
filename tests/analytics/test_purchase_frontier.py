"""What can be bought against its price: the mix is never dearer than one purchase by itself."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.frames import FloatArray
from analytics.purchase_frontier import MIX, POINTS, price_of_errors, purchase_frontiers
from analytics.vote_value import Action, chosen, offers, plan, worths
from tests.crowds import accurate

EURO = 1_000_000


def purchases(seed: int) -> list[Action]:
    rng = np.random.default_rng(seed)
    prices = rng.integers(1, 9, 4) * EURO
    right = rng.uniform(0.55, 0.99, 3)
    vote, lead, model = (accurate(1, 3, float(one))[0] for one in right)
    return [
        Action("vote", int(prices[0]), vote, most=3), Action("lead", int(prices[1]), lead),
        Action("model", int(prices[2]), model, offered=rng.random(6) < 0.5), Action("gold", int(prices[3]), np.eye(3)),
    ]  # fmt: skip


def curves(posterior: FloatArray, actions: list[Action]) -> dict[str, pl.DataFrame]:
    each = worths(posterior, actions)
    found = purchase_frontiers(each, chosen(each))
    return {str(key): part for (key,), part in found.group_by("action", maintain_order=True)}


@given(st.integers(0, 10_000))
def test_the_mix_lies_on_or_above_every_purchase_by_itself_and_is_concave(seed: int) -> None:
    posterior = np.random.default_rng(seed).dirichlet(
        [0.6] * 3, 6
    )  # few enough steps that every one is a point
    actions = purchases(seed)
    found = curves(posterior, actions)
    assert list(found) == [MIX, "vote", "lead", "model", "gold"]
    mix = found[MIX]
    for part in found.values():
        assert part.row(0)[1:] == (0, 0.0)
        best = np.interp(part["cost"].to_numpy(), mix["cost"].to_numpy(), mix["errors"].to_numpy())
        assert (best - part["errors"].to_numpy() >= -1e-9).all()
        slopes = np.diff(part["errors"].to_numpy()) / np.diff(part["cost"].to_numpy())
        assert (np.diff(slopes) <= 1e-15).all()


@given(st.integers(0, 10_000))
def test_a_purchase_by_itself_is_what_it_would_be_were_nothing_else_on_offer(seed: int) -> None:
    posterior = np.random.default_rng(seed).dirichlet([0.6] * 3, 6)
    actions = purchases(seed)
    each = worths(posterior, actions)
    for action in actions:
        alone = offers(posterior, [action]).steps
        assert chosen(each, only=action.key).steps.drop("action").equals(alone.drop("action"))


def test_everything_of_gold_removes_every_error_for_the_price_of_all_items() -> None:
    posterior = np.random.default_rng(1).dirichlet([0.6, 0.6], 500)
    actions = [Action("gold", 2 * EURO, np.eye(2)), Action("vote", EURO, accurate(1, 2, 0.8)[0], most=5)]
    found = curves(posterior, actions)
    cost, errors = found["gold"].row(-1)[1:]
    assert cost == 500 * 2 * EURO
    assert errors == pytest.approx((1 - posterior.max(axis=1)).sum())
    assert all(part.height <= POINTS + 1 for part in found.values())
    spent = found[MIX]["cost"][10]
    made = plan(offers(posterior, actions), budget=spent)
    assert found[MIX]["errors"][10] == pytest.approx((made.accuracy_then - made.accuracy_now) * 500)


def test_what_nobody_gains_by_stays_at_its_first_point_and_has_no_price() -> None:
    sure = np.array([[1.0, 0.0]])
    actions = [Action("vote", EURO, accurate(1, 2, 0.8)[0])]
    found = curves(sure, actions)
    assert found["vote"].rows() == [("vote", 0, 0.0)]
    assert price_of_errors(found["vote"], budget=EURO) is None


def test_the_price_of_an_error_is_that_of_the_first_money() -> None:
    curve = pl.DataFrame({"cost": [0, EURO, 3 * EURO], "errors": [0.0, 0.5, 0.75]})
    assert price_of_errors(curve, budget=EURO) == 2 * EURO
    assert price_of_errors(curve, budget=2 * EURO) == pytest.approx(2 * EURO / 0.625)
    assert price_of_errors(curve, budget=100 * EURO) == 4 * EURO
