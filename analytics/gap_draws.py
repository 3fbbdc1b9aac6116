"""What a gap's replicates draw anew, when that can carry an interval, and the row that a gap makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.gap_tests import (
    Spread,
    cohens_h,
    odds_ratio,
    ratio_ends,
    share_ends,
    spread_of,
    two_way_spread,
)
from analytics.intervals import check_interval_options

Resampled = Literal["items", "annotators", "both"]

MIN_ANNOTATORS = 10
"""People that each side of a gap needs where people are resampled; with fewer it is description, with no interval."""
MIN_ITEMS = 10
"""Items that each side of a gap needs where items are resampled."""
BLOCK = 64
"""Replicates that are drawn together; a multiple of 4."""
N_WAYS = 3
"""Drawn two ways there are so many sets of replicates: items and annotators, annotators alone, items alone."""


@dataclass(frozen=True, slots=True)
class Draws:
    """How a table is drawn. `resample`: what replicates draw anew; `replicates` of them from `seed`; `confidence` of intervals."""

    resample: Resampled
    replicates: int = 1000
    seed: int = 0
    confidence: float = 0.95

    def checked(self, *allowed: str) -> Draws:
        """These draws; raises BadOption where an option is not allowed."""
        check_interval_options(self.replicates, self.confidence)
        if self.resample not in allowed:
            raise BadOption("resample", self.resample, allowed)
        return self


@dataclass(frozen=True, slots=True)
class Sides:
    """How many units are resampled on either side, `n_one` and `n_other`, and why there is no interval, else None."""

    n_one: int
    n_other: int
    no_interval: str | None
    is_two_way: bool = False

    @classmethod
    def of(cls, items: tuple[int, int], annotators: tuple[int, int], resample: Resampled) -> Sides:
        """From the items and annotators of either side. Drawn both ways, it is the fewer that limit what is known."""
        if resample != "annotators" and min(items) < MIN_ITEMS:
            return cls(*items, f"fewer than {MIN_ITEMS} items on a side: description only")
        if resample != "items" and min(annotators) < MIN_ANNOTATORS:
            return cls(*annotators, f"fewer than {MIN_ANNOTATORS} annotators on a side: description only")
        if resample == "both":
            return cls(min(items[0], annotators[0]), min(items[1], annotators[1]), None, is_two_way=True)
        return cls(*(items if resample == "items" else annotators), None)

    def spread(self, replicates: FloatArray) -> Spread:
        """The spread of a figure from its replicates; of two ways (3 R,): both drawn, annotators alone, items alone."""
        if self.no_interval is not None:
            return Spread(None, 0.0, self.no_interval)
        if not self.is_two_way:
            return spread_of(replicates, self.n_one, self.n_other)
        parts = [spread_of(part, self.n_one, self.n_other) for part in np.split(replicates, N_WAYS)]
        return two_way_spread(*parts)


def beside(
    value: float, others: float, drawn: tuple[FloatArray, FloatArray], sides: Sides, draws: Draws
) -> dict[str, object]:
    """A share beside that of the others, as columns of `group_rates.RATES`, from replicates of both (R,)."""
    one, rest = drawn
    spread = sides.spread(one - rest)
    low, high = share_ends(value, sides.spread(one), draws.confidence) or (None, None)
    difference = value - others
    diff_low, diff_high = spread.ends(difference, draws.confidence) or (None, None)
    ratio = value / others if others > 0 else None
    ratio_low, ratio_high = None, None
    if ratio is not None and spread.error is not None:
        found = ratio_ends(ratio, sides.spread(_logs(one) - _logs(rest)), draws.confidence)
        ratio_low, ratio_high = found or (None, None)
    return {
        "value": value, "low": low, "high": high, "others": others, "difference": difference, "diff_low": diff_low,
        "diff_high": diff_high, "ratio": ratio, "ratio_low": ratio_low, "ratio_high": ratio_high,
        "odds_ratio": odds_ratio(value, others), "cohens_h": cohens_h(value, others), "error": spread.error,
        "freedom": spread.freedom, "p_value": spread.p_value(difference), "no_interval": spread.undefined,
    }  # fmt: skip


def _logs(shares: FloatArray) -> FloatArray:
    return np.asarray(np.log(shares, out=np.full(shares.shape, np.nan), where=shares > 0))


def drawn_annotators(group: IntArray, draws: Draws) -> NDArray[np.uint8]:
    """How often each annotator is drawn (A, R), drawing inside groups (A,) as many as there are; those of -1 among themselves."""
    rng = np.random.default_rng([draws.seed, 1])
    weights = np.zeros((len(group), draws.replicates), dtype=np.uint8)
    for code in np.unique(group):
        members = np.flatnonzero(group == code)
        picked = rng.integers(0, len(members), size=(draws.replicates, len(members)))
        picked += np.arange(draws.replicates)[:, None] * len(members)
        counts = np.bincount(picked.ravel(), minlength=picked.size).reshape(picked.shape)
        weights[members] = np.minimum(counts, 255).T
    return weights


def units_on_sides(seen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """How many items or annotators each group has (seen: G, U), and how many all other groups together."""
    n_groups = seen.sum(axis=0, dtype=np.int64)
    shared = n_groups > 1
    total, own = int((n_groups > 0).sum()), seen.sum(axis=1)
    return [
        (int(count), total - int(count) + int((row & shared).sum()))
        for count, row in zip(own, seen, strict=True)
    ]
