"""The learning curve: laws come back, what is beyond reach is refused, more real labels land in the interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from analytics.device import has_cuda
from analytics.errors import BadOption
from analytics.features import Floats32
from analytics.learning_curve import LearningCurve, Measure, _curve, _fit_laws, learning_curve
from analytics.training import train_model

Floats = NDArray[np.float64]

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not has_cuda(), reason="torch finds no CUDA card on this machine"),
        ],
    ),
]


def drawn(n_items: int, *, seed: int = 0) -> tuple[Floats32, Floats]:
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(99).standard_normal((30, 4))
    features = rng.standard_normal((n_items, 30)).astype(np.float32)
    p = softmax(features @ directions * 0.7, axis=1)
    codes = (rng.random(n_items)[:, None] > p.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return features, np.eye(4)[codes]


@pytest.fixture(scope="module")
def curve() -> LearningCurve:
    return learning_curve(*drawn(600), seed=1)


@pytest.mark.parametrize("law", [(0.1, 2.0, 0.5), (0.0, 1.0, 1.0), (0.3, 5.0, 1.5), (0.2, 0.0, 1.0)])
def test_a_law_is_found_again(law: tuple[float, float, float]) -> None:
    sizes = np.geomspace(20, 500, 6)
    errors = law[0] + law[1] * sizes ** -law[2]
    found, distance = _fit_laws(errors[None], sizes, np.full(6, 0.01))
    fitted = found[0, 0] + found[0, 1] * np.array([20.0, 500, 2000]) ** -found[0, 2]
    np.testing.assert_allclose(fitted, law[0] + law[1] * np.array([20.0, 500, 2000]) ** -law[2], atol=2e-3)
    assert distance[0] < 0.1


def test_a_law_has_no_negative_part() -> None:
    falling = np.array([[0.1, 0.2, 0.3, 0.35, 0.4, 0.45], [0.9, 0.5, 0.2, 0.05, 0.01, 0.0]])
    found, distances = _fit_laws(falling, np.geomspace(20, 500, 6), np.full(6, 0.01))
    assert (found >= 0).all()
    assert distances[0] > 100  # a curve that gets worse is no law


def test_more_labels_are_better_and_the_points_are_out_of_sample(curve: LearningCurve) -> None:
    values = curve.points.get_column("value").to_numpy()
    assert curve.points.get_column("n_labels").to_list() == sorted(
        curve.points.get_column("n_labels").to_list()
    )
    assert values[-1] > values[0] + 0.1
    assert (curve.points.get_column("low") < curve.points.get_column("value")).all()
    assert (curve.points.get_column("high") > curve.points.get_column("value")).all()
    features, labels = drawn(600)
    judged = train_model(features, labels)
    accuracy = (judged.mean.argmax(axis=1) == labels.argmax(axis=1)).mean()
    assert values[-1] == pytest.approx(accuracy, abs=0.03)


@pytest.mark.parametrize("measure", ["accuracy", "log loss"])
def test_what_three_times_the_labels_reach_is_in_the_interval(measure: Measure) -> None:
    features, labels = drawn(600)
    found = learning_curve(features, labels, measure=measure, seed=1).at(1800)
    more, known = drawn(6000, seed=5)
    weights = np.r_[np.ones(1800), np.zeros(4200)]
    # Fitted to 1800 and judged on the others: every fold sees 4 in 5 of those that weigh.
    judged = train_model(more, known, item_weights=weights, n_folds=20)
    right = judged.mean[1800:][np.arange(4200), known[1800:].argmax(axis=1)]
    hit = judged.mean[1800:].argmax(axis=1) == known[1800:].argmax(axis=1)
    reached = float(hit.mean() if measure == "accuracy" else -np.log(right).mean())
    assert found.low is not None
    assert found.high is not None
    assert found.low < reached < found.high
    assert found.high - found.low < 0.4


def test_far_beyond_the_labels_there_are_nothing_is_said(curve: LearningCurve) -> None:
    assert curve.at(2400).value is not None
    assert "4 times" in str(curve.at(2401).undefined)
    assert "begins at" in str(curve.at(1).undefined)
    with pytest.raises(BadOption, match="n_labels"):
        curve.at(0)


def test_the_interval_widens_with_the_distance(curve: LearningCurve) -> None:
    widths = []
    for n_labels in (480, 1200, 2400):
        found = curve.at(n_labels)
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths == sorted(widths)


def test_a_curve_that_is_no_law_cannot_be_followed() -> None:
    rng = np.random.default_rng(0)
    errors = np.array([0.1, 0.4, 0.1, 0.4, 0.1, 0.4])
    draws = errors + rng.normal(0, 0.01, (200, 6))
    found = _curve(errors, draws, np.array([20, 40, 80, 160, 320, 640]), "accuracy", 800, 0.95)
    assert found.law is None
    assert "no power law fits" in str(found.at(900).undefined)


def test_few_items_make_no_curve() -> None:
    features, labels = drawn(50)
    found = learning_curve(features, labels)
    assert "too few" in str(found.undefined)
    assert found.at(100).value is None
    assert found.points.is_empty()


def test_labels_that_say_nothing_make_a_flat_curve() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((400, 5)).astype(np.float32)
    found = learning_curve(features, np.eye(2)[rng.integers(0, 2, 400)], penalty=30.0).at(1500)
    assert found.value is not None
    assert found.value == pytest.approx(0.5, abs=0.12)


def test_the_seed_decides_and_items_without_a_label_have_no_part(curve: LearningCurve) -> None:
    features, labels = drawn(600)
    again = learning_curve(features, labels, seed=1)
    assert again.points.equals(curve.points)
    assert not learning_curve(features, labels, seed=2).points.equals(curve.points)
    more = np.concatenate([features, np.ones((50, 30), dtype=np.float32)])
    unknown = np.concatenate([labels, np.full((50, 4), np.nan)])
    found = learning_curve(more, unknown, item_weights=np.r_[np.ones(600), np.zeros(50)], seed=1)
    assert found.points.equals(curve.points)


def test_copies_are_set_aside_together() -> None:
    rng = np.random.default_rng(0)
    features = np.repeat(rng.standard_normal((100, 200)), 2, axis=0).astype(np.float32)
    labels = np.eye(2)[np.repeat(rng.integers(0, 2, 100), 2)]
    ends = [
        learning_curve(features, labels, groups=groups, penalty=0.1).points.get_column("value")[-1]
        for groups in (None, np.arange(200) // 2)
    ]
    assert ends[0] > 0.7
    assert ends[1] < 0.65


@pytest.mark.parametrize("device", DEVICES)
def test_devices_agree(device: Any, curve: LearningCurve) -> None:
    features, labels = drawn(600)
    there = learning_curve(features, labels, seed=1, device=device)
    values = [each.points.get_column("value").to_numpy() for each in (there, curve)]
    np.testing.assert_allclose(values[0], values[1], atol=3e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"measure": "recall"}, "measure"), ({"repeats": 1}, "repeats"), ({"penalty": -1.0}, "penalty"),
     ({"confidence": 2.0}, "confidence"), ({"item_weights": np.ones(3)}, "item_weights")],
)  # fmt: skip
def test_misuse_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        learning_curve(*drawn(100), **options)


def test_points_have_their_types(curve: LearningCurve) -> None:
    assert dict(curve.points.schema) == {
        "n_labels": pl.Int64, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    }  # fmt: skip


@pytest.mark.parametrize("measure", ["accuracy", "log loss"])
def test_of_sets_it_ends_where_training_on_all_of_them_is(measure: Measure) -> None:
    """What the largest part of the labels reaches is what folds of nearly as many reach, whole set by whole set."""
    rng = np.random.default_rng(6)
    features = rng.standard_normal((500, 20)).astype(np.float32)
    chances = 1 / (1 + np.exp(-2 * features @ rng.standard_normal((20, 3))))
    labels = (rng.random((500, 3)) < chances).astype(np.float64)
    found = learning_curve(features, labels, sets=True, measure=measure, seed=2, replicates=200)
    trained = train_model(features, labels, sets=True, seed=2)
    reached = found.points.sort("n_labels")["value"].to_list()
    if measure == "accuracy":
        expected = float((((trained.mean > 0.5) == (labels > 0.5)).all(axis=1)).mean())
        assert reached[-1] > reached[0] + 0.05
        assert reached[-1] == pytest.approx(expected, abs=0.06)
    else:
        assert trained.log_loss is not None
        assert reached[-1] < reached[0]
        assert reached[-1] == pytest.approx(trained.log_loss, rel=0.12)
