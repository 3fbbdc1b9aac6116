from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from analytics.agreement import (
    fleiss_kappa,
    gwet_ac1,
    label_agreement,
    label_confusion,
    percent_agreement,
)
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.krippendorff import alpha
from analytics.results import Estimate
from tests.crowds import CROWDS, N_LABELS, real_crowd, some_votes, votes_of
from tests.published import (
    ARTSTEIN_POESIO_2008,
    ARTSTEIN_POESIO_2008_AGREEMENT,
    ARTSTEIN_POESIO_2008_PI,
    FLEISS_1971,
    FLEISS_1971_KAPPA,
    FLEISS_1971_SHARES,
    GWET_TWO_RATERS,
    GWET_TWO_RATERS_AC1,
    count_rows,
    two_annotators,
)

FIGURES: list[Callable[..., Estimate]] = [percent_agreement, fleiss_kappa, gwet_ac1]
CORRECTED: list[Callable[..., Estimate]] = [fleiss_kappa, gwet_ac1]


def by_hand(votes: pl.DataFrame, n_labels: int) -> tuple[float, float, float]:
    """Percent agreement, Fleiss' kappa and AC1 straight from their definitions, pair by pair."""
    items = [row[1] for row in votes.group_by("item_code").agg("label_code").iter_rows()]
    pairs = [list(itertools.combinations(labels, 2)) for labels in items if len(labels) > 1]
    observed = float(np.mean([np.mean([a == b for a, b in item]) for item in pairs]))
    used = sorted(
        {label for labels in items for label in labels}
    )  # the share of any other is 0 and adds nothing
    shares = [float(np.mean([labels.count(k) / len(labels) for labels in items])) for k in used]
    fleiss = sum(share**2 for share in shares)
    gwet = sum(share * (1 - share) for share in shares) / (n_labels - 1)
    return observed, (observed - fleiss) / (1 - fleiss), (observed - gwet) / (1 - gwet)


def test_fleiss_1971() -> None:
    votes = count_rows(FLEISS_1971)
    shares = np.bincount(votes["label_code"].to_numpy()) / votes.height
    assert tuple(shares.round(3)) == FLEISS_1971_SHARES
    kappa = fleiss_kappa(votes, n_labels=5)
    assert kappa.value is not None
    assert kappa.low is not None
    assert kappa.high is not None
    assert round(kappa.value, 3) == FLEISS_1971_KAPPA
    assert 0.25 < kappa.low < kappa.value < kappa.high < 0.60
    assert kappa.n == 30


def test_gwets_two_raters() -> None:
    found = gwet_ac1(two_annotators(GWET_TWO_RATERS), n_labels=2)
    assert found.value is not None
    assert round(found.value, 4) == GWET_TWO_RATERS_AC1


def test_artstein_and_poesio_2008() -> None:
    """For two annotators Fleiss' kappa is Scott's pi."""
    votes = two_annotators(ARTSTEIN_POESIO_2008)
    assert percent_agreement(votes, n_labels=3).value == ARTSTEIN_POESIO_2008_AGREEMENT
    pi = fleiss_kappa(votes, n_labels=3).value
    assert pi is not None
    assert round(pi, 4) == ARTSTEIN_POESIO_2008_PI


@given(votes=some_votes())
def test_figures_are_their_definitions(votes: pl.DataFrame) -> None:
    ours = [figure(votes, n_labels=N_LABELS, replicates=0) for figure in FIGURES]
    assume(all(figure.value is not None for figure in ours))
    assert [figure.value for figure in ours] == pytest.approx(by_hand(votes, N_LABELS), abs=1e-12)


@given(n_items=st.integers(2, 12), n_votes=st.integers(2, 6), seed=st.integers(0, 10_000))
def test_fleiss_is_statsmodels_where_every_item_has_as_many_votes(
    n_items: int, n_votes: int, seed: int
) -> None:
    """statsmodels takes equal numbers only: given items with unequal numbers it is not a peer."""
    labels = np.random.default_rng(seed).integers(0, N_LABELS, size=(n_items, n_votes))
    assume(np.unique(labels).size > 1)
    table = np.stack([(labels == k).sum(axis=1) for k in range(N_LABELS)], axis=1)
    rows = [(item, place, int(label)) for (item, place), label in np.ndenumerate(labels)]
    found = fleiss_kappa(votes_of(rows), n_labels=N_LABELS, replicates=0)
    assert found.value == pytest.approx(statsmodels_fleiss(table), abs=1e-12)


@pytest.mark.parametrize("figure", FIGURES)
def test_perfect_agreement_is_one_whatever_the_numbers_of_votes(figure: Callable[..., Estimate]) -> None:
    rows = [(item, annotator, item % 3) for item in range(40) for annotator in range(2 + item % 4)]
    found = figure(votes_of(rows), n_labels=N_LABELS)
    assert (found.value, found.low, found.high, found.n) == (1.0, None, None, 40)


def test_one_label_only() -> None:
    votes = votes_of([(item, annotator, 2) for item in range(5) for annotator in range(3)])
    assert percent_agreement(votes, n_labels=3).value == 1.0
    assert gwet_ac1(votes, n_labels=3).value == 1.0
    assert fleiss_kappa(votes, n_labels=3).undefined == "only one label was used"


def test_a_label_set_of_one_label() -> None:
    votes = votes_of([(item, annotator, 0) for item in range(5) for annotator in range(3)])
    assert percent_agreement(votes, n_labels=1).value == 1.0
    assert gwet_ac1(votes, n_labels=1).undefined == "the label set has only one label"
    assert fleiss_kappa(votes, n_labels=1).undefined == "only one label was used"


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no item has two annotations"),
        ([(0, 0, 1), (1, 0, 2)], "no item has two annotations"),
        ([(0, 0, 1), (0, 1, 2), (1, 0, 1)], "only one item has two annotations or more"),
    ],
)
def test_undefined_says_why(
    figure: Callable[..., Estimate], rows: list[tuple[int, int, int]], reason: str
) -> None:
    assert figure(votes_of(rows), n_labels=3).undefined == reason


@pytest.mark.parametrize("figure", FIGURES)
def test_repeats_are_votes_unless_one_is_chosen(figure: Callable[..., Estimate]) -> None:
    votes = votes_of([(0, 0, 1), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 0)])
    ordered = votes.with_columns(order=pl.Series([4, 3, 2, 1, 0]))
    counted, single = (
        figure(ordered, n_labels=2, repeats=repeats, replicates=0).value for repeats in ("count", "first")
    )
    assert counted == pytest.approx(by_hand(votes, 2)[FIGURES.index(figure)])
    assert single == pytest.approx(by_hand(votes[1:], 2)[FIGURES.index(figure)])
    assert figure(ordered.drop("order"), n_labels=2, replicates=0).value == counted
    with pytest.raises(MissingColumn, match="order"):
        figure(votes, n_labels=2, repeats="last")


def test_ac1_takes_k_of_the_label_set() -> None:
    """Labels that nobody used lower the agreement by chance, and so raise AC1; they leave kappa as it is."""
    votes = two_annotators(GWET_TWO_RATERS)
    two, five = (gwet_ac1(votes, n_labels=n).value for n in (2, 5))
    assert two is not None
    assert five is not None
    assert two < five
    assert fleiss_kappa(votes, n_labels=2).value == fleiss_kappa(votes, n_labels=5).value


@pytest.mark.parametrize("figure", FIGURES)
@given(votes=some_votes(), seed=st.integers(0, 99), permutation=st.permutations(range(N_LABELS)))
def test_order_and_names_change_nothing(
    figure: Callable[..., Estimate], votes: pl.DataFrame, seed: int, permutation: list[int]
) -> None:
    before = votes.clone()
    plain = figure(votes, n_labels=N_LABELS, replicates=30)
    shuffled = votes.sample(fraction=1, shuffle=True, seed=seed)
    renamed = shuffled.with_columns(500 - pl.col("item_code"), (pl.col("annotator_code") * 7) % 5001)
    assert figure(renamed, n_labels=N_LABELS, replicates=30) == plain
    relabelled = votes.with_columns(
        pl.col("label_code").replace_strict(range(N_LABELS), permutation, return_dtype=pl.Int64)
    )
    assert figure(relabelled, n_labels=N_LABELS, replicates=0).value == pytest.approx(plain.value, abs=1e-12)
    assert_frame_equal(votes, before)


@pytest.mark.parametrize("figure", FIGURES)
@given(votes=some_votes())
def test_figures_stay_in_their_range(figure: Callable[..., Estimate], votes: pl.DataFrame) -> None:
    found = figure(votes, n_labels=N_LABELS, replicates=50)
    # With unequal numbers of votes the chance term counts items that the observed term leaves out,
    # so Fleiss' kappa is not bounded by -1 from below.
    least = {percent_agreement: 0.0, fleiss_kappa: -math.inf}.get(figure, -1.0)
    for end in (found.value, found.low, found.high):
        assert end is None or least - 1e-12 <= end <= 1 + 1e-12
    assert found.low is None or found.high is None or found.low <= found.high


@pytest.mark.parametrize("figure", FIGURES)
def test_misuse_raises(figure: Callable[..., Estimate]) -> None:
    votes = two_annotators(GWET_TWO_RATERS)
    with pytest.raises(BadOption, match="replicates"):
        figure(votes, n_labels=2, replicates=1.5)
    with pytest.raises(BadOption, match="confidence"):
        figure(votes, n_labels=2, confidence=95)
    with pytest.raises(BadOption, match="repeats"):
        figure(votes, n_labels=2, repeats="none")
    with pytest.raises(BadColumn, match="code 1"):
        figure(votes, n_labels=1)


@pytest.mark.parametrize("figure", FIGURES)
def test_intervals_cover_at_their_rate(figure: Callable[..., Estimate]) -> None:
    """200 crowds of 200 items and 1 to 4 votes; the true figure is that of a crowd of 400,000 items."""

    def crowd(n_items: int, seed: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        item = np.repeat(np.arange(n_items), rng.integers(1, 5, n_items))
        usual = rng.choice(3, p=[0.5, 0.3, 0.2], size=n_items)[item]
        label = np.where(rng.random(item.size) < 0.7, usual, rng.integers(0, 3, item.size))
        return pl.DataFrame({"item_code": item, "annotator_code": np.zeros_like(item), "label_code": label})

    true = figure(crowd(400_000, 0), n_labels=3, replicates=0).value
    assert true is not None
    covered = 0
    for seed in range(1, 201):
        found = figure(crowd(200, seed), n_labels=3, replicates=300, seed=seed)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= true <= found.high
    assert 0.90 <= covered / 200 <= 0.985


@pytest.mark.parametrize("name", [*CROWDS, "convabuse_severity", "multipico_dev_test"])
def test_real_crowds_give_the_reference_figures(datasets: Path, name: str) -> None:
    expected = json.loads((datasets / "reference.json").read_text())[name]
    if name in CROWDS:
        crowd = real_crowd(datasets, name)
        votes, n_labels = crowd.votes, len(crowd.labels)
    else:
        table = pl.read_parquet(datasets / f"{name.split('_', maxsplit=1)[0]}.parquet").with_row_index(
            "order"
        )
        votes = table.select(
            pl.col("item", "annotator", "label").rank("dense").cast(pl.Int64).sub(1).name.suffix("_code"),
            pl.col("order").cast(pl.Int64),
        )
        n_labels = votes.get_column("label_code").n_unique()
    found = percent_agreement(votes, n_labels=n_labels, repeats="last", replicates=0)
    assert found.value == pytest.approx(expected["mean_pairwise_agreement_items_ge2"], abs=5.1e-7)
    if expected["fleiss_kappa"] is not None:
        kappa = fleiss_kappa(votes, n_labels=n_labels, repeats="last", replicates=0)
        assert kappa.value == pytest.approx(expected["fleiss_kappa"], abs=5.1e-7)


@given(votes=some_votes())
def test_each_label_has_the_alpha_of_itself_against_the_rest(votes: pl.DataFrame) -> None:
    frame = label_agreement(votes, n_labels=N_LABELS, replicates=0)
    assert frame.get_column("label_code").to_list() == list(range(N_LABELS))
    for row in frame.iter_rows(named=True):
        label = row["label_code"]
        split = votes.with_columns((pl.col("label_code") == label).cast(pl.Int64))
        expected = alpha(split, level="nominal", n_labels=2, replicates=0)
        assert row["alpha"] == pytest.approx(expected.value, abs=1e-12)
        assert (row["undefined"] is None) == (expected.undefined is None)
        own = votes.filter(pl.col("label_code") == label)
        assert (row["n_votes"], row["n_items"]) == (own.height, own.get_column("item_code").n_unique())
        others = own.with_row_index().join(votes.with_row_index(), on="item_code", suffix="_b")
        met = others.join(
            own.with_row_index("mine").select("mine"), left_on="index", right_on="mine", how="semi"
        )
        same = met.filter(pl.col("label_code") == pl.col("label_code_b")).height - own.height
        possible = met.height - own.height
        assert row["agreement"] == (pytest.approx(same / possible) if possible else None)


def test_label_agreement_says_why_a_label_has_no_alpha() -> None:
    rows = [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0), (2, 0, 1)]
    frame = label_agreement(votes_of(rows), n_labels=3)
    apart = "the items with two annotations do not use both this label and another"
    assert frame.get_column("undefined").to_list() == [apart, apart, "no annotation used this label"]
    all_one = label_agreement(votes_of(rows[:4]), n_labels=2).get_column("undefined").to_list()
    assert all_one == ["every annotation used this label", "no annotation used this label"]
    alone = label_agreement(votes_of(rows[:1]), n_labels=1).get_column("undefined").to_list()
    assert alone == ["no item has two annotations"]
    assert label_agreement(votes_of(rows), n_labels=3).get_column("alpha").null_count() == 3


def test_label_agreement_intervals_are_those_of_alpha() -> None:
    """Two labels: each against the rest is the nominal alpha, with the same resampled items."""
    crowd = votes_of([(i, a, int((i * 7 + a * a * i) % 5 < 2)) for i in range(60) for a in range(3)])
    whole = alpha(crowd, level="nominal", n_labels=2, replicates=500, seed=4)
    frame = label_agreement(crowd, n_labels=2, replicates=500, seed=4)
    assert whole.value is not None
    for row in frame.iter_rows(named=True):
        assert (row["alpha"], row["low"], row["high"]) == pytest.approx((whole.value, whole.low, whole.high))


@given(votes=some_votes())
def test_confused_labels_are_counted_pair_by_pair(votes: pl.DataFrame) -> None:
    expected: dict[tuple[int, int], int] = {}
    for _, labels in votes.group_by("item_code").agg("label_code").iter_rows():
        for a, b in itertools.combinations(sorted(labels), 2):
            if a != b:
                expected[a, b] = expected.get((a, b), 0) + 1
    frame = label_confusion(votes, n_labels=N_LABELS)
    found = {(a, b): n for a, b, n, _ in frame.iter_rows()}
    assert found == expected
    assert list(found) == sorted(found)
    assert frame.is_empty() or frame.get_column("share").sum() == pytest.approx(1.0)


def test_wide_label_sets_give_the_same_figures() -> None:
    """900 items by 60,000 labels is kept sparse."""
    rng = np.random.default_rng(2)
    item = np.repeat(np.arange(900), 3)
    label = np.where(rng.random(2700) < 0.6, item % 7, rng.integers(0, 7, 2700))
    votes = pl.DataFrame({"item_code": item, "annotator_code": np.tile([0, 1, 2], 900), "label_code": label})
    for figure in (percent_agreement, fleiss_kappa):
        narrow, wide = (figure(votes, n_labels=n, replicates=20) for n in (7, 60_000))
        assert wide.value == pytest.approx(narrow.value, abs=1e-12)
    assert gwet_ac1(votes, n_labels=60_000, replicates=0).value == pytest.approx(
        by_hand(votes, 60_000)[2], abs=1e-12
    )
    assert_frame_equal(label_confusion(votes, n_labels=7), label_confusion(votes, n_labels=60_000))
    narrow_labels, wide_labels = (label_agreement(votes, n_labels=n, replicates=0) for n in (7, 60_000))
    assert_frame_equal(narrow_labels, wide_labels.head(7))
