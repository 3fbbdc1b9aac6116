"""Delivery of alerts to a real server: signed, again after waits while it fails, and every attempt on the record."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dashboard.workflows import alert_delivery, alert_webhook
from dashboard.workflows.alert_delivery import Delivery
from dashboard.workflows.alert_webhook import Webhook
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from tests import rebuilt, stores
from tests.dashboard.alert_steps import PROJECT, Receiver, figure, one, opened, receiving, settle


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as kept:
        yield kept


def send(
    store: Store, receiver: Receiver | str, *, timeout: float = 5, at_once: bool = True
) -> tuple[Delivery, ...]:
    url = receiver if isinstance(receiver, str) else receiver.url + "/hook?team=pets"
    webhook = Webhook(url, "key", allow_private=True, timeout=timeout)
    return alert_delivery.deliver(store, project_id=PROJECT, by=stores.LENA, webhook=webhook, at_once=at_once)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_an_alert_is_delivered_once_signed_and_on_the_record(pets: Store, receiver: Receiver) -> None:
    opened(pets, figure())
    (sent,) = send(pets, receiver)
    assert (sent.delivered, sent.answer, sent.attempt) == (True, "200 OK", 1)
    ((headers, body),) = receiver.got
    said = json.loads(body)
    assert (said["figure"], said["says"], said["limit"]) == ("drift_total_variation", "Cats grew more", 0.05)
    stamp = headers["X-Touchstone-Timestamp"]
    assert headers["X-Touchstone-Signature"] == alert_delivery.signature("key", stamp, body)
    assert headers["X-Touchstone-Signature"] != alert_delivery.signature("other", stamp, body)
    assert headers["Host"] == urlsplit(receiver.url).netloc
    assert send(pets, receiver) == ()
    row = one(pets)
    assert (row["delivered"], row["attempts"], row["host"], row["answer"]) == (True, 1, "127.0.0.1", "200 OK")


def test_neither_path_nor_secret_is_in_the_journal(pets: Store, receiver: Receiver) -> None:
    opened(pets, figure())
    send(pets, receiver.url + "/very-private-path")
    written = "".join(path.read_text("utf-8") for path in (pets.path / "journal").iterdir())
    assert "127.0.0.1" in written
    assert "very-private-path" not in written
    assert "very-private-path" not in repr(Webhook("https://example.org/very-private-path", "hidden"))
    assert "hidden" not in repr(Webhook("https://example.org", "hidden"))


def test_what_fails_is_tried_again_later_and_later_and_not_for_ever(
    pets: Store, receiver: Receiver, clock: stores.SteppingClock
) -> None:
    opened(pets, figure())
    receiver.status = 503
    waits = []
    for attempt in range(1, alert_delivery.MOST_ATTEMPTS + 1):
        (sent,) = send(pets, receiver, at_once=False)
        assert (sent.attempt, sent.delivered, sent.answer) == (attempt, False, "503 Service Unavailable")
        assert send(pets, receiver, at_once=False) == ()
        row = one(pets)
        due = alert_delivery.due_at(row)
        waits.append((due - row["tried_at"]).total_seconds())  # type: ignore[operator]  # a moment
        clock.now = due + timedelta(seconds=1)
    assert send(pets, receiver, at_once=False) == ()
    assert send(pets, receiver) == ()
    assert len(receiver.got) == one(pets)["attempts"] == alert_delivery.MOST_ATTEMPTS
    nominal = [min(30 * 2**n, 3600) for n in range(alert_delivery.MOST_ATTEMPTS)]
    shares = [wait / full for wait, full in zip(waits, nominal, strict=True)]
    assert all(0.75 <= share <= 1.25 for share in shares)
    assert max(shares) - min(shares) > 0.1


def test_two_alerts_do_not_come_back_at_the_same_moment(pets: Store, receiver: Receiver) -> None:
    tried = pets.clock()
    row = {"attempts": 1, "tried_at": tried, "opened_at": tried}
    waits = {
        (alert_delivery.due_at({**row, "alert_id": f"a{n}"}) - tried).total_seconds() for n in range(200)
    }
    assert len(waits) == 200
    assert 22.5 <= min(waits) < 24
    assert 36 < max(waits) <= 37.5


def test_it_arrives_once_the_receiver_is_well_again(
    pets: Store, receiver: Receiver, clock: stores.SteppingClock
) -> None:
    opened(pets, figure())
    receiver.status = 500
    assert not send(pets, receiver, at_once=False)[0].delivered
    receiver.status = 204
    assert send(pets, receiver, at_once=False) == ()
    clock.now += timedelta(minutes=1)
    (sent,) = send(pets, receiver, at_once=False)
    assert (sent.delivered, sent.attempt, sent.answer) == (True, 2, "204 No Content")


def test_what_is_closed_is_not_sent(pets: Store, receiver: Receiver) -> None:
    opened(pets, figure())
    settle(pets)
    assert send(pets, receiver) == ()


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


def test_a_server_that_drips_its_answer_is_left_too(pets: Store, receiver: Receiver) -> None:
    opened(pets, figure())
    receiver.drip = 0.05
    began = time.monotonic()
    (sent,) = send(pets, receiver, timeout=0.2)
    assert not sent.delivered
    assert time.monotonic() - began < 3
    assert one(pets)["attempts"] == 1


def test_no_server_there_is_a_failed_attempt(pets: Store) -> None:
    opened(pets, figure())
    (sent,) = send(pets, f"http://127.0.0.1:{closed_port()}/hook")
    assert not sent.delivered
    assert "ConnectionRefusedError" in sent.answer


@pytest.mark.parametrize(
    ("url", "problem"),
    [("https://no-such-host.invalid/x", "not found"), ("https://127.0.0.1/x", "not a public address"),
     ("https://[::1]/x", "not a public address"), ("https://10.0.0.1", "not a public address"),
     ("https://169.254.169.254/meta", "not a public address"), ("https://[64:ff9b::7f00:1]", "not a public address"),
     ("https://[2002:7f00:1::]", "not a public address"), ("https://[::ffff:127.0.0.1]", "not a public address"),
     ("https://[::7f00:1]", "not a public address"), ("https://224.0.0.1", "not a public address")],
)  # fmt: skip
def test_a_host_that_may_not_be_reached_is_a_failed_attempt_on_the_record(
    pets: Store, url: str, problem: str
) -> None:
    opened(pets, figure())
    (sent,) = alert_delivery.deliver(pets, project_id=PROJECT, by=stores.LENA, webhook=Webhook(url, "key"))
    assert not sent.delivered
    assert problem in sent.answer
    row = one(pets)
    assert (row["attempts"], row["answer"], row["host"]) == (1, sent.answer, urlsplit(url).hostname)


@pytest.mark.parametrize(
    ("url", "problem"),
    [("http://example.org", "https://"), ("https://me:pw@127.0.0.1", "no user or password"), ("ftp://127.0.0.1", "https://"),
     ("https://localhost:x", "cannot be read"), ("https://", "https://"), ("https://[::1", "cannot be read")],
)  # fmt: skip
def test_an_address_that_is_none_of_a_webhook_is_refused_before_anything(
    pets: Store, url: str, problem: str
) -> None:
    opened(pets, figure())
    with pytest.raises(BadRequest, match=problem):
        alert_delivery.deliver(pets, project_id=PROJECT, by=stores.LENA, webhook=Webhook(url, "key"))
    assert one(pets)["attempts"] == 0


def answering(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    """Let every host that is a name have these addresses."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: int, **more: int) -> list[tuple[object, ...]]:
        if host[0].isdigit():
            return list(real(host, port, *rest, **more))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_one_private_address_among_public_ones_refuses_the_host(
    pets: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "93.184.215.14", "10.1.2.3")
    opened(pets, figure())
    (sent,) = alert_delivery.deliver(
        pets, project_id=PROJECT, by=stores.LENA, webhook=Webhook("https://example.org", "key")
    )
    assert "10.1.2.3 is not a public address" in sent.answer


def test_every_address_of_a_host_is_tried_in_turn(
    pets: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = urlsplit(receiver.url).port
    answering(monkeypatch, "127.0.0.2", "127.0.0.1")
    opened(pets, figure())
    (sent,) = send(pets, f"http://hooks.example:{port}/x")
    assert (sent.delivered, sent.answer) == (True, "200 OK")
    assert receiver.got[0][0]["Host"] == f"hooks.example:{port}"


def test_once_it_was_sent_no_other_address_is_tried(
    pets: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.wait = 0.4
    monkeypatch.setattr(alert_delivery, "addresses", lambda *_, **__: ("127.0.0.1", "127.0.0.1"))
    opened(pets, figure())
    (sent,) = send(pets, f"http://hooks.example:{urlsplit(receiver.url).port}/x", timeout=0.1)
    assert not sent.delivered
    assert len(receiver.got) == 1


def test_a_certificate_of_another_host_is_refused(
    pets: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path, "hooks.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    answering(monkeypatch, "127.0.0.1")
    with receiving(context) as receiver:
        port = urlsplit(receiver.url).port
        opened(pets, figure())
        (other,) = send(pets, f"https://elsewhere.example:{port}/x")
        assert not other.delivered
        assert "CERTIFICATE_VERIFY_FAILED" in other.answer
        assert receiver.got == []
        (own,) = send(pets, f"https://hooks.example:{port}/x")
        assert (own.delivered, own.answer) == (True, "200 OK")


def test_what_is_sent_names_no_annotator_and_no_group_of_people(pets: Store, receiver: Receiver) -> None:
    row = {
        "alert_id": "a", "run_id": "r", "opened_at": pets.clock(), "value": 0.6, "low": 0.5, "high": 0.7, "n": 80, "limit_value": 0.8,
        "side": "high", "unit": "share",
    }  # fmt: skip
    for key, kind, group, sentence in (
        ("accuracy_on_gold", "annotator", "ana", "Accuracy on gold of ana is 60%"),
        ("cohen_kappa", "pair", '["ana", "bo"]', "Kappa of ana and bo"),
        ("bias_gap", "bias", "annotator site", "Annotators with site south label more dogs"),
    ):
        said = alert_delivery.message(
            PROJECT, {**row, "key": key, "group_kind": kind, "group_id": group, "sentence": sentence}
        )
        text = json.dumps(said)
        assert not [name for name in ("ana", "bo ", "south", "site") if name in text.replace("alert", "")]
        assert "under the limit of 80.0%" in text
    of_label = alert_delivery.message(
        PROJECT,
        {
            **row,
            "key": "label_alpha",
            "group_kind": "label",
            "group_id": "cat",
            "sentence": "Alpha of cat is low",
        },
    )
    assert (of_label["group"], of_label["says"]) == ("label:cat", "Alpha of cat is low")


def test_without_a_secret_nothing_is_sent_and_only_who_handles_alerts_sends(pets: Store) -> None:
    with pytest.raises(BadRequest, match="TOUCHSTONE_WEBHOOK_SECRET"):
        alert_delivery.deliver(
            pets, project_id=PROJECT, by=stores.LENA, webhook=Webhook("https://example.org", "")
        )
    with pytest.raises(NotAllowed):
        alert_delivery.deliver(
            pets, project_id=PROJECT, by=stores.RITA, webhook=Webhook("https://example.org", "s")
        )


def test_the_webhook_is_that_of_the_environment() -> None:
    assert alert_webhook.configured({}) is None
    found = alert_webhook.configured({
        "TOUCHSTONE_WEBHOOK_URL": " https://hooks.example/x ", "TOUCHSTONE_WEBHOOK_SECRET": "key",
    })  # fmt: skip
    assert found == Webhook("https://hooks.example/x", "key")
    assert found.host == "hooks.example"
    private = alert_webhook.configured(
        {"TOUCHSTONE_WEBHOOK_URL": "http://10.0.0.9", "TOUCHSTONE_WEBHOOK_PRIVATE": "1"}
    )
    assert private is not None
    assert private.allow_private


def test_attempts_are_there_again_in_a_store_made_from_the_journal(
    pets: Store, receiver: Receiver, tmp_path: Path
) -> None:
    opened(pets, figure())
    receiver.status = 500
    send(pets, receiver)
    receiver.status = 200
    send(pets, receiver)
    before = rebuilt.tables(pets)
    assert len(before["alert_delivery"]) == 2
    assert rebuilt.tables_of_journal(pets.path, tmp_path / "anew") == before


def self_signed(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate for the host and its key, signed by itself."""
    cryptography = pytest.importorskip("cryptography")
    assert cryptography
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return certificate, private
