"""Opening and closing the store: the one place where the app meets `data.store`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from data.errors import (
    CommandRejected,
    ImportRejected,
    KeyMissing,
    StoreDamaged,
    StoreError,
    StoreLocked,
    StoreMissing,
    StoreReadOnly,
)
from data.store import Store, wall_clock

__all__ = [
    "CommandRejected",
    "ImportRejected",
    "KeyMissing",
    "Store",
    "StoreDamaged",
    "StoreError",
    "StoreLocked",
    "StoreMissing",
    "StoreReadOnly",
    "open_store",
]


def open_store(
    path: Path | str,
    *,
    create: bool = False,
    clock: Callable[[], datetime] = wall_clock,
    keys_folder: Path | None = None,
) -> Store:
    """Open the store at `path`; vault keys stand in TOUCHSTONE_KEYS, or in the user's data folder.

    Raises:
        data.errors.StoreError: the store is missing, locked or damaged; the message says what to do.
    """
    named = os.environ.get("TOUCHSTONE_KEYS")
    return Store.open(
        path, create=create, clock=clock, keys_folder=keys_folder or (Path(named) if named else None)
    )
