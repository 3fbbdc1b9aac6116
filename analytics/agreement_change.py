"""How each annotator's agreement with the others on the same items changed from a reference to a window.

Of a vote on an item with n votes in its window, y is the share of the other n - 1 that gave the same label. An annotator's own change is
the mean of y over the window's items minus that over the reference's. It falls where the annotator changed, but also where items grew
harder or colleagues worse. So each vote has a second figure too: y minus r, where r is how far the others agree among themselves on that
item (three votes or more) or, where nobody else is left, the mean agreement of the window's items with two votes. That falls where the
annotator changed, and where colleagues grew better, but not where items grew harder.

An annotator is said to have fallen only where both fell: the p-value of the two together is the larger one (an intersection-union test,
Berger 1982, Technometrics 24), which needs no correction. Both are differences of means over items, with Welch's (1947) degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.frames import Contract, FloatArray, IntArray, require

COMPARED = Contract("votes", ("item_code", "annotator_code", "label_code", "window"))
"""One row an annotation: `window` 0 for the reference and 1 for the window."""
MIN_EACH = 30
"""Items of a person in each window that the others labelled too; with fewer there is no change of theirs."""

SCHEMA = {
    "annotator_code": pl.Int64, "n_before": pl.Int64, "n_after": pl.Int64, "before": pl.Float64, "after": pl.Float64,
    "change": pl.Float64, "change_error": pl.Float64, "change_df": pl.Float64,
    "beside": pl.Float64, "beside_error": pl.Float64, "beside_df": pl.Float64,
}  # fmt: skip


def agreement_changes(votes: pl.DataFrame) -> pl.DataFrame:
    """The change of each annotator with MIN_EACH items or more in both windows that somebody else labelled in the same window.

    Args:
        votes: a frame that keeps COMPARED, independent annotations only. Of several of a person for an item in a window the last
            row counts.

    Returns:
        SCHEMA, sorted by annotator_code: n_before and n_after items; `before` and `after`, the means of y; `change` of y and `beside`,
        the change of y - r, each with its standard error and degrees of freedom.

    Raises:
        MissingColumn, BadColumn: as `require`.
    """
    require(votes, COMPARED)
    if votes.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    each = _each_vote(*(votes[name].to_numpy().astype(np.int64) for name in COMPARED.codes))
    n_people = int(each.who.max(initial=-1)) + 1
    group = each.window * n_people + each.who
    n = np.bincount(group, minlength=2 * n_people)
    means = {of: _means(group, values, n) for of, values in (("y", each.y), ("d", each.y - each.rest))}
    enough = np.flatnonzero((n[:n_people] >= MIN_EACH) & (n[n_people:] >= MIN_EACH))
    old, new = enough, enough + n_people
    columns: dict[str, object] = {
        "annotator_code": enough, "n_before": n[old], "n_after": n[new], "before": means["y"][0][old], "after": means["y"][0][new],
    }  # fmt: skip
    for of, named in (("y", "change"), ("d", "beside")):
        mean, variance = means[of]
        error, df = _welch(variance[old] / n[old], variance[new] / n[new], n[old], n[new])
        columns |= {named: mean[new] - mean[old], f"{named}_error": error, f"{named}_df": df}
    return pl.DataFrame(columns, schema=SCHEMA)


@dataclass(frozen=True, slots=True)
class _Votes:
    """Of each vote with company: who gave it, in which window, its y, and r, how far the others agree."""

    who: IntArray
    window: IntArray
    y: FloatArray
    rest: FloatArray


def _each_vote(item: IntArray, who: IntArray, label: IntArray, window: IntArray) -> _Votes:
    place = np.unique(item * 2 + window, return_inverse=True)[1]
    last = _last_of_each(place * (int(who.max()) + 1) + who)
    place, who, label, window = (one[last] for one in (place, who, label, window))
    n = np.bincount(place)[place].astype(np.float64)
    cell, inverse = np.unique(place * (int(label.max()) + 1) + label, return_inverse=True)
    others = np.bincount(inverse, minlength=cell.size)[inverse] - 1.0  # how many of them gave this label
    pairs = np.bincount(place, others)[place]
    y = np.divide(others, n - 1, out=np.zeros_like(others), where=n > 1)
    left = (n - 1) * (n - 2)
    rest = np.divide(pairs - 2 * others, left, out=np.zeros_like(others), where=n > 2)
    for one in (0, 1):
        twos = (n == 2) & (window == one)
        rest[twos] = y[twos].mean() if twos.any() else 0.0
    kept = n > 1
    return _Votes(who[kept], window[kept], y[kept], rest[kept])


def _last_of_each(key: IntArray) -> IntArray:
    """The places of the last row of each key."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    last: IntArray = order[np.append(ordered[1:] != ordered[:-1], True)]
    return last


def _means(group: IntArray, values: FloatArray, n: IntArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of each group; 0 where there is nothing."""
    total = np.bincount(group, values, n.size)
    mean = np.divide(total, n, out=np.zeros(n.size), where=n > 0)
    squares = np.bincount(group, (values - mean[group]) ** 2, n.size)
    return mean, np.divide(squares, n - 1, out=np.zeros(n.size), where=n > 1)


def _welch(
    old: FloatArray, new: FloatArray, n_old: IntArray, n_new: IntArray
) -> tuple[FloatArray, FloatArray]:
    """The standard error of a difference of two means whose squared errors are given, and its degrees of freedom."""
    spread = old**2 / (n_old - 1) + new**2 / (n_new - 1)
    fewest = (np.minimum(n_old, n_new) - 1).astype(np.float64)
    return np.sqrt(old + new), np.divide((old + new) ** 2, spread, out=fewest, where=spread > 0)
