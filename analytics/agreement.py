"""Agreement among annotators: shares, chance-corrected coefficients, and which labels are mixed up.

With n_uc votes for label c on item u and m_u = sum_c n_uc:

    agreement on an item   p_u = sum_c n_uc (n_uc - 1) / (m_u (m_u - 1)),  defined for m_u >= 2
    percent agreement      p_a = mean of p_u over items with m_u >= 2
    label shares           pi_c = mean of n_uc / m_u over all items with m_u >= 1
    Fleiss' kappa          (p_a - p_e) / (1 - p_e),  p_e = sum_c pi_c^2
    Gwet's AC1             (p_a - p_e) / (1 - p_e),  p_e = sum_c pi_c (1 - pi_c) / (K - 1)

Where every item has the same number of votes, Fleiss' kappa is the one of Fleiss (1971); for unequal numbers
it is the generalisation of Gwet (2014, Handbook of Inter-Rater Reliability, 4th edition, ch. 2). AC1 is
Gwet's (2008), generalised in the same way, with K the labels of the label set and not those that happen to
be used.

These depend on the label counts alone, so their intervals resample items through patterns (see
`frames.Patterns`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from analytics.frames import (
    VOTES,
    FloatArray,
    Patterns,
    Repeats,
    count_patterns,
    keep_repeats,
    require_labels,
)
from analytics.intervals import (
    Statistic,
    bootstrap_items,
    check_interval_options,
    estimate_over_items,
    percentile_interval,
)
from analytics.pairwise import pairwise_kappa
from analytics.results import Estimate

__all__ = [
    "fleiss_kappa",
    "gwet_ac1",
    "label_agreement",
    "label_confusion",
    "pairwise_kappa",
    "percent_agreement",
]

ONE_LABEL = "only one label was used"


def percent_agreement(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    repeats: Repeats = "count",
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """The chance that two votes on the same item agree: p_a, the mean over items with two votes or more.

    Not corrected for chance. The interval is a percentile bootstrap over those items, left out where every
    one of them has the same agreement.

    Args:
        votes: one row an annotation (VOTES).
        n_labels: K of the label set.
        repeats: "count" takes every annotation as a vote; "first" and "last" one an (item, annotator), by
            `order`.
        replicates: bootstrap replicates, 0 for no interval.
        seed: of the bootstrap.
        confidence: of the interval.

    Returns:
        An Estimate in [0, 1], unit "share", n = items with two votes or more; undefined with fewer than two.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract, or has a label code of K or more.
        BadOption: an option is not one of those above.
    """
    patterns = _patterns(votes, n_labels, repeats, replicates, confidence)
    return percent_of_patterns(patterns, replicates=replicates, seed=seed, confidence=confidence)


def percent_of_patterns(patterns: Patterns, *, replicates: int, seed: int, confidence: float) -> Estimate:
    """`percent_agreement` of items that are counted already."""
    n = _n_pairable(patterns)
    if n < 2:
        return Estimate.none(too_few(n), n)
    paired = patterns.with_votes(2)
    return estimate_over_items(
        paired, _percent(paired), n=n, unit="share", replicates=replicates, seed=seed, confidence=confidence
    )


def percent_statistic(patterns: Patterns) -> Statistic:
    """Percent agreement as a function of pattern weights."""
    return _percent(patterns)


def fleiss_kappa(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    repeats: Repeats = "count",
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Fleiss' kappa (1971), for unequal numbers of votes in the generalisation of Gwet (2014).

    The agreement comes from items with two votes or more, the label shares from all items. Undefined where
    only one label was used. Arguments, errors and interval as `percent_agreement`, all items being resampled.

    Returns:
        An Estimate in [-1, 1], unit "coefficient", n = items with two votes or more.
    """
    patterns = _patterns(votes, n_labels, repeats, replicates, confidence)
    return _corrected(patterns, _fleiss_chance, replicates, seed, confidence)


def gwet_ac1(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    repeats: Repeats = "count",
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Gwet's AC1 (2008), with identity weights and the K of the label set, used or not.

    1 where every vote is for one label. Undefined for a label set of one label. Arguments, errors and
    interval as `percent_agreement`, all items being resampled.

    Returns:
        An Estimate in [-1, 1], unit "coefficient", n = items with two votes or more.
    """
    patterns = _patterns(votes, n_labels, repeats, replicates, confidence)
    if n_labels < 2:
        return Estimate.none("the label set has only one label", _n_pairable(patterns), unit="coefficient")

    def chance(shares: FloatArray) -> FloatArray:
        return np.asarray((shares * (1 - shares)).sum(axis=1) / (n_labels - 1))

    return _corrected(patterns, chance, replicates, seed, confidence)


def label_agreement(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    repeats: Repeats = "count",
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """For each label of the set: how well annotators agree on when to use it.

    `agreement` is the specific agreement of the label, generalised to many annotators (Cicchetti & Feinstein
    1990; Uebersax 1982): sum_u n_uc (n_uc - 1) / sum_u n_uc (m_u - 1), the chance that another vote on the
    item is for c, given that one is. `alpha` is Krippendorff's nominal alpha of this label against the rest,
    and `low`, `high` are ITS percentile bootstrap interval over items with two votes or more. The K
    intervals are not adjusted for each other; the same resampled items serve all labels. Arguments and
    errors as `percent_agreement`.

    Returns:
        K rows by label_code: n_items (items with a vote for it), n_votes (votes for it), agreement, alpha,
        low, high, undefined (why alpha is null, else null).
    """
    patterns = _patterns(votes, n_labels, repeats, replicates, confidence)
    paired = patterns.with_votes(2)
    drawn = bootstrap_items(paired, _one_against_rest(paired), replicates=replicates, seed=seed)
    point = _one_against_rest(paired)(paired.n_items[None, :].astype(np.float64))[0]
    intervals = (
        [percentile_interval(column, confidence) or (None, None) for column in drawn.T] if drawn.size else []
    )
    n = _n_pairable(patterns)
    used = patterns.n_items @ patterns.counts
    together = paired.n_items @ (paired.counts * paired.counts) - paired.n_items @ paired.counts
    possible = (paired.n_items * (paired.n_votes - 1)) @ paired.counts
    frame = pl.DataFrame(
        {
            "label_code": np.arange(n_labels),
            "n_items": np.asarray(patterns.n_items @ (patterns.counts > 0), dtype=np.int64),
            "n_votes": np.asarray(used, dtype=np.int64),
            "agreement": _ratio(together, possible),
            "alpha": np.full(n_labels, np.nan) if n < 2 else point,
            "low": pl.Series([low for low, _ in intervals] or [None] * n_labels, dtype=pl.Float64),
            "high": pl.Series([high for _, high in intervals] or [None] * n_labels, dtype=pl.Float64),
            "undefined": [_why_no_alpha(n_votes, used.sum(), n) for n_votes in used],
        }
    )
    known = pl.col("alpha").is_not_null()
    return frame.with_columns(pl.col("agreement", "alpha").fill_nan(None)).with_columns(
        low=pl.when(known).then("low"),
        high=pl.when(known).then("high"),
        undefined=pl.when(~known).then("undefined"),
    )


def label_confusion(votes: pl.DataFrame, *, n_labels: int, repeats: Repeats = "count") -> pl.DataFrame:
    """Which two labels are confused: pairs of votes on the same item that disagree, by their two labels.

    Every pair of votes counts once, so an item with many votes weighs more. Arguments and errors as
    `percent_agreement`.

    Returns:
        label_a < label_b, pairs (of votes, more than 0), share (of all pairs that disagree), by (label_a,
        label_b).
    """
    patterns = _patterns(votes, n_labels, repeats, 0, 0.95)
    counts = patterns.counts
    met = counts.T @ patterns.rows_times(patterns.n_items)
    a, b = met.nonzero()
    n_pairs = np.asarray(met[a, b]).ravel()
    above = a < b
    frame = pl.DataFrame(
        {
            "label_a": a[above].astype(np.int64),
            "label_b": b[above].astype(np.int64),
            "pairs": n_pairs[above].astype(np.int64),
        }
    )
    return frame.with_columns(share=pl.col("pairs") / pl.col("pairs").sum()).sort("label_a", "label_b")


def too_few(n: int) -> str:
    """Why `n` items with two annotations or more, 0 or 1, say nothing."""
    return "no item has two annotations" if n == 0 else "only one item has two annotations or more"


def _patterns(
    votes: pl.DataFrame, n_labels: int, repeats: Repeats, replicates: int, confidence: float
) -> Patterns:
    check_interval_options(replicates, confidence)
    require_labels(votes, VOTES, n_labels)
    return count_patterns(keep_repeats(votes, repeats), n_labels)


def _n_pairable(patterns: Patterns) -> int:
    return int(patterns.n_items[patterns.n_votes >= 2].sum())


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """The ratio of two arrays, NaN where there is nothing below."""
    return np.asarray(np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0))


def _why_no_alpha(label_votes: float, all_votes: float, n: int) -> str:
    """Why one label against the rest has no alpha, supposing that it has none."""
    if label_votes == 0:
        return "no annotation used this label"
    if n < 2:
        return too_few(n)
    if label_votes == all_votes:
        return "every annotation used this label"
    return "the items with two annotations do not use both this label and another"


def _percent(patterns: Patterns) -> Statistic:
    """p_a of weighted patterns: (R, P) -> (R,)."""
    votes = patterns.n_votes
    paired = (votes >= 2).astype(np.float64)
    pairs = votes * (votes - 1)
    agreeing = (patterns.counts * patterns.counts).sum(axis=1) - votes
    on_item = np.divide(agreeing, pairs, out=np.zeros_like(pairs), where=pairs > 0)

    def statistic(weights: FloatArray) -> FloatArray:
        return _ratio(weights @ on_item, weights @ paired)

    return statistic


def _fleiss_chance(shares: FloatArray) -> FloatArray:
    chance = (shares**2).sum(axis=1)
    return np.where(np.count_nonzero(shares, axis=1) > 1, chance, np.nan)


def _corrected(
    patterns: Patterns,
    chance: Callable[[FloatArray], FloatArray],
    replicates: int,
    seed: int,
    confidence: float,
) -> Estimate:
    """(p_a - p_e) / (1 - p_e), p_e a function of the label shares (R, K), NaN where it is undefined."""
    n = _n_pairable(patterns)
    if n < 2:
        return Estimate.none(too_few(n), n, unit="coefficient")
    agreement = _percent(patterns)
    share_on_item = patterns.rows_times(1 / patterns.n_votes)

    def statistic(weights: FloatArray) -> FloatArray:
        by_chance = chance((weights @ share_on_item) / weights.sum(axis=1)[:, None])
        # 1 - (1 - p_a) / (1 - p_e) is the same and exactly 1 where everybody agrees.
        return 1.0 - _ratio(1.0 - agreement(weights), 1.0 - by_chance)

    if np.isnan(statistic(patterns.n_items[None, :].astype(np.float64))[0]):
        return Estimate.none(ONE_LABEL, n, unit="coefficient")
    return estimate_over_items(
        patterns, statistic, n=n, unit="coefficient", replicates=replicates, seed=seed, confidence=confidence
    )


def _one_against_rest(patterns: Patterns) -> Statistic:
    """Nominal alpha of each label against all others: weights (R, P) -> (R, K)."""
    counts, votes = patterns.counts, patterns.n_votes
    pairs = Patterns(counts * counts, patterns.n_items)
    disagreement = patterns.rows_times(2 * votes / (votes - 1)) - pairs.rows_times(2 / (votes - 1))

    def statistic(weights: FloatArray) -> FloatArray:
        used = weights @ counts
        total = used.sum(axis=1)[:, None]
        return 1.0 - _ratio((total - 1) * (weights @ disagreement), 2 * used * (total - used))

    return statistic
