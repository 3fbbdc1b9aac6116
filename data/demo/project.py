"""What a demo project is made of, and who the demo's people are. All of them are invented."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

import numpy as np
import polars as pl

from data.synthetic import Floats

MOMENT = pl.Datetime("us", "UTC")

ANNOTATIONS = pl.Schema(
    {
        "row": pl.Int64(),
        "item_id": pl.String(),
        "annotator_id": pl.String(),
        "label": pl.String(),
        "labelled_at": MOMENT,
        "active_seconds": pl.Float64(),
        "source_id": pl.String(),
        "independent": pl.Boolean(),
        "rationale": pl.String(),
    }
)
ITEMS = pl.Schema({name: pl.String() for name in ("item_id", "kind", "text", "image", "gold", "attributes")})
ANNOTATORS = pl.Schema({"annotator_id": pl.String(), "attributes": pl.String()})
PREDICTIONS = pl.Schema(
    {"item_id": pl.String(), "model_run": pl.String(), "label": pl.String(), "score": pl.Float64()}
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the demo lets you be; `person_id` is also the annotator id where the person labels."""

    person_id: str
    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DemoProject:
    """A project with everything that a demo store is built from, in the shapes that importers give.

    Attributes:
        project_id: short name, unique among the demo projects.
        title: for the screen.
        description: what the items are; says that the annotations are simulated.
        labels: the label set in order; a label's code is its place here.
        level: the label set's level of measurement.
        guideline_versions: (published_at, markdown), oldest first; version 1 is the first.
        items: `ITEMS`, sorted by `item_id`.
        image_png: item id to PNG bytes, for items of kind `image`.
        annotators: `ANNOTATORS`, sorted by `annotator_id`.
        batches: one `ANNOTATIONS` frame a week, oldest first, by `labelled_at`; `row` counts from 1 in each.
        predictions: `PREDICTIONS`, one row an item and label; an item's scores sum to 1.
        people: who can be picked.
    """

    project_id: str
    title: str
    description: str
    labels: tuple[str, ...]
    level: str
    guideline_versions: tuple[tuple[datetime, str], ...]
    items: pl.DataFrame
    image_png: Mapping[str, bytes]
    annotators: pl.DataFrame
    batches: tuple[pl.DataFrame, ...]
    predictions: pl.DataFrame
    people: tuple[Person, ...]


PEOPLE = (
    Person("petra", "Petra", ("lead",)),
    Person("samuel", "Samuel", ("lead",)),
    Person("ines", "Ines", ("reviewer",)),
    Person("otto", "Otto", ("admin",)),
    Person("ana", "Ana", ("annotator",)),
    Person("bo", "Bo", ("annotator",)),
    Person("dana", "Dana", ("annotator",)),
    Person("mira", "Mira", ("annotator",)),
    Person("noor", "Noor", ("annotator",)),
)
"""The last two have not labelled anything yet: whatever they answer is a first, independent answer."""

_CROWD = {
    "ana": ("north", "live"),
    "bo": ("south", "live"),
    "chris": ("north", "live"),
    "dana": ("north", "recorded"),
    "eli": ("south", "live"),
    "finn": ("south", "live"),
    "gus": ("north", "recorded"),
    "hana": ("south", "recorded"),
    "iris": ("north", "live"),
    "jo": ("north", "recorded"),
    "kit": ("south", "live"),
    "lou": ("south", "recorded"),
}


def attributes_json(attributes: Mapping[str, str | float]) -> str:
    """Attributes as canonical JSON: keys sorted, no spaces.

    >>> attributes_json({"site": "north", "quality": "clear"})
    '{"quality":"clear","site":"north"}'
    """
    return json.dumps(dict(attributes), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def annotators_frame(annotator_ids: tuple[str, ...]) -> pl.DataFrame:
    """The annotators with site and training (how they were introduced); the same in each project."""
    rows = []
    for annotator_id in sorted(annotator_ids):
        site, training = _CROWD[annotator_id]
        rows.append((annotator_id, attributes_json({"site": site, "training": training})))
    return pl.DataFrame(rows, schema=ANNOTATORS, orient="row")


def predictions_frame(
    item_ids: pl.Series, labels: Sequence[str], chances: Floats, model_run: str
) -> pl.DataFrame:
    """`PREDICTIONS`: one row an item and label, from `chances` (I, K)."""
    n_items, n_labels = chances.shape
    return pl.DataFrame(
        {
            "item_id": item_ids[np.repeat(np.arange(n_items), n_labels)],
            "model_run": pl.repeat(model_run, n_items * n_labels, eager=True),
            "label": pl.Series(labels)[np.tile(np.arange(n_labels), n_items)],
            "score": chances.ravel(),
        },
        schema=PREDICTIONS,
    )


def guideline_text(name: str) -> str:
    """The markdown of one guideline version, such as `digits-v1`."""
    return files("data.demo").joinpath("guidelines", f"{name}.md").read_text(encoding="utf-8")
