"""Agreement for each group of votes: an item's attribute, a batch, a window of time, or one label at a time.

A group's figure is exactly that of `krippendorff.alpha` or `agreement.percent_agreement` for the votes of the group
alone, its interval a bootstrap of the items inside the group. Intervals are not adjusted for the number of groups,
and all groups draw from the same seed: to compare two groups, overlap of their intervals is not a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.agreement import label_agreement, percent_of_patterns, percent_statistic, too_few
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import (
    VOTES,
    FloatArray,
    Patterns,
    Repeats,
    count_group_patterns,
    count_patterns,
    keep_repeats,
    require_labels,
)
from analytics.intervals import (
    Statistic,
    bootstrap_items,
    check_interval_options,
    estimates_over_items,
    percentile_interval,
)
from analytics.krippendorff import Level, alpha_of_patterns, label_points, nominal_statistic
from analytics.results import Estimate

Figure = Literal["alpha", "percent"]

MIN_ITEMS = 10
"""Items with two votes or more that a group needs, where nothing else is said."""

_SCHEMA = {
    "group_code": pl.Int64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "undefined": pl.String,
}


def agreement_by_group(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    by: str = "group_code",
    figure: Figure = "alpha",
    level: Level = "nominal",
    values: Sequence[float] | None = None,
    repeats: Repeats = "count",
    min_items: int = MIN_ITEMS,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Krippendorff's alpha, or percent agreement, for each group of votes.

    An item whose votes lie in several groups counts in each, with the votes it has there.

    Args:
        votes: one row an annotation (VOTES), with a column of group codes.
        n_labels: K of the label set.
        by: the column with the group of each vote: an attribute's value, a batch, a window (see
            `with_windows`).
        figure: "alpha" (Krippendorff's) or "percent" (percent agreement).
        level: how far two labels differ, and `values` what they stand for: as `krippendorff.alpha`; for alpha.
        values: see `level`.
        repeats: as `krippendorff.alpha`.
        min_items: items with two votes or more that a group needs; under it the figure is undefined.
        replicates: of the bootstrap, like `seed` and `confidence`, as `krippendorff.alpha`.
        seed: see `replicates`.
        confidence: see `replicates`.

    Returns:
        One row a group, sorted: group_code, value, low, high, n (items with two votes or more), undefined.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract, or its groups are not codes.
        BadOption: an option is not one of those above.
    """
    return figures_by_group(
        votes,
        n_labels=n_labels,
        by=by,
        figures=(figure,),
        level=level,
        values=values,
        repeats=repeats,
        min_items=min_items,
        replicates=replicates,
        seed=seed,
        confidence=confidence,
    ).drop("figure")


def figures_by_group(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    by: str = "group_code",
    figures: Sequence[Figure] = ("alpha", "percent"),
    level: Level = "nominal",
    values: Sequence[float] | None = None,
    repeats: Repeats = "count",
    min_items: int = MIN_ITEMS,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Several figures for each group of votes, which are counted once; options and errors as `agreement_by_group`.

    Returns:
        One row a figure and group, in the order of `figures`: figure, then the columns of `agreement_by_group`.
    """
    _check(votes, n_labels, figures, min_items, replicates, confidence)
    _require_codes(votes, by)
    points = label_points(level, n_labels, values)
    groups, counted = count_group_patterns(keep_repeats(votes, repeats), n_labels, by)
    options = {"replicates": replicates, "seed": seed}

    def estimate(figure: Figure, patterns: Patterns) -> Estimate:
        n = int(patterns.n_items[patterns.n_votes >= 2].sum())
        if 2 <= n < min_items:
            return Estimate.none(_under(min_items), n)
        if figure == "percent":
            return percent_of_patterns(patterns, confidence=confidence, **options)
        return alpha_of_patterns(patterns, level=level, points=points, confidence=confidence, **options)

    def both(patterns: Patterns) -> dict[Figure, Estimate]:
        """All that is asked for; where alpha is nominal the items are drawn once for both figures."""
        paired = patterns.with_votes(2)
        n = int(paired.n_items.sum())
        alpha = (
            nominal_statistic(paired) if level == "nominal" and len(figures) == 2 and n >= min_items else ""
        )
        if isinstance(alpha, str):
            return {figure: estimate(figure, patterns) for figure in figures}
        found = estimates_over_items(
            paired,
            (alpha, percent_statistic(paired)),
            n=n,
            units=("coefficient", "share"),
            confidence=confidence,
            **options,
        )
        return {"alpha": found[0], "percent": found[1]}

    every = [both(patterns) for patterns in counted]
    frames = []
    for figure in figures:
        found = [one[figure] for one in every]
        columns = ("value", "low", "high", "n", "undefined")
        table = {name: [getattr(one, name) for one in found] for name in columns}
        frame = pl.DataFrame({"group_code": groups, **table}, schema=_SCHEMA)
        frames.append(frame.select(pl.lit(figure).alias("figure"), *_SCHEMA))
    return pl.concat(frames)


def agreement_by_label(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    figure: Figure = "alpha",
    repeats: Repeats = "count",
    min_items: int = MIN_ITEMS,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """For each label: agreement on whether it is this label or another (one against the rest).

    "alpha" is the alpha of `agreement.label_agreement`; "percent" the chance that two votes on the same item agree on
    it, which is high for every rare label. Options as `agreement_by_group`.

    Returns:
        One row a label of the set, used or not, sorted: group_code (the label), value, low, high, n (items with two
        votes or more, one of them for the label: `min_items` is asked of these), undefined.
    """
    _check(votes, n_labels, (figure,), min_items, replicates, confidence)
    kept = keep_repeats(votes, repeats)
    paired = count_patterns(kept, n_labels).with_votes(2)
    n = np.asarray(paired.n_items @ (paired.counts > 0), dtype=np.int64)
    if figure == "alpha":
        frame = label_agreement(
            kept, n_labels=n_labels, replicates=replicates, seed=seed, confidence=confidence
        ).select("low", "high", "undefined", value="alpha")
    else:
        frame = _percent_by_label(paired, replicates, seed, confidence)
    rare = f"fewer than {min_items} items with two annotations have this label"
    few = pl.col("undefined").is_null() & (pl.col("n") < min_items)
    return (
        frame.with_columns(group_code=np.arange(n_labels), n=n)
        .with_columns(undefined=pl.when(few).then(pl.lit(rare)).otherwise("undefined"))
        .with_columns(pl.when(pl.col("undefined").is_null()).then(pl.col("value", "low", "high")))
        .select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())
    )


def with_windows(votes: pl.DataFrame, *, size: int) -> pl.DataFrame:
    """Adds `window_code`: tumbling windows of `size` places of the column `order`.

    An item belongs to the window of its last vote, with all its votes: when that one came, its agreement was known.

    Args:
        votes: one row an annotation (VOTES), with `order`, integers of 0 or more.
        size: how many places a window spans; window w holds the places [w size, (w + 1) size).

    Raises:
        MissingColumn, BadColumn: no `order`, or not one of integers of 0 or more.
        BadOption: `size` is not a whole number of 1 or more.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise BadOption("size", size, "a whole number of 1 or more")
    _require_codes(votes, "order")
    return votes.with_columns(window_code=pl.col("order").max().over("item_code").cast(pl.Int64) // size)


def _check(
    votes: pl.DataFrame,
    n_labels: int,
    figures: Sequence[Figure],
    min_items: int,
    replicates: int,
    confidence: float,
) -> None:
    check_interval_options(replicates, confidence)
    for figure in figures:
        if figure not in get_args(Figure):
            raise BadOption("figure", figure, get_args(Figure))
    if isinstance(min_items, bool) or not isinstance(min_items, int) or min_items < 2:
        raise BadOption("min_items", min_items, "a whole number of 2 or more")
    require_labels(votes, VOTES, n_labels)


def _require_codes(votes: pl.DataFrame, column: str) -> None:
    if column not in votes.columns:
        raise MissingColumn(VOTES.name, [column], votes.columns)
    if votes.is_empty():
        return
    codes = votes.get_column(column)
    if not codes.dtype.is_integer() or codes.null_count():
        raise BadColumn(VOTES.name, column, "has to hold integers without nulls")
    if (codes < 0).any():
        raise BadColumn(VOTES.name, column, "has a code under 0; codes are 0 or more")


def _under(min_items: int) -> str:
    return f"fewer than {min_items} items have two annotations or more"


def _percent_by_label(paired: Patterns, replicates: int, seed: int, confidence: float) -> pl.DataFrame:
    n_labels, n = paired.counts.shape[1], int(paired.n_items.sum())
    undefined = np.full(n_labels, too_few(n)) if n < 2 else _unused(paired)
    statistic = _agree_on_each(paired)
    point = statistic(paired.n_items[None, :].astype(np.float64))[0] if n else np.full(n_labels, np.nan)
    drawn = bootstrap_items(paired, statistic, replicates=replicates, seed=seed) if n else np.zeros(0)
    ends = [percentile_interval(column, confidence) for column in drawn.T] if drawn.size else []
    low, high = zip(*((end or (None, None)) for end in ends or [None] * n_labels), strict=True)
    frame = pl.DataFrame({"value": point, "low": low, "high": high, "undefined": undefined})
    return frame.with_columns(undefined=pl.when(pl.col("undefined") != "").then("undefined")).with_columns(
        pl.when(pl.col("undefined").is_null()).then(pl.col("value", "low", "high").cast(pl.Float64))
    )


def _unused(paired: Patterns) -> NDArray[np.str_]:
    used = np.asarray(paired.n_items @ paired.counts)
    return np.where(used == 0, "no item with two annotations has this label", "")


def _agree_on_each(paired: Patterns) -> Statistic:
    """Percent agreement of each label against the rest: weights (R, P) -> (R, K)."""
    votes = paired.n_votes
    squares = Patterns(paired.counts * paired.counts, paired.n_items)
    # Of m votes n are for the label: 2 n (m - n) of the m (m - 1) ordered pairs disagree on it.
    apart = paired.rows_times(2 / (votes - 1)) - squares.rows_times(2 / (votes * (votes - 1)))

    def statistic(weights: FloatArray) -> FloatArray:
        return np.asarray(1.0 - (weights @ apart) / weights.sum(axis=1)[:, None])

    return statistic
