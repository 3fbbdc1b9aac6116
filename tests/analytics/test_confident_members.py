from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.confident_learning import Method
from analytics.confident_members import set_suspects
from analytics.errors import BadOption
from analytics.label_quality import set_quality

METHODS: dict[Method, str] = {
    "noise_rate": "prune_by_noise_rate",
    "label": "prune_by_class",
    "both": "both",
    "confident_joint": "confident_learning",
}


def drawn(
    n_items: int = 800, n_members: int = 5
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.bool_]]:
    """Sets with one member in ten turned round, probabilities of each member, and which were turned."""
    rng = np.random.default_rng(6)
    known = rng.random((n_items, n_members)) < np.linspace(0.2, 0.7, n_members)
    probabilities = np.where(known, rng.beta(4, 1.5, known.shape), rng.beta(1.5, 4, known.shape))
    turned = rng.random(known.shape) < 0.1
    return known ^ turned, probabilities, turned


@pytest.mark.parametrize("method", METHODS)
def test_doubted_members_are_a_peers(method: Method) -> None:
    members, probabilities, _ = drawn()
    lists = [np.flatnonzero(row).tolist() for row in members]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanlab.multilabel_classification.filter import (
            find_label_issues,
            find_multilabel_issues_per_class,
        )

        each = find_multilabel_issues_per_class(lists, probabilities, filter_by=METHODS[method], n_jobs=1)
        items = find_label_issues(lists, probabilities, filter_by=METHODS[method], n_jobs=1)
    found = set_suspects(members, probabilities, method=method).is_suspect
    assert found.any()
    assert (found == each).all()
    assert (found.any(axis=1) == items).all()


def test_turned_members_are_found_and_ranked() -> None:
    members, probabilities, turned = drawn()
    suspects = set_suspects(members, probabilities, item_codes=np.arange(800) + 50).suspects
    rows = suspects.get_column("item_code").to_numpy() - 50
    columns = suspects.get_column("member_code").to_numpy()
    assert turned[rows, columns].mean() > 5 * turned.mean()
    assert (suspects.get_column("is_given").to_numpy() == members[rows, columns]).all()
    assert (suspects.get_column("p_member").to_numpy() == probabilities[rows, columns]).all()
    quality = suspects.get_column("quality").to_numpy()
    assert (np.diff(quality) >= 0).all()
    assert (quality == set_quality(members, probabilities)[rows]).all()


def test_a_member_of_all_or_no_sets_is_not_doubted() -> None:
    members, probabilities, _ = drawn()
    members[:, 0], members[:, 1] = True, False
    assert not set_suspects(members, probabilities).is_suspect[:, :2].any()


def test_no_items_and_wrong_use() -> None:
    assert set_suspects(np.zeros((0, 3), dtype=bool), np.zeros((0, 3))).undefined == "there are no items"
    members, probabilities, _ = drawn(20)
    with pytest.raises(BadOption, match="members"):
        set_suspects(members[:, :2], probabilities)
    with pytest.raises(BadOption, match="of bool"):
        set_suspects(members.astype(np.int64), probabilities)
    with pytest.raises(BadOption, match="item_codes"):
        set_suspects(members, probabilities, item_codes=np.arange(3))
    with pytest.raises(BadOption, match=r"in \[0, 1\]"):
        set_suspects(members, probabilities + 1)
