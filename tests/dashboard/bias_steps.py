"""Crowds whose annotators and items have attributes, with a gap that is known, in a store."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from dashboard.workflows import ingest
from dashboard.workflows.model_samples import ModelRun, record_model_run
from dashboard.workflows.opening import Store
from data.importers.parsed import ANNOTATORS, ITEMS, Parsed
from tests import stores

N_PEOPLE, N_ITEMS = 46, 240
SITES = ("north",) * 20 + ("south",) * 20 + ("coast",) * 3 + ("",) * 3
"""Of a hidden group (three people) and three who did not say; the rest are two groups of 20."""

SECRET = "coast"


def crowd_store(
    path: Path, *, gap: float = 0.3, only_items_differ: bool = False, shared: bool = True, seed: int = 5
) -> Store:
    """A project "pets" with labels cat and dog: 46 people of whom the vault knows `site`, `team` and `age`, 240 texts with a `channel`.

    People of the south say dog `gap` more often. With `only_items_differ` they do not, but get more of the texts that are
    dogs. Unless `shared`, no text is seen by both sites.
    """
    return stores.copied(path, with_crowd(gap, only_items_differ, shared, seed))


@cache
def with_crowd(
    gap: float = 0.3, only_items_differ: bool = False, shared: bool = True, seed: int = 5
) -> stores.Build:
    """What makes the store of `crowd_store`; the same for the same crowd."""

    def build(path: Path, keys: Path, clock: stores.SteppingClock) -> Store:
        store = stores.empty_store(path, keys=keys, clock=clock)
        parsed = _parsed_crowd(gap=gap, only_items_differ=only_items_differ, shared=shared, seed=seed)
        request = ingest.ImportRequest(labels=("cat", "dog"), title="Pets")
        ingest.import_parsed(store, parsed=parsed, project_id=stores.PROJECT, by=stores.LENA, request=request)
        return store

    return build


def _parsed_crowd(*, gap: float, only_items_differ: bool, shared: bool, seed: int) -> Parsed:
    rng = np.random.default_rng(seed)
    is_dog = rng.random(N_ITEMS) < 0.5
    rows: list[tuple[int, str, str, str]] = []
    for item in range(N_ITEMS):
        for person in _asked(item, is_dog[item], rng, only_items_differ=only_items_differ, shared=shared):
            likely = 0.75 if is_dog[item] else 0.25
            likely += gap if SITES[person] == "south" and not only_items_differ else 0.0
            label = "dog" if rng.random() < likely else "cat"
            rows.append((len(rows) + 1, f"item-{item:03d}", f"p{person:02d}", label))
    given = pl.DataFrame(rows, schema=["row", "item_id", "annotator_id", "label"], orient="row")
    empty = stores.parsed_crowd(n_items=1)
    items = [
        (f"item-{i:03d}", "text", f"An animal, number {i}.", None, ("dog" if is_dog[i] else "cat") if i % 3 == 0 else None,
         json.dumps({"channel": ("chat", "mail")[i % 2]}))
        for i in range(N_ITEMS)
    ]  # fmt: skip
    people = [
        (f"p{p:02d}", json.dumps({"site": SITES[p], "team": "ab"[p % 2], "age": str(20 + p)}))
        for p in range(N_PEOPLE)
    ]
    annotations = given.with_columns(pl.lit(True).alias("independent"))
    return replace(
        empty,
        annotations=annotations.select(
            (pl.col(n) if n in annotations.columns else pl.lit(None)).cast(kind).alias(n)
            for n, kind in empty.annotations.schema.items()
        ),
        items=pl.DataFrame(items, schema=ITEMS, orient="row"),
        annotators=pl.DataFrame(people, schema=ANNOTATORS, orient="row"),
        predictions=empty.predictions.clear(),
        n_rows=given.height,
        name="crowd.csv",
    )


def more_votes(
    store: Store, votes: list[tuple[str, str, str]], people: dict[str, dict[str, str]] | None = None
) -> None:
    """Bring in more annotations (item_id, annotator_id, label), and what is known of who gave them."""
    empty = stores.parsed_crowd(n_items=1)
    rows = [(place + 1, *vote, True) for place, vote in enumerate(votes)]
    given = pl.DataFrame(
        rows, schema=["row", "item_id", "annotator_id", "label", "independent"], orient="row"
    )
    known = [(person, json.dumps(attributes)) for person, attributes in (people or {}).items()]
    parsed = replace(
        empty,
        annotations=given.select(
            (pl.col(n) if n in given.columns else pl.lit(None)).cast(kind).alias(n)
            for n, kind in empty.annotations.schema.items()
        ),
        items=empty.items.clear(),
        annotators=pl.DataFrame(known, schema=ANNOTATORS, orient="row"),
        predictions=empty.predictions.clear(),
        n_rows=given.height,
        sha256=f"{store.head:064d}",
        name=f"more-{store.head}.csv",
    )
    ingest.import_parsed(
        store, parsed=parsed, project_id=stores.PROJECT, by=stores.LENA, request=ingest.ImportRequest()
    )


def leaning_model(store: Store, model_run: str, *, lean: float = 1.2) -> None:
    """A run that knows something of each text's gold label, and says dog more often of mails."""
    rng = np.random.default_rng(7)
    items = store.read("import_known_items", project_id=stores.PROJECT).sort("item_code")
    number = items["item_id"].str.slice(5).cast(pl.Int64).to_numpy()
    votes = (
        store.read("score_votes", project_id=stores.PROJECT)
        .group_by("item_code")
        .agg(pl.col("label_code").mean())
    )
    share = (
        items.join(votes, on="item_code", how="left", maintain_order="left")["label_code"]
        .fill_null(0.5)
        .to_numpy()
    )
    logit = 4 * (share - 0.6) + lean * np.where(number % 2, 1, -1) + rng.normal(0, 0.7, number.size)
    p = 1 / (1 + np.exp(-logit))
    run = ModelRun(
        model_run,
        items["item_code"].to_numpy(),
        np.column_stack([1 - p, p])[None].astype(np.float32),
        {"by": "a test"},
    )
    record_model_run(store, project_id=stores.PROJECT, by=stores.LENA, run=run, saw=store.head)


def _asked(
    item: int, is_dog: bool, rng: np.random.Generator, *, only_items_differ: bool, shared: bool
) -> list[int]:
    """Who is asked about an item: six people."""
    if not shared:
        site = ("north", "south")[item % 2]
        return [int(p) for p in rng.permutation([p for p in range(N_PEOPLE) if SITES[p] == site])[:6]]
    weight = np.ones(N_PEOPLE)
    if only_items_differ:
        weight[[site == ("south" if is_dog else "north") for site in SITES]] = 3.0
    return [int(p) for p in rng.choice(N_PEOPLE, 6, replace=False, p=weight / weight.sum())]
