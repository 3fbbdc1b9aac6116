"""Order, tiredness and speed: whether labels get worse with the place in the sitting, the hour, or haste.

Each answer either differs from the label that most *others* gave to the item, or (on gold) from the gold label. The slope of
that on the place in the sitting, the time since it began, the hour of the day, or the time taken is estimated within
annotators and within items (`within_annotator`): somebody who is worse at everything, or an item that is hard and takes long,
makes no effect. Where everybody had the items in the same order, tiredness and item are the same thing and there is no figure.

What goes together is not always cause and effect: people slow down where they are unsure. Benjamini-Hochberg over the table;
the intervals of the rows picked out are FCR-adjusted (Benjamini & Yekutieli 2005). Where labels are sets each choice is two labels,
with slopes of its own; choices go together, so all rows of all choices are corrected by Benjamini & Yekutieli (2001).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.annotators import known_times, one_gold_each
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, dense_codes, one_vote_each, require_labels
from analytics.gap_tests import Correction, adjusted_p, fcr_confidence
from analytics.intervals import check_interval_options
from analytics.order_curves import CURVES, curve
from analytics.sequence import previous_label_pulls
from analytics.sessions import in_sessions, why_no_order
from analytics.two_way import TwoWay, two_way
from analytics.two_way_kernels import in_groups, top_of_others
from analytics.within_annotator import WithinSlope, slope_within, summed

DISAGREES, GOLD_ERROR, SAME_AGAIN = "disagrees_with_others", "wrong_on_gold", "same_label_again"
POSITION, HOURS, SECONDS = "position", "session_hours", "seconds"
PREVIOUS, FIVE_BEFORE = "previous_label", "label_five_before"
BLOCKS = ("hours_0_6", "hours_6_12", "hours_12_18", "hours_18_24")

NO_SECONDS = "no annotation has a time taken"
NO_OTHERS = "no item was labelled by two others who agree"
NO_GOLD = "no annotated item has gold"
SAME_ORDER = "it does not vary between answers of one annotator once the item is taken into account"

UNITS = {
    POSITION: "per 100 answers into the sitting",
    HOURS: "per hour into the sitting",
    SECONDS: "per doubling of the time taken",
    **dict.fromkeys(BLOCKS, "against the other hours of the day (UTC)"),
    PREVIOUS: "more likely for having been given just before",
    FIVE_BEFORE: "more likely for having been given five before",
}

_LEAST_LEFT = 1e-3


@dataclass(frozen=True, slots=True)
class OrderEffects:
    """What order, hour and haste go together with.

    Attributes:
        table: one row a (outcome, factor): outcome, factor, unit, value, low, high, n (annotations), n_annotators, p_value,
            p_adjusted, is_picked, undefined. The intervals of rows picked out are FCR-adjusted. The row FIVE_BEFORE is the
            control of PREVIOUS and not in the adjustment.
        curves: outcome, factor, bin, at (mean of the factor there), value, low, high, n: the outcome by the factor, annotator
            and item taken into account, for POSITION and SECONDS.
    """

    table: pl.DataFrame
    curves: pl.DataFrame


@dataclass(frozen=True, slots=True)
class OrderSlopes:
    """What `order_effects` is made of, before it is corrected: (outcome, factor, slope) of every row, and the curves."""

    found: tuple[tuple[str, str, WithinSlope], ...]
    curves: pl.DataFrame


def order_effects(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    gold: pl.DataFrame | None = None,
    gap_minutes: float = 30.0,
    idle_seconds: float = 600.0,
    q: float = 0.05,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> OrderEffects:
    """Every slope of the table, and two curves.

    Args:
        votes: a frame that keeps VOTES, with `at` and `active_seconds` (null: unknown); of several votes of one annotator for
            an item the first counts (`order`).
        n_labels: K of the label set.
        gold: item_code, label_code; None or empty where there is none.
        gap_minutes: so long a pause begins another sitting.
        idle_seconds: a longer time taken is idle time, and unknown.
        q: false discovery rate over the table.
        replicates, confidence, seed: of the bootstrap over annotators.

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`, `in_sessions`, `known_times`; BadOption for options out of
            range.
    """
    slopes = order_slopes(
        votes, n_labels=n_labels, gold=gold, gap_minutes=gap_minutes, idle_seconds=idle_seconds, replicates=replicates,
        confidence=confidence, seed=seed,
    )  # fmt: skip
    return OrderEffects(order_tables([slopes], q=q, confidence=confidence)[0], slopes.curves)


def order_slopes(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    gold: pl.DataFrame | None = None,
    gap_minutes: float = 30.0,
    idle_seconds: float = 600.0,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> OrderSlopes:
    """Every slope, not corrected: of one choice, where labels are sets. Arguments and errors as `order_effects`."""
    check_interval_options(replicates, confidence)
    if not 0 < idle_seconds < float("inf"):
        raise BadOption("idle_seconds", idle_seconds, "a number above 0")
    require_labels(votes, VOTES, n_labels)
    single = one_vote_each(votes, "first")
    rows = _rows(single, n_labels, idle_seconds)
    ordered = in_sessions(rows, gap_minutes=gap_minutes)
    why = None if ordered.height else why_no_order(rows)
    answers = _answers(rows if ordered.height < rows.height else ordered, ordered, gold)

    def slope(y: _Outcome, x: FloatArray) -> WithinSlope:
        return _slope(y, x, replicates, confidence, seed)

    found: list[_Found] = []
    curves: list[pl.DataFrame] = []
    for outcome, reference, nothing in (
        (DISAGREES, answers.others, NO_OTHERS), (GOLD_ERROR, answers.gold, NO_GOLD),
    ):  # fmt: skip
        placed, timed = _judged(answers, reference)
        found += _outcome_rows(outcome, (why or nothing, nothing), answers, (placed, timed), slope)
        for factor, judged, values in (
            (POSITION, placed, answers.position), (SECONDS, timed, answers.seconds),
        ):  # fmt: skip
            if judged is not None:
                of = (judged.residual, judged.plain, judged.annotator)
                curves.append(curve(values[judged.at], *of, confidence=confidence, named=(outcome, factor)))
    pulls = [WithinSlope.none(why, rows.height)] * 2 if why else previous_label_pulls(
        ordered, n_labels=n_labels, lags=(1, 5), replicates=replicates, confidence=confidence, seed=seed
    )  # fmt: skip
    found += [(SAME_AGAIN, factor, pull) for factor, pull in zip((PREVIOUS, FIVE_BEFORE), pulls, strict=True)]
    return OrderSlopes(tuple(found), pl.concat(curves) if curves else pl.DataFrame(schema=CURVES))


def order_tables(
    parts: Sequence[OrderSlopes],
    *,
    q: float = 0.05,
    confidence: float = 0.95,
    correction: Correction = "benjamini-hochberg",
) -> list[pl.DataFrame]:
    """The table of each part (`OrderEffects.table`), the rows of all parts corrected together.

    Args:
        parts: one, or where labels are sets one a choice.
        q: false discovery rate over all rows.
        confidence: of the intervals of rows that are not picked.
        correction: Benjamini & Yekutieli where there are several parts, since a person's choices go together.

    Raises:
        BadOption: an option is out of range.
    """
    if not 0 < q < 1:
        raise BadOption("q", q, "between 0 and 1, such as 0.05")
    found = [row for part in parts for row in part.found]
    p = [None if factor == FIVE_BEFORE else slope.p_value for _, factor, slope in found]
    known = adjusted_p(pl.Series(p, dtype=pl.Float64), correction)
    picked, n_tested = (known <= q).fill_null(value=False), len(known) - known.null_count()
    level = (
        fcr_confidence(int(picked.sum()), n_tested, level=q, correction=correction)
        if picked.any()
        else confidence
    )
    rows = [
        _row(one, p_adjusted, level if is_picked else confidence, is_picked=is_picked)
        for one, p_adjusted, is_picked in zip(found, known, picked, strict=True)
    ]
    every, tables = pl.DataFrame(rows, schema=_TABLE, orient="row"), []
    for part in parts:
        tables.append(every.head(len(part.found)))
        every = every.slice(len(part.found))
    return tables


def _rows(single: pl.DataFrame, n_labels: int, idle_seconds: float) -> pl.DataFrame:
    """One vote an (item, annotator) with what most others say of its item (-1: tied, nobody), and the time taken, if known."""
    known_times(single)
    _, item = dense_codes(single.get_column("item_code"))
    label = single.get_column("label_code").cast(pl.Int64).to_numpy()
    others = top_of_others(*in_groups(item, int(item.max(initial=-1)) + 1), label, n_labels)
    seconds = pl.col("active_seconds").cast(pl.Float64)
    return single.select(
        pl.col(*VOTES.codes).cast(pl.Int64), *(name for name in ("at", "order") if name in single.columns),
        label_others=pl.Series(others), seconds=pl.when((seconds <= idle_seconds) & (seconds > 0)).then(seconds),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Answers:
    """All answers (N,): dense codes, the label given, that of the others and of gold (-1: none), place and time (NaN: unknown)."""

    annotator: IntArray
    item: IntArray
    label: IntArray
    others: IntArray
    gold: IntArray
    position: FloatArray
    session_hours: FloatArray
    block: IntArray
    seconds: FloatArray


def _answers(rows: pl.DataFrame, ordered: pl.DataFrame, gold: pl.DataFrame | None) -> _Answers:
    if rows is not ordered:
        pair = ["item_code", "annotator_code"]
        placed = ordered.select(*pair, "position", "session_hours")
        rows = rows.sort(pair).join(placed, on=pair, how="left", maintain_order="left")
    codes, item = dense_codes(rows.get_column("item_code"))
    known = np.full(codes.size, -1, dtype=np.int64)
    if gold is not None and not gold.is_empty() and codes.size:
        each = one_gold_each(gold)
        place = np.searchsorted(codes, each.get_column("item_code").to_numpy())
        is_here = codes[np.minimum(place, codes.size - 1)] == each.get_column("item_code").to_numpy()
        known[place[is_here]] = each.get_column("label_gold").to_numpy()[is_here]
    _, annotator = dense_codes(rows.get_column("annotator_code"))

    hour = rows.get_column("at").cast(ordered.get_column("at").dtype).dt.hour()

    def numbers(name: str) -> FloatArray:
        return rows.get_column(name).cast(pl.Float64).fill_null(float("nan")).to_numpy()

    return _Answers(
        annotator.astype(np.int32), item.astype(np.int32), rows.get_column("label_code").to_numpy(),
        rows.get_column("label_others").to_numpy(), known[item], numbers("position"), numbers("session_hours"),
        hour.fill_null(0).to_numpy() // 6, numbers("seconds"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of some answers: `at` (N,) which they are, who gave them, how terms are taken off, with and without those."""

    at: NDArray[np.bool_]
    annotator: IntArray
    terms: TwoWay
    residual: FloatArray
    plain: FloatArray


_Found = tuple[str, str, WithinSlope]
_Slope = Callable[[_Outcome, FloatArray], WithinSlope]
_Judged = tuple[_Outcome | None, _Outcome | None]


def _outcome(answers: _Answers, reference: IntArray, at: NDArray[np.bool_]) -> _Outcome | None:
    if not at.any():
        return None
    annotator, wrong = answers.annotator[at], (answers.label[at] != reference[at]).astype(np.float64)
    terms = two_way(annotator, answers.item[at])
    return _Outcome(at, annotator, terms, terms.residuals(wrong), wrong)


def _judged(answers: _Answers, reference: IntArray) -> _Judged:
    """The answers that have the reference: those whose place is known, and those whose time taken is; None where there are none."""
    placed, timed = (
        (reference >= 0) & np.isfinite(answers.position),
        (reference >= 0) & np.isfinite(answers.seconds),
    )
    first = _outcome(answers, reference, placed)
    return first, first if np.array_equal(placed, timed) else _outcome(answers, reference, timed)


def _outcome_rows(
    outcome: str, why: tuple[str, str], answers: _Answers, judged: _Judged, slope: _Slope
) -> list[_Found]:
    """The rows of one outcome: place, time since the beginning, hour, time taken. `why`: there is nothing, of place and of time."""
    placed, timed = judged
    n = answers.label.size
    if placed is None:
        found = [(outcome, factor, WithinSlope.none(why[0], n)) for factor in (POSITION, HOURS, *BLOCKS)]
    else:
        block = answers.block[placed.at]
        found = [(outcome, POSITION, slope(placed, answers.position[placed.at] / 100))]
        found += [(outcome, HOURS, slope(placed, answers.session_hours[placed.at]))]
        found += [
            (outcome, name, slope(placed, (block == k).astype(np.float64))) for k, name in enumerate(BLOCKS)
        ]
    if timed is not None:
        return [*found, (outcome, SECONDS, slope(timed, np.log2(answers.seconds[timed.at])))]
    nothing = why[1] if np.isfinite(answers.seconds).any() else NO_SECONDS
    return [*found, (outcome, SECONDS, WithinSlope.none(nothing, n))]


def _slope(y: _Outcome, x: FloatArray, replicates: int, confidence: float, seed: int) -> WithinSlope:
    own = x - x.mean()
    before = float(own @ own)
    if before > 0:
        n = np.maximum(np.bincount(y.annotator), 1)
        before -= float((summed(y.annotator, own, n.size) ** 2 / n).sum())
    left = y.terms.residuals(own) if before > 1e-9 * x.size else own
    if before <= 1e-9 * x.size or float(left @ left) < _LEAST_LEFT * before:
        return WithinSlope.none(SAME_ORDER, x.size)
    return slope_within(
        left, y.residual, y.annotator, unchanging=SAME_ORDER, replicates=replicates, confidence=confidence, seed=seed
    )  # fmt: skip


_TABLE = {
    "outcome": pl.String, "factor": pl.String, "unit": pl.String, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "n": pl.Int64, "n_annotators": pl.Int64, "p_value": pl.Float64, "p_adjusted": pl.Float64,
    "is_picked": pl.Boolean, "undefined": pl.String,
}  # fmt: skip


def _row(one: _Found, p_adjusted: float | None, confidence: float, *, is_picked: bool) -> tuple[object, ...]:
    outcome, factor, slope = one
    estimate = slope.estimate
    low, high = slope.interval(confidence) or (None, None)
    return (
        outcome, factor, UNITS[factor], estimate.value, low, high, estimate.n, slope.n_annotators, slope.p_value, p_adjusted,
        is_picked, estimate.undefined,
    )  # fmt: skip
