"""MACE: consensus labels, and how often each annotator knows the label rather than spams.

D. Hovy, T. Berg-Kirkpatrick, A. Vaswani and E. Hovy (2013), Learning whom to trust with MACE, NAACL-HLT,
1120-1130. Shown an item, annotator a gives its label with probability competence[a]; else spams: draws a label
from a distribution of their own that has nothing to do with the item. The labels are those that anybody gave,
each as probable beforehand as any other.

"vb" is the paper's variational Bayes, with Beta(0.5, 0.5) on competence and a symmetric Dirichlet of 10 on the
spamming distribution (the authors' own program has these; the paper names Beta and Dirichlet priors); "em" is
plain EM, 0.01 / K added to each count. Both start several times, once even and then at random, and the start
that ends in the highest likelihood is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import digamma

from analytics.chunks import run_each
from analytics.coded_votes import CodedVotes, SmallInts, code_votes
from analytics.consensus import items_frame, top_is_tied
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, require_labels

Method = Literal["vb", "em"]

TIE_WITHIN = 1e-9
"""Two posteriors closer than this are a tie: the difference is one of rounding."""

COMPETENCE_PRIOR = 0.5
"""Both parameters of the Beta prior on competence."""

STRATEGY_PRIOR = 10.0
"""The parameter of the symmetric Dirichlet prior on the spamming distribution."""

_STEEPEST = 600.0  # the largest sum of logarithms whose exponential is taken as a product

_NOISE = 0.5  # a random start draws weights from [1, 2 + noise), as the peer libraries do


@dataclass(frozen=True, slots=True)
class Mace:
    """What the model found.

    Attributes:
        items: as `Consensus.items`.
        annotators: one row an annotator, sorted: annotator_code, competence (share of the annotations that were
            known, the mean under the model), n_known (expected number of them), n_annotations.
        spamming: (A, K) the distribution that an annotator spams from; rows sum to 1.
        log_likelihood: of all annotations, for each start.
        undefined: why there is nothing to report (no annotations), else None.
    """

    items: pl.DataFrame
    annotators: pl.DataFrame
    spamming: FloatArray
    log_likelihood: FloatArray
    undefined: str | None


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a climb begins: weights of spamming and knowing (A,), and of the spamming distribution (P,)."""

    spam: FloatArray
    know: FloatArray
    strategy: FloatArray


@dataclass(frozen=True, slots=True)
class _Summit:
    """Where a climb ended: parameters as in `_Start`, and the expected number of votes that were known (P,)."""

    end: _Start
    known: FloatArray
    log_likelihood: float


def mace(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    method: Method = "vb",
    n_starts: int = 10,
    n_iterations: int = 50,
    seed: int = 0,
) -> Mace:
    """Fit the model in float64. The order of the rows changes nothing.

    Args:
        votes: a frame that keeps VOTES; repeats count (see `keep_repeats` for other rules).
        n_labels: K, the number of labels of the label set.
        method: "vb" or "em".
        n_starts: how many starts, 1 or more: the first is even, the others are random.
        n_iterations: iterations of each start, 1 or more.
        seed: of the random starts.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
    """
    require_labels(votes, VOTES, n_labels)
    if method not in get_args(Method):
        raise BadOption("method", method, get_args(Method))
    for option, count in (("n_starts", n_starts), ("n_iterations", n_iterations)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise BadOption(option, count, "a whole number of 1 or more")
    coded = code_votes(votes, n_labels=n_labels)
    if votes.is_empty():
        return _nothing(coded)
    model = _Model(coded, method, n_iterations)
    summits = run_each(lambda start: model.climb(model.start(start, seed)), n_starts)
    likelihoods = np.array([summit.log_likelihood for summit in summits])
    return _found(coded, model, summits[int(likelihoods.argmax())], likelihoods)


def implied_confusion(found: Mace) -> FloatArray:
    """The confusion matrices (A, K, K) that competence and spamming amount to, rows the item's label."""
    competence = found.annotators.get_column("competence").to_numpy()[:, None, None]
    knows: FloatArray = competence * np.eye(found.spamming.shape[1])
    return knows + (1 - competence) * found.spamming[:, None, :]


def _nothing(votes: CodedVotes) -> Mace:
    none = np.empty(0, dtype=np.int64)
    return Mace(
        items=items_frame(none, np.empty((0, votes.n_labels)), none, tied=np.empty(0, dtype=np.bool_)),
        annotators=_annotators_frame(none, np.empty(0), np.empty(0), none),
        spamming=np.empty((0, votes.n_labels)),
        log_likelihood=np.empty(0),
        undefined="there are no annotations",
    )


def _annotators_frame(
    codes: IntArray, competence: FloatArray, known: FloatArray, n_annotations: IntArray
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "annotator_code": codes,
            "competence": competence,
            "n_known": known,
            "n_annotations": n_annotations,
        }
    )


def _found(votes: CodedVotes, model: _Model, summit: _Summit, likelihoods: FloatArray) -> Mace:
    posterior = model.posterior(summit.end)
    prior, strategy_prior = model.pseudo_counts
    n_of = model.of_annotators(votes.votes_of_pair.astype(np.float64))
    known = model.of_annotators(summit.known)
    spamming = np.where(votes.given, strategy_prior, 0.0) * np.ones((votes.n_annotators, 1))
    spamming[votes.annotator_of_pair, votes.label_of_pair] += votes.votes_of_pair - summit.known
    return Mace(
        items=items_frame(
            votes.item_codes,
            posterior,
            votes.votes_of_item,
            tied=top_is_tied(posterior, within=TIE_WITHIN),
        ),
        annotators=_annotators_frame(
            votes.annotator_codes, (known + prior) / (n_of + 2 * prior), known, n_of.astype(np.int64)
        ),
        spamming=spamming / spamming.sum(axis=1, keepdims=True),
        log_likelihood=likelihoods,
        undefined=None,
    )


class _Model:
    """The steps for one set of votes. It keeps no state, so several climbs may run at once."""

    def __init__(self, votes: CodedVotes, method: Method, n_iterations: int) -> None:
        self._votes = votes
        self._method = method
        self._n_iterations = n_iterations
        self._n_given = int(votes.given.sum())
        self._n_of_pair = votes.votes_of_pair.astype(np.float64)

    @property
    def pseudo_counts(self) -> tuple[float, float]:
        """Added to each count of known and spammed, and to each count of a spammed label."""
        if self._method == "vb":
            return COMPETENCE_PRIOR, STRATEGY_PRIOR
        return 0.01 / self._n_given, 0.01 / self._n_given

    def start(self, number: int, seed: int) -> _Start:
        """The start of this number: the first is even."""
        votes = self._votes
        states = np.ones((votes.n_annotators, 2))
        weights = np.ones((votes.n_annotators, self._n_given))
        if number:
            rng = np.random.default_rng([seed, number])
            states += (1 + _NOISE) * rng.random(states.shape)
            weights += (1 + _NOISE) * rng.random(weights.shape)
        states /= states.sum(axis=1, keepdims=True)
        weights /= weights.sum(axis=1, keepdims=True)
        place = np.cumsum(votes.given) - 1
        strategy = weights[votes.annotator_of_pair, place[votes.label_of_pair]]
        return _Start(states[:, 0], states[:, 1], strategy)

    def climb(self, start: _Start) -> _Summit:
        """All iterations from one start."""
        known, log_likelihood = self._expect(start)
        for _ in range(self._n_iterations):
            start = self._maximise(known)
            known, log_likelihood = self._expect(start)
        return _Summit(start, known, log_likelihood)

    def posterior(self, at: _Start) -> FloatArray:
        """The posterior (I, K) under these parameters."""
        votes = self._votes
        spammed, knew = self._chances(at)
        posterior = np.empty((votes.n_items, votes.n_labels))
        _posterior(
            (votes.starts, votes.pairs, votes.label_of_pair), votes.given, np.log1p(knew / spammed), posterior
        )
        return posterior

    def of_annotators(self, of_pairs: FloatArray) -> FloatArray:
        """Sums over each annotator's pairs: (P,) to (A,)."""
        votes = self._votes
        sums = np.bincount(votes.annotator_of_pair, weights=of_pairs, minlength=votes.n_annotators)
        return sums.astype(np.float64)

    def _chances(self, at: _Start) -> tuple[FloatArray, FloatArray]:
        """For each pair (P,): P(spams and draws this label), and P(knows)."""
        annotators = self._votes.annotator_of_pair
        return at.spam[annotators] * at.strategy, at.know[annotators]

    def _expect(self, at: _Start) -> tuple[FloatArray, float]:
        """The E-step: expected number of votes of each pair that were known (P,), and the log-likelihood."""
        votes = self._votes
        spammed, knew = self._chances(at)
        right, log_ratios = _expect_items(
            (votes.starts, votes.pairs, votes.label_of_pair),
            self._n_given,
            votes.n_labels,
            np.log1p(knew / spammed),
        )
        log_likelihood = log_ratios + float(self._n_of_pair @ np.log(spammed))
        return right * knew / (spammed + knew), log_likelihood - votes.n_items * float(np.log(self._n_given))

    def _maximise(self, known: FloatArray) -> _Start:
        spammed = self._n_of_pair - known
        prior, strategy_prior = self.pseudo_counts
        knows, spams = self.of_annotators(known) + prior, self.of_annotators(spammed) + prior
        strategy = spammed + strategy_prior
        # The labels that an annotator did not give have their pseudo-counts too.
        all_strategies = spams - prior + self._n_given * strategy_prior
        total = all_strategies[self._votes.annotator_of_pair]
        if self._method == "em":
            return _Start(spams / (spams + knows), knows / (spams + knows), strategy / total)
        return _Start(
            np.exp(digamma(spams) - digamma(spams + knows)),
            np.exp(digamma(knows) - digamma(spams + knows)),
            np.exp(digamma(strategy) - digamma(total)),
        )


@numba.njit(nogil=True, cache=True)
def _expect_items(
    votes: tuple[IntArray, SmallInts, SmallInts], n_given: int, n_labels: int, log_ratio: FloatArray
) -> tuple[FloatArray, float]:
    """For each pair the posterior that its label is right, summed over its votes; and a log-likelihood.

    The likelihood is in units of everybody's spamming: each vote multiplies that of its own label by its ratio
    (1 or more), and the labels without a vote stay at 1, however many they are. `largest` is the logarithm of
    what is taken out of items whose product might overflow.
    """
    starts, pairs, label_of_pair = votes
    ratio = np.exp(log_ratio)
    steepest = log_ratio.max()
    right = np.zeros(len(log_ratio))
    weight = np.zeros(n_labels)
    seen_by = np.full(n_labels, -1)
    log_likelihood = 0.0
    for item in range(len(starts) - 1):
        begin, end = starts[item], starts[item + 1]
        total, largest, n_seen = 0.0, 0.0, 0
        if (end - begin) * steepest < _STEEPEST:
            for vote in range(begin, end):
                label = label_of_pair[pairs[vote]]
                before = weight[label]
                if seen_by[label] != item:
                    seen_by[label] = item
                    n_seen += 1
                    weight[label] = ratio[pairs[vote]]
                    before = 0.0
                else:
                    weight[label] *= ratio[pairs[vote]]
                total += weight[label] - before
        else:
            weight[:] = 0.0
            for vote in range(begin, end):
                weight[label_of_pair[pairs[vote]]] += log_ratio[pairs[vote]]
            largest = weight.max()
            for label in range(n_labels):
                n_seen += weight[label] > 0
                total += np.exp(weight[label] - largest) if weight[label] > 0 else 0.0
                weight[label] = np.exp(weight[label] - largest)
            seen_by[:] = -1
        total += (n_given - n_seen) * np.exp(-largest)
        log_likelihood += largest + np.log(total)
        for vote in range(begin, end):
            right[pairs[vote]] += weight[label_of_pair[pairs[vote]]] / total
    return right, log_likelihood


@numba.njit(nogil=True, cache=True)
def _posterior(
    votes: tuple[IntArray, SmallInts, SmallInts],
    given: NDArray[np.bool_],
    log_ratio: FloatArray,
    posterior: FloatArray,
) -> None:
    starts, pairs, label_of_pair = votes
    n_labels = len(given)
    for item in range(len(starts) - 1):
        for label in range(n_labels):
            posterior[item, label] = 0.0
        for vote in range(starts[item], starts[item + 1]):
            posterior[item, label_of_pair[pairs[vote]]] += log_ratio[pairs[vote]]
        largest = 0.0
        for label in range(n_labels):
            largest = max(largest, posterior[item, label])
        total = 0.0
        for label in range(n_labels):
            posterior[item, label] = np.exp(posterior[item, label] - largest) if given[label] else 0.0
            total += posterior[item, label]
        for label in range(n_labels):
            posterior[item, label] /= total
