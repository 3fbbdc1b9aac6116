"""Shares of choices: of single labels they are those of `label_mix`; a planted change is found, and chance is not reported."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.choice_mix import choice_mix, mean_absolute_change
from analytics.errors import BadColumn, BadOption
from analytics.frames import FloatArray, IntArray
from analytics.label_mix import LabelMix, label_mix

HOLDS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1]], dtype=np.float64)


def votes(seed: int, *, n: int = 3000, p: FloatArray | None = None) -> tuple[IntArray, IntArray, IntArray]:
    """Items of five annotations, which share a leaning, by 40 annotators."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.1, 0.3, 0.2, 0.1, 0.2, 0.1]) if p is None else p
    item = np.arange(n) // 5
    own = rng.choice(len(HOLDS), n // 5 + 1, p=shares)
    said = np.where(rng.random(n) < 0.5, own[item], rng.choice(len(HOLDS), n, p=shares))
    return item, rng.integers(0, 40, n), said


def test_of_single_labels_it_is_the_label_mix() -> None:
    item, person, said = votes(0)
    ours, theirs = (
        choice_mix(item, person, said, np.eye(len(HOLDS))),
        label_mix(item, person, said, len(HOLDS)),
    )
    assert ours.counts.tolist() == theirs.counts.tolist()
    assert ours.covariance == pytest.approx(theirs.covariance, abs=1e-12)
    assert (ours.n, ours.n_items, ours.n_annotators) == (theirs.n, theirs.n_items, theirs.n_annotators)


def test_each_choice_is_a_column_of_its_own() -> None:
    item, person, said = votes(1)
    mix = choice_mix(item, person, said, HOLDS)
    given = HOLDS[said]
    assert mix.shares == pytest.approx(given.mean(axis=0))
    for k in range(HOLDS.shape[1]):
        alone = label_mix(item, person, given[:, k].astype(np.int64), 2)
        assert mix.covariance[k, k] == pytest.approx(alone.covariance[1, 1], rel=1e-9)


def test_a_planted_change_of_one_choice_is_held_by_the_interval() -> None:
    other = np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.1])  # .1 from the first choice to the second
    found = mean_absolute_change(mix_of(2, n=20_000), mix_of(3, n=20_000, p=other))
    estimate = found.estimate
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= 0.2 / 3 <= estimate.high
    assert estimate.value == pytest.approx(0.2 / 3, abs=0.02)
    assert found.p_value is not None
    assert found.p_value < 0.01


def test_chance_is_seldom_reported() -> None:
    chances = [mean_absolute_change(mix_of(seed), mix_of(seed + 500)).p_value for seed in range(100)]
    assert 0.0 <= np.mean([chance is not None and chance < 0.05 for chance in chances]) <= 0.1


def test_too_few_and_misuse() -> None:
    item, person, said = votes(0, n=60)
    few = mean_absolute_change(choice_mix(item, person, said, HOLDS), mix_of(1))
    assert few.estimate.value is None
    assert few.estimate.undefined == "a window has 60 annotations; it takes 100"
    with pytest.raises(BadColumn, match="codes from 0 to 2"):
        choice_mix(item, person, said, np.eye(3))
    with pytest.raises(BadColumn, match="as long as"):
        choice_mix(item[:5], person, said, HOLDS)
    with pytest.raises(BadOption, match="3 choices"):
        mean_absolute_change(mix_of(0), choice_mix(*votes(0), np.eye(len(HOLDS))))


def mix_of(seed: int, *, n: int = 3000, p: FloatArray | None = None) -> LabelMix:
    """The choices of one crowd."""
    item, person, said = votes(seed, n=n, p=p)
    return choice_mix(item, person, said, HOLDS)
