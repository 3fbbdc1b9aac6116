"""What programs write that keep what a model gave as it is: lists in JSON and arrays, with the ids in a file beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from data.errors import ImportRejected
from data.importers import ImportOptions, ParsedProbabilities, parse_probabilities_isolated
from data.importers.parsed import ParsedContent
from data.importers.reading import parse_content, parse_probabilities

LABELS = ("bird", "cat", "dog")
TABLE = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]


def scored(row: Sequence[float]) -> list[dict[str, Any]]:
    """A row as classifiers give it that are asked for all labels: the likeliest first."""
    pairs = sorted(zip(row, LABELS, strict=True), reverse=True)
    return [{"label": label, "score": score} for score, label in pairs]


SCORED = [scored(row) for row in TABLE]
WITH_ITEMS = [{"item": item, "scores": row} for item, row in zip(("i1", "i2"), SCORED, strict=True)]


@pytest.fixture
def ids(tmp_path: Path) -> str:
    path = tmp_path / "ids.csv"
    path.write_text("item,text\ni1,one\ni2,two\n", "utf-8")
    return str(path)


def parsed(folder: Path, text: str, name: str = "given.json", **options: Any) -> ParsedProbabilities:
    path = folder / name
    path.write_text(text, "utf-8")
    return parse_probabilities(path, labels=LABELS, options=ImportOptions(**options))


def taken(found: ParsedProbabilities) -> dict[str, list[float]]:
    return dict(found.probabilities.drop("row").iter_rows())


EXPECTED = dict(zip(("i1", "i2"), TABLE, strict=True))
LISTS = {
    "one list": json.dumps(SCORED),
    "spread out": json.dumps(SCORED, indent=2),
    "a list a line": "\ufeff" + "\n\n".join(map(json.dumps, SCORED)) + "\n",
    "numbers": json.dumps(TABLE),
}


@pytest.mark.parametrize("form", LISTS)
def test_lists_without_ids_are_taken_in_the_order_of_a_file_of_ids(
    tmp_path: Path, ids: str, form: str
) -> None:
    found = parsed(tmp_path, LISTS[form], ids=ids)
    assert taken(found) == EXPECTED
    assert (found.n_rows, found.rejected.height) == (2, 0)
    assert found.mapping["item"] == f"item of ids.csv (sha256 {sha256(Path(ids).read_bytes()).hexdigest()})"
    assert "The ids were taken from 'item' of ids.csv, in its order." in found.guessed
    with pytest.raises(ImportRejected, match="give the ids in its order with --ids FILE"):
        parsed(tmp_path, LISTS[form])


@pytest.mark.parametrize("indent", [None, 1])
def test_a_list_of_objects_has_ids_of_its_own(tmp_path: Path, ids: str, indent: int | None) -> None:
    text = json.dumps(WITH_ITEMS, indent=indent)
    assert taken(parsed(tmp_path, text)) == EXPECTED
    with pytest.raises(ImportRejected, match="ids of its own in the column 'item'; leave --ids out"):
        parsed(tmp_path, text, ids=ids)


def test_the_child_reads_the_ids_too(tmp_path: Path, ids: str) -> None:
    path = tmp_path / "given.json"
    path.write_text(LISTS["one list"], "utf-8")
    assert (
        taken(parse_probabilities_isolated(path, labels=LABELS, options=ImportOptions(ids=ids))) == EXPECTED
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[{"label": "bi', "no valid JSON"),
        ("[]", "empty list"),
        ("[1, 2]", "no line that is a JSON object"),
        ('{\n"a": 1\n}', "no list"),
        (json.dumps(SCORED[:1]), r"ids.csv has 2 ids .* and given.json has 1 rows"),
    ],
)
def test_what_is_no_list_of_an_entry_an_item_is_refused(
    tmp_path: Path, ids: str, text: str, says: str
) -> None:
    with pytest.raises(ImportRejected, match=says):
        parsed(tmp_path, text, ids=ids)


# --- ids beside a table -----------------------------------------------------------------------------------------------


def test_a_table_without_ids_takes_them_in_order_its_bad_rows_counted(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("anything\na\nb\nc\n", "utf-8")
    found = parsed(tmp_path, "bird,cat,dog\n1,0,0\n0,1\n0,0,1\n", "given.csv", ids=str(path))
    assert taken(found) == {"a": [1, 0, 0], "c": [0, 0, 1]}
    assert found.rejected["row"].to_list() == [2]


def test_members_in_rows_have_an_id_each(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("item\na\nb\na\nb\n", "utf-8")
    text = "sample,bird,cat,dog\n0,1,0,0\n0,0,1,0\n1,1,0,0\n1,0,0,1\n"
    found = parsed(tmp_path, text, "given.csv", ids=str(path))
    assert found.members == ("0", "1")
    assert taken(found) == {"a": [1, 0, 0, 1, 0, 0], "b": [0, 1, 0, 0, 0, 1]}


def test_ids_that_cannot_be_right_are_refused(tmp_path: Path, ids: str) -> None:
    text, path = "bird,cat,dog\n1,0,0\n0,1,0\n", tmp_path / "other.csv"
    with pytest.raises(ImportRejected, match="both say which item is which"):
        parsed(tmp_path, text, "given.csv", ids=ids, mapping={"item": "bird"})
    with pytest.raises(ImportRejected, match=r"other\.csv cannot be read"):
        parsed(tmp_path, text, "given.csv", ids=str(path))
    for given, says in (
        ("x,y\n1,2\n3,4\n", "no column that is plainly the item; it has x, y"),
        ("item,text\ni1\ni2,two\n", "row 1: 1 fields, fewer than .* Every row needs an id"),
        ('[{"item": "i1"}]', "one JSON document"),
    ):
        path.write_text(given, "utf-8")
        with pytest.raises(ImportRejected, match=says):
            parsed(tmp_path, text, "given.csv", ids=str(path))
    # An id that is missing must not move the others up, also where the file has an empty row of its own.
    for given in ("item,text\n,one\ni2,two\n", "item,text\n,one\ni2,two\ni3,three\n", "item\n\ni2\ni3\n"):
        path.write_text(given, "utf-8")
        with pytest.raises(ImportRejected, match="an empty row, or one without an id"):
            parsed(tmp_path, text, "given.csv", ids=str(path))
    path.write_text("item,text\ni1,one\ni1,two\n", "utf-8")
    found = parsed(tmp_path, text, "given.csv", ids=str(path))
    assert found.rejected.rows() == [(2, "item 'i1' stands in row 1 already")]


# --- the order of the labels ------------------------------------------------------------------------------------------


def test_columns_by_place_follow_the_given_order(tmp_path: Path) -> None:
    text = "item,p0,p1,p2\ni1,0.7,0.2,0.1\n"
    found = parsed(tmp_path, text, "given.csv", label_order=("dog", "bird", "cat"))
    assert taken(found) == {"i1": [0.2, 0.1, 0.7]}
    assert "in the given order: p0 = dog, p1 = bird, p2 = cat" in found.guessed[0]
    with pytest.raises(ImportRejected, match="has the column p3, but the label set has 3"):
        parsed(tmp_path, "item,p0,p1,p2,p3\ni1,1,0,0,0\n", "given.csv", label_order=("dog", "bird", "cat"))


# --- embeddings -------------------------------------------------------------------------------------------------------

VECTORS = np.array([[0.5, -1.0], [2.0, 0.25]], dtype=np.float32)


def embedded(path: Path, **options: Any) -> ParsedContent:
    return parse_content(path, content="embeddings", options=ImportOptions(**options))


@pytest.mark.parametrize("form", ["given.npy", "given.json", "given.csv", "given.parquet"])
def test_embeddings_take_ids_from_a_file_too(tmp_path: Path, ids: str, form: str) -> None:
    path, wide = tmp_path / form, pl.DataFrame({"e0": VECTORS[:, 0], "e1": VECTORS[:, 1]})
    if form == "given.npy":
        np.save(path, VECTORS)
    elif form == "given.json":
        path.write_text(json.dumps(VECTORS.tolist()), "utf-8")
    else:
        wide.write_csv(path) if form == "given.csv" else wide.write_parquet(path)
    found = embedded(path, ids=ids)
    assert dict(found.contents.drop("row").iter_rows()) == {"i1": [0.5, -1.0], "i2": [2.0, 0.25]}
    with pytest.raises(ImportRejected, match="with --ids FILE"):
        embedded(path)


def test_arrays_that_are_no_embeddings_are_refused(tmp_path: Path, ids: str) -> None:
    path = tmp_path / "given.npy"
    given: list[tuple[NDArray[np.generic], str]] = [
        (np.ones((3, 2)), "has 3 rows; each row needs its id"),
        (np.ones(2), "of shape"),
        (np.array(1.0), "has 0 rows"),
        (np.array(["a", "b"]), "of shape"),
        (np.array([{}, {}], dtype=object), "no plain array of numbers"),
    ]
    for array, says in given:
        np.save(path, array, allow_pickle=True)
        with pytest.raises(ImportRejected, match=says):
            embedded(path, ids=ids)
    np.save(path, VECTORS)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ImportRejected, match="no plain array of numbers"):
        embedded(path, ids=ids)


def test_archives_may_have_ids_as_bytes_and_no_others(tmp_path: Path, ids: str) -> None:
    path = tmp_path / "given.npz"
    np.savez(path, ids=np.array(["é".encode(), b"x"]), embeddings=VECTORS)
    assert embedded(path).contents["item_id"].to_list() == ["é", "x"]
    with pytest.raises(ImportRejected, match="ids of its own; leave --ids out"):
        embedded(path, ids=ids)
    np.savez(path, ids=np.array([b"\xff", b"x"]), embeddings=VECTORS)
    with pytest.raises(ImportRejected, match="no archive of plain arrays"):
        embedded(path)
