"""The network with a hidden layer: what no linear model can learn, draws with units dropped, stopping, two devices."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from analytics.device import has_cuda
from analytics.encoders import EmbeddingEncoder
from analytics.errors import BadOption
from analytics.features import Floats32
from analytics.hidden_training import HiddenCheckpoint, HiddenTrained, train_hidden
from analytics.member_fits import OtherWork
from analytics.training import train_model
from analytics.uncertainty import uncertainty

Floats = NDArray[np.float64]
FEW: dict[str, Any] = {"width": 16, "epochs": 6, "n_folds": 3}

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


def crossed(n_items: int = 400, *, seed: int = 0) -> tuple[Floats32, Floats]:
    """Whether two features have the same sign: no weighted sum of them tells."""
    features = np.random.default_rng(seed).standard_normal((n_items, 2)).astype(np.float32)
    return features, np.eye(2)[(features.prod(axis=1) > 0).astype(np.int64)]


def accuracy(p: Floats, labels: Floats) -> float:
    return float((p.argmax(axis=1) == labels.argmax(axis=1)).mean())


def same(one: HiddenTrained, two: HiddenTrained) -> bool:
    return np.array_equal(one.probabilities, two.probabilities) and one.losses.equals(two.losses)


def test_it_learns_what_no_linear_model_can() -> None:
    features, labels = crossed()
    found = train_hidden(features, labels, penalty=0.1)
    assert accuracy(found.mean, labels) > 0.9
    assert accuracy(train_model(features, labels).mean, labels) < 0.65
    losses = found.losses.group_by("epoch", maintain_order=True).mean().get_column("loss")
    assert losses[-1] < losses[0] / 2


def test_digits_are_read() -> None:
    read = load_digits()
    features = EmbeddingEncoder().fit(read.data).transform(read.data)[:600]
    found = train_hidden(features, np.eye(10)[read.target[:600]], epochs=20)
    assert (found.mean.argmax(axis=1) == read.target[:600]).mean() > 0.93


def test_draws_with_units_dropped_are_members() -> None:
    features, labels = crossed()
    found = train_hidden(features, labels, n_members=2, n_draws=5, **FEW)
    assert found.probabilities.shape == (10, 400, 2)
    np.testing.assert_allclose(found.probabilities.sum(axis=2), 1, atol=1e-6)
    for draws in (found.probabilities[:5], found.probabilities[5:]):
        assert draws.std(axis=0).mean() > 0.01


def test_more_units_dropped_leave_more_doubt() -> None:
    features, labels = crossed()
    doubts = []
    for dropout in (0.05, 0.2, 0.5):
        found = train_hidden(features, labels, dropout=dropout, n_draws=10, **FEW)
        between = uncertainty(found.probabilities).mutual_information
        assert between is not None
        doubts.append(between.mean())
    assert doubts[0] < doubts[1] < doubts[2]


def test_without_dropout_there_is_one_draw() -> None:
    features, labels = crossed(100)
    with pytest.raises(BadOption, match="n_draws"):
        train_hidden(features, labels, dropout=0.0, n_draws=3, **FEW)
    found = train_hidden(features, labels, dropout=0.0, n_members=2, **FEW)
    assert found.probabilities.shape == (2, 100, 2)
    assert np.abs(found.probabilities[0] - found.probabilities[1]).max() > 0.01


def test_an_item_is_judged_without_its_label() -> None:
    features, labels = crossed(150)
    swapped = labels.copy()
    groups = np.maximum(np.arange(150), 30)  # the largest group is dealt out first, whatever its labels are
    swapped[:31] = labels[:31, ::-1]
    one, two = (train_hidden(features, given, groups=groups, **FEW) for given in (labels, swapped))
    np.testing.assert_allclose(one.mean[:31], two.mean[:31], atol=1e-5)
    assert np.abs(one.mean[31:] - two.mean[31:]).max() > 0.05


def test_networks_do_not_touch_each_other() -> None:
    """A member is the same, with others beside it or without."""
    features, labels = crossed(150)
    alone, among = (train_hidden(features, labels, dropout=0.0, n_members=m, **FEW) for m in (1, 3))
    np.testing.assert_allclose(alone.probabilities[0], among.probabilities[0], atol=1e-4)


def test_sets_have_a_probability_a_label() -> None:
    features, labels = crossed()
    found = train_hidden(features, np.c_[labels[:, 0], features[:, 0] > 0], sets=True, penalty=0.1)
    assert ((found.mean[:, 0] > 0.5) == (labels[:, 0] > 0.5)).mean() > 0.9
    assert ((found.mean[:, 1] > 0.5) == (features[:, 0] > 0)).mean() > 0.9


def test_sparse_features_are_taken() -> None:
    from scipy.sparse import csr_array

    features, labels = crossed(150)
    assert same(train_hidden(features, labels, **FEW), train_hidden(csr_array(features), labels, **FEW))


@pytest.mark.parametrize("stop_after", [1, 4])
def test_going_on_gives_what_not_stopping_gave(stop_after: int) -> None:
    features, labels = crossed(200)
    options = FEW | {"n_members": 2, "n_draws": 3}
    whole = train_hidden(features, labels, **options)
    kept: list[HiddenCheckpoint] = []

    def keep(now: HiddenCheckpoint) -> None:
        kept.append(now)
        if len(kept) == stop_after:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        train_hidden(features, labels, checkpoint=keep, **options)
    shares: list[float] = []
    found = train_hidden(
        features, labels, resume=kept[-1], progress=lambda share, _: shares.append(share), **options
    )
    assert same(found, whole)
    assert len(shares) == 6 - stop_after
    with pytest.raises(OtherWork):
        train_hidden(features, labels, resume=kept[-1], **options, seed=3)


def test_the_seed_decides() -> None:
    features, labels = crossed(150)
    one, two, other = (train_hidden(features, labels, seed=seed, **FEW) for seed in (1, 1, 2))
    assert same(one, two)
    assert not same(one, other)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["full", "mixed"])
def test_devices_agree(device: Any, precision: Any) -> None:
    features, labels = crossed()
    here = train_hidden(features, labels, n_members=2, **FEW)
    there = train_hidden(features, labels, n_members=2, device=device, precision=precision, **FEW)
    assert there.precision == ("mixed" if device == "cuda" and precision == "mixed" else "full")
    within = 0.1 if there.precision == "mixed" else 0.02
    np.testing.assert_allclose(there.mean, here.mean, atol=within)
    assert there.log_loss == pytest.approx(here.log_loss, abs=within / 10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 0}, "width"),
        ({"width": 10**8}, "width"),
        ({"dropout": 1.0}, "dropout"),
        ({"n_draws": 0}, "n_draws"),
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"precision": "half"}, "precision"),
        ({"item_weights": np.zeros(50)}, "item_weights"),
    ],
)
def test_misuse_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        train_hidden(*crossed(50), **options)
