from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from analytics.annotators import consensus_accuracy
from analytics.consensus import ITEMS_SCHEMA, majority_vote
from analytics.crowdlab import Crowdlab, crowdlab
from analytics.errors import BadColumn, BadOption, MissingColumn
from tests.crowds import N_LABELS, accurate, drawn_crowd, some_votes, votes_of


def drawn(
    *, n_items: int = 400, n_labels: int = 4, fraction: float = 0.6, model: float = 0.5
) -> tuple[pl.DataFrame, NDArray[np.float64], NDArray[np.int64], pl.DataFrame]:
    """Votes of uneven numbers, probabilities that know something, the items of their rows, and gold."""
    confusion = accurate(15, n_labels, np.linspace(0.3, 0.95, 15))
    priors = np.full(n_labels, 1 / n_labels)
    crowd = drawn_crowd(confusion, n_items=n_items, n_per_item=5, priors=priors, seed=3)
    votes = crowd.votes.sample(fraction=fraction, seed=1)
    item_codes = votes.get_column("item_code").unique().sort().to_numpy()
    known = crowd.gold.get_column("label_code").to_numpy()[item_codes]
    noise = np.random.default_rng(0).dirichlet(np.ones(n_labels), len(item_codes))
    return votes, model * np.eye(n_labels)[known] + (1 - model) * noise, item_codes, crowd.gold


def peer(
    votes: pl.DataFrame, probabilities: NDArray[np.float64], item_codes: NDArray[np.int64]
) -> dict[str, Any]:
    """cleanlab's figures; annotators are the columns, in order of code."""
    annotators = votes.get_column("annotator_code").unique().sort().to_numpy()
    matrix = np.full((len(item_codes), len(annotators)), np.nan)
    rows = np.searchsorted(item_codes, votes.get_column("item_code").to_numpy())
    columns = np.searchsorted(annotators, votes.get_column("annotator_code").to_numpy())
    matrix[rows, columns] = votes.get_column("label_code").to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import, and for ties and lonely annotators
        from cleanlab.multiannotator import get_label_quality_multiannotator

        found: dict[str, Any] = get_label_quality_multiannotator(
            matrix, probabilities, return_weights=True, verbose=False
        )
    found["rows"], found["columns"] = rows, columns
    return found


def assert_equal_to_peer(found: Crowdlab, theirs: dict[str, Any], votes: pl.DataFrame) -> None:
    quality = theirs["label_quality"]
    assert (found.items.get_column("label_code").to_numpy() == quality.consensus_label.to_numpy()).all()
    np.testing.assert_allclose(found.items.get_column("p_label"), quality.consensus_quality_score, atol=1e-9)
    stats = theirs["annotator_stats"].sort_index()
    ours = found.annotators.get_column("quality").fill_null(np.nan).to_numpy()
    np.testing.assert_allclose(ours, stats.annotator_quality, atol=1e-9)
    np.testing.assert_allclose(
        found.annotators.get_column("agreement"), stats.agreement_with_consensus, atol=1e-9
    )
    np.testing.assert_allclose(found.annotators.get_column("weight"), theirs["annotator_weight"], atol=1e-9)
    assert found.model_weight == pytest.approx(theirs["model_weight"])
    each = votes.with_columns(
        quality=pl.Series(theirs["detailed_label_quality"].to_numpy()[theirs["rows"], theirs["columns"]])
    )
    np.testing.assert_allclose(
        found.annotations.get_column("quality"),
        each.sort("item_code", "annotator_code").get_column("quality"),
        atol=1e-9,
    )


@pytest.mark.parametrize("model", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("n_labels", [2, 4])
def test_everything_equals_a_peers(n_labels: int, model: float) -> None:
    votes, probabilities, item_codes, _ = drawn(n_labels=n_labels, model=model)
    found = crowdlab(votes, probabilities, item_codes=item_codes)
    assert_equal_to_peer(found, peer(votes, probabilities, item_codes), votes)


def test_an_annotator_alone_on_their_items_equals_a_peers() -> None:
    """Such a one gets the mean agreement of the others, and no quality."""
    votes, probabilities, item_codes, _ = drawn(n_items=100)
    alone = pl.DataFrame({"item_code": [500, 501], "annotator_code": [99, 99], "label_code": [0, 1]})
    votes = pl.concat([votes, alone.cast(votes.schema)])
    probabilities = np.concatenate([probabilities, [[0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.3, 0.2]]])
    item_codes = np.append(item_codes, [500, 501])
    found = crowdlab(votes, probabilities, item_codes=item_codes)
    assert found.annotators.get_column("quality").null_count() == 1
    assert_equal_to_peer(found, peer(votes, probabilities, item_codes), votes)


def test_it_beats_the_votes_where_the_model_knows_something() -> None:
    votes, probabilities, item_codes, gold = drawn(n_items=3000, fraction=0.4)
    by_vote = consensus_accuracy(majority_vote(votes, n_labels=4).items, gold)
    by_both = consensus_accuracy(crowdlab(votes, probabilities, item_codes=item_codes).items, gold)
    assert by_vote.high is not None
    assert by_both.value is not None
    assert by_both.value > by_vote.high


def test_a_tied_vote_goes_to_the_model_then_to_the_rarer_label() -> None:
    votes = votes_of([(0, 0, 2), (0, 1, 1), (1, 0, 2), (1, 1, 1), (2, 0, 2), (2, 1, 2), (3, 0, 0), (3, 1, 0)])
    codes = np.array([1, 4, 7, 10])
    even = np.full((4, 3), 1 / 3)
    assert crowdlab(votes, even, item_codes=codes).items.get_column("label_code").to_list()[:2] == [1, 1]
    leaning = np.array([[0.2, 0.3, 0.5], [0.2, 0.5, 0.3], [0.2, 0.3, 0.5], [0.6, 0.2, 0.2]])
    assert crowdlab(votes, leaning, item_codes=codes).items.get_column("label_code").to_list() == [2, 1, 2, 0]


@settings(max_examples=40, deadline=None)
@given(votes=some_votes(repeats=False), seed=st.integers(0, 10))
def test_order_of_rows_changes_nothing(votes: pl.DataFrame, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.arange(30)
    probabilities = rng.dirichlet(np.ones(N_LABELS), 30)
    shuffled = rng.permutation(30)
    one = crowdlab(votes, probabilities, item_codes=codes)
    two = crowdlab(
        votes.sample(fraction=1, shuffle=True, seed=seed), probabilities[shuffled], item_codes=codes[shuffled]
    )
    assert_frame_equal(one.items, two.items, check_exact=True)
    assert_frame_equal(one.annotations, two.annotations, check_exact=True)
    assert_frame_equal(one.annotators, two.annotators, check_exact=True)
    assert one.items.get_column("posterior").list.sum().to_list() == pytest.approx([1] * one.items.height)


def test_the_last_of_a_repeat_counts() -> None:
    votes, probabilities, item_codes, _ = drawn(n_items=60)
    ordered = votes.with_row_index("order").with_columns(pl.col("order").cast(pl.Int64) + 1000)
    earlier = ordered.head(20).with_columns(label_code=3 - pl.col("label_code"), order=pl.col("order") - 1000)
    found = crowdlab(pl.concat([ordered, earlier]), probabilities, item_codes=item_codes)
    assert_frame_equal(found.items, crowdlab(votes, probabilities, item_codes=item_codes).items)
    with pytest.raises(MissingColumn, match="order"):
        crowdlab(pl.concat([ordered, earlier]).drop("order"), probabilities, item_codes=item_codes)


def test_without_two_votes_on_an_item_it_is_undefined() -> None:
    codes = np.array([1, 4])
    for rows in ([], [(0, 0, 1), (1, 1, 0)]):
        found = crowdlab(votes_of(rows), np.full((2, 2), 0.5), item_codes=codes)
        assert found.undefined == "no item has votes of two annotators"
        assert found.items.schema == ITEMS_SCHEMA
        assert found.annotators.is_empty()


def test_misuse_is_refused() -> None:
    votes, even, codes = votes_of([(0, 0, 1), (0, 1, 1)]), np.full((1, 2), 0.5), np.array([1])
    for probabilities in (np.full((1, 1), 1.0), np.full(2, 0.5), even + 1, even / 2, even * np.nan):
        with pytest.raises(BadOption, match="probabilities"):
            crowdlab(votes, probabilities, item_codes=codes)
    for item_codes in (np.array([2]), np.array([1, 2])):
        with pytest.raises(BadOption, match="item_codes"):
            crowdlab(votes, even, item_codes=item_codes)
    with pytest.raises(BadOption, match="item_codes"):
        crowdlab(votes, np.full((2, 2), 0.5), item_codes=np.array([1, 1]))
    with pytest.raises(BadColumn, match="label_code"):
        crowdlab(votes_of([(0, 0, 5)]), even, item_codes=codes)
