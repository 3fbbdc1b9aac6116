"""Alerts on the pages: limits, owners and the webhook in Settings; a card's figure, its page and its closing; who sees none."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.workflows import alert_limits, alerts
from dashboard.workflows.alert_delivery import deliver
from dashboard.workflows.alert_webhook import Webhook
from dashboard.workflows.errors import NotAllowed
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.alert_steps import PROJECT, bring, figure, opened, receiving, settle
from tests.dashboard.pages import checked, open_page, shown_by, words


def said(app: AppTest) -> str:
    return words(app).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    return checked(next(one for one in app.button if one.label == label).click().run())


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_before_anything_was_set_the_page_says_what_is_watched_and_that_nothing_is_sent(
    pets: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOUCHSTONE_WEBHOOK_URL", raising=False)
    with shown_by(pets):
        app = open_page("settings", person="lena", tab="alerts")
        text = said(app)
        assert "5 figures of Pets are watched" in text
        assert "Nobody: an alert opens unowned" in text
        assert "Alerts are sent nowhere" in text
        assert "Nothing was sent so far" in text
        table = app.dataframe[0].value
        assert table["Set by"].unique().tolist() == ["the default"]
        assert table["Alert"].tolist()[-1] == "by its own limit"
        assert table["False alarms"].unique().tolist() == ["none closed"]


def test_a_limit_is_set_with_a_reason(pets: Store) -> None:
    with shown_by(pets):
        app = open_page("settings", person="lars", tab="alerts")
        app = checked(app.selectbox(key="limit_of").set_value("krippendorff_alpha").run())
        app = press(app, "Set the limit")
        assert "needs a reason" in said(app)
        app.number_input(key="limit_value_krippendorff_alpha").set_value(0.8)
        app.text_input(key="limit_why").input("Our contract")
        app = press(app, "Set the limit")
        assert "6 figures of Pets are watched" in said(app)
        row = app.dataframe[0].value.iloc[-1]
        assert (row["Figure"], row["Alert"], row["Why"]) == (
            "Krippendorff's alpha",
            "under 0.800",
            "Our contract",
        )
        assert row["Set by"].startswith("lars, ")
    held = alert_limits.limits(pets, PROJECT)[-1]
    assert (held.key, held.value, held.least_n) == ("krippendorff_alpha", 0.8, 100)


def test_a_limit_of_a_group_asks_which(pets: Store) -> None:
    with shown_by(pets):
        app = open_page("settings", person="lena", tab="alerts")
        app = checked(app.selectbox(key="limit_of").set_value("accuracy_on_gold").run())
        group = app.selectbox(key="limit_group_accuracy_on_gold")
        assert group.options[:2] == ["any annotator", "a0"]
        group.set_value("annotator:a4")
        app.text_input(key="limit_why").input("New here")
        press(app, "Set the limit")
    held = alert_limits.limits(pets, PROJECT)[-1]
    assert (held.group_kind, held.group_id) == ("annotator", "a4")


def test_a_limit_of_all_annotators_at_once_is_set_and_listed(pets: Store) -> None:
    with shown_by(pets):
        app = open_page("settings", person="lena", tab="alerts")
        app = checked(app.selectbox(key="limit_of").set_value("accuracy_on_gold").run())
        assert "at most 2.5 of 100 measurements name anybody wrongly" in said(
            app
        )  # any annotator comes first
        app.text_input(key="limit_why").input("Our floor")
        app = press(app, "Set the limit")
        row = app.dataframe[0].value.iloc[-1]
        assert row["Figure"] == "Accuracy on gold (any annotator)"
    held = alert_limits.limits(pets, PROJECT)[-1]
    assert (held.group_kind, held.group_id) == ("annotators", "")


def test_the_owner_of_new_alerts_is_set(pets: Store) -> None:
    with shown_by(pets):
        app = open_page("settings", person="lena", tab="alerts")
        app.selectbox(key="owner_is").set_value("lars")
        app.text_input(key="owner_why").input("On duty")
        app = press(app, "Set the owner")
        assert "Every figure: **Lars Lead**" in said(app)
        opened(pets, figure())
        assert "owned by **lars**" in said(open_page("overview", person="rita"))


def test_the_webhook_shows_its_host_and_last_answers_and_no_path(
    pets: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(pets, figure())
    with receiving() as receiver:
        receiver.status = 503
        webhook = Webhook(receiver.url + "/private-path", "key", allow_private=True)
        deliver(pets, project_id=PROJECT, by=stores.LENA, webhook=webhook)
    monkeypatch.setenv("TOUCHSTONE_WEBHOOK_URL", "https://hooks.example/private-path")
    monkeypatch.setenv("TOUCHSTONE_WEBHOOK_SECRET", "key")
    with shown_by(pets):
        app = open_page("settings", person="lena", tab="alerts")
        assert "Alerts go to **hooks.example**" in said(app)
        assert "private-path" not in said(app)
        row = app.dataframe[1].value.iloc[0]
        assert (row["Host"], row["Answer"], row["Attempts"]) == (
            "127.0.0.1",
            "503 Service Unavailable",
            "1 of 10",
        )
        assert row["Next"].startswith("not before ")
        monkeypatch.setenv("TOUCHSTONE_WEBHOOK_SECRET", "")
        assert "Alerts are signed: set TOUCHSTONE_WEBHOOK_SECRET" in said(
            open_page("settings", person="lena", tab="alerts")
        )


def test_how_often_alerts_were_false_is_said_beside_their_limit(pets: Store) -> None:
    opened(pets, figure())
    settle(pets, "false_alarm", "A holiday")
    bring(pets, seed=3)
    opened(pets, figure())
    settle(pets, "fixed", "Mended")
    with shown_by(pets):
        app = open_page("settings", person="lena", tab="alerts")
        assert app.dataframe[0].value["False alarms"].iloc[0] == "1 of 2 closed (9% to 91%)"


def test_a_card_says_figure_limit_and_where_it_went_and_is_closed_with_a_code(
    pets: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOUCHSTONE_WEBHOOK_URL", raising=False)
    alert_limits.set_limit(
        pets,
        project_id=PROJECT,
        by=stores.LENA,
        key="label_alpha",
        group="label:cat",
        limit=0.8,
        reason="Cats matter",
    )
    low = {"key": "label_alpha", "group_kind": "label", "group_id": "cat", "unit": "coefficient"}
    assert opened(pets, figure(**low, value=0.5, low=0.4, high=0.6, n=400)) == 1
    with shown_by(pets):
        app = open_page("overview", person="lars")
        text = said(app)
        assert (
            "**Alpha of one label against the rest (cat)** is 0.500 (0.400 to 0.600), under the limit of 0.800"
            in text
        )
        assert "0.500, limit 0.800, n 400." in text
        with monkeypatch.context() as served:
            served.setenv("TOUCHSTONE_WEBHOOK_URL", "https://hooks.example/path")
            assert "0.500, limit 0.800, n 400; not sent yet." in said(open_page("overview", person="lars"))
        app = open_page("overview", person="lars")
        app = press(app, "I take it")
        app = press(app, "Close the alert")
        assert "Choose what it was" in said(app)
        alert_id = alerts.waiting(pets, project_id=PROJECT, by=stores.LENA)["alert_id"][0]
        app.selectbox(key=f"code_{alert_id}").set_value("accepted")
        app.text_input(key=f"reason_{alert_id}").input("Cats are hard")
        press(app, "Close the alert")
    row = alerts.alerts(pets, project_id=PROJECT, by=stores.RITA).row(0, named=True)
    assert (row["status"], row["code"], row["reason"]) == ("closed", "accepted", "Cats are hard")


def test_the_past_has_no_forms(pets: Store) -> None:
    then = pets.head
    opened(pets, figure())
    with shown_by(pets):
        app = open_page("settings", person="lena", tab="alerts", as_of=str(then))
        assert "5 figures of Pets are watched" in said(app)
        assert not {"Set the limit", "Set the owner"} & set(labels(app))


def test_a_reviewer_reads_limits_owners_and_the_webhook_and_changes_none(pets: Store) -> None:
    with shown_by(pets):
        app = open_page("settings", person="rita", tab="alerts")
        assert "5 figures of Pets are watched" in said(app)
        assert app.dataframe[0].value["Set by"].unique().tolist() == ["the default"]
        assert "Nobody: an alert opens unowned" in said(app)
        assert not app.number_input
        for tab in ("people", "limits", "alerts"):
            app = open_page("settings", person="rita", tab=tab)
            assert not {"Set the limit", "Set the owner", "Add a person", "Change"} & set(labels(app))
    with pytest.raises(NotAllowed):
        alert_limits.set_owner(pets, project_id=PROJECT, by=stores.RITA, owner="lars", reason="x")


def test_settings_are_not_for_annotators(pets: Store) -> None:
    opened(pets, figure())
    with shown_by(pets):
        text = said(open_page("settings", person="anna", tab="alerts"))
    assert "Settings is not for your role" in text
    assert "watched" not in text


def test_data_that_come_in_while_the_form_is_open_were_not_seen(pets: Store) -> None:
    opened(pets, figure())
    alert_id = str(alerts.waiting(pets, project_id=PROJECT, by=stores.LENA)["alert_id"][0])
    with shown_by(pets):
        app = press(open_page("overview", person="lena"), "I take it")
        drawn = pets.head
        bring(pets, seed=7)
        app.selectbox(key=f"code_{alert_id}").set_value("expected")
        app.text_input(key=f"reason_{alert_id}").input("A holiday")
        press(app, "Close the alert")
    row = alerts.alerts(pets, project_id=PROJECT, by=stores.RITA).row(0, named=True)
    assert (row["status"], row["saw_seq"]) == ("closed", drawn)
    assert opened(pets, figure()) == 1


def test_annotators_see_no_alert(pets: Store) -> None:
    opened(pets, figure())
    with shown_by(pets):
        for page in ("overview", "drift", "relabel"):
            assert "Cats grew more" not in said(open_page(page, person="anna"))
