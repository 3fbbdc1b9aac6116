"""How much people disagree on an item, and whether that looks like slips or like a second reading.

An item's disagreement is the chance that two annotators who have not seen it yet would differ on it,
1 - sum_k s_k^2 with s the shares of the labels among all annotators. From n votes the share of disagreeing pairs is an
unbiased estimate, but with few votes it is hardly more than chance (of two votes it is 0 or 1). So s gets a Dirichlet
prior with one number a for every label, chosen so that the mean disagreement under it is that of all items' pairs
together; with counts n_k and A = K a + n the posterior means are

    disagreement  1 - sum_k (a + n_k) (a + n_k + 1) / (A (A + 1))
    entropy       digamma(A + 1) - sum_k (a + n_k) / A digamma(a + n_k + 1)   in nats (Wolpert & Wolf 1995)

Few votes are drawn towards the mean of all items, many stand for themselves. Votes have to be independent: answers
that were given blind.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.special import betainc, betaln, digamma

from analytics.consensus import count_labels, int_codes, rank_codes
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, Repeats, one_vote_each, require_labels
from analytics.intervals import check_interval_options

KINDS = ("agreed", "noise", "ambiguity", "cannot tell")
"""What dissent on an item looks like."""

MIN_VOTES = 2
"""Independent votes without which nothing is said of people's disagreement on an item."""

MIN_VOTES_OF_KIND = 5
"""Independent votes without which noise and ambiguity are not told apart."""

PEOPLE_LIMIT = 1 / 3
"""An item is hard for people from here on: two more annotators would differ one time in three."""

DRAWS, LEAST_DRAWS = 2000, 400
"""Draws from the posterior of each distinct count of votes, for intervals and chances: the fewer, the more there are."""

_DRAWN_CELLS = 4_000_000  # numbers (8 bytes) that a step of the draws holds
_MOST_DRAWN = 20_000_000  # numbers drawn in all, while there are LEAST_DRAWS of each
_MOST_KEYS = 2**62


def human_disagreement(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    limit: float = PEOPLE_LIMIT,
    repeats: Repeats = "last",
    seed: int = 0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """How much people disagree on each item, drawn towards the mean of all items where votes are few.

    Args:
        votes: a frame that keeps VOTES, of independent annotations.
        n_labels: K of the label set, 2 or more.
        limit: `p_hard` is the posterior chance of a disagreement of at least this.
        repeats: which of several votes by one annotator on one item counts, "first" or "last".
        seed: of the draws from the posterior, which are the same for items of the same counts.
        confidence: of the posterior's central interval.

    Returns:
        One row an item with a vote, sorted: item_code, n_annotations, pairs_share (of disagreeing pairs, as
        counted), disagreement, low, high, entropy (nats), p_hard. All null but the first two under MIN_VOTES.
        The interval leaves out the doubt about the prior.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
    """
    check_interval_options(0, confidence)
    check_disagreement_limit("limit", limit)
    item_codes, counts = _label_counts(votes, n_labels, repeats)
    # Items of the same counts in any order of labels have the same figures.
    patterns, place = _patterns(counts)
    n_of = patterns.sum(axis=1)
    prior = prior_mass(counts)
    posterior = patterns.astype(np.float64) + prior
    total = posterior.sum(axis=1)
    agreeing = (posterior * (posterior + 1)).sum(axis=1) / (total * (total + 1))
    entropy = digamma(total + 1) - (posterior / total[:, None] * digamma(posterior + 1)).sum(axis=1)
    pairs = np.maximum(n_of * (n_of - 1), 1)
    low, high, p_hard = _drawn(posterior, limit=limit, seed=seed, confidence=confidence)
    figures = pl.DataFrame(
        {
            "n_annotations": n_of,
            "pairs_share": 1 - (patterns * (patterns - 1)).sum(axis=1) / pairs,
            "disagreement": 1 - agreeing,
            "low": low,
            "high": high,
            "entropy": np.maximum(entropy, 0.0),
            "p_hard": p_hard,
        }
    )
    known = pl.col("n_annotations") >= MIN_VOTES
    hidden = figures.with_columns(pl.when(known).then(pl.exclude("n_annotations")))
    return hidden[place].insert_column(0, pl.Series("item_code", item_codes))


def prior_mass(counts: IntArray) -> float:
    """The prior's mass a on every label, by moments: mean disagreement (K - 1) a / (K a + 1) is that of all pairs.

    Half a disagreeing pair in one more is added, so that unanimous votes leave a little doubt; disagreement of
    chance or more counts as 99 % of chance.

    Args:
        counts: (I, K) votes; items with fewer than two have no pair.
    """
    n_labels = counts.shape[1]
    n_of = counts.sum(axis=1)
    pairs = float((n_of * (n_of - 1)).sum()) / 2
    same = float((counts * (counts - 1)).sum()) / 2
    share = min((pairs - same + 0.5) / (pairs + 1), 0.99 * (n_labels - 1) / n_labels)
    return float(share / (n_labels - 1 - n_labels * share))


def noise_or_ambiguity(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    error_share: float,
    odds: float = 3.0,
    repeats: Repeats = "last",
) -> pl.DataFrame:
    """Whether dissent on an item looks like slips or like a second reading of it.

    Two accounts of the d votes of n that are not for the most frequent label are weighed by their likelihoods: noise,
    each vote errs with chance e; ambiguity, a vote goes elsewhere with some chance between e and a half, each as
    likely. One has to be `odds` times as likely as the other, else it is "cannot tell", as always under
    MIN_VOTES_OF_KIND votes. It goes by how many dissent, not by who: annotators who err together look like a second
    reading.

    Args:
        votes: a frame that keeps VOTES, of independent annotations.
        n_labels: K of the label set, 2 or more.
        error_share: e, how often an annotator errs on a clear item, above 0 and below 0.5: from gold or a skill model.
        odds: 1 or more.
        repeats: as `human_disagreement`.

    Returns:
        One row an item with a vote, sorted: item_code, n_annotations, n_dissent, log_odds (nats, of ambiguity
        against noise; null under MIN_VOTES_OF_KIND), kind (one of KINDS; "agreed": no dissent among
        MIN_VOTES_OF_KIND votes or more).

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
    """
    if not 0 < error_share < 0.5:
        raise BadOption("error_share", error_share, "above 0 and below 0.5")
    if not 1 <= odds < np.inf:
        raise BadOption("odds", odds, "1 or more")
    item_codes, counts = _label_counts(votes, n_labels, repeats)
    n = counts.sum(axis=1)
    dissent = n - counts.max(axis=1, initial=0)
    log_odds = _log_odds(dissent, n, error_share)
    enough = n >= MIN_VOTES_OF_KIND
    kind = np.select(
        [~enough, dissent == 0, log_odds >= np.log(odds), log_odds <= -np.log(odds)],
        ["cannot tell", "agreed", "ambiguity", "noise"],
        default="cannot tell",
    )
    frame = pl.DataFrame(
        {
            "item_code": item_codes,
            "n_annotations": n,
            "n_dissent": dissent,
            "log_odds": log_odds,
            "kind": pl.Series(kind.tolist(), dtype=pl.String),
        }
    )
    return frame.with_columns(pl.when(pl.lit(pl.Series(enough))).then("log_odds").alias("log_odds"))


def check_disagreement_limit(option: str, limit: float) -> None:
    """Refuse a limit that no disagreement could be held against (BadOption)."""
    if not 0 < limit < 1:
        raise BadOption(option, limit, "between 0 and 1: a chance that two annotators differ")


def _label_counts(votes: pl.DataFrame, n_labels: int, repeats: Repeats) -> tuple[IntArray, IntArray]:
    """Codes of the items (I,), sorted, and their votes by label (I, K)."""
    require_labels(votes, VOTES, n_labels)
    if n_labels < 2:
        raise BadOption("n_labels", n_labels, "2 or more: of one label no two annotators can differ")
    kept = one_vote_each(votes, repeats)
    item_codes, items = rank_codes(int_codes(kept, "item_code"))
    counts = count_labels(items, int_codes(kept, "label_code"), n_items=len(item_codes), n_labels=n_labels)
    return item_codes, counts.astype(np.int64)


def _patterns(counts: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct rows (P, K) of counts, each sorted from most to fewest, and the row of each item (I,)."""
    ranked = -np.sort(-counts, axis=1)
    key, span = np.zeros(len(counts), dtype=np.int64), 1
    for column in ranked.T:
        size = int(column.max(initial=0)) + 1
        if span > _MOST_KEYS // size:
            distinct, key = np.unique(key, return_inverse=True)
            span = len(distinct)
        key, span = key * size + column, span * size
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    return ranked[first], place


def _drawn(
    posterior: FloatArray, *, limit: float, seed: int, confidence: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ends of the central interval of the disagreement of each pattern (P,), and the chance of `limit` or more."""
    n_patterns, n_labels = posterior.shape
    rng = np.random.default_rng(seed)
    draws = int(np.clip(_MOST_DRAWN // max(posterior.size, 1), LEAST_DRAWS, DRAWS))
    step = max(_DRAWN_CELLS // (draws * n_labels), 1)
    found = np.empty((3, n_patterns))
    for first in range(0, n_patterns, step):
        shares = rng.standard_gamma(
            posterior[first : first + step], (draws, *posterior[first : first + step].shape)
        )
        total = shares.sum(axis=2)
        disagreement = 1 - (shares * shares).sum(axis=2) / (total * total)
        ends = [(1 - confidence) / 2, (1 + confidence) / 2]
        found[:2, first : first + step] = np.quantile(disagreement, ends, axis=0)
        found[2, first : first + step] = (disagreement >= limit).mean(axis=0)
    return found[0], found[1], found[2]


def _log_odds(dissent: IntArray, n: IntArray, error_share: float) -> FloatArray:
    """Log of the likelihood of ambiguity over that of noise (I,)."""
    noise = dissent * np.log(error_share) + (n - dissent) * np.log1p(-error_share)
    a, b = dissent + 1.0, n - dissent + 1.0
    # Where next to none of the chance lies between e and a half the difference is rounded to 0.
    between = np.maximum(betainc(a, b, 0.5) - betainc(a, b, error_share), 1e-300)
    ambiguity = betaln(a, b) + np.log(between) - np.log(0.5 - error_share)
    return np.asarray(ambiguity - noise, dtype=np.float64)
