"""How much people's sets of labels overlap, who overlaps less with the others, and which members are mistaken for which.

The overlap of two sets is Jaccard's, |a and b| / |a or b|, 1 for two empty sets (P. Jaccard 1912, The distribution of the
flora in the alpine zone, New Phytologist 11, 37-50). Unlike alpha it is not corrected for chance: where most sets are
small and alike, much overlap comes for nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl
from scipy.special import stdtrit

from analytics import krippendorff
from analytics.agreement import percent_agreement
from analytics.consensus import int_codes, rank_codes
from analytics.frames import (
    VOTES,
    FloatArray,
    IntArray,
    Patterns,
    Repeats,
    count_patterns,
    keep_repeats,
    require_labels,
)
from analytics.grouped import MIN_ITEMS
from analytics.intervals import MAX_WEIGHTS, check_interval_options, estimate_over_items
from analytics.results import Estimate
from analytics.set_agreement import SetDistances, distinct_sets, set_alpha
from analytics.set_consensus import member_votes

_UNIT = "share"
_OVERLAPS = {
    "annotator_code": pl.Int64, "n_compared": pl.Int64, "overlap": pl.Float64, "deviation": pl.Float64,
}  # fmt: skip


def mean_overlap(
    votes: pl.DataFrame,
    *,
    sets: Sequence[Collection[int]],
    repeats: Repeats = "count",
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """The mean over items of the mean overlap of two of the item's annotations, with a bootstrap interval over items.

    Args:
        votes: one row an annotation (VOTES); `label_code` is a place in `sets`. An item needs two to count.
        sets: the members of each set.
        repeats: which of several votes by one annotator on one item count.
        replicates: of the bootstrap; 0 for no interval.
        seed: of the bootstrap.
        confidence: of the interval.

    Returns:
        An Estimate in [0, 1], unit "share", n = items with two votes or more. Undefined where there is none.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
    """
    check_interval_options(replicates, confidence)
    codes, members = distinct_sets(sets)
    require_labels(votes, VOTES, max(codes.size, 1))
    kept = keep_repeats(votes, repeats)
    if kept.height:
        kept = kept.with_columns(label_code=pl.Series(codes[kept["label_code"].to_numpy()]))
    patterns = count_patterns(kept, max(len(members), 1)).with_votes(2)
    n = int(patterns.n_items.sum())
    if n == 0:
        return Estimate.none("no item has two annotations", unit=_UNIT)
    used = np.flatnonzero(np.asarray(patterns.counts.sum(axis=0)))
    patterns = Patterns(patterns.counts[:, used], patterns.n_items)
    apart = SetDistances([members[place] for place in used.tolist()], "jaccard")
    n_votes = patterns.n_votes
    overlap = 1 - apart.within(patterns.counts) / (n_votes * (n_votes - 1))

    def statistic(weights: FloatArray) -> FloatArray:
        return np.asarray(weights @ overlap / weights.sum(axis=1))

    return estimate_over_items(
        patterns, statistic, n=n, unit=_UNIT, replicates=replicates, seed=seed, confidence=confidence
    )


def annotator_overlap(
    votes: pl.DataFrame, *, sets: Sequence[Collection[int]], confidence: float = 0.95
) -> pl.DataFrame:
    """How much each annotator's sets overlap with those of the others on the same items.

    All sets that the annotator gave the item are left out of the others; where they gave several, their mean counts.

    Args:
        votes: one row an annotation (VOTES); `label_code` is a place in `sets`.
        sets: the members of each set.
        confidence: of the intervals: Student's t over the annotator's items, cut to [0, 1].

    Returns:
        One row an annotator, sorted: annotator_code, n_compared (items that others labelled too), overlap (mean over
        these items of the mean overlap with each other annotator), low, high (null under 2 items), undefined.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
    """
    check_interval_options(0, confidence)
    codes, members = distinct_sets(sets)
    require_labels(votes, VOTES, max(codes.size, 1))
    if votes.is_empty():
        return _with_interval(pl.DataFrame(schema=_OVERLAPS), confidence)
    given = codes[int_codes(votes, "label_code")]
    own = votes.select(pl.col("item_code", "annotator_code").cast(pl.Int64)).with_columns(
        n_others=pl.len().over("item_code") - pl.len().over("item_code", "annotator_code")
    )
    pairs = own.select(pl.struct("item_code", "annotator_code").rank("dense").cast(pl.Int64) - 1).to_series()
    _, items = rank_codes(own["item_code"].to_numpy())
    shared = _overlaps(items, given, members) - _overlaps(pairs.to_numpy(), given, members)
    of_items = (
        own.with_columns(shared=pl.Series(shared))
        .filter(pl.col("n_others") > 0)
        .sort("annotator_code", "item_code", "shared")  # sums of floats go by the order
        .group_by("annotator_code", "item_code", maintain_order=True)
        .agg((pl.col("shared") / pl.col("n_others")).mean().alias("overlap"))
    )
    by_annotator = of_items.group_by("annotator_code", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("n_compared"),
        pl.col("overlap").mean(),
        pl.col("overlap").std().alias("deviation"),
    )
    everybody = own.select(pl.col("annotator_code").unique()).join(
        by_annotator, on="annotator_code", how="left"
    )
    return _with_interval(
        everybody.with_columns(pl.col("n_compared").fill_null(0)).sort("annotator_code"), confidence
    )


def member_alpha(
    votes: pl.DataFrame,
    *,
    sets: Sequence[Collection[int]],
    members: Sequence[int],
    repeats: Repeats = "count",
    replicates: int = 1000,
    seed: int = 0,
) -> pl.DataFrame:
    """Krippendorff's nominal alpha of each member, in the set or not, as `agreement.label_agreement` has it of labels.

    Args:
        votes: as `mean_overlap`, like sets, repeats, replicates and seed.
        sets: see votes.
        members: the codes of the members.
        repeats: see votes.
        replicates: see votes.
        seed: see votes.

    Returns:
        One row a member, in their order: label_code, alpha, low, high, n_items, undefined.
    """
    rows = []
    for member in members:
        found = krippendorff.alpha(
            member_votes(votes, sets=sets, member=member),
            level="nominal",
            n_labels=2,
            repeats=repeats,
            replicates=replicates,
            seed=seed,
        )
        rows.append((member, found.value, found.low, found.high, found.n, found.undefined))
    schema = {
        "label_code": pl.Int64, "alpha": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n_items": pl.Int64,
        "undefined": pl.Utf8,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def member_confusion(
    votes: pl.DataFrame, *, sets: Sequence[Collection[int]], repeats: Repeats = "count"
) -> pl.DataFrame:
    """Which two members stand for each other: pairs of votes on an item where one has a without b, the other b without a.

    With labels that are sets of one this is `agreement.label_confusion`. Every pair of votes counts once for each such
    pair of members.

    Returns:
        label_a < label_b, pairs (of votes, more than 0), share (of all), by (label_a, label_b).
    """
    require_labels(votes, VOTES, max(len(sets), 1))
    kept = keep_repeats(votes, repeats).select(pl.col("item_code", "label_code").cast(pl.Int64))
    members = pl.DataFrame(
        [(place, code) for place, one in enumerate(sets) for code in sorted(one)],
        schema={"label_code": pl.Int64, "member": pl.Int64},
        orient="row",
    )
    said = kept.group_by("item_code", "label_code").agg(pl.len().cast(pl.Int64).alias("n"))
    long = said.join(members, on="label_code")
    single = long.group_by("item_code", "member").agg(pl.col("n").sum())
    left, right = (
        single.rename({"member": "label_a", "n": "n_a"}),
        single.rename({"member": "label_b", "n": "n_b"}),
    )
    pairs = left.join(right, on="item_code").filter(pl.col("label_a") < pl.col("label_b"))
    both = (
        long.rename({"member": "label_a"})
        .join(long.select("item_code", "label_code", label_b="member"), on=["item_code", "label_code"])
        .filter(pl.col("label_a") < pl.col("label_b"))
        .group_by("item_code", "label_a", "label_b")
        .agg(pl.col("n").sum().alias("n_both"))
    )
    alone = pairs.join(both, on=["item_code", "label_a", "label_b"], how="left").with_columns(
        pl.col("n_both").fill_null(0)
    )
    met = (pl.col("n_a") - pl.col("n_both")) * (pl.col("n_b") - pl.col("n_both"))
    return (
        alone.group_by("label_a", "label_b")
        .agg(met.sum().alias("pairs"))
        .filter(pl.col("pairs") > 0)
        .with_columns(share=pl.col("pairs") / pl.col("pairs").sum())
        .sort("label_a", "label_b")
    )


def set_figures_by_group(
    votes: pl.DataFrame,
    *,
    sets: Sequence[Collection[int]],
    by: str = "group_code",
    repeats: Repeats = "count",
    min_items: int = MIN_ITEMS,
    replicates: int = 1000,
    seed: int = 0,
) -> pl.DataFrame:
    """Alpha (MASI) and percent agreement (of whole sets) for each group of votes, as `grouped.figures_by_group`.

    Args:
        votes: one row an annotation (VOTES) with the group's code in `by`; `label_code` is a place in `sets`.
        sets: the members of each set.
        by: the column of the group's code.
        repeats: which of several votes by one annotator on one item count.
        min_items: groups with fewer items of two votes or more are undefined.
        replicates: of the bootstraps.
        seed: of the bootstraps.

    Returns:
        One row a figure and group: figure ("alpha" or "percent"), group_code, value, low, high, n, undefined.
    """
    reason = f"fewer than {min_items} items have two annotations or more"
    rows = []
    for (group,), own in sorted(votes.group_by(by), key=lambda found: int(str(found[0][0]))):
        alpha = set_alpha(own, sets=sets, repeats=repeats, replicates=replicates, seed=seed)
        n_labels = max(len(sets), 1)
        percent = percent_agreement(own, n_labels=n_labels, repeats=repeats, replicates=replicates, seed=seed)
        for figure, one in (("alpha", alpha), ("percent", percent)):
            told = Estimate.none(reason, one.n) if 2 <= one.n < min_items else one
            rows.append((figure, group, told.value, told.low, told.high, told.n, told.undefined))
    schema = {
        "figure": pl.Utf8, "group_code": pl.Int64, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64,
        "undefined": pl.Utf8,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").sort("figure", "group_code")


def _overlaps(groups: IntArray, given: IntArray, members: Sequence[frozenset[int]]) -> FloatArray:
    """For each vote the summed overlap of its set with those of all votes of its group (V,), itself among them."""
    from scipy.sparse import csr_array

    shape = (int(groups.max()) + 1, len(members))
    counts = csr_array((np.ones(len(groups)), (groups, given)), shape=shape)
    total = np.zeros(len(groups))
    for columns, apart in SetDistances(members, "jaccard").blocks():
        here = np.flatnonzero((given >= columns.start) & (given < columns.stop))
        step = max(1, MAX_WEIGHTS // len(members))
        for start in range(0, len(here), step):
            rows = here[start : start + step]
            near = 1 - apart[:, given[rows] - columns.start].T
            total[rows] = counts[groups[rows]].multiply(near).sum(axis=1)
    return total


def _with_interval(frame: pl.DataFrame, confidence: float) -> pl.DataFrame:
    n = frame["n_compared"].to_numpy()
    quantile = stdtrit(np.maximum(n - 1, 1), (1 + confidence) / 2)
    half = pl.Series(quantile / np.sqrt(np.maximum(n, 1)), dtype=pl.Float64) * frame["deviation"]
    enough = pl.col("n_compared") >= 2
    return frame.with_columns(
        pl.when(enough).then((pl.col("overlap") - half).clip(0.0, 1.0)).alias("low"),
        pl.when(enough).then((pl.col("overlap") + half).clip(0.0, 1.0)).alias("high"),
        pl.when(pl.col("n_compared") == 0).then(pl.lit("no item has sets of others")).alias("undefined"),
    ).select("annotator_code", "n_compared", "overlap", "low", "high", "undefined")
