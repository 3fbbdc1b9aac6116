"""From a file as given to plain bytes and UTF-8 text, within a size limit, counted on the way."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.errors import ImportRejected

CHUNK = 4 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_NEWLINE, _QUOTE = 10, 34
# Control characters that no text file holds in number; tab, line ends, form feed and escape are let through.
_CONTROL = np.array([c not in (9, 10, 11, 12, 13, 27) and c < 32 for c in range(256)])


@dataclass(frozen=True, slots=True)
class Source:
    """The file's bytes, unpacked. `head` is its first 64 KiB."""

    path: Path
    name: str
    sha256: str
    notes: tuple[str, ...]
    head: bytes


@dataclass(frozen=True, slots=True)
class Text:
    """The file as UTF-8 (perhaps with a byte-order mark) and what was counted on the way.

    Attributes:
        n_lines: lines, an unfinished last one included.
        n_records: lines that do not end inside double quotes: the rows of a regular CSV file.
        even_quotes: whether the double quotes pair up over the whole file.
    """

    path: Path
    name: str
    notes: tuple[str, ...]
    n_lines: int
    n_records: int
    even_quotes: bool


def size(n_bytes: float) -> str:
    """Bytes in words.

    >>> size(4 * 1024**3)
    '4.0 GiB'
    """
    for unit in ("bytes", "KiB", "MiB"):
        if n_bytes < 1024:
            return f"{n_bytes:,.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} GiB"


def open_source(path: Path, scratch: Path, *, max_bytes: int) -> Source:
    """Check, hash and, where it is gzip, unpack a file into `scratch`.

    Raises:
        ImportRejected: not a file, empty, larger than `max_bytes` (also once unpacked), or broken gzip.
    """
    name = path.name
    try:
        status = path.stat()
    except OSError as error:
        raise ImportRejected(f"{path} cannot be read: {error.strerror or error}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise ImportRejected(f"{path} is not a file.")
    if status.st_size == 0:
        raise ImportRejected(f"{name} is empty.")
    if status.st_size > max_bytes:
        raise ImportRejected(f"{name} has {size(status.st_size)}; at most {size(max_bytes)} are read.")
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            packed = file.read(2) == _GZIP
    except OSError as error:
        raise ImportRejected(f"{path} cannot be read: {error.strerror or error}.") from error
    notes: tuple[str, ...] = ()
    if packed:
        path, notes = _unpack(path, scratch, max_bytes), ("The file was unpacked (gzip).",)
    with path.open("rb") as file:
        head = file.read(65_536)
    if not head:
        raise ImportRejected(f"{name} is empty.")
    return Source(path, name, sha256, notes, head)


def open_text(source: Source, scratch: Path, *, max_bytes: int) -> Text:
    """The source as UTF-8 text, rewritten into `scratch` where it came in another encoding.

    Encodings: UTF-8 with or without a byte-order mark, UTF-16 with one, else Windows-1252 (said in `notes`).

    Raises:
        ImportRejected: the bytes are not text, or the text is larger than `max_bytes`.
    """
    if source.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        path = _recode(source, "utf-16", "UTF-16", scratch, max_bytes)
        return _counted(path, source.name, (*source.notes, "The text was read as UTF-16."))
    try:
        return _counted(source.path, source.name, source.notes)
    except UnicodeDecodeError:
        path = _recode(source, "cp1252", "Windows-1252", scratch, max_bytes)
        note = "The text is not UTF-8 and was read as Windows-1252; check accents and quotation marks."
        return _counted(path, source.name, (*source.notes, note))


def _unpack(path: Path, scratch: Path, max_bytes: int) -> Path:
    target, written = scratch / "unpacked", 0
    try:
        with gzip.open(path, "rb") as packed, target.open("wb") as out:
            while chunk := packed.read(CHUNK):
                written += len(chunk)
                if written > max_bytes:
                    raise ImportRejected(
                        f"{path.name} unpacks to more than {size(max_bytes)}, the most that is read."
                    )
                out.write(chunk)
    except EOFError as error:
        raise ImportRejected(
            f"{path.name} is cut short: its gzip stream has no end. Get the whole file."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ImportRejected(
            f"{path.name} is damaged: its gzip stream cannot be unpacked ({error})."
        ) from error
    return target


def _recode(source: Source, encoding: str, title: str, scratch: Path, max_bytes: int) -> Path:
    target, written = scratch / "recoded", 0
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        with source.path.open("rb") as file, target.open("wb") as out:
            while True:
                chunk = file.read(CHUNK)
                encoded = decoder.decode(chunk, final=not chunk).encode("utf-8")
                written += len(encoded)
                if written > max_bytes:
                    raise ImportRejected(
                        f"{source.name} has more than {size(max_bytes)} of text, the most that is read."
                    )
                out.write(encoded)
                if not chunk:
                    return target
    except UnicodeError as error:
        raise ImportRejected(
            f"{source.name} is not text: it is neither UTF-8 nor {title}. Save it as UTF-8."
        ) from error


def _counted(path: Path, name: str, notes: tuple[str, ...]) -> Text:
    """Count lines and records and look for what text does not hold.

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8.
        ImportRejected: the bytes are not text at all.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    n_bytes = n_lines = n_records = n_control = n_quotes = 0
    last = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            if b"\0" in chunk:
                raise ImportRejected(
                    f"{name} is not text: it holds NUL bytes. "
                    "If it is UTF-16 without a byte-order mark, save it as UTF-8."
                )
            decoder.decode(chunk)
            codes = np.frombuffer(chunk, dtype=np.uint8)
            ends = np.flatnonzero(codes == _NEWLINE)
            quotes = np.flatnonzero(codes == _QUOTE)
            n_records += int(np.count_nonzero((np.searchsorted(quotes, ends) + n_quotes) % 2 == 0))
            n_lines, n_quotes, n_bytes = n_lines + len(ends), n_quotes + len(quotes), n_bytes + len(chunk)
            n_control += int(np.count_nonzero(_CONTROL[codes]))
            last = chunk[-1:]
    decoder.decode(b"", final=True)
    if n_control * 100 > n_bytes:
        raise ImportRejected(
            f"{name} is not text: {n_control:,} of its {n_bytes:,} bytes are control characters."
        )
    unfinished = int(last != b"\n")
    return Text(path, name, notes, n_lines + unfinished, n_records + unfinished, n_quotes % 2 == 0)
