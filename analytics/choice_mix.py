"""How far two windows are apart where a label is a set of choices: each choice is a column of its own, in the set or not.

The choices' shares do not add up to 1, so total variation and divergences of one distribution say nothing here. The distance is
the mean absolute change of the choices' shares, (1 / K) sum_k |p_k - q_k|. The shares' covariance is that of two-way clusters as in
`label_mix`; what chance alone makes, and how often, comes of shares drawn with it.
"""

from __future__ import annotations

import numpy as np

from analytics.errors import BadColumn, BadOption
from analytics.frames import FloatArray, IntArray
from analytics.intervals import check_interval_options
from analytics.label_mix import MIN_ANNOTATIONS, Distance, LabelMix, mix_of_sums, normal_draws
from analytics.results import Estimate

KEY = "choice_change"


def choice_mix(item: IntArray, annotator: IntArray, set_code: IntArray, holds: FloatArray) -> LabelMix:
    """The shares of the choices in one window, from codes (N,).

    Args:
        item: codes of the items.
        annotator: codes of the annotators.
        set_code: which set each annotation gave, 0 to S - 1.
        holds: (S, K) 1 where the set has the choice, else 0.

    Raises:
        BadColumn: the columns are not of one length, or a code that is none.
    """
    if not item.size == annotator.size == set_code.size:
        raise BadColumn("annotations", "label_code", "has to be as long as the items and annotators")
    if set_code.size and (
        min(set_code.min(), item.min(), annotator.min()) < 0 or set_code.max() >= len(holds)
    ):
        raise BadColumn("annotations", "label_code", f"has to hold codes from 0 to {len(holds) - 1}")
    often = np.bincount(set_code, minlength=len(holds)).astype(np.float64)
    counts, n = np.rint(often @ holds).astype(np.int64), int(set_code.size)
    shares = counts / max(n, 1)
    single = (holds * often[:, None]).T @ holds / max(n, 1) - np.outer(shares, shares)
    sums = [_sums(cluster, set_code, holds) for cluster in (item, annotator)]
    return mix_of_sums(counts, n, single, sums[0], sums[1])


def mean_absolute_change(
    reference: LabelMix, window: LabelMix, *, confidence: float = 0.95, seed: int = 0
) -> Distance:
    """The mean absolute change of the choices' shares, key `choice_change`.

    Raises:
        BadOption: the windows have different numbers of choices; as `check_interval_options`.
    """
    check_interval_options(0, confidence)
    if reference.counts.size != window.counts.size:
        raise BadOption(
            "window", window.counts.size, f"of {reference.counts.size} choices, as the reference is"
        )
    n, least = reference.n + window.n, min(reference.n, window.n)
    if least < MIN_ANNOTATIONS or not reference.counts.size:
        reason = f"a window has {least} annotations; it takes {MIN_ANNOTATIONS}"
        return Distance(KEY, Estimate.none(reason, n, n_unit="annotations"), None, None)
    rng = np.random.default_rng(seed)
    pooled = (reference.counts + window.counts) / n
    before, after = (_shares(rng, mix.shares, mix.covariance) for mix in (reference, window))
    null = _apart(_shares(rng, pooled, reference.covariance), _shares(rng, pooled, window.covariance))
    value = float(_apart(reference.shares, window.shares))
    ends = np.quantile(_apart(before, after), [(1 + confidence) / 2, (1 - confidence) / 2])
    low, high = np.maximum(2 * value - ends, 0.0)
    chance = float((1 + (null >= value).sum()) / (1 + null.size))
    estimate = Estimate(value, float(low), float(max(high, low)), n, n_unit="annotations")
    return Distance(KEY, estimate, float(null.mean()), chance)


def _sums(
    cluster: IntArray, set_code: IntArray, holds: FloatArray
) -> tuple[FloatArray, FloatArray, float, int]:
    """Of the clusters' choice counts c (K,) and sizes n: sum c c', sum n c, sum n^2, and how many are not empty."""
    from scipy.sparse import coo_array, csr_array

    shape = (int(cluster.max(initial=-1)) + 1, len(holds))
    table = csr_array(coo_array((np.ones(cluster.size), (cluster, set_code)), shape=shape))
    counts = table @ csr_array(holds)
    size = np.asarray(table.sum(axis=1)).ravel()
    return (
        (counts.T @ counts).toarray(),
        np.asarray(counts.T @ size),
        float(size @ size),
        int((size > 0).sum()),
    )


def _shares(rng: np.random.Generator, shares: FloatArray, covariance: FloatArray) -> FloatArray:
    return np.clip(shares + normal_draws(rng, covariance), 0.0, 1.0)


def _apart(p: FloatArray, q: FloatArray) -> FloatArray:
    return np.asarray(np.abs(p - q).mean(axis=-1))
