"""The items that moved a rate: their parts sum to its change, and those that moved it are named first."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.errors import BadOption, MissingColumn
from analytics.moved_items import moved_items


def rows(*, turned: tuple[int, ...] = (), to: int = 1) -> pl.DataFrame:
    """50 items in each window, 6 annotations each, 30 % with the label; the items `turned` have it always or never."""
    rng = np.random.default_rng(0)
    item = np.arange(600) // 6
    hit = (rng.random(600) < 0.3).astype(int)
    hit[np.isin(item, turned)] = to
    return pl.DataFrame({"item_code": item, "window": (item >= 50).astype(int), "hit": hit})


def test_the_items_that_turned_come_first() -> None:
    found = moved_items(rows(turned=(60, 70, 80, 90, 95)), most=5)
    assert found["item_code"].to_list() == [60, 70, 80, 90, 95]
    assert found["hits"].to_list() == [6] * 5


def test_over_all_items_it_sums_to_the_change() -> None:
    frame = rows(turned=tuple(range(60, 80)))
    rates = [float(np.mean(frame.filter(pl.col("window") == w)["hit"].to_numpy())) for w in (0, 1)]
    of_window = frame.filter(pl.col("window") == 1)
    up = moved_items(frame, most=1000)["moved"].sum()
    rest = (
        of_window.group_by("item_code")
        .agg(pl.len().alias("n"), pl.col("hit").sum())
        .with_columns(m=(pl.col("hit") - pl.col("n") * rates[0]) / of_window.height)
    )
    down = rest.filter(pl.col("m") <= 0)["m"].sum()
    assert float(up) + float(down) == pytest.approx(rates[1] - rates[0])


def test_where_a_rate_fell_those_without_the_label_come_first() -> None:
    found = moved_items(rows(turned=tuple(range(60, 90)), to=0), most=3)
    assert found["hits"].to_list() == [0, 0, 0]
    assert (found["moved"] < 0).all()


def test_an_empty_window_has_no_items_and_misuse_is_refused() -> None:
    assert moved_items(rows().filter(pl.col("window") == 0)).is_empty()
    assert moved_items(rows().filter(pl.col("window") == 1)).is_empty()
    with pytest.raises(MissingColumn, match="hit"):
        moved_items(rows().drop("hit"))
    with pytest.raises(BadOption, match="1 or more"):
        moved_items(rows(), most=0)
