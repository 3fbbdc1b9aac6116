"""Cohen's kappa of every two annotators who share items, all pairs at once.

For the n items that annotators a and b both labelled, with cell shares p_ij (a says i, b says j), marginals
p_i. of a and p_.j of b:

    p_o = sum_i p_ii      p_e = sum_i p_i. p_.i      kappa = (p_o - p_e) / (1 - p_e)        (Cohen 1960)

    variance = { sum_i p_ii [(1 - p_e) - (p_.i + p_i.)(1 - p_o)]^2
                 + (1 - p_o)^2 sum_{i != j} p_ij (p_.i + p_j.)^2
                 - (p_o p_e - 2 p_e + p_o)^2 } / (n (1 - p_e)^4)       (Fleiss, Cohen & Everitt 1969,
                 non-null)

With votes sorted by item and annotator, the partners b > a of a vote are the votes that follow it on its
item.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl

from analytics.frames import VOTES, IntArray, Repeats, dense_codes, one_vote_each, require_labels
from analytics.intervals import check_interval_options

MIN_SHARED_ITEMS = 30
"""Shared items that a pair needs before the large-sample variance is trusted with an interval."""

MAX_MEETINGS = 4_000_000
"""Pairs of votes on one item worked on at once: annotators are taken in blocks that stay under it, or one by
one."""

MAX_PAIR_FLAGS = 20_000_000
"""Possible pairs looked through at once."""


def pairwise_kappa(
    votes: pl.DataFrame, *, n_labels: int, repeats: Repeats = "first", confidence: float = 0.95
) -> pl.DataFrame:
    """Cohen's kappa for every pair of annotators with an item in common.

    The interval is kappa +- z standard errors by the large-sample variance of Fleiss, Cohen & Everitt (1969),
    clipped to [-1, 1]. It is null under MIN_SHARED_ITEMS (30) shared items, and where all shared items
    agree, as the variance is then 0 whatever n. The intervals are not adjusted for the number of pairs.

    Args:
        votes: one row an annotation (VOTES); `order` is needed if an annotator has labelled an item twice.
        n_labels: K of the label set.
        repeats: which one of repeated votes counts, "first" or "last".
        confidence: of the interval.

    Returns:
        One row a pair, sorted: annotator_a < annotator_b, n_items (shared), agreement (share of them),
        kappa, low, high, undefined (why kappa is null, else null). Pairs without a shared item are left out.

    Raises:
        MissingColumn, BadColumn: `votes` breaks its contract, has a label code of K or more, or has repeats
        and no
            usable `order`.
        BadOption: an option is not one of those above.
    """
    check_interval_options(0, confidence)
    require_labels(votes, VOTES, n_labels)
    single = one_vote_each(votes, repeats)
    codes, annotator = dense_codes(single.get_column("annotator_code"))
    _, item = dense_codes(single.get_column("item_code"))
    label = single.get_column("label_code").to_numpy().astype(np.int64, copy=False)
    found = [
        _kappas(meetings, n_labels) for meetings in _blocks(item, annotator, label, codes.size, n_labels)
    ]
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    known, half = pl.col("kappa").is_not_nan(), z * pl.col("variance").sqrt()
    claimed = known & (pl.col("n_items") >= MIN_SHARED_ITEMS) & (pl.col("agreement") < 1)
    return pl.concat([_EMPTY, *found]).select(
        annotator_a=pl.lit(codes).gather(pl.col("a")),
        annotator_b=pl.lit(codes).gather(pl.col("b")),
        n_items="n_items",
        agreement="agreement",
        kappa=pl.when(known).then("kappa"),
        low=pl.when(claimed).then((pl.col("kappa") - half).clip(-1, 1)),
        high=pl.when(claimed).then((pl.col("kappa") + half).clip(-1, 1)),
        undefined=pl.when(~known).then(pl.lit("both used one and the same label only")),
    )


_EMPTY = pl.DataFrame(
    schema={
        "a": pl.Int64,
        "b": pl.Int64,
        "n_items": pl.Int64,
        "agreement": pl.Float64,
        "kappa": pl.Float64,
        "variance": pl.Float64,
    }
)


@dataclass(frozen=True, slots=True)
class _Meetings:
    """M meetings of two votes on an item, by P pairs of annotators: all that these pairs have."""

    a: IntArray  # (P,)
    b: IntArray  # (P,)
    pair: IntArray  # (M,) place in a and b
    label_a: IntArray  # (M,)
    label_b: IntArray  # (M,)


def _blocks(
    item: IntArray, annotator: IntArray, label: IntArray, n_annotators: int, n_labels: int
) -> Iterator[_Meetings]:
    """Meetings for blocks of consecutive annotators a, each with all its partners b > a."""
    order = pl.Series(item * n_annotators + annotator).arg_sort().to_numpy()
    item, annotator, label = item[order], annotator[order], label[order]
    n_after = np.cumsum(np.bincount(item))[item] - np.arange(item.size) - 1
    # The narrowest type: numpy sorts 16-bit codes by radix, six times faster.
    by_annotator = np.argsort(annotator.astype(np.min_scalar_type(n_annotators)), kind="stable")
    ends = np.cumsum(np.bincount(annotator, minlength=n_annotators))
    work = np.cumsum(n_after[by_annotator])[ends - 1] if item.size else ends
    limit = min(MAX_MEETINGS, max(50_000, 10 * MAX_MEETINGS // n_labels))
    widest = max(1, MAX_PAIR_FLAGS // max(n_annotators, 1))
    start = 0
    while start < n_annotators:
        done = work[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(work, done + limit, side="right")))
        stop = min(stop, start + widest, n_annotators)
        votes = by_annotator[ends[start - 1] if start else 0 : ends[stop - 1]]
        n_partners = n_after[votes]
        left = np.repeat(votes, n_partners)
        step = np.arange(left.size) - np.repeat(np.cumsum(n_partners) - n_partners, n_partners)
        right = left + 1 + step
        code = (annotator[left] - start) * n_annotators + annotator[right]
        seen = np.zeros((stop - start) * n_annotators, dtype=np.bool_)
        seen[code] = True
        a, b = np.divmod(np.flatnonzero(seen), n_annotators)
        yield _Meetings(a + start, b, (np.cumsum(seen) - 1)[code], label[left], label[right])
        start = stop


def _kappas(meetings: _Meetings, n_labels: int) -> pl.DataFrame:
    """Kappa and its variance for each pair, NaN where the chance agreement is 1."""
    pair, label_a, label_b, n_pairs = meetings.pair, meetings.label_a, meetings.label_b, meetings.a.size
    first, n_cells = pair * n_labels, n_pairs * n_labels
    n = np.bincount(pair, minlength=n_pairs)
    by_a = np.bincount(first + label_a, minlength=n_cells)
    by_b = np.bincount(first + label_b, minlength=n_cells)
    met = np.einsum("pk,pk->p", by_a.reshape(n_pairs, n_labels), by_b.reshape(n_pairs, n_labels))
    same = label_a == label_b
    agree = np.bincount(pair[same], minlength=n_pairs) / n
    chance = met / n**2
    left = np.where(met < n**2, 1 - chance, np.nan)

    crossed = (by_b[first + label_a] + by_a[first + label_b]) / n[pair]
    beside = crossed * (1 - agree)[pair]
    spread = np.bincount(
        pair, weights=np.where(same, (1 - chance)[pair] - beside, beside) ** 2, minlength=n_pairs
    )
    excess = spread / n - (agree * chance - 2 * chance + agree) ** 2
    return pl.DataFrame(
        {
            "a": meetings.a,
            "b": meetings.b,
            "n_items": n,
            "agreement": agree,
            "kappa": 1 - (1 - agree) / left,
            "variance": np.maximum(excess, 0.0) / (n * left**4),
        }
    )
