"""Learning and fatigue: does an annotator agree with the others more, or less, as they go on?

An annotator's votes are taken in their order and cut into windows of equal size; each window's agreement is with the
label that most of the *others* gave (`consensus.leave_one_out_majority`). Counted from the first vote the curve shows
learning; counted anew from the start of each session it shows fatigue.

The trend is the Cochran-Armitage test over windows x_w with h_w of n_w votes in agreement, p = sum h / sum n, its
variance that of all orders of the same votes (permutation):

    T = sum_w (x_w - mean x) h_w      variance = p (1 - p) sum_w n_w (x_w - mean x)^2  x  n / (n - 1)      z = T / sd

The others' mood may drift too: a trend of one annotator is read beside that of everybody.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.special import ndtr

from analytics.annotator_behaviour import in_order
from analytics.consensus import leave_one_out_majority
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import VOTES, one_vote_each, require_labels
from analytics.intervals import benjamini_hochberg, wilson_bounds


def agreement_curves(
    votes: pl.DataFrame, *, n_labels: int, size: int = 50, session: str | None = None
) -> pl.DataFrame:
    """Agreement with the others in windows of each annotator's own votes, in their order.

    Args:
        votes: a frame that keeps VOTES, with `order`. Of repeats the first counts.
        n_labels: K of the label set.
        size: votes that a window spans, compared or not.
        session: a column of integers; votes are counted anew in each session of an annotator (fatigue). By default
            they are counted from the annotator's first (learning).

    Returns:
        One row an (annotator, window), sorted: annotator_code, window (0, 1, ...), n (votes), n_compared (those
        where the others have one top label), agreement, low, high (Wilson, 95 %), undefined.

    Raises:
        MissingColumn, BadColumn: as `require_labels`; for an `order` that is missing or does not order an annotator's
            votes; for a `session` that is missing or has no codes.
        BadOption: `size` is not a whole number of 1 or more.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise BadOption("size", size, "a whole number of 1 or more")
    require_labels(votes, VOTES, n_labels)
    _require_session(votes, session)
    single = in_order(one_vote_each(votes, "first"))
    others = leave_one_out_majority(single, n_labels=n_labels)
    keys = ["annotator_code"] if session is None else ["annotator_code", session]
    counted = (
        single.with_columns(window=pl.int_range(pl.len()).over(keys) // size)
        .join(others.drop("label_code"), on=["item_code", "annotator_code"])
        .group_by("annotator_code", "window")
        .agg(
            n=pl.len().cast(pl.Int64),
            n_compared=pl.col("label_others").count().cast(pl.Int64),
            hits=(pl.col("label_code") == pl.col("label_others")).sum().cast(pl.Int64),
        )
        .sort("annotator_code", "window")
    )
    low, high = wilson_bounds(
        counted.get_column("hits").to_numpy(), counted.get_column("n_compared").to_numpy()
    )
    some = pl.col("n_compared") > 0
    return counted.select(
        "annotator_code",
        "window",
        "n",
        "n_compared",
        agreement=pl.when(some).then(pl.col("hits") / pl.col("n_compared")),
        low=pl.when(some).then(pl.Series(low, dtype=pl.Float64)),
        high=pl.when(some).then(pl.Series(high, dtype=pl.Float64)),
        undefined=pl.when(~some).then(pl.lit("nobody else labelled these items, or the others are tied")),
    )


def curve_trends(curves: pl.DataFrame, *, min_n: int = 100) -> pl.DataFrame:
    """Whether each annotator's agreement rises or falls over their windows.

    Args:
        curves: what `agreement_curves` gave.
        min_n: compared votes that an annotator needs to be tested.

    Returns:
        One row an annotator, sorted: annotator_code, n_compared, n_windows (with a compared vote), slope (change of
        agreement a window, least squares over votes), z, p_value (two-sided), p_adjusted (Benjamini and Hochberg
        over all that are tested), undefined (why it is not tested).

    Raises:
        MissingColumn: `curves` lacks a column of `agreement_curves`.
        BadOption: `min_n` is not a whole number of 2 or more.
    """
    if isinstance(min_n, bool) or not isinstance(min_n, int) or min_n < 2:
        raise BadOption("min_n", min_n, "a whole number of 2 or more")
    needed = ("annotator_code", "window", "n_compared", "agreement")
    missing = [name for name in needed if name not in curves.columns]
    if missing:
        raise MissingColumn("curves", missing, curves.columns)
    n, x = pl.col("n_compared"), pl.col("window")
    hits = (pl.col("agreement").fill_null(0) * n).round()
    sums = (
        curves.group_by("annotator_code")
        .agg(
            n.sum(),
            n_windows=(n > 0).sum().cast(pl.Int64),
            h=hits.sum(),
            nx=(n * x).sum(),
            nxx=(n * x * x).sum(),
            hx=(hits * x).sum(),
        )
        .sort("annotator_code")
    )
    total, share = pl.col("n_compared"), pl.col("h") / pl.col("n_compared")
    tested = sums.with_columns(
        top=pl.col("hx") - share * pl.col("nx"), spread=pl.col("nxx") - pl.col("nx") ** 2 / total
    ).with_columns(
        slope=pl.col("top") / pl.col("spread"),
        z=pl.col("top") / (share * (1 - share) * pl.col("spread") * total / (total - 1)).sqrt(),
        undefined=pl.when(total < min_n)
        .then(pl.lit(f"fewer than {min_n} annotations to compare"))
        .when(pl.col("n_windows") < 2)
        .then(pl.lit("there is only one window"))
        .when((pl.col("h") == 0) | (pl.col("h") == total))
        .then(pl.lit("the agreement is the same in every window: always or never")),
    )
    return _with_p_values(tested)


def _with_p_values(tested: pl.DataFrame) -> pl.DataFrame:
    known = tested.get_column("undefined").is_null()
    p_values = 2 * ndtr(-np.abs(tested.get_column("z").to_numpy()))
    adjusted = p_values.copy()
    adjusted[known.to_numpy()] = benjamini_hochberg(p_values[known.to_numpy()])
    return tested.select(
        "annotator_code",
        "n_compared",
        "n_windows",
        pl.when(known).then(pl.col("slope", "z")),
        pl.when(known).then(pl.Series(p_values, dtype=pl.Float64)).alias("p_value"),
        pl.when(known).then(pl.Series(adjusted, dtype=pl.Float64)).alias("p_adjusted"),
        "undefined",
    )


def _require_session(votes: pl.DataFrame, session: str | None) -> None:
    if session is None:
        return
    if session not in votes.columns:
        raise MissingColumn(VOTES.name, [session], votes.columns)
    codes = votes.get_column(session)
    if votes.height and (not codes.dtype.is_integer() or codes.null_count()):
        raise BadColumn(VOTES.name, session, "has to hold integers without nulls")
