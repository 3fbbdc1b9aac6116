"""The built-in model: scikit-learn's answers, items it never saw, the same seed, stopping and going on, two devices."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import data.demo
from analytics.device import has_cuda
from analytics.encoders import EmbeddingEncoder, TextEncoder
from analytics.errors import BadOption
from analytics.features import Features
from analytics.member_fits import Checkpoint, OtherWork
from analytics.training import Trained, cross_entropy, train_model
from analytics.uncertainty import uncertainty

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


def digits(n_items: int = 500) -> tuple[Features, NDArray[np.int64]]:
    read = load_digits()
    return EmbeddingEncoder().fit(read.data).transform(read.data)[:n_items], read.target[:n_items]


def messages() -> tuple[csr_array, NDArray[np.int64]]:
    table = pl.read_csv(Path(data.demo.__file__).parent / "messages.tsv", separator="\t", quote_char=None)
    names = sorted(table.get_column("intent").unique())
    texts = table.get_column("text").to_list()
    codes = table.get_column("intent").replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    return TextEncoder(characters=(3, 5)).fit(texts).transform(texts), codes.to_numpy()


def one_hot(codes: NDArray[np.int64]) -> Floats:
    return np.eye(int(codes.max()) + 1)[codes]


def drawn(
    n_items: int = 300, width: int = 5, n_labels: int = 3, *, seed: int = 0
) -> tuple[Features, Floats, Floats]:
    """Features, labels drawn from a linear model, and its probabilities."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n_items, width)).astype(np.float32)
    logits = features @ rng.standard_normal((width, n_labels)) * 1.5
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (rng.random(n_items)[:, None] > p.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return features, np.eye(n_labels)[codes], p


def by_scikit_learn(
    features: Any, codes: NDArray[np.int64], fold: NDArray[np.int64], penalty: float
) -> Floats:
    found = np.empty((len(codes), int(codes.max()) + 1))
    for own in range(int(fold.max()) + 1):
        rest = fold != own
        fitted = LogisticRegression(C=1 / penalty, max_iter=2000, tol=1e-7).fit(features[rest], codes[rest])
        found[~rest] = fitted.predict_proba(features[~rest])
    return found


@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_pixels_are_judged_as_by_scikit_learn(penalty: float) -> None:
    features, codes = digits()
    found = train_model(features, one_hot(codes), penalty=penalty)
    peer = by_scikit_learn(features, codes, found.fold, penalty)
    theirs = cross_entropy(peer, one_hot(codes), np.ones(len(codes)), sets=False)
    assert found.log_loss == pytest.approx(theirs, abs=0.002)
    np.testing.assert_allclose(found.mean, peer, atol=0.01)
    assert (found.mean.argmax(axis=1) == codes).mean() > 0.93


def test_messages_are_judged_as_by_scikit_learn() -> None:
    features, codes = messages()
    found = train_model(features, one_hot(codes), penalty=0.3)
    peer = by_scikit_learn(features, codes, found.fold, 0.3)
    np.testing.assert_allclose(found.mean, peer, atol=2e-3)
    # Eight intents, a few dozen messages of each: far better than the most frequent one, 1 in 7.
    assert (found.mean.argmax(axis=1) == codes).mean() > 0.5


@pytest.mark.slow
def test_one_answer_in_coordinates_and_as_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dense and sparse, moved into principal coordinates or not: the same problem, the same probabilities."""
    features, codes = messages()
    found = [train_model(each, one_hot(codes), penalty=0.3).mean for each in (features, features.toarray())]
    monkeypatch.setattr("analytics.stacked_products.MOST_COORDINATES", 0)
    found += [train_model(each, one_hot(codes), penalty=0.3).mean for each in (features, features.toarray())]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=2e-3)


@pytest.mark.parametrize("wide", [False, True])
def test_weights_give_the_probabilities_back(wide: bool) -> None:
    features, codes = messages() if wide else digits()
    found = train_model(features, one_hot(codes), n_members=2)
    item = 17
    heads = found.weights[:, found.fold[item]]
    row = np.asarray(
        features[[item]].toarray()[0] if not isinstance(features, np.ndarray) else features[item]
    )
    logits = row @ heads[:, :-1] + heads[:, -1]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p, found.probabilities[:, item], atol=1e-4)


def test_rows_sum_to_one_and_members_differ() -> None:
    features, labels, _ = drawn()
    found = train_model(features, labels, n_members=4)
    assert found.probabilities.shape == (4, 300, 3)
    assert found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.probabilities.sum(axis=2), 1, atol=1e-6)
    np.testing.assert_allclose(found.mean, found.probabilities.mean(axis=0), atol=1e-6)
    spread = found.probabilities.std(axis=0)
    assert spread.mean() > 0.005
    assert found.fits.get_column("converged").all()
    assert found.fits.height == 20
    assert uncertainty(found.probabilities).n_members == 4


def test_an_item_is_judged_without_its_label() -> None:
    """Another label of one item that weighs much moves the judgement of others, its own no further than rounding does."""
    features, labels, _ = drawn()
    weights = np.ones(300)
    weights[11] = 40
    swapped = labels.copy()
    swapped[11] = np.roll(labels[11], 1)
    groups = np.maximum(np.arange(300), 11)  # the largest group is dealt out first: the folds are the same
    found = [
        train_model(features, given, n_members=3, groups=groups, item_weights=weights)
        for given in (labels, swapped)
    ]
    alike = found[0].fold == found[1].fold
    moved = np.abs(found[0].probabilities - found[1].probabilities).max(axis=(0, 2))
    assert alike[11]
    assert moved[:12].max() < 1e-3
    assert np.median(moved[12:]) > 0.05


def test_the_copy_of_an_item_does_not_give_its_label_away() -> None:
    """Features are noise, so nothing can be known; a copy in another fold would be recognised."""
    rng = np.random.default_rng(0)
    features = np.repeat(rng.standard_normal((100, 300)), 2, axis=0).astype(np.float32)
    codes = np.repeat(rng.integers(0, 2, 100), 2)
    apart = train_model(features, one_hot(codes), penalty=0.1)
    together = train_model(features, one_hot(codes), penalty=0.1, groups=np.arange(200) // 2)
    assert (apart.mean.argmax(axis=1) == codes).mean() > 0.75
    assert (together.mean.argmax(axis=1) == codes).mean() < 0.65


def test_the_model_that_drew_the_labels_is_found_again() -> None:
    features, labels, p = drawn(8000)
    found = train_model(features, labels, penalty=1e-2)
    assert np.abs(found.mean - p).mean() < 0.01


def test_soft_labels_say_more_than_their_tops() -> None:
    """Labels that are the drawing probabilities themselves pin the model down with few items."""
    features, labels, p = drawn(200)
    soft, hard = (train_model(features, given, penalty=1e-2).mean for given in (p, labels))
    assert np.abs(soft - p).mean() < 0.005 < np.abs(hard - p).mean()


def test_sets_are_one_model_a_label() -> None:
    rng = np.random.default_rng(3)
    features = rng.standard_normal((400, 6)).astype(np.float32)
    member = (features[:, :3] + rng.standard_normal((400, 3)) > 0.3).astype(float)
    found = train_model(features, member, sets=True)
    for label in range(3):
        codes = member[:, label].astype(np.int64)
        peer = by_scikit_learn(features, codes, found.fold, 1.0)[:, 1]
        np.testing.assert_allclose(found.mean[:, label], peer, atol=2e-3)
    one = train_model(features, member[:, :1], sets=True)
    assert one.mean.shape == (400, 1)


def test_items_without_a_label_are_judged_but_teach_nothing() -> None:
    features, labels, _ = drawn()
    weights = np.ones(300)
    weights[::3] = 0
    nonsense = labels.copy()
    nonsense[::3] = np.nan
    one, two = (train_model(features, given, item_weights=weights) for given in (labels, nonsense))
    assert np.array_equal(one.mean, two.mean)
    assert one.n_labelled == 200
    assert np.isfinite(one.mean).all()


def test_weight_two_is_twice_the_item() -> None:
    features, labels, _ = drawn(150)
    weights = np.where(np.arange(150) < 50, 2.0, 1.0)
    twice = np.concatenate([np.arange(150), np.arange(50)])
    one = train_model(features, labels, item_weights=weights, groups=np.arange(150), n_folds=2)
    codes = labels.argmax(axis=1)
    rest = one.fold[twice] != 0
    fitted = LogisticRegression(C=1.0, tol=1e-7, max_iter=1000).fit(features[twice][rest], codes[twice][rest])
    own = one.fold == 0
    np.testing.assert_allclose(one.mean[own], fitted.predict_proba(features[own]), atol=2e-3)


def same(one: Trained, two: Trained) -> bool:
    return (
        np.array_equal(one.probabilities, two.probabilities)
        and np.array_equal(one.weights, two.weights)
        and one.fits.equals(two.fits)
        and one.log_loss == two.log_loss
    )


def test_the_same_seed_gives_the_same_model_another_one_another() -> None:
    features, labels, _ = drawn()
    one, two, other = (train_model(features, labels, n_members=3, seed=seed) for seed in (5, 5, 6))
    assert same(one, two)
    assert not np.array_equal(one.fold, other.fold)
    assert not same(one, other)


@pytest.mark.parametrize("stop_after", [1, 2, 4])
def test_going_on_gives_what_not_stopping_gave(
    stop_after: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Stopped in the middle, written to a file, read and taken up: the same to the last bit."""
    monkeypatch.setattr("analytics.member_fits.MOST_CELLS", 300 * 5 * 3 * 2)
    features, labels, _ = drawn()
    whole = train_model(features, labels, n_members=6)
    kept: list[Checkpoint] = []

    def keep(now: Checkpoint) -> None:
        kept.append(now)
        if len(kept) == stop_after:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        train_model(features, labels, n_members=6, checkpoint=keep)
    last = kept[-1]
    np.savez(tmp_path / "kept.npz", **{name: getattr(last, name) for name in Checkpoint.__slots__})
    with np.load(tmp_path / "kept.npz") as read:
        again = Checkpoint(
            str(read["fingerprint"]),
            int(read["n_members"]),
            *(read[name] for name in Checkpoint.__slots__[2:]),
        )
    shares: list[float] = []
    found = train_model(
        features, labels, n_members=6, resume=again, progress=lambda share, _: shares.append(share)
    )
    assert same(found, whole)
    assert len(shares) == 4 - stop_after
    assert shares == sorted(shares)


def test_a_checkpoint_of_other_work_is_refused() -> None:
    features, labels, _ = drawn()
    kept: list[Checkpoint] = []
    train_model(features, labels, checkpoint=kept.append)
    wrongs: list[dict[str, Any]] = [{"seed": 1}, {"penalty": 2.0}, {"n_folds": 4}]
    for wrong in wrongs:
        with pytest.raises(OtherWork):
            train_model(features, labels, resume=kept[0], **wrong)
    with pytest.raises(OtherWork):
        train_model(features + 1, labels, resume=kept[0])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("is_sparse", [False, True])
def test_devices_agree(device: Any, is_sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.stacked_products.MOST_COORDINATES", 0 if is_sparse else 1200)
    features, codes = messages() if is_sparse else digits()
    here = train_model(features, one_hot(codes), n_members=3, penalty=1.0)
    there = train_model(features, one_hot(codes), n_members=3, penalty=1.0, device=device)
    assert there.device == device
    np.testing.assert_allclose(there.probabilities, here.probabilities, atol=5e-3)
    assert there.log_loss == pytest.approx(here.log_loss, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_members": 0}, "n_members"),
        ({"penalty": 0.0}, "penalty"),
        ({"n_folds": 1}, "n_folds"),
        ({"item_weights": np.ones(2)}, "item_weights"),
        ({"item_weights": -np.ones(300)}, "item_weights"),
        ({"item_weights": np.zeros(300)}, "item_weights"),
        ({"groups": np.zeros(300, dtype=np.int64)}, "n_folds"),
        ({"device": "tpu"}, "device"),
    ],
)
def test_misuse_is_refused(options: dict[str, Any], words: str) -> None:
    features, labels, _ = drawn()
    with pytest.raises(BadOption, match=words):
        train_model(features, labels, **options)


def test_labels_that_are_no_probabilities_are_refused() -> None:
    features, labels, _ = drawn()
    for wrong, words in (
        (labels[:5], "shape"),
        (labels * 2, "entry"),
        (labels / 2, "a row"),
        (labels[:, :1], "shape"),
    ):
        with pytest.raises(BadOption, match=words):
            train_model(features, wrong)
