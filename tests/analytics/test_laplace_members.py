"""Members drawn from the posterior over a fit's weights: out of sample, wider where less is known, near what other ways give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.encoders import TextEncoder
from analytics.errors import BadOption
from analytics.features import Features, Floats32
from analytics.laplace_members import drawn_members
from analytics.training import Trained, train_model
from analytics.uncertainty import uncertainty

Floats = NDArray[np.float64]


def drawn(n_items: int = 300, *, seed: int = 0, spread: float = 1.0) -> tuple[Floats32, Floats]:
    """Labels of a linear model."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n_items, 8)).astype(np.float32)
    logits = features @ rng.standard_normal((8, 3)) * spread
    return features, np.eye(3)[(logits + rng.gumbel(size=logits.shape)).argmax(axis=1)]


def both(
    features: Features, labels: Floats, *, n_members: int = 200, sets: bool = False, **options: Any
) -> tuple[Trained, Trained]:
    """The plain fit, and the draws around it."""
    plain = train_model(features, labels, penalty=1.0, sets=sets, **options)
    given = {"item_weights": options["item_weights"]} if "item_weights" in options else {}
    return plain, drawn_members(plain, features, labels, sets=sets, n_members=n_members, **given)


def doubt(found: Trained) -> Floats:
    between = uncertainty(found.probabilities).mutual_information
    assert between is not None
    return between


def test_draws_lie_around_the_fit_and_differ() -> None:
    features, labels = drawn()
    plain, found = both(features, labels)
    assert found.probabilities.shape == (200, 300, 3)
    np.testing.assert_allclose(found.probabilities.sum(axis=2), 1, atol=1e-5)
    assert np.abs(found.mean - plain.mean).max() < 0.15
    assert found.log_loss == pytest.approx(plain.log_loss, abs=0.03)
    assert found.probabilities.std(axis=0).mean() > 0.01
    assert (found.n_labelled, found.fits.height) == (300, 5)


def test_their_spread_is_that_of_fits_to_other_items() -> None:
    """The posterior's deviation is near the sampling deviation of a fit, where the prior is weak and items are many."""
    features, labels = drawn(1200)
    own = drawn_members(train_model(features, labels, penalty=1.0), features, labels, n_members=400)
    others = train_model(features, labels, n_members=60)  # Bayesian bootstrap
    ratio = own.probabilities.std(axis=0).mean() / others.probabilities[1:].std(axis=0).mean()
    assert 0.85 < ratio < 1.15


def test_more_items_leave_less_doubt() -> None:
    doubts = [doubt(both(*drawn(n, seed=2))[1]).mean() for n in (100, 400, 1600)]
    assert doubts[0] > 2 * doubts[1] > 4 * doubts[2]


def test_what_lies_far_off_is_in_more_doubt() -> None:
    features, labels = drawn()
    features[:10] = 0
    features[:10, 0] = 8 * features[10:20, 0]
    features[10:20] = 0
    doubts = doubt(both(features, labels)[1])
    assert doubts[:10].mean() > 3 * doubts[10:20].mean()


def test_an_item_is_judged_without_its_label() -> None:
    features, labels = drawn(150)
    groups = np.maximum(np.arange(150), 30)  # the largest group is dealt out first, whatever its labels are
    swapped = labels.copy()
    swapped[:31] = labels[:31, ::-1]
    one, two = (both(features, each, groups=groups)[1] for each in (labels, swapped))
    np.testing.assert_allclose(one.mean[:31], two.mean[:31], atol=1e-3)
    assert np.abs(one.mean[31:] - two.mean[31:]).max() > 0.02


def test_items_without_a_label_are_judged_too() -> None:
    features, labels = drawn()
    weights = np.ones(300)
    weights[:50] = 0
    unknown = labels.copy()
    unknown[:50] = np.nan
    one, two = (both(features, each, item_weights=weights)[1] for each in (labels, unknown))
    assert np.array_equal(one.probabilities, two.probabilities)
    with pytest.raises(BadOption, match="item_weights"):
        drawn_members(train_model(features, labels), features, labels, item_weights=weights + 0.5)


def test_two_labels_are_the_sets_of_one_or_the_other() -> None:
    """Two labels with penalty 1 are two sigmoids with penalty 1/2: the same fit, and the same posterior over it."""
    features, labels = drawn()
    two = np.c_[labels[:, 0], 1 - labels[:, 0]]
    plain = train_model(features, two, penalty=1.0)
    one = drawn_members(plain, features, two, n_members=2000)
    fit = train_model(features, two, penalty=0.5, sets=True)
    sets = drawn_members(fit, features, two, sets=True, n_members=2000)
    np.testing.assert_array_equal(plain.fold, fit.fold)
    np.testing.assert_allclose(one.mean, sets.mean, atol=0.02)
    deviations = one.probabilities.std(axis=0), sets.probabilities.std(axis=0)
    np.testing.assert_allclose(*deviations, rtol=0.12, atol=2e-3)


def test_texts_feature_by_feature_are_near_to_their_whole_curvature() -> None:
    """What is left out between words changes little of which items are in doubt (0.9 on real dialogue, less on few words)."""
    rng = np.random.default_rng(3)
    subjects = [[f"{name}{i}" for i in range(40)] for name in "abc"]
    known = rng.integers(0, 3, 400)
    texts = [
        " ".join([*rng.choice(subjects[one], 4), *rng.choice(subjects[(one + 1) % 3], 3)]) for one in known
    ]
    features = TextEncoder(words=(1, 1)).fit(texts).transform(texts)
    labels = np.eye(3)[known]
    plain = train_model(features, labels, penalty=1.0)
    sparse = drawn_members(plain, features, labels, n_members=300)
    dense = drawn_members(plain, features.toarray(), labels, n_members=300)
    one, two = doubt(sparse), doubt(dense)
    assert np.corrcoef(one, two)[0, 1] > 0.6
    assert 0.7 < one.mean() / two.mean() < 1.4


def test_the_seed_decides() -> None:
    features, labels = drawn(150)
    one, two, other = (both(features, labels, seed=seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(one.probabilities, two.probabilities)
    assert not np.array_equal(one.probabilities, other.probabilities)


def test_a_model_of_other_items_is_refused() -> None:
    features, labels = drawn(150)
    with pytest.raises(BadOption, match="trained"):
        drawn_members(train_model(features[:, :5], labels), features, labels)
    with pytest.raises(BadOption, match="n_members"):
        drawn_members(train_model(features, labels), features, labels, n_members=0)
