"""What a model says of each item's label, and what is known of the model: the numbers of a run of kind "uncertainty"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.confident_learning import label_suspects
from analytics.disagreement import human_disagreement, noise_or_ambiguity
from analytics.frames import FloatArray, IntArray
from analytics.quadrants import quadrants, upper_limit
from analytics.results import Estimate
from analytics.uncertainty import uncertainty
from dashboard.workflows.monitor import MEASUREMENT

if TYPE_CHECKING:
    from analytics.device import Device
    from analytics.features import Features

HARD_SHARE = 0.2
"""So many items, the least sure ones, are hard for the model."""

ERROR_SHARE = 0.1
"""How often an annotator slips on a clear item, where gold does not say."""

COPY_DISTANCE = 0.02
"""Items nearer than this (cosine) are near copies."""

N_NEIGHBOURS = 10
MIN_GROUP = 100


@dataclass(frozen=True, slots=True)
class Judged:
    """What is judged: N items with a label and a row of every member.

    `item_codes` (N,), ascending; `samples` (M, N, K); `label_codes` (N,) the labels that are judged; `votes`, `gold` as the
    figures of a run have them; `features` of those items that have content (`feature_codes`), or None. `groups`: attribute ->
    item_code, value.
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
    replicates: int = 1000
    seed: int = 0
    device: str = "cpu"

    @property
    def mean(self) -> FloatArray:
        """(N, K) what the members say together."""
        found: FloatArray = self.samples.mean(axis=0, dtype=np.float64)
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
    nothing = np.full(len(mean), np.nan)
    frame = pl.DataFrame(
        {
            "item_code": judged.item_codes,
            "label_code": judged.label_codes,
            "other_label_code": other,
            "p_label": mean[rows, judged.label_codes],
            "p_other": mean[rows, other],
            "predictive_entropy": found.predictive_entropy,
            "expected_entropy": nothing if found.expected_entropy is None else found.expected_entropy,
            "mutual_information": nothing if found.mutual_information is None else found.mutual_information,
            "variation_ratio": nothing if found.variation_ratio is None else found.variation_ratio,
            "margin": found.margin,
            "is_suspect": suspects.is_suspect,
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
    for beside in (_people(judged), _crowd(judged, mean), _neighbours(judged)):
        frame = frame.join(beside, on="item_code", how="left", maintain_order="left")
    limit = upper_limit(found.predictive_entropy, share=HARD_SHARE)
    placed = quadrants(
        frame.select("item_code", "disagreement"),
        frame.select("item_code", uncertainty="predictive_entropy"),
        model_limit=float(found.predictive_entropy.max()) + 1.0 if limit is None else limit,
    )
    return frame.join(
        placed.items.select("item_code", "quadrant"), on="item_code", how="left", maintain_order="left"
    ), found.device


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


def _neighbours(judged: Judged) -> pl.DataFrame:
    """What the items nearest to each are labelled, how far off they are, and near copies."""
    schema = pl.Schema(
        {
            "item_code": pl.Int64(), "other_label_share": pl.Float64(), "nearest_label_code": pl.Int64(),
            "nearest_label_share": pl.Float64(),
            "neighbour_codes": pl.List(pl.Int64), "outlier_score": pl.Float64(), "copy_of": pl.Int64(),
            "is_contradictory": pl.Boolean(),
        }
    )  # fmt: skip
    known = pl.DataFrame({"item_code": judged.item_codes, "label_code": judged.label_codes})
    if judged.features is None:
        return pl.DataFrame(schema=schema)
    there = (
        pl.DataFrame({"item_code": judged.feature_codes}).with_row_index("row").join(known, on="item_code")
    )
    there = there.sort("item_code")
    if there.height <= N_NEIGHBOURS:
        return pl.DataFrame(schema=schema)
    from analytics.neighbourhoods import label_neighbourhood, near_duplicates, outlier_scores
    from analytics.neighbours import nearest_by_words, nearest_neighbours

    features = judged.features[there["row"].to_numpy()]
    if isinstance(features, np.ndarray):
        found = nearest_neighbours(features, k=N_NEIGHBOURS, seed=judged.seed)
    else:
        width = min(128, features.shape[1] - 1, there.height - 1)
        found = nearest_by_words(features, n_components=width, k=N_NEIGHBOURS, seed=judged.seed)
    codes, labels = there["item_code"].to_numpy(), there["label_code"].to_numpy()
    around = label_neighbourhood(found, labels, n_labels=judged.n_labels, item_codes=codes)
    around = around.with_columns(_share_of_nearest(around, there))
    far = outlier_scores(found, item_codes=codes)
    copies = near_duplicates(found, labels, most_distance=COPY_DISTANCE, item_codes=codes)
    nearest = _nearest_copy(copies.pairs)
    return (
        around.join(far, on="item_code")
        .join(nearest, on="item_code", how="left")
        .select(pl.col(name).cast(kind) for name, kind in schema.items())
    )


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
    from analytics.calibration import calibration_by_group, calibration_by_label, calibration_error
    from analytics.intervals import wilson
    from analytics.proper_scores import brier_score, log_loss
    from analytics.reliability import top_label
    from analytics.temperature import fit_temperature, logits_of

    mean, codes = judged.mean, judged.label_codes
    p_top, right = top_label(mean, codes)
    options = {"replicates": judged.replicates, "seed": judged.seed}
    error = calibration_error(p_top, right, **options)
    rows = [
        _row("model_accuracy", wilson(int(right.sum()), len(right)), "share"),
        _row("calibration_error", error.debiased, "share"),
        _row("overconfidence", error.overconfidence, "share"),
        _row("model_brier", brier_score(mean, codes, **options), "score"),
        _row("model_log_loss", log_loss(mean, codes, **options), "nats"),
        _row("model_temperature", fit_temperature(logits_of(mean), codes).temperature, "temperature"),
        _row("suspect_share", wilson(int(items["is_suspect"].sum()), items.height), "share"),
    ]
    gold = _against_gold(judged, mean)
    rows += [_row("model_accuracy_on_gold", gold, "share")]
    rows += [
        _row("quadrant_share", estimate, "share", kind="quadrant", group=name)
        for name, estimate in _quadrant_shares(items).items()
    ]
    rows += _reliability_rows(p_top, right)
    frames = [pl.DataFrame(rows, schema=MEASUREMENT)]
    by_label = calibration_by_label(mean, codes[:, None] == np.arange(judged.n_labels), **options)
    names = judged.labels.select("label_code", "label")
    frames.append(_grouped(by_label.join(names, on="label_code").rename({"label": "group_id"}), "label"))
    for name, of_items in judged.groups.items():
        table = (
            pl.DataFrame({"item_code": judged.item_codes})
            .with_row_index("row")
            .join(of_items, on="item_code")
        )
        values = table["attribute_value"].unique().sort()
        coded = table.join(
            pl.DataFrame({"attribute_value": values, "group_code": range(len(values))}), on="attribute_value"
        )
        at = coded["row"].to_numpy()
        found = calibration_by_group(
            p_top[at], right[at], coded["group_code"].to_numpy(), min_items=MIN_GROUP, **options
        )
        ids = pl.DataFrame(
            {
                "group_code": range(len(values)),
                "group_id": [json.dumps([name, value], ensure_ascii=False) for value in values],
            }
        )
        frames.append(_grouped(found.join(ids, on="group_code"), "attribute"))
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


def _quadrant_shares(items: pl.DataFrame) -> dict[str, Estimate]:
    from analytics.intervals import wilson
    from analytics.quadrants import QUADRANTS

    counts = dict(items.group_by("quadrant").len().iter_rows())
    told = sum(int(n) for name, n in counts.items() if name != "cannot tell")
    return {
        name: wilson(int(counts.get(name, 0)), told)
        if told and name != "cannot tell"
        else Estimate.none("of these items it cannot be told", int(counts.get(name, 0)), unit="share")
        for name in QUADRANTS
    }


def _reliability_rows(p_top: FloatArray, right: NDArray[np.bool_]) -> list[dict[str, object]]:
    """The bins of the reliability diagram: value is the observed share, detail has the bin's ends and mean."""
    from analytics.reliability import PER_BIN, reliability

    if len(p_top) < 2 * PER_BIN:
        return []
    bins = reliability(p_top, right)
    return [
        {
            "key": "reliability_bin", "group_kind": "bin", "group_id": str(row["bin"]), "value": row["observed_share"],
            "low": row["low"], "high": row["high"], "n": row["n"], "undefined": None, "unit": "share",
            "detail": json.dumps({"p_low": row["p_low"], "p_high": row["p_high"], "p_mean": row["p_mean"]}),
        }
        for row in bins.iter_rows(named=True)
    ]  # fmt: skip


def _row(
    key: str, estimate: Estimate, unit: str, *, kind: str = "", group: str = "", detail: str | None = None
) -> dict[str, object]:
    return {
        "key": key, "group_kind": kind, "group_id": group, "value": estimate.value, "low": estimate.low, "high": estimate.high,
        "n": estimate.n, "undefined": estimate.undefined, "unit": unit, "detail": detail,
    }  # fmt: skip


def _grouped(found: pl.DataFrame, kind: str) -> pl.DataFrame:
    fixed = {"key": "calibration_error_of", "group_kind": kind, "unit": "share"}
    frame = found.with_columns(pl.lit(value).alias(name) for name, value in fixed.items()).with_columns(
        value=pl.col("error"), detail=pl.lit(None, dtype=pl.Utf8)
    )
    return frame.select(pl.col(name).cast(dtype) for name, dtype in MEASUREMENT.items())
