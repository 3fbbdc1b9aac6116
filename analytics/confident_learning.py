"""Confident learning: which given labels a model's out-of-sample probabilities contradict, and how many.

C. G. Northcutt, L. Jiang and I. L. Chuang (2021), Confident learning: estimating uncertainty in dataset labels,
Journal of Artificial Intelligence Research 70, 1373-1411. The threshold of a label is its mean probability over the
items that were given it. An item is confidently of a label whose probability reaches that threshold; of several such
labels the most probable counts. The confident joint counts items by given label and confident label, is calibrated
so that its rows add up to the numbers of labels given, and says how many items to suspect of each given label and in
favour of each other one.

An item whose own label is the model's best, or within 1e-6 of it, is never suspect. Of items that are equally doubtful
the first ones are taken. The probabilities have to be out of sample: from a model that did not see the item's label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.chunks import chunk_edges, run_each
from analytics.confident_kernels import (
    CONFIDENT_OTHER,
    OTHER_BEST,
    TOLERANCE,
    States,
    best_other,
    by_label,
    compare_labels,
    mark_lowest,
    mark_widest,
    own_sums,
)
from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.label_quality import Quality, label_quality

Method = Literal[
    "noise_rate",
    "label",
    "both",
    "confident_joint",
    "predicted_other",
    "low_self_confidence",
    "low_normalized_margin",
]
BoolArray = NDArray[np.bool_]

LEAST_THRESHOLD = 2e-6
"""No threshold is lower: a label that the model never believes in would else be confident everywhere."""

LEAST_KEPT = 1
"""So many items of each label are kept beyond doubt by the counts; a label given no more often has no suspects."""


@dataclass(frozen=True, slots=True)
class ConfidentJoint:
    """How given labels and the labels that the model is confident of go together.

    Attributes:
        thresholds: (K,) mean probability of each label over the items that were given it; inf for a label that was
            given to none.
        counts: (K, K) items by given label and confident label; the diagonal is at least 1.
        calibrated: (K, K) the same in proportion, rounded so that each row adds up to how often the label was given.
        n_given: (K,) how often each label was given.
    """

    thresholds: FloatArray
    counts: IntArray
    calibrated: IntArray
    n_given: IntArray

    @property
    def wrong_share(self) -> float:
        """The share of wrong labels that the joint implies: what is off its diagonal. A model's estimate, no audit."""
        return float(1 - np.trace(self.calibrated) / self.calibrated.sum())


@dataclass(frozen=True, slots=True)
class LabelSuspects:
    """The items whose label confident learning doubts.

    Attributes:
        is_suspect: (I,) one for each item.
        suspects: one row a suspect, most doubtful first: item_code, label_code, other_label_code (the most probable
            but its own), self_confidence, normalized_margin, quality (by which they are ranked, low is doubtful).
        joint: what the numbers of suspects come from; None where there are no items.
        undefined: why there is nothing to report, else None.
    """

    is_suspect: BoolArray
    suspects: pl.DataFrame
    joint: ConfidentJoint | None
    undefined: str | None


def confident_joint(label_codes: IntArray, probabilities: FloatArray) -> ConfidentJoint:
    """The thresholds, the confident joint and the calibrated one.

    Args:
        label_codes: (I,) the given labels, in [0, K); at least one.
        probabilities: (I, K) out-of-sample probabilities; rows add up to 1.

    Raises:
        BadOption: arrays that do not fit each other, no items, or entries that are no probabilities.
    """
    if not len(label_codes):
        raise BadOption("label_codes", "an empty array", "of one label or more")
    return _Compared(label_codes, probabilities).joint


def label_suspects(
    label_codes: IntArray,
    probabilities: FloatArray,
    *,
    item_codes: IntArray | None = None,
    method: Method = "noise_rate",
    rank_by: Quality = "self_confidence",
) -> LabelSuspects:
    """The items whose label is probably wrong, ranked.

    Args:
        label_codes: (I,) the given labels, in [0, K).
        probabilities: (I, K) out-of-sample probabilities, K 2 or more. float64 is not copied.
        item_codes: (I,) how the frame names the items; by default their rows.
        method: "noise_rate": of each given and each other label, as many items as the calibrated joint has there, by
            margin p_other - p_given. "label": of each given label, as many as the joint has off its diagonal, by
            p_given. "both": those that both choose. "confident_joint": what is off the diagonal of the uncalibrated
            joint. "predicted_other": the model's best label is another. "low_self_confidence",
            "low_normalized_margin": as many as "confident_joint" has, those of the lowest quality.
        rank_by: the quality that ranks them, see `label_quality`.

    Raises:
        BadOption: arrays that do not fit each other, entries that are no probabilities, an unknown method.
    """
    if method not in get_args(Method):
        raise BadOption("method", method, get_args(Method))
    if rank_by not in get_args(Quality):
        raise BadOption("rank_by", rank_by, get_args(Quality))
    check_shapes(label_codes, probabilities)
    codes = np.arange(len(label_codes)) if item_codes is None else item_codes
    if codes.shape != label_codes.shape:
        raise BadOption("item_codes", f"array of shape {codes.shape}", "one code for each label")
    if not len(label_codes):
        nothing = np.zeros(0, dtype=np.bool_)
        frame = _ranked(nothing, codes, label_codes, probabilities, rank_by)
        return LabelSuspects(nothing, frame, None, "there are no items")
    compared = _Compared(label_codes, probabilities)
    mask = _METHODS[method](compared)
    if not method.startswith("low_"):
        mask &= (compared.state & OTHER_BEST) != 0
    frame = _ranked(mask, codes, label_codes, probabilities, rank_by)
    return LabelSuspects(mask, frame, compared.joint, None)


def check_shapes(label_codes: IntArray, probabilities: FloatArray) -> None:
    """Refuse arrays that do not fit each other.

    Raises:
        BadOption: not (I,) and (I, K) with K 2 or more, or a label code outside [0, K).
    """
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        shape = f"array of shape {probabilities.shape}"
        raise BadOption("probabilities", shape, "of shape (I, K), K 2 or more")
    if label_codes.shape != probabilities.shape[:1] or not np.issubdtype(label_codes.dtype, np.integer):
        given = f"array of shape {label_codes.shape} and {label_codes.dtype}"
        raise BadOption("label_codes", given, "one integer for each row of probabilities")
    if len(label_codes) and not 0 <= label_codes.min() <= label_codes.max() < probabilities.shape[1]:
        raise BadOption("label_codes", "a code", f"in [0, {probabilities.shape[1]})")


def kept_counts(calibrated: IntArray) -> IntArray:
    """How many items to suspect of each given label (row) for each other one (column), from the calibrated joint.

    The diagonal, what is kept of a label, is raised to LEAST_KEPT at the cost of the row's other counts.
    """
    diagonal = calibrated.diagonal()
    missing = np.maximum(LEAST_KEPT - diagonal, 0)
    n_others = np.maximum((calibrated != 0).sum(axis=1) - 1, 1)
    counts = np.maximum(calibrated - (missing / n_others)[:, None], 0.0)
    np.fill_diagonal(counts, diagonal + missing)
    return np.asarray(counts, dtype=np.int64)


def calibrate(counts: IntArray, n_given: IntArray) -> IntArray:
    """The joint with each row in proportion, of sum `n_given`: rounded, the difference made up where it costs least.

    Which of several equal remainders is rounded the other way is no matter of principle. Order of operations and sort
    are the authors', so that it is the same cell; where processors sort equals differently, one item may change.
    """
    exact = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * n_given[:, None]
    exact = exact / np.ascontiguousarray(exact.T).sum() * n_given.sum()
    rounded = np.rint(exact)
    order = np.argsort(exact - rounded, axis=1)
    rank = np.argsort(order, axis=1)
    short = (n_given - rounded.sum(axis=1)).astype(np.int64)[:, None]
    rounded += (short > 0) & (rank >= counts.shape[1] - short)
    rounded -= (short < 0) & (rank < -short)
    return np.asarray(rounded, dtype=np.int64)


class _Compared:
    """The items compared with the thresholds: what every method chooses from."""

    def __init__(self, labels: IntArray, probabilities: FloatArray) -> None:
        check_shapes(labels, probabilities)
        self.labels = np.ascontiguousarray(labels, dtype=np.int64)
        self.probabilities = np.ascontiguousarray(probabilities, dtype=np.float64)
        n_items, n_labels = probabilities.shape
        self._chunks = chunk_edges(n_items, n_annotations=n_items, cells_per_chunk=2 * n_labels**2)
        self.own: FloatArray = np.empty(n_items)
        self.state: States = np.empty(n_items, dtype=np.uint8)
        sums, n_given = self._sums()
        given = n_given > 0
        thresholds = np.full(n_labels, np.inf)
        thresholds[given] = np.maximum(sums[given] / n_given[given], LEAST_THRESHOLD)
        counts, self.before = self._compare(thresholds - TOLERANCE)
        np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1))
        self.joint = ConfidentJoint(thresholds, counts, calibrate(counts, n_given), n_given)

    def _sums(self) -> tuple[FloatArray, IntArray]:
        def work(chunk: int) -> tuple[FloatArray, int, int]:
            return own_sums(self._chunks[chunk], self.labels, self.probabilities, self.own)

        parts = run_each(work, len(self._chunks))
        if sum(n_outside for _, n_outside, _ in parts):
            raise BadOption("probabilities", "an entry", "in [0, 1]")
        if sum(n_unequal for _, _, n_unequal in parts):
            raise BadOption("probabilities", "a row", "of sum 1")
        sums, n_given = np.sum([found for found, _, _ in parts], axis=0)
        return sums, n_given.astype(np.int64)

    def _compare(self, reached: FloatArray) -> tuple[IntArray, IntArray]:
        def work(chunk: int) -> tuple[IntArray, IntArray]:
            return compare_labels(self._chunks[chunk], self.labels, self.probabilities, reached, self.state)

        parts = run_each(work, len(self._chunks))
        joint, before = np.sum(parts, axis=0)
        return joint, before

    def by_noise_rate(self) -> BoolArray:
        wanted = kept_counts(self.joint.calibrated)
        np.fill_diagonal(wanted, 0)
        wanted[self.joint.n_given <= LEAST_KEPT] = 0
        # Where more are wanted than have the other label before their own, the rest has to be looked at too.
        everyone = np.any(wanted > self.before, axis=1)
        starts, items = by_label(self.labels, self.state, everyone)
        marked = np.zeros(len(self.labels), dtype=np.bool_)

        def work(label: int) -> None:
            own = items[starts[label] : starts[label + 1]]
            floor = -np.inf if everyone[label] else 0.0
            mark_widest(own, label, wanted[label], floor, self.probabilities, marked)

        run_each(work, len(everyone))
        return marked

    def by_own_label(self) -> BoolArray:
        n_given = self.joint.n_given
        wanted = n_given - kept_counts(self.joint.calibrated).diagonal()
        wanted[n_given <= LEAST_KEPT] = 0
        starts, items = by_label(self.labels, self.state, np.ones(len(wanted), dtype=np.bool_))
        marked = np.zeros(len(self.labels), dtype=np.bool_)

        def work(label: int) -> None:
            mark_lowest(items[starts[label] : starts[label + 1]], int(wanted[label]), self.own, marked)

        run_each(work, len(wanted))
        return marked

    def by_both(self) -> BoolArray:
        return self.by_noise_rate() & self.by_own_label()

    def by_joint(self) -> BoolArray:
        return np.asarray((self.state & CONFIDENT_OTHER) != 0)

    def by_prediction(self) -> BoolArray:
        return np.asarray((self.state & OTHER_BEST) != 0)

    def by_quality(self, quality: Quality) -> BoolArray:
        n = int((self.by_joint() & self.by_prediction()).sum())
        values = label_quality(self.labels, self.probabilities, method=quality)
        marked = np.zeros(len(values), dtype=np.bool_)
        mark_lowest(np.arange(len(values)), n, values, marked)
        return marked


_METHODS: dict[str, Callable[[_Compared], BoolArray]] = {
    "noise_rate": _Compared.by_noise_rate,
    "label": _Compared.by_own_label,
    "both": _Compared.by_both,
    "confident_joint": _Compared.by_joint,
    "predicted_other": _Compared.by_prediction,
    "low_self_confidence": lambda compared: compared.by_quality("self_confidence"),
    "low_normalized_margin": lambda compared: compared.by_quality("normalized_margin"),
}


def _ranked(
    mask: BoolArray, codes: IntArray, labels: IntArray, probabilities: FloatArray, rank_by: Quality
) -> pl.DataFrame:
    rows = np.flatnonzero(mask)
    given = np.ascontiguousarray(labels[rows], dtype=np.int64)
    doubted = np.ascontiguousarray(probabilities[rows], dtype=np.float64)
    other, p_other = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
    best_other((0, len(rows)), given, doubted, other, p_other)
    own = doubted[np.arange(len(rows)), given]
    frame = pl.DataFrame(
        {
            "item_code": codes[rows].astype(np.int64),
            "label_code": given,
            "other_label_code": other,
            "self_confidence": own,
            "normalized_margin": (own - p_other + 1) / 2,
            "quality": label_quality(given, doubted, method=rank_by),
        }
    )
    return frame.sort("quality", "item_code")
