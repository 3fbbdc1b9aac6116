"""The loops of the uncertainty figures over members' probabilities, compiled (numba). What they compute: `uncertainty`.

A block of items is walked once for each member, so that its sums stay in the cache: nothing as large as the samples
is ever made. The logarithm is written out, because a call into the C library for each probability would keep the
processor from taking four at a time; it is exact to about 1e-15. Sums are float64 whatever the samples are.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from analytics.frames import FloatArray

TOTAL, WITHIN, DISSENT, MARGIN, TOP = range(5)
"""Rows of what both kernels write: predictive entropy, expected entropy (nats), variation ratio, margin, largest
mean probability (for sets: of the least settled label)."""

SOUND, OUT_OF_RANGE, NOT_ONE = range(3)
"""What a kernel finds of its samples; the last: a row does not add up to 1."""

CELLS = 4096
"""Numbers of a block: three blocks of float64 fit the first-level and second-level cache."""

_SUM_WITHIN = 1e-3  # how far a row's sum may be from 1, as for every matrix of probabilities here
_LN2 = 0.6931471805599453
_SQRT2 = 1.4142135623730951
_FRACTION = 0xFFFFFFFFFFFFF  # the bits of a float64 after the point
_ONE = 0x3FF0000000000000  # the exponent of 1.0
_MAGIC, _MAGIC_VALUE = (
    0x4330000000000000,
    4503599627370496.0,
)  # an integer below 2**52 in these bits is 2**52 + it
_SERIES = tuple(2.0 / (2 * power + 1) for power in range(10))


def _code_of_bits(_typing: Any, _number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.IntType(64))

    return numba.types.int64(numba.types.float64), generate


def _code_of_number(_typing: Any, _bits: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.DoubleType())

    return numba.types.float64(numba.types.int64), generate


_bits: Any = intrinsic(_code_of_bits)  # the 64 bits of a float64, as an integer
_number: Any = intrinsic(_code_of_number)  # and the other way round


@numba.njit(inline="always", error_model="numpy")
def _log(x: float) -> Any:
    """The natural logarithm of a normal positive number; some finite number for 0, which 0 then multiplies.

    x = 2^e f with f in (sqrt(1/2), sqrt(2)]; log f = 2 artanh(s), s = (f - 1) / (f + 1), ten terms of its series.
    """
    bits = _bits(x)
    f = _number((bits & _FRACTION) | _ONE)
    e = _number((bits >> 52) | _MAGIC) - (_MAGIC_VALUE + 1023.0)
    large = f > _SQRT2
    f = f * 0.5 if large else f
    e = e + 1.0 if large else e
    s = (f - 1.0) / (f + 1.0)
    z = s * s
    r = _SERIES[9]
    r = r * z + _SERIES[8]
    r = r * z + _SERIES[7]
    r = r * z + _SERIES[6]
    r = r * z + _SERIES[5]
    r = r * z + _SERIES[4]
    r = r * z + _SERIES[3]
    r = r * z + _SERIES[2]
    r = r * z + _SERIES[1]
    r = r * z + _SERIES[0]
    return e * _LN2 + r * s


@numba.njit(nogil=True, error_model="numpy")
def _add_entropy(p: FloatArray, means: FloatArray, logs: FloatArray) -> int:
    """Add p and p log p, cell by cell; how many cells are no probability."""
    n_bad = 0
    for cell in range(p.size):
        x = np.float64(p[cell])
        n_bad += not 0.0 <= x <= 1.0
        means[cell] += x
        logs[cell] += x * _log(x)
    return n_bad


@numba.njit(nogil=True, error_model="numpy")
def _add_binary_entropy(p: FloatArray, means: FloatArray, logs: FloatArray, yes: FloatArray) -> int:
    """Add p, p log p + (1 - p) log(1 - p), and whether p is over a half (a half for a half)."""
    n_bad = 0
    for cell in range(p.size):
        x = np.float64(p[cell])
        n_bad += not 0.0 <= x <= 1.0
        means[cell] += x
        logs[cell] += x * _log(x) + (1.0 - x) * _log(1.0 - x)
        yes[cell] += 0.5 * ((x > 0.5) + (x >= 0.5))
    return n_bad


@numba.njit(nogil=True, error_model="numpy")
def _share_vote(p: FloatArray, best: float, votes: FloatArray) -> None:
    n_best = 0
    for x in p:
        n_best += x == best
    for label in range(p.size):
        if p[label] == best:
            votes[label] += 1.0 / n_best


@numba.njit(nogil=True, error_model="numpy")
def _add_votes(p: FloatArray, votes: FloatArray, n_labels: int) -> float:
    """Each row's vote to its largest cell, shared where several are; the furthest that a row's sum is from 1."""
    furthest = 0.0
    for start in range(0, p.size, n_labels):
        total, best, second, at = np.float64(p[start]), p[start], p.dtype.type(-1.0), start
        for cell in range(start + 1, start + n_labels):
            x = p[cell]
            total += np.float64(x)
            lesser = min(best, x)
            second = max(second, lesser)
            at = cell if x > best else at
            best = max(best, x)
        furthest = max(furthest, abs(total - 1.0))
        if best > second:
            votes[at] += 1.0
        else:
            _share_vote(p[start : start + n_labels], best, votes[start : start + n_labels])
    return furthest


@numba.njit(nogil=True, error_model="numpy")
def _sum_up(
    means: FloatArray, logs: FloatArray, votes: FloatArray, n_members: int, found: FloatArray
) -> None:
    """The figures of a block's items, found (5, items), from its sums (items * K,)."""
    n_labels = means.size // found.shape[1]
    for item in range(found.shape[1]):
        total, within, most = 0.0, 0.0, 0.0
        first, second = 0.0, 0.0
        for cell in range(item * n_labels, (item + 1) * n_labels):
            mean = means[cell] / n_members
            total -= mean * _log(mean)
            within -= logs[cell] / n_members
            most = max(most, votes[cell])
            second = max(second, min(mean, first))
            first = max(first, mean)
        found[TOTAL, item] = max(total, 0.0)
        found[WITHIN, item] = min(max(within, 0.0), found[TOTAL, item])
        found[DISSENT, item] = max(1.0 - most / n_members, 0.0)
        found[MARGIN, item] = max(first - second, 0.0)
        found[TOP, item] = first


@numba.njit(nogil=True, error_model="numpy")
def _sum_up_sets(
    means: FloatArray, logs: FloatArray, yes: FloatArray, n_members: int, found: FloatArray
) -> None:
    """As `_sum_up`, for labels that an item has or has not, each by itself."""
    n_labels = means.size // found.shape[1]
    for item in range(found.shape[1]):
        total, within, dissent, margin = 0.0, 0.0, 0.0, 1.0
        for cell in range(item * n_labels, (item + 1) * n_labels):
            mean = means[cell] / n_members
            total -= mean * _log(mean) + (1.0 - mean) * _log(max(1.0 - mean, 0.0))
            within -= logs[cell] / n_members
            dissent += min(yes[cell], n_members - yes[cell]) / n_members
            margin = min(margin, abs(2.0 * mean - 1.0))
        found[TOTAL, item] = max(total, 0.0)
        found[WITHIN, item] = min(max(within, 0.0), found[TOTAL, item])
        found[DISSENT, item] = dissent / n_labels
        found[MARGIN, item] = margin
        found[TOP, item] = (1.0 + margin) / 2.0


@numba.njit(nogil=True, cache=True, error_model="numpy")
def measure_items(samples: FloatArray, chunk: tuple[int, int], found: FloatArray) -> int:
    """The figures of a chunk of items, one label an item.

    Args:
        samples: (M, I, K) probabilities, float32 or float64, contiguous.
        chunk: the first item and the last + 1.
        found: (5, I), written at the chunk's items.

    Returns:
        SOUND, or what is wrong with the samples; the figures are then without meaning.
    """
    n_members, _, n_labels = samples.shape
    per_block = max(CELLS // n_labels, 1)
    n_bad, furthest = 0, 0.0
    for first in range(chunk[0], chunk[1], per_block):
        last = min(first + per_block, chunk[1])
        means = np.zeros((last - first) * n_labels)
        logs, votes = np.zeros_like(means), np.zeros_like(means)
        for member in range(n_members):
            p = samples[member, first:last].reshape(-1)
            n_bad += _add_entropy(p, means, logs)
            furthest = max(furthest, _add_votes(p, votes, n_labels))
        _sum_up(means, logs, votes, n_members, found[:, first:last])
    if n_bad:
        return OUT_OF_RANGE
    return SOUND if furthest <= _SUM_WITHIN else NOT_ONE


@numba.njit(nogil=True, cache=True, error_model="numpy")
def measure_sets(samples: FloatArray, chunk: tuple[int, int], found: FloatArray) -> int:
    """As `measure_items`, for sets of labels: each probability is that of one label being in the set."""
    n_members, _, n_labels = samples.shape
    per_block = max(CELLS // n_labels, 1)
    n_bad = 0
    for first in range(chunk[0], chunk[1], per_block):
        last = min(first + per_block, chunk[1])
        means = np.zeros((last - first) * n_labels)
        logs, yes = np.zeros_like(means), np.zeros_like(means)
        for member in range(n_members):
            n_bad += _add_binary_entropy(samples[member, first:last].reshape(-1), means, logs, yes)
        _sum_up_sets(means, logs, yes, n_members, found[:, first:last])
    return OUT_OF_RANGE if n_bad else SOUND
