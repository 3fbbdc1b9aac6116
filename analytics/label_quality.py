"""How well a model's out-of-sample probabilities support the given labels: one score an item, low is doubtful.

C. G. Northcutt, L. Jiang and I. L. Chuang (2021), Confident learning, JAIR 70, 1373-1411; J. Kuan and J. Mueller (2022),
Model-agnostic label quality scoring to detect real-world label errors, ICML DataPerf workshop. For sets of categories:
A. Thyagarajan, E. Snorrason, C. G. Northcutt and J. Mueller (2022), Identifying incorrect annotations in multi-label
classification data, arXiv:2211.13895.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analytics.chunks import chunk_edges, run_each
from analytics.confident_kernels import best_other
from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray

Quality = Literal["self_confidence", "normalized_margin", "confidence_weighted_entropy"]

LEAST_CONFIDENCE = 1e-6
"""A smaller self-confidence, and a smaller weighted entropy, counts as this in `confidence_weighted_entropy`."""


def label_quality(
    label_codes: IntArray, probabilities: FloatArray, *, method: Quality = "self_confidence"
) -> FloatArray:
    """The quality (I,) of each given label, in [0, 1].

    With p the probability of the given label, q that of the most probable other one and H the entropy of the row:
    "self_confidence" is p; "normalized_margin" (p - q + 1) / 2; "confidence_weighted_entropy" log(1 + x) / x of
    x = H / log K / p, which is low where the model is unsure and does not believe in the label.

    Args:
        label_codes: (I,) in [0, K).
        probabilities: (I, K), K 2 or more.
        method: one of the three.

    Raises:
        BadOption: an unknown method, or shapes that do not fit.
    """
    if method not in get_args(Quality):
        raise BadOption("method", method, get_args(Quality))
    if probabilities.ndim != 2 or probabilities.shape[1] < 2 or label_codes.shape != probabilities.shape[:1]:
        shapes = f"arrays of shapes {label_codes.shape} and {probabilities.shape}"
        raise BadOption("probabilities", shapes, "of shape (I, K), K 2 or more, with I label codes")
    own = probabilities[np.arange(len(label_codes)), label_codes].astype(np.float64)
    if method == "self_confidence":
        return own
    if method == "normalized_margin":
        return (own - _best_other(label_codes, probabilities) + 1) / 2
    weighted = _entropy_share(probabilities) / np.maximum(own, LEAST_CONFIDENCE)
    return np.asarray(np.log1p(weighted) / np.maximum(weighted, LEAST_CONFIDENCE))


def set_quality(
    members: NDArray[np.bool_], probabilities: FloatArray, *, weight_of_lower: float = 0.8
) -> FloatArray:
    """The quality (I,) of each given set of categories: mostly that of its worst member.

    A member's quality is p where the set has it, 1 - p where not. They are averaged from the highest to the lowest,
    each counting `weight_of_lower` against all above it.

    Args:
        members: (I, K) which categories each set has.
        probabilities: (I, K) of each category by itself; rows need not add up to 1.
        weight_of_lower: the exponential moving average's alpha; 1 is the minimum alone.

    Raises:
        BadOption: shapes that differ, no category, or a weight outside [0, 1].
    """
    if members.shape != probabilities.shape or members.ndim != 2 or not members.shape[1]:
        raise BadOption("members", f"array of shape {members.shape}", "of the shape (I, K) of probabilities")
    if not 0 <= weight_of_lower <= 1:
        raise BadOption("weight_of_lower", weight_of_lower, "between 0 and 1")
    ordered = np.sort(np.where(members, probabilities, 1 - probabilities).astype(np.float64), axis=1)
    quality = ordered[:, -1].copy()
    for place in range(ordered.shape[1] - 2, -1, -1):
        quality += weight_of_lower * (ordered[:, place] - quality)
    return quality


def _best_other(labels: IntArray, probabilities: FloatArray) -> FloatArray:
    other, p_other = np.empty(len(labels), dtype=np.int64), np.empty(len(labels))
    chunks = chunk_edges(len(labels), n_annotations=len(labels))
    given = np.ascontiguousarray(labels, dtype=np.int64)
    rows = np.ascontiguousarray(probabilities, dtype=np.float64)
    run_each(lambda chunk: best_other(chunks[chunk], given, rows, other, p_other), len(chunks))
    return p_other


def _entropy_share(probabilities: FloatArray) -> FloatArray:
    p = probabilities.astype(np.float64)
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(-(p * logs).sum(axis=1) / np.log(p.shape[1]))
