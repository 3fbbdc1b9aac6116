"""Every way to a consensus through the store: its labels, and what each annotator did for one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dashboard.workflows import consensus_methods, item_story, score
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from tests import stores
from tests.crowds import N_LABELS, votes_of

METHODS = [row.key for row in consensus_methods.METHODS if not row.reads_model]


@pytest.fixture
def pets(tmp_path: Path) -> Iterator[Store]:
    with stores.small_store(tmp_path / "store", scored=False) as store:
        yield store


def run(store: Store, method: str) -> score.Score:
    options = score.ScoreOptions(method=method, figures=False)
    return score.score(store, project_id="pets", by=stores.LENA, options=options)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_labels_every_item_and_explains_each_label(pets: Store, method: str) -> None:
    found = run(pets, method)
    assert (found.labels.height, found.method) == (40, method)
    assert found.accuracy_on_gold.value is not None
    assert found.accuracy_on_gold.value >= 0.8
    for item_id in ("item-000", "item-017", "item-039"):
        story = item_story.item_story(pets, project_id="pets", by=stores.RITA, item_id=item_id)
        made = story.contributions
        assert made is not None
        assert story.label is not None
        assert made.label_code == story.label.label_code
        assert set(made.voters["annotator_id"]) == {"a0", "a1", "a2", "a3", "a4"}
        assert made.effective_votes is None or 1 <= made.effective_votes <= 5
        assert story.label.label in made.sentence(story.label.label)


@pytest.mark.parametrize("method", ["dawid-skene-prior", "class", "one-coin", "mace"])
def test_what_the_votes_did_adds_up_to_the_label_s_probability(pets: Store, method: str) -> None:
    run(pets, method)
    for item_id in ("item-001", "item-020"):
        story = item_story.item_story(pets, project_id="pets", by=stores.RITA, item_id=item_id)
        assert story.contributions is not None
        assert story.label is not None
        assert story.contributions.p_label == pytest.approx(story.label.p_label, abs=0.02)


def test_a_model_s_method_without_a_model_says_how_to_get_one(pets: Store) -> None:
    with pytest.raises(BadRequest, match="touchstone predictions"):
        run(pets, "crowdlab")


def test_a_prior_takes_nobody_to_be_certain_on_few_annotations() -> None:
    """One annotator who said 1 once on an item that two others call 0 must not outweigh them."""
    votes = votes_of(
        [(item, a, item % N_LABELS) for item in range(12) for a in (0, 1)] + [(0, 2, 1), (4, 2, 1), (8, 2, 0)]
    )
    likely, careful = (
        consensus_methods.method(key).fit(consensus_methods.Question(votes, N_LABELS)).items
        for key in ("dawid-skene", "dawid-skene-prior")
    )
    surest = {
        name: float(frame.select(pl.col("p_label").max()).item())
        for name, frame in (("ml", likely), ("map", careful))
    }
    assert surest["ml"] == pytest.approx(1.0, abs=1e-9)
    assert surest["map"] < surest["ml"]
    assert (careful["label_code"].to_numpy() == np.arange(12) % N_LABELS).all()


@pytest.mark.parametrize("name", ["act_CF_amt", "act_MS"])
def test_the_prior_is_better_on_real_crowds(datasets: Path, name: str) -> None:
    """In accuracy and in the log loss of gold: the reason why it is the default."""
    from tests.crowds import real_crowd

    crowd = real_crowd(datasets, name)
    loss, right = {}, {}
    for key in ("dawid-skene", "dawid-skene-prior"):
        asked = consensus_methods.Question(crowd.votes, len(crowd.labels))
        items = (
            consensus_methods.method(key)
            .fit(asked)
            .items.join(crowd.gold.select("item_code", gold="label_code"), on="item_code")
        )
        p_gold = items["posterior"].to_numpy()
        chosen = np.array([row[code] for row, code in zip(p_gold, items["gold"], strict=True)])
        loss[key] = float(-np.log(np.maximum(chosen, 1e-12)).mean())
        right[key] = float(items.select((pl.col("label_code") == pl.col("gold")).mean()).item())
    assert loss["dawid-skene-prior"] < 0.8 * loss["dawid-skene"]
    assert right["dawid-skene-prior"] > right["dawid-skene"]
