"""An outcome by the place in the sitting or the time taken, in steps, with what belongs to annotator and item taken off."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import polars as pl

from analytics.frames import FloatArray, IntArray

BINS = 10

CURVES = {
    "outcome": pl.String, "factor": pl.String, "bin": pl.Int64, "at": pl.Float64, "value": pl.Float64,
    "low": pl.Float64, "high": pl.Float64, "n": pl.Int64,
}  # fmt: skip
"""Columns: what came of answers, beside what, the step, the mean of the factor there, the share with its interval, answers."""


def curve(
    values: FloatArray,
    residual: FloatArray,
    plain: FloatArray,
    annotator: IntArray,
    *,
    confidence: float,
    named: tuple[str, str],
) -> pl.DataFrame:
    """CURVES of one outcome in tenths of a factor; the interval is clustered by annotator.

    Args:
        values: (N,) the factor.
        residual: (N,) the outcome without terms of annotator and item; the mean of all is put back.
        plain: (N,) the outcome, 0 or 1.
        annotator: (N,) dense codes from 0.
        confidence: of the intervals.
        named: outcome and factor.
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1))[1:-1])
    place = np.searchsorted(edges, values, side="left")
    n_annotators = int(annotator.max()) + 1
    cell, shape = place * n_annotators + annotator, (edges.size + 1, n_annotators)
    counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    sums = np.bincount(cell, residual, shape[0] * shape[1]).reshape(shape)
    n, clusters = counts.sum(axis=1), (counts > 0).sum(axis=1)
    some = np.flatnonzero(n)
    level = float(plain.mean()) + sums.sum(axis=1)[some] / n[some]
    wide = (sums**2).sum(axis=1) * clusters / np.maximum(clusters - 1, 1) * (clusters > 1)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(wide[some]) / n[some]
    return pl.DataFrame(
        {
            "outcome": [named[0]] * some.size,
            "factor": [named[1]] * some.size,
            "bin": some,
            "at": np.bincount(place, values, n.size)[some] / n[some],
            "value": level,
            "low": np.maximum(level - half, 0.0),
            "high": np.minimum(level + half, 1.0),
            "n": n[some],
        }
    )
