"""Scoring as a use case: one run, one event, retries and races that do no harm."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest

from dashboard.cli.frame import tell_progress
from dashboard.workflows import figure_inputs, ingest, score
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from tests import stores

QUICK = score.ScoreOptions(figures=False)


def run(store: Store, options: score.ScoreOptions = QUICK, *, request_id: str | None = None) -> score.Score:
    return score.score(store, project_id="pets", by=stores.LENA, options=options, request_id=request_id)


def import_more(store: Store, seed: int) -> None:
    parsed = stores.parsed_crowd(seed=seed, name=f"more-{seed}.csv")
    ingest.import_parsed(
        store, parsed=parsed, project_id="pets", by=stores.LENA, request=ingest.ImportRequest()
    )


def test_a_run_is_one_event_that_says_what_it_saw_and_how_it_ended(pets: Store) -> None:
    head = pets.head
    found = run(pets)
    assert pets.head == head + 1
    assert found.fit["converged"] is True
    assert found.n_changed == 0
    assert found.labels["item_id"].is_sorted()
    runs = pets.read("score_runs", project_id="pets", as_of=None)
    assert runs.filter(pl.col("run_id") == found.run_id).height == 1


def test_a_repeated_request_is_the_first_run(pets: Store) -> None:
    first = run(pets, request_id="once")
    again = run(pets, request_id="once")
    assert again.run_id == first.run_id
    with pytest.raises(Exception, match="already used for a different request"):
        run(pets, score.ScoreOptions(figures=False, method="majority"), request_id="once")


def test_a_run_that_saw_less_does_not_follow_one_that_saw_more(
    pets: Store, clock: stores.SteppingClock
) -> None:
    def clock_of_a_slow_run() -> datetime:
        pets.clock = clock
        import_more(pets, seed=5)
        run(pets)
        return clock()

    pets.clock = clock_of_a_slow_run
    with pytest.raises(Stale, match="newer annotations"):
        run(pets)
    newest = pets.read("flag_run", project_id="pets").row(0, named=True)
    assert newest["seq"] == pets.head


def test_stopping_early_is_written_down(pets: Store) -> None:
    found = run(pets, score.ScoreOptions(figures=False, max_iterations=1))
    assert (found.fit["iterations"], found.fit["converged"]) == (1, False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (score.ScoreOptions(method="mean"), "Known: dawid-skene-prior, dawid-skene"),
        (score.ScoreOptions(repeats="best"), "Known: count, first, last"),
        (score.ScoreOptions(replicates=10), "at least 100"),
        (score.ScoreOptions(max_iterations=0), "at least 1 iteration"),
    ],
)
def test_options_that_cannot_be_are_refused(pets: Store, options: score.ScoreOptions, said: str) -> None:
    head = pets.head
    with pytest.raises(BadRequest, match=said):
        run(pets, options)
    assert pets.head == head


@pytest.mark.parametrize("person", [stores.ANNA, stores.RITA])
def test_only_leads_and_administrators_score(pets: Store, person: Person) -> None:
    with pytest.raises(NotAllowed):
        score.score(pets, project_id="pets", by=person)


def test_what_the_others_say_and_agreement_with_oneself_are_computed_once_a_run(
    pets: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(module: object, name: str) -> None:
        real = getattr(module, name)

        def wrapped(*args: object, **options: object) -> object:
            calls.append(name)
            return real(*args, **options)

        monkeypatch.setattr(module, name, wrapped)

    counted(figure_inputs, "counts_beside_others")
    counted(figure_inputs, "self_consistency")
    counted(figure_inputs, "one_vote_each")
    run(pets, score.ScoreOptions(replicates=100))
    assert sorted(calls) == ["counts_beside_others", "one_vote_each", "self_consistency"]


def test_a_pair_is_named_by_a_json_list_whatever_the_ids_hold(pets: Store) -> None:
    parsed = stores.parsed_crowd(seed=1)
    odd = {"a0": 'a"0', "a1": "Ärzte, 1", "a2": "a\\2"}
    named = parsed.annotations.with_columns(pl.col("annotator_id").replace(odd))
    people = parsed.annotators.with_columns(pl.col("annotator_id").replace(odd))
    ingest.import_parsed(
        pets,
        parsed=replace(parsed, annotations=named, annotators=people),
        project_id="odd",
        by=stores.LENA,
        request=ingest.ImportRequest(labels=stores.LABELS),
    )
    found = score.score(
        pets, project_id="odd", by=stores.LENA, options=score.ScoreOptions(replicates=100)
    ).figures
    rows = found.filter(pl.col("key") == "cohen_kappa")
    pairs = [json.loads(text) for text in rows["group_id"]]
    assert all(pair == sorted(pair) for pair in pairs)
    assert {person for pair in pairs for person in pair} == {*odd.values(), "a3", "a4"}
    assert all(0 <= json.loads(text)["agreement"] <= 1 for text in rows["detail"])


def test_progress_rises_to_the_end_and_says_each_step(pets: Store) -> None:
    told: list[tuple[float, str]] = []
    score.score(
        pets,
        project_id="pets",
        by=stores.LENA,
        options=score.ScoreOptions(replicates=100),
        progress=lambda share, words: told.append((share, words)),
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len({words for _, words in told}) == len(told) == 6


def test_where_nobody_watches_progress_is_a_plain_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    tell_progress(0.25, "Measuring")
    tell_progress(1.0, "Scored")
    said = capsys.readouterr()
    assert said.err.splitlines() == [" 25% Measuring", "100% Scored"]
    assert said.out == ""
