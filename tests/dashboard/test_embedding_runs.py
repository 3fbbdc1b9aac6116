"""Embeddings as a use case: every form, every refusal, reading them back, and what the built-in model makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dashboard.workflows import history, model_content, model_runs, model_samples, train, uncertainty
from dashboard.workflows.content_runs import ContentSummary, import_content
from dashboard.workflows.embedding_runs import EMBEDDINGS, embedding_runs, embeddings
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from data.errors import ImportRejected
from data.importers import ImportOptions
from tests import rebuilt, stores
from tests.dashboard.test_predictions import ITEMS
from tests.dashboard.test_uncertainty import N_ITEMS, P, plain  # noqa: F401 -- a fixture


def vectors_of(n: int = 40, width: int = 6, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, width)).astype(np.float32)


def bring(
    store: Store, path: Path, run: str = "e", *, skip: bool = False, dry: bool = False, project: str = "pets",
    mapping: dict[str, str] | None = None,
) -> ContentSummary:  # fmt: skip
    return import_content(
        store, EMBEDDINGS, path=path, project_id=project, by=stores.LENA, model_run=run, note="mean of tokens",
        skip_bad_rows=skip, dry_run=dry, options=ImportOptions(mapping=mapping or {}),
    )  # fmt: skip


def write(folder: Path, form: str, vectors: NDArray[np.float32], items: list[str] = ITEMS) -> Path:
    path = folder / form
    lists = vectors.astype(float).tolist()
    columns = {f"e{place}": column for place, column in enumerate(vectors.T)}
    wide, long = pl.DataFrame({"item": items, **columns}), pl.DataFrame({"item": items, "embedding": lists})
    if form == "arrays.npz":
        np.savez(path, ids=np.array(items), embeddings=vectors)
    elif form == "lists.parquet":
        long.cast({"embedding": pl.List(pl.Float32)}).write_parquet(path)
    elif form == "fixed.parquet":
        long.cast({"embedding": pl.Array(pl.Float32, vectors.shape[1])}).write_parquet(path)
    elif form == "wide.parquet":
        wide.write_parquet(path)
    elif form == "wide.csv":
        wide.write_csv(path)
    elif form == "lists.csv":
        long.with_columns(pl.Series("embedding", [json.dumps(one) for one in lists])).write_csv(path)
    else:
        long.write_ndjson(path)
    return path


FORMS = (
    "arrays.npz",
    "lists.parquet",
    "fixed.parquet",
    "wide.parquet",
    "wide.csv",
    "lists.csv",
    "lists.jsonl",
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_comes_back_as_it_was(pets: Store, tmp_path: Path, form: str) -> None:
    head, vectors = pets.head, vectors_of()
    summary = bring(pets, write(tmp_path, form, vectors[::-1], ITEMS[::-1]))
    assert (summary.imported, summary.n_dimensions, summary.missing_items, pets.head) == (40, 6, 0, head + 1)
    codes, found = embeddings(pets, project_id="pets", model_run="e")
    assert codes.tolist() == list(range(40))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, vectors)


def test_the_same_content_again_changes_nothing_and_other_content_is_refused(
    pets: Store, tmp_path: Path
) -> None:
    bring(pets, write(tmp_path, "arrays.npz", vectors_of()))
    head = pets.head
    again = bring(pets, write(tmp_path, "wide.parquet", vectors_of()[::-1], ITEMS[::-1]))
    assert (again.imported, again.known, pets.head) == (0, True, head)
    for dry in (True, False):
        with pytest.raises(BadRequest, match="'e' are there with other vectors"):
            bring(pets, write(tmp_path, "arrays.npz", vectors_of(seed=1)), dry=dry)
    assert bring(pets, write(tmp_path, "arrays.npz", vectors_of(seed=1)), run="f", dry=True).imported == 40
    assert pets.head == head
    with pytest.raises(BadRequest, match=r"no embeddings 'f' in pets. Runs: e\."):
        embeddings(pets, project_id="pets", model_run="f")


def test_the_journal_alone_has_them_the_past_has_not_and_probabilities_know_nothing_of_them(
    pets: Store, tmp_path: Path
) -> None:
    head = pets.head
    bring(pets, write(tmp_path, "arrays.npz", vectors_of()))
    before = rebuilt.tables(pets)
    assert (len(before["embedding"]), len(before["embedding_run"])) == (40, 1)
    assert rebuilt.tables_of_journal(pets.path, tmp_path / "again") == before
    assert embedding_runs(pets, project_id="pets", as_of=head).is_empty()
    assert model_runs.model_runs(pets, project_id="pets").is_empty()
    said = history.events(pets, by=stores.LENA, project_id="pets").rows["words"][0]
    assert said.endswith("imported embeddings e of 40 items (6 dimensions): mean of tokens")


# --- what is refused --------------------------------------------------------------------------------------------------


def test_bad_rows_are_named_and_nothing_comes_in_unless_asked_for(pets: Store, tmp_path: Path) -> None:
    head, path = pets.head, tmp_path / "bad.jsonl"
    lines: list[dict[str, Any]] = [
        {"id": item, "embedding": [1.0, float(place)]} for place, item in enumerate(ITEMS)
    ]
    lines[1]["embedding"] = [1.0]
    lines[2]["embedding"] = [1.0, None]
    lines[3]["embedding"] = [1.0, 1e39]
    lines[4]["embedding"] = []
    lines[5]["id"] = ITEMS[0]
    lines[6]["id"] = None
    lines[7]["id"] = "stranger"
    path.write_text("\n".join(map(json.dumps, lines)))
    refused = bring(pets, path)
    assert (refused.refused, refused.imported, pets.head) == (True, 0, head)
    assert refused.unknown_items == ("stranger",)
    assert refused.rejected.rows() == [
        (2, "the embedding has 1 numbers, most others have 2"),
        (3, "the embedding has a number that is missing or not finite"),
        (4, "the embedding has a number that is missing or not finite"),
        (5, "no embedding"),
        (6, "item 'item-000' stands in row 1 already"),
        (7, "no item (column 'id' is empty)"),
    ]
    assert bring(pets, path, skip=True).imported == 33


def test_files_that_hold_no_embeddings_are_refused_whole(pets: Store, tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    for text, says in (
        ("item,x\na,1\n", "no column that is plainly the embedding; it has item, x"),
        ("item,e0,e2\na,1,2\n", "e0, e1, … without a gap"),
        ("x,e0\na,1\n", "no column that is plainly the item"),
    ):
        path.write_text(text)
        with pytest.raises(ImportRejected, match=says):
            bring(pets, path)
    path.write_text("item,x\nitem-000,[1 2]\n")
    assert bring(pets, path, mapping={"embedding": "x"}, dry=True).n_dimensions == 2
    with pytest.raises(ImportRejected, match="takes item and embedding"):
        bring(pets, path, mapping={"cat": "x"})


def test_archives_are_never_unpickled_and_need_their_two_arrays(pets: Store, tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    ids, vectors = np.array(ITEMS), vectors_of()
    given: list[tuple[dict[str, NDArray[np.generic]], str]] = [
        ({"ids": np.array(ITEMS, dtype=object), "embeddings": vectors}, "not object"),
        ({"names": ids, "embeddings": vectors}, "has the arrays names, embeddings"),
        ({"ids": ids[:-1], "embeddings": vectors}, "of shape"),
        ({"ids": ids, "embeddings": vectors[:, 0]}, "of shape"),
    ]
    for arrays, says in given:
        np.savez(path, allow_pickle=True, **arrays)
        with pytest.raises(ImportRejected, match=says):
            bring(pets, path)
    path.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(ImportRejected, match="no archive of plain arrays"):
        bring(pets, path)
    np.savez(path, ids=ids, embeddings=vectors)
    with pytest.raises(NotAllowed):
        import_content(pets, EMBEDDINGS, path=path, project_id="pets", by=stores.ANNA, model_run="e")


# --- what the built-in model makes of them ----------------------------------------------------------------------------


def test_the_model_learns_from_embeddings_and_neighbours_are_found_by_them(
    plain: Store,  # noqa: F811 -- the fixture of that name
    tmp_path: Path,
) -> None:
    assert model_content.read_content(plain, P).kind == "text"
    with pytest.raises(BadRequest, match="no embeddings of 20 items"):
        model_content.read_content(plain, P, encoder="embeddings")
    truth = np.random.default_rng(4).integers(0, 3, N_ITEMS)
    truth[21] = truth[20]
    vectors = (np.eye(3)[truth] * 4 + vectors_of(N_ITEMS, 3)).astype(np.float32)
    vectors[21] = vectors[20]
    ids = [f"l-{item:03d}" for item in range(N_ITEMS)]
    bring(plain, write(tmp_path, "arrays.npz", vectors[:-5], ids[:-5]), project=P)
    content = model_content.read_content(plain, P)
    assert (content.kind, content.n_left_out, content.item_ids[:2]) == ("embeddings", 5, ("l-000", "l-001"))
    assert content.groups[20] == content.groups[21]
    assert len(np.unique(content.groups)) == N_ITEMS - 6
    np.testing.assert_allclose(np.asarray(content.features).mean(axis=0), 0, atol=1e-5)
    assert model_content.read_content(plain, P, encoder="text").kind == "text"
    options = train.TrainOptions(encoder="embeddings", n_members=2, n_folds=3, penalty=0.1)
    done = train.train(plain, project_id=P, by=stores.LENA, options=options)
    assert (done.encoder, done.n_features, done.n_items) == ("embeddings", 3, N_ITEMS - 5)
    codes, found = model_samples.samples(plain, project_id=P, model_run=done.model_run)
    # Some labels are wrong on purpose, so that the model is held against what the items are.
    assert (found.mean(axis=0).argmax(axis=1) == truth[codes]).mean() > 0.85
    judged = uncertainty.uncertainty(
        plain, project_id=P, by=stores.LENA, options=uncertainty.UncertaintyOptions(replicates=100)
    )
    rows = plain.read("judgement_items", project_id=P, run_id=judged.run_id, item_code=-1)
    near = rows.select("item_code", "neighbour_codes").drop_nulls().explode("neighbour_codes").to_numpy()
    assert near.max() == N_ITEMS - 6  # items without an embedding are nobody's neighbours
    assert (truth[near[:, 0]] == truth[near[:, 1]]).mean() > 0.9
