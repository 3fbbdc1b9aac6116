"""The rows behind a change of rate as the columns of a least-squares fit, and the sums of it under weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.errors import BadColumn, BadOption
from analytics.frames import Contract, FloatArray, IntArray, dense_codes, require
from analytics.rate_kernels import mean_effects, normal_equations

CODED = Contract("annotations", ("item_code", "annotator_code", "window", "hit"))
"""One row an annotation: `window` 0 for the reference and 1 for the window, `hit` 1 where it is the label asked about and
else 0. May also have `stratum_code` (the kind of item: else each item is its own kind), `guideline_code`, `set_code`, and
`period_code` (such as the day), whose effects are taken out, and `weight` (how many annotations of a whole a row of a sample
stands for, above 0)."""

MAX_COLUMNS = 3000
MOST_PEOPLE = 200
"""Annotators with an effect of their own; those with least share one by the windows that they are in."""
NULL = 1e-9
"""An eigenvalue under this share of the largest one is 0."""
_RIDGE, _REFINED = 1e-7, 3
MIN_PARALLEL_PERIODS, MIN_PARALLEL = 3, 30
"""Two versions can be told from time where they were in use side by side: in so many periods, so many annotations."""


@dataclass(frozen=True, slots=True)
class Design:
    """The rows as codes, sorted by stratum; columns of the fit: person-windows, guidelines, label sets, periods (P of them).

    `person` are those with an effect: `people` has their codes, and -1, -2, -3 for who is left in the reference alone, the
    window alone, and both. `drawn` are the annotators one by one.
    """

    item: IntArray
    person: IntArray
    drawn: IntArray
    window: IntArray
    hit: FloatArray
    weight: FloatArray
    start: IntArray  # (S + 1,) where each stratum's rows begin
    columns: IntArray  # (N, C), one of P in each of C kinds
    n_columns: int
    person_column: IntArray  # (A, 2), -1 where the person is not in the window
    guideline_at: tuple[int, int]
    set_at: tuple[int, int]
    period_at: tuple[int, int]
    people: IntArray
    strata: IntArray
    varies: tuple[str, ...]
    parallel: frozenset[str]  # of guideline and label_set: those whose versions were in use side by side

    @property
    def both(self) -> FloatArray:
        """(A,) 1.0 for those in both windows."""
        return np.asarray((self.person_column >= 0).all(axis=1), dtype=np.float64)

    @property
    def stratum(self) -> IntArray:
        """(N,) the stratum of each row."""
        return np.repeat(np.arange(self.strata.size), np.diff(self.start))


@dataclass(frozen=True, slots=True)
class Weighed:
    """Sums under weights: normal equations with the strata taken out, and the windows' shares of everything."""

    weights: FloatArray  # (N,)
    matrix: FloatArray
    right: FloatArray
    hit_by_stratum: FloatArray
    column_share: FloatArray  # (2, P)
    stratum_share: FloatArray  # (2, S)
    rate: FloatArray


def designed(annotations: pl.DataFrame, *, most_people: int = MOST_PEOPLE) -> Design:
    """The design of a frame that keeps CODED; what does not vary has no column.

    Raises:
        MissingColumn, BadColumn, BadOption: as `rate_change`.
    """
    require(annotations, CODED)
    for name in ("window", "hit"):
        if not annotations[name].cast(pl.Int64).is_in([0, 1]).all():
            raise BadColumn("annotations", name, "has to be 0 or 1")
    if "weight" in annotations.columns and not (annotations["weight"] > 0).all():
        raise BadColumn("annotations", "weight", "has to be above 0")
    known, person = dense_codes(annotations["annotator_code"])
    window = annotations["window"].cast(pl.Int64).to_numpy()
    people, shown = _pooled(known, person, window, most_people)
    panels = np.zeros((people.size, 2), dtype=bool)
    panels[shown, window] = True
    # Disjoint panels can be told from items by the same items alone, not by items of the same kind.
    by_kind = "stratum_code" in annotations.columns and bool(panels.all(axis=1).any())
    strata, stratum = dense_codes(annotations["stratum_code" if by_kind else "item_code"])
    person_column = np.where(panels, np.cumsum(panels).reshape(panels.shape) - 1, -1)
    at = int(panels.sum())
    period = "period_code" if "period_code" in annotations.columns else "window"
    parallel = set()
    columns, spans, varies = [person_column[shown, window]], {}, ["items", "annotators"]
    for factor, name in (("guideline", "guideline_code"), ("label_set", "set_code"), ("", "period_code")):
        spans[factor] = (at, at)
        if name not in annotations.columns or annotations[name].n_unique() < 2:
            continue
        values, codes = dense_codes(annotations[name])
        columns.append(codes + at)
        spans[factor] = (at, at + values.size)
        at += values.size
        if factor:
            varies.append(factor)
            parallel |= {factor} if _in_parallel(annotations, name, period) else set()
    varies.append("behaviour")
    if at > MAX_COLUMNS:
        raise BadOption("annotations", f"{at:,} columns", f"at most {MAX_COLUMNS:,}: take longer periods")
    order = np.argsort(stratum, kind="stable")
    hit = annotations["hit"].cast(pl.Float64).to_numpy()
    weight = (
        annotations["weight"].cast(pl.Float64).to_numpy()
        if "weight" in annotations.columns
        else np.ones(hit.size)
    )
    return Design(
        dense_codes(annotations["item_code"])[1][order], shown[order], person[order], window[order], hit[order], weight[order],
        np.searchsorted(stratum[order], np.arange(strata.size + 1)), np.ascontiguousarray(np.stack(columns, axis=1)[order]),
        at, person_column, spans["guideline"], spans["label_set"], spans[""], people, strata, tuple(varies), frozenset(parallel),
    )  # fmt: skip


def _pooled(known: IntArray, person: IntArray, window: IntArray, most: int) -> tuple[IntArray, IntArray]:
    """Codes of those with an effect and the place of each row's: beyond the `most` with most rows, one for each set of windows."""
    if known.size <= most:
        return known, person
    counts = np.bincount(person * 2 + window, minlength=2 * known.size).reshape(-1, 2)
    busiest = np.lexsort((known, -counts.sum(axis=1)))
    code = known.copy()
    rest = busiest[most:]
    code[rest] = np.select([counts[rest, 1] == 0, counts[rest, 0] == 0], [-1, -2], -3)
    people, place = np.unique(code, return_inverse=True)
    return people, np.asarray(place[person], dtype=np.int64)


def _in_parallel(annotations: pl.DataFrame, version: str, period: str) -> bool:
    by_version = annotations.group_by(period, version).len()
    beside = by_version.group_by(period).agg(
        pl.len().alias("n"), (pl.col("len").sum() - pl.col("len").max()).alias("few")
    )
    several = beside.filter(pl.col("n") > 1)
    enough = min(MIN_PARALLEL_PERIODS, annotations[period].n_unique())
    return several.height >= enough and int(several["few"].sum()) >= MIN_PARALLEL


def weigh(design: Design, weights: FloatArray) -> Weighed:
    """The sums of the rows, each counted `weights` (N,) times."""
    gram, right, mean, by_column, by_stratum, hits = normal_equations(
        design.start, design.columns, design.window, design.hit, weights, design.n_columns
    )
    total = by_stratum.sum(axis=1)
    each = np.where(total > 0, total, np.nan)
    return Weighed(
        weights, gram, right, mean, by_column / each[:, None], by_stratum / each[:, None], hits / each
    )


def levels(
    design: Design, weighed: Weighed, theta: FloatArray, *, hits: FloatArray | None = None
) -> FloatArray:
    """(S,) the strata's effects beside the columns' `theta`; `hits` in place of their mean hit."""
    mean = weighed.hit_by_stratum if hits is None else hits
    return np.asarray(mean - mean_effects(design.start, design.columns, weighed.weights, theta))


def solve(weighed: Weighed) -> FloatArray:
    """The columns' effects: least squares of least norm."""
    values, vectors = np.linalg.eigh(weighed.matrix)
    kept = values > NULL * max(values[-1], 1.0)
    return np.asarray(
        vectors[:, kept] @ ((vectors[:, kept].T @ weighed.right) / values[kept]), dtype=np.float64
    )


def solve_quickly(weighed: Weighed) -> FloatArray:
    """A solution of the same normal equations, of almost least norm: by Cholesky with a ridge that refinement takes out again.

    An effect in direction v of eigenvalue l is short by (ridge / (l + ridge)) ^ 4 of itself (Riley 1955, Math. Tables Aids
    Comput. 9).
    """
    from scipy.linalg import (
        cho_factor,
        cho_solve,
    )  # a third of a second to import, and pages import this module

    matrix = weighed.matrix
    ridge = _RIDGE * max(float(np.trace(matrix)) / len(matrix), 1e-12)
    factor = cho_factor(matrix + ridge * np.eye(len(matrix)), check_finite=False)
    theta = cho_solve(factor, weighed.right, check_finite=False)
    for _ in range(_REFINED):
        theta = theta + cho_solve(factor, weighed.right - matrix @ theta, check_finite=False)
    return np.asarray(theta)


def people_share(design: Design, weighed: Weighed) -> FloatArray:
    """(2, A): the share of each person in each window."""
    column = design.person_column
    share = [
        np.where(column[:, w] >= 0, weighed.column_share[w, np.maximum(column[:, w], 0)], 0.0) for w in (0, 1)
    ]
    return np.stack(share)


def person_effects(design: Design, people: FloatArray, theta: FloatArray) -> FloatArray:
    """(A, 2): each person's effect in each window; one of one window only moves as those in both do on average."""
    column = design.person_column
    effect = np.where(column >= 0, theta[np.maximum(column, 0)], 0.0)
    weight = design.both * people.sum(axis=0) * (people > 0).all(axis=0)
    shift = float(weight @ (effect[:, 1] - effect[:, 0]) / weight.sum()) if weight.sum() > 0 else 0.0
    # A replicate may have drawn a person of both windows in one of them only: they are as those of one window.
    only_after = (column[:, 0] < 0) | (people[0] == 0)
    only_before = ((column[:, 1] < 0) | (people[1] == 0)) & ~only_after
    effect[only_after, 0] = effect[only_after, 1] - shift
    effect[only_before, 1] = effect[only_before, 0] + shift
    return effect


def kish(codes: IntArray) -> float:
    """How many codes of equal weight these rows are worth: (sum n)^2 / sum n^2 (Kish 1965, Survey Sampling)."""
    n = np.bincount(codes) if codes.size else np.zeros(1)
    return float(n.sum() ** 2 / (n**2).sum()) if n.any() else 0.0
