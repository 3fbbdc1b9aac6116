"""Parquet files as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import ImportRejected
from data.importers.delimited import MAX_COLUMNS, Loaded
from data.importers.parsed import REJECTED
from data.importers.source import Source, size


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """An opened Parquet file, and the number of rows that its own footer names."""

    source: Source
    columns: tuple[str, ...]
    n_rows: int

    format = "parquet"
    notes = ()
    day_first = False

    def load(self, columns: Sequence[str]) -> Loaded:
        """These columns of every row, in their own types.

        Raises:
            ImportRejected: the file is damaged, or holds other rows than its footer says.
        """
        try:
            frame = pl.read_parquet(self.source.path, columns=list(columns))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ImportRejected(f"{self.source.name} is damaged: {_first_line(error)}.") from error
        if len(frame) != self.n_rows:
            raise ImportRejected(
                f"{self.source.name} says it has {self.n_rows:,} rows, but {len(frame):,} were read. "
                "It is damaged."
            )
        rows = pl.int_range(1, len(frame) + 1, eager=True, dtype=pl.Int64).alias("row")
        return Loaded(rows, frame.select(columns), pl.DataFrame(schema=REJECTED))

    def head(self, n: int) -> pl.DataFrame:
        """The first n rows, every column as text; lists and records in polars' writing.

        Raises:
            ImportRejected: the file is damaged.
        """
        try:
            frame = pl.scan_parquet(self.source.path).head(n).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ImportRejected(f"{self.source.name} is damaged: {_first_line(error)}.") from error
        return frame.select(_shown(values) for values in frame.get_columns())


def open_parquet(source: Source, *, max_bytes: int) -> ParquetFile:
    """Read a Parquet file's footer.

    Raises:
        ImportRejected: no valid footer, too many columns, or more than `max_bytes` once unpacked.
    """
    try:
        with pq.ParquetFile(source.path) as file:
            metadata = file.metadata
            columns = tuple(file.schema_arrow.names)
            unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
            n_rows = metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ImportRejected(
            f"{source.name} is damaged or cut short: no Parquet footer ({_first_line(error)})."
        ) from error
    if len(columns) > MAX_COLUMNS:
        raise ImportRejected(f"{source.name} has {len(columns):,} columns; at most {MAX_COLUMNS:,} are read.")
    if unpacked > max_bytes:
        raise ImportRejected(
            f"{source.name} unpacks to {size(unpacked)}; at most {size(max_bytes)} are read."
        )
    if len(set(columns)) < len(columns):
        raise ImportRejected(f"{source.name} has two columns of one name. Rename one of them.")
    return ParquetFile(source, columns, n_rows)


def _shown(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Binary:
        return pl.Series(values.name, ["(bytes)"]).new_from_index(0, len(values))
    if values.dtype.is_nested() or values.dtype == pl.Object:
        return pl.Series(
            values.name, [None if v is None else str(v) for v in values.to_list()], dtype=pl.String
        )
    return values.cast(pl.String)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["unknown"])[0][:200].rstrip(".")
