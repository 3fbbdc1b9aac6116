"""Why an alert is closed: a short list, so that it can be counted how often an alert was a false one."""

from __future__ import annotations

from collections.abc import Mapping

FALSE_ALARM, DUPLICATE = "false_alarm", "duplicate"
CODES: Mapping[str, str] = {
    "fixed": "Something was wrong, and is mended",
    "expected": "A change that was expected",
    FALSE_ALARM: "A false alarm: nothing had changed",
    "accepted": "It is so, and is accepted",
    DUPLICATE: "The same as another alert",
}
"""By code; words of one's own stand beside it."""
