from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics.annotator_pace import speed_anomalies
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.intervals import wilson
from tests.crowds import some_votes, votes_of


def timed(n_annotators: int, seed: int, per_annotator: int = 60) -> pl.DataFrame:
    """Label 2 takes five times as long; whoever has an even code gets mostly label 2."""
    rng = np.random.default_rng(seed)
    annotator = np.arange(n_annotators).repeat(per_annotator)
    label = np.where(rng.random(annotator.size) < np.where(annotator % 2 == 0, 0.8, 0.2), 2, 0)
    seconds = np.where(label == 2, 20.0, 4.0) * np.exp(rng.normal(0, 0.5, annotator.size))
    return pl.DataFrame(
        {
            "item_code": np.arange(annotator.size),
            "annotator_code": annotator,
            "label_code": label,
            "active_seconds": seconds,
        }
    )


def test_who_is_fast_for_their_work_is_found_and_easy_work_is_not_held_against_anybody() -> None:
    votes = timed(20, 1).with_columns(
        active_seconds=pl.when(pl.col("annotator_code") == 3)
        .then(pl.col("active_seconds") / 4)
        .otherwise("active_seconds")
    )
    table = speed_anomalies(votes)
    assert table.get_column("annotator_code").to_list() == list(range(20))
    z = table.get_column("z").to_numpy()
    assert z[3] < -3.5
    assert table.get_column("ratio")[3] == pytest.approx(0.25, rel=0.25)
    # Without the mix of work taken into account half of the annotators would look fast.
    plain = speed_anomalies(votes.with_columns(all=pl.lit(0)), within="all").get_column("ratio").to_numpy()
    assert plain[1::2].max() < plain[0::2].min()
    adjusted = np.delete(table.get_column("ratio").to_numpy(), 3)
    assert np.ptp(adjusted) < np.ptp(plain) / 3


def test_annotators_who_are_alike_are_rarely_marked() -> None:
    z = np.concatenate([speed_anomalies(timed(20, seed)).get_column("z").to_numpy() for seed in range(40)])
    assert (np.abs(z) > 3.5).mean() < 0.01
    assert 0.02 < (np.abs(z) > 1.96).mean() < 0.09


def test_z_is_robust_by_its_definition() -> None:
    votes = timed(11, 2, per_annotator=21).with_columns(all=pl.lit(0))
    table = speed_anomalies(votes, within="all", floor_seconds=0.001)
    logs = votes.get_column("active_seconds").log().to_numpy().reshape(11, 21)
    medians = np.median(logs - np.median(logs), axis=1)
    spread = 1.4826 * np.median(np.abs(medians - np.median(medians)))
    assert table.get_column("z").to_list() == pytest.approx((medians - np.median(medians)) / spread)
    assert table.get_column("ratio").to_list() == pytest.approx(np.exp(medians))


def test_times_under_the_floor_are_counted_and_zero_is_one_of_them() -> None:
    votes = votes_of([(item, item % 2, 0) for item in range(8)]).with_columns(
        active_seconds=pl.Series([0.0, 5, 0.5, 5, 1.0, 5, None, 5])
    )
    table = speed_anomalies(votes, min_n=1)
    share = wilson(2, 3)
    assert table.row(0, named=True)["n_under_floor"] == 2
    assert table.select("n_timed", "share_under_floor", "low", "high").row(0) == (
        3,
        share.value,
        share.low,
        share.high,
    )
    assert table.select("n_timed", "share_under_floor").row(1) == (4, 0.0)


def test_without_enough_it_says_why() -> None:
    few = speed_anomalies(timed(4, 0))
    assert few.get_column("undefined").to_list() == ["fewer than 10 annotators have 20 known times"] * 4
    assert few.get_column("ratio").null_count() == 0
    short = speed_anomalies(
        timed(11, 0).filter((pl.col("annotator_code") != 2) | (pl.col("item_code") % 10 == 0))
    )
    assert short.get_column("undefined")[2] == "fewer than 20 annotations have a time"
    assert short.get_column("z").is_null().to_list() == [code == 2 for code in range(11)]
    same = speed_anomalies(timed(11, 0).with_columns(active_seconds=pl.lit(3.0)))
    assert "no spread" in same.get_column("undefined")[0]
    unknown = speed_anomalies(timed(11, 0).with_columns(active_seconds=pl.lit(None)))
    assert unknown.get_column("share_under_floor").null_count() == 11
    assert unknown.get_column("undefined").null_count() == 0


@given(votes=some_votes(), seed=st.integers(0, 99))
def test_order_and_names_change_nothing(votes: pl.DataFrame, seed: int) -> None:
    votes = votes.with_columns(active_seconds=(pl.col("item_code") * 7 + pl.col("label_code")) % 11 / 2)
    before = votes.clone()
    plain = speed_anomalies(votes, min_n=1)
    renamed = votes.sample(fraction=1, shuffle=True, seed=seed).with_columns(900 - pl.col("item_code"))
    assert_frame_equal(speed_anomalies(renamed, min_n=1), plain, check_exact=True)
    assert_frame_equal(votes, before)


def test_no_votes_give_an_empty_frame_of_the_same_columns() -> None:
    none = speed_anomalies(timed(11, 0).clear())
    assert none.is_empty()
    assert none.schema == speed_anomalies(timed(11, 0)).schema


def test_misuse_raises() -> None:
    votes = timed(2, 0)
    with pytest.raises(MissingColumn, match="active_seconds"):
        speed_anomalies(votes.drop("active_seconds"))
    with pytest.raises(BadColumn, match="negative"):
        speed_anomalies(votes.with_columns(active_seconds=pl.lit(-1.0)))
    with pytest.raises(MissingColumn, match="length"):
        speed_anomalies(votes, within="length")
    with pytest.raises(BadColumn, match="integers"):
        speed_anomalies(votes.with_columns(length=pl.lit("long")), within="length")
    with pytest.raises(BadOption, match="floor_seconds"):
        speed_anomalies(votes, floor_seconds=0)
    with pytest.raises(BadOption, match="min_n"):
        speed_anomalies(votes, min_n=0)
