"""Cohen's kappa of every two annotators who share items, all pairs at once.

For the n items that annotators a and b both labelled, with cell shares p_ij (a says i, b says j), marginals
p_i. of a and p_.j of b:

    p_o = sum_i p_ii      p_e = sum_i p_i. p_.i      kappa = (p_o - p_e) / (1 - p_e)        (Cohen 1960)

    variance = { sum_i p_ii [(1 - p_e) - (p_.i + p_i.)(1 - p_o)]^2
                 + (1 - p_o)^2 sum_{i != j} p_ij (p_.i + p_j.)^2
                 - (p_o p_e - 2 p_e + p_o)^2 } / (n (1 - p_e)^4)       (Fleiss, Cohen & Everitt 1969,
                 non-null)

With votes sorted by item and annotator, the partners b > a of a vote are the votes that follow it on its
item (`count_kernels`). Memory is that of the votes and of the table of pairs.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from analytics.chunks import run_each
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, Repeats, keep_repeats, require_labels
from analytics.intervals import check_interval_options

if TYPE_CHECKING:
    from analytics.coded_votes import CodedVotes
    from analytics.count_kernels import Layout, Pairs

MIN_SHARED_ITEMS = 30
"""Shared items that a pair needs before the large-sample variance is trusted with an interval."""

MEETINGS_A_CHUNK = 500_000
"""Pairs of votes on one item that are worth a thread: annotators are taken in blocks of about so many."""


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
    return every_pair(
        votes,
        n_labels=n_labels,
        distance=np.zeros((0, 0)),
        repeats=repeats,
        confidence=confidence,
        reason="both used one and the same label only",
    )


def every_pair(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    distance: FloatArray,
    repeats: Repeats,
    confidence: float,
    reason: str,
) -> pl.DataFrame:
    """The table of `pairwise_kappa` for checked votes and options.

    Args:
        votes: as there, checked, like the other options.
        n_labels: K.
        distance: (K, K) how far two labels are from agreeing, 0 to 1; (0, 0): labels agree or do not.
        repeats: "first" or "last".
        confidence: of the interval.
        reason: why a pair has no kappa where nothing but agreement could be expected by chance.
    """
    coded = coded_once(votes, n_labels, repeats)
    who, n_shared, figures = _figures(coded, distance)
    table = pl.DataFrame(
        {
            "annotator_a": coded.annotator_codes[who[0]],
            "annotator_b": coded.annotator_codes[who[1]],
            "n_items": n_shared.astype(np.int64),
            "agreement": figures[0],
            "kappa": figures[1],
            "half": NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(figures[2]),
        }
    )
    known = pl.col("kappa").is_not_nan()
    claimed = known & (pl.col("n_items") >= MIN_SHARED_ITEMS) & (pl.col("agreement") < 1)
    return table.select(
        "annotator_a",
        "annotator_b",
        "n_items",
        "agreement",
        kappa=pl.when(known).then("kappa"),
        low=pl.when(claimed).then((pl.col("kappa") - pl.col("half")).clip(-1, 1)),
        high=pl.when(claimed).then((pl.col("kappa") + pl.col("half")).clip(-1, 1)),
        undefined=pl.when(~known).then(pl.lit(reason)),
    )


def coded_once(votes: pl.DataFrame, n_labels: int, repeats: Repeats) -> CodedVotes:
    """The votes sorted by item and annotator, one an (item, annotator).

    Raises:
        BadOption: `repeats` is "count" or another word.
        MissingColumn, BadColumn: there are repeats, and no usable `order` says which of them counts.
    """
    from analytics.coded_votes import code_votes

    if repeats not in ("first", "last"):
        raise BadOption("repeats", repeats, ("first", "last"))
    coded = code_votes(votes, n_labels=n_labels)
    annotator = coded.annotator_of_pair[coded.pairs]
    again = annotator[1:] == annotator[:-1]
    again[coded.starts[1:-1] - 1] = False
    return code_votes(keep_repeats(votes, repeats), n_labels=n_labels) if again.any() else coded


def _figures(coded: CodedVotes, distance: FloatArray) -> Pairs:
    """Agreement, kappa and its variance of every pair that met."""
    from analytics.count_kernels import Pairs, count_partners, pair_kappas

    layout, n_after = layout_of(coded)
    blocks = annotator_blocks(layout.starts, n_after, MEETINGS_A_CHUNK)
    counted = run_each(lambda block: count_partners(*blocks[block], layout), len(blocks))
    rows = np.concatenate([[0], *counted]).cumsum()
    n_pairs = int(rows[-1])
    who, n_shared = np.empty((2, n_pairs), dtype=np.int32), np.empty(n_pairs, dtype=np.int32)
    pairs = Pairs(who, n_shared, np.empty((3, n_pairs)))

    def work(block: int) -> None:
        first, last = blocks[block]
        pair_kappas(first, last, layout, distance, rows[first : last + 1], pairs)

    run_each(work, len(blocks))
    return pairs


def layout_of(coded: CodedVotes) -> tuple[Layout, IntArray]:
    """What the kernels read of votes, one an (item, annotator); and how many votes follow each of `layout.votes`."""
    from analytics.count_kernels import Layout

    annotator = coded.annotator_of_pair[coded.pairs]
    ends = np.repeat(coded.starts[1:].astype(np.int32), coded.votes_of_item)
    # The narrowest type: numpy sorts 16-bit codes by radix, six times faster.
    by_annotator = np.argsort(annotator.astype(np.min_scalar_type(coded.n_annotators)), kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(annotator, minlength=coded.n_annotators))])
    layout = Layout(starts, by_annotator.astype(np.int32), ends, annotator, coded.label_of_pair[coded.pairs])
    return layout, (ends - np.arange(ends.size) - 1)[by_annotator]


def annotator_blocks(starts: IntArray, n_after: IntArray, meetings: int) -> list[tuple[int, int]]:
    """Consecutive annotators with about so many meetings: first, last + 1."""
    done = np.concatenate([[0], np.cumsum(n_after)])[starts]
    wanted = np.arange(1, done[-1] // meetings + 1) * meetings
    cuts = np.unique(np.concatenate([[0], np.searchsorted(done, wanted), [starts.size - 1]]))
    return list(pairwise(cuts.tolist()))
