"""Attributions of linear models add up exactly, and integrated gradients agree with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from analytics.attribution import (
    attribution_stability,
    linear_attribution,
    pixel_map,
    top_features,
)
from analytics.errors import BadOption
from analytics.frames import FloatArray
from analytics.integrated_gradients import integrated_gradients


def a_model(
    seed: int = 0, n_labels: int = 4, n_features: int = 30
) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n_labels, n_features)),
        rng.normal(size=n_labels),
        rng.normal(size=n_features),
    )


def test_by_hand() -> None:
    weights = np.array([[1.0, 2.0], [3.0, -1.0]])
    found = linear_attribution(
        np.array([2.0, 5.0]),
        weights=weights,
        bias=np.array([0.5, 0.0]),
        label_code=0,
        against_code=1,
        baseline=np.array([1.0, 1.0]),
    )
    assert found.values.tolist() == [-2.0, 12.0]
    assert (found.score, found.baseline_score) == (11.5, 1.5)
    assert found.gap == 0


@given(st.integers(0, 10_000), st.booleans())
def test_the_parts_add_up_to_the_log_odds(seed: int, with_baseline: bool) -> None:
    weights, bias, x = a_model(seed)
    baseline = np.random.default_rng(seed + 1).normal(size=len(x)) if with_baseline else None
    found = linear_attribution(x, weights=weights, bias=bias, label_code=2, against_code=0, baseline=baseline)
    logits = weights @ x + bias
    p = np.exp(logits) / np.exp(logits).sum()
    assert found.score == pytest.approx(np.log(p[2] / p[0]), rel=1e-9, abs=1e-9)
    assert found.gap_share is not None
    assert found.gap_share < 1e-12


def test_integrated_gradients_of_a_linear_module_are_the_exact_answer() -> None:
    weights, bias, x = a_model()
    module = torch.nn.Linear(30, 4).double()
    with torch.no_grad():
        module.weight.copy_(torch.as_tensor(weights))
        module.bias.copy_(torch.as_tensor(bias))
    exact = linear_attribution(x, weights=weights, bias=bias, label_code=1, against_code=3, baseline=-x)
    found = integrated_gradients(module, x, label_code=1, against_code=3, baseline=-x, n_steps=8)
    np.testing.assert_allclose(found.values, exact.values, rtol=1e-7, atol=1e-12)  # captum weighs in float32
    assert found.score == pytest.approx(exact.score)


def a_network(seed: int) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    module = torch.nn.Sequential(
        torch.nn.Linear(30, 16), torch.nn.Tanh(), torch.nn.Dropout(), torch.nn.Linear(16, 4)
    )
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
    return module.double()


def test_a_network_adds_up_within_one_per_cent_and_says_the_same_twice() -> None:
    module, x = a_network(1).train(), a_model()[2]
    found = integrated_gradients(module, x, label_code=0, against_code=1)
    again = integrated_gradients(module, x, label_code=0, against_code=1)
    assert found.gap_share is not None
    assert found.gap_share < 0.01
    assert (found.values == again.values).all()
    assert module.training
    assert all(parameter.grad is None for parameter in module.parameters())


def test_few_steps_leave_a_larger_gap() -> None:
    module, x = a_network(1), a_model()[2] * 5
    few = integrated_gradients(module, x, label_code=0, n_steps=2)
    many = integrated_gradients(module, x, label_code=0, n_steps=256)
    assert abs(few.gap) > 100 * abs(many.gap)


def test_randomised_weights_change_the_picture() -> None:
    x = a_model()[2]
    trained = integrated_gradients(a_network(1), x, label_code=0, against_code=1).values
    random = integrated_gradients(a_network(2), x, label_code=0, against_code=1).values
    assert abs(spearmanr(trained, random).statistic) < 0.6


def test_one_story_told_by_all_members_is_stable() -> None:
    values = np.tile(np.array([0.0, 1.0, -2.0, 3.0, 0.5]), (4, 1))
    found = attribution_stability(values)
    assert found.rank_correlation.value == pytest.approx(1.0)
    assert found.rank_correlation.n == 4
    assert found.sign_agreement[1:].tolist() == [1.0] * 4
    assert np.isnan(found.sign_agreement[0])


def test_the_mean_of_all_pairs() -> None:
    values = np.random.default_rng(3).normal(size=(5, 40)) + np.linspace(-2, 2, 40)
    pairs = [spearmanr(values[i], values[j]).statistic for i in range(5) for j in range(i)]
    found = attribution_stability(values).rank_correlation
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high


def test_sign_agreement_counts_members() -> None:
    values = np.array([[1.0, -1.0, 2.0], [1.0, 3.0, 1.0], [-0.5, 1.0, 1.0], [2.0, 1.0, 5.0]])
    assert attribution_stability(values).sign_agreement.tolist() == [0.75, 0.75, 1.0]


def test_unrelated_members_have_no_correlation_within_their_interval() -> None:
    found = attribution_stability(np.random.default_rng(0).normal(size=(8, 500))).rank_correlation
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.ones((1, 5)), "two members"),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), "fewer than 3 features"),
        (np.ones((2, 5)), "same value"),
        (np.zeros((3, 0)), "fewer than 3 features"),
    ],
)
def test_what_cannot_be_compared_is_undefined(values: FloatArray, reason: str) -> None:
    found = attribution_stability(values).rank_correlation
    assert found.value is None
    assert reason in (found.undefined or "")


def test_the_strongest_for_and_against() -> None:
    speak_for, against = top_features(np.array([0.1, -3.0, 2.0, 0.0, 2.0, -0.5]), most=2)
    assert speak_for.tolist() == [2, 4]
    assert against.tolist() == [1, 5]


def test_a_picture_has_its_strongest_pixel_at_one() -> None:
    assert pixel_map(np.array([1.0, -4.0, 2.0, 0.0]), height=2, width=2).tolist() == [
        [0.25, -1.0],
        [0.5, 0.0],
    ]
    assert pixel_map(np.array([1.0, 2.0, 3.0, 4.0]), height=1, width=2).tolist() == [[4 / 6, 1.0]]
    assert pixel_map(np.zeros(4), height=2, width=2).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_misuse_is_said() -> None:
    weights, bias, x = a_model()
    with pytest.raises(BadOption, match="label_code"):
        linear_attribution(x, weights=weights, bias=bias, label_code=4)
    with pytest.raises(BadOption, match="another label"):
        linear_attribution(x, weights=weights, bias=bias, label_code=1, against_code=1)
    with pytest.raises(BadOption, match="x="):
        linear_attribution(x[:-1], weights=weights, bias=bias, label_code=1)
    with pytest.raises(BadOption, match="finite"):
        linear_attribution(x * np.nan, weights=weights, bias=bias, label_code=1)
    with pytest.raises(BadOption, match="whole channels"):
        pixel_map(x, height=7, width=7)
    with pytest.raises(BadOption, match="n_steps"):
        integrated_gradients(a_network(0), x, label_code=0, n_steps=1)
    with pytest.raises(BadOption, match="against_code"):
        integrated_gradients(a_network(0), x, label_code=0, against_code=9)
