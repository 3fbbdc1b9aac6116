"""How well and how fast each annotator labels: against the others, against gold, and by the clock.

Agreement with the others always leaves the annotator's own votes out of the label that the others gave
(`leave_one_out_majority`); votes where the others are tied, or where there are none, are not compared.
Repeats count: apply `keep_repeats` first for another rule. Pass independent annotations only.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics.coded_votes import code_votes
from analytics.consensus import leave_one_out_majority
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import GOLD, VOTES, require, require_labels
from analytics.intervals import benjamini_hochberg, wilson, wilson_bounds
from analytics.results import Estimate

MOST_CELLS = 50_000_000
"""Cells (8 bytes each) of the table of what was given beside what; where it would be larger, votes are grouped instead."""


def annotator_agreement(votes: pl.DataFrame, *, n_labels: int) -> pl.DataFrame:
    """How often each annotator gives the label that most of the others gave.

    Args:
        votes: a frame that keeps VOTES.
        n_labels: K, the number of labels of the label set.

    Returns:
        One row an annotator, sorted: annotator_code, n (annotations), n_compared (those where the others have
        one top label), agreement (share of n_compared), low, high (Wilson, 95 %), undefined (why there is no
        agreement).

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`.
    """
    return agreement_of_counts(counts_beside_others(votes, n_labels=n_labels))


def counts_beside_others(votes: pl.DataFrame, *, n_labels: int) -> pl.DataFrame:
    """How often each annotator gave which label where the others gave which: what both figures below are made of.

    For a run that needs both, so that what the others gave, the dear part, is found once. It is what
    `leave_one_out_majority` gives, counted.

    Returns:
        annotator_code, label_others (null where the others are tied or there are none), label_given, n; sorted.

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`.
    """
    keys = ["annotator_code", "label_others", "label_given"]
    require_labels(votes, VOTES, n_labels)
    coded = code_votes(votes, n_labels=n_labels)
    if coded.n_pairs * (n_labels + 1) > MOST_CELLS:
        others = leave_one_out_majority(votes, n_labels=n_labels).rename({"label_code": "label_given"})
        return others.group_by(keys).agg(pl.len().cast(pl.Int64).alias("n")).sort(keys)
    from analytics.others_kernels import count_beside

    counts = np.zeros((coded.n_pairs, n_labels + 1), dtype=np.int64)
    count_beside((coded.starts, coded.pairs, coded.annotator_of_pair, coded.label_of_pair), n_labels, counts)
    pairs, label_others = counts.nonzero()
    annotators = coded.annotator_codes[coded.annotator_of_pair[pairs]]
    frame = pl.DataFrame(
        {
            "annotator_code": annotators,
            "label_others": label_others,
            "label_given": coded.label_of_pair[pairs].astype(np.int64),
            "n": counts[pairs, label_others],
        }
    )
    known = pl.when(pl.col("label_others") < n_labels).then("label_others").alias("label_others")
    return frame.with_columns(known).sort(keys)


def agreement_of_counts(counts: pl.DataFrame) -> pl.DataFrame:
    """`annotator_agreement` of votes whose `counts_beside_others` are at hand."""
    n = pl.col("n")
    counted = counts.group_by("annotator_code").agg(
        n.sum(),
        n.filter(pl.col("label_others").is_not_null()).sum().alias("n_compared"),
        n.filter(pl.col("label_given") == pl.col("label_others")).sum().alias("hits"),
    )
    reason = "nobody else labelled the same items, or the others are tied"
    shares = _with_share(counted, of="n_compared", called="agreement", reason=reason)
    return shares.select("annotator_code", "n", "n_compared", "agreement", "low", "high", "undefined")


def gold_accuracy(votes: pl.DataFrame, gold: pl.DataFrame, *, n_labels: int) -> pl.DataFrame:
    """How often each annotator gives the gold label.

    Args:
        votes: a frame that keeps VOTES.
        gold: a frame that keeps GOLD, one row an item.
        n_labels: K, the number of labels of the label set.

    Returns:
        One row an annotator, sorted: annotator_code, n_gold (annotations of gold items), accuracy (share of
        n_gold), low, high (Wilson, 95 %), undefined.

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`; BadColumn for an item with two gold labels.
    """
    known = _beside_gold(votes, gold, n_labels)
    counted = known.group_by("annotator_code").agg(
        pl.col("label_gold").count().cast(pl.Int64).alias("n_gold"),
        (pl.col("label_code") == pl.col("label_gold")).sum().cast(pl.Int64).alias("hits"),
    )
    reason = "this annotator labelled no item whose gold label is known"
    shares = _with_share(counted, of="n_gold", called="accuracy", reason=reason)
    return shares.select("annotator_code", "n_gold", "accuracy", "low", "high", "undefined")


def confusion_with_others(votes: pl.DataFrame, *, n_labels: int) -> pl.DataFrame:
    """Which label each annotator gave for which: annotator_code, label_others, label_given, n.

    Only combinations that occur have a row; sorted by the first three columns. Raises as
    `annotator_agreement`.
    """
    return confusion_of_counts(counts_beside_others(votes, n_labels=n_labels))


def confusion_of_counts(counts: pl.DataFrame) -> pl.DataFrame:
    """`confusion_with_others` of votes whose `counts_beside_others` are at hand."""
    return counts.drop_nulls("label_others")


def confusion_with_gold(votes: pl.DataFrame, gold: pl.DataFrame, *, n_labels: int) -> pl.DataFrame:
    """Which label each annotator gave where gold is which: annotator_code, label_gold, label_given, n.

    Only combinations that occur have a row; sorted by the first three columns. Raises as `gold_accuracy`.
    """
    return _cross_counts(_beside_gold(votes, gold, n_labels), "label_gold")


def consensus_accuracy(items: pl.DataFrame, gold: pl.DataFrame) -> Estimate:
    """The share of gold items whose consensus label is the gold label, with its Wilson interval.

    Args:
        items: `Consensus.items` (item_code and label_code are used). A tied item counts by the label it was
            given.
        gold: a frame that keeps GOLD, one row an item. Items without a consensus label are left out of n.

    Raises:
        MissingColumn, BadColumn: a frame breaks its contract; BadColumn for an item with two gold labels.
    """
    require(items, GOLD)
    known = one_gold_each(gold).join(_as_codes(items, "item_code", "label_code"), on="item_code", how="inner")
    if known.is_empty():
        return Estimate.none("no item has both a consensus label and a gold label")
    hits = known.select((pl.col("label_code") == pl.col("label_gold")).sum()).item()
    return wilson(int(hits), known.height)


def annotator_label_agreement(votes: pl.DataFrame, *, n_labels: int, min_n: int = 10) -> pl.DataFrame:
    """Each annotator beside their peers, for each label that the others gave: who falls behind, and where.

    For an annotator and a label, the votes compared are those on items where the others' top label is that
    label. The peers' figure is the same for all other annotators together, so it leaves the annotator out.
    The p-value is Fisher's exact test, one-sided: how likely so few of the annotator's votes would agree if
    annotator and peers agreed equally often. It takes votes as independent, so it is a reason to look, not a
    verdict. It is corrected by Benjamini and Hochberg (1995) over all rows that are tested.

    Args:
        votes: a frame that keeps VOTES.
        n_labels: K, the number of labels of the label set.
        min_n: rows with fewer votes of the annotator, or of peers, are described but not tested.

    Returns:
        One row an (annotator, label of the others), sorted: annotator_code, label_others, n, agreement,
        n_peers, peers_agreement (null where n_peers is 0), p_value, p_adjusted (both null where the row is
        not tested), undefined (why it is not tested).

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`; BadOption for `min_n` under 1.
    """
    if isinstance(min_n, bool) or not isinstance(min_n, int) or min_n < 1:
        raise BadOption("min_n", min_n, "a whole number of 1 or more")
    agree = (pl.col("label_code") == pl.col("label_others")).sum().cast(pl.Int64).alias("hits")
    compared = leave_one_out_majority(votes, n_labels=n_labels).drop_nulls("label_others")
    rows = compared.group_by("annotator_code", "label_others").agg(pl.len().cast(pl.Int64).alias("n"), agree)
    peers = rows.with_columns(
        (pl.col("n").sum().over("label_others") - pl.col("n")).alias("n_peers"),
        (pl.col("hits").sum().over("label_others") - pl.col("hits")).alias("peers_hits"),
    ).sort("annotator_code", "label_others")
    return _tested(peers, min_n)


def speed(votes: pl.DataFrame) -> pl.DataFrame:
    """How long each annotator takes for an annotation, from the times that are known; none is guessed.

    Args:
        votes: a frame that keeps VOTES, with `active_seconds` (null: unknown).

    Returns:
        One row an annotator, sorted: annotator_code, n_timed, median_seconds, p10_seconds, p90_seconds
        (quantiles interpolated linearly), ratio_to_pooled (median over the median of everybody's times),
        undefined.

    Raises:
        MissingColumn, BadColumn: as `require`; BadColumn too for times that are negative or not finite.
    """
    require(votes, VOTES)
    timed = known_times(votes)
    pooled = timed.get_column("active_seconds").median()
    seconds = pl.col("active_seconds")
    by_annotator = timed.group_by("annotator_code").agg(
        seconds.count().cast(pl.Int64).alias("n_timed"),
        seconds.median().alias("median_seconds"),
        seconds.quantile(0.1, "linear").alias("p10_seconds"),
        seconds.quantile(0.9, "linear").alias("p90_seconds"),
    )
    ratio = (
        pl.col("median_seconds") / pl.lit(pooled, dtype=pl.Float64)
        if pooled
        else pl.lit(None, dtype=pl.Float64)
    )
    return by_annotator.with_columns(
        ratio.alias("ratio_to_pooled"),
        pl.when(pl.col("n_timed") == 0)
        .then(pl.lit("no annotation of this annotator has a time"))
        .when(pl.lit(not pooled))
        .then(pl.lit("the median of all times is 0 seconds, so there is no ratio to it"))
        .alias("undefined"),
    ).sort("annotator_code")


def one_gold_each(gold: pl.DataFrame) -> pl.DataFrame:
    """The gold labels as item_code, label_gold.

    Raises:
        MissingColumn, BadColumn: `gold` breaks its contract, or gives an item two rows.
    """
    require(gold, GOLD)
    if gold.get_column("item_code").n_unique() != gold.height:
        raise BadColumn(GOLD.name, "item_code", "names an item twice; an item has one gold label")
    return _as_codes(gold, "item_code", "label_code").rename({"label_code": "label_gold"})


def _as_codes(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    return frame.select(pl.col(*columns).cast(pl.Int64))


def _beside_gold(votes: pl.DataFrame, gold: pl.DataFrame, n_labels: int) -> pl.DataFrame:
    """Every vote with `label_gold`, null where the item has none."""
    require_labels(votes, VOTES, n_labels)
    require_labels(gold, GOLD, n_labels)
    return _as_codes(votes, *VOTES.codes).join(one_gold_each(gold), on="item_code", how="left")


def _cross_counts(votes: pl.DataFrame, reference: str) -> pl.DataFrame:
    keys = ["annotator_code", reference, "label_given"]
    given = votes.drop_nulls(reference).rename({"label_code": "label_given"})
    return given.group_by(keys).agg(pl.len().cast(pl.Int64).alias("n")).sort(keys)


def _with_share(counted: pl.DataFrame, *, of: str, called: str, reason: str) -> pl.DataFrame:
    """Adds the share `hits / of` with its interval; undefined, with the reason, where `of` is 0."""
    low, high = wilson_bounds(counted.get_column("hits").to_numpy(), counted.get_column(of).to_numpy())
    some = pl.col(of) > 0
    return (
        counted.with_columns(
            (pl.col("hits") / pl.col(of)).alias(called), pl.Series("low", low), pl.Series("high", high)
        )
        .with_columns(pl.when(some).then(pl.col(called, "low", "high")))
        .with_columns(pl.when(~some).then(pl.lit(reason)).alias("undefined"))
        .sort("annotator_code")
    )


def _tested(rows: pl.DataFrame, min_n: int) -> pl.DataFrame:
    """Adds shares, p-values and their correction; only rows with enough votes on both sides are tested."""
    from scipy.stats import hypergeom  # a second to import, and pages import this module

    drawn = rows.select(
        "hits", "n", all_votes=pl.col("n") + pl.col("n_peers"), all_hits=pl.col("hits") + pl.col("peers_hits")
    ).to_dict(as_series=True)
    hits, n, votes, agreeing = (drawn[key].to_numpy() for key in ("hits", "n", "all_votes", "all_hits"))
    p_values = hypergeom.cdf(hits, votes, agreeing, n).clip(0.0, 1.0)
    enough = (rows.get_column("n") >= min_n) & (rows.get_column("n_peers") >= min_n)
    tested = enough.to_numpy()
    adjusted = p_values.copy()
    adjusted[tested] = benjamini_hochberg(p_values[tested])
    few = f"fewer than {min_n} annotations to compare"
    return rows.select(
        "annotator_code",
        "label_others",
        "n",
        (pl.col("hits") / pl.col("n")).alias("agreement"),
        "n_peers",
        pl.when(pl.col("n_peers") > 0)
        .then(pl.col("peers_hits") / pl.col("n_peers"))
        .alias("peers_agreement"),
        pl.when(enough).then(pl.Series(p_values, dtype=pl.Float64)).alias("p_value"),
        pl.when(enough).then(pl.Series(adjusted, dtype=pl.Float64)).alias("p_adjusted"),
        pl.when(~enough).then(pl.lit(few)).alias("undefined"),
    )


def known_times(votes: pl.DataFrame) -> pl.DataFrame:
    """annotator_code and active_seconds (null: unknown) of each vote, in the order of the rows.

    Raises:
        MissingColumn, BadColumn: there is no `active_seconds`, or it has times that are negative or not finite.
    """
    if "active_seconds" not in votes.columns:
        raise MissingColumn(VOTES.name, ["active_seconds"], votes.columns)
    column = votes.get_column("active_seconds")
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise BadColumn(VOTES.name, "active_seconds", f"has to hold numbers; it holds {column.dtype}")
    times = votes.select(pl.col("annotator_code").cast(pl.Int64), pl.col("active_seconds").cast(pl.Float64))
    seconds = pl.col("active_seconds")
    if times.select((~seconds.is_finite() | (seconds < 0)).any()).item():
        raise BadColumn(
            VOTES.name, "active_seconds", "has a time that is negative or not finite; unknown is null"
        )
    return times
