"""Whose vote is asked for where a group's is wanted, so that who was asked does not tell who is in the group.

Each person is asked as one of a group that was drawn for them once: their own with probability odds / (odds + G - 1), else one of the
others, each alike; who is in none of the G groups that are shown is asked as any of them, each alike. This is randomised response
(S. L. Warner 1965, JASA 60:63-69) for G answers (P. Kairouz, K. Bonawitz & D. Ramage 2016, Discrete distribution estimation under local
privacy, ICML), drawn once and kept, as in U. Erlingsson, V. Pihur & A. Korolova (2014, RAPPOR, CCS): or else the same person, asked
over and over, would average the chance away.

Whatever is done with the drawn groups and with things that everybody knows (votes, who is a member, when), the odds that a person
is in a group rather than in another, as somebody else sees them, change by the factor `odds` at most. That holds for items picked
by drawn groups and for every claim that follows, however many: so all of them may stand in a record that others read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray

ODDS = 3.0
"""So much likelier is a person asked as one of their own group than as one of another; of two groups three in four people are."""

Flags = NDArray[np.bool_]


def own_share(n_groups: int, *, odds: float = ODDS) -> float:
    """The probability that a person is asked as one of their own group.

    >>> own_share(2)
    0.75
    >>> own_share(4)
    0.5
    """
    _check(n_groups, odds)
    return odds / (odds + n_groups - 1)


def drawn_groups(own: IntArray, n_groups: int, *, rng: np.random.Generator, odds: float = ODDS) -> IntArray:
    """(A,) the group that each person is asked as.

    Args:
        own: (A,) their group, 0 to G - 1; -1 for who is in none that is shown.
        n_groups: G, two or more.
        rng: of a seed that nobody knows: who can repeat the draw knows the groups.

    Raises:
        BadOption: a group out of range, fewer than two groups, or odds under 1.
    """
    _check(n_groups, odds)
    if own.size and not (own.min() >= -1 and own.max() < n_groups):
        raise BadOption("own", own.tolist(), f"group codes from 0 to {n_groups - 1}, or -1")
    kept = rng.random(own.size) < own_share(n_groups, odds=odds)
    another = (own + rng.integers(1, n_groups, own.size)) % n_groups
    anyone = rng.integers(0, n_groups, own.size)
    return np.where(own < 0, anyone, np.where(kept, own, another))


def answering(sizes: IntArray, *, odds: float = ODDS) -> FloatArray:
    """(G, G) row g: of people who are asked as g and are in a shown group, the share in each, expected.

    Args:
        sizes: (G,) people in each group.

    >>> answering(np.array([20, 20])).tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    n_groups = sizes.size
    own = own_share(n_groups, odds=odds)
    asked_as = np.full((n_groups, n_groups), (1 - own) / (n_groups - 1))
    np.fill_diagonal(asked_as, own)
    people = asked_as * sizes[None, :]
    return np.asarray(people / people.sum(axis=1, keepdims=True), dtype=np.float64)


def wanted_groups(drawn: IntArray, votes: Flags, n_groups: int) -> IntArray:
    """(I,) the group that has the fewest votes on each item, as the voters are asked; of equals the first.

    Args:
        drawn: (A,) as what people are asked.
        votes: (I, A) who labelled what.
    """
    counts = votes.astype(np.int64) @ (drawn[:, None] == np.arange(n_groups))
    return np.asarray(counts.argmin(axis=1), dtype=np.int64)


def asked(wanted: IntArray, drawn: IntArray, votes: Flags, *, least: int) -> tuple[Flags, Flags]:
    """Who is asked for each item, and which items are open to everybody, since fewer than `least` would be.

    Args:
        wanted: (I,) the group whose vote is wanted.
        drawn: (A,) as what people are asked.
        votes: (I, A) who labelled the item before; nobody is asked twice.
        least: the fewest people of whom one is to answer.

    Returns:
        (I, A) who is asked; (I,) open to everybody, where (I, A) has who did not label it.
    """
    if least < 2:
        raise BadOption("least", least, "2 or more: who is asked alone is known")
    told = (wanted[:, None] == drawn[None, :]) & ~votes
    few = told.sum(axis=1) < least
    return np.where(few[:, None], ~votes, told), few


def _check(n_groups: int, odds: float) -> None:
    if n_groups < 2:
        raise BadOption("n_groups", n_groups, "two or more")
    if not odds >= 1:
        raise BadOption("odds", odds, "1 or more")
