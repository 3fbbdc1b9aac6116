"""What each purchase by itself would do for the money, and the cheapest mix of all of them.

For a purchase by itself, as for all together, the steps of `vote_value.offers` are taken in the order of gain for money: their
running sums are the most wrong labels that so much money is expected to take away, up to one step (Sinha & Zoltners 1979).
A curve of these sums is concave; that of the mix lies on or above each of the others, since every purchase by itself is a mix too.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics.frames import IntArray
from analytics.vote_value import Offers, Worths, chosen

MIX = "cheapest mix"
POINTS = 60
"""Points that are kept of each curve, the first step's and the last one's among them: half at even, half at growing distances."""

SCHEMA = {"action": pl.String, "cost": pl.Int64, "errors": pl.Float64}


def purchase_frontiers(found: Worths, together: Offers) -> pl.DataFrame:
    """Wrong labels fewer against money, for each action alone and for the mix.

    Args:
        found: what each action is worth for each item.
        together: `chosen(found)`: all actions.

    Returns:
        action (its key, or MIX), cost (millionths, ascending within an action, from 0), errors (expected to be removed): the mix
        first, then the actions in their order. An action that no item gains by has its first point alone.

    >>> from analytics.vote_value import Action, worths
    >>> gold = worths(np.array([[0.5, 0.5]]), [Action("gold", 4, np.eye(2))])
    >>> purchase_frontiers(gold, chosen(gold)).rows()[:2]
    [('cheapest mix', 0, 0.0), ('cheapest mix', 4, 0.5)]
    """
    alone = [together] if len(found.keys) == 1 else [chosen(found, only=key) for key in found.keys]
    curves = [_curve(MIX, together), *(_curve(key, one) for key, one in zip(found.keys, alone, strict=True))]
    return pl.concat(curves)


def price_of_errors(curve: pl.DataFrame, *, budget: int) -> float | None:
    """Millionths for one error removed, on average over the first `budget` millionths of a curve of `purchase_frontiers`.

    Between two points money is taken to be spent evenly. None where nothing is removed.

    >>> price_of_errors(pl.DataFrame({"cost": [0, 4], "errors": [0.0, 0.5]}), budget=2)
    8.0
    """
    cost, errors = curve["cost"].to_numpy(), curve["errors"].to_numpy()
    spent = min(float(budget), float(cost[-1]))
    removed = float(np.interp(spent, cost, errors))
    return spent / removed if removed > 0 else None


def _curve(key: str, found: Offers) -> pl.DataFrame:
    spent = found.steps["cost"].cum_sum().to_numpy()
    removed = found.steps["gain"].cum_sum().to_numpy()
    places = _places(len(spent))
    return pl.DataFrame(
        {
            "action": [key] * (len(places) + 1),
            "cost": np.concatenate([[0], spent[places]]).astype(np.int64),
            "errors": np.concatenate([[0.0], removed[places]]),
        },
        schema=SCHEMA,
    )


def _places(n_steps: int) -> IntArray:
    if n_steps == 0:
        return np.empty(0, dtype=np.int64)
    half = POINTS // 2
    both = np.concatenate([np.geomspace(1, n_steps, half), np.linspace(1, n_steps, half)])
    return np.unique(both.round().astype(np.int64)) - 1
