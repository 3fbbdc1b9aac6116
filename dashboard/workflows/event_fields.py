"""Reading an event's payload for words: its rows, its numbers, a reason behind a colon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

Fields = Mapping[str, object]


def rows(payload: Fields, table: str) -> Sequence[Fields]:
    """The rows that the event has for a table."""
    return cast("Mapping[str, Sequence[Fields]]", payload.get("rows") or {}).get(table, ())


def first_row(payload: Fields, table: str) -> Fields:
    """The first of them; empty where it has none."""
    return next(iter(rows(payload, table)), {})


def because(text: object) -> str:
    """A reason, behind a colon.

    >>> because("a holiday"), because(None)
    (': a holiday', '')
    """
    return f": {text}" if text else ""


def number(found: object) -> str:
    """A count; "?" where the event, of an earlier version, does not say.

    >>> number(1200), number(None)
    ('1,200', '?')
    """
    return f"{found:,}" if isinstance(found, int) else "?"


def setting_value(found: object, *, none: str) -> str:
    """What a setting is set to.

    >>> setting_value(0.05, none="off"), setting_value(None, none="off"), setting_value("petra", none="nobody")
    ('0.05', 'off', 'petra')
    """
    if found is None:
        return none
    return f"{found:g}" if isinstance(found, (int, float)) else str(found)
