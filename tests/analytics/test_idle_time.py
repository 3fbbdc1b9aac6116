"""What of a recorded time is idle: found where it was planted, not where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.idle_time import split_idle


def times(seconds: Sequence[float | None], who: int = 1) -> pl.DataFrame:
    ms = [None if one is None else round(one * 1000) for one in seconds]
    frame = pl.DataFrame({"milliseconds": ms}, schema={"milliseconds": pl.Int64})
    return frame.with_columns(who_code=pl.lit(who), work=pl.lit("labelling"))


def test_planted_idle_time_is_found_and_the_rest_left_alone() -> None:
    rng = np.random.default_rng(0)
    worked = np.exp(rng.normal(2.0, 0.45, 2000))
    idle = rng.random(2000) < 0.02
    found = split_idle(times(list(np.where(idle, rng.uniform(240, 1500, 2000), worked))))
    cut = (found["idle_ms"] > 0).to_numpy()
    assert cut[idle].all()
    assert cut[~idle].mean() < 0.002
    assert (found["active_ms"] + found["idle_ms"] == found["milliseconds"]).all()


def test_unknown_times_stay_unknown_and_zero_is_known() -> None:
    found = split_idle(times([None, 0.0, 5.0]))
    assert found["active_ms"].to_list() == [None, 0, 5000]
    assert found["idle_ms"].to_list() == [None, 0, 0]
    assert found["limit_ms"].to_list() == [None] * 3


def test_who_has_few_times_is_held_to_everybody_s_limit() -> None:
    both = pl.concat([times([4.0, 6.0, 9.0] * 10), times([5.0, 7.0, 3000.0], who=2)])
    found = split_idle(both).filter(pl.col("who_code") == 2)
    assert found["idle_ms"].to_list()[:2] == [0, 0]
    assert found["idle_ms"][2] > 2_900_000


def test_a_steady_person_is_not_idle_for_being_a_little_slower() -> None:
    assert split_idle(times([4.0, 4.1, 4.2] * 10 + [11.0]))["idle_ms"].sum() == 0
    assert split_idle(times([4.0] * 30 + [500.0]))["idle_ms"].sum() == 0  # no spread: nothing can be said


def test_a_limit_that_somebody_set_holds_for_all() -> None:
    assert split_idle(times([10.0, 200.0]), most_seconds=120)["idle_ms"].to_list() == [0, 80_000]


def test_bad_times_are_refused() -> None:
    with pytest.raises(BadColumn, match="negative"):
        split_idle(times([-1.0]))
    with pytest.raises(BadColumn, match="whole"):
        split_idle(times([1.0]).with_columns(pl.col("milliseconds").cast(pl.Float64)))
    with pytest.raises(MissingColumn, match="who_code"):
        split_idle(times([1.0]).drop("who_code"))
    with pytest.raises(BadOption, match="most_seconds"):
        split_idle(times([1.0]), most_seconds=0)
