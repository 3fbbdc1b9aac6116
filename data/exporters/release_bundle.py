"""Writing a release bundle: a folder that proves itself without the store (docs/release-format.md)."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data.bundle_check import CSV, EVENTS, FORMAT, MANIFEST, PARQUET, README, verify_release
from data.content_hash import JSON, label_cells
from data.errors import StoreError
from data.exporters.csv_cells import neutralised
from data.exporters.release_readme import readme
from data.journal import sync_folder
from data.segments import file_sha256

COLUMNS = (
    "item_id",
    "label",
    "label_version",
    "source",
    "method",
    "run_id",
    "p_label",
    "n_annotations",
    "decided_by",
    "reason",
    "recorded_at",
    "event_seq",
)
"""What every released label says of where it came from; `text` may follow."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was written. `manifest_sha256` names all of it: the manifest has the other "
    "files' hashes.
    """

    folder: Path
    manifest_sha256: str
    n_items: int


def write_bundle(
    folder: Path,
    *,
    labels: pl.DataFrame,
    manifest: Mapping[str, object],
    event_lines: Sequence[bytes],
    before_publishing: Callable[[str], object],
) -> Bundle:
    """Write a release into a folder that does not exist yet (or is empty), all of it or nothing.

    The files are written beside `folder`, made durable and verified as an auditor would; then
    `before_publishing` is called with the manifest's SHA-256 (to record the export), and the
    folder gets its name.

    Args:
        folder: the folder to make.
        labels: I released labels; columns `COLUMNS` with `label_json` in place of `label`, and
            `text` where the items' content is to go along. Sorted by item_id here.
        manifest: what the manifest says beside format, files and the labels' encoding.
        event_lines: the release's own lines of the journal, as written, oldest first.
        before_publishing: its exception stops the export, and nothing is left behind.

    Raises:
        StoreError: the folder exists, cannot be written, or what was written does not verify.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} already exists. Nothing was written; name another folder.")
    writing: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        writing = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.writing-"))
        writing.chmod(0o755)
        _write_files(writing, labels, manifest, event_lines)
        checked = verify_release(writing)
        if checked.first_broken is not None:
            raise StoreError(
                f"The release does not verify: {checked.first_broken.reason}. Nothing was exported."
            )
        digest = file_sha256(writing / MANIFEST)
        before_publishing(digest)
        writing.replace(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise StoreError(
            f"{folder} could not be written ({error.strerror or error}). Nothing was exported."
        ) from error
    finally:
        if writing is not None and writing.exists():
            shutil.rmtree(writing, ignore_errors=True)
    return Bundle(folder, digest, labels.height)


def _write_files(
    folder: Path, labels: pl.DataFrame, manifest: Mapping[str, object], event_lines: Sequence[bytes]
) -> None:
    cells, encoding = label_cells(labels["label_json"])
    names = [*COLUMNS, *(["text"] if "text" in labels.columns else [])]
    table = labels.with_columns(cells.alias("label")).select(names).sort("item_id")
    table.write_parquet(folder / PARQUET, compression="zstd")
    neutralised(table).write_csv(folder / CSV, datetime_format="%Y-%m-%dT%H:%M:%S%.6f%:z")
    (folder / EVENTS).write_bytes(b"".join(event_lines))
    (folder / README).write_text(readme(manifest, names, labels_are_json=encoding == JSON), encoding="utf-8")
    files = {
        name: {"sha256": file_sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for name in (PARQUET, CSV, EVENTS, README)
    }
    whole = {**manifest, "format": FORMAT, "labels": {"encoding": encoding, "columns": names}, "files": files}
    text = json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
