"""Order, tiredness and speed: whether labels get worse with the place in the sitting, the hour, or haste.

Each answer either differs from the label that most *others* gave to the item, or (on gold) from the gold label. The slope of
that on the place in the sitting, the time since it began, the hour of the day, or the time taken is estimated within
annotators and within items (`within_annotator`): somebody who is worse at everything, or an item that is hard and takes long,
makes no effect. Where everybody had the items in the same order, tiredness and item are the same thing and there is no figure.

What goes together is not always cause and effect: people slow down where they are unsure. Benjamini-Hochberg over the table;
the intervals of the rows picked out are FCR-adjusted (Benjamini & Yekutieli 2005).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl

from analytics.annotators import known_times, one_gold_each
from analytics.consensus import leave_one_out_majority
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, dense_codes, one_vote_each, require_labels
from analytics.intervals import benjamini_hochberg, check_interval_options
from analytics.sequence import previous_label_pull
from analytics.sessions import in_sessions, why_no_order
from analytics.within_annotator import WithinSlope, clustered_error, slope_within, without_means

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
_BINS = 10


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
    check_interval_options(replicates, confidence)
    if not 0 < idle_seconds < float("inf"):
        raise BadOption("idle_seconds", idle_seconds, "a number above 0")
    if not 0 < q < 1:
        raise BadOption("q", q, "between 0 and 1, such as 0.05")
    require_labels(votes, VOTES, n_labels)
    single = one_vote_each(votes, "first").sort("item_code", "annotator_code")
    seconds = known_times(single).get_column("active_seconds")
    others = leave_one_out_majority(single, n_labels=n_labels).get_column("label_others")
    known = pl.DataFrame(
        {"item_code": [], "label_gold": []}, schema={"item_code": pl.Int64, "label_gold": pl.Int64}
    )
    rows = single.with_columns(
        pl.col(*VOTES.codes).cast(pl.Int64),
        label_others=others,
        seconds=pl.when((seconds <= idle_seconds) & (seconds > 0)).then(seconds),
    ).join(
        known if gold is None or gold.is_empty() else one_gold_each(gold),
        on="item_code", how="left", maintain_order="left",
    )  # fmt: skip
    ordered = in_sessions(rows, gap_minutes=gap_minutes)
    why = None if ordered.height else why_no_order(rows)

    def slope(y: _Outcome, x: FloatArray) -> WithinSlope:
        return _slope(y, x, replicates, confidence, seed)

    seen = _Seen(rows, ordered, why)
    found = _outcome_rows(DISAGREES, ("label_others", NO_OTHERS), seen, slope)
    found += _outcome_rows(GOLD_ERROR, ("label_gold", NO_GOLD), seen, slope)
    for factor, lag in ((PREVIOUS, 1), (FIVE_BEFORE, 5)):
        pull = WithinSlope.none(why, rows.height) if why else previous_label_pull(
            ordered, n_labels=n_labels, lag=lag, replicates=replicates, confidence=confidence, seed=seed
        )  # fmt: skip
        found.append((SAME_AGAIN, factor, pull))
    return OrderEffects(_table(found, q, confidence), _curves(rows, ordered, confidence))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Answers (N,): who gave them, on which item, and what came of them without annotator's and item's means."""

    annotator: IntArray
    item: IntArray
    residual: FloatArray
    plain: FloatArray


@dataclass(frozen=True, slots=True)
class _Seen:
    """All answers, those whose place is known, and why none is (None: some are)."""

    rows: pl.DataFrame
    ordered: pl.DataFrame
    why: str | None


_Found = tuple[str, str, WithinSlope]
_Slope = Callable[[_Outcome, FloatArray], WithinSlope]


def _outcome(rows: pl.DataFrame, reference: str) -> _Outcome:
    _, annotator = dense_codes(rows.get_column("annotator_code"))
    _, item = dense_codes(rows.get_column("item_code"))
    wrong = (rows.get_column("label_code") != rows.get_column(reference)).cast(pl.Float64).to_numpy()
    return _Outcome(annotator, item, without_means(wrong, annotator, item), wrong)


def _outcome_rows(outcome: str, asked: tuple[str, str], seen: _Seen, slope: _Slope) -> list[_Found]:
    """The rows of one outcome: place, time since the beginning, hour, time taken."""
    reference, nothing = asked
    rows, ordered, why = seen.rows, seen.ordered, seen.why
    of_outcome = ordered.filter(pl.col(reference).is_not_null())
    found: list[_Found] = []
    missing = why or (None if of_outcome.height else nothing)
    if missing is not None:
        found += [
            (outcome, factor, WithinSlope.none(missing, rows.height)) for factor in (POSITION, HOURS, *BLOCKS)
        ]
    else:
        y = _outcome(of_outcome, reference)
        place = of_outcome.get_column("position").to_numpy() / 100
        found += [(outcome, POSITION, slope(y, place))]
        found += [(outcome, HOURS, slope(y, of_outcome.get_column("session_hours").to_numpy()))]
        block = of_outcome.get_column("at").dt.hour().to_numpy() // 6
        found += [(outcome, name, slope(y, (block == k).astype(np.float64))) for k, name in enumerate(BLOCKS)]
    timed = rows.filter(pl.col("seconds").is_not_null())
    judged = timed.filter(pl.col(reference).is_not_null())
    if judged.is_empty():
        found.append(
            (outcome, SECONDS, WithinSlope.none(nothing if timed.height else NO_SECONDS, rows.height))
        )
    else:
        found.append((outcome, SECONDS, slope(_outcome(judged, reference), _doublings(judged))))
    return found


def _doublings(rows: pl.DataFrame) -> FloatArray:
    return np.asarray(np.log2(rows.get_column("seconds").to_numpy()), dtype=np.float64)


def _slope(y: _Outcome, x: FloatArray, replicates: int, confidence: float, seed: int) -> WithinSlope:
    own = without_means(x, y.annotator)
    before = float((own * own).sum())
    left = without_means(x, y.annotator, y.item) if before > 0 else own
    if before <= 0 or float((left * left).sum()) < _LEAST_LEFT * before:
        return WithinSlope.none(SAME_ORDER, x.size)
    return slope_within(
        left, y.residual, y.annotator, unchanging=SAME_ORDER, replicates=replicates, confidence=confidence, seed=seed
    )  # fmt: skip


def _table(found: list[_Found], q: float, confidence: float) -> pl.DataFrame:
    tested = [
        k for k, (_, factor, slope) in enumerate(found) if slope.p_value is not None and factor != FIVE_BEFORE
    ]
    adjusted: list[float | None] = [None] * len(found)
    for k, p in zip(tested, benjamini_hochberg([found[k][2].p_value or 0.0 for k in tested]), strict=True):
        adjusted[k] = float(p)
    picked = [p is not None and p <= q for p in adjusted]
    level = 1 - q * sum(picked) / max(len(tested), 1)
    rows = []
    for (outcome, factor, slope), p, is_picked in zip(found, adjusted, picked, strict=True):
        estimate = slope.estimate
        low, high = slope.interval(level if is_picked else confidence) or (None, None)
        rows.append(
            (outcome, factor, UNITS[factor], estimate.value, low, high, estimate.n, slope.n_annotators, slope.p_value, p,
             is_picked, estimate.undefined)
        )  # fmt: skip
    schema = {
        "outcome": pl.String, "factor": pl.String, "unit": pl.String, "value": pl.Float64, "low": pl.Float64,
        "high": pl.Float64, "n": pl.Int64, "n_annotators": pl.Int64, "p_value": pl.Float64, "p_adjusted": pl.Float64,
        "is_picked": pl.Boolean, "undefined": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _curves(rows: pl.DataFrame, ordered: pl.DataFrame, confidence: float) -> pl.DataFrame:
    """The outcomes in tenths of place and time taken, annotator and item taken off and the mean of all put back."""
    parts = []
    for outcome, reference in ((DISAGREES, "label_others"), (GOLD_ERROR, "label_gold")):
        for factor, frame in ((POSITION, ordered), (SECONDS, rows)):
            known = frame.filter(pl.col(reference).is_not_null() & pl.col(factor).is_not_null())
            if known.height:
                values = known.get_column(factor).cast(pl.Float64).to_numpy()
                parts.append(_curve(_outcome(known, reference), values, confidence, outcome, factor))
    schema = {
        "outcome": pl.String, "factor": pl.String, "bin": pl.Int64, "at": pl.Float64, "value": pl.Float64,
        "low": pl.Float64, "high": pl.Float64, "n": pl.Int64,
    }  # fmt: skip
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def _curve(y: _Outcome, values: FloatArray, confidence: float, outcome: str, factor: str) -> pl.DataFrame:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1))[1:-1])
    place = np.searchsorted(edges, values, side="left")
    n = np.bincount(place, minlength=edges.size + 1)
    some = np.flatnonzero(n)
    level = float(y.plain.mean()) + np.bincount(place, y.residual, n.size)[some] / n[some]
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    half = np.array(
        [z * clustered_error(y.residual[place == k], y.annotator[place == k]) / n[k] for k in some]
    )
    return pl.DataFrame(
        {
            "outcome": [outcome] * some.size,
            "factor": [factor] * some.size,
            "bin": some,
            "at": np.bincount(place, values, n.size)[some] / n[some],
            "value": level,
            "low": np.maximum(level - half, 0.0),
            "high": np.minimum(level + half, 1.0),
            "n": n[some],
        }
    )
