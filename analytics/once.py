"""Work that several figures ask for, done once within a block."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Found = TypeVar("Found")

_KEPT: ContextVar[dict[Hashable, tuple[object, object]] | None] = ContextVar("kept", default=None)


@contextmanager
def counted_once() -> Iterator[None]:
    """Within, the same frame of votes is counted once by `frames.count_patterns`, however many figures ask for it.

    What was counted is let go at the end. A thread started within counts by itself.
    """
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def once(holder: object, key: Hashable, work: Callable[[], Found]) -> Found:
    """What `work` gives for this object and key: the one that was found before, within `counted_once`; else worked out.

    The object is held until the block ends, so that its identity stays its own.
    """
    kept = _KEPT.get()
    if kept is None:
        return work()
    asked = (id(holder), key)
    if asked not in kept:
        kept[asked] = (holder, work())
    found: Found = kept[asked][1]  # type: ignore[assignment]  # what was kept under a key came from the same work
    return found
