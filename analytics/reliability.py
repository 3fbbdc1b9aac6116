"""The rows of a reliability diagram: probabilities beside observed shares, in bins of about equal numbers of items.

A probability p and an outcome (it was so, or not) for each item: that the likeliest label is right (`top_label`), or
that the item has a given label (`label_outcomes`). Equal probabilities are never parted, so bins may be uneven.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.intervals import check_interval_options, wilson_bounds

Outcomes = NDArray[np.bool_]

N_BINS = 15
"""Bins where there are items enough for them."""

PER_BIN = 10
"""Items that a bin has at the least; where there are fewer, there are fewer bins."""

_SUM_WITHIN = 1e-3


def top_label(probabilities: FloatArray, label_codes: IntArray) -> tuple[FloatArray, Outcomes]:
    """The largest probability of each item (I,), and whether its label (the smallest code of several) is right.

    Args:
        probabilities: (I, K), rows sum to 1.
        label_codes: (I,) the labels as known, in [0, K).

    Raises:
        BadOption: arrays whose shapes do not fit, or what is no probability or no code.
    """
    check_labelled(probabilities, label_codes)
    best = probabilities.argmax(axis=1)
    return np.asarray(probabilities.max(axis=1), dtype=np.float64), best == label_codes


def label_outcomes(
    probabilities: FloatArray, label_codes: IntArray, label_code: int
) -> tuple[FloatArray, Outcomes]:
    """The probability of one label for each item (I,), and whether the item has it.

    Raises:
        BadOption: as `top_label`; a label outside [0, K).
    """
    check_labelled(probabilities, label_codes)
    if not 0 <= label_code < probabilities.shape[1]:
        raise BadOption("label_code", label_code, f"in [0, {probabilities.shape[1]})")
    return np.asarray(probabilities[:, label_code], dtype=np.float64), label_codes == label_code


def reliability(
    p: FloatArray, outcomes: Outcomes, *, n_bins: int = N_BINS, confidence: float = 0.95
) -> pl.DataFrame:
    """The rows of a reliability diagram: bins of about equal numbers of items, by probability.

    Args:
        p: (I,) probabilities.
        outcomes: (I,) whether it was so.
        n_bins: at most so many bins, of PER_BIN items or more (ties make them uneven).
        confidence: of Wilson's interval of each share, taken by itself.

    Returns:
        One row a bin: bin, n, p_low and p_high (its ends), p_mean, observed_share, low, high.

    Raises:
        BadOption: arrays or an option that break the contract.
    """
    check_outcomes(p, outcomes)
    check_interval_options(0, confidence)
    frame = pl.DataFrame(
        {
            "bin": equal_mass_bins(p, n_bins),
            "p": p.astype(np.float64),
            "was_so": np.asarray(outcomes, np.int64),
        }
    )
    bins = (
        frame.group_by("bin")
        .agg(
            n=pl.len().cast(pl.Int64),
            p_low=pl.col("p").min(),
            p_high=pl.col("p").max(),
            p_mean=pl.col("p").mean(),
            n_so=pl.col("was_so").sum(),
        )
        .sort("bin")
    )
    low, high = wilson_bounds(
        bins.get_column("n_so").to_numpy(), bins.get_column("n").to_numpy(), confidence=confidence
    )
    shares = bins.with_columns(
        observed_share=pl.col("n_so") / pl.col("n"), low=pl.Series(low), high=pl.Series(high)
    )
    return shares.drop("n_so")


def equal_mass_bins(p: FloatArray, n_bins: int) -> IntArray:
    """The bin (I,) of each probability: 0, 1, ... by p, of about I / n_bins items, each of PER_BIN or more.

    >>> equal_mass_bins(np.repeat([0.1, 0.9, 0.5], [10, 20, 10]), 3).tolist()[::10]
    [0, 2, 2, 1]
    """
    check_bins(n_bins)
    ranked = np.sort(p)
    wanted = max(min(n_bins, len(p) // PER_BIN), 1)
    starts = np.searchsorted(ranked, ranked[len(p) * np.arange(1, wanted) // wanted])
    edges: list[float] = []
    begin = 0
    for start in starts:
        if start - begin >= PER_BIN and len(p) - start >= PER_BIN:
            edges.append(ranked[start])
            begin = start
    return np.searchsorted(np.array(edges), p, side="right").astype(np.int64)


def check_bins(n_bins: int) -> None:
    """Refuse a number of bins that is not a whole number of 1 or more (BadOption)."""
    if isinstance(n_bins, bool) or not isinstance(n_bins, int) or n_bins < 1:
        raise BadOption("n_bins", n_bins, "a whole number, 1 or more")


def check_outcomes(p: FloatArray, outcomes: Outcomes) -> None:
    """Refuse what is not one probability and one outcome an item (BadOption)."""
    if p.ndim != 1 or not np.issubdtype(p.dtype, np.floating):
        raise BadOption("p", f"array of {p.dtype}, shape {p.shape}", "of floating point, shape (I,)")
    if outcomes.shape != p.shape or outcomes.dtype != np.bool_:
        given = f"array of {outcomes.dtype}, shape {outcomes.shape}"
        raise BadOption("outcomes", given, f"of bool, shape {p.shape}")
    if len(p) and not (p.min() >= 0 and p.max() <= 1):
        raise BadOption("p", "an entry", "in [0, 1]")


def check_labelled(probabilities: FloatArray, label_codes: IntArray) -> None:
    """Refuse what is not one row of K probabilities and one label in [0, K) an item (BadOption)."""
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        given = f"array of shape {probabilities.shape}"
        raise BadOption("probabilities", given, "of shape (I, K), K 2 or more")
    check_codes(label_codes, len(probabilities), probabilities.shape[1])
    if len(probabilities) and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise BadOption("probabilities", "an entry", "in [0, 1]")
    if not np.allclose(probabilities.sum(axis=1), 1, rtol=0, atol=_SUM_WITHIN):
        raise BadOption("probabilities", "a row", "of sum 1")


def check_codes(label_codes: IntArray, n_items: int, n_labels: int) -> None:
    """Refuse what is not one label in [0, K) for each of I items (BadOption)."""
    if label_codes.shape != (n_items,) or not np.issubdtype(label_codes.dtype, np.integer):
        given = f"array of {label_codes.dtype}, shape {label_codes.shape}"
        raise BadOption("label_codes", given, f"of integers, shape ({n_items},)")
    if n_items and not (label_codes.min() >= 0 and label_codes.max() < n_labels):
        raise BadOption("label_codes", "a code", f"in [0, {n_labels})")
