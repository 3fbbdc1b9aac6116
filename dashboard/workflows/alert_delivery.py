"""Sending alerts to a webhook: signed, with a timeout, never to a private address unless that is allowed; every attempt on the record.

The body is JSON; `X-Touchstone-Signature: sha256=…` is the HMAC-SHA256 (RFC 2104) of `timestamp.body` under a secret that both sides
know, `X-Touchstone-Timestamp` the timestamp: a receiver recomputes it and refuses old ones. The secret is read from the environment and
stands nowhere in the store. The host's addresses are looked up once and the connection goes to one of those that were checked, so a name
that points elsewhere a moment later (DNS rebinding) gains nothing; redirects are not followed.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

SECRET = "TOUCHSTONE_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret
TIMEOUT_SECONDS = 5.0
MOST_ATTEMPTS = 5
_CARRIERS = tuple(ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "2002::/16", "2001::/32", "::/96"))
"""IPv6 that a gateway turns into the IPv4 address inside: NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo (RFC 4380), IPv4-compatible."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an attempt came to: `answer` is the status line, or why there is none."""

    alert_id: str
    attempt: int
    delivered: bool
    answer: str


def deliver(
    store: Store, *, project_id: str, by: Person, url: str, allow_private: bool = False, secret: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> tuple[Delivery, ...]:  # fmt: skip
    """Try once to send every alert that is not closed, was not delivered, and has attempts left; oldest first.

    Args:
        store: the store.
        project_id: the project.
        by: who acts.
        url: https (http too where private addresses are allowed); only its host is kept.
        allow_private: let it go to an address that is not public, such as a server in one's own network.
        secret: of the signature; by default the environment's TOUCHSTONE_WEBHOOK_SECRET.
        timeout: seconds for connecting, and for each answer.

    Raises:
        NotAllowed: the person may not handle alerts.
        BadRequest: no secret, an address that is not allowed, or a host that is not found.
    """
    require(by, "alert.handle")
    key = secret if secret is not None else os.environ.get(SECRET, "")
    if not key:
        raise BadRequest(f"Alerts are signed: set {SECRET} to a secret that the receiver knows too.")
    parts = _checked(url, allow_private=allow_private)
    address = _address(parts, allow_private=allow_private)
    waiting = store.read("alert_list", project_id=project_id).filter(
        (pl.col("status") != "closed") & ~pl.col("delivered") & (pl.col("attempts") < MOST_ATTEMPTS)
    )
    done = []
    for row in waiting.reverse().iter_rows(named=True):
        body = json.dumps(
            {
                "project": project_id, "alert": row["alert_id"], "figure": row["key"], "value": row["value"], "low": row["low"],
                "high": row["high"], "n": row["n"], "limit": row["limit_value"], "says": row["sentence"],
                "opened_at": row["opened_at"].isoformat(),
            },
            ensure_ascii=False,
        ).encode()  # fmt: skip
        stamp = str(int(store.clock().timestamp()))
        headers = {
            "Content-Type": "application/json", "Host": parts.netloc.rpartition("@")[2], "X-Touchstone-Timestamp": stamp,
            "X-Touchstone-Signature": signature(key, stamp, body),
        }  # fmt: skip
        delivered, answer = _post(parts, address, body, headers, timeout)
        one = Delivery(row["alert_id"], int(row["attempts"]) + 1, delivered, answer)
        _record(store, project_id, by, one, str(parts.hostname))
        done.append(one)
    return tuple(done)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What `X-Touchstone-Signature` holds.

    >>> signature("key", "1", b"{}")[:20]
    'sha256=1ba6b8171186e'
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def _checked(url: str, *, allow_private: bool) -> SplitResult:
    parts = urlsplit(url)
    allowed = ("https", "http") if allow_private else ("https",)
    try:
        _ = parts.port
    except ValueError as error:
        raise BadRequest(f"{url!r} has no port that is a number.") from error
    if parts.scheme not in allowed or not parts.hostname:
        raise BadRequest(
            f"A webhook is an address that begins with {' or '.join(f'{s}://' for s in allowed)}."
        )
    if parts.username or parts.password:
        raise BadRequest("A webhook's address holds no user or password: the signature says who sends.")
    return parts


def _address(parts: SplitResult, *, allow_private: bool) -> str:
    """An address of the host that may be connected to."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise BadRequest(f"The host {parts.hostname} is not found: {error}.") from error
    addresses = [str(entry[4][0]) for entry in found]
    private = [one for one in addresses if not _public(one)]
    if private and not allow_private:
        raise BadRequest(
            f"{parts.hostname} is {private[0]}, which is not a public address. Allow private addresses if that is meant."
        )
    return addresses[0]


def _public(address: str) -> bool:
    """Whether an address is one of the public net, and not one that carries an IPv4 address inside (`_CARRIERS`)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if not found.is_global or found.is_multicast:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return True
    return not any(found in carrier for carrier in _CARRIERS)


def _post(
    parts: SplitResult, address: str, body: bytes, headers: dict[str, str], timeout: float
) -> tuple[bool, str]:
    """Send to the checked address, the certificate being the host's; no redirect is followed."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(str(parts.hostname), port, timeout=timeout)
    try:
        plain = socket.create_connection((address, port), timeout=timeout)
        connection.sock = plain
        if parts.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
        connection.request("POST", path, body=body, headers=headers)
        answer = connection.getresponse()
        return 200 <= answer.status < 300, f"{answer.status} {answer.reason}"
    except (OSError, http.client.HTTPException) as error:
        return False, f"{type(error).__name__}: {error}"[:200]
    finally:
        connection.close()


def _record(store: Store, project_id: str, by: Person, one: Delivery, host: str) -> None:
    row = {
        "alert_id": one.alert_id, "attempt": one.attempt, "delivered": one.delivered, "host": host, "answer": one.answer,
    }  # fmt: skip

    def plan(reader: Reader) -> Draft:
        return Draft("alert_sent", project_id, one.alert_id, {"rows": {"alert_delivery": [row]}})

    store.submit(plan, by=by.person_id, request={"verb": "alert.sent", "project": project_id, **row})
