"""Which runs what changed can be scored on: every method that keeps enough, labels that are sets, and what is refused."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from dashboard.cli.app import app
from dashboard.workflows import (
    consensus_methods,
    label_sets,
    score,
    score_changed,
)
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.fold_methods import held_fixed
from dashboard.workflows.item_contributions import item_contributions
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard import scenes
from tests.dashboard.rescored import P, give, rescore, standing


@pytest.mark.parametrize("method", ["majority", "weighted", "dawid-skene", "class", "one-coin", "mace"])
def test_every_method_whose_run_keeps_enough_can_rescore(pets: Store, method: str) -> None:
    score.score(pets, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False, method=method))
    give(pets, [("item-003", "a1", "cat"), ("item-003", "zoe", "cat")])
    found = rescore(pets, method=method)
    assert (found.n_items, found.n_new_annotators, found.method) == (1, 1, method)
    own = standing(pets).filter(pl.col("item_id") == "item-003")
    assert sum(own["posterior"][0]) == pytest.approx(1.0)
    assert own["n_annotations"][0] == 7


def test_a_majority_is_the_majority(pets: Store) -> None:
    options = score.ScoreOptions(figures=False, method="majority", repeats="last")
    score.score(pets, project_id=P, by=stores.LENA, options=options)
    give(pets, [("item-003", "a1", "cat"), ("item-003", "zoe", "cat")])
    rescore(pets)
    partial = standing(pets)
    score.score(pets, project_id=P, by=stores.LENA, options=options)
    assert standing(pets).equals(partial)


@pytest.mark.parametrize(("method", "said"), [("glad", "how difficult each item is")])
def test_methods_whose_runs_keep_too_little_are_refused(pets: Store, method: str, said: str) -> None:
    score.score(pets, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False, method=method))
    give(pets, [("item-003", "a1", "cat")])
    with pytest.raises(BadRequest, match=said):
        rescore(pets)


def test_crowdlab_is_refused_with_its_reason() -> None:
    label_set = LabelSet(1, "nominal", ("cat", "dog"), (0, 1), (None, None))
    people = pl.DataFrame({"annotator_code": [0], "weight": [1.0], "confusion": [None], "weights": [None]})
    with pytest.raises(BadRequest, match="how often a vote hits"):
        held_fixed(consensus_methods.method("crowdlab"), people, {}, label_set)


def test_a_label_that_nobody_had_given_cannot_win_and_that_is_said(tmp_path: Path) -> None:
    rows = [(f"item-{i}", f"a{who}", ("bird", "cat")[i % 2]) for i in range(20) for who in range(3)]
    given = pl.DataFrame(rows, schema=["item_id", "annotator_id", "label"], orient="row")
    with stores.annotated_store(tmp_path / "store", given) as store:
        give(store, [("item-0", "a0", "dog"), ("item-0", "a1", "dog")])
        found = rescore(store)
        assert "2 annotations are of labels that nobody had given" in found.warnings[0]
        own = standing(store).filter(pl.col("item_id") == "item-0")
        assert own["posterior"][0][2] == 0.0
        assert own["p_label"][0] > 0.9


def test_what_cannot_stand_on_the_full_run_is_refused(pets: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give(pets, [("item-003", "a1", "cat")])
    head = pets.head
    with pytest.raises(BadRequest, match="has method dawid-skene-prior, not majority"):
        rescore(pets, method="majority")
    with pytest.raises(BadRequest, match="has repeats count, not last"):
        rescore(pets, repeats="last")
    with pytest.raises(BadRequest, match="'mean' is not a method"):
        rescore(pets, method="mean")
    with pytest.raises(BadRequest, match="no project 'none'"):
        rescore(pets, project="none")
    with pytest.raises(NotAllowed):
        score_changed.score_changed(pets, project_id=P, by=stores.ANNA)
    assert pets.head == head
    label_sets.correct_level(pets, project_id=P, by=stores.LENA, level="ordinal")
    with pytest.raises(BadRequest, match="label set changed"):
        rescore(pets)
    monkeypatch.setattr(consensus_methods, "MOST_CELLS", 10)
    score.score(pets, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False))
    with pytest.raises(BadRequest, match="did not keep"):
        rescore(pets)


def test_without_a_full_run_it_says_so(tmp_path: Path) -> None:
    with (
        stores.small_store(tmp_path / "store", scored=False) as store,
        pytest.raises(BadRequest, match="not scored yet"),
    ):
        rescore(store)


def test_a_run_that_somebody_overtook_changes_nothing(pets: Store, clock: stores.SteppingClock) -> None:
    give(pets, [("item-003", "a1", "cat")])

    def clock_of_a_slow_run() -> datetime:
        pets.clock = clock
        score.score(pets, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False))
        return clock()

    pets.clock = clock_of_a_slow_run
    with pytest.raises(Stale, match="scored meanwhile"):
        rescore(pets)


def test_sets_are_rescored_member_by_member(tmp_path: Path) -> None:
    with scenes.scored_store(tmp_path) as store:
        run = store.read("flag_run", project_id=scenes.P)["run_id"][0]
        before = store.read("score_consensus", project_id=scenes.P, run_id=run)
        rows = [
            {
                "item": "scene-03",
                "annotator": person,
                "label": ["car", "dog", "tree"],
                "text": "Again",
                "place": "city",
            }
            for person in ("zoe", "yan", "a1")
        ]
        scenes.bring(store, scenes.write_jsonl(tmp_path / "more.jsonl", rows))
        found = rescore(store, project=scenes.P)
        assert (found.n_items, found.n_new_annotators) == (1, 2)
        after = store.read("score_consensus", project_id=scenes.P, run_id=found.run_id)
        touched = pl.col("item_id") == "scene-03"
        assert after.filter(~touched).equals(before.filter(~touched))
        was, now = (np.array(frame.filter(touched)["posterior"][0]) for frame in (before, after))
        assert (now >= was - 1e-9).all()
        code = int(after.filter(touched)["item_code"][0])
        label_set = require_label_set(store, scenes.P)
        told = item_contributions(store, project_id=scenes.P, item_code=code, label_set=label_set)
        assert told is not None
        assert told.p_label == pytest.approx(after.filter(touched)["p_label"][0], abs=1e-6)
        score.score(store, project_id=scenes.P, by=stores.LENA, options=score.ScoreOptions(figures=False))
        newest = store.read("flag_run", project_id=scenes.P)["run_id"][0]
        full = store.read("score_consensus", project_id=scenes.P, run_id=newest)
        assert full.filter(touched)["label_code"].equals(after.filter(touched)["label_code"])


def test_the_command_line_rescores_and_says_so(pets: Store, tmp_path: Path) -> None:
    give(pets, [("item-003", "a1", "cat"), ("item-003", "zoe", "cat")])
    pets.close()
    asked = ["--store", str(tmp_path / "pets" / "store"), "--by", "lena"]
    run = CliRunner(env={"TOUCHSTONE_KEYS": str(tmp_path / "pets" / "keys")}).invoke
    for options, said in ((["--seed", "3"], "--seed"), (["--method", "majority"], "not majority")):
        refused = run(app, ["score", "--changed", *options, *asked])
        assert refused.exit_code != 0
        assert said in refused.output + str(refused.exception)
    document = json.loads(run(app, ["score", "--changed", "--json", *asked]).stdout)
    assert (document["n_items"], document["new_annotators"], document["changed_votes"]) == (1, 1, 2)
    assert document["warnings"] == []
    assert "nothing to score" in run(app, ["score", "--changed", *asked]).stdout
