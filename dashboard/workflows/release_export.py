"""Exporting an approved release: a bundle that proves itself without the store."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import polars as pl

from dashboard import __version__
from dashboard.workflows import guideline, release_statement
from dashboard.workflows.catalog import GROUP_METRICS, METRICS, GroupMetric, Metric
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.release_diff import ADDED, CHANGED, REDECIDED, REMOVED, diff
from dashboard.workflows.release_record import Release, find_release
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.exporters.release_bundle import write_bundle
from data.journal import canonical_json
from data.records import Draft


@dataclass(frozen=True, slots=True)
class Export:
    """A bundle that was written. `manifest_sha256` also stands in the journal's event release_exported."""

    release: Release
    folder: Path
    manifest_sha256: str
    n_items: int


def default_folder(project_id: str, release: Release) -> Path:
    """What a bundle's folder is called where nobody named one."""
    safe = (
        "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in project_id).lstrip(".")
        or "project"
    )
    return Path(f"{safe}-release-{release.version}")


def export(
    store: Store,
    *,
    project_id: str,
    by: Person,
    release_id: str,
    folder: Path,
    with_content: bool = False,
) -> Export:
    """Write an approved release to a new folder; the journal then says who took which bundle out.

    Args:
        folder: the folder to make; it must not exist, or be empty.
        with_content: put the items' texts beside their labels.

    Raises:
        BadRequest: the release is not approved.
        StoreError: the folder exists or cannot be written; nothing was exported.
        NotAllowed: the person may not export.
    """
    require(by, "release.export")
    release = find_release(store, project_id, release_id)
    if release.state != "approved":
        raise BadRequest(f"{release.sentence()} Only an approved release leaves the house.")
    labels = store.read("release_provenance", project_id=project_id, release_id=release.release_id)
    if labels.height != release.n_items:
        raise BadRequest(
            f"Release {release.version} has {release.n_items:,} items and the store knows where "
            f"{labels.height:,} of them came from. `touchstone verify` names what is broken."
        )
    if with_content:
        texts = store.read("release_texts", project_id=project_id, as_of=release.saw_seq)
        labels = labels.join(texts, on="item_id", how="left", maintain_order="left")

    def record(manifest_sha256: str) -> None:
        payload = {
            "version": release.version,
            "content_hash": release.content_hash,
            "manifest_sha256": manifest_sha256,
            "with_content": with_content,
            "folder": folder.name,
        }

        def plan(reader: Reader) -> Draft:
            return Draft("release_exported", project_id, release.release_id, payload)

        request: dict[str, object] = {"verb": "release.export", "project": project_id, **payload}
        store.submit(plan, by=by.person_id, request=request, keys=frozenset())

    bundle = write_bundle(
        folder,
        labels=labels,
        manifest=_manifest(store, project_id, by, release),
        event_lines=_event_lines(store, release),
        before_publishing=record,
    )
    return Export(release, bundle.folder, bundle.manifest_sha256, bundle.n_items)


def export_zip(
    store: Store, *, project_id: str, by: Person, release_id: str, with_content: bool = False
) -> bytes:
    """The same bundle as one zip file, for a download."""
    require(by, "release.export")
    release = find_release(store, project_id, release_id)
    name = default_folder(project_id, release)
    with tempfile.TemporaryDirectory() as parent:
        done = export(
            store,
            project_id=project_id,
            by=by,
            release_id=release_id,
            folder=Path(parent) / name,
            with_content=with_content,
        )
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(done.folder.iterdir()):
                archive.write(path, f"{name}/{path.name}")
    return held.getvalue()


def exports(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """Who took which bundle out, newest first: seq, release_id, actor, exported_at, payload (JSON)."""
    require(by, "view.figures")
    return store.read("release_exports", project_id=project_id, as_of=as_of)


def _event_lines(store: Store, release: Release) -> list[bytes]:
    """The journal's lines that make the release what it is."""
    seqs = {release.seq, *(one.seq for one in release.signatures), *(one.seq for one in release.waivers)}
    return store.event_lines(frozenset(seqs))


def _manifest(store: Store, project_id: str, by: Person, release: Release) -> Mapping[str, object]:
    """What the manifest says beside what the bundle's writer adds."""
    label_set = require_label_set(store, project_id, as_of=release.saw_seq)
    published = guideline.versions(store, project_id=project_id, as_of=release.saw_seq)
    projects = store.read("project_list").filter(pl.col("project_id") == project_id)
    change = diff(store, project_id=project_id, by=by, release=release.release_id)
    manifest: Mapping[str, object] = {
        "project_id": project_id,
        "title": projects["title"][0] or project_id,
        "release_id": release.release_id,
        "version": release.version,
        "state": release.state,
        "content_hash": release.content_hash,
        "n_items": release.n_items,
        "note": release.note,
        "proposed_by": release.proposed_by,
        "proposed_at": release.proposed_at.isoformat(),
        "saw_seq": release.saw_seq,
        "gates": [gate.as_payload() for gate in release.gates],
        "waivers": [
            {
                "gate": one.gate,
                "reason": one.reason,
                "person_id": one.person_id,
                "waived_at": one.waived_at.isoformat(),
                "seq": one.seq,
            }
            for one in release.waivers
        ],
        "signatures": [
            {
                "person_id": one.person_id,
                "decision": one.decision,
                "content_hash": one.content_hash,
                "bias_statement_sha256": release.bias_statement_sha256,
                "reason": one.reason,
                "signed_at": one.signed_at.isoformat(),
                "seq": one.seq,
            }
            for one in release.signatures
        ],
        "label_set": {
            "version": label_set.version,
            "level": label_set.level,
            "labels": list(label_set.choices),
        },
        "guideline": None
        if published.is_empty()
        else {
            "version": published["version"][0],
            "sha256": published["sha256"][0],
        },
        "before": None
        if change.before is None
        else {
            "version": change.before.version,
            "content_hash": change.before.content_hash,
            **{name: change.count(name) for name in (ADDED, REMOVED, CHANGED, REDECIDED)},
        },
        "bias_statement": release_statement.release_statement(
            store, project_id=project_id, by=by, release=release
        ),
        "metrics": [_definition(metric) for metric in METRICS]
        + [_definition(metric) for metric in GROUP_METRICS],
        "store_id": store.store_id,
        "exported_by": by.person_id,
        "exported_at": store.clock().astimezone(UTC).isoformat(),
        "made_with": f"touchstone {__version__}",
    }
    canonical_json(manifest)  # raises here, before anything is written, where a value is not JSON
    return manifest


def _definition(metric: Metric | GroupMetric) -> dict[str, str]:
    """What a figure means, for a reader who does not have the program."""
    return {
        "key": metric.key,
        "title": metric.title,
        "unit": metric.unit,
        "undefined_when": metric.undefined_when,
        "reference": metric.reference,
    }
