"""The figures of drift between two windows: distances, agreement, pace, content, confidence; each label."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from analytics import choice_mix, content_drift, label_mix
from analytics.frames import FloatArray, IntArray
from analytics.grouped import MIN_ITEMS, figures_by_group
from analytics.intervals import benjamini_hochberg
from analytics.mean_discrepancy import Discrepancy, mean_discrepancy
from analytics.results import Estimate
from analytics.set_agreement import set_alpha
from analytics.window_changes import difference, mean_change, pace_change
from dashboard.workflows.drift_windows import halves
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store

MOST_AGREEMENT = 1_000_000
"""Annotations that agreement is worked out from: items beyond are left out, by a draw."""
MOST_TIMES = 500_000
MOST_CONTENT, MOST_DISTANCES = 20_000, 4_000
"""Items whose contents are compared by the classifier, and pair by pair."""
LABELS = {
    "label": pl.Utf8, "before": pl.Float64, "after": pl.Float64, "change": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "p_adjusted": pl.Float64,
}  # fmt: skip


def label_table(
    rows: pl.DataFrame, label_set: LabelSet, *, seed: int = 0
) -> tuple[pl.DataFrame, tuple[label_mix.Distance, ...]]:
    """Each label's rate before and after (LABELS), the most changed first, and the distances of the mixes; of sets, each choice's."""
    mixes, places = _mixes(rows, label_set)
    if label_set.is_sets:
        found: tuple[label_mix.Distance, ...] = (
            choice_mix.mean_absolute_change(mixes[0], mixes[1], seed=seed),
        )
    else:
        found = label_mix.distances(mixes[0], mixes[1], seed=seed)
    before, after = mixes[0].shares, mixes[1].shares
    variance = np.diag(mixes[0].covariance) + np.diag(mixes[1].covariance)
    error = np.sqrt(np.maximum(variance, 1e-12))
    from scipy.special import ndtr

    p_values = 2 * ndtr(-np.abs(after - before) / error)
    table = pl.DataFrame(
        {
            "label": list(label_set.choices), "before": before[places], "after": after[places],
            "change": (after - before)[places], "low": (after - before - 1.96 * error)[places],
            "high": (after - before + 1.96 * error)[places], "p_adjusted": benjamini_hochberg(p_values[places]),
        },
        schema=LABELS,
    )  # fmt: skip
    return table.sort(pl.col("change").abs(), "label", descending=[True, False]), found


def _mixes(rows: pl.DataFrame, label_set: LabelSet) -> tuple[list[label_mix.LabelMix], IntArray]:
    """Both windows' mixes, and where in them each of the label set's choices is."""
    n_labels = max(label_set.codes) + 1
    if not label_set.is_sets:
        return [label_mix.label_mix_of(half, n_labels) for half in halves(rows)], np.array(label_set.codes)
    place = {code: at for at, code in enumerate(label_set.choice_codes)}
    holds = np.zeros((n_labels, len(place)))
    for code, members in zip(label_set.codes, label_set.members, strict=True):
        holds[code, [place[member] for member in members]] = 1.0
    mixes = [
        choice_mix.choice_mix(
            half["item_code"].to_numpy(),
            half["annotator_code"].to_numpy(),
            half["label_code"].to_numpy(),
            holds,
        )
        for half in halves(rows)
    ]
    return mixes, np.arange(len(place))


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
    kept.append(_measured("drift_pace", pace_change(pl.concat([_some_times(half) for half in halves(rows)]))))
    area, apart = _content(store, project_id, rows, as_of, seed)
    kept.append(_measured("drift_content", area, expected=0.5))
    kept.append(
        _measured("drift_content_distance", apart.squared, expected=apart.expected, p_value=apart.p_value)
    )
    kept.append(_measured("drift_confidence", _confidence(store, project_id, rows, as_of)))
    return pl.DataFrame(kept, schema=MEASUREMENT)


def _measured(
    key: str,
    estimate: Estimate,
    *,
    expected: float | None = None,
    p_value: float | None = None,
) -> dict[str, object]:
    return {
        "key": key, "group_kind": "", "group_id": "", "value": estimate.value, "low": estimate.low,
        "high": estimate.high, "n": estimate.n, "undefined": estimate.undefined, "unit": estimate.unit,
        "detail": json.dumps({"expected": expected, "p_value": p_value, "n_unit": estimate.n_unit}),
    }  # fmt: skip


def _agreement(rows: pl.DataFrame, label_set: LabelSet, seed: int) -> list[dict[str, object]]:
    """Krippendorff's alpha of both windows (nominal; of sets with the MASI distance), and the difference with the intervals put
    together.
    """
    before, after = (_alpha(_drawn_items(half, seed), label_set, seed) for half in halves(rows))
    return [_measured("drift_agreement", difference(before, after))]


def _alpha(votes: pl.DataFrame, label_set: LabelSet, seed: int) -> Estimate:
    n_labels = max(label_set.codes) + 1
    if label_set.is_sets:
        sets = dict(zip(label_set.codes, label_set.members, strict=True))
        found = set_alpha(
            votes, sets=[sets.get(code, ()) for code in range(n_labels)], replicates=200, seed=seed
        )
        few = f"fewer than {MIN_ITEMS} items have two annotations"
        return found if found.n >= MIN_ITEMS else Estimate.none(few, found.n, unit="coefficient")
    grouped = votes.with_columns(group_code=pl.lit(0, dtype=pl.Int64))
    table = figures_by_group(grouped, n_labels=n_labels, figures=("alpha",), replicates=200, seed=seed)
    if table.is_empty():
        return Estimate.none("there are no annotations", unit="coefficient")
    row = table.row(0, named=True)
    return Estimate(row["value"], row["low"], row["high"], row["n"], row["undefined"], unit="coefficient")


def _drawn_items(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The rows of so many items, drawn, that about MOST_AGREEMENT are left: item_code, annotator_code, label_code."""
    rows = rows.select("item_code", "annotator_code", "label_code")
    if rows.height <= MOST_AGREEMENT:
        return rows
    item = rows["item_code"].to_numpy()
    drawn = np.random.default_rng(seed).random(int(item.max()) + 1) < MOST_AGREEMENT / rows.height
    return rows.filter(pl.Series(drawn[item]))


def _some_times(half: pl.DataFrame) -> pl.DataFrame:
    """The known times of a window, of very many every second, third and so on: annotator_code, window, active_seconds."""
    known = half.select("annotator_code", "window", "active_seconds").filter(pl.col("active_seconds") > 0)
    return known.gather_every(max(known.height // MOST_TIMES, 1))


def _first_seen(rows: pl.DataFrame) -> pl.DataFrame:
    """item_code, window: of the items that were labelled in one window only."""
    item, window = (rows[name].to_numpy() for name in ("item_code", "window"))
    seen = np.zeros((int(item.max(initial=-1)) + 1, 2), dtype=bool)
    seen[item, window] = True
    alone = np.flatnonzero(seen.sum(axis=1) == 1)
    return pl.DataFrame({"item_code": alone, "window": seen[alone, 1].astype(np.int64)})


def _content(
    store: Store, project_id: str, rows: pl.DataFrame, as_of: int, seed: int
) -> tuple[Estimate, Discrepancy]:
    """How well a classifier tells the windows' items apart, and how far apart they are in all."""
    runs = store.read("embedding_runs", project_id=project_id, as_of=as_of)
    if runs.is_empty():
        return _no_content("the items have no embeddings; touchstone predictions brings them in")
    vectors = store.read(
        "embedding_vectors", project_id=project_id, model_run=runs["model_run"][0], as_of=as_of
    )
    joined = _first_seen(rows).join(vectors, on="item_code").sort("item_code")
    joined = joined.sample(n=min(joined.height, MOST_CONTENT), shuffle=True, seed=seed)
    if joined.is_empty():
        return _no_content("no item of one window alone has an embedding")
    features: FloatArray = np.stack(joined["vector"].to_list()).astype(np.float64)
    window = joined["window"].to_numpy()
    few = slice(None, MOST_DISTANCES)  # the order was drawn
    apart = mean_discrepancy(features[few], window[few], seed=seed)
    return content_drift.content_drift(features, window, seed=seed).auroc, apart


def _no_content(reason: str) -> tuple[Estimate, Discrepancy]:
    return Estimate.none(reason), Discrepancy(
        Estimate.none(reason, unit="squared distance"), None, None, None
    )


def _confidence(store: Store, project_id: str, rows: pl.DataFrame, as_of: int) -> Estimate:
    sure = store.read("drift_confidence", project_id=project_id, as_of=as_of)
    joined = _first_seen(rows).join(sure, on="item_code")
    before, after = (joined.filter(pl.col("window") == w)["confidence"].to_numpy() for w in (0, 1))
    return mean_change(before, after)
