"""Self-consistency: the same annotator, the same item, more than once. Do they give the same label again?

A unit is an (item, annotator) with m >= 2 votes, n_c of them for label c; order within it does not matter:

    share of agreeing pairs = sum_units sum_c n_c (n_c - 1) / sum_units m (m - 1)
    alpha                   = Krippendorff's nominal alpha with units in the place of items

The first is not corrected for chance, the second is. A person's own figures resample their units. The overall ones
are a claim about annotators, so they resample annotators, each with all their units; under MIN_ANNOTATORS there is
no interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.errors import BadOption
from analytics.frames import (
    VOTES,
    FloatArray,
    Patterns,
    count_group_patterns,
    require_labels,
)
from analytics.intervals import (
    Statistic,
    bootstrap_items,
    check_interval_options,
    estimate_over_items,
    percentile_interval,
)
from analytics.krippendorff import alpha_of_patterns, alpha_ratio
from analytics.results import Estimate

MIN_ANNOTATORS = 10
"""Annotators with repeats that an interval about annotators needs."""

MIN_UNITS = 10
"""Items labelled twice that an annotator needs for a figure, where nothing else is said."""

_NO_REPEATS = "no annotator labelled an item twice"
_SCHEMA = {
    "annotator_code": pl.Int64,
    "n": pl.Int64,
    "n_pairs": pl.Int64,
    "consistency": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "alpha": pl.Float64,
    "alpha_low": pl.Float64,
    "alpha_high": pl.Float64,
    "undefined": pl.String,
    "alpha_undefined": pl.String,
}


@dataclass(frozen=True, slots=True)
class SelfConsistency:
    """How often annotators give an item the label that they gave it before.

    Attributes:
        share: over all annotators, share of agreeing pairs; n = pairs.
        alpha: over all annotators, corrected for chance; n = units, (item, annotator) with two votes or more.
        annotators: one row an annotator, sorted: annotator_code, n (units), n_pairs, consistency (share of
            agreeing pairs), low, high, alpha, alpha_low, alpha_high, undefined and alpha_undefined (why there
            is none).
    """

    share: Estimate
    alpha: Estimate
    annotators: pl.DataFrame


def self_consistency(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    min_units: int = MIN_UNITS,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> SelfConsistency:
    """Agreement of annotators with themselves.

    Args:
        votes: one row an annotation (VOTES), repeats and all.
        n_labels: K of the label set.
        min_units: units that an annotator needs; under it their figures are undefined.
        replicates: bootstrap replicates, 0 for no interval.
        seed: of the bootstrap.
        confidence: of the intervals.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract, or has a label code of K or more.
        BadOption: an option is not one of those above.
    """
    check_interval_options(replicates, confidence)
    if isinstance(min_units, bool) or not isinstance(min_units, int) or min_units < 1:
        raise BadOption("min_units", min_units, "a whole number of 1 or more")
    require_labels(votes, VOTES, n_labels)
    annotators = votes.select(pl.col("annotator_code").unique().sort()).to_series()
    repeated = votes.filter(pl.len().over("item_code", "annotator_code") >= 2)
    codes, units = count_group_patterns(repeated, n_labels, "annotator_code")
    options = {"replicates": replicates, "seed": seed}
    rows = [_own(own, min_units, confidence, options) for own in units]
    few = _too_few(min_units)
    table = (
        pl.DataFrame({"annotator_code": codes, **_columns(rows)}, schema=_SCHEMA)
        .join(pl.DataFrame({"annotator_code": annotators.cast(pl.Int64)}), on="annotator_code", how="right")
        .with_columns(
            pl.col("n", "n_pairs").fill_null(0),
            pl.when(pl.col("n").is_null()).then(pl.lit(few)).otherwise("undefined").alias("undefined"),
            pl.when(pl.col("n").is_null())
            .then(pl.lit(few))
            .otherwise("alpha_undefined")
            .alias("alpha_undefined"),
        )
        .select(*_SCHEMA)
        .sort("annotator_code")
    )
    return SelfConsistency(*_overall(units, n_labels, confidence, options), table)


def _too_few(min_units: int) -> str:
    return f"fewer than {min_units} items were labelled twice by this annotator"


def _columns(rows: list[tuple[int, int, Estimate, Estimate]]) -> dict[str, list[object]]:
    shares, alphas = [row[2] for row in rows], [row[3] for row in rows]
    return {
        "n": [row[0] for row in rows],
        "n_pairs": [row[1] for row in rows],
        "consistency": [one.value for one in shares],
        "low": [one.low for one in shares],
        "high": [one.high for one in shares],
        "alpha": [one.value for one in alphas],
        "alpha_low": [one.low for one in alphas],
        "alpha_high": [one.high for one in alphas],
        "undefined": [one.undefined for one in shares],
        "alpha_undefined": [one.undefined for one in alphas],
    }


def _own(
    units: Patterns, min_units: int, confidence: float, options: dict[str, int]
) -> tuple[int, int, Estimate, Estimate]:
    """One annotator's units, pairs, share and alpha."""
    n, n_pairs = int(units.n_items.sum()), int(units.n_items @ _pairs(units)[1])
    if n < min_units:
        none = Estimate.none(_too_few(min_units), n)
        return n, n_pairs, none, none
    share = estimate_over_items(
        units,
        _share(*_pairs(units)),
        n=n,
        unit="share",
        confidence=confidence,
        replicates=options["replicates"],
        seed=options["seed"],
    )
    corrected = alpha_of_patterns(units, level="nominal", points=None, confidence=confidence, **options)
    return n, n_pairs, share, corrected


def _pairs(units: Patterns) -> tuple[FloatArray, FloatArray]:
    """Agreeing pairs, and all pairs, of a unit of each pattern."""
    votes = units.n_votes
    return ((units.counts * units.counts).sum(axis=1) - votes) / 2, votes * (votes - 1) / 2


def _share(agreeing: FloatArray, pairs: FloatArray) -> Statistic:
    def statistic(weights: FloatArray) -> FloatArray:
        return np.asarray((weights @ agreeing) / (weights @ pairs))

    return statistic


def _overall(
    units: list[Patterns], n_labels: int, confidence: float, options: dict[str, int]
) -> tuple[Estimate, Estimate]:
    """Share and alpha over all annotators, the interval by resampling them."""
    if not units:
        none = Estimate.none(_NO_REPEATS, n_unit="pairs")
        return none, Estimate.none(_NO_REPEATS, unit="coefficient", n_unit="units")
    sums = np.array([[float(own.n_items @ part) for part in _sums(own)] for own in units])
    agreeing, pairs, apart = sums.T
    used = np.array([np.asarray(own.n_items @ own.counts) for own in units])
    n_units = sum(int(own.n_items.sum()) for own in units)

    def corrected(weights: FloatArray) -> FloatArray:
        label = weights @ used
        total = label.sum(axis=1)
        return alpha_ratio(total, weights @ apart, total**2 - (label**2).sum(axis=1), label)

    people = Patterns(used, np.ones(len(units), dtype=np.int64))
    value, low, high = _over_annotators(people, _share(agreeing, pairs), confidence, options)
    share = Estimate(value, low, high, int(pairs.sum()), n_unit="pairs")
    if n_units < 2 or np.count_nonzero(used.sum(axis=0)) < 2:
        reason = "only one item was labelled twice" if n_units < 2 else "only one label was used"
        return share, Estimate.none(reason, n_units, unit="coefficient", n_unit="units")
    value, low, high = _over_annotators(people, corrected, confidence, options)
    return share, Estimate(value, low, high, n_units, unit="coefficient", n_unit="units")


def _sums(units: Patterns) -> tuple[FloatArray, FloatArray, FloatArray]:
    agreeing, pairs = _pairs(units)
    return agreeing, pairs, 2 * (pairs - agreeing) / (units.n_votes - 1)


def _over_annotators(
    people: Patterns, statistic: Statistic, confidence: float, options: dict[str, int]
) -> tuple[float, float | None, float | None]:
    """A defined statistic of weights of annotators, and its interval where there are enough of them."""
    value = float(statistic(np.ones((1, people.n_items.size)))[0])
    replicates = options["replicates"] if people.n_items.size >= MIN_ANNOTATORS else 0
    drawn = bootstrap_items(people, statistic, replicates=replicates, seed=options["seed"])
    return value, *(percentile_interval(drawn, confidence) or (None, None))
