from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_effectsize

from analytics.errors import BadOption
from analytics.gap_tests import (
    Spread,
    benjamini_yekutieli,
    cohens_h,
    fcr_confidence,
    odds_ratio,
    ratio_ends,
    share_ends,
    spread_of,
    two_way_spread,
)
from analytics.intervals import benjamini_hochberg
from tests.published import BENJAMINI_HOCHBERG_1995, BENJAMINI_HOCHBERG_1995_REJECTED


def test_benjamini_yekutieli_is_statsmodels() -> None:
    theirs = multipletests(BENJAMINI_HOCHBERG_1995, method="fdr_by")[1]
    np.testing.assert_allclose(benjamini_yekutieli(BENJAMINI_HOCHBERG_1995), theirs)


def test_benjamini_yekutieli_rejects_no_more_than_hochberg_on_the_published_ones() -> None:
    assert (benjamini_hochberg(BENJAMINI_HOCHBERG_1995) <= 0.05).sum() == BENJAMINI_HOCHBERG_1995_REJECTED
    assert (benjamini_yekutieli(BENJAMINI_HOCHBERG_1995) <= 0.05).sum() == 3  # .0095 * 15 / 4 * 3.318 > .05


def test_intervals_of_picked_rows_are_wider_the_fewer_are_picked() -> None:
    assert fcr_confidence(15, 15) == pytest.approx(0.95)
    assert fcr_confidence(4, 15) == pytest.approx(1 - 4 * 0.05 / 15)
    by = fcr_confidence(4, 15, correction="benjamini-yekutieli")
    assert by == pytest.approx(1 - 4 * 0.05 / 15 / sum(1 / k for k in range(1, 16)))


@pytest.mark.parametrize(("picked", "tested"), [(0, 3), (4, 3)])
def test_no_fcr_for_more_than_were_tested_or_none(picked: int, tested: int) -> None:
    with pytest.raises(BadOption, match="between 1 and the 3"):
        fcr_confidence(picked, tested)


def test_selected_intervals_miss_as_often_as_they_say() -> None:
    """Benjamini & Yekutieli's claim by simulation: of intervals picked at FDR 5 %, at most 5 % miss; naive ones miss far more."""
    rng, n_gaps = np.random.default_rng(0), 40
    missed: list[float] = []
    naive: list[float] = []
    for _ in range(400):
        truth = np.where(np.arange(n_gaps) < 4, 2.5, 0.0)
        seen = truth + rng.standard_normal(n_gaps)
        p = np.array([Spread(1.0, 1e6).p_value(value) for value in seen], dtype=float)
        picked = benjamini_hochberg(p) <= 0.05
        if not picked.any():
            continue
        confidence = fcr_confidence(int(picked.sum()), n_gaps)
        for level, misses in ((confidence, missed), (0.95, naive)):
            ends = [Spread(1.0, 1e6).ends(value, level) for value in seen[picked]]
            hit = [
                end is not None and end[0] <= t <= end[1] for end, t in zip(ends, truth[picked], strict=True)
            ]
            misses.append(1 - float(np.mean(hit)))
    share_of_none = len(missed) / 400
    assert np.mean(missed) * share_of_none <= 0.05
    assert np.mean(naive) > 0.1


def test_effect_sizes_are_statsmodels_and_the_textbook_s() -> None:
    assert cohens_h(0.7, 0.4) == pytest.approx(proportion_effectsize(0.7, 0.4))
    assert odds_ratio(0.5, 0.2) == pytest.approx(4.0)
    assert odds_ratio(1.0, 0.2) is None
    assert odds_ratio(0.2, 0.0) is None


def test_a_spread_from_two_means_is_welch_s_test() -> None:
    """Bootstrap of both samples: the t-interval has the standard error and nearly the freedom of Welch's t-test."""
    rng = np.random.default_rng(1)
    one, other = rng.normal(0.3, 1, 12), rng.normal(0.0, 1, 30)
    drawn = [rng.choice(side, (20_000, side.size)).mean(axis=1) for side in (one, other)]
    spread = spread_of(drawn[0] - drawn[1], one.size, other.size)
    assert spread.error is not None
    welch = ttest_ind(one, other, equal_var=False)
    assert spread.error == pytest.approx((one.mean() - other.mean()) / welch.statistic, rel=0.04)
    assert spread.freedom == pytest.approx((1 / 12 + 1 / 30) ** 2 / (1 / 12**2 / 11 + 1 / 30**2 / 29))


def test_no_spread_is_said_not_invented() -> None:
    assert spread_of(np.zeros(50), 20, 20).undefined == (
        "all alike: a sample without spread cannot tell how far the truth may be"
    )
    assert spread_of(np.array([np.nan, 1.0, 2.0]), 20, 20).error is None
    assert spread_of(np.arange(50.0), 1, 20).error is None
    assert Spread(None, 0.0, "why").ends(0.3, 0.95) is None


def test_intervals_of_shares_stay_inside_and_of_ratios_above_nothing() -> None:
    ends = share_ends(0.02, Spread(0.05, 20.0), 0.95)
    assert ends is not None
    assert 0 < ends[0] < 0.02 < ends[1] < 1
    assert share_ends(0.0, Spread(0.05, 20.0), 0.95) is None
    rng = np.random.default_rng(0)
    ratio = ratio_ends(1.5, spread_of(rng.normal(np.log(1.5), 0.1, 4000), 500, 500), 0.95)
    assert ratio == pytest.approx((1.5 * np.exp(-0.196), 1.5 * np.exp(0.196)), rel=0.02)
    assert ratio_ends(0.0, Spread(0.1, 9.0), 0.95) is None


def test_drawing_both_ways_counts_what_belongs_to_neither_once() -> None:
    """Annotators vary by 4, items by 2, votes by 1: alone 5 and 3, both at once 4 + 2 + 3."""
    found = two_way_spread(Spread(3.0, 9.0), Spread(5**0.5, 9.0), Spread(3**0.5, 9.0))
    assert found.error == pytest.approx(7**0.5)
    assert two_way_spread(
        Spread(3.0, 9.0), Spread(3.0, 9.0), Spread(None, 0.0, "alike")
    ).error == pytest.approx(3.0)
    assert two_way_spread(Spread(None, 0.0, "why"), Spread(1.0, 9.0), Spread(1.0, 9.0)).undefined == "why"
