"""What one item's label would be without each of its annotators: the posterior, and whose votes decide.

For models in the manner of Dawid and Skene the log-odds of two labels are a sum: the prior's and, from each annotator, the
log-likelihood ratio of their votes. For weighted votes the posterior is each label's share of the weight. In both an annotator
is left out by taking their part away, with the model's parameters and the other weights as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class VoteInfluence:
    """An item's posterior with and without each annotator.

    Attributes:
        posterior: (K,) with everybody.
        label_code: the most probable label; the smallest code of a tie.
        runner_up_code: the best other label; None where K is 1.
        prior_log_odds: log-odds of the label against the runner-up before any vote; 0 for weighted votes.
        log_odds: (A,) what each annotator adds to those log-odds; NaN for weighted votes, which have none.
        without: (A, K) the posterior without them; NaN where nothing is left.
        label_without: (A,) the label without them; -1 where nothing is left.
        decisive: (A,) whether the label is another one without them (or there is none left).
    """

    posterior: FloatArray
    label_code: int
    runner_up_code: int | None
    prior_log_odds: float
    log_odds: FloatArray
    without: FloatArray
    label_without: IntArray
    decisive: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def model_influence(evidence: FloatArray, log_priors: FloatArray) -> VoteInfluence:
    """For models with a prior and a likelihood of votes.

    Args:
        evidence: (A, K) log P(the votes of the annotator | the item's label), summed over their votes.
        log_priors: (K,) log P(label); minus infinity for a label that cannot be.

    Raises:
        BadOption: arrays that do not fit each other, evidence that is not finite, or priors that allow no label.
    """
    _check(evidence, log_priors.shape[0] if log_priors.ndim == 1 else -1)
    if np.isnan(log_priors).any() or not (log_priors < np.inf).all() or not np.isfinite(log_priors).any():
        raise BadOption("log_priors", "a table", "logarithms of probabilities, one of them above 0")
    total = log_priors + evidence.sum(axis=0)
    posterior = _softmax(total[None])[0]
    label, other = _best(posterior)
    with np.errstate(invalid="ignore"):
        prior_odds = 0.0 if other is None else float(log_priors[label] - log_priors[other])
    odds = np.zeros(len(evidence)) if other is None else evidence[:, label] - evidence[:, other]
    without = _softmax(log_priors + (evidence.sum(axis=0) - evidence))
    return _told(posterior, prior_odds, odds, without)


def weight_influence(weights: FloatArray) -> VoteInfluence:
    """For votes that are counted or weighted.

    Args:
        weights: (A, K) the weight that each annotator gave each label, 0 or more; some of it above 0.

    Raises:
        BadOption: weights that are not such a table.
    """
    _check(weights, weights.shape[-1] if weights.ndim else -1)
    if (weights < 0).any() or not weights.sum() > 0:
        raise BadOption("weights", "a table", "0 or more, and not 0 throughout")
    total = weights.sum(axis=0)
    rest = np.where(np.abs(total - weights) > 1e-12 * total.sum(), total - weights, 0.0)
    left = rest.sum(axis=1, keepdims=True)
    without = np.divide(rest, left, out=np.full_like(rest, np.nan), where=left > 0)
    return _told(total / total.sum(), 0.0, np.full(len(weights), np.nan), without)


def _check(table: FloatArray, n_labels: int) -> None:
    if table.ndim != 2 or table.shape[1] != n_labels or not n_labels or not np.isfinite(table).all():
        raise BadOption("votes", f"array of shape {table.shape}", "finite and of shape (A, K)")


def _softmax(logs: FloatArray) -> FloatArray:
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    found: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    return found


def _best(posterior: FloatArray) -> tuple[int, int | None]:
    order = np.argsort(-posterior, kind="stable")
    return int(order[0]), int(order[1]) if len(order) > 1 else None


def _told(posterior: FloatArray, prior_odds: float, odds: FloatArray, without: FloatArray) -> VoteInfluence:
    label, other = _best(posterior)
    left = np.asarray(~np.isnan(without).any(axis=1))
    instead = np.where(left, np.where(left[:, None], without, 0.0).argmax(axis=1), -1)
    return VoteInfluence(posterior, label, other, prior_odds, odds, without, instead, instead != label)
