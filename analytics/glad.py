"""GLAD: consensus labels, each annotator's ability and each item's difficulty, estimated together.

J. Whitehill, P. Ruvolo, T. Wu, J. Bergsma and J. Movellan (2009), Whose vote should count more: optimal
integration of labels from labelers of unknown expertise, NIPS 22. Annotator a gives the label of item i with
probability 1 / (1 + exp(-ability[a] / difficulty[i])), and errs evenly over the other labels. An ability of 0 is
a guess between right and wrong; one under 0 is worse than that. A difficulty near 0 is an item that everybody
gets right who has any ability; towards infinity everybody guesses.

As in the paper, ability and the logarithm of 1 / difficulty have normal priors of mean 1 and variance 1, and
the M-step climbs their gradient without having to arrive: a few steps of Fisher scoring for each ability with
the difficulties as they are, then for each difficulty with the abilities as they are. A step that would lower
the expected log posterior is halved, so none does (Meng and Rubin 1993, Maximum likelihood estimation via the
ECM algorithm, Biometrika 80(2)). The labels are those that anybody gave, each as probable beforehand as any
other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.chunks import chunk_edges, run_each
from analytics.coded_votes import CodedVotes, SmallInts, code_votes
from analytics.consensus import items_frame, top_is_tied
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, require_labels

TIE_WITHIN = 1e-9
"""Two posteriors closer than this are a tie: the difference is one of rounding."""

_TRIES = 4  # points that are tried on a line in one M-step: one pass over the votes each
_LONGEST = 2.0  # the longest step of an ability or of the logarithm of a difficulty


@dataclass(frozen=True, slots=True)
class Glad:
    """What the model found.

    Attributes:
        items: as `Consensus.items`.
        annotators: one row an annotator, sorted: annotator_code, ability, n_annotations.
        difficulties: one row an item, sorted: item_code, difficulty (above 0), n_annotations.
        log_posterior: (n_iterations,) at each E-step, the log-likelihood of all annotations plus the logarithm
            of the priors without their constants. It does not fall.
        n_iterations: EM iterations done.
        converged: whether the tolerance was met before the iterations ran out.
        undefined: why there is nothing to report (no annotations), else None.
    """

    items: pl.DataFrame
    annotators: pl.DataFrame
    difficulties: pl.DataFrame
    log_posterior: FloatArray
    n_iterations: int
    converged: bool
    undefined: str | None


def glad(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
) -> Glad:
    """Fit the model by EM in float64, from ability 1 and difficulty 1/e for all.

    The posterior is that of the last E-step; ability and difficulty are those of the M-step after it. The order
    of the rows changes nothing.

    Args:
        votes: a frame that keeps VOTES; repeats count (see `keep_repeats` for other rules).
        n_labels: K, the number of labels of the label set.
        max_iterations: the most EM iterations, 1 or more.
        tolerance: stop when the log posterior per annotation moves by less than this; 0 runs all iterations.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
    """
    require_labels(votes, VOTES, n_labels)
    if isinstance(max_iterations, bool) or not isinstance(max_iterations, int) or max_iterations < 1:
        raise BadOption("max_iterations", max_iterations, "a whole number of 1 or more")
    if not 0 <= tolerance < np.inf:
        raise BadOption("tolerance", tolerance, "0 or more")
    coded = code_votes(votes, n_labels=n_labels)
    model = _Model(coded)
    trace: list[float] = []
    converged = votes.is_empty()
    while len(trace) < max_iterations and not converged:
        trace.append(model.expect())
        model.climb()
        within = tolerance * coded.n_votes
        converged = within > 0 and len(trace) > 1 and abs(trace[-1] - trace[-2]) < within
    return _found(coded, model, trace, converged=converged and not votes.is_empty())


def right_chances(found: Glad, item_codes: IntArray, annotator_codes: IntArray) -> FloatArray:
    """For each annotation of a fitted item by a fitted annotator: how probable it was to be right."""
    items = found.difficulties.get_column("item_code").to_numpy()
    annotators = found.annotators.get_column("annotator_code").to_numpy()
    ability = found.annotators.get_column("ability").to_numpy()[np.searchsorted(annotators, annotator_codes)]
    difficulty = found.difficulties.get_column("difficulty").to_numpy()
    slope = ability / difficulty[np.searchsorted(items, item_codes)]
    chances: FloatArray = 0.5 * (1 + np.tanh(slope / 2))
    return chances


def _found(votes: CodedVotes, model: _Model, trace: list[float], *, converged: bool) -> Glad:
    n_of_annotator = np.bincount(
        votes.annotator_of_pair, weights=votes.votes_of_pair, minlength=votes.n_annotators
    )
    tied = top_is_tied(model.posterior, within=TIE_WITHIN) if votes.n_items else np.empty(0, dtype=np.bool_)
    return Glad(
        items=items_frame(votes.item_codes, model.posterior, votes.votes_of_item, tied=tied),
        annotators=pl.DataFrame(
            {
                "annotator_code": votes.annotator_codes,
                "ability": model.ability,
                "n_annotations": n_of_annotator.astype(np.int64),
            }
        ),
        difficulties=pl.DataFrame(
            {
                "item_code": votes.item_codes,
                "difficulty": np.exp(-model.ease),
                "n_annotations": votes.votes_of_item,
            }
        ),
        log_posterior=np.array(trace),
        n_iterations=len(trace),
        converged=converged,
        undefined=None if votes.n_items else "there are no annotations",
    )


class _Model:
    """The parameters, the posterior and the two steps. `ease` is the logarithm of 1 / difficulty."""

    def __init__(self, votes: CodedVotes) -> None:
        self._votes = votes
        self._annotators = votes.annotator_of_pair[votes.pairs]
        self._chunks = chunk_edges(
            votes.n_items, n_annotations=votes.n_votes, cells_per_chunk=votes.n_annotators
        )
        self._given = votes.given
        self._log_others = float(np.log(max(int(votes.given.sum()) - 1, 1)))
        self._own: FloatArray = np.empty(votes.n_votes)
        self.posterior: FloatArray = np.zeros((votes.n_items, votes.n_labels))
        self.ability: FloatArray = np.ones(votes.n_annotators)
        self.ease: FloatArray = np.ones(votes.n_items)

    def expect(self) -> float:
        """The E-step; returns the log posterior of the parameters."""
        votes = self._votes

        def work(chunk: int) -> float:
            return _expect_items(
                self._chunks[chunk],
                (votes.starts, self._annotators, votes.pairs, votes.label_of_pair),
                (self.ability, self.ease),
                (self._given, self._log_others),
                (self.posterior, self._own),
            )

        log_likelihood = sum(run_each(work, len(self._chunks)))
        return float(log_likelihood - self._distance(self.ability, self.ease))

    def climb(self) -> None:
        """The M-step: abilities, then eases, up the expected log posterior."""
        trial = self.ability
        highest = np.full(len(trial), -np.inf)
        step = np.zeros(len(trial))
        for _ in range(_TRIES):
            height, slope, bend = self._survey(trial)
            height -= (trial - 1) ** 2 / 2
            better = height > highest
            self.ability = np.where(better, trial, self.ability)
            highest = np.where(better, height, highest)
            uphill = np.clip((slope - (trial - 1)) / (bend + 1), -_LONGEST, _LONGEST)
            step = np.where(better, uphill, step / 2)
            trial = self.ability + step

        def work(chunk: int) -> None:
            _climb_items(
                self._chunks[chunk],
                (self._votes.starts, self._annotators),
                self.ability,
                self.ease,
                self._own,
            )

        run_each(work, len(self._chunks))

    def _survey(self, ability: FloatArray) -> FloatArray:
        """For each annotator (3, A): the expected log-likelihood at this ability, its slope and its bend."""

        def work(chunk: int) -> FloatArray:
            coded = (self._votes.starts, self._annotators)
            return _survey_annotators(self._chunks[chunk], coded, (ability, self.ease), self._own)

        found: FloatArray = np.sum(run_each(work, len(self._chunks)), axis=0)
        return found

    @staticmethod
    def _distance(ability: FloatArray, ease: FloatArray) -> float:
        """Minus the logarithm of the normal priors, without their constants."""
        return float(((ability - 1) ** 2).sum() + ((ease - 1) ** 2).sum()) / 2


@numba.njit(nogil=True, cache=True)
def _expect_items(
    chunk: tuple[int, int],
    votes: tuple[IntArray, SmallInts, SmallInts, SmallInts],
    parameters: tuple[FloatArray, FloatArray],
    labels: tuple[NDArray[np.bool_], float],
    found: tuple[FloatArray, FloatArray],
) -> float:
    """The log-odds of right to wrong are ability x exp(ease): all that a vote adds to its label."""
    starts, annotators, pairs, label_of_pair = votes
    ability, ease = parameters
    given, log_others = labels
    posterior, own = found
    n_labels = posterior.shape[1]
    log_given = np.log(given.sum())
    log_likelihood = 0.0
    for item in range(chunk[0], chunk[1]):
        begin, end = starts[item], starts[item + 1]
        scale = np.exp(ease[item])
        for label in range(n_labels):
            posterior[item, label] = 0.0
        for vote in range(begin, end):
            odds = ability[annotators[vote]] * scale
            posterior[item, label_of_pair[pairs[vote]]] += odds + log_others
            log_likelihood -= max(odds, 0.0) + np.log1p(np.exp(-abs(odds))) + log_others
        largest = -np.inf
        for label in range(n_labels):
            if given[label]:
                largest = max(largest, posterior[item, label])
        total = 0.0
        for label in range(n_labels):
            posterior[item, label] = np.exp(posterior[item, label] - largest) if given[label] else 0.0
            total += posterior[item, label]
        for label in range(n_labels):
            posterior[item, label] /= total
        log_likelihood += largest + np.log(total) - log_given
        for vote in range(begin, end):
            own[vote] = posterior[item, label_of_pair[pairs[vote]]]
    return log_likelihood


@numba.njit(nogil=True, cache=True)
def _survey_annotators(
    chunk: tuple[int, int],
    votes: tuple[IntArray, SmallInts],
    parameters: tuple[FloatArray, FloatArray],
    own: FloatArray,
) -> FloatArray:
    """Sums for each annotator, given the posterior of each vote's own label."""
    starts, annotators = votes
    ability, ease = parameters
    found = np.zeros((3, len(ability)))
    for item in range(chunk[0], chunk[1]):
        scale = np.exp(ease[item])
        for vote in range(starts[item], starts[item + 1]):
            annotator = annotators[vote]
            odds = ability[annotator] * scale
            height, right = _vote(odds, own[vote])
            found[0, annotator] += height
            found[1, annotator] += (own[vote] - right) * scale
            found[2, annotator] += right * (1 - right) * scale**2
    return found


@numba.njit(nogil=True, cache=True)
def _climb_items(
    chunk: tuple[int, int],
    votes: tuple[IntArray, SmallInts],
    ability: FloatArray,
    ease: FloatArray,
    own: FloatArray,
) -> None:
    """As the climb of abilities, for each item by itself."""
    starts, annotators = votes
    for item in range(chunk[0], chunk[1]):
        trial, highest, step = ease[item], -np.inf, 0.0
        for _ in range(_TRIES):
            height, slope, bend = -((trial - 1) ** 2) / 2, 1 - trial, 1.0
            scale = np.exp(trial)
            for vote in range(starts[item], starts[item + 1]):
                odds = ability[annotators[vote]] * scale
                here, right = _vote(odds, own[vote])
                height += here
                slope += (own[vote] - right) * odds
                bend += right * (1 - right) * odds**2
            if height > highest:
                ease[item], highest = trial, height
                step = min(max(slope / bend, -_LONGEST), _LONGEST)
            else:
                step /= 2
            trial = ease[item] + step


@numba.njit(nogil=True, cache=True)
def _vote(odds: float, own: float) -> tuple[float, float]:
    """What a vote adds to the expected log-likelihood at these log-odds, and how probable it is to be right."""
    small = np.exp(-abs(odds))
    height = own * odds - max(odds, 0.0) - np.log1p(small)
    return height, 1 / (1 + small) if odds >= 0 else small / (1 + small)
