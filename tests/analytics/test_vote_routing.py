"""Asking by drawn groups: what the draw is, who is asked, and what an attacker gets out of all of it."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import BadOption
from analytics.frames import IntArray
from analytics.vote_routing import ODDS, answering, asked, drawn_groups, own_share, wanted_groups


@pytest.mark.parametrize("n_groups", [2, 3, 5])
def test_the_odds_of_no_pair_of_groups_change_by_more_than_is_said(n_groups: int) -> None:
    """The definition, from the draw itself: P(asked as g | own a) against P(asked as g | own b), not stated among them."""
    rng = np.random.default_rng(7)
    n = 200_000
    shares = np.stack(
        [
            np.bincount(drawn_groups(np.full(n, own), n_groups, rng=rng), minlength=n_groups) / n
            for own in range(-1, n_groups)
        ]
    )
    assert np.diag(shares[1:]) == pytest.approx(own_share(n_groups), abs=0.005)
    ratios = shares[:, None] / shares[None]
    assert ratios.max() == pytest.approx(ODDS, rel=0.04)
    assert shares[0] == pytest.approx(1 / n_groups, abs=0.005)


def test_of_whom_is_asked_as_a_group_most_are_of_it() -> None:
    sizes = np.array([30, 10, 20])
    own = np.repeat([0, 1, 2], sizes * 2000)
    drawn = drawn_groups(own, 3, rng=np.random.default_rng(1))
    seen = np.stack([np.bincount(own[drawn == g], minlength=3) / (drawn == g).sum() for g in range(3)])
    assert answering(sizes) == pytest.approx(seen, abs=0.01)


def test_the_group_with_the_fewest_votes_is_wanted_and_nobody_twice() -> None:
    drawn = np.array([0, 0, 0, 1, 1, 1])
    votes = np.array([[1, 1, 0, 1, 0, 0], [0, 0, 0, 1, 1, 0], [1, 0, 0, 1, 0, 0]], dtype=np.bool_)
    wanted = wanted_groups(drawn, votes, 2)
    assert wanted.tolist() == [1, 0, 0]  # the third is a tie
    told, few = asked(wanted, drawn, votes, least=2)
    assert told[0].tolist() == [False, False, False, False, True, True]
    assert told[1].tolist() == [True, True, True, False, False, False]
    assert not few.any()
    assert not (told & votes).any()


def test_where_too_few_would_be_asked_everybody_is() -> None:
    drawn = np.array([0, 0, 0, 1, 1, 1])
    votes = np.array([[0, 0, 0, 1, 1, 0]], dtype=np.bool_)
    told, few = asked(np.array([1]), drawn, votes, least=2)
    assert few.tolist() == [True]
    assert told[0].tolist() == [True, True, True, False, False, True]


def _guessed(own: IntArray, drawn: IntArray, keep: float, rng: np.random.Generator) -> float:
    """How often the best guess from a whole journal is right: who labelled what, which items were routed, and who took them.

    The attacker is told the rule, the odds, the sizes of the groups and which group each item was sent to, which is more than
    the journal says. Whoever takes items that were sent to g is asked as g, which is all that there is to see.
    """
    n_groups = int(own.max()) + 1
    prior = np.bincount(own) / own.size
    votes = rng.random((300, own.size)) < 0.15
    wanted = wanted_groups(drawn, votes, n_groups)
    told, few = asked(wanted, drawn, votes, least=5)
    taken = np.zeros((own.size, n_groups), dtype=np.int64)
    for item in np.flatnonzero(~few):
        taken[rng.choice(np.flatnonzero(told[item])), wanted[item]] += 1
    likely = np.full((n_groups, n_groups), (1 - keep) / (n_groups - 1))
    np.fill_diagonal(likely, keep)
    seen = taken.argmax(axis=1)
    posterior = prior * np.where(taken.sum(axis=1, keepdims=True) > 0, likely.T[seen], 1.0)
    return float((posterior.argmax(axis=1) == own).mean())


@pytest.mark.parametrize(("sizes", "most"), [((20, 20), 0.75), ((32, 8), 0.80), ((15, 15, 10), 0.60)])
def test_the_best_guess_of_who_is_in_a_group_is_held_to_what_is_said(
    sizes: tuple[int, ...], most: float
) -> None:
    """`most`: the larger of the base rate and the share of people who are asked as one of their own group."""
    rng, own = np.random.default_rng(11), np.repeat(np.arange(len(sizes)), sizes)
    keep = own_share(len(sizes))
    crowds = [drawn_groups(own, len(sizes), rng=rng) for _ in range(60)]
    assert np.mean([_guessed(own, drawn, keep, rng) for drawn in crowds]) == pytest.approx(most, abs=0.025)
    # The same attacker, where items go out by the groups themselves, names everybody who took anything.
    assert np.mean([_guessed(own, own, 0.999, rng) for _ in range(10)]) > 0.97


def test_misuse_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(BadOption, match="two or more"):
        drawn_groups(np.array([0]), 1, rng=rng)
    with pytest.raises(BadOption, match="1 or more"):
        drawn_groups(np.array([0]), 2, rng=rng, odds=0.5)
    with pytest.raises(BadOption, match="from 0 to 1"):
        drawn_groups(np.array([2]), 2, rng=rng)
    with pytest.raises(BadOption, match="asked alone"):
        asked(np.array([0]), np.array([0]), np.zeros((1, 1), dtype=np.bool_), least=1)
