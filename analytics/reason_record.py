"""How often each reason for a flag was right, when to retire it, and which flags of a retired one are still shown.

A person who answers a flag accepts, rejects or does not see each of its reasons. Precision is the accepted share of those
accepted or rejected, with Jeffreys' interval: quantiles of Beta(a + 1/2, r + 1/2), its low end 0 where nothing was
accepted and its high end 1 where nothing was rejected (L. D. Brown, T. T. Cai and A. DasGupta 2001, Interval estimation
for a binomial proportion, Statistical Science 16, 101-133).

A reason is retired while the upper bound is under the limit, from `min_n` decisions on. Of a retired reason every
twentieth flag is still shown, chosen by a hash of seed, reason and item: decisions on these can bring it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.frames import IntArray
from analytics.intervals import check_interval_options
from analytics.results import Estimate

DECISIONS = ("accepted", "rejected", "not seen")

RETIRED_SHARE = 0.05
"""The share of a retired reason's flags that is still shown."""


def jeffreys(accepted: int, rejected: int, *, confidence: float = 0.95) -> Estimate:
    """The accepted share of the decisions with Jeffreys' interval; undefined without decisions.

    Raises:
        BadOption: a negative count, or a confidence that is not inside (0, 1).

    >>> share = jeffreys(0, 10)
    >>> share.value, share.low, round(share.high, 4)
    (0.0, 0.0, 0.2172)
    """
    check_interval_options(0, confidence)
    if min(accepted, rejected) < 0:
        raise BadOption("accepted, rejected", (accepted, rejected), "0 or more")
    n = accepted + rejected
    if not n:
        return Estimate.none("nobody has decided on it", n_unit="decisions")
    low, high = _jeffreys_bounds(np.array([accepted]), np.array([rejected]), confidence)
    return Estimate(accepted / n, float(low[0]), float(high[0]), n, n_unit="decisions")


def reason_record(
    decisions: pl.DataFrame,
    *,
    reasons: Sequence[str],
    limit: float = 0.2,
    min_n: int = 50,
    last: int | None = None,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """One row a reason, in the order of `reasons`: its precision so far and whether it is retired.

    Columns: reason, n_accepted, n_rejected, n_not_seen, n_decisions (accepted or rejected), precision, low, high (null
    without decisions), is_retired, undefined (why there is no precision, else null).

    Args:
        decisions: one row a reason of an answered flag: reason, decision (one of DECISIONS); with `last` also `order`,
            integers that grow with time.
        reasons: the keys of all reasons; one that is not among them is refused.
        limit: a precision under which a reason costs more than it brings.
        min_n: so many decisions are needed to retire one.
        last: only so many newest decisions of each reason count (those that saw it), so that one that has become
            better can return; None counts all.
        confidence: of the intervals.

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
    """
    check_interval_options(0, confidence)
    if not 0 <= limit <= 1:
        raise BadOption("limit", limit, "between 0 and 1")
    if min_n < 1:
        raise BadOption("min_n", min_n, "1 or more")
    if last is not None and last < min_n:
        raise BadOption("last", last, f"None, or min_n ({min_n}) or more")
    _check(decisions, reasons, needs_order=last is not None)
    seen = decisions.filter(pl.col("decision") != "not seen")
    if last is not None:
        seen = seen.sort("order", descending=True).group_by("reason", maintain_order=True).head(last)
    counts = seen.group_by("reason").agg(
        (pl.col("decision") == "accepted").sum().cast(pl.Int64).alias("n_accepted"),
        (pl.col("decision") == "rejected").sum().cast(pl.Int64).alias("n_rejected"),
    )
    unseen = decisions.filter(pl.col("decision") == "not seen").group_by("reason").len("n_not_seen")
    record = (
        pl.DataFrame({"reason": list(reasons)}, schema={"reason": pl.String})
        .join(counts, on="reason", how="left", maintain_order="left")
        .join(unseen, on="reason", how="left", maintain_order="left")
        .with_columns(pl.col("n_accepted", "n_rejected", "n_not_seen").cast(pl.Int64).fill_null(0))
    )
    return _judged(record, limit, min_n, confidence)


def shown(
    item_codes: IntArray, reason: str, *, is_retired: bool, seed: int, share: float = RETIRED_SHARE
) -> NDArray[np.bool_]:
    """(I,) whether a flag for this reason on each item is shown: all of them, or a sample of a retired reason's.

    An item's answer depends on seed, reason and its code alone: not on the other items, nor on when it is asked.

    Raises:
        BadOption: a share outside [0, 1].

    >>> shown(np.arange(3), "split_vote", is_retired=False, seed=0).tolist()
    [True, True, True]
    """
    if not 0 <= share <= 1:
        raise BadOption("share", share, "between 0 and 1")
    if not is_retired:
        return np.ones(len(item_codes), dtype=np.bool_)
    digest = hashlib.sha256(f"{seed}:{reason}".encode()).digest()
    mixed = _mixed(item_codes.astype(np.uint64) ^ np.uint64(int.from_bytes(digest[:8], "little")))
    mixed = _mixed(mixed ^ np.uint64(int.from_bytes(digest[8:16], "little")))
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53 < share)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each value spread over 64 bits (G. L. Steele, D. Lea and C. H. Flood 2014, splittable generators, OOPSLA)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))


def _check(decisions: pl.DataFrame, reasons: Sequence[str], *, needs_order: bool) -> None:
    needed = ["reason", "decision", *(["order"] if needs_order else [])]
    missing = [name for name in needed if name not in decisions.columns]
    if missing:
        raise MissingColumn("decisions", missing, decisions.columns, why=f"It needs {', '.join(needed)}.")
    if len(set(reasons)) != len(reasons):
        raise BadOption("reasons", list(reasons), "keys that differ")
    if decisions.is_empty():
        return
    for name, allowed in (("reason", list(reasons)), ("decision", list(DECISIONS))):
        others = decisions.filter(~pl.col(name).is_in(allowed).fill_null(value=False)).get_column(name)
        if len(others):
            raise BadColumn("decisions", name, f"has {others[0]!r}; it may have {', '.join(allowed)}")
    if needs_order and not decisions.get_column("order").dtype.is_integer():
        raise BadColumn("decisions", "order", "has to hold integers")


def _judged(record: pl.DataFrame, limit: float, min_n: int, confidence: float) -> pl.DataFrame:
    accepted, rejected = (
        record.get_column("n_accepted").to_numpy(),
        record.get_column("n_rejected").to_numpy(),
    )
    low, high = _jeffreys_bounds(accepted, rejected, confidence)
    n = pl.col("n_decisions")
    return record.with_columns(
        (pl.col("n_accepted") + pl.col("n_rejected")).alias("n_decisions"), low=pl.Series(low), high=pl.Series(high)
    ).select(
        "reason", "n_accepted", "n_rejected", "n_not_seen", "n_decisions",
        pl.when(n > 0).then(pl.col("n_accepted") / n).alias("precision"),
        pl.when(n > 0).then("low").alias("low"),
        pl.when(n > 0).then("high").alias("high"),
        ((n >= min_n) & (pl.col("high") < limit)).alias("is_retired"),
        pl.when(n == 0).then(pl.lit("nobody has decided on it")).alias("undefined"),
    )  # fmt: skip


def _jeffreys_bounds(
    accepted: IntArray, rejected: IntArray, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = np.where(accepted == 0, 0.0, betaincinv(accepted + 0.5, rejected + 0.5, tail))
    high = np.where(rejected == 0, 1.0, betaincinv(accepted + 0.5, rejected + 0.5, 1 - tail))
    return low, high
