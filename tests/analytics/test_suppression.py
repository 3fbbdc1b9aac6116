from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import linprog

from analytics.errors import BadOption
from analytics.frames import IntArray
from analytics.suppression import Mask, can_be_worked_out, hidden_cells, hidden_groups

NONE = np.zeros(3, dtype=np.bool_)


def test_a_small_group_takes_the_next_smallest_with_it() -> None:
    assert hidden_groups([40, 12, 9, 2], minimum=5).tolist() == [False, False, True, True]


def test_two_small_ones_that_are_few_together_take_a_third() -> None:
    assert hidden_groups([40, 12, 1, 2], minimum=5).tolist() == [False, True, True, True]


def test_those_who_did_not_say_hide_a_small_group_if_they_are_enough() -> None:
    assert hidden_groups([40, 12, 9, 2], minimum=5, unknown=6).tolist() == [False, False, False, True]
    assert hidden_groups([40, 12, 9, 2], minimum=5, unknown=1).tolist() == [False, False, True, True]


def test_nothing_small_hides_nothing_and_empty_groups_are_no_secret() -> None:
    assert hidden_groups([40, 12, 0], minimum=5, unknown=1).tolist() == [False, False, False]


def test_misuse_is_refused() -> None:
    with pytest.raises(BadOption, match="a group of one is a person"):
        hidden_groups([3, 4], minimum=1)
    with pytest.raises(BadOption, match="0 or more"):
        hidden_groups([3, -4], minimum=5)


def test_one_small_cell_takes_a_rectangle_with_it() -> None:
    sizes = np.array([[10, 2, 8], [20, 30, 7], [9, 9, 9]])
    hidden = hidden_cells(sizes, minimum=5, hidden_rows=NONE, hidden_columns=NONE)
    assert hidden[0, 1]
    assert not hidden.all()
    assert not can_be_worked_out(sizes, hidden, NONE, NONE).any()


def test_a_single_hidden_cell_is_worked_out_from_its_margins() -> None:
    sizes = np.array([[10, 2, 8], [20, 30, 7], [9, 9, 9]])
    alone = np.zeros((3, 3), dtype=np.bool_)
    alone[0, 1] = True
    assert can_be_worked_out(sizes, alone, NONE, NONE).tolist() == alone.tolist()


def test_people_who_did_not_say_hide_others_and_nothing_for_themselves() -> None:
    last = np.array([False, False, True])
    known = {"hidden_rows": last, "hidden_columns": NONE, "unknown_rows": last}
    sizes = np.array([[20, 30, 10], [9, 9, 9], [1, 1, 1]])
    assert not hidden_cells(sizes, minimum=5, **known)[:2].any()
    small = np.array([[20, 30, 2], [9, 9, 9], [6, 6, 6]])
    hidden = hidden_cells(small, minimum=5, **known)
    assert hidden[:2, 2].tolist() == [True, False]  # those who did not say stand beside it in its column
    assert hidden[0].sum() == 2  # in its row another has to


@settings(max_examples=40, deadline=None)
@given(arrays.arrays(np.int64, st.tuples(st.integers(2, 4), st.integers(2, 4)), elements=st.integers(0, 30)))
def test_an_attacker_with_all_margins_cannot_pin_down_a_hidden_cell(sizes: IntArray) -> None:
    """The attack: whatever is published as equations, every hidden cell as an unknown of 0 or more, each pushed both ways."""
    rows, columns = (np.zeros(n, dtype=np.bool_) for n in sizes.shape)
    hidden = hidden_cells(sizes, minimum=5, hidden_rows=rows, hidden_columns=columns)
    assert hidden[(sizes > 0) & (sizes < 5)].all()
    found = _pinned_down(sizes, hidden)
    everything = (hidden | (sizes == 0)).all()
    assert everything or not found.any()


def _pinned_down(sizes: IntArray, hidden: Mask) -> Mask:
    """Hidden cells that linear algebra over margins and published cells leaves one real value (signs not used)."""
    places = [place for place in product(*map(range, sizes.shape)) if hidden[place] and sizes[place] > 0]
    found = np.zeros(sizes.shape, dtype=np.bool_)
    if not places:
        return found
    lines = [[p[0] == row for p in places] for row in range(sizes.shape[0])]
    lines += [[p[1] == column for p in places] for column in range(sizes.shape[1])]
    matrix = np.array(lines, dtype=float)
    right = matrix @ np.array([sizes[p] for p in places], dtype=float)
    for at, place in enumerate(places):
        goal = np.zeros(len(places))
        goal[at] = 1.0
        ends = [
            linprog(sign * goal, A_eq=matrix, b_eq=right, bounds=[(-1e4, 1e4)] * len(places))
            for sign in (1, -1)
        ]
        found[place] = abs(ends[0].x[at] - ends[1].x[at]) < 1e-6
    return found
