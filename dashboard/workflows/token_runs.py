"""What a model says of the tokens of texts: what is kept of a file of it, and reading a run back.

Nothing is computed from it yet; it is kept for labels that are spans.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import IntArray
from dashboard.workflows.content_runs import CodedContent, ContentForm, the_run
from dashboard.workflows.opening import Store
from data.importers import ParsedContent
from data.journal import canonical_json


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
    named = the_run(runs, "tokens", project_id, model_run)
    tags = tuple(json.loads(named["tags"][0]))
    frame = store.read("token_probabilities", project_id=project_id, model_run=model_run, as_of=as_of)
    starts, ends, flat = (
        frame[name].explode(empty_as_null=False).to_numpy() for name in ("starts", "ends", "probabilities")
    )
    offsets = np.concatenate([[0], frame["starts"].list.len().to_numpy().cumsum(dtype=np.int64)])
    return Tokens(tags, frame["item_code"].to_numpy(), offsets, starts, ends, flat.reshape(-1, len(tags)))


def _coded(parsed: ParsedContent, known: pl.DataFrame) -> CodedContent:
    """The rows whose tokens lie in the item's text, and why the others cannot be taken."""
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
    return CodedContent(
        rows=rows,
        outside=judged.filter(pl.col("reason").is_not_null()).select("row", "reason"),
        sha256=_content(rows, parsed.tags),
        about={
            "n_tokens": int(rows["starts"].list.len().sum()),
            "tags": canonical_json(list(parsed.tags)),
        },
        n_tokens=int(rows["starts"].list.len().sum()),
        tags=parsed.tags,
    )


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


TOKENS = ContentForm(
    content="tokens",
    other="probabilities",
    items="item_text_lengths",
    code=_coded,
    runs="token_runs",
    run_table="token_run",
    segment_table="token_probability",
)
"""For `content_runs.import_content`."""
