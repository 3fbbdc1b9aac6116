"""Anchoring: how far a shown suggestion pulls the label, from suggestions that were hidden at random.

An annotation that had a suggestion agrees with it or not; whether it was shown was drawn. Within one annotator

    pull_a = share that agrees where it was shown - share that agrees where it was hidden,

0 where nobody looks at suggestions, 1 where everybody takes them over. On suggestions that were *wrong* the pull is harm:
labels that would have been right. Over annotators the pull is the Mantel-Haenszel difference, weights n1 n0 / (n1 + n0), so
that somebody who was shown more suggestions than others does not stand for them.

  * One annotator: interval by R. G. Newcombe (1998, Statistics in Medicine 17, method 10); p-value of the draw itself, twice
    the smaller tail of the hypergeometric distribution (Fisher); Benjamini-Hochberg over annotators, and the intervals of those
    picked out at the FCR-adjusted level 1 - R q / m (Benjamini & Yekutieli 2005).
  * Partly pooled: each pull shrunk towards their mean by a normal-normal model, the variance between annotators by
    DerSimonian & Laird (1986); it is what to read where an annotator has few annotations.
  * All annotators: the interval is about these annotators and other items: residuals within an annotator's shown and hidden
    annotations, clustered by item, as all annotators see the same suggestion for an item. The p-value is that of the draw,
    given each annotator's numbers (Cochran-Mantel-Haenszel). Where the draw may have been one for all of an item's annotations
    (`by_item`; a file does not say), that would take many looks at few items for many draws: the p-value is the interval's then.

Where nothing was hidden, or nothing shown, there is no figure: agreement with a suggestion is no pull by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import ndtr, stdtr, stdtrit

from analytics.annotator_pulls import PullCounts, annotator_pulls, picked_together
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import Contract, FloatArray, IntArray, dense_codes, one_vote_each, require
from analytics.intervals import check_interval_options
from analytics.results import Estimate
from analytics.within_annotator import clustered_error, summed, without_means

SUGGESTED = Contract("suggested", ("item_code", "annotator_code", "label_code", "suggestion_code"))
"""One row an annotation that had a suggestion; also `is_shown` (boolean), perhaps `is_wrong` (the suggestion; null: unknown)."""

NOBODY = "no annotation says whether a suggestion was shown"
ALL_SHOWN = "nothing was randomised: every suggestion was shown"
ALL_HIDDEN = "nothing was randomised: every suggestion was hidden"
NOT_BOTH = "no annotator had suggestions both shown and hidden"
NO_WRONG = "no suggestion is known to be wrong"

_DIFFERENCE = "coefficient"


@dataclass(frozen=True, slots=True)
class Pull:
    """The pull of one kind of suggestion.

    Attributes:
        overall: over annotators who had suggestions both shown and hidden; `n` counts their annotations.
        p_value: of the draw, two-sided; None where `overall` is undefined.
        n_shown, n_hidden: annotations.
        annotators: one row an annotator, sorted: annotator_code, n_shown, n_hidden, agree_shown, agree_hidden (shares), pull,
            low, high, p_value, p_adjusted, is_picked (adjusted p at most q), low_fcr, high_fcr (of those picked), pooled,
            pooled_low, pooled_high, undefined (why there is no pull: too few).
    """

    overall: Estimate
    p_value: float | None
    n_shown: int
    n_hidden: int
    annotators: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The pull of all suggestions and of the wrong ones.

    `balance_p`: p-value that wrong suggestions were shown as often as right ones, as a draw would have it; None where that
    cannot be told. A small one says that showing was no matter of chance.
    """

    every: Pull
    wrong: Pull
    balance_p: float | None


def anchoring(
    suggested: pl.DataFrame,
    *,
    min_n: int = 10,
    q: float = 0.05,
    confidence: float = 0.95,
    by_item: bool = False,
) -> Anchoring:
    """The pull of suggestions, on all of them and on those known to be wrong.

    Args:
        suggested: a frame that keeps SUGGESTED. Of several votes of an annotator for an item the first counts (`order`).
        min_n: annotations with a shown, and with a hidden, suggestion that an annotator's own figure needs.
        q: false discovery rate over annotators.
        confidence: of the intervals.
        by_item: whether it may be items, rather than single annotations, whose suggestions were shown or hidden.

    Raises:
        MissingColumn, BadColumn: `suggested` breaks its contract. BadOption: an option is out of range.
    """
    _check(suggested, min_n, q, confidence)
    rows = one_vote_each(suggested, "first")
    wrong = rows.filter(pl.col("is_wrong")) if "is_wrong" in rows.columns else rows.clear()
    return Anchoring(
        every=_pull(rows, min_n, q, confidence, NOBODY, by_item=by_item),
        wrong=_pull(wrong, min_n, q, confidence, NO_WRONG if rows.height else NOBODY, by_item=by_item),
        balance_p=_balance(rows, by_item=by_item),
    )


def mark_wrong(suggested: pl.DataFrame, gold: pl.DataFrame) -> pl.DataFrame:
    """The rows with `is_wrong`: whether the suggestion differs from the item's gold label; null where there is none.

    Args:
        suggested: a frame that keeps SUGGESTED.
        gold: item_code, label_code, one row an item.
    """
    known = gold.select(pl.col("item_code").cast(pl.Int64), gold_code=pl.col("label_code").cast(pl.Int64))
    return (
        suggested.with_columns(pl.col("item_code").cast(pl.Int64))
        .join(known, on="item_code", how="left", maintain_order="left")
        .with_columns(is_wrong=pl.col("suggestion_code") != pl.col("gold_code"))
        .drop("gold_code")
    )


def _check(suggested: pl.DataFrame, min_n: int, q: float, confidence: float) -> None:
    require(suggested, SUGGESTED)
    check_interval_options(0, confidence)
    if isinstance(min_n, bool) or not isinstance(min_n, int) or min_n < 1:
        raise BadOption("min_n", min_n, "a whole number of 1 or more")
    if not 0 < q < 1:
        raise BadOption("q", q, "between 0 and 1, such as 0.05")
    if "is_shown" not in suggested.columns:
        raise MissingColumn(SUGGESTED.name, ["is_shown"], suggested.columns)
    for name in {"is_shown", "is_wrong"} & set(suggested.columns):
        column = suggested.get_column(name)
        if suggested.height and column.dtype not in (pl.Boolean, pl.Null):
            raise BadColumn(SUGGESTED.name, name, f"has to be true or false; it holds {column.dtype}")
    if suggested.get_column("is_shown").null_count():
        raise BadColumn(SUGGESTED.name, "is_shown", "has nulls; leave out what had no suggestion")


def _pull(
    rows: pl.DataFrame, min_n: int, q: float, confidence: float, nothing: str, *, by_item: bool
) -> Pull:
    codes, annotator = dense_codes(rows.get_column("annotator_code"))
    shown = rows.get_column("is_shown").cast(pl.Float64).to_numpy()
    agrees = (rows.get_column("label_code") == rows.get_column("suggestion_code")).cast(pl.Float64).to_numpy()

    def of_each(values: FloatArray) -> FloatArray:
        return summed(annotator, values, codes.size)

    counts = PullCounts(
        of_each(shown), of_each(shown * agrees), of_each(1 - shown), of_each((1 - shown) * agrees)
    )
    n_shown, n_hidden = int(shown.sum()), int((1 - shown).sum())
    both = (counts.n1 > 0) & (counts.n0 > 0)
    reason = (
        nothing if not rows.height else ALL_SHOWN if not n_hidden else ALL_HIDDEN if not n_shown
        else None if both.any() else NOT_BOTH
    )  # fmt: skip
    table = picked_together(
        [annotator_pulls(codes, counts, min_n=min_n, confidence=confidence)], q=q, confidence=confidence
    )[0]
    if reason is not None:
        none = Estimate.none(reason, n=rows.height, unit=_DIFFERENCE, n_unit="annotations")
        return Pull(none, None, n_shown, n_hidden, table)
    kept = both[annotator]
    _, item = dense_codes(rows.get_column("item_code").filter(pl.Series(kept)))
    slope = _Slope.of(shown[kept], agrees[kept], annotator[kept], item)
    p_value = slope.p_value() if by_item else _cmh(counts)
    return Pull(slope.estimate(confidence), p_value, n_shown, n_hidden, table)


@dataclass(frozen=True, slots=True)
class _Slope:
    """The Mantel-Haenszel difference of N annotations on so many items, which is a slope within annotators, and its error."""

    value: float
    error: float
    n: int
    n_items: int

    @classmethod
    def of(cls, shown: FloatArray, agrees: FloatArray, annotator: IntArray, item: IntArray) -> _Slope:
        """Of agreeing on shown, clustered by item; both vary within some annotator."""
        x, y = without_means(shown, annotator), without_means(agrees, annotator)
        weight = float((x * x).sum())
        value = float((x * y).sum()) / weight
        score = x * _residuals(agrees, y - value * x, 2 * annotator + shown.astype(np.int64))
        return cls(value, clustered_error(score, item) / weight, x.size, int(item.max()) + 1)

    def estimate(self, confidence: float) -> Estimate:
        """With its interval, where there is one."""
        if self.error <= 0 or self.n_items < 2:
            return Estimate(self.value, None, None, self.n, unit=_DIFFERENCE, n_unit="annotations")
        half = float(stdtrit(self.n_items - 1, (1 + confidence) / 2)) * self.error
        low, high = max(self.value - half, -1.0), min(self.value + half, 1.0)
        return Estimate(self.value, low, high, self.n, unit=_DIFFERENCE, n_unit="annotations")

    def p_value(self) -> float | None:
        """Two-sided, of no difference; None where there is no interval."""
        if self.error <= 0 or self.n_items < 2:
            return None
        return float(2 * stdtr(self.n_items - 1, -abs(self.value) / self.error))


def _residuals(agrees: FloatArray, plain: FloatArray, arm: IntArray) -> FloatArray:
    """What is left of agreeing within an annotator's arm; of an arm of one annotation, what the common slope leaves."""
    n = np.bincount(arm).astype(np.float64)
    mean = np.bincount(arm, agrees) / np.maximum(n, 1)
    own = (agrees - mean[arm]) * np.sqrt(n / np.maximum(n - 1, 1))[arm]
    return np.asarray(np.where(n[arm] > 1, own, plain), dtype=np.float64)


def _cmh(counts: PullCounts) -> float | None:
    """P-value of Cochran-Mantel-Haenszel, two-sided: what was shown was drawn, given each annotator's numbers."""
    n, agree = counts.n1 + counts.n0, counts.s1 + counts.s0
    several = n > 1
    n, agree, n1, n0, s1 = (
        n[several],
        agree[several],
        counts.n1[several],
        counts.n0[several],
        counts.s1[several],
    )
    variance = float((n1 * n0 * agree * (n - agree) / (n * n * (n - 1))).sum())
    if variance <= 0:
        return None
    excess = abs(float((s1 - n1 * agree / n).sum()))
    return float(2 * ndtr(-excess / np.sqrt(variance)))


def _balance(rows: pl.DataFrame, *, by_item: bool) -> float | None:
    if "is_wrong" not in rows.columns:
        return None
    known = rows.filter(pl.col("is_wrong").is_not_null())
    codes, annotator = dense_codes(known.get_column("annotator_code"))
    shown, wrong = (known.get_column(name).cast(pl.Float64).to_numpy() for name in ("is_shown", "is_wrong"))

    def of_each(values: FloatArray) -> FloatArray:
        return summed(annotator, values, codes.size)

    if by_item:
        some = (of_each(shown) > 0) & (of_each(1 - shown) > 0)
        kept = some[annotator]
        if not kept.any():
            return None
        _, item = dense_codes(known.get_column("item_code").filter(pl.Series(kept)))
        return _Slope.of(shown[kept], wrong[kept], annotator[kept], item).p_value()
    return _cmh(
        PullCounts(of_each(shown), of_each(shown * wrong), of_each(1 - shown), of_each((1 - shown) * wrong))
    )
