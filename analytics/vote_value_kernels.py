"""The loops of `vote_value`, compiled for the processor (numba): expectations over outcomes, and hulls."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import factorial

import numba
import numpy as np

from analytics.chunks import chunk_edges, run_each
from analytics.frames import FloatArray, IntArray

_LEAST_GAIN = 1e-12


def outcome_table(confusion: FloatArray, n_votes: int) -> FloatArray:
    """(O, K) chance of each outcome of `n_votes` votes, whose order does not matter, for each label of the item.

    >>> outcome_table(np.array([[0.8, 0.2], [0.4, 0.6]]), 2).round(2).tolist()
    [[0.64, 0.16], [0.32, 0.48], [0.04, 0.36]]
    """
    n_labels = len(confusion)
    rows = np.array(list(combinations_with_replacement(range(n_labels), n_votes)), dtype=np.int64)
    counts = (rows[:, :, None] == np.arange(n_labels)).sum(axis=1)
    ways = factorial(n_votes) / np.array([np.prod([factorial(n) for n in row]) for row in counts.tolist()])
    chances = confusion[:, rows].prod(axis=2).T
    return np.ascontiguousarray(chances * ways[:, None])


def expected_right(posterior: FloatArray, outcomes: FloatArray) -> FloatArray:
    """(I,) sum over outcomes of max over labels of posterior x chance."""
    value = np.empty(len(posterior))
    edges = chunk_edges(len(posterior), n_annotations=len(posterior) * len(outcomes))

    def work(chunk: int) -> None:
        first, last = edges[chunk]
        _expected_right(posterior[first:last], outcomes, value[first:last])

    run_each(work, len(edges))
    return value


@numba.njit(nogil=True, cache=True)
def _expected_right(posterior: FloatArray, outcomes: FloatArray, value: FloatArray) -> None:
    n_items, n_labels = posterior.shape
    for item in range(n_items):
        total = 0.0
        for outcome in range(len(outcomes)):
            largest = 0.0
            for label in range(n_labels):
                largest = max(largest, posterior[item, label] * outcomes[outcome, label])
            total += largest
        value[item] = total


@numba.njit(nogil=True, cache=True)
def hull_steps(
    right: FloatArray, values: FloatArray, costs: FloatArray
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """The upper hull of each item's options (I, B), from nothing bought on.

    Returns:
        For each step: item, option, the option before (-1: none), gain beside it.
    """
    n_items, n_options = values.shape
    most = n_items * n_options
    item_of, option_of = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    before_of, gains = np.empty(most, dtype=np.int64), np.empty(most)
    n = 0
    for item in range(n_items):
        at_cost, at_value, before = 0.0, right[item], -1
        while True:
            best, slope = -1, 0.0
            for option in range(n_options):
                gain = values[item, option] - at_value
                if costs[option] <= at_cost or gain <= _LEAST_GAIN:
                    continue
                steep = gain / (costs[option] - at_cost)
                if steep > slope or (steep == slope and best >= 0 and costs[option] > costs[best]):
                    best, slope = option, steep
            if best < 0:
                break
            item_of[n], option_of[n], before_of[n] = item, best, before
            gains[n] = values[item, best] - at_value
            n += 1
            at_cost, at_value, before = costs[best], values[item, best], best
    return item_of[:n], option_of[:n], before_of[:n], gains[:n]
