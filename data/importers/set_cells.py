"""Cells that hold a set of labels, to one way of writing it: a JSON list of texts, sorted, each once."""

from __future__ import annotations

import json

import polars as pl

from data.errors import ImportRejected
from data.importers.values import Cleaned, as_text, no_reason

CHOICES = "choices"
"""The key under which Label Studio's CSV writes several choices."""


def clean_sets(values: pl.Series, column: str, role: str, *, separator: str = "") -> Cleaned:
    """Sets of labels: lists, JSON lists, Label Studio's {"choices": …}, or labels parted by `separator`.

    Without a separator a cell that is no list is a set of one. An empty list is the set without members; an empty cell
    is no label.

    Args:
        values: the column: texts, or lists of texts.
        column: its name, for messages.
        role: what is missing where a cell is empty.
        separator: what parts the labels of a cell; "" where cells are lists or single labels.

    Raises:
        ImportRejected: the column holds bytes, records or lists of other things than texts and numbers.
    """
    text = _list_texts(values, column) if values.dtype == pl.List else as_text(values, column)
    distinct = text.drop_nulls().unique()
    written: dict[str, str | None] = {}
    wrong: dict[str, str] = {}
    for cell in distinct.to_list():
        members = _members(cell, separator)
        if isinstance(members, str):
            written[cell], wrong[cell] = None, f"{column} {members}: '{cell[:40]}'"
        elif members is None:
            written[cell] = None
        else:
            written[cell] = json.dumps(sorted(set(members)), ensure_ascii=False)
    clean = text.replace_strict(written, default=None, return_dtype=pl.Utf8) if written else text
    bad = text.replace_strict(wrong, default=None, return_dtype=pl.Utf8) if wrong else no_reason(len(text))
    empty = f"no {role} (column {column!r} is empty)"
    frame = pl.DataFrame({"v": clean, "bad": bad})
    missing = pl.col("v").is_null() & pl.col("bad").is_null()
    return Cleaned(clean, frame.select(bad=pl.when(missing).then(pl.lit(empty)).otherwise("bad"))["bad"], ())


def _list_texts(values: pl.Series, column: str) -> pl.Series:
    inner = values.dtype.inner if isinstance(values.dtype, pl.List) else None
    if inner is None or not (inner == pl.String or inner.is_integer() or inner == pl.Null):
        raise ImportRejected(f"Column {column!r} holds lists of {inner}; a set of labels is a list of texts.")
    lists = [
        None if one is None else [None if m is None else str(m) for m in one] for one in values.to_list()
    ]
    return pl.Series(
        [None if one is None else json.dumps(one, ensure_ascii=False) for one in lists], dtype=pl.Utf8
    )


def _members(cell: str, separator: str) -> list[str] | str | None:
    """The labels in a cell; None for an empty cell; a text says what is wrong with it."""
    written = cell.strip()
    if not written:
        return None
    parts: list[object] = [written]
    if written[0] in "[{":
        try:
            found = json.loads(written)
        except ValueError:
            found = None if written[0] == "{" else written
        if isinstance(found, dict):
            found = found.get(CHOICES)
        if not isinstance(found, list | str):
            return "is no list of labels"
        parts = found if isinstance(found, list) else [found]
    elif separator:
        parts = [part for part in written.split(separator) if part.strip()]
    members: list[str] = []
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, str | int) or not str(part).strip():
            return "holds something that is no label"
        members.append(str(part).strip())
    if any("\0" in member for member in members):
        return "holds a NUL character"
    return members
