"""The loops over votes on the same item that figures of pairs of annotators need, compiled (numba).

Votes are sorted by item, then annotator, one an (item, annotator). The partners of a vote are the votes after it
on its item, so every pair (a, b) has a < b. An annotator's meetings with all partners are gathered, put in order of
the partner (a counting sort, so each pair's meetings stay in order of the item) and reduced pair by pair. What a
pair needs is some counts of labels: no annotator x annotator x label table is ever made.

What the reductions compute: `pairwise` and `weighted_kappa`.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray

SmallInts = NDArray[np.int32]


class Layout(NamedTuple):
    """V votes, one an (item, annotator), sorted by item, then annotator; and where each annotator's are."""

    starts: IntArray  # (A + 1,) where each annotator's own votes begin in `votes`
    votes: SmallInts  # (V,) places of votes, by annotator, then item
    ends: SmallInts  # (V,) for each place, one past the last vote of its item
    annotator: SmallInts  # (V,) whose vote is at each place
    label: SmallInts  # (V,) its label


class Pairs(NamedTuple):
    """What is found for P pairs, sorted by a, then b."""

    who: SmallInts  # (2, P) a and b
    n_shared: SmallInts  # (P,) the items that both labelled
    figures: FloatArray  # (3, P) agreement, kappa (NaN where it is undefined), variance of kappa


class _Meetings(NamedTuple):
    """Scratch for one annotator's meetings, by partner, then item."""

    ends: IntArray  # (A,) for each partner, one past their last meeting; zeros for everybody else
    partners: SmallInts  # (A,) the partners, ascending
    label_a: SmallInts  # (2, M) in the second row as they were met
    label_b: SmallInts  # (2, M)
    partner: SmallInts  # (M,) whom, as they were met


@numba.njit(nogil=True, cache=True)
def count_partners(first: int, last: int, layout: Layout) -> IntArray:
    """For annotators first <= a < last: how many partners b > a they have."""
    n_partners = np.zeros(last - first, dtype=np.int64)
    seen_by = np.full(layout.starts.size - 1, -1, dtype=np.int32)
    for a in range(first, last):
        for own in range(layout.starts[a], layout.starts[a + 1]):
            place = layout.votes[own]
            for other in range(place + 1, layout.ends[place]):
                b = layout.annotator[other]
                if seen_by[b] != a:
                    seen_by[b] = a
                    n_partners[a - first] += 1
    return n_partners


@numba.njit(nogil=True, cache=True)
def pair_kappas(
    first: int, last: int, layout: Layout, distance: FloatArray, rows: IntArray, pairs: Pairs
) -> None:
    """Agreement, kappa and the variance of kappa for each pair of annotators first <= a < last, b > a.

    Args:
        first: the first annotator.
        last: one past the last annotator.
        layout: all votes.
        distance: (K, K) from 0 to 1, how far two labels are from agreeing; (0, 0) where labels agree or do
            not.
        rows: (last - first + 1,) where each annotator's pairs begin in `pairs`.
        pairs: filled in.
    """
    n_labels = distance.shape[0] if distance.size else np.int64(layout.label.max()) + 1
    meetings = _room(first, last, layout)
    sums = np.zeros((2, n_labels), dtype=np.int64)
    means = np.zeros((2, distance.shape[0]))
    used = np.zeros((2, distance.shape[0]), dtype=np.int32)
    for a in range(first, last):
        n_partners = _meet(a, layout, meetings)
        begin = 0
        for place in range(n_partners):
            b = meetings.partners[place]
            end = meetings.ends[b]
            mine, theirs = meetings.label_a[0, begin:end], meetings.label_b[0, begin:end]
            if distance.size:
                found = _weighted(mine, theirs, distance, sums, means, used)
            else:
                found = _plain(mine, theirs, sums)
            pair = rows[a - first] + place
            pairs.who[0, pair], pairs.who[1, pair] = a, b
            pairs.n_shared[pair] = end - begin
            pairs.figures[0, pair], pairs.figures[1, pair], pairs.figures[2, pair] = found
            begin = end
            meetings.ends[b] = 0


@numba.njit(nogil=True, cache=True)
def _room(first: int, last: int, layout: Layout) -> _Meetings:
    """Room for the meetings of any of these annotators."""
    most = 0
    for a in range(first, last):
        n_meetings = 0
        for own in range(layout.starts[a], layout.starts[a + 1]):
            n_meetings += layout.ends[layout.votes[own]] - layout.votes[own] - 1
        most = max(most, n_meetings)
    n_annotators = layout.starts.size - 1
    return _Meetings(
        np.zeros(n_annotators, dtype=np.int64),
        np.empty(n_annotators, dtype=np.int32),
        np.empty((2, most), dtype=np.int32),
        np.empty((2, most), dtype=np.int32),
        np.empty(most, dtype=np.int32),
    )


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
            meetings.partner[n_meetings] = b
            meetings.label_a[1, n_meetings] = layout.label[place]
            meetings.label_b[1, n_meetings] = layout.label[other]
            n_meetings += 1
    partners[:n_partners].sort()
    before = 0
    for b in partners[:n_partners]:
        count = ends[b]
        ends[b] = before
        before += count
    for meeting in range(n_meetings):
        place = ends[meetings.partner[meeting]]
        meetings.label_a[0, place] = meetings.label_a[1, meeting]
        meetings.label_b[0, place] = meetings.label_b[1, meeting]
        ends[meetings.partner[meeting]] = place + 1
    return n_partners


@numba.njit(nogil=True, cache=True)
def _plain(mine: SmallInts, theirs: SmallInts, sums: IntArray) -> tuple[float, float, float]:
    """Cohen's kappa of one pair. `sums` (2, K) has to be zeros, and is left so."""
    n = mine.size
    n_same = 0
    for meeting in range(n):
        sums[0, mine[meeting]] += 1
        sums[1, theirs[meeting]] += 1
        n_same += mine[meeting] == theirs[meeting]
    met = 0
    for meeting in range(n):
        met += sums[1, mine[meeting]]
    agree, chance = n_same / n, met / n**2
    kappa, variance = np.nan, np.nan
    if met < n**2:
        left = 1 - chance
        kappa = 1 - (1 - agree) / left
        spread = 0.0
        for meeting in range(n):
            beside = (sums[1, mine[meeting]] + sums[0, theirs[meeting]]) / n * (1 - agree)
            part = (1 - chance) - beside if mine[meeting] == theirs[meeting] else beside
            spread += part * part
        excess = spread / n - (agree * chance - 2 * chance + agree) ** 2
        variance = max(excess, 0.0) / (n * left**4)
    for meeting in range(n):
        sums[0, mine[meeting]] = 0
        sums[1, theirs[meeting]] = 0
    return agree, kappa, variance


@numba.njit(nogil=True, cache=True)
def _weighted(
    mine: SmallInts,
    theirs: SmallInts,
    distance: FloatArray,
    sums: IntArray,
    means: FloatArray,
    used: SmallInts,
) -> tuple[float, float, float]:
    """Weighted kappa of one pair.

    `sums` (2, K) has to be zeros, and is left so; `means` and `used` (2, K) are scratch.
    """
    n = mine.size
    observed = 0.0
    n_a, n_b = 0, 0
    for meeting in range(n):
        if sums[0, mine[meeting]] == 0:
            used[0, n_a] = mine[meeting]
            n_a += 1
        if sums[1, theirs[meeting]] == 0:
            used[1, n_b] = theirs[meeting]
            n_b += 1
        sums[0, mine[meeting]] += 1
        sums[1, theirs[meeting]] += 1
        observed += distance[mine[meeting], theirs[meeting]]
    observed /= n
    expected = mean_distances(used[0, :n_a], used[1, :n_b], distance, sums, means)
    kappa, variance = np.nan, np.nan
    if expected > 0:
        ratio = observed / expected
        kappa = 1 - ratio
        spread = 0.0
        for meeting in range(n):
            beside = (means[0, mine[meeting]] + means[1, theirs[meeting]]) * ratio
            spread += (distance[mine[meeting], theirs[meeting]] - beside + observed) ** 2
        variance = spread / n / (n * expected**2)
    for meeting in range(n):
        sums[0, mine[meeting]] = 0
        sums[1, theirs[meeting]] = 0
    return 1 - observed, kappa, variance


@numba.njit(nogil=True, cache=True)
def mean_distances(
    used_a: SmallInts, used_b: SmallInts, distance: FloatArray, sums: IntArray, means: FloatArray
) -> float:
    """Fills each used label's mean distance to the other's labels; returns the mean over both, by chance."""
    n = 0
    for j in used_b:
        n += sums[1, j]
        means[1, j] = 0.0
    expected = 0.0
    for i in used_a:
        row = 0.0
        for j in used_b:
            row += distance[i, j] * sums[1, j]
            means[1, j] += distance[i, j] * sums[0, i]
        means[0, i] = row / n
        expected += row * sums[0, i]
    for j in used_b:
        means[1, j] /= n
    return expected / n**2
