from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import get_args

import krippendorff
import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.krippendorff import Level, alpha
from tests.crowds import CROWDS, N_LABELS, real_crowd, some_votes, votes_of
from tests.published import KRIPPENDORFF_2011, KRIPPENDORFF_2011_ALPHA, observer_rows

LEVELS: tuple[Level, ...] = get_args(Level)
VALUES = (0.0, 1.0, 2.5, 7.0)


def _counts(votes: pl.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    table = np.zeros((int(votes["item_code"].cast(pl.Int64).max() or 0) + 1, N_LABELS))  # type: ignore[arg-type]  # a column of numbers
    np.add.at(table, (votes["item_code"].to_numpy(), votes["label_code"].to_numpy()), 1)
    return table


@pytest.mark.parametrize("level", LEVELS)
def test_krippendorffs_own_example(level: Level) -> None:
    found = alpha(observer_rows(KRIPPENDORFF_2011), level=level, n_labels=5, values=[1, 2, 3, 4, 5])
    assert found.value is not None
    assert round(found.value, 3) == KRIPPENDORFF_2011_ALPHA[level]
    assert found.n == 11  # unit 12 has one vote and pairs nothing
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high


@pytest.mark.parametrize("level", LEVELS)
@given(votes=some_votes())
def test_alpha_is_the_krippendorff_packages(level: Level, votes: pl.DataFrame) -> None:
    ours = alpha(votes, level=level, n_labels=N_LABELS, values=VALUES, replicates=0)
    assume(ours.value is not None)
    theirs = krippendorff.alpha(
        value_counts=_counts(votes), value_domain=list(VALUES), level_of_measurement=level
    )
    assert ours.value == pytest.approx(theirs, abs=1e-12)


@given(votes=some_votes())
def test_undefined_exactly_where_nothing_can_be_said(votes: pl.DataFrame) -> None:
    by_item = votes.group_by("item_code").agg("label_code").filter(pl.col("label_code").list.len() >= 2)
    labels = by_item.get_column("label_code").explode().n_unique() if by_item.height else 0
    found = alpha(votes, level="nominal", n_labels=N_LABELS, replicates=0)
    assert (found.undefined is None) == (by_item.height >= 2 and labels >= 2)
    assert found.n == by_item.height


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no item has two annotations"),
        ([(0, 0, 1), (1, 0, 2)], "no item has two annotations"),
        ([(0, 0, 1), (0, 1, 2)], "only one item has two annotations or more"),
        ([(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1), (2, 0, 3)], "only one label was used"),
    ],
)
@pytest.mark.parametrize("level", LEVELS)
def test_undefined_says_why(level: Level, rows: list[tuple[int, int, int]], reason: str) -> None:
    assert alpha(votes_of(rows), level=level, n_labels=N_LABELS, values=VALUES).undefined == reason


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e9])
def test_perfect_agreement_is_exactly_one_and_has_no_interval(level: Level, scale: float) -> None:
    rows = [(item, annotator, item % 3) for item in range(50) for annotator in range(2 + item % 4)]
    values = [scale * value for value in VALUES]
    found = alpha(votes_of(rows), level=level, n_labels=N_LABELS, values=values)
    assert (found.value, found.low, found.high) == (1.0, None, None)


@pytest.mark.parametrize("level", LEVELS)
@given(votes=some_votes(), rng=st.randoms(use_true_random=False))
def test_order_of_rows_and_names_change_nothing(level: Level, votes: pl.DataFrame, rng: Random) -> None:
    before = votes.clone()
    plain = alpha(votes, level=level, n_labels=N_LABELS, values=VALUES, replicates=30)
    shuffled = votes.sample(fraction=1, shuffle=True, seed=rng.randrange(1000))
    renamed = shuffled.with_columns(500 - pl.col("item_code"), (pl.col("annotator_code") * 7) % 5001)
    assert alpha(renamed, level=level, n_labels=N_LABELS, values=VALUES, replicates=30) == plain
    assert_frame_equal(votes, before)


@pytest.mark.parametrize("level", LEVELS)
@given(votes=some_votes(), permutation=st.permutations(range(N_LABELS)))
def test_label_codes_are_only_names(level: Level, votes: pl.DataFrame, permutation: list[int]) -> None:
    plain = alpha(votes, level=level, n_labels=N_LABELS, values=VALUES, replicates=0)
    renamed = votes.with_columns(
        pl.col("label_code").replace_strict(range(N_LABELS), permutation, return_dtype=pl.Int64)
    )
    values = [0.0] * N_LABELS
    for code, name in enumerate(permutation):
        values[name] = VALUES[code]
    found = alpha(renamed, level=level, n_labels=N_LABELS, values=values, replicates=0)
    assert found.undefined == plain.undefined
    assert found.value == pytest.approx(plain.value, abs=1e-12)


@pytest.mark.parametrize("level", ["ordinal", "interval", "ratio"])
def test_labels_of_one_value_are_one_label(level: Level) -> None:
    votes = votes_of([(0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 3), (2, 0, 0), (2, 1, 2), (3, 0, 3), (3, 1, 3)])
    merged = votes.with_columns(pl.col("label_code") // 2)
    found = alpha(votes, level=level, n_labels=4, values=[1, 1, 5, 5])
    assert found == alpha(merged, level=level, n_labels=2, values=[1, 5])


def test_ordinal_without_values_takes_the_order_of_the_codes() -> None:
    votes = observer_rows(KRIPPENDORFF_2011)
    by_code = alpha(votes, level="ordinal", n_labels=5)
    assert by_code == alpha(votes, level="ordinal", n_labels=5, values=[-3, 1, 10, 11, 90])
    assert by_code != alpha(votes, level="ordinal", n_labels=5, values=[5, 1, 4, 2, 3])


@pytest.mark.parametrize("level", LEVELS)
def test_a_label_set_too_wide_for_a_table_gives_the_same_figure(level: Level) -> None:
    """900 items by 60,000 labels is kept sparse; labels that nobody uses change nothing but the draws' order."""
    rng = np.random.default_rng(2)
    item = np.repeat(np.arange(900), 3)
    label = np.where(rng.random(2700) < 0.6, item % 7, rng.integers(0, 7, 2700))
    votes = pl.DataFrame({"item_code": item, "annotator_code": np.tile([0, 1, 2], 900), "label_code": label})
    narrow = alpha(votes, level=level, n_labels=7, values=range(1, 8), replicates=300)
    n_labels = 60_000 if level in ("nominal", "ordinal") else 100  # the others need all K x K differences
    wide = alpha(votes, level=level, n_labels=n_labels, values=range(1, n_labels + 1), replicates=300)
    assert wide.value == pytest.approx(narrow.value, abs=1e-12)
    assert (wide.low, wide.high) == pytest.approx((narrow.low, narrow.high), abs=0.01)


def test_misuse_raises() -> None:
    votes = observer_rows(KRIPPENDORFF_2011)
    with pytest.raises(BadOption, match="level"):
        alpha(votes, level="metric", n_labels=5)  # type: ignore[arg-type]  # a wrong word, on purpose
    with pytest.raises(BadOption, match="values"):
        alpha(votes, level="interval", n_labels=5)
    with pytest.raises(BadOption, match="5 finite numbers"):
        alpha(votes, level="interval", n_labels=5, values=[1, 2, 3, 4])
    with pytest.raises(BadOption, match="0 or more"):
        alpha(votes, level="ratio", n_labels=5, values=[-1, 2, 3, 4, 5])
    with pytest.raises(BadOption, match="replicates"):
        alpha(votes, level="nominal", n_labels=5, replicates=-1)
    with pytest.raises(BadColumn, match="4 labels"):
        alpha(votes, level="nominal", n_labels=4)
    with pytest.raises(MissingColumn, match="label_code"):
        alpha(votes.drop("label_code"), level="nominal", n_labels=5)


def test_the_seed_makes_the_interval() -> None:
    votes = observer_rows(KRIPPENDORFF_2011)
    one, again, other = (alpha(votes, level="nominal", n_labels=5, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert (one.value, one.low != other.low or one.high != other.high) == (other.value, True)


@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_the_interval_covers_at_its_rate(level: Level) -> None:
    """200 crowds of 200 items and 3 votes; the true alpha is that of a crowd of 400,000 items."""
    kept, n_labels = 0.75, 3

    def crowd(n_items: int, seed: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        item = np.repeat(np.arange(n_items), 3)
        usual = rng.choice(n_labels, p=[0.5, 0.3, 0.2], size=n_items)[item]
        label = np.where(rng.random(item.size) < kept, usual, rng.integers(0, n_labels, item.size))
        return pl.DataFrame({"item_code": item, "annotator_code": np.zeros_like(item), "label_code": label})

    true = alpha(crowd(400_000, 0), level=level, n_labels=n_labels, replicates=0).value
    assert true is not None
    covered = 0
    for seed in range(1, 201):
        found = alpha(crowd(200, seed), level=level, n_labels=n_labels, replicates=300, seed=seed)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= true <= found.high
    assert 0.90 <= covered / 200 <= 0.985


@pytest.mark.parametrize("name", CROWDS)
def test_real_crowds_give_the_reference_figures(datasets: Path, name: str) -> None:
    crowd = real_crowd(datasets, name)
    expected = json.loads((datasets / "reference.json").read_text())[name]
    found = alpha(crowd.votes, level="nominal", n_labels=len(crowd.labels), repeats="last", replicates=200)
    assert found.value == pytest.approx(expected["krippendorff_alpha_nominal"], abs=5.1e-7)
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("file", "key", "column", "level"),
    [
        ("convabuse", "convabuse_severity", "label", "nominal"),
        ("convabuse", "convabuse_severity", "label", "ordinal"),
        ("convabuse", "convabuse_severity", "label", "interval"),
        ("convabuse", "convabuse_binary", "abusive", "nominal"),
        ("multipico", "multipico_dev_test", "label", "nominal"),
    ],
)
def test_real_scales_give_the_reference_figures(
    datasets: Path, file: str, key: str, column: str, level: Level
) -> None:
    expected = json.loads((datasets / "reference.json").read_text())[key]
    table = pl.read_parquet(datasets / f"{file}.parquet").with_row_index("order")
    values = sorted(table.get_column(column).unique().to_list())
    votes = table.select(
        pl.col("item").rank("dense").cast(pl.Int64).alias("item_code"),
        pl.col("annotator").rank("dense").cast(pl.Int64).alias("annotator_code"),
        pl.col(column).replace_strict(values, range(len(values)), return_dtype=pl.Int64).alias("label_code"),
        pl.col("order").cast(pl.Int64),
    )
    found = alpha(votes, level=level, n_labels=len(values), values=values, repeats="last", replicates=0)
    assert found.value == pytest.approx(expected[f"krippendorff_alpha_{level}"], abs=5.1e-7)
    assert found.n == expected["items"]
