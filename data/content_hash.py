"""The content hash of a release: what the people who approve it sign.

SHA-256 over one line an item, in the order of the item ids (by code point); a line is the
canonical JSON array `[item_id, version, label]` and a line feed, in UTF-8. It depends on nothing
but what the items, the versions and the labels are, so an auditor can compute it from the files
with a few lines of any language (docs/release-format.md).
"""

from __future__ import annotations

import hashlib
import json

import polars as pl

from data.journal import canonical_json

TEXT, JSON = "text", "json"
"""How a file's `label` column holds labels: categories as they are, anything else as canonical JSON."""
_CHUNK = 200_000
_ESCAPED_IN_JSON = r'["\\\x00-\x1f]'


def content_hash(labels: pl.DataFrame) -> str:
    """The content hash of I released labels, as lower-case hex.

    Args:
        labels: columns `item_id` (text), `version` (whole number), `label_json` (JSON text); in any order.

    Raises:
        ValueError: an item stands twice, or a cell is empty.

    >>> content_hash(pl.DataFrame({"item_id": ["a"], "version": [1], "label_json": ['"cat"']}))[:16]
    '318c50767d9621d8'
    """
    rows = labels.select("item_id", "version", "label_json").sort("item_id")
    if rows.null_count().sum_horizontal().item():
        raise ValueError("a released item has no id, no version or no label")
    if rows.height > 1 and (rows["item_id"] == rows["item_id"].shift(1)).any():
        twice = rows.filter(pl.col("item_id") == pl.col("item_id").shift(1))["item_id"][0]
        raise ValueError(f"item {twice!r} stands in it twice")
    digest = hashlib.sha256()
    for chunk in rows.iter_slices(_CHUNK):
        lines = pl.select(
            pl.concat_str(
                pl.lit("["),
                json_texts(chunk["item_id"]),
                pl.lit(","),
                chunk["version"].cast(pl.Utf8),
                pl.lit(","),
                _canonical(chunk["label_json"]),
                pl.lit("]\n"),
            )
        ).to_series()
        digest.update("".join(lines.to_list()).encode())
    return digest.hexdigest()


def json_texts(texts: pl.Series) -> pl.Series:
    """Each text as a JSON string."""
    odd = texts.str.contains(_ESCAPED_IN_JSON)
    plain = pl.select(pl.concat_str(pl.lit('"'), texts, pl.lit('"'))).to_series()
    if not odd.any():
        return plain
    escaped = {text: canonical_json(text) for text in texts.filter(odd).unique()}
    return pl.select(pl.when(odd).then(texts.replace(escaped)).otherwise(plain)).to_series()


def label_cells(label_json: pl.Series) -> tuple[pl.Series, str]:
    """Labels as a file's `label` column holds them, and how: categories as text, if every label is one."""
    values = {text: json.loads(text) for text in label_json.unique()}
    if all(isinstance(value, str) for value in values.values()):
        return label_json.replace_strict(values, return_dtype=pl.Utf8), TEXT
    return _canonical(label_json), JSON


def label_json_of(cells: pl.Series, encoding: str) -> pl.Series:
    """The other way round: what `label_cells` wrote as JSON again; raises ValueError where it is none."""
    if encoding == TEXT:
        return json_texts(cells)
    if encoding == JSON:
        return cells
    raise ValueError(f"labels are held as {TEXT!r} or {JSON!r}, not {encoding!r}")


def _canonical(label_json: pl.Series) -> pl.Series:
    texts = label_json.unique().to_list()
    changed = {text: fixed for text in texts if (fixed := canonical_json(json.loads(text))) != text}
    return label_json.replace(changed) if changed else label_json
