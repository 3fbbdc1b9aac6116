"""Times of any writing to UTC moments: ISO 8601, Excel's and other day-month-year dates, epoch numbers."""

from __future__ import annotations

import polars as pl

from data.importers.parsed import MOMENT
from data.importers.values import Cleaned, as_text, known, no_reason, quoted

_EARLIEST, _LATEST = 1900, 2200
_ZONE = r"\s*(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$"
_CLOCK = r"(?:[Tt ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:\s*([AaPp])\.?[Mm]\.?)?)?"
_ISO = r"^(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})" + _CLOCK + _ZONE
_DAY_MONTH = r"^(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4}|\d{2})" + _CLOCK + _ZONE
_NUMBER = r"^\d+(\.\d+)?$"
# What most exports write; tried on the whole column before anything slower.
_FAST = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f")
_CLOCK_NAMES = ("h", "mi", "s", "f", "half", "zone")
_COMPACT_DAY = r"^(19|20)\d{6}$"
_DAY = 86_400_000_000
_EXCEL_DAY_ZERO = -25_569 * _DAY  # 1899-12-30
# Numbers from, below; times, over, plus to microseconds since 1970; what they are called.
_UNITS = (
    (20_000, 100_000, _DAY, 1, _EXCEL_DAY_ZERO, "Excel's days"),
    (10**8, 10**11, 1_000_000, 1, 0, "seconds since 1970"),
    (10**11, 10**14, 1_000, 1, 0, "milliseconds since 1970"),
    (10**14, 10**17, 1, 1, 0, "microseconds since 1970"),
    (10**17, 9 * 10**18, 1, 1_000, 0, "nanoseconds since 1970"),
)


def clean_moments(values: pl.Series, column: str, *, day_first: bool = False) -> Cleaned:
    """A column of times as Datetime(us, UTC); blank and "n/a" are unknown (null).

    Args:
        values: text, dates, datetimes or numbers (seconds since 1970 or a fraction of them, Excel's days).
        column: its name, for messages.
        day_first: how to read 3/4/2024 where no value of the column tells.

    Raises:
        ImportRejected: the column holds bytes, lists or records.
    """
    kind = values.dtype
    if isinstance(kind, pl.Datetime):
        if kind.time_zone:
            return _checked(
                values.cast(pl.Datetime("us", kind.time_zone)).dt.convert_time_zone("UTC"), values, column, ()
            )
        moments = values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return _checked(moments, values, column, _as_utc(column, len(moments) - moments.null_count()))
    if kind == pl.Date:
        return _checked(
            values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), values, column, _days_only(column)
        )
    if kind.is_numeric():
        moments, notes = _from_numbers(values, column)
        return _checked(moments, values.cast(pl.Float64).fill_nan(None), column, notes)
    text = known(as_text(values, column))
    moments, notes = _from_text(text, column, day_first)
    return _checked(moments, text, column, notes)


def _checked(moments: pl.Series, given: pl.Series, column: str, notes: tuple[str, ...]) -> Cleaned:
    """Null out what lies outside every plausible time, and object to all that was given but not read."""
    frame = pl.DataFrame({"m": moments, "given": given})
    frame = frame.with_columns(m=pl.when(pl.col("m").dt.year().is_between(_EARLIEST, _LATEST)).then("m"))
    wrong = frame["m"].is_null() & frame["given"].is_not_null()
    if not wrong.any():
        return Cleaned(frame["m"].cast(MOMENT), no_reason(len(frame)), notes)
    shown = frame.with_columns(wrong=wrong, given=pl.col("given").cast(pl.String))
    reason = quoted("given", f"{column} cannot be read as a time")
    return Cleaned(frame["m"].cast(MOMENT), shown.select(bad=pl.when("wrong").then(reason))["bad"], notes)


def _from_numbers(values: pl.Series, column: str) -> tuple[pl.Series, tuple[str, ...]]:
    """Numbers as moments, the unit told from the size: the years meant in one unit are absurd in another."""
    whole = values.dtype.is_integer()
    number = values.cast(pl.Int64 if whole else pl.Float64, strict=False).to_frame("v")
    v = pl.col("v")
    micros = pl.lit(None, dtype=pl.Int64)
    names = []
    for low, high, times, over, plus, title in _UNITS:
        fits = (v >= low) & (v < high)
        if number.select(fits.any()).item():
            names.append(title)
            scaled = v * times // over if whole else (v * times / over).round().cast(pl.Int64, strict=False)
            micros = pl.when(fits).then(scaled + plus).otherwise(micros)
    # with_columns, so that a column in which nothing fits stays as long as it was
    moments = number.with_columns(m=micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))["m"]
    return moments, (f"The numbers in {column!r} were read as {' and '.join(names)}, UTC.",) if names else ()


def _from_text(text: pl.Series, column: str, day_first: bool) -> tuple[pl.Series, tuple[str, ...]]:
    """Read the usual writing of the first value throughout, then what is left piece by piece."""
    moments, n_naive = _by_first(text)
    left = pl.DataFrame({"v": text, "m": moments}).with_row_index("i")
    left = left.filter(pl.col("v").is_not_null() & pl.col("m").is_null()).select("i", "v")
    if not len(left):
        return moments, _as_utc(column, n_naive)
    is_number = pl.col("v").str.contains(_NUMBER) & ~pl.col("v").str.contains(_COMPACT_DAY)
    numbers, words = left.filter(is_number), left.filter(~is_number)
    plain = numbers["v"].cast(pl.Int64, strict=False)
    fractions = numbers["v"].cast(pl.Float64, strict=False)
    read, notes = _from_numbers(plain if plain.null_count() == 0 else fractions, column)
    iso, n_iso = _by_parts(words, _ISO, ("y", "mo", "d", *_CLOCK_NAMES))
    local, n_local, local_notes = _day_and_month(words.join(iso, on="i", how="anti"), column, day_first)
    found = pl.concat([numbers.select("i", m=read).drop_nulls(), iso, local])
    whole = pl.DataFrame({"m": moments}).with_row_index("i")
    whole = whole.join(found, on="i", how="left", maintain_order="left")
    naive = _as_utc(column, n_naive + n_iso + n_local)
    return whole.select(m=pl.coalesce("m", "m_right"))["m"], (*notes, *local_notes, *naive)


def _by_first(text: pl.Series) -> tuple[pl.Series, int]:
    """The column read in the first value's writing, where that is a usual one; and how many named no zone."""
    first = text.drop_nulls().head(1)
    for pattern in _FAST if len(first) else ():
        if first.str.to_datetime(pattern, strict=False).null_count() == 0:
            moments = text.str.to_datetime(pattern, strict=False, time_unit="us")
            if pattern.endswith("%#z"):
                return moments, 0
            return moments.dt.replace_time_zone("UTC"), len(moments) - moments.null_count()
    return pl.Series("m", [None], dtype=MOMENT).new_from_index(0, len(text)), 0


def _by_parts(rows: pl.DataFrame, pattern: str, names: tuple[str, ...]) -> tuple[pl.DataFrame, int]:
    """Read `v` by a pattern whose groups have these names; columns i, m, and how many named no zone."""
    groups = rows["v"].str.extract_groups(pattern).struct.rename_fields(list(names)).struct.unnest()
    frame = pl.concat([rows.select("i"), groups], how="horizontal")
    return _read_parts(frame)


def _day_and_month(
    rows: pl.DataFrame, column: str, day_first: bool
) -> tuple[pl.DataFrame, int, tuple[str, ...]]:
    """Read 31.12.2024 or 3/4/2024 2:05 PM. Points mean day first; for slashes the data tells."""
    names = ("a", "mark", "b", "y", *_CLOCK_NAMES)
    groups = rows["v"].str.extract_groups(_DAY_MONTH).struct.rename_fields(list(names)).struct.unnest()
    frame = pl.concat([rows.select("i", "v"), groups], how="horizontal")
    slashed = frame.filter(pl.col("mark") != ".")
    over = [int(slashed.select((pl.col(c).cast(pl.Int32) > 12).sum()).item()) for c in ("a", "b")]
    notes: tuple[str, ...] = ()
    if over[0] != over[1]:
        day_first = over[0] > over[1]
    order = "day first" if day_first else "month first"
    if len(slashed):
        sure = (
            "" if over[0] or over[1] else " No value tells which, so check it, or write dates as 2024-12-31."
        )
        notes = (f"Dates in {column!r} such as '{slashed['v'][0]}' were read {order}.{sure}",)
    first = (pl.col("mark") == ".") | pl.lit(day_first)
    year = pl.col("y").cast(pl.Int32)
    short = pl.when(year < 70).then(year + 2000).when(year < 100).then(year + 1900).otherwise(year)
    frame = frame.with_columns(
        d=pl.when(first).then("a").otherwise("b"),
        mo=pl.when(first).then("b").otherwise("a"),
        y=short.cast(pl.String),
    )
    read, n_naive = _read_parts(frame)
    return read, n_naive, notes


def _read_parts(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Columns i, m of the rows whose parts make a moment, and how many of them named no zone."""
    read = frame.select("i", "zone", _moment().alias("m")).filter(pl.col("m").is_not_null())
    return read.select("i", "m"), read["zone"].null_count()


def _moment() -> pl.Expr:
    """The moment of text columns y, mo, d, h, mi, s, f, half (a or p), zone; null if there is none."""
    hour = pl.col("h").fill_null("0").cast(pl.Int32)
    half = pl.col("half").str.to_lowercase()
    hour = (
        pl.when(half.is_null())
        .then(hour)
        .when(~hour.is_between(1, 12))
        .then(99)
        .otherwise(hour % 12 + pl.when(half == "p").then(12).otherwise(0))
    )
    pieces = [
        pl.col("y"),
        pl.col("mo").str.zfill(2),
        pl.col("d").str.zfill(2),
        hour.cast(pl.String).str.zfill(2),
    ]
    pieces += [pl.col("mi").fill_null("00"), pl.col("s").fill_null("00"), pl.col("f").fill_null("0")]
    local = pl.format("{}-{}-{}T{}:{}:{}.{}", *pieces).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"
    )
    zone = pl.col("zone").str.replace(":", "")
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    numeric = zone.str.contains(r"^[+-]")
    hours = pl.when(numeric).then(zone.str.slice(1, 2).cast(pl.Int64, strict=False)).otherwise(0).fill_null(0)
    minutes = (
        pl.when(numeric).then(zone.str.slice(3, 2).cast(pl.Int64, strict=False)).otherwise(0).fill_null(0)
    )
    offset = pl.duration(minutes=sign * (hours * 60 + minutes))
    return (local - offset).dt.replace_time_zone("UTC")


def _as_utc(column: str, n: int) -> tuple[str, ...]:
    if not n:
        return ()
    subject = "1 value names" if n == 1 else f"{n:,} values name"
    return (f"{subject} no time zone in {column!r}; taken as UTC.",)


def _days_only(column: str) -> tuple[str, ...]:
    return (f"{column!r} holds days without a time; taken as midnight UTC.",)
