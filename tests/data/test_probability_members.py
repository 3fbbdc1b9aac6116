"""Several members an item: which column tells them apart, and one list of lists an item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
