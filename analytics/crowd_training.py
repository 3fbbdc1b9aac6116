"""A model that learns from the votes themselves, and how each annotator errs, together.

V. C. Raykar, S. Yu, L. H. Zhao, G. H. Valadez, C. Florin, L. Bogoni & L. Moy (2010), Learning from crowds, JMLR 11,
1297-1322, for several labels (their section 3). Item i has one label, drawn from the model's probabilities p_i (K,) of
its features; annotator a gives label l where the item's label is c with probability pi[a, c, l]. Then

    E:  q[i, c]  proportional to  p_i[c] * product over the votes (a, l) on item i of pi[a, c, l]
    M:  pi[a, c, l] proportional to the sum of q[i, c] over a's votes l, with pseudo-counts;
        the model is fitted to the soft labels q

which begins at the vote shares. Each fold has its own q, pi and model, in which the fold's own items and the votes on
them have no part: what is said of an item is out of sample. The model takes a few steps in each M-step, so this is a
generalised EM: what it climbs (log-likelihood of the votes, less the ridge penalty, plus the pseudo-counts' terms) does
not fall.

Members differ in the items' weights, with the posterior q of the plain fit: doubt about the annotators is not in them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import logsumexp

from analytics.device import Device, choose_device
from analytics.errors import BadColumn, BadOption
from analytics.features import Features, Floats32, check_features
from analytics.folds import assign_folds, group_ranks, train_weights
from analytics.frames import VOTES, FloatArray, IntArray, dense_codes, require_labels
from analytics.member_fits import Checkpoint, Plan, Progress, fingerprint, fit_members
from analytics.training import Trained, check_folds, check_options, judged

if TYPE_CHECKING:
    from analytics.stacked_fit import LinearFitter

STEPS = 4
"""Steps that the model takes in each M-step."""

TOLERANCE = 1e-5
"""EM has converged where what it climbs rises by less than this a vote, in every fold."""

_LEAST_P = 1e-12


@dataclass(frozen=True, slots=True)
class CrowdTrained:
    """What the model, and the annotators, say of I items.

    Attributes:
        model: the model alone, out of sample; its log loss is that of `posterior`, on items with votes.
        posterior: (I, K) the model's out-of-sample probabilities times what the votes on the item say, by the confusion that
            was learned without that item; without votes the model's alone.
        confusion: (A, K, K), rows the item's label, columns the label given, mean over the folds; rows sum to 1.
        n_expected: (A, K) how many of the annotator's votes are expected to be on items of each label: what a row rests on.
        annotator_codes: (A,) ascending.
        trace: (n_iterations, F) what EM climbs, nats a vote.
        converged: whether it did before the iterations ran out.
    """

    model: Trained
    posterior: FloatArray
    confusion: FloatArray
    n_expected: FloatArray
    annotator_codes: IntArray
    trace: FloatArray
    converged: bool


def train_on_votes(
    features: Features,
    votes: pl.DataFrame,
    *,
    n_labels: int,
    n_folds: int = 5,
    n_members: int = 1,
    penalty: float = 1.0,
    smoothing: float = 0.1,
    right_smoothing: float = 1.0,
    groups: IntArray | None = None,
    seed: int = 0,
    device: Device = "cpu",
    max_iterations: int = 50,
    resume: Checkpoint | None = None,
    checkpoint: Callable[[Checkpoint], None] | None = None,
    progress: Progress | None = None,
) -> CrowdTrained:
    """Fit model and confusion, fold by fold, and judge.

    Args:
        features: (I, D) as for `train_model`.
        votes: a frame that keeps VOTES; item_code is the row of `features`, repeats count.
        n_labels: K of the label set, 2 or more.
        n_folds: F.
        n_members: M; the first is the plain fit.
        penalty: as for `train_model`.
        smoothing: pseudo-count of every cell of a confusion matrix, above 0.
        right_smoothing: added to that of its diagonal, 0 or more: an annotator is thought to be right until seen.
        groups: as for `train_model`.
        seed: of folds and members.
        device: as for `train_model`.
        max_iterations: the most iterations of EM, 1 or more.
        resume: what `checkpoint` was handed before; EM itself is done anew, its members are not.
        checkpoint: called after each block of members.
        progress: told how far the members are.

    Raises:
        MissingColumn, BadColumn: votes that break their contract, or on items that have no features.
        BadOption: options out of range, no votes, a fold whose others have none.
        OtherWork, DeviceMissing: as `train_model`.
    """
    began = time.perf_counter()
    check_options(n_members, penalty)
    _check(features, votes, n_labels, max_iterations, smoothing, right_smoothing)
    where = choose_device(device)
    annotators, given = _counts(votes, features.shape[0], n_labels)
    shares, n_votes = _shares(given, n_labels)
    group = group_ranks(features.shape[0], groups)
    known = np.where(n_votes > 0, shares.argmax(axis=1), -1)
    fold = assign_folds(len(shares), n_folds=n_folds, seed=seed, groups=groups, label_codes=known)
    plain = train_weights((n_votes > 0).astype(np.float64), fold, n_folds)
    check_folds(plain)

    from analytics.stacked_fit import LinearFitter  # torch takes a second or two to import

    fitter = LinearFitter(features, where, sets=False)
    pseudo = smoothing + right_smoothing * np.eye(n_labels)
    run = _Run(fitter, given, shares, plain, penalty=float(penalty), pseudo=pseudo)
    trace, converged = run.iterate(max_iterations)
    plan = Plan(run.posterior.astype(np.float32), plain, group, n_members, run.penalty, seed)
    mark = fingerprint(features, plan, sets=False) if checkpoint or resume else ""
    found = fit_members(fitter, plan, mark, resume, checkpoint, progress)
    posterior = _own_posterior(run, found.parameters[:, :n_folds], fold)
    return CrowdTrained(
        model=judged(fitter, found, plan, fold, posterior, (n_votes > 0).astype(np.float64), began=began),
        posterior=posterior,
        confusion=run.confusion.mean(axis=0).transpose(0, 2, 1),
        n_expected=run.expected.sum(axis=2).mean(axis=0) * n_folds / (n_folds - 1),
        annotator_codes=annotators,
        trace=trace,
        converged=converged,
    )


class _Run:
    """EM of all folds at once. Confusions are (F, A, L, C): the label given before the item's."""

    def __init__(
        self,
        fitter: LinearFitter,
        given: csr_array,
        shares: FloatArray,
        plain: Floats32,
        *,
        penalty: float,
        pseudo: FloatArray,
    ) -> None:
        self.fitter, self.given, self.plain = fitter, given, plain
        self.penalty = np.full(plain.shape[1], penalty)
        self.pseudo = pseudo
        self.rows = np.arange(len(shares))
        self.n_votes = np.asarray(given.sum(axis=0)).reshape(-1) @ plain
        self.posterior = np.repeat(shares[:, None, :], plain.shape[1], axis=1)
        self.parameters: Floats32 | None = None
        self.confusion: FloatArray = np.empty((0, 0, 0, 0))
        self.expected: FloatArray = np.empty((0, 0, 0, 0))

    def iterate(self, max_iterations: int) -> tuple[FloatArray, bool]:
        """What is climbed (n_iterations, F), a vote; and whether it came to rest."""
        trace: list[FloatArray] = []
        converged = False
        while len(trace) < max_iterations and not converged:
            self._maximise()
            trace.append(self._expect())
            converged = len(trace) > 1 and bool((np.abs(trace[-1] - trace[-2]) < TOLERANCE).all())
        return np.array(trace), converged

    def of_votes(self) -> FloatArray:
        """(I, F, K): the logarithm of the probability of an item's votes, for each label that it may have."""
        n_folds, n_labels = self.posterior.shape[1:]
        logs = np.log(self.confusion).transpose(1, 2, 0, 3).reshape(-1, n_folds * n_labels)
        found: FloatArray = (self.given.T @ logs).reshape(self.posterior.shape)
        return found

    def _maximise(self) -> None:
        n_folds, n_labels = self.posterior.shape[1:]
        seen = (self.posterior * self.plain[:, :, None]).reshape(len(self.rows), -1)
        counts = np.asarray(self.given @ seen).reshape(-1, n_labels, n_folds, n_labels).transpose(2, 0, 1, 3)
        filled = counts + self.pseudo
        self.expected = counts.transpose(0, 1, 3, 2)
        self.confusion = filled / filled.sum(axis=2, keepdims=True)
        fit = self.fitter.fit(
            self.posterior.astype(np.float32),
            self.plain,
            self.penalty,
            start=self.parameters,
            most_steps=STEPS,
        )
        self.parameters = fit.parameters

    def _expect(self) -> FloatArray:
        """The E-step; returns what is climbed."""
        assert self.parameters is not None
        p = self.fitter.probabilities(self.parameters, self.rows)
        joint = np.log(np.maximum(p, _LEAST_P)) + self.of_votes()
        likelihood = logsumexp(joint, axis=2)
        self.posterior = np.exp(joint - likelihood[:, :, None])
        weights = self.parameters[:-1].astype(np.float64)
        prior = (np.log(self.confusion) * self.pseudo).sum(axis=(1, 2, 3))
        prior -= self.penalty / 2 * (weights * weights).sum(axis=(0, 2))
        found: FloatArray = ((likelihood * self.plain).sum(axis=0) + prior) / self.n_votes
        return found


def _own_posterior(run: _Run, parameters: Floats32, fold: IntArray) -> FloatArray:
    """(I, K): each item by the model and the confusions of its own fold, which saw neither it nor its votes."""
    p = run.fitter.probabilities(parameters, run.rows)[run.rows, fold]
    joint = np.log(np.maximum(p, _LEAST_P)) + run.of_votes()[run.rows, fold]
    found: FloatArray = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    return found


def _counts(votes: pl.DataFrame, n_items: int, n_labels: int) -> tuple[IntArray, csr_array]:
    """The annotators' codes (A,), and how often (annotator, label) was given to each item: (A x K, I)."""
    annotators, annotator = dense_codes(votes.get_column("annotator_code"))
    label = votes.get_column("label_code").to_numpy().astype(np.int64)
    item = votes.get_column("item_code").to_numpy().astype(np.int64)
    cells = (np.ones(len(item)), (annotator * n_labels + label, item))
    return annotators, csr_array(cells, shape=(len(annotators) * n_labels, n_items))


def _shares(given: csr_array, n_labels: int) -> tuple[FloatArray, NDArray[np.int64]]:
    """Vote shares (I, K), even without votes; and the number of votes (I,)."""
    n_pairs = given.shape[0]
    of_label = csr_array(
        (np.ones(n_pairs), (np.arange(n_pairs) % n_labels, np.arange(n_pairs))), shape=(n_labels, n_pairs)
    )
    counts = np.asarray((of_label @ given).toarray()).T
    n_votes = counts.sum(axis=1)
    shares = np.where(n_votes[:, None] > 0, counts / np.maximum(n_votes, 1)[:, None], 1 / n_labels)
    return shares, n_votes.astype(np.int64)


def _check(
    features: Features,
    votes: pl.DataFrame,
    n_labels: int,
    max_iterations: int,
    smoothing: float,
    right_smoothing: float,
) -> None:
    check_features(features)
    require_labels(votes, VOTES, n_labels)
    if n_labels < 2:
        raise BadOption("n_labels", n_labels, "2 or more")
    if votes.is_empty():
        raise BadOption(
            "votes", "a frame without rows", "of one vote or more: without votes nothing is learned"
        )
    last = int(votes.get_column("item_code").to_numpy().max())
    if last >= features.shape[0]:
        problem = f"has the code {last}, but there are features of {features.shape[0]} items (0 to {features.shape[0] - 1})"
        raise BadColumn(VOTES.name, "item_code", problem)
    if isinstance(max_iterations, bool) or not isinstance(max_iterations, int) or max_iterations < 1:
        raise BadOption("max_iterations", max_iterations, "a whole number of 1 or more")
    if not 0 < smoothing < np.inf:
        raise BadOption("smoothing", smoothing, "above 0 and finite")
    if not 0 <= right_smoothing < np.inf:
        raise BadOption("right_smoothing", right_smoothing, "0 or more and finite")
