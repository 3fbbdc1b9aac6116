"""Tables of annotators: a row a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import ImportRejected
from data.importers import ImportOptions
from data.importers.reading import parse_content

TABLE = "worker_id,site,age\na0,north,31\na1,south,\nzed,north,40\n"


def written(folder: Path, text: str, name: str = "people.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_a_person_with_what_is_known(tmp_path: Path) -> None:
    parsed = parse_content(written(tmp_path, TABLE), content="people")
    assert parsed.tags == ("site", "age")
    assert parsed.contents["annotator_id"].to_list() == ["a0", "a1", "zed"]
    assert parsed.contents["attributes"][0] == '{"age":"31","site":"north"}'
    assert parsed.mapping == {"annotator": "worker_id"}


def test_only_the_columns_that_were_named_are_read(tmp_path: Path) -> None:
    options = ImportOptions(annotator_attributes=("Site",))
    parsed = parse_content(written(tmp_path, TABLE), content="people", options=options)
    assert parsed.contents["attributes"].to_list() == [
        '{"site":"north"}',
        '{"site":"south"}',
        '{"site":"north"}',
    ]
    assert "Not used: age." in parsed.guessed


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("who,site\na0,north\n", ImportOptions(), "plainly the annotator"),
        ("annotator\na0\n", ImportOptions(), "no column about annotators"),
        (TABLE, ImportOptions(annotator_attributes=("shoes",)), "no column 'shoes'"),
        (TABLE, ImportOptions(mapping={"annotator": "person"}), "no column 'person'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_columns(
    tmp_path: Path, text: str, options: ImportOptions, said: str
) -> None:
    with pytest.raises(ImportRejected, match=said):
        parse_content(written(tmp_path, text), content="people", options=options)


def test_a_person_in_two_rows_is_refused_and_an_empty_id_too(tmp_path: Path) -> None:
    parsed = parse_content(written(tmp_path, "annotator,site\na0,north\na0,south\n,west\n"), content="people")
    assert parsed.rejected["row"].to_list() == [2, 3]
    assert "stands in row 1 already" in parsed.rejected["reason"][0]
