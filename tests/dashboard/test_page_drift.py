"""The page Drift: every state and role; taking and closing an alert; setting a limit; measuring from the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import report_links
from dashboard.workflows import alerts, drift, drift_report
from dashboard.workflows.opening import Store, open_store
from tests import stores
from tests.dashboard.drift_scene import drifting_store
from tests.dashboard.pages import checked, open_page, shown_by, words
from tests.dashboard.test_report_links import keep

PROJECT = stores.PROJECT


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drift-page")
    with drifting_store(folder / "store") as store:
        drift.measure(store, project_id=PROJECT, by=stores.LENA)
    return folder


@pytest.fixture
def shown(measured: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(measured, tmp_path / "copy")
    with (
        open_store(tmp_path / "copy" / "store", keys_folder=tmp_path / "copy" / "keys") as store,
        shown_by(store),
    ):
        yield store


def said(app: AppTest) -> str:
    return words(app).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    button = next(one for one in app.button if one.label == label)
    return checked(button.click().run())


@pytest.mark.parametrize("person", ["lena", "rita"])
def test_the_first_line_says_what_changed_and_why(shown: Store, person: str) -> None:
    app = open_page("drift", person=person)
    text = said(app)
    assert "cat is given more often: " in text
    assert "from which items came" in text
    assert "Why the rate of cat changed" in text
    assert "nobody owns it" in text
    assert len(app.get("plotly_chart")) == 4
    assert ("I take it" in [button.label for button in app.button]) == (person == "lena")
    assert ("Measure drift" in [button.label for button in app.button]) == (person == "lena")
    assert ("Make the report" in [button.label for button in app.button]) == (person == "lena")
    assert app.dataframe[0].value["annotator_id"].iloc[0] == "a03"


def test_an_annotator_does_not_see_the_page(shown: Store) -> None:
    assert "Drift is not for your role" in said(open_page("drift", person="anna"))


@pytest.mark.parametrize("person", ["lena", "rita"])
def test_before_anything_was_measured_it_says_how(pets: Store, person: str) -> None:
    with shown_by(pets):
        app = open_page("drift", person=person)
        assert "Drift was not measured yet" in said(app)
        assert ("Measure drift" in [button.label for button in app.button]) == (person == "lena")


def test_measuring_from_the_page_and_too_few_annotations(pets: Store) -> None:
    with shown_by(pets):
        app = press(open_page("drift", person="lena"), "Measure drift")
        assert "Too few annotations to speak of drift" in said(app)
        assert not app.get("plotly_chart")
        assert drift.runs(pets, project_id=PROJECT, by=stores.LENA).height == 1


def test_a_window_that_is_not_understood_is_said(shown: Store) -> None:
    app = open_page("drift", person="lena")
    next(field for field in app.text_input if field.label == "Window").set_value("a week")
    assert "days such as 7d" in said(press(app, "Measure drift"))


def test_no_drift_is_said_with_what_chance_makes(tmp_path: Path) -> None:
    with drifting_store(tmp_path / "store", drifting=False) as calm:
        drift.measure(calm, project_id=PROJECT, by=stores.LENA)
        with shown_by(calm):
            text = said(open_page("drift", person="rita"))
    assert "No drift is seen in" in text
    assert "No alert is open" in text


def test_an_alert_is_taken_and_closed_with_a_reason(shown: Store) -> None:
    app = press(open_page("drift", person="lena"), "I take it")
    assert "owned by **lena**" in said(app)
    app = press(app, "Close the alert")
    assert "Choose what it was" in said(app)
    next(field for field in app.selectbox if field.label == "It was").set_value("expected")
    assert "needs a reason in words" in said(press(app, "Close the alert"))
    next(field for field in app.text_input if field.label.startswith("What was it")).set_value(
        "A new supplier"
    )
    app = press(app, "Close the alert")
    table = alerts.alerts(shown, project_id=PROJECT, by=stores.LENA)
    assert "A new supplier" in table["reason"].to_list()


def test_a_measurement_is_in_the_address(shown: Store) -> None:
    first = drift.newest(shown, project_id=PROJECT, by=stores.LENA)
    assert first is not None
    drift.measure(shown, project_id=PROJECT, by=stores.LENA, options=drift.DriftOptions(label="dog"))
    assert "dog is given less often" in said(open_page("drift", person="rita"))
    assert "cat is given more often" in said(open_page("drift", person="rita", run=first.run_id))
    assert "dog is given less often" in said(open_page("drift", person="rita", run="nonsense"))


def test_the_past_shows_what_was_known_and_changes_nothing(shown: Store) -> None:
    app = open_page("drift", person="lena", as_of="3")
    assert "Drift was not measured yet" in said(app)
    assert "Measure drift" not in [button.label for button in app.button]


@pytest.mark.parametrize("person", ["lena", "rita"])
def test_overview_lists_the_open_alerts_to_who_sees_figures(shown: Store, person: str) -> None:
    app = open_page("overview", person=person)
    text = said(app)
    n = alerts.waiting(shown, project_id=PROJECT, by=stores.LENA).height
    assert n > 0
    assert f"{n} alert" in text
    assert "nobody owns it" in text
    assert ("I take it" in [button.label for button in app.button]) == (person == "lena")


def test_an_alert_taken_and_closed_on_overview_leaves_it(shown: Store) -> None:
    app = open_page("overview", person="lena")
    before = alerts.waiting(shown, project_id=PROJECT, by=stores.LENA)
    app = press(app, "I take it")
    app.selectbox(key=f"code_{before['alert_id'][0]}").set_value("expected")
    app.text_input(key=f"reason_{before['alert_id'][0]}").input("New customers")
    press(app, "Close the alert")
    left = alerts.waiting(shown, project_id=PROJECT, by=stores.LENA)
    assert left["alert_id"].to_list() == before["alert_id"].to_list()[1:]


@pytest.mark.parametrize("person", ["lena", "rita"])
def test_overview_says_nothing_of_alerts_where_none_is_open(pets: Store, person: str) -> None:
    with shown_by(pets):
        text = said(open_page("overview", person=person))
    assert "alert is open" not in text
    assert "alerts are open" not in text


def test_the_report_opens_inside_the_page_and_for_an_older_measurement(shown: Store) -> None:
    first = drift.newest(shown, project_id=PROJECT, by=stores.LENA)
    assert first is not None
    keep(shown, first.run_id, "<p>As it was</p>")
    drift.measure(shown, project_id=PROJECT, by=stores.LENA, options=drift.DriftOptions(label="dog"))
    assert not open_page("drift", person="rita").toggle
    app = open_page("drift", person="rita", run=first.run_id)
    assert not app.get("iframe")
    app = checked(app.toggle(key="report_open").set_value(True).run())
    link = app.get("iframe")[0].proto.src.removeprefix("/api/report/")
    seen = report_links.opened(link)
    assert (seen.person_id, seen.run_id, seen.as_of) == ("rita", first.run_id, None)


def test_the_report_is_read_only_where_it_is_asked_for(shown: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = drift.newest(shown, project_id=PROJECT, by=stores.LENA)
    assert seen is not None
    keep(shown, seen.run_id, "<p>As it was</p>")
    read = drift_report.read
    asked: list[str] = []

    def noted(*args: object, **named: object) -> drift_report.Report | None:
        asked.append(str(named["run_id"]))
        return read(*args, **named)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(drift_report, "read", noted)
    text = said(checked(open_page("drift", person="rita").run()))
    assert "evidently 0, kept with this measurement; SHA-256" in text
    assert asked == []


@pytest.mark.parametrize("person", ["lena", "rita"])
def test_who_and_what_moved_it_can_be_opened(shown: Store, person: str) -> None:
    app = open_page("drift", person=person)
    tables = {tuple(frame.value.columns): frame.value for frame in app.dataframe}
    items = next(table for columns, table in tables.items() if columns[0] == "Item")
    assert list(items.columns) == ["Item", "Annotations", "cat", "Moved (points)", "Label now"]
    assert len(items) == 50
    assert (items["cat"] > 0).all()
    seen = drift.newest(shown, project_id=PROJECT, by=stores.LENA)
    assert seen is not None
    assert items["Item"].tolist() == seen.items["item_id"].to_list()
    assert "Choose one to open its story" in said(app)


def test_both_sequential_tests_are_shown_and_one_is_in_charge(shown: Store) -> None:
    drift.measure(shown, project_id=PROJECT, by=stores.LENA, options=drift.DriftOptions(chart="page-hinkley"))
    text = said(open_page("drift", person="rita"))
    assert "Page–Hinkley is in charge of alarms" in text
    assert "As description, which raises no alert: CUSUM" in text
    assert "**CUSUM**: description, it raises no alert" in text
    assert "Days of the week are taken out." in text or "Hours of the week are taken out." in text


def test_a_measurement_of_before_the_second_test_is_still_shown(shown: Store) -> None:
    """Documents that were kept have neither items nor a second test."""
    cursor = shown._database.connection.cursor()
    kept = json.loads(cursor.execute("SELECT document FROM drift_run").fetchall()[0][0])
    del kept["items"]
    for name in ("other", "season", "chart", "label_set", "is_sets", "n_used"):
        del kept["facts"][name]
    for row in kept["trend"]:
        del row["other_up"], row["other_down"]
    cursor.execute("UPDATE drift_run SET document = $document", {"document": json.dumps(kept)})
    text = said(open_page("drift", person="rita"))
    assert "CUSUM is in charge of alarms" in text
    assert "No item stands out" in text
