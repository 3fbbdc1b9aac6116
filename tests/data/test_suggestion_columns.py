"""Files that say whether a suggestion was shown: what comes in, what is refused, and the pull that is measured from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from dashboard.workflows import ingest, suggestions
from dashboard.workflows.ingest import ImportOptions, ImportRequest, ImportSummary
from dashboard.workflows.opening import Store
from data.importers.shown import clean_shown
from tests import stores
from tests.cli_shell import Shell
from tests.data.bringing import bring


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with stores.empty_store(tmp_path / "store") as found:
        yield found


def table(
    folder: Path, lines: Sequence[str], head: str = "item,annotator,label,suggestion,suggestion_shown"
) -> Path:
    path = folder / "answers.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def kept(store: Store) -> list[tuple[object, ...]]:
    """(item_code, annotator_code, suggestion_code, is_shown, source) of every suggestion that counts."""
    rows = store.read("bias_suggestions", project_id="p", as_of=store.head)
    return rows.select("item_code", "annotator_code", "suggestion_code", "is_shown", "source").rows()


def independent(store: Store) -> dict[tuple[object, object], bool]:
    cursor = store._database.connection.cursor()
    rows = cursor.execute(
        "SELECT item_id, annotator_id, independent, asserted FROM annotation "
        "JOIN item USING (project_id, item_code) JOIN annotator USING (annotator_code)"
    ).fetchall()
    assert all(row[3] for row in rows)
    return {(row[0], row[1]): row[2] for row in sorted(rows)}


def test_a_shown_suggestion_makes_a_label_dependent_and_a_hidden_one_does_not(
    store: Store, tmp_path: Path
) -> None:
    path = table(tmp_path, ["i1,ann,cat,cat,yes", "i1,ben,dog,cat,no", "i2,ann,dog,,", "i2,ben,dog,,yes"])
    summary = bring(store, path)
    assert summary.imported == 4
    assert (summary.suggestions_shown, summary.suggestions_hidden) == (2, 1)
    assert independent(store) == {
        ("i1", "ann"): False,
        ("i1", "ben"): True,
        ("i2", "ann"): True,
        ("i2", "ben"): False,
    }
    assert kept(store) == [(0, 0, 0, True, "asserted"), (0, 1, 0, False, "asserted")]
    assert (
        store.read("score_votes", project_id="p", as_of=store.head).height == 2
    )  # only the independent ones
    again = bring(store, path)
    assert (again.imported, again.duplicates, again.suggestions_shown) == (0, 4, 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("i2,ben,dog,fish,yes", "suggestion 'fish' is not in the label set (cat, dog)"),
        ("i2,ben,dog,cat,maybe", "suggestion_shown is neither yes nor no: 'maybe'"),
        ("i2,ben,dog,cat, ", "it is not said whether the suggestion was shown: 'cat'"),
        ("i2,ben,dog,cat,", "it is not said whether the suggestion was shown: 'cat'"),
    ],
)
def test_what_cannot_be_taken_is_listed_with_its_row_and_reason(
    store: Store, tmp_path: Path, line: str, reason: str
) -> None:
    path = table(tmp_path, ["i1,ann,cat,cat,yes", "i1,ben,dog,cat,no", line])
    summary = bring(store, path, request=ImportRequest(labels=("cat", "dog")))
    assert summary.refused
    assert summary.rejected["row"].to_list() == [3]
    assert summary.rejected["reason"][0].count(": '") <= 1  # one objection, not two to the same cell
    assert reason in summary.rejected["reason"][0]
    some = bring(store, path, request=ImportRequest(labels=("cat", "dog"), skip_bad_rows=True))
    assert (some.imported, some.suggestions_shown, some.suggestions_hidden) == (2, 1, 1)
    assert len(kept(store)) == 2


def test_a_suggestion_nobody_gave_is_a_label_of_a_new_project(store: Store, tmp_path: Path) -> None:
    assert bring(store, table(tmp_path, ["i1,ann,cat,fish,no"])).labels == ("cat", "fish")


def test_without_a_column_that_says_so_every_suggestion_was_shown(store: Store, tmp_path: Path) -> None:
    path = table(tmp_path, ["i1,ann,1.0,2,", "i1,ben,2,,"], head="item,annotator,label,proposal,x")
    seen = ingest.preview_file(path, by=stores.LENA)
    assert "suggestion" not in seen.mapping
    bring(store, path, options=ImportOptions(mapping={"suggestion": "proposal"}))
    assert independent(store) == {("i1", "ann"): False, ("i1", "ben"): True}
    assert kept(store) == [(0, 0, 1, True, "asserted")]  # 1.0 and 1 are one label in all three columns


def test_a_column_of_suggestions_alone_is_not_guessed(store: Store, tmp_path: Path) -> None:
    path = table(tmp_path, ["i1,ann,cat,dog"], head="item,annotator,label,suggestion")
    seen = ingest.preview_file(path, by=stores.LENA)
    assert "suggestion" not in seen.mapping
    assert any("--map suggestion=suggestion" in said for said in seen.guessed)
    bring(store, path)
    assert independent(store) == {("i1", "ann"): True}
    assert kept(store) == []


def test_of_several_annotations_of_a_person_the_first_row_counts_and_nothing_is_drawn_from_it(
    store: Store, tmp_path: Path
) -> None:
    bring(store, table(tmp_path, ["i1,ann,cat,cat,no", "i1,ann,cat,dog,yes", "i1,ben,dog,,"]))
    assert kept(store) == [(0, 0, 0, False, "asserted")]
    assert suggestions.drawn(store, "p", 0, 0) is None  # the desk shows only what the store drew


def test_sets_may_be_suggested(store: Store, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {
            "item": "1",
            "annotator": "a",
            "label": ["cat"],
            "suggestion": ["dog", "cat"],
            "suggestion_shown": True,
        },
        {
            "item": "1",
            "annotator": "b",
            "label": ["dog"],
            "suggestion": ["dog", "cat"],
            "suggestion_shown": False,
        },
    ]
    path = tmp_path / "sets.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    summary = bring(store, path, request=ImportRequest(level="set"))
    assert summary.imported == 2
    assert [row[3] for row in kept(store)] == [True, False]


def test_what_people_write_for_yes_and_no() -> None:
    given = pl.Series(
        "x", ["Yes", "TRUE", "1", " shown ", "no", "False", "0", "hidden", "", "n/a", None, "2"]
    )
    read = clean_shown(given, "x")
    assert read.values.to_list() == [True] * 4 + [False] * 4 + [None] * 4
    assert read.bad.null_count() == 11
    assert clean_shown(pl.Series([1.0, 0.0, None]), "x").values.to_list() == [True, False, None]


# --- Label Studio ------------------------------------------------------------------------------------------------------


def _chosen(label: str) -> list[dict[str, object]]:
    return [{"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": [label]}}]


def export(folder: Path, *, shown: Sequence[str] = ("", "", "")) -> Path:
    """Three tasks with a prediction each; only the first annotation was begun from it."""
    tasks = []
    for place, begun in enumerate((10, None, None)):
        told = {"id": 1, "completed_by": 7, "result": _chosen("cat"), "parent_prediction": begun}
        tasks.append(
            {
                "id": place, "data": {"text": f"t{place}", "shown": shown[place]}, "annotations": [told],
                "predictions": [{"id": 10 + place, "model_version": "m", "result": _chosen("dog")}],
            }
        )  # fmt: skip
    path = folder / "export.json"
    path.write_text(json.dumps(tasks))
    return path


def test_label_studio_says_what_an_annotation_was_begun_from_and_nothing_is_taken_as_hidden(
    store: Store, tmp_path: Path
) -> None:
    summary = bring(store, export(tmp_path))
    assert (summary.suggestions_shown, summary.suggestions_hidden) == (1, 0)
    assert kept(store) == [(0, 0, 1, True, "asserted")]
    assert list(independent(store).values()) == [False, True, True]


def test_a_field_of_label_studios_data_says_what_was_shown(store: Store, tmp_path: Path) -> None:
    options = ImportOptions(mapping={"suggestion_shown": "data.shown"})
    bring(store, export(tmp_path, shown=("yes", "no", "yes")), options=options)
    assert [row[3] for row in kept(store)] == [True, False, True]
    assert list(independent(store).values()) == [False, True, False]


def test_label_studio_that_contradicts_itself_is_refused(store: Store, tmp_path: Path) -> None:
    options = ImportOptions(mapping={"suggestion_shown": "data.shown"})
    summary = bring(store, export(tmp_path, shown=("no", "no", "no")), options=options)
    assert summary.refused
    assert summary.rejected["row"].to_list() == [1]
    assert "begun from a prediction" in summary.rejected["reason"][0]


# --- from the file to the pull ------------------------------------------------------------------------------------------


def answers(folder: Path, *, hidden: float, seed: int = 4) -> Path:
    """Six people of 60 items each: who is shown a suggestion takes it over 4 times in 10, else everybody tosses a coin."""
    rng = np.random.default_rng(seed)
    lines = []
    for person in range(6):
        for item in range(100):
            suggestion, is_shown = rng.integers(2), rng.random() >= hidden
            own = rng.integers(2)
            said = suggestion if is_shown and rng.random() < 0.4 else own
            lines.append(
                f"i{item},a{person},{['no', 'yes'][said]},{['no', 'yes'][suggestion]},{int(is_shown)}"
            )
    return table(folder, lines, head="item,annotator,label,prelabel,was_shown")


def measured(folder: Path, *, hidden: float) -> dict[str, Any]:
    shell = Shell(folder)
    path = answers(folder, hidden=hidden)
    brought = shell("import", path.name, "--map", "suggestion=prelabel,suggestion_shown=was_shown", "--json")
    assert brought.code == 0, brought.err
    said = json.loads(brought.out)
    assert said["suggestions"]["shown"] + said["suggestions"]["hidden"] == said["imported"] == 600
    told = shell("bias-effects", "--json", "--replicates", "100", "--permutations", "99")
    assert told.code == 0, told.err
    document: dict[str, Any] = json.loads(told.out)
    return document


def test_a_planted_pull_is_found_from_imported_answers(tmp_path: Path) -> None:
    found = measured(tmp_path, hidden=0.5)
    every = found["pulls"][0]["every"]
    assert every["low"] < 0.2 < every["high"]  # 0.4 take it over, half of whom would have said the same
    assert every["low"] > 0
    assert found["pulls"][0]["asserted"] == 600
    assert "agree with a suggestion" in found["sentence"]
    assert "only if that was drawn by chance" in found["detail"]


def test_where_everybody_saw_all_of_them_there_is_no_pull(tmp_path: Path) -> None:
    found = measured(tmp_path, hidden=0.0)
    assert found["pulls"][0]["every"]["value"] is None
    assert "nothing was randomised" in found["pulls"][0]["every"]["undefined"]
    assert "agree with a suggestion" not in found["sentence"]


def test_the_preview_names_the_columns(tmp_path: Path) -> None:
    seen = ingest.preview_file(table(tmp_path, ["i1,ann,cat,cat,yes"]), by=stores.LENA)
    assert seen.mapping["suggestion"] == "suggestion"
    assert seen.mapping["suggestion_shown"] == "suggestion_shown"


def test_a_summary_counts_nothing_where_the_file_says_nothing(store: Store, tmp_path: Path) -> None:
    summary: ImportSummary = bring(store, table(tmp_path, ["i1,ann,cat"], head="item,annotator,label"))
    assert (summary.suggestions_shown, summary.suggestions_hidden) == (0, 0)
