"""Acting on a bias: the effect before, the decision on record, flags for people, nobody's group given away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.workflows import bias, bias_actions, bias_decisions, bias_mitigation, history
from dashboard.workflows.bias_actions import Wish
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.bias_steps import N_PEOPLE, SECRET, crowd_store
from tests.dashboard.test_bias_effects import with_suggestions

WHY = "the bias statement"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with crowd_store(tmp_path_factory.mktemp("actions") / "store") as store:
        yield store


def proposed(store: Store, wish: Wish) -> bias_actions.Proposal:
    return bias_actions.propose(store, project_id="pets", by=stores.RITA, wish=wish, purpose=WHY)


def test_reweighting_says_what_would_change_before_anybody_decides(crowd: Store) -> None:
    before = crowd.head
    found = proposed(crowd, Wish("reweight", "site", target={"north": 0.2, "south": 0.8}))
    assert (found.expected["changes"] or 0) > 0
    assert found.items.height > 0  # picked by drawn groups, so not just the labels that would change
    assert 0 < (found.expected["n_effective"] or 0) < (found.expected["n_votes"] or 0)
    assert "labels would change" in found.sentence
    assert found.groups["group"].to_list() == ["north", "south"]
    assert crowd.head == before + 1  # the reading of the attribute, nothing else
    assert history.events(crowd, project_id="pets", by=stores.RITA, kinds=["attributes_read"]).total >= 1


@pytest.mark.parametrize(
    "wish",
    [
        Wish("extra-vote", "site", n_items=20),
        Wish("extra-vote", "site", group="north", n_items=20),
        Wish("adjudicate", "site", n_items=20),
    ],
)
def test_a_decision_is_an_event_with_its_effect_and_flags_the_items(tmp_path: Path, wish: Wish) -> None:
    with crowd_store(tmp_path / "store") as store:
        found = proposed(store, wish)
        assert found.items.height == 20
        flagged = bias_actions.commit(
            store, project_id="pets", by=stores.RITA, proposal=found, reason="to balance it"
        )
        assert flagged == 20
        assert store.read("flag_standing", project_id="pets").filter("is_waiting").height == 20
        kept = bias_decisions.decisions(store, "pets", as_of=store.head)[0]
        assert kept.expected == found.sentence
        assert (kept.decided_by, kept.n_flagged, kept.n_settled) == ("rita", 20, 0)
        again = bias_actions.commit(
            store, project_id="pets", by=stores.RITA, proposal=found, reason="once more"
        )
        assert again == 0  # what waits for somebody is not flagged again
        lines = "".join(path.read_text() for path in sorted((tmp_path / "store" / "journal").glob("*.jsonl")))
        decided = [line for line in lines.splitlines() if json.loads(line)["kind"] == "bias_action_committed"]
        assert SECRET not in "".join(decided)
        assert not any(f'"p{person:02d}"' in line for line in decided for person in range(N_PEOPLE))


def test_what_came_in_meanwhile_stops_a_decision(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        found = proposed(store, Wish("adjudicate", "site", n_items=5))
        with_suggestions(store, pull=0.0, n=3, independent=True)
        with pytest.raises(Stale, match="came in"):
            bias_actions.commit(store, project_id="pets", by=stores.RITA, proposal=found, reason="late")


def test_a_comparison_that_came_in_meanwhile_stops_a_decision(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        found = proposed(store, Wish("adjudicate", "site", n_items=5))
        options = bias.BiasOptions(by=("site",), purpose=WHY, replicates=100)
        bias.bias(store, project_id="pets", by=stores.RITA, options=options)
        with pytest.raises(Stale, match="compared by somebody"):
            bias_actions.commit(store, project_id="pets", by=stores.RITA, proposal=found, reason="late")
        again = proposed(store, Wish("adjudicate", "site", n_items=5))
        assert (
            bias_actions.commit(store, project_id="pets", by=stores.RITA, proposal=again, reason="seen") == 5
        )


def test_who_may_and_what_is_refused(crowd: Store) -> None:
    for person in (stores.LARS, stores.ANNA):
        with pytest.raises(NotAllowed):
            bias_actions.propose(
                crowd, project_id="pets", by=person, wish=Wish("adjudicate", "site"), purpose=WHY
            )
    with pytest.raises(BadRequest, match="no action"):
        proposed(crowd, Wish("shout", "site"))
    with pytest.raises(BadRequest, match="no group 'coast'"):
        proposed(crowd, Wish("extra-vote", "site", group=SECRET))
    with pytest.raises(BadRequest, match="no group 'coast'"):
        proposed(crowd, Wish("reweight", "site", target={SECRET: 1.0}))
    with pytest.raises(BadRequest, match="sum 1"):
        proposed(crowd, Wish("reweight", "site", target={"north": 0.5, "south": 0.2}))
    with pytest.raises(BadRequest, match="items at a time"):
        proposed(crowd, Wish("adjudicate", "site", n_items=0))
    found = proposed(crowd, Wish("adjudicate", "site", n_items=5))
    with pytest.raises(BadRequest, match="reason"):
        bias_actions.commit(crowd, project_id="pets", by=stores.RITA, proposal=found, reason="")
    with pytest.raises(NotAllowed):
        bias_actions.commit(crowd, project_id="pets", by=stores.ANNA, proposal=found, reason="why")


def test_mitigation_without_a_model_or_with_unknown_names_is_refused(crowd: Store) -> None:
    def mitigate(attribute: str, label: str) -> None:
        bias_mitigation.mitigate(crowd, project_id="pets", by=stores.LENA, attribute=attribute, label=label)

    with pytest.raises(BadRequest, match="no label 'cow'"):
        mitigate("channel", "cow")
    with pytest.raises(BadRequest, match="train one"):
        mitigate("channel", "dog")
    with pytest.raises(NotAllowed):
        bias_mitigation.mitigate(crowd, project_id="pets", by=stores.ANNA, attribute="channel", label="dog")
