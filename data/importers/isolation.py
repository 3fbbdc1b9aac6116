"""Read a file that somebody else made: in a child process with limits, so that it can break nothing else.

The child (`child.py`) has a bounded address space, processor time and file size and no core dumps; this side
keeps the wall clock. Results come back as Parquet files in a folder that is removed; their schemas and row
counts are checked.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

import polars as pl

import data
from data.errors import ImportRejected
from data.importers.parsed import (
    ANNOTATIONS,
    ANNOTATORS,
    EMBEDDINGS,
    ITEMS,
    PEOPLE,
    PREDICTIONS,
    PROBABILITIES,
    REJECTED,
    SUGGESTIONS,
    TOKENS,
    ContentKind,
    Format,
    ImportOptions,
    Parsed,
    ParsedContent,
    ParsedProbabilities,
    Preview,
)
from data.importers.source import size

_SCHEMAS = {
    "annotations": ANNOTATIONS,
    "items": ITEMS,
    "annotators": ANNOTATORS,
    "predictions": PREDICTIONS,
    "rejected": REJECTED,
    "suggestions": SUGGESTIONS,
    "probabilities": PROBABILITIES,
}
_CONTENTS: dict[ContentKind, pl.Schema] = {"embeddings": EMBEDDINGS, "tokens": TOKENS, "people": PEOPLE}
_ANNOTATION_FRAMES = ("annotations", "items", "annotators", "predictions", "rejected", "suggestions")
_REFUSED, _TOO_LARGE = 3, 5
_PROGRESS = "progress "
# The child needs these to start; it gets nothing else of our environment.
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "SYSTEMDRIVE")
_DEFAULT = ImportOptions()


def parse_isolated(
    path: Path,
    *,
    format: Format = "auto",
    options: ImportOptions = _DEFAULT,
    progress: Callable[[float], None] | None = None,
) -> Parsed:
    """Read an annotation file in a child process. Arguments and result as `reading.parse`.

    Raises:
        ImportRejected: the file is refused, broke its reader, or went over a limit of the options.
    """
    with tempfile.TemporaryDirectory(prefix="touchstone-import-") as folder:
        rest = _run(Path(folder), path, options, progress, format=format)
        frames = {name: _frame(Path(folder), name, rest, path.name) for name in _ANNOTATION_FRAMES}
    values = rest["rest"]
    if progress is not None:
        progress(1.0)
    return Parsed(
        annotations=frames["annotations"],
        items=frames["items"],
        annotators=frames["annotators"],
        predictions=frames["predictions"],
        rejected=frames["rejected"],
        format=str(values["format"]),
        mapping=_text_map(values["mapping"]),
        guessed=_texts(values["guessed"]),
        n_rows=int(str(values["n_rows"])),
        sha256=str(values["sha256"]),
        name=str(values["name"]),
        suggestions=frames["suggestions"],
    )


def preview(
    path: Path, *, format: Format = "auto", options: ImportOptions = _DEFAULT, n: int = 20
) -> Preview:
    """The first n rows of a file and how its columns would be mapped, read in a child process.

    Raises:
        ImportRejected: the file cannot be opened; where only a role is missing, `Preview.problem` says so.
    """
    with tempfile.TemporaryDirectory(prefix="touchstone-import-") as folder:
        rest = _run(Path(folder), path, options, None, format=format, n=n)
        rows = _frame(Path(folder), "rows", rest, path.name)
    values = rest["rest"]
    return Preview(
        rows=rows,
        columns=_texts(values["columns"]),
        format=str(values["format"]),
        mapping=_text_map(values["mapping"]),
        guessed=_texts(values["guessed"]),
        problem=None if values["problem"] is None else str(values["problem"]),
        name=str(values["name"]),
    )


def parse_probabilities_isolated(
    path: Path,
    *,
    labels: Sequence[str],
    options: ImportOptions = _DEFAULT,
    progress: Callable[[float], None] | None = None,
) -> ParsedProbabilities:
    """Read a file of a model's probabilities in a child process. Arguments and result as `reading.parse_probabilities`.

    Raises:
        ImportRejected: the file is refused, broke its reader, or went over a limit of the options.
    """
    with tempfile.TemporaryDirectory(prefix="touchstone-import-") as folder:
        rest = _run(Path(folder), path, options, progress, format="table", labels=list(labels))
        frames = {name: _frame(Path(folder), name, rest, path.name) for name in ("probabilities", "rejected")}
    values = rest["rest"]
    if progress is not None:
        progress(1.0)
    return ParsedProbabilities(
        probabilities=frames["probabilities"],
        rejected=frames["rejected"],
        format=str(values["format"]),
        mapping=_text_map(values["mapping"]),
        guessed=_texts(values["guessed"]),
        n_rows=int(str(values["n_rows"])),
        sha256=str(values["sha256"]),
        name=str(values["name"]),
        members=_texts(values["members"]),
    )


def parse_content_isolated(
    path: Path,
    *,
    content: ContentKind,
    options: ImportOptions = _DEFAULT,
    progress: Callable[[float], None] | None = None,
) -> ParsedContent:
    """Read a file of embeddings, of tokens or of people in a child process. Arguments and result as `reading.parse_content`.

    Raises:
        ImportRejected: the file is refused, broke its reader, or went over a limit of the options.
    """
    with tempfile.TemporaryDirectory(prefix="touchstone-import-") as folder:
        rest = _run(Path(folder), path, options, progress, format="table", content=content)
        contents, rejected = (
            _frame(Path(folder), name, rest, path.name) for name in ("contents", "rejected")
        )
    if contents.schema != _CONTENTS[content]:
        raise ImportRejected(
            f"Reading {path.name} gave an incomplete result. Nothing was imported; try again."
        )
    values = rest["rest"]
    if progress is not None:
        progress(1.0)
    return ParsedContent(
        contents=contents,
        rejected=rejected,
        format=str(values["format"]),
        mapping=_text_map(values["mapping"]),
        guessed=_texts(values["guessed"]),
        n_rows=int(str(values["n_rows"])),
        sha256=str(values["sha256"]),
        name=str(values["name"]),
        tags=_texts(values["tags"]),
    )


def _run(
    folder: Path,
    path: Path,
    options: ImportOptions,
    progress: Callable[[float], None] | None,
    *,
    format: Format,
    n: int | None = None,
    labels: Sequence[str] | None = None,
    content: ContentKind | None = None,
) -> dict[str, dict[str, object]]:
    """Start the child, wait for it, and return what it wrote into result.json."""
    request = {"path": str(path.absolute()), "format": format, "n": n, "labels": labels, "content": content}
    request_path = folder / "request.json"
    request_path.write_text(
        json.dumps(request | {"options": asdict(options) | {"mapping": dict(options.mapping)}}), "utf-8"
    )
    with (folder / "stderr.txt").open("wb") as errors:
        child = subprocess.Popen(  # noqa: S603 -- our own module; the file is named in the request only
            [sys.executable, "-P", "-m", "data.importers.child", str(request_path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=_environment(folder),
            text=True,
        )
        try:
            in_time = _wait(child, options.max_seconds, progress)
        finally:
            _end(child)
    if not in_time:
        raise ImportRejected(
            f"Reading {path.name} took longer than {options.max_seconds:g} seconds and was stopped."
        )
    if child.returncode != 0:
        raise ImportRejected(_why(child.returncode, folder, path.name, options))
    try:
        result: dict[str, dict[str, object]] = json.loads((folder / "result.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ImportRejected(f"Reading {path.name} gave no result. The file is probably damaged.") from error
    return result


def _environment(folder: Path) -> dict[str, str]:
    """What the child may know: where Python and this package are, and a folder for temporary files."""
    root = str(Path(data.__file__).resolve().parent.parent)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    own = {
        "PYTHONPATH": search,
        "TMPDIR": str(folder),
        "TEMP": str(folder),
        "TZ": "UTC",
        "POLARS_MAX_THREADS": "2",
    }
    # Each of these would otherwise reserve address space for every core of the machine.
    return (
        kept
        | own
        | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "PYTHONUTF8": "1"}
    )


def _wait(child: subprocess.Popen[str], max_seconds: float, progress: Callable[[float], None] | None) -> bool:
    """Pass on progress until the child closes its output; False when time ran out first."""
    assert child.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True).start()
    deadline = time.monotonic() + max_seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            return False
        if line is None:
            try:
                child.wait(timeout=max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                return False
            return True
        if progress is not None and line.startswith(_PROGRESS):
            progress(min(max(float(line.removeprefix(_PROGRESS)), 0.0), 1.0))
    return False


def _pump(output: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in output:
        lines.put(line)
    lines.put(None)


def _end(child: subprocess.Popen[str]) -> None:
    """Leave no child behind, however we got here."""
    if child.poll() is None:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _why(status: int, folder: Path, name: str, options: ImportOptions) -> str:
    """The child's end in words."""
    try:
        message = (folder / "error.txt").read_text("utf-8")
    except OSError:
        message = ""
    if status == _REFUSED and message:
        return message
    errors = (folder / "stderr.txt").read_bytes()[-4_000:].decode("utf-8", "replace").lower()
    starved = status == -signal.SIGABRT and ("alloc" in errors or "memory" in errors)
    if status == _TOO_LARGE or starved:
        return (
            f"Reading {name} needs more than the {size(options.max_memory_bytes)} of memory "
            "that an import may use. Split the file, or raise the limit."
        )
    if status == -getattr(signal, "SIGXCPU", 24):
        return f"Reading {name} took longer than {options.max_seconds:g} seconds and was stopped."
    ended = f"signal {-status}" if status < 0 else message or f"status {status}"
    return f"{name} broke its reader ({ended}), so it is probably damaged. Nothing was imported."


def _frame(folder: Path, name: str, result: dict[str, dict[str, object]], source: str) -> pl.DataFrame:
    """One of the child's frames, with the schema and row count that it must have."""
    frame = pl.read_parquet(folder / f"{name}.parquet")
    expected = _SCHEMAS.get(name)
    if len(frame) != result["rows"][name] or (expected is not None and frame.schema != expected):
        raise ImportRejected(
            f"Reading {source} gave an incomplete result ({name}). Nothing was imported; try again."
        )
    return frame


def _texts(values: object) -> tuple[str, ...]:
    return tuple(str(v) for v in values) if isinstance(values, list) else ()


def _text_map(values: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in values.items()} if isinstance(values, dict) else {}
