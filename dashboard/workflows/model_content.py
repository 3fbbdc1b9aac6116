"""What a model reads of a project's items: pictures, texts, or embeddings that were brought in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from analytics.frames import IntArray
from dashboard.workflows.embedding_runs import embedding_runs, embeddings
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store

if TYPE_CHECKING:
    from analytics.encoders import EmbeddingEncoder, PixelEncoder, TextEncoder
    from analytics.features import Features

TEXT, PIXELS, EMBEDDINGS = "text", "pixels", "embeddings"
ENCODERS = ("auto", TEXT, PIXELS, EMBEDDINGS)
SENTENCES, BACKBONE = "sentences:", "backbone:"
"""What stands before the name of a network that others trained: of sentence-transformers for texts, of torchvision for pictures."""
FEWEST_ITEMS = 20
"""With fewer items nothing is learned that could criticise anybody."""

NO_CONTENT = (
    "{project} has {n:,} items with {what}; a model needs {fewest} to learn from. Import texts or pictures with the items, or "
    "bring the probabilities of a model of your own (`touchstone predictions`)."
)


@dataclass(frozen=True, slots=True)
class Content:
    """The items that a model can read.

    `kind`: text, pixels or embeddings. `item_codes` (N,), ascending; `features` (N, D). `groups` (N,): items with the very same content
    share one. `n_left_out`: items without such content. `encoder`: what made the features.
    """

    kind: str
    item_codes: IntArray
    item_ids: tuple[str, ...]
    features: Features
    feature_names: tuple[str, ...]
    groups: IntArray
    n_left_out: int
    encoder: TextEncoder | PixelEncoder | EmbeddingEncoder


KNOWN = (*ENCODERS, f"{SENTENCES}NAME", f"{BACKBONE}NAME")
"""The encoders, as people are told."""


def is_encoder(name: str) -> bool:
    """Whether `read_content` knows it.

    >>> is_encoder("text"), is_encoder("sentences:all-MiniLM-L6-v2"), is_encoder("backbone:"), is_encoder("bert")
    (True, True, False, False)
    """
    return name in ENCODERS or any(
        name.startswith(prefix) and name != prefix for prefix in (SENTENCES, BACKBONE)
    )


def read_content(
    store: Store, project_id: str, *, encoder: str = "auto", as_of: int | None = None
) -> Content:
    """The items of a project as features; `auto` takes the newest embeddings that were brought in, where there are any of enough
    items, else what more of them have, pictures or texts.

    Raises:
        BadRequest: an unknown encoder, or too few items with such content.
    """
    if not is_encoder(encoder):
        raise BadRequest(f"{encoder!r} is not an encoder. Known: {', '.join(KNOWN)}.")
    items = store.read("model_items", project_id=project_id, as_of=as_of)
    kind = encoder
    if encoder in ("auto", EMBEDDINGS):
        found = _embedded(store, project_id, items, as_of=as_of)
        if found is not None:
            return found
    if encoder == EMBEDDINGS:
        raise BadRequest(
            f"{project_id} has no embeddings of {FEWEST_ITEMS} items or more. Bring them in: `touchstone predictions FILE --embeddings`."
        )
    if encoder == "auto":
        n_pictures, n_texts = (len(items) - items[name].null_count() for name in ("image_bytes", "text"))
        kind = PIXELS if n_pictures > n_texts else TEXT
    of_pictures = kind == PIXELS or kind.startswith(BACKBONE)
    column = "image_bytes" if of_pictures else "text"
    there = items.filter(pl.col(column).is_not_null())
    if there.height < FEWEST_ITEMS:
        what = "a picture" if of_pictures else "a text"
        raise BadRequest(
            NO_CONTENT.format(project=project_id, n=there.height, what=what, fewest=FEWEST_ITEMS)
        )
    content: list[str | bytes] = there[column].to_list()
    fitted, features = _encoded(kind, content)
    return Content(
        kind=kind if kind in ENCODERS else EMBEDDINGS,
        item_codes=there["item_code"].cast(pl.Int64).to_numpy(),
        item_ids=tuple(there["item_id"]),
        features=features,
        feature_names=fitted.feature_names,
        groups=_groups(content),
        n_left_out=items.height - there.height,
        encoder=fitted,
    )


def _embedded(store: Store, project_id: str, items: pl.DataFrame, *, as_of: int | None) -> Content | None:
    """The newest embeddings of enough items, or None."""
    runs = embedding_runs(store, project_id=project_id, as_of=as_of).filter(pl.col("n_items") >= FEWEST_ITEMS)
    if runs.is_empty():
        return None
    from analytics.encoders import EmbeddingEncoder

    codes, vectors = embeddings(store, project_id=project_id, model_run=runs["model_run"][0], as_of=as_of)
    encoder = EmbeddingEncoder().fit(vectors)
    ids = pl.DataFrame({"item_code": codes}).join(
        items.select(pl.col("item_code").cast(pl.Int64), "item_id"), on="item_code", maintain_order="left"
    )
    return Content(
        kind=EMBEDDINGS,
        item_codes=codes,
        item_ids=tuple(ids["item_id"]),
        features=encoder.transform(vectors),
        feature_names=encoder.feature_names,
        groups=_groups([row.tobytes() for row in vectors]),
        n_left_out=items.height - len(codes),
        encoder=encoder,
    )


def _encoded(
    kind: str, content: Sequence[str | bytes]
) -> tuple[TextEncoder | PixelEncoder | EmbeddingEncoder, Features]:
    from analytics.encoders import PixelEncoder, TextEncoder
    from analytics.errors import BadOption
    from analytics.pretrained import BackboneEncoder, ExtraMissing, SentenceEncoder

    try:
        if kind.startswith(BACKBONE):
            seen = [one for one in content if isinstance(one, bytes)]
            backbone = BackboneEncoder(kind.removeprefix(BACKBONE)).fit(seen)
            return backbone.scaled, backbone.transform(seen)
        if kind.startswith(SENTENCES):
            read = [one for one in content if isinstance(one, str)]
            sentences = SentenceEncoder(kind.removeprefix(SENTENCES)).fit(read)
            return sentences.scaled, sentences.transform(read)
        if kind == PIXELS:
            pictures = [one for one in content if isinstance(one, bytes)]
            pixels = PixelEncoder().fit(pictures)
            return pixels, pixels.transform(pictures)
        texts = [one for one in content if isinstance(one, str)]
        words = TextEncoder().fit(texts)
        return words, words.transform(texts)
    except ExtraMissing as error:
        raise BadRequest(str(error)) from error
    except BadOption as error:
        raise BadRequest(f"The items cannot be read by {kind}: {error}") from error


def _groups(content: Sequence[str | bytes]) -> IntArray:
    """The same number for the same content, blanks and case of texts aside."""
    marks = [one if isinstance(one, bytes) else " ".join(one.lower().split()).encode() for one in content]
    digests = np.array([hashlib.sha256(mark).hexdigest() for mark in marks])
    return np.unique(digests, return_inverse=True)[1].astype(np.int64)
