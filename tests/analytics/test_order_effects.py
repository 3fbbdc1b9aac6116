"""Order, tiredness, haste and the pull of the label before: planted ones found, none reported without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.order_effects import (
    DISAGREES,
    FIVE_BEFORE,
    GOLD_ERROR,
    HOURS,
    NO_GOLD,
    NO_SECONDS,
    POSITION,
    PREVIOUS,
    SAME_AGAIN,
    SAME_ORDER,
    SECONDS,
    order_effects,
)  # fmt: skip
from analytics.sequence import previous_label_pulls
from analytics.sessions import COARSE_TIMES, NO_TIMES, in_sessions
from analytics.two_way import two_way
from analytics.within_annotator import MIN_ANNOTATORS, slope_of_sums, slope_within

STARTS = datetime(2026, 3, 2, 9, tzinfo=UTC)


def crowd(
    *,
    n_annotators: int = 20,
    n_items: int = 150,
    tired: float = 0.0,
    haste: float = 0.0,
    same: float = 0.0,
    shuffled: bool = True,
    n_labels: int = 2,
    sorted_items: bool = False,
    liking: float = 0.0,
    seed: int = 0,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Everybody labels all items in one sitting, each in an order of their own.

    Errors: 0.15, more on hard items (which take longer), `tired` more per 100 answers, `haste` less per doubling of time;
    `same`: how often the label before is given again whatever the item is; `liking`: how far annotators like a label.
    """
    rng = np.random.default_rng(seed)
    gold = np.sort(rng.integers(0, n_labels, n_items)) if sorted_items else rng.integers(0, n_labels, n_items)
    hard = rng.random(n_items)
    parts = []
    for annotator in range(n_annotators):
        items = rng.permutation(n_items) if shuffled else np.arange(n_items)
        doubling = rng.normal(0, 1, n_items)
        seconds = 8 * 2 ** (doubling + hard[items])
        chance = (
            0.05
            + 0.2 * hard[items]
            + 0.1 * (annotator % 3) / 2
            + tired * np.arange(n_items) / 100
            - haste * doubling
        )
        wrong = rng.random(n_items) < chance.clip(0, 1)
        given = np.where(wrong, (gold[items] + rng.integers(1, n_labels, n_items)) % n_labels, gold[items])
        given = np.where(rng.random(n_items) < liking, annotator % n_labels, given)
        repeat = rng.random(n_items) < same
        for place in range(1, n_items):
            if repeat[place]:
                given[place] = given[place - 1]
        parts.append(
            pl.DataFrame(
                {
                    "item_code": items,
                    "annotator_code": [annotator] * n_items,
                    "label_code": given,
                    "at": [STARTS + timedelta(seconds=float(s)) for s in np.cumsum(seconds)],
                    "active_seconds": seconds,
                }
            )
        )
    votes = pl.concat(parts).with_row_index("order").with_columns(pl.col("order").cast(pl.Int64))
    return votes, pl.DataFrame({"item_code": np.arange(n_items), "label_code": gold})


def row(table: pl.DataFrame, outcome: str, factor: str) -> dict[str, object]:
    """The row of an outcome and a factor."""
    return table.filter((pl.col("outcome") == outcome) & (pl.col("factor") == factor)).row(0, named=True)


def test_within_two_groupings_is_least_squares_with_dummies() -> None:
    rng = np.random.default_rng(1)
    annotator, item = rng.integers(0, 12, 300), rng.integers(0, 40, 300)
    x = rng.normal(size=300) + annotator
    y = 0.7 * x + item + rng.normal(size=300)
    dummies = np.column_stack([x, np.eye(12)[annotator], np.eye(40)[item]])
    truth = np.linalg.lstsq(dummies, y, rcond=None)[0][0]
    terms = two_way(annotator, item)
    left = terms.residuals(x)
    found = slope_within(left, terms.residuals(y), annotator, unchanging="")
    assert found.estimate.value == pytest.approx(truth, abs=1e-8)
    assert found.p_value is not None
    assert found.p_value < 1e-5
    wider = found.interval(0.99)
    assert wider is not None
    assert wider[0] < (found.estimate.low or 0)


def test_few_annotators_are_described_without_an_interval() -> None:
    ones = np.ones(MIN_ANNOTATORS - 1)
    found = slope_of_sums(ones * 0.5, ones, n=90, unchanging="")
    assert (found.estimate.value, found.estimate.low, found.p_value) == (0.5, None, None)
    assert (
        slope_of_sums(ones, ones * 0, n=9, unchanging="nothing varies").estimate.undefined == "nothing varies"
    )


def test_tiredness_is_found_as_large_as_it_was_planted() -> None:
    votes, gold = crowd(tired=0.2, seed=2)
    table = order_effects(votes, n_labels=2, gold=gold).table
    on_gold = row(table, GOLD_ERROR, POSITION)
    assert on_gold["is_picked"]
    assert on_gold["value"] == pytest.approx(0.2, abs=0.07)
    assert row(table, DISAGREES, POSITION)["is_picked"]
    assert row(table, GOLD_ERROR, HOURS)["is_picked"]
    assert abs(float(str(row(table, GOLD_ERROR, SECONDS)["value"]))) < 0.03


def test_haste_is_found_and_hard_items_are_not_taken_for_it() -> None:
    votes, gold = crowd(haste=0.06, seed=3)
    hasty = row(order_effects(votes, n_labels=2, gold=gold).table, GOLD_ERROR, SECONDS)
    assert hasty["is_picked"]
    assert hasty["value"] == pytest.approx(-0.06, abs=0.03)
    # Hard items take longer and are got wrong more often: without the item that would be an effect of time taken.
    plain, gold = crowd(seed=4, n_items=400)
    assert not row(order_effects(plain, n_labels=2, gold=gold).table, GOLD_ERROR, SECONDS)["is_picked"]


def test_without_effects_few_tables_report_one() -> None:
    with_findings, tested, covered = 0, 0, 0
    for seed in range(40):
        votes, gold = crowd(n_items=60, n_annotators=14, seed=100 + seed, liking=0.1)
        table = order_effects(votes, n_labels=2, gold=gold, replicates=400).table
        with_findings += bool(table["is_picked"].any())
        known = table.filter(pl.col("low").is_not_null() & (pl.col("factor") != FIVE_BEFORE))
        covered += known.filter((pl.col("low") <= 0) & (pl.col("high") >= 0)).height
        tested += known.height
    assert with_findings <= 5
    assert covered / tested >= 0.93


def test_the_same_order_for_all_is_no_evidence_of_tiredness() -> None:
    votes, gold = crowd(shuffled=False, seed=5)
    found = row(order_effects(votes, n_labels=2, gold=gold).table, GOLD_ERROR, POSITION)
    assert found["undefined"] == SAME_ORDER
    assert found["value"] is None


@pytest.mark.parametrize("n_labels", [2, 4])
def test_the_label_before_pulls_where_it_was_planted(n_labels: int) -> None:
    votes, gold = crowd(same=0.15, n_labels=n_labels, seed=6)
    table = order_effects(votes, n_labels=n_labels, gold=gold).table
    found = row(table, SAME_AGAIN, PREVIOUS)
    assert found["is_picked"]
    assert found["value"] == pytest.approx(0.15, abs=0.06)
    assert abs(float(str(row(table, SAME_AGAIN, FIVE_BEFORE)["value"]))) < 0.05


@pytest.mark.parametrize("n_items", [8, 40])
def test_short_sequences_liked_labels_and_sorted_items_are_no_pull(n_items: int) -> None:
    """Without what is put back the slope would be about -1/T here: below -0.1 for 8 answers."""
    values = []
    for seed in range(60):
        votes, _ = crowd(
            n_items=n_items, sorted_items=True, shuffled=seed % 2 == 0, liking=0.3, seed=200 + seed
        )
        value = previous_label_pulls(in_sessions(votes), n_labels=2, replicates=0)[0].estimate.value
        assert value is not None
        values.append(value)
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error + 0.004


def test_sittings_end_at_a_pause_and_begin_anew() -> None:
    at = [STARTS + timedelta(minutes=m) for m in (0, 5, 50, 52)]
    votes = pl.DataFrame({"item_code": range(4), "annotator_code": [0] * 4, "label_code": [0] * 4, "at": at})
    other = votes.with_columns(annotator_code=pl.lit(1, dtype=pl.Int64))
    found = in_sessions(pl.concat([other, votes.reverse()]))
    assert found["annotator_code"].to_list() == [0] * 4 + [1] * 4
    assert found["position"].to_list() == [0, 1, 0, 1] * 2
    assert found["session"].n_unique() == 4
    assert found["session_hours"].to_list()[1] == pytest.approx(5 / 60)


def test_no_times_and_coarse_times_are_said() -> None:
    votes, gold = crowd(n_items=20, n_annotators=3, seed=7)
    none = votes.with_columns(
        at=pl.lit(None, dtype=pl.Datetime("us", "UTC")), active_seconds=pl.lit(None, dtype=pl.Float64)
    )
    table = order_effects(none, n_labels=2, gold=gold).table
    assert set(table["undefined"]) == {NO_TIMES, NO_SECONDS}
    coarse = votes.with_columns(at=pl.lit(STARTS))
    assert row(order_effects(coarse, n_labels=2).table, DISAGREES, POSITION)["undefined"] == COARSE_TIMES
    assert row(order_effects(votes, n_labels=2).table, GOLD_ERROR, POSITION)["undefined"] == NO_GOLD
    empty = order_effects(votes.clear(), n_labels=2)
    assert empty.table["value"].null_count() == empty.table.height
    assert empty.curves.is_empty()


def test_answers_without_a_moment_count_where_none_is_needed() -> None:
    votes, gold = crowd(n_items=60, haste=0.08, seed=12)
    some = votes.with_columns(at=pl.when(pl.col("annotator_code") >= 5).then("at"))
    table, whole = (order_effects(one, n_labels=2, gold=gold).table for one in (some, votes))
    assert row(table, GOLD_ERROR, POSITION)["n"] == 15 * 60
    assert row(table, GOLD_ERROR, SECONDS)["n"] == 20 * 60
    found, known = (row(one, GOLD_ERROR, SECONDS)["value"] for one in (table, whole))
    assert found == pytest.approx(known)
    own = order_effects(votes.filter(pl.col("annotator_code") >= 5), n_labels=2, gold=gold).table
    assert row(table, GOLD_ERROR, POSITION)["value"] == pytest.approx(row(own, GOLD_ERROR, POSITION)["value"])


def test_idle_times_are_unknown() -> None:
    votes, gold = crowd(n_items=60, seed=8)
    idle = votes.with_columns(
        active_seconds=pl.when(pl.col("order") % 7 == 0).then(50_000.0).otherwise("active_seconds")
    )
    found = row(order_effects(idle, n_labels=2, gold=gold).table, GOLD_ERROR, SECONDS)
    assert found["n"] == idle.filter(pl.col("active_seconds") < 600).height


def test_the_curve_is_of_every_answer() -> None:
    votes, gold = crowd(tired=0.3, seed=9)
    curves = order_effects(votes, n_labels=2, gold=gold).curves
    on_gold = curves.filter((pl.col("outcome") == GOLD_ERROR) & (pl.col("factor") == POSITION))
    assert on_gold["n"].sum() == votes.height
    assert on_gold["value"][-1] > on_gold["value"][0] + 0.15


def test_the_order_of_rows_changes_nothing() -> None:
    votes, gold = crowd(n_items=40, seed=10)
    one = order_effects(votes, n_labels=2, gold=gold)
    other = order_effects(votes.sample(fraction=1, shuffle=True, seed=3), n_labels=2, gold=gold)
    assert_frame_equal(one.table, other.table)
    assert_frame_equal(one.curves, other.curves)


def test_what_cannot_be_is_refused() -> None:
    votes, _ = crowd(n_items=5, n_annotators=2)
    with pytest.raises(MissingColumn, match="'at'"):
        order_effects(votes.drop("at"), n_labels=2)
    with pytest.raises(MissingColumn, match="active_seconds"):
        order_effects(votes.drop("active_seconds"), n_labels=2)
    with pytest.raises(BadColumn, match="moments"):
        order_effects(votes.with_columns(at=pl.lit(3)), n_labels=2)
    with pytest.raises(BadOption, match="idle_seconds"):
        order_effects(votes, n_labels=2, idle_seconds=0)
    with pytest.raises(BadOption, match="gap_minutes"):
        order_effects(votes, n_labels=2, gap_minutes=-1)
    with pytest.raises(BadOption, match="q="):
        order_effects(votes, n_labels=2, q=0)
