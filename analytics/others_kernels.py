"""The loop of `annotators.counts_beside_others` over votes sorted by item, compiled (numba)."""

from __future__ import annotations

import numba
import numpy as np

from analytics.coded_votes import SmallInts
from analytics.frames import IntArray

Coded = tuple[IntArray, SmallInts, SmallInts, SmallInts]
"""(starts, pairs, annotator_of_pair, label_of_pair) of `CodedVotes`: within an item, an annotator's votes stand together."""


@numba.njit(nogil=True, cache=True)
def count_beside(coded: Coded, n_labels: int, counts: IntArray) -> None:
    """Add to counts (P, K + 1), for each vote's (annotator, label) pair, the label that most others gave; K: tied, or nobody."""
    starts, pairs, annotator_of_pair, label_of_pair = coded
    votes = np.zeros(n_labels, dtype=np.int64)
    for item in range(len(starts) - 1):
        begin, end = starts[item], starts[item + 1]
        for vote in range(begin, end):
            votes[label_of_pair[pairs[vote]]] += 1
        first = begin
        while first < end:
            last = first
            while last < end and annotator_of_pair[pairs[last]] == annotator_of_pair[pairs[first]]:
                votes[label_of_pair[pairs[last]]] -= 1
                last += 1
            top, most, tied = n_labels, 0, False
            for vote in range(begin, end):
                label = label_of_pair[pairs[vote]]
                if votes[label] > most:
                    top, most, tied = label, votes[label], False
                elif votes[label] == most and label != top and most > 0:
                    tied = True
            others = n_labels if tied else top
            for vote in range(first, last):
                counts[pairs[vote], others] += 1
                votes[label_of_pair[pairs[vote]]] += 1
            first = last
        for vote in range(begin, end):
            votes[label_of_pair[pairs[vote]]] = 0
