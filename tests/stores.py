"""Stores for tests: small, real, built through the use cases, once a process; each test gets a copy."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from dashboard.workflows import guideline, ingest, members, score
from dashboard.workflows.opening import Store, open_store
from dashboard.workflows.rules import ADMIN, ANNOTATOR, LEAD, REVIEWER, Person
from data.importers import Parsed
from data.importers.parsed import ANNOTATIONS, ANNOTATORS, ITEMS, PREDICTIONS, REJECTED

PROJECT = "pets"
LABELS = ("bird", "cat", "dog")
START = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)

LENA = Person("lena", "Lena Lead", frozenset({LEAD, ADMIN}))
LARS = Person("lars", "Lars Lead", frozenset({LEAD}))
RITA = Person("rita", "Rita Reviewer", frozenset({REVIEWER}))
ANNA = Person("anna", "Anna", frozenset({ANNOTATOR}))
BEN = Person("ben", "Ben", frozenset({ANNOTATOR}))
PEOPLE = (LENA, LARS, RITA, ANNA, BEN)


class SteppingClock:
    """A clock that goes one second further with every look."""

    def __init__(self, start: datetime = START) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


Build = Callable[[Path, Path, SteppingClock], Store]
"""Makes the store of a folder with its keys in another; the store is open."""


def empty_store(path: Path, *, keys: Path | None = None, clock: SteppingClock | None = None) -> Store:
    """A store with members and no project."""
    if clock is not None:
        return with_members(path, keys or path.parent / "keys", clock)
    return copied(path, with_members, keys=keys)


def copied(path: Path, build: Build, *, keys: Path | None = None) -> Store:
    """The store that `build` makes, open: a copy of one that is made once for all who ask for the same `build`.

    Copies share the name of their file of keys, so where there are keys already the store is made anew.
    """
    keys = keys or path.parent / "keys"
    if keys.exists():
        return build(path, keys, SteppingClock())
    folder, now = _template(build)
    shutil.copytree(folder / "store", path, dirs_exist_ok=True)
    if (folder / "keys").exists():
        shutil.copytree(folder / "keys", keys)
    return open_store(path, clock=SteppingClock(now), keys_folder=keys)


@cache
def _template(build: Build) -> tuple[Path, datetime]:
    """A folder with the closed store that `build` makes and its keys, and what its clock said in the end."""
    folder, clock = Path(tempfile.mkdtemp(prefix="store-")), SteppingClock()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build(folder / "store", folder / "keys", clock).close()
    return folder, clock.now


def with_members(path: Path, keys: Path, clock: SteppingClock) -> Store:
    """Makes `empty_store`."""
    store = open_store(path, create=True, clock=clock, keys_folder=keys)
    for person in PEOPLE:
        members.set_member(store, by=LENA, person_id=person.person_id, name=person.name, roles=person.roles)
    return store


def parsed_crowd(
    *, n_items: int = 40, n_annotators: int = 5, seed: int = 0, name: str = "pets.csv"
) -> Parsed:
    """A crowd of `n_annotators` (ids a0, a1, …; the last one guesses) over texts, with gold for every fourth item."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(LABELS), n_items)
    rows, row = [], 0
    for item in range(n_items):
        for person in range(n_annotators):
            right = rng.random() < (0.85 if person < n_annotators - 1 else 0.34)
            label = truth[item] if right else rng.integers(0, len(LABELS))
            row += 1
            rows.append(
                (
                    row,
                    f"item-{item:03d}",
                    f"a{person}",
                    LABELS[label],
                    START + timedelta(minutes=row),
                    4.0 + person,
                    None,
                    True,
                    None,
                )
            )
    items = [
        (f"item-{i:03d}", "text", f"A small animal, number {i}, seen in the garden.", None, LABELS[truth[i]] if i % 4 == 0 else None,
         json.dumps({"batch": "AB"[i % 2]}))
        for i in range(n_items)
    ]  # fmt: skip
    people = [
        (f"a{person}", json.dumps({"site": ("north", "south")[person % 2]})) for person in range(n_annotators)
    ]
    predictions = [(f"item-{i:03d}", "model-1", LABELS[truth[i]], 0.9) for i in range(0, n_items, 2)]
    return Parsed(
        annotations=pl.DataFrame(rows, schema=ANNOTATIONS, orient="row"),
        items=pl.DataFrame(items, schema=ITEMS, orient="row"),
        annotators=pl.DataFrame(people, schema=ANNOTATORS, orient="row"),
        predictions=pl.DataFrame(predictions, schema=PREDICTIONS, orient="row"),
        rejected=pl.DataFrame(schema=REJECTED),
        format="csv",
        mapping={"item": "item", "annotator": "annotator", "label": "label"},
        guessed=(),
        n_rows=len(rows),
        sha256=f"{seed:064d}",
        name=name,
    )


def annotated_store(
    path: Path,
    annotations: pl.DataFrame,
    *,
    level: str = "nominal",
    repeats: str = "count",
    gold: Mapping[str, str] | None = None,
) -> Store:
    """A scored project of independent annotations: item_id, annotator_id, label, and, where they are known, other columns."""
    store = empty_store(path)
    known = gold or {}
    given = annotations.with_columns(pl.lit(True).alias("independent"))
    if "row" not in given.columns:
        given = given.with_row_index("row", offset=1)
    items = pl.DataFrame({"item_id": given["item_id"].unique().sort()}).with_columns(
        pl.lit("text").alias("kind"),
        pl.col("item_id").replace_strict(known, default=None, return_dtype=pl.Utf8).alias("gold"),
    )
    empty = parsed_crowd(n_items=1)
    parsed = replace(
        empty,
        annotations=_filled(given, empty.annotations),
        items=_filled(items, empty.items),
        annotators=empty.annotators.clear(),
        predictions=empty.predictions.clear(),
        n_rows=given.height,
    )
    request = ingest.ImportRequest(labels=LABELS, level=level, title="Pets")
    ingest.import_parsed(store, parsed=parsed, project_id=PROJECT, by=LENA, request=request)
    score.score(
        store, project_id=PROJECT, by=LENA, options=score.ScoreOptions(replicates=200, repeats=repeats)
    )
    return store


def _filled(frame: pl.DataFrame, like: pl.DataFrame) -> pl.DataFrame:
    """The columns of `like`; those that the frame has not are unknown."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in like.schema.items()
    )


def small_store(path: Path, *, scored: bool = True) -> Store:
    """A store with the project "pets": 40 texts, five imported annotators, a guideline and, by default, one scoring run."""
    return copied(path, with_scores if scored else with_pets)


def with_pets(path: Path, keys: Path, clock: SteppingClock) -> Store:
    """Makes `small_store` without a scoring run."""
    store = with_members(path, keys, clock)
    ingest.import_parsed(
        store,
        parsed=parsed_crowd(),
        project_id=PROJECT,
        by=LENA,
        request=ingest.ImportRequest(labels=LABELS, title="Pets"),
    )
    guideline.publish(
        store, project_id=PROJECT, by=LENA, markdown="# Pets\n\nChoose the animal that the text is about."
    )
    return store


def with_scores(path: Path, keys: Path, clock: SteppingClock) -> Store:
    """Makes `small_store`."""
    store = with_pets(path, keys, clock)
    score.score(store, project_id=PROJECT, by=LENA, options=score.ScoreOptions(replicates=200))
    return store
