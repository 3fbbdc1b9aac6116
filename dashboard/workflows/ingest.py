"""Importing annotations: all or nothing by the row policy that the user chose, in one event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast, get_args

import polars as pl

from dashboard.workflows import ingest_frames
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.ingest_labels import ImportRequest, label_set_after, sets_of
from dashboard.workflows.label_sets import (
    SET,
    LabelSet,
    current_label_set,
    extended,
    label_set_rows,
)
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.set_labels import new_rows, with_sets
from data.database import Reader
from data.importers import ROLES, ImportOptions, Parsed, Preview, parse_isolated, parse_map, preview
from data.importers.parsed import Format
from data.records import Draft

__all__ = [
    "ROLES",
    "ImportOptions",
    "ImportRequest",
    "ImportSummary",
    "Preview",
    "import_file",
    "import_parsed",
    "preview_file",
]


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did, or would do. `rejected` has columns row, reason; `refused` says that nothing was imported for them."""

    project_id: str
    imported: int
    duplicates: int
    rejected: pl.DataFrame
    refused: bool
    dry_run: bool
    items: int
    annotators: int
    predictions: int
    suggestions_shown: int
    suggestions_hidden: int
    mapping: Mapping[str, str]
    guessed: tuple[str, ...]
    labels: tuple[str, ...]
    level: str
    format: str


def import_options(
    mapping: str, item_attributes: Sequence[str], annotator_attributes: Sequence[str], *, separator: str = ""
) -> ImportOptions:
    """The importer's options from the command line's words (`item=a,label=b`).

    Raises:
        ImportRejected: a word without "=", an unknown role, or a role given twice.
    """
    return ImportOptions(
        mapping=parse_map(filter(None, (piece.strip() for piece in mapping.split(",")))),
        item_attributes=tuple(item_attributes),
        annotator_attributes=tuple(annotator_attributes),
        separator=separator,
    )


def preview_file(
    path: Path, *, by: Person, format: str = "auto", options: ImportOptions | None = None, rows: int = 20
) -> Preview:
    """The first rows of a file, how its columns were understood, and what stands in the way; changes nothing.

    Raises:
        ImportRejected: the file could not be read at all.
    """
    require(by, "import")
    return preview(path, format=_format(format), options=options or ImportOptions(), n=rows)


def default_project(store: Store, path: Path) -> str:
    """The project that a file goes to when none is named: the store's only one, else the file's name."""
    known: list[str] = store.read("project_list")["project_id"].to_list()
    if len(known) > 1:
        raise BadRequest(
            f"This store has {len(known)} projects ({', '.join(known)}): name one with --project."
        )
    return known[0] if known else path.name.split(".")[0]


def import_file(
    store: Store,
    *,
    path: Path,
    project_id: str,
    by: Person,
    format: str = "auto",
    options: ImportOptions | None = None,
    request: ImportRequest | None = None,
    progress: Callable[[float], None] | None = None,
    request_id: str | None = None,
) -> ImportSummary:
    """Parse a file in a child process and import what it holds; see `import_parsed`.

    Raises:
        ImportRejected: the file could not be read at all; nothing was changed.
    """
    require(by, "import")
    wanted = request or ImportRequest()
    known = current_label_set(store, project_id)
    asked = replace(options or ImportOptions(), sets=SET in (wanted.level, known.level if known else None))
    if asked.separator and not asked.sets:
        raise BadRequest("A separator parts the labels of a set; labels are sets with --level set.")
    parsed = parse_isolated(path, format=_format(format), options=asked, progress=progress)
    images = {**ingest_frames.images_beside(parsed.items, path.parent), **wanted.image_bytes}
    return import_parsed(
        store,
        parsed=parsed,
        project_id=project_id,
        by=by,
        request=replace(wanted, image_bytes=images),
        request_id=request_id,
    )


def _format(name: str) -> Format:
    """The format of this name; raises BadRequest where there is none."""
    if name not in get_args(Format):
        raise BadRequest(f"{name!r} is not a format. Formats: {', '.join(get_args(Format))}.")
    return cast("Format", name)


def import_parsed(
    store: Store,
    *,
    parsed: Parsed,
    project_id: str,
    by: Person,
    request: ImportRequest,
    request_id: str | None = None,
) -> ImportSummary:
    """Import what an importer read, as one event; annotations that the store already has are counted, not doubled.

    Raises:
        BadRequest: the labels cannot carry the level, or the project's id is empty.
        NotAllowed: the person may not import.
    """
    require(by, "import")
    if not project_id.strip():
        raise BadRequest("A project needs an id (--project NAME).")
    known = current_label_set(store, project_id)
    label_set, rejected = label_set_after(known, parsed, request)
    annotations = parsed.annotations.join(rejected.select("row").unique(), on="row", how="anti").sort("row")
    annotations = ingest_frames.with_ids(annotations, project_id)
    fresh = ingest_frames.without_known(store, annotations, project_id)
    told = parsed.suggestions.join(fresh.select("row"), on="row", how="semi")["is_shown"]
    summary = ImportSummary(
        project_id=project_id,
        imported=fresh.height,
        duplicates=annotations.height - fresh.height,
        rejected=rejected,
        refused=not rejected.is_empty() and not request.skip_bad_rows,
        dry_run=request.dry_run,
        items=parsed.items.height,
        annotators=annotations["annotator_id"].n_unique(),
        predictions=parsed.predictions.height,
        suggestions_shown=int(told.sum()),
        suggestions_hidden=int((~told).sum()),
        mapping=parsed.mapping,
        guessed=parsed.guessed,
        labels=label_set.choices,
        level=label_set.level,
        format=parsed.format,
    )
    if summary.refused:
        return replace(summary, imported=0)
    if request.dry_run:
        return summary
    people = store.vault.put(ingest_frames.attributes_by_person(parsed.annotators))

    def plan(reader: Reader) -> Draft | None:
        return _draft(
            reader,
            project_id=project_id,
            parsed=parsed,
            annotations=annotations,
            label_set=label_set,
            seen_version=known.version if known else 0,
            request=request,
            summary=summary,
            people=people,
        )

    asked: dict[str, object] = {
        "verb": "import",
        "project": project_id,
        "sha256": parsed.sha256,
        "name": parsed.name,
    }
    event = store.submit(plan, by=by.person_id, request=asked, request_id=request_id)
    if event is None:
        return replace(summary, imported=0)
    counts = cast("Mapping[str, int]", event.payload["counts"])  # of the first time, where this is a retry
    return replace(summary, imported=counts["imported"], duplicates=counts["duplicates"])


def _draft(
    reader: Reader,
    *,
    project_id: str,
    parsed: Parsed,
    annotations: pl.DataFrame,
    label_set: LabelSet,
    seen_version: int,
    request: ImportRequest,
    summary: ImportSummary,
    people: int,
) -> Draft | None:
    """The import's event, against the store as it is in the writer; None where it would bring nothing."""
    known = current_label_set(reader, project_id)
    if (known.version if known else 0) != seen_version:
        raise BadRequest(
            "The label set was changed while the file was read. Nothing was imported; import it again."
        )
    if known is not None and label_set.is_sets and known.version == label_set.version:
        label_set = known  # with the sets that came in meanwhile
    elif known is not None and label_set.is_sets:
        label_set = extended(known, label_set.choices, label_set.level)
    fresh = ingest_frames.without_known(reader, annotations, project_id)
    if label_set.is_sets:
        label_set = with_sets(label_set, sets_of(label_set, parsed, fresh))
    tables = ingest_frames.tables(reader, project_id, parsed, fresh, label_set, request.image_bytes)
    lost = fresh.height - tables["annotation"].height
    if lost:
        raise BadRequest(
            f"{lost:,} annotations have a label that is not written as importers write it (a set as the JSON list of its "
            "sorted members). Nothing was imported."
        )
    tables = {name: frame for name, frame in tables.items() if not frame.is_empty()}
    new_project = project_id not in reader.read("project_list")["project_id"].to_list()
    if not tables and not new_project and known == label_set:
        return None
    rows: dict[str, list[dict[str, object]]] = {}
    if known is not None and known.version == label_set.version:
        rows = {"label": new_rows(known, label_set)} if known != label_set else {}
    else:
        rows = label_set_rows(label_set)
    if new_project:
        rows["project"] = [{"title": request.title or project_id, "description": request.description}]
    counts = {
        "imported": fresh.height,
        "duplicates": annotations.height - fresh.height,
        "rejected": summary.rejected.height,
    }
    rows["import"] = [{"name": parsed.name, "sha256": parsed.sha256, "format": parsed.format, **counts}]
    payload = {
        "rows": rows,
        "segments": {name: reader.segments.put(frame).as_payload() for name, frame in tables.items()},
        "source": {
            "name": parsed.name,
            "sha256": parsed.sha256,
            "format": parsed.format,
            "rows": parsed.n_rows,
        },
        "mapping": dict(parsed.mapping),
        "row_policy": "skip bad rows" if request.skip_bad_rows else "all or nothing",
        "counts": {
            **counts,
            "items": tables["item"].height if "item" in tables else 0,
            "people_in_vault": people,
        },
    }
    return Draft("annotations_imported", project_id, parsed.name, payload)
