"""Whether probabilities mean what they say: of the items given p = 0.8, are four in five so?

Everything works on a probability p and an outcome (it was so, or not) for each item: that the likeliest label is
right (`top_label`), or that the item has a given label (`label_outcomes`). Items are put into bins of about equal
numbers by p; equal probabilities are never parted. The error is the root of

    sum_b w_b (share_b - p_b)^2,    w_b = n_b / I,

with share_b the observed share and p_b the mean probability of bin b. Put in as it stands (the "plug-in") it is
biased upward, since shares scatter even where p is right; Kumar, Liang & Ma (2019, NeurIPS, "Verified uncertainty
calibration") take the expected scatter off: sum_b w_b ((share_b - p_b)^2 - share_b (1 - share_b) / (n_b - 1)). The
result can be below 0, which says that no error shows; its root is then 0. Binning hides errors that cancel
within a bin: the figure is a lower bound of the error before binning.

Items are taken as independent, and the outcome as known: where it comes from annotators, their errors look like the
model's. Probabilities have to be out of sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray, Patterns
from analytics.intervals import check_interval_options, percentile_interval, resampled_weights
from analytics.reliability import N_BINS, PER_BIN, Outcomes, check_outcomes, equal_mass_bins
from analytics.results import Estimate

MIN_ITEMS = 2 * PER_BIN
"""Items that an error of calibration needs."""

_CELLS = 2000
"""Groups of neighbouring probabilities that the bootstrap draws from; where items are fewer it draws items. The
spread of p within such a group is left out: at most a 2,000th of the ranks wide, it is nothing beside the rest."""


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """How far probabilities are from observed shares.

    Attributes:
        debiased: the error, a root mean square, at least 0, with its bootstrap interval over items. The interval
            is turned round the estimate (basic bootstrap), since resampling adds the bias that was taken off.
        squared: what `debiased` is the root of; below 0 where no error shows. None where undefined.
        plug_in: the same without the correction: biased upward.
        mean_absolute: sum_b w_b |share_b - p_b|, which many call ECE: biased upward likewise.
        overconfidence: mean probability minus observed share, with its bootstrap interval; above 0: too sure.
        n_bins: the bins used.
    """

    debiased: Estimate
    squared: float | None
    plug_in: float | None
    mean_absolute: float | None
    overconfidence: Estimate
    n_bins: int


def calibration_error(
    p: FloatArray,
    outcomes: Outcomes,
    *,
    n_bins: int = N_BINS,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> CalibrationError:
    """The debiased error of calibration, and the plug-in ones beside it.

    Args:
        p: (I,) probabilities.
        outcomes: (I,) whether it was so.
        n_bins: as `reliability`.
        replicates: of the bootstrap over items, bins kept; 0: no intervals.
        seed: of the bootstrap.
        confidence: of the intervals.

    Returns:
        Undefined under MIN_ITEMS items.

    Raises:
        BadOption: arrays or an option that break the contract.
    """
    check_outcomes(p, outcomes)
    check_interval_options(replicates, confidence)
    if len(p) < MIN_ITEMS:
        none = Estimate.none(f"calibration needs {MIN_ITEMS} items or more", n=len(p))
        return CalibrationError(none, None, None, None, none, 0)
    cells = _cells_of(p, outcomes, n_bins)
    squared, plug_in, absolute, gap = cells.measure(cells.n_items[None, :].astype(np.float64))[:, 0].tolist()
    patterns = Patterns(np.zeros((len(cells.n_items), 1)), cells.n_items)
    drawn = [cells.measure(weights) for weights in resampled_weights(patterns, replicates, seed)]
    replicate = np.concatenate(drawn, axis=1) if drawn else np.zeros((4, 0))
    low, high = _turned(percentile_interval(replicate[0], confidence), squared, plug_in)
    gap_low, gap_high = percentile_interval(replicate[3], confidence) or (None, None)
    return CalibrationError(
        debiased=Estimate(max(squared, 0.0) ** 0.5, low, high, len(p)),
        squared=squared,
        plug_in=plug_in**0.5,
        mean_absolute=absolute,
        overconfidence=Estimate(gap, gap_low, gap_high, len(p), unit="coefficient"),
        n_bins=cells.to_bin.shape[1],
    )


def calibration_by_group(
    p: FloatArray,
    outcomes: Outcomes,
    group_codes: IntArray,
    *,
    min_items: int = 100,
    n_bins: int = N_BINS,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """`calibration_error` of each group of items by itself. Intervals are not adjusted for the number of groups.

    Args:
        p: (I,) probabilities.
        outcomes: (I,) whether it was so.
        group_codes: (I,) each item's group, 0 or more.
        min_items: items that a group needs; under it its figures are undefined.
        n_bins: as `calibration_error`, like the rest.
        replicates: see `n_bins`.
        seed: see `n_bins`.
        confidence: see `n_bins`.

    Returns:
        One row a group, sorted: group_code, n, error, low, high (debiased), plug_in, overconfidence,
        overconfidence_low, overconfidence_high, undefined.

    Raises:
        BadOption: arrays or an option that break the contract.
    """
    check_outcomes(p, outcomes)
    if group_codes.shape != p.shape or not np.issubdtype(group_codes.dtype, np.integer):
        raise BadOption("group_codes", f"array of shape {group_codes.shape}", "one integer for each item")
    order = np.argsort(group_codes, kind="stable")
    groups, starts = np.unique(group_codes[order], return_index=True)
    rows = []
    for group, (first, last) in zip(groups, pairwise([*starts, len(order)]), strict=True):
        own = order[first:last]
        found = calibration_error(
            p[own], outcomes[own], n_bins=n_bins, replicates=replicates, seed=seed, confidence=confidence
        )
        too_few = f"fewer than {min_items} items" if len(own) < min_items else None
        rows.append({"group_code": int(group)} | _row(found, too_few))
    return pl.DataFrame(rows, schema={"group_code": pl.Int64, **_ROW_SCHEMA})


def calibration_by_label(
    probabilities: FloatArray,
    has_label: Outcomes,
    *,
    min_items: int = 20,
    n_bins: int = N_BINS,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """`calibration_error` of each label's probability over all items: for one label an item, and for sets.

    Args:
        probabilities: (I, K).
        has_label: (I, K) whether the item has the label; for one label an item
            `label_codes[:, None] == np.arange(K)`.
        min_items: items that have the label, and as many that have it not, that a label needs; under it its figures
            are undefined.
        n_bins: as `calibration_error`, like the rest.
        replicates: see `n_bins`.
        seed: see `n_bins`.
        confidence: see `n_bins`.

    Returns:
        One row a label, with label_code for group_code, otherwise as `calibration_by_group`.

    Raises:
        BadOption: arrays or an option that break the contract.
    """
    if probabilities.ndim != 2 or has_label.shape != probabilities.shape:
        raise BadOption(
            "has_label", f"array of shape {has_label.shape}", "of the shape of probabilities, (I, K)"
        )
    rows = []
    for label in range(probabilities.shape[1]):
        own, outcomes = np.asarray(probabilities[:, label], dtype=np.float64), has_label[:, label]
        found = calibration_error(
            own, outcomes, n_bins=n_bins, replicates=replicates, seed=seed, confidence=confidence
        )
        n_with = int(outcomes.sum())
        few = min(n_with, len(own) - n_with) < min_items
        too_few = f"fewer than {min_items} items have the label, or have it not" if few else None
        rows.append({"label_code": label} | _row(found, too_few))
    return pl.DataFrame(rows, schema={"label_code": pl.Int64, **_ROW_SCHEMA})


@dataclass(frozen=True, slots=True)
class _Cells:
    """Items of one bin, of neighbouring probabilities and one outcome: what the bootstrap draws.

    Attributes:
        n_items: (C,).
        p: (C,) mean probability.
        was_so: (C,) 0 or 1.
        to_bin: (C, B) 1 at the cell's bin.
    """

    n_items: IntArray
    p: FloatArray
    was_so: FloatArray
    to_bin: FloatArray

    def measure(self, weights: FloatArray) -> FloatArray:
        """(4, R) of weights (R, C): squared debiased, squared plug-in, mean absolute error, overconfidence."""
        n = weights @ self.to_bin
        so = weights @ (self.was_so[:, None] * self.to_bin)
        p = weights @ (self.p[:, None] * self.to_bin)
        gap = np.divide(p - so, n, out=np.zeros_like(n), where=n > 0)
        scatter = np.divide(so * (n - so), n * n * (n - 1), out=np.zeros_like(n), where=n > 1)
        share = n / n.sum(axis=1, keepdims=True)
        plug_in = (share * gap * gap).sum(axis=1)
        debiased = plug_in - (share * scatter).sum(axis=1)
        return np.stack([debiased, plug_in, (share * abs(gap)).sum(axis=1), (share * gap).sum(axis=1)])


def _cells_of(p: FloatArray, outcomes: Outcomes, n_bins: int) -> _Cells:
    bins = equal_mass_bins(p, n_bins)
    rank = np.empty(len(p), dtype=np.int64)
    rank[np.argsort(p, kind="stable")] = np.arange(len(p))
    fine = rank * min(_CELLS, len(p)) // len(p)
    cells = (
        pl.DataFrame({"bin": bins, "fine": fine, "was_so": outcomes, "p": p.astype(np.float64)})
        .group_by("bin", "fine", "was_so")
        .agg(n=pl.len().cast(pl.Int64), p=pl.col("p").mean())
        .sort("bin", "fine", "was_so")
    )
    of_cell = cells.get_column("bin").to_numpy()
    return _Cells(
        n_items=cells.get_column("n").to_numpy(),
        p=cells.get_column("p").to_numpy(),
        was_so=cells.get_column("was_so").cast(pl.Float64).to_numpy(),
        to_bin=(of_cell[:, None] == np.arange(int(bins.max()) + 1)).astype(np.float64),
    )


def _turned(
    drawn: tuple[float, float] | None, squared: float, plug_in: float
) -> tuple[float, float] | tuple[None, None]:
    """The basic bootstrap's interval of the error, from that of the replicates of its debiased square.

    In the resampled world the truth is the plug-in square of the sample, which the replicates scatter round.
    """
    if drawn is None:
        return None, None
    value = max(squared, 0.0)
    low = min(max(squared - (drawn[1] - plug_in), 0.0), value)
    high = max(squared - (drawn[0] - plug_in), value)
    return low**0.5, high**0.5


_ROW_SCHEMA: dict[str, type[pl.DataType]] = {
    "n": pl.Int64,
    "error": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "plug_in": pl.Float64,
    "overconfidence": pl.Float64,
    "overconfidence_low": pl.Float64,
    "overconfidence_high": pl.Float64,
    "undefined": pl.String,
}


def _row(found: CalibrationError, too_few: str | None) -> dict[str, object]:
    """The columns of _ROW_SCHEMA; no figure where there are too few items."""
    undefined = too_few or found.debiased.undefined
    n: dict[str, object] = {"n": found.debiased.n, "undefined": undefined}
    if undefined is not None:
        return n | dict.fromkeys(_ROW_SCHEMA.keys() - n.keys())
    return n | {
        "error": found.debiased.value,
        "low": found.debiased.low,
        "high": found.debiased.high,
        "plug_in": found.plug_in,
        "overconfidence": found.overconfidence.value,
        "overconfidence_low": found.overconfidence.low,
        "overconfidence_high": found.overconfidence.high,
    }
