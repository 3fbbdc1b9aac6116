"""A project whose labels are sets: codes, import, consensus and figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboard.workflows import (
    ingest,
    score,
)
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.item_story import item_story
from dashboard.workflows.label_sets import correct_level, extended
from dashboard.workflows.opening import Store
from dashboard.workflows.set_labels import coded, toggled, with_sets
from data.errors import ImportRejected
from tests import stores
from tests.dashboard.scenes import (
    CHOICES,
    P,
    bring,
    labels_of,
    made_anew,
    scene_rows,
    scored_store,
    write_jsonl,
)


@pytest.fixture
def scenes(tmp_path: Path) -> Iterator[Store]:
    with scored_store(tmp_path) as store:
        yield store


def measured(store: Store, run_id: str, group_kind: str) -> pl.DataFrame:
    return store.read("score_measurements", project_id=P, run_id=run_id, group_kind=group_kind)


def test_every_set_that_was_given_has_a_code_and_its_members(scenes: Store) -> None:
    known = labels_of(scenes)
    assert known.choices == CHOICES
    assert known.choice_codes == (0, 1, 2)
    given = {tuple(sorted(row["label"])) for row in scene_rows()}
    named = {tuple(known.label(code) for code in members) for members in known.members}
    assert given <= named
    assert () in named
    texts = dict(known.texts().select("label", "label_json").iter_rows())
    assert texts["car + dog"] == '["car","dog"]'
    assert texts["(none)"] == "[]"
    stored = scenes.read("score_votes", project_id=P)
    assert stored.height == len(scene_rows())


def test_the_consensus_finds_sets_that_nobody_gave(tmp_path: Path) -> None:
    """Each of three people misses another thing: the majority of every member is in, a set that nobody gave."""
    rows: list[dict[str, Any]] = [
        {"item": "one", "annotator": name, "label": label}
        for name, label in (("a", ["car", "dog"]), ("b", ["dog", "tree"]), ("c", ["car", "tree"]))
    ]
    with stores.empty_store(tmp_path / "store") as store:
        bring(store, write_jsonl(tmp_path / "one.jsonl", [{**row, "place": "x"} for row in rows]))
        before = labels_of(store).n_labels
        found = score.score(
            store, project_id=P, by=stores.LENA, options=score.ScoreOptions(method="majority", replicates=100)
        )
        assert found.labels["label"].to_list() == ["car + dog + tree"]
        assert found.labels["p_label"].to_list() == pytest.approx([8 / 27])
        after = labels_of(store)
        assert after.n_labels == before + 1
        assert after.version == 1
        assert labels_of(store).label(after.codes[-1]) == "car + dog + tree"
        again = score.score(
            store, project_id=P, by=stores.LENA, options=score.ScoreOptions(method="majority", replicates=100)
        )
        assert again.n_changed == 0
        assert labels_of(store).n_labels == before + 1


@pytest.mark.parametrize(
    "method", ["majority", "weighted", "dawid-skene-prior", "dawid-skene", "one-coin", "glad", "mace"]
)
def test_every_method_decides_members_and_explains_the_set(scenes: Store, method: str) -> None:
    found = score.score(
        scenes, project_id=P, by=stores.LENA, options=score.ScoreOptions(method=method, replicates=100)
    )
    gold = {str(row["item"]): set(row["gold"]) for row in scene_rows() if row["gold"] is not None}
    said = dict(found.labels.select("item_id", "label").iter_rows())
    right = [set() if said[item] == "(none)" else set(said[item].split(" + ")) for item in gold]
    assert sum(a == b for a, b in zip(right, gold.values(), strict=True)) >= len(gold) - 1
    story = item_story(scenes, project_id=P, by=stores.LENA, item_id="scene-03")
    assert story.consensus is not None
    assert set(story.consensus.posterior["label"]) == set(CHOICES)
    assert story.contributions is not None
    assert story.contributions.voters.height == 6
    assert story.contributions.p_label == pytest.approx(
        dict(found.labels.select("item_id", "p_label").iter_rows())["scene-03"], abs=1e-3
    )


def test_crowdlab_needs_a_models_probabilities(scenes: Store) -> None:
    with pytest.raises(BadRequest, match="touchstone predictions"):
        score.score(scenes, project_id=P, by=stores.LENA, options=score.ScoreOptions(method="crowdlab"))


def test_figures_of_sets_count_by_how_much_they_overlap(scenes: Store) -> None:
    run = scenes.read("flag_run", project_id=P)["run_id"][0]
    overall = {row["key"]: row for row in measured(scenes, run, "").iter_rows(named=True)}
    assert 0.3 < overall["krippendorff_alpha"]["value"] < 0.9
    assert overall["krippendorff_alpha_jaccard"]["value"] > overall["krippendorff_alpha"]["value"]
    assert overall["set_overlap"]["value"] > overall["percent_agreement"]["value"]
    assert overall["fleiss_kappa"]["value"] is None
    assert "sets overlap" in overall["fleiss_kappa"]["undefined"]
    members = measured(scenes, run, "label").filter(pl.col("key") == "label_alpha")
    assert set(members["group_id"]) == set(CHOICES)
    people = measured(scenes, run, "annotator").filter(pl.col("key") == "overlap_with_others").sort("value")
    assert people["group_id"][0] == "a5"  # the one who guesses more
    groups = measured(scenes, run, "attribute").filter(pl.col("key") == "krippendorff_alpha_of")
    assert groups.height == 2
    assert groups["value"].null_count() == 0


def test_a_second_file_may_bring_new_sets_but_no_new_members(scenes: Store, tmp_path: Path) -> None:
    before = labels_of(scenes)
    new = [{"item": "scene-99", "annotator": "a0", "label": ["tree", "car", "dog", "car"], "place": "city"}]
    bring(scenes, write_jsonl(tmp_path / "more.jsonl", new), level=None)
    assert labels_of(scenes).version == before.version
    strange = [{"item": "scene-98", "annotator": "a0", "label": ["car", "cow"], "place": "city"}]
    summary = bring(scenes, write_jsonl(tmp_path / "strange.jsonl", strange))
    assert summary.refused
    assert "--extend-labels" in summary.rejected["reason"][0]
    grown = bring(scenes, write_jsonl(tmp_path / "strange.jsonl", strange), extend_labels=True)
    assert grown.imported == 1
    after = labels_of(scenes)
    assert after.version == before.version + 1
    assert after.choices == (*CHOICES, "cow")
    assert [after.label(code) for code in before.codes] == list(before.labels)


def test_the_read_side_made_anew_from_the_journal_is_the_same(scenes: Store, tmp_path: Path) -> None:
    before = labels_of(scenes)
    with made_anew(scenes, tmp_path) as again:
        assert labels_of(again) == before


def test_cells_may_be_lists_or_parted_by_a_separator(tmp_path: Path) -> None:
    csv = tmp_path / "cells.csv"
    csv.write_text(
        'item,annotator,label\n1,a,car; dog\n1,b,"[""dog"", ""car""]"\n2,a,tree\n2,b,[]\n', "utf-8"
    )
    with stores.empty_store(tmp_path / "store") as store:
        ingest.import_file(
            store, path=csv, project_id=P, by=stores.LENA,
            options=ingest.ImportOptions(separator=";"), request=ingest.ImportRequest(level="set"),
        )  # fmt: skip
        known = labels_of(store)
        votes = store.read("score_votes", project_id=P).sort("item_code", "annotator_code")
        assert [known.label(code) for code in votes["label_code"]] == [
            "car + dog",
            "car + dog",
            "tree",
            "(none)",
        ]
        with pytest.raises(BadRequest, match="--level set"):
            ingest.import_file(
                store, path=csv, project_id="other", by=stores.LENA,
                options=ingest.ImportOptions(separator=";"),
            )  # fmt: skip


def test_parquet_lists_and_bad_cells(tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    pl.DataFrame(
        {
            "item": ["1", "1", "2", "2"],
            "annotator": ["a", "b", "a", "b"],
            "label": [["x"], ["x", "y"], [], None],
        }
    ).write_parquet(path)
    bad = tmp_path / "bad.jsonl"
    bad.write_text(
        '{"item": 1, "annotator": "a", "label": [["x"]]}\n{"item": 1, "annotator": "b", "label": "x"}\n'
    )
    with stores.empty_store(tmp_path / "store") as store:
        summary = bring(store, path)
        assert summary.refused
        assert summary.rejected.rows() == [(4, "no label (column 'label' is empty)")]
        assert bring(store, path, skip_bad_rows=True).imported == 3
        summary = ingest.import_file(
            store, path=bad, project_id="b", by=stores.LENA, request=ingest.ImportRequest(level="set")
        )
        assert summary.rejected["row"].to_list() == [1]
        assert "no label" in summary.rejected["reason"][0]
        numbers = tmp_path / "numbers.parquet"
        pl.DataFrame({"item": ["1"], "annotator": ["a"], "label": [[1.5]]}).write_parquet(numbers)
        with pytest.raises(ImportRejected, match="list of texts"):
            bring(store, numbers)


def test_several_choices_of_label_studio_are_a_set(tmp_path: Path) -> None:
    def said(person: int, choices: list[str]) -> dict[str, object]:
        result = [{"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": choices}}]
        return {"id": person, "completed_by": person, "result": result, "lead_time": 2.0}

    tasks = [
        {"id": 1, "data": {"text": "a"}, "annotations": [said(1, ["dog", "car"]), said(2, ["car"])]},
        {"id": 2, "data": {"text": "b"}, "annotations": [said(3, ["tree"])]},
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks), "utf-8")
    with stores.empty_store(tmp_path / "store") as store:
        assert bring(store, path).imported == 3
        assert set(labels_of(store).labels) == {"car", "dog", "tree", "car + dog"}
        single = ingest.import_file(store, path=path, project_id="single", by=stores.LENA)
        assert single.refused
        assert "--level set" in single.rejected["reason"][0]


def test_a_set_that_is_written_otherwise_is_refused_and_not_lost(tmp_path: Path) -> None:
    parsed = stores.parsed_crowd(n_items=4)
    written = parsed.annotations.with_columns(
        label=pl.col("label") + " + wings"
    )  # importers write JSON lists
    request = ingest.ImportRequest(labels=(*stores.LABELS, "wings"), level="set", title="Pets")
    with stores.empty_store(tmp_path / "store") as store:
        with pytest.raises(
            BadRequest, match=f"{written.height} annotations have a label that is not written"
        ):
            ingest.import_parsed(
                store,
                parsed=replace(parsed, annotations=written),
                project_id=stores.PROJECT,
                by=stores.LENA,
                request=request,
            )
        assert store.read("project_list").is_empty()


def test_names_that_could_not_be_read_back_are_refused(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"item": 1, "annotator": "a", "label": ["a + b"], "place": "x"}]
    with stores.empty_store(tmp_path / "store") as store, pytest.raises(BadRequest, match=r"a \+ b"):
        bring(store, write_jsonl(tmp_path / "x.jsonl", rows))


def test_a_level_is_not_corrected_to_or_from_sets(scenes: Store) -> None:
    with pytest.raises(BadRequest, match="another project"):
        correct_level(scenes, project_id=P, by=stores.LENA, level="nominal")


def test_a_press_puts_a_member_in_and_takes_it_out() -> None:
    known = extended(None, CHOICES, "set")
    assert toggled(known, None, "dog") == "dog"
    assert toggled(known, "dog", "car") == "car + dog"
    assert toggled(known, "car + dog", "dog") == "car"
    assert toggled(known, "car", "car") == "(none)"
    assert toggled(known, "(none)", "tree") == "tree"
    assert toggled(known, "car + dog", "(none)") == "(none)"


def test_a_set_is_the_same_in_any_order_and_spelling() -> None:
    known = with_sets(extended(None, CHOICES, "set"), [(0, 2)])
    for label in ("tree + car", "car + tree", '["tree", "car", "car"]'):
        assert coded(known, label) == (known, 3)
    grown, code = coded(known, "dog + tree")
    assert (grown.label(code), grown.json_of(code)) == ("dog + tree", '["dog","tree"]')
    with pytest.raises(BadRequest, match="cow"):
        coded(known, "car + cow")
