"""The figures of drift between two windows: distances, agreement, pace, content, confidence; each label; the trend; the parts."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics import content_drift, label_mix, rate_change, sequential
from analytics.change_points import change_points
from analytics.frames import FloatArray
from analytics.grouped import figures_by_group
from analytics.intervals import benjamini_hochberg
from analytics.results import Estimate
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store
from data.identifiers import json_pointer

MOST_VALUES = 50
MOST_ROWS = 200_000
"""Annotations that the split of a change is worked out from: items beyond are left out, by a draw."""
MOST_PEOPLE = 300
LABELS = {
    "label": pl.Utf8, "before": pl.Float64, "after": pl.Float64, "change": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "p_adjusted": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moved:
    """The label whose rate changed most, and its split."""

    label: str
    code: int
    split: rate_change.RateChange
    attribute: str
    sampled: bool


def label_table(
    rows: pl.DataFrame, label_set: LabelSet
) -> tuple[pl.DataFrame, tuple[label_mix.Distance, ...]]:
    """Each label's rate before and after (LABELS), most significant first, and the distances of the mixes."""
    n_labels = max(label_set.codes) + 1
    mixes = [label_mix.label_mix_of(rows.filter(pl.col("window") == w), n_labels) for w in (0, 1)]
    found = label_mix.distances(mixes[0], mixes[1])
    before, after = mixes[0].shares, mixes[1].shares
    variance = np.diag(mixes[0].covariance) + np.diag(mixes[1].covariance)
    error = np.sqrt(np.maximum(variance, 1e-12))
    from scipy.special import ndtr

    p_values = 2 * ndtr(-np.abs(after - before) / error)
    codes = np.array(label_set.codes)
    table = pl.DataFrame(
        {
            "label": list(label_set.labels), "before": before[codes], "after": after[codes],
            "change": (after - before)[codes], "low": (after - before - 1.96 * error)[codes],
            "high": (after - before + 1.96 * error)[codes], "p_adjusted": benjamini_hochberg(p_values[codes]),
        },
        schema=LABELS,
    )  # fmt: skip
    return table.sort(pl.col("change").abs(), "label", descending=[True, False]), found


def split_change(
    store: Store,
    project_id: str,
    rows: pl.DataFrame,
    label: tuple[str, int],
    *,
    attribute: str,
    as_of: int,
    seed: int,
) -> Moved:
    """Split the change of a label's rate; items are of a kind by `attribute`, or by the one whose mix moved most."""
    kinds, name = _kinds(store, project_id, rows, attribute, as_of)
    coded = rows.select(
        "item_code", "annotator_code", "window", "guideline_code", "set_code",
        hit=(pl.col("label_code") == label[1]).cast(pl.Int64), period_code=pl.col("at").dt.epoch("d").cast(pl.Int64),
    )  # fmt: skip
    coded = coded.with_columns(period_code=pl.col("period_code") - pl.col("period_code").min())
    versions = ("guideline_code", "set_code")
    coded = coded.drop([name for name in versions if coded[name].n_unique() < 2])
    if kinds is not None:
        coded = coded.join(kinds, on="item_code", how="left").with_columns(
            pl.col("stratum_code").fill_null(pl.col("stratum_code").max().fill_null(-1) + 1)
        )
    sampled = coded.height > MOST_ROWS
    if sampled:
        share = MOST_ROWS / coded.height
        items = coded.select(pl.col("item_code").unique()).sample(fraction=share, seed=seed)
        coded = coded.join(items, on="item_code", how="semi")
    busiest = coded.group_by("annotator_code").len().sort("len", "annotator_code", descending=[True, False])
    rest = busiest.slice(MOST_PEOPLE)["annotator_code"]
    if rest.len():  # those with least count as one
        coded = coded.with_columns(
            annotator_code=pl.when(pl.col("annotator_code").is_in(rest.implode()))
            .then(rest[0])
            .otherwise("annotator_code")
        )
    split = rate_change.rate_change(coded, replicates=300, seed=seed)
    return Moved(label[0], label[1], split, name, sampled)


def trend(
    rows: pl.DataFrame, code: int, *, shift: float, run_length: int, seed: int
) -> tuple[sequential.Watch, list[object]]:
    """The label's rate day by day with its band, the sequential test on the window, and the days that change points name."""
    days = (
        rows.group_by(period=pl.col("at").dt.date())
        .agg(k=(pl.col("label_code") == code).sum(), n=pl.len(), window=pl.col("window").min())
        .sort("period")
        .with_columns(season_code=pl.col("period").dt.weekday().cast(pl.Int64))
    )
    n_reference = int((days["window"] == 0).sum())
    watched = sequential.watch(days, n_reference=n_reference, shift=shift, run_length=run_length, seed=seed)
    if watched.undefined is not None:
        return watched, []
    points = change_points(watched.periods["z"].to_numpy(), seed=seed)
    named: list[object] = [
        {
            "at": watched.periods["period"][p.at],
            "low": watched.periods["period"][p.low],
            "high": watched.periods["period"][p.high],
        }
        for p in points
    ]
    return watched, named


def figures(
    store: Store, project_id: str, rows: pl.DataFrame, label_set: LabelSet, found: tuple[label_mix.Distance, ...],
    *, as_of: int, seed: int,
) -> pl.DataFrame:  # fmt: skip
    """Every figure of drift as measurements (MEASUREMENT); `detail` has what is expected without a change, and the chance."""
    kept = [
        _measured(f"drift_{one.key}", one.estimate, expected=one.expected, p_value=one.p_value)
        for one in found
    ]
    kept += _agreement(rows, label_set, seed)
    kept.append(_measured("drift_pace", _pace(rows)))
    kept.append(_measured("drift_content", _content(store, project_id, rows, as_of, seed), expected=0.5))
    kept.append(_measured("drift_confidence", _confidence(store, project_id, rows, as_of)))
    return pl.DataFrame(kept, schema=MEASUREMENT)


def _measured(
    key: str,
    estimate: Estimate,
    *,
    expected: float | None = None,
    p_value: float | None = None,
    group: str = "",
) -> dict[str, object]:
    return {
        "key": key, "group_kind": "window" if group else "", "group_id": group, "value": estimate.value, "low": estimate.low,
        "high": estimate.high, "n": estimate.n, "undefined": estimate.undefined, "unit": estimate.unit,
        "detail": json.dumps({"expected": expected, "p_value": p_value, "n_unit": estimate.n_unit}),
    }  # fmt: skip


def _agreement(rows: pl.DataFrame, label_set: LabelSet, seed: int) -> list[dict[str, object]]:
    """Krippendorff's alpha (nominal) of both windows, and the difference with the intervals put together."""
    n_labels = max(label_set.codes) + 1
    votes = rows.select("item_code", "annotator_code", "label_code", group_code="window")
    table = figures_by_group(votes, n_labels=n_labels, figures=("alpha",), replicates=200, seed=seed)
    ends = {row["group_code"]: row for row in table.iter_rows(named=True)}
    before, after = ends.get(0), ends.get(1)
    n = int(table["n"].sum())
    if before is None or after is None or before["value"] is None or after["value"] is None:
        reason = "agreement is undefined in a window: too few items with two annotations, or one label only"
        return [_measured("drift_agreement", Estimate.none(reason, n, unit="coefficient"))]
    value = after["value"] - before["value"]
    if None in (before["low"], after["low"]):
        return [_measured("drift_agreement", Estimate(value, None, None, n, unit="coefficient"))]
    # The windows' items are almost all different: their errors add up in squares (Newcombe 1998).
    low = value - float(np.hypot(after["value"] - after["low"], before["high"] - before["value"]))
    high = value + float(np.hypot(after["high"] - after["value"], before["value"] - before["low"]))
    return [_measured("drift_agreement", Estimate(value, low, high, n, unit="coefficient"))]


def _pace(rows: pl.DataFrame) -> Estimate:
    """The median over annotators of the ratio of their median active seconds, after to before; a sign interval."""
    timed = rows.filter(pl.col("active_seconds") > 0)
    medians = timed.group_by("annotator_code", "window").agg(
        pl.col("active_seconds").median(), pl.len().alias("n")
    )
    enough = medians.filter(pl.col("n") >= 10)
    both = enough.filter(pl.col("window") == 0).join(
        enough.filter(pl.col("window") == 1), on="annotator_code", suffix="_after"
    )
    ratio = np.sort((both["active_seconds_after"] / both["active_seconds"]).to_numpy())
    m = ratio.size
    if m < 6:
        return Estimate.none(
            f"{m} annotators have 10 times or more in both windows; it takes 6",
            m,
            unit="ratio",
            n_unit="annotators",
        )
    from scipy.stats import binom

    k = int(binom.ppf(0.025, m, 0.5))
    return Estimate(
        float(np.median(ratio)),
        float(ratio[max(k - 1, 0)]),
        float(ratio[m - max(k, 1)]),
        m,
        unit="ratio",
        n_unit="annotators",
    )


def _first_seen(rows: pl.DataFrame) -> pl.DataFrame:
    """item_code, window: of the items that were labelled in one window only."""
    return (
        rows.group_by("item_code").agg(pl.col("window").min(), both=pl.col("window").n_unique())
        .filter(pl.col("both") == 1).select("item_code", "window").sort("item_code")
    )  # fmt: skip


def _content(store: Store, project_id: str, rows: pl.DataFrame, as_of: int, seed: int) -> Estimate:
    runs = store.read("embedding_runs", project_id=project_id, as_of=as_of)
    if runs.is_empty():
        return Estimate.none("the items have no embeddings; touchstone predictions brings them in")
    vectors = store.read(
        "embedding_vectors", project_id=project_id, model_run=runs["model_run"][0], as_of=as_of
    )
    joined = _first_seen(rows).join(vectors, on="item_code").sort("item_code")
    joined = joined.sample(n=min(joined.height, 20_000), seed=seed)
    if joined.is_empty():
        return Estimate.none("no item of one window alone has an embedding")
    features: FloatArray = np.stack(joined["vector"].to_list()).astype(np.float64)
    return content_drift.content_drift(features, joined["window"].to_numpy(), seed=seed).auroc


def _confidence(store: Store, project_id: str, rows: pl.DataFrame, as_of: int) -> Estimate:
    sure = store.read("drift_confidence", project_id=project_id, as_of=as_of)
    joined = _first_seen(rows).join(sure, on="item_code")
    groups = [joined.filter(pl.col("window") == w)["confidence"].to_numpy() for w in (0, 1)]
    n = joined.height
    if min(g.size for g in groups) < 30:
        return Estimate.none(
            "fewer than 30 items of a window have a model's probabilities", n, unit="coefficient"
        )
    value = float(groups[1].mean() - groups[0].mean())
    half = 1.96 * float(np.sqrt(sum(g.var(ddof=1) / g.size for g in groups)))
    return Estimate(value, value - half, value + half, n, unit="coefficient")


def _kinds(
    store: Store, project_id: str, rows: pl.DataFrame, attribute: str, as_of: int
) -> tuple[pl.DataFrame | None, str]:
    """item_code, stratum_code by an attribute of 2 to 50 values, and its name; None where there is none."""
    names = store.read("item_attribute_names", project_id=project_id)["name"].to_list()
    best: tuple[float, pl.DataFrame, str] | None = None
    for name in [attribute] if attribute else names[:20]:
        values = store.read(
            "score_attribute_values", project_id=project_id, attribute=json_pointer(name), as_of=as_of
        )
        if not 2 <= values["attribute_value"].n_unique() <= MOST_VALUES:
            continue
        coded = values.select(
            "item_code", stratum_code=pl.col("attribute_value").rank("dense").cast(pl.Int64) - 1
        )
        seen = rows.join(coded, on="item_code").group_by("window", "stratum_code").len()
        shares = seen.with_columns(share=pl.col("len") / pl.col("len").sum().over("window"))
        wide = shares.pivot(on="window", index="stratum_code", values="share").fill_null(0.0)
        moved = float((wide["0"] - wide["1"]).abs().sum() / 2) if {"0", "1"} <= set(wide.columns) else 0.0
        if best is None or moved > best[0]:
            best = (moved, coded, name)
    return (None, "") if best is None else (best[1], best[2])
