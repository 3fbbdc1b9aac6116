from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics.errors import BadOption
from analytics.krippendorff import alpha
from analytics.self_consistency import MIN_ANNOTATORS, self_consistency
from tests.crowds import N_LABELS, some_votes, votes_of


def crowd(n_annotators: int, n_items: int, keeps: float, seed: int) -> pl.DataFrame:
    """Everybody labels every item twice; the second time they give the same label with chance `keeps` or luck."""
    rng = np.random.default_rng(seed)
    shape = (n_annotators, n_items)
    first = rng.integers(0, 3, shape)
    own = rng.beta(20 * keeps, 20 * (1 - keeps), n_annotators)[:, None]
    second = np.where(rng.random(shape) < own, first, rng.integers(0, 3, shape))
    annotator, item = (index.ravel() for index in np.indices(shape))
    return pl.DataFrame(
        {
            "item_code": np.tile(item, 2),
            "annotator_code": np.tile(annotator, 2),
            "label_code": np.concatenate([first.ravel(), second.ravel()]),
        }
    )


def agreeing_pairs(votes: pl.DataFrame) -> tuple[int, int, int]:
    """Units, pairs, and those that agree, one by one."""
    units = [row[2] for row in votes.group_by("item_code", "annotator_code").agg("label_code").iter_rows()]
    pairs = [pair for unit in units for pair in itertools.combinations(unit, 2)]
    return sum(len(unit) > 1 for unit in units), len(pairs), sum(a == b for a, b in pairs)


@given(votes=some_votes(max_size=120))
def test_shares_count_every_pair_of_a_repeat(votes: pl.DataFrame) -> None:
    found = self_consistency(votes, n_labels=N_LABELS, min_units=1, replicates=0)
    units, pairs, same = agreeing_pairs(votes)
    assert found.share.n == pairs
    assert found.share.value == (pytest.approx(same / pairs) if pairs else None)
    assert found.alpha.n == units
    table = found.annotators
    assert table.get_column("annotator_code").to_list() == sorted(votes.get_column("annotator_code").unique())
    for row in table.iter_rows(named=True):
        units, pairs, same = agreeing_pairs(votes.filter(pl.col("annotator_code") == row["annotator_code"]))
        assert (row["n"], row["n_pairs"]) == (units, pairs)
        assert row["consistency"] == (pytest.approx(same / pairs) if pairs else None)
        assert (row["undefined"] is None) == (pairs > 0)
        assert (row["alpha_undefined"] is None) == (row["alpha"] is not None)


@given(votes=some_votes(max_size=120))
def test_alpha_is_krippendorffs_over_units(votes: pl.DataFrame) -> None:
    votes = pl.concat([votes, votes.with_columns(label_code=(pl.col("label_code") * 7 + 1) % N_LABELS)])
    units = votes.with_columns(item_code=pl.col("item_code") * 10_000 + pl.col("annotator_code"))
    expected = alpha(units, level="nominal", n_labels=N_LABELS, replicates=0)
    assume(expected.value is not None)
    found = self_consistency(votes, n_labels=N_LABELS, replicates=0)
    assert found.alpha.value == pytest.approx(expected.value, abs=1e-12)


def test_an_annotators_alpha_is_of_their_units_alone() -> None:
    votes = crowd(4, 60, 0.7, 1)
    table = self_consistency(votes, n_labels=3, replicates=100, seed=5).annotators
    for row in table.iter_rows(named=True):
        own = votes.filter(pl.col("annotator_code") == row["annotator_code"])
        expected = alpha(own, level="nominal", n_labels=3, replicates=100, seed=5)
        assert (row["alpha"], row["alpha_low"], row["alpha_high"]) == (
            expected.value,
            expected.low,
            expected.high,
        )
        assert row["low"] < row["consistency"] < row["high"]


def test_the_overall_interval_is_about_annotators() -> None:
    """Annotators differ: an interval over units would be too narrow. 100 crowds of 20 annotators."""
    covered = 0
    for seed in range(100):
        found = self_consistency(crowd(20, 40, 0.8, seed), n_labels=3, replicates=300, seed=seed).share
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.8 + 0.2 / 3 <= found.high
    assert covered >= 84


def test_few_annotators_have_no_overall_interval() -> None:
    few = self_consistency(crowd(MIN_ANNOTATORS - 1, 30, 0.7, 2), n_labels=3)
    enough = self_consistency(crowd(MIN_ANNOTATORS, 30, 0.7, 2), n_labels=3)
    assert (few.share.low, few.alpha.low) == (None, None)
    assert few.share.value is not None
    assert enough.share.low is not None
    assert enough.alpha.low is not None


def test_without_repeats_it_is_undefined() -> None:
    found = self_consistency(votes_of([(0, 0, 1), (0, 1, 1), (1, 0, 2)]), n_labels=3)
    assert found.share.undefined == found.alpha.undefined == "no annotator labelled an item twice"
    assert found.annotators.get_column("n").to_list() == [0, 0]
    assert found.annotators.get_column("consistency").null_count() == 2
    assert found.annotators.get_column("undefined").null_count() == 0


def test_what_cannot_be_corrected_says_why() -> None:
    one_label = self_consistency(
        votes_of([(0, 0, 1), (0, 0, 1), (1, 0, 1), (1, 0, 1)]), n_labels=3, min_units=1
    )
    assert (one_label.share.value, one_label.alpha.undefined) == (1.0, "only one label was used")
    assert one_label.annotators.get_column("alpha_undefined").to_list() == ["only one label was used"]
    one_unit = self_consistency(votes_of([(0, 0, 1), (0, 0, 2)]), n_labels=3)
    assert (one_unit.share.value, one_unit.alpha.undefined) == (0.0, "only one item was labelled twice")
    assert "fewer than 10" in one_unit.annotators.get_column("undefined").item()


def test_no_votes() -> None:
    found = self_consistency(votes_of([]), n_labels=3)
    assert found.annotators.is_empty()
    assert found.annotators.schema == self_consistency(crowd(3, 20, 0.5, 0), n_labels=3).annotators.schema


@given(votes=some_votes(max_size=120), seed=st.integers(0, 99))
def test_order_and_names_change_nothing(votes: pl.DataFrame, seed: int) -> None:
    before = votes.clone()
    plain = self_consistency(votes, n_labels=N_LABELS, min_units=1, replicates=20)
    renamed = votes.sample(fraction=1, shuffle=True, seed=seed).with_columns(900 - pl.col("item_code"))
    again = self_consistency(renamed, n_labels=N_LABELS, min_units=1, replicates=20)
    assert (again.share, again.alpha) == (plain.share, plain.alpha)
    assert_frame_equal(again.annotators, plain.annotators, check_exact=True)
    assert_frame_equal(votes, before)


def test_misuse_raises() -> None:
    with pytest.raises(BadOption, match="min_units"):
        self_consistency(votes_of([]), n_labels=3, min_units=0)
    with pytest.raises(BadOption, match="replicates"):
        self_consistency(votes_of([]), n_labels=3, replicates=-1)
