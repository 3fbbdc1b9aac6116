from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics import frames
from analytics.agreement import percent_agreement
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import count_group_patterns, count_patterns
from analytics.grouped import Figure, agreement_by_group, agreement_by_label, figures_by_group, with_windows
from analytics.krippendorff import alpha
from analytics.results import Estimate
from tests.crowds import CROWDS, N_LABELS, real_crowd, some_votes, votes_of

FIGURES: tuple[Figure, ...] = get_args(Figure)
VALUES = (0.0, 1.0, 2.5, 7.0)


def grouped(votes: pl.DataFrame) -> pl.DataFrame:
    """Groups that cut through items, codes with gaps."""
    return votes.with_columns(group_code=(pl.col("item_code") + pl.col("annotator_code") // 1000) % 3 * 40)


def crowd(n_items: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    item = np.repeat(np.arange(n_items), 3)
    usual = rng.choice(3, p=[0.5, 0.3, 0.2], size=n_items)[item]
    label = np.where(rng.random(item.size) < 0.75, usual, rng.integers(0, 3, item.size))
    return pl.DataFrame(
        {"item_code": item, "annotator_code": np.tile([0, 1, 2], n_items), "label_code": label}
    )


def alone(votes: pl.DataFrame, figure: Figure, n_labels: int, replicates: int, seed: int = 0) -> Estimate:
    """The figure of these votes and no others."""
    if figure == "alpha":
        return alpha(votes, level="nominal", n_labels=n_labels, replicates=replicates, seed=seed)
    return percent_agreement(votes, n_labels=n_labels, replicates=replicates, seed=seed)


def as_row(code: int, found: Estimate) -> tuple[object, ...]:
    return (code, found.value, found.low, found.high, found.n, found.undefined)


@pytest.mark.parametrize("figure", FIGURES)
@given(votes=some_votes(max_size=80))
def test_a_groups_figure_is_that_of_its_votes_alone(figure: Figure, votes: pl.DataFrame) -> None:
    table = agreement_by_group(
        grouped(votes), n_labels=N_LABELS, figure=figure, min_items=2, replicates=20, seed=3
    )
    expected = [
        as_row(code, alone(own, figure, N_LABELS, 20, seed=3))
        for (code,), own in sorted(grouped(votes).group_by("group_code"), key=lambda pair: pair[0])
    ]
    assert table.rows() == expected


@pytest.mark.parametrize("level", ["ordinal", "interval", "ratio"])
def test_scales_are_alphas(level: str) -> None:
    votes = grouped(crowd(90, 1))
    table = agreement_by_group(votes, n_labels=4, level=level, values=VALUES, replicates=30)  # type: ignore[arg-type]  # its words
    for code, value, low, high, n, _ in table.iter_rows():
        own = votes.filter(pl.col("group_code") == code)
        found = alpha(own, level=level, n_labels=4, values=VALUES, replicates=30)  # type: ignore[arg-type]  # its words
        assert (value, low, high, n) == (found.value, found.low, found.high, found.n)


@given(votes=some_votes(max_size=80))
def test_patterns_of_groups_are_those_of_their_votes_alone(votes: pl.DataFrame) -> None:
    split = grouped(votes)
    codes, found = count_group_patterns(split, N_LABELS, "group_code")
    assert codes.tolist() == sorted(split.get_column("group_code").unique())
    for code, patterns in zip(codes, found, strict=True):
        alone = count_patterns(split.filter(pl.col("group_code") == code), N_LABELS)
        assert patterns.counts.tolist() == alone.counts.tolist()
        assert patterns.n_items.tolist() == alone.n_items.tolist()


def test_a_wide_label_set_gives_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """300 labels are kept sparse here; draws differ, figures do not."""
    votes = grouped(crowd(600, 2))
    narrow = agreement_by_group(votes, n_labels=3, replicates=0)
    monkeypatch.setattr(frames, "MAX_DENSE_CELLS", 0)
    assert_frame_equal(agreement_by_group(votes, n_labels=300, replicates=0), narrow, abs_tol=1e-12)


@pytest.mark.parametrize("figure", FIGURES)
def test_small_groups_are_undefined_and_say_so(figure: Figure) -> None:
    votes = crowd(30, 3).with_columns(group_code=pl.when(pl.col("item_code") < 4).then(1).otherwise(0))
    table = agreement_by_group(votes, n_labels=3, figure=figure, min_items=10)
    assert table.get_column("n").to_list() == [26, 4]
    assert table.row(1)[1:] == (None, None, None, 4, "fewer than 10 items have two annotations or more")
    assert table.row(0)[5] is None
    alone = votes.filter(pl.col("annotator_code") == 0)
    reasons = agreement_by_group(alone, n_labels=3, figure=figure).get_column("undefined")
    assert reasons.to_list() == ["no item has two annotations"] * 2


@pytest.mark.parametrize("figure", FIGURES)
@given(votes=some_votes(max_size=80))
def test_a_labels_figure_is_that_of_itself_against_the_rest(figure: Figure, votes: pl.DataFrame) -> None:
    table = agreement_by_label(votes, n_labels=N_LABELS, figure=figure, min_items=2, replicates=0)
    assert table.get_column("group_code").to_list() == list(range(N_LABELS))
    paired = votes.filter(pl.len().over("item_code") >= 2)
    for row in table.iter_rows(named=True):
        own = paired.filter(pl.col("label_code") == row["group_code"])
        assert row["n"] == own.get_column("item_code").n_unique()
        if row["value"] is None:
            assert row["undefined"]
            continue
        split = votes.with_columns(label_code=(pl.col("label_code") == row["group_code"]).cast(pl.Int64))
        found = alone(split, figure, 2, 0)
        assert row["value"] == pytest.approx(found.value, abs=1e-12)
        assert row["undefined"] is None


@pytest.mark.parametrize("figure", FIGURES)
def test_two_labels_have_the_figure_and_interval_of_the_whole(figure: Figure) -> None:
    votes = crowd(200, 5).with_columns(pl.col("label_code").clip(0, 1))
    table = agreement_by_label(votes, n_labels=2, figure=figure, replicates=200, seed=2)
    whole = alone(votes, figure, 2, 200, seed=2)
    for row in table.iter_rows(named=True):
        assert (row["value"], row["low"], row["high"]) == pytest.approx((whole.value, whole.low, whole.high))


@pytest.mark.parametrize("figure", FIGURES)
def test_labels_without_a_figure_say_why(figure: Figure) -> None:
    votes = crowd(60, 6)
    rare = pl.DataFrame({"item_code": [0, 1], "annotator_code": [7, 7], "label_code": [3, 3]})
    table = agreement_by_label(pl.concat([votes, rare]), n_labels=5, figure=figure, replicates=20)
    assert table.get_column("undefined").is_null().to_list() == [True, True, True, False, False]
    assert table.get_column("undefined")[3] == "fewer than 10 items with two annotations have this label"
    assert table.get_column("value").is_null().to_list() == [False, False, False, True, True]
    none = agreement_by_label(votes.clear(), n_labels=2, figure=figure)
    assert none.get_column("value").null_count() == none.get_column("undefined").is_not_null().sum() == 2


def test_windows_hold_whole_items_by_their_last_vote() -> None:
    votes = votes_of([(0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 0), (2, 0, 0)]).with_columns(
        order=pl.Series([0, 3, 9, 10, 25])
    )
    windows = with_windows(votes, size=10)
    assert windows.get_column("window_code").to_list() == [0, 1, 0, 1, 2]
    table = agreement_by_group(windows, n_labels=2, by="window_code", figure="percent", min_items=2)
    assert table.get_column("group_code").to_list() == [0, 1, 2]


@pytest.mark.parametrize("figure", FIGURES)
@given(votes=some_votes(max_size=60), seed=st.integers(0, 99))
def test_order_and_names_change_nothing(figure: Figure, votes: pl.DataFrame, seed: int) -> None:
    split = grouped(votes)
    before = split.clone()
    renamed = split.sample(fraction=1, shuffle=True, seed=seed).with_columns(
        500 - pl.col("item_code"), (pl.col("annotator_code") * 7) % 5001
    )
    for by in (agreement_by_group, agreement_by_label):
        of = partial(by, n_labels=N_LABELS, figure=figure, replicates=20, min_items=2)
        assert_frame_equal(of(renamed), of(split), check_exact=True)
    assert_frame_equal(split, before)


def test_no_votes_give_no_groups() -> None:
    none = pl.DataFrame({"item_code": [], "annotator_code": [], "label_code": [], "group_code": []})
    table = agreement_by_group(none, n_labels=2)
    assert table.is_empty()
    assert table.columns == ["group_code", "value", "low", "high", "n", "undefined"]


@pytest.mark.parametrize("name", CROWDS)
def test_one_group_of_everything_is_the_reference(datasets: Path, name: str) -> None:
    votes = real_crowd(datasets, name)
    expected = json.loads((datasets / "reference.json").read_text())[name]
    whole = votes.votes.with_columns(group_code=pl.lit(5))
    row = agreement_by_group(whole, n_labels=len(votes.labels), repeats="last", replicates=0).row(0)
    assert row[:2] == (5, pytest.approx(expected["krippendorff_alpha_nominal"], abs=5.1e-7))


def test_misuse_raises() -> None:
    votes = grouped(crowd(20, 0))
    with pytest.raises(MissingColumn, match="batch"):
        agreement_by_group(votes, n_labels=3, by="batch")
    with pytest.raises(BadColumn, match="group_code"):
        agreement_by_group(votes.with_columns(group_code=pl.lit(None, dtype=pl.Int64)), n_labels=3)
    with pytest.raises(BadColumn, match="under 0"):
        agreement_by_group(votes.with_columns(group_code=pl.lit(-1)), n_labels=3)
    with pytest.raises(BadOption, match="figure"):
        agreement_by_group(votes, n_labels=3, figure="kappa")  # type: ignore[arg-type]  # a wrong word, on purpose
    with pytest.raises(BadOption, match="min_items"):
        agreement_by_label(votes, n_labels=3, min_items=1)
    with pytest.raises(BadOption, match="size"):
        with_windows(votes.with_columns(order=pl.int_range(pl.len())), size=0)
    with pytest.raises(MissingColumn, match="order"):
        with_windows(votes, size=5)


def test_several_figures_at_once_are_the_figures_one_by_one() -> None:
    rng = np.random.default_rng(5)
    items = np.repeat(np.arange(60), 4)
    votes = pl.DataFrame(
        {
            "item_code": items,
            "annotator_code": np.tile(np.arange(4), 60),
            "label_code": rng.integers(0, 3, 240),
            "group_code": items % 3,
        }
    )
    both = figures_by_group(votes, n_labels=3, replicates=100)
    for figure in get_args(Figure):
        alone = agreement_by_group(votes, n_labels=3, figure=figure, replicates=100)
        assert_frame_equal(both.filter(pl.col("figure") == figure).drop("figure"), alone)
