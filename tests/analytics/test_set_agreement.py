from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics.errors import BadColumn, BadOption
from analytics.krippendorff import alpha
from analytics.set_agreement import SetDistance, SetDistances, set_alpha
from tests.crowds import N_LABELS, some_votes, votes_of

DISTANCES: tuple[SetDistance, ...] = ("masi", "jaccard")
SETS: tuple[tuple[int, ...], ...] = ((0,), (0, 1), (1, 2), ())


def apart(a: frozenset[int], b: frozenset[int], distance: SetDistance) -> Fraction:
    """By Passonneau's (2006) cases."""
    if a == b:
        return Fraction(0)
    jaccard = Fraction(len(a & b), len(a | b))
    if distance == "jaccard":
        return 1 - jaccard
    return 1 - jaccard * (Fraction(2, 3) if a < b or b < a else Fraction(1, 3) if a & b else 0)


def by_hand(votes: pl.DataFrame, distance: SetDistance) -> float | None:
    """Alpha pair by pair, in fractions: observed over expected mean distance."""
    items = [row[1] for row in votes.group_by("item_code").agg("label_code").iter_rows()]
    items = [[frozenset(SETS[code]) for code in item] for item in items if len(item) > 1]
    values = [one for item in items for one in item]
    expected = sum((apart(a, b, distance) for a, b in permutations(values, 2)), Fraction(0))
    if not expected:
        return None
    observed = sum(
        (apart(a, b, distance) / (len(item) - 1) for item in items for a, b in permutations(item, 2)),
        Fraction(0),
    )
    return float(1 - (len(values) - 1) * observed / expected)


@pytest.mark.parametrize(
    ("a", "b", "masi", "jaccard"),
    [
        ({1, 2}, {1, 2}, Fraction(0), Fraction(0)),
        ({1, 2}, {1, 2, 3, 4}, Fraction(2, 3), Fraction(1, 2)),
        ({1, 2}, {2, 3}, Fraction(8, 9), Fraction(2, 3)),
        ({1}, {2}, Fraction(1), Fraction(1)),
        (set(), {2}, Fraction(1), Fraction(1)),
        (set(), set(), Fraction(0), Fraction(0)),
        ({0, 1, 2}, {0, 1}, Fraction(5, 9), Fraction(1, 3)),
    ],
)
def test_distances_are_exact_fractions(a: set[int], b: set[int], masi: Fraction, jaccard: Fraction) -> None:
    for distance, expected in (("masi", masi), ("jaccard", jaccard)):
        pair = [frozenset(a), frozenset(b)]
        table = SetDistances(pair, distance).between(slice(0, 2))  # type: ignore[arg-type]  # both are its words
        assert table.tolist() == [[0.0, float(expected)], [float(expected), 0.0]]


@pytest.mark.parametrize("distance", DISTANCES)
@given(votes=some_votes(max_size=16))
def test_alpha_is_its_definition(distance: SetDistance, votes: pl.DataFrame) -> None:
    found = set_alpha(votes, sets=SETS, distance=distance, replicates=0)
    assume(found.n >= 2)
    assert found.value == pytest.approx(by_hand(votes, distance), abs=1e-12)


@pytest.mark.parametrize("distance", DISTANCES)
def test_sets_of_one_label_have_the_nominal_alpha(distance: SetDistance) -> None:
    crowd = votes_of([(i, a, (i + (i * a) % 3) % 4) for i in range(80) for a in range(3)])
    plain = alpha(crowd, level="nominal", n_labels=4, seed=3)
    found = set_alpha(crowd, sets=[[7], [1], [3], [2]], distance=distance, seed=3)
    assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high))
    assert (found.n, found.unit) == (80, "coefficient")


@given(votes=some_votes())
def test_bits_and_doubles_are_the_same_sets(votes: pl.DataFrame) -> None:
    plain = set_alpha(votes, sets=SETS, replicates=20)
    assert set_alpha(votes, sets=[0b1, 0b11, 0b110, 0], replicates=20) == plain
    doubled = votes.with_columns(label_code=pl.col("label_code") + 4 * (pl.col("annotator_code") // 1000 % 2))
    assert set_alpha(doubled, sets=[*SETS, *SETS], replicates=20) == plain


def test_more_distances_than_are_kept_give_the_same_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    sets = [tuple(np.flatnonzero(rng.random(9) < 0.4).tolist()) for _ in range(60)]
    usual = rng.integers(0, 60, 400).repeat(3)
    label = np.where(rng.random(1200) < 0.6, usual, rng.integers(0, 60, 1200))
    votes = pl.DataFrame(
        {
            "item_code": np.arange(400).repeat(3),
            "annotator_code": np.tile([0, 1, 2], 400),
            "label_code": label,
        }
    )
    whole = set_alpha(votes, sets=sets, replicates=50)
    monkeypatch.setattr("analytics.set_agreement.MAX_DISTANCES", 500)
    blocks = set_alpha(votes, sets=sets, replicates=50)
    assert (blocks.value, blocks.low, blocks.high) == pytest.approx((whole.value, whole.low, whole.high))


def test_a_table_of_very_many_sets_costs_what_is_used() -> None:
    """100,000 sets, 40 of them used: neither 10^10 distances nor a table of items by sets."""
    rng = np.random.default_rng(1)
    votes = pl.DataFrame(
        {
            "item_code": np.arange(500).repeat(2),
            "annotator_code": np.tile([0, 1], 500),
            "label_code": rng.integers(0, 40, 1000),
        }
    )
    many = [(code, code + 1) for code in range(100_000)]
    found = set_alpha(votes, sets=many, replicates=20)
    few = set_alpha(votes, sets=many[:40], replicates=20)
    assert found.value == pytest.approx(few.value, abs=1e-12)


@given(votes=some_votes(), seed=st.integers(0, 99))
def test_order_and_names_change_nothing(votes: pl.DataFrame, seed: int) -> None:
    before = votes.clone()
    plain = set_alpha(votes, sets=SETS, replicates=20)
    renamed = votes.sample(fraction=1, shuffle=True, seed=seed).with_columns(
        500 - pl.col("item_code"), (pl.col("annotator_code") * 7) % 5001
    )
    assert set_alpha(renamed, sets=SETS, replicates=20) == plain
    assert_frame_equal(votes, before)


@pytest.mark.parametrize("distance", DISTANCES)
def test_perfect_agreement_is_exactly_one(distance: SetDistance) -> None:
    votes = votes_of([(item, a, item % 4) for item in range(40) for a in range(2 + item % 3)])
    found = set_alpha(votes, sets=SETS, distance=distance)
    assert (found.value, found.low, found.high) == (1.0, None, None)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no item has two annotations"),
        ([(0, 0, 1), (1, 0, 2)], "no item has two annotations"),
        ([(0, 0, 1), (0, 1, 2)], "only one item has two annotations or more"),
        ([(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1)], "only one set of labels was used"),
    ],
)
def test_undefined_says_why(rows: list[tuple[int, int, int]], reason: str) -> None:
    assert set_alpha(votes_of(rows), sets=SETS).undefined == reason


def test_no_votes_and_no_sets() -> None:
    assert set_alpha(votes_of([]), sets=[]).undefined == "no item has two annotations"


def test_misuse_raises() -> None:
    votes = votes_of([(0, 0, N_LABELS - 1)])
    with pytest.raises(BadOption, match="distance"):
        set_alpha(votes, sets=SETS, distance="cosine")  # type: ignore[arg-type]  # a wrong word, on purpose
    with pytest.raises(BadOption, match="sets"):
        set_alpha(votes, sets=[[0], [-1], [2], [3]])
    with pytest.raises(BadOption, match="sets"):
        set_alpha(votes, sets=[1, -2, 3, 4])
    with pytest.raises(BadOption, match="sets"):
        set_alpha(votes, sets=["ab", "c", "d", "e"])  # type: ignore[list-item]  # words are no codes
    with pytest.raises(BadColumn, match="3 labels"):
        set_alpha(votes, sets=SETS[:3])
