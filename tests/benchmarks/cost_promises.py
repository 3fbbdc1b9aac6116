"""Whether what cost promises comes, in simulated crowds of known truth: `python -m tests.benchmarks.cost_promises`.

*Plans.* Items with three votes, gold on a quarter of them and a model's predictions on half, labels that are one of three or sets of
three choices. What the page fits is fitted, a plan is made for a wanted share of correct labels, and everything in it is bought: new votes
of whoever comes next, new predictions, gold. Then the labels are held against the truth.

*Forecasts.* Teams whose days and weeks differ, with weekends; people who stop, or join, on a day that nobody knew.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from analytics.dawid_skene import DawidSkene, dawid_skene
from analytics.frames import FloatArray, IntArray
from analytics.queue_forecast import forecast
from analytics.temperature import fit_temperature, logits_of
from analytics.vote_confusion import confusion_beside, pooled_confusion, tempered
from analytics.vote_policies import realised_share
from analytics.vote_value import Action, Plan, offers, plan

N_ITEMS, N_VOTES, N_ANNOTATORS = 600, 3, 20
MODEL, GOLD = 2_000, 1_000_000
WANTED = (0.9, 0.95)
PRIOR, RIGHT = 4.0, 0.6


@dataclass(frozen=True, slots=True)
class World:
    """A crowd and its truth: `truth` (C, I); `people` (A, C, K, K) and `model` (C, K, K) say how each errs; `hard` (I,) misleads all.

    Votes are `who`, `item` (V,) and `said` (C, V); `spoken` (I,) the items that the model has spoken on, `told` (C, I) what it says.
    """

    truth: IntArray
    people: FloatArray
    model: FloatArray
    who: IntArray
    item: IntArray
    said: IntArray
    spoken: IntArray
    told: IntArray


def even(right: FloatArray | float, n_labels: int) -> FloatArray:
    """(…, K, K) matrices of who errs evenly."""
    given = np.asarray(right)[..., None, None]
    return np.where(np.eye(n_labels, dtype=bool), given, (1 - given) / (n_labels - 1))


def answers(chances: FloatArray, rng: np.random.Generator) -> IntArray:
    """One draw of each row of (…, K)."""
    return np.asarray(
        (rng.random(chances.shape[:-1])[..., None] > chances.cumsum(axis=-1)[..., :-1]).sum(axis=-1)
    )


def vote_prices(n: int, rng: np.random.Generator) -> FloatArray:
    """(n,) millionths: votes are paid by the time that they take, 0.05 on average, most of them less."""
    return rng.lognormal(np.log(50_000) - 0.7**2 / 2, 0.7, n)


def world(seed: int, *, n_choices: int, n_labels: int) -> World:
    """Annotators right in 60 to 90 of 100, a model in 75."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_labels, (n_choices, N_ITEMS))
    people = even(rng.uniform(0.6, 0.9, (N_ANNOTATORS, n_choices)), n_labels)
    model = even(np.full(n_choices, 0.75), n_labels)
    who = np.argsort(rng.random((N_ITEMS, N_ANNOTATORS)), axis=1)[:, :N_VOTES].ravel()
    item = np.repeat(np.arange(N_ITEMS), N_VOTES)
    said = np.stack([answers(people[who, c, truth[c, item]], rng) for c in range(n_choices)])
    told = np.stack([answers(model[c, truth[c]], rng) for c in range(n_choices)])
    return World(truth, people, model, who, item, said, (rng.random(N_ITEMS) < 0.5).astype(np.int64), told)


def fits(seen: World, n_labels: int) -> list[DawidSkene]:
    """The consensus of each choice, as the product fits it."""
    wrong = PRIOR * (1 - RIGHT) / (n_labels - 1)
    found = []
    for said in seen.said:
        votes = pl.DataFrame({"item_code": seen.item, "annotator_code": seen.who, "label_code": said})
        found.append(
            dawid_skene(
                votes,
                n_labels=n_labels,
                smoothing=wrong,
                right_smoothing=PRIOR * RIGHT - wrong,
                max_iterations=1000,
            )
        )
    return found


def promise(seed: int, *, n_choices: int, n_labels: int) -> dict[str, object]:
    """What one plan promised and what came."""
    seen, rng = world(seed, n_choices=n_choices, n_labels=n_labels), np.random.default_rng(10_000 + seed)
    models = fits(seen, n_labels)
    table = np.stack([np.asarray(one.items.sort("item_code")["posterior"].to_list()) for one in models])
    has_gold = np.arange(N_ITEMS) % 4 == 0
    logits = logits_of(table[:, has_gold].reshape(-1, n_labels))
    heat = fit_temperature(logits, seen.truth[:, has_gold].ravel()).temperature.value or 1.0
    posterior = tempered(np.clip(table[:, ~has_gold], 1e-12, None), heat)
    share = _share(seen, has_gold, n_choices, n_labels)
    price = int(vote_prices(N_ITEMS * N_VOTES, rng).mean())
    actions = _actions(seen, models, posterior, ~has_gold, heat, share, price)
    found = offers(posterior, actions)
    row: dict[str, object] = {"share": share}
    for wanted in WANTED:
        made = plan(found, accuracy=wanted)
        right, spent = _bought(seen, models, made, posterior, np.flatnonzero(~has_gold), actions, rng)
        row |= {
            f"promised {wanted}": made.accuracy_then,
            f"came {wanted}": right,
            f"paid {wanted}": spent / made.cost if made.cost else None,
        }
    right_now = (posterior.argmax(axis=2) == seen.truth[:, ~has_gold]).all(axis=0).mean()
    return row | {"believed now": float(found.right_now.mean()), "right now": float(right_now)}


def _share(seen: World, has_gold: IntArray, n_choices: int, n_labels: int) -> float:
    """The share of a gain that comes, as the page takes it from gold."""
    places = n_labels ** np.arange(n_choices)[::-1]
    votes = pl.DataFrame(
        {"item_code": seen.item, "annotator_code": seen.who, "label_code": places @ seen.said}
    )
    gold = pl.DataFrame(
        {"item_code": np.flatnonzero(has_gold), "label_code": places @ seen.truth[:, has_gold]}
    )
    every = np.arange(n_labels**n_choices)
    members = None if n_choices == 1 else np.stack([every // place % n_labels for place in places], axis=1)
    found = realised_share(
        votes, gold, n_labels=len(every), members=members, start=1, repeats=4, replicates=300
    )
    if found.value is None or found.low is None:
        return 1.0
    return min(found.value, 1.0) if found.low > 0 else 0.0


def _actions(
    seen: World,
    models: list[DawidSkene],
    posterior: FloatArray,
    is_open: IntArray,
    heat: float,
    share: float,
    price: int,
) -> list[Action]:
    n_labels = posterior.shape[2]
    pooled = np.stack([pooled_confusion(one.confusion, one.n_expected.sum(axis=1)) for one in models])
    spoken = seen.spoken[is_open].astype(bool)
    beside = [
        confusion_beside(part[spoken], told[is_open][spoken])
        for part, told in zip(posterior, seen.told, strict=True)
    ]
    gold = np.tile(np.eye(n_labels), (len(models), 1, 1))
    return [
        Action("vote", price, tempered(np.clip(pooled, 1e-12, None), heat), most=5, realised=share),
        Action("model", MODEL, np.stack(beside), offered=~spoken, realised=share),
        Action("gold", GOLD, gold),
    ]


def _bought(
    seen: World,
    models: list[DawidSkene],
    made: Plan,
    posterior: FloatArray,
    open_items: IntArray,
    actions: list[Action],
    rng: np.random.Generator,
) -> tuple[float, float]:
    """How many labels are right once everything of a plan is bought, and what was paid."""
    joint, spent = posterior.copy(), 0.0
    for place, action, n in made.items.select("item", "action", "n").iter_rows():
        item = open_items[place]
        spent += vote_prices(n, rng).sum() if action == "vote" else {"model": MODEL, "gold": GOLD}[action]
        for choice, truth in enumerate(seen.truth[:, item]):
            for who in rng.choice(N_ANNOTATORS, n, replace=False) if action == "vote" else []:
                said = answers(seen.people[who, choice, truth], rng)
                joint[choice, place] *= models[choice].confusion[who, :, said]
            if action == "model":
                joint[choice, place] *= actions[1].confusion[choice, :, seen.told[choice, item]]
            if action == "gold":
                joint[choice, place] = np.eye(joint.shape[2])[truth]
    said = joint.argmax(axis=2)
    return float((said == seen.truth[:, open_items]).all(axis=0).mean()), spent


def plans(n_crowds: int) -> None:
    """Print how often a promise comes, within two standard errors of it and on average, and what it cost beside what was said."""
    for kind, n_choices, n_labels in (("one of three", 1, 3), ("sets of three", 3, 2)):
        rows = pl.DataFrame(
            [promise(seed, n_choices=n_choices, n_labels=n_labels) for seed in range(n_crowds)]
        )
        said: dict[str, object] = {
            "kind": kind, "crowds": n_crowds, "share": rows["share"].median(), "believed now": rows["believed now"].mean(),
            "right now": rows["right now"].mean(),
        }  # fmt: skip
        for wanted in WANTED:
            then, came = (rows[f"{name} {wanted}"].to_numpy() for name in ("promised", "came"))
            room = 2 * np.sqrt(then * (1 - then) / (0.75 * N_ITEMS))
            said |= {
                f"promised {wanted}": then.mean(), f"came {wanted}": came.mean(), f"kept {wanted}": int((came >= then - room).sum()),
                f"paid {wanted}": [round(rows[f"paid {wanted}"].quantile(q, "linear") or 0.0, 3) for q in (0.025, 0.5, 0.975)],
            }  # fmt: skip
        print(
            json.dumps({key: round(one, 4) if isinstance(one, float) else one for key, one in said.items()}),
            flush=True,
        )


WEEKDAY = np.array([30, 34, 30, 28, 24, 2, 0])
TODAY = date(2026, 11, 2)
TEAMS = ("weeks differ", "two weeks off in ten", "one of four stops", "one more of four joins")


def covered(kind: str, seed: int, *, n_weeks: int = 10, left: int = 500) -> tuple[bool, bool]:
    """Whether a forecast was made, and whether its interval has the day on which the queue was empty."""
    rng = np.random.default_rng(seed)
    pace = WEEKDAY[None, :] * rng.gamma(12.0, 1 / 12.0, 60)[:, None]
    if kind == "two weeks off in ten":
        pace[rng.random(60) < 0.2] = 0.0
    counts = pace.ravel()
    moved = 7 * n_weeks + int(rng.integers(0, 14))  # within the two weeks after today
    if kind == "one of four stops":
        counts[moved:] *= 0.75
    if kind == "one more of four joins":
        counts[moved:] *= 1.25
    done = rng.poisson(counts)
    days = [TODAY - timedelta(days=7 * n_weeks - n) for n in range(7 * n_weeks)]
    past = pl.DataFrame({"day": days, "n": done[: 7 * n_weeks]})
    found = forecast(past, left=left, today=TODAY, replicates=400, seed=seed)
    day = int((done[7 * n_weeks :].cumsum() >= left).argmax()) + 1
    if found.days.low is None or found.days.high is None:
        return False, False
    return True, found.days.low <= day <= found.days.high


def forecasts(n_teams: int) -> None:
    """Print how often the interval has the day, by what happens and by how many weeks are known."""
    for kind in TEAMS:
        for n_weeks in (4, 10):
            for left in (100, 500, 1500):
                both = [covered(kind, seed, n_weeks=n_weeks, left=left) for seed in range(n_teams)]
                said = {"team": kind, "weeks": n_weeks, "left": left, "of": sum(made for made, _ in both)}
                print(json.dumps({**said, "has the day": sum(has for _, has in both)}), flush=True)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crowds", type=int, default=200)
    parser.add_argument("--part", choices=("plans", "forecasts"), action="append")
    arguments = parser.parse_args()
    parts = arguments.part or ["plans", "forecasts"]
    if "plans" in parts:
        plans(arguments.crowds)
    if "forecasts" in parts:
        forecasts(arguments.crowds)


if __name__ == "__main__":
    main()
