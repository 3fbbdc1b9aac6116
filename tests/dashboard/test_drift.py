"""Measuring drift from the store: what changed and why, windows, rights, what is kept, the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import alerts, drift, drift_report, drift_split, drift_words
from dashboard.workflows.drift_windows import windows
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from tests import rebuilt, stores
from tests.dashboard.drift_scene import copied, drifting_store, newest
from tests.dashboard.test_report_links import keep

PROJECT = stores.PROJECT


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drift")
    with drifting_store(folder / "store") as store:
        drift.measure(store, project_id=PROJECT, by=stores.LENA)
    return folder


@pytest.fixture
def store(measured: Path, tmp_path: Path) -> Iterator[Store]:
    with copied(measured, tmp_path) as found:
        yield found


def test_the_sentence_says_what_changed_by_how_much_and_why(store: Store) -> None:
    seen = newest(store)
    assert seen.state == "watch"
    assert seen.sentence.startswith("cat is given more often: ")
    assert "03 Aug to 09 Aug 2026" in seen.sentence
    assert "from which items came" in seen.sentence
    parts = {row["part"]: row for row in seen.parts.iter_rows(named=True)}
    row = seen.labels.row(by_predicate=pl.col("label") == "cat", named=True)
    assert sum(part["value"] for part in parts.values()) == pytest.approx(row["change"], abs=1e-9)
    assert parts["which items came"]["low"] > 0
    assert seen.facts["attribute"] == "from"
    assert seen.people["annotator_id"][0] == "a03"
    assert seen.kinds["kind"].to_list() == ["street", "farm"] or seen.kinds["kind"].to_list() == [
        "farm",
        "street",
    ]


def test_the_measurement_is_kept_as_it_was_seen(store: Store, tmp_path: Path) -> None:
    seen = newest(store)
    kept = store.read(
        "score_trend", project_id=PROJECT, key="drift_total_variation", group_kind="", group_id="", as_of=None
    )
    figure = seen.figures.row(by_predicate=pl.col("key") == "drift_total_variation", named=True)
    assert kept["value"].to_list() == [figure["value"]]
    assert figure["n"] == 36 * 70 * 3
    assert drift.newest(store, project_id=PROJECT, by=stores.RITA, as_of=1) is None


def test_alerts_open_on_enough_n_and_only_once(store: Store) -> None:
    first = alerts.alerts(store, project_id=PROJECT, by=stores.RITA)
    assert "drift_total_variation" in first["key"].to_list()
    drift.measure(store, project_id=PROJECT, by=stores.LENA)
    assert alerts.alerts(store, project_id=PROJECT, by=stores.RITA).height == first.height


def test_without_drift_nothing_is_reported_and_no_alert_opens(tmp_path: Path) -> None:
    with drifting_store(tmp_path / "store", drifting=False) as calm:
        seen = drift.measure(calm, project_id=PROJECT, by=stores.LENA)
        assert seen.state == "fit"
        assert seen.sentence.startswith("No drift is seen in 03 Aug to 09 Aug 2026")
        assert alerts.alerts(calm, project_id=PROJECT, by=stores.LENA).is_empty()
        assert drift.drift_today(calm, PROJECT, stores.LENA) == ("fit", f"{seen.sentence}.")


def test_today_in_a_sentence(store: Store) -> None:
    state, sentence = drift.drift_today(store, PROJECT, stores.RITA)
    assert state == "watch"
    assert "cat is given more often" in sentence
    assert sentence.endswith("open.")


def test_too_few_annotations_say_so(pets: Store) -> None:
    assert drift.drift_today(pets, PROJECT, stores.LENA) == ("undefined", "Drift was not measured yet.")
    seen = drift.measure(pets, project_id=PROJECT, by=stores.LENA)
    assert seen.state == "undefined"
    assert seen.sentence.startswith("Too few annotations to speak of drift: 200 in 26 Aug to 01 Sep 2026")
    assert seen.parts.is_empty()


@pytest.mark.parametrize(
    ("window", "reference", "n"),
    [
        ("7d", "7d", (756, 756)), ("100", "7d", (100, 760)), ("2026-06-10..2026-06-10", "2026-06-01..2026-06-02", (108, 216)),
        ("14d", "90d", (1512, 6048)),
    ],
)  # fmt: skip
def test_windows_of_days_counts_and_dates(
    store: Store, window: str, reference: str, n: tuple[int, int]
) -> None:
    found = windows(store, PROJECT, reference=reference, window=window, as_of=store.head)
    counts = found.rows.group_by("window").len().sort("window")["len"].to_list()
    assert (counts[1], counts[0]) == n


@pytest.mark.parametrize(
    ("window", "reference", "problem"),
    [("week", "90d", "days such as 7d"), ("7d", "all", "release:N"), ("7d", "release:9", "no release 9"),
     ("2026-02-01..2026-01-01", "90d", "ends before"), ("2026-13-01..2026-14-01", "90d", "not understood")],
)  # fmt: skip
def test_windows_that_are_not_understood_are_refused(
    store: Store, window: str, reference: str, problem: str
) -> None:
    options = drift.DriftOptions(window=window, reference=reference)
    with pytest.raises(BadRequest, match=problem):
        drift.measure(store, project_id=PROJECT, by=stores.LENA, options=options)


def test_an_unknown_label_is_refused_and_a_known_one_is_split(store: Store) -> None:
    with pytest.raises(BadRequest, match="no label 'fox'"):
        drift.measure(store, project_id=PROJECT, by=stores.LENA, options=drift.DriftOptions(label="fox"))
    seen = drift.measure(store, project_id=PROJECT, by=stores.LENA, options=drift.DriftOptions(label="dog"))
    assert seen.label == "dog"
    assert seen.sentence.startswith("dog is given less often")


def test_who_may(store: Store) -> None:
    for person in (stores.RITA, stores.ANNA):
        with pytest.raises(NotAllowed):
            drift.measure(store, project_id=PROJECT, by=person)
    with pytest.raises(NotAllowed):
        drift.newest(store, project_id=PROJECT, by=stores.ANNA)
    with pytest.raises(NotAllowed):
        drift.drift_today(store, PROJECT, stores.ANNA)


def test_a_request_that_is_sent_again_is_saved_once(store: Store) -> None:
    for _ in range(2):
        drift.measure(store, project_id=PROJECT, by=stores.LENA, request_id="once")
    assert drift.runs(store, project_id=PROJECT, by=stores.LENA).height == 2


def test_the_report_is_kept_with_the_measurement_under_its_hash(store: Store) -> None:
    pytest.importorskip("evidently")
    seen = newest(store)
    assert drift_report.read(store, project_id=PROJECT, by=stores.RITA, run_id=seen.run_id) is None
    made = drift_report.make(store, project_id=PROJECT, by=stores.LENA, run_id=seen.run_id)
    kept = drift_report.read(store, project_id=PROJECT, by=stores.RITA, run_id=seen.run_id)
    assert kept == made
    assert newest(store).report_sha256 == made.sha256
    assert "item: from" in made.html
    with pytest.raises(NotAllowed):
        drift_report.make(store, project_id=PROJECT, by=stores.RITA, run_id=seen.run_id)


def test_a_report_of_nothing_is_refused(store: Store, pets: Store) -> None:
    with pytest.raises(BadRequest, match="no measurement"):
        drift_report.make(store, project_id=PROJECT, by=stores.LENA, run_id="nothing")
    few = drift.measure(pets, project_id=PROJECT, by=stores.LENA)
    with pytest.raises(BadRequest, match="100 annotations"):
        drift_report.make(pets, project_id=PROJECT, by=stores.LENA, run_id=few.run_id)


def test_the_tables_of_drift_come_back_from_the_journal_alone(store: Store, tmp_path: Path) -> None:
    run_id = newest(store).run_id
    keep(store, run_id, "<p>Two windows</p>")
    opened = alerts.waiting(store, project_id=PROJECT, by=stores.LENA)["alert_id"][0]
    alerts.own(store, project_id=PROJECT, by=stores.LENA, alert_id=opened)
    ours = rebuilt.tables(store)
    again = rebuilt.tables_of_journal(tmp_path / "copy" / "store", tmp_path / "again")
    for table in ("drift_run", "drift_report", "alert", "alert_status", "run", "measurement"):
        assert ours[table]
        assert again[table] == ours[table], table


@pytest.mark.parametrize("chart", ["cusum", "page-hinkley"])
def test_one_sequential_test_is_in_charge_and_the_other_describes(store: Store, chart: str) -> None:
    seen = drift.measure(store, project_id=PROJECT, by=stores.LENA, options=drift.DriftOptions(chart=chart))
    assert seen.facts["chart"] == chart
    assert {chart, seen.facts["other"]["chart"]} == {"cusum", "page-hinkley"}
    assert seen.limit != seen.facts["other"]["limit"]
    new = seen.trend.drop_nulls("up")
    assert new.height == 7
    assert new["other_up"].null_count() == 0
    assert (
        seen.facts["alarm_at"]
        == (new.filter(pl.max_horizontal("up", "down") > seen.limit)["period"].to_list() or [""])[0]
    )
    with pytest.raises(BadRequest, match="no sequential test"):
        drift.measure(store, project_id=PROJECT, by=stores.LENA, options=drift.DriftOptions(chart="shewhart"))


def test_the_items_that_moved_it_are_of_the_window_and_of_that_label(store: Store) -> None:
    seen = newest(store)
    days = {int(name.split("-")[1]) for name in seen.items["item_id"]}
    assert days <= set(range(63, 70))
    assert (seen.items["hits"] == seen.items["n"]).all()
    assert seen.items["moved"].to_list() == sorted(seen.items["moved"], reverse=True)
    assert seen.items["moved"][0] > 0


def test_a_draw_keeps_the_rates_of_both_windows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_split, "MOST_ROWS", 1500)
    seen = drift.measure(store, project_id=PROJECT, by=stores.LENA)
    row = seen.labels.row(by_predicate=pl.col("label") == seen.label, named=True)
    assert seen.facts["n_used"] < 2000
    assert f"split on {seen.facts['n_used']:,} of them" in seen.detail
    assert sum(seen.parts["value"]) == pytest.approx(row["change"], abs=1e-9)
    whole = {part["part"]: part for part in newest_but_one(store).parts.iter_rows(named=True)}
    for part in seen.parts.iter_rows(named=True):
        assert part["low"] <= whole[part["part"]]["value"] <= part["high"]


def newest_but_one(store: Store) -> drift.Drift:
    run_id = drift.runs(store, project_id=PROJECT, by=stores.RITA)["run_id"][1]
    seen = drift.newest(store, project_id=PROJECT, by=stores.RITA, run_id=run_id)
    assert seen is not None
    return seen


def test_an_alarm_stands_in_the_first_line_also_where_the_mix_shows_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_words, "LEVEL", 0.0)
    seen = drift.measure(store, project_id=PROJECT, by=stores.LENA)
    assert seen.state == "watch"
    assert "It cannot be told whether there is drift" in seen.sentence
    assert "but the rate of cat runs up since 2026-08-03, as the sequential test finds" in seen.sentence
