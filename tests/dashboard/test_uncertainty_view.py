"""Which items the page Uncertainty reads, what a card says of one, and flags of one quadrant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import flag, uncertainty_view
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.item_opinion import item_opinion
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.topics import TOPICS, P, judge_topics, scored_topics


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Read only, but for the last test."""
    with scored_topics(tmp_path_factory.mktemp("topics")) as store:
        judge_topics(store, n_members=2, n_folds=3)
        yield store


def view_of(store: Store) -> uncertainty_view.UncertaintyView:
    found = uncertainty_view.uncertainty_view(store, project_id=P, by=stores.LENA)
    assert found is not None
    return found


def items_of(store: Store, **asked: str) -> pl.DataFrame:
    run_id = view_of(store).run_id
    return uncertainty_view.judged_items(
        store, project_id=P, by=stores.LENA, run_id=run_id, most=None, **asked
    )


def test_the_rows_that_a_page_shows_are_the_first_of_all_of_them(judged: Store) -> None:
    seen, everything = view_of(judged), items_of(judged)
    doubt = [1 - quality for quality in everything["choice_quality"]]
    assert doubt == sorted(doubt, reverse=True)
    first = uncertainty_view.judged_items(judged, project_id=P, by=stores.LENA, run_id=seen.run_id, most=7)
    assert first.equals(everything.head(7))
    together = pl.col("choice_quality") < 0.5
    suspects = items_of(judged, which=uncertainty_view.SUSPECTS)
    assert suspects.equals(everything.filter(pl.col("is_suspect") & together & ~pl.col("is_judged")))
    assert seen.n_suspects == suspects.height > 0
    for quadrant, n in seen.in_quadrant.items():
        own = items_of(judged, which=uncertainty_view.UNSURE, quadrant=quadrant)
        assert own.height == n
        assert own["predictive_entropy"].to_list() == sorted(own["predictive_entropy"], reverse=True)
        both = suspects.filter(pl.col("quadrant") == quadrant)
        assert seen.suspects_in[quadrant] == both.height
        assert items_of(judged, which=uncertainty_view.SUSPECTS, quadrant=quadrant).equals(both)
    with pytest.raises(BadRequest, match="quadrant"):
        items_of(judged, quadrant="hard")
    with pytest.raises(BadRequest, match="order"):
        items_of(judged, which="first")


def test_what_the_model_says_of_one_item(judged: Store) -> None:
    one = item_opinion(judged, project_id=P, by=stores.RITA, item_id="t-001")
    assert one is not None
    row = next(row for row in items_of(judged).iter_rows(named=True) if row["item_id"] == "t-001")
    assert (one.label, one.other_label, one.p_label) == (row["label"], row["other_label"], row["p_label"])
    assert one.quadrant == row["quadrant"]
    assert (one.n_members, one.device) == (2, "cpu")
    assert [name for name, _, _ in one.choices] == list(TOPICS)
    assert " + ".join(name for name, given, _ in one.choices if given) == one.label
    assert item_opinion(judged, project_id=P, by=stores.RITA, item_id="nobody") is None
    with pytest.raises(NotAllowed):
        item_opinion(judged, project_id=P, by=stores.ANNA, item_id="t-001")


def test_a_flag_of_a_quadrant_needs_a_model(tmp_path: Path) -> None:
    with scored_topics(tmp_path) as plain, pytest.raises(BadRequest, match="touchstone uncertainty"):
        flag.raise_flags(plain, project_id=P, by=stores.LENA, options=flag.FlagOptions(quadrant="model"))


def test_flags_of_one_quadrant_alone(judged: Store) -> None:
    seen = view_of(judged)
    quadrant = max(seen.in_quadrant, key=lambda key: seen.in_quadrant[key])
    raised = flag.raise_flags(
        judged, project_id=P, by=stores.LENA, options=flag.FlagOptions(quadrant=quadrant)
    )
    flagged = judged.read("judgement_flagged", project_id=P)
    rows = judged.read("judgement_items", project_id=P, run_id=seen.run_id, item_code=-1)
    assert raised.raised == flagged.height
    assert set(flagged.join(rows, on="item_code")["quadrant"]) == {quadrant}
    for options in (flag.FlagOptions(quadrant="hard"), flag.FlagOptions(quadrant="both", random_checks=3)):
        with pytest.raises(BadRequest, match="quadrant"):
            flag.raise_flags(judged, project_id=P, by=stores.LENA, options=options)
