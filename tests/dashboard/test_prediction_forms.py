"""Every form that docs/predictions.md shows comes in as it stands there, by the command line; and runs over sets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import softmax
from typer.testing import CliRunner

from dashboard.cli import app
from dashboard.workflows import ingest, label_sets, model_samples, predictions
from dashboard.workflows.embedding_runs import embeddings
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_order import label_order, read_label_order
from dashboard.workflows.opening import open_store
from tests import stores
from tests.dashboard.test_predictions import bring

PAGE = Path(__file__).parents[2] / "docs" / "predictions.md"


def example(heading: str, kind: str) -> str:
    section = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(rf"^```{kind}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def run(store: Path, file: Path, *words: str) -> dict[str, Any]:
    done = CliRunner().invoke(
        app,
        ["predictions", str(file), "--run", "m", "--store", str(store), "--project", "pets", "--by", "lena", "--json", *words],
        env={"TOUCHSTONE_KEYS": str(store.parent / "keys")},
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """The folder of a store that nobody has open."""
    with stores.small_store(tmp_path / "store"):
        pass
    return tmp_path / "store"


SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
FORMS = [
    ("One row an item", "csv", (), SCORES[None]),
    ("Several samples an item", "csv", (), np.array([SCORES, [[0.6, 0.3, 0.1], [0.2, 0.1, 0.7]]])),
    ("Several samples an item", "jsonl", (), np.array([SCORES, [[0.6, 0.3, 0.1], [0.2, 0.1, 0.7]]])),
    ("Scores by label", "jsonl", (), SCORES[None]),
    ("Lists without ids", "json", ("--ids", "ids.csv"), SCORES[None]),
    ("Logits", "jsonl", ("--logits",), softmax([[[2.0, 0.7, 0.1], [-1.0, -1.0, 1.1]]], axis=2)),
]


@pytest.mark.parametrize(
    ("heading", "kind", "words", "expected"), FORMS, ids=[f"{form[0]}, {form[1]}" for form in FORMS]
)
def test_the_example_comes_in(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heading: str, kind: str, words: tuple[str, ...],
    expected: np.ndarray,
) -> None:  # fmt: skip
    file = tmp_path / f"given.{kind}"
    file.write_text(example(heading, kind), "utf-8")
    if "--ids" in words:
        (tmp_path / "ids.csv").write_text(example(heading, "csv"), "utf-8")
        monkeypatch.chdir(tmp_path)
    tried = run(closed, file, "--dry-run", *words)
    said = run(closed, file, *words)
    assert {**tried, "dry_run": False} == said
    assert (said["imported"], said["members"]) == (2, ["0", "1"] if len(expected) == 2 else [])
    again = run(closed, file, *words)
    assert again["imported"] == 0
    with open_store(closed, keys_folder=tmp_path / "keys") as store:
        codes, found = model_samples.samples(store, project_id="pets", model_run="m")
    assert codes.tolist() == [0, 1]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_example_of_embeddings_comes_in(closed: Path, tmp_path: Path) -> None:
    file = tmp_path / "given.jsonl"
    file.write_text(example("Embeddings", "jsonl"), "utf-8")
    said = run(closed, file, "--embeddings")
    assert (said["imported"], said["dimensions"], said["missing_items"]) == (2, 3, 38)
    with open_store(closed, keys_folder=tmp_path / "keys") as store:
        _, found = embeddings(store, project_id="pets", model_run="m")
    np.testing.assert_allclose(found, [[0.12, -1.3, 0.4], [0.5, 0.25, -0.75]], atol=1e-7)


def test_the_example_of_tokens_comes_in(closed: Path, tmp_path: Path) -> None:
    file = tmp_path / "given.jsonl"
    file.write_text(example("Tokens", "jsonl"), "utf-8")
    said = run(closed, file, "--tokens")
    assert (said["imported"], said["tokens"], said["tags"]) == (2, 3, ["ANIMAL", "O"])
    assert run(closed, file, "--tokens")["imported"] == 0


def test_the_example_of_a_configuration_orders_the_labels(closed: Path, tmp_path: Path) -> None:
    config, file = tmp_path / "config.json", tmp_path / "given.jsonl"
    config.write_text(example("Scores by label", "json"), "utf-8")
    file.write_text('{"item": "item-000", "probs": [0.1, 0.7, 0.2]}\n')
    run(closed, file, "--id2label", str(config))
    with open_store(closed, keys_folder=tmp_path / "keys") as store:
        _, found = predictions.probabilities(store, project_id="pets", model_run="m")
    np.testing.assert_allclose(found, SCORES[:1], atol=1e-12)


def test_the_order_of_the_labels_is_said_or_read_and_not_both(closed: Path, tmp_path: Path) -> None:
    file = tmp_path / "given.jsonl"
    file.write_text('{"item": "item-000", "probs": [0.1, 0.7, 0.2]}\n')
    run(closed, file, "--labels", "dog, bird,cat")
    with open_store(closed, keys_folder=tmp_path / "keys") as store:
        _, found = predictions.probabilities(store, project_id="pets", model_run="m")
    np.testing.assert_allclose(found, SCORES[:1], atol=1e-12)
    assert label_order(None, None) == ()
    for words, says in (("a,,b", "an empty label"), ("a,b,a", "one twice")):
        with pytest.raises(BadRequest, match=says):
            label_order(words, None)
    with pytest.raises(BadRequest, match="give one of them"):
        label_order("a", tmp_path / "config.json")


REFUSED = [
    (("--embeddings", "--logits"), "stand alone"),
    (("--tokens", "--labels", "bird,cat,dog"), "stand alone"),
    (("--tokens", "--embeddings"), "stand alone"),
    (("--tokens", "--ids", "ids.csv"), "leave --ids out"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_words_that_do_not_go_together_are_refused(
    closed: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    file = tmp_path / "given.jsonl"
    file.write_text(example("Tokens", "jsonl"), "utf-8")
    done = CliRunner().invoke(app, ["predictions", str(file), "--run", "m", "--store", str(closed), *words])
    assert isinstance(done.exception, BadRequest)
    assert says in str(done.exception)


@pytest.mark.parametrize(
    "text",
    ["no json", "[]", "{}", '{"id2label": {"1": "cat"}}', '{"id2label": {"0": 3}}', '{"0": "a", "x": "b"}'],
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(BadRequest, match=r"config\.json (is no JSON file|has no id2label)"):
        read_label_order(path)


def test_choices_of_sets_are_kept_each_by_itself(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text('item,annotator,label\n1,a,"[""dog"", ""car""]"\n1,b,car\n2,a,tree\n2,b,[]\n', "utf-8")
    with stores.empty_store(tmp_path / "store") as store:
        ingest.import_file(
            store, path=labels, project_id="pets", by=stores.LENA, request=ingest.ImportRequest(level="set")
        )
        choices = label_sets.require_label_set(store, "pets").choices
        table = np.random.default_rng(0).random((2, 2, len(choices)))  # members, items, choices
        frame = pl.concat(
            pl.DataFrame({"item": ["1", "2"], "member": member, **dict(zip(choices, table[member].T, strict=True))})
            for member in (0, 1)
        )  # fmt: skip
        frame.write_csv(tmp_path / "model.csv")
        summary = bring(store, tmp_path / "model.csv")
        assert (summary.imported, summary.labels, summary.out_of_sample) == (2, choices, "not_checked")
        _, found = model_samples.samples(store, project_id="pets", model_run="m")
        np.testing.assert_allclose(found, table, atol=1e-6)
        _, mean = predictions.probabilities(store, project_id="pets", model_run="m")
        np.testing.assert_allclose(mean, table.mean(axis=0), atol=1e-12)
        assert store.read("queue_prediction", project_id="pets", item_code=0).is_empty()
