"""Why an item was flagged, in one sentence with its figure."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.marks import plain
from dashboard.workflows.item_story import ItemFlag
from dashboard.workflows.relabel_reveal import FlagReason


def strongest(reasons: Sequence[FlagReason]) -> FlagReason | None:
    """The reason that is furthest over its limit, as a share of the way from the limit to 1; of equals the first.

    None where there is no reason.
    """
    return max(reasons, key=_over, default=None)


def strongest_first(reasons: Sequence[FlagReason]) -> tuple[FlagReason, ...]:
    """The reasons by how far each is over its limit."""
    return tuple(sorted(reasons, key=_over, reverse=True))


def why_flagged(flags: Sequence[ItemFlag]) -> None:
    """The strongest reason of the newest flag that is open, else of the newest, in one sentence with its figure."""
    standing = [flag for flag in flags if flag.status != "closed"] or list(flags)
    if not standing:
        return
    reason = strongest(max(standing, key=lambda flag: flag.raised_at).reasons)
    if reason is not None:
        st.markdown(f"**Why it was flagged:** {sentence(reason)}")


def sentence(reason: FlagReason) -> str:
    """A reason in one sentence, with its score and limit where the sentence has no figure of its own."""
    told = reason.sentence if reason.sentence.rstrip(".") != reason.title else f"{reason.title}."
    figure = (
        ""
        if any(mark.isdigit() for mark in told)
        else f" (score {reason.score:.2f}, limit {reason.threshold:.2f})"
    )
    return plain(f"{told.rstrip('.')}{figure}.")


def _over(reason: FlagReason) -> float:
    room = 1 - reason.threshold
    return (reason.score - reason.threshold) / room if room > 0 else reason.score - reason.threshold
