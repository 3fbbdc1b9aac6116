"""The small linear model that has not seen the item finds what was planted, and nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.attribution import attribution_stability, linear_attribution, top_features
from analytics.errors import BadOption
from analytics.linear_critic import fit_pixel_critic, fit_text_critic, text_features


def planted(n: int = 120, seed: int = 0) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    noise = [f"w{i}" for i in range(30)]
    labels = rng.integers(0, 3, n)
    key = ("apple", "brick", "cloud")
    return [" ".join([*rng.choice(noise, 8), key[label]]) for label in labels], labels


def test_the_planted_word_is_the_strongest_and_stable() -> None:
    texts, labels = planted()
    view = fit_text_critic(texts, labels, "w1 w2 brick w3 brick")
    assert view.label_codes.tolist() == [0, 1, 2]
    assert view.probabilities.argmax() == 1
    assert view.probabilities.sum() == pytest.approx(1.0)
    parts = np.stack(
        [
            linear_attribution(view.x, weights=w, bias=b, label_code=1, against_code=0).values
            for w, b in zip(view.weights, view.bias, strict=True)
        ]
    )
    stable = attribution_stability(parts)
    best = int(top_features(stable.mean)[0][0])
    assert view.terms[best] == "brick"
    assert stable.sign_agreement[best] == 1.0


def test_shuffled_labels_take_the_word_its_part() -> None:
    texts, labels = planted()
    rng = np.random.default_rng(1)
    real = fit_text_critic(texts, labels, "brick")
    shuffled = fit_text_critic(texts, rng.permutation(labels), "brick")
    assert real.probabilities[1] > 0.8
    assert abs(shuffled.probabilities[1] - 1 / 3) < 0.25


def test_the_same_seed_gives_the_same_members_and_another_gives_others() -> None:
    texts, labels = planted(60)
    one, two = (fit_text_critic(texts, labels, "brick", seed=4) for _ in range(2))
    assert (one.weights == two.weights).all()
    assert (one.weights != fit_text_critic(texts, labels, "brick", seed=5).weights).any()


def test_two_labels_share_their_weights_evenly() -> None:
    texts = ["good day", "good night", "bad day", "bad night"] * 5
    view = fit_text_critic(texts, np.array([7, 7, 2, 2] * 5), "good")
    assert view.label_codes.tolist() == [2, 7]
    np.testing.assert_allclose(view.weights[:, 0], -view.weights[:, 1])
    assert view.probabilities[1] > 0.5


def test_a_planted_pixel() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 80)
    pixels = rng.random((80, 16)) / 2
    pixels[:, 5] = labels
    view = fit_pixel_critic(pixels, labels, np.where(np.arange(16) == 5, 1.0, 0.25), strength=1.0)
    part = linear_attribution(
        view.x,
        weights=view.weights[0],
        bias=view.bias[0],
        label_code=1,
        against_code=0,
        baseline=view.baseline,
    )
    assert np.abs(part.values).argmax() == 5
    assert view.baseline.tolist() == pytest.approx(pixels.mean(axis=0).tolist())


def test_too_few_labels_are_no_model() -> None:
    view = fit_text_critic(["a b", "a c", "b c"], np.array([0, 0, 1]), "a")
    assert "fewer than two labels" in (view.undefined or "")
    view = fit_text_critic(["!", "?", "!", "?"], np.array([0, 0, 1, 1]), "a")
    assert "no word" in (view.undefined or "")
    assert text_features(["!", "?"]) is None


def test_misuse_is_said() -> None:
    with pytest.raises(BadOption, match="labels"):
        fit_text_critic(["a"], np.array([0, 1]), "a")
    with pytest.raises(BadOption, match="n_members"):
        fit_text_critic(["a"], np.array([0]), "a", n_members=0)
    with pytest.raises(BadOption, match="picture"):
        fit_pixel_critic(np.ones((2, 3)), np.array([0, 1]), np.ones(4))
