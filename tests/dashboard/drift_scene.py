"""A project of 70 days in which the cats grew more in the last week: other items, and one person who calls everything a cat."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from dashboard.workflows import drift, ingest
from dashboard.workflows.opening import Store, open_store
from data.importers import Parsed
from data.importers.parsed import ANNOTATIONS, ANNOTATORS, ITEMS, PREDICTIONS, REJECTED
from tests import stores

FIRST = datetime(2026, 6, 1, 9, tzinfo=UTC)
DAYS, WINDOW, PER_DAY, PEOPLE = 70, 7, 36, 12


def crowd(*, drifting: bool = True, days: int = DAYS, seed: int = 5, per_day: int = PER_DAY) -> Parsed:
    """Three annotators an item, 36 items a day; cats are .7 of the items from the street and .15 of those from the farm."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    items: list[tuple[object, ...]] = []
    for day in range(days):
        late = drifting and day >= days - WINDOW
        for n in range(per_day):
            street = rng.random() < (0.8 if late else 0.4)
            item = f"item-{day:03d}-{n:02d}"
            cat = rng.random() < (0.7 if street else 0.15)
            label = "cat" if cat else rng.choice(["bird", "dog"])
            items.append(
                (
                    item,
                    "text",
                    f"An animal, number {n} of day {day}.",
                    None,
                    None,
                    json.dumps({"from": "street" if street else "farm"}),
                )
            )
            for person in rng.choice(PEOPLE, 3, replace=False):
                said = label if rng.random() < 0.9 else rng.choice(stores.LABELS)
                if late and person == 3:
                    said = "cat"
                at = FIRST + timedelta(days=day, minutes=len(rows) % 400)
                rows.append(
                    (
                        len(rows) + 1,
                        item,
                        f"a{person:02d}",
                        str(said),
                        at,
                        4.0 + float(rng.random()),
                        None,
                        True,
                        None,
                    )
                )
    return Parsed(
        annotations=pl.DataFrame(rows, schema=ANNOTATIONS, orient="row"),
        items=pl.DataFrame(items, schema=ITEMS, orient="row"),
        annotators=pl.DataFrame(schema=ANNOTATORS),
        predictions=pl.DataFrame(schema=PREDICTIONS),
        rejected=pl.DataFrame(schema=REJECTED),
        format="csv", mapping={}, guessed=(), n_rows=len(rows), sha256=f"{seed:064d}", name="pets.csv",
    )  # fmt: skip


def drifting_store(path: Path, *, drifting: bool = True, days: int = DAYS) -> Store:
    """The project "pets" of such a crowd; nothing was measured yet."""
    store = stores.empty_store(path, clock=stores.SteppingClock(FIRST + timedelta(days=days)))
    request = ingest.ImportRequest(labels=stores.LABELS, title="Pets")
    ingest.import_parsed(
        store,
        parsed=crowd(drifting=drifting, days=days),
        project_id=stores.PROJECT,
        by=stores.LENA,
        request=request,
    )
    return store


@contextmanager
def copied(measured: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of a folder with a store and its keys, open, for a test that may write to it."""
    shutil.copytree(measured, tmp_path / "copy")
    with open_store(tmp_path / "copy" / "store", keys_folder=tmp_path / "copy" / "keys") as found:
        yield found


def newest(store: Store) -> drift.Drift:
    """The newest measurement, as a reviewer sees it."""
    seen = drift.newest(store, project_id=stores.PROJECT, by=stores.RITA)
    assert seen is not None
    return seen
