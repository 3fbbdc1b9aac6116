"""Scoring what changed: only the items with newer annotations, on the full run's parameters, hiding nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from analytics.fold_in import fold_in_model
from dashboard.workflows import (
    flag,
    ingest,
    monitor,
    relabel,
    relabel_queue,
    relabel_undo,
    release_gates,
    score,
    score_changed,
    training_labels,
)
from dashboard.workflows.item_contributions import item_contributions
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.settings import ALPHA, GOLD
from tests import rebuilt, stores
from tests.dashboard.rescored import P, code_of, give, newest_run, relabelled, rescore, retract, standing


def test_only_the_items_with_new_votes_get_a_new_consensus_by_one_e_step(pets: Store) -> None:
    before, full = standing(pets), newest_run(pets)
    give(pets, [("item-003", "a1", "cat"), ("item-003", "a2", "cat"), ("item-007", "a0", "bird")])
    head = pets.head
    found = rescore(pets)
    assert (found.n_items, found.n_votes, found.n_new_annotators) == (2, 3, 0)
    assert (pets.head, found.stands_on) == (head + 1, full["run_id"])
    after = standing(pets)
    touched = pl.col("item_id").is_in(["item-003", "item-007"])
    assert after.filter(~touched).equals(before.filter(~touched))

    kept = pets.read("changed_annotators", project_id=P, run_id=full["run_id"])
    codes = [code_of(pets, name) for name in ("item-003", "item-007")]
    votes = pets.read("score_votes", project_id=P).filter(pl.col("item_code").is_in(codes))
    expected = fold_in_model(
        votes,
        priors=np.array(json.loads(full["parameters"])["priors"]),
        confusion=np.array(kept["confusion"].to_list()).reshape(-1, 3, 3),
        annotator_codes=kept["annotator_code"].to_numpy(),
    ).items
    own = after.filter(touched).sort("item_code")
    assert own["posterior"].to_list() == expected["posterior"].to_list()
    assert own["n_annotations"].to_list() == [7, 6]


def test_it_is_near_to_a_full_run(tmp_path: Path) -> None:
    with stores.empty_store(tmp_path / "store") as store:
        request = ingest.ImportRequest(labels=stores.LABELS, title="Pets")
        parsed = stores.parsed_crowd(n_items=400)
        ingest.import_parsed(store, parsed=parsed, project_id=P, by=stores.LENA, request=request)
        options = score.ScoreOptions(figures=False)
        score.score(store, project_id=P, by=stores.LENA, options=options)
        give(store, [("item-003", "a1", "cat"), ("item-003", "a2", "cat"), ("item-007", "a0", "bird")])
        before = standing(store)
        rescore(store)
        partial = standing(store)
        score.score(store, project_id=P, by=stores.LENA, options=options)
        full = standing(store)
    touched = pl.col("item_id").is_in(["item-003", "item-007"])
    was, folded, fitted = (
        np.array(frame.filter(touched)["posterior"].to_list()) for frame in (before, partial, full)
    )
    assert full["label_code"].equals(partial["label_code"])
    assert np.abs(folded - fitted).max() < 0.02
    assert np.abs(was - folded).max() > 0.02


def test_a_second_partial_run_stands_on_the_full_one_and_keeps_the_first(pets: Store) -> None:
    full = newest_run(pets)
    give(pets, [("item-003", "a1", "cat")])
    first = rescore(pets)
    of_first = standing(pets)
    give(pets, [("item-007", "a0", "bird")], name="third.csv")
    second = rescore(pets)
    assert (second.stands_on, second.n_items, second.n_votes) == (full["run_id"], 1, 2)
    now = standing(pets)
    others = pl.col("item_id") != "item-007"
    assert now.height == 40
    assert now.filter(others).equals(of_first.filter(others))
    # each run's own state can still be read
    assert pets.read("score_consensus", project_id=P, run_id=first.run_id).equals(of_first)
    assert (pets.read("score_consensus", project_id=P, run_id=full["run_id"])["n_annotations"] == 5).all()


def test_a_full_run_afterwards_stands_for_itself(pets: Store) -> None:
    give(pets, [("item-003", "a1", "cat")])
    rescore(pets)
    again = score.score(pets, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False))
    assert standing(pets).height == 40
    give(pets, [("item-007", "a0", "bird")], name="third.csv")
    found = rescore(pets)
    assert (found.stands_on, found.n_items, found.n_votes) == (again.run_id, 1, 1)


def test_where_nothing_changed_there_is_no_event(pets: Store) -> None:
    head = pets.head
    found = rescore(pets)
    assert (found.run_id, found.n_items, pets.head) == (None, 0, head)
    give(pets, [("item-003", "a1", "cat")])
    assert rescore(pets).n_items == 1
    assert rescore(pets).run_id is None


def test_a_repeated_request_is_the_first_run(pets: Store) -> None:
    give(pets, [("item-003", "a1", "cat")])
    first = rescore(pets, request_id="once")
    assert rescore(pets, request_id="once") == first


def test_a_second_import_brings_items_and_people(pets: Store) -> None:
    give(pets, [("item-900", "a1", "cat"), ("item-900", "zoe", "cat"), ("item-003", "zoe", "dog")])
    found = rescore(pets)
    assert (found.n_items, found.n_new_annotators) == (2, 1)
    assert standing(pets).height == 41
    versions = pets.read("item_versions", project_id=P, item_code=code_of(pets, "item-900"))
    assert versions["label_version"].to_list() == [1]
    # who is new is explained as they were taken: like the mean
    label_set = require_label_set(pets, P)
    told = item_contributions(pets, project_id=P, item_code=code_of(pets, "item-900"), label_set=label_set)
    assert told is not None
    assert set(told.voters["annotator_id"]) == {"a1", "zoe"}
    own = standing(pets).filter(pl.col("item_id") == "item-900")
    assert told.p_label == pytest.approx(own["p_label"][0], abs=1e-9)


def test_it_warns_where_a_tenth_of_the_votes_changed(pets: Store) -> None:
    give(pets, [(f"item-{item:03d}", "a0", "cat") for item in range(20)])
    assert not rescore(pets).warnings  # 20 of 200 are no more than 10 %
    give(pets, [("item-030", "a0", "cat")], name="third.csv")
    assert "Score the project in full" in rescore(pets).warnings[0]


def test_after_a_relabel_by_two_the_consensus_is_new_and_the_decision_stands(flagged: Store) -> None:
    item_id = relabelled(flagged, stores.ANNA, stores.LARS)
    code = code_of(flagged, item_id)
    decided = flagged.read("item_versions", project_id=P, item_code=code)
    assert decided["source"].to_list() == ["consensus", "relabel"]
    found = rescore(flagged)
    assert (found.n_items, found.n_votes, found.n_changed) == (1, 2, 0)
    assert found.n_new_annotators == 2
    assert flagged.read("item_versions", project_id=P, item_code=code).equals(decided)
    own = standing(flagged).filter(pl.col("item_code") == code)
    assert own["n_annotations"].to_list() == [7]


def test_flags_afterwards_doubt_only_what_is_in_doubt(pets: Store) -> None:
    options = flag.FlagOptions(least_probability=0.8, least_margin=0.2)
    doubted = flag.raise_flags(pets, project_id=P, by=stores.LENA, options=options).doubted
    sure = standing(pets).sort("p_label")["item_id"][-1]
    label_set = require_label_set(pets, P)
    votes = pets.read("score_votes", project_id=P).filter(pl.col("item_code") == code_of(pets, sure))
    others = [
        one for one in label_set.labels if one not in {label_set.label(code) for code in votes["label_code"]}
    ]
    others = others or list(label_set.labels)
    give(pets, [(sure, f"a{person}", others[0]) for person in range(4)])
    rescore(pets)
    again = flag.raise_flags(pets, project_id=P, by=stores.LENA, options=options)
    assert (again.raised, again.doubted) == (1, doubted + 1)
    flags = pets.read("item_flags", project_id=P, item_code=code_of(pets, sure))
    assert flags.height == 1


def test_an_item_that_lost_all_its_votes_has_no_consensus(flagged: Store) -> None:
    """A new item that one person labelled blind, scored, and then taken back."""
    give(flagged, [("item-900", "a1", "cat")])
    score.score(flagged, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False))
    assert standing(flagged).height == 41
    code = code_of(flagged, "item-900")
    votes = flagged.read("item_annotations", project_id=P, item_code=code)
    retract(flagged, votes["annotation_id"][0])
    found = rescore(flagged)
    assert (found.n_items, found.n_votes) == (1, 1)
    assert standing(flagged).height == 40
    for query in ("item_consensus", "item_run"):
        assert flagged.read(query, project_id=P, item_code=code).is_empty()
        before = newest_run(flagged)["seq"] - 1
        assert flagged.read(query, project_id=P, item_code=code, as_of=before).height == 1
    give(flagged, [("item-900", "a2", "dog")], name="third.csv")
    assert rescore(flagged).n_items == 1
    assert standing(flagged).height == 41


def test_an_undone_blind_answer_is_out_again(flagged: Store) -> None:
    before = standing(flagged)
    work = relabel_queue.next_item(flagged, project_id=P, by=stores.ANNA)
    assert work is not None
    relabel.answer_blind(flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, label="cat")
    assert rescore(flagged).n_items == 1
    assert not standing(flagged).equals(before)
    relabel_undo.undo(flagged, project_id=P, by=stores.ANNA)
    found = rescore(flagged)
    assert (found.n_items, found.n_votes) == (1, 0)
    own = pl.col("item_code") == work.item_code
    now = standing(flagged)
    assert now.filter(~own).equals(before.filter(~own))
    assert now["p_label"].to_list() == pytest.approx(before["p_label"].to_list(), abs=1e-4)


def test_as_of_a_moment_before_the_item_has_its_consensus_of_then(pets: Store) -> None:
    code = code_of(pets, "item-003")
    then = pets.head
    before = pets.read("item_consensus", project_id=P, item_code=code)
    give(pets, [("item-003", "a1", "cat"), ("item-003", "a2", "cat")])
    rescore(pets)
    assert pets.read("item_consensus", project_id=P, item_code=code, as_of=then).equals(before)
    assert pets.read("item_consensus", project_id=P, item_code=code)["n_annotations"][0] == 7
    untouched = pets.read("item_consensus", project_id=P, item_code=code_of(pets, "item-004"))
    assert untouched["n_annotations"][0] == 5


def test_a_store_made_anew_from_its_journal_is_the_same(pets: Store, tmp_path: Path) -> None:
    give(pets, [("item-003", "a1", "cat"), ("item-900", "zoe", "cat")])
    rescore(pets)
    assert rebuilt.tables_of_journal(tmp_path / "pets" / "store", tmp_path / "anew") == rebuilt.tables(pets)


def test_figures_and_gates_stay_those_of_the_full_run(pets: Store) -> None:
    figures, run = monitor.trend(pets, P, "krippendorff_alpha"), monitor.newest_run(pets, P)
    give(pets, [("item-003", "a1", "cat")])
    rescore(pets)
    now = monitor.newest_run(pets, P)
    assert run is not None
    assert now is not None
    assert (now.run_id, now.stale) == (run.run_id, True)
    assert monitor.trend(pets, P, "krippendorff_alpha").equals(figures)
    report = release_gates.check_gates(pets, project_id=P, by=stores.LENA)
    said = {gate.key: gate.detail for gate in report.gates}
    assert "computed before annotations changed" in said[ALPHA]
    assert "computed before annotations and a consensus changed" in said[GOLD]


def test_training_reads_the_labels_of_all_items(pets: Store) -> None:
    give(pets, [("item-003", "a1", "cat")])
    rescore(pets)
    label_set = require_label_set(pets, P)
    codes = standing(pets)["item_code"].sort().to_numpy()
    content = SimpleNamespace(item_codes=codes)
    targets = training_labels.consensus_targets(pets, P, label_set, content, as_of=pets.head)  # type: ignore[arg-type]  # only its item codes are read
    assert targets.weights.tolist() == [1.0] * 40


def test_progress_ends_at_the_end(pets: Store) -> None:
    give(pets, [("item-003", "a1", "cat")])
    told: list[tuple[float, str]] = []
    score_changed.score_changed(
        pets, project_id=P, by=stores.LENA, progress=lambda share, words: told.append((share, words))
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
