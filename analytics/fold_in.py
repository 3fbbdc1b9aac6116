"""The consensus of some items under parameters that were fitted before: a fold-in, one E-step with nothing learned from it.

Where a few items have new votes, a whole new fit moves everybody's parameters by next to nothing. So these are held
fixed, and only the posterior of those items is computed: for models in the manner of Dawid and Skene (1979)

    P(label | votes) proportional to prior[label] * product over votes of confusion[annotator, label, vote]

and for weighted votes the share of the item's weight. New cases are folded into a fitted latent model in this way by
T. Hofmann (1999), Probabilistic latent semantic indexing, SIGIR, 50-57. Of votes that the fit saw, a fit that has converged
gives the same posterior.

An annotator whom the fit did not know is taken for the mean of those whom it knew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.coded_votes import CodedVotes, SmallInts, code_votes
from analytics.consensus import int_codes, items_frame, top_is_tied
from analytics.dawid_skene import TIE_WITHIN
from analytics.em_steps import FLOOR
from analytics.errors import BadColumn, BadOption
from analytics.frames import VOTES, Contract, FloatArray, IntArray, require, require_labels
from analytics.weighted_vote import weighted_items

WEIGHTS = Contract("weights", ("annotator_code",))


@dataclass(frozen=True, slots=True)
class FoldIn:
    """The items under the parameters, and whom the parameters did not know.

    Attributes:
        items: as `Consensus.items`.
        new_codes: (N,) ascending, the annotators of the votes whom the parameters did not know.
        pooled: what these were taken for: a weight, shape (), or a confusion matrix (K, K), rows the item's label.
    """

    items: pl.DataFrame
    new_codes: IntArray
    pooled: FloatArray


def fold_in_weights(votes: pl.DataFrame, weights: pl.DataFrame, *, n_labels: int) -> FoldIn:
    """For weighted votes. A posterior is a label's share of the item's weight, of its votes where nobody weighs anything.

    Args:
        votes: a frame that keeps VOTES: all votes of the items, new and old, repeats as they count.
        weights: annotator_code and weight (0 or more) of the annotators, as `WeightedVote.annotators`; one or more.
        n_labels: K.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.

    >>> votes = pl.DataFrame({"item_code": [7, 7], "annotator_code": [0, 1], "label_code": [1, 0]})
    >>> fold_in_weights(votes, pl.DataFrame({"annotator_code": [0, 1], "weight": [3.0, 1.0]}), n_labels=2).items["p_label"][0]
    0.75
    """
    require_labels(votes, VOTES, n_labels)
    require(weights, WEIGHTS)
    known = weights.sort("annotator_code")
    values = known.get_column("weight").cast(pl.Float64).to_numpy()
    if not ((values >= 0) & (values < np.inf)).all():
        raise BadColumn("weights", "weight", "has to be 0 or more, finite, and never null")
    coded = code_votes(votes, n_labels=n_labels)
    place, is_new = _places(int_codes(known, "annotator_code"), coded.annotator_codes, "weights")
    pooled = np.asarray(values.mean(), dtype=np.float64)
    of_annotators = np.where(is_new, pooled, values[place])
    return FoldIn(weighted_items(coded, of_annotators), coded.annotator_codes[is_new], pooled)


def fold_in_model(
    votes: pl.DataFrame, *, priors: FloatArray, confusion: FloatArray, annotator_codes: IntArray
) -> FoldIn:
    """For `dawid_skene` in all its forms, and for MACE under its mean parameters (`implied_confusion`).

    A label that an annotator never gave before says nothing of them: where every row of the confusion has 0 for it, all
    labels are taken for equally probable to get it. A label whose prior is 0 stays impossible.

    Args:
        votes: a frame that keeps VOTES: all votes of the items, new and old, repeats as they count.
        priors: (K,) probability of each label; they sum to 1.
        confusion: (A, K, K), rows the item's label, columns the label that the annotator gave; A is 1 or more.
        annotator_codes: (A,) ascending, the first axis of `confusion`.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an array that breaks its contract.
    """
    n_labels = len(priors)
    shape = (len(annotator_codes), n_labels, n_labels)
    if confusion.shape != shape:
        raise BadOption("confusion", f"array of shape {confusion.shape}", f"of shape {shape}")
    if not (np.all(priors >= 0) and np.isclose(priors.sum(), 1.0)):
        raise BadOption("priors", priors.tolist(), "probabilities that sum to 1")
    require_labels(votes, VOTES, n_labels)
    coded = code_votes(votes, n_labels=n_labels)
    place, is_new = _places(annotator_codes, coded.annotator_codes, "annotator_codes")
    pooled: FloatArray = confusion.mean(axis=0)
    new_pair = is_new[coded.annotator_of_pair][:, None]
    known = confusion[place[coded.annotator_of_pair], :, coded.label_of_pair]
    chances = np.where(new_pair, pooled[:, coded.label_of_pair].T, known)
    with np.errstate(divide="ignore"):
        log_priors = np.log(priors)
    posterior = np.empty((coded.n_items, n_labels))
    _expect(coded.starts, coded.pairs, np.log(np.maximum(chances, FLOOR)), log_priors, posterior)
    return FoldIn(_items(coded, posterior), coded.annotator_codes[is_new], pooled)


def _items(coded: CodedVotes, posterior: FloatArray) -> pl.DataFrame:
    tied = top_is_tied(posterior, within=TIE_WITHIN) if coded.n_items else np.empty(0, dtype=np.bool_)
    return items_frame(coded.item_codes, posterior, coded.votes_of_item, tied=tied)


def _places(codes: IntArray, wanted: IntArray, name: str) -> tuple[IntArray, NDArray[np.bool_]]:
    """Where each wanted code is among `codes`, ascending (0 where it is not), and whether it is not there."""
    if not len(codes) or (np.diff(codes) <= 0).any():
        raise BadOption(name, "codes", "one annotator or more, each once, ascending")
    place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    is_new = codes[place] != wanted
    return np.where(is_new, 0, place), is_new


@numba.njit(nogil=True, cache=True)
def _expect(
    starts: IntArray, pairs: SmallInts, logs: FloatArray, log_priors: FloatArray, posterior: FloatArray
) -> None:
    n_labels = len(log_priors)
    for item in range(len(starts) - 1):
        for label in range(n_labels):
            posterior[item, label] = log_priors[label]
        for vote in range(starts[item], starts[item + 1]):
            for label in range(n_labels):
                posterior[item, label] += logs[pairs[vote], label]
        largest = -np.inf
        for label in range(n_labels):
            largest = max(largest, posterior[item, label])
        total = 0.0
        for label in range(n_labels):
            posterior[item, label] = np.exp(posterior[item, label] - largest)
            total += posterior[item, label]
        for label in range(n_labels):
            posterior[item, label] /= total
