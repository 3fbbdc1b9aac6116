"""What a model says of each item's label, and what is known of the model: the numbers of a run of kind "uncertainty"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.confident_learning import label_suspects
from analytics.disagreement import human_disagreement, noise_or_ambiguity
from analytics.frames import FloatArray, IntArray
from analytics.results import Estimate
from analytics.uncertainty import uncertainty
from dashboard.workflows.judgement_rows import (
    MIN_GROUP,
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
    from analytics.features import Features
    from analytics.neighbours import Neighbours

ERROR_SHARE = 0.1
"""How often an annotator slips on a clear item, where gold does not say."""

COPY_DISTANCE = 0.02
"""Items nearer than this (cosine) are near copies."""

N_NEIGHBOURS = 10
AROUND = pl.Schema(
    {
        "item_code": pl.Int64(), "other_label_share": pl.Float64(), "nearest_label_code": pl.Int64(),
        "nearest_label_share": pl.Float64(), "neighbour_codes": pl.List(pl.Int64), "outlier_score": pl.Float64(),
        "copy_of": pl.Int64(), "is_contradictory": pl.Boolean(),
    }
)  # fmt: skip
"""What an item's neighbours say of it, as the table `judgement` has it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is judged: N items with a label and a row of every member.

    `item_codes` (N,), ascending; `samples` (M, N, K); `label_codes` (N,) the labels that are judged; `votes`, `gold` as the
    figures of a run have them; `features` of those items that have content (`feature_codes`), or None. `groups`: attribute ->
    item_code, value.

    Where labels are sets, `label_codes` are places in `sets`, whose members are `choice_codes`, K of them, and each has a
    probability of its own; `labels` are those choices.
    """

    item_codes: IntArray
    samples: NDArray[np.floating]
    label_codes: IntArray
    votes: pl.DataFrame
    gold: pl.DataFrame
    n_labels: int
    features: Features | None
    feature_codes: IntArray
    groups: Mapping[str, pl.DataFrame]
    labels: pl.DataFrame
    sets: Sequence[tuple[int, ...]] = ()
    choice_codes: Sequence[int] = ()
    replicates: int = 1000
    seed: int = 0
    device: str = "cpu"

    @property
    def mean(self) -> FloatArray:
        """(N, K) what the members say together."""
        found: FloatArray = self.samples.mean(axis=0, dtype=np.float64)
        if self.sets:
            return np.clip(found, 0.0, 1.0)
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def judge_items(judged: Judged) -> tuple[pl.DataFrame, str]:
    """A row an item, as the table `judgement` has it but for p_wrong, and the device that was used."""
    mean = judged.mean
    found = uncertainty(judged.samples, device=cast("Device", judged.device))
    rows = np.arange(len(mean))
    others = mean.copy()
    others[rows, judged.label_codes] = -1.0
    other = others.argmax(axis=1)
    suspects = label_suspects(judged.label_codes, mean, item_codes=judged.item_codes)
    frame = pl.DataFrame(
        {
            "item_code": judged.item_codes,
            "label_code": judged.label_codes,
            "other_label_code": other,
            "p_label": mean[rows, judged.label_codes],
            "p_other": mean[rows, other],
            "is_suspect": suspects.is_suspect,
        }
    ).join(unsure_columns(found, judged.item_codes), on="item_code", maintain_order="left")
    for beside in (_people(judged), _crowd(judged, mean), _neighbours(judged)):
        frame = frame.join(beside, on="item_code", how="left", maintain_order="left")
    return with_quadrants(frame), found.device


def _people(judged: Judged) -> pl.DataFrame:
    """How far people disagree on each item, and whether it looks like slips or like a second reading."""
    found = human_disagreement(judged.votes, n_labels=judged.n_labels, seed=judged.seed)
    kinds = noise_or_ambiguity(judged.votes, n_labels=judged.n_labels, error_share=_error_share(judged))
    return found.select("item_code", "disagreement", disagreement_low="low", disagreement_high="high").join(
        kinds.select("item_code", disagreement_kind="kind"), on="item_code", how="left"
    )


def _error_share(judged: Judged) -> float:
    """How often annotations differ from gold, within what a slip can be; a fixed share where there is no gold."""
    beside = judged.votes.join(judged.gold.rename({"label_code": "gold_code"}), on="item_code")
    if beside.height < MIN_GROUP:
        return ERROR_SHARE
    share = float(beside.select((pl.col("label_code") != pl.col("gold_code")).mean()).item())
    return min(max(share, 0.01), 0.45)


def _crowd(judged: Judged, mean: FloatArray) -> pl.DataFrame:
    """What votes and model together say of the label: CROWDLAB's posterior of it."""
    from analytics.crowdlab import crowdlab

    schema = {"item_code": pl.Int64, "crowd_quality": pl.Float64}
    votes = judged.votes.filter(pl.col("item_code").is_in(pl.Series(judged.item_codes).implode()))
    if votes.is_empty():
        return pl.DataFrame(schema=schema)
    found = crowdlab(votes, mean, item_codes=judged.item_codes)
    if found.undefined is not None:
        return pl.DataFrame(schema=schema)
    labels = pl.DataFrame({"item_code": judged.item_codes, "own": judged.label_codes})
    return found.items.join(labels, on="item_code").select(
        "item_code", crowd_quality=pl.col("posterior").list.get(pl.col("own"))
    )


def neighbours_of(judged: Judged) -> tuple[Neighbours, pl.DataFrame] | None:
    """The nearest of each item that has content, and those items: row (of the features), place (among the judged),
    item_code, label_code, ascending; None where there are too few.
    """
    known = pl.DataFrame({"item_code": judged.item_codes, "label_code": judged.label_codes}).with_row_index(
        "place"
    )
    if judged.features is None:
        return None
    there = (
        pl.DataFrame({"item_code": judged.feature_codes})
        .with_row_index("row")
        .join(known, on="item_code")
        .sort("item_code")
    )
    if there.height <= N_NEIGHBOURS:
        return None
    from analytics.neighbours import nearest_by_words, nearest_neighbours

    features = judged.features[there["row"].to_numpy()]
    if isinstance(features, np.ndarray):
        return nearest_neighbours(features, k=N_NEIGHBOURS, seed=judged.seed), there
    width = min(128, features.shape[1] - 1, there.height - 1)
    return nearest_by_words(features, n_components=width, k=N_NEIGHBOURS, seed=judged.seed), there


def beside_neighbours(around: pl.DataFrame, found: Neighbours, there: pl.DataFrame) -> pl.DataFrame:
    """What lies around each item, with how far off it is and its nearest copy: the columns of AROUND."""
    from analytics.neighbourhoods import near_duplicates, outlier_scores

    codes, labels = there["item_code"].to_numpy(), there["label_code"].to_numpy()
    copies = near_duplicates(found, labels, most_distance=COPY_DISTANCE, item_codes=codes)
    return (
        around.join(outlier_scores(found, item_codes=codes), on="item_code")
        .join(_nearest_copy(copies.pairs), on="item_code", how="left")
        .select(pl.col(name).cast(kind) for name, kind in AROUND.items())
    )


def _neighbours(judged: Judged) -> pl.DataFrame:
    """What the items nearest to each are labelled, how far off they are, and near copies."""
    near = neighbours_of(judged)
    if near is None:
        return pl.DataFrame(schema=AROUND)
    from analytics.neighbourhoods import label_neighbourhood

    found, there = near
    codes, labels = there["item_code"].to_numpy(), there["label_code"].to_numpy()
    around = label_neighbourhood(found, labels, n_labels=judged.n_labels, item_codes=codes)
    around = around.with_columns(_share_of_nearest(around, there))
    return beside_neighbours(around, found, there)


def _share_of_nearest(around: pl.DataFrame, labels: pl.DataFrame) -> pl.Series:
    """The share of each item's neighbours that have the label most of them have, in the order of `around`."""
    long = (
        around.with_row_index("place")
        .select("place", "nearest_label_code", code="neighbour_codes")
        .explode("code")
    )
    beside = long.join(labels.select(code="item_code", near="label_code"), on="code", how="left")
    same = (pl.col("near") == pl.col("nearest_label_code")).mean().alias("nearest_label_share")
    return beside.group_by("place").agg(same).sort("place")["nearest_label_share"]


def _nearest_copy(pairs: pl.DataFrame) -> pl.DataFrame:
    """Each item of a pair with its nearest copy; one of another label first."""
    there = pairs.select("item_code", "distance", "is_contradictory", copy_of="other_item_code")
    back = pairs.select("distance", "is_contradictory", item_code="other_item_code", copy_of="item_code")
    columns = ("item_code", "copy_of", "is_contradictory", "distance")
    both = pl.concat([there.select(columns), back.select(columns)])
    return (
        both.sort(
            ["item_code", "is_contradictory", "distance", "copy_of"], descending=[False, True, False, False]
        )
        .unique("item_code", keep="first", maintain_order=True)
        .select("item_code", "copy_of", "is_contradictory")
    )


def model_measurements(judged: Judged, items: pl.DataFrame) -> pl.DataFrame:
    """What is known of the model and of the labels under it, as measurements: overall, by label, by item attribute."""
    from analytics.calibration import calibration_by_label, calibration_error
    from analytics.intervals import wilson
    from analytics.proper_scores import brier_score, log_loss
    from analytics.reliability import top_label
    from analytics.temperature import fit_temperature, logits_of

    mean, codes = judged.mean, judged.label_codes
    p_top, right = top_label(mean, codes)
    options = {"replicates": judged.replicates, "seed": judged.seed}
    error = calibration_error(p_top, right, **options)
    rows = [
        figure_row("model_accuracy", wilson(int(right.sum()), len(right)), "share"),
        figure_row("calibration_error", error.debiased, "share"),
        figure_row("overconfidence", error.overconfidence, "share"),
        figure_row("model_brier", brier_score(mean, codes, **options), "score"),
        figure_row("model_log_loss", log_loss(mean, codes, **options), "nats"),
        figure_row("model_temperature", fit_temperature(logits_of(mean), codes).temperature, "temperature"),
        figure_row("suspect_share", wilson(int(items["is_suspect"].sum()), items.height), "share"),
    ]
    gold = _against_gold(judged, mean)
    rows += [figure_row("model_accuracy_on_gold", gold, "share")]
    rows += quadrant_rows(items)
    rows += reliability_rows(p_top, right)
    frames = [pl.DataFrame(rows, schema=MEASUREMENT)]
    by_label = calibration_by_label(mean, codes[:, None] == np.arange(judged.n_labels), **options)
    names = judged.labels.select("label_code", "label")
    frames.append(grouped_rows(by_label.join(names, on="label_code").rename({"label": "group_id"}), "label"))
    frames += group_rows(judged.item_codes, p_top, right, judged.groups, **options)
    return pl.concat(frames)


def _against_gold(judged: Judged, mean: FloatArray) -> Estimate:
    from analytics.intervals import wilson

    known = (
        pl.DataFrame({"item_code": judged.item_codes})
        .with_row_index("row")
        .join(judged.gold.rename({"label_code": "gold_code"}), on="item_code")
    )
    if known.is_empty():
        return Estimate.none("no gold item has the model's probabilities", unit="share")
    top = mean[known["row"].to_numpy()].argmax(axis=1)
    return wilson(int((top == known["gold_code"].to_numpy()).sum()), known.height)
