"""Members of a crowd beyond a limit: against the exact tests of scipy and statsmodels, and how often a name is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analytics.crowd_limit import LEVEL, Side, means_beyond, shares_beyond
from analytics.errors import BadOption
from analytics.intervals import holm


def test_holm_is_that_of_statsmodels_and_of_its_paper() -> None:
    rng = np.random.default_rng(1)
    for m in (1, 2, 30):
        p = rng.random(m) ** 3
        np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-15)
    assert holm(np.array([])).size == 0
    with pytest.raises(BadOption, match="between 0 and 1"):
        holm(np.array([1.2]))


@pytest.mark.parametrize("side", ["under", "over"])
def test_a_share_is_tested_as_the_exact_binomial_test_does(side: Side) -> None:
    k, n = np.array([0, 12, 40, 50]), np.array([50, 50, 50, 50])
    found = shares_beyond(k / n, n.astype(float), limit=0.7, side=side)
    way = {"under": "less", "over": "greater"}[side]
    tests = [stats.binomtest(int(a), int(b), 0.7, alternative=way) for a, b in zip(k, n, strict=True)]
    np.testing.assert_allclose(found.p_adjusted, holm(np.array([one.pvalue for one in tests])), rtol=1e-9)
    of_one = shares_beyond(np.array([0.8]), np.array([50.0]), limit=0.7, side=side)
    ends = stats.binomtest(40, 50, 0.7).proportion_ci(0.95, method="exact")
    assert (of_one.low[0], of_one.high[0]) == (pytest.approx(ends.low), pytest.approx(ends.high))


def test_everybody_named_is_left_out_by_an_interval_that_counts_how_many_were_picked() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        n = rng.integers(50, 300, 25).astype(float)
        share = rng.binomial(n.astype(int), rng.choice([0.6, 0.78, 0.9], 25)) / n
        found = shares_beyond(share, n, limit=0.8, side="under")
        assert (found.high[found.is_beyond] < 0.8).all()
        plain = shares_beyond(share[:1], n[:1], limit=0.8, side="under")
        assert found.low[0] <= plain.low[0] + 1e-12


def test_a_mean_is_tested_as_students_t_does_and_of_two_the_less_sure_counts() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(-0.2, 1.0, (2, 4, 40))
    mean, error = rows.mean(axis=2), rows.std(axis=2, ddof=1) / np.sqrt(40)
    df = np.full((2, 4), 39.0)
    p = np.array([[stats.ttest_1samp(one, 0.1, alternative="less").pvalue for one in half] for half in rows])
    found = means_beyond(mean, error, df, limit=0.1, side="under")
    np.testing.assert_allclose(found.p_adjusted, holm(p.max(axis=0)), rtol=1e-9)
    assert found.value.tolist() == [mean[p[:, j].argmax(), j] for j in range(4)]
    flat = means_beyond(np.array([[-1.0, 1.0]]), np.zeros((1, 2)), np.ones((1, 2)), limit=0.0, side="under")
    assert flat.is_beyond.tolist() == [True, False]


def _wrong_names(crowd: int, n: int, *, together: float, crowds: int = 1000) -> float:
    """The share of crowds in which somebody is named, where everybody's chance of a hit is the limit: 0.8. `together`: how much of the
    luck of an item is everybody's.
    """
    rng = np.random.default_rng(crowd + n)
    luck = rng.random((crowds, 1, n))
    own = rng.random((crowds, crowd, n))
    hit = np.where(rng.random((crowds, crowd, n)) < together, luck, own) < 0.8
    named = [
        shares_beyond(row, np.full(crowd, float(n)), limit=0.8, side="under").is_beyond.any()
        for row in hit.mean(axis=2)
    ]
    return float(np.mean(named))


@pytest.mark.parametrize(
    ("crowd", "n", "together"), [(1, 50, 0.0), (20, 50, 0.0), (60, 100, 0.0), (20, 100, 0.7)]
)
def test_over_many_crowds_where_nobody_is_under_the_limit_hardly_ever_is_anybody_named(
    crowd: int, n: int, together: float
) -> None:
    """The promise is LEVEL; a rate of 1,000 crowds is known to half a point."""
    assert _wrong_names(crowd, n, together=together) <= LEVEL + 0.01


def test_those_under_the_limit_are_named_and_the_others_are_not() -> None:
    rng = np.random.default_rng(5)
    right = np.repeat([0.55, 0.9], [3, 27])
    found = np.array([
        shares_beyond(rng.binomial(100, right) / 100, np.full(30, 100.0), limit=0.8, side="under").is_beyond for _ in range(200)
    ])  # fmt: skip
    assert found[:, :3].mean() > 0.95
    assert found[:, 3:].mean() < 0.001


@pytest.mark.parametrize(
    "wrong",
    [{"limit": 1.5}, {"side": "beside"}, {"level": 0.6}, {"share": np.array([1.2])}, {"n": np.array([0.0])}],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    asked: dict[str, object] = {
        "share": np.array([0.5]),
        "n": np.array([50.0]),
        "limit": 0.8,
        "side": "under",
        **wrong,
    }
    share, n = asked.pop("share"), asked.pop("n")
    with pytest.raises(BadOption):
        shares_beyond(share, n, **asked)  # type: ignore[arg-type]  # wrong on purpose
