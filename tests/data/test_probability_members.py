"""Several members an item: which column tells them apart, and one list of lists an item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import softmax

from data.errors import ImportRejected
from data.importers import ImportOptions, ParsedProbabilities
from data.importers.reading import parse_probabilities

LABELS = ("bird", "cat", "dog")


def parsed(path: Path, **options: Any) -> ParsedProbabilities:
    return parse_probabilities(path, labels=LABELS, options=ImportOptions(**options))


def text_of(folder: Path, text: str, name: str = "given.csv", **options: Any) -> ParsedProbabilities:
    path = folder / name
    path.write_text(text, "utf-8")
    return parsed(path, **options)


# --- which column is what ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", ["item", "id", "document_id"])
def test_a_column_called_sample_beside_the_item_tells_members_apart(tmp_path: Path, item: str) -> None:
    found = text_of(tmp_path, f"{item},sample,bird,cat,dog\ni1,0,1,0,0\ni1,1,0,1,0\n")
    assert (found.mapping["item"], found.mapping["member"]) == (item, "sample")
    assert found.members == ("0", "1")
    assert found.probabilities["probabilities"].to_list() == [[1, 0, 0, 0, 1, 0]]


def test_a_column_called_sample_alone_is_the_item(tmp_path: Path) -> None:
    alone = text_of(tmp_path, "sample,bird,cat,dog\ni1,1,0,0\n")
    assert (alone.mapping["item"], alone.members) == ("sample", ())
    beside = text_of(tmp_path, "sample,member,bird,cat,dog\ni1,a,1,0,0\n")
    assert (beside.mapping["item"], beside.mapping["member"]) == ("sample", "member")


# --- rows that cannot be taken ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        ("i1,0,1,2,0\n", ["cat is 2.0, which is not within 0 and 1"]),
        ("i1,0,1,0,0\ni2,1,1,0,0\n", ["'i1' has no row of member '1'", "'i2' has no row of member '0'"]),
    ],
)
def test_a_file_of_bad_rows_alone_says_why_of_each(tmp_path: Path, rows: str, reasons: list[str]) -> None:
    found = text_of(tmp_path, "item,member,bird,cat,dog\n" + rows)
    assert found.probabilities.is_empty()
    assert len(found.rejected) == len(reasons) == found.n_rows
    for (_, said), reason in zip(found.rejected.iter_rows(), reasons, strict=True):
        assert reason in said


# --- one list of lists an item ----------------------------------------------------------------------------------------

NESTED = [[[0.7, 0.2, 0.1], [0.6, 0.3, 0.1]], [[0.1, 0.1, 0.8], [0.0, 0.5, 0.5]]]
FLAT = [[0.7, 0.2, 0.1, 0.6, 0.3, 0.1], [0.1, 0.1, 0.8, 0.0, 0.5, 0.5]]


def nested_file(folder: Path, form: str) -> Path:
    path, frame = folder / form, pl.DataFrame({"item": ["a", "b"], "probabilities": NESTED})
    if form == "lists.parquet":
        frame.write_parquet(path)
    elif form == "fixed.parquet":
        frame.cast({"probabilities": pl.Array(pl.Array(pl.Float32, 3), 2)}).write_parquet(path)
    elif form == "text.csv":
        frame.with_columns(pl.Series("probabilities", list(map(json.dumps, NESTED)))).write_csv(path)
    elif form == "lists.jsonl":
        frame.write_ndjson(path)
    else:
        entry = [
            [[{"label": name, "score": p} for name, p in zip(LABELS, one, strict=True)] for one in row]
            for row in NESTED
        ]
        lines = [json.dumps({"item": item, "scores": row}) for item, row in zip("ab", entry, strict=True)]
        path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize(
    "form", ["lists.parquet", "fixed.parquet", "text.csv", "lists.jsonl", "scores.jsonl"]
)
def test_a_list_for_each_member_in_one_row(tmp_path: Path, form: str) -> None:
    found = parsed(nested_file(tmp_path, form))
    assert (found.members, found.n_rows, found.rejected.height) == (("0", "1"), 2, 0)
    np.testing.assert_allclose(found.probabilities["probabilities"].to_list(), FLAT, atol=1e-7)


def test_lists_of_members_may_be_in_another_order_and_logits(tmp_path: Path) -> None:
    path = tmp_path / "given.jsonl"
    table = [[2.0, -1.0, 0.5], [-3.0, 4.0, 1.0]]
    path.write_text(json.dumps({"item": "a", "logits": table}), "utf-8")
    found = parsed(path, logits=True, label_order=("dog", "bird", "cat"))
    expected = softmax(np.array(table)[:, [1, 2, 0]], axis=1).reshape(-1)
    np.testing.assert_allclose(found.probabilities["probabilities"].to_list(), [expected], atol=1e-12)


def test_a_row_of_members_is_told_once_with_the_member_that_is_wrong(tmp_path: Path) -> None:
    good = [[1, 0, 0], [0, 1, 0]]
    bad: list[tuple[object, str]] = [
        ([[1, 0, 0], [0.5, 0.5, 0.5]], "member '1': the probabilities sum to 1.5, not to 1"),
        ([[2, 0, 0], [3, 0, 0]], "member '0': probabilities, number 1 is 2.0, which is not within 0 and 1"),
        ([[1, 0], [0, 1, 0]], "member '0': probabilities holds 2 probabilities, not the 3 of the label set"),
        ([[1, 0, 0]], "probabilities has 1 members, most others have 2"),
        ([[1, 0, 0], None], "member '1': probabilities is empty"),
        ([], "probabilities is no list of lists, one for each member"),
        (None, "probabilities is no list of lists, one for each member"),
        ([1, 0, 0], "probabilities has 3 members, most others have 2"),
        ([[1, 0, 0], [0, "x", 0]], "no probability of 'cat' (probabilities, number 2 is not a number)"),
    ]
    rows = [
        ("i0", good),
        ("i1", good),
        *((f"b{place}", given) for place, (given, _) in enumerate(bad)),
        ("i0", good),
    ]
    path = tmp_path / "given.jsonl"
    path.write_text(
        "\n".join(json.dumps({"item": item, "probabilities": row}) for item, row in rows), "utf-8"
    )
    found = parsed(path)
    assert found.probabilities["item_id"].to_list() == ["i0", "i1"]
    assert found.n_rows == len(rows)
    reasons = dict(found.rejected.rows())
    assert list(reasons) == list(range(3, 3 + len(bad) + 1))
    for row, (_, reason) in enumerate(bad, 3):
        assert reason in reasons[row]
    assert reasons[3 + len(bad)] == "item 'i0' of member '0' stands in row 1 already"


def test_members_in_rows_and_in_lists_at_once_are_refused(tmp_path: Path) -> None:
    line = json.dumps({"item": "a", "member": 0, "probabilities": NESTED[0]})
    with pytest.raises(ImportRejected, match="give one or the other"):
        text_of(tmp_path, line, "given.jsonl")
