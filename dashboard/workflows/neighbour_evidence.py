"""The labelled items most like one: which share its label and which have another, and what space they are near in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from analytics.errors import BadOption
from analytics.kept_encoder import PIXELS, TEXT, EncoderState, encode_pictures, encode_texts
from analytics.label_neighbours import UNLABELLED, label_neighbours
from dashboard.workflows.embedding_runs import embedding_runs, embeddings
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.opening import Store

if TYPE_CHECKING:
    from analytics.features import Features

MOST_COMPARED = 20_000
"""Labelled items that are compared by embeddings; of more, always the same ones."""

MOST_READ = 2_000
"""The same, where every text or picture has to be read anew."""

MOST_EACH = 5
PREVIEW = 160
NO_WORDS = "the item has neither a text nor a picture that can be compared"


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

    `by` names the space in which they are near; `n_compared` labelled items were looked at, of `n_labelled` that there are.
    `choice`: where labels are sets, the choice that "having the label" goes by; `undefined` why there are no neighbours.
    """

    speaks_for: tuple[Neighbour, ...] = ()
    speaks_against: tuple[Neighbour, ...] = ()
    n_same: int = 0
    n_nearest: int = 0
    by: str = ""
    n_compared: int = 0
    n_labelled: int = 0
    choice: str | None = None
    undefined: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Space:
    """Features of some items (item_code, item_id, text, label_code), and what space they are."""

    items: pl.DataFrame
    features: Features
    by: str


def neighbour_evidence(
    store: Store,
    *,
    project_id: str,
    item_code: int,
    label_code: int | None,
    label_set: LabelSet,
    as_of: int | None,
    state: EncoderState | None = None,
    choice: int | None = None,
) -> NeighbourEvidence:
    """Neighbours in the newest embeddings that hold the item, else in what the trained model reads, else in their words or shades.

    Args:
        store: open.
        project_id: of the item.
        item_code: the item.
        label_code: its label; None where it has none.
        label_set: the project's.
        as_of: a seq; None for now.
        state: how the trained model reads items; None where there is no such model.
        choice: where labels are sets, the code of the choice that neighbours speak for or against.
    """
    if label_code is None:
        return NeighbourEvidence(undefined="the item has no label")
    space = _embedded(store, project_id, item_code, as_of) or _read(
        store, project_id, item_code, as_of, state
    )
    if space is None:
        return NeighbourEvidence(undefined=NO_WORDS)
    known = space.items["label_code"].fill_null(UNLABELLED).cast(pl.Int64).to_numpy()
    labels, wanted = known, label_code
    if choice is not None:
        having = [code for code in label_set.codes if choice in label_set.members_of(code)]
        labels = np.where(known == UNLABELLED, UNLABELLED, np.isin(known, having))
        wanted = int(label_code in having)
    found = label_neighbours(
        space.features,
        row=space.items["item_code"].to_list().index(item_code),
        labels=labels,
        label_code=wanted,
        k=MOST_EACH,
    )
    n_labelled = int(store.read("labelled_count", project_id=project_id, as_of=as_of)["n"][0])
    own_label = space.items.filter(pl.col("item_code") == item_code)["label_code"].null_count() == 0

    def told(rows: list[int], similarity: list[float]) -> tuple[Neighbour, ...]:
        return tuple(
            _neighbour(space.items.row(row, named=True), near, label_set)
            for row, near in zip(rows, similarity, strict=True)
        )

    return NeighbourEvidence(
        speaks_for=told(found.same_rows.tolist(), found.same_similarity.tolist()),
        speaks_against=told(found.other_rows.tolist(), found.other_similarity.tolist()),
        n_same=found.n_same,
        n_nearest=found.n_nearest,
        by=space.by,
        n_compared=int((known != UNLABELLED).sum()) - own_label,
        n_labelled=n_labelled - own_label,
        choice=None if choice is None else label_set.label(choice),
        undefined=None if found.n_nearest else "no labelled item has anything in common with it",
    )


def _embedded(store: Store, project_id: str, item_code: int, as_of: int | None) -> _Space | None:
    """The newest embeddings that hold the item."""
    for model_run in embedding_runs(store, project_id=project_id, as_of=as_of)["model_run"]:
        codes, vectors = embeddings(store, project_id=project_id, model_run=model_run, as_of=as_of)
        if item_code not in codes:
            continue
        items = _items(store, project_id, item_code, as_of, MOST_COMPARED)
        there = pl.DataFrame({"item_code": codes}).with_row_index("row")
        kept = items.drop("image_bytes").join(there, on="item_code", maintain_order="left")
        mean = vectors.mean(axis=0)
        return _Space(
            kept.drop("row"),
            vectors[kept["row"].to_numpy()] - mean,
            f"the embeddings {model_run}, less their mean",
        )
    return None


def _read(
    store: Store, project_id: str, item_code: int, as_of: int | None, state: EncoderState | None
) -> _Space | None:
    """Texts or pictures as the trained model reads them; without one, by an encoder fitted to those that are compared."""
    items = _items(store, project_id, item_code, as_of, MOST_READ)
    item = items.filter(pl.col("item_code") == item_code).row(0, named=True)
    kind = state.kind if state is not None else TEXT if item["text"] else PIXELS
    column = "image_bytes" if kind == PIXELS else "text"
    if kind not in (TEXT, PIXELS) or not item[column]:
        return None
    alike = items.filter(pl.col(column).is_not_null())
    content = alike[column].to_list()
    try:
        features, by = _encoded(content, kind, state)
    except BadOption:
        return None
    return _Space(alike, features, by)


def _encoded(content: list[str | bytes], kind: str, state: EncoderState | None) -> tuple[Features, str]:
    """Raises BadOption where a text has no words, or a picture cannot be read."""
    from analytics.encoders import PixelEncoder, TextEncoder

    if kind == TEXT:
        texts = [one for one in content if isinstance(one, str)]
        if state is not None:
            return encode_texts(state, texts), "the words that the model reads (TF-IDF)"
        return TextEncoder(fewest_items=1).fit(texts).transform(texts), "the words they share (TF-IDF)"
    pictures = [one for one in content if isinstance(one, bytes)]
    if state is not None:
        return encode_pictures(state, pictures), "the pixels that the model reads, less the mean picture"
    return PixelEncoder().fit(pictures).transform(pictures), "their pixels, less the mean picture"


def _items(store: Store, project_id: str, item_code: int, as_of: int | None, most: int) -> pl.DataFrame:
    """The item and labelled others: item_code, item_id, text, image_bytes, label_code."""
    found = store.read("explain_items", project_id=project_id, item_code=item_code, as_of=as_of, most=most)
    return found.with_columns(pl.col("item_code").cast(pl.Int64))


def _neighbour(row: dict[str, object], similarity: float, label_set: LabelSet) -> Neighbour:
    code = int(str(row["label_code"]))
    text = " ".join(str(row["text"] or "").split())
    preview = text if len(text) <= PREVIEW else text[: PREVIEW - 1] + "…"
    return Neighbour(str(row["item_id"]), label_set.label(code), code, similarity, preview)
