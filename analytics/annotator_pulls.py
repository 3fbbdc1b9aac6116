"""Each annotator's own pull by shown suggestions: interval, p-value of the draw, pooled figure, and which stand out of many.

The formulas are those that `analytics.anchoring` names. What is picked out is picked out of all rows that are looked at together: of one
table, or of the tables of all choices where labels are sets (then by Benjamini & Yekutieli 2001, since a person's choices go together).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl

from analytics.frames import FloatArray, IntArray
from analytics.gap_tests import Correction, adjusted_p, fcr_confidence
from analytics.intervals import wilson_bounds
from analytics.partial_pooling import partly_pooled


@dataclass(frozen=True, slots=True)
class PullCounts:
    """Each annotator's annotations and how many agree, where shown (1) and hidden (0): (A,) each."""

    n1: FloatArray
    s1: FloatArray
    n0: FloatArray
    s0: FloatArray

    @classmethod
    def of(cls, table: pl.DataFrame) -> PullCounts:
        """The counts that a table of `annotator_pulls` was made of."""
        n1, n0 = (table.get_column(name).to_numpy().astype(np.float64) for name in ("n_shown", "n_hidden"))
        agree1, agree0 = (
            table.get_column(name).fill_null(0.0).to_numpy() for name in ("agree_shown", "agree_hidden")
        )
        return cls(n1, np.rint(agree1 * n1), n0, np.rint(agree0 * n0))


def annotator_pulls(codes: IntArray, counts: PullCounts, *, min_n: int, confidence: float) -> pl.DataFrame:
    """Each annotator's pull, (A,) codes and counts: the columns of `anchoring.Pull.annotators` but for what `picked_together` adds."""
    share1, share0 = _share(counts.s1, counts.n1), _share(counts.s0, counts.n0)
    pull = share1 - share0
    low, high = _newcombe(counts, confidence)
    enough = (counts.n1 >= min_n) & (counts.n0 >= min_n)
    pooled, spread = partly_pooled(pull, _variance(counts))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    always = np.ones(codes.size, dtype=np.bool_)
    few = f"fewer than {min_n} annotations with a suggestion shown, or with one hidden"
    return pl.DataFrame(
        {
            "annotator_code": codes,
            "n_shown": counts.n1.astype(np.int64),
            "n_hidden": counts.n0.astype(np.int64),
            "agree_shown": _known(share1, always),
            "agree_hidden": _known(share0, always),
            "pull": _known(pull, enough),
            "low": _known(low, enough),
            "high": _known(high, enough),
            "p_value": _known(_fisher(counts), enough),
            "pooled": _known(pooled, always),
            "pooled_low": _known((pooled - z * spread).clip(-1, 1), always),
            "pooled_high": _known((pooled + z * spread).clip(-1, 1), always),
        }
    ).with_columns(undefined=pl.when(pl.Series(~enough)).then(pl.lit(few)))


def picked_together(
    tables: Sequence[pl.DataFrame],
    *,
    q: float,
    confidence: float = 0.95,
    correction: Correction = "benjamini-hochberg",
) -> list[pl.DataFrame]:
    """The tables of `annotator_pulls`, all their rows corrected together: with p_adjusted, is_picked, low_fcr and high_fcr.

    Args:
        tables: one, or where labels are sets one a choice. A former correction is replaced.
        q: the false discovery rate over all rows.
        confidence: of the intervals where nothing is picked.
        correction: Benjamini & Hochberg, or Benjamini & Yekutieli where the rows depend on each other in any way.
    """
    p = pl.concat([table.get_column("p_value") for table in tables])
    known = adjusted_p(p, correction)
    picked, n_tested = (known <= q).fill_null(value=False), len(p) - p.null_count()
    level = (
        fcr_confidence(int(picked.sum()), n_tested, level=q, correction=correction)
        if picked.any()
        else confidence
    )
    found, start = [], 0
    for table in tables:
        own = picked.slice(start, table.height)
        low, high = _newcombe(PullCounts.of(table), level)
        at = own.to_numpy()
        found.append(
            table.with_columns(
                p_adjusted=known.slice(start, table.height), is_picked=own, low_fcr=_known(low, at), high_fcr=_known(high, at)
            ).select(*_BEFORE, "p_adjusted", "is_picked", "low_fcr", "high_fcr", *_AFTER)
        )  # fmt: skip
        start += table.height
    return found


_BEFORE = (
    "annotator_code", "n_shown", "n_hidden", "agree_shown", "agree_hidden", "pull", "low", "high", "p_value",
)  # fmt: skip
_AFTER = ("pooled", "pooled_low", "pooled_high", "undefined")


def _known(values: FloatArray, where: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pl.Series:
    return pl.Series(np.where(where, values, np.nan), dtype=pl.Float64).fill_nan(None)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.asarray(
        np.divide(part, whole, out=np.full(whole.size, np.nan), where=whole > 0), dtype=np.float64
    )


def _newcombe(counts: PullCounts, confidence: float) -> tuple[FloatArray, FloatArray]:
    share1, share0 = _share(counts.s1, counts.n1), _share(counts.s0, counts.n0)
    pull = share1 - share0
    low1, high1 = wilson_bounds(counts.s1, counts.n1, confidence=confidence)
    low0, high0 = wilson_bounds(counts.s0, counts.n0, confidence=confidence)
    low = pull - np.sqrt((share1 - low1) ** 2 + (high0 - share0) ** 2)
    high = pull + np.sqrt((high1 - share1) ** 2 + (share0 - low0) ** 2)
    return low, high


def _fisher(counts: PullCounts) -> FloatArray:
    """Twice the smaller tail of the hypergeometric distribution, at most 1."""
    from scipy.stats import hypergeom

    n, agree = counts.n1 + counts.n0, counts.s1 + counts.s0
    below = hypergeom.cdf(counts.s1, n, agree, counts.n1)
    above = hypergeom.sf(counts.s1 - 1, n, agree, counts.n1)
    return np.asarray(np.minimum(2 * np.minimum(below, above), 1.0), dtype=np.float64)


def _variance(counts: PullCounts) -> FloatArray:
    """Of each pull; by A. Agresti & B. Caffo (2000): a success and a failure more in each arm, so that it is never 0."""
    parts = []
    for s, n in ((counts.s1, counts.n1), (counts.s0, counts.n0)):
        share = (s + 1) / (n + 2)
        parts.append(np.where(n > 0, share * (1 - share) / (n + 2), np.nan))
    return np.asarray(parts[0] + parts[1], dtype=np.float64)
