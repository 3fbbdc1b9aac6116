"""Files of a model's probabilities: every form in which people have them, and every way in which a row can be wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from data.errors import ImportRejected
from data.importers import ImportOptions, ParsedProbabilities, parse_probabilities_isolated
from data.importers.reading import parse_probabilities

LABELS = ("bird", "cat", "dog")
ROWS = {"i1": (0.7, 0.2, 0.1), "i2": (0.25, 0.25, 0.5), "i3": (0.0, 1.0, 0.0)}


def frame(*names: str) -> pl.DataFrame:
    """The rows with a column for each label, called as given."""
    columns = zip(names, zip(*ROWS.values(), strict=True), strict=True)
    return pl.DataFrame({"item": list(ROWS), **dict(columns)})


def lists() -> pl.DataFrame:
    return pl.DataFrame({"item": list(ROWS), "probs": [list(row) for row in ROWS.values()]})


def parsed(path: Path, mapping: Mapping[str, str] | None = None) -> ParsedProbabilities:
    return parse_probabilities(path, labels=LABELS, options=ImportOptions(mapping=mapping or {}))


def text_of(folder: Path, text: str, mapping: Mapping[str, str] | None = None) -> ParsedProbabilities:
    path = folder / "given.csv"
    path.write_text(text)
    return parsed(path, mapping)


def taken(found: ParsedProbabilities) -> dict[str, tuple[float, ...]]:
    return {item: tuple(values) for item, values in found.probabilities.drop("row").iter_rows()}


FORMS: Mapping[str, bytes] = {
    "named.csv": frame(*LABELS).write_csv().encode(),
    "prefixed.csv": frame(*(f"p_{label}" for label in LABELS)).write_csv().encode(),
    "places.tsv": frame("p0", "p1", "p2").write_csv(separator="\t").encode(),
    "excel.csv": frame(*LABELS).write_csv(separator=";").replace(".", ",").encode("utf-8-sig"),
    "named.jsonl": frame(*LABELS).write_ndjson().encode(),
    "lists.jsonl.gz": gzip.compress(lists().write_ndjson().encode()),
    "lists.csv": pl.DataFrame(
        {"item": list(ROWS), "probs": [json.dumps(row) for row in ROWS.values()]}
    ).write_csv().encode(),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_probabilities(tmp_path: Path, form: str) -> None:
    path = tmp_path / form
    path.write_bytes(FORMS[form])
    found = parsed(path)
    assert taken(found) == ROWS
    assert found.rejected.is_empty()
    assert len(found.guessed) >= 1  # which columns were taken is always said


def test_parquet_with_columns_or_lists_and_single_precision(tmp_path: Path) -> None:
    path = tmp_path / "given.parquet"
    for given in (frame(*LABELS), lists(), lists().cast({"probs": pl.Array(pl.Float64, 3)})):
        given.write_parquet(path)
        assert taken(parsed(path)) == ROWS
    frame(*LABELS).cast(dict.fromkeys(LABELS, pl.Float32)).write_parquet(path)
    for item, values in taken(parsed(path)).items():
        assert values == pytest.approx(ROWS[item], abs=1e-7)


def test_the_child_gives_what_this_process_gives(tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    path.write_bytes(FORMS["named.csv"] + b"i4,1,1,1\n")
    apart = parse_probabilities_isolated(path, labels=LABELS)
    here = parsed(path)
    assert apart.probabilities.equals(here.probabilities)
    assert apart.rejected.equals(here.rejected)
    assert (apart.mapping, apart.guessed, apart.n_rows) == (here.mapping, here.guessed, 4)


# --- which column is what ---------------------------------------------------------------------------------------------


def test_the_order_that_places_were_taken_in_is_said(tmp_path: Path) -> None:
    found = text_of(tmp_path, "item,p0,p1,p2\ni1,1,0,0\n")
    assert "p0 = bird, p1 = cat, p2 = dog" in found.guessed[0]
    assert found.mapping == {"item": "item", "bird": "p0", "cat": "p1", "dog": "p2"}


def test_columns_can_be_named(tmp_path: Path) -> None:
    mapping = {"item": "key", "cat": "x", "p_dog": "y", "bird": "z"}
    found = text_of(tmp_path, "key,x,y,z,other\ni1,0.5,0.3,0.2,7\n", mapping)
    assert taken(found) == {"i1": (0.2, 0.5, 0.3)}
    assert found.guessed[-1] == "Not used: other."


def test_a_column_of_ids_is_the_item_and_a_label_never_is(tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    path.write_text("id,question,answer\ni1,0.25,0.75\n")
    found = parse_probabilities(path, labels=("question", "answer"))
    assert found.mapping == {"item": "id", "question": "question", "answer": "answer"}


@pytest.mark.parametrize(
    ("text", "mapping", "said"),
    [
        ("item,cat,dog\ni1,0.5,0.5\n", {}, "no column for 1 of the 3 labels: 'bird'"),
        ("item,score\ni1,0.5\n", {}, "no column for 3 of the 3 labels"),
        ("thing,bird,cat,dog\ni1,1,0,0\n", {}, "--map item=COLUMN"),
        ("item,p0,p1,p2,p3\ni1,1,0,0,0\n", {}, "has the column p3, but the label set has 3"),
        ("item,bird,cat,dog\ni1,1,0,0\n", {"fish": "dog"}, "no role 'fish'"),
        ("item,bird,cat,dog\ni1,1,0,0\n", {"dog": "hound"}, "no column 'hound'"),
        ("item,bird,cat,dog\n", {}, "holds no rows"),
        ('[{"item": "i1"}]', {}, "no column for 3 of the 3 labels"),
        ('{\n "item": "i1"\n}', {}, "one JSON document, and no list"),
        ("item,e0,e1\ni1,1,2\n", {}, "import them with --embeddings"),
    ],
)  # fmt: skip
def test_a_file_without_the_columns_is_refused_whole(
    tmp_path: Path, text: str, mapping: Mapping[str, str], said: str
) -> None:
    with pytest.raises(ImportRejected, match=said):
        text_of(tmp_path, text, mapping)


# --- bad rows ---------------------------------------------------------------------------------------------------------

BAD = {
    "i2,0.5,0.5,0.5": "sum to 1.5, not to 1",
    "i2,0.5,0.6,-0.1": "dog is -0.1, which is not within 0 and 1",
    "i2,1.2,0,0": "bird is 1.2, which is not within",
    "i2,0.5,half,0": "cat is not a number: 'half'",
    "i2,0.5,,0.5": "no probability of 'cat' (cat is empty)",
    "i2,nan,0.5,0.5": "bird is not a number: 'nan'",
    ",0.2,0.3,0.5": "no item",
    "i1,0.2,0.3,0.5": "item 'i1' stands in row 1 already",
    "i2,0.2,0.3": "3 fields, fewer than",
    "i2,0.5,0.497,0": "sum to 0.997, not to 1",
}


@pytest.mark.parametrize("row", BAD)
def test_a_bad_row_is_named_with_its_reason_and_the_others_are_read(tmp_path: Path, row: str) -> None:
    found = text_of(tmp_path, f"item,bird,cat,dog\ni1,1,0,0\n{row}\ni3,0,0.9995,0\n")
    assert list(taken(found)) == ["i1", "i3"]  # 0.9995 is near enough to 1
    ((number, reason),) = found.rejected.iter_rows()
    assert number == 2
    assert BAD[row] in reason


def test_a_list_of_another_length_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "given.jsonl"
    path.write_text(
        '{"item": "i1", "probs": [0.5, 0.5]}\n{"item": "i2", "probs": [0, 0, "x"]}\n'
        '{"item": "i3", "probs": [0, 0, 1]}\n{"item": "i4"}\n'
    )
    found = parsed(path)
    assert taken(found) == {"i3": (0, 0, 1)}
    reasons = dict(found.rejected.iter_rows())
    assert reasons[1] == "probs holds 2 probabilities, not the 3 of the label set"
    assert "'dog'" in reasons[2]
    assert reasons[4] == "probs is empty"


def test_what_single_precision_leaves_outside_is_taken_as_0_or_1(tmp_path: Path) -> None:
    found = text_of(tmp_path, "item,bird,cat,dog\ni1,1.0000001,-0.0000001,0\n")
    assert taken(found) == {"i1": (1, 0, 0)}
