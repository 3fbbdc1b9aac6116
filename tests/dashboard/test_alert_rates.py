"""How often an alert is false: at a limit that is the true value seldom, far from it nearly always true."""

from __future__ import annotations

import pytest

from dashboard.workflows.alert_figures import FALL
from tests.benchmarks import alert_rates, crowd_alert_rates


@pytest.mark.parametrize("key", list(alert_rates.FIGURES))
def test_few_alerts_open_where_the_limit_is_the_true_value_and_most_where_the_figure_is_far_from_it(
    key: str,
) -> None:
    assert alert_rates.of_one(key, 100, 200) <= 0.06
    limit = alert_rates.true_values()[key] + 0.15
    found = [alert_rates.FIGURES[key](*alert_rates.votes(seed, 200)) for seed in range(50)]
    assert sum(alert_rates.is_false(key, one, limit) for one in found) > 40


@pytest.mark.parametrize("key", list(crowd_alert_rates.FIGURES))
def test_over_many_crowds_an_alert_on_all_annotators_names_hardly_anybody_who_is_as_the_limit(
    key: str,
) -> None:
    """2.5 of 100 crowds at most have a wrong name; of 120 that is known to a point and a half."""
    wrong, _ = crowd_alert_rates.named(key, 24, 100, crowds=120)
    assert wrong <= 0.025 + 2 * 0.0143


@pytest.mark.parametrize(
    ("key", "worse"), [("accuracy_on_gold", 0.25), ("agreement_with_others", 0.35), (FALL, 0.35)]
)
def test_the_one_who_is_worse_is_named(key: str, worse: float) -> None:
    wrong, found = crowd_alert_rates.named(key, 24, 200, crowds=20, worse=worse)
    assert found >= 0.8
    assert wrong <= 0.15
