"""How much people disagree on sets: of one choice as of a label of two, and on the choice that was planted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.disagreement import human_disagreement, noise_or_ambiguity
from analytics.errors import BadOption
from analytics.set_disagreement import set_disagreement

SETS = [(), (4,), (6,), (4, 6)]


def crowd(p_first: np.ndarray, p_second: np.ndarray, n_annotators: int = 6) -> pl.DataFrame:
    """Votes on two choices, each seen with its item's chance."""
    rng = np.random.default_rng(5)
    rows = [
        (item, person, int(rng.random() < p_first[item]) + 2 * int(rng.random() < p_second[item]))
        for item in range(len(p_first))
        for person in range(n_annotators)
    ]
    return pl.DataFrame(rows, schema=["item_code", "annotator_code", "label_code"], orient="row")


def test_of_one_choice_it_is_that_of_a_label_of_two() -> None:
    rng = np.random.default_rng(0)
    votes = crowd(rng.random(60), np.zeros(60)).with_columns(pl.col("label_code") % 2)
    found = set_disagreement(votes, sets=[(), (4,)], members=[4], error_share=0.1)
    peer = human_disagreement(votes, n_labels=2)
    kinds = noise_or_ambiguity(votes, n_labels=2, error_share=0.1)
    np.testing.assert_allclose(found["disagreement"], peer["disagreement"])
    np.testing.assert_allclose(found["low"], peer["low"])
    assert found["kind"].to_list() == kinds["kind"].to_list()
    assert set(found["member_code"]) == {4}


def test_an_item_is_as_hard_as_its_hardest_choice() -> None:
    n = 120
    first, second = np.full(n, 0.02), np.full(n, 0.98)
    second[:30] = 0.5
    found = set_disagreement(crowd(first, second), sets=SETS, members=[4, 6])
    hard = found.filter(pl.col("item_code") < 30)
    assert (hard["member_code"] == 6).sum() > 27
    assert (hard["disagreement"] > 1 / 3).sum() > 21
    easy = found.filter(pl.col("item_code") >= 30)
    assert (easy["disagreement"] > 1 / 3).sum() < 9
    mirrored = set_disagreement(crowd(first, second), sets=SETS, members=[6, 4])
    assert mirrored["disagreement"].to_list() == pytest.approx(found["disagreement"].to_list())


def test_gold_says_how_often_people_slip_on_a_choice() -> None:
    n = 60
    votes = crowd(np.full(n, 0.35), np.full(n, 1.0))
    gold = pl.DataFrame({"item_code": np.arange(n), "label_code": np.full(n, 2)})
    told = set_disagreement(votes, sets=SETS, members=[4], gold=gold)
    untold = set_disagreement(votes, sets=SETS, members=[4])
    ambiguous = [(frame["kind"] == "ambiguity").sum() for frame in (told, untold)]
    assert ambiguous[0] < ambiguous[1]


def test_under_two_votes_nothing_is_told() -> None:
    votes = crowd(np.zeros(3), np.ones(3), n_annotators=1)
    found = set_disagreement(votes, sets=SETS, members=[4, 6])
    assert found["disagreement"].null_count() == found["member_code"].null_count() == 3
    assert found["kind"].to_list() == ["cannot tell"] * 3
    with pytest.raises(BadOption, match="members"):
        set_disagreement(votes, sets=SETS, members=[])
