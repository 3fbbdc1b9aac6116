"""The passport of a flag: what it rested on, kept as it was; what people made of each reason, and each flag counted once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest

from dashboard.cli.evidence import evidence_of
from dashboard.workflows import (
    adjudicate,
    flag,
    relabel,
    relabel_queue,
    relabel_reveal,
    train,
    uncertainty,
    verdicts,
)
from dashboard.workflows.explain import explain
from dashboard.workflows.explanation_document import document
from dashboard.workflows.flag_passport import SCHEMA, passport_json, passport_of
from dashboard.workflows.item_story import ItemFlag, item_story
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_answers import reason_marks
from dashboard.workflows.relabel_state import flag_state
from dashboard.workflows.rules import Person
from tests import stores
from tests.dashboard.pages import open_page, shown_by, words
from tests.dashboard.scenes import made_anew
from tests.dashboard.topics import TOPICS, P, judge_topics, scored_topics, with_topics


@pytest.fixture
def flagged(tmp_path: Path) -> Iterator[Store]:
    with stores.copied(tmp_path / "store", with_flags) as store:
        yield store


def with_flags(path: Path, keys: Path, clock: stores.SteppingClock) -> Store:
    store = with_topics(path, keys, clock)
    judge_topics(store, n_members=2, n_folds=3)
    flag.raise_flags(store, project_id=P, by=stores.LENA)
    return store


def flag_of(store: Store, key: str) -> tuple[str, ItemFlag]:
    """An item that is flagged for this reason, and its flag."""
    rows = store.read("judgement_flagged", project_id=P)
    ids = dict(store.read("model_items", project_id=P).select("item_code", "item_id").iter_rows())
    for code, text in rows.iter_rows():
        if key in [one["key"] for one in json.loads(text)]:
            return ids[code], item_story(store, project_id=P, by=stores.LENA, item_id=ids[code]).flags[0]
    raise AssertionError(f"nothing is flagged for {key}")


def test_a_flag_keeps_what_it_rested_on(flagged: Store, tmp_path: Path) -> None:
    item_id, found = flag_of(flagged, "model_disagrees")
    seen = found.passport
    assert seen is not None
    assert seen.model is not None
    votes = flagged.read("score_votes", project_id=P)
    code = flagged.read("item_one", project_id=P, item_id=item_id)["item_code"][0]
    assert len(seen.votes) == votes.filter(pl.col("item_code") == code).height
    assert {one.annotator_id for one in seen.votes} <= {f"a{n}" for n in range(4)}
    assert (seen.model.out_of_sample, seen.model.n_members) == ("by_folds", 2)
    assert seen.model.choice in TOPICS
    assert 0 < seen.model.p_label < 1
    assert len(seen.neighbours) == 10
    assert item_id not in {one.item_id for one in seen.neighbours}
    assert (seen.p_wrong, seen.p_undefined) == (None, "0 verdicts are fewer than 50")
    assert {one.key for one in seen.precision} == {one.key for one in found.reasons}
    assert all(one.version == 1 and one.rule.endswith(".") for one in found.reasons)
    train.train(flagged, project_id=P, by=stores.LENA, options=train.TrainOptions(n_members=1, penalty=5.0))
    uncertainty.uncertainty(
        flagged, project_id=P, by=stores.LENA, options=uncertainty.UncertaintyOptions(replicates=100)
    )
    assert flag_of(flagged, "model_disagrees")[1].passport == seen
    with made_anew(flagged, tmp_path) as again:
        assert flag_of(again, "model_disagrees")[1].passport == seen


def test_a_passport_is_read_back_as_it_was(flagged: Store) -> None:
    seen = flag_of(flagged, "model_disagrees")[1].passport
    assert seen is not None
    text = passport_json(seen)
    assert json.loads(text)["schema"] == SCHEMA
    assert passport_of(text) == seen
    bare = replace(seen, model=None, neighbours=(), votes=(), precision=())
    assert passport_of(passport_json(bare)) == bare
    assert passport_of(None) is None


def test_without_a_model_the_passport_says_so(tmp_path: Path) -> None:
    with scored_topics(tmp_path) as store:
        flag.raise_flags(store, project_id=P, by=stores.LENA)
        seen = flag_of(store, "split_vote")[1].passport
        assert seen is not None
        assert (seen.model, seen.neighbours) == (None, ())
        assert seen.p_undefined == "no model was held against the labels yet"
        assert seen.votes


def answered(store: Store, flag_id: str, label: str, person: Person = stores.ANNA) -> None:
    relabel.answer_blind(store, project_id=P, by=person, flag_id=flag_id, label=label)
    shown = relabel_reveal.reveal(store, project_id=P, by=person, flag_id=flag_id)
    verdict = "keep" if label == shown.label else "change"
    relabel.answer(
        store, project_id=P, by=person, flag_id=flag_id, verdict=verdict, label=None if verdict == "keep" else label,
        expected_version=shown.version,
    )  # fmt: skip


def toggled(label: str, choice: str) -> str:
    members = set() if label == "(none)" else set(label.split(" + "))
    return " + ".join(sorted(members ^ {choice})) or "(none)"


def test_a_reason_is_accepted_for_the_choice_that_it_names(flagged: Store) -> None:
    item_id, found = flag_of(flagged, "model_disagrees")
    reason = next(one for one in found.reasons if one.key == "model_disagrees")
    choice = json.loads(reason.evidence)["choice_label"]
    story = item_story(flagged, project_id=P, by=stores.LENA, item_id=item_id)
    assert story.label is not None
    now = story.label.label
    state = flag_state(flagged, P, found.flag_id)
    known = story.label_set
    assert reason_marks(state, None, known)["model_disagrees"] == "undecided"
    assert reason_marks(state, state.label_code, known)["model_disagrees"] == "rejected"
    changed = toggled(now, choice)
    answered(flagged, found.flag_id, changed)
    marks = {key: mark for _, key, mark in flag_of(flagged, "model_disagrees")[1].marks}
    assert marks["model_disagrees"] == "accepted"
    other = next(topic for topic in TOPICS if topic != choice)
    case = adjudicate.case(flagged, project_id=P, by=stores.LENA, flag_id=found.flag_id)
    adjudicate.decide(
        flagged, project_id=P, by=stores.LENA, flag_id=found.flag_id, label=toggled(now, other), reason="seen",
        expected_version=case.evidence.version,
    )  # fmt: skip
    marked = flag_of(flagged, "model_disagrees")[1].marks
    assert (
        "lena",
        "model_disagrees",
        "rejected",
    ) in marked  # the label changed, but not the choice that it named
    record = verdicts.reasons_so_far(flagged, P, ["model_disagrees"])
    assert (record["n_accepted"][0], record["n_rejected"][0]) == (
        0,
        1,
    )  # the flag counts once, by the lead's decision


def test_an_annotator_sees_no_names_and_no_other_items(flagged: Store) -> None:
    work = relabel_queue.next_item(flagged, project_id=P, by=stores.ANNA)
    assert work is not None
    relabel.answer_blind(flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id, label="bill")
    shown = relabel_reveal.reveal(flagged, project_id=P, by=stores.ANNA, flag_id=work.flag_id)
    assert shown.passport is not None
    assert (shown.passport.votes, shown.passport.neighbours) == ((), ())
    assert "gold_disagreement" not in {one.key for one in shown.passport.precision}
    told = json.dumps(evidence_of(shown)["passport"])
    assert SCHEMA in told
    assert '"a0"' not in told


def test_an_explanation_has_the_passport_and_the_items_page_shows_it(flagged: Store) -> None:
    item_id, found = flag_of(flagged, "model_disagrees")
    told = document(explain(flagged, project_id=P, by=stores.RITA, item_id=item_id))["flags"][0]  # type: ignore[index]  # a JSON document
    assert found.passport is not None
    assert told["passport"]["schema"] == SCHEMA
    assert found.passport.model is not None
    assert told["passport"]["model"] == asdict(found.passport.model)
    with shown_by(flagged):
        app = open_page("items", person="rita", project=P, item=item_id)
        text = words(app)
        assert "What the flag rested on" in str([one.label for one in app.expander])
        assert "version 1" in text
        assert "What a model that did not see its label says" in text
