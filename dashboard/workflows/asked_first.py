"""Whom an item waits for where one more vote is asked of some people first: read as items are handed out.

Who is asked stands in the vault, sealed for each person; the store has the items, and the moment from which everybody is asked. What is
read is one line of the vault for each action that still waits: that of the person who asks.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dashboard.workflows.opening import KeyMissing, Store, StoreDamaged
from data.database import Reader

MARK, ITEMS = "asked-", "items"
"""What is kept of a person about an action: under MARK and the action's run, a bit an item."""

MOST_DAYS = 60
"""So long those who are asked have an item to themselves at most."""


def bits_of(asked: NDArray[np.bool_]) -> str:
    """What is kept of a person: (I,) for which items they are asked, by place. As long for everybody."""
    return base64.b64encode(np.packbits(asked).tobytes()).decode()


def asked_of(
    store: Store, reader: Store | Reader, project_id: str, person_id: str, now: datetime
) -> dict[str, object]:
    """What the person is asked for, as parameters of the queue's queries: `runs`, `bits` (of each run), `now`.

    Who came later than an action, or whose key was destroyed, is asked for none of its items. Where the keys are not on this machine,
    or what is kept of the person cannot be read, nobody is held back: work goes on, and nothing is told.
    """
    runs: list[str] = []
    bits: list[bytes] = []
    since = now - timedelta(days=MOST_DAYS)
    for run_id in reader.read("routing_runs", project_id=project_id, since=since)["run_id"]:
        own = _bits(store, run_id, person_id)
        if own is not None:
            runs.append(run_id)
            bits.append(own)
    return {"runs": runs, "bits": bits, "now": now}


def waits_for_others(
    store: Store, reader: Reader, project_id: str, person_id: str, *, flag_id: str, now: datetime
) -> bool:
    """Whether others are asked for the flag first, and not this person."""
    waiting = reader.read("routing_of_flag", project_id=project_id, flag_id=flag_id, now=now)
    for run_id, place in waiting.iter_rows():
        own = _bits(store, run_id, person_id)
        if own is not None and not (place < 8 * len(own) and own[place // 8] >> (7 - place % 8) & 1):
            return True
    return False


def _bits(store: Store, run_id: str, person_id: str) -> bytes | None:
    """The person's bits of an action; at least a byte, of zeros where they are asked for nothing. None: nobody is held back."""
    name = f"{MARK}{run_id}"
    try:
        kept = store.vault.mark_of(name, person_id)
    except (KeyMissing, StoreDamaged):
        return None
    if not kept and not store.vault.has_marks(name):
        return None
    return base64.b64decode(str(kept.get(ITEMS, ""))) or bytes(1)
