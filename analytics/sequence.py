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

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import IntArray, dense_codes
from analytics.two_way_kernels import in_groups, pair_scores
from analytics.within_annotator import WithinSlope, slope_of_sums, summed

Mask = NDArray[np.bool_]

MAX_LABELS = 200
"""Labels of a label set beyond which pairs of equal labels are too rare to say anything."""

MIN_ANSWERS = 5
"""Answers of an annotator, on items that others labelled too, without which they are left out."""


def previous_label_pulls(
    ordered: pl.DataFrame,
    *,
    n_labels: int,
    lags: Sequence[int] = (1,),
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[WithinSlope]:
    """How much likelier a label is for having been given so many answers before, beyond what the item warrants.

    Args:
        ordered: one vote an (item, annotator), as `sessions.in_sessions` orders them.
        n_labels: K of the label set.
        lags: how many answers lie between; a slope for each.
        replicates, confidence, seed: of the bootstrap over annotators.
    """
    if n_labels > MAX_LABELS:
        reason = f"the label set has {n_labels} labels, more than {MAX_LABELS}"
        return [WithinSlope.none(reason, ordered.height)] * len(lags)
    codes, who = dense_codes(ordered.get_column("annotator_code"))
    _, item = dense_codes(ordered.get_column("item_code"))
    label = ordered.get_column("label_code").cast(pl.Int64).to_numpy()
    items = in_groups(item, int(item.max(initial=-1)) + 1)
    counts = np.diff(items[0])[item] > 1
    counts &= (np.bincount(who[counts], minlength=codes.size) >= MIN_ANSWERS)[who]
    n_own = np.bincount(who[counts], minlength=codes.size).astype(np.float64)
    own = np.bincount(who[counts] * n_labels + label[counts], minlength=codes.size * n_labels)
    mean = own.reshape(codes.size, n_labels) / np.maximum(n_own, 1)[:, None]
    earlier = _earlier(label, counts, ordered.get_column("session").to_numpy(), lags)
    scores = pair_scores(items, who, label, earlier, mean)
    itself = scores[:, -1] / np.maximum(n_own, 1)
    found = []
    for place in range(len(lags)):
        later = earlier[:, place] >= 0
        before, of = earlier[later, place], who[later]
        above = scores[:, place] + itself * np.bincount(of, minlength=codes.size) / np.maximum(n_own - 1, 1)
        spread = 1 - 2 * mean[of, before] + (mean**2).sum(axis=1)[of]
        found.append(
            slope_of_sums(
                above, summed(of, spread, codes.size), n=of.size,
                unchanging="no two answers of one sitting on items that others labelled too",
                replicates=replicates, confidence=confidence, seed=seed,
            )
        )  # fmt: skip
    return found


def _earlier(label: IntArray, counts: Mask, session: IntArray, lags: Sequence[int]) -> NDArray[np.int32]:
    """(N, lags + 1) the label that was given so many answers before in the sitting, -1 for none; last the answer's own."""
    earlier = np.full((label.size, len(lags) + 1), -1, dtype=np.int32)
    for place, lag in enumerate(lags):
        both = counts[lag:] & counts[:-lag] & (session[lag:] == session[:-lag])
        earlier[lag:, place] = np.where(both, label[:-lag], -1)
    earlier[:, -1] = np.where(counts, label, -1)
    return earlier
