"""How often an alert is false: at a limit that is the true value seldom, far from it nearly always true."""

from __future__ import annotations

import pytest

from tests.benchmarks import alert_rates


@pytest.mark.parametrize("key", list(alert_rates.FIGURES))
def test_few_alerts_open_where_the_limit_is_the_true_value_and_most_where_the_figure_is_far_from_it(
    key: str,
) -> None:
    assert alert_rates.of_one(key, 100, 200) <= 0.06
    limit = alert_rates.true_values()[key] + 0.15
    found = [alert_rates.FIGURES[key](*alert_rates.votes(seed, 200)) for seed in range(50)]
    assert sum(alert_rates.is_false(key, one, limit) for one in found) > 40
