"""What leaves the house proves itself: a bundle, or a store, that was tampered with names what is broken."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboard.workflows import release, release_export, settings
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store, StoreError
from dashboard.workflows.verify import verify_folder
from data.database import Reader
from data.records import Draft
from tests import stores
from tests.dashboard.release_steps import P, approved, propose, sign, waive_all


@pytest.fixture
def bundle(pets: Store, tmp_path: Path) -> Path:
    made = approved(pets)
    folder = tmp_path / "bundle"
    release_export.export(pets, project_id=P, by=stores.RITA, release_id=made.release_id, folder=folder)
    return folder


def test_only_an_approved_release_is_exported_and_the_journal_says_by_whom(
    pets: Store, tmp_path: Path
) -> None:
    made = propose(pets)
    out = tmp_path / "out"
    with pytest.raises(BadRequest, match="Only an approved release"):
        release_export.export(pets, project_id=P, by=stores.RITA, release_id=made.release_id, folder=out)
    assert not out.exists()
    waive_all(pets, made)
    sign(pets, made, stores.LENA)
    sign(pets, made, stores.RITA)
    done = release_export.export(pets, project_id=P, by=stores.RITA, release_id=made.release_id, folder=out)
    (taken,) = release_export.exports(pets, project_id=P, by=stores.RITA).to_dicts()
    assert taken["actor"] == "rita"
    assert json.loads(taken["payload"])["manifest_sha256"] == done.manifest_sha256
    with pytest.raises(StoreError, match="already exists"):
        release_export.export(pets, project_id=P, by=stores.RITA, release_id=made.release_id, folder=out)


def test_the_bundle_says_where_each_label_came_from(bundle: Path) -> None:
    assert verify_folder(bundle).found.valid
    labels = pl.read_parquet(bundle / "labels.parquet")
    assert labels.height == 40
    assert labels["event_seq"].null_count() == labels["run_id"].null_count() == 0
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert [one["person_id"] for one in manifest["signatures"]] == ["lena", "rita"]
    assert {gate["key"] for gate in manifest["gates"]} == {limit.key for limit in settings.SETTINGS}
    assert all(metric["reference"] for metric in manifest["metrics"])


def _edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def _rehash(folder: Path, name: str) -> None:
    """What a forger does: write the changed file's hash into the manifest."""
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"][name]["sha256"] = digest

    _edit_manifest(folder, change)


def _flip_csv(folder: Path) -> None:
    path = folder / "labels.csv"
    path.write_text(path.read_text().replace(",cat,", ",dog,", 1))


def _flip_parquet(folder: Path) -> None:
    path = folder / "labels.parquet"
    table = pl.read_parquet(path)
    table.with_columns(pl.lit("cat").alias("label")).write_parquet(path)
    _rehash(folder, "labels.parquet")


def _flip_csv_and_hash(folder: Path) -> None:
    _flip_csv(folder)
    _rehash(folder, "labels.csv")


def _change_signer(folder: Path) -> None:
    path = folder / "events.jsonl"
    path.write_text(path.read_text().replace('"actor":"rita"', '"actor":"anna"'))
    _rehash(folder, "events.jsonl")


def _drop_signature(folder: Path) -> None:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    _rehash(folder, "events.jsonl")


def _polish_gate(folder: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["gates"][0]["value"] = 0.99

    _edit_manifest(folder, change)


def _other_signer_in_manifest(folder: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["signatures"][0]["person_id"] = "anna"

    _edit_manifest(folder, change)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_flip_csv, "labels.csv was changed"),
        (lambda folder: (folder / "labels.parquet").unlink(), "labels.parquet is missing"),
        (lambda folder: (folder / "README.txt").write_text("trust me"), "README.txt was changed"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json cannot be read"),
        (lambda folder: _edit_manifest(folder, lambda said: said.pop("format")), "format"),
        (_flip_parquet, "the labels in labels.parquet have the content hash"),
        (_flip_csv_and_hash, "the labels in labels.csv have the content hash"),
        (_change_signer, "events.jsonl: event"),
        (_drop_signature, "1 people approved this release"),
        (_polish_gate, "says otherwise about gates"),
        (_other_signer_in_manifest, "lists other signatures"),
        (
            lambda folder: _edit_manifest(folder, lambda said: said.update(version=7)),
            "otherwise about version",
        ),
    ],
)
def test_a_damaged_bundle_names_what_is_broken(
    bundle: Path, damage: Callable[[Path], object], named: str
) -> None:
    damage(bundle)
    found = verify_folder(bundle)
    assert not found.found.valid
    assert named in found.sentence()


def test_a_store_whose_released_segment_was_changed_is_named(pets: Store, tmp_path: Path) -> None:
    made = approved(pets)
    pets.close()
    folder = tmp_path / "copy"
    shutil.copytree(pets.path, folder)
    assert verify_folder(folder).found.valid
    lines = [
        line
        for line in next((folder / "journal").glob("*.jsonl")).read_text().splitlines()
        if made.release_id in line
    ]
    sha256 = json.loads(lines[0])["payload"]["segments"]["release_item"]["sha256"]
    segment = folder / "segments" / f"{sha256}.parquet"
    pl.read_parquet(segment).with_columns(pl.lit(9).cast(pl.Int32).alias("version")).write_parquet(segment)
    sentence = verify_folder(folder).sentence()
    assert sha256 in sentence
    assert "was changed" in sentence


def test_a_rule_of_releases_broken_in_the_journal_itself_is_named(pets: Store) -> None:
    """Whoever writes events past the use cases, with good hashes, is still found out."""
    made = propose(pets)
    waive_all(pets, made)
    row = {
        "release_id": made.release_id,
        "decision": "approve",
        "content_hash": made.content_hash,
        "reason": None,
    }

    def plan(reader: Reader) -> Draft:
        return Draft("release_signed", P, made.release_id, {"rows": {"signature": [row]}})

    for _ in range(2):
        pets.submit(plan, by="mallory", request={})
    assert release.find_release(pets, P).state == "proposed"
    assert "mallory approves release 1 a second time" in verify_folder(pets.path).sentence()
