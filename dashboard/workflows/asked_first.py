"""Whom an item waits for where one more vote is asked of some people first: read as items are handed out.

Who is asked stands in the vault, sealed for each person; the store has the items, and the moment from which everybody is asked.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from dashboard.workflows.opening import KeyMissing, Store, StoreDamaged
from data.database import Reader

MARK, ITEMS = "asked-", "items"
"""What is kept of a person about an action: under MARK and the action's run, a bit an item."""


def bits_of(asked: NDArray[np.bool_]) -> str:
    """What is kept of a person: (I,) for which items they are asked, by place. As long for everybody."""
    return base64.b64encode(np.packbits(asked).tobytes()).decode()


def not_asked(
    store: Store, reader: Store | Reader, project_id: str, person_id: str, now: datetime
) -> list[str]:
    """The flags for which others are asked first, not this person.

    Who came later than the action, or whose key was destroyed, is asked for none of its items. Where the keys are not on this machine,
    or what is kept of the person cannot be read, nobody is held back: work goes on, and nothing is told.
    """
    waiting = reader.read("routing_waiting", project_id=project_id, now=now)
    found: list[str] = []
    for (run_id,), flags in waiting.group_by("run_id", maintain_order=True):
        try:
            kept = store.vault.marks(f"{MARK}{run_id}", person_id)
        except (KeyMissing, StoreDamaged):
            continue
        if store.vault.has_marks(f"{MARK}{run_id}"):
            asked = _asked(kept.get(person_id, {}), flags["place"].to_numpy())
            found += flags.filter(~asked)["flag_id"].to_list()
    return found


def _asked(kept: Mapping[str, object], places: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(I,) whether the person is asked, at each place."""
    bits = np.unpackbits(np.frombuffer(base64.b64decode(str(kept.get(ITEMS, ""))), dtype=np.uint8))
    inside = places < bits.size
    return np.asarray(inside & (bits[np.where(inside, places, 0)] == 1 if bits.size else inside))
