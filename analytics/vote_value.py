"""What the next vote on each item is worth, and the cheapest plan that is expected to reach a wanted accuracy.

An item's label is right with probability max_k p(k). After m more votes by somebody with the confusion matrix C it is
expected to be right with

    V(m) = sum over outcomes o of  max_k  p(k) multinomial(o) prod_v C[k, v]^o_v

the preposterior analysis of decision theory (Raiffa & Schlaifer 1961, Applied statistical decision theory, ch. 4). One vote
often cannot turn a label and is worth nothing by itself, while two together may: so bundles of up to `Action.most` are
looked at, not only the next one.

A plan chooses at most one bundle an item so that the mean of V reaches the target for least money: a knapsack with classes.
The bundles on the upper hull of each item are bought in the order of gain for money, which is the best there is but for the
last bundle bought (Sinha & Zoltners 1979, The multiple-choice knapsack problem, Operations Research 27, 503-515).

**Labels that are sets.** Each choice is a yes or no of its own, with its own Dawid-Skene fit, and one vote answers all of them at
once for one price. The set is right where every choice is; with choices independent given the item, as in
`analytics.set_consensus`, both what is known now and what is expected after m more votes are products over the choices:
V(m) = prod over choices c of V_c(m). So `posterior` is (C, I, 2) and `Action.confusion` (C, 2, 2).

Annotators who err together are taken for independent witnesses, so posteriors are too sure of themselves. Where gold is
known, a temperature fitted on it (`analytics.temperature`) is put on posteriors and on confusion matrices alike
(`vote_confusion.tempered`).
What is expected is an expectation under the fitted model, and on real crowds it promised two to five times the gain that came;
`analytics.vote_policies` holds it against gold, and `Action.realised` is where the share that comes is put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.vote_value_kernels import expected_right, hull_steps, outcome_table

MOST_CELLS = 12_000
"""Outcomes times labels that a bundle may have: what a million items can be worked out for in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """Something that can be bought for an item.

    Attributes:
        key: its name.
        price: of one, in whole millionths of the currency's main unit, above 0.
        confusion: (K, K) rows the item's label, columns what the one who is asked says; rows sum to 1. Of sets (C, K, K), a matrix
            for each choice.
        most: how many may be bought for one item.
        offered: (I,) for which items it can be bought; None for all.
        realised: the share of its expected gain that gold shows to come (`vote_policies.realised_share`); 1 takes the model's word.
    """

    key: str
    price: int
    confusion: FloatArray
    most: int = 1
    offered: NDArray[np.bool_] | None = None
    realised: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Worths:
    """What each bundle of each action is worth for each item, before anything is chosen.

    Attributes:
        right_now: (I,) probability that each item's label is right.
        values: (B, I) the same after each bundle; minus infinity where it is not offered.
        costs: (B,) of each bundle, in millionths.
        action_of, n_of: (B,) place of its action, and how many of it.
        keys: of the actions.
    """

    right_now: FloatArray
    values: FloatArray
    costs: FloatArray
    action_of: IntArray
    n_of: IntArray
    keys: tuple[str, ...]

    def next_one(self, key: str) -> FloatArray:
        """(I,) what one of an action adds to the probability that each label is right; NaN where it is not offered.

        Raises:
            BadOption: no action has this key.
        """
        (place,) = np.flatnonzero((self.action_of == _place(self.keys, key)) & (self.n_of == 1))
        value = self.values[place]
        return np.where(np.isfinite(value), np.maximum(value - self.right_now, 0.0), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Offers:
    """What could be bought for each item, the best for the money first.

    Attributes:
        steps: one row a step on an item's hull, by gain for money: item (row of the posterior), action (place), n (bought in
            all once the step is taken), cost (millionths, beside the step before), gain (expected share of a right label,
            beside the step before), per_unit (gain for one main unit of money).
        right_now: (I,) probability that each item's label is right.
        keys: of the actions.
    """

    steps: pl.DataFrame
    right_now: FloatArray
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to buy.

    Attributes:
        items: item, action (its key), n, cost (millionths), gain; one row an item that something is bought for, the best
            for the money first.
        cost: of everything, in millionths.
        accuracy_now, accuracy_then: mean probability of a right label, before and after.
        undefined: why there is no plan, else None.
    """

    items: pl.DataFrame
    cost: int
    accuracy_now: float
    accuracy_then: float
    undefined: str | None


def offers(posterior: FloatArray, actions: Sequence[Action]) -> Offers:
    """What each action would do for each item, the best for the money first: `chosen` of `worths`."""
    return chosen(worths(posterior, actions))


def worths(posterior: FloatArray, actions: Sequence[Action]) -> Worths:
    """What each bundle of each action would do for each item.

    Args:
        posterior: (I, K) probability of each label of each item; rows sum to 1. Of sets (C, I, K): the same for each choice, of
            which all have to be right.
        actions: one or more.

    Raises:
        BadOption: a posterior or an action that cannot be.
    """
    given = np.ascontiguousarray(posterior if posterior.ndim == 3 else posterior[None], dtype=np.float64)
    _check(given, actions)
    n_items = given.shape[1]
    right = given.max(axis=2).prod(axis=0) if n_items else np.empty(0)
    values, costs, action_of, n_of = [], [], [], []
    for place, action in enumerate(actions):
        for n in range(1, _most(action) + 1):
            value = _expected(given, action, n)
            value = right + action.realised * np.maximum(value - right, 0.0)
            if action.offered is not None:
                value = np.where(action.offered, value, -np.inf)
            values.append(value)
            costs.append(float(n * action.price))
            action_of.append(place)
            n_of.append(n)
    keys = tuple(action.key for action in actions)
    return Worths(right, np.array(values), np.array(costs), np.array(action_of), np.array(n_of), keys)


def chosen(found: Worths, *, only: str | None = None) -> Offers:
    """The steps on each item's hull, of all actions or of the one with a key, the best for the money first.

    Raises:
        BadOption: no action has this key.
    """
    every = np.ones(len(found.costs), dtype=np.bool_)
    own = every if only is None else found.action_of == _place(found.keys, only)
    steps = _steps(
        found.right_now, found.values[own], found.costs[own], found.action_of[own], found.n_of[own]
    )
    return Offers(steps, found.right_now, found.keys)


def plan(found: Offers, *, accuracy: float | None = None, budget: int | None = None) -> Plan:
    """The cheapest purchases that are expected to reach an accuracy, or the best for a budget (exactly one is given).

    The plan ends with the step that reaches the accuracy, or before the one that would pass the budget.

    Args:
        found: what can be bought.
        accuracy: wanted mean probability of a right label, above 0 and at most 1.
        budget: in millionths, 0 or more.
    """
    if (accuracy is None) == (budget is None):
        raise BadOption("accuracy", accuracy, "given, or else a budget, not both")
    if accuracy is not None and not 0 < accuracy <= 1:
        raise BadOption("accuracy", accuracy, "above 0 and at most 1")
    if budget is not None and budget < 0:
        raise BadOption("budget", budget, "0 or more")
    n_items = len(found.right_now)
    now = float(found.right_now.mean()) if n_items else 0.0
    spent = found.steps["cost"].cum_sum().to_numpy()
    reached = now + found.steps["gain"].cum_sum().to_numpy() / max(n_items, 1)
    n_steps, undefined = _how_many(now, spent, reached, accuracy, budget, n_items)
    taken = found.steps.head(n_steps)
    return Plan(
        items=_bought(taken, found.keys),
        cost=int(taken["cost"].sum()),
        accuracy_now=now,
        accuracy_then=float(reached[n_steps - 1]) if n_steps else now,
        undefined=undefined,
    )


def _place(keys: tuple[str, ...], key: str) -> int:
    if key not in keys:
        raise BadOption("key", key, keys)
    return keys.index(key)


def _how_many(
    now: float,
    spent: FloatArray,
    reached: FloatArray,
    accuracy: float | None,
    budget: int | None,
    n_items: int,
) -> tuple[int, str | None]:
    """How many steps to take, and why the accuracy cannot be had."""
    if n_items == 0:
        return 0, "there are no items"
    if budget is not None:
        return int(np.searchsorted(spent, budget, side="right")), None
    assert accuracy is not None
    if now >= accuracy:
        return 0, None
    best = float(reached[-1]) if len(reached) else now
    if best < accuracy:
        return 0, f"cannot be reached: everything on offer together is expected to give {best:.1%}"
    return int(np.searchsorted(reached, accuracy - 1e-12)) + 1, None


def _expected(posterior: FloatArray, action: Action, n_votes: int) -> FloatArray:
    """(I,) how often every choice is expected to be right after so many of the action."""
    value = np.ones(posterior.shape[1])
    for part, confusion in zip(posterior, _matrices(action), strict=True):
        value *= expected_right(part, outcome_table(np.ascontiguousarray(confusion), n_votes))
    return value


def _matrices(action: Action) -> FloatArray:
    """(C, K, K); C is 1 for labels that are no sets."""
    return action.confusion if action.confusion.ndim == 3 else action.confusion[None]


def _check(posterior: FloatArray, actions: Sequence[Action]) -> None:
    """`posterior` (C, I, K)."""
    if posterior.ndim != 3 or (posterior.size and not np.allclose(posterior.sum(axis=2), 1.0, atol=1e-6)):
        raise BadOption("posterior", f"shape {posterior.shape}", "(items, labels), each row summing to 1")
    if not actions:
        raise BadOption("actions", "none", "one or more")
    n_choices, _, n_labels = posterior.shape
    for action in actions:
        matrices = _matrices(action)
        if matrices.shape != (n_choices, n_labels, n_labels) or not np.allclose(matrices.sum(axis=2), 1.0):
            each = "" if n_choices == 1 else f" for each of {n_choices} choices"
            raise BadOption("confusion", action.key, f"{n_labels} x {n_labels}{each}, each row summing to 1")
        if action.price <= 0:
            raise BadOption("price", action.price, "millionths above 0: what costs nothing needs no plan")
        if not 0 <= action.realised <= 1:
            raise BadOption("realised", action.realised, "a share from 0 to 1")
        if action.most < 1:
            raise BadOption("most", action.most, "1 or more")


def _most(action: Action) -> int:
    """How large a bundle may be so that its outcomes can be gone through; at least one vote is always looked at."""
    n_labels, outcomes = action.confusion.shape[-1], 1
    for n in range(1, action.most + 1):
        outcomes = outcomes * (n + n_labels - 1) // n
        if n > 1 and outcomes * n_labels > MOST_CELLS:
            return n - 1
    return action.most


def _steps(
    right: FloatArray, values: FloatArray, costs: FloatArray, action_of: IntArray, n_of: IntArray
) -> pl.DataFrame:
    """The hull of every item, step by step, by gain for money; within an item in the hull's order."""
    item, option, before, gain = hull_steps(right, np.ascontiguousarray(values.T), costs)
    cost = costs[option] - np.where(before >= 0, costs[np.maximum(before, 0)], 0.0)
    frame = pl.DataFrame(
        {
            "item": item, "action": action_of[option], "n": n_of[option], "cost": cost.astype(np.int64), "gain": gain,
            "per_unit": gain / cost * 1e6,
        }
    )  # fmt: skip
    return frame.sort("per_unit", descending=True, maintain_order=True)


def _bought(taken: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """The last step of each item that was taken, with what all its steps cost and gain together."""
    each = (
        taken.with_row_index("place")
        .group_by("item", maintain_order=True)
        .agg(pl.col("action").last(), pl.col("n").last(), pl.col("cost").sum(), pl.col("gain").sum())
    )
    names = pl.Series("key", keys, dtype=pl.String)
    return each.with_columns(action=names.gather(each["action"].cast(pl.UInt32)))
