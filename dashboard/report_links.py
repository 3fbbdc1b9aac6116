"""Addresses of reports that open beside the pages: made for who may see one, good for a while, and for that report alone.

A report is HTML that another program made, with scripts. It is served under /api with a policy that gives it an origin of its own and no
network, so that it can reach neither this app nor anything else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass

from dashboard.workflows.errors import BadRequest

LIFE_SECONDS = 600
POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; frame-ancestors 'self'; form-action 'none'; base-uri 'none'"
)
"""What a report may do: run what it brings, and nothing else. The sandbox gives it an origin of its own, without our cookies."""
_secret = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class ReportLink:
    """Who may see which report, as of which event (None: now), until when (seconds since 1970)."""

    person_id: str
    project_id: str
    run_id: str
    as_of: int | None
    until: int


def sealed(
    *, person_id: str, project_id: str, run_id: str, as_of: int | None, now: float | None = None
) -> str:
    """The address of a report for LIFE_SECONDS and a little more: it stays the same while a page is drawn again and again."""
    moment = time.time() if now is None else now
    until = (int(moment) // LIFE_SECONDS + 2) * LIFE_SECONDS
    said = json.dumps([person_id, project_id, run_id, as_of, until], ensure_ascii=False).encode()
    return f"{_text(said)}.{_text(_sign(said))}"


def opened(text: str, *, now: float | None = None) -> ReportLink:
    """What an address says; raises BadRequest where it was not made here, was changed, or its time is over."""
    try:
        said, signature = (base64.urlsafe_b64decode(part.encode("ascii")) for part in text.split("."))
    except (ValueError, UnicodeEncodeError) as error:
        raise BadRequest("This is no address of a report.") from error
    if not hmac.compare_digest(signature, _sign(said)):
        raise BadRequest("This is no address of a report.")
    link = ReportLink(*json.loads(said))
    if (time.time() if now is None else now) > link.until:
        raise BadRequest("The time of this address is over: open the report from the page again.")
    return link


def _sign(said: bytes) -> bytes:
    return hmac.new(_secret, said, hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii")
