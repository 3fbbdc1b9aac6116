"""Learning from votes: planted labels and confusions come back, EM climbs, no item's votes reach what judges it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from analytics.crowd_training import CrowdTrained, train_on_votes
from analytics.dawid_skene import dawid_skene
from analytics.device import has_cuda
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.features import Floats32
from analytics.member_fits import Checkpoint

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

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


def drawn(
    confusion: Floats, *, n_items: int = 1500, n_votes: int = 2, seed: int = 0
) -> tuple[Floats32, pl.DataFrame, Codes]:
    """Features, votes of known confusion, and the items' labels: a linear model draws them, rather surely."""
    rng = np.random.default_rng(seed)
    n_annotators, n_labels = confusion.shape[:2]
    features = rng.standard_normal((n_items, 6)).astype(np.float32)
    p = softmax(features @ rng.standard_normal((6, n_labels)) * 2.5, axis=1)
    known = (rng.random(n_items)[:, None] > p.cumsum(axis=1)[:, :-1]).sum(axis=1)
    annotators = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :n_votes].ravel()
    items = np.repeat(np.arange(n_items), n_votes)
    steps = confusion[annotators, known[items]].cumsum(axis=1)
    labels = (rng.random(len(items))[:, None] > steps[:, :-1]).sum(axis=1)
    votes = pl.DataFrame({"item_code": items, "annotator_code": annotators * 3, "label_code": labels})
    return features, votes, known


def crowd() -> Floats:
    """Two who know, two who guess, one who takes label 0 for label 1."""
    good, guess = np.eye(3) * 0.85 + 0.05, np.full((3, 3), 1 / 3)
    habit = good.copy()
    habit[0] = [0.1, 0.85, 0.05]
    return np.stack([good, good, guess, guess, habit])


def accuracy(p: Floats, known: Codes) -> float:
    return float((p.argmax(axis=1) == known).mean())


def majority(votes: pl.DataFrame, n_items: int) -> Floats:
    counts = np.zeros((n_items, 3))
    np.add.at(
        counts, (votes.get_column("item_code").to_numpy(), votes.get_column("label_code").to_numpy()), 1
    )
    return counts + np.random.default_rng(0).random(counts.shape) * 1e-3


@pytest.fixture(scope="module")
def found() -> CrowdTrained:
    features, votes, _ = drawn(crowd())
    return train_on_votes(features, votes, n_labels=3)


def test_planted_labels_come_back(found: CrowdTrained) -> None:
    """Better than the majority, and than Dawid and Skene, who do not look at the items."""
    _, votes, known = drawn(crowd())
    blind = np.array(dawid_skene(votes, n_labels=3).items.get_column("label_code"))
    assert accuracy(found.posterior, known) > (blind == known).mean() + 0.05
    assert accuracy(found.posterior, known) > accuracy(majority(votes, 1500), known) + 0.15
    assert accuracy(found.model.mean, known) > 0.75
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1, atol=1e-9)


def test_planted_confusions_come_back(found: CrowdTrained) -> None:
    assert found.annotator_codes.tolist() == [0, 3, 6, 9, 12]
    assert np.abs(found.confusion - crowd()).max() < 0.1
    np.testing.assert_allclose(found.confusion.sum(axis=2), 1, atol=1e-12)
    assert found.n_expected.sum() == pytest.approx(3000, rel=1e-6)


def test_em_climbs_until_it_rests(found: CrowdTrained) -> None:
    rises = np.diff(found.trace, axis=0)
    assert found.converged
    assert (rises > -1e-6).all()
    assert (rises[0] > 0.01).all()


def test_the_votes_on_an_item_do_not_reach_what_judges_it() -> None:
    features, votes, _ = drawn(crowd(), n_items=200, n_votes=5)
    groups = np.maximum(np.arange(200), 20)  # the largest group is dealt out first, whatever its labels are
    own = pl.col("item_code") <= 20
    other = votes.with_columns(
        pl.when(own).then((pl.col("label_code") + 1) % 3).otherwise(pl.col("label_code"))
    )
    one, two = (train_on_votes(features, each, n_labels=3, groups=groups) for each in (votes, other))
    np.testing.assert_allclose(one.model.mean[:21], two.model.mean[:21], atol=1e-3)
    assert np.abs(one.posterior[:21] - two.posterior[:21]).max() > 0.5
    assert np.abs(one.model.mean[21:] - two.model.mean[21:]).max() > 0.02


def test_items_without_votes_are_judged_by_the_model_alone() -> None:
    features, votes, _ = drawn(crowd(), n_items=300)
    found = train_on_votes(features, votes.filter(pl.col("item_code") % 4 > 0), n_labels=3)
    np.testing.assert_allclose(found.posterior[::4], found.model.mean[::4], atol=1e-6)
    assert found.model.n_labelled == 225
    assert np.abs(found.posterior[1::4] - found.model.mean[1::4]).max() > 0.1


def test_members_seed_and_going_on() -> None:
    features, votes, _ = drawn(crowd(), n_items=200)
    kept: list[Checkpoint] = []
    whole = train_on_votes(features, votes, n_labels=3, n_members=3, checkpoint=kept.append)
    assert whole.model.probabilities.shape == (3, 200, 3)
    np.testing.assert_allclose(whole.model.probabilities.sum(axis=2), 1, atol=1e-6)
    assert whole.model.probabilities.std(axis=0).mean() > 0.005
    again = train_on_votes(features, votes, n_labels=3, n_members=3, resume=kept[0])
    assert len(kept) == 2
    assert np.array_equal(again.model.probabilities, whole.model.probabilities)
    assert np.array_equal(again.posterior, whole.posterior)


def test_the_order_of_votes_is_nothing() -> None:
    features, votes, _ = drawn(crowd(), n_items=200)
    one, two = (
        train_on_votes(features, each, n_labels=3) for each in (votes, votes.sample(fraction=1, shuffle=True))
    )
    np.testing.assert_allclose(one.posterior, two.posterior, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_devices_agree(device: Any) -> None:
    features, votes, _ = drawn(crowd(), n_items=400)
    here, there = (train_on_votes(features, votes, n_labels=3, device=each) for each in ("cpu", device))
    np.testing.assert_allclose(there.posterior, here.posterior, atol=5e-3)
    np.testing.assert_allclose(there.confusion, here.confusion, atol=1e-3)


def test_real_votes_with_no_features_of_use_are_as_dawid_and_skene(datasets: Path) -> None:
    """Features that say nothing leave the class shares: the labels are theirs but for a few."""
    from tests.crowds import real_crowd

    real = real_crowd(datasets, "act_SP_amt")
    votes = real.votes.with_columns(pl.col("item_code") - 1)
    n_items = int(votes.get_column("item_code").to_numpy().max()) + 1
    noise = np.zeros((n_items, 1), dtype=np.float32)
    ours = train_on_votes(noise, votes, n_labels=2, smoothing=0.01, right_smoothing=0.0)
    theirs = dawid_skene(votes, n_labels=2, smoothing=0.01).items
    same = ours.posterior.argmax(axis=1) == theirs.get_column("label_code").to_numpy()
    assert same.mean() > 0.98


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_labels": 1}, "label_code|n_labels"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"smoothing": 0.0}, "smoothing"),
        ({"right_smoothing": -1.0}, "right_smoothing"),
        ({"n_members": 0}, "n_members"),
    ],
)
def test_misuse_is_refused(options: dict[str, Any], words: str) -> None:
    features, votes, _ = drawn(crowd(), n_items=20)
    with pytest.raises((BadOption, BadColumn), match=words):
        train_on_votes(features, votes, **({"n_labels": 3} | options))


def test_votes_that_do_not_fit_are_refused() -> None:
    features, votes, _ = drawn(crowd(), n_items=20)
    with pytest.raises(BadColumn, match="features of 10 items"):
        train_on_votes(features[:10], votes, n_labels=3)
    with pytest.raises(MissingColumn):
        train_on_votes(features, votes.drop("label_code"), n_labels=3)
    with pytest.raises(BadOption, match="votes"):
        train_on_votes(features, votes.clear(), n_labels=3)
