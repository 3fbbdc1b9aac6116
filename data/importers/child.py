"""The child process of `isolation`: sets its own limits, reads one file, writes frames, and ends.

Run as `python -m data.importers.child REQUEST`, where REQUEST is a JSON file that `isolation` wrote.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import polars as pl

from data.errors import ImportRejected
from data.importers.parsed import Format, ImportOptions, Parsed, ParsedContent, ParsedProbabilities, Preview
from data.importers.reading import parse, parse_content, parse_probabilities, preview_here

REFUSED, CRASHED, TOO_LARGE = 3, 4, 5
PROGRESS = "progress "


def main(request_path: Path) -> int:
    """Do what the request says; the result lies beside it. Returns the exit status."""
    request = json.loads(request_path.read_text("utf-8"))
    given = request["options"]
    for name in ("item_attributes", "annotator_attributes", "label_order"):
        given[name] = tuple(given[name])
    options = ImportOptions(**given)
    _limit(options)
    folder = request_path.parent
    try:
        _write(_read(request, options), folder)
    except ImportRejected as error:
        return _fail(folder, REFUSED, str(error))
    except MemoryError:
        return _fail(folder, TOO_LARGE, "")
    # A parser's panic is no Exception; whatever it is, the parent has to hear of it in words.
    except BaseException as error:
        words = str(error).splitlines() or [""]
        memory = any(
            w in str(error).lower() for w in ("out of memory", "allocat", "bad_alloc", "cannot allocate")
        )
        return _fail(folder, TOO_LARGE if memory else CRASHED, f"{type(error).__name__}: {words[0][:200]}")
    return 0


def _read(
    request: Mapping[str, Any], options: ImportOptions
) -> Parsed | ParsedContent | ParsedProbabilities | Preview:
    """What was asked for: other content of a model, probabilities of the labels named, the first n rows, or the whole file."""
    path, format = Path(request["path"]), cast(Format, request["format"])
    if request["content"] is not None:
        return parse_content(path, content=request["content"], options=options, progress=_tell)
    if request["labels"] is not None:
        return parse_probabilities(path, labels=request["labels"], options=options, progress=_tell)
    if request["n"] is not None:
        return preview_here(path, format=format, options=options, n=request["n"])
    return parse(path, format=format, options=options, progress=_tell)


def _limit(options: ImportOptions) -> None:
    """Bound this process's memory, processor time and file sizes, where the system can (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    # What is mapped by now (libraries, thread stacks) is not the file's doing.
    try:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        mapped = 4 * 1024**3
    limits = (
        (resource.RLIMIT_AS, mapped + options.max_memory_bytes),
        # Two threads may both be busy for the whole of the wall-clock time.
        (resource.RLIMIT_CPU, math.ceil(options.max_seconds * 2) + 1),
        (resource.RLIMIT_FSIZE, 4 * options.max_bytes + 64 * 1024**2),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, value in limits:
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # Some systems know a limit and will not set it; the wall clock holds there all the same.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (bound, bound))


def _tell(share: float) -> None:
    sys.stdout.write(f"{PROGRESS}{share:.3f}\n")
    sys.stdout.flush()


def _write(result: Parsed | ParsedContent | ParsedProbabilities | Preview, folder: Path) -> None:
    """Frames as Parquet files, all else as one JSON file."""
    rest: dict[str, object] = {}
    rows: dict[str, int] = {}
    for field in fields(result):
        value = getattr(result, field.name)
        if isinstance(value, pl.DataFrame):
            value.write_parquet(folder / f"{field.name}.parquet", compression="lz4")
            rows[field.name] = len(value)
        else:
            rest[field.name] = value
    (folder / "result.json").write_text(json.dumps({"rest": rest, "rows": rows}), "utf-8")


def _fail(folder: Path, status: int, message: str) -> int:
    (folder / "error.txt").write_text(message, "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
