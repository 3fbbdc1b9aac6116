from __future__ import annotations

import warnings
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from analytics import mace as module
from analytics.annotators import consensus_accuracy
from analytics.coded_votes import code_votes
from analytics.consensus import ITEMS_SCHEMA, majority_vote
from analytics.errors import BadColumn, BadOption
from analytics.frames import keep_repeats
from analytics.mace import Mace, Method, implied_confusion, mace
from tests.crowds import CROWDS, N_LABELS, DrawnCrowd, accurate, drawn_crowd, real_crowd, some_votes, votes_of


def posterior(found: Mace) -> NDArray[np.float64]:
    return np.array(found.items.get_column("posterior").to_list())


def crowd_of_spammers() -> DrawnCrowd:
    """Competence 0.1 to 0.9; who spams says mostly label 0."""
    competence = np.linspace(0.1, 0.9, 15)[:, None, None]
    confusion = competence * np.eye(3) + (1 - competence) * np.array([0.7, 0.2, 0.1])
    return drawn_crowd(confusion, n_items=3000, n_per_item=6, priors=np.full(3, 1 / 3), seed=5)


def in_order_of_appearance(votes: pl.DataFrame) -> pl.DataFrame:
    """Annotators and labels coded as they come.

    The peer reads its expected counts in the order of the names and its parameters in that of appearance: where
    these differ, it gives annotators each other's spamming distributions.
    """
    columns = {
        name: votes.get_column(name).replace_strict(
            votes.get_column(name).unique(maintain_order=True),
            range(votes.get_column(name).n_unique()),
            return_dtype=pl.Int64,
        )
        for name in ("annotator_code", "label_code")
    }
    return votes.with_columns(**columns)


@pytest.mark.parametrize("n_iterations", [1, 7, 50])
@pytest.mark.parametrize("method", get_args(Method))
def test_a_climb_equals_a_peers_from_the_same_start(method: Method, n_iterations: int) -> None:
    crowd = drawn_crowd(
        accurate(12, 3, np.linspace(0.4, 0.95, 12)),
        n_items=300,
        n_per_item=5,
        priors=np.full(3, 1 / 3),
        seed=3,
    )
    votes = in_order_of_appearance(crowd.votes)
    coded = code_votes(votes, n_labels=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in pandas calls of the peer's own
        from crowdkit.aggregation import MACE

        peer = MACE(n_restarts=1, n_iter=n_iterations, method=method)
        peer._initialize(12, 3)
        start = module._Start(
            peer.spamming_[:, 0],
            peer.spamming_[:, 1],
            peer.thetas_[coded.annotator_of_pair, coded.label_of_pair],
        )
        peer.fit(votes.select(task="item_code", worker="annotator_code", label="label_code").to_pandas())
    assert peer.probas_ is not None
    model = module._Model(coded, method, n_iterations)
    summit = model.climb(start)
    theirs = peer.probas_.sort_index().sort_index(axis=1).to_numpy()
    np.testing.assert_allclose(model.posterior(summit.end), theirs, atol=1e-9)
    np.testing.assert_allclose(summit.end.know, peer.spamming_[:, 1], atol=1e-9)


@pytest.mark.parametrize("method", get_args(Method))
def test_competence_and_spamming_are_recovered(method: Method) -> None:
    crowd = crowd_of_spammers()
    found = mace(crowd.votes, n_labels=3, method=method)
    np.testing.assert_allclose(
        found.annotators.get_column("competence"), np.linspace(0.1, 0.9, 15), atol=0.06
    )
    np.testing.assert_allclose(found.spamming[:8], np.tile([0.7, 0.2, 0.1], (8, 1)), atol=0.08)
    np.testing.assert_allclose(implied_confusion(found), crowd.confusion, atol=0.07)
    by_vote = consensus_accuracy(majority_vote(crowd.votes, n_labels=3).items, crowd.gold)
    by_model = consensus_accuracy(found.items, crowd.gold)
    assert by_vote.high is not None
    assert by_model.value is not None
    assert by_model.value > by_vote.high


@pytest.mark.parametrize("name", CROWDS)
def test_real_crowds_get_the_labels_of_a_peer(datasets: Path, name: str) -> None:
    """From starts of their own. (All of the peer's restarts are one: each draws from the same seed.)"""
    crowd = real_crowd(datasets, name)
    votes = in_order_of_appearance(keep_repeats(crowd.votes, "last"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in pandas calls of the peer's own
        from crowdkit.aggregation import MACE

        frame = votes.select(task="item_code", worker="annotator_code", label="label_code").to_pandas()
        theirs = MACE(n_restarts=1).fit_predict(frame).sort_index()
    found = mace(votes, n_labels=len(crowd.labels))
    assert (found.items.get_column("label_code").to_numpy() == theirs.to_numpy()).mean() > 0.995


def test_more_starts_never_end_lower_and_the_best_is_kept() -> None:
    votes = crowd_of_spammers().votes.filter(pl.col("item_code") < 40)
    few, many = (mace(votes, n_labels=3, n_starts=n, method="em") for n in (1, 6))
    assert many.log_likelihood[0] == few.log_likelihood[0]
    assert many.log_likelihood.max() >= few.log_likelihood[0]
    assert len(many.log_likelihood) == 6


def test_em_climbs() -> None:
    votes = crowd_of_spammers().votes.filter(pl.col("item_code") < 200)
    trace = [
        mace(votes, n_labels=3, n_starts=1, n_iterations=n, method="em").log_likelihood[0]
        for n in range(1, 20)
    ]
    assert (np.diff(trace) >= -1e-3).all(), "but for the smoothing it has to rise"


@settings(max_examples=30, deadline=None)
@given(votes=some_votes(), seed=st.integers(0, 10))
def test_order_of_rows_changes_nothing(votes: pl.DataFrame, seed: int) -> None:
    one = mace(votes, n_labels=N_LABELS, n_starts=2, n_iterations=5)
    shuffled = votes.sample(fraction=1, shuffle=True, seed=seed)
    two = mace(shuffled, n_labels=N_LABELS, n_starts=2, n_iterations=5)
    assert_frame_equal(one.items, two.items, check_exact=True)
    assert_frame_equal(one.annotators, two.annotators, check_exact=True)
    np.testing.assert_allclose(posterior(one).reshape(-1, N_LABELS).sum(axis=1), 1)
    np.testing.assert_allclose(one.spamming.sum(axis=1), 1)


def test_names_change_nothing_from_an_even_start() -> None:
    votes = crowd_of_spammers().votes.filter(pl.col("item_code") < 300)
    renamed = votes.with_columns(
        annotator_code=7000 - pl.col("annotator_code"), label_code=2 - pl.col("label_code")
    )
    one, two = mace(votes, n_labels=3, n_starts=1), mace(renamed, n_labels=3, n_starts=1)
    np.testing.assert_allclose(posterior(one), posterior(two)[:, ::-1], atol=1e-9)


def test_labels_that_nobody_gave_change_nothing() -> None:
    votes = crowd_of_spammers().votes.filter(pl.col("item_code") < 300)
    narrow, wide = mace(votes, n_labels=3), mace(votes, n_labels=7)
    np.testing.assert_allclose(posterior(wide)[:, :3], posterior(narrow), atol=1e-12)
    assert not posterior(wide)[:, 3:].any()
    assert not wide.spamming[:, 3:].any()


def test_edges() -> None:
    none = mace(votes_of([]), n_labels=3)
    assert none.undefined == "there are no annotations"
    assert none.items.schema == ITEMS_SCHEMA
    one_label = mace(votes_of([(0, 0, 0), (1, 0, 0)]), n_labels=1)
    assert one_label.items.get_column("p_label").to_list() == [1, 1]
    one_annotator = mace(votes_of([(0, 0, 0), (1, 0, 1), (2, 0, 1)]), n_labels=2)
    assert one_annotator.items.get_column("label_code").to_list() == [0, 1, 1]
    split = mace(votes_of([(0, 0, 0), (0, 1, 1)]), n_labels=2, n_starts=1)
    assert split.items.row(0, named=True)["tied"]
    many = mace(votes_of([(0, a, a % 3 // 2) for a in range(3000)]), n_labels=2)
    assert many.items.row(0, named=True)["p_label"] == pytest.approx(1)


def test_misuse_is_refused() -> None:
    with pytest.raises(BadColumn, match="label_code"):
        mace(votes_of([(0, 0, 2)]), n_labels=2)
    for option in ({"method": "mcmc"}, {"n_starts": 0}, {"n_iterations": 0}):
        with pytest.raises(BadOption, match=next(iter(option))):
            mace(votes_of([(0, 0, 2)]), n_labels=3, **option)
