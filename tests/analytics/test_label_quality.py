from __future__ import annotations

import warnings

import numpy as np
import pytest

from analytics.errors import BadOption
from analytics.label_quality import Quality, label_quality, set_quality


@pytest.mark.parametrize("method", ["self_confidence", "normalized_margin", "confidence_weighted_entropy"])
def test_the_quality_is_a_peers(method: Quality) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanlab.rank import get_label_quality_scores
    rng = np.random.default_rng(2)
    probabilities = rng.dirichlet(np.full(6, 0.2), 500)
    probabilities[:3] = np.eye(6)[:3]  # certain, for and against the label
    labels = rng.integers(0, 6, 500)
    labels[0] = 0
    theirs = get_label_quality_scores(labels, probabilities, method=method)
    np.testing.assert_allclose(label_quality(labels, probabilities, method=method), theirs, atol=1e-12)


def test_the_quality_by_hand() -> None:
    labels, probabilities = np.array([0, 1]), np.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]])
    assert label_quality(labels, probabilities).tolist() == [0.7, 0.25]
    margin = label_quality(labels, probabilities, method="normalized_margin")
    assert margin.tolist() == pytest.approx([0.75, 0.375])
    # H = 1.0397 of log 3 = 1.0986, over 0.25: x = 3.7856, log(4.7856) / 3.7856.
    entropy = label_quality(labels, probabilities, method="confidence_weighted_entropy")
    assert entropy[1] == pytest.approx(0.4136, abs=1e-4)


def test_the_quality_of_a_set_is_a_peers() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanlab.multilabel_classification import get_label_quality_scores
    rng = np.random.default_rng(4)
    probabilities = rng.random((300, 5))
    members = rng.random((300, 5)) < 0.4
    members[0] = False
    lists = [np.flatnonzero(row).tolist() for row in members]
    np.testing.assert_allclose(
        set_quality(members, probabilities), get_label_quality_scores(lists, probabilities)
    )


def test_a_set_by_hand() -> None:
    members, probabilities = np.array([[True, False, True]]), np.array([[0.9, 0.3, 0.2]])
    assert set_quality(members, probabilities)[0] == pytest.approx(0.2 * (0.2 * 0.9 + 0.8 * 0.7) + 0.8 * 0.2)
    assert set_quality(members, probabilities, weight_of_lower=1.0)[0] == pytest.approx(0.2)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(BadOption, match="method"):
        label_quality(np.array([0]), np.array([[0.5, 0.5]]), method="entropy")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(BadOption, match="K 2 or more"):
        label_quality(np.array([0, 1]), np.array([[0.5, 0.5]]))
    with pytest.raises(BadOption, match="members"):
        set_quality(np.ones((2, 2), dtype=bool), np.ones((2, 3)))
    with pytest.raises(BadOption, match="weight_of_lower"):
        set_quality(np.ones((2, 2), dtype=bool), np.ones((2, 2)), weight_of_lower=2)
