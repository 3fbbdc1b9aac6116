"""The file of one annotator: each figure is that of analytics on all votes, and has its items."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from analytics.annotator_behaviour import skill_ranking, spammer_scores
from analytics.annotators import annotator_agreement, gold_accuracy
from dashboard.workflows import annotator_file, annotators, annotators_everyday, ingest, score
from dashboard.workflows.annotator_file import AnnotatorFile
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.item_csv import items_csv
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from tests import stores

PROJECT = stores.PROJECT


def file(store: Store, annotator_id: str, *, as_of: int | None = None) -> AnnotatorFile:
    found = annotator_file.annotator_file(
        store, project_id=PROJECT, by=stores.LENA, annotator_id=annotator_id, as_of=as_of
    )
    assert found is not None
    return found


def code_of(store: Store, annotator_id: str) -> int:
    rows = store.read("annotator_codes").filter(pl.col("annotator_id") == annotator_id)
    return int(rows["annotator_code"][0])


@pytest.mark.parametrize("annotator_id", ["a0", "a4"])
def test_figures_from_the_annotator_s_items_are_those_of_the_whole_project(
    pets: Store, annotator_id: str
) -> None:
    votes, gold = (pets.read(name, project_id=PROJECT) for name in ("score_votes", "score_gold"))
    mine = pl.col("annotator_code") == code_of(pets, annotator_id)
    found = {one.key: one.estimate for one in file(pets, annotator_id).figures}
    whole = annotator_agreement(votes, n_labels=3).filter(mine).row(0, named=True)
    assert (found["with_others"].value, found["with_others"].n) == (whole["agreement"], whole["n_compared"])
    assert found["on_gold"].value == gold_accuracy(votes, gold, n_labels=3).filter(mine)["accuracy"][0]
    spammer = spammer_scores(votes, n_labels=3).filter(mine).row(0, named=True)
    assert found["spammer"].value == pytest.approx(spammer["score"], abs=1e-12)


def test_the_rank_is_the_one_of_analytics_and_needs_its_minimum(pets: Store) -> None:
    votes = pets.read("score_votes", project_id=PROJECT)
    ranked = skill_ranking(votes, n_labels=3, min_n=30)
    assert ranked["rank"].null_count() < ranked.height
    for row in ranked.iter_rows(named=True):
        codes = pets.read("annotator_codes").filter(pl.col("annotator_code") == row["annotator_code"])
        rank = file(pets, codes["annotator_id"][0]).rank
        assert (rank.rank, rank.best, rank.worst) == (row["rank"], row["rank_best"], row["rank_worst"])
        assert (rank.undefined is None) == (row["unranked"] is None)


def test_who_falls_behind_is_said_to(pets: Store) -> None:
    seen = file(pets, "a4")
    assert seen.state == "watch"
    assert f"less than most (half reach {seen.peers_median:.0%})".replace("%", " %") in seen.sentence
    assert f"look at {seen.differing} items together" in seen.sentence
    assert file(pets, "a0").state == "fit"


def test_who_guesses_is_said_to(tmp_path: Path) -> None:
    crowd = stores.parsed_crowd()
    in_turn = pl.int_range(pl.len()) // 5 % 3
    label = pl.lit(pl.Series(stores.LABELS)).gather(in_turn)
    guessed = crowd.annotations.with_columns(
        label=pl.when(pl.col("annotator_id") == "a4").then(label).otherwise("label")
    )
    with stores.empty_store(tmp_path / "store") as store:
        request = ingest.ImportRequest(labels=stores.LABELS)
        parsed = replace(crowd, annotations=guessed)
        ingest.import_parsed(store, parsed=parsed, project_id=PROJECT, by=stores.LENA, request=request)
        score.score(store, project_id=PROJECT, by=stores.LENA, options=score.ScoreOptions(replicates=200))
        seen = file(store, "a4")
    assert seen.state == "not fit"
    assert "as guessing would" in seen.sentence


def test_the_labels_that_are_mixed_up_most_are_named(pets: Store) -> None:
    seen = file(pets, "a4")
    apart = seen.cells.filter(pl.col("label_others") != pl.col("label_given"))
    most = apart["n"].max()
    named = re.fullmatch(r"Of (\d+) that the others call (\w+), (\d+) were called (\w+)\.", seen.confused)
    assert named is not None
    total, others, n, given = named.groups()
    assert int(n) == most
    assert apart.filter((pl.col("label_others") == others) & (pl.col("label_given") == given))["n"][0] == most
    assert seen.cells.filter(pl.col("label_others") == others)["n"].sum() == int(total)


def test_every_figure_has_its_items(pets: Store) -> None:
    seen = file(pets, "a4")
    behind = {
        name: annotator_file.items_behind(seen.evidence, name)
        for name in ("differs", "gold", "run", "fast", "all")
    }
    figures = {one.key: one.estimate for one in seen.figures}
    agreement, gold = figures["with_others"], figures["on_gold"]
    assert agreement.value is not None
    assert gold.value is not None
    assert behind["differs"].height == round(agreement.n * (1 - agreement.value))
    assert behind["gold"].height == round(gold.n * (1 - gold.value))
    assert seen.straight is not None
    assert behind["run"].height == seen.straight.longest_run
    assert set(behind["run"]["given"]) == {seen.straight.run_label}
    assert behind["fast"]["active_seconds"].is_sorted()
    for others, given, n in seen.cells.select("label_others", "label_given", "n").iter_rows():
        assert annotator_file.items_behind(seen.evidence, "cell", others=others, given=given).height == n
    windows = seen.learning.windows
    assert windows["n"].sum() == agreement.n
    first = annotator_file.items_behind(seen.evidence, "window", window=0)
    assert first["agrees"].count() == windows["n"][0]


def test_what_cannot_be_said_is_said_in_words(pets: Store) -> None:
    repeats = next(one for one in file(pets, "a0").figures if one.key == "consistency")
    assert repeats.estimate.value is None
    assert "labelled twice" in str(repeats.estimate.undefined)


def test_an_annotator_whom_the_run_did_not_see_is_undefined(pets: Store) -> None:
    first = pets.read("score_runs", project_id=PROJECT)["seq"].min()
    assert isinstance(first, int)
    assert (
        annotator_file.annotator_file(
            pets, project_id=PROJECT, by=stores.LENA, annotator_id="a0", as_of=first - 1
        )
        is None
    )
    with pytest.raises(BadRequest, match="nobody"):
        file(pets, "nobody")


def test_annotators_do_not_see_the_file(pets: Store) -> None:
    for by in (stores.ANNA, stores.BEN):
        with pytest.raises(NotAllowed):
            annotator_file.annotator_file(pets, project_id=PROJECT, by=by, annotator_id=by.person_id)


def test_the_csv_runs_no_formula() -> None:
    rows = pl.DataFrame({"item_code": [1], "item_id": ["=cmd()"], "given": ["cat"]})
    assert items_csv(rows) == b"item_id,given\n'=cmd(),cat\n"


def test_who_stopped_is_behind_the_newest_annotation_of_anybody(
    pets: Store, clock: stores.SteppingClock
) -> None:
    clock.now += timedelta(days=400)
    seen = annotators_everyday.everyday(pets, project_id=PROJECT, by=stores.LENA, days=1)
    assert seen.stopped == (), "nobody works: nobody has stopped"
    assert (seen.n_since, seen.people_since) == (0, 0)
    for days, stopped in ((29, True), (31, False)):
        moved = seen.table.with_columns(
            last_at=pl.when(pl.col("annotator_id") == "a1")
            .then(pl.col("last_at") - timedelta(days=30))
            .otherwise("last_at")
        )
        assert (annotators_everyday.stopped_in(moved, days) == ("a1",)) is stopped


def test_since_yesterday_counts_from_midnight(pets: Store, clock: stores.SteppingClock) -> None:
    clock.now = datetime(2026, 9, 2, 23, 59, tzinfo=stores.START.tzinfo)
    seen = annotators_everyday.everyday(pets, project_id=PROJECT, by=stores.LENA)
    assert seen.since == datetime(2026, 9, 1, tzinfo=stores.START.tzinfo)
    assert seen.n_since == seen.table["n"].sum() == 200
    clock.now += timedelta(hours=1)
    assert annotators_everyday.everyday(pets, project_id=PROJECT, by=stores.LENA).n_since == 0


def test_the_pace_says_why_there_is_no_z(pets: Store) -> None:
    pace = annotators_everyday.paces(pets, project_id=PROJECT, by=stores.LENA)
    assert pace is not None
    assert set(pace["undefined"]) == {"fewer than 10 annotators have 20 known times"}
    assert not pace["is_fast"].any()


def test_an_annotator_s_own_row_says_nothing_of_gold(pets: Store) -> None:
    by = Person("a0", "A", frozenset({"annotator"}))
    table = annotators.annotator_table(pets, project_id=PROJECT, by=by)
    assert table["annotator_id"].to_list() == ["a0"]
    assert table.select("accuracy_on_gold", "gold_low", "gold_high", "n_gold").row(0) == (None,) * 4
    assert table["agreement"][0] is not None
