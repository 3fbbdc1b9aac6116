"""What each annotator's votes did for an item's label: the explanation of a consensus.

For votes and weighted votes: the share of the item's weight. For models in the manner of Dawid and Skene: the
log-likelihood ratio, log P(their votes | the item's label) - log P(their votes | the runner-up), in natural
logarithms; these and the prior's add up to the log-odds of the label. For both: what the label's probability
would be without them, the weights or the model's parameters as they are. (A new fit without one vote would
move the parameters too, by little where there are many items.)

An annotator's several votes on one item are taken together. How many votes a label really rests on is Kish's
effective number, (sum of w)^2 / sum of w^2 over the item's annotators, with w their weight or the size of their
log-likelihood ratio: 3 equal weights are 3, one that outweighs all others is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.coded_votes import CodedVotes, code_votes
from analytics.consensus import int_codes
from analytics.contribution_kernels import leave_out_chances, leave_out_weights, sum_up_items
from analytics.errors import BadColumn, BadOption
from analytics.frames import GOLD, VOTES, Contract, FloatArray, IntArray, require, require_labels
from analytics.glad import Glad, right_chances

LABELS = Contract("items", GOLD.codes)
WEIGHTS = Contract("weights", ("annotator_code",))


@dataclass(frozen=True, slots=True)
class Contributions:
    """Who made the labels what they are.

    Attributes:
        annotations: one row an (item, annotator), sorted: item_code, annotator_code, label_code (null where they
            gave several), n_annotations, share (of the item's weight; null where nobody weighs anything),
            log_ratio (null for votes), p_label_without (null where nothing is left), moved (the probability of
            the item's label minus p_label_without: above 0 where they spoke for it).
        items: one row an item, sorted: item_code, label_code, p_label, runner_up_code (the best other label;
            null where there is one label only), n_annotators, effective_votes (null where nobody weighs
            anything), most_annotator_code (whose votes moved p_label most, the smallest code of a tie; null
            where nobody can be left out), most_moved.
    """

    annotations: pl.DataFrame
    items: pl.DataFrame


def vote_contributions(
    votes: pl.DataFrame, items: pl.DataFrame, *, n_labels: int, weights: pl.DataFrame | None = None
) -> Contributions:
    """For majority and weighted votes.

    Args:
        votes: the votes, as they were counted.
        items: the consensus: item_code and label_code of every item with votes.
        n_labels: K.
        weights: annotator_code and weight (0 or more) of every annotator, as `WeightedVote.annotators`; None for
            equal ones.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract, or is incomplete.
    """
    coded, labels = _coded(votes, items, n_labels)
    of_annotators = np.ones(coded.n_annotators) if weights is None else _weights_of(coded, weights)
    edges = _edges(coded)
    weighed, without = np.zeros(len(edges) - 1), np.full(len(edges) - 1, np.nan)
    p_label, runner_up = np.zeros(coded.n_items), np.full(coded.n_items, -1)
    leave_out_weights(
        (coded.starts, coded.pairs, coded.annotator_of_pair, coded.label_of_pair),
        (labels, coded.n_labels),
        of_annotators,
        (weighed, without),
        (p_label, runner_up),
    )
    return _found(coded, edges, (labels, p_label, runner_up), (weighed, without), log_ratio=None)


def model_contributions(
    votes: pl.DataFrame,
    items: pl.DataFrame,
    *,
    priors: FloatArray,
    confusion: FloatArray,
    annotator_codes: IntArray,
) -> Contributions:
    """For `dawid_skene` in all its forms, and for MACE (`implied_confusion`).

    The probabilities are those of the parameters given here; for a fit that has converged they are its
    posterior.

    Args:
        votes: the votes that the model was fitted to.
        items: the consensus: item_code and label_code of every item with votes.
        priors: (K,) probability of each label.
        confusion: (A, K, K), rows the item's label, columns the label that the annotator gave.
        annotator_codes: (A,) ascending, the first axis of `confusion`.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an array that breaks its contract, or is incomplete.
    """
    shape = (len(annotator_codes), len(priors), len(priors))
    if confusion.shape != shape:
        raise BadOption("confusion", f"array of shape {confusion.shape}", f"of shape {shape}")
    coded, labels = _coded(votes, items, len(priors))
    place = _places(annotator_codes, coded.annotator_codes, "annotator_codes")
    chances = confusion[place[coded.annotator_of_pair], :, coded.label_of_pair]
    logs = np.log(np.maximum(chances, np.finfo(np.float64).tiny))
    return _of_model(coded, labels, priors, (logs, np.empty(0)))


def glad_contributions(votes: pl.DataFrame, found: Glad, *, n_labels: int) -> Contributions:
    """For GLAD, under its last ability and difficulty.

    Args:
        votes: the votes that the model was fitted to.
        found: the fit.
        n_labels: K.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract, or is incomplete.
    """
    coded, labels = _coded(votes, found.items, n_labels)
    _places(int_codes(found.annotators, "annotator_code"), coded.annotator_codes, "found.annotators")
    frame = coded.votes_frame()
    right = right_chances(found, frame["item_code"], frame["annotator_code"])
    tiny = np.finfo(np.float64).tiny
    n_others = max(int(coded.given.sum()) - 1, 1)
    odds = np.log(np.maximum(right, tiny)) - np.log(np.maximum((1 - right) / n_others, tiny))
    return _of_model(coded, labels, coded.given / max(coded.given.sum(), 1), (np.empty((0, 0)), odds))


def _of_model(
    coded: CodedVotes, labels: IntArray, priors: FloatArray, logs: tuple[FloatArray, FloatArray]
) -> Contributions:
    edges = _edges(coded)
    log_ratio, without = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    p_label, runner_up = np.zeros(coded.n_items), np.full(coded.n_items, -1)
    with np.errstate(divide="ignore"):
        log_priors = np.log(priors)
    leave_out_chances(
        (coded.starts, coded.pairs, coded.annotator_of_pair, coded.label_of_pair),
        (labels, log_priors),
        logs,
        (log_ratio, without),
        (p_label, runner_up),
    )
    return _found(
        coded, edges, (labels, p_label, runner_up), (np.abs(log_ratio), without), log_ratio=log_ratio
    )


def _coded(votes: pl.DataFrame, items: pl.DataFrame, n_labels: int) -> tuple[CodedVotes, IntArray]:
    """The votes, and the label of each of their items."""
    require_labels(votes, VOTES, n_labels)
    require_labels(items, LABELS, n_labels)
    coded = code_votes(votes, n_labels=n_labels)
    place = _places(int_codes(items, "item_code"), coded.item_codes, "items")
    return coded, int_codes(items, "label_code")[place]


def _places(codes: IntArray, wanted: IntArray, name: str) -> IntArray:
    """Where each wanted code is among `codes`, in any order."""
    order = np.argsort(codes, kind="stable")
    place = np.searchsorted(codes[order], wanted)
    found = place < len(codes)
    found[found] = codes[order[place[found]]] == wanted[found]
    if not found.all():
        raise BadOption(name, "a table", f"complete: it lacks {int((~found).sum())} codes of votes")
    return order[place]


def _weights_of(coded: CodedVotes, weights: pl.DataFrame) -> FloatArray:
    require(weights, WEIGHTS)
    place = _places(int_codes(weights, "annotator_code"), coded.annotator_codes, "weights")
    values = weights.get_column("weight").cast(pl.Float64).to_numpy()[place]
    if not ((values >= 0) & (values < np.inf)).all():
        raise BadColumn("weights", "weight", "has to be 0 or more, finite, and never null")
    return values


def _edges(coded: CodedVotes) -> IntArray:
    """Where the votes of each (item, annotator) begin, and V at the end."""
    if not coded.n_votes:
        return np.zeros(1, dtype=np.int64)
    annotators = coded.annotator_of_pair[coded.pairs]
    begins = np.empty(coded.n_votes, dtype=np.bool_)
    begins[1:] = annotators[1:] != annotators[:-1]
    begins[coded.starts[:-1]] = True
    return np.append(np.flatnonzero(begins), coded.n_votes)


def _found(
    coded: CodedVotes,
    edges: IntArray,
    of_items: tuple[IntArray, FloatArray, IntArray],
    of_runs: tuple[FloatArray, FloatArray],
    *,
    log_ratio: FloatArray | None,
) -> Contributions:
    labels, p_label, runner_up = of_items
    weighed, without = of_runs
    starts = np.searchsorted(edges, coded.starts)
    totals, effective, most, moved = sum_up_items(starts, weighed, p_label, without)
    n_runs = np.diff(starts)
    first, last = coded.pairs[edges[:-1]], coded.pairs[edges[1:] - 1]
    label = coded.label_of_pair.astype(np.int64)
    annotators = coded.annotator_codes[coded.annotator_of_pair[first]]
    annotations = pl.DataFrame(
        {
            "item_code": np.repeat(coded.item_codes, n_runs),
            "annotator_code": annotators,
            "label_code": np.where(first == last, label[first], -1),
            "n_annotations": np.diff(edges),
            "share": np.divide(
                weighed,
                np.repeat(totals, n_runs),
                out=np.full(len(weighed), np.nan),
                where=np.repeat(totals > 0, n_runs),
            ),
            "log_ratio": pl.Series(log_ratio, dtype=pl.Float64)
            if log_ratio is not None
            else pl.repeat(None, len(weighed), dtype=pl.Float64, eager=True),
            "p_label_without": without,
            "moved": moved,
        }
    )
    items = pl.DataFrame(
        {
            "item_code": coded.item_codes,
            "label_code": labels,
            "p_label": p_label,
            "runner_up_code": runner_up,
            "n_annotators": n_runs,
            "effective_votes": effective,
            "most_annotator_code": np.where(most >= 0, annotators[most], -1),
            "most_moved": np.where(most >= 0, moved[most], np.nan),
        }
    )
    return Contributions(_nulls(annotations), _nulls(items))


def _nulls(frame: pl.DataFrame) -> pl.DataFrame:
    """Codes of -1 and NaNs of the kernels are nulls in a frame."""
    codes = [
        pl.when(pl.col(name) >= 0).then(name).alias(name) for name in frame.columns if name.endswith("_code")
    ]
    numbers = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    return frame.with_columns(*codes, pl.col(numbers).fill_nan(None))
