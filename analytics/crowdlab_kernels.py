"""The loops of CROWDLAB over votes sorted by item, compiled (numba). What they compute: `crowdlab`.

`coded` is (starts, pairs, annotator_of_pair, label_of_pair) of `CodedVotes`, one vote an (item, annotator).
"""

from __future__ import annotations

import numba
import numpy as np

from analytics.coded_votes import SmallInts
from analytics.frames import FloatArray, IntArray

Coded = tuple[IntArray, SmallInts, SmallInts, SmallInts]


@numba.njit(nogil=True, cache=True)
def vote_items(
    chunk: tuple[int, int],
    coded: Coded,
    labels_given: FloatArray,
    probabilities: FloatArray,
    majority: IntArray,
    n_annotators: int,
) -> FloatArray:
    """The majority labels of a chunk; for each annotator (2, A): other votes alike, and all other votes."""
    starts, pairs, annotator_of_pair, label_of_pair = coded
    found = np.zeros((2, n_annotators))
    count = np.zeros(probabilities.shape[1], dtype=np.int64)
    for item in range(chunk[0], chunk[1]):
        begin, end = starts[item], starts[item + 1]
        for vote in range(begin, end):
            count[label_of_pair[pairs[vote]]] += 1
        top = label_of_pair[pairs[begin]]
        for vote in range(begin, end):
            pair = pairs[vote]
            label, annotator = label_of_pair[pair], annotator_of_pair[pair]
            found[0, annotator] += count[label] - 1
            found[1, annotator] += end - begin - 1
            lead = float(count[label] - count[top])
            if lead == 0:
                lead = probabilities[item, label] - probabilities[item, top]
            if lead == 0:
                lead = labels_given[top] - labels_given[label]
            if lead > 0 or (lead == 0 and label < top):
                top = label
        majority[item] = top
        for vote in range(begin, end):
            count[label_of_pair[pairs[vote]]] = 0
    return found


@numba.njit(nogil=True, cache=True)
def compare_items(
    chunk: tuple[int, int], coded: Coded, probabilities: FloatArray, consensus: IntArray
) -> FloatArray:
    """Over the items with several votes: the share that agrees with the consensus, added up; on how many the
    model's best label is another; how many they are.
    """
    starts, pairs, _, label_of_pair = coded
    agreed, n_wrong, n_several = 0.0, 0.0, 0.0
    for item in range(chunk[0], chunk[1]):
        begin, end = starts[item], starts[item + 1]
        if end - begin < 2:
            continue
        n_same = 0
        for vote in range(begin, end):
            n_same += label_of_pair[pairs[vote]] == consensus[item]
        best = 0
        for label in range(1, probabilities.shape[1]):
            if probabilities[item, label] > probabilities[item, best]:
                best = label
        agreed += n_same / (end - begin)
        n_wrong += best != consensus[item]
        n_several += 1
    return np.array([agreed, n_wrong, n_several])


@numba.njit(nogil=True, cache=True)
def blend_items(
    chunk: tuple[int, int],
    coded: Coded,
    probabilities: FloatArray,
    shares: tuple[float, float, float],
    weights: FloatArray,
    found: tuple[FloatArray, IntArray, IntArray],
) -> None:
    """The weighted means into the posterior, and their best labels."""
    starts, pairs, annotator_of_pair, label_of_pair = coded
    hit, miss, model = shares
    posterior, best, otherwise = found
    n_labels = probabilities.shape[1]
    for item in range(chunk[0], chunk[1]):
        total = 0.0
        for vote in range(starts[item], starts[item + 1]):
            total += weights[annotator_of_pair[pairs[vote]]]
        for label in range(n_labels):
            posterior[item, label] = probabilities[item, label] * model + total * miss
        for vote in range(starts[item], starts[item + 1]):
            pair = pairs[vote]
            posterior[item, label_of_pair[pair]] += weights[annotator_of_pair[pair]] * (hit - miss)
        top, n_top = 0, 0
        for label in range(n_labels):
            posterior[item, label] /= total + model
            if posterior[item, label] > posterior[item, top]:
                top, n_top = label, 1
            elif posterior[item, label] == posterior[item, top]:
                n_top += 1
        best[item] = top if n_top == 1 else otherwise[item]


@numba.njit(nogil=True, cache=True)
def judge_annotators(
    coded: Coded, posterior: FloatArray, consensus: IntArray, quality: FloatArray, n_annotators: int
) -> FloatArray:
    """The posterior of each vote's label into `quality` (V,); for each annotator (4, A): its sum, votes that
    agree with the consensus, votes on items with several, and those of them that agree.
    """
    starts, pairs, annotator_of_pair, label_of_pair = coded
    found = np.zeros((4, n_annotators))
    for item in range(len(starts) - 1):
        is_shared = starts[item + 1] - starts[item] > 1
        for vote in range(starts[item], starts[item + 1]):
            pair = pairs[vote]
            annotator, label = annotator_of_pair[pair], label_of_pair[pair]
            agrees = label == consensus[item]
            quality[vote] = posterior[item, label]
            found[0, annotator] += quality[vote]
            found[1, annotator] += agrees
            found[2, annotator] += is_shared
            found[3, annotator] += is_shared and agrees
    return found
