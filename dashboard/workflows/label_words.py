"""How a label is written for people: a category as it is, a set as its members joined."""

from __future__ import annotations

import json

JOINED = " + "
EMPTY = "(none)"
"""How a set is written: its members joined, or this where it has none."""


def label_text(label_json: str) -> str:
    """The label that a `label_json` holds; for a label that is neither category nor set, its canonical text.

    >>> label_text('"cat"'), label_text('["cat","dog"]'), label_text("[]")
    ('cat', 'cat + dog', '(none)')
    """
    value = json.loads(label_json)
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return JOINED.join(value) or EMPTY
    return value if isinstance(value, str) else label_json
