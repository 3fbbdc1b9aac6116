from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from analytics.errors import BadOption
from analytics.proper_scores import (
    Score,
    brier_score,
    log_loss,
    recalibrate,
    score_parts,
    set_brier_score,
    set_log_loss,
)
from analytics.results import Estimate

Floats = NDArray[np.float64]


def drawn(n: int, seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    p = softmax(rng.normal(size=(n, 3)), axis=1)
    return p, (rng.random((n, 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1)


def test_by_hand() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]])
    codes = np.array([0, 2])
    brier = brier_score(p, codes, replicates=0)
    assert brier.value == pytest.approx(((0.09 + 0.04 + 0.01) + (0.25 + 0.0625 + 0.5625)) / 2)
    loss = log_loss(p, codes, replicates=0)
    assert loss.value == pytest.approx(-(math.log(0.7) + math.log(0.25)) / 2)
    assert loss.unit == "nats"
    assert loss.low is None


def test_scores_are_a_peers() -> None:
    from sklearn.metrics import brier_score_loss
    from sklearn.metrics import log_loss as peers_log_loss

    p, codes = drawn(500)
    assert brier_score(p, codes, replicates=0).value == pytest.approx(
        brier_score_loss(codes, p, labels=[0, 1, 2])
    )
    assert log_loss(p, codes, replicates=0).value == pytest.approx(peers_log_loss(codes, p, labels=[0, 1, 2]))


@pytest.mark.parametrize("score", [brier_score, log_loss])
def test_intervals_cover(score: Callable[..., Estimate]) -> None:
    expected = score(*drawn(400_000, seed=99), replicates=0).value
    assert expected is not None
    covered = 0
    for seed in range(300):
        found = score(*drawn(200, seed=seed), replicates=200, seed=seed, confidence=0.9)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= expected <= found.high
    assert 0.84 < covered / 300 < 0.96


def test_cells_of_many_items_give_the_interval_of_the_items(monkeypatch: pytest.MonkeyPatch) -> None:
    p, codes = drawn(9000)
    few = brier_score(p, codes)
    monkeypatch.setattr("analytics.proper_scores._CELLS", 9000)
    every = brier_score(p, codes, seed=1)
    assert few.value == pytest.approx(every.value)
    assert few.low == pytest.approx(every.low, abs=0.002)
    assert few.high == pytest.approx(every.high, abs=0.002)


def test_parts_by_hand() -> None:
    """0.2 is so for 1 of 4, 0.6 for 3 of 4: recalibrated to 1/4 and 3/4, overall a half."""
    p = np.repeat([0.2, 0.6], 4)
    so = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=np.bool_)
    found = score_parts(p, so)
    assert found.uncertainty == pytest.approx(0.25)
    assert found.miscalibration == pytest.approx((0.05**2 + 0.15**2) / 2)
    assert found.discrimination == pytest.approx(0.0625)
    assert found.score == pytest.approx((0.64 + 3 * 0.04 + 3 * 0.16 + 0.36) / 8)
    logs = score_parts(p, so, score="log_loss")
    assert logs.uncertainty == pytest.approx(math.log(2))
    assert logs.discrimination == pytest.approx(math.log(2) + 0.25 * math.log(0.25) + 0.75 * math.log(0.75))


@pytest.mark.parametrize("score", ["brier", "log_loss"])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.05, 0.2, 0.5, 0.7, 0.95]), st.booleans()), min_size=1, max_size=60
    )
)
def test_parts_add_up_and_none_is_below_nothing(score: Score, rows: list[tuple[float, bool]]) -> None:
    p, so = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = score_parts(p, so, score=score)
    assert found.score is not None
    assert found.miscalibration is not None
    assert found.discrimination is not None
    assert found.uncertainty is not None
    assert found.score == pytest.approx(found.miscalibration - found.discrimination + found.uncertainty)
    assert found.miscalibration >= -1e-12
    assert found.discrimination >= -1e-12


def test_recalibration_is_the_best_monotone_fit() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    so = rng.random(20_000) < p**2
    fitted = recalibrate(p, so)
    assert (np.diff(fitted[np.argsort(p)]) >= 0).all()
    assert abs(fitted - p**2).mean() < 0.02
    assert score_parts(p, so).miscalibration == pytest.approx(((p - p**2) ** 2).mean(), abs=0.004)


def test_what_cannot_be_had_is_undefined() -> None:
    p = np.array([[1.0, 0.0], [0.5, 0.5]])
    loss = log_loss(p, np.array([1, 0]))
    assert loss.undefined == "1 items have a label of probability 0: the log loss is infinite"
    assert log_loss(p, np.array([0, 0]), replicates=0).value == pytest.approx(math.log(2) / 2)
    none = np.empty((0, 2)), np.empty(0, dtype=np.int64)
    assert brier_score(*none).undefined == log_loss(*none).undefined == "there are no items"
    parts = score_parts(p[:, 0], np.array([False, True]), score="log_loss")
    assert parts.score is None
    assert parts.undefined is not None
    assert score_parts(p[:, 0], np.array([True, True]), score="log_loss").score == pytest.approx(
        math.log(2) / 2
    )
    assert score_parts(np.empty(0), np.empty(0, dtype=np.bool_)).undefined == "there are no items"


def test_misuse_is_refused() -> None:
    p, codes = drawn(10)
    for score in (brier_score, log_loss):
        with pytest.raises(BadOption, match="a row"):
            score(p / 2, codes)
        with pytest.raises(BadOption, match="confidence"):
            score(p, codes, confidence=1.0)
    with pytest.raises(BadOption, match="score"):
        score_parts(p[:, 0], codes == 0, score="accuracy")  # type: ignore[arg-type]  # the mistake that is tested


def test_scores_of_sets_of_one_choice_are_those_of_two_labels() -> None:
    rng = np.random.default_rng(11)
    p = rng.random(60)
    has = rng.random(60) < p
    both = np.stack([1 - p, p], axis=1)
    loss = set_log_loss(p[:, None], has[:, None], replicates=200)
    peer = log_loss(both, has.astype(np.int64), replicates=200)
    assert (loss.value, loss.low, loss.high) == pytest.approx((peer.value, peer.low, peer.high))
    brier = set_brier_score(p[:, None], has[:, None], replicates=0)
    assert brier.value is not None
    assert 2 * brier.value == pytest.approx(brier_score(both, has.astype(np.int64), replicates=0).value)


def test_a_set_of_probability_0_has_no_log_loss_and_shapes_are_checked() -> None:
    p, has = np.array([[0.5, 0.0], [0.5, 0.5]]), np.array([[True, True], [True, False]])
    assert "1 items have a set of probability 0" in (set_log_loss(p, has, replicates=0).undefined or "")
    with pytest.raises(BadOption, match="given"):
        set_brier_score(p, has[:, :1])
