"""What belongs to two groupings at once taken off: the residuals of least squares with a term an annotator and a term an item.

Items are taken out by hand (an item's term is the mean of what is left of its annotations), which leaves A equations for the
annotators, S a = r with S = diag(n_a) - W' diag(1 / n_i) W, W (I, A) counting annotations. They are solved exactly where the
smaller grouping has up to 2,000 groups (Cholesky; S has one direction without information for each connected part, that of a
constant), else by conjugate gradients (Hestenes & Stiefel 1952; diagonal preconditioner). Taking off means in turn until nothing
moves, as is often done, ends at the same place, after hundreds of rounds where annotators and items are loosely connected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from analytics.frames import FloatArray
from analytics.two_way_kernels import Codes, in_groups, inside, shared_weight, taken_off

MOST_EXACT = 2000
"""The most groups of the smaller grouping for which equations are solved at once."""

_DENSE_CELLS = 8
_UNSHARED = 1e-12
_ROUNDS = 1000
_LEFT_OVER = 1e-10

Solver = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class TwoWay:
    """Two groupings of N rows, and the way to solve for the first one's terms.

    Attributes:
        first: (N,) codes from 0 of the grouping with fewer groups; second: (N,) of the other.
        n_first: A groups of the first.
        sizes: (I,) rows of each group of the second (1 where there is none), and what its terms are drawn to 0 by.
        solve: from (A,) sums to (A,) terms.
    """

    first: Codes
    second: Codes
    n_first: int
    sizes: FloatArray
    solve: Solver

    def residuals(self, values: FloatArray) -> FloatArray:
        """Values (N,) without both groupings' terms."""
        given = np.ascontiguousarray(values, dtype=np.float64)
        effect = self.solve(inside(given, self.second, self.sizes, self.first, self.n_first))
        return taken_off(given, self.second, self.sizes, self.first, effect)


def two_way(one: Codes, other: Codes) -> TwoWay:
    """Two groupings made ready: (N,) dense codes from 0 each.

    >>> ready = two_way(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    >>> ready.residuals(np.array([1.0, 2.0, 5.0, 7.0])).round(2).tolist()
    [0.25, -0.25, -0.25, 0.25]
    """
    return _ready(one, other, (0.0, 0.0))


def shrunk_two_way(one: Codes, other: Codes, penalties: tuple[float, float]) -> TwoWay:
    """As `two_way`, but terms are random: each is drawn to 0 by so many annotations (the error's variance over the terms').

    A penalty of infinity leaves a grouping out. The residuals of v are then sigma^2 V^-1 v, V the covariance of a linear model
    with both groupings as crossed random effects (Henderson's mixed model equations: Henderson et al. 1959, Biometrics 15).
    """
    return _ready(one, other, penalties)


def _ready(one: Codes, other: Codes, penalties: tuple[float, float]) -> TwoWay:
    n_one, n_other = int(one.max(initial=-1)) + 1, int(other.max(initial=-1)) + 1
    is_turned = n_one > n_other
    first, second, n_first, n_second = (
        (other, one, n_other, n_one) if is_turned else (one, other, n_one, n_other)
    )
    of_first, of_second = penalties[::-1] if is_turned else penalties
    first, second = first.astype(np.int32), second.astype(np.int32)
    sizes = np.maximum(np.bincount(second, minlength=n_second), 1).astype(np.float64) + float(of_second)
    own = np.bincount(first, minlength=n_first).astype(np.float64) + float(of_first)
    solve: Solver
    if np.isinf(of_first):
        solve = np.zeros_like
    elif n_first <= MOST_EXACT:
        equations = _equations(first, second, sizes, own)
        solve = _exact(equations if sum(penalties) else _held(equations))
    else:
        solve = _in_rounds(
            csr_array((np.ones(first.size), (second, first)), shape=(n_second, n_first)), sizes, own
        )
    return TwoWay(first, second, n_first, sizes, solve)


def _equations(first: Codes, second: Codes, sizes: FloatArray, own: FloatArray) -> FloatArray:
    """S (A, A)."""
    n_cells = sizes.size * own.size
    if n_cells <= _DENSE_CELLS * first.size:
        place = second.astype(np.int64) * own.size + first
        counts = np.bincount(place, minlength=n_cells).reshape(sizes.size, own.size)
        table = counts / np.sqrt(sizes)[:, None]
        shared = table.T @ table
    else:
        shared = shared_weight(*in_groups(second, sizes.size), first, own.size, sizes)
    return np.asarray(np.diag(own) - shared, dtype=np.float64)


def _held(equations: FloatArray) -> FloatArray:
    """S with the constant of each connected part held at 0 in the mean."""
    if not equations.size:
        return equations
    _, part = connected_components(csr_array(equations < -_UNSHARED), directed=False)
    size = np.bincount(part)[part].astype(np.float64)
    scale = max(float(np.diag(equations).mean()), 1.0)
    return np.asarray(equations + scale * (part[:, None] == part[None, :]) / size[:, None])


def _exact(equations: FloatArray) -> Solver:
    """By Cholesky."""
    if not equations.size:
        return lambda sums: sums
    factor = cho_factor(equations, lower=True, overwrite_a=True, check_finite=False)
    return lambda sums: np.asarray(cho_solve(factor, sums, check_finite=False), dtype=np.float64)


def _in_rounds(counts: csr_array, sizes: FloatArray, own: FloatArray) -> Solver:
    """By conjugate gradients."""
    by_item, diagonal = counts.T.tocsr(), np.maximum(own, 1.0)

    def times(terms: FloatArray) -> FloatArray:
        return np.asarray(own * terms - by_item @ ((counts @ terms) / sizes), dtype=np.float64)

    def solve(sums: FloatArray) -> FloatArray:
        terms, left = np.zeros_like(sums), sums.copy()
        scaled = left / diagonal
        way, strength = scaled.copy(), float(left @ scaled)
        enough = _LEFT_OVER**2 * strength
        for _ in range(_ROUNDS):
            if strength <= enough:
                break
            ahead = times(way)
            step = strength / float(way @ ahead)
            terms, left = terms + step * way, left - step * ahead
            scaled = left / diagonal
            strength, before = float(left @ scaled), strength
            way = scaled + (strength / before) * way
        return terms

    return solve
