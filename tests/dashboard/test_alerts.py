"""Alerts: limits and owners by event, opening with a measurement, taking and closing with a reason, and how often they were false."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dashboard.workflows import (
    alert_limits,
    alerts,
    bias,
    bias_decisions,
    bias_rows,
    cost_alerts,
    history,
    members,
    rates,
    score,
)
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.opening import Store, open_store
from dashboard.workflows.rates import Rate
from tests import rebuilt, stores
from tests.dashboard.alert_steps import PROJECT, bring, figure, limit, one, opened, settle
from tests.dashboard.bias_steps import crowd_store


def rescored(store: Store, *, seed: int = 0) -> None:
    score.score(
        store, project_id=PROJECT, by=stores.LENA, options=score.ScoreOptions(replicates=200, seed=seed)
    )


def listed(store: Store) -> list[tuple[object, ...]]:
    table = alerts.alerts(store, project_id=PROJECT, by=stores.RITA)
    return table.select("key", "group_kind", "group_id", "status").rows()


@pytest.mark.parametrize(
    ("values", "n"),
    [({}, 1), ({"detail": '{"p_value": 0.002}'}, 1), ({"detail": '{"p_value": 0.03}'}, 0), ({"detail": None}, 1),
     ({"low": 0.04}, 0), ({"n": 399}, 0), ({"low": None, "high": None}, 0),
     ({"value": None, "low": None, "high": None, "undefined": "too few"}, 0),
     ({"key": "drift_agreement", "low": -0.3, "high": -0.1}, 1), ({"key": "drift_agreement", "low": -0.3, "high": 0.1}, 0),
     ({"key": "krippendorff_alpha", "low": -0.3, "high": -0.1}, 0)],
)  # fmt: skip
def test_an_alert_takes_the_near_end_of_the_interval_beyond_the_limit_and_enough_n(
    pets: Store, values: dict[str, object], n: int
) -> None:
    assert opened(pets, figure(**values)) == n


def test_the_sequential_test_opens_one_too(pets: Store) -> None:
    alarm: dict[str, object] = {"value": 9.0, "limit": 6.0, "n": 500, "sentence": "Cats run up"}
    assert opened(pets, figure(low=0.0), {**alarm, "n": 20}) == 0
    assert opened(pets, figure(low=0.0), alarm) == 1
    assert (one(pets)["key"], one(pets)["limit_value"]) == ("drift_sequential", 6.0)
    with pytest.raises(BadRequest, match="limit of its own"):
        limit(pets, "drift_sequential", 0.5)


def test_an_alert_is_owned_and_closed_with_a_reason_and_may_come_again_with_other_data(pets: Store) -> None:
    assert opened(pets, figure()) == 1
    assert opened(pets, figure()) == 0
    alert_id = str(one(pets)["alert_id"])
    closing = {"project_id": PROJECT, "by": stores.LENA, "alert_id": alert_id}
    with pytest.raises(BadRequest, match="take it first"):
        alerts.close(pets, **closing, code="expected", reason="a holiday")  # type: ignore[arg-type]  # by name
    alerts.own(pets, project_id=PROJECT, by=stores.LARS, alert_id=alert_id)
    assert (one(pets)["status"], one(pets)["owner"]) == ("owned", "lars")
    with pytest.raises(BadRequest, match="needs a reason in words"):
        alerts.close(pets, **closing, code="expected", reason=" ")  # type: ignore[arg-type]  # by name
    with pytest.raises(BadRequest, match="false_alarm, accepted, duplicate"):
        alerts.close(pets, **closing, code="weather", reason="rain")  # type: ignore[arg-type]  # by name
    alerts.close(pets, **closing, code="expected", reason="New customers")  # type: ignore[arg-type]  # by name
    row = one(pets)
    assert (row["status"], row["owner"], row["code"], row["reason"], row["changed_by"]) == (
        "closed", "lars", "expected", "New customers", "lena",
    )  # fmt: skip
    with pytest.raises(Stale, match="New customers"):
        alerts.own(pets, project_id=PROJECT, by=stores.LENA, alert_id=alert_id)
    assert opened(pets, figure()) == 0
    assert opened(pets, figure(value=0.3, low=0.2)) == 0
    bring(pets, seed=7)
    assert opened(pets, figure()) == 1


def test_one_closed_with_a_reason_stays_closed_though_data_came_between_opening_and_closing(
    pets: Store,
) -> None:
    opened(pets, figure())
    bring(pets, seed=7)
    settle(pets, "accepted", "A new supplier, seen with today's data")
    assert opened(pets, figure()) == 0
    assert opened(pets, figure(value=0.4, low=0.3)) == 0
    bring(pets, seed=8)
    assert opened(pets, figure(low=0.01)) == 0  # new data, and not surely beyond the limit
    assert opened(pets, figure()) == 1


def test_data_that_came_after_the_closer_looked_can_open_it_again(pets: Store) -> None:
    opened(pets, figure())
    alert_id, looked = str(one(pets)["alert_id"]), pets.head
    bring(pets, seed=7)
    alerts.own(pets, project_id=PROJECT, by=stores.LENA, alert_id=alert_id)
    closing = {
        "project_id": PROJECT,
        "by": stores.LENA,
        "alert_id": alert_id,
        "code": "expected",
        "reason": "A holiday",
    }
    with pytest.raises(BadRequest, match="had not seen it"):
        alerts.close(pets, **closing, saw=1)  # type: ignore[arg-type]  # by name
    alerts.close(pets, **closing, saw=looked)  # type: ignore[arg-type]  # by name
    assert one(pets)["saw_seq"] == looked
    assert opened(pets, figure()) == 1


def test_scoring_opens_the_alert_of_the_run_and_no_other(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store") as store:
        bring(store, seed=3, n_items=160)
        rescored(store)
        assert listed(store) == []
        limit(store, "krippendorff_alpha", 0.95)
        limit(store, "percent_agreement", 0.1)
        limit(store, "consensus_accuracy_on_gold", 0.5)
        limit(store, "label_alpha", 0.95, group="label:cat")
        limit(store, "accuracy_on_gold", 0.9, group="annotator:a4")
        rescored(store)
        assert sorted(listed(store)) == [
            ("krippendorff_alpha", "", "", "open"),
            ("label_alpha", "label", "cat", "open"),
        ]
        row = one(store)
        run = store.read("score_runs", project_id=PROJECT).row(0, named=True)
        assert row["run_id"] == run["run_id"]
        assert row["high"] is not None
        assert str(row["sentence"]).endswith("under the limit of 0.950")
        assert float(str(row["value"])) < float(str(row["high"])) < 0.95
        rescored(store, seed=1)
        assert len(listed(store)) == 2


def test_re_measuring_the_same_data_opens_nothing_that_was_closed(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store") as store:
        bring(store, seed=3, n_items=160)
        limit(store, "krippendorff_alpha", 0.95)
        rescored(store)
        settle(store, "accepted", "Hard texts")
        rescored(store, seed=4)
        limit(store, "krippendorff_alpha", 0.96)
        rescored(store, seed=5)
        assert len(listed(store)) == 1
        bring(store, seed=8)
        rescored(store)
        assert [row[3] for row in listed(store)] == ["open", "closed"]


def test_a_gap_that_stays_opens_one_alert_an_attribute(tmp_path: Path) -> None:
    options = bias.BiasOptions(by=("channel", "annotator:site"), purpose="a test", replicates=200)
    with crowd_store(tmp_path / "store") as store:
        bias.bias(store, project_id=PROJECT, by=stores.LENA, options=options)
        assert listed(store) == []
        limit(store, "bias_gap", 0.05)
        bias.bias(store, project_id=PROJECT, by=stores.LENA, options=options)
        found = listed(store)
        assert ("bias_gap", "bias", "annotator site", "open") in found
        assert len(found) == len({row[2] for row in found})
        row = alerts.alerts(store, project_id=PROJECT, by=stores.RITA).row(0, named=True)
        assert row["low"] > 0.05
        assert "points" in row["sentence"]


def test_a_gap_that_was_accepted_raises_no_alert(tmp_path: Path) -> None:
    options = bias.BiasOptions(by=("annotator:site",), purpose="a test", replicates=200)
    with crowd_store(tmp_path / "store") as store:
        found = bias.bias(store, project_id=PROJECT, by=stores.LENA, options=options).gaps.filter(
            verdict="gap"
        )
        assert found.height > 0
        limit(store, "bias_gap", 0.0)
        for row in found.iter_rows(named=True):
            named = {"named": bias_rows.gap_id(row), "action": "accept", "reason": "It is what we ask for"}
            bias_decisions.decide(store, project_id=PROJECT, by=stores.RITA, **named)
        bias.bias(store, project_id=PROJECT, by=stores.LENA, options=options)
        assert listed(store) == []


def test_no_gap_opens_no_alert(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store", gap=0.0) as store:
        limit(store, "bias_gap", 0.0)
        options = bias.BiasOptions(by=("annotator:site",), purpose="a test", replicates=200)
        bias.bias(store, project_id=PROJECT, by=stores.LENA, options=options)
        assert listed(store) == []


def test_cost_is_measured_where_a_limit_of_it_is_set_and_something_moved(tmp_path: Path) -> None:
    due = {"project_id": PROJECT, "by": stores.LENA}
    with stores.small_store(tmp_path / "store") as store:
        bring(store, seed=3, n_items=240)
        rescored(store)
        rates.set_rates(store, **due, table=[Rate("hour", Decimal(36), "EUR", date(2026, 1, 1))])  # type: ignore[arg-type]  # by name
        assert cost_alerts.measure_due(store, **due) is None  # type: ignore[arg-type]  # by name
        limit(store, "cost_per_right_label", 0.01)
        limit(store, "cost_idle_share", 0.99)
        limit(store, "cost_queue_days", 10)
        assert cost_alerts.measure_due(store, **due) is not None  # type: ignore[arg-type]  # by name
        assert listed(store) == [("cost_per_right_label", "", "", "open")]
        row = one(store)
        assert (row["unit"], row["side"]) == ("EUR", "low")
        assert 0.01 < float(str(row["low"])) < float(str(row["value"]))
        assert "over the limit of 0.01 EUR" in str(row["sentence"])
        assert cost_alerts.measure_due(store, **due) is None  # type: ignore[arg-type]  # by name
        rescored(store, seed=2)
        assert cost_alerts.measure_due(store, **due) is not None  # type: ignore[arg-type]  # by name
        assert len(listed(store)) == 1
    with pytest.raises(NotAllowed):
        cost_alerts.measure(store, project_id=PROJECT, by=stores.ANNA)


def test_new_alerts_belong_to_whoever_is_set_as_long_as_they_may(pets: Store) -> None:
    setting = {"project_id": PROJECT, "by": stores.LENA, "reason": "On duty"}
    alert_limits.set_owner(pets, owner="lars", **setting)  # type: ignore[arg-type]  # by name
    alert_limits.set_owner(pets, owner="lena", key="drift_content", **setting)  # type: ignore[arg-type]  # by name
    assert alert_limits.owners(pets, PROJECT) == {"": "lars", "drift_content": "lena"}
    assert opened(pets, figure()) == 1
    assert (one(pets)["owner"], one(pets)["status"]) == ("lars", "owned")
    assert opened(pets, figure(key="drift_content", value=0.9, low=0.8, high=0.95)) == 1
    assert one(pets)["owner"] == "lena"
    members.set_member(pets, by=stores.LENA, person_id="lars", roles=["annotator"])
    assert opened(pets, figure(key="drift_agreement", value=-0.2, low=-0.3, high=-0.1)) == 1
    assert (one(pets)["owner"], one(pets)["status"]) == (None, "open")
    alert_limits.set_owner(pets, owner=None, **setting)  # type: ignore[arg-type]  # by name
    assert alert_limits.owners(pets, PROJECT) == {"drift_content": "lena"}
    for wrong, problem in (("rita", "may not handle alerts"), ("zoe", "not a member")):
        with pytest.raises(BadRequest, match=problem):
            alert_limits.set_owner(pets, owner=wrong, **setting)  # type: ignore[arg-type]  # by name
    with pytest.raises(BadRequest, match="needs a reason"):
        alert_limits.set_owner(pets, project_id=PROJECT, by=stores.LENA, owner="lena", reason="")
    with pytest.raises(NotAllowed):
        alert_limits.set_owner(pets, project_id=PROJECT, by=stores.RITA, owner="lena", reason="mine")


def test_the_share_of_false_alarms_leaves_out_what_says_nothing_of_it(pets: Store) -> None:
    for place, code in enumerate(("false_alarm", "fixed", "false_alarm", "duplicate")):
        bring(pets, seed=20 + place)
        assert opened(pets, figure()) == 1
        settle(pets, code, "Looked at")
    opened(pets, figure(key="drift_agreement", value=-0.2, low=-0.3, high=-0.1))
    (row,) = alerts.false_shares(alerts.alerts(pets, project_id=PROJECT, by=stores.RITA)).to_dicts()
    assert (row["key"], row["n_closed"], row["n_false"]) == ("drift_total_variation", 3, 2)
    assert (row["share"], row["low"], row["high"]) == pytest.approx(
        (2 / 3, 0.2077, 0.9385), abs=1e-4
    )  # Wilson, R's prop.test
    assert alerts.false_shares(alerts.alerts(pets, project_id=PROJECT, by=stores.RITA).clear()).is_empty()


def test_who_may_handle_and_who_sees_them(pets: Store) -> None:
    opened(pets, figure())
    alert_id = str(one(pets)["alert_id"])
    with pytest.raises(NotAllowed):
        alerts.own(pets, project_id=PROJECT, by=stores.RITA, alert_id=alert_id)
    with pytest.raises(NotAllowed):
        alerts.alerts(pets, project_id=PROJECT, by=stores.ANNA)
    with pytest.raises(BadRequest, match="no alert 'x'"):
        alerts.own(pets, project_id=PROJECT, by=stores.LENA, alert_id="x")


def test_a_database_made_anew_from_the_journal_has_the_same_alerts(pets: Store, tmp_path: Path) -> None:
    limit(pets, "krippendorff_alpha", 0.9)
    alert_limits.set_owner(pets, project_id=PROJECT, by=stores.LENA, owner="lars", reason="On duty")
    opened(pets, figure())
    settle(pets, "false_alarm", "A holiday")
    bring(pets, seed=5)
    opened(pets, figure())
    before = rebuilt.tables(pets)
    assert [len(before[name]) for name in ("alert", "alert_status")] == [2, 4]
    assert rebuilt.tables_of_journal(pets.path, tmp_path / "anew") == before
    table = alerts.alerts(pets, project_id=PROJECT, by=stores.RITA)
    folder = pets.path
    pets.close()
    for file in folder.glob("touchstone.duckdb*"):
        file.unlink()
    with open_store(folder, keys_folder=folder.parent / "keys") as again:
        assert alerts.alerts(again, project_id=PROJECT, by=stores.RITA).equals(table)
        assert alert_limits.owners(again, PROJECT) == {"": "lars"}


def test_the_past_shows_the_alerts_of_then(pets: Store) -> None:
    opened(pets, figure())
    then = pets.head
    settle(pets)
    assert alerts.waiting(pets, project_id=PROJECT, by=stores.RITA).is_empty()
    assert alerts.waiting(pets, project_id=PROJECT, by=stores.RITA, as_of=then).height == 1


def test_the_audit_trail_says_what_was_set_opened_and_closed(pets: Store) -> None:
    limit(pets, "krippendorff_alpha", 0.9)
    limit(pets, "krippendorff_alpha", None)
    alert_limits.set_owner(pets, project_id=PROJECT, by=stores.LENA, owner="lars", reason="On duty")
    opened(pets, figure())
    settle(pets, "false_alarm", "A holiday")
    said = history.events(pets, by=stores.RITA, project_id=PROJECT).rows["words"].head(6).reverse()
    assert (
        said[0] == "lena changed the alert limit of krippendorff_alpha from none to 0.9: Our contract says so"
    )
    assert (
        said[1] == "lena changed the alert limit of krippendorff_alpha from 0.9 to none: Our contract says so"
    )
    assert said[2] == "lena made lars the owner of new alerts: On duty"
    assert said[3].endswith("; 1 alert opened")
    assert said[5].endswith("(A false alarm: nothing had changed: A holiday)")
