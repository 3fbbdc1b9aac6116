"""Read one file in this process. Files from others go through `isolation`, which calls this in a child."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from data.errors import ImportRejected
from data.importers.embeddings import NPY, ZIP, read_embeddings, read_npy, read_npz
from data.importers.json_documents import as_lines
from data.importers.label_studio import preview_label_studio, read_label_studio
from data.importers.parsed import (
    ContentKind,
    Format,
    ImportOptions,
    Parsed,
    ParsedContent,
    ParsedProbabilities,
    Preview,
)
from data.importers.people import read_people
from data.importers.probabilities import read_probabilities
from data.importers.sniff import Kind, sniff
from data.importers.source import Source, open_source
from data.importers.table import preview_table, read_table
from data.importers.tokens import read_tokens

_DEFAULT = ImportOptions()


def parse(
    path: Path,
    *,
    format: Format = "auto",
    options: ImportOptions = _DEFAULT,
    progress: Callable[[float], None] | None = None,
) -> Parsed:
    """Read an annotation file, in this process and with no limit but on size.

    Args:
        path: the file.
        format: "table" (CSV, TSV, JSONL, Parquet), "label-studio" (its JSON), or "auto": by content.
        options: mapping, attributes and limits.
        progress: called with the share done, in [0, 1].

    Raises:
        ImportRejected: the whole file is refused; the message says what, where and what is allowed.
    """
    tell = progress or _ignore
    with tempfile.TemporaryDirectory(prefix="touchstone-import-") as scratch:
        source, kind = _open(path, Path(scratch), format, options)
        tell(0.1)
        if kind == "json":
            parsed = read_label_studio(source, Path(scratch), options)
        else:
            parsed = read_table(source, kind, Path(scratch), options)
    tell(0.9)
    return parsed


def preview_here(
    path: Path, *, format: Format = "auto", options: ImportOptions = _DEFAULT, n: int = 20
) -> Preview:
    """The first n rows of a file, read in this process.

    Raises:
        ImportRejected: the file cannot be opened.
    """
    with tempfile.TemporaryDirectory(prefix="touchstone-import-") as scratch:
        source, kind = _open(path, Path(scratch), format, options)
        if kind == "json":
            return preview_label_studio(source, Path(scratch), options, n)
        return preview_table(source, kind, Path(scratch), options, n)


def parse_probabilities(
    path: Path,
    *,
    labels: Sequence[str],
    options: ImportOptions = _DEFAULT,
    progress: Callable[[float], None] | None = None,
) -> ParsedProbabilities:
    """Read a file of a model's probabilities, in this process and with no limit but on size.

    Args:
        path: a table: CSV, TSV, JSONL, Parquet; or a list in JSON.
        labels: the label set, in its order.
        options: mapping ("item", "member", "probabilities", or a label -> column), order of the labels, logits, sets, ids, and limits.
        progress: called with the share done, in [0, 1].

    Raises:
        ImportRejected: the whole file is refused; the message says what, where and what is allowed.
    """
    tell = progress or _ignore
    with tempfile.TemporaryDirectory(prefix="touchstone-import-") as scratch:
        source, kind = _open_lists(path, Path(scratch), options)
        tell(0.1)
        parsed = read_probabilities(source, kind, Path(scratch), options, labels)
    tell(0.9)
    return parsed


def parse_content(
    path: Path,
    *,
    content: ContentKind,
    options: ImportOptions = _DEFAULT,
    progress: Callable[[float], None] | None = None,
) -> ParsedContent:
    """Read a file of embeddings, of tokens or of people, in this process and with no limit but on size.

    Args:
        path: a table: CSV, TSV, JSONL, Parquet; or a list in JSON; of embeddings NumPy's .npz and .npy too.
        content: what it holds.
        options: mapping ("item", "embedding", "annotator"), ids, which attributes of people to keep, and limits.
        progress: called with the share done, in [0, 1].

    Raises:
        ImportRejected: the whole file is refused; the message says what, where and what is allowed.
    """
    tell = progress or _ignore
    with tempfile.TemporaryDirectory(prefix="touchstone-import-") as folder:
        scratch = Path(folder)
        source = open_source(path, scratch, max_bytes=options.max_bytes)
        tell(0.1)
        if content == "embeddings" and source.head.startswith(ZIP):
            parsed = read_npz(source, options)
        elif content == "embeddings" and source.head.startswith(NPY):
            parsed = read_npy(source, scratch, options)
        else:
            source, kind = _open_lists(path, scratch, options)
            read = {"embeddings": read_embeddings, "tokens": read_tokens, "people": read_people}[content]
            parsed = read(source, kind, scratch, options)
    tell(0.9)
    return parsed


def _open(path: Path, scratch: Path, format: Format, options: ImportOptions) -> tuple[Source, Kind]:
    source = open_source(path, scratch, max_bytes=options.max_bytes)
    kind = sniff(source.name, source.head)
    if format == "label-studio" and kind != "json":
        raise ImportRejected(
            f"{source.name} is not Label Studio's JSON export: it is not one JSON list of tasks."
        )
    if format == "table" and kind == "json":
        raise ImportRejected(
            f"{source.name} is one JSON document, not a table. Write one object a line (JSONL), or CSV."
        )
    return source, kind


def _open_lists(path: Path, scratch: Path, options: ImportOptions) -> tuple[Source, Kind]:
    """As `_open` of a table, but a JSON document that is a list is taken as JSONL of its entries."""
    source = open_source(path, scratch, max_bytes=options.max_bytes)
    kind = sniff(source.name, source.head)
    return (as_lines(source, scratch, options), "jsonl") if kind == "json" else (source, kind)


def _ignore(_share: float) -> None:
    """No one asked for progress."""
