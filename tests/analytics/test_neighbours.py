from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array, random_array
from sklearn.neighbors import NearestNeighbors

from analytics import neighbours as module
from analytics.errors import BadOption
from analytics.neighbours import Metric, Search, nearest_by_words, nearest_neighbours

METRICS: tuple[Metric, ...] = ("cosine", "euclidean")


def clustered(n_items: int, n_features: int = 16, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    centres = 2 * rng.standard_normal((12, n_features))
    return centres[rng.integers(0, 12, n_items)] + rng.standard_normal((n_items, n_features)) + 5


def by_sklearn(
    features: NDArray[np.float64], k: int, metric: Metric
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    found = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(features).kneighbors()
    return found[0], found[1]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("n_items", "k"), [(700, 5), (40, 39), (6, 1), (2, 1)])
def test_exact_neighbours_are_scikit_learns(
    metric: Metric, n_items: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks, the last of which is smaller."""
    monkeypatch.setattr(module, "BLOCK", 128)
    features = clustered(n_items)
    found = nearest_neighbours(features, k=k, metric=metric, search="exact")
    distances, rows = by_sklearn(features, k, metric)
    assert (found.rows == rows).all()
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5, atol=1e-7)
    assert (found.recall.value, found.undefined) == (1.0, None)


@pytest.mark.parametrize("metric", METRICS)
def test_an_inverted_file_finds_what_it_says(metric: Metric) -> None:
    features = clustered(4000)
    exact = nearest_neighbours(features, k=8, metric=metric, search="exact")
    found = nearest_neighbours(features, k=8, metric=metric, search="inverted_file", least_recall=0.8)
    recall = (found.rows[:, :, None] == exact.rows[:, None, :]).any(axis=1).mean()
    assert found.recall.value is not None
    assert found.recall.low is not None
    assert found.recall.high is not None
    assert 0.7 < recall < 1
    assert found.recall.low - 0.02 <= recall <= found.recall.high + 0.02
    assert found.recall.n == module.N_SAMPLED
    same = (found.rows == exact.rows).all(axis=1)
    assert (found.distances[same] == exact.distances[same]).all()
    assert (np.diff(found.distances, axis=1) >= 0).all()
    all_of_them = nearest_neighbours(features, k=8, metric=metric, search="inverted_file", least_recall=1.0)
    assert all_of_them.recall.value is not None
    assert all_of_them.recall.value > 0.98


def test_it_is_exact_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    features = clustered(1000)
    assert nearest_neighbours(features).recall.n == 10_000
    monkeypatch.setattr(module, "MOST_EXACT", 1000)
    assert nearest_neighbours(features).recall.n == module.N_SAMPLED


@pytest.mark.parametrize("search", ["exact", "inverted_file"])
def test_runs_with_a_seed_are_identical(search: Search) -> None:
    features = clustered(1500)
    first = nearest_neighbours(features, search=search, seed=3)
    again = nearest_neighbours(features, search=search, seed=3)
    assert (first.rows == again.rows).all()
    assert (first.distances == again.distances).all()
    assert first.recall == again.recall


@pytest.mark.parametrize("metric", METRICS)
def test_copies_are_at_distance_zero_in_the_order_of_rows(metric: Metric) -> None:
    features = np.repeat(clustered(30), 4, axis=0) + (0 if metric == "cosine" else 1000)
    found = nearest_neighbours(features, k=3, metric=metric)
    assert (found.distances == 0).all()
    assert found.rows[5].tolist() == [4, 6, 7]


def test_an_item_without_features_is_at_distance_one() -> None:
    features = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    found = nearest_neighbours(features, k=2)
    assert found.distances.tolist() == [[1, 1], [1, 2], [1, 2]]


def test_the_order_of_items_changes_nothing() -> None:
    features, order = clustered(300), np.random.default_rng(1).permutation(300)
    straight, mixed = nearest_neighbours(features, k=4), nearest_neighbours(features[order], k=4)
    assert (order[mixed.rows] == straight.rows[order]).all()


def test_sparse_words_are_reduced_and_it_is_said_how_much_was_kept() -> None:
    rng = np.random.default_rng(0)
    counts = csr_array(random_array((300, 500), density=0.05, rng=rng))
    few, many = nearest_by_words(counts, n_components=5), nearest_by_words(counts, n_components=290)
    assert few.kept_share is not None
    assert many.kept_share is not None
    assert 0 < few.kept_share < 0.2
    assert many.kept_share > 0.98
    rows = by_sklearn(counts.toarray(), 10, "cosine")[1]
    assert (many.rows[:, 0] == rows[:, 0]).mean() > 0.95
    assert (few.rows[:, 0] == rows[:, 0]).mean() < 0.5


def test_too_few_items_are_undefined() -> None:
    found = nearest_neighbours(clustered(5), k=5)
    assert found.undefined == "5 items do not have 5 other items each"
    assert found.rows.shape == (5, 0)
    assert found.recall.value is None
    assert nearest_by_words(csr_array(np.ones((3, 4))), k=4).undefined is not None
    assert nearest_neighbours(np.zeros((0, 3))).undefined is not None


def test_wrong_use_is_refused() -> None:
    features = clustered(20)
    with pytest.raises(BadOption, match="features"):
        nearest_neighbours(features[:, 0])
    with pytest.raises(BadOption, match="finite"):
        nearest_neighbours(np.full((20, 2), np.nan))
    with pytest.raises(BadOption, match="k="):
        nearest_neighbours(features, k=0)
    with pytest.raises(BadOption, match="metric"):
        nearest_neighbours(features, metric="manhattan")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(BadOption, match="search"):
        nearest_neighbours(features, search="guess")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(BadOption, match="least_recall"):
        nearest_neighbours(features, least_recall=0)
    with pytest.raises(BadOption, match="sparse"):
        nearest_by_words(features)
    with pytest.raises(BadOption, match="n_components"):
        nearest_by_words(csr_array(features), n_components=0)


def test_outliers_are_a_peers() -> None:
    """Its score is low for an outlier, ours high."""
    from analytics.neighbourhoods import outlier_scores

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanlab.outlier import OutOfDistribution

        features = clustered(800)
        features[:5] *= -1
        theirs = OutOfDistribution({"k": 10}).fit_score(features=features, verbose=False)
    ours = outlier_scores(nearest_neighbours(features, k=10, metric="cosine"))
    np.testing.assert_allclose(ours.get_column("outlier_score"), 1 - theirs, atol=1e-6)
    assert set(ours.sort("outlier_score").tail(5).get_column("item_code").to_list()) == {0, 1, 2, 3, 4}
