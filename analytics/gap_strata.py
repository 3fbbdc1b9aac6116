"""One comparison inside strata: what is drawn, how it is summed, and the row that it makes. `adjusted_gaps` says what for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.chunks import run_each
from analytics.coded_votes import SmallInts
from analytics.frames import FloatArray, IntArray
from analytics.gap_draws import BLOCK, Draws, Sides
from analytics.group_outcomes import Outcomes

ADJUSTED = {
    "group_code": pl.Int64, "slice_code": pl.Int64, "measure": pl.String, "label_code": pl.Int64, "n_items": pl.Int64,
    "n_annotators": pl.Int64, "n": pl.Int64, "value": pl.Float64, "others": pl.Float64, "n_shared": pl.Int64,
    "adjusted": pl.Float64, "adjusted_low": pl.Float64, "adjusted_high": pl.Float64, "adjusted_ratio": pl.Float64,
    "adjusted_odds_ratio": pl.Float64, "adjusted_error": pl.Float64, "adjusted_freedom": pl.Float64,
    "adjusted_p": pl.Float64, "adjusted_undefined": pl.String, "adjusted_no_interval": pl.String,
    "beyond": pl.Float64, "beyond_low": pl.Float64, "beyond_high": pl.Float64, "beyond_error": pl.Float64,
    "beyond_freedom": pl.Float64, "beyond_p": pl.Float64,
}  # fmt: skip
"""Columns of adjusted gaps. `n_shared`: strata (items, or annotators) that both sides are in; `value` and `others`: the crude
shares of the votes that count; `slice_code`: the group of items, where gaps are told for each, else 0; `beyond`: how much larger
the adjusted gap is there than on all other items."""

_A, _N1, _B, _N0, _ABOVE, _BELOW, _SHARED, _BOTH = range(8)  # what `group_kernels.add_strata` adds up


class Compared(NamedTuple):
    """One comparison to be made: votes by stratum, with sides and hits."""

    sides: NDArray[np.int8]
    hits: NDArray[np.float32]
    measure: str
    label: int


@dataclass(frozen=True, slots=True)
class Strata:
    """Votes sorted by stratum: of each vote what is drawn and what is not (its stratum); of each stratum its slice."""

    starts: IntArray
    units: SmallInts
    strata: SmallInts
    slices: SmallInts
    n_slices: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """Weights of replicates, block by block: drawn annotators (A, R), or how many items to draw; strata: None, not drawn."""

    draws: Draws
    units: NDArray[np.uint8] | int
    strata: NDArray[np.uint8] | int | None

    @property
    def is_of_annotators(self) -> bool:
        """Whether annotators are drawn inside items, not items inside annotators."""
        return not isinstance(self.units, int)

    def ways(self) -> tuple[Blocks, ...]:
        """These blocks; where strata are drawn too: both, annotators alone, items alone (`gap_draws.N_WAYS`)."""
        if self.strata is None:
            return (self,)
        ones = len(self.units) if not isinstance(self.units, int) else self.units
        same = np.ones((ones, self.draws.replicates), dtype=np.uint8)
        units, strata = replace(self, strata=None), replace(self, units=same)
        return (self, units, strata) if self.is_of_annotators else (self, strata, units)

    def at(self, first: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Weights of strata and of units for the replicates from `first` on."""
        strata = np.ones((1, BLOCK), dtype=np.uint8) if self.strata is None else self._of(self.strata, first)
        return strata, self._of(self.units, first)

    def _of(self, drawn: NDArray[np.uint8] | int, first: int) -> NDArray[np.uint8]:
        from analytics.group_kernels import poisson_weights

        if isinstance(drawn, int):
            return poisson_weights(drawn, self.draws.seed, first, BLOCK)
        some = np.zeros((len(drawn), BLOCK), dtype=np.uint8)
        some[:, : drawn[:, first : first + BLOCK].shape[1]] = drawn[:, first : first + BLOCK]
        return some


def compared_shares(every: Sequence[Outcomes], sides: NDArray[np.int8]) -> Iterator[Compared]:
    """A comparison for each share of each outcome coding, of the votes that have a side and count."""
    for outcomes in every:
        for share in outcomes.shares:
            counts = (sides >= 0) & (outcomes.codes >= 0) & share.counted[outcomes.codes]
            kept = np.where(counts, sides, -1).astype(np.int8)
            yield Compared(kept, share.hits[outcomes.codes].astype(np.float32), share.measure, share.label)


def gap_rows(strata: Strata, compared: Compared, code: int, blocks: Blocks) -> list[dict[str, object]]:
    """A row a slice."""
    from analytics.group_kernels import add_strata

    votes = (strata.starts, strata.units, compared.sides, compared.hits, strata.slices)

    def summed(stratum_weights: NDArray[np.uint8], unit_weights: NDArray[np.uint8]) -> FloatArray:
        sums = np.zeros((strata.n_slices, 8, unit_weights.shape[1]))
        add_strata(votes, stratum_weights, unit_weights, sums)
        return sums

    n_units = int(strata.units.max(initial=-1)) + 1
    point = summed(np.ones((1, 1), dtype=np.uint8), np.ones((n_units, 1), dtype=np.uint8))
    firsts = range(0, blocks.draws.replicates, BLOCK)
    ways = []
    for way in blocks.ways():
        found = run_each(lambda number, way=way: summed(*way.at(firsts[number])), len(firsts))  # type: ignore[misc]  # bound now
        every = np.concatenate([np.zeros((strata.n_slices, 8, 0)), *found], axis=2)
        ways.append(every[:, :, : blocks.draws.replicates])
    drawn = np.concatenate(ways, axis=2)
    return [
        _gap_row(strata, compared, code, place, (point, drawn), blocks) for place in range(strata.n_slices)
    ]


def _gap_row(
    strata: Strata,
    compared: Compared,
    code: int,
    place: int,
    sums: tuple[FloatArray, FloatArray],
    blocks: Blocks,
) -> dict[str, object]:
    point, drawn = sums
    here = (compared.sides >= 0) & (strata.slices[strata.strata] == place)
    sides = _sides_of(strata, compared.sides, here, blocks)
    a, n1, b, n0 = (float(point[place, row, 0]) for row in (_A, _N1, _B, _N0))
    row: dict[str, object] = {
        "group_code": code, "slice_code": place, "measure": compared.measure, "label_code": compared.label, **sides.counts,
        "n": int(n1), "value": a / n1 if n1 else None, "others": b / n0 if n0 else None,
    }  # fmt: skip
    if not sides.counts["n_shared"]:
        what = "item" if blocks.is_of_annotators else "annotator"
        return row | {
            "adjusted_undefined": f"no {what} is shared by this group and the others: it cannot be told from them"
        }
    confidence = blocks.draws.confidence
    value = _difference(point[place])[0]
    spread = sides.resampled.spread(_difference(drawn[place]))
    low, high = spread.ends(value, confidence) or (None, None)
    above, below, both = (float(point[place, line, 0]) for line in (_ABOVE, _BELOW, _BOTH))
    row |= {
        "adjusted": value, "adjusted_low": low, "adjusted_high": high, "adjusted_error": spread.error,
        "adjusted_freedom": spread.freedom, "adjusted_p": spread.p_value(value), "adjusted_no_interval": spread.undefined,
        "adjusted_ratio": above / below if below > 0 else None,
        "adjusted_odds_ratio": (above - both) / (below - both) if below - both > 1e-12 else None,
    }  # fmt: skip
    rest = point.sum(axis=0) - point[place]
    if strata.n_slices > 1 and rest[_SHARED, 0] > 0:
        beyond = value - _difference(rest)[0]
        drawn_rest = drawn.sum(axis=0) - drawn[place]
        spread = sides.resampled.spread(_difference(drawn[place]) - _difference(drawn_rest))
        low, high = spread.ends(beyond, confidence) or (None, None)
        row |= {
            "beyond": beyond, "beyond_low": low, "beyond_high": high, "beyond_error": spread.error,
            "beyond_freedom": spread.freedom, "beyond_p": spread.p_value(beyond),
        }  # fmt: skip
    return row


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many of what a comparison rests on."""

    counts: dict[str, int]
    resampled: Sides


def _sides_of(strata: Strata, sides: NDArray[np.int8], here: NDArray[np.bool_], blocks: Blocks) -> _Counted:
    """Units and strata on either side; those that are compared are in strata that hold both."""
    seen = np.zeros((2, len(strata.starts) - 1), dtype=np.bool_)
    seen[sides[here], strata.strata[here]] = True
    shared = seen[0] & seen[1]
    compared = here & shared[strata.strata]
    n_units = int(strata.units.max(initial=-1)) + 1
    drawn = np.zeros((2, n_units), dtype=np.bool_)
    drawn[sides[compared], strata.units[compared]] = True
    on_one = here & (sides == 1)
    ones = np.zeros(n_units, dtype=np.bool_)
    ones[strata.units[on_one]] = True
    units, n_shared = (int(drawn[1].sum()), int(drawn[0].sum())), int(shared.sum())
    both = (n_shared, n_shared)
    if blocks.is_of_annotators:
        resampled = Sides.of(both, units, blocks.draws.resample)
        counts = {"n_items": int(seen[1].sum()), "n_annotators": int(ones.sum())}
    else:
        resampled = Sides.of(units, both, blocks.draws.resample)
        counts = {"n_items": int(ones.sum()), "n_annotators": int(seen[1].sum())}
    return _Counted({**counts, "n_shared": n_shared}, resampled)


def _difference(sums: FloatArray) -> FloatArray:
    """Mantel and Haenszel's difference from sums (8, R); NaN where no stratum holds both sides."""
    shared = sums[_SHARED]
    return np.asarray(
        np.divide(sums[_ABOVE] - sums[_BELOW], shared, out=np.full(shared.shape, np.nan), where=shared > 0)
    )
