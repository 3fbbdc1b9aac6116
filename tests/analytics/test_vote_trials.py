"""Trials of labels that are sets: what votes buy is counted on whole sets, and promises come true where choices are independent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.vote_policies import compare_policies, realised_share, votes_frontier
from analytics.vote_trials import judged
from tests.crowds import accurate, drawn_crowd, drawn_set_crowd


class SetCrowd(NamedTuple):
    votes: pl.DataFrame
    gold: pl.DataFrame
    members: NDArray[np.int64]


def set_crowd(n_items: int, right: tuple[float, ...], *, seed: int = 0) -> SetCrowd:
    return SetCrowd(*drawn_set_crowd(right, n_items=n_items, n_per_item=7, seed=seed))


def test_the_error_of_sets_is_that_any_choice_is_wrong() -> None:
    crowd = set_crowd(2500, (0.8, 0.85, 0.9))
    found = votes_frontier(crowd.votes, crowd.gold, n_labels=8, members=crowd.members, most=3, repeats=2)
    errors = found.table["error"].to_list()
    assert errors[0] == pytest.approx(1 - 0.8 * 0.85 * 0.9, abs=0.03)
    three = [p**3 + 3 * p**2 * (1 - p) for p in (0.8, 0.85, 0.9)]
    assert errors[2] == pytest.approx(1 - np.prod(three), abs=0.03)


def test_where_choices_are_independent_most_of_what_was_promised_comes() -> None:
    crowd = set_crowd(1500, (0.7, 0.75, 0.8), seed=1)
    found = realised_share(crowd.votes, crowd.gold, n_labels=8, members=crowd.members, start=3, repeats=3)
    assert found.low is not None
    assert found.high is not None
    assert found.low > 0.4
    assert found.value == pytest.approx(0.8, abs=0.3)


def test_the_plan_for_sets_does_better_than_asking_everybody_alike() -> None:
    crowd = set_crowd(1200, (0.7, 0.75, 0.8), seed=2)
    found = compare_policies(
        crowd.votes, crowd.gold, n_labels=8, members=crowd.members, start=3, extra=(1.0,), repeats=3
    )
    planned = found.table.filter(pl.col("policy") == "plan").row(0, named=True)
    assert planned["difference_high"] < 0
    assert planned["error"] == pytest.approx(planned["expected"], abs=0.04)


def test_coins_bring_nothing() -> None:
    crowd = set_crowd(400, (0.5, 0.5, 0.5), seed=3)
    found = realised_share(crowd.votes, crowd.gold, n_labels=8, members=crowd.members, start=3, repeats=3)
    assert found.undefined is not None or (found.low is not None and found.low <= 0)


def test_a_single_label_is_one_choice_of_itself() -> None:
    drawn = drawn_crowd(accurate(12, 4, 0.7), n_items=60, n_per_item=4, priors=np.full(4, 0.25), seed=0)
    seen = judged(drawn.votes, drawn.gold, 4, None, least=3)
    assert seen.known[:, 0].tolist() == drawn.gold["label_code"].to_list()
    with pytest.raises(BadOption, match="0 or 1 for each of 4 labels"):
        judged(drawn.votes, drawn.gold, 4, np.full((4, 2), 2), least=3)
