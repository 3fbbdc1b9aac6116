"""How long a person is really at it: the browser reports the time that does not count, the server subtracts it.

Not counted: what goes beyond two minutes without key, mouse or touch, and all the time the tab is hidden. The browser
reports only when such a pause ends, so that answering costs no extra message. The same script keeps a key that is held
down from answering twice, lets Enter press the button that the keyboard is on, and puts the cursor where it is asked to.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

IDLE_SECONDS = 120
DAY_SECONDS = 86_400.0
KEY = "active_time"
_CLOCK = "active_time_clock"

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


@dataclass(slots=True)
class _Clock:
    """What is on the screen, since when; `spent`: seconds that were counted before, by what they were spent on."""

    about: str | None = None
    shown_at: float = 0.0
    paused_before: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)


def begin(about: str) -> None:
    """From now on time is spent on `about`, as before where it is on the screen already; that of anything else stands still."""
    clock = _clock()
    if clock.about != about:
        stand_still()
        clock.about, clock.shown_at, clock.paused_before = about, now(), paused_seconds()


def stand_still() -> None:
    """Nothing whose time is measured is on the screen any more."""
    clock = _clock()
    if clock.about is not None:
        clock.spent[clock.about] = spent(clock.about) or 0.0
        clock.about = None


def spent(about: str) -> float | None:
    """Active seconds spent on `about` so far, looked at more than once or not; None where it was never on the screen."""
    clock = _clock()
    before = clock.spent.get(about)
    if clock.about != about:
        return before
    total = (before or 0.0) + active_seconds(clock.shown_at, clock.paused_before)
    return round(min(total, DAY_SECONDS), 1)


def forget(about: str) -> None:
    """What was spent on `about` is recorded: another look at it starts from nothing."""
    clock = _clock()
    clock.spent.pop(about, None)
    if clock.about == about:
        clock.about = None


def _clock() -> _Clock:
    found = st.session_state.get(_CLOCK)
    if not isinstance(found, _Clock):
        found = st.session_state[_CLOCK] = _Clock()
    return found


def _noted() -> None:
    """A pause ended; the value is in the session's state, there is nothing else to do."""
