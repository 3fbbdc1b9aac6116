"""What votes really buy: error on gold by the number of votes, and policies of asking held against each other on items set aside.

Everything is measured with votes that people gave: an item's votes are put in a random order, and a policy sees the first
few and asks for more. Where labels are sets (`members`), every choice has a model of its own, a vote answers all of them, and a
set is wrong where one choice is. Confusion matrices and priors are fitted on one half of the items with gold and on all items without,
the temperature on that half; the error is counted on the gold of the other half. Intervals are of a bootstrap of items, whose
errors are first averaged over the repeats (other halves, other orders).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.results import Estimate
from analytics.vote_confusion import tempered
from analytics.vote_trials import Fit, Judge, fit_half, judged, right_chance, shuffled
from analytics.vote_value import Action, offers, plan

POLICIES = ("even", "least sure", "plan")
"""Everybody alike; the items that are least sure, one vote each; the plan of `vote_value`, made anew each round."""

ROUNDS = 4
MOST = 5
WIDER = 1.2
"""A bootstrap of items leaves the fits as they are. Where they matter, because labels are many or most items have no gold, the share of a
gain moved by 1.16 of the interval's standard errors over 216 crowds of coins, and this brings it back (docs/cost.md)."""

FEWEST_ITEMS = 40
"""Items with gold and enough votes; with fewer nothing is said."""


@dataclass(frozen=True, slots=True)
class Policies:
    """What each policy reached.

    Attributes:
        table: policy, votes_per_item (beyond the start), error, low, high, expected (the error that the model expected),
            difference (of the error to that of "even"), difference_low, difference_high; sorted.
        n_items: that were judged.
        temperature: median over the repeats.
        undefined: why there is nothing, else None.
    """

    table: pl.DataFrame
    n_items: int
    temperature: float | None
    undefined: str | None


@dataclass(frozen=True, slots=True, eq=False)
class VotesFrontier:
    """Error on gold by the number of votes.

    Attributes:
        table: n_votes, error, low, high.
        errors: (items, n) each item's error after 1, 2, … votes, averaged over the repeats.
        undefined: why there is nothing, else None.
    """

    table: pl.DataFrame
    errors: FloatArray
    undefined: str | None


def compare_policies(
    votes: pl.DataFrame, gold: pl.DataFrame, *, n_labels: int, members: IntArray | None = None, start: int = 3,
    extra: Sequence[float] = (0.5, 1.0, 2.0), repeats: int = 10, replicates: int = 1000, seed: int = 0,
) -> Policies:  # fmt: skip
    """Hold POLICIES against each other on items that they were not fitted on.

    Args:
        votes: a frame that keeps VOTES.
        gold: a frame that keeps GOLD.
        n_labels: K.
        members: (K, C) of labels that are sets: 1 where a label has a choice, else 0. None: each label is one.
        start: votes that every item has to begin with.
        extra: votes an item more, on average, that a policy may spend.
        repeats: random halves and orders; `replicates` are of the bootstrap, `seed` of everything.
    """
    crowd = judged(votes, gold, n_labels, members, least=start + 1)
    known = crowd.known
    if len(known) < FEWEST_ITEMS:
        reason = f"fewer than {FEWEST_ITEMS} items have gold and more than {start} votes"
        return Policies(_no_policies(), len(known), None, reason)
    rng = np.random.default_rng(seed)
    cells = [(policy, budget) for policy in POLICIES for budget in extra]
    wrong, seen = np.zeros((len(cells), len(known))), np.zeros(len(known))
    expected, heats = np.zeros(len(cells)), []
    for _ in range(repeats):
        mine = shuffled(crowd.votes, rng)
        half = rng.permutation(len(known)) < len(known) // 2
        fit = fit_half(mine, crowd, half, start)
        heats.append(fit.temperature)
        seen += ~half
        judge = Judge(mine.filter(pl.Series(~half).gather(mine["item"])), np.flatnonzero(~half), fit, crowd)
        for place, (policy, budget) in enumerate(cells):
            said, sure = _after(judge, policy, start, round(budget * (~half).sum()), rng)
            wrong[place, ~half] += (said != known[~half]).any(axis=1)
            expected[place] += 1 - sure
    each = wrong[:, seen > 0] / seen[seen > 0]
    table = _policy_table(cells, each, expected / repeats, len(extra), replicates, rng)
    return Policies(table, int((seen > 0).sum()), float(np.median(heats)), None)


def realised_share(
    votes: pl.DataFrame, gold: pl.DataFrame, *, n_labels: int, members: IntArray | None = None, start: int, extra: float = 1.0,
    repeats: int = 6, replicates: int = 1000, seed: int = 0,
) -> Estimate:  # fmt: skip
    """How much of the gain that a plan is expected to bring comes: error on gold before and after it, on items set aside.

    Above 1 more came than was expected. The interval is of a bootstrap of items, each side WIDER times as long; where it includes 0,
    the votes had no measurable effect. Undefined where too few items have gold and votes, or nothing was expected.
    """
    crowd = judged(votes, gold, n_labels, members, least=start + 1)
    known = crowd.known
    if len(known) < FEWEST_ITEMS:
        return Estimate.none(
            f"fewer than {FEWEST_ITEMS} items have gold and more than {start} votes", len(known)
        )
    rng = np.random.default_rng(seed)
    gain, promised, seen = np.zeros(len(known)), 0.0, np.zeros(len(known))
    for _ in range(repeats):
        mine = shuffled(crowd.votes, rng)
        half = rng.permutation(len(known)) < len(known) // 2
        fit = fit_half(mine, crowd, half, start)
        judge = Judge(mine.filter(pl.Series(~half).gather(mine["item"])), np.flatnonzero(~half), fit, crowd)
        said, sure = _after(judge, "plan", start, 0, rng)
        then, surer = _after(judge, "plan", start, round(extra * (~half).sum()), rng)
        gain[~half] += (said != known[~half]).any(axis=1).astype(float) - (then != known[~half]).any(axis=1)
        promised += (surer - sure) / repeats
        seen += ~half
    each = gain[seen > 0] / seen[seen > 0]
    if promised < 1e-6:
        return Estimate.none("the model expects nothing of more votes", len(each))
    mean = float(each.mean())
    low, high = (float(mean + WIDER * (end[0] - mean)) for end in _bootstrap(each[None, :], replicates, rng))
    return Estimate(mean / promised, low / promised, high / promised, len(each), unit="coefficient")


def votes_frontier(
    votes: pl.DataFrame, gold: pl.DataFrame, *, n_labels: int, members: IntArray | None = None, most: int, repeats: int = 10,
    replicates: int = 1000, seed: int = 0,
) -> VotesFrontier:  # fmt: skip
    """Error on gold of the consensus of 1, 2, … `most` votes an item, over the items that have so many.

    Raises:
        BadOption: `most` is under 1.
    """
    if most < 1:
        raise BadOption("most", most, "1 or more")
    crowd = judged(votes, gold, n_labels, members, least=most)
    known = crowd.known
    empty = pl.DataFrame(
        schema={"n_votes": pl.Int64, "error": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    )
    if len(known) < FEWEST_ITEMS:
        return VotesFrontier(
            empty, np.empty((0, most)), f"fewer than {FEWEST_ITEMS} items have gold and {most} votes"
        )
    rng = np.random.default_rng(seed)
    errors = np.zeros((len(known), most))
    for _ in range(repeats):
        mine = shuffled(crowd.votes, rng)
        half = rng.permutation(len(known)) < len(known) // 2
        for fitted in (half, ~half):
            fit = fit_half(mine, crowd, fitted, most)
            judge = Judge(
                mine.filter(pl.Series(~fitted).gather(mine["item"])), np.flatnonzero(~fitted), fit, crowd
            )
            for n in range(1, most + 1):
                posterior = judge.posterior(np.full((~fitted).sum(), n))
                errors[~fitted, n - 1] += (known[~fitted] != posterior.argmax(axis=2).T).any(axis=1)
    errors /= repeats
    low, high = _bootstrap(errors.T, replicates, rng)
    table = pl.DataFrame(
        {"n_votes": np.arange(1, most + 1), "error": errors.mean(axis=0), "low": low, "high": high}
    )
    return VotesFrontier(table, errors, None)


def _after(
    judge: Judge, policy: str, start: int, budget: int, rng: np.random.Generator
) -> tuple[IntArray, float]:
    """(I, C) the label of each item once the budget is spent, and how often the model expects it to be right."""
    n_used = np.full(len(judge.n_votes), start)
    spent = 0
    for nth in range(ROUNDS):
        share = budget * (nth + 1) // ROUNDS - spent
        sure = judge.sure(judge.posterior(n_used))
        bought = _ASK[policy](sure, judge.n_votes - n_used, share, judge.fit, rng)
        n_used = n_used + bought
        spent += int(bought.sum())
    last = judge.posterior(n_used)
    return last.argmax(axis=2).T, float(right_chance(judge.sure(last)).mean())


def _even(sure: FloatArray, left: IntArray, share: int, _fit: Fit, rng: np.random.Generator) -> IntArray:
    """One vote each in a random order, those with most left first so that all end alike."""
    bought = np.zeros_like(left)
    while share > 0 and (left > bought).any():
        order = np.lexsort((rng.random(len(left)), -(left - bought)))
        order = order[(left - bought)[order] > 0][:share]
        bought[order] += 1
        share -= len(order)
    return bought


def _least_sure(
    sure: FloatArray, left: IntArray, share: int, _fit: Fit, rng: np.random.Generator
) -> IntArray:
    bought = np.zeros_like(left)
    order = np.lexsort((rng.random(len(left)), right_chance(sure)))
    bought[order[left[order] > 0][:share]] = 1
    return bought


def _planned(sure: FloatArray, left: IntArray, share: int, fit: Fit, rng: np.random.Generator) -> IntArray:
    """The plan's purchases; what it leaves over goes to the items that are least sure."""
    action = Action("vote", 1, tempered(np.clip(fit.pooled, 1e-12, None), fit.temperature), MOST, left > 0)
    made = plan(offers(sure, [action]), budget=share)
    bought = np.zeros_like(left)
    bought[made.items["item"].to_numpy()] = made.items["n"].to_numpy()
    bought = np.minimum(bought, left)
    return bought + _least_sure(sure, left - bought, share - int(bought.sum()), fit, rng)


_ASK: dict[str, Callable[[FloatArray, IntArray, int, Fit, np.random.Generator], IntArray]] = {
    "even": _even, "least sure": _least_sure, "plan": _planned,
}  # fmt: skip


def _policy_table(
    cells: list[tuple[str, float]], each: FloatArray, expected: FloatArray, n_budgets: int, replicates: int, rng: np.random.Generator
) -> pl.DataFrame:  # fmt: skip
    low, high = _bootstrap(each, replicates, rng)
    apart = each - np.tile(each[:n_budgets], (len(POLICIES), 1))
    apart_low, apart_high = _bootstrap(apart, replicates, rng)
    return pl.DataFrame(
        {
            "policy": [policy for policy, _ in cells], "votes_per_item": [budget for _, budget in cells], "error": each.mean(axis=1),
            "low": low, "high": high, "expected": expected, "difference": apart.mean(axis=1), "difference_low": apart_low,
            "difference_high": apart_high,
        },
        schema=_no_policies().schema,
    )  # fmt: skip


def _no_policies() -> pl.DataFrame:
    numbers = (
        "votes_per_item",
        "error",
        "low",
        "high",
        "expected",
        "difference",
        "difference_low",
        "difference_high",
    )
    return pl.DataFrame(schema={"policy": pl.String, **dict.fromkeys(numbers, pl.Float64)})


def _bootstrap(rows: FloatArray, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """95 % intervals of each row's mean over items."""
    n = rows.shape[1]
    counts = rng.multinomial(n, np.full(n, 1 / n), size=replicates) / n
    low, high = np.quantile(rows @ counts.T, [0.025, 0.975], axis=1)
    return low, high
