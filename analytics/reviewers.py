"""Who lets more pass than others do, whose work they judge being equal; and who approves of their own.

A review is a decision on an item's label by a reviewer, set beside a label that an annotator gave: accepted where the two
are the same. Reviewers do not get the same work, so their plain acceptance shares cannot be compared. Leniency is the
acceptance of a reviewer above what the *other* reviewers' acceptance of the same annotators makes one expect (indirect
standardisation, as of the standardised mortality ratio: Breslow & Day 1987, Statistical Methods in Cancer Research II):

    p(s, -r) = (acc_s - acc_rs) / (n_s - n_rs)          stratum s: an annotator, in one stage of review
    leniency_r = sum_s (acc_rs - n_rs p(s, -r)) / sum_s n_rs        over the strata with enough reviews of others

Above 0: lenient, under 0: strict. Reviews of one's own labels are left out of it. One decision judges several annotators at
once, so items are resampled, not reviews (Efron 1979), and the interval of a plain share counts items that go together as the
fewer that they are worth; the test is normal, leniency over its bootstrap standard error. It takes the items that reviewers get
within a stratum as alike: who gets the hard ones looks strict. A reason to look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.special import ndtr

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import Contract, FloatArray, IntArray, dense_codes, require
from analytics.intervals import (
    MAX_WEIGHTS,
    benjamini_hochberg,
    check_interval_options,
    percentile_interval,
    wilson_of_clusters,
)

REVIEWS = Contract("reviews", ("reviewer_code", "annotator_code", "item_code"))
"""One row a review, with `accepted` (bool). Reviewers and annotators share their codes, so that own work is known by them.
May also have `stage_code`: reviews are compared within a stage only."""

MIN_OTHERS = 5
"""Reviews of others that a stratum needs to say what is expected there."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """Reviews counted: C cells (reviewer, stratum), with the items that they rest on.

    `reviewer`, `stratum`: (C,) places. `n`, `accepted`: (C, I) sparse counts by item. `reviewers`: their codes.
    """

    reviewer: IntArray
    stratum: IntArray
    n: csr_array
    accepted: csr_array
    reviewers: IntArray


def leniency(
    reviews: pl.DataFrame,
    *,
    min_n: int = 20,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pl.DataFrame:
    """How much each reviewer accepts, and how much more or less than others would have of the same annotators.

    Args:
        reviews: a frame that keeps REVIEWS. Reviews of one's own labels are left out.
        min_n: reviewed items that can be compared which a reviewer needs for a leniency.
        replicates: of the bootstrap of items; 0 for no interval and no test.
        confidence: of both intervals.
        seed: the same seed gives the same intervals.

    Returns:
        One row a reviewer with a review of somebody else's label, sorted: reviewer_code, n (reviews), n_items,
        acceptance (share of n), low, high (`wilson_of_clusters`, an item is a cluster), n_compared (reviews in strata
        where others reviewed enough too), expected (share of n_compared that the others would have accepted), leniency
        (observed minus expected, of n_compared), leniency_low, leniency_high (null where the replicates have no spread),
        p_value (two-sided), p_adjusted (Benjamini and Hochberg over the reviewers that are tested), undefined (why there
        is no leniency).

    Raises:
        MissingColumn, BadColumn: as `require`; for an `accepted` that is missing, no boolean or null.
        BadOption: `min_n` is under 1; as `check_interval_options`.
    """
    check_interval_options(replicates, confidence)
    _check_minimum(min_n)
    foreign = _checked(reviews).filter(pl.col("reviewer_code") != pl.col("annotator_code"))
    table = _shares(foreign, "reviewer_code", confidence)
    cells = _counted(foreign)
    used = _usable(cells)
    n_compared, expected, gap = _standardised(cells, used, np.ones((cells.n.shape[1], 1)))
    items_compared = _items_compared(cells, used)
    enough = items_compared >= min_n
    ends, p_values = _by_resampling(cells, used, gap[:, 0], replicates, confidence, seed)
    tested = enough & np.isfinite(p_values)
    adjusted = np.full_like(p_values, np.nan)
    adjusted[tested] = benjamini_hochberg(p_values[tested])
    found = table.with_columns(
        n_compared=pl.Series(n_compared[:, 0]).cast(pl.Int64),
        expected=_known(expected[:, 0], enough),
        leniency=_known(gap[:, 0], enough),
        leniency_low=_known(ends[:, 0], enough),
        leniency_high=_known(ends[:, 1], enough),
        p_value=_known(p_values, enough),
        p_adjusted=_known(adjusted, enough),
        enough=pl.Series(enough, dtype=pl.Boolean),
    )
    return found.select(
        "reviewer_code", "n", "n_items", "acceptance", "low", "high", "n_compared", "expected", "leniency",
        "leniency_low", "leniency_high", "p_value", "p_adjusted",
        undefined=pl.when(~pl.col("enough")).then(
            pl.when(pl.col("n_items") < min_n)
            .then(pl.lit(f"fewer than {min_n} items were reviewed"))
            .otherwise(pl.lit(f"others reviewed the same annotators on too few items: it takes {min_n}"))
        ),
    )  # fmt: skip


def self_approval(reviews: pl.DataFrame, *, min_n: int = 20, confidence: float = 0.95) -> pl.DataFrame:
    """How often each reviewer accepts a label of their own, beside how often others accept theirs.

    Args:
        reviews: a frame that keeps REVIEWS.
        min_n: items with an own label that a reviewer has to have reviewed for a share.
        confidence: of the intervals.

    Returns:
        One row a reviewer who reviewed a label of their own, sorted: reviewer_code, n_own (own labels reviewed),
        n_own_items, n_accepted, share (of n_own), low, high (`wilson_of_clusters`; all three null under `min_n`),
        n_by_others (reviews of this person's labels by others), share_by_others, others_low, others_high (null where
        there are fewer than `min_n` items), undefined (why there is no share).

    Raises:
        MissingColumn, BadColumn, BadOption: as `leniency`.
    """
    check_interval_options(0, confidence)
    _check_minimum(min_n)
    checked = _checked(reviews)
    is_own = pl.col("reviewer_code") == pl.col("annotator_code")
    own = _shares(checked.filter(is_own), "reviewer_code", confidence)
    others = _shares(checked.filter(~is_own), "annotator_code", confidence).rename(
        {"annotator_code": "reviewer_code"}
    )
    beside = own.join(others, on="reviewer_code", how="left", maintain_order="left", suffix="_others")
    enough, enough_others = pl.col("n_items") >= min_n, pl.col("n_items_others") >= min_n
    return beside.select(
        "reviewer_code", pl.col("n").alias("n_own"), pl.col("n_items").alias("n_own_items"),
        pl.col("hits").alias("n_accepted"),
        pl.when(enough).then(pl.col("acceptance")).alias("share"),
        pl.when(enough).then(pl.col("low")).alias("low"),
        pl.when(enough).then(pl.col("high")).alias("high"),
        pl.col("n_others").fill_null(0).alias("n_by_others"),
        pl.when(enough_others).then(pl.col("acceptance_others")).alias("share_by_others"),
        pl.when(enough_others).then(pl.col("low_others")).alias("others_low"),
        pl.when(enough_others).then(pl.col("high_others")).alias("others_high"),
        undefined=pl.when(~enough).then(pl.lit(f"fewer than {min_n} items with an own label were reviewed")),
    )  # fmt: skip


def _check_minimum(min_n: int) -> None:
    if isinstance(min_n, bool) or not isinstance(min_n, int) or min_n < 1:
        raise BadOption("min_n", min_n, "a whole number of 1 or more")


def _checked(reviews: pl.DataFrame) -> pl.DataFrame:
    """The reviews with codes as Int64 and a stage for each."""
    require(reviews, REVIEWS)
    if "accepted" not in reviews.columns:
        raise MissingColumn(REVIEWS.name, ["accepted"], reviews.columns)
    accepted = reviews.get_column("accepted")
    if reviews.height and (accepted.dtype != pl.Boolean or accepted.null_count()):
        raise BadColumn(REVIEWS.name, "accepted", "has to be true or false; leave out what was not decided")
    stage = pl.lit(0, dtype=pl.Int64)
    if "stage_code" in reviews.columns:
        require(reviews, Contract(REVIEWS.name, ("stage_code",)))
        stage = pl.col("stage_code").cast(pl.Int64)
    return reviews.select(
        pl.col(*REVIEWS.codes).cast(pl.Int64), pl.col("accepted").cast(pl.Boolean), stage.alias("stage_code")
    )


def _shares(reviews: pl.DataFrame, by: str, confidence: float) -> pl.DataFrame:
    """Acceptance by one code, sorted: n, n_items, hits, acceptance, low, high."""
    items = (
        reviews.group_by(by, "item_code")
        .agg(n=pl.len().cast(pl.Int64), hits=pl.col("accepted").sum().cast(pl.Int64))
        .sort(by, "item_code")  # sums in another order would be other numbers
    )
    codes, place = dense_codes(items[by])
    low, high = wilson_of_clusters(
        place, items["hits"].to_numpy(), items["n"].to_numpy(), codes.size, confidence=confidence
    )
    counted = items.group_by(by).agg(
        pl.col("n").sum(), pl.len().cast(pl.Int64).alias("n_items"), pl.col("hits").sum()
    )
    return counted.sort(by).with_columns(
        acceptance=pl.col("hits") / pl.col("n"),
        low=pl.Series(low, dtype=pl.Float64),
        high=pl.Series(high, dtype=pl.Float64),
    )


def _counted(reviews: pl.DataFrame) -> _Cells:
    """The reviews as counts; the order of rows changes nothing."""
    rows = reviews.with_columns(
        stratum=pl.struct("annotator_code", "stage_code").rank("dense").cast(pl.Int64) - 1
        if reviews.height
        else pl.lit(0, dtype=pl.Int64)
    )
    reviewers, reviewer = dense_codes(rows["reviewer_code"])
    items, item = dense_codes(rows["item_code"])
    n_strata = int(rows["stratum"].to_numpy().max(initial=-1)) + 1
    keys, cell = dense_codes(pl.Series(reviewer * n_strata + rows["stratum"].to_numpy(), dtype=pl.Int64))
    shape = (keys.size, items.size)
    accepted = rows["accepted"].to_numpy().astype(np.float64)
    return _Cells(
        reviewer=keys // max(n_strata, 1),
        stratum=keys % max(n_strata, 1),
        n=csr_array((np.ones(cell.size), (cell, item)), shape=shape),
        accepted=csr_array((accepted, (cell, item)), shape=shape),
        reviewers=reviewers,
    )


def _summed(values: FloatArray, place: IntArray, n_places: int) -> FloatArray:
    """Rows (C, R) summed into the places that they belong to: (n_places, R)."""
    total = np.zeros((n_places, values.shape[1]))
    np.add.at(total, place, values)
    return total


def _usable(cells: _Cells) -> FloatArray:
    """(C, 1): 1 for cells in whose stratum others made enough reviews, else 0."""
    n = np.asarray(cells.n.sum(axis=1), dtype=np.float64).reshape(-1, 1)
    of_all = _summed(n, cells.stratum, int(cells.stratum.max(initial=-1)) + 1)
    return ((of_all[cells.stratum] - n) >= MIN_OTHERS).astype(np.float64)


def _items_compared(cells: _Cells, used: FloatArray) -> IntArray:
    """For each reviewer on how many items they can be compared."""
    where = cells.n.multiply(used).tocoo()
    some = where.data > 0
    pairs = np.unique(
        cells.reviewer[where.row[some]] * max(cells.n.shape[1], 1) + where.col[some].astype(np.int64)
    )
    return np.bincount(pairs // max(cells.n.shape[1], 1), minlength=cells.reviewers.size)


def _standardised(
    cells: _Cells, used: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Reviews compared, expected share and leniency of each reviewer, (reviewers, R), items weighted by (I, R).

    A cell whose stratum has no review of others among the drawn items is left out of that replicate.
    """
    n, accepted = cells.n @ weights, cells.accepted @ weights
    n_strata, n_reviewers = int(cells.stratum.max(initial=-1)) + 1, cells.reviewers.size
    n_others = _summed(n, cells.stratum, n_strata)[cells.stratum] - n
    accepted_others = _summed(accepted, cells.stratum, n_strata)[cells.stratum] - accepted
    kept = used * (n_others > 0)
    share = np.divide(accepted_others, n_others, out=np.zeros_like(n), where=n_others > 0)
    compared = _summed(kept * n, cells.reviewer, n_reviewers)
    expected = _summed(kept * n * share, cells.reviewer, n_reviewers)
    observed = _summed(kept * accepted, cells.reviewer, n_reviewers)
    nothing = np.full_like(compared, np.nan)
    return (
        compared,
        np.divide(expected, compared, out=nothing.copy(), where=compared > 0),
        np.divide(observed - expected, compared, out=nothing, where=compared > 0),
    )


def _by_resampling(
    cells: _Cells, used: FloatArray, gap: FloatArray, replicates: int, confidence: float, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Ends (reviewers, 2) of the percentile interval and two-sided p-values; NaN where there are none."""
    ends, p_values = np.full((gap.size, 2), np.nan), np.full(gap.size, np.nan)
    drawn = [_standardised(cells, used, weights)[2] for weights in _weights(cells, replicates, seed)]
    if not drawn or not gap.size:
        return ends, p_values
    for place, row in enumerate(np.concatenate(drawn, axis=1)):
        interval = percentile_interval(row, confidence)
        if interval is not None:
            ends[place] = interval
            p_values[place] = 2 * ndtr(-abs(gap[place]) / np.nanstd(row, ddof=1))
    return ends, p_values


def _weights(cells: _Cells, replicates: int, seed: int) -> Iterator[FloatArray]:
    """How often each item is drawn, (I, r) at a time: the bootstrap of items."""
    n_items = cells.n.shape[1]
    if not n_items:
        return
    rng, rows = np.random.default_rng(seed), max(1, MAX_WEIGHTS // max(cells.n.shape))
    for start in range(0, replicates, rows):
        size = min(rows, replicates - start)
        yield rng.multinomial(n_items, np.full(n_items, 1 / n_items), size=size).T.astype(np.float64)


def _known(values: FloatArray, enough: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pl.Series:
    """Values as a column, null where there are too few reviews or there is no value."""
    return pl.Series(np.where(enough, values, np.nan), dtype=pl.Float64).fill_nan(None)
