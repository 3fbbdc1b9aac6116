"""Reasons to doubt a label that is a set that come from a model's run: those of `model_reasons`, each naming the choice."""

from __future__ import annotations

import polars as pl

from analytics.reasons import Reason, doubted_items
from dashboard.workflows.model_reasons import (
    LEAST_OTHERS,
    LEAST_P_WRONG,
    LEAST_TOGETHER,
    Opinions,
    copy_differs,
)

GIVEN = pl.col("choice_given")


def choice_doubted(seen: Opinions) -> pl.DataFrame:
    """Sets with a choice that confident learning doubts and that votes and model together leave under LEAST_TOGETHER.

    Score = 1 - that. Evidence: label_code, choice_label_code, says_choice (whether the set has it), doubt (what is probably so),
    p_choice (the model's, that it belongs), p_together (of votes and model), also_label_codes (others in doubt).
    """
    frame = seen.frame.filter(
        pl.col("is_suspect") & (pl.col("choice_quality") < LEAST_TOGETHER)
    ).with_columns(
        choice_label_code="choice_code",
        says_choice=GIVEN,
        doubt=pl.when(GIVEN).then(pl.lit("one too many")).otherwise(pl.lit("missing")),
        p_together=pl.when(GIVEN).then("choice_quality").otherwise(1 - pl.col("choice_quality")),
        also_label_codes=pl.col("doubted_codes").list.set_difference(pl.concat_list("choice_code")),
    )
    return doubted_items(
        frame,
        "model_disagrees",
        score=1 - pl.col("choice_quality"),
        threshold=1 - LEAST_TOGETHER,
        evidence=[
            "label_code",
            "choice_label_code",
            "says_choice",
            "doubt",
            "p_choice",
            "p_together",
            "also_label_codes",
        ],
    )


def neighbours_choose(seen: Opinions) -> pl.DataFrame:
    """Items of which nearly all of the nearest differ on one and the same choice; score = their share."""
    has_it = pl.col("member_codes").list.contains(pl.col("nearest_label_code"))
    frame = seen.frame.filter(pl.col("nearest_label_share") >= LEAST_OTHERS).with_columns(
        choice_label_code="nearest_label_code",
        says_choice=has_it,
        they=pl.when(has_it).then(pl.lit("do not have")).otherwise(pl.lit("have")),
        it=pl.when(has_it).then(pl.lit("it does")).otherwise(pl.lit("it does not")),
        n_neighbours=pl.col("neighbour_codes").list.len().cast(pl.Int64),
    )
    return doubted_items(
        frame,
        "neighbours_disagree",
        score=pl.col("nearest_label_share"),
        threshold=LEAST_OTHERS,
        evidence=[
            "label_code",
            "choice_label_code",
            "says_choice",
            "they",
            "it",
            "nearest_label_share",
            "n_neighbours",
        ],
    )


def set_probably_wrong(seen: Opinions) -> pl.DataFrame:
    """Sets that are more probably wrong than right, by what verdicts on earlier flags taught; with the choice in most doubt."""
    return doubted_items(
        seen.frame.filter(pl.col("p_wrong") >= LEAST_P_WRONG).with_columns(choice_label_code="choice_code"),
        "probably_wrong",
        score=pl.col("p_wrong"),
        threshold=LEAST_P_WRONG,
        evidence=["label_code", "choice_label_code", "p_wrong", "p_low", "p_high"],
    )


REASONS: tuple[Reason[Opinions], ...] = (
    Reason(
        key="probably_wrong",
        title="The label is probably wrong",
        rule="By what people decided on earlier flags, the label is wrong with at least the limit.",
        words="Labels that looked like this one were wrong in {p_wrong:.0%} of cases ({p_low:.0%} to {p_high:.0%}), by what people "
        "decided on earlier flags. In most doubt is {choice_label}.",
        detect=set_probably_wrong,
    ),
    Reason(
        key="model_disagrees",
        title="The model would choose another set",
        rule="Confident learning doubts a choice, and votes and model together leave it as it is under one half.",
        words="{choice_label} is probably {doubt}: a model that did not see this label gives it {p_choice:.0%}; with the annotations "
        "taken in, it has {p_together:.0%}.",
        more=" Also in doubt: {also_labels}.",
        detect=choice_doubted,
    ),
    Reason(
        key="neighbours_disagree",
        title="Items like it have another set",
        rule="At least the limit of the nearest items differ on one and the same choice.",
        words="Of the {n_neighbours} items most like it {nearest_label_share:.0%} {they} {choice_label}; {it}.",
        detect=neighbours_choose,
    ),
    Reason(
        key="copy_differs",
        title="A near copy has another label",
        rule="An item that is nearly the same has another label.",
        words="It is {label}; {copy_id}, which is nearly the same, is {copy_label}.",
        detect=copy_differs,
    ),
)
"""Every reason that a model's run gives for a set, in the order in which they are told; the keys are those of single labels."""
