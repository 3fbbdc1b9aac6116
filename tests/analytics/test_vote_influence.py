"""Whose votes made a label, against sums by hand and against the contributions of whole crowds."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.contributions import model_contributions
from analytics.errors import BadOption
from analytics.vote_influence import model_influence, weight_influence


def test_three_votes_by_hand() -> None:
    found = weight_influence(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    assert found.posterior.tolist() == pytest.approx([2 / 3, 1 / 3])
    assert (found.label_code, found.runner_up_code) == (0, 1)
    assert found.without.tolist() == [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]]
    assert found.decisive.tolist() == [False, False, False]


def test_the_vote_whose_removal_changes_the_label() -> None:
    found = weight_influence(np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 1.0]]))
    assert found.decisive.tolist() == [True, False, False]
    assert found.label_without.tolist() == [1, 0, 0]


def test_without_the_only_vote_nothing_is_left() -> None:
    found = weight_influence(np.array([[1.0, 0.0]]))
    assert np.isnan(found.without).all()
    assert found.label_without.tolist() == [-1]
    assert found.decisive.tolist() == [True]


def test_log_odds_add_up_and_agree_with_the_contributions_of_the_crowd() -> None:
    rng = np.random.default_rng(4)
    confusion = rng.dirichlet(np.ones(3), size=(4, 3))
    priors = np.array([0.5, 0.3, 0.2])
    given = rng.integers(0, 3, 4)
    evidence = np.log(confusion[np.arange(4), :, given])
    found = model_influence(evidence, np.log(priors))
    label, other = found.label_code, found.runner_up_code
    assert other is not None
    odds = np.log(found.posterior[label] / found.posterior[other])
    assert found.prior_log_odds + found.log_odds.sum() == pytest.approx(odds)
    votes = pl.DataFrame({"item_code": [0] * 4, "annotator_code": range(4), "label_code": given})
    items = pl.DataFrame({"item_code": [0], "label_code": [label]})
    crowd = model_contributions(
        votes, items, priors=priors, confusion=confusion, annotator_codes=np.arange(4)
    ).annotations
    np.testing.assert_allclose(found.log_odds, crowd["log_ratio"].to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(found.without[:, label], crowd["p_label_without"].to_numpy(), rtol=1e-9)
    for person in range(4):
        rest = np.delete(evidence, person, axis=0).sum(axis=0) + np.log(priors)
        assert found.label_without[person] == rest.argmax()


def test_a_label_that_cannot_be_stays_out() -> None:
    found = model_influence(np.array([[-1.0, -5.0]]), np.array([-np.inf, 0.0]))
    assert found.posterior.tolist() == [0.0, 1.0]
    assert found.decisive.tolist() == [False]


def test_misuse_is_said() -> None:
    with pytest.raises(BadOption, match="votes"):
        model_influence(np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(BadOption, match="0 or more"):
        weight_influence(np.array([[1.0, -1.0]]))
    with pytest.raises(BadOption, match="log_priors"):
        model_influence(np.zeros((1, 2)), np.full(2, -np.inf))
