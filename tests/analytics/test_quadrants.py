from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analytics.disagreement import human_disagreement
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.intervals import wilson
from analytics.quadrants import QUADRANTS, quadrants, upper_limit
from analytics.uncertainty import uncertainty

PEOPLE = pl.DataFrame({"item_code": [0, 1, 2, 3, 4], "disagreement": [0.5, 0.4, 0.1, 0.0, None]})
MODEL = pl.DataFrame({"item_code": [3, 2, 1, 0, 4, 9], "uncertainty": [0.1, 0.8, 0.1, 0.9, 0.9, 0.2]})


def test_by_hand() -> None:
    found = quadrants(PEOPLE, MODEL, model_limit=0.8, people_limit=0.4)
    assert found.items.get_column("item_code").to_list() == [0, 1, 2, 3, 4, 9]
    kinds = ["both", "people", "model", "neither", "cannot tell", "cannot tell"]
    assert found.items.get_column("quadrant").to_list() == kinds
    assert found.counts.get_column("quadrant").to_list() == list(QUADRANTS)
    assert found.counts.get_column("n").to_list() == [1, 1, 1, 1, 2]
    assert found.counts.get_column("share").to_list() == [0.25, 0.25, 0.25, 0.25, None]
    expected = wilson(1, 4)
    assert found.counts.row(0)[3:] == (expected.low, expected.high)
    assert found.counts.row(4)[3:] == (None, None)
    assert (found.people_limit, found.model_limit, found.n_items) == (0.4, 0.8, 6)


def test_planted_items_land_where_they_were_planted() -> None:
    """Four hundred items of each sort: seven annotators, five members of a model, three labels."""
    rng = np.random.default_rng(6)
    planted = np.repeat(["both", "people", "model", "neither"], 400)
    people_hard, model_hard = np.isin(planted, ["both", "people"]), np.isin(planted, ["both", "model"])
    known = rng.integers(0, 3, 1600)
    p_right = np.where(people_hard, 0.5, 0.97)
    right = rng.random((1600, 7)) < p_right[:, None]
    labels = np.where(right, known[:, None], (known[:, None] + 1) % 3)
    votes = pl.DataFrame(
        {
            "item_code": np.repeat(np.arange(1600), 7),
            "annotator_code": np.tile(np.arange(7), 1600),
            "label_code": labels.ravel(),
        }
    )
    sure = np.where(model_hard, 0.2, 0.9)[None, :, None]
    samples = sure * np.eye(3)[known] + (1 - sure) * rng.dirichlet(np.ones(3), (5, 1600))
    figures = uncertainty(samples).frame(np.arange(1600))
    found = quadrants(
        human_disagreement(votes, n_labels=3),
        figures.select("item_code", uncertainty="predictive_entropy"),
        model_limit=0.6,
    )
    landed = found.items.get_column("quadrant").to_numpy()
    for quadrant in ("both", "people", "model", "neither"):
        assert (landed[planted == quadrant] == quadrant).mean() > 0.85
    assert found.counts.get_column("n").sum() == 1600
    assert found.counts.row(4, named=True)["n"] == 0


def test_items_with_one_vote_cannot_be_told() -> None:
    votes = pl.DataFrame({"item_code": [0, 1, 1], "annotator_code": [0, 0, 1], "label_code": [0, 1, 1]})
    model = pl.DataFrame({"item_code": [0, 1], "uncertainty": [0.9, 0.9]})
    found = quadrants(human_disagreement(votes, n_labels=2), model, model_limit=0.5)
    assert found.items.get_column("quadrant").to_list() == ["cannot tell", "model"]


def test_order_of_rows_changes_nothing() -> None:
    one = quadrants(PEOPLE, MODEL, model_limit=0.5)
    two = quadrants(PEOPLE.reverse(), MODEL.reverse(), model_limit=0.5)
    assert_frame_equal(one.items, two.items)
    assert_frame_equal(one.counts, two.counts)


def test_where_nothing_can_be_told_there_are_no_shares() -> None:
    for people, model in ((PEOPLE.clear(), MODEL.clear()), (PEOPLE, MODEL.clear())):
        found = quadrants(people, model, model_limit=0.5)
        assert found.counts.get_column("share").null_count() == len(QUADRANTS)
        assert found.counts.get_column("n").to_list() == [0, 0, 0, 0, people.height]


def test_a_limit_for_a_share() -> None:
    values = np.random.default_rng(0).random(1000)
    limit = upper_limit(values, share=0.2)
    assert limit is not None
    assert (values >= limit).sum() == 200
    assert upper_limit(np.array([0.0, 1.0, 1.0, 1.0]), share=0.2) is None
    assert upper_limit(np.empty(0)) is None


def test_misuse_is_refused() -> None:
    with pytest.raises(MissingColumn, match="uncertainty"):
        quadrants(PEOPLE, PEOPLE, model_limit=0.5)
    with pytest.raises(BadColumn, match="once"):
        quadrants(pl.concat([PEOPLE, PEOPLE]), MODEL, model_limit=0.5)
    with pytest.raises(BadColumn, match="finite"):
        quadrants(PEOPLE, MODEL.with_columns(uncertainty=pl.lit(float("nan"))), model_limit=0.5)
    with pytest.raises(BadOption, match="model_limit"):
        quadrants(PEOPLE, MODEL, model_limit=float("nan"))
    with pytest.raises(BadOption, match="people_limit"):
        quadrants(PEOPLE, MODEL, model_limit=0.5, people_limit=1.0)
    with pytest.raises(BadOption, match="share"):
        upper_limit(np.ones(3), share=0.0)
    with pytest.raises(BadOption, match="values"):
        upper_limit(np.array([np.nan]))
