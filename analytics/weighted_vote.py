"""Weighted majority: a vote counts by how often its annotator agrees with the others.

Each annotator's votes are compared with the most frequent label that the *other* annotators gave to the same
item (as `leave_one_out_majority`; where the others are tied or there are none, nothing is compared). With G
labels that anybody gave,

    accuracy = (agreed + shrinkage * m) / (compared + shrinkage),  m = (all agreed + 1) / (all compared + G)
    weight   = log(accuracy * (G - 1) / (1 - accuracy)), or 0 where that is negative

The log-odds are the best weights there are for independent annotators who err evenly (Nitzan and Paroush 1982,
Optimal decision rules in uncertain dichotomous choice situations, International Economic Review 23(2); for more
labels Li and Yu 2014, Error rate bounds and iterative weighted majority voting for crowdsourcing,
arXiv:1411.4086). Agreement with the crowd as the accuracy is the idea of Wawa, which takes it as it is. An
annotator no better than chance weighs nothing: with few items, to turn a vote around on this ground is rash.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import polars as pl

from analytics.chunks import chunk_edges, run_each
from analytics.coded_votes import CodedVotes, SmallInts, code_votes
from analytics.consensus import items_frame, top_is_tied
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, require_labels

TIE_WITHIN = 1e-9
"""Two weight shares closer than this are a tie: the difference is one of rounding."""


@dataclass(frozen=True, slots=True)
class WeightedVote:
    """The labels and the weights that made them.

    Attributes:
        items: as `Consensus.items`; the posterior is each label's share of the item's weight (of its votes,
            where nobody weighs anything). A tie goes to the smallest label code and is marked in `tied`.
        annotators: one row an annotator, sorted: annotator_code, weight, accuracy (after shrinkage), n_agreed,
            n_compared (votes for which the others had one top label).
    """

    items: pl.DataFrame
    annotators: pl.DataFrame


def weighted_vote(votes: pl.DataFrame, *, n_labels: int, shrinkage: float = 10.0) -> WeightedVote:
    """The label with the most weight behind it, for each item. The order of the rows changes nothing.

    Args:
        votes: a frame that keeps VOTES; repeats count (see `keep_repeats` for other rules).
        n_labels: K, the number of labels of the label set.
        shrinkage: how many comparisons at everybody's mean are added to each annotator's own; above 0.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.

    >>> votes = pl.DataFrame({"item_code": [7, 7, 7], "annotator_code": [0, 1, 2], "label_code": [1, 0, 1]})
    >>> weighted_vote(votes, n_labels=2).items.select("item_code", "label_code", "tied").row(0)
    (7, 1, False)
    """
    require_labels(votes, VOTES, n_labels)
    if not 0 < shrinkage < np.inf:
        raise BadOption("shrinkage", shrinkage, "above 0")
    coded = code_votes(votes, n_labels=n_labels)
    n_agreed, n_compared = _agreement(coded)
    n_given = max(int(coded.given.sum()), 2)
    mean = (n_agreed.sum() + 1) / (n_compared.sum() + n_given)
    accuracy = (n_agreed + shrinkage * mean) / (n_compared + shrinkage)
    weights = np.maximum(np.log(accuracy * (n_given - 1) / (1 - accuracy)), 0.0)
    return WeightedVote(
        items=weighted_items(coded, weights),
        annotators=pl.DataFrame(
            {
                "annotator_code": coded.annotator_codes,
                "weight": weights,
                "accuracy": accuracy,
                "n_agreed": n_agreed,
                "n_compared": n_compared,
            }
        ),
    )


def _agreement(votes: CodedVotes) -> tuple[IntArray, IntArray]:
    """For each annotator (A,): votes for the top label of the others, and votes where these had one."""
    chunks = chunk_edges(votes.n_items, n_annotations=votes.n_votes, cells_per_chunk=2 * votes.n_annotators)

    def work(chunk: int) -> IntArray:
        coded = (votes.starts, votes.pairs, votes.annotator_of_pair, votes.label_of_pair)
        return _compare_items(chunks[chunk], coded, votes.n_annotators, votes.n_labels)

    n_agreed, n_compared = np.sum(run_each(work, len(chunks)), axis=0)
    return n_agreed, n_compared


def weighted_items(votes: CodedVotes, weights: FloatArray) -> pl.DataFrame:
    """`Consensus.items` under the weights (A,) of the annotators: each label's share of the item's weight."""
    shares = np.zeros((votes.n_items, votes.n_labels))
    _share_weights(votes.starts, votes.pairs, votes.label_of_pair, weights[votes.annotator_of_pair], shares)
    tied = np.empty(0, dtype=np.bool_)
    if votes.n_items:
        tied = top_is_tied(shares, within=TIE_WITHIN)
        top = shares[tied].max(axis=1, keepdims=True)
        # Equal to the last bit, so that the smallest code is first whatever the order of the sum.
        shares[tied] = np.where(shares[tied] >= top - TIE_WITHIN, top, shares[tied])
    return items_frame(votes.item_codes, shares, votes.votes_of_item, tied=tied)


@numba.njit(nogil=True, cache=True)
def _compare_items(
    chunk: tuple[int, int],
    votes: tuple[IntArray, SmallInts, SmallInts, SmallInts],
    n_annotators: int,
    n_labels: int,
) -> IntArray:
    starts, pairs, annotator_of_pair, label_of_pair = votes
    found = np.zeros((2, n_annotators), dtype=np.int64)
    count = np.zeros(n_labels, dtype=np.int64)
    for item in range(chunk[0], chunk[1]):
        begin, end = starts[item], starts[item + 1]
        for vote in range(begin, end):
            count[label_of_pair[pairs[vote]]] += 1
        first = begin
        while first < end:
            annotator = annotator_of_pair[pairs[first]]
            last = first
            while last < end and annotator_of_pair[pairs[last]] == annotator:
                count[label_of_pair[pairs[last]]] -= 1
                last += 1
            top, most, is_tied = -1, 0, False
            for vote in range(begin, end):
                label = label_of_pair[pairs[vote]]
                if count[label] > most:
                    top, most, is_tied = label, count[label], False
                elif count[label] == most and label != top:
                    is_tied = True
            for vote in range(first, last):
                label = label_of_pair[pairs[vote]]
                count[label] += 1
                if most > 0 and not is_tied:
                    found[0, annotator] += label == top
                    found[1, annotator] += 1
            first = last
        for vote in range(begin, end):
            count[label_of_pair[pairs[vote]]] = 0
    return found


@numba.njit(nogil=True, cache=True)
def _share_weights(
    starts: IntArray,
    pairs: SmallInts,
    label_of_pair: SmallInts,
    weight_of_pair: FloatArray,
    shares: FloatArray,
) -> None:
    for item in range(len(starts) - 1):
        begin, end = starts[item], starts[item + 1]
        total = 0.0
        for vote in range(begin, end):
            total += weight_of_pair[pairs[vote]]
        for vote in range(begin, end):
            pair = pairs[vote]
            if total > 0:
                shares[item, label_of_pair[pair]] += weight_of_pair[pair] / total
            else:
                shares[item, label_of_pair[pair]] += 1 / (end - begin)
