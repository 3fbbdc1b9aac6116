"""Whether the label given before pulls the next one: assimilation (the same again) or contrast (another).

For pairs of answers one after the other (`lag` 1) in a sitting, p_k = 1 where the earlier one gave label k, and z_k = 1 where
the later one did, less the share of the *others'* votes for k on that item: what the item itself warrants. Over labels

    b = sum_k sum (p_k - m_k) z_k / sum_k sum (p_k - m_k)^2,    m_k: the annotator's own share of label k,

so neither somebody's liking for a label nor items that were sorted beforehand make a sequence effect. In short sequences such
a slope is below 0 by arithmetic alone (each answer is compared with a mean that it is part of; S. Nickell 1981, Econometrica
49; J. B. Miller & A. Sanjurjo 2018, Econometrica 86). In a random order of an annotator's T answers its numerator has the
expectation -C, C = sum_k sum (p_k - m_k) z_k of the answers with themselves / T, times pairs / (T - 1): exactly that is put
back.

A label use that drifts slowly makes neighbours alike too, though nothing is pulled: the same figure for answers five apart is
the control.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from analytics.frames import FloatArray, IntArray, dense_codes
from analytics.within_annotator import WithinSlope, slope_of_sums, summed

MAX_LABELS = 200
"""Labels of a label set beyond which pairs of equal labels are too rare to say anything."""

MIN_ANSWERS = 5
"""Answers of an annotator, on items that others labelled too, without which they are left out."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """N answers (each annotator, item, label, votes of others on the item), label counts (I, K), own label shares (A, K)."""

    annotator: IntArray
    item: IntArray
    label: IntArray
    others: FloatArray
    counts: csr_array
    mean: FloatArray


def previous_label_pull(
    ordered: pl.DataFrame,
    *,
    n_labels: int,
    lag: int = 1,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> WithinSlope:
    """How much likelier a label is for having been given `lag` answers before, beyond what the item warrants.

    Args:
        ordered: one vote an (item, annotator), as `sessions.in_sessions` orders them.
        n_labels: K of the label set.
        lag: how many answers lie between.
        replicates, confidence, seed: of the bootstrap over annotators.
    """
    if n_labels > MAX_LABELS:
        reason = f"the label set has {n_labels} labels, more than {MAX_LABELS}"
        return WithinSlope.none(reason, ordered.height)
    rows = ordered.with_columns(n_on_item=pl.len().over("item_code")).with_row_index("at_row")
    rows = rows.filter(pl.col("n_on_item") > 1)
    rows = rows.filter(pl.len().over("annotator_code") >= MIN_ANSWERS)
    codes, annotator = dense_codes(rows.get_column("annotator_code"))
    _, item = dense_codes(rows.get_column("item_code"))
    label = rows.get_column("label_code").cast(pl.Int64).to_numpy()
    others = rows.get_column("n_on_item").cast(pl.Float64).to_numpy() - 1
    place, session = rows.get_column("at_row").to_numpy(), rows.get_column("session").to_numpy()
    later = np.arange(lag, rows.height)
    later = later[(place[later] - place[later - lag] == lag) & (session[later] == session[later - lag])]
    counts = csr_array((np.ones(label.size), (item, label)), shape=(int(item.max(initial=-1)) + 1, n_labels))
    own = np.bincount(annotator * n_labels + label, minlength=codes.size * n_labels)
    n_own = np.bincount(annotator, minlength=codes.size).astype(np.float64)
    mean = own.reshape(codes.size, n_labels) / np.maximum(n_own, 1)[:, None]
    rows_of = _Rows(annotator, item, label, others, counts, mean)
    above = _crossed(rows_of, later, label[later - lag])
    itself = _crossed(rows_of, np.arange(label.size), label) / np.maximum(n_own, 1)
    n_pairs = np.bincount(annotator[later], minlength=codes.size)
    above += itself * n_pairs / np.maximum(n_own - 1, 1)
    squared = (mean**2).sum(axis=1)[annotator[later]]
    spread = 1 - 2 * mean[annotator[later], label[later - lag]] + squared
    below = summed(annotator[later], spread, codes.size)
    return slope_of_sums(
        above, below, n=later.size, unchanging="no two answers of one sitting on items that others labelled too",
        replicates=replicates, confidence=confidence, seed=seed,
    )  # fmt: skip


def _crossed(rows: _Rows, later: IntArray, earlier_label: IntArray) -> FloatArray:
    """(A,) sum over answers `later` of sum_k (p_k - m_k) z_k, p the label given earlier."""
    who, label, others = rows.annotator[later], rows.label[later], rows.others[later]
    n_annotators = rows.mean.shape[0]
    of_earlier = np.asarray(rows.counts[rows.item[later], earlier_label], dtype=np.float64).ravel()
    again = (label == earlier_label).astype(np.float64)
    excess = again - (of_earlier - again) / others
    # sum_k m_k z_k = m_label - sum_k m_k (c_k - [k is the own label]) / others, summed by annotator as a product of tables.
    own = rows.mean[who, label] * (1 + 1 / others)
    shape = (n_annotators, rows.counts.shape[0])
    shares = csr_array((1 / others, (who, rows.item[later])), shape=shape) @ rows.counts
    of_others = np.asarray(shares.multiply(rows.mean).sum(axis=1), dtype=np.float64).ravel()
    return np.bincount(who, excess - own, n_annotators) + of_others
