from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics.confident_learning import (
    Method,
    calibrate,
    confident_joint,
    kept_counts,
    label_suspects,
)
from analytics.errors import BadOption
from analytics.label_quality import Quality

METHODS: dict[Method, str] = {
    "noise_rate": "prune_by_noise_rate",
    "label": "prune_by_class",
    "both": "both",
    "confident_joint": "confident_learning",
    "predicted_other": "predicted_neq_given",
    "low_self_confidence": "low_self_confidence",
    "low_normalized_margin": "low_normalized_margin",
}


def drawn(
    n_items: int, n_labels: int, *, knows: float = 1.0, wrong: float = 0.15, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Given labels of uneven frequency, probabilities that know something, and which labels are wrong."""
    rng = np.random.default_rng(seed)
    known = rng.choice(n_labels, n_items, p=rng.dirichlet(np.full(n_labels, 3.0)))
    noise = rng.random((n_items, n_labels))
    noise[np.arange(n_items), known] += knows
    other = (known + rng.integers(1, n_labels, n_items)) % n_labels
    labels = np.where(rng.random(n_items) < wrong, other, known)
    return labels, noise / noise.sum(axis=1, keepdims=True), labels != known


def peers(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], **options: object
) -> NDArray[np.int64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import, and for labels given once
        from cleanlab.filter import find_label_issues

        return np.asarray(find_label_issues(labels, probabilities, n_jobs=1, **options))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("n_items", "n_labels", "knows"),
    [(300, 2, 0.3), (3000, 5, 0.5), (5000, 10, 1.5), (400, 25, 1.0), (300, 4, 0.0)],
)
def test_the_suspects_are_a_peers(method: Method, n_items: int, n_labels: int, knows: float) -> None:
    labels, probabilities, _ = drawn(n_items, n_labels, knows=knows)
    ours = label_suspects(labels, probabilities, method=method).is_suspect
    theirs = peers(labels, probabilities, filter_by=METHODS[method])
    assert ours.any()
    assert np.flatnonzero(ours != theirs).tolist() == []


@settings(max_examples=60)
@given(
    n_items=st.integers(5, 80),
    n_labels=st.integers(2, 8),
    knows=st.floats(0, 2),
    wrong=st.floats(0, 1),
    seed=st.integers(0, 10_000),
    method=st.sampled_from(list(METHODS)),
)
def test_they_are_a_peers_on_small_and_strange_sets(
    n_items: int, n_labels: int, knows: float, wrong: float, seed: int, method: Method
) -> None:
    """With labels given once or never, and models that know nothing."""
    labels, probabilities, _ = drawn(n_items, n_labels, knows=knows, wrong=wrong, seed=seed)
    if len(set(labels.tolist())) == 1:  # the peer refuses
        return
    ours = label_suspects(labels, probabilities, method=method).is_suspect
    assert (ours == peers(labels, probabilities, filter_by=METHODS[method])).all()


@pytest.mark.parametrize("rank_by", ["self_confidence", "normalized_margin", "confidence_weighted_entropy"])
def test_the_order_of_suspects_is_a_peers(rank_by: Quality) -> None:
    labels, probabilities, _ = drawn(2000, 4)
    found = label_suspects(labels, probabilities, rank_by=rank_by)
    theirs = peers(labels, probabilities, return_indices_ranked_by=rank_by)
    assert found.suspects.get_column("item_code").to_list() == theirs.tolist()


def test_the_joint_is_a_peers() -> None:
    labels, probabilities, _ = drawn(4000, 6, knows=0.6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanlab.count import compute_confident_joint, get_confident_thresholds
    found = confident_joint(labels, probabilities)
    np.testing.assert_allclose(found.thresholds, get_confident_thresholds(labels, probabilities))
    assert (found.counts == compute_confident_joint(labels, probabilities, calibrate=False)).all()
    assert (found.calibrated == compute_confident_joint(labels, probabilities)).all()


def test_the_joint_by_hand() -> None:
    """Thresholds .7 and .6; item 1 reaches neither, item 3 is confidently 0."""
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.85, 0.15], [0.55, 0.45], [0.1, 0.9], [0.7, 0.3]])
    found = confident_joint(labels, probabilities)
    assert found.thresholds.tolist() == pytest.approx([0.7, 0.6])
    assert found.counts.tolist() == [[1, 0], [1, 1]]
    assert found.calibrated.tolist() == [[2, 0], [1, 1]]
    assert found.wrong_share == 0.25
    suspects = label_suspects(labels, probabilities, item_codes=np.array([7, 3, 5, 2])).suspects
    assert suspects.row(0, named=True) == pytest.approx(
        {
            "item_code": 2,
            "label_code": 1,
            "other_label_code": 0,
            "self_confidence": 0.3,
            "normalized_margin": 0.3,
            "quality": 0.3,
        }
    )
    assert suspects.height == 1


def test_the_share_of_wrong_labels_is_recovered() -> None:
    labels, probabilities, wrong = drawn(20_000, 5, knows=2.0, wrong=0.2)
    found = label_suspects(labels, probabilities)
    assert found.joint is not None
    assert found.joint.wrong_share == pytest.approx(wrong.mean(), abs=0.01)
    both = (found.is_suspect & wrong).sum()
    assert both > 0.85 * wrong.sum()
    assert both > 0.85 * found.is_suspect.sum()


def test_a_label_that_is_the_models_best_is_never_suspect() -> None:
    labels, probabilities, _ = drawn(3000, 4, knows=0.1)
    for method in METHODS:
        if not method.startswith("low_"):
            mask = label_suspects(labels, probabilities, method=method).is_suspect
            assert not mask[probabilities.argmax(axis=1) == labels].any()


def test_of_equals_the_first_are_suspect() -> None:
    """Three of the six are confidently 1: of two equal rows more than wanted, the later ones are left."""
    labels = np.array([0] * 6 + [1] * 4)
    probabilities = np.array([[0.9, 0.1]] * 3 + [[0.2, 0.8]] * 3 + [[0.25, 0.75]] * 4)
    assert np.flatnonzero(label_suspects(labels, probabilities).is_suspect).tolist() == [3, 4, 5]
    marked = np.zeros(5, dtype=bool)
    from analytics.confident_kernels import mark_lowest

    mark_lowest(np.arange(5), 3, np.array([0.5, 0.2, 0.5, 0.5, 0.9]), marked)
    assert np.flatnonzero(marked).tolist() == [0, 1, 2]


@settings(max_examples=30)
@given(st.integers(0, 1000), st.sampled_from(list(METHODS)))
def test_the_order_of_items_changes_nothing(seed: int, method: Method) -> None:
    labels, probabilities, _ = drawn(120, 4, seed=seed)
    order = np.random.default_rng(seed).permutation(120)
    straight = label_suspects(labels, probabilities, method=method)
    mixed = label_suspects(labels[order], probabilities[order], item_codes=order, method=method)
    assert (mixed.is_suspect == straight.is_suspect[order]).all()
    assert mixed.suspects.equals(straight.suspects)


def test_many_chunks_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, probabilities, _ = drawn(5000, 6)
    whole = label_suspects(labels, probabilities)
    monkeypatch.setattr("analytics.chunks.WORTH_A_THREAD", 300)
    parts = label_suspects(labels, probabilities)
    assert (parts.is_suspect == whole.is_suspect).all()


@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=3, max_size=3))
def test_the_calibrated_joint_keeps_how_often_labels_were_given(rows: list[list[int]]) -> None:
    counts = np.array(rows) + np.eye(3, dtype=np.int64)
    n_given = np.array([17, 0, 5])
    calibrated = calibrate(counts, n_given)
    assert calibrated.sum(axis=1).tolist() == n_given.tolist()
    assert (np.abs(calibrated - counts / counts.sum(axis=1, keepdims=True) * n_given[:, None]) <= 1).all()


@pytest.mark.parametrize("n_labels", [2, 7, 16, 40])
def test_the_calibrated_joint_is_a_peers_to_the_last_cell(n_labels: int) -> None:
    """Small counts have many equal remainders."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanlab.count import calibrate_confident_joint
    for seed in range(30):
        rng = np.random.default_rng(seed)
        counts = rng.integers(0, 6, (n_labels, n_labels)) + 5 * np.eye(n_labels, dtype=np.int64)
        labels = np.repeat(np.arange(n_labels), rng.integers(0, 60, n_labels))
        n_given = np.bincount(labels, minlength=n_labels)
        # The peer's own joint lies in memory by column, and it adds up in that order.
        assert (calibrate(counts, n_given) == calibrate_confident_joint(counts.T.copy().T, labels)).all()


def test_one_item_of_each_label_is_kept() -> None:
    assert kept_counts(np.array([[0, 3, 2], [1, 4, 0], [0, 0, 2]])).tolist() == [
        [1, 2, 1],
        [1, 4, 0],
        [0, 0, 2],
    ]


def test_nothing_is_undefined_and_one_label_has_no_suspects() -> None:
    none = label_suspects(np.zeros(0, dtype=np.int64), np.zeros((0, 3)))
    assert none.undefined == "there are no items"
    assert none.suspects.is_empty()
    same = label_suspects(np.zeros(5, dtype=np.int64), np.tile([0.3, 0.7], (5, 1)))
    assert same.undefined is None
    assert not same.is_suspect.any()


@pytest.mark.parametrize(
    ("labels", "probabilities", "problem"),
    [
        ([0, 1], [[0.5, 0.5]], "one integer for each row"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], r"in \[0, 2\)"),
        ([0, -1], [[0.5, 0.5], [0.5, 0.5]], r"in \[0, 2\)"),
        ([0], [[1.5, -0.5]], r"in \[0, 1\]"),
        ([0], [[float("nan"), 0.5]], r"in \[0, 1\]"),
        ([0], [[0.5, 0.4]], "of sum 1"),
        ([0], [[1.0]], "K 2 or more"),
        ([0.0], [[0.5, 0.5]], "one integer"),
    ],
)
def test_arrays_that_are_no_labels_and_probabilities_are_refused(
    labels: list[int], probabilities: list[list[float]], problem: str
) -> None:
    with pytest.raises(BadOption, match=problem):
        label_suspects(np.array(labels), np.array(probabilities))


def test_options_that_are_not_there_are_refused() -> None:
    labels, probabilities, _ = drawn(20, 2)
    with pytest.raises(BadOption, match="method"):
        label_suspects(labels, probabilities, method="nonsense")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(BadOption, match="rank_by"):
        label_suspects(labels, probabilities, rank_by="nonsense")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(BadOption, match="item_codes"):
        label_suspects(labels, probabilities, item_codes=np.arange(3))
    with pytest.raises(BadOption, match="one label or more"):
        confident_joint(np.zeros(0, dtype=np.int64), np.zeros((0, 2)))
