"""Crowds with known truth: simulated annotations for the demo, the tests and the benchmarks.

The model is that of Dawid & Skene (1979): an item has one true label, an annotator has a confusion matrix,
and an annotation is a draw from the row of that matrix that belongs to the item's true label, independent of
all others. Matrices are (K, K) with rows that sum to 1: row = true label, column = label given. Everything
simulated here is made up; nothing comes from real people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

STARTS_AT = datetime(2026, 1, 5, tzinfo=UTC)
"""When the votes begin unless told: a Monday."""

_ROW_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """A change of behaviour: from `at_share` of the time on, `annotators` label by `after` instead.

    Attributes:
        annotators: annotator codes that change.
        at_share: the moment of the change as a share of the whole period, in [0, 1].
        after: (K, K), the confusion matrix from then on.
    """

    annotators: tuple[int, ...]
    at_share: float
    after: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Simulated annotations and all that was true when they were made.

    Attributes:
        votes: `item_code, annotator_code, label_code, at, active_seconds, order`, one row a vote, by time.
        truth: `item_code, label_code`, one row an item.
        confusion: (A, K, K), the matrices in force before any change.
        confusion_after: (A, K, K), the matrices in force from `changed_at` on; `confusion` without a drift.
        changed_at: the moment of the drift; None without one.
    """

    votes: pl.DataFrame
    truth: pl.DataFrame
    confusion: Floats
    confusion_after: Floats
    changed_at: datetime | None


def simulate(
    *,
    n_items: int,
    n_annotators: int,
    n_labels: int,
    votes_per_item: int | tuple[int, int],
    seed: int,
    confusion: Floats | None = None,
    skill: float | Sequence[float] = 0.8,
    label_weights: Sequence[float] | None = None,
    repeat_share: float = 0.0,
    drift: Drift | None = None,
    starts_at: datetime = STARTS_AT,
    lasts: timedelta = timedelta(days=28),
    median_seconds: float = 6.0,
) -> Crowd:
    """A crowd that labels `n_items` items over a period; vectorised, ten million annotations in seconds.

    Args:
        n_items: I.
        n_annotators: A; each item's annotators are drawn without replacement, all alike.
        n_labels: K; label codes are 0 … K-1.
        votes_per_item: how many annotators an item gets, or the lowest and highest number, all alike.
        seed: the same seed and arguments give the same crowd.
        confusion: (A, K, K) matrices; None for good annotators of the given `skill`.
        skill: chance of the true label, one for all or one an annotator; used only where `confusion` is None.
        label_weights: K weights of the true labels; None for all alike.
        repeat_share: share of the votes that the same annotator casts once more for the same item.
        drift: annotators who change at a moment; None for none.
        starts_at: the first moment; votes are spread evenly at random over the period.
        lasts: length of the period.
        median_seconds: median active time of a vote; each annotator has a pace around it (log-normal).

    Raises:
        ValueError: a number out of range, matrices of another shape, or rows that do not sum to 1.
    """
    low, high = (votes_per_item, votes_per_item) if isinstance(votes_per_item, int) else votes_per_item
    _check_sizes(n_items, n_annotators, n_labels, low, high, repeat_share)
    before = (
        _panel_of_skills(n_annotators, n_labels, skill)
        if confusion is None
        else np.asarray(confusion, np.float64)
    )
    _check_panel(before, n_annotators, n_labels)
    after = before if drift is None else _panel_after(before, drift, n_labels)

    rng = np.random.default_rng(seed)
    weights = np.ones(n_labels) if label_weights is None else np.asarray(label_weights, np.float64)
    truth = rng.choice(n_labels, size=n_items, p=weights / weights.sum())
    items, annotators = _pairs(n_items, n_annotators, low, high, repeat_share, rng)
    n_votes = len(items)
    spent = _even_times(n_votes, rng)

    if drift is None:
        labels = draw_votes(before, annotators, truth[items], rng)
    else:
        split = int(np.searchsorted(spent, drift.at_share))
        parts = ((before, slice(None, split)), (after, slice(split, None)))
        labels = np.concatenate(
            [draw_votes(panel, annotators[s], truth[items[s]], rng) for panel, s in parts]
        )
    pace = median_seconds * np.exp(rng.normal(0.0, 0.3, n_annotators))
    seconds = np.round(pace[annotators] * np.exp(rng.normal(0.0, 0.5, n_votes)), 2)

    microseconds = (spent * (lasts / timedelta(microseconds=1))).astype(np.int64)
    votes = pl.DataFrame(
        {
            "item_code": items,
            "annotator_code": annotators,
            "label_code": labels,
            "at": moments(starts_at, microseconds),
            "active_seconds": seconds,
            "order": np.arange(n_votes, dtype=np.int64),
        }
    )
    return Crowd(
        votes=votes,
        truth=pl.DataFrame({"item_code": np.arange(n_items, dtype=np.int64), "label_code": truth}),
        confusion=before,
        confusion_after=after,
        changed_at=None if drift is None else starts_at + lasts * drift.at_share,
    )


def good(n_labels: int, skill: float) -> Floats:
    """(K, K) of an annotator who gives the true label with chance `skill` and any other alike.

    >>> good(3, 0.8).round(3).tolist()
    [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
    """
    if not 0.0 <= skill <= 1.0:
        raise ValueError(f"skill is {skill}; it is a chance, from 0 to 1")
    if n_labels < 2:
        raise ValueError(f"n_labels is {n_labels}; a label set has at least 2 labels")
    matrix = np.full((n_labels, n_labels), (1.0 - skill) / (n_labels - 1))
    np.fill_diagonal(matrix, skill)
    return matrix


def spammer(n_labels: int, weights: Sequence[float] | None = None) -> Floats:
    """(K, K) of an annotator who answers without looking: every row alike, even or by `weights`."""
    row = np.ones(n_labels) if weights is None else np.asarray(weights, np.float64)
    if row.shape != (n_labels,) or (row < 0).any() or row.sum() <= 0:
        raise ValueError(f"weights has to be {n_labels} numbers of 0 or more that are not all 0")
    return np.tile(row / row.sum(), (n_labels, 1))


def straight_liner(n_labels: int, label_code: int) -> Floats:
    """(K, K) of an annotator who gives the one label whatever the item is."""
    return spammer(n_labels, [float(code == label_code) for code in range(n_labels)])


def confusing(matrix: Floats, first: int, second: int, share: float) -> Floats:
    """`matrix` of an annotator who takes `share` of the true `first` for `second` and the other way round.

    The rest of both rows keeps its proportions. For a habit in one direction only there is `mistaking`.

    >>> confusing(good(3, 1.0), 0, 1, 0.25).tolist()
    [[0.75, 0.25, 0.0], [0.25, 0.75, 0.0], [0.0, 0.0, 1.0]]
    """
    return mistaking(mistaking(matrix, first, second, share), second, first, share)


def mistaking(matrix: Floats, true_label: int, given: int, share: float) -> Floats:
    """`matrix` of an annotator who gives `given` for the true label `true_label` in `share` of the cases.

    The rest of that row keeps its proportions.

    >>> mistaking(good(3, 1.0), 0, 2, 0.5).tolist()
    [[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share is {share}; it goes from 0 to 1")
    changed = matrix.copy()
    row = changed[true_label].copy()
    row[given] = 0.0
    if row.sum() <= 0.0:
        raise ValueError(f"row {true_label} gives nothing but label {given}: there is no rest to keep")
    changed[true_label] = row / row.sum() * (1.0 - share)
    changed[true_label, given] = share
    return changed


def draw_votes(panel: Floats, annotators: Codes, true_labels: Codes, rng: np.random.Generator) -> Codes:
    """One label a vote, each from its annotator's row for the true label.

    All rows' cumulative chances stand end to end in one sorted array (row r lies in [r, r+1]), so that one
    `searchsorted` draws every vote by inversion.

    Args:
        panel: (A, K, K) confusion matrices.
        annotators: (N,) annotator codes.
        true_labels: (N,) codes of the true labels.
        rng: where chance comes from.

    Returns:
        (N,) label codes.
    """
    n_labels = panel.shape[-1]
    return _draw(panel.reshape(-1, n_labels), annotators * n_labels + true_labels, rng)


def draw_labels(chances: Floats, rng: np.random.Generator) -> Codes:
    """(N,) label codes, one from each row of `chances` (N, K), whose rows sum to 1."""
    return _draw(chances, np.arange(len(chances), dtype=np.int64), rng)


def moments(starts_at: datetime, microseconds: Codes) -> pl.Series:
    """Moments that many microseconds after `starts_at`, as Datetime(us, UTC)."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    since = (starts_at - epoch) // timedelta(microseconds=1)
    return pl.Series(microseconds + since, dtype=pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _draw(rows: Floats, row_of_vote: Codes, rng: np.random.Generator) -> Codes:
    n_rows, n_labels = rows.shape
    cumulative = np.cumsum(rows, axis=1)
    cumulative /= cumulative[:, -1:]
    cumulative += np.arange(n_rows)[:, None]
    sought = rng.random(len(row_of_vote)) + row_of_vote
    found = np.searchsorted(cumulative.ravel(), sought, side="right")
    found -= row_of_vote * n_labels
    # A draw within rounding of 1 may fall on the next row's first label: it belongs to this row's last one.
    late = np.flatnonzero(found >= n_labels)
    if len(late):
        last = n_labels - 1 - np.argmax(rows[:, ::-1] > 0, axis=1)
        found[late] = last[row_of_vote[late]]
    return found.astype(np.int64, copy=False)


def _pairs(
    n_items: int, n_annotators: int, low: int, high: int, repeat_share: float, rng: np.random.Generator
) -> tuple[Codes, Codes]:
    """Who labels what, in the order in which it is done."""
    chosen = _distinct(n_items, n_annotators, high, rng)
    if low == high:
        items = np.repeat(np.arange(n_items, dtype=np.int64), high)
        annotators = chosen.ravel()
    else:
        # Any first columns of a row in random order are a fair choice of that many annotators.
        kept = np.arange(high) < rng.integers(low, high + 1, n_items)[:, None]
        items, annotators = np.nonzero(kept)[0], rng.permuted(chosen, axis=1)[kept]
    again = (
        rng.choice(len(items), size=round(repeat_share * len(items)), replace=False) if repeat_share else None
    )
    if again is not None:
        items, annotators = (
            np.concatenate([items, items[again]]),
            np.concatenate([annotators, annotators[again]]),
        )
    order = rng.permutation(len(items))
    return items[order], annotators[order]


def _distinct(n_rows: int, n_annotators: int, size: int, rng: np.random.Generator) -> Codes:
    """(n_rows, size) annotators, distinct in a row: Floyd's sampling (Bentley & Floyd 1987)."""
    chosen = np.empty((n_rows, size), np.int64)
    for column, last in enumerate(range(n_annotators - size, n_annotators)):
        drawn = rng.integers(0, last + 1, n_rows)
        taken = (chosen[:, :column] == drawn[:, None]).any(axis=1)
        chosen[:, column] = np.where(taken, last, drawn)
    return chosen


def _even_times(n: int, rng: np.random.Generator) -> Floats:
    """Sorted moments in (0, 1), as n uniform draws: scaled sums of exponential gaps need no sorting."""
    gaps = rng.exponential(size=n + 1)
    return np.asarray(np.cumsum(gaps)[:-1] / gaps.sum(), np.float64)


def _panel_of_skills(n_annotators: int, n_labels: int, skill: float | Sequence[float]) -> Floats:
    skills = np.broadcast_to(np.asarray(skill, np.float64), n_annotators)
    return np.stack([good(n_labels, float(one)) for one in skills])


def _panel_after(before: Floats, drift: Drift, n_labels: int) -> Floats:
    if not 0.0 <= drift.at_share <= 1.0:
        raise ValueError(f"drift.at_share is {drift.at_share}; it is a share of the period, from 0 to 1")
    if not all(0 <= code < len(before) for code in drift.annotators):
        raise ValueError(f"drift names annotators {drift.annotators}; the crowd has 0 to {len(before) - 1}")
    _check_panel(drift.after[None], 1, n_labels)
    after = before.copy()
    after[list(drift.annotators)] = drift.after
    return after


def _check_sizes(
    n_items: int, n_annotators: int, n_labels: int, low: int, high: int, repeat_share: float
) -> None:
    if n_items < 1 or n_annotators < 1 or n_labels < 2:
        raise ValueError(
            f"{n_items} items, {n_annotators} annotators, {n_labels} labels: at least 1, 1 and 2 are needed"
        )
    if not 1 <= low <= high <= n_annotators:
        raise ValueError(
            f"votes_per_item from {low} to {high} has to lie in 1 to {n_annotators}, the number of annotators"
        )
    if not 0.0 <= repeat_share <= 1.0:
        raise ValueError(f"repeat_share is {repeat_share}; it goes from 0 to 1")


def _check_panel(panel: Floats, n_annotators: int, n_labels: int) -> None:
    expected = (n_annotators, n_labels, n_labels)
    if panel.shape != expected:
        raise ValueError(
            f"confusion has the shape {panel.shape}; {expected} is needed: annotators, labels, labels"
        )
    if (panel < 0).any() or (abs(panel.sum(axis=2) - 1.0) > _ROW_SUM_TOLERANCE).any():
        raise ValueError("every row of a confusion matrix holds chances of 0 or more that sum to 1")
