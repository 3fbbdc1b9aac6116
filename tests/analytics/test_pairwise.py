from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sklearn.metrics import cohen_kappa_score, confusion_matrix
from statsmodels.stats.inter_rater import cohens_kappa

from analytics.errors import BadOption, MissingColumn
from analytics.pairwise import MIN_SHARED_ITEMS, pairwise_kappa
from tests.crowds import N_LABELS, accurate, drawn_crowd, some_votes, votes_of
from tests.published import (
    ARTSTEIN_POESIO_2008,
    ARTSTEIN_POESIO_2008_KAPPA,
    GWET_TWO_RATERS,
    GWET_TWO_RATERS_KAPPA,
    two_annotators,
)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [(ARTSTEIN_POESIO_2008, ARTSTEIN_POESIO_2008_KAPPA), (GWET_TWO_RATERS, GWET_TWO_RATERS_KAPPA)],
)
def test_published_tables(table: tuple[tuple[int, ...], ...], kappa: float) -> None:
    row = pairwise_kappa(two_annotators(table), n_labels=len(table)).row(0, named=True)
    assert round(row["kappa"], 4) == kappa
    peer = cohens_kappa(np.array(table))
    half = 1.959963984540054 * peer.std_kappa
    assert (row["low"], row["high"]) == pytest.approx((peer.kappa - half, peer.kappa + half))
    assert row["n_items"] == sum(map(sum, table))


@given(votes=some_votes(repeats=False))
def test_every_pair_is_scikit_learns(votes: pl.DataFrame) -> None:
    frame = pairwise_kappa(votes, n_labels=N_LABELS)
    expected = []
    for a, b in itertools.combinations(sorted(votes.get_column("annotator_code").unique()), 2):
        mine, other = (votes.filter(pl.col("annotator_code") == code) for code in (a, b))
        both = mine.join(other, on="item_code", suffix="_b")
        if both.is_empty():
            continue
        first, second = both.get_column("label_code").to_numpy(), both.get_column("label_code_b").to_numpy()
        defined = len({*first, *second}) > 1
        kappa = cohen_kappa_score(first, second) if defined else None
        expected.append((a, b, both.height, float(np.mean(first == second)), kappa))
    found = frame.select("annotator_a", "annotator_b", "n_items", "agreement", "kappa").rows()
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    for row, peer in zip(found, expected, strict=True):
        assert row[3:] == pytest.approx(peer[3:], abs=1e-12)
    assert (frame.get_column("undefined").is_null() == frame.get_column("kappa").is_not_null()).all()
    assert frame.get_column("low").null_count() == frame.height  # 7 items are too few for an interval


@given(seed=st.integers(0, 1000))
def test_intervals_are_statsmodels(seed: int) -> None:
    crowd = drawn_crowd(
        accurate(4, 3, np.array([0.9, 0.7, 0.6, 0.4])),
        n_items=160,
        n_per_item=3,
        priors=np.full(3, 1 / 3),
        seed=seed,
    )
    frame = pairwise_kappa(crowd.votes, n_labels=3, confidence=0.9)
    assert frame.height == 6
    for row in frame.iter_rows(named=True):
        mine, other = (
            crowd.votes.filter(pl.col("annotator_code") == row[name])
            for name in ("annotator_a", "annotator_b")
        )
        both = mine.join(other, on="item_code", suffix="_b")
        table = confusion_matrix(
            both["label_code"].to_numpy(), both["label_code_b"].to_numpy(), labels=[0, 1, 2]
        )
        half = 1.6448536269514722 * cohens_kappa(table).std_kappa
        ends = np.clip([row["kappa"] - half, row["kappa"] + half], -1, 1)
        assert (row["low"], row["high"]) == pytest.approx(tuple(ends), abs=1e-12)


def test_no_interval_from_few_items_or_without_spread() -> None:
    def pair(n_items: int, wrong: int) -> dict[str, object]:
        rows = [(i, a, (i + (a == 1 and i < wrong)) % 2) for i in range(n_items) for a in (0, 1)]
        return pairwise_kappa(votes_of(rows), n_labels=2).row(0, named=True)

    assert pair(MIN_SHARED_ITEMS, 3)["low"] is not None
    assert pair(MIN_SHARED_ITEMS - 1, 3)["low"] is None
    perfect = pair(200, 0)
    assert (perfect["kappa"], perfect["low"], perfect["high"]) == (1.0, None, None)


def test_a_pair_that_used_one_label_has_no_kappa() -> None:
    votes = votes_of([(item, annotator, 1) for item in range(40) for annotator in (0, 1)])
    row = pairwise_kappa(votes, n_labels=2).row(0, named=True)
    assert (row["agreement"], row["kappa"], row["low"]) == (1.0, None, None)
    assert row["undefined"] == "both used one and the same label only"


def test_empty_and_unshared_give_an_empty_table() -> None:
    empty = pairwise_kappa(votes_of([]), n_labels=2)
    unshared = pairwise_kappa(votes_of([(0, 0, 1), (1, 1, 1)]), n_labels=2)
    assert empty.is_empty()
    assert_frame_equal(empty, unshared)


def test_repeats_take_one_vote_by_order() -> None:
    votes = votes_of([(0, 0, 1), (0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1)])
    with pytest.raises(MissingColumn, match="order"):
        pairwise_kappa(votes, n_labels=2)
    ordered = votes.with_columns(order=pl.Series([5, 1, 2, 3, 4]))
    assert pairwise_kappa(ordered, n_labels=2).get_column("agreement").to_list() == [0.5]
    assert pairwise_kappa(ordered, n_labels=2, repeats="last").get_column("agreement").to_list() == [1.0]
    with pytest.raises(BadOption, match="repeats"):
        pairwise_kappa(ordered, n_labels=2, repeats="count")


def test_blocks_do_not_change_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = drawn_crowd(accurate(30, 4, 0.8), n_items=300, n_per_item=5, priors=np.full(4, 0.25), seed=1)
    whole = pairwise_kappa(crowd.votes, n_labels=4)
    assert whole.height > 400
    monkeypatch.setattr("analytics.pairwise.MEETINGS_A_CHUNK", 100)
    assert_frame_equal(pairwise_kappa(crowd.votes, n_labels=4), whole, check_exact=True)


@given(votes=some_votes(repeats=False), seed=st.integers(0, 99))
def test_order_of_rows_changes_nothing(votes: pl.DataFrame, seed: int) -> None:
    before = votes.clone()
    shuffled = votes.sample(fraction=1, shuffle=True, seed=seed)
    table = pairwise_kappa(votes, n_labels=N_LABELS)
    assert_frame_equal(pairwise_kappa(shuffled, n_labels=N_LABELS), table, check_exact=True)
    assert_frame_equal(votes, before)


def test_interval_covers_at_its_rate() -> None:
    """400 pairs with 100 shared items each; the true kappa from 400,000."""
    confusion = accurate(2, 3, np.array([0.85, 0.75]))
    priors = np.array([0.5, 0.3, 0.2])
    large = drawn_crowd(confusion, n_items=400_000, n_per_item=2, priors=priors, seed=0)
    true = pairwise_kappa(large.votes, n_labels=3).get_column("kappa").item()
    covered = 0
    for seed in range(1, 401):
        crowd = drawn_crowd(confusion, n_items=100, n_per_item=2, priors=priors, seed=seed)
        row = pairwise_kappa(crowd.votes, n_labels=3).row(0, named=True)
        covered += row["low"] <= true <= row["high"]
    assert 0.92 <= covered / 400 <= 0.975
