"""Attacks on who belongs to a group: by somebody who has the whole record of what was decided and measured, and not the keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analytics.frames import IntArray
from analytics.panel_weights import reweighted
from analytics.vote_routing import Flags, drawn_groups
from dashboard.workflows import bias, bias_behind, bias_statement, bias_view
from dashboard.workflows.bias_actions import said_by_groups
from dashboard.workflows.bias_groups import LEAST_PEOPLE
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.bias_steps import SECRET, SITES, crowd_store, more_votes

N_PEOPLE, N_ITEMS = 40, 1000


def a_crowd(rng: np.random.Generator) -> pl.DataFrame:
    """Six votes an item; nobody's vote depends on their group, so votes alone tell nothing of it."""
    people = np.argsort(rng.random((N_ITEMS, N_PEOPLE)), axis=1)[:, :6]
    items = np.repeat(np.arange(N_ITEMS), 6)
    said = rng.random(items.size) < np.where(items % 2 == 1, 0.7, 0.3)
    return pl.DataFrame(
        {
            "item_code": items,
            "annotator_code": people.ravel(),
            "label_code": said.astype(np.int64),
            "order": np.arange(items.size),
        }
    )


def best_guess(votes: pl.DataFrame, listed: Flags, own: IntArray) -> float:
    """Who said the same on listed items, more than on others, is guessed to be of one group: the share of people guessed right."""
    signed = np.zeros((N_PEOPLE, N_ITEMS))
    item, person = votes["item_code"].to_numpy(), votes["annotator_code"].to_numpy()
    signed[person, item] = votes["label_code"].to_numpy() * 2 - 1

    def alike(places: Flags) -> tuple[np.ndarray, np.ndarray]:
        part = signed[:, places]
        return part @ part.T, np.abs(part) @ np.abs(part).T

    (inside, n_inside), (outside, n_outside) = alike(listed), alike(~listed)
    more = inside - n_inside * outside / np.maximum(n_outside, 1)
    np.fill_diagonal(more, 0)
    right = float(((np.linalg.eigh(more)[1][:, -1] > 0) == own).mean())
    return max(right, 1 - right)


@pytest.mark.parametrize("action", ["adjudicate", "reweight"])
def test_the_list_of_items_tells_no_more_than_the_drawn_groups(action: str) -> None:
    """A list of items picked by the groups themselves names nearly everybody's; by drawn groups three in four, at most, and chance."""
    rng, own = np.random.default_rng(5), np.repeat([0, 1], N_PEOPLE // 2)

    def listed(votes: pl.DataFrame, group: IntArray) -> Flags:
        of = pl.DataFrame({"annotator_code": np.arange(N_PEOPLE), "group_code": group})
        if action == "adjudicate":
            found = said_by_groups(votes, of).filter(pl.col("n_labels") > 1)
        else:
            found = reweighted(votes, of, {0: 0.2, 1: 0.8}, n_labels=2).changes
        return np.isin(np.arange(N_ITEMS), found["item_code"].to_numpy())

    plain, drawn = [], []
    for _ in range(8):
        votes = a_crowd(rng)
        plain.append(best_guess(votes, listed(votes, own), own))
        asked_as = drawn_groups(own, 2, rng=rng)
        drawn.append(best_guess(votes, listed(votes, asked_as), own))
    assert np.mean(plain) > 0.9  # the attack works
    assert np.mean(drawn) < 0.75 + 0.05


def compared(store: Store, *by: str) -> pl.DataFrame:
    options = bias.BiasOptions(by=by, purpose="the statement", replicates=100)
    return bias.bias(store, project_id="pets", by=stores.RITA, options=options).gaps


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two sites of 20 people, a hidden one of three, three who did not say; compared by everything there is."""
    with crowd_store(tmp_path_factory.mktemp("attacks") / "store") as store:
        compared(store, "site", "team", "site+team", "channel")
        yield store


def published(store: Store) -> pl.DataFrame:
    found = bias_view.bias_view(store, project_id="pets", by=stores.LARS)
    assert found is not None
    return found.gaps


def test_totals_less_what_is_published_are_of_enough_people(crowd: Store) -> None:
    """The attack: everybody, less the groups of an attribute that are shown, is who is not shown. They are a group's least, or nobody."""
    people = crowd.read("score_votes", project_id="pets")["annotator_code"].n_unique()
    rates = published(crowd).filter(side="annotator", measure="label_rate")
    size = dict(zip(rates["attribute"] + " " + rates["group"], rates["n_annotators"], strict=True))
    assert (size["site north"], size["team a"]) == (20, 23)  # of two groups one row says both
    assert people - 2 * size["site north"] == 6 >= LEAST_PEOPLE
    assert people - 2 * size["team a"] == 0
    cells = rates.filter(attribute="site + team")
    assert (cells["n_annotators"] >= LEAST_PEOPLE).all()
    for team in (
        "a",
        "b",
    ):  # a team less its cells that are shown: nobody alone, and those who did not say among them
        shown = cells.filter(pl.col("group").str.ends_with(f" {team}"))["n_annotators"].sum()
        assert 23 - shown > 1


def test_a_small_group_alone_takes_another_with_it(tmp_path: Path) -> None:
    """Where everybody said, the three of the coast would be everybody less the two that are shown."""
    with crowd_store(tmp_path / "store") as store:
        store.vault.put({f"p{p:02d}": {"site": "north"} for p, site in enumerate(SITES) if not site})
        options = bias.BiasOptions(by=("site",), purpose="the statement", replicates=100)
        run = bias.bias(store, project_id="pets", by=stores.RITA, options=options)
        assert run.gaps.is_empty()
        assert "fewer than two groups" in run.untested["reason"][0]
        told = bias_statement.document(bias_statement.statement(store, project_id="pets", by=stores.RITA))
        assert SECRET not in json.dumps(told)


def test_no_way_out_holds_a_hidden_group(crowd: Store) -> None:
    """CSV, JSON, the statement's page, the record of runs and events."""
    gaps = published(crowd)
    told = bias_statement.statement(crowd, project_id="pets", by=stores.RITA)
    ways = [
        bias_behind.gaps_csv(gaps).decode(),
        json.dumps(gaps.to_dicts()),
        json.dumps(bias_statement.document(told)),
        "".join(crowd.read("score_runs", project_id="pets")["parameters"]),
        "".join(path.read_text() for path in (crowd.path / "journal").glob("*.jsonl")),
    ]
    for text in ways:
        assert SECRET not in text


def test_two_statements_differ_by_no_single_person(tmp_path: Path) -> None:
    """The attack: the statement of one release less that of the next, with one person more in a group between them."""
    with crowd_store(tmp_path / "store") as store:
        compared(store, "site", "site+team")
        first = store.head
        new = {"new-0": {"site": "south", "team": "a"}}
        more_votes(store, [(f"item-{i:03d}", "new-0", "dog") for i in range(9)], new)
        compared(store, "site", "site+team")
        documents = [
            bias_statement.document(bias_statement.read_statement(store, "pets", as_of=seq))
            for seq in (first, store.head)
        ]
        assert documents[0]["findings"] == documents[1]["findings"]
        assert documents[0]["not_testable"] == documents[1]["not_testable"]
        assert documents[0]["n_tested"] == documents[1]["n_tested"]
        seen = [bias_view.read_view(store, "pets", as_of=seq) for seq in (first, store.head)]
        assert seen[0] is not None
        assert seen[1] is not None
        assert seen[0].gaps.equals(seen[1].gaps)  # the address bar goes to any moment (as_of)
