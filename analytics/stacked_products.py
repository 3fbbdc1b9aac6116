"""The two products that a stack of linear models needs, features times weights and back, for all models at once.

A stack of E linear models over the same items has parameters (D + 1, E, K), the bias in the last row. All logits are
one matrix product, X (I, D) times (D, E K), and all slopes are another; the models differ in the weights of the items,
not in X.

Features are moved into their principal coordinates first where they or the items are few (`MOST_COORDINATES`): with
the singular value decomposition of the centred features, U S V', a linear model with a ridge penalty on X is the same
model on U S with the same penalty, since V keeps lengths. There the curvature is nearly diagonal, which is what makes
the fit take a handful of steps; and features that outnumber the items are as many as the items. Nothing of the labels
goes into the coordinates; the features of all items do.

Where both are many, features are only centred, and the curvature is known along the longest directions alone (randomised
subspace iteration, Halko, Martinsson & Tropp 2011): the rest counts as even.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from analytics.chunks import run_each
from analytics.features import Features, Floats32
from analytics.frames import FloatArray, IntArray

MOST_COORDINATES = 1200
"""The most principal coordinates that are worked out: a second or so for their eigenvectors."""

MOST_DIRECTIONS = 128
"""Directions of the features along which the curvature is known where there are too many for coordinates."""

_POWER = 3
_SMALLEST_SHARE = 1e-9  # of the largest eigenvalue: below it a coordinate is rounding
_ROWS = 20_000
_PARTS = 2


@dataclass(frozen=True, slots=True)
class Directions:
    """Orthonormal directions (D, R) of the columns and the sum over items of each one's square (R,)."""

    basis: torch.Tensor
    squares: torch.Tensor


class Products(Protocol):
    """X of one device."""

    @property
    def squares(self) -> torch.Tensor:
        """(D + 1,) the sum over items of each column squared, beside `directions`; I for the bias."""
        ...

    @property
    def directions(self) -> Directions | None:
        """Along which the sum of squares is another; None where there are none."""
        ...

    def forward(self, parameters: torch.Tensor) -> torch.Tensor:
        """Logits (I, E, K) of parameters (D + 1, E, K)."""
        ...

    def some(self, rows: IntArray) -> Products:
        """The products of these items alone; for `forward`."""
        ...

    def backward(self, residuals: torch.Tensor) -> torch.Tensor:
        """Slopes (D + 1, E, K) of residuals (I, E, K)."""
        ...

    def weights(self, parameters: torch.Tensor) -> Floats32:
        """Parameters as weights of the features as they were given: (E, D + 1, K), the bias in the last row."""
        ...


@dataclass(frozen=True, slots=True)
class DenseProducts:
    """Columns (I, R) as they are multiplied, and the way back from their parameters to the features."""

    columns: torch.Tensor
    squares: torch.Tensor
    back: Callable[[FloatArray], FloatArray]
    directions: Directions | None = None

    def forward(self, parameters: torch.Tensor) -> torch.Tensor:
        """As `Products`."""
        flat = parameters.flatten(1)
        return torch.addmm(flat[-1], self.columns, flat[:-1]).view(-1, *parameters.shape[1:])

    def some(self, rows: IntArray) -> DenseProducts:
        """As `Products`."""
        return replace(self, columns=self.columns[torch.from_numpy(rows).to(self.columns.device)])

    def backward(self, residuals: torch.Tensor) -> torch.Tensor:
        """As `Products`."""
        flat = residuals.flatten(1)
        found = torch.cat([self.columns.T @ flat, flat.sum(dim=0, keepdim=True)])
        return found.view(-1, *residuals.shape[1:])

    def weights(self, parameters: torch.Tensor) -> Floats32:
        """As `Products`."""
        return _by_entry(self.back(parameters.flatten(1).double().cpu().numpy()), parameters)


@dataclass(frozen=True, slots=True)
class SparseProducts:
    """A CSR and its transpose, on the processor by scipy (several times faster than torch's), on a card by torch."""

    features: csr_array
    rows: Any
    columns: Any
    means: torch.Tensor
    squares: torch.Tensor
    directions: Directions

    def forward(self, parameters: torch.Tensor) -> torch.Tensor:
        """As `Products`."""
        flat = parameters.flatten(1)
        bias = flat[-1] - self.means @ flat[:-1]
        return (_sparse_times(self.rows, flat[:-1]).add_(bias)).view(-1, *parameters.shape[1:])

    def some(self, rows: IntArray) -> SparseProducts:
        """As `Products`."""
        some = self.features[rows]
        return replace(self, features=some, rows=_ready(some, self.squares.device))

    def backward(self, residuals: torch.Tensor) -> torch.Tensor:
        """As `Products`."""
        flat = residuals.flatten(1)
        sums = flat.sum(dim=0, keepdim=True)
        found = torch.cat([_sparse_times(self.columns, flat) - self.means[:, None] * sums, sums])
        return found.view(-1, *residuals.shape[1:])

    def weights(self, parameters: torch.Tensor) -> Floats32:
        """As `Products`."""
        found = parameters.flatten(1).double().cpu().numpy()
        return _by_entry(_with_shift(found[:-1], found[-1], self.means.double().cpu().numpy()), parameters)


def make_products(features: Features, device: str) -> Products:
    """The products of features that were checked."""
    n_items, width = features.shape
    if min(n_items, width) <= MOST_COORDINATES and n_items > 0:
        return _rotated(features, device)
    return _centred(features, device) if isinstance(features, np.ndarray) else _sparse(features, device)


def _centred(features: Floats32, device: str) -> DenseProducts:
    means = features.mean(axis=0, dtype=np.float64)
    moved = features - means.astype(np.float32)
    tail, directions = _longest(
        moved, np.zeros_like(means), float((moved * moved).sum(dtype=np.float64)), device
    )
    return DenseProducts(
        torch.from_numpy(moved).to(device),
        _with_bias(tail, len(features)),
        lambda found: _with_shift(found[:-1], found[-1], means),
        directions,
    )


def _longest(
    features: Features, means: FloatArray, total: float, device: str
) -> tuple[torch.Tensor, Directions]:
    """The sum of squares (D,) of what is left, spread evenly, and the longest directions of the centred features."""
    n_items, width = features.shape
    rank = max(min(MOST_DIRECTIONS, min(n_items, width) // 2), 1)
    basis = np.random.default_rng(0).standard_normal((width, rank)).astype(np.float32)
    shift = means.astype(np.float32)
    values = np.zeros(rank)
    for _ in range(_POWER):
        seen = features @ basis - shift @ basis
        back = features.T @ seen - shift[:, None] * seen.sum(axis=0)
        found, triangle = torch.linalg.qr(torch.from_numpy(np.ascontiguousarray(back)))
        basis, values = found.numpy(), np.abs(triangle.diagonal().numpy()).astype(np.float64)
    rest = max(total - values.sum(), 0.0) / max(min(n_items, width) - rank, 1)
    tail = torch.full((width,), rest, dtype=torch.float64, device=device)
    along = Directions(torch.from_numpy(basis).to(device), torch.from_numpy(values).to(device))
    return tail, along


def _rotated(features: Features, device: str) -> DenseProducts:
    """Principal coordinates, worked out in float64 from the smaller of the two products of X with itself."""
    n_items, width = features.shape
    means = np.asarray(features.mean(axis=0, dtype=np.float64)).reshape(-1)
    if width <= n_items:
        values, basis = _largest(_scatter(features, means))
        centred = _times(features, basis) - means @ basis

        def back(found: FloatArray) -> FloatArray:
            return _with_shift(basis @ found[:-1], found[-1], means)
    else:
        product: Any = features @ features.T
        gram = np.asarray(product.toarray() if issparse(product) else product, dtype=np.float64)
        gram -= gram.mean(axis=0)
        gram -= gram.mean(axis=1, keepdims=True)
        values, basis = _largest(gram)
        centred = basis * np.sqrt(values)
        undo = basis / np.sqrt(values)

        def back(found: FloatArray) -> FloatArray:
            return _with_shift(np.asarray(features.T @ (undo @ found[:-1])), found[-1], means)

    columns = torch.from_numpy(np.ascontiguousarray(centred, dtype=np.float32)).to(device)
    squares = torch.from_numpy(values).to(device)
    return DenseProducts(columns, _with_bias(squares, n_items), back)


def _scatter(features: Features, means: FloatArray) -> FloatArray:
    """(D, D): the sum over items of (x - mean)(x - mean)'."""
    if not isinstance(features, np.ndarray):
        product = np.asarray((features.T @ features).toarray(), dtype=np.float64)
        return np.asarray(product - features.shape[0] * np.outer(means, means))
    found = np.zeros((features.shape[1], features.shape[1]))
    for first in range(0, len(features), _ROWS):
        # float32: the coordinates are a rotation all the same, and this only says how long each is.
        part = features[first : first + _ROWS] - means.astype(np.float32)
        found += part.T @ part
    return found


def _times(features: Features, basis: FloatArray) -> FloatArray:
    if not isinstance(features, np.ndarray):
        return np.asarray(features @ basis)
    return np.asarray(features @ basis.astype(np.float32), dtype=np.float64)


def _largest(square: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues above rounding, and their vectors in columns."""
    values, basis = np.linalg.eigh(square)
    kept = values > max(values[-1], 0.0) * _SMALLEST_SHARE
    if not kept.any():
        return np.zeros(1) + 1.0, np.zeros((len(square), 1))
    return values[kept], basis[:, kept]


def _with_shift(weights: FloatArray, bias: FloatArray, means: FloatArray) -> FloatArray:
    return np.vstack([weights, bias - means @ weights])


def _sparse(features: csr_array, device: str) -> SparseProducts:
    n_items = features.shape[0]
    means = np.asarray(features.mean(axis=0, dtype=np.float64)).reshape(-1)
    total = float((features.data.astype(np.float64) ** 2).sum() - n_items * (means @ means))
    tail, directions = _longest(features, means, total, device)
    rows, columns = (_ready(part, tail.device) for part in (features, features.T.tocsr()))
    moved = torch.from_numpy(means.astype(np.float32)).to(device)
    return SparseProducts(features, rows, columns, moved, _with_bias(tail, n_items), directions)


def _ready(matrix: csr_array, device: torch.device) -> Any:
    """As it is multiplied on the device."""
    return _cut(matrix) if device.type == "cpu" else _on_card(matrix, device)


def _cut(matrix: csr_array) -> list[csr_array]:
    """Parts of about as many cells each, for as many threads."""
    at = np.searchsorted(matrix.indptr, np.linspace(0, matrix.nnz, _PARTS + 1)[1:-1])
    edges = [0, *at.tolist(), matrix.shape[0]]
    return [matrix[edges[part] : edges[part + 1]] for part in range(_PARTS)]


def _on_card(matrix: csr_array, device: torch.device) -> torch.Tensor:
    starts, at = (torch.from_numpy(part.astype(np.int64)) for part in (matrix.indptr, matrix.indices))
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Sparse (CSR tensor support is in beta|invariant checks are)"
        )
        return torch.sparse_csr_tensor(
            starts, at, torch.from_numpy(matrix.data), size=matrix.shape, check_invariants=True
        ).to(device)


def _sparse_times(matrix: Any, flat: torch.Tensor) -> torch.Tensor:
    if isinstance(matrix, torch.Tensor):
        return matrix @ flat
    dense = flat.contiguous().numpy()
    return torch.from_numpy(np.concatenate(run_each(lambda part: matrix[part] @ dense, len(matrix))))


def _with_bias(squares: torch.Tensor, n_items: int) -> torch.Tensor:
    return torch.cat([squares, squares.new_full((1,), float(n_items))])


def _by_entry(flat: NDArray[np.floating[Any]], parameters: torch.Tensor) -> Floats32:
    shaped = flat.reshape(len(flat), *parameters.shape[1:])
    return np.ascontiguousarray(shaped.transpose(1, 0, 2), dtype=np.float32)
