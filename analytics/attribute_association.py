"""Whether an item's label goes with one of its attributes, and whether that is more than something else explains.

Within each stratum s of what is held fixed (gold, another attribute; one stratum for nothing), of n_s items in an r x c table
of attribute and label:

    V = sqrt( sum_s max(chi2_s - (r_s - 1)(c_s - 1) n_s / (n_s - 1)) / sum_s n_s (min(r~_s, c~_s) - 1) ),   at least 0,
    r~ = r - (r - 1)^2 / (n - 1),  c~ likewise,

which for one stratum is Cramer's V with the bias correction of W. Bergsma (2013, J. Korean Statistical Society 42, 323-328):
what chance alone is expected to give is taken off, so many values of an attribute make no association by themselves.
The p-value is that of a permutation test: the attribute is dealt anew within each stratum, which is a draw of tables with the
same margins (W. M. Patefield 1981, Applied Statistics 30), however many items there are. Held fixed at gold, what is left is
what labels say of the attribute beyond what the items are; of a model's labels held fixed at the people's, that the model leans on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.errors import BadOption, MissingColumn
from analytics.frames import FloatArray, IntArray, dense_codes
from analytics.intervals import check_interval_options
from analytics.results import Estimate

ONE_VALUE = "all items have the same value, or the same label"
FEW = "fewer than {} items have a label and the attribute"

MAX_VALUES = 50
"""More different values than these are names, not an attribute to compare by."""


@dataclass(frozen=True, slots=True)
class Association:
    """How far a label goes with an attribute.

    Attributes:
        v: Cramer's V, corrected, in [0, 1]; without an interval: the p-value says what chance does. `n` counts items.
        p_value: of the permutation test; None where `v` is undefined.
        n_strata: strata that say something.
    """

    v: Estimate
    p_value: float | None
    n_strata: int


def attribute_association(
    items: pl.DataFrame, *, held: str | None = None, permutations: int = 999, min_n: int = 30, seed: int = 0
) -> Association:
    """The association of `label_code` with `attribute_code` over items, within the values of `held` where it is named.

    Args:
        items: one row an item: label_code, attribute_code, and the column `held`; all integers of 0 or more. A row with a null is
            left out.
        held: a column whose values are strata, or None.
        permutations: of the test; the least p-value is 1 / (permutations + 1).
        min_n: items that a figure needs.
        seed: of the permutations.

    Raises:
        MissingColumn: a column is not there. BadOption: an option is out of range, or an attribute has over MAX_VALUES values.
    """
    check_interval_options(permutations, 0.95)
    names = ["label_code", "attribute_code", *([held] if held else [])]
    missing = [name for name in names if name not in items.columns]
    if missing:
        raise MissingColumn("items", missing, items.columns)
    known = items.select(names).drop_nulls()
    if known.height < min_n:
        return Association(Estimate.none(FEW.format(min_n), n=known.height), None, 0)
    n_values = known["attribute_code"].n_unique()
    if n_values > MAX_VALUES:
        raise BadOption("attribute_code", n_values, f"at most {MAX_VALUES} different values")
    tables = [table for table in _tables(known, held) if min(table.shape) > 1]
    room = sum(_room(table) for table in tables)
    if room <= 0:
        return Association(Estimate.none(ONE_VALUE, n=known.height), None, 0)
    found = sum(_chi_squared(table[None])[0] for table in tables)
    expected = sum(_expected(table) for table in tables)
    value = min(float(np.sqrt(max(found - expected, 0.0) / room)), 1.0)
    return Association(
        Estimate(value, None, None, known.height), _p_value(tables, found, permutations, seed), len(tables)
    )


def _tables(known: pl.DataFrame, held: str | None) -> list[IntArray]:
    """The attribute x label counts of each stratum, values without items left out."""
    _, label = dense_codes(known["label_code"])
    _, value = dense_codes(known["attribute_code"])
    stratum = dense_codes(known[held])[1] if held else np.zeros(label.size, dtype=np.int64)
    shape = (int(stratum.max()) + 1, int(value.max()) + 1, int(label.max()) + 1)
    counts = np.bincount((stratum * shape[1] + value) * shape[2] + label, minlength=int(np.prod(shape)))
    return [table[table.sum(1) > 0][:, table.sum(0) > 0] for table in counts.reshape(shape)]


def _chi_squared(tables: IntArray) -> FloatArray:
    """Pearson's chi-squared of tables (P, r, c) of the same margins."""
    rows, columns = tables[0].sum(1), tables[0].sum(0)
    expected = np.outer(rows, columns) / rows.sum()
    return np.asarray(((tables - expected) ** 2 / expected).sum(axis=(1, 2)), dtype=np.float64)


def _expected(table: IntArray) -> float:
    """The mean of chi-squared over all tables with these margins."""
    n, (r, c) = int(table.sum()), table.shape
    return float((r - 1) * (c - 1) * n / (n - 1))


def _room(table: IntArray) -> float:
    """Items times what phi squared can be at most, by Bergsma's corrected numbers of rows and columns."""
    n, (r, c) = int(table.sum()), table.shape
    sides = [side - (side - 1) ** 2 / (n - 1) for side in (r, c)]
    return float(n * max(min(sides) - 1, 0.0))


def _p_value(tables: list[IntArray], found: float, permutations: int, seed: int) -> float | None:
    if not permutations:
        return None
    from scipy.stats import random_table

    rng = np.random.default_rng(seed)
    drawn = np.zeros(permutations)
    for table in tables:
        margins = random_table(table.sum(1), table.sum(0), seed=rng)
        drawn += _chi_squared(np.asarray(margins.rvs(size=permutations, method="patefield"), dtype=np.int64))
    return float((1 + (drawn >= found * (1 - 1e-12)).sum()) / (permutations + 1))
