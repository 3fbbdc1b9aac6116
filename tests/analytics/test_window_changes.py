"""Changes of figures with intervals: published examples, coverage, and what is undefined."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.errors import BadOption, MissingColumn
from analytics.intervals import wilson_bounds
from analytics.results import Estimate
from analytics.window_changes import difference, mean_change, pace_change


def wilson(k: int, n: int) -> Estimate:
    low, high = wilson_bounds(np.array([k]), np.array([n]))
    return Estimate(k / n, float(low[0]), float(high[0]), n)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((5, 56), (0, 29), -0.0381, 0.1926)],
)  # fmt: skip
def test_newcombe_1998_table_ii_method_10(
    a: tuple[int, int], b: tuple[int, int], low: float, high: float
) -> None:
    found = difference(wilson(*b), wilson(*a))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.0001)
    assert found.value == pytest.approx(a[0] / a[1] - b[0] / b[1])
    assert found.n == a[1] + b[1]


def test_where_one_is_undefined_or_has_no_interval() -> None:
    none, bare = Estimate.none("nobody", 3), Estimate(0.5, None, None, 10)
    assert difference(none, wilson(5, 10)).undefined == "undefined in a window: nobody"
    assert difference(wilson(5, 10), none).value is None
    assert difference(bare, wilson(5, 10)).low is None


def times(rng: np.random.Generator, *, people: int, factor: float, n: int = 30) -> pl.DataFrame:
    """Each person has a pace, and changes it by `factor` and something of their own."""
    person = np.repeat(np.arange(people), 2 * n)
    window = np.tile(np.repeat([0, 1], n), people)
    own, moved = rng.normal(2, 0.5, people), np.log(factor) + rng.normal(0, 0.15, people)
    logs = own[person] + window * moved[person] + rng.normal(0, 0.6, person.size)
    return pl.DataFrame({"annotator_code": person, "window": window, "active_seconds": np.exp(logs)})


@pytest.mark.parametrize("factor", [1.0, 0.8])
def test_the_interval_of_the_pace_holds_what_was_planted(factor: float) -> None:
    rng = np.random.default_rng(0)
    found = [pace_change(times(rng, people=20, factor=factor)) for _ in range(200)]
    held = [one.low is not None and one.high is not None and one.low <= factor <= one.high for one in found]
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize(("people", "k"), [(6, 1), (10, 2), (20, 6), (50, 18)])
def test_the_interval_of_signs_is_that_of_the_tables(people: int, k: int) -> None:
    """The ranks of the 95 % interval of a median (Conover 1999, table A3: m = 6: 1, 10: 2, 20: 6, 50: 18)."""
    ratio = np.arange(1, people + 1) / 10
    frame = pl.DataFrame({
        "annotator_code": np.repeat(np.arange(people), 20), "window": np.tile(np.repeat([0, 1], 10), people),
        "active_seconds": np.ravel([[1.0] * 10 + [float(r)] * 10 for r in ratio]),
    })  # fmt: skip
    found = pace_change(frame)
    assert (found.low, found.high) == pytest.approx((ratio[k - 1], ratio[people - k]))


def test_too_few_people_and_misuse() -> None:
    few = pace_change(times(np.random.default_rng(1), people=5, factor=1.0))
    assert few.undefined == "5 annotators have 10 times or more in both windows; it takes 6"
    assert pace_change(times(np.random.default_rng(1), people=20, factor=1.0, n=9)).n == 0
    with pytest.raises(MissingColumn, match="window"):
        pace_change(pl.DataFrame({"annotator_code": [1], "active_seconds": [1.0]}))
    with pytest.raises(BadOption, match="between 0 and 1"):
        pace_change(times(np.random.default_rng(1), people=6, factor=1.0), confidence=1.0)


def test_the_change_of_a_mean_is_that_of_welch() -> None:
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(2)
    before, after = rng.beta(8, 2, 400), rng.beta(7, 3, 300)
    found = mean_change(before, after)
    assert found.value is not None
    assert found.low is not None
    test = ttest_ind(after, before, equal_var=False)
    assert found.value / ((found.value - found.low) / 1.959963984540054) == pytest.approx(test.statistic)
