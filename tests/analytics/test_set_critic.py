"""What a model says of sets: against every set there is, against CROWDLAB of one choice, on planted errors."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics.crowdlab import crowdlab
from analytics.errors import BadOption
from analytics.set_critic import likeliest_other, members_table, overlap, set_opinions

SETS = [(), (0,), (1,), (0, 1)]


def votes_of(rows: list[tuple[int, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["item_code", "annotator_code", "label_code"], orient="row")


@settings(max_examples=60, deadline=None)
@drawn(
    arrays(np.float64, (5, 4), elements=st.floats(0, 1)),
    arrays(np.bool_, (5, 4)),
)
def test_the_likeliest_other_set_is_the_best_of_all_the_others(p: np.ndarray, given: np.ndarray) -> None:
    other, p_other = likeliest_other(given, p)
    every = np.array(list(product([False, True], repeat=4)))
    for item in range(5):
        chances = np.where(every, p[item], 1 - p[item]).prod(axis=1)
        chances[(every == given[item]).all(axis=1)] = -1
        assert not (other[item] == given[item]).all()
        assert p_other[item] == pytest.approx(chances.max(), abs=1e-12)


def test_of_one_choice_votes_and_model_together_are_crowdlab() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(80) < 0.4
    votes = votes_of(
        [
            (item, person, int(truth[item] ^ (rng.random() < 0.15)))
            for item in range(80)
            for person in range(3)
        ]
    )
    p = np.clip(np.where(truth, 0.8, 0.2) + rng.normal(0, 0.15, 80), 0, 1)
    given = truth[:, None]
    codes = np.arange(80)
    found = set_opinions(votes, given, p[:, None], item_codes=codes, sets=[(), (7,)], members=[7])
    peer = crowdlab(votes, np.stack([1 - p, p], axis=1), item_codes=codes).items["posterior"].to_list()
    expected = [row[int(has)] for row, has in zip(peer, truth, strict=True)]
    np.testing.assert_allclose(found.together[:, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(found.p_set, np.where(truth, p, 1 - p))


def test_the_doubted_choice_is_the_planted_one() -> None:
    rng = np.random.default_rng(2)
    members = [3, 5, 8]
    truth = rng.random((300, 3)) < 0.5
    given = truth.copy()
    planted = rng.integers(0, 3, 20)
    given[np.arange(20), planted] ^= True
    p = np.clip(np.where(truth, 0.9, 0.1) + rng.normal(0, 0.08, truth.shape), 0, 1)
    found = set_opinions(
        votes_of([(0, 0, 0)]), given, p, item_codes=np.arange(300), sets=[()], members=members
    )
    assert np.isnan(found.together[1:]).all()
    suspect = np.asarray(found.is_suspect.any(axis=1))
    assert suspect[:20].mean() >= 0.6
    assert suspect[20:].mean() <= 0.02
    np.testing.assert_array_equal(found.doubted[:20][suspect[:20]], planted[suspect[:20]])
    np.testing.assert_array_equal(
        found.quality, np.where(np.isnan(found.together), found.p_given, found.together)
    )


def test_sets_as_tables() -> None:
    np.testing.assert_array_equal(
        members_table(SETS, [0, 1]), [[False, False], [True, False], [False, True], [True, True]]
    )
    assert members_table([], [0, 1]).shape == (0, 2)
    a = members_table(SETS, [0, 1])
    np.testing.assert_allclose(overlap(a, a[[3, 3, 0, 3]]), [0, 0.5, 0, 1])


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadOption, match="given"):
        set_opinions(
            votes_of([(0, 0, 0)]),
            np.zeros((2, 3), np.bool_),
            np.zeros((2, 2)),
            item_codes=np.arange(2),
            sets=SETS,
            members=[0, 1],
        )
    with pytest.raises(BadOption, match="probabilities"):
        set_opinions(
            votes_of([(0, 0, 0)]),
            np.zeros((2, 2), np.bool_),
            np.full((2, 2), 1.5),
            item_codes=np.arange(2),
            sets=SETS,
            members=[0, 1],
        )
