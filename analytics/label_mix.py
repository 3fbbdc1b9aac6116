"""How far two windows' label mixes are apart: total variation, Jensen–Shannon divergence, population stability index.

    TV = sum_k |p_k - q_k| / 2                      JS = (KL(p || m) + KL(q || m)) / 2,  m = (p + q) / 2, in bits
    PSI = sum_k (p_k - q_k) ln(p_k / q_k)           of shares with 0.5 added to each count, as nothing divides by 0

An item's annotations go together and so do an annotator's, so the shares' covariance is that of two-way clusters, V_items +
V_annotators - V_cells with a cell the annotation itself (Cameron, Gelbach & Miller 2011, J. Bus. Econ. Stat. 29), made
positive. Distances of noisy shares are too large on average: `expected` is what comes out where nothing changed, `p_value` how
often as much does, and intervals are the basic ones (2 d - quantile), cut at 0, of drawn shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.errors import BadColumn, BadOption
from analytics.frames import VOTES as LABELS
from analytics.frames import FloatArray, IntArray, require_labels
from analytics.intervals import check_interval_options
from analytics.mix_kernels import cluster_sums
from analytics.results import Estimate

MIN_ANNOTATIONS = 100
MIN_PEOPLE = 10
"""With fewer annotators in a window the interval is about these people: items alone vary."""
_DRAWS = 2000

ClusterSums = tuple[FloatArray, FloatArray, float, int]
"""As `mix_kernels.cluster_sums` gives them."""


@dataclass(frozen=True, slots=True)
class LabelMix:
    """One window: `counts` (K,), the covariance of the shares (K, K), annotations, items and annotators."""

    counts: IntArray
    covariance: FloatArray
    n: int
    n_items: int
    n_annotators: int

    @property
    def shares(self) -> FloatArray:
        """(K,) of the labels."""
        return np.asarray(self.counts / max(self.n, 1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Distance:
    """A distance with its interval, what is expected without a change, and the share of draws without a change that reach it."""

    key: str
    estimate: Estimate
    expected: float | None
    p_value: float | None


def label_mix(item: IntArray, annotator: IntArray, label: IntArray, n_labels: int) -> LabelMix:
    """The mix of one window from codes (N,); no loop over annotations.

    Raises:
        BadColumn: the columns are not of one length, or hold a negative code or a label of n_labels or more.
    """
    if not item.size == annotator.size == label.size:
        raise BadColumn("annotations", "label_code", "has to be as long as the items and annotators")
    if label.size and (min(label.min(), item.min(), annotator.min()) < 0 or label.max() >= n_labels):
        raise BadColumn("annotations", "label_code", f"has to hold codes from 0 to {n_labels - 1}")
    counts = np.bincount(label, minlength=n_labels)
    n, shares = label.size, counts / max(label.size, 1)
    single = np.diag(shares) - np.outer(shares, shares)
    sums = [
        cluster_sums(cluster, label, int(cluster.max(initial=-1)) + 1, n_labels)
        for cluster in (item, annotator)
    ]
    return mix_of_sums(counts, int(n), single, sums[0], sums[1])


def mix_of_sums(
    counts: IntArray, n: int, single: FloatArray, by_item: ClusterSums, by_person: ClusterSums
) -> LabelMix:
    """The mix from its counts (K,), the covariance of one annotation (K, K), and the sums over items and over annotators."""
    shares = counts / max(n, 1)
    items, people = _spread(shares, by_item), _spread(shares, by_person)
    n_items, n_people = by_item[3], by_person[3]
    total = items if n_people < MIN_PEOPLE else items + people - n * single
    values, vectors = np.linalg.eigh(total / max(n, 1) ** 2)
    covariance = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return LabelMix(counts, covariance, n, n_items, n_people)


def label_mix_of(annotations: pl.DataFrame, n_labels: int) -> LabelMix:
    """The same of a frame with item_code, annotator_code and label_code."""
    require_labels(annotations, LABELS, n_labels)
    codes = [
        annotations[name].to_numpy().astype(np.int64, copy=False)
        for name in ("item_code", "annotator_code", "label_code")
    ]
    return label_mix(codes[0], codes[1], codes[2], n_labels)


def distances(
    reference: LabelMix, window: LabelMix, *, confidence: float = 0.95, seed: int = 0
) -> tuple[Distance, ...]:
    """Total variation, Jensen–Shannon and PSI of two mixes of the same labels.

    Raises:
        BadOption: the mixes have different numbers of labels; as `check_interval_options`.
    """
    check_interval_options(0, confidence)
    if reference.counts.size != window.counts.size:
        raise BadOption(
            "window", window.counts.size, f"of {reference.counts.size} labels, as the reference is"
        )
    n = reference.n + window.n
    if min(reference.n, window.n) < MIN_ANNOTATIONS:
        reason = f"a window has {min(reference.n, window.n)} annotations; it takes {MIN_ANNOTATIONS}"
        return tuple(
            Distance(key, Estimate.none(reason, n, unit=unit, n_unit="annotations"), None, None)
            for key, unit in _UNITS.items()
        )
    rng = np.random.default_rng(seed)
    before, after = (_drawn(rng, mix.shares, mix.covariance) for mix in (reference, window))
    # Where nothing changed both windows have the mix of both.
    pooled = (reference.counts + window.counts) / n
    same = (_drawn(rng, pooled, reference.covariance), _drawn(rng, pooled, window.covariance))
    found = []
    for key, unit in _UNITS.items():
        least = 0.5 / min(reference.n, window.n)
        value = float(_distance(key, reference.shares[None], window.shares[None], least)[0])
        ends = np.quantile(_distance(key, before, after, least), [(1 + confidence) / 2, (1 - confidence) / 2])
        low, high = np.maximum(2 * value - ends, 0.0)
        null = _distance(key, *same, least)
        chance = float((1 + (null >= value).sum()) / (1 + null.size))
        estimate = Estimate(value, float(low), float(max(high, low)), n, unit=unit, n_unit="annotations")
        found.append(Distance(key, estimate, float(null.mean()), chance))
    return tuple(found)


_UNITS = {"total_variation": "share", "jensen_shannon": "bits", "stability_index": "index"}


def _spread(shares: FloatArray, sums: ClusterSums) -> FloatArray:
    """Sum over clusters of (c_k - n p_k)(c_l - n p_l), with m / (m - 1) for m clusters."""
    square, by_size, total, m = sums
    spread = square - np.outer(by_size, shares) - np.outer(shares, by_size) + total * np.outer(shares, shares)
    return np.asarray(spread * (m / (m - 1) if m > 1 else 1.0))


def normal_draws(rng: np.random.Generator, covariance: FloatArray) -> FloatArray:
    """(draws, K) errors of shares."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(rng.standard_normal((_DRAWS, len(covariance))) @ root.T, dtype=np.float64)


def _drawn(rng: np.random.Generator, shares: FloatArray, covariance: FloatArray) -> FloatArray:
    drawn = np.maximum(shares + normal_draws(rng, covariance), 0.0)
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True), dtype=np.float64)


def _distance(key: str, p: FloatArray, q: FloatArray, least: float) -> FloatArray:
    if key == "total_variation":
        return np.asarray(np.abs(p - q).sum(axis=1) / 2)
    if key == "stability_index":
        a, b = p + least, q + least
        a, b = a / a.sum(axis=1, keepdims=True), b / b.sum(axis=1, keepdims=True)
        return np.asarray(((a - b) * np.log(a / b)).sum(axis=1))
    middle = (p + q) / 2
    return np.asarray((_relative(p, middle) + _relative(q, middle)) / 2)


def _relative(p: FloatArray, middle: FloatArray) -> FloatArray:
    ratio = np.divide(p, middle, out=np.ones_like(p), where=(p > 0) & (middle > 0))
    return np.asarray((p * np.log2(ratio)).sum(axis=1))
