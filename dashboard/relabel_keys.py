"""The keys of the Relabel page: one place, so that buttons, help and tests say the same."""

from __future__ import annotations

SUBMIT, KEEP, CANNOT_TELL, ASK, SKIP = "Enter", "K", "T", "U", "S"
UNDO, GUIDELINE, WHY, HELP, RECENT, NOTE = "Z", "G", "W", "H", "L", "N"
SEND, CLOSE = "Mod+Enter", "Escape"

# Digits, then the keyboard's rows from Q on: without the letters above, and without C and R, which are Streamlit's.
LABEL_KEYS = (*"1234567890", *"QEYIOPADFJVBMX")

LEGEND: tuple[tuple[str, str], ...] = (
    ("1 … 9, 0", "choose a label (Q, E, Y … for the eleventh on)"),
    (SUBMIT, "submit and go on"),
    (KEEP, "keep the current label (after the reveal)"),
    (CANNOT_TELL, "cannot tell: that is an answer too"),
    (ASK, "the guideline is unclear: ask the lead"),
    (SKIP, "skip, with a reason; somebody else gets it"),
    (NOTE, "add a note on why"),
    ("Ctrl+Enter", "send from inside a text"),
    (UNDO, "undo the last thing you did"),
    (RECENT, "your last ten answers"),
    (GUIDELINE, "the guideline"),
    (WHY, "why it was flagged, in full (after the reveal)"),
    (HELP, "this list"),
    ("Esc", "close what is open"),
)


def label_keys(n_labels: int) -> tuple[str | None, ...]:
    """A key for each label in order; None for those that only the mouse or Tab reaches.

    >>> label_keys(3), label_keys(12)[9:]
    (('1', '2', '3'), ('0', 'Q', 'E'))
    """
    return tuple(LABEL_KEYS[place] if place < len(LABEL_KEYS) else None for place in range(n_labels))
