"""Items that are hard for people, for the model, for both or for neither.

People's side is `disagreement.human_disagreement`, the model's any figure of its uncertainty (`uncertainty`), out of
sample. A limit on either side makes four quadrants; items with fewer than two votes, or without a figure of the model,
are "cannot tell". The limits are choices and are handed back with the result.

An item that is hard for the model alone may be one that people know by a rule that the model has not seen; one that
is hard for people alone may be a matter of guideline of which the model has learned the majority's side. Neither
says that a label is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.disagreement import PEOPLE_LIMIT, check_disagreement_limit
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import FloatArray
from analytics.intervals import check_interval_options, wilson_bounds

QUADRANTS = ("both", "people", "model", "neither", "cannot tell")
"""Whom an item is hard for."""

_MODEL_COLUMNS = ("item_code", "uncertainty")


@dataclass(frozen=True, slots=True)
class Quadrants:
    """Items by whom they are hard for.

    Attributes:
        items: one row an item, sorted: item_code, disagreement (people's, posterior mean; null under MIN_VOTES),
            uncertainty (the model's; null where there is none), quadrant (one of QUADRANTS).
        counts: one row a quadrant, in the order of QUADRANTS: quadrant, n, share, low, high. Shares and their
            Wilson intervals are of the items that can be told; null for "cannot tell" and where none can.
        people_limit: items are hard for people from this disagreement on.
        model_limit: items are hard for the model from this uncertainty on.
        n_items: items in all.
    """

    items: pl.DataFrame
    counts: pl.DataFrame
    people_limit: float
    model_limit: float
    n_items: int


def quadrants(
    people: pl.DataFrame,
    model: pl.DataFrame,
    *,
    model_limit: float,
    people_limit: float = PEOPLE_LIMIT,
    confidence: float = 0.95,
) -> Quadrants:
    """Each item by whom it is hard for.

    Args:
        people: `human_disagreement`, or any frame of item_code and disagreement (null where it cannot be told).
        model: item_code and uncertainty (any figure that is higher where the model is less sure), an item a row.
        model_limit: an item is hard for the model from this uncertainty on; `upper_limit` finds one for a share.
        people_limit: an item is hard for people from this disagreement on.
        confidence: of the intervals of the shares, each by itself.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
    """
    check_interval_options(0, confidence)
    check_disagreement_limit("people_limit", people_limit)
    if not np.isfinite(model_limit):
        raise BadOption("model_limit", model_limit, "finite")
    sides = _one_row_each("people", people, ("item_code", "disagreement"))
    other = _one_row_each("model", model, _MODEL_COLUMNS)
    joined = sides.join(other, on="item_code", how="full", coalesce=True).sort("item_code")
    hard_people, hard_model = pl.col("disagreement") >= people_limit, pl.col("uncertainty") >= model_limit
    unknown = pl.col("disagreement").is_null() | pl.col("uncertainty").is_null()
    items = joined.with_columns(
        quadrant=pl.when(unknown)
        .then(pl.lit("cannot tell"))
        .when(hard_people & hard_model)
        .then(pl.lit("both"))
        .when(hard_people)
        .then(pl.lit("people"))
        .when(hard_model)
        .then(pl.lit("model"))
        .otherwise(pl.lit("neither"))
    )
    return Quadrants(items, _counted(items, confidence), people_limit, model_limit, items.height)


def upper_limit(values: FloatArray, *, share: float = 0.2) -> float | None:
    """The least value that at most `share` of the values reach; None where more than that share the largest one.

    >>> upper_limit(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), share=0.4)
    0.4
    >>> upper_limit(np.array([0.0, 0.0, 0.0, 0.9]), share=0.5)
    0.9

    Raises:
        BadOption: a share that is not between 0 and 1, or values that are not finite.
    """
    if not 0 < share < 1:
        raise BadOption("share", share, "between 0 and 1")
    if not np.isfinite(values).all():
        raise BadOption("values", "an entry", "finite")
    distinct, n = np.unique(values, return_counts=True)
    reach = np.cumsum(n[::-1])[::-1]
    within = distinct[reach <= share * len(values) * (1 + 1e-12)]
    return float(within[0]) if len(within) else None


def _counted(items: pl.DataFrame, confidence: float) -> pl.DataFrame:
    n_of = dict(items.get_column("quadrant").value_counts().iter_rows())
    n = np.array([n_of.get(name, 0) for name in QUADRANTS], dtype=np.int64)
    known = int(n[:-1].sum())
    shares = pl.DataFrame({"quadrant": QUADRANTS, "n": n})
    if not known:
        return shares.with_columns(
            pl.lit(None, dtype=pl.Float64).alias(name) for name in ("share", "low", "high")
        )
    low, high = wilson_bounds(np.append(n[:-1], 0), np.full(len(n), known), confidence=confidence)
    told = pl.col("quadrant") != QUADRANTS[-1]
    figures = shares.with_columns(share=pl.col("n") / known, low=pl.Series(low), high=pl.Series(high))
    return figures.with_columns(pl.when(told).then(pl.col("share", "low", "high")))


def _one_row_each(name: str, frame: pl.DataFrame, columns: tuple[str, str]) -> pl.DataFrame:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise MissingColumn(name, missing, frame.columns)
    kept = frame.select(pl.col("item_code").cast(pl.Int64), pl.col(columns[1]).cast(pl.Float64))
    if kept.get_column("item_code").null_count() or kept.get_column("item_code").is_duplicated().any():
        raise BadColumn(name, "item_code", "has to name each item once")
    if not kept.get_column(columns[1]).drop_nulls().is_finite().all():
        raise BadColumn(name, columns[1], "has to be finite, or null where it is not known")
    return kept
