"""Confusion matrices of who may be asked: by hand, and recovered beside votes that may err."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import BadOption
from analytics.vote_confusion import confusion_beside, pooled_confusion, tempered
from tests.analytics.test_vote_value import coin


def test_a_confusion_beside_known_labels_draws_to_its_prior() -> None:
    sure = np.array([[1.0, 0.0]] * 96 + [[0.0, 1.0]])
    found = confusion_beside(sure, np.array([0] * 96 + [1]))
    assert found.tolist() == [pytest.approx([98.4 / 100, 1.6 / 100]), pytest.approx([1.6 / 5, 3.4 / 5])]


@pytest.mark.parametrize("right", [0.6, 0.8, 0.95])
def test_a_model_beside_votes_that_may_err_is_as_right_as_it_is(right: float) -> None:
    """Posteriors of three votes, right in 75 of 100: counting by them alone would give 0.52, 0.66 and 0.77 for 0.6, 0.8 and 0.95."""
    rng = np.random.default_rng(11)
    truth = rng.integers(0, 3, 20_000)
    posterior = np.ones((len(truth), 3))
    for _ in range(3):
        said = (rng.random((len(truth), 1)) > coin(0.75, 3)[truth].cumsum(axis=1)[:, :-1]).sum(axis=1)
        posterior *= coin(0.75, 3)[:, said].T
    posterior /= posterior.sum(axis=1, keepdims=True)
    model = (rng.random((len(truth), 1)) > coin(right, 3)[truth].cumsum(axis=1)[:, :-1]).sum(axis=1)
    found = confusion_beside(posterior, model)
    assert found == pytest.approx(coin(right, 3), abs=0.02)


def test_whoever_comes_next_is_the_mean_by_how_much_each_does() -> None:
    both = np.stack([coin(0.9), coin(0.6)])
    assert pooled_confusion(both, np.array([3, 1])) == pytest.approx(coin(0.825))
    with pytest.raises(BadOption, match="weights"):
        pooled_confusion(both, np.array([0.0, 0.0]))


def test_a_temperature_makes_chances_less_sure_and_keeps_their_order() -> None:
    given = np.array([[0.7, 0.2, 0.1]])
    warm = tempered(given, 2.0)
    assert warm.sum() == pytest.approx(1)
    assert 1 / 3 < warm[0, 0] < 0.7
    assert (np.argsort(warm) == np.argsort(given)).all()
    assert tempered(given, 1.0) == pytest.approx(given)
    with pytest.raises(BadOption, match="temperature"):
        tempered(given, 0.0)


def test_a_model_that_said_nothing_is_its_prior() -> None:
    found = confusion_beside(np.empty((0, 2)), np.empty(0, dtype=np.int64))
    assert found == pytest.approx(coin(0.6))
