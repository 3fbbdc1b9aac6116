"""The keys of the Relabel page: one place, so that buttons, help and tests say the same."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.label_words import EMPTY
from dashboard.workflows.set_labels import members_in

SUBMIT, KEEP, CANNOT_TELL, ASK, SKIP = "Enter", "K", "T", "U", "S"
UNDO, GUIDELINE, WHY, HELP, RECENT, NOTE = "Z", "G", "W", "H", "L", "N"
SEND, CLOSE = "Mod+Enter", "Escape"

# Digits, then the keyboard's rows from Q on: without the letters above, and without C and R, which are Streamlit's.
DIGITS = frozenset("0123456789")
LABEL_KEYS = (*"1234567890", *"QEYIOPADFJVBMX")

LEGEND: tuple[tuple[str, str], ...] = (
    ("digits", "choose a label (Q, E, Y … for the eleventh on)"),
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


def label_keys(labels: Sequence[str]) -> tuple[str | None, ...]:
    """A key for each label in order; None for those that only the mouse or Tab reaches.

    Labels that are digits are their own keys: whoever reads a 7 wants to press 7.

    >>> label_keys(["yes", "no"]), label_keys(["x"] * 12)[9:], label_keys(["0", "1", "7"])
    (('1', '2'), ('0', 'Q', 'E'), ('0', '1', '7'))
    """
    if all(label in DIGITS for label in labels):
        return tuple(labels)
    return tuple(LABEL_KEYS[place] if place < len(LABEL_KEYS) else None for place in range(len(labels)))


def buttons_of(label_set: LabelSet) -> list[tuple[int, str, str | None]]:
    """Code, label and key of each button: the labels; where they are sets, the choices and the set of none of them."""
    labels, codes = list(label_set.choices), list(label_set.choice_codes)
    if label_set.is_sets:
        labels, codes = [*labels, EMPTY], [*codes, -1]
    return list(zip(codes, labels, label_keys(labels), strict=True))


def is_chosen(label_set: LabelSet, chosen: str | None, label: str) -> bool:
    """Whether a button's label is chosen; where labels are sets, whether it is in the chosen one."""
    if chosen is None or not label_set.is_sets or EMPTY in (chosen, label):
        return chosen == label
    return label in members_in(chosen)


def labels_a_row(labels: Sequence[str], room: Sequence[tuple[int, int]]) -> int:
    """How many label buttons fit beside each other without cutting the longest label.

    `room`: up to how many letters the longest label may have for so many buttons, fewest letters first.

    >>> room = ((11, 4), (20, 3), (34, 2))
    >>> [labels_a_row(labels, room) for labels in (["bug", "login", "feature request"], ["0", "1"], ["x" * 60])]
    [3, 2, 1]
    """
    longest = max(map(len, labels))
    fitting = next((width for letters, width in room if longest <= letters), 1)
    return min(fitting, len(labels))
