"""Reaching a webhook: which addresses may be connected to, and one POST to each in turn until one is reached.

All addresses of the host are looked up once and all of them have to be public, unless private ones are allowed. The connection goes to
an address that was checked, so a name that points elsewhere a moment later (DNS rebinding) gains nothing; the certificate has to be the
host's; redirects are not followed, and an answer's body is not read.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from dashboard.workflows.errors import BadRequest, WorkflowError

MOST_TRIED = 4
"""Addresses of a host that are tried in one attempt."""

LONGEST = 3.0
"""A whole attempt takes at most so many times the timeout, however slowly the other side sends."""

_CARRIERS = tuple(ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "2002::/16", "2001::/32", "::/96"))
"""IPv6 that a gateway turns into the IPv4 address inside: NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo (RFC 4380), IPv4-compatible."""


class NotReached(WorkflowError):
    """The host is not found, or has an address that may not be connected to."""


def checked_url(url: str, *, allow_private: bool) -> SplitResult:
    """The parts of an address that a webhook may have; raises BadRequest for any other."""
    allowed = ("https", "http") if allow_private else ("https",)
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError as error:
        raise BadRequest(f"The webhook's address cannot be read: {error}.") from error
    if parts.scheme not in allowed or not parts.hostname:
        raise BadRequest(
            f"A webhook is an address that begins with {' or '.join(f'{s}://' for s in allowed)}."
        )
    if parts.username or parts.password:
        raise BadRequest("A webhook's address holds no user or password: the signature says who sends.")
    return parts


def port_of(parts: SplitResult) -> int:
    """The port that is connected to."""
    return parts.port or (443 if parts.scheme == "https" else 80)


def addresses(parts: SplitResult, *, allow_private: bool) -> tuple[str, ...]:
    """Every address of the host, in the resolver's order.

    Raises:
        NotReached: the host is not found, or one of its addresses is not public and private ones are not allowed.
    """
    try:
        found = socket.getaddrinfo(parts.hostname, port_of(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotReached(f"the host is not found: {error}") from error
    known = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    private = [one for one in known if not _public(one)]
    if private and not allow_private:
        raise NotReached(f"{private[0]} is not a public address; allow private addresses if that is meant")
    return known


def _public(address: str) -> bool:
    """Whether an address is one of the public net, and not one that carries an IPv4 address inside (`_CARRIERS`)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if not found.is_global or found.is_multicast:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return True
    return not any(found in carrier for carrier in _CARRIERS)


def post(
    parts: SplitResult, known: tuple[str, ...], body: bytes, headers: Mapping[str, str], *, timeout: float
) -> tuple[bool, str]:
    """Send to the first of the checked addresses that can be connected to; whether the answer was 2xx, and the answer or what failed.

    Once something was sent no other address is tried: the receiver may have it.
    """
    failed = "no address"
    for address in known[:MOST_TRIED]:
        try:
            connected = _connected(parts, address, timeout)
        except OSError as error:
            failed = f"{type(error).__name__}: {error}"
            continue
        return _sent(parts, connected, body, headers, timeout)
    return False, failed[:200]


def _connected(parts: SplitResult, address: str, timeout: float) -> socket.socket:
    """A connection to the address; of https with the certificate checked against the host's name."""
    plain = socket.create_connection((address, port_of(parts)), timeout=timeout)
    if parts.scheme != "https":
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
    except BaseException:
        plain.close()
        raise


def _sent(
    parts: SplitResult, connected: socket.socket, body: bytes, headers: Mapping[str, str], timeout: float
) -> tuple[bool, str]:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(str(parts.hostname), port_of(parts), timeout=timeout)
    connection.sock = connected
    ended = threading.Timer(LONGEST * timeout, _cut, (connected,))
    ended.daemon = True
    ended.start()
    try:
        connection.request("POST", path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        return 200 <= answer.status < 300, f"{answer.status} {answer.reason}"[:200]
    except (OSError, http.client.HTTPException, ValueError) as error:
        return False, f"{type(error).__name__}: {error}"[:200]
    finally:
        ended.cancel()
        connection.close()


def _cut(connected: socket.socket) -> None:
    """End a connection that somebody else is reading from: their read ends too."""
    with contextlib.suppress(OSError, ValueError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
