"""Limits of alerts: who sets them, which make sense, which there are at first, and what was measured last beside them."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from dashboard.workflows import alert_figures, alert_limits, monitor
from dashboard.workflows.catalog import METRICS
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.alert_steps import PROJECT, figure, limit, opened


def test_a_lead_sets_limits_and_others_do_not(pets: Store) -> None:
    held = alert_limits.set_limit(
        pets, project_id=PROJECT, by=stores.LARS, key="drift_total_variation", limit=0.15, reason="We know our seasons", least_n=3000
    )  # fmt: skip
    assert (held[0].value, held[0].least_n, held[0].set_by, held[0].reason) == (
        0.15,
        3000,
        "lars",
        "We know our seasons",
    )
    assert opened(pets, figure(low=0.14, n=5000)) == 0
    assert opened(pets, figure(low=0.16, n=2999)) == 0
    assert opened(pets, figure(low=0.16, n=3000)) == 1
    limit(pets, "drift_agreement", None)
    assert alert_limits.limits(pets, PROJECT)[1].value is None
    assert opened(pets, figure(key="drift_agreement", low=-0.3, high=-0.2)) == 0
    with pytest.raises(NotAllowed):
        alert_limits.set_limit(
            pets, project_id=PROJECT, by=stores.RITA, key="drift_agreement", limit=0, reason="x"
        )


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [({"key": "weather"}, "raises no alert. Figures that do"), ({"limit": 2.0}, "between 0 and 1"), ({"limit": -0.1}, "between 0 and 1"),
     ({"least_n": 10}, "fewer tell nothing"), ({"reason": ""}, "needs a reason"), ({"limit": float("nan")}, "between 0 and 1"),
     ({"key": "krippendorff_alpha", "limit": 67.0}, "between -1 and 1"), ({"key": "cost_per_right_label", "limit": -1.0}, "at 0 or more"),
     ({"key": "drift_choice_change"}, "drift_total_variation says how far they moved"),
     ({"key": "median_seconds"}, "how seconds spread"), ({"key": "label_alpha"}, "name label:NAME"),
     ({"key": "label_alpha", "group": "label:fox"}, "Measured: bird, cat, dog"),
     ({"key": "label_alpha", "group": "annotator:a0"}, "name label:NAME"),
     ({"key": "percent_agreement", "group": "label:cat"}, "has no groups")],
)  # fmt: skip
def test_a_limit_that_makes_no_sense_is_refused(pets: Store, wrong: dict[str, object], problem: str) -> None:
    asked: dict[str, object] = {"key": "drift_total_variation", "limit": 0.1, "reason": "why", **wrong}
    with pytest.raises(BadRequest, match=problem):
        alert_limits.set_limit(pets, project_id=PROJECT, by=stores.LENA, **asked)  # type: ignore[arg-type]  # wrong on purpose


def test_every_figure_of_the_catalogue_can_have_a_limit_and_none_has_one_before(pets: Store) -> None:
    assert {limit.key for limit in alert_limits.limits(pets, PROJECT)} == {
        row.key for row in alert_figures.DRIFT if row.key != alert_figures.CHOICES
    }
    for metric in METRICS:
        row = alert_figures.watched(metric.key)
        assert (row.default, row.side) == (None, "high" if metric.better == "higher" else "low")
        limit(pets, metric.key, 0.5)
    assert {metric.key for metric in METRICS} < {limit.key for limit in alert_limits.limits(pets, PROJECT)}


def test_beside_a_limit_stands_what_was_measured_last(pets: Store) -> None:
    limit(pets, "krippendorff_alpha", 0.8)
    limit(pets, "label_alpha", 0.8, group="label:cat")
    limit(pets, "agreement_with_others", 0.8, group="annotators", least_n=None)
    limit(pets, "bias_gap", 0.1)
    held = alert_limits.limits(pets, PROJECT)
    found = alert_limits.measured_now(pets, PROJECT, held)
    run = monitor.newest_run(pets, PROJECT)
    assert run is not None
    alpha = monitor.figures(pets, PROJECT, run).row(
        by_predicate=pl.col("key") == "krippendorff_alpha", named=True
    )
    assert found["krippendorff_alpha"]["value"] == alpha["value"]
    assert found["label_alpha@label:cat"]["group_id"] == "cat"
    assert set(found) == {
        "krippendorff_alpha",
        "label_alpha@label:cat",
    }  # nobody has 100 items; drift and gaps were not measured
    enough = [replace(one, least_n=10) for one in held if one.group_kind == "annotators"]
    assert (
        alert_limits.measured_now(pets, PROJECT, enough)["agreement_with_others@annotators"]["group_id"]
        == "a4"
    )
    assert alert_limits.measured_now(pets, PROJECT, held, as_of=2) == {}
