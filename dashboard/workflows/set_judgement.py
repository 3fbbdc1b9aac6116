"""What a model says of labels that are sets, and what is known of the model: `judgement_figures`, choice by choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import FloatArray
from analytics.results import Estimate
from analytics.set_critic import SetOpinions, members_table, overlap, set_opinions
from analytics.set_disagreement import set_disagreement
from analytics.uncertainty import set_uncertainty
from dashboard.workflows.judgement_figures import (
    AROUND,
    ERROR_SHARE,
    Judged,
    beside_neighbours,
    neighbours_of,
)
from dashboard.workflows.judgement_rows import (
    figure_row,
    group_rows,
    grouped_rows,
    quadrant_rows,
    reliability_rows,
    unsure_columns,
    with_quadrants,
)
from dashboard.workflows.monitor import MEASUREMENT

if TYPE_CHECKING:
    from analytics.device import Device

BoolArray = NDArray[np.bool_]


def judge_sets(judged: Judged) -> tuple[pl.DataFrame, str]:
    """A row an item, as the table `judgement` has it but for p_wrong, and the device that was used."""
    given, mean = _given(judged), judged.mean
    found = set_uncertainty(judged.samples, device=cast("Device", judged.device))
    seen = set_opinions(
        judged.votes,
        given,
        mean,
        item_codes=judged.item_codes,
        sets=judged.sets,
        members=judged.choice_codes,
    )
    rows, choices = np.arange(len(mean)), np.asarray(judged.choice_codes, dtype=np.int64)
    codes = {one: code for code, one in enumerate(judged.sets)}
    at = rows, seen.doubted
    whole = np.where(np.isnan(seen.together).any(axis=1), np.nan, seen.together.prod(axis=1))
    frame = pl.DataFrame(
        {
            "item_code": judged.item_codes,
            "label_code": judged.label_codes,
            "other_label_code": _codes_of(seen.other, choices, codes),
            "p_label": seen.p_set,
            "p_other": seen.p_other,
            "is_suspect": seen.is_suspect.any(axis=1),
            "crowd_quality": whole,
            "choice_code": choices[seen.doubted],
            "choice_given": given[at],
            "p_choice": mean[at],
            "choice_quality": seen.quality[at],
            "doubted_codes": _doubted(seen, choices),
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
    unsure = unsure_columns(found, judged.item_codes)
    for beside in (unsure, _people(judged), _neighbours(judged, given)):
        frame = frame.join(beside, on="item_code", how="left", maintain_order="left")
    return with_quadrants(frame), found.device


def set_measurements(judged: Judged, items: pl.DataFrame) -> pl.DataFrame:
    """What is known of the model and of the labels under it: overall of whole sets, by choice, by item attribute.

    Accuracy, sureness and calibration are of whole sets: one answer an item, so that items can be resampled. By choice each
    is a question of yes and no.
    """
    from analytics.calibration import calibration_by_label, calibration_error
    from analytics.intervals import wilson
    from analytics.proper_scores import mean_over_items, set_brier_score, set_log_loss

    given, mean = _given(judged), judged.mean
    guess = mean > 0.5
    right = (guess == given).all(axis=1)
    p_top = np.maximum(mean, 1 - mean).prod(axis=1)
    options = {"replicates": judged.replicates, "seed": judged.seed}
    error = calibration_error(p_top, right, **options)
    shared = mean_over_items(overlap(guess, given), "share", judged.replicates, judged.seed)
    rows = [
        figure_row("model_accuracy", wilson(int(right.sum()), len(right)), "share"),
        figure_row("model_overlap", shared, "share"),
        figure_row("calibration_error", error.debiased, "share"),
        figure_row("overconfidence", error.overconfidence, "share"),
        figure_row("model_brier", set_brier_score(mean, given, **options), "score"),
        figure_row("model_log_loss", set_log_loss(mean, given, **options), "nats"),
        figure_row("model_temperature", _temperature(mean, given), "temperature"),
        figure_row("suspect_share", wilson(int(items["is_suspect"].sum()), items.height), "share"),
        figure_row("model_accuracy_on_gold", _against_gold(judged, guess), "share"),
        *quadrant_rows(items),
        *reliability_rows(p_top, right),
    ]
    by_choice = calibration_by_label(mean, given, **options)
    names = pl.DataFrame({"label_code": range(len(judged.choice_codes)), "group_id": judged.labels["label"]})
    return pl.concat(
        [
            pl.DataFrame(rows, schema=MEASUREMENT),
            grouped_rows(by_choice.join(names, on="label_code"), "label"),
            *group_rows(judged.item_codes, p_top, right, judged.groups, **options),
        ]
    )


def _given(judged: Judged) -> BoolArray:
    """(N, K) which choices each item's set has."""
    return members_table(judged.sets, judged.choice_codes)[judged.label_codes]


def _codes_of(sets: BoolArray, choices: NDArray[np.int64], codes: dict[tuple[int, ...], int]) -> pl.Series:
    """The code of each row's set; null for one that nobody ever gave."""
    distinct, place = np.unique(sets, axis=0, return_inverse=True)
    known = [codes.get(tuple(sorted(choices[row].tolist()))) for row in distinct]
    return pl.Series(known, dtype=pl.Int64)[place.ravel()] if known else pl.Series([], dtype=pl.Int64)


def _doubted(seen: SetOpinions, choices: NDArray[np.int64]) -> pl.Series:
    """The codes of the choices of each item that confident learning doubts, the most doubtful first."""
    rows, places = np.nonzero(seen.is_suspect)
    long = pl.DataFrame({"row": rows, "code": choices[places], "quality": seen.quality[rows, places]})
    lists = (
        long.sort("row", "quality", "code")
        .group_by("row", maintain_order=True)
        .agg(pl.col("code").alias("codes"))
    )
    every = pl.DataFrame({"row": np.arange(len(seen.is_suspect))}).join(
        lists, on="row", how="left", maintain_order="left"
    )
    return every["codes"].cast(pl.List(pl.Int64))


def _people(judged: Judged) -> pl.DataFrame:
    """How far people disagree on the choice they differ on most, and whether it looks like slips or a second reading."""
    found = set_disagreement(
        judged.votes, sets=judged.sets, members=judged.choice_codes, gold=judged.gold, error_share=ERROR_SHARE,
        seed=judged.seed,
    )  # fmt: skip
    return found.select(
        "item_code", "disagreement", disagreement_low="low", disagreement_high="high", disagreement_kind="kind",
        disagreement_choice_code="member_code",
    )  # fmt: skip


def _neighbours(judged: Judged, given: BoolArray) -> pl.DataFrame:
    """On which choice most neighbours differ from each item, how far off they are, and near copies."""
    near = neighbours_of(judged)
    if near is None:
        return pl.DataFrame(schema=AROUND)
    from analytics.neighbourhoods import choice_neighbourhood

    found, there = near
    around = choice_neighbourhood(
        found, given[there["place"].to_numpy()], item_codes=there["item_code"].to_numpy()
    )
    choices = pl.Series(judged.choice_codes, dtype=pl.Int64)
    told = around.select(
        "item_code", "neighbour_codes", other_label_share="other_share", nearest_label_share="other_share",
        nearest_label_code=choices.gather(around["choice"]),
    )  # fmt: skip
    return beside_neighbours(told, found, there)


def _temperature(mean: FloatArray, given: BoolArray) -> Estimate:
    """Of the answers to all choices; without an interval, since those of one item go together."""
    from dataclasses import replace

    from analytics.temperature import fit_temperature, logits_of

    p = mean.ravel()
    found = fit_temperature(logits_of(np.stack([1 - p, p], axis=1)), given.ravel().astype(np.int64))
    return replace(found.temperature, low=None, high=None, n=len(mean))


def _against_gold(judged: Judged, guess: BoolArray) -> Estimate:
    from analytics.intervals import wilson

    rows = pl.DataFrame({"item_code": judged.item_codes}).with_row_index("row")
    known = rows.join(judged.gold.rename({"label_code": "gold_code"}), on="item_code")
    if known.is_empty():
        return Estimate.none("no gold item has the model's probabilities", unit="share")
    gold = members_table(judged.sets, judged.choice_codes)[known["gold_code"].cast(pl.Int64).to_numpy()]
    right = (guess[known["row"].to_numpy()] == gold).all(axis=1)
    return wilson(int(right.sum()), known.height)
