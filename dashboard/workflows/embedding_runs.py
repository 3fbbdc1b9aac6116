"""Embeddings that a model made of a project's items: bringing a run in, all or nothing, as one event, and reading it back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import IntArray
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.importers import ImportOptions, ParsedContent, parse_content_isolated
from data.records import Draft


@dataclass(frozen=True, slots=True)
class EmbeddingsSummary:
    """What an import of embeddings did, or would do. Words as in `predictions.PredictionsSummary`."""

    project_id: str
    model_run: str
    imported: int
    items: int
    n_dimensions: int
    rejected: pl.DataFrame
    unknown_items: tuple[str, ...]
    missing_items: int
    refused: bool
    known: bool
    dry_run: bool
    mapping: dict[str, str]
    guessed: tuple[str, ...]
    format: str


@dataclass(frozen=True, slots=True)
class _Coded:
    """(N,) item codes, ascending, and (N, D) vectors."""

    item_codes: IntArray
    vectors: NDArray[np.float32]

    @property
    def content_sha256(self) -> str:
        digest = hashlib.sha256(np.array(self.vectors.shape, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.item_codes, dtype="<i8").data)
        digest.update(np.ascontiguousarray(self.vectors, dtype="<f4").data)
        return digest.hexdigest()


def import_embeddings(
    store: Store,
    *,
    path: Path,
    project_id: str,
    by: Person,
    model_run: str,
    note: str = "",
    skip_bad_rows: bool = False,
    dry_run: bool = False,
    options: ImportOptions | None = None,
    progress: Callable[[float], None] | None = None,
    request_id: str | None = None,
) -> EmbeddingsSummary:
    """Parse a file of embeddings in a child process and import it as one event. The same content again changes nothing.

    Args:
        model_run: the checked name of the run.

    Raises:
        ImportRejected: the file could not be read at all; nothing was changed.
        BadRequest: no item is the project's, or the run's name stands for other embeddings.
        NotAllowed: the person may not import.
    """
    require(by, "import")
    require_label_set(store, project_id)  # it says so where there is no such project
    parsed = parse_content_isolated(
        path, content="embeddings", options=options or ImportOptions(), progress=progress
    )
    items = store.read("import_known_items", project_id=project_id)
    coded, unknown = _coded(parsed, items)
    refused = not skip_bad_rows and not (parsed.rejected.is_empty() and unknown.is_empty())
    summary = EmbeddingsSummary(
        project_id=project_id, model_run=model_run, imported=0 if refused else len(coded.item_codes),
        items=len(coded.item_codes), n_dimensions=coded.vectors.shape[1], rejected=parsed.rejected,
        unknown_items=tuple(unknown["item_id"]), missing_items=items.height - len(coded.item_codes), refused=refused,
        known=False, dry_run=dry_run, mapping=parsed.mapping, guessed=parsed.guessed, format=parsed.format,
    )  # fmt: skip
    if refused:
        return summary
    if not summary.items:
        raise BadRequest(f"{parsed.name} has embeddings of no item of {project_id}. Nothing was imported.")
    was_known = replace(summary, imported=0, known=True)
    if dry_run:
        return was_known if _is_known(store, project_id, model_run, coded) else summary

    def plan(reader: Reader) -> Draft | None:
        if _is_known(reader, project_id, model_run, coded):
            return None
        return _draft(reader, summary, parsed, coded, note=note)

    words: dict[str, object] = {
        "verb": "embeddings", "project": project_id, "run": model_run, "sha256": parsed.sha256,
        "content": coded.content_sha256,
    }  # fmt: skip
    event = store.submit(plan, by=by.person_id, request=words, request_id=request_id)
    return was_known if event is None else summary


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
    named = runs.filter(pl.col("model_run") == model_run)
    if named.is_empty():
        known = ", ".join(runs["model_run"]) or "none"
        raise BadRequest(f"There are no embeddings {model_run!r} in {project_id}. Runs: {known}.")
    frame = store.read("embedding_vectors", project_id=project_id, model_run=model_run, as_of=as_of)
    flat = frame["vector"].explode(empty_as_null=False).to_numpy()
    return frame["item_code"].to_numpy(), flat.reshape(frame.height, int(named["n_dimensions"][0]))


def _coded(parsed: ParsedContent, items: pl.DataFrame) -> tuple[_Coded, pl.DataFrame]:
    """The vectors by item code, and the rows whose item the project does not have (row, item_id)."""
    joined = parsed.contents.join(items, on="item_id", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("item_code").is_null()).select("row", "item_id")
    known = joined.filter(pl.col("item_code").is_not_null()).sort("item_code")
    flat = known["vector"].explode(empty_as_null=False).to_numpy()
    width = len(parsed.contents["vector"][0]) if parsed.contents.height else 0
    return _Coded(known["item_code"].to_numpy(), flat.reshape(known.height, width)), unknown


def _is_known(store: Store | Reader, project_id: str, model_run: str, coded: _Coded) -> bool:
    """Whether the store has this content under this name; raises BadRequest where the name stands for something else."""
    runs = store.read("embedding_runs", project_id=project_id, as_of=None)
    known = runs.filter(pl.col("model_run") == model_run)["content_sha256"].to_list()
    if known and known[0] != coded.content_sha256:
        raise BadRequest(
            f"The embeddings {model_run!r} are there with other vectors. Nothing was changed; give these a name of their own (--run)."
        )
    return bool(known)


def _draft(
    reader: Reader, summary: EmbeddingsSummary, parsed: ParsedContent, coded: _Coded, *, note: str
) -> Draft:
    """The import's event."""
    row: dict[str, object] = {
        "model_run": summary.model_run, "n_items": summary.items, "n_dimensions": summary.n_dimensions,
        "content_sha256": coded.content_sha256, "name": parsed.name, "format": parsed.format, "note": note,
    }  # fmt: skip
    lists = pl.Series("vector", coded.vectors, dtype=pl.Array(pl.Float32, summary.n_dimensions))
    frame = pl.DataFrame({"item_code": coded.item_codes}).with_columns(
        pl.lit(summary.model_run).alias("model_run"), lists.cast(pl.List(pl.Float32))
    )
    payload: dict[str, object] = {
        "rows": {"embedding_run": [row]},
        "segments": {"embedding": reader.segments.put(frame).as_payload()},
        "source": {
            "name": parsed.name, "sha256": parsed.sha256, "format": parsed.format, "rows": parsed.n_rows,
        },
        "mapping": dict(parsed.mapping),
        "counts": {
            "imported": summary.items, "rejected": parsed.rejected.height, "unknown_items": len(summary.unknown_items),
        },
    }  # fmt: skip
    return Draft("embeddings_imported", summary.project_id, summary.model_run, payload)
