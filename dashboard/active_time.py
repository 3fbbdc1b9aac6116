"""How long a person is really at it: the browser reports the time that does not count, the server subtracts it.

Not counted: what goes beyond two minutes without key, mouse or touch, and all the time the tab is hidden. The browser
reports only when such a pause ends, so that answering costs no extra message. The same script keeps a key that is held
down from answering twice, lets Enter press the button that the keyboard is on, and puts the cursor where it is asked to.
"""

from __future__ import annotations

import time
from pathlib import Path

import streamlit as st

IDLE_SECONDS = 120
DAY_SECONDS = 86_400.0
KEY = "active_time"

_SCRIPT = (Path(__file__).parent / "assets" / "active_time.js").read_text(encoding="utf-8")
_mount = st.components.v2.component("touchstone.active_time", js=_SCRIPT, isolate_styles=False)


def watch(*, focus: str = "", ask: int = 0) -> None:
    """Measure while this is on the page.

    Args:
        focus: the label of the text field that should have the cursor; "" for none.
        ask: another number asks for the cursor anew.
    """
    _mount(
        key=KEY,
        data={"idle_seconds": IDLE_SECONDS, "focus": focus, "ask": ask},
        default={"paused": 0.0},
        on_paused_change=_noted,
        height=1,
    )


def paused_seconds() -> float:
    """The time since the page was opened that does not count, in seconds."""
    reported = st.session_state.get(KEY)
    paused = reported.get("paused") if reported is not None else None
    return float(paused) if isinstance(paused, (int, float)) else 0.0


def now() -> float:
    """A clock for durations, in seconds."""
    return time.monotonic()


def active_seconds(shown_at: float, paused_before: float) -> float:
    """The active time since `shown_at`, when `paused_before` seconds had been paused; to a tenth of a second."""
    active = now() - shown_at - (paused_seconds() - paused_before)
    return round(min(max(active, 0.0), DAY_SECONDS), 1)


def _noted() -> None:
    """A pause ended; the value is in the session's state, there is nothing else to do."""
