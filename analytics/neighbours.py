"""The nearest neighbours of every item by its features: exact, or from an inverted file whose recall is measured.

Exact: products of blocks in float32 choose k and a few more candidates for each item, whose distances are then
computed in float64; so the distances are exact, and a neighbour is missed only where float32 cannot tell it from
the last few. The product of two blocks serves the items of both.

Inverted file (J. Sivic and A. Zisserman 2003, Video Google, ICCV; M. Douze et al. 2024, The Faiss library,
arXiv:2401.08281): items are clustered, and those of the clusters nearest to an item are looked at. How many clusters
is the least of 1, 2, 4, ... that finds `least_recall` of the exact neighbours of one sample of items; what is
reported is the recall on another sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analytics.chunks import chunk_edges, run_each
from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.neighbour_kernels import Floats32, exact_distances, keep_best, keep_best_of_columns
from analytics.results import Estimate

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Metric = Literal["cosine", "euclidean"]
Search = Literal["auto", "exact", "inverted_file"]

MOST_EXACT = 1_000_000_000_000
"""Multiplications up to which "auto" is exact: some ten seconds on two cores."""

EXTRA = 6
"""Candidates kept beyond k until their distances are computed in float64."""

BLOCK = 2048
"""Rows and columns of a block of similarities (16 MB)."""

N_SAMPLED = 250
"""Items of each of the two samples that recall is measured on."""

PER_CENTRE = 64
"""Items a cluster that the clustering learns from: more cost time and change little."""

_ROUNDS = 10  # of k-means
_PARTS = 8


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest other items of each item, nearest first; of equals the smaller row first.

    Attributes:
        rows: (I, k) rows of the neighbours.
        distances: (I, k) cosine distance in [0, 2] or Euclidean distance; not decreasing along a row.
        metric: which of the two.
        recall: the share of the exact k nearest that were found, on a sample; 1 without interval where all were
            compared.
        kept_share: the share of the variance that was kept where features were reduced first, else None.
        undefined: why there are no neighbours, else None; `rows` then has no columns.
    """

    rows: IntArray
    distances: FloatArray
    metric: Metric
    recall: Estimate
    kept_share: float | None = None
    undefined: str | None = None


def nearest_neighbours(
    features: NDArray[Any],
    *,
    k: int = 10,
    metric: Metric = "cosine",
    search: Search = "auto",
    least_recall: float = 0.95,
    seed: int = 0,
) -> Neighbours:
    """The k nearest other items of each item. Runs with the same seed are identical.

    Args:
        features: (I, D), finite; used in float32.
        k: how many neighbours; fewer than I items.
        metric: "cosine" (a row of zeros is at distance 1 from everything) or "euclidean".
        search: "exact", "inverted_file", or "auto": exact up to MOST_EXACT multiplications.
        least_recall: what the inverted file is tuned to find.
        seed: of the clustering and of the samples.

    Raises:
        BadOption: features that are no finite (I, D) array, or options that are not allowed.
    """
    _check(features, k, metric, search, least_recall)
    n_items, n_features = features.shape
    if n_items <= k:
        reason = f"{n_items} items do not have {k} other items each"
        empty = np.empty((n_items, 0))
        return Neighbours(empty.astype(np.int64), empty, metric, Estimate.none(reason), undefined=reason)
    space = _Space(features, metric)
    exact = search == "exact" or (search == "auto" and n_items**2 * n_features / 2 <= MOST_EXACT)
    if exact:
        rows, distances = space.refine(np.arange(n_items), space.candidates_of_all(k), k)
        return Neighbours(
            rows, distances, metric, Estimate(1.0, None, None, n_items * k, n_unit="neighbours")
        )
    return _from_inverted_file(space, k, least_recall, seed)


def nearest_by_words(
    counts: csr_array,
    *,
    n_components: int = 128,
    k: int = 10,
    metric: Metric = "cosine",
    search: Search = "auto",
    least_recall: float = 0.95,
    seed: int = 0,
) -> Neighbours:
    """As `nearest_neighbours` for a sparse (I, D) matrix such as TF-IDF, reduced by a truncated SVD first.

    The distances are those in the reduced space; `kept_share` says how much of the variance it keeps.

    Args:
        counts: a sparse matrix of scipy, with more columns than one.
        n_components: dimensions to keep, at most one fewer than there are columns or rows.

    Raises:
        BadOption: as `nearest_neighbours`, or a matrix that is dense or has one column.
    """
    from scipy.sparse import issparse

    if not issparse(counts) or counts.shape[1] < 2:
        raise BadOption("counts", type(counts).__name__, "a sparse matrix of two columns or more")
    if n_components < 1:
        raise BadOption("n_components", n_components, "1 or more")
    n_items, n_columns = counts.shape
    if n_items <= k:
        return nearest_neighbours(np.zeros((n_items, 1)), k=k, metric=metric)
    from sklearn.decomposition import TruncatedSVD

    reduction = TruncatedSVD(min(n_components, n_columns - 1, n_items - 1), random_state=seed)
    features = reduction.fit_transform(counts.astype(np.float64))
    found = nearest_neighbours(
        features, k=k, metric=metric, search=search, least_recall=least_recall, seed=seed
    )
    kept = float(min(reduction.explained_variance_ratio_.sum(), 1.0))
    return Neighbours(found.rows, found.distances, metric, found.recall, kept_share=kept)


def _check(features: NDArray[Any], k: int, metric: str, search: str, least_recall: float) -> None:
    if features.ndim != 2 or not features.shape[1]:
        raise BadOption("features", f"array of shape {features.shape}", "of shape (I, D), D 1 or more")
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise BadOption("k", k, "a whole number of 1 or more")
    if metric not in get_args(Metric):
        raise BadOption("metric", metric, get_args(Metric))
    if search not in get_args(Search):
        raise BadOption("search", search, get_args(Search))
    if not 0 < least_recall <= 1:
        raise BadOption("least_recall", least_recall, "more than 0 and at most 1")
    if not np.isfinite(features).all():
        raise BadOption("features", "an entry", "a finite number")


class _Space:
    """Features so that the product of `left` and `right` rows is the similarity: cosine, or minus half d squared."""

    def __init__(self, features: NDArray[Any], metric: Metric) -> None:
        self.metric: Metric = metric
        self.features: Floats32 = np.ascontiguousarray(features, dtype=np.float32)
        if metric == "cosine":
            lengths = np.sqrt(np.einsum("if,if->i", features, features, dtype=np.float64))
            scale = np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
            self.left: Floats32 = self.features * scale[:, None].astype(np.float32)
            self.right: Floats32 = self.left
            return
        # About the mean, so that float32 keeps the digits that tell near items apart.
        self.features = (features - features.mean(axis=0, dtype=np.float64)).astype(np.float32)
        half = np.einsum("if,if->i", self.features, self.features, dtype=np.float64)[:, None] / -2
        one = np.ones_like(half)
        self.left = np.concatenate([self.features, half, one], axis=1, dtype=np.float32, casting="same_kind")
        self.right = np.concatenate([self.features, one, half], axis=1, dtype=np.float32, casting="same_kind")

    def candidates_of_all(self, k: int) -> IntArray:
        """The rows of k + EXTRA candidates of each item, in no order."""
        n_items = len(self.features)
        similarities, rows = _no_candidates(n_items, min(k + EXTRA, n_items - 1))
        edges = list(pairwise([*range(0, n_items, BLOCK), n_items]))
        space = np.empty(BLOCK * BLOCK, dtype=np.float32)
        for place, own in enumerate(edges):
            for others in edges[place:]:
                block = space[: (own[1] - own[0]) * (others[1] - others[0])].reshape(own[1] - own[0], -1)
                np.matmul(self.left[slice(*own)], self.right[slice(*others)].T, out=block)
                _offer_rows(block, own, others, similarities, rows)
                if others != own:
                    _offer_columns(block, own, others, similarities, rows)
        return rows

    def candidates_of_some(self, chosen: IntArray, k: int) -> IntArray:
        """As `candidates_of_all` for the chosen rows; an item may be among its own candidates."""
        similarities, rows = _no_candidates(len(chosen), min(k + EXTRA + 1, len(self.features)))
        own = np.ascontiguousarray(self.left[chosen])
        for first in range(0, len(self.features), BLOCK):
            others = (first, min(first + BLOCK, len(self.features)))
            block = own @ self.right[slice(*others)].T
            _offer_rows(block, (0, len(chosen)), others, similarities, rows, are_items=False)
        return rows

    def refine(self, chosen: IntArray, candidates: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """The k nearest of the candidates with their distances; -1 where there were fewer."""
        rows = np.full((len(chosen), k), -1, dtype=np.int64)
        distances = np.full((len(chosen), k), np.inf)
        queries = (np.ascontiguousarray(self.features[chosen]), chosen)
        chunks = chunk_edges(len(chosen), n_annotations=candidates.size)

        def work(chunk: int) -> None:
            is_cosine = self.metric == "cosine"
            exact_distances(chunks[chunk], queries, self.features, candidates, is_cosine, (rows, distances))

        run_each(work, len(chunks))
        return rows, distances

    def exact(self, chosen: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """The k nearest of the chosen rows among all."""
        return self.refine(chosen, self.candidates_of_some(chosen, k), k)


def _no_candidates(n_items: int, n_kept: int) -> tuple[Floats32, IntArray]:
    similarities = np.full((n_items, n_kept), -np.inf, dtype=np.float32)
    return similarities, np.full((n_items, n_kept), np.iinfo(np.int64).max)


def _shares(n: int) -> list[tuple[int, int]]:
    return list(pairwise(n * part // _PARTS for part in range(_PARTS + 1)))


def _offer_rows(
    block: Floats32,
    own: tuple[int, int],
    others: tuple[int, int],
    similarities: Floats32,
    rows: IntArray,
    *,
    are_items: bool = True,
) -> None:
    shares = _shares(own[1] - own[0])

    def work(part: int) -> None:
        first, last = shares[part]
        share = (own[0] + first, own[0] + last)
        keep_best(block[first:last], share, others, are_items, (similarities, rows))

    run_each(work, _PARTS)


def _offer_columns(
    block: Floats32, own: tuple[int, int], others: tuple[int, int], similarities: Floats32, rows: IntArray
) -> None:
    shares = _shares(others[1] - others[0])
    run_each(
        lambda part: keep_best_of_columns(block, own, others, shares[part], (similarities, rows)), _PARTS
    )


def _from_inverted_file(space: _Space, k: int, least_recall: float, seed: int) -> Neighbours:
    n_items = len(space.features)
    rng = np.random.default_rng(seed)
    sampled = rng.permutation(n_items)[: 2 * N_SAMPLED]
    tuned_on, judged_on = np.sort(sampled[::2]), np.sort(sampled[1::2])
    index, n_centres = _inverted_file(space, seed)
    wanted = space.exact(tuned_on, k)[0]
    index.nprobe = 1
    while index.nprobe < n_centres and _recall(_look_up(space, index, tuned_on, k)[0], wanted) < least_recall:
        index.nprobe = min(index.nprobe * 2, n_centres)
    rows, distances = _look_up(space, index, np.arange(n_items), k)
    short = np.flatnonzero(rows[:, -1] < 0)  # too few in the clusters looked at
    if len(short):
        rows[short], distances[short] = space.exact(short, k)
    recall = _estimated_recall(rows[judged_on], space.exact(judged_on, k)[0])
    return Neighbours(rows, distances, space.metric, recall)


def _inverted_file(space: _Space, seed: int) -> tuple[Any, int]:
    """The clustered items and the number of clusters, about 4 times the root of the number of items."""
    import faiss

    features = space.left if space.metric == "cosine" else space.features
    n_items, n_features = features.shape
    n_centres = int(max(1, min(4 * n_items**0.5, n_items / 8)))
    euclidean = space.metric == "euclidean"
    kind = faiss.METRIC_L2 if euclidean else faiss.METRIC_INNER_PRODUCT
    quantizer = faiss.IndexFlatL2(n_features) if euclidean else faiss.IndexFlatIP(n_features)
    index = faiss.IndexIVFFlat(quantizer, n_features, n_centres, kind)
    index.cp.seed = seed % 2**31
    index.cp.niter = _ROUNDS
    index.cp.max_points_per_centroid = PER_CENTRE
    index.cp.min_points_per_centroid = 1
    index.train(features)
    index.add(features)
    return index, n_centres


def _look_up(space: _Space, index: Any, chosen: IntArray, k: int) -> tuple[IntArray, FloatArray]:
    features = space.left if space.metric == "cosine" else space.features
    n_kept = min(k + EXTRA + 1, len(space.features))
    _, candidates = index.search(np.ascontiguousarray(features[chosen]), n_kept)
    return space.refine(chosen, candidates, k)


def _found(rows: IntArray, wanted: IntArray) -> FloatArray:
    """For each item the share of the wanted rows that were found."""
    return np.asarray((rows[:, :, None] == wanted[:, None, :]).any(axis=1).mean(axis=1))


def _recall(rows: IntArray, wanted: IntArray) -> float:
    return float(_found(rows, wanted).mean())


def _estimated_recall(rows: IntArray, wanted: IntArray) -> Estimate:
    """The mean over the sampled items, each with its k neighbours, and its normal 95 % interval."""
    found = _found(rows, wanted)
    mean = float(found.mean())
    half = 1.96 * float(found.std(ddof=1)) / len(found) ** 0.5 if len(found) > 1 else 0.0
    if half == 0:
        return Estimate(mean, None, None, len(found))
    return Estimate(mean, max(mean - half, 0.0), min(mean + half, 1.0), len(found))
