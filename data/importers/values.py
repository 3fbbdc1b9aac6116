"""Columns of any type to clean text and numbers, a whole column at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from data.errors import ImportRejected

MISSING = ("", "nan", "null", "none", "na", "n/a", "nat", "-")
_NUMBER = r"^[+-]?\d+(\.\d+)?$"
_QUOTED = 40


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A column made clean; `bad` holds the reason at each row that cannot be taken, else null."""

    values: pl.Series
    bad: pl.Series
    notes: tuple[str, ...]


def as_text(values: pl.Series, column: str) -> pl.Series:
    """Any flat column as text: 1.0 becomes "1", true becomes "true", NaN becomes null.

    Raises:
        ImportRejected: the column holds bytes, lists or records.
    """
    kind = values.dtype
    if kind == pl.String:
        return values
    if kind.is_float():
        return _float_text(values)
    if kind == pl.Binary:
        raise ImportRejected(
            f"Column {column!r} holds bytes. Give text, or for images a column of paths or addresses."
        )
    if kind.is_nested() or kind == pl.Object:
        raise ImportRejected(
            f"Column {column!r} holds {_nested_name(kind)}, not one value a row. "
            "Map another column, or flatten it first."
        )
    if kind.is_decimal():
        return values.cast(pl.String).str.replace(r"(\.\d*?)0+$", "$1").str.replace(r"\.$", "")
    return values.cast(pl.String)


def clean_ids(values: pl.Series, column: str, role: str) -> Cleaned:
    """Ids as text: trimmed; "12.0" becomes "12" where every value is written so.

    Raises:
        ImportRejected: as `as_text`.
    """
    text, notes = _trimmed(as_text(values, column), column)
    if _all_match(text, r"^\d+\.0$"):
        text = text.str.strip_suffix(".0")
        notes = (*notes, f"Every value of {column!r} ended in '.0'; it was taken off.")
    return Cleaned(text, _no_value(text, column, role), notes)


def clean_choices(values: pl.Series, column: str, role: str) -> Cleaned:
    """Labels that their tool already keeps as fixed words: trimmed, else as they stand.

    Raises:
        ImportRejected: as `as_text`.
    """
    text, notes = _trimmed(as_text(values, column), column)
    return Cleaned(text, _no_value(text, column, role), notes)


def clean_labels(values: pl.Series, column: str, role: str, *, among: Sequence[pl.Series] = ()) -> Cleaned:
    """Labels as text: trimmed; in a column of numbers "1.0" is the same label as "1", TRUE the same as true.

    Args:
        values: the column.
        column: its name, for messages.
        role: what it is missing where it is empty.
        among: further labels written the same way (gold beside labels), so that one rule holds for all.

    Raises:
        ImportRejected: as `as_text`.
    """
    text, notes = _trimmed(as_text(values, column), column)
    every = pl.concat([text, *(_trimmed(as_text(o, column), column)[0] for o in among)], rechunk=False)
    distinct = every.drop_nulls().unique()
    if len(distinct) and distinct.str.contains(_NUMBER).all():
        if distinct.str.contains(r"\.0+$|^-0$").any():
            short = text.str.replace(r"\.0+$", "").str.replace(r"^-0$", "0")
            notes = (
                *notes,
                f"{column!r} holds numbers; 1.0 and 1 were taken as the same value, written '1'.",
            )
            text = short
    elif _spelled_booleans(distinct):
        notes = (*notes, f"{column!r} holds true and false; they were written in lower case.")
        text = text.str.to_lowercase()
    return Cleaned(text, _no_value(text, column, role), notes)


def clean_content(values: pl.Series, column: str) -> Cleaned:
    """Text or an image's address, as it stands; only blank becomes null.

    Raises:
        ImportRejected: as `as_text`.
    """
    text = as_text(values, column)
    frame = text.to_frame("v").select(v=pl.when(pl.col("v").str.contains(r"\S")).then("v"))
    return Cleaned(frame["v"], _nul_inside(frame["v"], column), ())


def clean_seconds(values: pl.Series, column: str) -> Cleaned:
    """Seconds as floats >= 0; a decimal comma is understood; blank, NaN and "n/a" are unknown (null).

    Raises:
        ImportRejected: as `as_text`.
    """
    notes: tuple[str, ...] = ()
    if values.dtype.is_numeric():
        number = values.cast(pl.Float64).fill_nan(None)
        given = number.is_not_null()
        shown = number.cast(pl.String)
    else:
        shown = known(as_text(values, column))
        plain, notes = _without_commas(shown, column)
        number, given = plain.cast(pl.Float64, strict=False), shown.is_not_null()
    frame = pl.DataFrame({"n": number, "given": given, "shown": shown})
    reasons = frame.select(
        bad=pl.when(~pl.col("given"))
        .then(None)
        .when(pl.col("n").is_null() | ~pl.col("n").is_finite())
        .then(quoted("shown", f"{column} is not a number of seconds"))
        .when(pl.col("n") < 0)
        .then(quoted("shown", f"{column} is negative"))
    )["bad"]
    return Cleaned(number, reasons.cast(pl.String), notes)


def known(text: pl.Series) -> pl.Series:
    """Trimmed text with the usual words for "nothing" made null."""
    frame = text.to_frame("v").with_columns(v=pl.col("v").str.strip_chars())
    return frame.select(v=pl.when(~pl.col("v").str.to_lowercase().is_in(MISSING)).then("v"))["v"]


def quoted(column: str, reason: str) -> pl.Expr:
    """An expression "<reason>: '<the value, cut>'"."""
    short = pl.col(column).str.slice(0, _QUOTED)
    return pl.format("{}: '{}'", pl.lit(reason), short)


def no_reason(n: int) -> pl.Series:
    """A column of no objections, length n."""
    return pl.Series("bad", [None], dtype=pl.String).new_from_index(0, n)


def _float_text(values: pl.Series) -> pl.Series:
    frame = values.cast(pl.Float64).fill_nan(None).to_frame("v")
    whole = (pl.col("v") == pl.col("v").round()) & (pl.col("v").abs() < 2**53)
    return frame.select(
        v=pl.when(whole)
        .then(pl.col("v").cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(_shortest(values))
    )["v"]


def _shortest(values: pl.Series) -> pl.Series:
    """Floats as text in their own precision (0.1 in single precision is "0.1", not "0.10000000149")."""
    return values.fill_nan(None).cast(pl.String)


def _nested_name(kind: pl.DataType) -> str:
    return "records" if kind == pl.Struct else "lists" if kind in (pl.List, pl.Array) else "objects"


def _trimmed(text: pl.Series, column: str) -> tuple[pl.Series, tuple[str, ...]]:
    frame = text.to_frame("v").with_columns(t=pl.col("v").str.strip_chars())
    n = int(frame.select((pl.col("v") != pl.col("t")).sum()).item())
    clean = frame.select(t=pl.when(pl.col("t") != "").then("t"))["t"]
    rows = "1 row" if n == 1 else f"{n:,} rows"
    return clean, (f"Blanks around {column!r} were taken off in {rows}.",) if n else ()


def _all_match(text: pl.Series, pattern: str) -> bool:
    filled = text.drop_nulls()
    return len(filled) > 0 and bool(filled.str.contains(pattern).all())


def _spelled_booleans(distinct: pl.Series) -> bool:
    """Whether all are true or false and some are written with capitals."""
    capitals = distinct.str.contains("[A-Z]").any()
    return bool(capitals and distinct.str.to_lowercase().is_in(["true", "false"]).all())


def _no_value(text: pl.Series, column: str, role: str) -> pl.Series:
    empty = f"no {role} (column {column!r} is empty)"
    frame = pl.DataFrame({"v": text, "nul": _nul_inside(text, column)})
    return frame.select(bad=pl.when(pl.col("v").is_null()).then(pl.lit(empty)).otherwise("nul"))["bad"]


def _nul_inside(text: pl.Series, column: str) -> pl.Series:
    reason = f"{column} holds a NUL character"
    frame = text.to_frame("v")
    return frame.select(bad=pl.when(pl.col("v").str.contains("\0", literal=True)).then(pl.lit(reason)))["bad"]


def _without_commas(text: pl.Series, column: str) -> tuple[pl.Series, tuple[str, ...]]:
    """Numbers with a decimal point: "12,5" -> "12.5", "1.234,5" and "1,234.5" -> "1234.5"."""
    some = text.filter(text.str.contains(",", literal=True))
    if len(some) == 0:
        return text, ()
    frame = text.to_frame("v")
    value = pl.col("v")
    # "1,234" alone can be either; a lone point elsewhere in the column, as in "12.5", tells of thousands.
    plain = text.drop_nulls()
    points = bool(plain.str.contains(r"^-?\d+\.\d{1,2}$|^-?\d+\.\d{4,}$|,\d{3}\.").any())
    thousands = points and not bool(some.str.contains(r"^-?\d+,(\d{1,2}|\d{4,})$").any())
    lone = value.str.replace_all(",", "") if thousands else value.str.replace(",", ".", literal=True)
    number = frame.select(
        v=pl.when(value.str.contains(r"^-?\d{1,3}(\.\d{3})+,\d+$"))
        .then(value.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
        .when(value.str.contains(r"^-?\d{1,3}(,\d{3})+\.\d+$"))
        .then(value.str.replace_all(",", "", literal=True))
        .when(value.str.contains(r"^-?\d+,\d+$"))
        .then(lone)
        .otherwise(value)
    )["v"]
    what = "separates thousands" if thousands else "is a decimal comma"
    return number, (f"The comma in {column!r} (as in '{some[0]}') {what}.",)
