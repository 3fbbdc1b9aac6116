"""Files of embeddings: one vector an item, as lists, as columns e0, e1, …, or as NumPy's .npz or .npy."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data.errors import ImportRejected
from data.importers.item_ids import bare_id, ids_of, read_ids, refuse_own_ids
from data.importers.json_documents import SCORES
from data.importers.json_lines import LinesFile
from data.importers.mapping import find_column, guess, listed, no_such_column, plain
from data.importers.number_lists import as_lists
from data.importers.parsed import EMBEDDINGS, REJECTED, ImportOptions, ParsedContent
from data.importers.sniff import Kind
from data.importers.source import Source, size
from data.importers.table import left_out, open_table, table_notes
from data.importers.values import Cleaned, clean_ids

ITEM, VECTOR = "item", "embedding"
ZIP, NPY = b"PK\x03\x04", b"\x93NUMPY"
_LISTS = ("embedding", "embeddings", "vector", "emb")
_NUMBERED = re.compile(r"e(\d+)")


def read_embeddings(source: Source, kind: Kind, scratch: Path, options: ImportOptions) -> ParsedContent:
    """Read a table of embeddings.

    Raises:
        ImportRejected: the file cannot be read, holds no rows, or no column that is plainly the item or the embedding.
    """
    table = open_table(source, kind, scratch, options)
    item, columns = _columns(table.columns, options.mapping, source.name, ids=bool(options.ids))
    lists = columns if len(columns) == 1 and not _NUMBERED.fullmatch(columns[0]) else ()
    wanted = [*(() if item is None else (item,)), *columns]
    loaded = table.load(wanted, lists=lists) if isinstance(table, LinesFile) else table.load(wanted)
    if loaded.frame.is_empty() and loaded.rejected.is_empty():
        raise ImportRejected(f"{source.name} holds no rows.")
    ids, which = ids_of(loaded, item, options, scratch, source.name)
    if lists:
        vectors = as_lists(loaded.frame[columns[0]], columns[0])
    else:
        numbers = loaded.frame.select(pl.col(columns).cast(pl.Float64, strict=False))
        vectors = numbers.select(v=pl.concat_list(columns))["v"]
    frame = pl.DataFrame(
        [loaded.rows, ids.values.alias("item_id"), ids.bad.alias("no_item"), vectors.alias("vector")]
    )
    contents, rejected = checked_vectors(frame, source.name)
    mapping = {**which, VECTOR: columns[0] if lists else f"{columns[0]} to {columns[-1]}"}
    unused = [column for column in table.columns if column not in wanted]
    return ParsedContent(
        contents=contents,
        rejected=pl.concat([rejected, loaded.rejected]).sort("row"),
        format=table.format,
        mapping=mapping,
        guessed=(*table_notes(table, source), *loaded.notes, *ids.notes, *left_out(unused)),
        n_rows=len(frame) + len(loaded.rejected),
        sha256=source.sha256,
        name=source.name,
    )


def read_npz(source: Source, options: ImportOptions) -> ParsedContent:
    """Read the arrays `ids` (N,) and `embeddings` (N, D) of a NumPy archive. Nothing in it is ever unpickled.

    Raises:
        ImportRejected: no such archive, no such arrays, or more than `max_bytes` once unpacked.
    """
    if options.ids:
        raise ImportRejected(f"{source.name} has ids of its own; leave --ids out.")
    try:
        with zipfile.ZipFile(source.path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > options.max_bytes:
            raise ImportRejected(
                f"{source.name} unpacks to {size(unpacked)}; at most {size(options.max_bytes)} are read."
            )
        with np.load(source.path, allow_pickle=False) as held:
            if not {"ids", "embeddings"} <= set(held.files):
                raise ImportRejected(
                    f"{source.name} has the arrays {listed(held.files)}; it needs `ids` (N,) and `embeddings` (N, D)."
                )
            ids, vectors = held["ids"], held["embeddings"]
        texts = np.char.decode(ids, "utf-8") if ids.dtype.kind == "S" else ids.astype(str)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ImportRejected(
            f"{source.name} is no archive of plain arrays of numbers and texts (ids as dtype=str, not object): {error}"
        ) from error
    _require_shapes(ids, vectors, source.name)
    cleaned = clean_ids(pl.Series("ids", texts), "ids", "item")
    return _of_array(cleaned, vectors, source, "npz", {ITEM: "ids", VECTOR: "embeddings"})


def read_npy(source: Source, scratch: Path, options: ImportOptions) -> ParsedContent:
    """Read an array (N, D) of NumPy, with the ids of `options.ids`. Nothing in it is ever unpickled.

    Raises:
        ImportRejected: no such array, or no id for each of its rows.
    """
    try:
        vectors = np.load(source.path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ImportRejected(f"{source.name} is no plain array of numbers: {error}") from error
    rows = len(vectors) if vectors.ndim else 0
    ids, which = read_ids(options, rows, scratch, source.name)
    _require_shapes(ids.values.to_numpy(), vectors, source.name)
    return _of_array(ids, vectors, source, "npy", which)


def _of_array(
    ids: Cleaned, vectors: NDArray[np.generic], source: Source, form: str, mapping: dict[str, str]
) -> ParsedContent:
    """What there is to import of (N,) ids and (N, D) vectors."""
    lists = pl.Series(vectors.astype(np.float64), dtype=pl.Array(pl.Float64, vectors.shape[1]))
    frame = pl.DataFrame(
        {
            "row": np.arange(1, len(vectors) + 1),
            "item_id": ids.values,
            "no_item": ids.bad,
            "vector": lists.cast(pl.List(pl.Float64)),
        }
    )
    contents, rejected = checked_vectors(frame, source.name)
    return ParsedContent(
        contents, rejected, form, mapping, ids.notes, len(vectors), source.sha256, source.name
    )


def checked_vectors(frame: pl.DataFrame, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Vectors that are finite in single precision and of the length that most have, one an item; and the other rows.

    Args:
        frame: row, item_id, no_item (why there is none), vector (a list of numbers).
        name: what to call the source in messages.

    Raises:
        ImportRejected: there are no rows.
    """
    if frame.is_empty():
        raise ImportRejected(f"{name} holds no rows.")
    sized = frame.with_columns(length=pl.col("vector").list.len().cast(pl.Int64))
    lengths = sized["length"].drop_nulls().value_counts().sort(["count", "length"], descending=[True, False])
    width = int(lengths["length"][0]) if len(lengths) else 0
    fits = (sized["length"] == width).fill_null(value=False)
    table = _stacked(sized.filter(fits)["vector"], width)
    finite = np.zeros(len(sized), dtype=bool)
    finite[fits.to_numpy()] = np.isfinite(table).all(axis=1)
    judged = sized.with_columns(
        pl.Series("finite", finite), first=pl.col("row").min().over("item_id")
    ).with_columns(
        reason=pl.coalesce(
            "no_item",
            pl.when(pl.col("length").is_null() | (pl.col("length") == 0)).then(pl.lit("no embedding")),
            pl.when(pl.col("length") != width).then(
                pl.format(
                    "the embedding has {} numbers, most others have {}", pl.col("length"), pl.lit(width)
                )
            ),
            pl.when(~pl.col("finite")).then(
                pl.lit("the embedding has a number that is missing or not finite")
            ),
            pl.when(pl.col("row") != pl.col("first")).then(
                pl.format(
                    "item '{}' stands in row {} already", pl.col("item_id").str.slice(0, 40), pl.col("first")
                )
            ),
        )
    )
    good = judged.filter(pl.col("reason").is_null()).select("row", "item_id", "vector")
    return good.cast(EMBEDDINGS), judged.filter(pl.col("reason").is_not_null()).select("row", "reason").cast(
        REJECTED
    )


def _stacked(vectors: pl.Series, width: int) -> NDArray[np.float32]:
    """(N, D) in single precision, NaN where there is no number; what is beyond single precision is infinite."""
    with np.errstate(over="ignore"):
        return vectors.explode(empty_as_null=False).to_numpy().astype(np.float32).reshape(-1, max(width, 1))


def _require_shapes(ids: NDArray[np.generic], vectors: NDArray[np.generic], name: str) -> None:
    numeric = np.issubdtype(vectors.dtype, np.floating) or np.issubdtype(vectors.dtype, np.integer)
    if ids.ndim != 1 or vectors.ndim != 2 or len(ids) != len(vectors) or not numeric or not vectors.shape[1]:
        raise ImportRejected(
            f"{name} has `ids` of shape {ids.shape} and `embeddings` of shape {vectors.shape} ({vectors.dtype}); "
            "they have to be (N,) and (N, D), of numbers."
        )


def _columns(
    columns: Sequence[str], asked: Mapping[str, str], name: str, *, ids: bool
) -> tuple[str | None, tuple[str, ...]]:
    """The item's column (none with a file of ids) and the embedding's, one of lists or e0, e1, … in order."""
    found: dict[str, str] = {}
    for role, column in asked.items():
        if role not in (ITEM, VECTOR):
            raise ImportRejected(f"There is no role {role!r}; --map takes item and embedding.")
        match = find_column(columns, column)
        if match is None:
            raise ImportRejected(no_such_column(columns, column, name))
        found[role] = match
    item = found.get(ITEM) or guess(columns, ITEM) or bare_id(columns)
    if ids:
        refuse_own_ids(columns, found, name)
        item = None
    elif item is None:
        raise ImportRejected(
            f"{name} has no column that is plainly the item; it has {listed(columns)}. Say which with --map item=COLUMN, or give the "
            "ids in its order with --ids FILE."
        )
    if VECTOR in found:
        return item, (found[VECTOR],)
    lists = [column for column in columns if plain(column) in _LISTS or column == SCORES]
    if len(lists) == 1:
        return item, (lists[0],)
    numbers = sorted(int(number[1]) for column in columns if (number := _NUMBERED.fullmatch(column)))
    if numbers and numbers == list(range(len(numbers))):
        return item, tuple(f"e{number}" for number in numbers)
    gaps = " without a gap" if numbers else ""
    raise ImportRejected(
        f"{name} has no column that is plainly the embedding; it has {listed(columns)}. Give one column `embedding` of lists, columns "
        f"e0, e1, …{gaps}, or say which with --map embedding=COLUMN."
    )
