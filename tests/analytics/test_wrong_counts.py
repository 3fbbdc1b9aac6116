from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from analytics.wrong_counts import count_wrong


def flags(n_flagged: int, n_unflagged: int) -> np.ndarray:
    return np.repeat([True, False], [n_flagged, n_unflagged])


def test_counts_by_hand() -> None:
    """All 10 flagged were judged, 6 wrong; of 1000 unflagged 50 were, 2 wrong: 2 + 950 * 0.04 = 40."""
    wrong = np.repeat([True, False, True, False], [6, 4, 2, 48])
    p = np.repeat([1.0, 0.05], [10, 50])
    found = count_wrong(flags(10, 1000), flags(10, 50), wrong, p)
    assert found.n_wrong_flagged.value == 6
    assert (found.n_wrong_flagged.low, found.n_wrong_flagged.high) == (6, 6)
    assert found.n_wrong.value == pytest.approx(46)
    assert found.recall.value == pytest.approx(6 / 46)
    low, high = 8 + 950 * beta.ppf([0.025, 0.975], 2.5, 48.5)
    assert found.n_wrong.low == pytest.approx(low, rel=0.03)
    assert found.n_wrong.high == pytest.approx(high, rel=0.03)
    assert found.n_wrong.n == 60


def test_a_slice_in_which_nothing_was_wrong_does_not_claim_that_nothing_is() -> None:
    wrong = np.repeat([True, False, False], [6, 4, 50])
    found = count_wrong(flags(10, 1000), flags(10, 50), wrong, np.repeat([1.0, 0.05], [10, 50]))
    assert found.n_wrong.value == 6
    assert found.n_wrong.high is not None
    assert found.n_wrong.high > 25
    assert found.recall.value == 1.0
    assert found.recall.low is not None
    assert found.recall.low < 0.25


def test_verdicts_count_by_their_probability() -> None:
    """Two strata of the flagged: every fourth item judged and every one."""
    wrong = np.array([True, False, True, True])
    p = np.array([0.25, 0.25, 1.0, 1.0])
    found = count_wrong(flags(10, 0), flags(4, 0), wrong, p)
    assert found.n_wrong.value == pytest.approx(3 + 6 * (4 + 1 + 1) / 10)


def test_intervals_cover_at_their_rate() -> None:
    rng = np.random.default_rng(0)
    n_flagged, n_unflagged, n_slice = 200, 5000, 300
    is_flagged = flags(n_flagged, n_unflagged)
    covered = {"n_wrong": 0, "recall": 0}
    for trial in range(400):
        wrong = rng.random(len(is_flagged)) < np.where(is_flagged, 0.6, 0.03)
        judged = np.concatenate(
            [rng.choice(200, 100, replace=False), 200 + rng.choice(5000, n_slice, replace=False)]
        )
        p = np.where(judged < n_flagged, 0.5, n_slice / n_unflagged)
        found = count_wrong(is_flagged, is_flagged[judged], wrong[judged], p, seed=trial)
        truth = {"n_wrong": wrong.sum(), "recall": wrong[is_flagged].sum() / wrong.sum()}
        for name, value in truth.items():
            estimate = getattr(found, name)
            covered[name] += estimate.low <= value <= estimate.high
    assert 0.92 <= covered["n_wrong"] / 400 <= 0.98
    assert 0.92 <= covered["recall"] / 400 <= 0.98


def test_without_a_slice_recall_is_undefined_and_the_flagged_are_counted() -> None:
    found = count_wrong(flags(10, 100), flags(10, 0), np.repeat([True, False], 5), np.ones(10))
    assert found.n_wrong.undefined == "no unflagged item was judged"
    assert found.recall.undefined == "no unflagged item was judged"
    assert found.n_wrong_flagged.value == 5
    nothing = count_wrong(flags(10, 100), flags(0, 0), np.zeros(0, dtype=bool), np.zeros(0))
    assert nothing.n_wrong_flagged.undefined == "no flagged item was judged"


def test_where_nothing_was_wrong_there_is_no_recall() -> None:
    found = count_wrong(flags(5, 5), flags(5, 5), np.zeros(10, dtype=bool), np.ones(10))
    assert found.n_wrong.value == 0
    assert found.recall.undefined == "no judged label was wrong"
