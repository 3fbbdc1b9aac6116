from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.synthetic import (
    Crowd,
    Drift,
    Floats,
    confusing,
    draw_labels,
    draw_votes,
    good,
    mistaking,
    simulate,
    spammer,
    straight_liner,
)

MIXED = np.stack(
    [good(4, 0.9), good(4, 0.6), spammer(4), straight_liner(4, 2), confusing(good(4, 0.95), 0, 1, 0.4)]
)


def observed(crowd: Crowd, votes: pl.DataFrame | None = None) -> tuple[Floats, Floats]:
    """(A, K, K) counts of true label by label given, and the number of votes in each row."""
    joined = (crowd.votes if votes is None else votes).join(
        crowd.truth.rename({"label_code": "true_code"}), on="item_code"
    )
    counts = np.zeros(crowd.confusion.shape)
    cells = (joined[name].to_numpy() for name in ("annotator_code", "true_code", "label_code"))
    np.add.at(counts, tuple(cells), 1.0)
    return counts, counts.sum(axis=2)


def assert_drawn_from(counts: Floats, totals: Floats, panel: Floats) -> None:
    """Every cell lies within five standard errors of its chance; impossible cells are empty."""
    shares = counts / totals[..., None]
    errors = np.sqrt(panel * (1.0 - panel) / totals[..., None])
    assert (abs(shares - panel) <= 5.0 * errors + 1e-12).all()


def test_votes_recover_the_confusion_they_were_drawn_from() -> None:
    crowd = simulate(n_items=40_000, n_annotators=5, n_labels=4, votes_per_item=3, confusion=MIXED, seed=4)
    counts, totals = observed(crowd)
    assert totals.min() > 4_000
    assert_drawn_from(counts, totals, MIXED)


def test_after_a_drift_the_other_confusion_holds() -> None:
    drift = Drift(annotators=(1, 3), at_share=0.25, after=spammer(4))
    crowd = simulate(
        n_items=40_000, n_annotators=5, n_labels=4, votes_per_item=3, confusion=MIXED, drift=drift, seed=4
    )
    assert crowd.changed_at == datetime(2026, 1, 12, tzinfo=UTC)
    early = crowd.votes.filter(pl.col("at") < crowd.changed_at)
    late = crowd.votes.filter(pl.col("at") >= crowd.changed_at)
    assert early.height == pytest.approx(30_000, rel=0.03)
    assert_drawn_from(*observed(crowd, early), crowd.confusion)
    assert_drawn_from(*observed(crowd, late), crowd.confusion_after)
    assert (crowd.confusion_after[[1, 3]] == 0.25).all()
    assert (crowd.confusion_after[[0, 2, 4]] == MIXED[[0, 2, 4]]).all()


def test_without_a_drift_nothing_changes() -> None:
    crowd = simulate(n_items=5, n_annotators=3, n_labels=2, votes_per_item=2, seed=1)
    assert crowd.changed_at is None
    assert (crowd.confusion_after == crowd.confusion).all()


def test_same_seed_same_crowd_and_another_seed_another() -> None:
    def make(seed: int) -> Crowd:
        return simulate(
            n_items=200, n_annotators=7, n_labels=3, votes_per_item=(2, 5), repeat_share=0.1, seed=seed
        )

    first, again, other = make(11), make(11), make(12)
    assert first.votes.equals(again.votes)
    assert first.truth.equals(again.truth)
    assert not first.votes.equals(other.votes)


def test_the_frame_is_what_the_contract_says() -> None:
    starts_at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    crowd = simulate(
        n_items=300,
        n_annotators=6,
        n_labels=3,
        votes_per_item=4,
        seed=2,
        starts_at=starts_at,
        lasts=timedelta(hours=5),
    )
    assert crowd.votes.schema == {
        "item_code": pl.Int64,
        "annotator_code": pl.Int64,
        "label_code": pl.Int64,
        "at": pl.Datetime("us", "UTC"),
        "active_seconds": pl.Float64,
        "order": pl.Int64,
    }
    assert crowd.votes["order"].to_list() == list(range(1200))
    assert crowd.votes["at"].is_sorted()
    assert crowd.votes["at"].is_between(pl.lit(starts_at), pl.lit(starts_at + timedelta(hours=5))).all()
    assert crowd.votes["active_seconds"].min() > 0  # type: ignore[operator]  # a column of numbers
    assert crowd.truth["item_code"].to_list() == list(range(300))


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(), n_items=st.integers(1, 40), n_annotators=st.integers(1, 9), seed=st.integers(0, 2**32 - 1)
)
def test_an_item_gets_as_many_different_annotators_as_asked(
    data: st.DataObject, n_items: int, n_annotators: int, seed: int
) -> None:
    low = data.draw(st.integers(1, n_annotators))
    high = data.draw(st.integers(low, n_annotators))
    crowd = simulate(
        n_items=n_items, n_annotators=n_annotators, n_labels=3, votes_per_item=(low, high), seed=seed
    )
    per_item = crowd.votes.group_by("item_code").agg(
        n=pl.len(), different=pl.col("annotator_code").n_unique()
    )
    assert per_item.height == n_items
    assert (per_item["n"] == per_item["different"]).all()
    assert per_item["n"].is_between(low, high).all()
    assert crowd.votes["annotator_code"].is_between(0, n_annotators - 1).all()
    assert crowd.votes["label_code"].is_between(0, 2).all()


def test_annotators_share_the_work_evenly_and_so_do_the_numbers_of_votes() -> None:
    crowd = simulate(n_items=30_000, n_annotators=10, n_labels=2, votes_per_item=(2, 4), seed=8)
    loads = crowd.votes.group_by("annotator_code").len()["len"]
    assert loads.to_list() == pytest.approx([9_000] * 10, rel=0.05)
    sizes = crowd.votes.group_by("item_code").len()["len"].value_counts()
    assert sizes["count"].to_list() == pytest.approx([10_000] * 3, rel=0.05)
    pairs = crowd.votes.join(crowd.votes, on="item_code").filter(
        pl.col("annotator_code") < pl.col("annotator_code_right")
    )
    met = pairs.group_by("annotator_code", "annotator_code_right").len()["len"].to_list()
    assert met == pytest.approx([sum(met) / 45] * 45, rel=0.12)


def test_repeats_are_second_answers_of_the_same_annotator() -> None:
    crowd = simulate(n_items=1_000, n_annotators=8, n_labels=3, votes_per_item=3, repeat_share=0.1, seed=5)
    pairs = crowd.votes.group_by("item_code", "annotator_code").len()
    assert crowd.votes.height == 3_300
    assert pairs["len"].value_counts().sort("len").rows() == [(1, 2_700), (2, 300)]


def test_true_labels_follow_their_weights_and_skills_their_annotators() -> None:
    crowd = simulate(
        n_items=20_000,
        n_annotators=2,
        n_labels=3,
        votes_per_item=2,
        label_weights=[5.0, 3.0, 2.0],
        skill=[0.95, 0.5],
        seed=3,
    )
    shares = crowd.truth["label_code"].value_counts(normalize=True).sort("label_code")["proportion"]
    assert shares.to_numpy() == pytest.approx([0.5, 0.3, 0.2], abs=0.015)
    counts, totals = observed(crowd)
    right = np.trace(counts, axis1=1, axis2=2) / totals.sum(axis=1)
    assert right == pytest.approx([0.95, 0.5], abs=0.015)


def test_impossible_labels_are_never_drawn_however_many_rows_there_are() -> None:
    rng = np.random.default_rng(0)
    rows = np.tile([0.0, 1.0, 0.0], (200_000, 1))
    assert (draw_labels(rows, rng) == 1).all()
    panel = np.stack([straight_liner(3, 0), straight_liner(3, 2)])
    annotators = np.arange(1_000, dtype=np.int64) % 2
    drawn = draw_votes(panel, annotators, np.zeros(1_000, np.int64), rng)
    assert (drawn == np.where(annotators == 0, 0, 2)).all()


@pytest.mark.parametrize(
    "matrix",
    [
        good(5, 0.7),
        good(2, 0.0),
        spammer(5),
        spammer(3, [1.0, 2.0, 0.0]),
        straight_liner(4, 3),
        confusing(good(5, 0.9), 1, 4, 0.6),
        mistaking(good(5, 0.9), 2, 3, 1.0),
    ],
)
def test_rows_of_every_builder_are_chances(matrix: Floats) -> None:
    assert matrix.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert (matrix >= 0).all()


def test_builders_do_what_they_are_called() -> None:
    assert np.diag(good(5, 0.7)) == pytest.approx(0.7)
    assert (spammer(4) == 0.25).all()
    assert (straight_liner(4, 3)[:, 3] == 1.0).all()
    habit = confusing(good(4, 0.9), 0, 3, 0.5)
    assert (habit[0, 3], habit[3, 0]) == (0.5, 0.5)
    assert habit[0, 0] > habit[0, 1] == pytest.approx(habit[0, 2])
    assert (habit[1:3] == good(4, 0.9)[1:3]).all()
    one_way = mistaking(good(4, 0.9), 0, 3, 0.5)
    assert (one_way[3] == good(4, 0.9)[3]).all()


def test_a_builder_leaves_its_input_alone() -> None:
    matrix = good(3, 0.8)
    confusing(matrix, 0, 1, 0.9)
    assert (matrix == good(3, 0.8)).all()


SIZES = {"n_items": 5, "n_annotators": 3, "n_labels": 2, "votes_per_item": 2, "seed": 1}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"votes_per_item": 4}, "votes_per_item from 4 to 4"),
        ({"votes_per_item": (3, 2)}, "votes_per_item from 3 to 2"),
        ({"votes_per_item": 0}, "votes_per_item from 0 to 0"),
        ({"n_labels": 1}, "1 labels"),
        ({"n_items": 0}, "0 items"),
        ({"repeat_share": 1.5}, "repeat_share"),
        ({"skill": 1.2}, "skill is 1.2"),
        ({"confusion": good(2, 0.8)}, "shape"),
        ({"confusion": np.full((3, 2, 2), 0.4)}, "sum to 1"),
        ({"drift": Drift((0,), 1.5, good(2, 0.5))}, "at_share"),
        ({"drift": Drift((3,), 0.5, good(2, 0.5))}, "0 to 2"),
        ({"drift": Drift((0,), 0.5, good(3, 0.5))}, "shape"),
    ],
)
def test_misuse_says_what_is_wrong(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(**(SIZES | changed))  # type: ignore[arg-type]  # options of several types


def test_misused_builders_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="share is 2"):
        mistaking(good(3, 0.8), 0, 1, 2.0)
    with pytest.raises(ValueError, match="no rest"):
        mistaking(straight_liner(3, 1), 0, 1, 0.5)
    with pytest.raises(ValueError, match="weights"):
        spammer(3, [1.0, 2.0])
