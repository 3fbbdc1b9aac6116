"""The labelled items most like one: which share its label and which have another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.label_neighbours import UNLABELLED, label_neighbours
from analytics.linear_critic import text_features
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.model_evidence import SIDE, pixels_of

MOST_EACH = 5
PREVIEW = 160


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labelled item, how like the explained one it is (cosine, 0 to 1), and the beginning of its text."""

    item_id: str
    label: str
    label_code: int
    similarity: float
    preview: str


@dataclass(frozen=True, slots=True)
class NeighbourEvidence:
    """Items for the label and against it, nearest first; `n_same` of the `n_nearest` nearest have the label.

    `by` says what made them alike; `undefined` why there are none.
    """

    speaks_for: tuple[Neighbour, ...] = ()
    speaks_against: tuple[Neighbour, ...] = ()
    n_same: int = 0
    n_nearest: int = 0
    by: str = ""
    undefined: str | None = None


def neighbour_evidence(
    items: pl.DataFrame, *, item_code: int, label_code: int | None, label_set: LabelSet
) -> NeighbourEvidence:
    """Neighbours by the words of texts (TF-IDF) or the shades of pictures.

    Args:
        items: item_code, item_id, text, image_bytes, label_code: the item and others that have a label.
        item_code: the item.
        label_code: its label; None where it has none.
        label_set: the project's.
    """
    if label_code is None:
        return NeighbourEvidence(undefined="the item has no label")
    item = items.filter(pl.col("item_code") == item_code).row(0, named=True)
    if item["text"]:
        alike = items.filter(pl.col("text").is_not_null())
        features, by = text_features(alike["text"].to_list()), "the words they share"
    else:
        alike = items.filter(pl.col("image_bytes").is_not_null())
        read = [pixels_of(image) for image in alike["image_bytes"]]
        alike = alike.filter(pl.Series([one is not None for one in read], dtype=pl.Boolean))
        rows = [one for one in read if one is not None]
        table = np.stack(rows) if rows else np.empty((0, SIDE * SIDE))
        features, by = table - table.mean(axis=0) if rows else table, "their shades, less the mean picture"
    places = alike["item_code"].to_list()
    if features is None or item_code not in places:
        return NeighbourEvidence(undefined="the item has neither a text nor a picture that can be compared")
    labels = alike["label_code"].fill_null(UNLABELLED).cast(pl.Int64).to_numpy()
    found = label_neighbours(
        features, row=places.index(item_code), labels=labels, label_code=label_code, k=MOST_EACH
    )

    def told(rows: list[int], similarity: list[float]) -> tuple[Neighbour, ...]:
        return tuple(
            _neighbour(alike.row(row, named=True), near, label_set)
            for row, near in zip(rows, similarity, strict=True)
        )

    return NeighbourEvidence(
        told(found.same_rows.tolist(), found.same_similarity.tolist()),
        told(found.other_rows.tolist(), found.other_similarity.tolist()),
        found.n_same,
        found.n_nearest,
        by,
        None if found.n_nearest else "no labelled item has anything in common with it",
    )


def _neighbour(row: dict[str, object], similarity: float, label_set: LabelSet) -> Neighbour:
    code = int(str(row["label_code"]))
    text = str(row["text"] or "")
    preview = text if len(text) <= PREVIEW else text[: PREVIEW - 1] + "…"
    return Neighbour(str(row["item_id"]), label_set.label(code), code, similarity, preview)
