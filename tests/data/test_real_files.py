"""Real files and hostile ones, into a store: other tools' exports, published annotations, bombs and formulas."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import score
from dashboard.workflows.ingest import ImportOptions, ImportRequest, import_file
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.opening import ImportRejected, Store
from data.exporters.csv_cells import neutralised, restored
from tests import stores
from tests.data.bringing import bring, stored, write


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with stores.empty_store(tmp_path / "store") as found:
        yield found


# --- real files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["label_studio_cls_json.json", "label_studio_cls_csv.csv"])
def test_label_studios_exports_bring_the_same_answers(store: Store, samples: Path, name: str) -> None:
    tasks = json.loads((samples / "label_studio_cls_json.json").read_text())
    said = sorted(
        (str(task["id"]), str(answer["completed_by"]), answer["result"][0]["value"]["choices"][0])
        for task in tasks
        for answer in task["annotations"]
        if not answer["was_cancelled"]
    )
    options = ImportOptions(mapping={"label": "sentiment"}) if name.endswith(".csv") else None
    summary = bring(store, samples / name, options=options)
    assert summary.rejected.is_empty()
    assert stored(store) == said


def test_the_export_that_leaves_things_out_is_refused_with_the_way_to_the_whole_one(
    store: Store, samples: Path
) -> None:
    with pytest.raises(
        ImportRejected, match=r"leaves out skips, gold and predictions.*choose Export, then JSON"
    ):
        bring(store, samples / "label_studio_cls_json_min.json")


def test_label_studios_predictions_and_skips_are_kept_apart(store: Store, samples: Path) -> None:
    summary = bring(store, samples / "label_studio_cls_json.json", format="label-studio")
    assert (summary.imported, summary.predictions, summary.format) == (18, 6, "label-studio")
    assert any("skipped" in said or "cancelled" in said for said in summary.guessed)
    item = store.read("queue_item", project_id="p", item_code=0).row(0, named=True)
    assert item["text"] == "Review 0: the product was great"


@pytest.mark.parametrize("name", ["label_studio_ner_json.json", "label_studio_ner_csv.csv"])
def test_spans_are_refused_with_a_sentence_not_taken_for_categories(
    store: Store, samples: Path, name: str
) -> None:
    head = store.head
    with pytest.raises(ImportRejected, match="span"):
        bring(store, samples / name)
    assert store.head == head


def figures(store: Store, options: score.ScoreOptions) -> dict[str, float]:
    found = score.score(store, project_id="p", by=stores.LENA, options=options).figures
    return dict(found.filter(pl.col("group_kind") == "").select("key", "value").iter_rows())


LAST = score.ScoreOptions(method="majority", repeats="last", replicates=100)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_convabuse_gives_the_reference_alpha_at_each_level(store: Store, datasets: Path, level: str) -> None:
    expected = json.loads((datasets / "reference.json").read_text())["convabuse_severity"]
    options = ImportOptions(item_attributes=("bot", "conv_id"))
    summary = bring(
        store,
        datasets / "convabuse.parquet",
        options=options,
        request=ImportRequest(level=level, skip_bad_rows=True),
    )
    assert summary.labels == ("-3", "-2", "-1", "0", "1")
    assert (summary.imported, summary.annotators) == (expected["rows"], expected["annotators"])
    found = figures(store, LAST)
    assert found["krippendorff_alpha"] == pytest.approx(expected[f"krippendorff_alpha_{level}"], abs=5e-7)
    assert found["percent_agreement"] == pytest.approx(
        expected["mean_pairwise_agreement_items_ge2"], abs=5e-7
    )


def test_multipicos_people_go_into_the_vault_and_nowhere_else(store: Store, datasets: Path) -> None:
    expected = json.loads((datasets / "reference.json").read_text())["multipico_dev_test"]
    personal = ("demo_gender", "demo_age", "demo_nationality")
    options = ImportOptions(item_attributes=("lang", "source"), annotator_attributes=personal)
    summary = bring(store, datasets / "multipico.parquet", options=options)
    assert (summary.imported, summary.items, summary.annotators) == (33_871, 6_761, 506)
    assert figures(store, LAST)["krippendorff_alpha"] == pytest.approx(
        expected["krippendorff_alpha_nominal"], abs=5e-7
    )
    people = store.vault.read_all()
    assert len(people) == 506
    assert {"demo_gender", "demo_age", "demo_nationality"} <= {
        name for one in people.values() for name in one
    }
    kept = b"".join(
        path.read_bytes() for part in ("journal", "vault") for path in (store.path / part).glob("*")
    )
    assert b"demo_gender" not in kept
    assert b"Prefer not to say" not in kept
    for segment in (store.path / "segments").glob("*.parquet"):
        table = pl.read_parquet(segment)
        assert not set(personal) & set(table.columns)
        texts = table.select(pl.col(pl.Utf8).str.contains("Prefer not to say|demo_").any())
        assert not any(texts.row(0))


def test_a_job_of_crowdtruth_gives_the_reference_alpha(store: Store, datasets: Path, tmp_path: Path) -> None:
    job = "person-video-binary-choice"
    expected = json.loads((datasets / "reference.json").read_text())[f"crowdtruth_core/{job}"]
    path = tmp_path / "job.csv"
    pl.read_parquet(datasets / "crowdtruth_core.parquet").filter(pl.col("task_id") == job).write_csv(path)
    summary = bring(store, path, options=ImportOptions(mapping={"at": "created_at"}))
    assert (summary.imported, summary.items, summary.annotators) == (1000, 50, 28)
    assert figures(store, LAST)["krippendorff_alpha"] == pytest.approx(
        expected["krippendorff_alpha_nominal"], abs=5e-7
    )


def test_seconds_and_gold_of_a_real_crowd_come_in(store: Store, datasets: Path) -> None:
    expected = json.loads((datasets / "reference.json").read_text())["act_SP_amt"]
    bring(store, datasets / "act_SP_amt.parquet")
    votes = store.read("score_votes", project_id="p")
    assert votes["active_seconds"].mean() == pytest.approx(expected["mean_seconds"], abs=5e-5)
    assert votes["active_seconds"].median() == expected["median_seconds"]
    assert store.read("score_gold", project_id="p").height == expected["gold_items"]


# --- hostile files ----------------------------------------------------------------------------------------------------


def test_a_gzip_bomb_is_stopped_at_the_limit(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb") as packed:
        packed.write(b"item,annotator,label\n")
        for _ in range(64):
            packed.write(b"0" * 1024 * 1024)
    assert path.stat().st_size < 100_000
    with pytest.raises(ImportRejected, match=r"unpacks to more than 8.0 MiB"):
        bring(store, path, options=ImportOptions(max_bytes=8 * 1024**2))


@pytest.mark.parametrize("damage", ["cut", "junk", "flipped"])
def test_a_malformed_parquet_file_breaks_nothing(store: Store, tmp_path: Path, damage: str) -> None:
    path = write(tmp_path, "table.parquet")
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "junk":
        content = bytearray(b"PAR1" + b"\xff" * 5000 + b"PAR1")
    else:
        content[-60:-20] = b"\xff" * 40
    path.write_bytes(bytes(content))
    head = store.head
    with pytest.raises(ImportRejected, match=r"table\.parquet"):
        bring(store, path)
    assert store.head == head
    path.unlink()
    assert bring(store, write(tmp_path, "plain.csv")).imported == 4, "the store goes on"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\x00\x01\x02" * 500, "is not text"),
        (b"\x1f\x8b\x08\x00 this is no gzip", "gzip"),
        (b'{"not": "a list of tasks"', "json"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(
    store: Store, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "upload.csv"
    path.write_bytes(content)
    with pytest.raises(ImportRejected) as refused:
        bring(store, path)
    assert "upload.csv" in str(refused.value)
    assert said == "json" or said in str(refused.value)


def test_cells_that_a_spreadsheet_would_run_come_in_as_text_and_go_out_harmless(
    store: Store, tmp_path: Path
) -> None:
    formulas = ["=cmd()", "+1+1", "-2+3", "@SUM(A1)", "'quoted", "plain", "-2"]
    path = tmp_path / "formulas.csv"
    lines = [f'i{number},ann,"{formula}"' for number, formula in enumerate(formulas)]
    path.write_text("item,annotator,label\n" + "\n".join(lines) + "\n")
    bring(store, path)
    assert {row[2] for row in stored(store)} == set(formulas)
    cells = neutralised(pl.DataFrame({"label": formulas}))
    assert all(cell.startswith("'") for cell in cells["label"][:-2])
    assert cells["label"][-2:].to_list() == ["plain", "-2"], "a number is no formula"
    assert restored(cells)["label"].to_list() == formulas
    labels = score.score(store, project_id="p", by=stores.LENA, options=LAST).labels
    score.write_labels(labels, tmp_path / "out.csv")
    written = pl.read_csv(tmp_path / "out.csv", infer_schema=False)["label"].to_list()
    assert sorted(written) == sorted(cells["label"])


def test_jobs_of_crowdtruth_with_several_choices_come_in_as_sets(
    store: Store, datasets: Path, tmp_path: Path
) -> None:
    """Every choice of a person's list is a member; alpha of sets lies between that of one choice alone and of chance."""
    job = "person-video-multiple-choice"
    rows = pl.read_parquet(datasets / "crowdtruth_core.parquet").filter(pl.col("task_id") == job)
    expected = json.loads((datasets / "reference.json").read_text())[f"crowdtruth_core/{job}"]
    path = tmp_path / "job.parquet"
    rows.select("item", "annotator", "label", "seconds").write_parquet(path)
    summary = import_file(
        store, path=path, project_id="job", by=stores.LENA, request=ImportRequest(level="set")
    )
    assert (summary.imported, summary.items, summary.annotators) == tuple(
        expected[key] for key in ("rows", "items", "annotators")
    )
    known = require_label_set(store, "job")
    given = {tuple(sorted(set(json.loads(text)))) for text in rows["label"]}
    named = {tuple(sorted(known.label(code) for code in members)) for members in known.members}
    assert given | {(choice,) for choice in known.choices} == named
    assert rows["label"].n_unique() == expected["labels"]
    found = score.score(store, project_id="job", by=stores.LENA, options=score.ScoreOptions(replicates=100))
    alpha = found.figures.filter(pl.col("key") == "krippendorff_alpha").row(0, named=True)
    assert 0.2 < alpha["value"] < 0.35
