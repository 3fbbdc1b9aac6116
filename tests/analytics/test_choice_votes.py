"""One more vote for sets: items by the choice that hangs by the least, each choice expected as if it were asked about alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.choice_votes import choice_votes
from analytics.errors import BadOption
from analytics.extra_votes import extra_votes, margins


def crowd(
    *, lean: float = 0.4, n_items: int = 400, seed: int = 3
) -> tuple[dict[int, pl.DataFrame], pl.DataFrame]:
    """Votes on three choices by two groups of ten; group 1 says yes to the choice 7 more often."""
    rng = np.random.default_rng(seed)
    people = np.argsort(rng.random((n_items, 20)), axis=1)[:, :5]
    items = np.repeat(np.arange(n_items), 5)
    base = {"item_code": items, "annotator_code": people.ravel(), "order": np.arange(items.size)}
    group = (people.ravel() >= 10).astype(np.int64)
    votes = {}
    for code in (3, 7, 9):
        likely = np.where(rng.random(n_items) < 0.2, 0.9, 0.05)[items] + (lean * group if code == 7 else 0.0)
        votes[code] = pl.DataFrame({**base, "label_code": (rng.random(items.size) < likely).astype(np.int64)})
    return votes, pl.DataFrame({"annotator_code": np.arange(20), "group_code": np.arange(20) // 10})


def test_an_item_hangs_by_the_choice_that_hangs_by_the_least() -> None:
    votes, groups = crowd()
    found = choice_votes(votes.__getitem__, (3, 7, 9), groups, n_items=400)
    every = {code: dict(margins(one, n_labels=2).iter_rows()) for code, one in votes.items()}
    assert found.items["margin"].is_sorted()
    for row in found.items.iter_rows(named=True):
        own = {code: told[row["item_code"]] for code, told in every.items()}
        assert row["margin"] == min(own.values())
        assert row["choice_code"] == min(own, key=lambda code: own[code])  # the first of several


def test_the_choice_on_which_groups_stand_apart_comes_first_and_others_have_hardly_a_gap() -> None:
    votes, groups = crowd()
    table = choice_votes(votes.__getitem__, (3, 7, 9), groups, n_items=40).choices
    assert table["choice_code"][0] == 7
    assert table["gap_before"][0] > 0.1
    absent, groups = crowd(lean=0.0)
    gaps = choice_votes(absent.__getitem__, (3, 7, 9), groups, n_items=40).choices["gap_before"].to_list()
    assert max(gaps) < 0.1


def test_of_one_choice_it_is_the_extra_vote_of_two_labels() -> None:
    votes, groups = crowd()
    alone = extra_votes(votes[7], groups, n_items=30, n_labels=2, seed=4)
    found = choice_votes(votes.__getitem__, (7,), groups, n_items=30, seed=4)
    assert found.items.drop("choice_code").equals(alone.items.select(found.items.drop("choice_code").columns))
    assert found.expected_changes == pytest.approx(alone.expected_changes)
    assert found.choices.row(0, named=True)["gap_after"] == alone.gap_after


def test_what_is_expected_of_a_choice_is_of_the_items_that_all_choices_pick() -> None:
    votes, groups = crowd()
    found = choice_votes(votes.__getitem__, (3, 7, 9), groups, n_items=25)
    picked = found.items["item_code"].to_list()
    hangs = pl.DataFrame(
        {"item_code": sorted(range(400)), "margin": [0 if item in picked else 9 for item in range(400)]}
    )
    own = extra_votes(votes[9], groups, n_items=25, n_labels=2, hangs_by=hangs)
    assert set(own.items["item_code"]) == set(picked)
    row = found.choices.filter(choice_code=9).row(0, named=True)
    assert row["changes"] == pytest.approx(own.expected_changes)


def test_nothing_to_ask_about_or_too_few_margins_is_an_error() -> None:
    votes, groups = crowd()
    with pytest.raises(BadOption, match="choices"):
        choice_votes(votes.__getitem__, (), groups, n_items=5)
    with pytest.raises(BadOption, match="hangs_by"):
        extra_votes(
            votes[3], groups, n_items=5, n_labels=2, hangs_by=pl.DataFrame({"item_code": [0], "margin": [1]})
        )
