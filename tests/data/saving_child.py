"""A process that saves answers from several threads until it is killed, and prints each id once it was told "saved".

`python -m tests.data.saving_child STORE PREFIX`
"""

from __future__ import annotations

import os
import sys
import threading
from itertools import count
from pathlib import Path

import polars as pl

from data.database import Reader
from data.records import Draft
from data.store import Store

N_THREADS = 6


def save(store: Store, answer_id: str, *, in_segment: bool = False) -> None:
    """Save one answer under its id as the request id."""
    row: dict[str, object] = {
        "annotation_id": answer_id,
        "item_code": 0,
        "annotator_code": 0,
        "label_code": 0,
    }

    def plan(reader: Reader) -> Draft:
        if in_segment:
            reference = reader.segments.put(pl.DataFrame([row])).as_payload()
            return Draft("answered", "p", answer_id, {"segments": {"annotation": reference}})
        return Draft("answered", "p", answer_id, {"rows": {"annotation": [row]}})

    store.submit(
        plan, by="anna", request={"answer": answer_id}, request_id=answer_id, keys=frozenset({answer_id})
    )


def _save_for_ever(store: Store, name: str, *, in_segment: bool) -> None:
    for number in count():
        answer_id = f"{name}-{number}"
        save(store, answer_id, in_segment=in_segment)
        os.write(1, f"{answer_id}\n".encode())  # one write, under the size that a pipe keeps whole


def main(folder: Path, prefix: str) -> None:
    """Open the store and save, one thread in segments, until somebody kills this process."""
    store = Store.open(folder, create=True, keys_folder=folder.parent / "keys")
    threads = [
        threading.Thread(
            target=_save_for_ever, args=(store, f"{prefix}-{number}"), kwargs={"in_segment": number == 0}
        )
        for number in range(N_THREADS)
    ]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
