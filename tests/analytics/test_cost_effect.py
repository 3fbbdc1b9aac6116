"""Money for an error removed: by hand, its interval's coverage, and silence where there is no effect."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.cost_effect import GREW, NO_EFFECT, labels_per_point, money_per_error, priced
from analytics.errors import BadOption
from analytics.frames import FloatArray
from analytics.learning_curve import LearningCurve

CROWDS = 200


def crowd(
    rng: np.random.Generator, n: int, before: float, mended: float, broken: float
) -> tuple[FloatArray, FloatArray]:
    """Errors before and after: so many of the wrong ones are mended, so many of the right ones broken."""
    wrong = rng.random(n) < before
    after = np.where(wrong, rng.random(n) >= mended, rng.random(n) < broken)
    return wrong.astype(float), after.astype(float)


def test_by_hand_with_a_fixed_price_the_ends_are_those_of_the_fall() -> None:
    before = np.repeat([1.0, 0.0], [40, 60])
    after = np.repeat([0.0, 1.0, 0.0], [30, 10, 60])
    found = money_per_error(np.full(100, 0.6), before, after, currency="EUR")
    fall, spread = 0.3, 1.9842 * np.sqrt(0.3 * 0.7 / 99)
    assert found.value == pytest.approx(2.0)
    assert found.low == pytest.approx(0.6 / (fall + spread), rel=1e-4)
    assert found.high == pytest.approx(0.6 / (fall - spread), rel=1e-4)


def test_a_planted_effect_is_found_with_an_interval_that_covers_it() -> None:
    rng = np.random.default_rng(1)
    truth = 0.5 / (0.25 * 0.5 - 0.75 * 0.02)
    found = []
    for _ in range(CROWDS):
        before, after = crowd(rng, 400, 0.25, 0.5, 0.02)
        cost = rng.gamma(4.0, 0.125, 400)
        found.append(money_per_error(cost, before, after, currency="EUR"))
    assert sum(one.value is not None for one in found) == CROWDS
    covered = sum(
        one.low <= truth <= one.high for one in found if one.low is not None and one.high is not None
    )
    assert covered / CROWDS >= 0.92


def test_where_nothing_changes_for_the_better_nothing_is_reported() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(CROWDS):
        before, after = crowd(rng, 400, 0.2, 0.2, 0.05)  # as many mended as broken
        found.append(money_per_error(np.ones(400), before, after, currency="EUR"))
    assert sum(one.value is not None for one in found) <= 10  # 2.5 % of 200 and its chance
    assert {one.undefined for one in found} <= {NO_EFFECT, GREW, None}


def test_a_handful_of_changes_is_no_effect_whatever_the_normal_curve_says() -> None:
    before = np.zeros(300)
    before[:5] = 1.0
    assert money_per_error(np.ones(300), before, np.zeros(300), currency="EUR").undefined == NO_EFFECT
    before[:6] = 1.0
    assert money_per_error(np.ones(300), before, np.zeros(300), currency="EUR").value == pytest.approx(50)


def test_an_error_that_grew_is_said_and_few_items_too() -> None:
    many = np.ones(60)
    assert money_per_error(many, np.zeros(60), many, currency="EUR").undefined == GREW
    few = money_per_error(many[:5], many[:5], np.zeros(5), currency="EUR")
    assert few.undefined == "fewer than 20 items have gold or an audit"
    with pytest.raises(BadOption, match="as long"):
        money_per_error(many, many, many[:3], currency="EUR")
    with pytest.raises(BadOption, match="from 0 to 1"):
        money_per_error(many, many * 2, many, currency="EUR")
    with pytest.raises(BadOption, match="0 or more"):
        money_per_error(-many, many, many, currency="EUR")


def curve(
    law: tuple[float, float, float] | None, replicates: FloatArray, undefined: str | None = None
) -> LearningCurve:
    return LearningCurve(pl.DataFrame(), "accuracy", law, replicates, 1000, 0.95, undefined)


def test_a_point_of_model_error_costs_the_labels_that_the_law_asks_for() -> None:
    law = (0.1, 5.0, 0.5)
    found = priced(labels_per_point(curve(law, np.tile(law, (50, 1)))), 0.2, currency="EUR")
    wanted = (5.0 / (5.0 * 1000**-0.5 - 0.01)) ** 2
    assert found.value == pytest.approx((wanted - 1000) * 0.2)
    assert found.low == found.high == pytest.approx(found.value)
    labels = labels_per_point(curve(law, np.tile(law, (50, 1))))
    assert labels.value == pytest.approx(wanted - 1000)
    assert labels.unit == "labels"
    assert priced(labels, 0.2, currency="EUR") == found
    more = labels_per_point(curve(law, np.tile(law, (50, 1))), have=1200)  # measured on 1,000 of them
    assert more.value == pytest.approx((5.0 / (5.0 * 1200**-0.5 - 0.01)) ** 2 - 1200)
    assert more.n == 1200
    assert labels_per_point(curve(law, np.tile(law, (50, 1))), have=40_000).value is None
    with pytest.raises(BadOption, match="have"):
        labels_per_point(curve(law, np.tile(law, (50, 1))), have=999)
    with pytest.raises(BadOption, match="per_label"):
        priced(labels, 0.0, currency="EUR")
    with pytest.raises(BadOption, match="point"):
        labels_per_point(curve(law, np.empty((0, 3))), point=1.5)
    never = priced(labels_per_point(curve((0.1, 0.1, 0.5), np.empty((0, 3)))), 0.2, currency="EUR")
    assert never.undefined is not None
    assert "not in sight" in never.undefined
    assert (
        priced(labels_per_point(curve(None, np.empty((0, 3)), "too few")), 0.2, currency="EUR").undefined
        == "too few"
    )
