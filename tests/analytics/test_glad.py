from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from analytics.annotators import consensus_accuracy
from analytics.consensus import ITEMS_SCHEMA, majority_vote
from analytics.errors import BadColumn, BadOption
from analytics.frames import keep_repeats
from analytics.glad import Glad, glad, right_chances
from tests.crowds import CROWDS, N_LABELS, DrawnCrowd, accurate, drawn_crowd, real_crowd, some_votes, votes_of


def posterior(found: Glad) -> NDArray[np.float64]:
    return np.array(found.items.get_column("posterior").to_list())


def small_crowd() -> DrawnCrowd:
    confusion = accurate(12, 3, np.linspace(0.4, 0.95, 12))
    return drawn_crowd(confusion, n_items=300, n_per_item=5, priors=np.full(3, 1 / 3), seed=3)


def crowd_of_abilities(
    ability: NDArray[np.float64], difficulty: NDArray[np.float64], n_labels: int
) -> DrawnCrowd:
    """Everybody labels every item, right with the model's probability, else evenly wrong."""
    rng = np.random.default_rng(4)
    known = rng.integers(0, n_labels, len(difficulty))
    right = 1 / (1 + np.exp(-ability / difficulty[:, None]))
    wrong = (known[:, None] + rng.integers(1, n_labels, right.shape)) % n_labels
    labels = np.where(rng.random(right.shape) < right, known[:, None], wrong)
    items, annotators = np.indices(right.shape)
    votes = pl.DataFrame(
        {"item_code": items.ravel(), "annotator_code": annotators.ravel(), "label_code": labels.ravel()}
    )
    gold = pl.DataFrame({"item_code": np.arange(len(known)), "label_code": known})
    return DrawnCrowd(votes, gold, np.empty(0))


def log_posterior(
    votes: pl.DataFrame, ability: NDArray[np.float64], ease: NDArray[np.float64], n_labels: int
) -> float:
    """The formulas of the paper, written out; `ease` is log(1 / difficulty), codes are dense."""
    item, annotator, label = (votes.get_column(name).to_numpy() for name in votes.columns)
    right = 1 / (1 + np.exp(-ability[annotator] * np.exp(ease[item])))
    logs = np.full((len(ease), n_labels), -np.log(n_labels))
    for other in range(n_labels):
        chance = np.where(label == other, right, (1 - right) / (n_labels - 1))
        np.add.at(logs[:, other], item, np.log(chance))
    return float(
        np.log(np.exp(logs).sum(axis=1)).sum() - ((ability - 1) ** 2).sum() / 2 - ((ease - 1) ** 2).sum() / 2
    )


def parameters(found: Glad) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    difficulty = found.difficulties.get_column("difficulty").to_numpy()
    return found.annotators.get_column("ability").to_numpy(), -np.log(difficulty)


def test_the_trace_is_the_log_posterior_of_the_paper() -> None:
    votes = small_crowd().votes
    one, two = (glad(votes, n_labels=3, max_iterations=n, tolerance=0) for n in (3, 4))
    assert log_posterior(votes, *parameters(one), 3) == pytest.approx(two.log_posterior[-1], rel=1e-12)


def test_it_ends_at_a_top() -> None:
    votes = small_crowd().votes
    found = glad(votes, n_labels=3, max_iterations=1000, tolerance=1e-13)
    assert found.converged
    ability, ease = (values.copy() for values in parameters(found))
    for which in (ability, ease):
        for place in range(0, len(which), 7):
            was = which[place]
            heights = []
            for shift in (-1e-4, 1e-4):
                which[place] = was + shift
                heights.append(log_posterior(votes, ability, ease, 3))
            which[place] = was
            assert (heights[1] - heights[0]) / 2e-4 == pytest.approx(0, abs=2e-3)


def test_it_ends_as_high_as_a_peer_with_the_same_labels() -> None:
    votes = small_crowd().votes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in pandas calls of the peer's own
        from crowdkit.aggregation import GLAD

        peer = GLAD(n_iter=12, tol=-1e9)
        peer.fit(votes.select(task="item_code", worker="annotator_code", label="label_code").to_pandas())
    found = glad(votes, n_labels=3, tolerance=1e-9, max_iterations=500)
    ours, theirs = (
        parameters(found),
        (peer.alphas_.sort_index().to_numpy(), peer.betas_.sort_index().to_numpy()),
    )
    assert log_posterior(votes, *ours, 3) >= log_posterior(votes, *theirs, 3) - 1e-6
    np.testing.assert_allclose(ours[0], theirs[0], atol=0.02)
    np.testing.assert_allclose(ours[1], theirs[1], atol=0.05)
    assert peer.probas_ is not None
    probabilities = peer.probas_.sort_index().sort_index(axis=1).to_numpy()
    np.testing.assert_allclose(posterior(found), probabilities, atol=0.02)
    assert (posterior(found).argmax(axis=1) == probabilities.argmax(axis=1)).mean() > 0.99


def test_ability_and_difficulty_are_recovered() -> None:
    rng = np.random.default_rng(2)
    ability = rng.normal(1.0, 1.0, 60)
    difficulty = np.exp(-rng.normal(0.0, 1.0, 400))
    crowd = crowd_of_abilities(ability, difficulty, 3)
    found = glad(crowd.votes, n_labels=3)
    assert found.converged
    assert np.corrcoef(found.annotators.get_column("ability"), ability)[0, 1] > 0.95
    ease = -np.log(found.difficulties.get_column("difficulty").to_numpy())
    assert np.corrcoef(ease, -np.log(difficulty))[0, 1] > 0.75
    few = crowd.votes.sample(fraction=0.1, seed=1)
    by_vote = consensus_accuracy(majority_vote(few, n_labels=3).items, crowd.gold).value
    by_model = consensus_accuracy(glad(few, n_labels=3).items, crowd.gold).value
    assert by_vote is not None
    assert by_model is not None
    assert by_model > by_vote + 0.02


@pytest.mark.parametrize("name", CROWDS)
def test_real_crowds_are_labelled_about_as_well_as_by_votes(datasets: Path, name: str) -> None:
    crowd = real_crowd(datasets, name)
    votes = keep_repeats(crowd.votes, "last")
    n_labels = len(crowd.labels)
    by_model = consensus_accuracy(glad(votes, n_labels=n_labels).items, crowd.gold).value
    by_vote = consensus_accuracy(majority_vote(votes, n_labels=n_labels).items, crowd.gold).value
    assert by_model is not None
    assert by_vote is not None
    assert by_model > by_vote - 0.01


def test_the_log_posterior_never_falls() -> None:
    trace = glad(small_crowd().votes, n_labels=3, max_iterations=30, tolerance=0).log_posterior
    assert (np.diff(trace) >= -1e-9).all()


def test_the_label_of_an_expert_weighs_more() -> None:
    """Annotators 0 to 2 agree on everything; on the last item two others, who guess, contradict one of them."""
    rng = np.random.default_rng(1)
    rows = [(item, annotator, item % 4) for item in range(60) for annotator in range(3)]
    rows += [(item, annotator, int(rng.integers(4))) for item in range(60) for annotator in (3, 4)]
    found = glad(votes_of([*rows, (60, 0, 2), (60, 3, 1), (60, 4, 1)]), n_labels=4)
    assert found.items.row(-1, named=True)["label_code"] == 2


def test_the_posterior_follows_from_ability_and_difficulty() -> None:
    votes = small_crowd().votes.sort("item_code", "annotator_code")
    found = glad(votes, n_labels=3, max_iterations=300, tolerance=1e-12)
    right = right_chances(
        found, votes.get_column("item_code").to_numpy(), votes.get_column("annotator_code").to_numpy()
    )
    logs = np.zeros((300, 3))
    for (item, _, label), p in zip(votes.iter_rows(), right, strict=True):
        logs[item] += np.log(np.where(np.arange(3) == label, p, (1 - p) / 2))
    by_hand = np.exp(logs - logs.max(axis=1, keepdims=True))
    np.testing.assert_allclose(posterior(found), by_hand / by_hand.sum(axis=1, keepdims=True), atol=1e-2)


@settings(max_examples=30, deadline=None)
@given(votes=some_votes(), seed=st.integers(0, 10))
def test_order_of_rows_changes_nothing(votes: pl.DataFrame, seed: int) -> None:
    one = glad(votes, n_labels=N_LABELS, max_iterations=5)
    two = glad(votes.sample(fraction=1, shuffle=True, seed=seed), n_labels=N_LABELS, max_iterations=5)
    assert_frame_equal(one.items, two.items, check_exact=True)
    assert_frame_equal(one.annotators, two.annotators, check_exact=True)
    assert_frame_equal(one.difficulties, two.difficulties, check_exact=True)
    np.testing.assert_allclose(posterior(one).reshape(-1, N_LABELS).sum(axis=1), 1)


def test_names_change_nothing() -> None:
    votes = small_crowd().votes
    renamed = votes.with_columns(
        annotator_code=7000 - pl.col("annotator_code"), label_code=2 - pl.col("label_code")
    )
    one, two = glad(votes, n_labels=3, max_iterations=2), glad(renamed, n_labels=3, max_iterations=2)
    np.testing.assert_allclose(posterior(one), posterior(two)[:, ::-1], atol=1e-7)


def test_labels_that_nobody_gave_change_nothing() -> None:
    votes = small_crowd().votes
    narrow, wide = glad(votes, n_labels=3, max_iterations=3), glad(votes, n_labels=6, max_iterations=3)
    np.testing.assert_allclose(posterior(wide)[:, :3], posterior(narrow), atol=1e-12)
    assert not posterior(wide)[:, 3:].any()


def test_edges() -> None:
    none = glad(votes_of([]), n_labels=3)
    assert none.undefined == "there are no annotations"
    assert none.items.schema == ITEMS_SCHEMA
    assert not none.converged
    one_label = glad(votes_of([(0, 0, 0), (1, 0, 0)]), n_labels=1)
    assert one_label.items.get_column("p_label").to_list() == [1, 1]
    one_annotator = glad(votes_of([(0, 0, 0), (1, 0, 1), (2, 0, 1)]), n_labels=2)
    assert one_annotator.items.get_column("label_code").to_list() == [0, 1, 1]


def test_misuse_is_refused() -> None:
    with pytest.raises(BadColumn, match="label_code"):
        glad(votes_of([(0, 0, 2)]), n_labels=2)
    for option in ({"max_iterations": 0}, {"tolerance": -1.0}):
        with pytest.raises(BadOption, match=next(iter(option))):
            glad(votes_of([(0, 0, 2)]), n_labels=3, **option)
