"""The loops of Dawid and Skene's EM, compiled for the processor (numba). What they compute: `dawid_skene`.

The E-step and the sums of the M-step are one pass over the votes, sorted by item: an item's posterior is added
to its pairs' expected counts while it is still at hand. Memory: the votes, one (I, K) posterior, and for each
chunk of items one (P, K) table of partial sums, added up in the order of the chunks.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from analytics.chunks import chunk_edges, run_each
from analytics.coded_votes import CodedVotes, SmallInts
from analytics.em_steps import FLOOR, Assumptions, unused_mass
from analytics.frames import FloatArray, IntArray

MOST_FACTORS = 16
"""Up to so many votes an item's likelihoods are multiplied; beyond, their logarithms are added.

A probability that a logarithm may be taken of is at least 1e-10 over the number of annotations, so 16 of them
and a prior stay far above 1e-308, for 1e8 annotations of one annotator too.
"""


_LANES = 4
"""Rows of K numbers are padded with zeros to a multiple of this: half as fast again as rows of odd length."""


class FusedSteps:
    """The steps of EM (see `Steps`) over coded votes, in chunks of items, on all cores."""

    def __init__(self, votes: CodedVotes, assumptions: Assumptions) -> None:
        self._votes = votes
        self._assumptions = assumptions
        width = -(-votes.n_labels // _LANES) * _LANES
        shape = (votes.n_pairs, width)
        cells = votes.n_pairs * width
        self._chunks = chunk_edges(votes.n_items, n_annotations=votes.n_votes, cells_per_chunk=cells)
        self._in_logs = bool((votes.votes_of_item > MOST_FACTORS).any())
        self._given = votes.given
        self._posterior: FloatArray = np.empty((votes.n_items, votes.n_labels))
        self._parts = [np.empty(shape) for _ in self._chunks]
        self._chances = np.zeros(shape)
        self._mass = self._added(run_each(self._share, len(self._chunks)))

    def expect(self) -> float:
        """As `Steps.expect`."""
        votes, assumptions = self._votes, self._assumptions
        mass, counts = self.expected()
        self._chances[:, : votes.n_labels] = pair_chances(votes, counts, assumptions)
        priors = np.zeros(self._chances.shape[1])
        priors[: votes.n_labels] = np.where(
            self._given, np.maximum(label_priors(mass, self._given, assumptions), FLOOR), 0.0
        )
        logs = _logs(self._chances) if self._in_logs else np.empty((0, 0))
        log_priors = _logs(priors)

        def work(chunk: int) -> tuple[float, FloatArray]:
            return _expect_items(
                self._chunks[chunk],
                (votes.starts, votes.pairs),
                (priors, log_priors),
                (self._chances, logs),
                self._posterior,
                self._parts[chunk],
            )

        parts = run_each(work, len(self._chunks))
        self._mass = self._added([mass for _, mass in parts])
        return float(sum(log_likelihood for log_likelihood, _ in parts))

    def posterior(self) -> FloatArray:
        """As `Steps.posterior`."""
        return self._posterior

    def expected(self) -> tuple[FloatArray, FloatArray]:
        """As `Steps.expected`."""
        return self._mass, self._parts[0][:, : self._votes.n_labels]

    def _share(self, chunk: int) -> FloatArray:
        votes, counts = self._votes, self._parts[chunk]
        return _share_votes(
            self._chunks[chunk], votes.starts, votes.pairs, votes.label_of_pair, self._posterior, counts
        )

    def _added(self, masses: list[FloatArray]) -> FloatArray:
        """The chunks' counts into those of the first, and their masses, in the order of the chunks."""
        for part in self._parts[1:]:
            self._parts[0] += part
        mass: FloatArray = np.sum(masses, axis=0)
        return mass[: self._votes.n_labels]


def label_priors(mass: FloatArray, given: NDArray[np.bool_], assumptions: Assumptions) -> FloatArray:
    """The share of each label (K,) from its mass among the items; labels that nobody gave have none."""
    smoothed = mass + assumptions.prior_smoothing * given
    shares: FloatArray = smoothed / smoothed.sum()
    return shares


def pair_chances(votes: CodedVotes, counts: FloatArray, assumptions: Assumptions) -> FloatArray:
    """The M-step for annotators: P(the pair's annotator gives its label | the item's label), (P, K)."""
    annotators, smoothing = votes.annotator_of_pair, assumptions.smoothing
    first_pair = np.searchsorted(annotators, np.arange(votes.n_annotators))
    if assumptions.confusion == "full":
        pairs, labels = np.arange(votes.n_pairs), votes.label_of_pair
        smoothed = counts + smoothing
        smoothed[pairs, labels] += assumptions.right_smoothing
        np.maximum(smoothed, FLOOR, out=smoothed)
        totals = np.add.reduceat(smoothed, first_pair, axis=0)
        totals += unused_mass(annotators, labels, totals.shape, assumptions)
        chances: FloatArray = smoothed / totals[annotators]
        return chances
    right, wrong = accuracies(votes, counts, assumptions)
    own = votes.label_of_pair[:, None] == np.arange(votes.n_labels)
    return np.where(own, right[annotators], wrong[annotators])


def accuracies(
    votes: CodedVotes, counts: FloatArray, assumptions: Assumptions
) -> tuple[FloatArray, FloatArray]:
    """For each annotator and label of the item, (A, K): P(gives it), and P(gives a certain other given label)."""
    annotators, labels = votes.annotator_of_pair, votes.label_of_pair
    first_pair = np.searchsorted(annotators, np.arange(votes.n_annotators))
    totals = np.add.reduceat(counts, first_pair, axis=0)
    right = np.zeros_like(totals)
    right[annotators, labels] = counts[np.arange(len(labels)), labels]
    if assumptions.confusion == "one-coin":
        right = np.broadcast_to(right.sum(axis=1, keepdims=True), right.shape)
        totals = np.broadcast_to(totals.sum(axis=1, keepdims=True), totals.shape)
    n_others = max(int(votes.given.sum()) - 1, 1)
    right_mass = np.maximum(right + assumptions.smoothing + assumptions.right_smoothing, FLOOR)
    wrong_mass = np.maximum((totals - right) / n_others + assumptions.smoothing, FLOOR)
    mass = right_mass + n_others * wrong_mass
    return right_mass / mass, wrong_mass / mass


def _logs(values: FloatArray) -> FloatArray:
    """Natural logarithms; minus infinity for 0."""
    with np.errstate(divide="ignore"):
        logs: FloatArray = np.log(values)
    return logs


# No slices in the loops: each would count a reference, and two threads counting on one array wait for each other.


@numba.njit(nogil=True, cache=True)
def _share_votes(
    chunk: tuple[int, int],
    starts: IntArray,
    pairs: SmallInts,
    label_of_pair: SmallInts,
    posterior: FloatArray,
    counts: FloatArray,
) -> FloatArray:
    n_labels = posterior.shape[1]
    mass = np.zeros(n_labels)
    counts[:] = 0.0
    for item in range(chunk[0], chunk[1]):
        begin, end = starts[item], starts[item + 1]
        for label in range(n_labels):
            posterior[item, label] = 0.0
        for vote in range(begin, end):
            posterior[item, label_of_pair[pairs[vote]]] += 1.0
        for label in range(n_labels):
            posterior[item, label] /= end - begin
            mass[label] += posterior[item, label]
        for vote in range(begin, end):
            pair = pairs[vote]
            for label in range(n_labels):
                counts[pair, label] += posterior[item, label]
    return mass


@numba.njit(nogil=True, cache=True)
def _expect_items(
    chunk: tuple[int, int],
    votes: tuple[IntArray, SmallInts],
    priors: tuple[FloatArray, FloatArray],
    chances: tuple[FloatArray, FloatArray],
    posterior: FloatArray,
    counts: FloatArray,
) -> tuple[float, FloatArray]:
    starts, pairs = votes
    shares, logs = chances
    n_labels, width = posterior.shape[1], counts.shape[1]
    row = np.empty(width)
    mass = np.zeros(width)
    counts[:] = 0.0
    log_likelihood = 0.0
    for item in range(chunk[0], chunk[1]):
        begin, end = starts[item], starts[item + 1]
        if end - begin <= MOST_FACTORS:
            row[:] = priors[0]
            _multiply(row, shares, pairs, begin, end)
        else:
            row[:] = priors[1]
            log_likelihood += _add_logs(row, logs, pairs, begin, end)
        total = 0.0
        for label in range(n_labels):
            total += row[label]
        log_likelihood += np.log(total)
        part = 1 / total
        for label in range(width):
            row[label] *= part
            mass[label] += row[label]
        for label in range(n_labels):
            posterior[item, label] = row[label]
        for vote in range(begin, end):
            pair = pairs[vote]
            for label in range(width):
                counts[pair, label] += row[label]
    return log_likelihood, mass


@numba.njit(nogil=True, cache=True)
def _multiply(row: FloatArray, shares: FloatArray, pairs: SmallInts, begin: int, end: int) -> None:
    for vote in range(begin, end):
        pair = pairs[vote]
        for label in range(len(row)):
            row[label] *= shares[pair, label]


@numba.njit(nogil=True, cache=True)
def _add_logs(row: FloatArray, logs: FloatArray, pairs: SmallInts, begin: int, end: int) -> float:
    """Adds them, and leaves the exponentials over that of the largest, whose logarithm is returned."""
    for vote in range(begin, end):
        pair = pairs[vote]
        for label in range(len(row)):
            row[label] += logs[pair, label]
    largest = float(row.max())
    # Else a row of many votes could vanish.
    for label in range(len(row)):
        row[label] = np.exp(row[label] - largest)
    return largest
