"""The probability that a label is wrong, learned from the team's own verdicts on relabelled items.

Detectors score items; people relabel some of them and say which labels were wrong. Flagged items alone would teach
that most labels are wrong: so a random slice of the unflagged items is relabelled too, blind, and every verdict counts
1 / (the probability that its item was chosen) (D. G. Horvitz and D. J. Thompson 1952, A generalization of sampling
without replacement from a finite universe, JASA 47, 663-685).

Model: logistic regression on the scores, standardised, with a ridge penalty; a score may only raise the probability,
never lower it, unless it is named as free. Fitted by weighted likelihood. The probability of a judged item comes from
a fit that did not see its verdict (cross-fitting in folds). Intervals of single probabilities are from the sandwich
variance (H. White 1982, Maximum likelihood estimation of misspecified models, Econometrica 50, 1-25), given which
scores count.

Gain over an uncalibrated probability is in Brier score and log loss on those out-of-fold probabilities, weighted in the
same way: a monotone calibration cannot change AUROC, so that is not reported. Intervals: bootstrap of the judged items
within flagged and unflagged, the folds' fits kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import FloatArray, IntArray
from analytics.intervals import check_interval_options, percentile_interval
from analytics.logistic import Logistic, fit_logistic
from analytics.results import Estimate
from analytics.wrong_counts import WrongCounts, count_wrong

LEAST_P = 1e-3
"""Probabilities nearer to 0 or 1 count as this in the log loss, ours and the base's: one verdict must not decide it."""

LEAST_LOG_ODDS_P = 1e-6
"""Probabilities nearer to 0 or 1 enter the model as this."""

MIN_VERDICTS = 50
MIN_EACH = 10
"""Fewer wrong, or fewer right, verdicts teach nothing that could be trusted."""
MIN_SLICE = 20
"""Fewer verdicts on unflagged items are no slice."""


@dataclass(frozen=True, slots=True)
class Gain:
    """How good the learned probabilities are against the base, lower being better for both scores.

    Attributes:
        base: the score of the uncalibrated base.
        constant: the score of giving every item the weighted share of wrong verdicts: a base that is far off is easily
            beaten, and what is learned about single items shows against this one.
        learned: the score of the learned, out-of-fold probabilities.
        gain: base minus learned: above 0 where learning helped.
    """

    base: Estimate
    constant: Estimate
    learned: Estimate
    gain: Estimate


@dataclass(frozen=True, slots=True)
class WrongLabels:
    """What the verdicts teach.

    Attributes:
        items: one row an item, sorted: item_code, p_wrong, p_low, p_high, is_judged (then p_wrong is out of fold).
        effects: one row a score: name, log_odds_a_deviation (what a standard deviation more adds to the log odds).
        brier: mean squared error of the probabilities.
        log_loss: mean negative log likelihood, with LEAST_P.
        counts: how many labels are wrong, and how many of them are flagged.
        undefined: why nothing was learned, else None; the frames are then empty. `counts` may still be there.
    """

    items: pl.DataFrame
    effects: pl.DataFrame
    brier: Gain
    log_loss: Gain
    counts: WrongCounts
    undefined: str | None


def p_wrong(
    scores: pl.DataFrame,
    verdicts: pl.DataFrame,
    *,
    base: str,
    probabilities: Sequence[str] = (),
    free: Sequence[str] = (),
    ridge: float = 1.0,
    n_folds: int = 5,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> WrongLabels:
    """The calibrated probability of every item that its label is wrong. The order of rows changes nothing.

    Args:
        scores: one row an item: item_code, is_flagged, and a float column a detector, high for doubt, no nulls.
        verdicts: one row a judged item: item_code, is_wrong, p_sampled (the probability with which it was chosen for
            relabelling: 1 for all flagged items if all are, the slice's share for unflagged ones).
        base: the score that is the uncalibrated probability to compare with, in [0, 1].
        probabilities: the scores that enter as log odds; they are in [0, 1].
        free: the scores that may also lower the probability.
        ridge: penalty of half its size times the squared effects, against the summed log likelihood; more than 0.
        n_folds: folds of the cross-fit, 2 or more.
        replicates: of the bootstrap; 0 for no intervals.
        confidence: of all intervals.
        seed: of folds and bootstrap.

    Raises:
        MissingColumn, BadColumn, BadOption: frames or options that break their contract.
    """
    names = _score_names(scores, base, probabilities, free)
    check_interval_options(replicates, confidence)
    if not ridge > 0:
        raise BadOption("ridge", ridge, "more than 0")
    if isinstance(n_folds, bool) or not isinstance(n_folds, int) or n_folds < 2:
        raise BadOption("n_folds", n_folds, "a whole number of 2 or more")
    scores = scores.sort("item_code")
    judged = _Judged.of(scores, verdicts)
    counts = count_wrong(
        scores.get_column("is_flagged").to_numpy(),
        judged.is_flagged, judged.is_wrong, judged.p_sampled,
        confidence=confidence, seed=seed,
    )  # fmt: skip
    reason = _too_few(scores, judged)
    if reason is not None:
        nothing = Gain(*(Estimate.none(reason, n=len(judged.rows), n_unit="verdicts"),) * 4)
        return WrongLabels(
            _items_frame(scores.head(0)), _effects_frame([], []), nothing, nothing, counts, reason
        )
    design = _design(scores, names, probabilities, judged)
    signed = np.array([name not in free for name in names])
    whole = fit_logistic(design[judged.rows], judged.is_wrong, judged.weights, signed=signed, ridge=ridge)
    learned = _cross_fitted(design[judged.rows], judged, signed, ridge, n_folds, seed)
    p_base = scores.get_column(base).to_numpy()[judged.rows]
    brier, log_loss = _gains(p_base, learned, judged, replicates, confidence, seed)
    return WrongLabels(
        _items_frame(scores, whole, design, judged.rows, learned, confidence),
        _effects_frame(names, whole.effects.tolist()),
        brier,
        log_loss,
        counts,
        None,
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """The judged items, in order of item code."""

    rows: IntArray  # of the sorted scores
    is_wrong: NDArray[np.bool_]
    is_flagged: NDArray[np.bool_]
    p_sampled: FloatArray

    @classmethod
    def of(cls, scores: pl.DataFrame, verdicts: pl.DataFrame) -> _Judged:
        _require(
            verdicts,
            "verdicts",
            {"item_code": "integers", "is_wrong": "true or false", "p_sampled": "numbers"},
        )
        p = verdicts.get_column("p_sampled").cast(pl.Float64)
        if not (p.is_between(0, 1, closed="right") & p.is_finite()).all():
            raise BadColumn("verdicts", "p_sampled", "has a value that is not in (0, 1]")
        rows = scores.select("item_code", "is_flagged").with_row_index("row")
        found = verdicts.select("item_code", "is_wrong", p_sampled=p).join(rows, on="item_code", how="left")
        if found.get_column("row").null_count():
            raise BadColumn("verdicts", "item_code", "names an item that has no scores")
        found = found.sort("row")
        return cls(
            found.get_column("row").cast(pl.Int64).to_numpy(),
            found.get_column("is_wrong").to_numpy(),
            found.get_column("is_flagged").to_numpy(),
            found.get_column("p_sampled").to_numpy(),
        )

    @property
    def weights(self) -> FloatArray:
        """1 / p, with mean 1: so that the ridge counts against as many verdicts as there are."""
        weights = 1 / self.p_sampled
        return np.asarray(weights / weights.mean())


def _require(frame: pl.DataFrame, name: str, columns: dict[str, str]) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise MissingColumn(name, missing, frame.columns, why=f"It needs {', '.join(columns)}.")
    for column, kind in columns.items():
        series = frame.get_column(column)
        if series.null_count():
            raise BadColumn(name, column, f"has {series.null_count()} nulls")
        fits = {
            "integers": series.dtype.is_integer(),
            "true or false": series.dtype == pl.Boolean,
            "numbers": series.dtype.is_numeric(),
        }
        if len(series) and not fits[kind]:
            raise BadColumn(name, column, f"has to hold {kind}; it holds {series.dtype}")
    if frame.get_column("item_code").n_unique() != frame.height:
        raise BadColumn(name, "item_code", "names an item twice")


def _score_names(
    scores: pl.DataFrame, base: str, probabilities: Sequence[str], free: Sequence[str]
) -> list[str]:
    """The columns that are scores, in order of their names, checked."""
    names = sorted(set(scores.columns) - {"item_code", "is_flagged"})
    for asked in (base, *probabilities, *free):
        if asked not in names:
            raise MissingColumn("scores", [asked], scores.columns)
    if not names:
        raise BadOption("scores", "a frame without scores", "of one score or more")
    _require(
        scores,
        "scores",
        {"item_code": "integers", "is_flagged": "true or false"} | dict.fromkeys(names, "numbers"),
    )
    for name in names:
        values = scores.get_column(name).cast(pl.Float64)
        if not values.is_finite().all():
            raise BadColumn("scores", name, "has a value that is not finite")
        if name in (base, *probabilities) and not values.is_between(0, 1).all():
            raise BadColumn("scores", name, "is a probability and has a value outside [0, 1]")
    return names


def _too_few(scores: pl.DataFrame, judged: _Judged) -> str | None:
    n, n_wrong = len(judged.rows), int(judged.is_wrong.sum())
    if n < MIN_VERDICTS:
        return f"{n} verdicts are fewer than {MIN_VERDICTS}"
    if min(n_wrong, n - n_wrong) < MIN_EACH:
        return f"{n_wrong} wrong and {n - n_wrong} right verdicts: fewer than {MIN_EACH} of one kind"
    n_slice = int((~judged.is_flagged).sum())
    if not scores.get_column("is_flagged").all() and n_slice < MIN_SLICE:
        return f"{n_slice} verdicts on unflagged items are fewer than {MIN_SLICE}: flagged items alone would mislead"
    return None


def _design(
    scores: pl.DataFrame, names: Sequence[str], probabilities: Sequence[str], judged: _Judged
) -> FloatArray:
    """(I, S) scores, probabilities as log odds, standardised by the weighted judged items; a constant one is 0."""
    columns = []
    for name in names:
        values = scores.get_column(name).cast(pl.Float64).to_numpy()
        if name in probabilities:
            p = np.clip(values, LEAST_LOG_ODDS_P, 1 - LEAST_LOG_ODDS_P)
            values = np.log(p / (1 - p))
        mean = np.average(values[judged.rows], weights=judged.weights)
        deviation = np.average((values[judged.rows] - mean) ** 2, weights=judged.weights) ** 0.5
        columns.append((values - mean) / deviation if deviation > 0 else np.zeros(len(values)))
    return np.stack(columns, axis=1)


def _cross_fitted(
    design: FloatArray, judged: _Judged, signed: NDArray[np.bool_], ridge: float, n_folds: int, seed: int
) -> FloatArray:
    """Each judged item's probability from the fit of the other folds; folds have their share of every kind."""
    rng = np.random.default_rng(seed)
    kind = 2 * judged.is_flagged + judged.is_wrong
    order = rng.permutation(len(kind))
    order = order[np.argsort(kind[order], kind="stable")]
    fold = np.empty(len(kind), dtype=np.int64)
    fold[order] = np.arange(len(kind)) % n_folds
    learned = np.empty(len(kind))
    for held_out in range(n_folds):
        rest, own = fold != held_out, fold == held_out
        fit = fit_logistic(
            design[rest], judged.is_wrong[rest], judged.weights[rest], signed=signed, ridge=ridge
        )
        learned[own] = fit.probabilities(design[own])
    return learned


def _gains(
    p_base: FloatArray, learned: FloatArray, judged: _Judged, replicates: int, confidence: float, seed: int
) -> tuple[Gain, Gain]:
    wrong, weights = judged.is_wrong, 1 / judged.p_sampled
    share = float(weights @ wrong / weights.sum())
    offered = np.stack([p_base, np.full(len(wrong), share), learned])
    clipped = np.clip(offered, LEAST_P, 1 - LEAST_P)
    rng = np.random.default_rng(seed)
    drawn = np.zeros((replicates, len(wrong)))
    for own in (np.flatnonzero(judged.is_flagged), np.flatnonzero(~judged.is_flagged)):
        if len(own):
            drawn[:, own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), size=replicates)
    drawn *= weights

    def gain(losses: FloatArray) -> Gain:
        losses = np.concatenate([losses, losses[:1] - losses[2:]])
        means = losses @ weights / weights.sum()
        spread = losses @ drawn.T / drawn.sum(axis=1)
        return Gain(*(_estimate(*pair, len(wrong), confidence) for pair in zip(means, spread, strict=True)))

    return gain((offered - wrong) ** 2), gain(-np.log(np.where(wrong, clipped, 1 - clipped)))


def _estimate(value: float, spread: FloatArray, n: int, confidence: float) -> Estimate:
    low, high = percentile_interval(spread, confidence) or (None, None)
    return Estimate(float(value), low, high, n, unit="loss", n_unit="verdicts")


def _items_frame(
    scores: pl.DataFrame,
    fit: Logistic | None = None,
    design: FloatArray | None = None,
    judged: IntArray | None = None,
    learned: FloatArray | None = None,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """All items; a judged one has its out-of-fold probability in the middle of an interval as wide as the fit's."""
    if fit is None or design is None or judged is None or learned is None:
        floats = dict.fromkeys(("p_wrong", "p_low", "p_high"), pl.Float64)
        return pl.DataFrame(schema={"item_code": pl.Int64, **floats, "is_judged": pl.Boolean})
    log_odds, half = fit.log_odds(design), fit.half_width(design, confidence)
    log_odds[judged] = np.log(learned / (1 - learned))
    is_judged = np.zeros(len(log_odds), dtype=np.bool_)
    is_judged[judged] = True
    p, low, high = (1 / (1 + np.exp(-at)) for at in (log_odds, log_odds - half, log_odds + half))
    codes = scores.get_column("item_code").cast(pl.Int64)
    return pl.DataFrame(
        {"item_code": codes, "p_wrong": p, "p_low": low, "p_high": high, "is_judged": is_judged}
    )


def _effects_frame(names: Sequence[str], effects: Sequence[float]) -> pl.DataFrame:
    schema = {"name": pl.String, "log_odds_a_deviation": pl.Float64}
    return pl.DataFrame([list(names), list(effects)], schema=schema)
