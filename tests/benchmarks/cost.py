"""How often the cost figures find an effect that was planted, and report one where there is none: `python -m tests.benchmarks.cost`.

Three kinds of simulated crowds, 300 items with gold and 6 votes each, two labels. In the first annotators err on their own (right in
72 of 100), so votes take errors away, and asking where the labels are unsure takes more of them. In the second they all toss coins,
and in the third all see the same thing: on one item in five they are all misled. There no vote and no policy takes any error away.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import polars as pl

from analytics.cost_effect import NO_EFFECT, money_per_error
from analytics.vote_policies import compare_policies, realised_share, votes_frontier
from tests.crowds import CROWDS, accurate, drawn_crowd, drawn_set_crowd, real_crowd

N_ITEMS, N_VOTES, PRICE = 300, 6, 0.05


KINDS = ("independent", "coins", "misled")


def crowd(seed: int, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Votes and gold."""
    right = {"independent": 0.72, "coins": 0.5, "misled": 0.97}[kind]
    drawn = drawn_crowd(
        accurate(20, 2, right), n_items=N_ITEMS, n_per_item=N_VOTES, priors=np.array([0.5, 0.5]), seed=seed
    )
    if kind != "misled":
        return drawn.votes, drawn.gold
    misled = np.random.default_rng(seed).random(N_ITEMS) < 0.2
    codes = drawn.gold["label_code"].to_numpy()
    votes = (
        drawn.votes.join(drawn.gold.rename({"label_code": "seen"}), on="item_code")
        .with_columns(label_code="seen")
        .drop("seen")
    )
    return votes, drawn.gold.with_columns(label_code=pl.Series(np.where(misled, 1 - codes, codes)))


def one(seed: int, kind: str) -> dict[str, bool]:
    """Which effects one crowd is said to have."""
    votes, gold = crowd(seed, kind)
    errors = votes_frontier(votes, gold, n_labels=2, most=3, repeats=2, seed=seed).errors
    effect = money_per_error(np.full(len(errors), PRICE), errors[:, 0], errors[:, -1], currency="EUR")
    policies = compare_policies(
        votes, gold, n_labels=2, start=2, extra=(1.0,), repeats=4, replicates=400, seed=seed
    )
    planned = policies.table.filter(pl.col("policy") == "plan").row(0, named=True)
    share = realised_share(votes, gold, n_labels=2, start=2, seed=seed)
    return {
        "two more votes remove errors": effect.value is not None,
        "said to have no measurable effect": effect.undefined == NO_EFFECT,
        "the plan beats even asking": planned["difference_high"] < 0,
        "some of a plan's gain comes": share.low is not None and share.low > 0,
    }


def simulated(n_crowds: int, kinds: tuple[str, ...] = KINDS) -> None:
    """Print the rates."""
    for kind in kinds:
        found = pl.DataFrame([one(seed, kind) for seed in range(n_crowds)])
        rates = {name: int(found[name].sum()) for name in found.columns}
        print(json.dumps({"kind": kind, "crowds": n_crowds, **rates}))


SET_KINDS = {"on their own": (0.7, 0.75, 0.8), "in one go": (0.7, 0.75, 0.8), "coins": (0.5, 0.5, 0.5)}
"""How often a vote is right in each of three choices, from choice to choice independently or all in one go."""


def one_of_sets(seed: int, kind: str) -> dict[str, float | bool | None]:
    """The same for labels that are sets of three choices."""
    votes, gold, members = drawn_set_crowd(
        SET_KINDS[kind], n_items=N_ITEMS, n_per_item=N_VOTES, seed=seed, together=kind == "in one go"
    )
    n_labels = len(members)
    policies = compare_policies(
        votes,
        gold,
        n_labels=n_labels,
        members=members,
        start=2,
        extra=(1.0,),
        repeats=4,
        replicates=400,
        seed=seed,
    )
    planned = policies.table.filter(pl.col("policy") == "plan").row(0, named=True)
    share = realised_share(votes, gold, n_labels=n_labels, members=members, start=2, seed=seed)
    return {
        "the plan beats even asking": planned["difference_high"] < 0,
        "some of a plan's gain comes": share.low is not None and share.low > 0,
        "share": share.value,
    }


def simulated_sets(n_crowds: int) -> None:
    """Print the rates for sets."""
    for kind in SET_KINDS:
        found = pl.DataFrame([one_of_sets(seed, kind) for seed in range(n_crowds)])
        rates = {name: int(found[name].sum()) for name in found.columns if name != "share"}
        print(
            json.dumps({"sets": kind, "crowds": n_crowds, **rates, "median share": found["share"].median()}),
            flush=True,
        )


NULLS = ((300, 2, 6, 2, 1.0), (60, 2, 6, 2, 1.0), (150, 4, 5, 3, 0.5))
"""Crowds of coins: items with gold, labels, votes an item, votes it begins with, and which share of all items has gold."""


def levels(n_crowds: int) -> None:
    """Print how often some of a plan's gain is said to come where there is none, from more crowds than the other rates."""
    for n_gold, n_labels, n_votes, start, share in NULLS:
        said = 0
        for seed in range(n_crowds):
            drawn = drawn_crowd(
                accurate(20, n_labels, 1 / n_labels), n_items=round(n_gold / share), n_per_item=n_votes,
                priors=np.full(n_labels, 1 / n_labels), seed=9000 + seed,
            )  # fmt: skip
            found = realised_share(
                drawn.votes, drawn.gold.head(n_gold), n_labels=n_labels, start=start, seed=9000 + seed
            )
            said += found.low is not None and found.low > 0
        null = {"items with gold": n_gold, "labels": n_labels, "share with gold": share}
        print(json.dumps({**null, "crowds": n_crowds, "said that some of the gain comes": said}), flush=True)


def real(folder: Path) -> None:
    """Print what policies do on the real crowds with gold."""
    for name in CROWDS:
        seen = real_crowd(folder, name)
        n_labels = len(seen.labels)
        found = compare_policies(seen.votes, seen.gold, n_labels=n_labels, extra=(0.5, 1.0, 2.0), repeats=20)
        print(
            json.dumps(
                {
                    "set": name,
                    "items": found.n_items,
                    "temperature": found.temperature,
                    "undefined": found.undefined,
                }
            )
        )
        for row in found.table.to_dicts():
            print(
                json.dumps(
                    {
                        key: round(value, 4) if isinstance(value, float) else value
                        for key, value in row.items()
                    }
                )
            )
        for start in (3, 5, 8):
            share = realised_share(seen.votes, seen.gold, n_labels=n_labels, start=start, repeats=20)
            print(
                json.dumps(
                    {
                        "start": start,
                        "share": share.value,
                        "low": share.low,
                        "high": share.high,
                        "why": share.undefined,
                    }
                )
            )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crowds", type=int, default=200)
    parser.add_argument("--part", choices=("labels", "sets", "levels", "real"), action="append")
    parser.add_argument(
        "--datasets", type=Path, default=Path(os.environ.get("TOUCHSTONE_DATASETS", "../shared/datasets"))
    )
    arguments = parser.parse_args()
    parts = arguments.part or ["labels", "sets", "levels", "real"]
    if "labels" in parts:
        simulated(arguments.crowds)
    if "sets" in parts:
        simulated_sets(arguments.crowds)
    if "levels" in parts:
        levels(5 * arguments.crowds)
    if "real" in parts and arguments.datasets.is_dir():
        real(arguments.datasets)


if __name__ == "__main__":
    main()
