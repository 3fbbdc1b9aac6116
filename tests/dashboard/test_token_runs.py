"""Probabilities of tokens: they come in whole, come back as they were, and what cannot be right is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard.workflows import history
from dashboard.workflows.content_runs import ContentSummary, import_content
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from dashboard.workflows.token_runs import TOKENS, token_runs, tokens
from data.errors import ImportRejected
from tests import rebuilt, stores


def token(start: float, end: float, **probabilities: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "probabilities": probabilities}


LINES = [
    {"item": "item-001", "tokens": [token(0, 1, O=1.0), token(2, 7, O=0.25, ANIMAL=0.75)]},
    {"item": "item-000", "tokens": [token(2, 7, ANIMAL=0.5, O=0.5)]},
]


def bring(
    store: Store, folder: Path, lines: list[Any], run: str = "t", *, skip: bool = False, dry: bool = False
) -> ContentSummary:
    path = folder / "tokens.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return import_content(
        store,
        TOKENS,
        path=path,
        project_id="pets",
        by=stores.LENA,
        model_run=run,
        skip_bad_rows=skip,
        dry_run=dry,
    )


def test_tokens_come_back_as_they_were(pets: Store, tmp_path: Path) -> None:
    head = pets.head
    assert bring(pets, tmp_path, LINES, dry=True).imported == 2
    assert pets.head == head
    summary = bring(pets, tmp_path, LINES)
    assert (summary.imported, summary.n_tokens, summary.tags) == (2, 3, ("ANIMAL", "O"))
    found = tokens(pets, project_id="pets", model_run="t")
    assert found.tags == ("ANIMAL", "O")
    assert found.item_codes.tolist() == [0, 1]
    assert found.offsets.tolist() == [0, 1, 3]
    assert (found.starts.tolist(), found.ends.tolist()) == ([2, 0, 2], [7, 1, 7])
    assert found.probabilities.tolist() == [[0.5, 0.5], [0.0, 1.0], [0.75, 0.25]]
    said = history.events(pets, by=stores.LENA, project_id="pets").rows["words"][0]
    assert said.endswith("imported what t says of 3 tokens of 2 items")
    assert token_runs(pets, project_id="pets", as_of=head).is_empty()


@pytest.mark.parametrize("kind", ["map", "record"])
def test_parquet_says_the_same_as_jsonl(pets: Store, tmp_path: Path, kind: str) -> None:
    bring(pets, tmp_path, LINES)
    numbers = pa.map_(pa.string(), pa.float64())
    if kind == "record":  # a tag that a token does not have is null there
        numbers = pa.struct([("ANIMAL", pa.float64()), ("O", pa.float64())])
    one = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("probabilities", numbers)])
    table = pa.Table.from_pylist(LINES, pa.schema([("item", pa.string()), ("tokens", pa.list_(one))]))
    path = tmp_path / "tokens.parquet"
    pq.write_table(table, path)
    again = import_content(pets, TOKENS, path=path, project_id="pets", by=stores.LENA, model_run="t")
    assert (again.known, again.n_tokens, again.tags) == (True, 3, ("ANIMAL", "O"))


def test_the_same_again_changes_nothing_other_content_is_refused_and_the_journal_has_it(
    pets: Store, tmp_path: Path
) -> None:
    bring(pets, tmp_path, LINES)
    head = pets.head
    assert bring(pets, tmp_path, LINES[::-1]).known
    with pytest.raises(BadRequest, match="'t' are there with other probabilities"):
        bring(pets, tmp_path, LINES[:1])
    assert pets.head == head
    before = rebuilt.tables(pets)
    assert (len(before["token_probability"]), len(before["token_run"])) == (2, 1)
    assert rebuilt.tables_of_journal(pets.path, tmp_path / "again") == before
    with pytest.raises(BadRequest, match=r"no tokens 'x' in pets. Runs: t\."):
        tokens(pets, project_id="pets", model_run="x")


BAD = [
    ([token(0, 3, O=0.9)], "the probabilities of token 1 sum to 0.9, not to 1"),
    ([token(0, 5, O=1), token(4, 7, O=1)], "token 2 begins before the one before it ends"),
    ([token(4, 7, O=1), token(0, 3, O=1)], "token 2 begins before the one before it ends"),
    ([token(3, 3, O=1)], "token 1 ends where it starts, or before"),
    ([token(-1, 3, O=1)], "token 1 has no start and end that are whole numbers from 0"),
    ([token(0.5, 3, O=1)], "token 1 has no start and end that are whole numbers from 0"),
    ([token(0, 3, O=1.5, A=-0.5)], "token 1 has a probability that is no number within 0 and 1, or none"),
    ([token(0, 3, O="much")], "token 1 has a probability that is no number within 0 and 1, or none"),
    ([token(0, 3)], "token 1 has a probability that is no number within 0 and 1, or none"),
    ([token(0, 1000, O=1)], "the last token ends at 1000, but the text of item 'item-002' has 45 characters"),
    ([], "tokens is no list of tokens, or empty"),
]


def test_bad_rows_are_named_and_nothing_comes_in_unless_asked_for(pets: Store, tmp_path: Path) -> None:
    head = pets.head
    for given, reason in BAD:
        refused = bring(pets, tmp_path, [*LINES, {"item": "item-002", "tokens": given}], dry=True)
        assert (refused.refused, refused.rejected.rows()) == (True, [(3, reason)])
    stranger = {"item": "stranger", "tokens": [token(0, 1, O=1)]}
    refused = bring(pets, tmp_path, [*LINES, LINES[0], stranger])
    assert refused.rejected.rows() == [(3, "item 'item-001' stands in row 1 already")]
    assert (refused.unknown_items, pets.head) == (("stranger",), head)
    assert bring(pets, tmp_path, [*LINES, LINES[0], stranger], skip=True).imported == 2


def test_other_files_and_people_without_the_right_are_refused(pets: Store, tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text("item,tokens\na,b\n")
    with pytest.raises(ImportRejected, match="neither JSONL nor Parquet"):
        import_content(pets, TOKENS, path=path, project_id="pets", by=stores.LENA, model_run="t")
    with pytest.raises(ImportRejected, match="no column 'tokens'"):
        bring(pets, tmp_path, [{"item": "a", "words": []}])
    with pytest.raises(NotAllowed):
        import_content(pets, TOKENS, path=path, project_id="pets", by=stores.ANNA, model_run="t")
