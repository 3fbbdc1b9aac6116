"""Who labels without looking: spammer scores, straight-liners; and a ranking that does not claim too much.

Spammer score (V. Raykar & S. Yu, Eliminating Spammers and Ranking Annotators for Crowdsourced Labeling Tasks, JMLR 13,
2012): a spammer's label does not depend on the item, so all rows of their confusion matrix A (what they say, given the
label) are the same. Over the C rows that were observed:

    score = 1 / (C (C - 1)) sum_{c < d} sum_k (A_ck - A_dk)^2          0: spammer, 1: perfect

Rows estimated from few votes differ by chance alone, which makes the plain score of a spammer positive. Its mean excess
is (C - 1) sum_c v_c / (C (C - 1)), v_c the summed variance of row c, estimated without bias by
sum_k a_ck (1 - a_ck) / (n_c - 1); it is taken off. The interval is score +- z standard errors, by the variance of a
quadratic form of normal variables, so it stays honest at 0, where the first-order variance vanishes. It takes votes as
independent.

Straight-liners give one label on and on. Two tests, each under exchangeability, both conservative:

  * longest run: all orders of the annotator's own labels are equally likely. For label k, n_k of n votes, exactly
      P(run >= L) = sum_{j >= 1} (-1)^(j + 1) C(m + 1, j) C(n - j L, m) / C(n, m),   m = n - n_k,
    and the p-value is the sum over labels (Bonferroni), at most 1.
  * modal label: on each item the annotator's vote could have been any of the votes there. The share of the label they
    use most is set against its share in all votes on the same items; the p-value is normal, with a continuity
    correction, times the number of labels used.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import polars as pl
from scipy.special import gammaln, ndtr

from analytics.annotators import annotator_agreement, confusion_with_others
from analytics.consensus import int_codes, rank_codes
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import VOTES, FloatArray, IntArray, require_labels
from analytics.intervals import benjamini_hochberg, check_interval_options

MIN_ROW = 5
"""Votes that a row of the confusion matrix needs to be compared with others."""

_MOST_CELLS = 4_000_000
_MOST_TERMS = 80
_CERTAIN = 10.0  # expected long runs above which one is as good as certain


def skill_ranking(votes: pl.DataFrame, *, n_labels: int, min_n: int = 30) -> pl.DataFrame:
    """Annotators by agreement with the others, with how far their rank could be off.

    Rank 1 is best; equals share a rank. `rank_best` counts those whose interval lies wholly above, `rank_worst` those
    it lies wholly above itself. Whoever has fewer than `min_n` votes to compare has no rank and moves nobody else's.

    Returns:
        `annotators.annotator_agreement`'s columns, then rank, rank_best, rank_worst (null without a rank), and
        unranked (why).

    Raises:
        MissingColumn, BadColumn, BadOption: as there; BadOption for `min_n` under 1.
    """
    _whole("min_n", min_n, 1)
    table = annotator_agreement(votes, n_labels=n_labels)
    ranked = table.filter(pl.col("n_compared") >= min_n)
    low, high = (np.sort(ranked.get_column(name).to_numpy()) for name in ("low", "high"))
    above = ranked.height - np.searchsorted(low, ranked.get_column("high").to_numpy(), side="right")
    below = np.searchsorted(high, ranked.get_column("low").to_numpy(), side="left")
    ranks = ranked.select(
        "annotator_code",
        rank=pl.col("agreement").rank("min", descending=True).cast(pl.Int64),
        rank_best=pl.Series(above + 1, dtype=pl.Int64),
        rank_worst=pl.Series(ranked.height - below, dtype=pl.Int64),
    )
    few = pl.lit(f"fewer than {min_n} annotations to compare")
    return (
        table.join(ranks, on="annotator_code", how="left")
        .with_columns(unranked=pl.when(pl.col("rank").is_null()).then(few))
        .sort("annotator_code")
    )


def spammer_scores(
    votes: pl.DataFrame, *, n_labels: int, min_row: int = MIN_ROW, confidence: float = 0.95
) -> pl.DataFrame:
    """Raykar and Yu's spammer score against the consensus of the others: 0 a spammer, 1 perfect.

    Args:
        votes: a frame that keeps VOTES; repeats count.
        n_labels: K of the label set.
        min_row: votes on items of a label (by the others) that an annotator needs for it to be one of the C
            compared; 2 or more.
        confidence: of the interval.

    Returns:
        One row an annotator, sorted: annotator_code, n (votes compared), n_rows (C), score, low, high (in
        [0, 1]), undefined (fewer than two rows).

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`; BadOption for the other options.
    """
    check_interval_options(0, confidence)
    _whole("min_row", min_row, 2)
    cells = confusion_with_others(votes, n_labels=n_labels)
    known = cells.with_columns(row=pl.col("n").sum().over("annotator_code", "label_others")).filter(
        pl.col("row") >= min_row
    )
    codes, who = rank_codes(int_codes(known, "annotator_code"))
    step = max(1, _MOST_CELLS // n_labels**2)
    parts = [
        _scores(known, who, first, min(first + step, len(codes)), n_labels)
        for first in range(0, len(codes), step)
    ]
    n, n_rows, score, error = np.concatenate(parts, axis=1) if parts else np.zeros((4, 0))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    found = pl.DataFrame(
        {
            "annotator_code": codes,
            "n": n.astype(np.int64),
            "n_rows": n_rows.astype(np.int64),
            "score": score.clip(0, 1),
            "low": (score - z * error).clip(0, 1),
            "high": (score + z * error).clip(0, 1),
        }
    )
    everybody = votes.select(pl.col("annotator_code").cast(pl.Int64).unique().sort())
    some = pl.col("n_rows") >= 2
    reason = f"fewer than two labels of the others were met {min_row} times"
    return (
        everybody.join(found, on="annotator_code", how="left")
        .with_columns(pl.col("n", "n_rows").fill_null(0))
        .with_columns(
            pl.when(some).then(pl.col("score", "low", "high")), undefined=pl.when(~some).then(pl.lit(reason))
        )
        .sort("annotator_code")
    )


def _scores(cells: pl.DataFrame, who: IntArray, first: int, last: int, n_labels: int) -> FloatArray:
    """n, C, score and its standard error (4, last - first) of some annotators."""
    within = (who >= first) & (who < last)
    given, meant = (int_codes(cells, name)[within] for name in ("label_given", "label_others"))
    counts = np.zeros((last - first, n_labels, n_labels))
    counts[who[within] - first, meant, given] = int_codes(cells, "n")[within]
    n = counts.sum(axis=2)
    rows = n > 0
    n_rows = rows.sum(axis=1)
    share = np.divide(counts, n[:, :, None], out=np.zeros_like(counts), where=rows[:, :, None])
    scale = np.divide(1.0, n_rows * (n_rows - 1), out=np.zeros(len(n_rows)), where=n_rows > 1)
    per_vote = np.divide(1.0, n - 1, out=np.zeros_like(n), where=n > 1)
    variance = (share * (1 - share)).sum(axis=2) * per_vote
    # The sum over pairs of rows is C times the sum of their squared distances to the mean row.
    mean = share.sum(axis=1) / np.maximum(n_rows, 1)[:, None]
    apart = np.where(rows[:, :, None], share - mean[:, None, :], 0.0)
    plain = n_rows * (apart**2).sum(axis=(1, 2))
    score = scale * (plain - (n_rows - 1) * variance.sum(axis=1))
    return np.stack([n.sum(axis=1), n_rows, score, scale * np.sqrt(_spread(share, apart, per_vote, n_rows))])


def _spread(share: FloatArray, apart: FloatArray, per_vote: FloatArray, n_rows: IntArray) -> FloatArray:
    """Variance of x'Qx for normal rows: 4 m'QSQm + 2 tr(QSQS), Q = C I - 11' over rows, S = diag(p) - pp' over n."""
    slope = n_rows[:, None, None] * apart
    along = (share * slope**2).sum(axis=2) - (share * slope).sum(axis=2) ** 2
    first = 4 * (along * per_vote).sum(axis=1)
    cross = share @ share.transpose(0, 2, 1)
    once = (share**2) @ share.transpose(0, 2, 1)
    together = (
        (cross - once - once.transpose(0, 2, 1) + cross**2) * per_vote[:, :, None] * per_vote[:, None, :]
    )
    own = np.einsum("jcc->jc", together).sum(axis=1)
    second = 2 * ((n_rows - 1) ** 2 * own + together.sum(axis=(1, 2)) - own)
    return np.asarray(np.maximum(first + second, 0.0))


def straight_liners(votes: pl.DataFrame, *, n_labels: int, min_n: int = 20) -> pl.DataFrame:
    """The longest run of one label, and how much one label is used, against what is to be expected.

    Args:
        votes: a frame that keeps VOTES, with `order`.
        n_labels: K of the label set.
        min_n: annotations that an annotator needs to be tested.

    Returns:
        One row an annotator, sorted: annotator_code, n, longest_run, run_label (the smallest, where several
        labels have such a run), p_run, modal_label (the smallest, where several are used as often), modal_share,
        expected_share (of that label in all votes on the same items), p_modal, p_adjusted (Benjamini and Hochberg
        over all annotators tested, of min(1, 2 min(p_run, p_modal))), undefined (why it is not tested; the
        p-values are null then).

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`; for an `order` that is missing, or that does not
            order the votes of an annotator; for `min_n` under 1.
    """
    _whole("min_n", min_n, 1)
    require_labels(votes, VOTES, n_labels)
    ordered = in_order(votes)
    runs = (
        ordered.group_by(
            "annotator_code", run=pl.struct("annotator_code", "label_code").rle_id(), maintain_order=True
        )
        .agg(pl.len().cast(pl.Int64).alias("length"), pl.col("label_code").first())
        .sort("annotator_code", pl.col("length") * -1, "label_code")
        .group_by("annotator_code", maintain_order=True)
        .agg(longest_run=pl.col("length").first(), run_label=pl.col("label_code").first())
    )
    used = ordered.group_by("annotator_code", "label_code").agg(used=pl.len().cast(pl.Int64))
    used = used.with_columns(
        n=pl.col("used").sum().over("annotator_code"), labels=pl.len().over("annotator_code")
    )
    tails = used.join(runs, on="annotator_code").sort("annotator_code", "label_code")
    tail = long_run_tail(*(tails.get_column(name).to_numpy() for name in ("n", "used", "longest_run")))
    by_run = (
        tails.with_columns(tail=tail).group_by("annotator_code").agg(p_run=pl.col("tail").sum().clip(0, 1))
    )
    table = runs.join(by_run, on="annotator_code").join(_modal(ordered, used), on="annotator_code")
    return _with_verdict(table.sort("annotator_code"), min_n)


def long_run_tail(n: IntArray, n_label: IntArray, longest: IntArray) -> FloatArray:
    """P(a label with `n_label` of `n` votes has a run of `longest` or more), all orders equally likely.

    >>> long_run_tail(np.array([4, 4]), np.array([2, 2]), np.array([2, 1])).round(3).tolist()
    [0.5, 1.0]
    """
    others = (n - n_label).astype(np.float64)

    def log_term(j: int) -> FloatArray:
        left = n - j * longest
        some = (left >= others) & (j <= others + 1)
        a, b = np.where(some, others + 1, j), np.where(some, left, others)
        term = _log_choose(a, np.full_like(a, j)) + _log_choose(b, others) - _log_choose(n, others)
        return np.where(some, term, -np.inf)

    # Where many long runs are to be expected one is certain, and the alternating sum would lose all digits.
    first = np.exp(np.minimum(log_term(1), 50.0))
    tail = np.zeros(len(n))
    for j in range(1, _MOST_TERMS):
        term = np.exp(np.minimum(log_term(j), 50.0))
        tail += term if j % 2 else -term
        if not np.any(term[first <= _CERTAIN] > 1e-18):
            break
    return np.where((first > _CERTAIN) | (longest <= 1) & (n_label > 0), 1.0, tail.clip(0, 1))


def _log_choose(n: FloatArray | IntArray, k: FloatArray) -> FloatArray:
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))


def _modal(ordered: pl.DataFrame, used: pl.DataFrame) -> pl.DataFrame:
    """The label that each annotator uses most, and how often the votes on the same items are for it."""
    modal = (
        used.sort("annotator_code", pl.col("used") * -1, "label_code")
        .group_by("annotator_code", maintain_order=True)
        .agg(pl.col("label_code").first().alias("modal_label"), pl.col("used", "n", "labels").first())
    )
    on_item = ordered.group_by("item_code", "label_code").agg(for_label=pl.len())
    votes = ordered.with_columns(m=pl.len().over("item_code")).join(
        modal.select("annotator_code", "modal_label"), on="annotator_code"
    )
    chance = votes.join(
        on_item, left_on=["item_code", "modal_label"], right_on=["item_code", "label_code"], how="left"
    ).select("annotator_code", q=pl.col("for_label").fill_null(0) / pl.col("m"))
    # Sorted first: a sum of floats must not depend on the order of rows.
    sums = chance.sort("annotator_code", "q").group_by("annotator_code", maintain_order=True)
    found = modal.join(
        sums.agg(mean=pl.col("q").sum(), variance=(pl.col("q") * (1 - pl.col("q"))).sum()),
        on="annotator_code",
    )
    excess, variance = (found.select(pl.col("used") - pl.col("mean") - 0.5, "variance").to_numpy()).T
    z = np.divide(excess, np.sqrt(variance), out=np.full(len(excess), -np.inf), where=variance > 1e-12)
    return found.select(
        "annotator_code",
        "n",
        "modal_label",
        modal_share=pl.col("used") / pl.col("n"),
        expected_share=pl.col("mean") / pl.col("n"),
        p_modal=(pl.Series(ndtr(-z), dtype=pl.Float64) * pl.col("labels")).clip(0, 1),
    )


def _with_verdict(table: pl.DataFrame, min_n: int) -> pl.DataFrame:
    enough = table.get_column("n") >= min_n
    either = (2 * table.select(pl.min_horizontal("p_run", "p_modal")).to_series().to_numpy()).clip(0, 1)
    tested = enough.to_numpy()
    either[tested] = benjamini_hochberg(either[tested])
    return table.with_columns(p_adjusted=pl.Series(either, dtype=pl.Float64)).select(
        "annotator_code",
        "n",
        "longest_run",
        "run_label",
        pl.when(enough).then("p_run").alias("p_run"),
        "modal_label",
        "modal_share",
        "expected_share",
        pl.when(enough).then("p_modal").alias("p_modal"),
        pl.when(enough).then("p_adjusted").alias("p_adjusted"),
        pl.when(~enough).then(pl.lit(f"fewer than {min_n} annotations")).alias("undefined"),
    )


def in_order(votes: pl.DataFrame) -> pl.DataFrame:
    """The votes by annotator and `order`, codes as Int64.

    Raises:
        MissingColumn, BadColumn: there is no `order`, it is not of integers, or it is the same for two votes of an
            annotator.
    """
    if "order" not in votes.columns:
        raise MissingColumn(VOTES.name, ["order"], votes.columns)
    order = votes.get_column("order")
    if votes.height and (not order.dtype.is_integer() or order.null_count()):
        raise BadColumn(VOTES.name, "order", "has to hold integers without nulls")
    ordered = votes.with_columns(pl.col(*VOTES.codes, "order").cast(pl.Int64)).sort("annotator_code", "order")
    if ordered.select(pl.struct("annotator_code", "order").rle_id().max() + 1).item() not in {
        None,
        votes.height,
    }:
        raise BadColumn(VOTES.name, "order", "is the same for two votes of one annotator")
    return ordered


def _whole(option: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise BadOption(option, value, f"a whole number of {least} or more")
