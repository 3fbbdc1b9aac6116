from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from polars.testing import assert_frame_equal

from analytics import frames
from analytics.errors import AnalyticsError, BadColumn, BadOption, MissingColumn
from analytics.frames import GOLD, VOTES, count_patterns, dense_codes, keep_repeats, one_vote_each, require
from analytics.frames import require_labels as check
from tests.crowds import N_LABELS, some_votes, votes_of

REPEATED = votes_of([(0, 0, 1), (1, 0, 2), (0, 0, 3), (0, 1, 0), (0, 0, 2)]).with_columns(
    order=pl.Series([7, 2, 5, 1, 9])
)


def test_a_missing_column_is_named_with_what_exists() -> None:
    votes = pl.DataFrame({"item_code": [0], "annotator": [0], "label_code": [0]})
    with pytest.raises(MissingColumn) as caught:
        require(votes, VOTES)
    message = str(caught.value)
    assert "votes has no column 'annotator_code'" in message
    assert "it has item_code, annotator, label_code" in message
    assert "Did you mean 'annotator'?" in message
    assert isinstance(caught.value, AnalyticsError)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (pl.Series([0.0, 1.0]), "integers"),
        (pl.Series(["a", "b"]), "integers"),
        (pl.Series([0, None]), "1 nulls"),
        (pl.Series([0, -1]), "code -1"),
        (pl.Series([0, 5]), "5 labels"),
    ],
)
def test_a_bad_column_is_refused(labels: pl.Series, problem: str) -> None:
    gold = pl.DataFrame({"item_code": [0, 1], "label_code": labels})
    with pytest.raises(BadColumn, match=problem):
        check(gold, GOLD, 5)


@pytest.mark.parametrize("n_labels", [0, -1, 2.0, True])
def test_a_label_set_has_a_whole_number_of_labels(n_labels: int) -> None:
    with pytest.raises(BadOption, match="n_labels"):
        check(REPEATED, VOTES, n_labels)


def test_an_empty_frame_keeps_the_contract_whatever_its_types() -> None:
    require(pl.DataFrame({"item_code": [], "annotator_code": [], "label_code": []}), VOTES)


def test_repeats_are_chosen_by_order_and_not_by_row() -> None:
    assert keep_repeats(REPEATED, "count") is REPEATED
    first = keep_repeats(REPEATED, "first").sort("order").get_column("order").to_list()
    last = keep_repeats(REPEATED, "last").sort("order").get_column("order").to_list()
    assert (first, last) == ([1, 2, 5], [1, 2, 9])
    assert_frame_equal(keep_repeats(REPEATED.reverse(), "last"), keep_repeats(REPEATED, "last"))


def test_repeats_without_an_order_cannot_be_chosen() -> None:
    with pytest.raises(MissingColumn, match="order of rows is never taken"):
        keep_repeats(REPEATED.drop("order"), "first")
    with pytest.raises(BadColumn, match="same for two votes"):
        keep_repeats(REPEATED.with_columns(order=pl.lit(1)), "last")
    with pytest.raises(BadColumn, match="without nulls"):
        keep_repeats(REPEATED.with_columns(order=pl.Series([1, 2, None, 4, 5])), "last")
    with pytest.raises(BadOption, match="'count', 'first', 'last'"):
        keep_repeats(REPEATED, "newest")  # type: ignore[arg-type]  # a wrong word, on purpose


def test_one_vote_each_asks_for_an_order_only_when_needed() -> None:
    single = REPEATED.drop("order").unique(["item_code", "annotator_code"])
    assert one_vote_each(single, "first") is single
    assert one_vote_each(REPEATED, "last").height == 3
    far = REPEATED.with_columns(pl.col("item_code", "annotator_code") * 2**40)  # no one integer holds both
    assert one_vote_each(far, "last").height == 3
    with pytest.raises(MissingColumn, match="order"):
        one_vote_each(REPEATED.drop("order"), "first")
    with pytest.raises(BadOption, match="repeats"):
        one_vote_each(REPEATED, "count")


@pytest.mark.parametrize("factor", [1, 10**12])
def test_dense_codes(factor: int) -> None:
    distinct, place = dense_codes(pl.Series([5, 2, 5, 9]) * factor)
    assert (distinct // factor).tolist() == [2, 5, 9]
    assert place.tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize("max_cells", [frames.MAX_DENSE_CELLS, -1])
@given(votes=some_votes())
def test_patterns_are_the_rows_of_the_count_matrix(max_cells: int, votes: pl.DataFrame) -> None:
    """Dense and sparse alike, against counting in plain Python."""
    by_item: dict[int, list[int]] = {}
    for item, _, label in votes.iter_rows():
        by_item.setdefault(item, [0] * N_LABELS)[label] += 1
    expected: dict[tuple[int, ...], int] = {}
    for counts in by_item.values():
        expected[tuple(counts)] = expected.get(tuple(counts), 0) + 1
    if max_cells < 0 and not votes.is_empty():
        columns = [votes.get_column(name).to_numpy() for name in ("item_code", "label_code")]
        patterns = frames._patterns_of(*frames._sparse_rows(columns[0], columns[1], N_LABELS))
        rows = patterns.counts.toarray()  # type: ignore[attr-defined]  # here the counts are sparse
    else:
        patterns = count_patterns(votes, N_LABELS)
        rows = patterns.counts
    found = dict(zip(map(tuple, rows.astype(int).tolist()), patterns.n_items.tolist(), strict=True))
    assert found == expected
    assert patterns.n_items.tolist() == sorted(patterns.n_items.tolist(), reverse=True)


def test_patterns_with_more_digits_than_an_integer_holds() -> None:
    """40 labels with up to 300 votes each need more than 62 bits: keys are replaced by ranks on the way."""
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 300, size=(30, 40))
    counts = np.concatenate([counts, counts[:10]])
    item, label = np.nonzero(counts)
    repeat = counts[item, label]
    votes = pl.DataFrame({"item_code": np.repeat(item, repeat), "label_code": np.repeat(label, repeat)})
    patterns = count_patterns(votes, 40)
    assert patterns.n_items.tolist() == [2] * 10 + [1] * 20
    assert {tuple(row) for row in patterns.counts.tolist()} == {tuple(row) for row in counts.tolist()}


def test_item_codes_far_apart_cost_nothing() -> None:
    votes = pl.DataFrame({"item_code": [10**15, 10**15, 3], "label_code": [0, 1, 0]})
    assert count_patterns(votes, 2).counts.tolist() == [[1, 0], [1, 1]]
