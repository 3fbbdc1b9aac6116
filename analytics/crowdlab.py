"""CROWDLAB: consensus labels from the votes and a model's out-of-sample probabilities together.

H. W. Goh, U. Tkachenko and J. Mueller (2022), CROWDLAB: Supervised learning to infer consensus labels and quality
scores for data with multiple annotators, arXiv:2210.06812. An item's posterior is a weighted mean of the model's
probabilities and of one distribution for each vote, which gives its label the share of votes that agree with
the consensus and spreads the rest evenly. A weight is how much smaller the error is than that of always
choosing the most frequent label: an annotator's error against the other annotators, the model's against the
consensus. The first consensus is the majority vote, the second the best label of the first posterior.

A tied majority goes to the label that the model finds more probable, then to the label with fewer votes overall
(so do the authors), then to the smallest label code (where the authors go on to annotator quality and chance).
The probabilities have to be out of sample: from a model that did not see the item's labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.chunks import chunk_edges, run_each
from analytics.coded_votes import CodedVotes, code_votes
from analytics.consensus import items_frame, top_is_tied
from analytics.crowdlab_kernels import blend_items, compare_items, judge_annotators, vote_items
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, Repeats, one_vote_each, require_labels

LEAST_WEIGHT = 1e-6
"""No weight, and no error that weights are measured against, is smaller than this."""


@dataclass(frozen=True, slots=True)
class Crowdlab:
    """What the votes and the model say together.

    Attributes:
        items: as `Consensus.items`; `p_label` is the quality of the consensus label.
        annotations: one row a vote, sorted: item_code, annotator_code, label_code, quality (the posterior of its
            label).
        annotators: one row an annotator, sorted: annotator_code, quality (null for one who shares no item with
            others), agreement (with the consensus; of all their votes), weight, n_annotations.
        model_weight: the model's weight, where a vote has that of its annotator.
        undefined: why there is nothing to report, else None. The frames are then empty.
    """

    items: pl.DataFrame
    annotations: pl.DataFrame
    annotators: pl.DataFrame
    model_weight: float | None
    undefined: str | None


@dataclass(frozen=True, slots=True)
class _Weights:
    """What a consensus makes the votes and the model count."""

    hit: float  # share of the votes that agree with the consensus, a mean over items with several votes
    miss: float  # what is left for each other label
    model: float
    annotators: FloatArray


def crowdlab(
    votes: pl.DataFrame,
    probabilities: FloatArray,
    *,
    item_codes: IntArray,
    repeats: Repeats = "last",
) -> Crowdlab:
    """Consensus and quality of items, annotations and annotators. The order of the rows changes nothing.

    Args:
        votes: a frame that keeps VOTES.
        probabilities: (N, K) out-of-sample probabilities of the K labels, rows sum to 1. Rows of items without
            votes are not used.
        item_codes: (N,) the item of each row, each once, in any order; every item with votes is there.
        repeats: which of several votes by one annotator on one item counts, "first" or "last".

    Raises:
        MissingColumn, BadColumn, BadOption: a frame, an array or an option that breaks its contract.
    """
    _check_probabilities(probabilities, item_codes)
    n_labels = probabilities.shape[1]
    require_labels(votes, VOTES, n_labels)
    if repeats not in ("first", "last"):
        raise BadOption("repeats", repeats, ("first", "last"))
    coded = code_votes(votes, n_labels=n_labels)
    if coded.has_repeats:
        coded = code_votes(one_vote_each(votes, repeats), n_labels=n_labels)
    rows = _rows_of(coded.item_codes, item_codes)
    several = coded.votes_of_item > 1
    if not several.any():
        return _nothing(coded, "no item has votes of two annotators")
    # A copy only where the rows are not the items in order already.
    in_order = len(rows) == len(item_codes) and bool((rows == np.arange(len(rows))).all())
    model = _Blend(
        coded, np.ascontiguousarray(probabilities if in_order else probabilities[rows], dtype=np.float64)
    )
    first = model.majority()
    second = model.blend(model.weigh(first), first)
    weights = model.weigh(second)
    model.blend(weights, second)
    return model.found(weights, second)


def _check_probabilities(probabilities: FloatArray, item_codes: IntArray) -> None:
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        raise BadOption(
            "probabilities", f"array of shape {probabilities.shape}", "of shape (N, K), K 2 or more"
        )
    if item_codes.shape != probabilities.shape[:1]:
        raise BadOption(
            "item_codes", f"array of shape {item_codes.shape}", "one code for each row of probabilities"
        )
    if not len(item_codes):
        return
    if not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise BadOption("probabilities", "an entry", "in [0, 1]")
    if not np.allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-3):
        raise BadOption("probabilities", "a row", "of sum 1")


def _rows_of(wanted: IntArray, item_codes: IntArray) -> IntArray:
    """The row of each wanted item."""
    if not len(wanted):
        return wanted
    increasing = bool((np.diff(item_codes) > 0).all())
    order = np.arange(len(item_codes)) if increasing else np.argsort(item_codes, kind="stable")
    ordered = item_codes if increasing else item_codes[order]
    if not increasing and (np.diff(ordered) == 0).any():
        raise BadOption("item_codes", "a code", "of one row only")
    place = np.minimum(np.searchsorted(ordered, wanted), max(len(ordered) - 1, 0))
    missing = wanted[ordered[place] != wanted] if len(ordered) else wanted
    if len(missing):
        raise BadOption(
            "item_codes", "an array", f"complete: {len(missing)} items with votes have no probabilities"
        )
    return order[place]


def _nothing(votes: CodedVotes, reason: str) -> Crowdlab:
    none, empty = np.empty(0, dtype=np.int64), np.empty(0)
    codes = {"item_code": none, "annotator_code": none, "label_code": none}
    annotators = {"annotator_code": none, "quality": empty, "agreement": empty, "weight": empty}
    return Crowdlab(
        items=items_frame(none, np.empty((0, votes.n_labels)), none, tied=np.empty(0, dtype=np.bool_)),
        annotations=pl.DataFrame(codes | {"quality": empty}),
        annotators=pl.DataFrame(annotators | {"n_annotations": none}),
        model_weight=None,
        undefined=reason,
    )


class _Blend:
    """The votes, the probabilities (I, K) in the order of the items, and the posterior that they make."""

    def __init__(self, votes: CodedVotes, probabilities: FloatArray) -> None:
        self._votes = votes
        self._coded = (votes.starts, votes.pairs, votes.annotator_of_pair, votes.label_of_pair)
        self._probabilities = probabilities
        self._chunks = chunk_edges(
            votes.n_items, n_annotations=votes.n_votes, cells_per_chunk=4 * votes.n_annotators
        )
        self._posterior = np.empty_like(probabilities)
        self._labels_given = np.zeros(votes.n_labels)
        np.add.at(self._labels_given, votes.label_of_pair, votes.votes_of_pair)
        self._agreement: FloatArray = np.empty(0)

    def majority(self) -> IntArray:
        """The majority vote (I,). Also learns how annotators agree with each other."""
        votes = self._votes
        majority = np.empty(votes.n_items, dtype=np.int64)

        def work(chunk: int) -> FloatArray:
            return vote_items(
                self._chunks[chunk],
                self._coded,
                self._labels_given,
                self._probabilities,
                majority,
                votes.n_annotators,
            )

        same, others = np.sum(run_each(work, len(self._chunks)), axis=0)
        shared = others > 0
        agreement = np.divide(same, others, out=np.zeros(votes.n_annotators), where=shared)
        agreement[~shared] = agreement[shared].mean()
        self._agreement = agreement
        return majority

    def weigh(self, consensus: IntArray) -> _Weights:
        """What this consensus makes votes and model count. Only items with several votes are asked."""
        votes = self._votes

        def work(chunk: int) -> FloatArray:
            return compare_items(self._chunks[chunk], self._coded, self._probabilities, consensus)

        agreed, n_wrong, n_several = np.sum(run_each(work, len(self._chunks)), axis=0)
        hit = agreed / n_several
        labels = np.bincount(consensus[votes.votes_of_item > 1], minlength=votes.n_labels)
        chance_error = max(1 - labels.max() / n_several, LEAST_WEIGHT)
        model = max(1 - n_wrong / n_several / chance_error, LEAST_WEIGHT)
        return _Weights(
            hit=hit,
            miss=(1 - hit) / (votes.n_labels - 1),
            model=model * float(np.sqrt(votes.n_votes / votes.n_items)),
            annotators=np.maximum(1 - (1 - self._agreement) / chance_error, LEAST_WEIGHT),
        )

    def blend(self, weights: _Weights, otherwise: IntArray) -> IntArray:
        """Make the posterior; its best label for each item (`otherwise` where two are equally good)."""
        best = np.empty(self._votes.n_items, dtype=np.int64)

        def work(chunk: int) -> None:
            blend_items(
                self._chunks[chunk],
                self._coded,
                self._probabilities,
                (weights.hit, weights.miss, weights.model),
                weights.annotators,
                (self._posterior, best, otherwise),
            )

        run_each(work, len(self._chunks))
        return best

    def found(self, weights: _Weights, consensus: IntArray) -> Crowdlab:
        """The frames, from the posterior as it is."""
        votes, posterior = self._votes, self._posterior
        quality = np.empty(votes.n_votes)
        qualities, agreed, n_shared, agreed_shared = judge_annotators(
            self._coded, posterior, consensus, quality, votes.n_annotators
        )
        n_of = np.bincount(votes.annotator_of_pair, weights=votes.votes_of_pair)
        annotators_weight = weights.annotators.mean() * votes.n_votes / votes.n_items
        of_model = weights.model / (weights.model + annotators_weight)
        shared = np.divide(agreed_shared, n_shared, out=np.zeros(votes.n_annotators), where=n_shared > 0)
        annotators = pl.DataFrame(
            {
                "annotator_code": votes.annotator_codes,
                "quality": of_model * qualities / n_of + (1 - of_model) * shared,
                "agreement": agreed / n_of,
                "weight": weights.annotators,
                "n_annotations": n_of.astype(np.int64),
                "is_shared": n_shared > 0,
            }
        )
        items = items_frame(votes.item_codes, posterior, votes.votes_of_item, tied=top_is_tied(posterior))
        chosen = posterior[np.arange(votes.n_items), consensus]
        return Crowdlab(
            items=items.with_columns(label_code=pl.Series(consensus), p_label=pl.Series(chosen)),
            annotations=pl.DataFrame(votes.votes_frame() | {"quality": quality}),
            annotators=annotators.with_columns(pl.when("is_shared").then("quality").alias("quality")).drop(
                "is_shared"
            ),
            model_weight=weights.model,
            undefined=None,
        )
