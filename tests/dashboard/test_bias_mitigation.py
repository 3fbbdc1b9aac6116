"""Mitigation of a model's labels: the effect before, the decision as a run of its own, who may, and what stays as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dashboard.workflows import bias_evening, bias_mitigation, history, model_runs
from dashboard.workflows.bias_evening import decide
from dashboard.workflows.bias_mitigation import MitigationView, mitigate
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.predictions import probabilities
from tests import stores
from tests.dashboard.bias_steps import crowd_store, leaning_model, more_votes

P, RUN = "pets", "leaning"
THRESHOLDS, PARITY = "a threshold for each group", "demographic_parity"


@pytest.fixture(scope="module")
def leaning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, MitigationView]]:
    """A store with a model that says dog more often of mails, and what mitigation would make of it."""
    with crowd_store(tmp_path_factory.mktemp("mitigation") / "store") as store:
        leaning_model(store, RUN)
        seen = mitigate(store, project_id=P, by=stores.RITA, attribute="channel", label="dog", replicates=100)
        yield store, seen


def kept(store: Store, seen: MitigationView, name: str = "", **others: str) -> str:
    wanted = {"method": THRESHOLDS, "constraint": PARITY, "reason": "mails are no dogs", **others}
    return decide(store, project_id=P, by=stores.RITA, seen=seen, name=name, **wanted)


def gap(store: Store, run: str) -> float:
    """How much more often the run says dog of mails than of chats."""
    codes, table = probabilities(store, project_id=P, model_run=run)
    items = store.read("import_known_items", project_id=P)
    number = items.sort("item_code")["item_id"].str.slice(5).cast(pl.Int64).to_numpy()
    assert codes.size == number.size
    is_dog, is_mail = table.argmax(axis=1) == 1, number % 2 == 1
    return float(is_dog[is_mail].mean() - is_dog[~is_mail].mean())


def test_the_price_is_said_before_anybody_decides(leaning: tuple[Store, MitigationView]) -> None:
    _store, seen = leaning
    best = bias_mitigation.best_row(seen)
    assert best is not None
    words = bias_mitigation.price_words(seen, best)
    assert "Evening out “dog” by channel" in words
    assert "points of accuracy [" in words
    assert "the gap goes from" in words
    assert seen.standard == "the people's labels"  # of gold there is too little


def test_a_decision_keeps_the_mitigated_labels_as_a_run_with_its_price(
    leaning: tuple[Store, MitigationView],
) -> None:
    store, seen = leaning
    run = kept(store, seen, name="even")
    assert run == "even"
    assert abs(gap(store, RUN)) > 0.25
    assert abs(gap(store, run)) < abs(gap(store, RUN)) / 2
    stored = model_runs.require_model_run(store, project_id=P)
    told = json.loads(str(stored["provenance"]))
    assert (stored["model_run"], told["from"], told["by"]) == ("even", RUN, "mitigation")
    row = seen.found.table.filter(method=THRESHOLDS, constraint=PARITY).row(0, named=True)
    assert told["price"] == row["price"]
    found = bias_evening.decided(store, project_id=P, by=stores.LARS).row(0, named=True)
    assert (found["decided_by"], found["reason"]) == ("rita", "mails are no dogs")
    events = history.events(store, project_id=P, by=stores.RITA, kinds=["bias_mitigated"]).rows
    assert "because: mails are no dogs" in events["words"][0] or "mails are no dogs" in events["words"][0]


def test_probabilities_only_change_places(leaning: tuple[Store, MitigationView]) -> None:
    """What the model says of items whose label stays is as it was; of others two labels have each other's probability."""
    store, seen = leaning
    run = kept(store, seen, name="swapped")
    codes, before = probabilities(store, project_id=P, model_run=RUN)
    same, after = probabilities(store, project_id=P, model_run=run)
    assert (codes == same).all()
    assert np.sort(after, axis=1) == pytest.approx(np.sort(before, axis=1))
    changed = (after != before).any(axis=1)
    assert 0 < changed.sum() < codes.size / 2
    assert (after.argmax(axis=1) != before.argmax(axis=1))[changed].all()


def test_who_may_and_what_is_refused(leaning: tuple[Store, MitigationView]) -> None:
    store, seen = leaning
    head = store.head
    for person in (stores.LARS, stores.ANNA):
        with pytest.raises(NotAllowed):
            decide(
                store, project_id=P, by=person, seen=seen, method=THRESHOLDS, constraint=PARITY, reason="why"
            )
    with pytest.raises(BadRequest, match="needs a reason"):
        kept(store, seen, reason="  ")
    with pytest.raises(BadRequest, match="Nothing is known of 'prayer'"):
        kept(store, seen, method="prayer")
    with pytest.raises(BadRequest, match="Nothing is known of"):
        kept(store, seen, method="as it is")
    with pytest.raises(BadRequest, match="there already"):
        kept(store, seen, name=RUN)
    assert store.head == head


def test_what_came_in_meanwhile_stops_a_decision(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        leaning_model(store, RUN)
        seen = mitigate(store, project_id=P, by=stores.RITA, attribute="channel", label="dog", replicates=100)
        more_votes(store, [("item-000", "new-0", "cat")])
        with pytest.raises(Stale, match="came in"):
            kept(store, seen)
