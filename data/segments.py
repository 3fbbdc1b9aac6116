"""Bulk content of events: immutable Parquet files named by the hash of their bytes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import polars as pl

from data.errors import StoreDamaged
from data.journal import sync_folder
from data.records import SegmentRef


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as lower-case hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class Segments:
    """The folder of segments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, frame: pl.DataFrame) -> SegmentRef:
        """Write `frame` durably and return what names it. The same bytes are kept once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".writing")
        os.close(handle)
        path = Path(name)
        try:
            frame.write_parquet(path, compression="zstd")
            with path.open("rb") as written:
                os.fsync(written.fileno())
            digest = file_sha256(path)
            target = self.path(digest)
            if not target.exists():
                path.replace(target)
                sync_folder(self.folder)
        finally:
            path.unlink(missing_ok=True)
        columns = {name: str(kind) for name, kind in frame.schema.items()}
        return SegmentRef(digest, frame.height, columns)

    def path(self, sha256: str) -> Path:
        """Where the segment with this hash stands."""
        return self.folder / f"{sha256}.parquet"

    def require(self, sha256: str) -> Path:
        """The path of a segment that must be there; raises StoreDamaged where it is not."""
        path = self.path(sha256)
        if not path.is_file():
            raise StoreDamaged(
                f"The segment {sha256} is missing from {self.folder}; the journal names it. Restore it from a backup."
            )
        return path

    def broken_reason(self, sha256: str) -> str | None:
        """Why the segment cannot be trusted; None where its bytes are what its name says."""
        path = self.path(sha256)
        if not path.is_file():
            return f"the segment {sha256} is missing"
        if file_sha256(path) != sha256:
            return f"the segment {sha256} was changed: its bytes do not match its name"
        return None

    def sweep(self) -> None:
        """Remove what an interrupted write left; no event can name it."""
        for path in self.folder.glob("*.writing"):
            path.unlink(missing_ok=True)
