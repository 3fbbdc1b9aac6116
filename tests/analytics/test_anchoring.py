"""The pull of suggestions: planted pulls found, none reported without, by hand and against published intervals."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import fisher_exact
from statsmodels.stats.contingency_tables import StratifiedTable

from analytics.anchoring import (
    ALL_HIDDEN,
    ALL_SHOWN,
    NO_WRONG,
    NOBODY,
    NOT_BOTH,
    anchoring,
    mark_wrong,
)
from analytics.errors import BadColumn, BadOption, MissingColumn


def drawn(
    pulls: list[float], *, per_annotator: int = 200, n_items: int = 600, hidden: float = 0.3, seed: int = 0
) -> pl.DataFrame:
    """Annotators with a skill of 0.8 of 2 labels, suggestions right 4 times in 5, who take over a shown one with `pulls`."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, n_items)
    suggestion = np.where(rng.random(n_items) < 0.8, gold, 1 - gold)
    hard = rng.random(n_items) * 0.4
    annotator = np.arange(len(pulls)).repeat(per_annotator)
    item = np.concatenate([rng.choice(n_items, per_annotator, replace=False) for _ in pulls])
    shown = rng.random(annotator.size) >= hidden
    own = np.where(rng.random(annotator.size) < hard[item], 1 - gold[item], gold[item])
    taken = shown & (rng.random(annotator.size) < np.array(pulls)[annotator])
    return pl.DataFrame(
        {
            "item_code": item,
            "annotator_code": annotator,
            "label_code": np.where(taken, suggestion[item], own),
            "suggestion_code": suggestion[item],
            "is_shown": shown,
            "is_wrong": (suggestion != gold)[item],
        }
    )


def table(n1: int, s1: int, n0: int, s0: int, annotator: int = 0) -> pl.DataFrame:
    """One annotator: of n1 suggestions shown s1 were followed, of n0 hidden ones s0."""
    follows = [True] * s1 + [False] * (n1 - s1) + [True] * s0 + [False] * (n0 - s0)
    return pl.DataFrame(
        {
            "item_code": np.arange(n1 + n0) + 10_000 * annotator,
            "annotator_code": [annotator] * (n1 + n0),
            "label_code": [1 if follow else 0 for follow in follows],
            "suggestion_code": [1] * (n1 + n0),
            "is_shown": [True] * n1 + [False] * n0,
        }
    )


def test_newcombe_1998_table_2() -> None:
    row = anchoring(table(70, 56, 80, 48)).every.annotators.row(0, named=True)
    assert row["pull"] == pytest.approx(0.2)
    assert (round(row["low"], 4), round(row["high"], 4)) == (0.0524, 0.3339)


def test_the_p_values_are_those_of_the_draw() -> None:
    rows = pl.concat([table(30, 25, 20, 9, 0), table(12, 12, 15, 10, 1)])
    found = anchoring(rows).every
    tail = min(fisher_exact([[25, 5], [9, 11]], alternative=side).pvalue for side in ("less", "greater"))
    assert found.annotators["p_value"][0] == pytest.approx(2 * tail)
    tables = [np.array([[25, 5], [9, 11]]), np.array([[12, 0], [10, 5]])]
    assert found.p_value == pytest.approx(StratifiedTable(tables).test_null_odds().pvalue)
    weights = np.array([30 * 20 / 50, 12 * 15 / 27])
    pulls = np.array([25 / 30 - 9 / 20, 1 - 10 / 15])
    assert found.overall.value == pytest.approx(float(weights @ pulls / weights.sum()))


def test_planted_pulls_are_found_where_they_are() -> None:
    rows = drawn([0.0] * 8 + [0.6] * 4, per_annotator=500, seed=1)
    found = anchoring(rows)
    picked = found.wrong.annotators.filter("is_picked")["annotator_code"].to_list()
    assert set(picked) <= {8, 9, 10, 11}
    assert len(picked) >= 3
    assert found.every.p_value is not None
    assert found.every.p_value < 0.001
    low = found.wrong.overall.low
    assert low is not None
    assert low > 0.05
    assert found.wrong.overall.value is not None
    assert found.every.overall.value is not None
    assert found.wrong.overall.value > found.every.overall.value
    pooled = found.every.annotators["pooled"].to_numpy()
    assert pooled[8:].min() > pooled[:8].max()


def test_without_a_pull_none_is_reported_and_the_intervals_cover() -> None:
    covered, small, picked, tested = 0, 0, 0, 0
    for seed in range(100):
        found = anchoring(drawn([0.0] * 12, per_annotator=60, n_items=150, seed=seed)).every
        assert found.overall.low is not None
        assert found.overall.high is not None
        assert found.p_value is not None
        covered += found.overall.low <= 0 <= found.overall.high
        small += found.p_value <= 0.05
        picked += bool(found.annotators["is_picked"].any())
        tested += 1
    assert covered / tested >= 0.90
    assert small / tested <= 0.10
    assert picked / tested <= 0.08


def test_where_whole_items_were_shown_or_hidden_no_pull_is_reported_without_one() -> None:
    """All annotators of an item see the suggestion, or none does; an item's suggestion is right or wrong for all of them."""
    plain, by_item, covered = 0, 0, 0
    for seed in range(100):
        rows = drawn([0.0] * 12, per_annotator=60, n_items=70, seed=seed)
        shown = np.random.default_rng([seed, 1]).random(70) < 0.5
        rows = rows.with_columns(is_shown=pl.Series(shown[rows["item_code"].to_numpy()]))
        plain += (anchoring(rows).every.p_value or 1) <= 0.05
        found = anchoring(rows, by_item=True)
        by_item += (found.every.p_value or 1) <= 0.05
        assert found.every.overall.low is not None
        assert found.every.overall.high is not None
        covered += found.every.overall.low <= 0 <= found.every.overall.high
        assert (found.balance_p is None) == ("is_wrong" not in rows.columns)
    assert plain >= 15  # the draw of annotations is not what was drawn
    assert by_item <= 10
    assert covered >= 90


def test_by_item_a_planted_pull_is_found_and_a_draw_that_went_by_the_item_told() -> None:
    rows = drawn([0.3] * 12, seed=6)
    found = anchoring(rows, by_item=True)
    assert found.every.p_value is not None
    assert found.every.p_value < 0.01
    assert (found.balance_p or 0) > 0.01
    hidden_where_wrong = rows.with_columns(is_shown=pl.col("is_shown") & ~pl.col("is_wrong"))
    assert (anchoring(hidden_where_wrong, by_item=True).balance_p or 1) < 0.001
    assert anchoring(rows.with_columns(is_shown=pl.lit(True)), by_item=True).balance_p is None


def test_intervals_cover_a_planted_pull_that_differs_between_annotators() -> None:
    pulls = [0.1 * (k % 5) for k in range(20)]
    truth = anchoring(drawn(pulls, per_annotator=20_000, n_items=40_000, seed=999)).every.overall.value
    assert truth is not None
    covered = 0
    for seed in range(60):
        found = anchoring(drawn(pulls, per_annotator=80, n_items=200, seed=seed)).every.overall
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered >= 53


def test_a_draw_that_went_by_the_item_is_told_from_chance() -> None:
    rows = drawn([0.2] * 10, seed=3)
    assert (anchoring(rows).balance_p or 0) > 0.01
    hidden_where_wrong = rows.with_columns(is_shown=pl.col("is_shown") & ~pl.col("is_wrong"))
    assert (anchoring(hidden_where_wrong).balance_p or 1) < 0.001


def test_what_was_not_randomised_has_no_figure() -> None:
    rows = drawn([0.5] * 3, seed=4)
    assert anchoring(rows.clear()).every.overall.undefined == NOBODY
    assert anchoring(rows.with_columns(is_shown=pl.lit(True))).every.overall.undefined == ALL_SHOWN
    assert anchoring(rows.with_columns(is_shown=pl.lit(False))).every.overall.undefined == ALL_HIDDEN
    apart = rows.with_columns(is_shown=pl.col("annotator_code") == 0)
    assert anchoring(apart).every.overall.undefined == NOT_BOTH
    assert anchoring(rows.drop("is_wrong")).wrong.overall.undefined == NO_WRONG


def test_few_annotations_give_no_figure_of_ones_own_but_a_pooled_one() -> None:
    found = anchoring(pl.concat([table(9, 9, 9, 1, 0), table(60, 40, 60, 38, 1)])).every.annotators
    assert found["pull"].to_list()[0] is None
    assert "fewer than 10" in found["undefined"][0]
    assert found["undefined"][1] is None
    assert 0 < found["pooled"][0] < 8 / 9


def test_the_order_of_rows_and_the_names_of_codes_change_nothing() -> None:
    rows = drawn([0.0, 0.3, 0.6], per_annotator=40, n_items=50, seed=5)
    mixed = rows.sample(fraction=1, shuffle=True, seed=1).with_columns(pl.col("item_code") * 7 + 3)
    one, other = anchoring(rows), anchoring(mixed)
    assert_frame_equal(one.every.annotators, other.every.annotators)
    assert one.every.overall.low == pytest.approx(other.every.overall.low)


def test_wrong_is_what_differs_from_gold() -> None:
    rows = table(2, 1, 1, 0).with_columns(pl.Series("item_code", [5, 6, 7]))
    gold = pl.DataFrame({"item_code": [5, 6], "label_code": [1, 0]})
    assert mark_wrong(rows, gold)["is_wrong"].to_list() == [False, True, None]


def test_what_cannot_be_is_refused() -> None:
    rows = table(2, 1, 1, 0)
    with pytest.raises(MissingColumn, match="is_shown"):
        anchoring(rows.drop("is_shown"))
    with pytest.raises(MissingColumn, match="suggestion_code"):
        anchoring(rows.drop("suggestion_code"))
    with pytest.raises(BadColumn, match="true or false"):
        anchoring(rows.with_columns(is_shown=pl.lit(1)))
    with pytest.raises(BadColumn, match="nulls"):
        anchoring(rows.with_columns(is_shown=pl.lit(None, dtype=pl.Boolean)))
    with pytest.raises(BadOption, match="min_n"):
        anchoring(rows, min_n=0)
    with pytest.raises(BadOption, match="q="):
        anchoring(rows, q=1.5)
