"""Tables as they are in the wild, into a store: what comes in, what is refused, and in which words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.workflows import ingest, label_sets
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.ingest import ImportOptions, ImportRequest
from dashboard.workflows.opening import ImportRejected, Store
from dashboard.workflows.rules import Person
from tests import stores
from tests.data.bringing import ROWS, bring, csv_text, stored, write


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with stores.empty_store(tmp_path / "store") as found:
        yield found


@pytest.mark.parametrize(
    "form",
    [
        "plain.csv", "windows.csv", "bom.csv", "excel.csv", "semicolon.csv", "tabs.tsv", "utf16.csv", "old.csv",
        "lines.jsonl", "packed.csv.gz", "packed.jsonl.gz", "table.parquet",
    ],
)  # fmt: skip
def test_every_form_of_a_table_brings_the_same_rows(store: Store, tmp_path: Path, form: str) -> None:
    summary = bring(store, write(tmp_path, form))
    assert (summary.imported, summary.items, summary.annotators) == (4, 2, 2)
    assert summary.rejected.is_empty()
    assert stored(store) == sorted(ROWS)


def test_guessed_columns_are_said_and_can_be_named(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("task,worker,answer,weather\n1,w,yes,rain\n")
    shown = ingest.preview_file(path, by=stores.LENA)
    assert shown.problem is None
    assert shown.mapping == {"item": "task", "annotator": "worker", "label": "answer"}
    assert any("'worker'" in said for said in shown.guessed)
    named = ImportOptions(mapping={"label": "weather"}, item_attributes=("answer",))
    bring(store, path, options=named)
    assert stored(store) == [("1", "w", "rain")]
    assert json.loads(str(store.read("queue_item", project_id="p", item_code=0)["attributes"][0])) == {
        "answer": "yes"
    }


def test_a_table_without_the_columns_says_what_it_has(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("thing,person,verdict\n1,w,yes\n")
    with pytest.raises(ImportRejected, match="it has thing, person, verdict"):
        bring(store, path)


# --- bad rows ---------------------------------------------------------------------------------------------------------

BAD = "item,annotator,label,seconds,at\n"
BAD += "i1,ann,cat,3,2026-01-01\n"  # 1: good
BAD += "i1,,dog,3,2026-01-01\n"  # 2: nobody
BAD += "i2,ann,,3,2026-01-01\n"  # 3: no label
BAD += "i2,ben,dog,soon,2026-01-01\n"  # 4: no time
BAD += "i3,ann,cat,3,the day before\n"  # 5: no date
BAD += "i3,ben,dog,3,2026-01-02,more\n"  # 6: too many fields
BAD += "i4,ann,cat,3,2026-01-03\n"  # 7: good


def test_one_bad_row_and_nothing_is_imported_but_every_bad_row_is_listed(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(BAD)
    head = store.head
    summary = bring(store, path)
    assert summary.refused
    assert summary.imported == 0
    assert store.head == head
    assert summary.rejected["row"].to_list() == [2, 3, 4, 5, 6]
    assert all(len(reason) > 10 for reason in summary.rejected["reason"])
    by_row = dict(summary.rejected.iter_rows())
    assert "annotator" in by_row[2]
    assert "label" in by_row[3]
    assert "soon" in by_row[4]
    assert "the day before" in by_row[5]


def test_the_good_rows_come_in_where_that_was_asked_for(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(BAD)
    summary = bring(store, path, request=ImportRequest(skip_bad_rows=True))
    assert (summary.imported, summary.refused) == (2, False)
    assert summary.rejected.height == 5
    assert stored(store) == [("i1", "ann", "cat"), ("i4", "ann", "cat")]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-03-04", "2026-03-04T00:00:00"),
        ("2026-03-04T10:20:30Z", "2026-03-04T10:20:30"),
        ("2026-03-04 12:20:30+02:00", "2026-03-04T10:20:30"),
        ("31.12.2025 08:00", "2025-12-31T08:00:00"),
        ("12/31/2025 2:05 PM", "2025-12-31T14:05:00"),
        ("1772619630", "2026-03-04T10:20:30"),
        ("46085.5", "2026-03-04T12:00:00"),
    ],
)
def test_times_are_read_as_people_write_them(store: Store, tmp_path: Path, written: str, read: str) -> None:
    path = tmp_path / "times.csv"
    path.write_text(f"item,annotator,label,at\ni1,ann,cat,{written}\ni2,ann,dog,\n")
    bring(store, path)
    first = store.read("score_votes", project_id="p").sort("item_code")["at"].to_list()
    assert first[0].replace(tzinfo=None).isoformat() == read
    assert first[1] is None


def test_a_dry_run_changes_nothing(store: Store, tmp_path: Path) -> None:
    head = store.head
    summary = bring(store, write(tmp_path, "plain.csv"), request=ImportRequest(dry_run=True))
    assert (summary.imported, summary.dry_run, store.head) == (4, True, head)


def test_two_texts_of_one_item_are_a_bad_row(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("item,annotator,label,text\n1,a,x,one\n1,b,x,other\n")
    (row, reason) = bring(store, path).rejected.row(0)
    assert row == 2
    assert "differs from row 1" in reason


# --- again ------------------------------------------------------------------------------------------------------------


def test_the_same_file_again_and_a_longer_one_bring_only_what_is_new(store: Store, tmp_path: Path) -> None:
    first = bring(store, write(tmp_path, "plain.csv"), request_id="r")
    head = store.head
    again = bring(store, write(tmp_path, "windows.csv"))
    assert (again.imported, again.duplicates, store.head) == (0, 4, head)
    retried = bring(store, write(tmp_path, "plain.csv"), request_id="r")
    assert (retried.imported, retried.duplicates) == (first.imported, first.duplicates) == (4, 0)
    longer = tmp_path / "longer.csv"
    longer.write_text(csv_text() + "i3,ann,cat\n")
    assert bring(store, longer).imported == 1
    assert len(stored(store)) == 5


def test_the_same_answer_twice_in_a_file_is_a_repeat_not_a_duplicate(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "repeats.csv"
    path.write_text("item,annotator,label\ni1,ann,cat\ni1,ann,cat\ni1,ben,dog\n")
    assert bring(store, path).imported == 3
    assert bring(store, path).duplicates == 3
    assert len(stored(store)) == 3


# --- levels -----------------------------------------------------------------------------------------------------------


def scale(tmp_path: Path, *labels: str, name: str = "scale.csv") -> Path:
    path = tmp_path / name
    rows = [f"i{number},a{number % 2},{label}" for number, label in enumerate(labels)]
    path.write_text("item,annotator,label\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("level", ["interval", "ratio"])
def test_labels_of_a_scale_are_numbers_in_their_order(store: Store, tmp_path: Path, level: str) -> None:
    summary = bring(store, scale(tmp_path, "10", "-1", "2", "1.5"), request=ImportRequest(level=level))
    assert summary.labels == ("-1", "1.5", "2", "10")
    label_set = label_sets.require_label_set(store, "p")
    assert label_set.values_by_code() == [-1.0, 1.5, 2.0, 10.0]


@pytest.mark.parametrize("level", ["interval", "ratio"])
def test_a_scale_of_words_is_refused(store: Store, tmp_path: Path, level: str) -> None:
    head = store.head
    with pytest.raises(BadRequest, match=f"Level {level} needs numbers as labels; 'low' is none"):
        bring(store, scale(tmp_path, "1", "low"), request=ImportRequest(level=level))
    assert store.head == head


def test_words_in_an_order_are_ranks(store: Store, tmp_path: Path) -> None:
    request = ImportRequest(level="ordinal", labels=("low", "middle", "high"))
    summary = bring(store, scale(tmp_path, "high", "low", "middle"), request=request)
    assert (summary.level, summary.labels) == ("ordinal", ("low", "middle", "high"))
    assert label_sets.require_label_set(store, "p").values_by_code() == [0.0, 1.0, 2.0]


def test_another_level_at_a_second_import_is_refused_and_the_words_say_how_to_correct_it(
    store: Store, tmp_path: Path
) -> None:
    bring(store, scale(tmp_path, "1", "2"), request=ImportRequest(level="ordinal"))
    more = scale(tmp_path, "2", "1", "2", name="more.csv")
    with pytest.raises(BadRequest, match=r"label set is ordinal, not interval. `touchstone level interval`"):
        bring(store, more, request=ImportRequest(level="interval"))
    assert bring(store, more).level == "ordinal", "without a level the project's holds"
    corrected = label_sets.correct_level(store, project_id="p", by=stores.LENA, level="interval")
    assert corrected.level == "interval"
    assert bring(store, more, request=ImportRequest(level="interval")).level == "interval"


def test_a_label_that_is_no_number_does_not_get_into_a_scale_later(store: Store, tmp_path: Path) -> None:
    bring(store, scale(tmp_path, "1", "2"), request=ImportRequest(level="interval"))
    strange = scale(tmp_path, "2", "many", name="strange.csv")
    assert "'many' is not in the label set" in bring(store, strange).rejected["reason"][0]
    with pytest.raises(BadRequest, match="'many' is none"):
        bring(store, strange, request=ImportRequest(extend_labels=True))


@pytest.mark.parametrize("person", [stores.ANNA, stores.RITA])
def test_only_leads_and_administrators_import(store: Store, tmp_path: Path, person: Person) -> None:
    path = write(tmp_path, "plain.csv")
    with pytest.raises(NotAllowed):
        ingest.import_file(store, path=path, project_id="p", by=person)
    with pytest.raises(NotAllowed):
        ingest.preview_file(path, by=person)
