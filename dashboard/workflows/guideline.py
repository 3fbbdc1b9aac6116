"""The versioned guideline of a project: what an annotation was made under."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

LIMIT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Guideline:
    """One version of a project's instructions."""

    version: int
    markdown: str
    published_at: datetime
    published_by: str


def current(store: Store | Reader, *, project_id: str, as_of: int | None = None) -> Guideline | None:
    """The newest version; None where none was published."""
    frame = store.read("guideline_versions", project_id=project_id, as_of=as_of)
    if frame.is_empty():
        return None
    row = frame.row(0, named=True)
    return Guideline(row["version"], row["markdown"], row["published_at"], row["published_by"])


def versions(store: Store, *, project_id: str, as_of: int | None = None) -> pl.DataFrame:
    """Columns version, markdown, sha256, published_at, published_by; newest first."""
    return store.read("guideline_versions", project_id=project_id, as_of=as_of)


def publish(
    store: Store, *, project_id: str, by: Person, markdown: str, request_id: str | None = None
) -> Guideline:
    """Publish a new version; the same text as the current version makes none."""
    require(by, "guideline.publish")
    text = markdown.replace("\r\n", "\n").strip() + "\n"
    if not text.strip():
        raise BadRequest("The guideline is empty; nothing was published.")
    if len(text.encode()) > LIMIT_BYTES:
        raise BadRequest(f"The guideline has {len(text.encode()):,} bytes; the limit is {LIMIT_BYTES:,}.")
    digest = hashlib.sha256(text.encode()).hexdigest()

    def plan(reader: Reader) -> Draft | None:
        known = reader.read("project_list")["project_id"].to_list()
        if project_id not in known:
            raise BadRequest(
                f"There is no project {project_id!r}. Projects: {', '.join(known) or 'none yet'}."
            )
        newest = current(reader, project_id=project_id)
        if newest is not None and newest.markdown == text:
            return None
        row = {"version": newest.version + 1 if newest else 1, "markdown": text, "sha256": digest}
        return Draft(
            "guideline_published", project_id, f"guideline {row['version']}", {"rows": {"guideline": [row]}}
        )

    request = {"verb": "guideline.publish", "project": project_id, "sha256": digest}
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    published = current(store, project_id=project_id)
    if published is None:  # the event is visible once submit returns
        raise BadRequest("The guideline could not be read back.")
    return published
