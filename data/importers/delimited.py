"""CSV, TSV and their like: a header, one record a row, quoted fields over several lines."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv as pc

from data.errors import ImportRejected
from data.importers.mapping import listed
from data.importers.parsed import REJECTED
from data.importers.source import Text, size

MAX_COLUMNS = 10_000
# A row has to fit in one block of the reader.
BLOCK = 32 * 1024 * 1024
_DELIMITERS = ",;\t|"
_SAMPLE = 256 * 1024
_SENTINEL = "\x02end of file"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Columns of a file as they came: row numbers from 1, values, and the rows that could not be read."""

    rows: pl.Series
    frame: pl.DataFrame
    rejected: pl.DataFrame
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DelimitedFile:
    """An opened CSV-like file.

    Attributes:
        columns: names from the header, trimmed; a blank one is "column N", a repeated one "name (2)".
        repeated: names that the header holds more than once.
        delimiter: the character between fields.
        skipped: records before the header (blank lines, Excel's `sep=` line).
    """

    text: Text
    columns: tuple[str, ...]
    repeated: frozenset[str]
    delimiter: str
    skipped: int

    @property
    def format(self) -> str:
        """What the delimiter makes it: "tsv" for tabs, else "csv"."""
        return "tsv" if self.delimiter == "\t" else "csv"

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence when the delimiter is not the usual one."""
        if self.delimiter in ",\t":
            return ()
        return (f"The columns are parted by {self.delimiter!r}.",)

    @property
    def day_first(self) -> bool:
        """Semicolons are what Excel writes where 3/4 is the third of April."""
        return self.delimiter == ";"

    def load(self, columns: Sequence[str]) -> Loaded:
        """These columns of every row, as text, null where empty.

        Raises:
            ImportRejected: a column's name is repeated, a quote is left open, or rows went missing.
        """
        for column in columns:
            if column in self.repeated:
                raise ImportRejected(
                    f"{self.text.name} has two columns named {column!r}. Rename one of them."
                )
        wrong: list[tuple[int, str]] = []
        table = self._read(columns, wrong)
        if table.num_rows + len(wrong) + self.skipped != self.text.n_records or not self.text.even_quotes:
            self._recount(table.num_rows + len(wrong) + self.skipped)
        header = self.skipped + 1
        rejected = pl.DataFrame(
            [(number - header, reason) for number, reason in wrong if number > header],
            schema=REJECTED,
            orient="row",
        )
        frame = (
            pl.DataFrame(table).slice(1) if not any(n == header for n, _ in wrong) else pl.DataFrame(table)
        )
        frame.columns = [*columns]
        rows = _numbers(len(frame), rejected["row"])
        empty = (
            frame.select(pl.all_horizontal(pl.all().is_null()))[:, 0]
            if columns
            else pl.Series([], dtype=pl.Boolean)
        )
        n_empty = int(empty.sum())
        if not n_empty:
            return Loaded(rows, frame, rejected)
        note = f"{n_empty:,} empty row{'s were' if n_empty > 1 else ' was'} left out."
        return Loaded(rows.filter(~empty), frame.filter(~empty), rejected, (note,))

    def head(self, n: int) -> pl.DataFrame:
        """The first n rows, every column as text; rows with too many or too few fields are left out."""
        sample = _sample(self.text.path)
        records = itertools.islice(
            csv.reader(StringIO(sample, newline=""), delimiter=self.delimiter), self.skipped + 1, None
        )
        width = len(self.columns)
        rows = list(itertools.islice((r for r in records if len(r) == width), n))
        return pl.DataFrame(rows, schema=dict.fromkeys(self.columns, pl.String), orient="row")

    def _read(self, columns: Sequence[str], wrong: list[tuple[int, str]]) -> pa.Table:
        names = [f"c{i}" for i in range(len(self.columns))]
        wanted = [names[self.columns.index(c)] for c in columns]

        def skip(row: pc.InvalidRow) -> str:
            wrong.append((row.number, _why(row, self.delimiter)))
            return "skip"

        try:
            return pc.read_csv(
                self.text.path,
                read_options=pc.ReadOptions(
                    # One thread, so that the reader knows the number of each row it objects to.
                    use_threads=False,
                    block_size=BLOCK,
                    column_names=names,
                    skip_rows=self.skipped,
                ),
                parse_options=pc.ParseOptions(
                    delimiter=self.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=skip,
                ),
                convert_options=pc.ConvertOptions(
                    include_columns=wanted,
                    column_types={c: pa.string() for c in wanted},
                    strings_can_be_null=True,
                    null_values=[""],
                ),
            )
        except pa.ArrowInvalid as error:
            self._recount(-1)
            raise ImportRejected(
                f"{self.text.name} cannot be read as a table ({error}). "
                f"A row may be longer than {size(BLOCK)}, the most that is read."
            ) from error

    def _recount(self, n_read: int) -> None:
        """Count the records a second, slower way, when the counts disagree or the quotes do not pair up.

        Raises:
            ImportRejected: an open quote swallowed rows, or the counts differ (where n_read >= 0).
        """
        csv.field_size_limit(2**31 - 1)
        n, last, previous = 0, [""], 0
        with self.text.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(_ended(file), delimiter=self.delimiter)
            try:
                for record in reader:
                    n, last, previous = n + 1, record, reader.line_num if record != [_SENTINEL] else previous
            except csv.Error as error:
                raise ImportRejected(
                    f"{self.text.name} cannot be read near line {reader.line_num:,}: {error}."
                ) from error
        if last != [_SENTINEL]:
            raise ImportRejected(
                f"{self.text.name} has a double quote that is never closed, in row {n - 1 - self.skipped:,}, "
                "so every row after it would be lost. Close it, or write it twice inside a quoted field."
            )
        if n_read >= 0 and n - 1 != n_read:
            raise ImportRejected(
                f"{self.text.name} has {n - 1:,} records but {n_read:,} were read; "
                "its quotes or line ends are irregular."
            )


def open_delimited(text: Text) -> DelimitedFile:
    """Find the delimiter and the header.

    Raises:
        ImportRejected: no header, or more than `MAX_COLUMNS` columns.
    """
    sample = _sample(text.path)
    skipped, named = 0, None
    lines = sample.splitlines()
    while skipped < len(lines) and (not lines[skipped].strip() or lines[skipped].lower().startswith("sep=")):
        if lines[skipped].strip():
            named = lines[skipped][4:5]
        skipped += 1
    if skipped == len(lines):
        raise ImportRejected(f"{text.name} holds no rows.")
    body = "\n".join(lines[skipped : skipped + 200])
    delimiter = named if named and named in _DELIMITERS else _delimiter(body)
    csv.field_size_limit(2**31 - 1)
    header = next(csv.reader(StringIO("\n".join(lines[skipped:]), newline=""), delimiter=delimiter))
    if len(header) > MAX_COLUMNS:
        raise ImportRejected(
            f"{text.name} has {len(header):,} columns or more; at most {MAX_COLUMNS:,} are read."
        )
    names = [name.strip() or f"column {i + 1}" for i, name in enumerate(header)]
    columns, repeated = _unique(names)
    if any(len(c) > 1_000 for c in columns):
        raise ImportRejected(
            f"The first line of {text.name} is no header; it starts {listed(columns)[:80]!r}."
        )
    return DelimitedFile(text, columns, repeated, delimiter, skipped)


def _numbers(n: int, bad: pl.Series) -> pl.Series:
    """The row numbers of n good rows, in order, where the rows `bad` were taken out."""
    rows = pl.int_range(1, n + len(bad) + 1, eager=True, dtype=pl.Int64).alias("row")
    return rows if not len(bad) else rows.filter(~rows.is_in(bad.implode()))


def _sample(path: Path) -> str:
    """The first characters of the file, up to the last whole line where there is one."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        text = file.read(_SAMPLE)
    if len(text) < _SAMPLE:
        return text
    whole, newline, _ = text.rpartition("\n")
    return whole + newline if newline else text


def _delimiter(body: str) -> str:
    """The delimiter that cuts most rows into as many fields as the header has; the comma when none does."""
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        try:
            widths = [len(r) for r in csv.reader(StringIO(body, newline=""), delimiter=delimiter) if r]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        score = sum(w == widths[0] for w in widths) / len(widths) * (1 + min(widths[0], 50) / 1_000)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _unique(names: Sequence[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    seen: set[str] = set()
    repeated: set[str] = set()
    columns: list[str] = []
    for name in names:
        candidate, n = name, 1
        while candidate in seen:
            repeated.add(name)
            n += 1
            candidate = f"{name} ({n})"
        seen.add(candidate)
        columns.append(candidate)
    return tuple(columns), frozenset(repeated)


def _why(row: pc.InvalidRow, delimiter: str) -> str:
    more = "more" if row.actual_columns > row.expected_columns else "fewer"
    header = f"the header's {row.expected_columns}"
    return f"{row.actual_columns} fields, {more} than {header} (parted by {delimiter!r})"


def _ended(lines: Iterator[str]) -> Iterator[str]:
    """The lines, the last one ended, and one of our own that comes back alone if no quote is open."""
    last = "\n"
    for line in lines:
        last = line
        yield line
    if not last.endswith(("\n", "\r")):
        yield "\n"
    yield _SENTINEL
