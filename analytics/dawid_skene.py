"""Dawid and Skene's model: consensus labels and each annotator's confusion matrix, estimated together.

A. P. Dawid and A. M. Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
algorithm, Applied Statistics 28(1), 20-28. Item i has one label z_i drawn with probabilities p (K,);
annotator a, shown an item of label c, gives label l with probability pi[a, c, l], independently of everybody
else. Then

    E:  q[i, c]  proportional to  p[c] * product over the annotations (a, l) of item i of pi[a, c, l]
    M:  p[c] = mean over items of q[i, c];  pi[a, c, l] proportional to the sum of q[i, c] over a's labels l

starting from the vote shares of each item. Several annotations by one annotator of one item are counts, as in
the paper. On the processor numba does the steps (`em_kernels`), on a card torch (`em_torch`).

**Simpler confusion matrices**, for crowds that gave each annotator too few items for K x K cells. Errors are
even over the other labels that anybody gave. "class": one accuracy for each annotator and label of the item;
for two labels the same as the full model (Raykar et al. 2010, Learning from crowds, JMLR 11: its sensitivity
and specificity). "one-coin": one accuracy for each annotator (the name and the M-step as in Zhang, Chen, Zhou
and Jordan 2016, Spectral methods meet EM, JMLR 17; Whitehill et al. 2009 without the items' difficulty).

**Priors.** `smoothing` and `prior_smoothing` are pseudo-counts: those of Dirichlet priors with parameters one
larger, whose mode the M-step then finds (Raykar et al. 2010, section 2.4).

**Probabilities of zero.** A label that nobody gave has probability 0, exactly and for good. For the labels that
were given, an expected count or a prior under 1e-10 is taken as 1e-10: else one annotation could rule a label
out for ever, and an annotator who met no item of label c would have a row of 0/0. Such a row comes out even
over the labels that the annotator used; `n_expected` says how little it rests on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
import polars as pl

from analytics.coded_votes import CodedVotes, code_votes
from analytics.consensus import items_frame, top_is_tied
from analytics.device import Device, choose_device
from analytics.em_kernels import FusedSteps, accuracies, label_priors
from analytics.em_steps import FLOOR, Assumptions, Confusion, Steps
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, require_labels

TIE_WITHIN = 1e-9
"""Two posteriors closer than this are a tie: the difference is one of rounding."""


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """What the model found, after the last M-step.

    Attributes:
        items: as `Consensus.items`: item_code, label_code, p_label, n_annotations, tied, posterior.
        priors: (K,) share of each label among the items, with its pseudo-counts; all 0 where there were no
            votes.
        confusion: (A, K, K), rows the item's label, columns the label that the annotator gave; rows sum to 1.
        n_expected: (A, K) how many of an annotator's annotations are expected to be on items of each label:
            what a row of `confusion` rests on. Near 0 the row says nothing about the annotator.
        annotator_codes: (A,) ascending, the first axis of `confusion`.
        log_likelihood: (n_iterations,) natural logarithm of the likelihood of all annotations, at each
            E-step.
        n_iterations: E-steps done.
        converged: whether the tolerance was met before the iterations ran out.
        device: "cpu" or "cuda".
        undefined: why there is nothing to report (no annotations), else None.
    """

    items: pl.DataFrame
    priors: FloatArray
    confusion: FloatArray
    n_expected: FloatArray
    annotator_codes: IntArray
    log_likelihood: FloatArray
    n_iterations: int
    converged: bool
    device: str
    undefined: str | None


def dawid_skene(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    device: Device = "cpu",
    max_iterations: int = 100,
    tolerance: float = 1e-7,
    confusion: Confusion = "full",
    smoothing: float = 0.0,
    right_smoothing: float = 0.0,
    prior_smoothing: float = 0.0,
) -> DawidSkene:
    """Fit the model by EM in float64, starting from vote shares.

    Intervals that rest on it are conditional on its assumption that annotators err independently of each
    other. The order of the rows changes nothing. On the CPU a rerun is identical to the last bit.

    Args:
        votes: a frame that keeps VOTES; repeats count (see `keep_repeats` for other rules).
        n_labels: K, the number of labels of the label set.
        device: "cpu", "cuda", or "auto" (a card where there is one).
        max_iterations: the most EM iterations, 1 or more.
        tolerance: stop when the log-likelihood per annotation moves by less than this; 0 runs all iterations.
        confusion: "full", K x K cells for each annotator; "class", one accuracy for each label of the item;
            "one-coin", one accuracy for each annotator.
        smoothing: added to the expected count of every cell that is estimated: of each of the K x K, or of
            right and of each wrong label for each accuracy (0: maximum likelihood; more draws annotators with
            few annotations towards even rows).
        right_smoothing: added to the expected count of right labels beside that: with `smoothing` a Dirichlet prior
            on every row whose mean has this much more on the diagonal.
        prior_smoothing: added to the expected number of items of every label that anybody gave (0: maximum
            likelihood; more draws the priors towards even ones).

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
        DeviceMissing: "cuda" where there is none.
    """
    require_labels(votes, VOTES, n_labels)
    assumptions = Assumptions(confusion, float(smoothing), float(right_smoothing), float(prior_smoothing))
    _check_options(max_iterations, tolerance, assumptions)
    chosen = choose_device(device)
    if votes.is_empty():
        return _nothing(n_labels, chosen)
    coded = code_votes(votes, n_labels=n_labels)
    steps: Steps
    if chosen == "cpu":
        steps = FusedSteps(coded, assumptions)
    else:
        from analytics.em_torch import TorchSteps  # torch takes a second or two to import

        steps = TorchSteps(coded, assumptions, chosen)
    trace, converged = _iterate(steps, max_iterations, tolerance * coded.n_votes)
    return _found(coded, steps, assumptions, trace, converged=converged, device=chosen)


def _check_options(max_iterations: int, tolerance: float, assumptions: Assumptions) -> None:
    if isinstance(max_iterations, bool) or not isinstance(max_iterations, int) or max_iterations < 1:
        raise BadOption("max_iterations", max_iterations, "a whole number of 1 or more")
    if assumptions.confusion not in get_args(Confusion):
        raise BadOption("confusion", assumptions.confusion, get_args(Confusion))
    for option, value in (
        ("tolerance", tolerance),
        ("smoothing", assumptions.smoothing),
        ("right_smoothing", assumptions.right_smoothing),
        ("prior_smoothing", assumptions.prior_smoothing),
    ):
        if not 0 <= value < np.inf:
            raise BadOption(option, value, "0 or more")


def _nothing(n_labels: int, device: str) -> DawidSkene:
    none = np.empty(0, dtype=np.int64)
    return DawidSkene(
        items=items_frame(none, np.empty((0, n_labels)), none, tied=np.empty(0, dtype=np.bool_)),
        priors=np.zeros(n_labels),
        confusion=np.empty((0, n_labels, n_labels)),
        n_expected=np.empty((0, n_labels)),
        annotator_codes=none,
        log_likelihood=np.empty(0),
        n_iterations=0,
        converged=False,
        device=device,
        undefined="there are no annotations",
    )


def _iterate(steps: Steps, max_iterations: int, within: float) -> tuple[list[float], bool]:
    """The log-likelihood at each E-step, and whether it moved by less than `within` at the last."""
    trace: list[float] = []
    converged = False
    while len(trace) < max_iterations and not converged:
        trace.append(steps.expect())
        converged = within > 0 and len(trace) > 1 and abs(trace[-1] - trace[-2]) < within
    return trace, converged


def _found(
    votes: CodedVotes,
    steps: Steps,
    assumptions: Assumptions,
    trace: list[float],
    *,
    converged: bool,
    device: str,
) -> DawidSkene:
    mass, counts = steps.expected()
    posterior = steps.posterior()
    tied = top_is_tied(posterior, within=TIE_WITHIN)
    confusion, n_expected = _confusion(votes, counts, assumptions)
    return DawidSkene(
        items=items_frame(votes.item_codes, posterior, votes.votes_of_item, tied=tied),
        priors=label_priors(mass, votes.given, assumptions),
        confusion=confusion,
        n_expected=n_expected,
        annotator_codes=votes.annotator_codes,
        log_likelihood=np.array(trace),
        n_iterations=len(trace),
        converged=converged,
        device=device,
        undefined=None,
    )


def _confusion(
    votes: CodedVotes, counts: FloatArray, assumptions: Assumptions
) -> tuple[FloatArray, FloatArray]:
    """Confusion matrices (A, K, K), rows sum to 1, and the expected annotations (A, K) behind each row."""
    shape = (votes.n_annotators, votes.n_labels, votes.n_labels)
    cells = (votes.annotator_of_pair, slice(None), votes.label_of_pair)
    expected = np.zeros(shape)
    expected[cells] = counts
    n_expected = expected.sum(axis=2)
    if assumptions.confusion == "full":
        filled = np.full(shape, float(assumptions.smoothing))
        filled[cells] = counts + assumptions.smoothing
        diagonal = np.arange(votes.n_labels)
        filled[:, diagonal, diagonal] += assumptions.right_smoothing
        filled[cells] = np.maximum(filled[cells], FLOOR)
    else:
        right, wrong = accuracies(votes, counts, assumptions)
        own = np.eye(votes.n_labels, dtype=np.bool_)
        filled = np.where(own, right[:, :, None], wrong[:, :, None]) * votes.given
    filled /= filled.sum(axis=2, keepdims=True)
    return filled, n_expected
