"""Events of alerts in words: title, meaning, sentence without who did it, by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dashboard.workflows.alert_codes import CODES
from dashboard.workflows.event_fields import Fields, because, first_row, rows, setting_value


def opened(payload: Fields) -> str:
    """What a measurement says of the alerts that it opened; "" where it opened none.

    >>> opened({"rows": {"alert": [{}]}}), opened({})
    ('; 1 alert opened', '')
    """
    n = len(rows(payload, "alert"))
    return f"; {n} alert{'' if n == 1 else 's'} opened" if n else ""


def setting(key: str, payload: Fields) -> str:
    """A limit of an alert that was set, or who owns new ones."""
    none = "nobody" if key.startswith("alert_owner") else "none"
    before, after = (setting_value(payload.get(name), none=none) for name in ("before", "after"))
    why = because(payload.get("reason"))
    if key.startswith("alert_owner"):
        of = key.partition(".")[2]
        return f"made {after} the owner of new alerts{f' of {of}' if of else ''}{why}"
    return f"changed the alert limit of {key.removeprefix('alert.')} from {before} to {after}{why}"


def _closed(event: Fields, payload: Fields) -> str:
    code = CODES.get(str(payload.get("code")), "")
    said = ": ".join(part for part in (code, str(payload.get("reason") or "")) if part)
    return f"closed the alert {event['subject']}{f' ({said})' if said else ''}"


def _sent(event: Fields, payload: Fields) -> str:
    sent = first_row(payload, "alert_delivery")
    return f"sent the alert {event['subject']} to {sent.get('host')}: {sent.get('answer')}"


WORDS: Mapping[str, tuple[str, str, Callable[[Fields, Fields], str]]] = {
    "alert_owned": ("Alert taken", "Somebody took an alert.", lambda e, _p: f"took the alert {e['subject']}"),
    "alert_closed": ("Alert closed", "An alert was closed with a reason.", _closed),
    "alert_sent": ("Alert sent", "An alert was sent to a webhook, or the attempt failed.", _sent),
    "cost_measured": (
        "Cost measured",
        "What labels cost was worked out and held against the limits of alerts.",
        lambda _e, p: f"measured what labels cost{opened(p)}",
    ),
}
