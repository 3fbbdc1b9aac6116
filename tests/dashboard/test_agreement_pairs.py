"""Annotators two by two: the figures of a matrix, its items, and what the page shows of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import cohen_kappa_score

from analytics.intervals import wilson
from dashboard.workflows import agreement_pairs
from dashboard.workflows.errors import NotAllowed
from dashboard.workflows.opening import Store
from tests import stores
from tests.crowds import accurate, drawn_crowd
from tests.dashboard.pages import checked, open_page, shown_by, words
from tests.stores import ANNA, LENA, PROJECT, annotated_store


@pytest.fixture
def ordered(tmp_path: Path) -> Iterator[Store]:
    """The crowd of `stores`, its labels in an order."""
    with annotated_store(tmp_path / "store", stores.parsed_crowd().annotations, level="ordinal") as store:
        yield store


def of(store: Store) -> agreement_pairs.Pairs:
    found = agreement_pairs.pairs(store, project_id=PROJECT, by=LENA)
    assert found is not None
    return found


def test_every_pairs_figures_are_its_items(ordered: Store) -> None:
    seen = of(ordered)
    given = {
        person: dict(own.select("item_id", "label").iter_rows())
        for (person,), own in stores.parsed_crowd().annotations.group_by("annotator_id")
    }
    wanted = {}
    for a, b in combinations(sorted(str(person) for person in given), 2):
        both = sorted(given[a].keys() & given[b].keys())
        if both:
            wanted[a, b] = ([given[a][item] for item in both], [given[b][item] for item in both])
    assert seen.table.select("annotator_a", "annotator_b").rows() == sorted(wanted)
    for (a, b), (mine, theirs) in wanted.items():
        row = seen.of(b, a)
        assert row is not None
        share = wilson(sum(x == y for x, y in zip(mine, theirs, strict=True)), len(mine))
        assert (row["agreement"], row["agreement_low"], row["agreement_high"], row["n"]) == pytest.approx(
            (share.value, share.low, share.high, share.n)
        )
        for column, weights in (("kappa", None), ("weighted_kappa", "quadratic")):
            peer = cohen_kappa_score(mine, theirs, labels=stores.LABELS, weights=weights)
            assert row[column] == pytest.approx(peer)
        items = agreement_pairs.pair_items(ordered, project_id=PROJECT, by=LENA, annotator_a=a, annotator_b=b)
        assert items.height == row["n"]
        assert items["differs"].mean() == pytest.approx(1 - share.value)  # type: ignore[operator]  # it has one


def test_a_matrix_is_the_same_from_both_sides_and_has_what_its_hover_says(ordered: Store) -> None:
    seen = of(ordered)
    for figure in seen.figures:
        cells = seen.cells(figure)
        assert cells.height == 2 * seen.table.height
        turned = cells.rename({"row": "column", "column": "row"}).select(cells.columns)
        assert cells.sort("row", "column").equals(turned.sort("row", "column"))
        assert cells["n"].null_count() == 0
    percent = seen.cells(seen.figures[-1])
    assert percent["low"].null_count() == percent["high"].null_count() == 0


def test_labels_without_an_order_have_no_weighted_kappa(pets: Store) -> None:
    seen = of(pets)
    assert [figure.key for figure in seen.figures] == ["kappa", "percent"]
    assert not any(name.startswith("weighted") for name in seen.table.columns)


@pytest.mark.parametrize(("repeats", "label"), [("count", "cat"), ("first", "cat"), ("last", "dog")])
def test_of_several_labels_the_items_show_the_one_that_the_figure_took(
    tmp_path: Path, repeats: str, label: str
) -> None:
    rows = [
        ("x", "a0", "cat", 1),
        ("x", "a1", "cat", 2),
        ("y", "a0", "dog", 3),
        ("y", "a1", "dog", 4),
        ("x", "a0", "dog", 5),
    ]
    given = pl.DataFrame(rows, schema=["item_id", "annotator_id", "label", "row"], orient="row")
    with annotated_store(tmp_path / "store", given, repeats=repeats) as store:
        seen = of(store)
        items = agreement_pairs.pair_items(
            store, project_id=PROJECT, by=LENA, annotator_a="a0", annotator_b="a1", repeats=seen.repeats
        )
        assert items.filter(pl.col("item_id") == "x")["label_a"].to_list() == [label]
        row = seen.of("a0", "a1")
        assert row is not None
        assert row["agreement"] == pytest.approx(1 - float(items["differs"].mean()))  # type: ignore[arg-type]  # a number


def test_who_may_see_pairs(pets: Store) -> None:
    with pytest.raises(NotAllowed):
        agreement_pairs.pairs(pets, project_id=PROJECT, by=ANNA)
    with pytest.raises(NotAllowed):
        agreement_pairs.pair_items(pets, project_id=PROJECT, by=ANNA, annotator_a="a0", annotator_b="a1")


def test_the_page_remembers_the_figure_and_the_pair_in_its_address(ordered: Store) -> None:
    with shown_by(ordered):
        page = open_page("agreement", person="lena", project=PROJECT)
        assert "Cohen's kappa of each pair" in words(page)
        page.selectbox(key="address_figure").set_value("weighted").run()
        assert checked(page).query_params["figure"] == "weighted"
        assert "Weighted kappa of each pair" in words(page)
        again = open_page("agreement", person="lena", project=PROJECT, figure="percent", pair="a3|a1")
        said = words(again)
        assert "Percent agreement of each pair" in said
        row = of(ordered).of("a1", "a3")
        assert row is not None
        differ = round((1 - float(str(row["agreement"]))) * int(str(row["n"])))
        assert f"a3 and a1 differ on {differ} of {row['n']} shared items" in said


def test_an_address_that_names_what_is_not_there_shows_the_first(pets: Store) -> None:
    with shown_by(pets):
        page = open_page("agreement", person="lena", project=PROJECT, figure="weighted", pair="nobody|a1")
        assert "Cohen's kappa of each pair" in words(page)
        assert "a0 and a1 differ on" in words(page)


def test_five_hundred_annotators_are_read_in_a_moment(tmp_path: Path) -> None:
    """124,750 pairs: with some microseconds of Python for each it would take longer than this allows."""
    crowd = drawn_crowd(
        accurate(500, 3, 0.8), n_items=12, n_per_item=500, priors=np.full(3, 1 / 3), seed=0
    ).votes
    given = crowd.select(
        row=pl.int_range(pl.len()),
        item_id=pl.format("item-{}", "item_code"),
        annotator_id=pl.format("p{}", "annotator_code"),
        label=pl.col("label_code").replace_strict(dict(enumerate(stores.LABELS)), return_dtype=pl.Utf8),
    )
    with annotated_store(tmp_path / "store", given, level="ordinal") as store:
        begun = time.perf_counter()
        seen = of(store)
        cells = [seen.cells(figure) for figure in seen.figures]
        assert time.perf_counter() - begun < 4
    assert seen.table.height == 124_750
    assert (len(seen.people), len(seen.shown)) == (500, agreement_pairs.PEOPLE_SHOWN)
    assert [found.height for found in cells] == [24 * 23] * 3
