"""`touchstone alerts` as a script runs it: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dashboard.workflows.opening import Store, open_store
from tests.cli_shell import Ran, Shell
from tests.dashboard.alert_steps import bring, figure, opened, receiving


@pytest.fixture
def shell(pets: Store, tmp_path: Path) -> Shell:
    """A store with more items, scored, and one open alert."""
    bring(pets, seed=3, n_items=160)
    opened(pets, figure())
    pets.close()
    return Shell(tmp_path / "pets")


def spoken(ran: Ran) -> Any:
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_limits_owners_and_closing_by_script(shell: Shell) -> None:
    shown = spoken(shell("alerts", "--json"))
    alert_id = shown["alerts"][0]["alert_id"]
    assert shown["limits"][0]["key"] == "drift_total_variation"
    assert shown["false_alarms"] == []
    spoken(shell("alerts", "--own", alert_id, "--json"))
    refused = shell("alerts", "--close", alert_id, "--reason", "A holiday")
    assert refused.code == 3
    assert "Reasons: fixed, expected, false_alarm, accepted, duplicate" in refused.err
    shown = spoken(
        shell("alerts", "--close", alert_id, "--code", "false_alarm", "--reason", "A holiday", "--json")
    )
    assert shown["false_alarms"][0]["n_false"] == 1
    shown = spoken(
        shell(
            "alerts",
            "--limit",
            "label_alpha@label:cat=0.95",
            "--least-n",
            "101",
            "--reason",
            "Cats matter",
            "--json",
        )
    )
    held = shown["limits"][-1]
    assert (held["key"], held["group_kind"], held["group_id"], held["value"], held["least_n"]) == (
        "label_alpha", "label", "cat", 0.95, 101,
    )  # fmt: skip
    shown = spoken(
        shell("alerts", "--limit", "accuracy_on_gold@annotators=0.7", "--reason", "Our floor", "--json")
    )
    assert [(one["key"], one["group_kind"], one["value"]) for one in shown["limits"][-2:]] == [
        ("accuracy_on_gold", "annotators", 0.7), ("label_alpha", "label", 0.95),
    ]  # fmt: skip
    assert [one["annotators"] for one in shown["alerts"]] == [[]]
    shown = spoken(shell("alerts", "--owner", "label_alpha=lars", "--reason", "His label", "--json"))
    assert shown["owners"] == {"label_alpha": "lars"}
    spoken(shell("score", "--replicates", "200", "--json"))
    row = spoken(shell("alerts", "--json"))["alerts"][0]
    assert (row["key"], row["group_id"], row["owner"]) == ("label_alpha", "cat", "lars")
    assert (
        spoken(shell("alerts", "--owner", "label_alpha=nobody", "--reason", "Gone", "--json"))["owners"] == {}
    )


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [(("--limit", "weather=1"), 3, "Figures that do"), (("--limit", "krippendorff_alpha=67"), 3, "between -1 and 1"),
     (("--limit", "krippendorff_alpha=on"), 2, "FIGURE=NUMBER"), (("--limit", "krippendorff_alpha=high"), 2, "FIGURE=NUMBER"),
     (("--owner", "rita"), 3, "may not handle alerts"), (("--deliver",), 2, "TOUCHSTONE_WEBHOOK_URL"),
     (("--webhook", "http://example.org"), 3, "Alerts are signed")],
)  # fmt: skip
def test_what_is_wrong_is_refused(
    shell: Shell, words: tuple[str, ...], code: int, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("URL", "SECRET"):
        monkeypatch.delenv(f"TOUCHSTONE_WEBHOOK_{name}", raising=False)
    ran = shell("alerts", *words, "--reason", "why")
    assert ran.code == code
    assert problem in ran.err.replace("\n", " ")


def test_the_sequential_test_is_off_and_on_again(shell: Shell) -> None:
    for value, kept in (("off", None), ("on", 1.0)):
        shown = spoken(shell("alerts", "--limit", f"drift_sequential={value}", "--reason", "why", "--json"))
        assert next(limit["value"] for limit in shown["limits"] if limit["key"] == "drift_sequential") == kept


def test_a_pipeline_fails_while_an_alert_is_open(shell: Shell) -> None:
    ran = shell("alerts", "--fail-on-open", "--json")
    assert ran.code == 1
    alert_id = json.loads(ran.out)["alerts"][0]["alert_id"]
    assert shell("alerts", "--own", alert_id, "--fail-on-open").code == 1
    assert (
        shell("alerts", "--close", alert_id, "--code", "fixed", "--reason", "Mended", "--fail-on-open").code
        == 0
    )
    assert shell("alerts", "--fail-on-open").code == 0


def test_it_delivers_to_the_address_named_and_to_that_of_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_WEBHOOK_SECRET", "key")
    with receiving() as receiver:
        receiver.status = 503
        sent = spoken(shell("alerts", "--webhook", receiver.url, "--allow-private", "--json"))["sent"]
        assert [(one["attempt"], one["answer"]) for one in sent] == [(1, "503 Service Unavailable")]
        receiver.status = 200
        monkeypatch.setenv("TOUCHSTONE_WEBHOOK_URL", receiver.url + "/x")
        monkeypatch.setenv("TOUCHSTONE_WEBHOOK_PRIVATE", "1")
        # The store's clock has been ahead of today's, so the wait is not over.
        sent = spoken(shell("alerts", "--deliver", "--now", "--json"))["sent"]
        assert [(one["attempt"], one["delivered"]) for one in sent] == [(2, True)]
        assert "sent" not in shell("alerts", "--deliver", "--now").out


def test_cost_is_measured_when_the_project_is_scored(shell: Shell) -> None:
    for words in (
        ("rates", "--basis", "annotation", "--amount", "0.05", "--currency", "EUR", "--from", "2020-01-01"),
        ("alerts", "--limit", "cost_per_accepted_label=0.01", "--reason", "Our budget"),
        ("score", "--replicates", "100"),
    ):
        assert shell(*words).code == 0
    rows = spoken(shell("alerts", "--json"))["alerts"]
    assert [row["key"] for row in rows] == ["cost_per_accepted_label", "drift_total_variation"]
    assert rows[0]["sentence"] == "Cost of a label that stands is 0.25 EUR, over the limit of 0.01 EUR"
    with open_store(shell.folder / "store", keys_folder=shell.folder / "keys") as store:
        head = store.head
    assert shell("alerts", "--check").code == 0
    with open_store(shell.folder / "store", keys_folder=shell.folder / "keys") as store:
        assert store.head == head
