"""What pulls labels, from the store to the sentence: measured, kept, told, refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from dashboard.workflows import bias_effects, bias_effects_view, history
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from data.database import Reader
from data.records import Draft
from tests import stores
from tests.dashboard.bias_steps import crowd_store

QUICK = bias_effects.EffectOptions(replicates=100, permutations=99)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with crowd_store(tmp_path_factory.mktemp("effects") / "store") as store:
        yield store


def with_suggestions(store: Store, *, pull: float, n: int = 120, independent: bool = False) -> None:
    """Three people of whom each had a suggestion for n items, half of them shown; they follow a shown one with `pull`."""
    rng = np.random.default_rng(2)
    suggestions, annotations = [], []
    for person in range(3):
        for item in range(n):
            shown, label = bool(rng.random() < 0.5), int(rng.integers(0, 2))
            given = label if shown and rng.random() < pull else int(rng.integers(0, 2))
            key = {"item_code": item, "annotator_code": person}
            suggestions.append(
                {
                    **key,
                    "flag_id": None,
                    "label_code": label,
                    "is_shown": shown,
                    "source": "drawn",
                    "p_hidden": 0.5,
                }
            )
            annotations.append(
                {
                    **key, "annotation_id": f"a-{person}-{item}", "label_code": given, "label_json": f'"{given}"',
                    "labelled_at": (datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=item)).isoformat(), "active_seconds": None,
                    "source": "relabel", "independent": independent, "asserted": False, "assignment": "first",
                    "guideline_version": None, "rationale": None, "supersedes": None, "position": 1000 + item,
                }
            )  # fmt: skip

    def plan(_: Reader) -> Draft:
        rows = {"suggestion": suggestions, "annotation": annotations}
        return Draft("answered_blind", stores.PROJECT, "several", {"rows": rows})

    store.submit(plan, by=stores.LENA.person_id, request={"verb": "test"})


def test_what_cannot_be_told_is_said_with_its_reason(crowd: Store) -> None:
    run = bias_effects.measure(crowd, project_id="pets", by=stores.LENA, options=QUICK)
    state, sentence, detail = bias_effects_view.answer(run.document)
    assert "no annotation says whether a suggestion was shown" in detail
    assert "no annotation has a time" in detail
    assert state in {"fit", "watch"}
    assert sentence
    seen = bias_effects_view.effects_view(crowd, project_id="pets", by=stores.RITA)
    assert seen is not None
    assert (seen.run.run_id, seen.sentence) == (run.run_id, sentence)
    events = history.events(crowd, project_id="pets", by=stores.RITA, kinds=["bias_effects_measured"])
    assert events.total >= 1


def test_a_pull_is_found_and_labels_given_with_a_suggestion_shown_are_no_votes(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        before = store.read("score_votes", project_id="pets", as_of=store.head).height
        with_suggestions(store, pull=0.5)
        assert store.read("score_votes", project_id="pets", as_of=store.head).height == before
        run = bias_effects.measure(store, project_id="pets", by=stores.LENA, options=QUICK)
        _, sentence, _ = bias_effects_view.answer(run.document)
        assert sentence.startswith("Yes: people agree with a suggestion")
        pulls = run.document["pulls"]
        assert isinstance(pulls, list)
        (pull,) = pulls
        assert pull["every"]["value"] == pytest.approx(0.25, abs=0.12)
        assert pull["every"]["n_shown"] + pull["every"]["n_hidden"] == 360
        assert [row["annotator_id"] for row in pull["annotators"]] == sorted(
            row["annotator_id"] for row in pull["annotators"]
        )
        assert pull["wrong"]["value"] is not None


def test_a_run_of_an_earlier_version_is_read_as_it_was_written(crowd: Store) -> None:
    """They knew one pull and no choices."""
    run = bias_effects.measure(crowd, project_id="pets", by=stores.LENA, options=QUICK)
    document = cast("dict[str, list[dict[str, Any]]]", run.document)
    (pull,) = document["pulls"]
    rows = {
        name: [{key: row[key] for key in row if key != "label"} for row in document[name]]
        for name in ("order", "curves", "attributes")
    }
    earlier = {"pull": {key: pull[key] for key in pull if key not in ("label", "p_adjusted")}, **rows}
    now = bias_effects_view.as_written_now(earlier)
    assert bias_effects_view.answer(now) == bias_effects_view.answer(run.document)
    assert bias_effects_view.choices(now) == []


def test_before_anything_was_measured_there_is_nothing(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        assert bias_effects_view.effects_view(store, project_id="pets", by=stores.LENA) is None


def test_who_may_and_what_is_refused(crowd: Store) -> None:
    with pytest.raises(NotAllowed):
        bias_effects.measure(crowd, project_id="pets", by=stores.ANNA, options=QUICK)
    with pytest.raises(NotAllowed):
        bias_effects_view.effects_view(crowd, project_id="pets", by=stores.ANNA)
    with pytest.raises(BadRequest, match="idle_seconds"):
        bias_effects.measure(
            crowd, project_id="pets", by=stores.LENA, options=bias_effects.EffectOptions(idle_seconds=0)
        )
