"""Reasons to doubt a label that come from a model's run, and the items that are checked by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.reasons import Reason, ReasonWords, doubted_items
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.monitor import UNCERTAINTY_RUN, Run, newest_run
from dashboard.workflows.opening import Store
from dashboard.workflows.verdicts import RANDOM_CHECK

LEAST_OTHERS = 0.8
"""So many of the nearest items have the same other label."""

LEAST_P_WRONG = 0.5

LEAST_TOGETHER = 0.5
"""A label that votes and model together hold for this probable is not flagged for the model's sake."""


@dataclass(frozen=True, slots=True)
class Opinions:
    """What the newest run of a model says of the labels that the items have: `frame` as the table `judgement`, with item ids and,
    where labels are sets, `member_codes`, the choices of each label. `run`: that run.
    """

    frame: pl.DataFrame
    run: Run | None = None


def read_opinions(store: Store, label_set: LabelSet, project_id: str, items: pl.DataFrame) -> Opinions | None:
    """The newest judgement, of those items whose label is still the one that was judged; None where there is no run.

    `items`: item_code, label_code of the consensus.
    """
    run = newest_run(store, project_id, kind=UNCERTAINTY_RUN)
    if run is None:
        return None
    found = store.read("judgement_items", project_id=project_id, run_id=run.run_id, item_code=-1)
    same = items.select("item_code", pl.col("label_code").cast(pl.Int64))
    frame = found.with_columns(pl.col("^.*label_code$|^choice_code$").cast(pl.Int64)).join(
        same, on=["item_code", "label_code"], how="semi"
    )
    if label_set.is_sets:
        members = pl.Series("member_codes", [list(one) for one in label_set.members], dtype=pl.List(pl.Int64))
        frame = frame.join(
            pl.DataFrame({"label_code": label_set.codes}).with_columns(members), on="label_code", how="left"
        )
    return Opinions(frame.sort("item_code"), run)


def model_disagrees(seen: Opinions) -> pl.DataFrame:
    """Labels that confident learning doubts and that votes and model together leave under LEAST_TOGETHER; score = 1 - that.

    A weak model doubts many labels that the annotators are sure of; CROWDLAB weighs it by how often it is right.
    """
    together = pl.coalesce("crowd_quality", "p_label")
    return doubted_items(
        seen.frame.filter(pl.col("is_suspect") & (together < LEAST_TOGETHER)).with_columns(together=together),
        "model_disagrees",
        score=1 - pl.col("together"),
        threshold=1 - LEAST_TOGETHER,
        evidence=["label_code", "other_label_code", "p_label", "p_other", "together"],
    )


def neighbours_disagree(seen: Opinions) -> pl.DataFrame:
    """Items of which nearly all of the nearest have one and the same other label; score = their share."""
    differs = pl.col("nearest_label_code") != pl.col("label_code")
    doubted = seen.frame.filter((pl.col("nearest_label_share") >= LEAST_OTHERS) & differs).with_columns(
        pl.col("neighbour_codes").list.len().cast(pl.Int64).alias("n_neighbours")
    )
    return doubted_items(
        doubted.rename({"nearest_label_code": "near_label_code"}),
        "neighbours_disagree",
        score=pl.col("nearest_label_share"),
        threshold=LEAST_OTHERS,
        evidence=["label_code", "near_label_code", "nearest_label_share", "n_neighbours"],
    )


def copy_differs(seen: Opinions) -> pl.DataFrame:
    """Items of which a near copy has another label; score 1: one of the two is wrong, or the guideline is unclear."""
    names = seen.frame.select(copy_of="item_code", copy_id="item_id", copy_label_code="label_code")
    doubted = seen.frame.filter(pl.col("is_contradictory").fill_null(value=False)).join(names, on="copy_of")
    return doubted_items(
        doubted,
        "copy_differs",
        score=pl.lit(1.0),
        threshold=1.0,
        evidence=["label_code", "copy_id", "copy_label_code"],
    )


def probably_wrong(seen: Opinions) -> pl.DataFrame:
    """Labels that are more probably wrong than right, by what verdicts on earlier flags taught."""
    return doubted_items(
        seen.frame.filter(pl.col("p_wrong") >= LEAST_P_WRONG),
        "probably_wrong",
        score=pl.col("p_wrong"),
        threshold=LEAST_P_WRONG,
        evidence=["label_code", "p_wrong", "p_low", "p_high"],
    )


REASONS: tuple[Reason[Opinions], ...] = (
    Reason(
        key="probably_wrong",
        title="The label is probably wrong",
        rule="By what people decided on earlier flags, the label is wrong with at least the limit.",
        words="Labels that looked like this one were wrong in {p_wrong:.0%} of cases ({p_low:.0%} to {p_high:.0%}), by what people "
        "decided on earlier flags.",
        detect=probably_wrong,
    ),
    Reason(
        key="model_disagrees",
        title="The model would choose another label",
        rule="Confident learning doubts the label, and votes and model together leave it under one half.",
        words="A model that did not see this label gives {label} {p_label:.0%} and {other_label} {p_other:.0%}; with the "
        "annotations taken in, {label} has {together:.0%}.",
        detect=model_disagrees,
    ),
    Reason(
        key="neighbours_disagree",
        title="Items like it have another label",
        rule="At least the limit of the nearest items have one and the same other label.",
        words="Of the {n_neighbours} items most like it {nearest_label_share:.0%} are {near_label}; it is {label}.",
        detect=neighbours_disagree,
    ),
    Reason(
        key="copy_differs",
        title="A near copy has another label",
        rule="An item that is nearly the same has another label.",
        words="It is {label}; {copy_id}, which is nearly the same, is {copy_label}.",
        detect=copy_differs,
    ),
)
"""Every reason that a model's run gives, in the order in which they are told."""


BY_CHANCE = ReasonWords(
    key=RANDOM_CHECK,
    title="Chosen by chance",
    rule="Drawn by chance, each item as likely, from those that nothing doubts.",
    words="Nobody doubts this label. It was chosen by chance, so that it can be told how many labels are wrong that nobody doubts.",
)
"""What is said of an item that was chosen by chance (`random_checks`): no detector doubts it."""


def random_checks(eligible: pl.DataFrame, n: int, scores: pl.Series, *, seed: int) -> pl.DataFrame:
    """`n` of the eligible items (item_code), each as likely, as doubts; their scores are drawn from those of real doubts.

    So nothing in the queue tells them from the others. With fewer eligible items all are taken.
    """
    rng = np.random.default_rng(seed)
    codes = eligible["item_code"].sort().to_numpy()
    taken = np.sort(rng.choice(codes, size=min(n, len(codes)), replace=False)) if len(codes) else codes
    p_sampled = len(taken) / len(codes) if len(codes) else 1.0
    drawn = rng.choice(scores.to_numpy(), size=len(taken)) if len(scores) else np.full(len(taken), 0.5)
    frame = pl.DataFrame(
        {"item_code": taken, "score": drawn, "p_sampled": np.full(len(taken), p_sampled)},
        schema={"item_code": pl.Int64, "score": pl.Float64, "p_sampled": pl.Float64},
    )
    return doubted_items(frame, BY_CHANCE.key, score=pl.col("score"), threshold=0.0, evidence=["p_sampled"])
