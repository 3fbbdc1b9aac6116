"""Why a row of probabilities cannot be taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from data.importers.parsed import REJECTED, ImportOptions
from data.importers.probability_columns import ProbabilityColumns
from data.importers.values import quoted

SUM_WITHIN = 1e-3
"""How far from 1 the probabilities of an item may sum."""

# What arithmetic in single precision leaves outside [0, 1] is taken as 0 or 1.
_HAIR = 1e-6
_PROBLEMS = ("no_item", "no_member", "problem")


def judge(
    frame: pl.DataFrame, columns: ProbabilityColumns, labels: Sequence[str], options: ImportOptions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that can be taken, and the others as REJECTED.

    Args:
        frame: row; n0, n1, … (a number a label, null where there is none); where there are such columns also t0, t1, … (what
            was written), `length` (of the list), `member`, and no_item, no_member, problem (what is known to be wrong).
        columns: where the numbers came from.
        labels: the label set in its order.
        options: whether the numbers are logits, and the labels sets.
    """
    doubtful = frame.select(~_fine(frame, labels, options)).to_series().fill_null(value=True).to_numpy()
    # Sentences are made for the few rows that need one: over ten million they would take all the memory.
    reasons = frame.filter(doubtful).select("row", reason=_reason(frame, columns, labels, options))
    bad = reasons["reason"].is_not_null()
    if not bad.any():
        return frame, pl.DataFrame(schema=REJECTED)
    taken = np.ones(len(frame), dtype=bool)
    taken[np.flatnonzero(doubtful)[bad.to_numpy()]] = False
    return frame.filter(taken), reasons.filter(bad).cast(REJECTED)


def _fine(frame: pl.DataFrame, labels: Sequence[str], options: ImportOptions) -> pl.Expr:
    """True where nothing is wrong; null or false where something may be."""
    numbers = [f"n{place}" for place in range(len(labels))]
    checks = [pl.col(name).is_null() for name in _PROBLEMS if name in frame.columns]
    if "length" in frame.columns:
        checks.append(pl.col("length") == len(labels))
    checks += [_inside(name, logits=options.logits) for name in numbers]
    if not (options.sets or options.logits):
        checks.append((pl.sum_horizontal(numbers) - 1).abs() <= SUM_WITHIN)
    return pl.all_horizontal(checks)


def _inside(name: str, *, logits: bool) -> pl.Expr:
    return pl.col(name).is_finite() if logits else pl.col(name).is_between(-_HAIR, 1 + _HAIR)


def _reason(
    frame: pl.DataFrame, columns: ProbabilityColumns, labels: Sequence[str], options: ImportOptions
) -> pl.Expr:
    """Why a row cannot be taken; null where it can."""
    known = [pl.col(name) for name in _PROBLEMS if name in frame.columns]
    found: list[pl.Expr] = []
    if "length" in frame.columns:
        found += [
            pl.when(pl.col("length").is_null()).then(pl.lit(f"{columns.list} is empty")),
            pl.when(pl.col("length") != len(labels)).then(
                pl.format(
                    "{} holds {} probabilities, not the {} of the label set",
                    pl.lit(columns.list), pl.col("length"), pl.lit(len(labels)),
                )
            ),
        ]  # fmt: skip
    for place, label in enumerate(labels):
        found += _number_reasons(place, label, columns, frame.columns, logits=options.logits)
    if not (options.sets or options.logits):
        total = pl.sum_horizontal(f"n{place}" for place in range(len(labels)))
        found.append(
            pl.when((total - 1).abs() > SUM_WITHIN).then(
                pl.format("the probabilities sum to {}, not to 1", total.round(4))
            )
        )
    if columns.member is None and "member" in frame.columns:
        # One row holds several members here, so its number does not say which.
        found = [pl.format("member '{}': {}", "member", pl.coalesce(found))]
    return pl.coalesce(*known, *found)


def _number_reasons(
    place: int, label: str, columns: ProbabilityColumns, held: Sequence[str], *, logits: bool
) -> list[pl.Expr]:
    """What can be wrong with one label's number; `held` are the frame's columns."""
    number, text = pl.col(f"n{place}"), f"t{place}"
    where = columns.labels[place] if columns.list is None else f"{columns.list}, number {place + 1}"
    nothing = "not a number" if columns.list is not None else "empty"
    none = pl.lit(f"no probability of {label!r} ({where} is {nothing})")
    if text in held:
        empty = pl.col(text).str.strip_chars().fill_null("") == ""
        none = pl.when(empty).then(none).otherwise(quoted(text, f"{where} is not a number"))
    outside = (
        pl.lit(f"{where} is not finite")
        if logits
        else pl.format("{} is {}, which is not within 0 and 1", pl.lit(where), number)
    )
    return [pl.when(number.is_null()).then(none), pl.when(~_inside(f"n{place}", logits=logits)).then(outside)]
