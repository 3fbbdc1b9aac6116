from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from statsmodels.stats.contingency_tables import Table

from analytics.annotator_curves import agreement_curves, curve_trends
from analytics.annotators import annotator_agreement
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import keep_repeats
from analytics.intervals import wilson
from tests.crowds import N_LABELS, some_votes, votes_of


def learners(n_items: int, *, start: float, end: float, seed: int) -> pl.DataFrame:
    """Three steady annotators, and annotator 0, whose accuracy goes from `start` to `end`."""
    rng = np.random.default_rng(seed)
    item = np.arange(n_items)
    true = rng.integers(0, 3, n_items)
    accuracy = np.stack([np.linspace(start, end, n_items), *np.full((3, n_items), 0.9)])
    label = np.where(rng.random((4, n_items)) < accuracy, true, (true + rng.integers(1, 3, (4, n_items))) % 3)
    return pl.DataFrame(
        {
            "item_code": np.tile(item, 4),
            "annotator_code": np.arange(4).repeat(n_items),
            "label_code": label.ravel(),
            "order": np.tile(item, 4) * 4 + np.arange(4).repeat(n_items),
        }
    )


def test_windows_are_counted_from_the_first_vote() -> None:
    votes = votes_of([(item, a, int(a == 2 and item >= 4)) for item in range(7) for a in range(3)])
    votes = votes.with_columns(order=pl.int_range(pl.len()))
    table = agreement_curves(votes, n_labels=2, size=3).filter(pl.col("annotator_code") == 2000)
    assert table.select("window", "n", "n_compared", "agreement").rows() == [
        (0, 3, 3, 1.0),
        (1, 3, 3, pytest.approx(1 / 3)),
        (2, 1, 1, 0.0),
    ]
    expected = wilson(1, 3)
    assert table.select("low", "high").row(1) == (expected.low, expected.high)


def test_sessions_are_counted_anew() -> None:
    votes = votes_of([(item, a, 0) for item in range(9) for a in range(2)]).with_columns(
        order=pl.int_range(pl.len()), day=pl.col("item_code") // 3 // 5
    )
    table = agreement_curves(votes, n_labels=2, size=2, session="day").filter(pl.col("annotator_code") == 0)
    assert table.select("window", "n").rows() == [(0, 4), (1, 4), (2, 1)]  # days of 5 and 4 items


@given(votes=some_votes(max_size=60), size=st.integers(1, 5))
def test_windows_add_up_to_the_agreement(votes: pl.DataFrame, size: int) -> None:
    votes = votes.with_columns(order=pl.int_range(pl.len()))
    table = agreement_curves(votes, n_labels=N_LABELS, size=size)
    whole = annotator_agreement(keep_repeats(votes, "first"), n_labels=N_LABELS)
    added = (
        table.group_by("annotator_code")
        .agg(pl.col("n", "n_compared").sum(), hits=(pl.col("agreement") * pl.col("n_compared")).sum())
        .sort("annotator_code")
    )
    assert (
        added.select("annotator_code", "n", "n_compared").rows()
        == whole.select("annotator_code", "n", "n_compared").rows()
    )
    expected = (whole.get_column("agreement") * whole.get_column("n_compared")).fill_null(0)
    assert added.get_column("hits").to_list() == pytest.approx(expected.to_list())
    assert (table.get_column("undefined").is_null() == (table.get_column("n_compared") > 0)).all()


def test_the_trend_is_statsmodels() -> None:
    curves = agreement_curves(learners(500, start=0.5, end=0.8, seed=1), n_labels=3, size=60)
    trends = curve_trends(curves)
    for row in trends.iter_rows(named=True):
        own = curves.filter(pl.col("annotator_code") == row["annotator_code"])
        hits = (own.get_column("agreement") * own.get_column("n_compared")).round().to_numpy()
        table = np.stack([hits, own.get_column("n_compared").to_numpy() - hits], axis=1)
        x = own.get_column("window").to_numpy()
        peer = Table(table, shift_zeros=False).test_ordinal_association(
            row_scores=x, col_scores=np.array([1, 0])
        )
        n = row["n_compared"]
        assert row["z"] == pytest.approx(peer.zscore * np.sqrt((n - 1) / n), rel=0.01)
        assert row["z"] == pytest.approx(peer.zscore, rel=0.01)
        slope = np.polyfit(
            np.repeat(x, table.sum(axis=1).astype(int)),
            np.concatenate([np.repeat([1, 0], pair.astype(int)) for pair in table]),
            1,
        )[0]
        assert row["slope"] == pytest.approx(slope)


def test_learning_and_fatigue_are_told_apart_from_nothing() -> None:
    rising = curve_trends(agreement_curves(learners(600, start=0.4, end=0.9, seed=2), n_labels=3))
    falling = curve_trends(agreement_curves(learners(600, start=0.9, end=0.4, seed=2), n_labels=3))
    assert rising.row(0, named=True)["z"] > 4
    assert falling.row(0, named=True)["z"] < -4
    assert rising.get_column("slope")[0] == pytest.approx(0.5 / 12 * 0.9, rel=0.35)
    false_alarms = 0
    for seed in range(60):
        table = curve_trends(agreement_curves(learners(300, start=0.8, end=0.8, seed=seed), n_labels=3))
        false_alarms += table.filter(pl.col("p_value") <= 0.05).height
    assert 3 <= false_alarms <= 24  # 240 tests at 5 %


def test_no_trend_is_claimed_from_too_little() -> None:
    short = curve_trends(agreement_curves(learners(50, start=0.5, end=0.5, seed=0), n_labels=3))
    assert short.get_column("undefined").to_list() == ["fewer than 100 annotations to compare"] * 4
    single = curve_trends(
        agreement_curves(learners(200, start=0.5, end=0.5, seed=0), n_labels=3, size=500), min_n=10
    )
    assert single.get_column("undefined").to_list() == ["there is only one window"] * 4
    agreed = votes_of([(item, a, item % 2) for item in range(200) for a in range(2)])
    always = curve_trends(agreement_curves(agreed.with_columns(order=pl.int_range(pl.len())), n_labels=2))
    assert always.get_column("undefined")[0] == "the agreement is the same in every window: always or never"
    assert always.select(pl.col("slope", "z", "p_value", "p_adjusted").null_count()).row(0) == (2, 2, 2, 2)


@given(votes=some_votes(max_size=60), seed=st.integers(0, 99))
def test_order_of_rows_and_names_of_items_change_nothing(votes: pl.DataFrame, seed: int) -> None:
    votes = votes.with_columns(order=pl.int_range(pl.len()))
    before = votes.clone()
    plain = agreement_curves(votes, n_labels=N_LABELS, size=2)
    renamed = votes.sample(fraction=1, shuffle=True, seed=seed).with_columns(900 - pl.col("item_code"))
    again = agreement_curves(renamed, n_labels=N_LABELS, size=2)
    assert_frame_equal(again, plain, check_exact=True)
    shuffled = plain.sample(fraction=1, shuffle=True, seed=seed)
    assert_frame_equal(curve_trends(shuffled, min_n=2), curve_trends(plain, min_n=2), check_exact=True)
    assert_frame_equal(votes, before)


def test_no_votes_give_empty_frames_of_the_same_columns() -> None:
    votes = learners(150, start=0.5, end=0.5, seed=0)
    curves, none = (agreement_curves(frame, n_labels=3) for frame in (votes, votes.clear()))
    assert none.is_empty()
    assert none.schema == curves.schema
    assert curve_trends(none).schema == curve_trends(curves).schema


def test_misuse_raises() -> None:
    votes = learners(20, start=0.5, end=0.5, seed=0)
    with pytest.raises(MissingColumn, match="order"):
        agreement_curves(votes.drop("order"), n_labels=3)
    with pytest.raises(BadColumn, match="same for two votes"):
        agreement_curves(votes.with_columns(order=pl.lit(1)), n_labels=3)
    with pytest.raises(MissingColumn, match="day"):
        agreement_curves(votes, n_labels=3, session="day")
    with pytest.raises(BadColumn, match="integers"):
        agreement_curves(votes.with_columns(day=pl.lit("monday")), n_labels=3, session="day")
    with pytest.raises(BadOption, match="size"):
        agreement_curves(votes, n_labels=3, size=0)
    with pytest.raises(BadOption, match="min_n"):
        curve_trends(agreement_curves(votes, n_labels=3), min_n=1)
    with pytest.raises(MissingColumn, match="window"):
        curve_trends(agreement_curves(votes, n_labels=3).drop("window"))
