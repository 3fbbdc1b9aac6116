"""Drift where a label is a set of choices: each choice's rate, their mean change, one choice's split, agreement by MASI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analytics.set_agreement import set_alpha
from dashboard.workflows import alert_limits, alerts, drift, ingest
from dashboard.workflows.alert_figures import CHOICES, MIX
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.label_words import JOINED
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.drift_scene import DAYS, FIRST, WINDOW, copied, crowd, newest
from tests.dashboard.pages import open_page, shown_by, words

PROJECT = stores.PROJECT
WINGS_BEFORE, WINGS_AFTER = 0.2, 0.5


def sets_store(path: Path, *, wings_after: float) -> Store:
    """Everybody gives the set of the animal, and "wings" with it in WINGS_BEFORE of the cases, in the last week in `wings_after`."""
    whole = crowd(drifting=False)
    rng = np.random.default_rng(3)
    last = pl.Series(
        [at.toordinal() - FIRST.toordinal() >= DAYS - WINDOW for at in whole.annotations["labelled_at"]]
    )
    share = np.where(last, wings_after, WINGS_BEFORE)
    wings = pl.Series(rng.random(whole.annotations.height) < share)
    label = pl.format('["{}"{}]', "label", pl.when(wings).then(pl.lit(', "wings"')).otherwise(pl.lit("")))
    parsed = replace(whole, annotations=whole.annotations.with_columns(label=label))
    store = stores.empty_store(path, clock=stores.SteppingClock(FIRST + timedelta(days=DAYS)))
    request = ingest.ImportRequest(labels=(*stores.LABELS, "wings"), level="set", title="Pets")
    ingest.import_parsed(store, parsed=parsed, project_id=PROJECT, by=stores.LENA, request=request)
    return store


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a store with a drift that was measured."""
    folder = tmp_path_factory.mktemp("drift-sets")
    with sets_store(folder / "store", wings_after=WINGS_AFTER) as store:
        drift.measure(store, project_id=PROJECT, by=stores.LENA)
    return folder


@pytest.fixture
def store(measured: Path, tmp_path: Path) -> Iterator[Store]:
    with copied(measured, tmp_path) as found:
        yield found


def test_a_choice_that_was_planted_is_named_with_its_rates(store: Store) -> None:
    seen = newest(store)
    assert seen.state == "watch"
    assert seen.label == "wings"
    assert seen.sentence.startswith("wings is given more often: ")
    row = seen.labels.row(0, named=True)
    assert row["before"] == pytest.approx(WINGS_BEFORE, abs=0.03)
    assert row["after"] == pytest.approx(WINGS_AFTER, abs=0.05)
    assert row["low"] <= WINGS_AFTER - WINGS_BEFORE <= row["high"]
    assert set(seen.labels["label"]) == {*stores.LABELS, "wings"}


def test_the_distance_is_the_mean_absolute_change_of_the_choices(store: Store) -> None:
    seen = newest(store)
    figures = {row["key"]: row for row in seen.figures.iter_rows(named=True)}
    assert not {"drift_total_variation", "drift_jensen_shannon", "drift_stability_index"} & set(figures)
    mean = float(np.mean(seen.labels["change"].abs().to_numpy()))
    assert figures["drift_choice_change"]["value"] == pytest.approx(mean, abs=1e-12)
    assert figures["drift_choice_change"]["low"] > 0


def test_the_change_of_one_choice_is_split(store: Store) -> None:
    seen = newest(store)
    parts = {row["part"]: row for row in seen.parts.iter_rows(named=True)}
    row = seen.labels.row(0, named=True)
    assert sum(part["value"] for part in parts.values()) == pytest.approx(row["change"], abs=1e-9)
    assert parts["how people label"]["low"] > 0.1
    asked = drift.measure(store, project_id=PROJECT, by=stores.LENA, options=drift.DriftOptions(label="cat"))
    assert asked.label == "cat"
    options = drift.DriftOptions(label=f"cat{JOINED}wings")
    with pytest.raises(BadRequest, match="There is no label 'cat"):
        drift.measure(store, project_id=PROJECT, by=stores.LENA, options=options)


def test_agreement_is_that_of_sets(store: Store) -> None:
    figure = newest(store).figures.row(by_predicate=pl.col("key") == "drift_agreement", named=True)
    label_set = require_label_set(store, PROJECT)
    rows = store.read("drift_votes", project_id=PROJECT, as_of=store.head)
    last = rows["at"].dt.date() > rows["at"].dt.date().max() - timedelta(days=WINDOW)  # type: ignore[operator]  # dates
    sets = dict(zip(label_set.codes, label_set.members, strict=True))
    places = [sets.get(code, ()) for code in range(max(label_set.codes) + 1)]
    before, after = (set_alpha(rows.filter(part), sets=places, replicates=0).value for part in (~last, last))
    assert before is not None
    assert after is not None
    assert figure["value"] == pytest.approx(after - before, abs=1e-9)


def test_the_page_says_choices(store: Store) -> None:
    with shown_by(store):
        text = words(open_page("drift", person="lena")).replace("\\", "")
    assert "wings is given more often" in text
    assert "Choices that changed" in text
    assert "**Labels that changed**" not in text


def test_choices_that_changed_open_the_alert_of_the_mix_and_a_lead_may_move_its_limit(store: Store) -> None:
    row = alerts.alerts(store, project_id=PROJECT, by=stores.RITA).row(
        by_predicate=pl.col("key") == CHOICES, named=True
    )
    assert row["low"] > row["limit_value"] == 0.02
    assert row["sentence"].startswith("wings is given more often: ")
    held = {limit.key for limit in alert_limits.limits(store, PROJECT)}
    assert (CHOICES in held, MIX in held) == (True, False)
    wanted = {"project_id": PROJECT, "by": stores.LENA, "reason": "We know our seasons"}
    with pytest.raises(BadRequest, match="drift_choice_change says how far"):
        alert_limits.set_limit(store, key=MIX, limit=0.1, **wanted)  # type: ignore[arg-type]  # by name
    assert alert_limits.set_limit(store, key=CHOICES, limit=0.3, **wanted)[0].value == 0.3  # type: ignore[arg-type]  # by name


def test_no_alert_opens_where_no_choice_changed(tmp_path: Path) -> None:
    with sets_store(tmp_path / "store", wings_after=WINGS_BEFORE) as calm:
        drift.measure(calm, project_id=PROJECT, by=stores.LENA)
        assert newest(calm).state == "fit"
        assert CHOICES not in alerts.alerts(calm, project_id=PROJECT, by=stores.RITA)["key"].to_list()
