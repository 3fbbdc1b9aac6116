"""What text classifiers write: lists of label and score, numbered labels, logits; and choices of sets, each by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, softmax

from data.errors import ImportRejected
from data.importers import ImportOptions, ParsedProbabilities
from data.importers.reading import parse_probabilities

LABELS = ("bird", "cat", "dog")
ORDER = ("dog", "bird", "cat")  # LABEL_0, LABEL_1, LABEL_2
ROWS = {"i1": {"bird": 0.7, "cat": 0.2, "dog": 0.1}, "i2": {"cat": 0.5, "dog": 0.25, "bird": 0.25}}


def scores(row: dict[str, float], names: dict[str, str] | None = None) -> list[dict[str, Any]]:
    return [{"label": (names or {}).get(label, label), "score": value} for label, value in row.items()]


def parsed(path: Path, **options: Any) -> ParsedProbabilities:
    return parse_probabilities(path, labels=LABELS, options=ImportOptions(**options))


def lines(folder: Path, *rows: Any) -> Path:
    path = folder / "scores.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def taken(found: ParsedProbabilities) -> dict[str, list[float]]:
    return dict(found.probabilities.drop("row").iter_rows())


def in_order(rows: dict[str, dict[str, float]]) -> dict[str, list[float]]:
    return {item: [row[label] for label in LABELS] for item, row in rows.items()}


def test_scores_are_taken_by_the_labels_that_they_name(tmp_path: Path) -> None:
    path = lines(tmp_path, *({"item": item, "scores": scores(row)} for item, row in ROWS.items()))
    found = parsed(path)
    assert taken(found) == in_order(ROWS)
    assert "The scores in 'scores' were taken by the labels that they name." in found.guessed
    records = pl.DataFrame({"item": list(ROWS), "scores": [scores(row) for row in ROWS.values()]})
    records.write_parquet(tmp_path / "scores.parquet")
    assert taken(parsed(tmp_path / "scores.parquet")) == in_order(ROWS)


def test_numbered_labels_mean_what_the_configuration_says(tmp_path: Path) -> None:
    names = {label: f"LABEL_{place}" for place, label in enumerate(ORDER)}
    path = lines(tmp_path, *({"item": item, "scores": scores(row, names)} for item, row in ROWS.items()))
    with pytest.raises(ImportRejected, match=r"has no score of 'bird'.*--id2label config\.json"):
        parsed(path)
    assert taken(parsed(path, label_order=ORDER)) == in_order(ROWS)
    with pytest.raises(ImportRejected, match="they have to be the same"):
        parsed(path, label_order=("dog", "bird"))
    listed = [{"item": item, "probs": [row[label] for label in ORDER]} for item, row in ROWS.items()]
    found = parsed(lines(tmp_path, *listed), label_order=ORDER)
    assert taken(found) == in_order(ROWS)
    assert "The lists in 'probs' were taken in the given order: dog, bird, cat." in found.guessed
    columns = [{"item": item, **{names[label]: row[label] for label in LABELS}} for item, row in ROWS.items()]
    assert taken(parsed(lines(tmp_path, *columns), label_order=ORDER)) == in_order(ROWS)


def test_labels_have_to_cover_the_label_set_and_be_in_it(tmp_path: Path) -> None:
    first = {"item": "i1", "scores": scores({"bird": 0.5, "cat": 0.5})}
    with pytest.raises(ImportRejected, match=r"scores has no score of 'dog'\. Every label .*top_k=None"):
        parsed(lines(tmp_path, first))
    fish = {"item": "i1", "scores": scores({"bird": 0.5, "cat": 0.3, "dog": 0.1, "fish": 0.1})}
    with pytest.raises(ImportRejected, match="has scores of 'fish', which the label set does not have"):
        parsed(lines(tmp_path, fish))


def test_a_bad_list_is_a_bad_row(tmp_path: Path) -> None:
    good = scores(ROWS["i1"])
    rows = [
        {"item": "a", "scores": good},
        {"item": "b", "scores": good[:2]},
        {"item": "c", "scores": [*good, good[0]]},
        {"item": "d", "scores": [*good[:2], {"label": "dog"}]},
        {"item": "e", "scores": [*good[:2], {"label": "dog", "score": "much"}]},
        {"item": "f", "scores": [*good[:2], {"label": "dog", "score": 0.9}]},
        {"item": "g", "scores": []},
        {"item": "h", "scores": [0.1, 0.2]},
        {"item": "i", "scores": {"label": "dog"}},
        {"item": "j"},
    ]
    found = parsed(lines(tmp_path, *rows))
    assert list(taken(found)) == ["a"]
    reasons = dict(found.rejected.rows())
    assert reasons[2] == "no probability of 'dog' (scores, number 3 is not a number)"
    assert reasons[3] == "scores names a label twice"
    assert "without a label or a score" in reasons[4]
    assert "without a label or a score" in reasons[5]
    assert reasons[6] == "the probabilities sum to 1.8, not to 1"
    assert reasons[7] == "scores is no list of label and score"
    assert set(reasons) == set(range(2, 11))


# --- logits -----------------------------------------------------------------------------------------------------------

LOGITS = np.array([[2.0, -1.0, 0.5], [1000.0, 999.0, -1000.0], [-800.0, -801.0, -799.0]])


def logits_file(folder: Path, table: np.ndarray, names: Sequence[str] = LABELS) -> Path:
    path = folder / "logits.csv"
    pl.DataFrame({"item": ["a", "b", "c"], **dict(zip(names, table.T, strict=True))}).write_csv(path)
    return path


def test_logits_go_through_softmax_however_large_they_are(tmp_path: Path) -> None:
    path = logits_file(tmp_path, LOGITS)
    found = parsed(path, logits=True)
    np.testing.assert_allclose(list(taken(found).values()), softmax(LOGITS, axis=1), atol=1e-15)
    assert (
        "The numbers were taken as logits, and their softmax over the labels as probabilities."
        in found.guessed
    )
    assert parsed(path).rejected.height == 3  # no logits unless it was said
    listed = [{"item": item, "logits": row} for item, row in zip("abc", LOGITS.tolist(), strict=True)]
    again = parsed(lines(tmp_path, *listed), logits=True)
    assert taken(again) == taken(found)


def test_logits_that_are_not_finite_or_are_probabilities_already_are_refused(tmp_path: Path) -> None:
    table = LOGITS.copy()
    table[1, 0] = np.inf
    found = parsed(logits_file(tmp_path, table), logits=True)
    assert found.rejected.rows() == [(2, "bird is not finite")]
    with pytest.raises(ImportRejected, match="has probabilities already"):
        parsed(logits_file(tmp_path, softmax(LOGITS, axis=1)), logits=True)


def test_members_may_be_logits_too(tmp_path: Path) -> None:
    rows = [
        {"item": item, "member": member, "logits": (LOGITS[place] + member).tolist()}
        for place, item in enumerate("abc")
        for member in (0, 1)
    ]
    found = parsed(lines(tmp_path, *rows), logits=True)
    expected = np.repeat(softmax(LOGITS, axis=1)[:, None, :], 2, axis=1).reshape(3, 6)
    np.testing.assert_allclose(list(taken(found).values()), expected, atol=1e-12)


# --- sets -------------------------------------------------------------------------------------------------------------


def test_choices_of_sets_need_not_sum_to_1(tmp_path: Path) -> None:
    table = np.array([[0.9, 0.9, 0.1], [0.0, 0.0, 0.0], [1.0, 0.5, 0.2]])
    path = logits_file(tmp_path, table)
    assert parsed(path).rejected.height == 3
    found = parsed(path, sets=True)
    np.testing.assert_array_equal(list(taken(found).values()), table)
    beyond = parsed(logits_file(tmp_path, table + 0.1), sets=True)
    assert beyond.rejected["row"].to_list() == [3]
    free = parsed(logits_file(tmp_path, LOGITS), sets=True, logits=True)
    np.testing.assert_allclose(list(taken(free).values()), expit(LOGITS), atol=1e-15)
