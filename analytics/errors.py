"""What can be wrong with a call: one leaf a cause, each message says what, where and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class AnalyticsError(Exception):
    """Any misuse of the analytics package. Data that cannot support a figure is no error: see `Estimate`."""


class MissingColumn(AnalyticsError):
    """A frame lacks a column that its contract asks for."""

    def __init__(self, frame: str, missing: Sequence[str], existing: Sequence[str], *, why: str = "") -> None:
        self.frame = frame
        self.missing = tuple(missing)
        self.existing = tuple(existing)
        wanted = " or ".join(repr(name) for name in missing)
        text = f"{frame} has no column {wanted}; it has {', '.join(existing) or 'no columns'}."
        close = difflib.get_close_matches(missing[0], list(existing), n=1) if missing else []
        if close:
            text += f" Did you mean {close[0]!r}?"
        super().__init__(f"{text} {why}".rstrip())


class BadColumn(AnalyticsError):
    """A column is there, but its type or one of its values breaks the contract."""

    def __init__(self, frame: str, column: str, problem: str) -> None:
        self.frame = frame
        self.column = column
        super().__init__(f"{frame}.{column} {problem}")


class BadOption(AnalyticsError):
    """An option has a value that the function does not take."""

    def __init__(self, option: str, value: object, allowed: str | Iterable[str]) -> None:
        self.option = option
        rule = allowed if isinstance(allowed, str) else "one of " + ", ".join(repr(name) for name in allowed)
        super().__init__(f"{option}={value!r} is not allowed: it has to be {rule}")
