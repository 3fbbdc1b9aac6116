"""Releases: frozen, judged by gates, signed by two."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboard.workflows import ingest, release, release_diff, release_export, release_gates, score, settings
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.opening import Store, StoreError
from data.content_hash import content_hash
from tests import stores
from tests.dashboard.release_steps import P, propose, sign, waive_all


def relabelled(store: Store, label: str) -> None:
    """Every item's votes from thirty more people who all say `label`."""
    votes = stores.parsed_crowd(n_annotators=30, seed=8, name=f"all {label}.csv")
    object.__setattr__(votes, "annotations", votes.annotations.with_columns(pl.lit(label).alias("label")))
    ingest.import_parsed(store, parsed=votes, project_id=P, by=stores.LENA, request=ingest.ImportRequest())
    score.score(
        store, project_id=P, by=stores.LENA, options=score.ScoreOptions(method="majority", figures=False)
    )


# --- contents and gates -----------------------------------------------------------------------------------------------


def test_the_content_hash_is_that_of_items_versions_and_labels(pets: Store) -> None:
    made = propose(pets)
    items = pets.read("release_items", release_id=made.release_id)
    lines = [
        json.dumps([row["item_id"], row["version"], json.loads(row["label_json"])], separators=(",", ":"))
        for row in items.sort("item_id").iter_rows(named=True)
    ]
    by_hand = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    assert made.content_hash == by_hand == content_hash(items.reverse())
    assert made.n_items == len(lines) == 40


def test_what_was_proposed_stays_while_labels_go_on(pets: Store) -> None:
    made = propose(pets)
    before = pets.read("release_items", release_id=made.release_id)
    relabelled(pets, "cat")
    second = propose(pets)
    assert second.version == made.version + 1
    assert second.content_hash != made.content_hash
    assert pets.read("release_items", release_id=made.release_id).equals(before)
    change = release_diff.diff(pets, project_id=P, by=stores.RITA, release=2)
    assert change.count("changed") == before.filter(pl.col("label_json") != '"cat"').height > 0


def test_an_undefined_figure_fails_its_gate(tmp_path: Path) -> None:
    with stores.empty_store(tmp_path / "store") as store:
        alone = stores.parsed_crowd(n_items=6, n_annotators=1)
        ingest.import_parsed(
            store,
            parsed=alone,
            project_id=P,
            by=stores.LENA,
            request=ingest.ImportRequest(labels=stores.LABELS),
        )
        score.score(store, project_id=P, by=stores.LENA, options=score.ScoreOptions(replicates=100))
        report = release_gates.check_gates(store, project_id=P, by=stores.RITA)
    alpha = next(gate for gate in report.gates if gate.key == settings.ALPHA)
    assert (alpha.status, alpha.value) == ("failed", None)
    assert "undefined" in alpha.detail
    assert not report.passed
    assert report.sentence().startswith("These labels are not fit to release")


def test_a_figure_from_before_the_newest_annotations_fails_its_gate(pets: Store) -> None:
    more = stores.parsed_crowd(seed=4, name="more.csv")
    ingest.import_parsed(pets, parsed=more, project_id=P, by=stores.LENA, request=ingest.ImportRequest())
    report = release_gates.check_gates(pets, project_id=P, by=stores.RITA)
    alpha = next(gate for gate in report.gates if gate.key == settings.ALPHA)
    assert alpha.status == "failed"
    assert "computed before annotations changed" in alpha.detail


def test_open_flags_fail_their_gate_until_the_limit_says_otherwise(flagged: Store) -> None:
    def flags() -> release_gates.Gate:
        report = release_gates.check_gates(flagged, project_id=P, by=stores.RITA)
        return next(gate for gate in report.gates if gate.key == settings.FLAGS)

    n_open = flags().value
    assert flags().status == "failed"
    assert n_open is not None
    settings.change_setting(
        flagged, project_id=P, by=stores.LENA, key=settings.FLAGS, value=n_open, reason="a pilot"
    )
    assert flags().status == "passed"


# --- signing ----------------------------------------------------------------------------------------------------------


def test_a_gate_that_says_no_stops_the_signature_until_it_is_waived_with_a_reason(flagged: Store) -> None:
    made = propose(flagged)
    assert settings.FLAGS in {gate.key for gate in made.blocking_gates}
    with pytest.raises(BadRequest, match="cannot be approved"):
        sign(flagged, made, stores.RITA)
    waive = {"project_id": P, "release_id": made.release_id, "gate": settings.FLAGS}
    with pytest.raises(BadRequest, match="needs a reason"):
        release.waive(flagged, by=stores.LARS, reason=" ", **waive)
    with pytest.raises(NotAllowed):
        release.waive(flagged, by=stores.RITA, reason="please", **waive)
    with pytest.raises(BadRequest, match="did not say no"):
        release.waive(flagged, by=stores.LARS, reason="x", **{**waive, "gate": settings.COVERAGE})
    waive_all(flagged, made)
    with pytest.raises(BadRequest, match="already waived"):
        release.waive(flagged, by=stores.LARS, reason="again", **waive)
    sign(flagged, made, stores.RITA)
    assert sign(flagged, made, stores.LENA).state == "approved"
    assert "waived" in release.find_release(flagged, P).sentence()


def test_two_different_people_make_a_release_approved(pets: Store) -> None:
    made = propose(pets)
    waive_all(pets, made)
    assert sign(pets, made, stores.LENA).state == "proposed"
    with pytest.raises(BadRequest, match="two different"):
        sign(pets, made, stores.LENA)
    done = sign(pets, made, stores.RITA)
    assert (done.state, done.approved_by) == ("approved", ("lena", "rita"))
    with pytest.raises(Stale, match="is approved"):
        sign(pets, made, stores.LARS)


def test_one_signs_the_hash_that_one_saw(pets: Store) -> None:
    made = propose(pets)
    with pytest.raises(Stale, match="look at it again"):
        sign(pets, made, stores.RITA, seen="0" * 64)
    assert release.find_release(pets, P).signatures == ()


def test_a_rejected_release_is_settled_for_good(pets: Store) -> None:
    made = propose(pets)
    waive_all(pets, made)
    reject: dict[str, Any] = {
        "project_id": P,
        "release_id": made.release_id,
        "expected_hash": made.content_hash,
    }
    with pytest.raises(BadRequest, match="needs a reason"):
        release.reject(pets, by=stores.RITA, reason="", **reject)
    assert release.reject(pets, by=stores.RITA, reason="too early", **reject).state == "rejected"
    with pytest.raises(Stale, match="rejected by rita"):
        sign(pets, made, stores.LENA)
    assert propose(pets).version == 2, "the same labels can be proposed anew"


def test_repeated_requests_do_nothing_twice(pets: Store) -> None:
    made = propose(pets, request_id="p1")
    assert propose(pets, request_id="p1") == made
    with pytest.raises(BadRequest, match="already holds exactly these labels"):
        propose(pets)
    waive_all(pets, made)
    signed = sign(pets, made, stores.LENA, request_id="s1")
    assert sign(pets, made, stores.LENA, request_id="s1") == signed


def test_nobody_signs_with_another_persons_request(pets: Store) -> None:
    made = propose(pets)
    waive_all(pets, made)
    sign(pets, made, stores.LENA, request_id="s1")
    with pytest.raises(StoreError, match="already used for a different request"):
        sign(pets, made, stores.RITA, request_id="s1")


def test_roles_are_checked(pets: Store, tmp_path: Path) -> None:
    made = propose(pets)
    with pytest.raises(NotAllowed):
        release.propose(pets, project_id=P, by=stores.RITA)
    with pytest.raises(NotAllowed):
        release.propose(pets, project_id=P, by=stores.ANNA)
    with pytest.raises(NotAllowed):
        sign(pets, made, stores.ANNA)
    with pytest.raises(NotAllowed):
        release_export.export(
            pets, project_id=P, by=stores.ANNA, release_id=made.release_id, folder=tmp_path / "out"
        )
