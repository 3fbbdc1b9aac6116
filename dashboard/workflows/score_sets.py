"""The consensus of labels that are sets: a method decides each member, and new sets get codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from analytics.set_consensus import set_consensus
from dashboard.workflows.consensus_methods import (
    ANNOTATORS,
    MOST_CELLS,
    Fitted,
    Method,
    Probabilities,
    Question,
)
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.set_labels import new_rows, with_sets


def fit_sets(method: Method, asked: Question, label_set: LabelSet) -> tuple[Fitted, LabelSet]:
    """Decide every member by the method; `items` has the codes of the label set handed back, `posterior` is by choice.

    `annotators` has for each the confusion of every member, one 2 x 2 after the other, or the weights on every member
    (`weights`). Of `fit` the priors are kept, a pair a member, or the model's weights, one a member.

    Raises:
        BadRequest: the method needs a model's probabilities, and there are none.
    """
    binary = replace(asked, n_labels=2)
    fits: list[Fitted] = []

    def decide(votes: pl.DataFrame) -> pl.DataFrame:
        own = _of_member(asked.probabilities, len(fits))
        fits.append(method.fit(replace(binary, votes=votes, probabilities=own)))
        return fits[-1].items

    found = set_consensus(asked.votes, sets=label_set.members, members=label_set.choice_codes, decide=decide)
    grown = with_sets(label_set, found.sets)
    codes = dict(zip(grown.members, grown.codes, strict=True))
    of_place = [codes[members] for members in found.sets]
    items = found.items.with_columns(
        pl.col("place").replace_strict(dict(enumerate(of_place)), return_dtype=pl.Int64).alias("label_code")
    ).select("item_code", "label_code", "p_label", "n_annotations", "tied", "posterior")
    return Fitted(items, _annotators(fits), _fit(fits)), grown


def _of_member(given: Probabilities | None, place: int) -> Probabilities | None:
    """What a model says of one member: that it is out (0) or in (1)."""
    if given is None:
        return None
    p = given.table[:, place]
    return replace(given, table=np.stack([1 - p, p], axis=1))


def with_codes_now(
    consensus: pl.DataFrame, counted: LabelSet, today: LabelSet
) -> tuple[pl.DataFrame, LabelSet, list[dict[str, object]]]:
    """The consensus in the codes that its sets have in the writer, that label set, and the rows that are new in it.

    Somebody may have given one of the new sets, and so taken a code, since the consensus was computed.
    """
    if not today.is_sets:
        return consensus, counted, []
    used = consensus["label_code"].unique().to_list()
    final = with_sets(today, [counted.members_of(code) for code in used])
    codes = dict(zip(final.members, final.codes, strict=True))
    moved = {code: codes[counted.members_of(code)] for code in used}
    coded = consensus.with_columns(pl.col("label_code").replace_strict(moved, return_dtype=pl.Int64))
    return coded, final, new_rows(today, final)


def _annotators(fits: list[Fitted]) -> pl.DataFrame:
    """One row an annotator: annotator_code, weight (none), confusion, weights."""
    frames = [fit.annotators for fit in fits]
    people = frames[0].select("annotator_code") if frames else pl.DataFrame(schema=ANNOTATORS)
    cells = sum(frame.height * 4 for frame in frames)
    if not frames or cells > MOST_CELLS or any(frame.height != people.height for frame in frames):
        return pl.DataFrame(schema=ANNOTATORS)
    stacked = pl.concat(frames).sort("annotator_code", maintain_order=True)
    return (
        stacked.group_by("annotator_code", maintain_order=True)
        .agg(pl.col("confusion").explode(), weights=pl.col("weight"))
        .select(
            "annotator_code",
            pl.lit(None, dtype=pl.Float64).alias("weight"),
            pl.when(pl.col("weights").list.drop_nulls().list.len() == 0).then("confusion").alias("confusion"),
            pl.when(pl.col("weights").list.drop_nulls().list.len() > 0).then("weights").alias("weights"),
        )
    )


def _fit(fits: list[Fitted]) -> Mapping[str, object]:
    """What every member's fit says, put together: the most iterations, whether all converged, the priors of each."""
    if not fits or not fits[0].fit:
        return {}
    whole: dict[str, object] = dict(fits[0].fit)
    if "iterations" in whole:
        whole["iterations"] = max(int(str(fit.fit["iterations"])) for fit in fits)
    if "converged" in whole:
        whole["converged"] = all(bool(fit.fit["converged"]) for fit in fits)
    if "model_weight" in whole:
        whole["model_weight"] = [fit.fit["model_weight"] for fit in fits]
    if "priors" in whole:
        whole["priors"] = [fit.fit["priors"] for fit in fits]
    return whole
