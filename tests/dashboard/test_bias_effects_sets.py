"""What pulls labels where labels are sets: choice by choice, all corrected together; planted effects found, none without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics.intervals import benjamini_hochberg
from dashboard.workflows import bias_effects, bias_effects_view, ingest
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.pages import open_page, shown_by, words

P = "scenes"
CHOICES = ("car", "dog", "tree")
QUICK = bias_effects.EffectOptions(replicates=200, permutations=999)


def scene_store(
    path: Path,
    *,
    pull: float = 0.0,
    tired: float = 0.0,
    lean: float = 0.0,
    n_people: int = 16,
    n_items: int = 90,
) -> Store:
    """Everybody labels every scene in an order of their own, with a suggestion that is shown or hidden by chance.

    `pull`: how often a shown suggestion decides on the dog; `tired`: how much more often people slip on the dog per hundred answers;
    `lean`: how often scenes of the city get a dog that is not there. The car and the tree are never touched by any of it.
    """
    rng = np.random.default_rng(11)
    truth = rng.random((n_items, 3)) < (0.5, 0.4, 0.3)
    suggested = truth ^ (rng.random((n_items, 3)) < 0.25)
    start, lines = datetime(2026, 5, 1, 9, tzinfo=UTC), []
    for person in range(n_people):
        for place, item in enumerate(rng.permutation(n_items)):
            slip = np.array([0.1, 0.1 + tired * place / 100, 0.1])
            said = truth[item] ^ (rng.random(3) < slip)
            said[1] |= item % 2 == 0 and rng.random() < lean
            shown = bool(rng.random() < 0.5)
            if shown and rng.random() < pull:
                said[1] = suggested[item][1]
            lines.append(
                {
                    "item": f"i{item:03d}", "annotator": f"p{person:02d}", "label": _named(said), "prelabel": _named(suggested[item]),
                    "was_shown": "no" if pull == 0 else "yes" if shown else "no",
                    "gold": _named(truth[item]) if item % 2 else None, "place": ("city", "country")[item % 2],
                    "at": (start + timedelta(days=person, seconds=20 * place)).isoformat(),
                }
            )  # fmt: skip
    store = stores.empty_store(path / "store")
    file = path / "scenes.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    mapping = {"suggestion": "prelabel", "suggestion_shown": "was_shown"} if pull else {}
    ingest.import_file(
        store, path=file, project_id=P, by=stores.LENA,
        options=ingest.ImportOptions(item_attributes=("place",), mapping=mapping),
        request=ingest.ImportRequest(level="set", labels=CHOICES),
    )  # fmt: skip
    return store


def _named(said: Any) -> list[str]:
    return [name for name, is_in in zip(CHOICES, said, strict=True) if is_in]


def measured(store: Store) -> Mapping[str, Any]:
    return bias_effects.measure(store, project_id=P, by=stores.LENA, options=QUICK).document


def test_without_any_effect_nothing_is_found(tmp_path: Path) -> None:
    with scene_store(tmp_path) as store:
        found = measured(store)
        state, sentence, _ = bias_effects_view.answer(found)
        assert bias_effects_view.findings(found) == []
        assert state == "fit"
        assert sentence.startswith("Nothing but the item was seen to pull labels")
        assert {row["label"] for row in found["order"]} == set(CHOICES)
        assert {pull["label"] for pull in found["pulls"]} == set(CHOICES)


def test_a_pull_on_one_choice_is_found_there_and_nowhere_else(tmp_path: Path) -> None:
    with scene_store(tmp_path, pull=0.6) as store:
        pulls = {pull["label"]: pull for pull in measured(store)["pulls"]}
        assert {label for label, pull in pulls.items() if pull["is_picked"]} == {"dog"}
        dog = pulls["dog"]["every"]
        # own answers agree with a suggestion that is wrong one time in four: 0.9 * 0.75 + 0.1 * 0.25; pulled, six in ten always do
        assert dog["value"] == pytest.approx(0.6 * (1 - 0.7), abs=0.05)
        assert dog["low"] < dog["value"] < dog["high"]
        assert pulls["dog"]["wrong"]["value"] > 0.3
        assert np.median([row["pooled"] for row in pulls["dog"]["annotators"]]) > 0.1
        assert not any(row["is_picked"] for label in ("car", "tree") for row in pulls[label]["annotators"])


def test_tiredness_on_one_choice_is_found_there(tmp_path: Path) -> None:
    with scene_store(tmp_path, tired=0.4) as store:
        found = measured(store)
        picked = [(row["label"], row["factor"]) for row in found["order"] if row["is_picked"]]
        assert ("dog", "position") in picked
        assert {label for label, _ in picked} == {"dog"}
        _, sentence, _ = bias_effects_view.answer(found)
        assert "on “dog”" in sentence


def test_a_spurious_attribute_is_found_on_its_choice(tmp_path: Path) -> None:
    with scene_store(tmp_path, lean=0.75) as store:
        found = measured(store)
        picked = {(row["label"], row["held"]) for row in found["attributes"] if row["is_picked"]}
        assert ("dog", "") in picked
        assert {label for label, _ in picked} == {"dog"}
        assert "“dog” goes with place" in bias_effects_view.answer(found)[2]


def test_all_rows_of_all_choices_are_corrected_together(tmp_path: Path) -> None:
    """By Benjamini & Yekutieli: Benjamini & Hochberg's, times 1 + 1/2 + ... + 1/m over the whole table."""
    with scene_store(tmp_path, tired=0.2) as store:
        found = measured(store)
        for rows in (
            [row for row in found["order"] if row["factor"] != "label_five_before"],
            found["attributes"],
        ):
            told = [row for row in rows if row["p_value"] is not None]
            m = len(told)
            assert m >= 3
            harmonic = sum(1 / k for k in range(1, m + 1))
            expected = np.minimum(benjamini_hochberg([row["p_value"] for row in told]) * harmonic, 1.0)
            assert [row["p_adjusted"] for row in told] == pytest.approx(expected.tolist())


def test_the_page_shows_one_choice_at_a_time_and_says_what_was_found(tmp_path: Path) -> None:
    with scene_store(tmp_path, pull=0.6) as store, shown_by(store):
        app = open_page("bias", project=P, person="lena", section="effects")
        app.button(key="bias_effects_measure").click().run()
        app = open_page("bias", project=P, person="rita", section="effects")
        said = words(app).replace("\\", "")
        assert "Yes: people agree with a suggestion on “dog”" in said
        assert app.selectbox[0].value == "dog"  # what was found is shown first
        other = words(open_page("bias", project=P, person="rita", section="effects", choice="car"))
        assert "agreed with it on “car”" in other.replace("\\", "")


def test_where_every_set_is_empty_there_is_nothing_to_ask(tmp_path: Path) -> None:
    store = stores.empty_store(tmp_path / "store")
    file = tmp_path / "empty.jsonl"
    file.write_text(
        "".join(json.dumps({"item": f"i{i}", "annotator": "a", "label": []}) + "\n" for i in range(9))
    )
    with store:
        ingest.import_file(
            store, path=file, project_id=P, by=stores.LENA, options=ingest.ImportOptions(),
            request=ingest.ImportRequest(level="set", labels=CHOICES),
        )  # fmt: skip
        with pytest.raises(BadRequest, match="Every set so far is empty"):
            measured(store)
