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
from tests.crowds import CROWDS, accurate, drawn_crowd, real_crowd

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
    share = realised_share(votes, gold, n_labels=2, start=2, repeats=4, replicates=400, seed=seed)
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
    parser.add_argument(
        "--datasets", type=Path, default=Path(os.environ.get("TOUCHSTONE_DATASETS", "../shared/datasets"))
    )
    arguments = parser.parse_args()
    simulated(arguments.crowds)
    if arguments.datasets.is_dir():
        real(arguments.datasets)


if __name__ == "__main__":
    main()
