"""Distances of label mixes as by hand and by scipy, intervals that hold under clusters, and no alarm where nothing changed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import jensenshannon

from analytics.errors import BadColumn, BadOption
from analytics.frames import IntArray
from analytics.label_mix import LabelMix, distances, label_mix, label_mix_of


def window(shares: list[float], seed: int, n_items: int = 400, person_spread: float = 0.0) -> LabelMix:
    """3 of 30 annotators label each item, mostly alike; a person leans to label 0 by their own amount."""
    rng = np.random.default_rng(seed)
    item = np.repeat(np.arange(n_items), 3)
    person = rng.integers(0, 30, item.size)
    own = rng.choice(len(shares), n_items, p=shares)[item]
    other = rng.choice(len(shares), item.size, p=shares)
    label = np.where(rng.random(item.size) < 0.8, own, other)
    leans = rng.random(item.size) < np.abs(rng.normal(0, person_spread, 30))[person]
    return label_mix(item, person, np.where(leans, 0, label), len(shares))


def exact(counts: list[int]) -> LabelMix:
    return LabelMix(np.array(counts), np.eye(len(counts)) * 1e-12, sum(counts), sum(counts), 20)


def test_distances_by_hand_and_by_a_peer() -> None:
    p, q = [500, 300, 200], [400, 300, 300]
    found = {d.key: d.estimate.value for d in distances(exact(p), exact(q))}
    assert found["total_variation"] == pytest.approx(0.1)
    assert found["jensen_shannon"] == pytest.approx(jensenshannon(p, q, base=2) ** 2)
    assert found["stability_index"] == pytest.approx(0.1 * np.log(5 / 4) + 0.1 * np.log(3 / 2), abs=3e-4)


def test_a_cluster_is_worth_less_than_its_annotations() -> None:
    """Each item labelled twice alike: the variance is that of items, twice that of as many annotations."""
    label: IntArray = np.random.default_rng(0).integers(0, 2, 500)
    twice = label_mix(np.repeat(np.arange(500), 2), np.tile([0, 1], 500), np.repeat(label, 2), 2)
    p = label.mean()
    assert twice.covariance[1, 1] == pytest.approx(p * (1 - p) / 500, rel=0.01)


def test_without_a_change_seldom_one_is_seen() -> None:
    seen = []
    for seed in range(100):
        found = distances(
            window([0.5, 0.3, 0.2], seed, person_spread=0.1),
            window([0.5, 0.3, 0.2], seed + 500, person_spread=0.1),
        )
        chance = found[0].p_value
        assert chance is not None
        seen.append(chance < 0.05)
    assert np.mean(seen) <= 0.12


def test_a_change_is_seen_and_its_interval_holds_it() -> None:
    held, seen = [], []
    for seed in range(60):
        one = distances(window([0.5, 0.3, 0.2], seed), window([0.3, 0.3, 0.4], seed + 500))[0]
        assert one.estimate.low is not None
        assert one.estimate.high is not None
        assert one.p_value is not None
        held.append(one.estimate.low <= 0.2 <= one.estimate.high)
        seen.append(one.p_value < 0.05)
    assert np.mean(held) >= 0.88
    assert np.mean(seen) == 1


def test_too_few_annotations_and_misuse() -> None:
    few = distances(exact([40, 10]), exact([400, 100]))
    assert all(d.estimate.value is None and "it takes 100" in str(d.estimate.undefined) for d in few)
    with pytest.raises(BadOption, match="labels"):
        distances(exact([400, 100]), exact([400, 100, 3]))
    with pytest.raises(BadColumn, match="from 0 to 1"):
        label_mix(np.array([0]), np.array([0]), np.array([2]), 2)
    frame = pl.DataFrame({"item_code": [0, 1], "annotator_code": [0, 0], "label_code": [1, 0]})
    assert label_mix_of(frame, 2).counts.tolist() == [1, 1]
