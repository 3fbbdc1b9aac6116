"""A project whose labels are sets: scenes, and which of three things are seen in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.workflows import ingest, score
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store, open_store
from tests import stores

P = "scenes"
CHOICES = ("car", "dog", "tree")


def scene_rows(n_items: int = 30, n_annotators: int = 6) -> list[dict[str, Any]]:
    """Scenes with some of three things in them; people miss or add one in ten; some scenes are empty."""
    rng = np.random.default_rng(3)
    truth = rng.random((n_items, 3)) < (0.6, 0.4, 0.3)
    rows: list[dict[str, Any]] = []
    for item in range(n_items):
        for person in range(n_annotators):
            said = truth[item] ^ (rng.random(3) < (0.1 if person < n_annotators - 1 else 0.4))
            rows.append(
                {
                    "item": f"scene-{item:02d}",
                    "annotator": f"a{person}",
                    "label": [CHOICES[m] for m in range(3) if said[m]],
                    "text": f"What is seen in picture {item}?",
                    "gold": [CHOICES[m] for m in range(3) if truth[item][m]] if item % 5 == 0 else None,
                    "place": "city" if item % 2 else "country",
                }
            )
    return rows


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def bring(store: Store, path: Path, **request: Any) -> ingest.ImportSummary:
    asked: dict[str, Any] = {"level": "set", **request}
    return ingest.import_file(
        store,
        path=path,
        project_id=P,
        by=stores.LENA,
        options=ingest.ImportOptions(item_attributes=("place",) if path.suffix == ".jsonl" else ()),
        request=ingest.ImportRequest(**asked),
    )


def labels_of(store: Store) -> LabelSet:
    return require_label_set(store, P)


def scored_store(folder: Path) -> Store:
    """A store with the scenes, imported and scored."""
    return stores.copied(folder / "store", _scored)


def _scored(path: Path, keys: Path, clock: stores.SteppingClock) -> Store:
    store = stores.empty_store(path, keys=keys, clock=clock)
    bring(store, write_jsonl(path.parent / "scenes.jsonl", scene_rows()))
    score.score(store, project_id=P, by=stores.LENA, options=score.ScoreOptions(replicates=100))
    return store


def made_anew(store: Store, folder: Path) -> Store:
    """The store with its database deleted, so that it is made again from the journal."""
    store.close()
    (folder / "store" / "touchstone.duckdb").unlink()
    return open_store(folder / "store", clock=stores.SteppingClock(), keys_folder=folder / "keys")
