"""What other weights of the panel would do to the labels: raking to a target mix, and the labels that would change.

Raking (W. E. Deming & F. F. Stephan 1940, Annals of Mathematical Statistics 11) multiplies the weights of annotators' votes
until the share of votes of each group of each attribute is its target. The label of an item is then the one with the most weight
behind it; a tie goes to the smallest code, as in the plain vote. What it costs is precision: the votes count as

    n_eff = (sum w)^2 / sum w^2      (L. Kish 1965, Survey Sampling).

How far labels stand from a group is judged with each vote left out of the label that it is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.consensus import count_labels, rank_codes
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, one_vote_each, require_labels

_ROUNDS = 200
_CLOSE = 1e-6
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Reweighted:
    """The labels under other weights.

    Attributes:
        changes: items whose label would change, sorted: item_code, label_before, label_after, weight_share (of the new label).
        groups: a row a group, by code: group_code, n_votes, vote_share, target_share, agrees_before, agrees_after: the share of
            its votes that the label of the *other* votes agrees with.
        gap_before, gap_after: the largest less the smallest of these shares.
        n_votes, n_effective: votes, and as how many the weighted ones count.
        n_items: items with a label.
    """

    changes: pl.DataFrame
    groups: pl.DataFrame
    gap_before: float
    gap_after: float
    n_votes: int
    n_effective: float
    n_items: int


def raked(groups: Sequence[tuple[IntArray, FloatArray]]) -> FloatArray:
    """Weights (N,) of mean 1 under which each attribute's groups have their target shares.

    Args:
        groups: for each attribute the group code of each vote (N,), and the target share of each group (G,), which sum to 1.

    Raises:
        BadOption: targets do not sum to 1, are not above 0 where there are votes, or ask for a group without votes; or no weights
            reach all of them at once.
    """
    n = groups[0][0].size
    weights = np.ones(n)
    for code, target in groups:
        seen = np.bincount(code, minlength=target.size)
        if (
            seen.size > target.size
            or abs(float(target.sum()) - 1) > 1e-6
            or np.any((target > 0) != (seen > 0))
        ):
            raise BadOption(
                "target",
                target.tolist(),
                "a share above 0 for each group with votes, and for no other; sum 1",
            )
    for _ in range(_ROUNDS):
        for code, target in groups:
            share = np.bincount(code, weights, target.size) / weights.sum()
            weights *= np.divide(target, share, out=np.ones_like(share), where=share > 0)[code]
        off = [np.abs(np.bincount(c, weights, t.size) / weights.sum() - t).max() for c, t in groups]
        if max(off) < _CLOSE:
            return np.asarray(weights / weights.mean(), dtype=np.float64)
    raise BadOption("target", [t.tolist() for _, t in groups], "a mix that weights of these votes can reach")


def effective_size(weights: FloatArray) -> float:
    """Kish's effective number of votes.

    >>> effective_size(np.array([1.0, 1.0, 2.0])).__round__(3)
    2.667
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


def reweighted(
    votes: pl.DataFrame, groups: pl.DataFrame, target: Mapping[int, float], *, n_labels: int
) -> Reweighted:
    """What weighting groups of annotators to a target mix would change.

    Args:
        votes: a frame that keeps VOTES; of several votes of one annotator for an item the first counts (`order`).
        groups: annotator_code, group_code (0 to G - 1); the votes of annotators without a row keep the weight 1.
        target: the share of the votes of known group that each group with votes is to have.
        n_labels: K of the label set.

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`, `raked`; BadOption where no vote has a group.
    """
    require_labels(votes, VOTES, n_labels)
    single = one_vote_each(votes, "first").select(VOTES.codes).cast(pl.Int64)
    rows = single.join(groups.select(pl.all().cast(pl.Int64)), on="annotator_code", how="left").sort(
        VOTES.codes
    )
    known = rows["group_code"].is_not_null().to_numpy()
    if not known.any():
        raise BadOption("groups", groups.height, "groups of annotators who gave votes")
    group = rows["group_code"].fill_null(-1).to_numpy()
    n_groups = max(int(group.max()), *target) + 1
    shares = np.array([float(target.get(k, 0.0)) for k in range(n_groups)])
    weights = np.ones(rows.height)
    weights[known] = raked([(group[known], shares)])
    codes, item = rank_codes(rows["item_code"].to_numpy())
    label = rows["label_code"].to_numpy()
    before = count_labels(item, label, n_items=codes.size, n_labels=n_labels).astype(np.float64)
    heavy = np.bincount(item * n_labels + label, weights, codes.size * n_labels)
    after = np.asarray(heavy, dtype=np.float64).reshape(codes.size, n_labels)
    top = _Tops(_top(before), _top(after))
    moved = np.flatnonzero(top.before != top.after)
    table = _of_groups(
        group,
        known,
        shares,
        (_agrees(before, item, label, np.ones(label.size)), _agrees(after, item, label, weights)),
    )
    return Reweighted(
        changes=pl.DataFrame(
            {
                "item_code": codes[moved],
                "label_before": top.before[moved],
                "label_after": top.after[moved],
                "weight_share": after[moved, top.after[moved]] / after[moved].sum(1),
            }
        ),
        groups=table,
        gap_before=_gap(table["agrees_before"]),
        gap_after=_gap(table["agrees_after"]),
        n_votes=rows.height,
        n_effective=effective_size(weights),
        n_items=codes.size,
    )


@dataclass(frozen=True, slots=True)
class _Tops:
    before: IntArray
    after: IntArray


def _top(weights: FloatArray) -> IntArray:
    """The label with the most weight; the smallest code of a tie, also one that rounding hides."""
    most = weights.max(axis=1, keepdims=True)
    return np.asarray((weights >= most - _TIE * np.maximum(most, 1)).argmax(axis=1), dtype=np.int64)


def _agrees(table: FloatArray, item: IntArray, label: IntArray, weights: FloatArray) -> FloatArray:
    """(N,) whether the label of the other votes is the vote's own: 1, 0; NaN where they are tied or nobody."""
    step = max(1, 4_000_000 // table.shape[1])
    found = np.empty(label.size)
    for start in range(0, label.size, step):
        rows = slice(start, start + step)
        left = table[item[rows]]
        left[np.arange(left.shape[0]), label[rows]] -= weights[rows]
        most = left.max(axis=1)
        tied = (left >= (most - _TIE * np.maximum(most, 1))[:, None]).sum(axis=1) > 1
        agrees = (left.argmax(axis=1) == label[rows]).astype(np.float64)
        found[rows] = np.where(tied | (most <= _TIE), np.nan, agrees)
    return found


def _of_groups(
    group: IntArray,
    known: np.ndarray[tuple[int], np.dtype[np.bool_]],
    target: FloatArray,
    agrees: tuple[FloatArray, FloatArray],
) -> pl.DataFrame:
    n = np.bincount(group[known], minlength=target.size)

    def share(values: FloatArray) -> pl.Series:
        some = known & np.isfinite(values)
        counted = np.bincount(group[some], minlength=target.size)
        hits = np.bincount(group[some], values[some], target.size)
        return pl.Series(
            np.divide(hits, counted, out=np.full(target.size, np.nan), where=counted > 0)
        ).fill_nan(None)

    return pl.DataFrame(
        {
            "group_code": np.arange(target.size),
            "n_votes": n,
            "vote_share": n / n.sum(),
            "target_share": target,
            "agrees_before": share(agrees[0]),
            "agrees_after": share(agrees[1]),
        }
    ).filter(pl.col("n_votes") > 0)


def _gap(shares: pl.Series) -> float:
    known = shares.drop_nulls().to_numpy()
    return float(known.max() - known.min()) if known.size else 0.0
