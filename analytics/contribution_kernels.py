"""The loops of `contributions` over votes sorted by item, compiled (numba).

`coded` is (starts, pairs, annotator_of_pair, label_of_pair) of `CodedVotes`. A run is the votes of one annotator
on one item, in the order of the votes. What is not there is -1 for a code and NaN for a number.
"""

from __future__ import annotations

import numba
import numpy as np

from analytics.coded_votes import SmallInts
from analytics.frames import FloatArray, IntArray

Coded = tuple[IntArray, SmallInts, SmallInts, SmallInts]
Pair = tuple[FloatArray, FloatArray]

_SAME = 1e-12  # shifts that differ by less are equal: the difference is one of rounding


@numba.njit(nogil=True, cache=True)
def leave_out_weights(
    coded: Coded,
    consensus: tuple[IntArray, int],
    weights: FloatArray,
    of_runs: Pair,
    of_items: tuple[FloatArray, IntArray],
) -> None:
    """For each run: its weight, and the label's share of the weight without it. Where nobody weighs anything,
    each vote weighs 1 for the shares.
    """
    starts, pairs, annotator_of_pair, label_of_pair = coded
    labels, n_labels = consensus
    weighed, without = of_runs
    p_label, runner_up = of_items
    score = np.zeros(n_labels)
    run = 0
    for item in range(len(starts) - 1):
        begin, end, own = starts[item], starts[item + 1], labels[item]
        score[:] = 0.0
        total = 0.0
        for vote in range(begin, end):
            total += weights[annotator_of_pair[pairs[vote]]]
        plain = total == 0
        if plain:
            total = float(end - begin)
        for vote in range(begin, end):
            pair = pairs[vote]
            score[label_of_pair[pair]] += 1.0 if plain else weights[annotator_of_pair[pair]]
        p_label[item] = score[own] / total
        runner_up[item] = _best_other(score, own)
        first = begin
        while first < end:
            annotator, gone, gone_own = annotator_of_pair[pairs[first]], 0.0, 0.0
            while first < end and annotator_of_pair[pairs[first]] == annotator:
                weight = 1.0 if plain else weights[annotator]
                gone += weight
                gone_own += weight * (label_of_pair[pairs[first]] == own)
                weighed[run] += weights[annotator]
                first += 1
            if total - gone > _SAME * total:
                without[run] = min(max((score[own] - gone_own) / (total - gone), 0.0), 1.0)
            run += 1


@numba.njit(nogil=True, cache=True)
def leave_out_chances(
    coded: Coded,
    consensus: tuple[IntArray, FloatArray],
    logs: Pair,
    of_runs: Pair,
    of_items: tuple[FloatArray, IntArray],
) -> None:
    """For each run: its log-likelihood ratio of label to runner-up, and the label's probability without it.

    `logs` has the log-likelihoods of each pair (P, K), or else for each vote (V,) what it adds to its own label.
    """
    starts, pairs, annotator_of_pair, label_of_pair = coded
    labels, log_priors = consensus
    of_pairs, of_votes = logs
    log_ratio, without = of_runs
    p_label, runner_up = of_items
    n_labels = len(log_priors)
    score, left = np.zeros(n_labels), np.zeros(n_labels)
    run = 0
    for item in range(len(starts) - 1):
        begin, end, own = starts[item], starts[item + 1], labels[item]
        score[:] = log_priors
        for vote in range(begin, end):
            if len(of_votes):
                score[label_of_pair[pairs[vote]]] += of_votes[vote]
            else:
                for label in range(n_labels):
                    score[label] += of_pairs[pairs[vote], label]
        p_label[item] = _share(score, own)
        other = _best_other(score, own)
        runner_up[item] = other
        first = begin
        while first < end:
            annotator = annotator_of_pair[pairs[first]]
            left[:] = score
            ratio = 0.0
            while first < end and annotator_of_pair[pairs[first]] == annotator:
                pair = pairs[first]
                if len(of_votes):
                    given = label_of_pair[pair]
                    left[given] -= of_votes[first]
                    if other >= 0:
                        ratio += of_votes[first] * (int(given == own) - int(given == other))
                else:
                    for label in range(n_labels):
                        left[label] -= of_pairs[pair, label]
                    if other >= 0:
                        ratio += of_pairs[pair, own] - of_pairs[pair, other]
                first += 1
            log_ratio[run] = ratio
            without[run] = _share(left, own)
            run += 1


@numba.njit(nogil=True, cache=True)
def sum_up_items(
    starts: IntArray, weighed: FloatArray, p_label: FloatArray, without: FloatArray
) -> tuple[FloatArray, FloatArray, IntArray, FloatArray]:
    """From runs (item i's are starts[i] to starts[i + 1]): each item's total weight, its effective votes and the
    run that moved its label most; and how far each run moved it.
    """
    n_items = len(p_label)
    totals, effective = np.zeros(n_items), np.full(n_items, np.nan)
    most, moved = np.full(n_items, -1), np.full(len(weighed), np.nan)
    for item in range(n_items):
        squares, furthest = 0.0, -1.0
        for run in range(starts[item], starts[item + 1]):
            totals[item] += weighed[run]
            squares += weighed[run] ** 2
            moved[run] = p_label[item] - without[run]
            if abs(moved[run]) > furthest + _SAME:
                furthest, most[item] = abs(moved[run]), run
        if squares > 0:
            effective[item] = totals[item] ** 2 / squares
    return totals, effective, most, moved


@numba.njit(nogil=True, cache=True)
def _best_other(score: FloatArray, own: int) -> int:
    """The best label but one's own, the smallest code of a tie; -1 where there is no other."""
    best = -1
    for label in range(len(score)):
        if label != own and (best < 0 or score[label] > score[best]):
            best = label
    return best


@numba.njit(nogil=True, cache=True)
def _share(score: FloatArray, own: int) -> float:
    """The probability of a label among unnormalised log-probabilities."""
    largest, total = score.max(), 0.0
    for label in range(len(score)):
        total += np.exp(score[label] - largest)
    return float(np.exp(score[own] - largest) / total)
