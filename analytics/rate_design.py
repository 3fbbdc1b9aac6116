"""The rows behind a change of rate as the columns of a least-squares fit, and the sums of it under weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.errors import BadColumn, BadOption
from analytics.frames import Contract, FloatArray, IntArray, dense_codes, require

CODED = Contract("annotations", ("item_code", "annotator_code", "window", "hit"))
"""One row an annotation: `window` 0 for the reference and 1 for the window, `hit` 1 where it is the label asked about and
else 0. May also have `stratum_code` (the kind of item: else each item is its own kind), `guideline_code`, `set_code`, and
`period_code` (such as the day), whose effects are taken out."""

MAX_CELLS = 20_000_000
NULL = 1e-9
"""An eigenvalue under this share of the largest one is 0."""
MIN_PARALLEL_PERIODS, MIN_PARALLEL = 3, 30
"""Two versions can be told from time where they were in use side by side: in so many periods, so many annotations."""


@dataclass(frozen=True, slots=True)
class Design:
    """The rows as codes; columns of the fit: person-windows, guidelines, label sets, periods (P of them)."""

    item: IntArray
    person: IntArray
    window: IntArray
    hit: FloatArray
    stratum: IntArray
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


@dataclass(frozen=True, slots=True)
class Weighed:
    """Sums under weights: normal equations with the strata taken out, and the windows' shares of everything."""

    matrix: FloatArray
    right: FloatArray
    by_stratum: FloatArray  # (S, P) means of the columns
    hit_by_stratum: FloatArray
    column_share: FloatArray  # (2, P)
    stratum_share: FloatArray  # (2, S)
    rate: FloatArray


def designed(annotations: pl.DataFrame) -> Design:
    """The design of a frame that keeps CODED; what does not vary has no column.

    Raises:
        MissingColumn, BadColumn, BadOption: as `rate_change`.
    """
    require(annotations, CODED)
    for name in ("window", "hit"):
        if not annotations[name].cast(pl.Int64).is_in([0, 1]).all():
            raise BadColumn("annotations", name, "has to be 0 or 1")
    _, item = dense_codes(annotations["item_code"])
    people, person = dense_codes(annotations["annotator_code"])
    window = annotations["window"].cast(pl.Int64).to_numpy()
    has_kinds = "stratum_code" in annotations.columns
    panels = np.zeros((people.size, 2), dtype=bool)
    panels[person, window] = True
    # Disjoint panels can be told from items by the same items alone, not by items of the same kind.
    by_kind = has_kinds and bool(panels.all(axis=1).any())
    strata, stratum = dense_codes(annotations["stratum_code" if by_kind else "item_code"])
    person_column = np.where(panels, np.cumsum(panels).reshape(panels.shape) - 1, -1)
    at = int(panels.sum())
    period = "period_code" if "period_code" in annotations.columns else "window"
    parallel = set()
    columns, spans, varies = [person_column[person, window]], {}, ["items", "annotators"]
    for factor, name in (("guideline", "guideline_code"), ("label_set", "set_code"), ("", "period_code")):
        spans[factor] = (at, at)
        if name not in annotations.columns or annotations[name].n_unique() < 2:
            continue
        known, codes = dense_codes(annotations[name])
        columns.append(codes + at)
        spans[factor] = (at, at + known.size)
        at += known.size
        if factor:
            varies.append(factor)
            parallel |= {factor} if _in_parallel(annotations, name, period) else set()
    varies.append("behaviour")
    if strata.size * at > MAX_CELLS:
        raise BadOption(
            "annotations", f"{strata.size:,} × {at:,}", f"at most {MAX_CELLS:,}: take a sample of items"
        )
    return Design(
        item, person, window, annotations["hit"].cast(pl.Float64).to_numpy(), stratum,
        np.stack(columns, axis=1), at, person_column, spans["guideline"], spans["label_set"], spans[""], people, strata,
        tuple(varies), frozenset(parallel),
    )  # fmt: skip


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
    kinds = design.columns.shape[1]
    size, n_strata = design.n_columns, design.strata.size
    joined = np.zeros(n_strata * size)
    for kind in range(kinds):
        joined += np.bincount(
            design.stratum * size + design.columns[:, kind], weights, minlength=n_strata * size
        )
    sums = joined.reshape(n_strata, size)
    total = np.bincount(design.stratum, weights, n_strata)
    some = np.maximum(total, 1e-300)[:, None]
    means = np.where(total[:, None] > 0, sums / some, 0.0)
    hits = np.bincount(design.stratum, weights * design.hit, n_strata)
    hit_means = np.where(total > 0, hits / some[:, 0], 0.0)
    gram, right = np.zeros(size * size), np.zeros(size)
    for one in range(kinds):
        right += np.bincount(design.columns[:, one], weights * design.hit, size)
        for two in range(kinds):
            gram += np.bincount(design.columns[:, one] * size + design.columns[:, two], weights, size * size)
    gram = gram.reshape(size, size) - sums.T @ means
    right -= sums.T @ hit_means
    shares, kinds_share, rate = np.zeros((2, size)), np.zeros((2, n_strata)), np.zeros(2)
    for w in (0, 1):
        here = weights * (design.window == w)
        all_here = here.sum() or np.nan
        for kind in range(kinds):
            shares[w] += np.bincount(design.columns[:, kind], here, size) / all_here
        kinds_share[w] = np.bincount(design.stratum, here, n_strata) / all_here
        rate[w] = here @ design.hit / all_here
    return Weighed(gram, right, means, hit_means, shares, kinds_share, rate)


def solve(weighed: Weighed) -> FloatArray:
    """The columns' effects: least squares of least norm."""
    values, vectors = np.linalg.eigh(weighed.matrix)
    kept = values > NULL * max(values[-1], 1.0)
    return np.asarray(
        vectors[:, kept] @ ((vectors[:, kept].T @ weighed.right) / values[kept]), dtype=np.float64
    )


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
