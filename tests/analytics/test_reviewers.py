"""Leniency and self-approval: by hand, on planted reviewers, and where only the annotators differ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.reviewers import leniency, self_approval

HAND = [
    # reviewer, annotator, n reviews, of which accepted
    (10, 1, 10, 9),
    (10, 2, 10, 5),
    (11, 1, 10, 6),
    (11, 2, 20, 4),
    (12, 1, 10, 8),
]


def table(rows: list[tuple[int, int, int, int]]) -> pl.DataFrame:
    """Reviews of one item each."""
    parts, item = [], 0
    for reviewer, annotator, n, accepted in rows:
        parts.append(
            pl.DataFrame(
                {
                    "reviewer_code": [reviewer] * n,
                    "annotator_code": [annotator] * n,
                    "item_code": range(item, item + n),
                    "accepted": [True] * accepted + [False] * (n - accepted),
                }
            )
        )
        item += n
    return pl.concat(parts)


def crowd(
    lean: dict[int, float], quality: list[float], *, seed: int, n_items: int = 400, skewed: bool = False
) -> pl.DataFrame:
    """Four reviewers, each on items of their own, three annotators an item; `lean` is added to the chance of acceptance.

    `skewed`: reviewers 100 and 101 get the worse half of the annotators three times as often.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for place, reviewer in enumerate(range(100, 104)):
        items = np.repeat(np.arange(n_items) + place * n_items, 3)
        weights = np.ones(len(quality))
        if skewed and place < 2:
            weights[np.argsort(quality)[: len(quality) // 2]] = 3
        annotators = rng.choice(len(quality), size=items.size, p=weights / weights.sum())
        chance = np.clip(np.array(quality)[annotators] + lean.get(reviewer, 0.0), 0, 1)
        parts.append(
            pl.DataFrame({"item_code": items, "annotator_code": annotators, "accepted": rng.random(items.size) < chance})
            .with_columns(reviewer_code=pl.lit(reviewer))
        )  # fmt: skip
    return pl.concat(parts).unique(["reviewer_code", "item_code", "annotator_code"], maintain_order=True)


def test_by_hand() -> None:
    found = leniency(table(HAND), min_n=5).rows_by_key("reviewer_code", named=True, unique=True)
    # Reviewer 10: of annotator 1 the others accepted 14 of 20, of annotator 2 they accepted 4 of 20.
    assert found[10]["acceptance"] == pytest.approx(14 / 20)
    assert found[10]["expected"] == pytest.approx((10 * 14 / 20 + 10 * 4 / 20) / 20)
    assert found[10]["leniency"] == pytest.approx((14 - 7 - 2) / 20)
    # Reviewer 11: annotator 1 17 of 20, annotator 2 5 of 10.
    assert found[11]["leniency"] == pytest.approx((10 - 8.5 - 10) / 30)
    # Reviewer 12: annotator 1 15 of 20.
    assert found[12]["leniency"] == pytest.approx(0.05)
    assert found[10]["leniency_low"] < 0.25 < found[10]["leniency_high"]
    assert found[10]["n_compared"] == 20
    # Wilson (1927) for 14 of 20
    assert found[10]["low"] == pytest.approx(0.4810, abs=1e-4)
    assert found[10]["high"] == pytest.approx(0.8545, abs=1e-4)


def test_a_lenient_reviewer_is_found_and_by_how_much() -> None:
    quality = [0.5, 0.6, 0.7, 0.8]
    found = leniency(crowd({102: 0.15}, quality, seed=3))
    row = found.filter(pl.col("reviewer_code") == 102).row(0, named=True)
    assert row["leniency_low"] < 0.15 < row["leniency_high"]
    assert row["leniency"] == pytest.approx(0.15, abs=0.04)
    assert found.filter((pl.col("p_adjusted") < 0.01) & (pl.col("leniency") > 0))[
        "reviewer_code"
    ].to_list() == [102]


def test_whose_work_one_judges_is_no_leniency() -> None:
    """Annotators differ much, reviewers not at all, and two reviewers get the worse annotators."""
    alarms, plain = 0, np.zeros(4)
    for seed in range(40):
        reviews = crowd({}, [0.3, 0.4, 0.9, 0.95], seed=seed, n_items=60, skewed=True)
        found = leniency(reviews, replicates=200)
        plain += found["acceptance"].to_numpy() / 40
        alarms += (found["p_adjusted"] < 0.05).any()
    assert max(plain[:2]) < min(plain[2:]) - 0.1  # what a plain share would have said
    assert alarms <= 6  # 5 % of 40 families is 2; 6 or fewer in 99.4 % of cases


def test_intervals_cover_as_often_as_they_say() -> None:
    """Reviewer 100 is more lenient by 0.1; the others are alike, so that is their leniency."""
    inside = 0
    for seed in range(100):
        row = leniency(
            crowd({100: 0.1}, [0.5, 0.6, 0.7], seed=seed, n_items=60), replicates=200, seed=seed
        ).row(0, named=True)
        inside += row["leniency_low"] <= 0.1 <= row["leniency_high"]
    assert 88 <= inside <= 99


def test_one_decision_on_many_labels_is_one_item() -> None:
    """Ten labels of an item are all accepted or none: the interval knows that they are not ten reviews apart."""
    rng = np.random.default_rng(0)
    items = np.repeat(np.arange(120), 10)
    accepted = np.repeat(rng.random(120) < 0.6, 10)
    together = pl.DataFrame(
        {"item_code": items, "annotator_code": np.tile(np.arange(10), 120), "accepted": accepted,
         "reviewer_code": 100 + items % 2}
    )  # fmt: skip
    apart = together.with_columns(item_code=pl.int_range(pl.len()))
    widths = [
        (found["leniency_high"] - found["leniency_low"])[0] for found in (leniency(together), leniency(apart))
    ]
    assert widths[0] > 2 * widths[1]
    plain = [(found["high"] - found["low"])[0] for found in (leniency(together), leniency(apart))]
    assert plain[0] > 2 * plain[1]


def test_an_own_label_judged_twice_is_one_item() -> None:
    own = table([(10, 10, 12, 12)])
    twice = pl.concat([own, own])
    row = self_approval(twice, min_n=20).row(0, named=True)
    assert (row["n_own"], row["n_own_items"], row["share"]) == (24, 12, None)


def test_stages_are_compared_apart() -> None:
    """A reviewer of hard cases only has nobody to be compared with, and looks strict where stages are thrown together."""
    first = table([(10, 1, 30, 27), (11, 1, 30, 27)]).with_columns(stage_code=pl.lit(0))
    second = table([(12, 1, 30, 9)]).with_columns(stage_code=pl.lit(1), item_code=pl.col("item_code") + 100)
    both = pl.concat([first, second])
    apart = leniency(both).row(2, named=True)
    assert apart["leniency"] is None
    assert "others reviewed the same annotators on too few items" in apart["undefined"]
    assert leniency(both.drop("stage_code")).row(2, named=True)["leniency"] == pytest.approx(-0.6)


def test_too_few_reviews_say_nothing() -> None:
    found = leniency(table([(10, 1, 19, 19), (11, 1, 40, 20)]))
    row = found.row(0, named=True)
    assert (row["leniency"], row["p_adjusted"], row["leniency_low"]) == (None, None, None)
    assert row["undefined"] == "fewer than 20 items were reviewed"
    assert row["acceptance"] == 1.0
    assert found.row(1, named=True)["undefined"] is None


def test_own_labels_are_apart_from_leniency() -> None:
    own = table([(10, 10, 20, 19), (11, 10, 10, 4), (12, 12, 3, 3)])
    found = self_approval(own)
    row = found.row(0, named=True)
    assert (row["n_own"], row["n_accepted"], row["share"]) == (20, 19, 0.95)
    assert (row["n_by_others"], row["share_by_others"]) == (10, None)
    assert self_approval(own, min_n=10)["share_by_others"].to_list()[0] == 0.4
    assert row["low"] == pytest.approx(0.7639, abs=1e-4)  # Wilson (1927) for 19 of 20
    assert (row["others_low"], row["undefined"]) == (None, None)
    few = found.row(1, named=True)
    assert (few["n_own"], few["n_accepted"], few["share"], few["low"]) == (3, 3, None, None)
    assert few["undefined"] == "fewer than 20 items with an own label were reviewed"
    assert few["share_by_others"] is None
    assert self_approval(own, min_n=3)["share"].to_list() == [0.95, 1.0]
    assert leniency(own)["reviewer_code"].to_list() == [11]


def test_order_and_names_change_nothing() -> None:
    reviews = crowd({101: 0.1}, [0.5, 0.7], seed=5, n_items=50)
    mixed = reviews.sample(fraction=1, shuffle=True, seed=1)
    assert_frame_equal(leniency(reviews), leniency(mixed))
    renamed = reviews.with_columns(pl.col("annotator_code") + 7)
    assert_frame_equal(leniency(reviews), leniency(renamed))


def test_without_reviews_there_is_no_row() -> None:
    empty = table([(10, 1, 1, 1)]).clear()
    assert leniency(empty).is_empty()
    assert self_approval(empty).is_empty()
    assert leniency(empty).columns == leniency(table(HAND)).columns


def test_without_replicates_there_is_neither_interval_nor_test() -> None:
    row = leniency(table(HAND), min_n=5, replicates=0).row(0, named=True)
    assert (row["leniency"], row["leniency_low"], row["p_value"]) == (pytest.approx(0.25), None, None)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda frame: frame.drop("accepted"), MissingColumn),
        (lambda frame: frame.drop("reviewer_code"), MissingColumn),
        (lambda frame: frame.with_columns(accepted=pl.lit(1)), BadColumn),
        (lambda frame: frame.with_columns(stage_code=pl.lit(-1)), BadColumn),
    ],
)
def test_what_breaks_the_contract_is_refused(
    change: Callable[[pl.DataFrame], pl.DataFrame], error: type[Exception]
) -> None:
    with pytest.raises(error):
        leniency(change(table(HAND)))


@pytest.mark.parametrize("figure", [leniency, self_approval])
def test_a_minimum_of_none_is_refused(figure: Callable[..., pl.DataFrame]) -> None:
    with pytest.raises(BadOption, match="min_n"):
        figure(table(HAND), min_n=0)
