"""A label set that grew: its part of a change of rate, where it was not switched for everybody at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dashboard.workflows import drift, ingest, label_sets
from dashboard.workflows.drift_label_sets import label_sets as versions
from dashboard.workflows.drift_windows import windows
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.drift_scene import DAYS, FIRST, WINDOW, crowd

PROJECT = stores.PROJECT
RENAMED = 0.6


def grown(path: Path, *, before: float, after: float) -> Store:
    """A calm crowd in two files. The second brings the label fox, which takes RENAMED of its cats; `before` and `after` are
    the shares of each window's annotations that are in it."""
    whole = crowd(drifting=False, per_day=72)
    rng = np.random.default_rng(1)
    n = whole.annotations.height
    late = (
        pl.col("labelled_at")
        >= FIRST.replace(hour=0) + np.timedelta64(DAYS - WINDOW, "D").astype("timedelta64[us]").item()
    )
    table = whole.annotations.with_columns(draw=pl.Series(rng.random(n)), name=pl.Series(rng.random(n)))
    second = pl.when(late).then(pl.col("draw") < after).otherwise(pl.col("draw") < before)
    fox = (
        pl.when((pl.col("label") == "cat") & (pl.col("name") < RENAMED))
        .then(pl.lit("fox"))
        .otherwise("label")
    )
    files = [table.filter(~second), table.filter(second).with_columns(label=fox)]
    store = stores.empty_store(
        path, clock=stores.SteppingClock(FIRST + np.timedelta64(DAYS, "D").astype("timedelta64[us]").item())
    )
    for place, rows in enumerate(files):
        kept = rows.drop("draw", "name")
        parsed = replace(
            whole, annotations=kept, items=whole.items if not place else whole.items.clear(), n_rows=kept.height, sha256=f"{place + 1:064d}"
        )  # fmt: skip
        request = ingest.ImportRequest(
            labels=stores.LABELS if not place else None, title="Pets", extend_labels=bool(place)
        )
        ingest.import_parsed(store, parsed=parsed, project_id=PROJECT, by=stores.LENA, request=request)
    return store


def measured(store: Store) -> drift.Drift:
    return drift.measure(store, project_id=PROJECT, by=stores.LENA, options=drift.DriftOptions(label="cat"))


def test_a_label_set_that_came_in_by_and_by_has_its_part(tmp_path: Path) -> None:
    with grown(tmp_path / "store", before=0.2, after=0.8) as store:
        seen = measured(store)
    parts = {row["part"]: row for row in seen.parts.iter_rows(named=True)}
    row = seen.labels.row(by_predicate=pl.col("label") == "cat", named=True)
    cats = row["before"] / (1 - 0.2 * RENAMED)  # without the second set
    planted = -(0.8 - 0.2) * RENAMED * cats
    part = parts["the label set"]
    assert part["low"] <= planted <= part["high"]
    assert part["high"] < 0
    assert part["value"] == pytest.approx(planted, abs=0.03)
    for name in ("how people label", "which items came"):
        assert parts[name]["low"] < 0 < parts[name]["high"]
    assert sum(one["value"] for one in parts.values()) == pytest.approx(row["change"], abs=1e-9)
    assert "from the label set" in seen.sentence
    assert "The label set changed: fox came in." in seen.detail
    assert not seen.alone


def test_a_label_set_that_was_switched_for_all_at_once_is_not_separable_from_time(tmp_path: Path) -> None:
    with grown(tmp_path / "store", before=0.0, after=1.0) as store:
        seen = measured(store)
    assert "not separable from time" in dict(seen.alone)["label_set"]
    parts = {row["part"]: row for row in seen.parts.iter_rows(named=True)}
    assert "the label set and how people label" in parts
    assert parts["the label set and how people label"]["high"] < 0
    assert "(the label set is not separable from time)" in seen.sentence


def test_a_corrected_level_is_the_same_label_set(tmp_path: Path) -> None:
    with grown(tmp_path / "store", before=0.2, after=0.8) as store:
        label_sets.correct_level(
            store, project_id=PROJECT, by=stores.LENA, level="ordinal", order=["fox", "dog", "cat", "bird"]
        )
        found = versions(store, PROJECT, as_of=store.head)
        assert [len(choices) for choices in found.choices] == [3, 4]
        assert found.of == (0, 1, 1)
        rows = windows(store, PROJECT, reference="90d", window="7d", as_of=store.head).rows
        shares = rows.group_by("window").agg(pl.col("set_code").mean()).sort("window")["set_code"].to_list()
        assert shares == pytest.approx([0.2, 0.8], abs=0.02)
        early = found.since[1] - 1
        assert len(versions(store, PROJECT, as_of=early).choices) == 1
