"""What a model says of the tokens of texts: bringing a run in, all or nothing, as one event, and reading it back.

Nothing is computed from it yet; it is kept for labels that are spans.
"""

from __future__ import annotations

import hashlib
import json
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
from data.journal import canonical_json
from data.records import Draft


@dataclass(frozen=True, slots=True)
class TokensSummary:
    """What an import of tokens did, or would do. Words as in `predictions.PredictionsSummary`."""

    project_id: str
    model_run: str
    imported: int
    items: int
    n_tokens: int
    tags: tuple[str, ...]
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
class Tokens:
    """What a run says. `tags`: T names. `item_codes` (N,), ascending; the tokens of item i are `offsets[i]` to `offsets[i + 1]`
    (N + 1,) of `starts`, `ends` (in characters, the end not included) and `probabilities` (all tokens, T).
    """

    tags: tuple[str, ...]
    item_codes: IntArray
    offsets: IntArray
    starts: IntArray
    ends: IntArray
    probabilities: NDArray[np.float32]


def import_tokens(
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
) -> TokensSummary:
    """Parse a file of tokens in a child process and import it as one event. The same content again changes nothing.

    Args:
        model_run: the checked name of the run.

    Raises:
        ImportRejected: the file could not be read at all; nothing was changed.
        BadRequest: no item is the project's, or the run's name stands for other tokens.
        NotAllowed: the person may not import.
    """
    require(by, "import")
    require_label_set(store, project_id)  # it says so where there is no such project
    parsed = parse_content_isolated(
        path, content="tokens", options=options or ImportOptions(), progress=progress
    )
    items = store.read("item_text_lengths", project_id=project_id)
    rows, outside, unknown = _coded(parsed, items)
    rejected = pl.concat([parsed.rejected, outside]).sort("row")
    refused = not skip_bad_rows and not (rejected.is_empty() and unknown.is_empty())
    summary = TokensSummary(
        project_id=project_id, model_run=model_run, imported=0 if refused else rows.height, items=rows.height,
        n_tokens=int(rows["starts"].list.len().sum()), tags=parsed.tags, rejected=rejected,
        unknown_items=tuple(unknown["item_id"]), missing_items=items.height - rows.height, refused=refused, known=False,
        dry_run=dry_run, mapping=parsed.mapping, guessed=parsed.guessed, format=parsed.format,
    )  # fmt: skip
    if refused:
        return summary
    if not summary.items:
        raise BadRequest(f"{parsed.name} has tokens of no item of {project_id}. Nothing was imported.")
    content_sha256, was_known = _content(rows, parsed.tags), replace(summary, imported=0, known=True)
    if dry_run:
        return was_known if _is_known(store, project_id, model_run, content_sha256) else summary

    def plan(reader: Reader) -> Draft | None:
        if _is_known(reader, project_id, model_run, content_sha256):
            return None
        return _draft(reader, summary, parsed, rows, content_sha256=content_sha256, note=note)

    words: dict[str, object] = {
        "verb": "tokens", "project": project_id, "run": model_run, "sha256": parsed.sha256,
    }  # fmt: skip
    event = store.submit(plan, by=by.person_id, request=words, request_id=request_id)
    return was_known if event is None else summary


def token_runs(store: Store, *, project_id: str, as_of: int | None = None) -> pl.DataFrame:
    """The runs that gave probabilities of tokens, newest first.

    Columns model_run, n_items, n_tokens, tags (a JSON list), note, content_sha256, name, format, imported_by, imported_at, seq.
    """
    return store.read("token_runs", project_id=project_id, as_of=as_of)


def tokens(store: Store, *, project_id: str, model_run: str, as_of: int | None = None) -> Tokens:
    """What a run says of tokens.

    Raises:
        BadRequest: there is no such run.
    """
    runs = token_runs(store, project_id=project_id, as_of=as_of)
    named = runs.filter(pl.col("model_run") == model_run)
    if named.is_empty():
        known = ", ".join(runs["model_run"]) or "none"
        raise BadRequest(f"There are no tokens {model_run!r} in {project_id}. Runs: {known}.")
    tags = tuple(json.loads(named["tags"][0]))
    frame = store.read("token_probabilities", project_id=project_id, model_run=model_run, as_of=as_of)
    starts, ends, flat = (
        frame[name].explode(empty_as_null=False).to_numpy() for name in ("starts", "ends", "probabilities")
    )
    offsets = np.concatenate([[0], frame["starts"].list.len().to_numpy().cumsum(dtype=np.int64)])
    return Tokens(tags, frame["item_code"].to_numpy(), offsets, starts, ends, flat.reshape(-1, len(tags)))


def _coded(parsed: ParsedContent, items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Rows of known items whose tokens lie in the text, by item code; rows whose tokens do not (row, reason); unknown items."""
    joined = parsed.contents.join(items, on="item_id", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("item_code").is_null()).select("row", "item_id")
    known = joined.filter(pl.col("item_code").is_not_null()).sort("item_code")
    last = pl.col("ends").list.last()
    judged = known.with_columns(
        reason=pl.when(pl.col("n_characters").is_null())
        .then(pl.format("item '{}' has no text", pl.col("item_id").str.slice(0, 40)))
        .when(last > pl.col("n_characters"))
        .then(
            pl.format(
                "the last token ends at {}, but the text of item '{}' has {} characters",
                last, pl.col("item_id").str.slice(0, 40), "n_characters",
            )
        )
    )  # fmt: skip
    rows = judged.filter(pl.col("reason").is_null()).select("item_code", "starts", "ends", "probabilities")
    return rows, judged.filter(pl.col("reason").is_not_null()).select("row", "reason"), unknown


def _content(rows: pl.DataFrame, tags: tuple[str, ...]) -> str:
    """A hash of what the run says."""
    digest = hashlib.sha256(canonical_json(list(tags)).encode())
    lengths = rows["starts"].list.len()
    for values, kind in (
        (rows["item_code"], "<i8"),
        (lengths, "<i8"),
        (rows["starts"].explode(empty_as_null=False), "<i8"),
        (rows["ends"].explode(empty_as_null=False), "<i8"),
        (rows["probabilities"].explode(empty_as_null=False), "<f4"),
    ):
        digest.update(np.ascontiguousarray(values.to_numpy(), dtype=kind).data)
    return digest.hexdigest()


def _is_known(store: Store | Reader, project_id: str, model_run: str, content_sha256: str) -> bool:
    """Whether the store has this content under this name; raises BadRequest where the name stands for something else."""
    runs = store.read("token_runs", project_id=project_id, as_of=None)
    known = runs.filter(pl.col("model_run") == model_run)["content_sha256"].to_list()
    if known and known[0] != content_sha256:
        raise BadRequest(
            f"The tokens {model_run!r} are there with other probabilities. Nothing was changed; give these a name of their own (--run)."
        )
    return bool(known)


def _draft(
    reader: Reader,
    summary: TokensSummary,
    parsed: ParsedContent,
    rows: pl.DataFrame,
    *,
    content_sha256: str,
    note: str,
) -> Draft:
    """The import's event."""
    row: dict[str, object] = {
        "model_run": summary.model_run, "n_items": summary.items, "n_tokens": summary.n_tokens, "note": note,
        "tags": canonical_json(list(summary.tags)), "content_sha256": content_sha256, "name": parsed.name, "format": parsed.format,
    }  # fmt: skip
    frame = rows.with_columns(pl.lit(summary.model_run).alias("model_run"))
    payload: dict[str, object] = {
        "rows": {"token_run": [row]},
        "segments": {"token_probability": reader.segments.put(frame).as_payload()},
        "source": {
            "name": parsed.name, "sha256": parsed.sha256, "format": parsed.format, "rows": parsed.n_rows,
        },
        "mapping": dict(parsed.mapping),
        "counts": {
            "imported": summary.items, "rejected": summary.rejected.height, "unknown_items": len(summary.unknown_items),
        },
    }  # fmt: skip
    return Draft("tokens_imported", summary.project_id, summary.model_run, payload)
