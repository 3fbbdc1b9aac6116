"""Policies of asking, judged on items set aside: a planted effect is found, none where there is none, and what real crowds say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analytics.vote_policies import compare_policies, realised_share, votes_frontier
from tests.crowds import DrawnCrowd, accurate, drawn_crowd, real_crowd


def crowd(n_items: int = 400, n_per_item: int = 9, right: float = 0.72, seed: int = 0) -> DrawnCrowd:
    return drawn_crowd(
        accurate(20, 2, right), n_items=n_items, n_per_item=n_per_item, priors=np.array([0.5, 0.5]), seed=seed
    )


def test_where_annotators_err_independently_about_as_much_comes_as_was_promised() -> None:
    drawn = crowd(1500)
    found = realised_share(drawn.votes, drawn.gold, n_labels=2, start=3, repeats=3)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low > 0.4
    assert found.high > 0.75
    assert found.value == pytest.approx(1.0, abs=0.35)


def test_where_all_see_the_same_wrong_thing_more_votes_bring_nothing() -> None:
    rng = np.random.default_rng(3)
    drawn = crowd(600, right=0.95)
    misleading = rng.random(600) < 0.2  # everybody is misled by the same items, and gold says otherwise
    gold = drawn.gold.with_columns(
        label_code=pl.Series(
            np.where(misleading, 1 - drawn.gold["label_code"].to_numpy(), drawn.gold["label_code"].to_numpy())
        )
    )
    found = realised_share(drawn.votes, gold, n_labels=2, start=5, repeats=3)
    assert found.undefined is not None or (found.low is not None and found.low <= 0.1)


def test_the_plan_does_better_than_asking_everybody_alike() -> None:
    drawn = crowd(1200)
    found = compare_policies(drawn.votes, drawn.gold, n_labels=2, start=3, extra=(1.0,), repeats=4)
    planned = found.table.filter(pl.col("policy") == "plan").row(0, named=True)
    assert planned["difference_high"] < 0
    assert planned["error"] == pytest.approx(planned["expected"], abs=0.03)


def test_error_falls_with_votes_as_the_binomial_says() -> None:
    drawn = crowd(3000, right=0.8)
    found = votes_frontier(drawn.votes, drawn.gold, n_labels=2, most=3, repeats=2)
    errors = found.table["error"].to_list()
    assert errors[0] == pytest.approx(0.2, abs=0.03)
    assert errors[2] == pytest.approx(0.2**3 + 3 * 0.2**2 * 0.8, abs=0.03)
    assert found.errors.shape == (3000, 3)


def test_few_items_say_nothing() -> None:
    drawn = crowd(30)
    reason = "fewer than 40 items have gold"
    assert reason in str(compare_policies(drawn.votes, drawn.gold, n_labels=2).undefined)
    assert reason in str(realised_share(drawn.votes, drawn.gold, n_labels=2, start=3).undefined)
    assert reason in str(votes_frontier(drawn.votes, drawn.gold, n_labels=2, most=3).undefined)


@pytest.mark.parametrize("name", ["act_CF_amt", "act_ZenCrowd_all"])
def test_on_real_crowds_the_plan_beats_even_asking_and_promises_too_much(datasets: Path, name: str) -> None:
    real = real_crowd(datasets, name)
    found = compare_policies(real.votes, real.gold, n_labels=len(real.labels), extra=(0.5,), repeats=6)
    planned = found.table.filter(pl.col("policy") == "plan").row(0, named=True)
    assert planned["difference_high"] < 0
    share = realised_share(real.votes, real.gold, n_labels=len(real.labels), start=3)
    assert share.low is not None
    assert share.high is not None
    assert 0 < share.low < share.high < 1
    late = realised_share(real.votes, real.gold, n_labels=len(real.labels), start=8)
    assert late.low is not None
    assert late.low < 0
