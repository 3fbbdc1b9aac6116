"""Columns that say whether a model's suggestion stood before the annotator, and which: what a file asserts, nobody observed it."""

from __future__ import annotations

import polars as pl

from data.importers.parsed import SUGGESTIONS
from data.importers.values import Cleaned, as_text, known, quoted

SHOWN = ("true", "yes", "y", "t", "1", "1.0", "shown", "visible")
HIDDEN = ("false", "no", "n", "f", "0", "0.0", "hidden", "not shown")


def clean_shown(values: pl.Series, column: str) -> Cleaned:
    """Whether a suggestion was shown, as true or false; blank, NaN and "n/a" are unknown (null).

    Raises:
        ImportRejected: the column holds bytes, lists or records.
    """
    text = known(as_text(values, column)).str.to_lowercase()
    frame = pl.DataFrame({"v": text})
    told = frame.select(
        shown=pl.when(pl.col("v").is_in(SHOWN)).then(True).when(pl.col("v").is_in(HIDDEN)).then(False),
        bad=pl.when(pl.col("v").is_not_null() & ~pl.col("v").is_in([*SHOWN, *HIDDEN])).then(
            quoted("v", f"{column} is neither yes nor no")
        ),
    )
    return Cleaned(told["shown"], told["bad"], ())


def told_of(
    suggestion: pl.Series, shown: Cleaned | None, column: str
) -> tuple[pl.Series, pl.Series, tuple[str, ...]]:
    """Whether each row's suggestion was shown, an objection where that is not said, and what was assumed.

    Without a column that says so every suggestion was shown, which is the worst that it can have been.
    """
    has = suggestion.is_not_null()
    nothing = pl.Series("bad", [None], dtype=pl.String).new_from_index(0, len(suggestion))
    if shown is None:
        note = f"Nothing says whether the suggestions in {column!r} were shown: all were taken as shown."
        seen = pl.DataFrame({"has": has}).select(s=pl.when(pl.col("has")).then(True))["s"]
        return seen, nothing, (note,) if has.any() else ()
    frame = pl.DataFrame({"has": has, "shown": shown.values, "bad": shown.bad, "v": suggestion})
    unsaid = pl.col("has") & pl.col("shown").is_null() & pl.col("bad").is_null()
    bad = frame.select(
        bad=pl.when(unsaid).then(quoted("v", "it is not said whether the suggestion was shown"))
    )
    return shown.values, bad["bad"], ()


def suggestions(good: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """SUGGESTIONS of good rows (row, suggestion, is_shown), and what they say together."""
    told = good.filter(pl.col("is_shown").is_not_null()).select("row", "suggestion", "is_shown")
    told = told.cast(SUGGESTIONS)
    n_shown, n = int(told["is_shown"].sum()), told.height
    if not n:
        return told, ()
    said = f"The file says that a suggestion was shown for {n_shown:,} annotations, which are not independent"
    return told, (f"{said}, and hidden for {n - n_shown:,}.",)
