from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import BadOption
from analytics.neighbourhoods import (
    choice_neighbourhood,
    label_neighbourhood,
    near_duplicates,
    outlier_scores,
)
from analytics.neighbours import nearest_neighbours

LINE = np.array([[0.0], [1.0], [2.1], [10.0], [11.0], [12.1], [30.0]])
"""Seven items on a line: two groups of three and one far away."""


def test_neighbours_with_another_label_by_hand() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2, 1])
    around = nearest_neighbours(LINE, k=2, metric="euclidean")
    found = label_neighbourhood(around, labels, n_labels=3, item_codes=np.arange(7) + 20)
    assert found.get_column("other_label_share").to_list() == [0.5, 0.5, 1.0, 0.0, 0.0, 0.0, 1.0]
    assert found.get_column("nearest_label_code").to_list() == [0, 0, 0, 2, 2, 2, 2]
    assert found.get_column("neighbour_codes").to_list()[:2] == [[21, 22], [20, 22]]


def test_wrong_labels_have_neighbours_with_another_one() -> None:
    rng = np.random.default_rng(0)
    known = rng.integers(0, 4, 1000)
    features = 4 * np.eye(4)[known] + rng.standard_normal((1000, 4))
    wrong = rng.random(1000) < 0.1
    labels = np.where(wrong, (known + 1) % 4, known)
    found = label_neighbourhood(nearest_neighbours(features, metric="euclidean"), labels, n_labels=4)
    share = found.get_column("other_label_share").to_numpy()
    assert share[wrong].mean() > 0.8
    assert share[~wrong].mean() < 0.25
    nearest = found.get_column("nearest_label_code").to_numpy()
    assert (nearest[wrong] == known[wrong]).mean() > 0.9


def test_outliers_by_hand() -> None:
    found = outlier_scores(nearest_neighbours(LINE, k=2, metric="euclidean"))
    mean = [1.55, 1.05, 1.6, 1.55, 1.05, 1.6, 18.45]
    assert found.get_column("mean_distance").to_list() == pytest.approx(mean, rel=1e-6)
    assert found.get_column("outlier_score").to_list() == pytest.approx(1 - np.exp(-np.array(mean) / 1.55))


def test_among_copies_only_what_differs_is_an_outlier() -> None:
    features = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]])
    assert outlier_scores(nearest_neighbours(features, k=2)).get_column("outlier_score").to_list() == [
        0
    ] * 5 + [1]


def test_near_copies_by_hand() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2, 1])
    codes = np.array([9, 8, 7, 6, 5, 4, 3])
    around = nearest_neighbours(LINE, k=2, metric="euclidean")
    found = near_duplicates(around, labels, most_distance=1.2, item_codes=codes)
    assert found.pairs.drop("distance").rows() == [
        (5, 6, 2, 2, False),
        (8, 9, 0, 0, False),
        (4, 5, 2, 2, False),
        (7, 8, 1, 0, True),
    ]
    assert found.groups.rows() == [
        (4, 4, 2, 3, 1),
        (5, 4, 2, 3, 1),
        (6, 4, 2, 3, 1),
        (7, 7, 1, 3, 2),
        (8, 7, 0, 3, 2),
        (9, 7, 0, 3, 2),
    ]


def test_more_copies_than_neighbours_are_one_group() -> None:
    features = np.concatenate([np.tile([[1.0, 2.0]], (60, 1)), np.random.default_rng(0).random((40, 2)) + 5])
    around = nearest_neighbours(features, k=5, metric="euclidean")
    found = near_duplicates(around, np.arange(100) % 3, most_distance=0.0)
    assert found.groups.get_column("item_code").to_list() == list(range(60))
    assert found.groups.select("group_code", "n_items", "n_labels").unique().rows() == [(0, 60, 3)]


def test_no_neighbours_give_empty_frames_with_the_same_columns() -> None:
    none, some = nearest_neighbours(LINE, k=7), nearest_neighbours(LINE, k=2)
    labels = np.zeros(7, dtype=np.int64)
    for found, wanted in (
        (label_neighbourhood(none, labels, n_labels=1), label_neighbourhood(some, labels, n_labels=1)),
        (outlier_scores(none), outlier_scores(some)),
        (
            near_duplicates(none, labels, most_distance=9).pairs,
            near_duplicates(some, labels, most_distance=9).pairs,
        ),
        (
            near_duplicates(none, labels, most_distance=9).groups,
            near_duplicates(some, labels, most_distance=9).groups,
        ),
    ):
        assert found.is_empty()
        assert found.schema == wanted.schema


def test_wrong_use_is_refused() -> None:
    around, labels = nearest_neighbours(LINE, k=2), np.zeros(7, dtype=np.int64)
    with pytest.raises(BadOption, match="label_codes"):
        label_neighbourhood(around, labels[:3], n_labels=2)
    with pytest.raises(BadOption, match=r"in \[0, 1\)"):
        label_neighbourhood(around, labels + 1, n_labels=1)
    with pytest.raises(BadOption, match="item_codes"):
        outlier_scores(around, item_codes=labels[:3])
    with pytest.raises(BadOption, match="most_distance"):
        near_duplicates(around, labels, most_distance=-1)


def test_the_choice_on_which_most_neighbours_differ() -> None:
    rng = np.random.default_rng(3)
    features = np.concatenate([rng.normal(0, 0.1, (20, 3)), rng.normal(4, 0.1, (20, 3))]).astype(np.float32)
    near = nearest_neighbours(features, k=5, metric="euclidean")
    given = np.zeros((40, 2), dtype=np.bool_)
    given[:20, 0] = True
    given[0] = (False, False)
    given[25, 1] = True
    found = choice_neighbourhood(near, given, item_codes=np.arange(40) + 100)
    first, lone = found.row(0, named=True), found.row(25, named=True)
    assert (first["item_code"], first["choice"], first["is_given"], first["other_share"]) == (
        100,
        0,
        False,
        1.0,
    )
    assert (lone["choice"], lone["is_given"], lone["other_share"]) == (1, True, 1.0)
    assert all(100 < code < 120 for code in first["neighbour_codes"])
    with pytest.raises(BadOption, match="given"):
        choice_neighbourhood(near, given[:3])


def test_of_one_choice_the_share_is_that_of_another_label() -> None:
    rng = np.random.default_rng(4)
    near = nearest_neighbours(rng.normal(0, 1, (50, 4)).astype(np.float32), k=7)
    labels = rng.integers(0, 2, 50)
    found = choice_neighbourhood(near, labels[:, None] == 1)
    peer = label_neighbourhood(near, labels, n_labels=2)
    assert found["other_share"].to_list() == pytest.approx(peer["other_label_share"].to_list())
