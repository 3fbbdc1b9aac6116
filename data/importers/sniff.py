"""What a file is, told from its content; the name is only a hint."""

from __future__ import annotations

import codecs
from pathlib import PurePath
from typing import Literal

from data.errors import ImportRejected

Kind = Literal["delimited", "jsonl", "parquet", "json"]

_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; save the sheet as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as CSV"),
    (b"%PDF", "a PDF"),
    (b"BZh", "packed with bzip2; unpack it or use gzip"),
    (b"\xfd7zXZ", "packed with xz; unpack it or use gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd; unpack it or use gzip"),
    (b"\x1f\x8b", "packed with gzip twice; unpack it once"),
    (b"ARROW1", "an Arrow file; save it as Parquet"),
    (b"SQLite format 3", "an SQLite database; export a table as CSV"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
)


def sniff(name: str, head: bytes) -> Kind:
    """The kind of file from its first bytes (unpacked).

    Raises:
        ImportRejected: a kind of file that is known and cannot be read here.
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    for magic, what in _REFUSED:
        if head.startswith(magic):
            raise ImportRejected(
                f"{name} is {what}. CSV, TSV, JSONL, Parquet and Label Studio JSON are read."
            )
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = head.decode("utf-16", "ignore")
    else:
        text = head.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    start = text.lstrip()[:1]
    suffixes = {s.lower() for s in PurePath(name).suffixes}
    if start == "{":
        return "json" if _is_spread_out(text) else "jsonl"
    # A CSV header may begin with a bracket, so an array needs the name or a value after it.
    if start == "[" and (".json" in suffixes or text.lstrip()[1:].lstrip()[:1] in ("{", "]")):
        return "json"
    if suffixes & {".jsonl", ".ndjson"}:
        return "jsonl"
    if ".parquet" in suffixes:
        raise ImportRejected(f"{name} is not Parquet: it does not start with PAR1. It may be damaged.")
    return "delimited"


def _is_spread_out(text: str) -> bool:
    """Whether a JSON object goes on over several lines, so that the file is one document."""
    first, newline, _ = text.lstrip().partition("\n")
    return bool(newline) and first.strip() in ("{", "{ ")
