"""Sending a press to the store: under an id that a retry keeps, and with what was refused kept for the page.

A commit can raise and still be durable, so pressing again has to be harmless: the same press by the same person has
the same request id until it is done. Another label, reason or release is another press.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from dashboard import session
from dashboard.workflows.errors import NotAllowed, Stale, WorkflowError
from dashboard.workflows.opening import StoreError

_IDS, _REFUSAL, _DONE = "press_ids", "press_refusal", "press_done"
_TITLES = ((NotAllowed, "Your role does not allow this"), (Stale, "It changed while it was on your screen"))

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the last press was refused for."""

    title: str
    sentence: str


def send(verb: Callable[[str], Result], *press: str) -> Result | None:
    """Run a verb under the request id of this press; None where it was refused, and then `refusal` says why.

    Args:
        verb: the use case, given the request id.
        press: what makes this press another than that one: what is done, to what, with which words.
    """
    st.session_state.pop(_REFUSAL, None)
    st.session_state.pop(_DONE, None)
    known: dict[tuple[str, ...], str] = st.session_state.setdefault(_IDS, {})
    named = (session.person().person_id, session.project_id(), *press)
    try:
        result = verb(known.setdefault(named, uuid.uuid4().hex))
    except (WorkflowError, StoreError) as error:
        st.session_state[_REFUSAL] = _refusal(error)
        return None
    del known[named]
    return result


def refuse(sentence: str) -> None:
    """Say on the page why nothing was sent."""
    st.session_state[_REFUSAL] = Refusal("Something is missing", sentence)


def refusal() -> Refusal | None:
    """What the last press was refused for; it is said once."""
    found: Refusal | None = st.session_state.pop(_REFUSAL, None)
    return found


def say_done(sentence: str) -> None:
    """Keep what the last press did, for the page that is drawn next."""
    st.session_state[_DONE] = sentence


def done() -> str:
    """What the last press did; it is said once."""
    found: str = st.session_state.pop(_DONE, "")
    return found


def _refusal(error: Exception) -> Refusal:
    title = next((title for kind, title in _TITLES if isinstance(error, kind)), "This could not be done")
    return Refusal(title, str(error))
