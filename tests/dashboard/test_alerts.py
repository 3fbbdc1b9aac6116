"""Alerts: limits by event, taking and closing with a reason, and delivery to a real server, signed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest

from dashboard.workflows import alert_delivery, alerts
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store
from data.database import Reader
from data.records import Draft
from tests import stores

PROJECT = stores.PROJECT


def figure(**values: object) -> pl.DataFrame:
    row: dict[str, object] = {
        "key": "drift_total_variation", "group_kind": "", "group_id": "", "value": 0.2, "low": 0.1, "high": 0.3, "n": 2000,
        "undefined": None, "unit": "share", "detail": "{}", **values,
    }  # fmt: skip
    return pl.DataFrame([row], schema=MEASUREMENT)


def opened(store: Store, figures: pl.DataFrame, alarm: dict[str, object] | None = None) -> int:
    """Open what a measurement of these figures would; how many that were."""
    found: list[dict[str, object]] = []

    def plan(reader: Reader) -> Draft | None:
        now = datetime(2026, 10, 1, tzinfo=UTC)
        found[:] = alerts.to_open(reader, PROJECT, "run", figures, alarm, sentence="Cats grew more", now=now)
        return Draft("drift_measured", PROJECT, "run", {"rows": {"alert": found}}) if found else None

    store.submit(plan, by="lena", request={"verb": "test", "at": time.time_ns()})
    return len(found)


def one(store: Store) -> dict[str, object]:
    return alerts.alerts(store, project_id=PROJECT, by=stores.RITA).row(0, named=True)


@pytest.mark.parametrize(
    ("values", "n"),
    [({}, 1), ({"low": 0.04}, 0), ({"n": 399}, 0), ({"low": None, "high": None}, 0),
     ({"value": None, "low": None, "high": None, "undefined": "too few"}, 0),
     ({"key": "drift_agreement", "low": -0.3, "high": -0.1}, 1), ({"key": "drift_agreement", "low": -0.3, "high": 0.1}, 0)],
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


def test_an_alert_is_owned_and_closed_with_a_reason_and_may_then_come_again(pets: Store) -> None:
    assert opened(pets, figure()) == 1
    assert opened(pets, figure()) == 0
    alert_id = str(one(pets)["alert_id"])
    with pytest.raises(BadRequest, match="take it first"):
        alerts.close(pets, project_id=PROJECT, by=stores.LENA, alert_id=alert_id, reason="a holiday")
    alerts.own(pets, project_id=PROJECT, by=stores.LARS, alert_id=alert_id)
    assert (one(pets)["status"], one(pets)["owner"]) == ("owned", "lars")
    with pytest.raises(BadRequest, match="needs a reason"):
        alerts.close(pets, project_id=PROJECT, by=stores.LARS, alert_id=alert_id, reason=" ")
    alerts.close(pets, project_id=PROJECT, by=stores.LENA, alert_id=alert_id, reason="New customers")
    row = one(pets)
    assert (row["status"], row["owner"], row["reason"], row["changed_by"]) == (
        "closed",
        "lars",
        "New customers",
        "lena",
    )
    with pytest.raises(Stale, match="New customers"):
        alerts.own(pets, project_id=PROJECT, by=stores.LENA, alert_id=alert_id)
    assert opened(pets, figure()) == 1


def test_a_lead_sets_limits_and_others_do_not(pets: Store) -> None:
    held = alerts.set_limit(
        pets, project_id=PROJECT, by=stores.LARS, key="drift_total_variation", limit=0.15, reason="We know our seasons", least_n=3000
    )  # fmt: skip
    assert (held[0].value, held[0].least_n, held[0].set_by) == (0.15, 3000, "lars")
    assert opened(pets, figure(low=0.14, n=5000)) == 0
    assert opened(pets, figure(low=0.16, n=2999)) == 0
    assert opened(pets, figure(low=0.16, n=3000)) == 1
    off = alerts.set_limit(
        pets, project_id=PROJECT, by=stores.LENA, key="drift_agreement", limit=None, reason="one vote an item"
    )
    assert off[1].value is None
    assert opened(pets, figure(key="drift_agreement", low=-0.3, high=-0.2)) == 0
    with pytest.raises(NotAllowed):
        alerts.set_limit(pets, project_id=PROJECT, by=stores.RITA, key="drift_agreement", limit=0, reason="x")
    for wrong, problem in (
        ({"key": "weather"}, "raises no alert"), ({"limit": 2.0}, "between -1 and 1"), ({"least_n": 10}, "fewer tell nothing"),
        ({"reason": ""}, "needs a reason"),
    ):  # fmt: skip
        asked: dict[str, object] = {"key": "drift_total_variation", "limit": 0.1, "reason": "why", **wrong}
        with pytest.raises(BadRequest, match=problem):
            alerts.set_limit(pets, project_id=PROJECT, by=stores.LENA, **asked)  # type: ignore[arg-type]  # wrong on purpose


def test_who_may_handle(pets: Store) -> None:
    opened(pets, figure())
    alert_id = str(one(pets)["alert_id"])
    with pytest.raises(NotAllowed):
        alerts.own(pets, project_id=PROJECT, by=stores.RITA, alert_id=alert_id)
    with pytest.raises(NotAllowed):
        alerts.alerts(pets, project_id=PROJECT, by=stores.ANNA)
    with pytest.raises(NotAllowed):
        alert_delivery.deliver(
            pets, project_id=PROJECT, by=stores.RITA, url="https://example.org", secret="s"
        )
    with pytest.raises(BadRequest, match="no alert 'x'"):
        alerts.own(pets, project_id=PROJECT, by=stores.LENA, alert_id="x")


@dataclass
class Receiver:
    """A web server that keeps what it was sent; answers `status`, after `wait` seconds."""

    status: int = 200
    wait: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((dict(self.headers), body))
            time.sleep(kept.wait)
            self.send_response(kept.status)
            if kept.status == 302:
                self.send_header("Location", kept.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def send(store: Store, receiver: Receiver, *, timeout: float = 5) -> tuple[alert_delivery.Delivery, ...]:
    return alert_delivery.deliver(
        store, project_id=PROJECT, by=stores.LENA, url=receiver.url + "/hook?team=pets", allow_private=True, secret="key", timeout=timeout
    )  # fmt: skip


def test_an_alert_is_delivered_once_signed_and_on_the_record(pets: Store, receiver: Receiver) -> None:
    opened(pets, figure())
    (sent,) = send(pets, receiver)
    assert (sent.delivered, sent.answer, sent.attempt) == (True, "200 OK", 1)
    ((headers, body),) = receiver.got
    said = json.loads(body)
    assert (said["figure"], said["says"], said["limit"]) == ("drift_total_variation", "Cats grew more", 0.05)
    assert headers["X-Touchstone-Signature"] == alert_delivery.signature(
        "key", headers["X-Touchstone-Timestamp"], body
    )
    assert headers["X-Touchstone-Signature"] != alert_delivery.signature(
        "other", headers["X-Touchstone-Timestamp"], body
    )
    assert send(pets, receiver) == ()
    assert (one(pets)["delivered"], one(pets)["attempts"]) == (True, 1)


def test_what_fails_is_tried_again_and_not_for_ever(pets: Store, receiver: Receiver) -> None:
    opened(pets, figure())
    receiver.status = 503
    attempts = [send(pets, receiver) for _ in range(alert_delivery.MOST_ATTEMPTS + 1)]
    assert [len(sent) for sent in attempts] == [1] * alert_delivery.MOST_ATTEMPTS + [0]
    assert attempts[1][0].answer == "503 Service Unavailable"
    assert one(pets)["attempts"] == alert_delivery.MOST_ATTEMPTS


def test_a_redirect_is_not_followed_and_a_slow_server_is_left(pets: Store, receiver: Receiver) -> None:
    opened(pets, figure())
    receiver.status = 302
    assert not send(pets, receiver)[0].delivered
    receiver.status, receiver.wait = 200, 0.6
    began = time.monotonic()
    (slow,) = send(pets, receiver, timeout=0.1)
    assert not slow.delivered
    assert "TimeoutError" in slow.answer
    assert time.monotonic() - began < 0.5
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    ("url", "problem"),
    [("http://example.org", "https://"), ("https://127.0.0.1/x", "not a public address"), ("https://[::1]/x", "not a public address"),
     ("https://10.0.0.1", "not a public address"), ("https://169.254.169.254/meta", "not a public address"),
     ("https://[64:ff9b::7f00:1]", "not a public address"), ("https://[2002:7f00:1::]", "not a public address"),
     ("https://[::ffff:127.0.0.1]", "not a public address"), ("https://[::7f00:1]", "not a public address"),
     ("https://224.0.0.1", "not a public address"), ("https://me:pw@127.0.0.1", "no user or password"),
     ("ftp://127.0.0.1", "https://"), ("https://localhost:x", "port")],
)  # fmt: skip
def test_addresses_that_are_not_allowed_are_refused_before_anything_is_sent(
    pets: Store, url: str, problem: str
) -> None:
    opened(pets, figure())
    with pytest.raises(BadRequest, match=problem):
        alert_delivery.deliver(pets, project_id=PROJECT, by=stores.LENA, url=url, secret="key")
    assert one(pets)["attempts"] == 0


def test_without_a_secret_nothing_is_sent(pets: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOUCHSTONE_WEBHOOK_SECRET", raising=False)
    with pytest.raises(BadRequest, match="TOUCHSTONE_WEBHOOK_SECRET"):
        alert_delivery.deliver(pets, project_id=PROJECT, by=stores.LENA, url="https://example.org")
