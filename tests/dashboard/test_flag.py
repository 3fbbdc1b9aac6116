"""Flags: every doubt with its reasons and evidence, one an item, and none about what people settled."""

from __future__ import annotations

import json
from datetime import datetime

import polars as pl
import pytest

from analytics.label_errors import REASONS
from dashboard.workflows import adjudicate, flag, ingest, model_reasons, score
from dashboard.workflows.errors import BadRequest, NotAllowed, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from tests import stores
from tests.dashboard.conftest import FLAGS


def raise_flags(store: Store, *, request_id: str | None = None) -> flag.FlagsRaised:
    return flag.raise_flags(store, project_id="pets", by=stores.LENA, options=FLAGS, request_id=request_id)


def flags_of(store: Store) -> pl.DataFrame:
    cursor = store._database.connection.cursor()
    return cursor.execute("SELECT * FROM flag ORDER BY item_code, seq").pl()


def test_every_flag_carries_its_reasons_in_words_with_evidence(pets: Store) -> None:
    raised = raise_flags(pets)
    rows = flags_of(pets)
    assert raised.raised == raised.doubted == rows.height > 5
    assert rows["item_code"].is_unique().all()
    keys = {
        *(one.key for one in REASONS),
        *(one.key for one in model_reasons.REASONS),
        model_reasons.BY_CHANCE.key,
    }
    counted = dict.fromkeys(keys, 0)
    for row in rows.iter_rows(named=True):
        reasons = json.loads(row["reasons"])
        assert row["score"] == max(reason["score"] for reason in reasons)
        for reason in reasons:
            counted[reason["key"]] += 1
            assert reason["score"] >= reason["threshold"] > 0
            assert reason["sentence"].endswith(".")
            assert "{" not in reason["sentence"]
            assert reason["evidence"]
            assert not any(field.endswith("_code") for field in reason["evidence"]), (
                "codes mean nothing later"
            )
    assert counted == dict(raised.by_reason)
    assert counted["low_posterior"]
    assert counted["split_vote"]


def test_a_second_run_raises_nothing_for_items_that_wait(pets: Store) -> None:
    first = raise_flags(pets)
    head = pets.head
    again = raise_flags(pets)
    assert (again.raised, again.run_id, again.doubted) == (0, None, first.doubted)
    assert pets.head == head


def test_a_repeated_request_returns_the_first_run(pets: Store) -> None:
    first = raise_flags(pets, request_id="once")
    assert raise_flags(pets, request_id="once") == first


def test_gold_that_differs_is_a_reason_even_for_a_sure_label(pets: Store) -> None:
    parsed = stores.parsed_crowd(n_items=40, seed=0, name="wrong gold.csv")
    today = pets.read("current_labels", project_id="pets").row(0, named=True)
    other = stores.LABELS[(today["label_code"] + 1) % 3]
    item_id = f"item-{today['item_code']:03d}"
    items = parsed.items.with_columns(
        pl.when(pl.col("item_id") == item_id).then(pl.lit(other)).otherwise("gold").alias("gold")
    )
    object.__setattr__(parsed, "items", items)
    ingest.import_parsed(
        pets, parsed=parsed, project_id="pets", by=stores.LENA, request=ingest.ImportRequest()
    )
    raise_flags(pets)
    (row,) = flags_of(pets).filter(pl.col("item_code") == today["item_code"]).to_dicts()
    assert "gold_disagreement" in {reason["key"] for reason in json.loads(row["reasons"])}


def test_a_settled_item_is_not_doubted_again_unless_somebody_labels_it_anew(flagged: Store) -> None:
    for flag_id in flags_of(flagged)["flag_id"].to_list():
        case = adjudicate.case(flagged, project_id="pets", by=stores.LENA, flag_id=flag_id)
        adjudicate.decide(
            flagged, project_id="pets", by=stores.LENA, flag_id=flag_id, label=str(case.evidence.label),
            reason="looked at it", expected_version=case.evidence.version,
        )  # fmt: skip
    score.score(flagged, project_id="pets", by=stores.LENA, options=score.ScoreOptions(figures=False))
    assert raise_flags(flagged).raised == 0


def test_scoring_meanwhile_makes_the_doubts_stale(pets: Store, clock: stores.SteppingClock) -> None:
    """The clock is looked at between reading and writing; here somebody scores at just that moment."""
    options = score.ScoreOptions(figures=False)

    def scoring_clock() -> datetime:
        pets.clock = clock
        score.score(pets, project_id="pets", by=stores.LENA, options=options)
        return clock()

    pets.clock = scoring_clock
    with pytest.raises(Stale, match="flag it again"):
        raise_flags(pets)
    assert flags_of(pets).is_empty()


@pytest.mark.parametrize("person", [stores.ANNA, stores.RITA])
def test_only_leads_and_administrators_flag(pets: Store, person: Person) -> None:
    with pytest.raises(NotAllowed, match="Team lead"):
        flag.raise_flags(pets, project_id="pets", by=person)


def test_what_cannot_be_flagged_says_why(pets: Store) -> None:
    with pytest.raises(BadRequest, match="no project 'cats'"):
        flag.raise_flags(pets, project_id="cats", by=stores.LENA)
    with pytest.raises(BadRequest, match="between 0 and 1"):
        flag.raise_flags(
            pets, project_id="pets", by=stores.LENA, options=flag.FlagOptions(least_probability=1.0)
        )
    ingest.import_parsed(
        pets, parsed=stores.parsed_crowd(n_items=3), project_id="new", by=stores.LENA,
        request=ingest.ImportRequest(labels=stores.LABELS),
    )  # fmt: skip
    with pytest.raises(BadRequest, match="not scored yet"):
        flag.raise_flags(pets, project_id="new", by=stores.LENA)
