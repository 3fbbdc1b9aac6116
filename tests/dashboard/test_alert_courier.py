"""The server's thread for alerts: it delivers by itself, comes again, measures cost, and stops cleanly."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dashboard import alert_courier, app, session
from dashboard.alert_courier import Courier
from dashboard.workflows import alert_delivery, alert_limits, alerts, cost_alerts, rates
from dashboard.workflows.alert_webhook import Webhook
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store, StoreError
from dashboard.workflows.rates import Rate
from tests import stores
from tests.dashboard.alert_steps import PROJECT, Receiver, figure, one, opened, receiving

SOON = 0.02


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as kept:
        yield kept


def until(happened: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    """Whether it happens within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def couriers() -> Iterator[Callable[[Store, Webhook | None], Courier]]:
    started: list[Courier] = []

    def start(store: Store, webhook: Webhook | None) -> Courier:
        started.append(Courier(store, webhook, look_seconds=SOON))
        started[-1].start()
        return started[-1]

    yield start
    for courier in started:
        assert courier.stop()


Start = Callable[[Store, Webhook | None], Courier]


def hook(receiver: Receiver) -> Webhook:
    return Webhook(receiver.url + "/hook", "key", allow_private=True, timeout=2)


def test_what_opens_is_sent_without_anybody_asking(pets: Store, receiver: Receiver, couriers: Start) -> None:
    couriers(pets, hook(receiver))
    time.sleep(5 * SOON)
    assert receiver.got == []
    opened(pets, figure())
    assert until(lambda: bool(one(pets)["delivered"]))
    head = pets.head
    time.sleep(5 * SOON)
    assert (len(receiver.got), pets.head) == (1, head)
    sent = pets.read("audit_facets", project_id=PROJECT).filter(kind="alert_sent")
    assert sent["actor"].to_list() == ["touchstone"]


def test_what_failed_is_sent_again_once_it_is_due(
    pets: Store,
    receiver: Receiver,
    couriers: Start,
    clock: stores.SteppingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alert_delivery, "FIRST_WAIT", timedelta(days=1))
    monkeypatch.setattr(alert_delivery, "LONGEST_WAIT", timedelta(days=1))
    receiver.status = 503
    couriers(pets, hook(receiver))
    opened(pets, figure())
    assert until(lambda: one(pets)["attempts"] == 1)
    receiver.status = 200
    time.sleep(10 * SOON)
    assert len(receiver.got) == 1
    clock.now += timedelta(days=2)
    assert until(lambda: bool(one(pets)["delivered"]))
    assert one(pets)["attempts"] == 2


def test_a_project_whose_cost_cannot_be_measured_keeps_no_alert_back(
    pets: Store, receiver: Receiver, couriers: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise BadRequest("its ledger cannot be read")

    monkeypatch.setattr(cost_alerts, "measure_due", fails)
    opened(pets, figure())
    couriers(pets, hook(receiver))
    assert until(lambda: bool(one(pets)["delivered"]))


def test_stopping_waits_for_what_is_on_its_way_and_begins_nothing_new(
    pets: Store, receiver: Receiver
) -> None:
    receiver.wait = 0.3
    opened(pets, figure())
    opened(pets, figure(key="drift_agreement", value=-0.2, low=-0.3, high=-0.1))
    courier = Courier(pets, hook(receiver), look_seconds=SOON)
    courier.start()
    assert until(lambda: len(receiver.got) == 1)
    assert courier.stop()
    table = alerts.alerts(pets, project_id=PROJECT, by=stores.RITA)
    assert sorted(table["attempts"]) == [0, 1]
    assert table["delivered"].sum() == 1


def test_without_a_webhook_nothing_is_sent_and_cost_is_measured(pets: Store, couriers: Start) -> None:
    rates.set_rates(
        pets, project_id=PROJECT, by=stores.LENA, table=[Rate("hour", Decimal(36), "EUR", date(2026, 1, 1))]
    )
    alert_limits.set_limit(
        pets, project_id=PROJECT, by=stores.LENA, key="cost_idle_share", limit=0.9, reason="Breaks are long"
    )
    opened(pets, figure())
    couriers(pets, None)
    assert until(lambda: "cost" in pets.read("score_runs", project_id=PROJECT)["kind"].to_list())
    time.sleep(5 * SOON)
    assert one(pets)["attempts"] == 0
    assert pets.read("score_runs", project_id=PROJECT)["kind"].to_list().count("cost") == 1


def test_what_fails_is_logged_and_does_not_end_the_thread(
    pets: Store,
    receiver: Receiver,
    couriers: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(alert_courier, "AFTER_FAILURE_SECONDS", SOON)
    failures: list[int] = []
    real = alert_delivery.deliver

    def failing(*given: object, **named: object) -> object:
        if not failures:
            failures.append(1)
            raise StoreError("The disk is full.")
        return real(*given, **named)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(alert_delivery, "deliver", failing)
    opened(pets, figure())
    with caplog.at_level(logging.ERROR, "touchstone"):
        couriers(pets, hook(receiver))
        assert until(lambda: bool(one(pets)["delivered"]))
    assert "could not be looked after" in caplog.text


def test_a_webhook_that_cannot_be_used_is_said_and_left_out(
    pets: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOUCHSTONE_WEBHOOK_URL", "http://hooks.example/secret-path")
    monkeypatch.setenv("TOUCHSTONE_WEBHOOK_SECRET", "key")
    courier = alert_courier.for_server(pets)
    assert courier._webhook is None
    assert "begins with https://" in caplog.text
    assert "secret-path" not in caplog.text


def test_the_server_starts_it_and_stops_it_before_the_store_closes(
    prepared: Path, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(prepared / "pets", tmp_path / "pets")
    for name, value in (
        ("STORE", str(tmp_path / "pets" / "store")), ("KEYS", str(tmp_path / "pets" / "keys")), ("WEBHOOK_URL", receiver.url),
        ("WEBHOOK_SECRET", "key"), ("WEBHOOK_PRIVATE", "1"),
    ):  # fmt: skip
        monkeypatch.setenv(f"TOUCHSTONE_{name}", value)
    monkeypatch.setattr(alert_courier, "LOOK_SECONDS", SOON)

    async def run() -> None:
        async with app.lifespan(app.app):
            opened(session.store(), figure())
            assert await asyncio.to_thread(until, lambda: bool(receiver.got))
        assert not session.is_open()

    asyncio.run(run())
    assert len(receiver.got) == 1
