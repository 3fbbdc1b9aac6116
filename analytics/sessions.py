"""Sittings at the work: which annotations one person made in one go, and the place of each in it.

A sitting ends where its annotator gave no answer for a while. Where times are unknown, or so coarse that many answers of an
annotator have the same one (a date without a time), nothing is known of their order, and nothing is guessed from the order of
rows.
"""

from __future__ import annotations

import polars as pl

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import VOTES

NO_TIMES = "no annotation has a time"
COARSE_TIMES = "times are too coarse to tell the order: many answers of one annotator have the same one"

MAX_SAME_SHARE = 0.2
"""An annotator more of whose answers than this share their time with another one of theirs has no known order."""


def in_sessions(votes: pl.DataFrame, *, gap_minutes: float = 30.0) -> pl.DataFrame:
    """The votes whose place in their sitting is known, in time.

    Args:
        votes: a frame that keeps VOTES, with `at` (a moment; null: unknown), perhaps `order`.
        gap_minutes: so long a pause begins another sitting.

    Returns:
        The same columns, fewer rows, sorted by annotator and time, with session (a number of its own for each annotator),
        position (answers given before it in the sitting) and session_hours (since the sitting began).

    Raises:
        MissingColumn, BadColumn: there is no `at`, or it holds no moments. BadOption: `gap_minutes` is not above 0.
    """
    if not 0 < gap_minutes < float("inf"):
        raise BadOption("gap_minutes", gap_minutes, "a number above 0")
    if "at" not in votes.columns:
        raise MissingColumn(VOTES.name, ["at"], votes.columns)
    kind = votes.get_column("at").dtype
    if votes.height and not isinstance(kind, pl.Datetime) and kind != pl.Null:
        raise BadColumn(VOTES.name, "at", f"has to hold moments; it holds {kind}")
    keys = ["annotator_code", "at", *(["order"] if "order" in votes.columns else []), "item_code"]
    moments = votes.with_columns(pl.col("at").cast(pl.Datetime("us", "UTC") if kind == pl.Null else kind))
    timed = moments.filter(pl.col("at").is_not_null()).sort(keys)
    same = (pl.col("at") == pl.col("at").shift(1)) | (pl.col("at") == pl.col("at").shift(-1))
    shares = timed.group_by("annotator_code").agg(coarse=same.fill_null(False).mean() > MAX_SAME_SHARE)
    coarse = shares.filter(pl.col("coarse")).get_column("annotator_code")
    known = timed.filter(~pl.col("annotator_code").is_in(coarse.implode())) if coarse.len() else timed
    pause = (pl.col("at") - pl.col("at").shift(1)).dt.total_microseconds() > gap_minutes * 60e6
    other = pl.col("annotator_code") != pl.col("annotator_code").shift(1)
    numbered = known.with_columns(is_first=(other | pause).fill_null(True))
    row, first = pl.int_range(pl.len(), dtype=pl.Int64), pl.col("is_first")
    begun = pl.col("at") - pl.when(first).then("at").forward_fill()
    return numbered.with_columns(
        session=first.cast(pl.Int64).cum_sum(),
        position=row - pl.when(first).then(row).forward_fill(),
        session_hours=begun.dt.total_microseconds() / 3.6e9,
    ).drop("is_first")


def why_no_order(votes: pl.DataFrame) -> str:
    """Why none of the votes has a known place: no times at all, or coarse ones."""
    return NO_TIMES if votes.get_column("at").null_count() == votes.height else COARSE_TIMES
