"""Mitigation of a model's labels: gaps close, the price is shown, and it is judged where it was not fitted."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

from analytics.errors import BadOption
from analytics.fair_predictions import ODDS, PARITY, PLAIN, REDUCTION, THRESHOLDS, mitigated, mitigation


def model(
    n: int = 3000, *, lean: float = 1.5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two groups with the same labels; the model's log-odds lean towards the label for group 1."""
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.4).astype(np.int64)
    has = rng.random(n) < 0.5
    signal = np.where(has, 1.0, -1.0) + rng.normal(0, 1, n)
    logit = 1.5 * signal + lean * (group - 0.4)
    return 1 / (1 + np.exp(-logit)), has, group, np.column_stack([logit, signal])


def test_gaps_are_fairlearns_and_close_at_a_price_that_is_shown() -> None:
    p, has, group, features = model(1600)
    found = mitigation(p, has, group, features, replicates=200)
    rows = {(row["method"], row["constraint"]): row for row in found.table.iter_rows(named=True)}
    plain = rows[PLAIN, None]
    assert plain["parity_gap"] == pytest.approx(
        demographic_parity_difference(has, p >= 0.5, sensitive_features=group)
    )
    assert plain["odds_gap"] == pytest.approx(
        equalized_odds_difference(has, p >= 0.5, sensitive_features=group)
    )
    assert plain["price"] == 0
    for method in (THRESHOLDS, REDUCTION):
        even = rows[method, PARITY]
        assert even["parity_gap"] < plain["parity_gap"] / 2
        assert even["parity_low"] <= even["parity_gap"] <= even["parity_high"]
        assert even["price"] == pytest.approx(plain["accuracy"] - even["accuracy"])
    assert rows[THRESHOLDS, ODDS]["odds_gap"] < plain["odds_gap"] / 2


def test_what_is_judged_was_not_fitted() -> None:
    """Labels of pure noise cannot be learned by heart: accuracy stays at a half."""
    rng = np.random.default_rng(1)
    n = 800
    has, group = rng.random(n) < 0.5, rng.integers(0, 2, n)
    found = mitigation(rng.random(n), has, group, rng.normal(size=(n, 20)), replicates=100)
    for row in found.table.iter_rows(named=True):
        assert row["accuracy"] == pytest.approx(0.5, abs=0.07)


def test_too_few_and_one_group_are_said() -> None:
    p, has, group, features = model(60)
    assert "fewer than 10" in (mitigation(p, has, np.arange(60) % 6, features).undefined or "")
    assert "two groups" in (mitigation(p, has, group * 0, features).undefined or "")


def test_what_cannot_be_is_refused() -> None:
    p, has, group, features = model(60)
    with pytest.raises(BadOption, match="as long as"):
        mitigation(p, has, group[:5], features)
    with pytest.raises(BadOption, match="between 0 and 1"):
        mitigation(p * 2, has, group, features)


@cache
def judged_table(n: int) -> pl.DataFrame:
    """Every method's row for the model of `n` items."""
    return mitigation(*model(n), replicates=100).table


@pytest.mark.parametrize("method", [THRESHOLDS, REDUCTION])
def test_the_labels_that_are_given_are_those_that_were_judged(method: str) -> None:
    n, strangers = 500, 300  # then come items whose label nobody knows
    p, has, group, features = (np.concatenate([one, one[:strangers]]) for one in model(n))
    judged = judged_table(n).filter(method=method, constraint=PARITY).row(0, named=True)
    is_known = np.arange(n + strangers) < n
    after = mitigated(p, has & is_known, is_known, group, features, method=method, constraint=PARITY)
    assert (after[:n] == has[:n]).mean() == pytest.approx(judged["accuracy"], abs=1e-12)

    def gap(given: np.ndarray) -> float:
        return float(demographic_parity_difference(has[n:], given[n:], sensitive_features=group[n:]))

    assert gap(after) < gap(p >= 0.5) / 2


@pytest.mark.parametrize("constraint", [PARITY, ODDS])
@pytest.mark.parametrize("method", [THRESHOLDS, REDUCTION])
def test_whom_else_it_is_asked_about_changes_no_label_that_was_judged(method: str, constraint: str) -> None:
    n = 500
    p, has, group, features = model(n)
    every = np.ones(n, dtype=np.bool_)
    alone = mitigated(p, has, every, group, features, method=method, constraint=constraint)
    order = np.arange(n).repeat(2)  # after each item comes one like it whose label nobody knows
    is_known = np.tile([True, False], n)
    among = mitigated(
        p[order],
        has[order] & is_known,
        is_known,
        group[order],
        features[order],
        method=method,
        constraint=constraint,
    )
    np.testing.assert_array_equal(among[is_known], alone)


def test_what_cannot_be_mitigated_is_refused() -> None:
    p, has, group, features = model(200)
    every = np.ones(200, dtype=np.bool_)
    with pytest.raises(BadOption, match="too small"):
        mitigated(p, has, every, np.arange(200), features, method=THRESHOLDS, constraint=PARITY)
    with pytest.raises(BadOption, match="one of"):
        mitigated(p, has, every, group, features, method="prayer", constraint=PARITY)
