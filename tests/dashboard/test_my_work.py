"""My work: one's own figures, nobody else's name, and nothing that tells which items are gold."""

from __future__ import annotations

from dataclasses import fields, replace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.annotators import gold_accuracy
from dashboard.workflows import annotator_evidence, annotator_file, monitor, my_work
from dashboard.workflows.annotator_evidence import Votes
from dashboard.workflows.annotator_file import AnnotatorFile
from dashboard.workflows.annotator_skill import Curve
from dashboard.workflows.errors import NotAllowed
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import ANNOTATOR, Person
from tests import stores

PROJECT = stores.PROJECT
A0 = Person("a0", "A null", frozenset({ANNOTATOR}))
N_LABELS = len(stores.LABELS)


def run_of(store: Store) -> monitor.Run:
    run = monitor.newest_run(store, PROJECT)
    assert run is not None
    return run


def made(store: Store, gold: pl.DataFrame) -> AnnotatorFile:
    """What a0 would see if these were the gold labels."""
    run = run_of(store)
    votes = annotator_evidence.read_votes(store, PROJECT, "a0", seq=run.saw_seq)
    return my_work.own_file_of(votes, gold, annotator_evidence.peers(store, PROJECT, run), run)


def votes_of(store: Store) -> Votes:
    return annotator_evidence.read_votes(store, PROJECT, "a0", seq=run_of(store).saw_seq)


def same(one: AnnotatorFile, two: AnnotatorFile) -> bool:
    """Whether the two show the same in every field."""
    pairs = [(getattr(one, field.name), getattr(two, field.name)) for field in fields(AnnotatorFile)]
    return all(text(a) == text(b) for a, b in pairs)


def text(value: object) -> str:
    if isinstance(value, pl.DataFrame):
        return value.write_json()
    if isinstance(value, Curve):
        return repr(replace(value, windows=pl.DataFrame())) + value.windows.write_json()
    return repr(value)


def gold_of(own: pl.DataFrame, places: list[int], right: int) -> pl.DataFrame:
    """Gold for some of the annotator's items, in their order; the first `right` of them as the annotator said."""
    picked = own[places].with_row_index("place")
    wrong = (pl.col("label_code") + 1) % N_LABELS
    return picked.select(
        "item_code", label_code=pl.when(pl.col("place") < right).then("label_code").otherwise(wrong)
    )


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_it_shows_does_not_depend_on_which_items_are_gold(pets: Store, data: st.DataObject) -> None:
    own = votes_of(pets).own
    places = st.integers(0, own.height - 1)
    counted = data.draw(st.sampled_from([0, 10, 20]))
    right = data.draw(st.integers(0, counted))
    one, two = (
        data.draw(st.sets(places, min_size=counted, max_size=counted + 9).map(sorted)) for _ in range(2)
    )
    assert same(made(pets, gold_of(own, one, right)), made(pets, gold_of(own, two, right)))


def test_gold_is_one_figure_in_steps_of_ten(pets: Store) -> None:
    own = votes_of(pets).own
    for n, shown in ((0, 0), (9, 0), (10, 10), (19, 10), (20, 20)):
        gold = gold_of(own, list(range(n)), 7)
        figure = next(one for one in made(pets, gold).figures if one.key == "on_gold")
        assert (figure.estimate.n, figure.behind) == (shown, "")
        expected = gold_accuracy(own.head(shown), gold, n_labels=N_LABELS) if shown else None
        assert figure.estimate.value == (expected["accuracy"][0] if expected is not None else None)


def test_no_field_names_another_person_or_gold_items(pets: Store) -> None:
    seen = my_work.my_work(pets, project_id=PROJECT, by=A0).file
    assert seen is not None
    assert not {"gold", "right_on_gold", "item_code"} & set(seen.evidence.columns)
    assert annotator_file.items_behind(seen.evidence, "gold").is_empty()
    everything = "".join(text(getattr(seen, field.name)) for field in fields(AnnotatorFile))
    assert not [
        name for name in ("a1", "a2", "a3", "a4") if f'"{name}"' in everything or f"'{name}'" in everything
    ]


def test_the_figures_are_those_that_the_lead_sees(pets: Store) -> None:
    own = my_work.my_work(pets, project_id=PROJECT, by=A0).file
    lead = annotator_file.annotator_file(pets, project_id=PROJECT, by=stores.LENA, annotator_id="a0")
    assert own is not None
    assert lead is not None
    theirs = {one.key: one.estimate for one in lead.figures if one.key != "on_gold"}
    assert {one.key: one.estimate for one in own.figures if one.key != "on_gold"} == theirs
    assert own.cells.equals(lead.cells)
    assert own.sentence.startswith("You agree with the others on")


def test_few_peers_are_not_told_of(pets: Store) -> None:
    run = run_of(pets)
    everybody = annotator_evidence.peers(pets, PROJECT, run)
    votes = votes_of(pets)
    no_gold = pets.read("score_gold", project_id=PROJECT).clear()
    few = my_work.own_file_of(votes, no_gold, everybody.head(4), run)
    assert few.peers_median is None
    assert few.rank.rank is None
    assert my_work.own_file_of(votes, no_gold, everybody, run).peers_median is not None


def test_it_is_for_annotators_and_about_themselves(pets: Store) -> None:
    for by in (stores.LENA, stores.RITA):
        with pytest.raises(NotAllowed):
            my_work.my_work(pets, project_id=PROJECT, by=by)
    assert my_work.my_work(pets, project_id=PROJECT, by=stores.ANNA) == my_work.MyWork(None, ())


def test_the_past_is_shown_as_it_was(pets: Store) -> None:
    first = pets.read("score_runs", project_id=PROJECT)["seq"].min()
    assert isinstance(first, int)
    assert my_work.my_work(pets, project_id=PROJECT, by=A0, as_of=first - 1).file is None
    assert my_work.my_work(pets, project_id=PROJECT, by=A0, as_of=first).file is not None
