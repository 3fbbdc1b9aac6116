"""What a model says of items beside probabilities of labels: bringing a file of it in, all or nothing, as one event.

`embedding_runs` and `token_runs` say what their content is; the way in is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.importers import ContentKind, ImportOptions, ParsedContent, parse_content_isolated
from data.records import Draft


@dataclass(frozen=True, slots=True)
class ContentSummary:
    """What an import did, or would do. Words as in `predictions.PredictionsSummary`.

    Attributes:
        n_dimensions: D of embeddings, else 0.
        n_tokens: how many tokens, else 0.
        tags: the tags of tokens, else ().
    """

    project_id: str
    model_run: str
    imported: int
    items: int
    n_dimensions: int
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
class CodedContent:
    """What can be kept of a file.

    Attributes:
        rows: the segment, by item_code, but for the column model_run.
        outside: rows of known items that cannot be taken (row, reason).
        sha256: of what the rows say.
        n_dimensions: as in the summary; so are `n_tokens` and `tags`.
        about: columns of the run's row that only this kind has.
    """

    rows: pl.DataFrame
    outside: pl.DataFrame
    sha256: str
    about: dict[str, object]
    n_dimensions: int = 0
    n_tokens: int = 0
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContentForm:
    """A kind of content.

    Attributes:
        content: what it is called, in words too.
        other: what differs where a name stands for something else.
        items: the query of the project's items: item_id, item_code, …
        code: of what was read (with the columns of `items`), known items alone, by item_code.
        run_table: where its runs are; `runs` is the query that reads them.
        segment_table: where its rows are.
    """

    content: ContentKind
    other: str
    items: str
    code: Callable[[ParsedContent, pl.DataFrame], CodedContent]
    runs: str
    run_table: str
    segment_table: str


def import_content(
    store: Store,
    form: ContentForm,
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
) -> ContentSummary:
    """Parse a file in a child process and import it as one event. The same content again changes nothing.

    Args:
        model_run: the checked name of the run.

    Raises:
        ImportRejected: the file could not be read at all; nothing was changed.
        BadRequest: no item is the project's, or the run's name stands for something else.
        NotAllowed: the person may not import.
    """
    require(by, "import")
    require_label_set(store, project_id)  # it says so where there is no such project
    parsed = parse_content_isolated(
        path, content=form.content, options=options or ImportOptions(), progress=progress
    )
    items = store.read(form.items, project_id=project_id)
    joined = parsed.contents.join(items, on="item_id", how="left", maintain_order="left")
    known = pl.col("item_code").is_not_null()
    unknown, coded = joined.filter(~known), form.code(parsed, joined.filter(known).sort("item_code"))
    rejected = pl.concat([parsed.rejected, coded.outside]).sort("row")
    n_items = coded.rows.height
    refused = not skip_bad_rows and not (rejected.is_empty() and unknown.is_empty())
    summary = ContentSummary(
        project_id=project_id, model_run=model_run, imported=0 if refused else n_items, items=n_items,
        n_dimensions=coded.n_dimensions, n_tokens=coded.n_tokens, tags=coded.tags, rejected=rejected,
        unknown_items=tuple(unknown["item_id"]), missing_items=items.height - n_items, refused=refused, known=False,
        dry_run=dry_run, mapping=parsed.mapping, guessed=parsed.guessed, format=parsed.format,
    )  # fmt: skip
    if refused:
        return summary
    if not n_items:
        raise BadRequest(
            f"{parsed.name} has {form.content} of no item of {project_id}. Nothing was imported."
        )
    was_known = replace(summary, imported=0, known=True)
    if dry_run:
        return was_known if _is_known(store, form, summary, coded) else summary

    def plan(reader: Reader) -> Draft | None:
        if _is_known(reader, form, summary, coded):
            return None
        return _draft(reader, form, summary, parsed, coded, note)

    words: dict[str, object] = {
        "verb": form.content, "project": project_id, "run": model_run, "sha256": parsed.sha256,
        "content": coded.sha256,
    }  # fmt: skip
    event = store.submit(plan, by=by.person_id, request=words, request_id=request_id)
    return was_known if event is None else summary


def the_run(runs: pl.DataFrame, content: ContentKind, project_id: str, model_run: str) -> pl.DataFrame:
    """The one row of `runs` that has the name.

    Raises:
        BadRequest: none has.
    """
    named = runs.filter(pl.col("model_run") == model_run)
    if named.is_empty():
        known = ", ".join(runs["model_run"]) or "none"
        raise BadRequest(f"There are no {content} {model_run!r} in {project_id}. Runs: {known}.")
    return named


def _is_known(store: Store | Reader, form: ContentForm, summary: ContentSummary, coded: CodedContent) -> bool:
    """Whether the store has this content under this name; raises BadRequest where the name stands for something else."""
    runs = store.read(form.runs, project_id=summary.project_id, as_of=None)
    known = runs.filter(pl.col("model_run") == summary.model_run)["content_sha256"].to_list()
    if known and known[0] != coded.sha256:
        raise BadRequest(
            f"The {form.content} {summary.model_run!r} are there with other {form.other}. Nothing was changed; "
            "give these a name of their own (--run)."
        )
    return bool(known)


def _draft(
    reader: Reader,
    form: ContentForm,
    summary: ContentSummary,
    parsed: ParsedContent,
    coded: CodedContent,
    note: str,
) -> Draft:
    """The import's event."""
    row: dict[str, object] = {
        "model_run": summary.model_run, "n_items": summary.items, "note": note, "content_sha256": coded.sha256,
        "name": parsed.name, "format": parsed.format,
    }  # fmt: skip
    frame = coded.rows.with_columns(pl.lit(summary.model_run).alias("model_run"))
    payload: dict[str, object] = {
        "rows": {form.run_table: [row | coded.about]},
        "segments": {form.segment_table: reader.segments.put(frame).as_payload()},
        "source": {
            "name": parsed.name, "sha256": parsed.sha256, "format": parsed.format, "rows": parsed.n_rows,
        },
        "mapping": dict(parsed.mapping),
        "counts": {
            "imported": summary.items, "rejected": summary.rejected.height, "unknown_items": len(summary.unknown_items),
        },
    }  # fmt: skip
    return Draft(f"{form.content}_imported", summary.project_id, summary.model_run, payload)
