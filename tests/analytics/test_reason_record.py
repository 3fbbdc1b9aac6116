from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.reason_record import jeffreys, reason_record, shown

REASONS = ("split_vote", "low_posterior", "weak_annotator")


def decided(**counts: tuple[int, int, int]) -> pl.DataFrame:
    """Accepted, rejected and unseen decisions of each reason, in this order of time."""
    rows = [
        (reason, decision)
        for reason, numbers in counts.items()
        for decision, n in zip(("accepted", "rejected", "not seen"), numbers, strict=True)
        for _ in range(n)
    ]
    frame = pl.DataFrame(rows, schema={"reason": pl.String, "decision": pl.String}, orient="row")
    return frame.with_row_index("order").with_columns(pl.col("order").cast(pl.Int64))


@pytest.mark.parametrize(("accepted", "rejected"), [(3, 7), (1, 49), (200, 31), (9, 1)])
def test_the_interval_is_statsmodels(accepted: int, rejected: int) -> None:
    share = jeffreys(accepted, rejected, confidence=0.9)
    expected = proportion_confint(accepted, accepted + rejected, alpha=0.1, method="jeffreys")
    assert (share.low, share.high) == pytest.approx(expected)
    assert (share.value, share.n) == (accepted / (accepted + rejected), accepted + rejected)


def test_its_ends_are_those_of_the_scale_where_decisions_are_of_one_kind() -> None:
    assert jeffreys(0, 5).low == 0.0
    assert jeffreys(5, 0).high == 1.0
    assert jeffreys(0, 0).undefined == "nobody has decided on it"


def test_a_record_by_hand() -> None:
    record = reason_record(decided(split_vote=(2, 58, 9), low_posterior=(30, 10, 0)), reasons=REASONS)
    assert record.get_column("reason").to_list() == list(REASONS)
    first, second, third = record.rows(named=True)
    assert (first["n_accepted"], first["n_rejected"], first["n_not_seen"], first["n_decisions"]) == (
        2,
        58,
        9,
        60,
    )
    assert first["precision"] == pytest.approx(2 / 60)
    assert first["high"] == pytest.approx(jeffreys(2, 58).high)
    assert first["is_retired"]
    assert second["precision"] == 0.75
    assert not second["is_retired"]
    assert (third["precision"], third["low"], third["is_retired"]) == (None, None, False)
    assert third["undefined"] == "nobody has decided on it"


def test_what_nobody_saw_is_no_decision_and_49_are_too_few() -> None:
    few = reason_record(decided(split_vote=(0, 49, 500)), reasons=REASONS)
    assert few.get_column("is_retired").to_list() == [False, False, False]
    enough = reason_record(decided(split_vote=(0, 50, 0)), reasons=REASONS)
    assert enough.get_column("is_retired").to_list() == [True, False, False]


def test_it_is_the_upper_bound_that_has_to_be_under_the_limit() -> None:
    """5 of 50 is 0.10, up to 0.207; 5 of 52 up to 0.1997."""
    assert not reason_record(decided(split_vote=(5, 45, 0)), reasons=REASONS).row(0, named=True)["is_retired"]
    assert reason_record(decided(split_vote=(5, 47, 0)), reasons=REASONS).row(0, named=True)["is_retired"]
    assert not reason_record(decided(split_vote=(5, 47, 0)), reasons=REASONS, limit=0.1).row(0, named=True)[
        "is_retired"
    ]


def test_a_reason_that_has_become_better_returns() -> None:
    old, new = decided(split_vote=(0, 400, 0)), decided(split_vote=(45, 15, 0))
    both = pl.concat([old, new.with_columns(pl.col("order") + 1000)])
    assert reason_record(both, reasons=REASONS).row(0, named=True)["is_retired"]
    recent = reason_record(both.sample(fraction=1, shuffle=True, seed=1), reasons=REASONS, last=100)
    row = recent.row(0, named=True)
    assert (row["n_accepted"], row["n_rejected"], row["is_retired"]) == (45, 55, False)


def test_a_twentieth_of_a_retired_reasons_flags_is_shown() -> None:
    items = np.arange(200_000)
    some = shown(items, "split_vote", is_retired=True, seed=7)
    assert some.mean() == pytest.approx(0.05, abs=0.002)
    by_hundred = some.reshape(200, 1000).sum(axis=1)
    assert by_hundred.var() == pytest.approx(1000 * 0.05 * 0.95, rel=0.35)
    assert shown(items, "split_vote", is_retired=False, seed=7).all()


def test_a_flag_is_shown_or_not_whoever_else_is_asked_about() -> None:
    items = np.arange(5000)
    some = shown(items, "split_vote", is_retired=True, seed=7)
    order = np.random.default_rng(0).permutation(5000)[:1000]
    assert (shown(order, "split_vote", is_retired=True, seed=7) == some[order]).all()
    for other in (
        shown(items, "split_vote", is_retired=True, seed=8),
        shown(items, "low_posterior", is_retired=True, seed=7),
    ):
        assert (other & some).mean() < 0.01
    assert not shown(items, "split_vote", is_retired=True, seed=7, share=0.0).any()
    assert shown(items, "split_vote", is_retired=True, seed=7, share=1.0).all()
    assert (shown(items, "split_vote", is_retired=True, seed=7, share=0.2) >= some).all()


def test_no_decisions_and_wrong_use() -> None:
    none = reason_record(decided(), reasons=REASONS)
    assert none.height == 3
    assert none.schema == reason_record(decided(split_vote=(1, 1, 1)), reasons=REASONS).schema
    good = decided(split_vote=(1, 1, 1))
    with pytest.raises(MissingColumn, match="decision"):
        reason_record(good.drop("decision"), reasons=REASONS)
    with pytest.raises(MissingColumn, match="order"):
        reason_record(good.drop("order"), reasons=REASONS, last=60)
    with pytest.raises(BadColumn, match="'maybe'"):
        reason_record(good.with_columns(decision=pl.lit("maybe")), reasons=REASONS)
    with pytest.raises(BadColumn, match="'split_vote'"):
        reason_record(good, reasons=("low_posterior",))
    with pytest.raises(BadColumn, match="None"):
        reason_record(good.with_columns(reason=pl.lit(None, dtype=pl.String)), reasons=REASONS)
    with pytest.raises(BadOption, match="last"):
        reason_record(good, reasons=REASONS, last=10)
    with pytest.raises(BadOption, match="limit"):
        reason_record(good, reasons=REASONS, limit=20)
    with pytest.raises(BadOption, match="min_n"):
        reason_record(good, reasons=REASONS, min_n=0)
    with pytest.raises(BadOption, match="reasons"):
        reason_record(good, reasons=("split_vote", "split_vote"))
    with pytest.raises(BadOption, match="share"):
        shown(np.arange(3), "split_vote", is_retired=True, seed=0, share=5)
    with pytest.raises(BadOption, match="accepted"):
        jeffreys(-1, 3)
