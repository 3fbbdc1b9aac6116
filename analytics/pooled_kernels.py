"""The loop over votes on the same item that a figure of all pairs of annotators needs, compiled (numba).

What it computes: `pooled_kappa`. Votes are laid out as in `count_kernels`.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from analytics.count_kernels import Layout, SmallInts, mean_distances
from analytics.frames import FloatArray, IntArray


class Asked(NamedTuple):
    """Which votes, and what a pair of labels counts."""

    layout: Layout
    item_of_place: SmallInts  # (V,) the item of each vote of the layout, from 0
    distance: FloatArray  # (K, K) from 0 to 1, how far two labels are from agreeing
    least: int  # shared items under which a pair is left out


class Sums(NamedTuple):
    """What a block of annotators adds: for each item, and in all."""

    items: (
        FloatArray  # (2, I) distances observed, and how far one more such item moves the distances by chance
    )
    pairs: IntArray  # (2,) pairs that met, pairs that count
    apart: (
        FloatArray  # (1,) distances by chance as two labels of different items have them, as many as meetings
    )
    shared: SmallInts  # (I,) how many of the pairs that count met on the item


class _Meetings(NamedTuple):
    """Scratch for one annotator's meetings, by partner, then item."""

    ends: IntArray  # (A,) for each partner, one past their last meeting; zeros for everybody else
    partners: SmallInts  # (A,) in the order in which they were met first
    mine: SmallInts  # (2, M) places of the annotator's own votes; in the second row as they were met
    theirs: SmallInts  # (2, M) places of the partners'


class _Labels(NamedTuple):
    """Scratch for one pair's labels."""

    counts: IntArray  # (2, K) zeros between two pairs
    means: FloatArray  # (2, K) the mean distance of each used label to the other's labels
    used: SmallInts  # (2, K) the labels of each that occur


@numba.njit(nogil=True, cache=True)
def add_distances(first: int, last: int, asked: Asked, sums: Sums) -> None:
    """Add the pairs of annotators first <= a < last, b > a, that share enough items, to `sums`."""
    layout = asked.layout
    most = 0
    for a in range(first, last):
        n_meetings = 0
        for own in range(layout.starts[a], layout.starts[a + 1]):
            n_meetings += layout.ends[layout.votes[own]] - layout.votes[own] - 1
        most = max(most, n_meetings)
    n_annotators = layout.starts.size - 1
    meetings = _Meetings(
        np.zeros(n_annotators, dtype=np.int64),
        np.empty(n_annotators, dtype=np.int32),
        np.empty((2, most), dtype=np.int32),
        np.empty((2, most), dtype=np.int32),
    )
    n_labels = asked.distance.shape[0]
    labels = _Labels(
        np.zeros((2, n_labels), dtype=np.int64),
        np.zeros((2, n_labels)),
        np.zeros((2, n_labels), dtype=np.int32),
    )
    for a in range(first, last):
        n_partners = _meet(a, layout, meetings)
        begin = 0
        for place in range(n_partners):
            b = meetings.partners[place]
            end = meetings.ends[b]
            sums.pairs[0] += 1
            if end - begin >= asked.least:
                sums.pairs[1] += 1
                _add_pair(meetings.mine[0, begin:end], meetings.theirs[0, begin:end], asked, labels, sums)
            begin = end
            meetings.ends[b] = 0


@numba.njit(nogil=True, cache=True)
def _meet(a: int, layout: Layout, meetings: _Meetings) -> int:
    """Fill in the meetings of annotator `a`; returns how many partners there are."""
    ends, partners = meetings.ends, meetings.partners
    n_partners, n_meetings = 0, 0
    for own in range(layout.starts[a], layout.starts[a + 1]):
        place = layout.votes[own]
        for other in range(place + 1, layout.ends[place]):
            b = layout.annotator[other]
            if ends[b] == 0:
                partners[n_partners] = b
                n_partners += 1
            ends[b] += 1
            meetings.mine[1, n_meetings] = place
            meetings.theirs[1, n_meetings] = other
            n_meetings += 1
    before = 0
    for b in partners[:n_partners]:
        count = ends[b]
        ends[b] = before
        before += count
    for meeting in range(n_meetings):
        b = layout.annotator[meetings.theirs[1, meeting]]
        meetings.mine[0, ends[b]] = meetings.mine[1, meeting]
        meetings.theirs[0, ends[b]] = meetings.theirs[1, meeting]
        ends[b] += 1
    return n_partners


@numba.njit(nogil=True, cache=True)
def _add_pair(mine: SmallInts, theirs: SmallInts, asked: Asked, labels: _Labels, sums: Sums) -> None:
    """One pair's distances."""
    label, distance, counts = asked.layout.label, asked.distance, labels.counts
    n, n_a, n_b = mine.size, 0, 0
    for meeting in range(n):
        i, j = label[mine[meeting]], label[theirs[meeting]]
        if counts[0, i] == 0:
            labels.used[0, n_a] = i
            n_a += 1
        if counts[1, j] == 0:
            labels.used[1, n_b] = j
            n_b += 1
        counts[0, i] += 1
        counts[1, j] += 1
    used_a, used_b = labels.used[0, :n_a], labels.used[1, :n_b]
    by_chance = mean_distances(used_a, used_b, distance, counts, labels.means)
    observed = 0.0
    for meeting in range(n):
        i, j = label[mine[meeting]], label[theirs[meeting]]
        item = asked.item_of_place[mine[meeting]]
        observed += distance[i, j]
        sums.items[0, item] += distance[i, j]
        sums.items[1, item] += labels.means[0, i] + labels.means[1, j] - by_chance
        sums.shared[item] += 1
    if n > 1:
        sums.apart[0] += n * (n * by_chance - observed / n) / (n - 1)
    for i in used_a:
        counts[0, i] = 0
    for j in used_b:
        counts[1, j] = 0
