"""Embeddings that a model made of a project's items: what is kept of a file of them, and reading a run back."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import IntArray
from dashboard.workflows.content_runs import CodedContent, ContentForm, the_run
from dashboard.workflows.opening import Store
from data.importers import REJECTED, ParsedContent


def embedding_runs(store: Store, *, project_id: str, as_of: int | None = None) -> pl.DataFrame:
    """The runs that gave embeddings, newest first.

    Columns model_run, n_items, n_dimensions, note, content_sha256, name, format, imported_by, imported_at, seq.
    """
    return store.read("embedding_runs", project_id=project_id, as_of=as_of)


def embeddings(
    store: Store, *, project_id: str, model_run: str, as_of: int | None = None
) -> tuple[IntArray, NDArray[np.float32]]:
    """What a run gave: (N,) item codes, ascending, and the (N, D) vectors.

    Raises:
        BadRequest: there is no such run.
    """
    runs = embedding_runs(store, project_id=project_id, as_of=as_of)
    named = the_run(runs, "embeddings", project_id, model_run)
    frame = store.read("embedding_vectors", project_id=project_id, model_run=model_run, as_of=as_of)
    flat = frame["vector"].explode(empty_as_null=False).to_numpy()
    return frame["item_code"].to_numpy(), flat.reshape(frame.height, int(named["n_dimensions"][0]))


def _coded(parsed: ParsedContent, known: pl.DataFrame) -> CodedContent:
    """The vectors by item code."""
    width = len(parsed.contents["vector"][0]) if parsed.contents.height else 0
    vectors = known["vector"].explode(empty_as_null=False).to_numpy().reshape(known.height, width)
    digest = hashlib.sha256(np.array(vectors.shape, dtype="<i8").tobytes())
    digest.update(np.ascontiguousarray(known["item_code"].to_numpy(), dtype="<i8").data)
    digest.update(np.ascontiguousarray(vectors, dtype="<f4").data)
    lists = pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, width)).cast(pl.List(pl.Float32))
    return CodedContent(
        rows=known.select("item_code").with_columns(lists),
        outside=pl.DataFrame(schema=REJECTED),
        sha256=digest.hexdigest(),
        about={"n_dimensions": width},
        n_dimensions=width,
    )


EMBEDDINGS = ContentForm(
    content="embeddings",
    other="vectors",
    items="import_known_items",
    code=_coded,
    runs="embedding_runs",
    run_table="embedding_run",
    segment_table="embedding",
)
"""For `content_runs.import_content`."""
