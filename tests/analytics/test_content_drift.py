"""Items that differ are told apart, items that do not are not, and the interval says so."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from analytics.content_drift import _area, content_drift
from analytics.errors import BadOption


def test_contents_that_are_alike_cannot_be_told_apart() -> None:
    apart = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = content_drift(rng.standard_normal((400, 16)), rng.integers(0, 2, 400)).auroc
        assert found.low is not None
        apart.append(found.low > 0.5)
    assert np.mean(apart) <= 0.1


def test_a_shift_is_seen_with_the_area_that_it_has() -> None:
    """Two normals d apart along one direction: area Phi(d / sqrt 2), here d = 1.5: 0.856."""
    rng = np.random.default_rng(0)
    window = rng.integers(0, 2, 3000)
    x = rng.standard_normal((3000, 8))
    x[:, 3] += 1.5 * window
    found = content_drift(x, window)
    assert found.auroc.value == pytest.approx(0.856, abs=0.02)
    assert found.scores[window == 1].mean() > found.scores[window == 0].mean()


def test_the_area_is_that_of_a_peer() -> None:
    rng = np.random.default_rng(1)
    scores, window = rng.integers(0, 9, 300).astype(float), rng.integers(0, 2, 300)
    fold = np.arange(300) % 5
    peer = np.mean([roc_auc_score(window[fold == f], scores[fold == f]) for f in range(5)])
    assert _area(scores, window, fold, 0.95).value == pytest.approx(peer)


def test_few_items_and_misuse() -> None:
    few = content_drift(np.zeros((60, 2)), np.repeat([0, 1], [40, 20])).auroc
    assert "it takes 50" in str(few.undefined)
    with pytest.raises(BadOption, match="finite"):
        content_drift(np.full((3, 2), np.nan), np.array([0, 1, 1]))
