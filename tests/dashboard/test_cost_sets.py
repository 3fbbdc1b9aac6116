"""Labels that are sets: one vote answers every choice, and a plan, its gold and its forecast are of whole sets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dashboard.workflows import cost, cost_outlook, cost_plan, cost_view, ingest, predictions, rates, score
from dashboard.workflows.opening import Store
from dashboard.workflows.rates import Rate
from data.importers.parsed import PREDICTIONS
from tests import stores

P = "topics"
CHOICES = ("bill", "login", "parcel")
N_ITEMS = 200


def names(chosen: NDArray[np.bool_]) -> list[str]:
    return [CHOICES[place] for place in np.flatnonzero(chosen)]


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Letters about none to three topics, three annotators each who err in one topic of ten, gold on every third."""
    folder = tmp_path_factory.mktemp("topics")
    rng = np.random.default_rng(3)
    real = rng.random((N_ITEMS, 3)) < 0.45
    rows = []
    for item in range(N_ITEMS):
        for person in rng.choice(6, 3, replace=False):
            said = real[item] ^ (rng.random(3) < 0.1)
            gold = names(real[item]) if item % 3 == 0 else None
            who = {"item": f"t-{item:03d}", "annotator": f"a{person}", "text": f"A letter {item}"}
            rows.append({**who, "label": names(said), "gold": gold})
    path = folder / "topics.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with stores.empty_store(folder / "store") as store:
        ingest.import_file(
            store,
            path=path,
            project_id=P,
            by=stores.LENA,
            options=ingest.ImportOptions(),
            request=ingest.ImportRequest(level="set"),
        )
        score.score(
            store, project_id=P, by=stores.LENA, options=score.ScoreOptions(replicates=100, figures=False)
        )
        rates.set_rates(
            store,
            project_id=P,
            by=stores.LENA,
            table=[Rate("annotation", Decimal("0.05"), "EUR", date(2026, 8, 1))],
        )
        yield store


def spend(store: Store, gold_price: str | None = None) -> cost_plan.Spending:
    price = None if gold_price is None else Decimal(gold_price)
    found = cost_view.cost_view(store, project_id=P, by=stores.LENA, gold_price=price).spending
    assert found is not None
    return found


def test_sets_are_right_where_all_their_choices_are(topics: Store) -> None:
    seen = spend(topics, "0.50")
    assert seen.undefined is None
    offered = {row["action"]: row for row in seen.offered.to_dicts()}
    assert offered["extra vote"]["accuracy"] == pytest.approx(0.9**3, abs=0.1)
    assert offered["gold label"]["accuracy"] == 1.0
    assert seen.accuracy_now is not None
    assert 0.7 < seen.accuracy_now < 0.99
    assert "fewer than" in str(seen.realised.undefined) or seen.realised.value is not None


def test_gold_for_every_set_is_expected_to_make_every_set_right(topics: Store) -> None:
    seen = spend(topics, "0.50")
    gold = seen.frontier.filter(seen.frontier["action"] == "gold label")
    assert seen.accuracy_now is not None
    assert gold["errors"][-1] == pytest.approx((1 - seen.accuracy_now) * len(seen.item_codes), rel=1e-6)
    made = cost_plan.plan_for(topics, seen, project_id=P, by=stores.LENA, accuracy=0.99)
    assert made.plan.accuracy_then >= 0.99
    assert made.items["cost"].sum() == pytest.approx(made.plan.cost / 1e6)


def test_the_error_of_sets_is_followed_by_votes(topics: Store) -> None:
    seen = cost_view.cost_view(topics, project_id=P, by=stores.LENA).outlook
    assert seen is not None
    assert seen.frontier["n_votes"].to_list() == [1, 2, 3]
    assert seen.frontier["error"][0] == pytest.approx(1 - 0.9**3, abs=0.12)
    assert seen.frontier["error"][2] < seen.frontier["error"][0]


def spoken(seed: int, first: int, right: float) -> tuple[list[int], NDArray[np.bool_]]:
    """A model's answers to the choices of a hundred items, each right in that share."""
    real = np.random.default_rng(3).random((N_ITEMS, 3)) < 0.45
    items = list(range(first, first + 100))
    return items, real[items] ^ (np.random.default_rng(seed).random((100, 3)) >= right)


def bring_probabilities(store: Store, path: Path) -> None:
    """Those of a model that answers one choice in twenty wrong, for the first hundred items."""
    items, said = spoken(7, 0, 0.95)
    lines = [",".join(("item", *CHOICES))]
    lines += [
        f"t-{item:03d}," + ",".join("0.9" if one else "0.2" for one in row)
        for item, row in zip(items, said, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    request = predictions.PredictionsRequest("careful")
    predictions.import_predictions(store, path=path, project_id=P, by=stores.LENA, request=request)


def bring_sets(store: Store) -> None:
    """Whole sets of a model that answers one choice in four wrong, for the last hundred items."""
    items, said = spoken(8, 100, 0.75)
    rows = [
        (f"t-{item:03d}", "hasty", json.dumps(sorted(names(row))), None)
        for item, row in zip(items, said, strict=True)
    ]
    empty = stores.parsed_crowd(n_items=1)
    parsed = replace(
        empty, annotations=empty.annotations.clear(), items=empty.items.clear(), annotators=empty.annotators.clear(),
        predictions=pl.DataFrame(rows, schema=PREDICTIONS, orient="row"), n_rows=len(rows), sha256="7" * 64,
    )  # fmt: skip
    done = ingest.import_parsed(
        store, parsed=parsed, project_id=P, by=stores.LENA, request=ingest.ImportRequest()
    )
    assert done.predictions == 100


def test_models_of_sets_are_on_offer_choice_by_choice(topics: Store, tmp_path: Path) -> None:
    bring_probabilities(topics, tmp_path / "careful.csv")
    bring_sets(topics)
    why = {row["action"]: row["why_not"] for row in spend(topics).offered.to_dicts()}
    assert "no rate by the prediction" in why["LLM vote"]
    priced = Rate("prediction", Decimal("0.001"), "EUR", date(2026, 8, 1))
    rates.set_rates(topics, project_id=P, by=stores.LENA, table=[priced])
    seen = spend(topics)
    offered = {row["action"]: row for row in seen.offered.to_dicts()}
    careful, hasty = (offered[f"prediction of {name}"] for name in ("careful", "hasty"))
    assert careful["price"] == hasty["price"] == pytest.approx(0.001)
    # A set is right where its three answers are; people's own votes, and a prior, are what a model is judged by.
    drawn = [((33 * right + 4 * 0.6) / 37) ** 3 for right in (0.95, 0.75)]  # of 66 items half have a choice
    assert careful["accuracy"] == pytest.approx(drawn[0], abs=0.08)
    assert hasty["accuracy"] == pytest.approx(drawn[1], abs=0.12)
    made = cost_plan.plan_for(topics, seen, project_id=P, by=stores.LENA, budget=Decimal("0.02"))
    bought = made.items.filter(pl.col("action").str.starts_with("prediction of careful"))
    assert bought.height > 0
    assert bought.filter(pl.col("item_id") < "t-100").is_empty()  # it has spoken on these
    view = cost_view.cost_view(topics, project_id=P, by=stores.LENA)
    assert view.spending is not None
    assert view.outlook is not None
    following = view.spending.next_plan
    assert following is not None
    by_action = dict(following.items.group_by("action").agg(pl.col("n").sum()).iter_rows())
    assert by_action["prediction of careful"] > 0
    assert view.votes == cost_outlook.votes_by(
        view.outlook, by_action["extra vote"]
    )  # no prediction waits for people
    ledger = cost.cost(topics, project_id=P, by=stores.LENA, group="outcome").tables[0]
    assert sum(ledger.table["n"]) == 3 * N_ITEMS + 200
