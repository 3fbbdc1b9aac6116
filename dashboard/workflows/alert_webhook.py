"""Where alerts go: an address and a secret of the environment. The server starts with it, so it loads nothing of what alerts are about."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboard.workflows.alert_addresses import checked_url
from dashboard.workflows.errors import BadRequest

URL, PRIVATE = "TOUCHSTONE_WEBHOOK_URL", "TOUCHSTONE_WEBHOOK_PRIVATE"
SECRET = "TOUCHSTONE_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where alerts go. The path and the secret are shown to nobody."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    allow_private: bool = False
    timeout: float = TIMEOUT_SECONDS

    @property
    def host(self) -> str:
        """The host; raises BadRequest where the address is none that may be used."""
        return str(checked_url(self.url, allow_private=self.allow_private).hostname)

    def check(self) -> None:
        """Raise BadRequest where nothing could be sent: no secret, or an address that is none of a webhook."""
        if not self.secret:
            raise BadRequest(f"Alerts are signed: set {SECRET} to a secret that the receiver knows too.")
        checked_url(self.url, allow_private=self.allow_private)


def configured(environment: Mapping[str, str] | None = None) -> Webhook | None:
    """The webhook of the environment (TOUCHSTONE_WEBHOOK_URL, _SECRET and _PRIVATE); None where no address is set."""
    known = os.environ if environment is None else environment
    url = known.get(URL, "").strip()
    if not url:
        return None
    return Webhook(url, known.get(SECRET, ""), allow_private=known.get(PRIVATE, "") not in ("", "0"))


def named(url: str, *, allow_private: bool = False) -> Webhook:
    """A webhook at an address that somebody names, with the environment's secret."""
    return Webhook(url, os.environ.get(SECRET, ""), allow_private=allow_private)
