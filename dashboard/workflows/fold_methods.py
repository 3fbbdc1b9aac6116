"""The ways to a consensus with what a run took the annotators for held fixed: nothing is learned from the votes given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from analytics.fold_in import FoldIn, fold_in_model, fold_in_weights
from analytics.frames import FloatArray
from dashboard.workflows.consensus_methods import ANNOTATORS, Fitted, Method, Question
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet

Part = Callable[[Question], tuple[FoldIn, int]]
"""The fold-in of one question, and how many of its votes are for labels that cannot win."""

REFUSED: Mapping[str, str] = {
    "glad": "a run by GLAD keeps what annotators can, not how difficult each item is",
    "crowdlab": "a run by CROWDLAB keeps the weights, not how often a vote hits the consensus",
}
"""Methods whose runs do not keep what a fold-in needs, and why."""


class Fixed:
    """A method with the parameters of a run. Where labels are sets, it answers for one member after the other.

    Attributes:
        method: the method, to be asked once, or once a member in their order.
        n_impossible: votes so far for labels that nobody had given when the run fitted: these cannot win.
    """

    def __init__(self, chosen: Method, parts: list[Part]) -> None:
        self.method = replace(chosen, fit=self._fit)
        self.n_impossible = 0
        self._left = iter(parts)

    def _fit(self, asked: Question) -> Fitted:
        found, n_impossible = next(self._left)(asked)
        self.n_impossible += n_impossible
        return Fitted(found.items, _new_annotators(found), {})


def held_fixed(
    chosen: Method, people: pl.DataFrame, parameters: Mapping[str, object], label_set: LabelSet
) -> Fixed:
    """The method under what a run kept.

    Args:
        chosen: the run's method.
        people: annotator_code, weight, confusion, weights, as the table run_annotator has them.
        parameters: of the run; `priors` is read.
        label_set: the run's.

    Raises:
        BadRequest: the method's runs do not keep what is needed, or this one did not.
    """
    if chosen.key in REFUSED:
        raise BadRequest(
            f"{chosen.title} cannot rescore single items: {REFUSED[chosen.key]}. Score the project in full."
        )
    n_parts = len(label_set.choice_codes) if label_set.is_sets else 1
    if chosen.key == "majority":
        return Fixed(chosen, [_counted(people)] * n_parts)
    known = people.sort("annotator_code")
    if known.is_empty():
        raise _nothing_kept()
    if known["confusion"].null_count() == 0:
        return Fixed(chosen, _models(known, parameters.get("priors"), label_set, n_parts))
    if label_set.is_sets:
        return Fixed(chosen, [_weighted(known, pl.col("weights").list.get(part)) for part in range(n_parts)])
    return Fixed(chosen, [_weighted(known, pl.col("weight"))])


def _nothing_kept() -> BadRequest:
    return BadRequest(
        "The last full run did not keep what it took the annotators for (too many annotators and labels, or an older "
        "version). Score the project in full."
    )


def _counted(people: pl.DataFrame) -> Part:
    """Everybody's vote counts the same, and a run that kept nobody is as good."""
    known = set(people["annotator_code"].to_list())

    def part(asked: Question) -> tuple[FoldIn, int]:
        from analytics.consensus import majority_vote

        found = majority_vote(asked.votes, n_labels=asked.n_labels)
        everybody = asked.votes["annotator_code"].unique().sort().to_list()
        new = np.array([code for code in everybody if code not in known], dtype=np.int64)
        return FoldIn(found.items, new, np.asarray(1.0)), 0

    return part


def _weighted(people: pl.DataFrame, weight: pl.Expr) -> Part:
    weights = people.select("annotator_code", weight.alias("weight"))
    if weights["weight"].null_count():
        raise _nothing_kept()
    return lambda asked: (fold_in_weights(asked.votes, weights, n_labels=asked.n_labels), 0)


def _models(people: pl.DataFrame, priors: object, label_set: LabelSet, n_parts: int) -> list[Part]:
    n_labels = 2 if label_set.is_sets else label_set.n_labels
    cells = n_parts * n_labels**2
    if not isinstance(priors, list) or (people["confusion"].list.len() != cells).any():
        raise _nothing_kept()
    of_parts = np.array(priors if label_set.is_sets else [priors], dtype=np.float64)
    if of_parts.shape != (n_parts, n_labels):
        raise _nothing_kept()
    confusion = np.array(people["confusion"].to_list(), dtype=np.float64)
    shaped = confusion.reshape(people.height, n_parts, n_labels, n_labels)
    codes = people["annotator_code"].cast(pl.Int64)
    return [_model(codes, of_parts[part], shaped[:, part]) for part in range(n_parts)]


def _model(codes: pl.Series, priors: FloatArray, confusion: FloatArray) -> Part:
    impossible = np.flatnonzero(priors == 0).tolist()

    def part(asked: Question) -> tuple[FoldIn, int]:
        found = fold_in_model(
            asked.votes, priors=priors, confusion=confusion, annotator_codes=codes.to_numpy()
        )
        return found, asked.votes.filter(pl.col("label_code").is_in(impossible)).height

    return part


def _new_annotators(found: FoldIn) -> pl.DataFrame:
    """What those were taken for whom the run did not know, as rows of the run that takes them so."""
    n_new, is_weight = len(found.new_codes), found.pooled.ndim == 0
    return pl.DataFrame(
        {
            "annotator_code": found.new_codes,
            "weight": [float(found.pooled) if is_weight else None] * n_new,
            "confusion": [None if is_weight else found.pooled.ravel().tolist()] * n_new,
        },
        schema=ANNOTATORS,
    )
