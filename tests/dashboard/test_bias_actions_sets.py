"""Acting on a bias where labels are sets: choice by choice what is expected, whole items that people are asked about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import bias_actions, bias_decisions
from dashboard.workflows.bias_actions import Proposal, Wish
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.bias_steps import N_PEOPLE, SECRET
from tests.dashboard.pages import open_page, shown_by, words
from tests.dashboard.test_bias_sets import P, sets_store

WHY = "the bias statement"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """People of the south put a dog into sets more often; on the car nobody differs."""
    with sets_store(tmp_path_factory.mktemp("set-actions"), gap=0.5) as store:
        yield store


def proposed(store: Store, wish: Wish) -> Proposal:
    return bias_actions.propose(store, project_id=P, by=stores.RITA, wish=wish, purpose=WHY)


def by_choice(found: Proposal) -> dict[str, dict[str, float]]:
    return {row["choice"]: row for row in found.choices.iter_rows(named=True)}


def test_settling_names_the_choice_that_groups_see_otherwise(scenes: Store) -> None:
    found = proposed(scenes, Wish("adjudicate", "site", n_items=20))
    assert "most often on “dog”" in found.sentence
    told = by_choice(found)
    assert told["dog"]["items_apart"] > 1.5 * told["car"]["items_apart"]
    assert (found.expected["share_apart"] or 0) > (found.expected["share_by_chance"] or 1)
    assert set(found.items.columns) == {"item_id", "choices"}
    assert found.items.height == 20
    assert found.items["item_id"].is_unique().all()


def test_where_groups_do_not_differ_settling_says_that_chance_does_as_much(tmp_path: Path) -> None:
    with sets_store(tmp_path, gap=0.0) as store:
        found = proposed(store, Wish("adjudicate", "site", n_items=20))
        assert found.expected["share_apart"] == pytest.approx(found.expected["share_by_chance"], abs=0.08)


def test_one_more_vote_goes_to_items_that_hang_by_a_vote_in_some_choice(scenes: Store) -> None:
    """By hand: the least lead of in over out, over choices, of each item."""
    found = proposed(scenes, Wish("extra-vote", "site", n_items=200))
    items = found.items
    assert items["margin"].is_sorted()
    label_set = bias_actions_label_set(scenes)
    votes = scenes.read("score_votes", project_id=P).join(
        scenes.read("import_known_items", project_id=P), on="item_code"
    )
    for row in items.sample(30, seed=1).iter_rows(named=True):
        own = [set(label_set[code]) for code in votes.filter(item_id=row["item_id"])["label_code"]]
        lead = {name: abs(2 * sum(name in one for one in own) - len(own)) for name in ("car", "dog")}
        assert row["margin"] == min(lead.values())
        assert lead[row["choice"]] == row["margin"]
    told = by_choice(found)
    assert told["dog"]["gap_before"] > told["car"]["gap_before"] + 0.05
    assert next(iter(told)) == "dog"  # the widest gap is said first
    assert "widest on “dog”" in found.sentence
    assert told["dog"]["gap_low"] <= told["dog"]["gap_after"] <= told["dog"]["gap_high"]


def bias_actions_label_set(store: Store) -> dict[int, list[str]]:
    """The members of each set, by its code."""
    from dashboard.workflows.label_sets import require_label_set

    known = require_label_set(store, P)
    return {code: json.loads(known.json_of(code)) for code in known.codes}


def test_reweighting_changes_sets_in_the_choice_that_groups_lean_on(scenes: Store) -> None:
    found = proposed(scenes, Wish("reweight", "site", target={"north": 0.1, "south": 0.9}))
    told = by_choice(found)
    assert told["dog"]["changes"] > told["car"]["changes"]
    assert 0 < (found.expected["changes"] or 0) <= (found.expected["choice_changes"] or 0)
    assert (found.expected["n_effective"] or 0) < (found.expected["n_votes"] or 0)
    assert found.groups["group"].to_list() == ["north", "south"]


@pytest.mark.parametrize("action", ["reweight", "extra-vote", "adjudicate"])
def test_a_decision_flags_the_items_and_names_no_hidden_group(tmp_path: Path, action: str) -> None:
    with sets_store(tmp_path, gap=0.5) as store:
        target = {"north": 0.1, "south": 0.9} if action == "reweight" else None
        found = proposed(store, Wish(action, "site", target=target, n_items=5))
        flagged = bias_actions.commit(
            store, project_id=P, by=stores.RITA, proposal=found, reason="to mend it"
        )
        assert flagged == found.items.height > 0
        kept = bias_decisions.decisions(store, P, as_of=store.head)[-1]
        assert kept.expected.startswith(found.sentence)
        lines = "".join(path.read_text() for path in sorted((store.path / "journal").glob("*.jsonl")))
        decided = [line for line in lines.splitlines() if json.loads(line)["kind"] == "bias_action_committed"]
        assert SECRET not in "".join(decided)
        assert not any(f'"p{person:02d}"' in line for line in decided for person in range(N_PEOPLE))


def test_where_every_set_is_empty_nothing_can_be_proposed(
    scenes: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard.workflows import bias_set_proposals

    monkeypatch.setattr(bias_set_proposals, "choices_asked", lambda sources: [])
    with pytest.raises(BadRequest, match="Every set so far is empty"):
        proposed(scenes, Wish("adjudicate", "site"))


def test_the_page_shows_what_is_expected_of_each_choice(scenes: Store) -> None:
    with shown_by(scenes):
        app = open_page("bias", project=P, person="rita", section="actions")
        app.selectbox(key="bias_action").set_value("extra-vote")
        app.text_input(key="bias_action_purpose").set_value(WHY).run()
        app.button(key="bias_propose").click().run()
        assert "widest on “dog”" in words(app).replace("\\", "")
        assert any(
            {"dog", "car"} <= set(pl.Series(frame.value.iloc[:, 0]).to_list()) for frame in app.dataframe
        )
