"""A limit on all annotators at once: one alert names them, another only where somebody joins; nobody on too few; the figure of drift."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import alert_crowd, alert_limits, alerts, drift, drift_people, score
from dashboard.workflows.alert_delivery import message
from dashboard.workflows.alert_figures import CROWD, FALL, watched
from dashboard.workflows.alert_limits import AlertLimit
from dashboard.workflows.drift_windows import windows
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store
from tests import rebuilt, stores
from tests.dashboard.alert_steps import PROJECT, bring, opened, settle
from tests.dashboard.drift_scene import PEOPLE, drifting_store, newest

GOLD = "accuracy_on_gold"


def people(shares: dict[str, float], *, n: int = 100, key: str = GOLD) -> pl.DataFrame:
    """The figure of each annotator as a measurement."""
    row = {
        "key": key,
        "group_kind": "annotator",
        "low": 0.0,
        "high": 1.0,
        "n": n,
        "undefined": None,
        "unit": "share",
        "detail": None,
    }
    return pl.DataFrame(
        [{**row, "group_id": name, "value": share} for name, share in shares.items()], schema=MEASUREMENT
    )


def crowd(**shares: float) -> pl.DataFrame:
    """Thirty people, most of them right in 9 of 10."""
    return people({f"p{n:02d}": 0.9 for n in range(30)} | shares)


def limit(store: Store, key: str = GOLD, value: float | None = 0.8, group: str = CROWD) -> None:
    alert_limits.set_limit(
        store, project_id=PROJECT, by=stores.LENA, key=key, limit=value, reason="Our floor", group=group
    )


def listed(store: Store) -> list[list[str]]:
    """Whom the alerts of all annotators name, newest first."""
    table = alerts.alerts(store, project_id=PROJECT, by=stores.RITA).filter(pl.col("group_kind") == CROWD)
    return [json.loads(names) for names in table["annotators"]]


def test_one_alert_names_everybody_and_another_opens_only_where_somebody_joins(pets: Store) -> None:
    assert opened(pets, crowd(p03=0.5, p07=0.6)) == 0  # no limit yet
    limit(pets)
    assert opened(pets, crowd(p03=0.5, p07=0.6)) == 1
    assert opened(pets, crowd(p03=0.5, p07=0.6)) == 0
    assert opened(pets, crowd(p03=0.5)) == 0
    assert opened(pets, crowd(p03=0.5, p07=0.6, p09=0.55)) == 1
    assert listed(pets) == [["p09"], ["p03", "p07"]]
    newest_one = alerts.alerts(pets, project_id=PROJECT, by=stores.RITA).row(0, named=True)
    assert newest_one["sentence"].startswith("Accuracy on gold: p09 55.0% (")
    assert newest_one["sentence"].endswith(
        ") is surely under the limit of 80.0%; 30 annotators are watched, 2 others are known"
    )
    assert (newest_one["value"], newest_one["n"], newest_one["group_id"]) == (0.55, 100, "")
    assert newest_one["high"] < 0.8


def test_once_it_was_closed_they_are_named_again_only_on_data_that_the_closer_had_not_seen(
    pets: Store,
) -> None:
    limit(pets)
    opened(pets, crowd(p03=0.5))
    bring(pets, seed=4)
    settle(pets, "accepted", "A trainee")
    assert opened(pets, crowd(p03=0.5)) == 0
    assert opened(pets, crowd(p03=0.5, p07=0.5)) == 1
    assert listed(pets)[0] == ["p07"]
    bring(pets, seed=5)
    assert opened(pets, crowd(p03=0.5, p07=0.5)) == 1
    assert listed(pets)[0] == ["p03"]


@pytest.mark.parametrize(
    ("figures", "named"),
    [(crowd(), 0), (crowd(p03=0.74), 0), (crowd(p03=0.6), 1), (people({"a": 0.5}, n=49), 0), (people({"a": 0.5}, n=50), 1),
     (people({f"p{n}": 0.7 for n in range(30)}), 0), (people({"a": 0.7}), 1), (people({f"p{n}": 0.5 for n in range(30)}), 30),
     (people({}), 0)],
)  # fmt: skip
def test_who_is_named_depends_on_how_many_are_watched(figures: pl.DataFrame, named: int) -> None:
    """.7 of 100 is under .8 where one is watched, and what chance does to one of thirty."""
    found = alert_crowd.beyond(figures, AlertLimit(GOLD, 0.8, 50, group_kind=CROWD), watched(GOLD))
    assert len(found.named) == named


def test_those_with_too_few_cost_the_others_nothing() -> None:
    few = people({f"q{n}": 0.5 for n in range(200)}, n=20)
    found = alert_crowd.beyond(
        pl.concat([people({"a": 0.7}), few]), AlertLimit(GOLD, 0.8, 50, group_kind=CROWD), watched(GOLD)
    )
    assert (found.n_watched, [one.annotator_id for one in found.named]) == (1, ["a"])


def test_a_share_whose_cases_hang_together_counts_for_less() -> None:
    wide = people({"a": 0.7}, key="self_consistency_of").with_columns(low=pl.lit(0.53), high=pl.lit(0.87))
    narrow = wide.with_columns(low=pl.lit(0.68), high=pl.lit(0.72))
    asked = AlertLimit("self_consistency_of", 0.8, 50, group_kind=CROWD)
    assert not alert_crowd.beyond(wide, asked, watched(asked.key)).named
    assert alert_crowd.beyond(narrow, asked, watched(asked.key)).named


def test_a_long_list_says_the_first_few_and_counts_the_rest(pets: Store) -> None:
    limit(pets)
    opened(pets, crowd(**{f"p{n:02d}": 0.5 for n in range(6)}))
    said = str(alerts.alerts(pets, project_id=PROJECT, by=stores.RITA)["sentence"][0])
    assert said.startswith("Accuracy on gold: p00 50.0% (")
    assert ") and 2 more are surely under the limit of 80.0%; 30 annotators are watched" in said
    assert len(listed(pets)[0]) == 6


def test_the_webhook_says_how_many_and_not_who(pets: Store) -> None:
    limit(pets)
    opened(pets, crowd(p03=0.5, p07=0.6))
    sent = message(PROJECT, alerts.alerts(pets, project_id=PROJECT, by=stores.RITA).row(0, named=True))
    assert sent["says"] == "Accuracy on gold: 2 annotators, under the limit of 80.0%"
    assert "p03" not in json.dumps(sent)


def test_the_limit_is_named_by_one_word_and_others_are_refused(pets: Store) -> None:
    limit(pets)
    held = alert_limits.limits(pets, PROJECT)[-1]
    assert alert_limits.name_of(held.key, held.group_kind, held.group_id) == "accuracy_on_gold@annotators"
    assert alert_limits.parts_of("accuracy_on_gold@annotators") == (GOLD, CROWD, "")
    with pytest.raises(BadRequest, match="annotator:NAME or annotators"):
        limit(pets, group="")
    with pytest.raises(BadRequest, match="has no groups"):
        limit(pets, "krippendorff_alpha")
    with pytest.raises(BadRequest, match="name annotator:NAME or annotators"):
        limit(pets, group="annotators:bo")
    limit(pets, value=None)
    assert opened(pets, crowd(p03=0.5)) == 0


def test_scoring_names_the_annotator_who_guesses(tmp_path: Path) -> None:
    """In this crowd a4 chooses at random."""
    with stores.small_store(tmp_path / "store") as store:
        bring(store, seed=3, n_items=400)
        limit(store, "agreement_with_others", 0.75)
        score.score(store, project_id=PROJECT, by=stores.LENA, options=score.ScoreOptions(replicates=100))
        assert [set(names) for names in listed(store)] == [{"b3-a4"}]


def test_drift_names_the_annotator_who_changed_and_a_rebuilt_store_says_the_same(tmp_path: Path) -> None:
    with drifting_store(tmp_path / "store") as store:
        limit(store, FALL, -0.05)
        limit(store, "drift_agreement", 0.0, group="")
        drift.measure(store, project_id=PROJECT, by=stores.LENA)
        assert listed(store) == [["a03"]]
        limit(store, FALL, -0.3, group="annotator:a03")  # it was measured of each of them
        seen = newest(store).people.sort("annotator_id")
        moved = (seen["agreed_after"] - seen["agreed_before"]).to_list()
        assert min(moved) == moved[3] < -0.2
        table = alerts.alerts(store, project_id=PROJECT, by=stores.RITA)
        assert table.filter(pl.col("key") == "drift_agreement")["annotators"].to_list() == ['["a03"]']
        said = dict(table.select("key", "sentence").iter_rows())
        assert "; of the window's change +" in said["drift_sequential"]
        assert "from which items came" in said["drift_sequential"]
        for row in table.iter_rows(named=True):
            assert "a03" not in json.dumps(message(PROJECT, row))
        before = rebuilt.tables(store)
    again = rebuilt.tables_of_journal(tmp_path / "store", tmp_path / "again")
    for name in ("alert", "alert_status", "measurement", "drift_run"):
        assert again[name] == before[name]


def test_an_alert_on_agreement_says_whose_fell(tmp_path: Path) -> None:
    with drifting_store(tmp_path / "store", days=77) as store:
        found = windows(store, PROJECT, reference="63d", window="7d", as_of=store.head)
        people_of = drift_people.changes(store, found.rows, seed=0)
    said = drift_people.who_fell(people_of)
    assert said.annotators == ("a03",)
    assert said.words.startswith("the agreement of a03 (8")
    assert said.words.endswith(" with the others) fell beside the others'")
    others = drift_people.who_fell(people_of.filter(pl.col("group_id") != "a03"))
    assert others.words == "nobody's own agreement surely fell beside the others'"

    assert "enough in both windows" in drift_people.who_fell(people_of.clear()).words


def test_drift_names_nobody_where_nobody_changed(tmp_path: Path) -> None:
    with drifting_store(tmp_path / "store", drifting=False) as store:
        limit(store, FALL, 0.0)
        drift.measure(store, project_id=PROJECT, by=stores.LENA)
        assert listed(store) == []
        assert len(alert_limits.groups(store, PROJECT, FALL, "annotator")) == PEOPLE
