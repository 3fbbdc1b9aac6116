"""What can go wrong with a store. One base, a leaf for each cause; a message says what, where and what to do."""

from __future__ import annotations

from pathlib import Path


class StoreError(Exception):
    """Base of every error that the `data` package raises."""


class StoreMissing(StoreError):
    """There is no store at the path."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no store at {path}. `touchstone import FILE --store {path}` makes one.")


class StoreLocked(StoreError):
    """Another process has the store open."""

    def __init__(self, path: Path, pid: int | None) -> None:
        self.pid = pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"The store {path} is open in {holder} (a running dashboard or another command). "
            "Nothing was changed. Do it in that dashboard, or stop that process and try again."
        )


class StoreDamaged(StoreError):
    """The record itself (journal or a segment) does not hold what it should."""


class StoreReadOnly(StoreError):
    """Writing failed in a way that reopening did not mend; reading still works."""


class CommandRejected(StoreError):
    """A command asked for something that the store's state does not allow."""


class RequestConflict(CommandRejected):
    """A request id came back with another request than the first time."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"Request id {request_id!r} was already used for a different request. "
            "Nothing was changed. Use a new id for a new request."
        )


class StaleVersion(CommandRejected):
    """Somebody changed the label while it was on the screen."""


class ImportRejected(StoreError):
    """A whole file was refused; nothing of it was imported."""


class KeyMissing(StoreError):
    """The vault's keys are not on this machine, so personal attributes cannot be read."""
