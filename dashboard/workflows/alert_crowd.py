"""A limit on all annotators at once: who is surely beyond it, so that the chance of a wrong name over all of them together is kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from dashboard.workflows.alert_figures import ANNOTATOR, FALL, Watched, told
from dashboard.workflows.alert_limits import AlertLimit

COUNTED = ("accuracy_on_gold", "agreement_with_others")
"""Shares of so many cases, one a label; of the others n counts for as much as their interval says."""

MOST_TOLD = 4
"""Annotators whose figure the sentence says; the rest are counted, and named by the alert."""


@dataclass(frozen=True, slots=True)
class Named:
    """An annotator who is surely beyond the limit, with the interval that counts how many were picked out of how many."""

    annotator_id: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Crowd:
    """`named`, the surest first, out of the `n_watched` who have enough n."""

    named: tuple[Named, ...]
    n_watched: int


def beyond(figures: pl.DataFrame, limit: AlertLimit, figure: Watched) -> Crowd:
    """Who of the annotators is surely beyond the limit (Holm's test: `analytics.crowd_limit`).

    Args:
        figures: MEASUREMENT; the rows of the figure of each annotator are looked at.
        limit: of all annotators; those with less than its n are not watched, so they cost the others nothing.
        figure: what is limited.
    """
    own = figures.filter(
        pl.col("key") == limit.key, pl.col("group_kind") == ANNOTATOR, pl.col("value").is_not_null(), pl.col("n") >= limit.least_n
    ).sort("group_id")  # fmt: skip
    if own.is_empty() or limit.value is None:
        return Crowd((), own.height)
    from analytics import crowd_limit  # the server starts without compiled mathematics

    side: crowd_limit.Side = "under" if figure.side == "high" else "over"
    if limit.key == FALL:
        detail = [json.loads(one) for one in own["detail"]]
        columns = (
            [[one[f"{of}{end}"] for one in detail] for of in ("change", "beside")]
            for end in ("", "_error", "_df")
        )
        mean, error, df = (pl.DataFrame(column, orient="row").to_numpy() for column in columns)
        found = crowd_limit.means_beyond(mean, error, df, limit=limit.value, side=side)
    else:
        found = crowd_limit.shares_beyond(
            own["value"].to_numpy(), _counts(own, limit.key), limit=limit.value, side=side
        )
    table = own.select("group_id", "n").with_columns(
        value=pl.Series(found.value), low=pl.Series(found.low), high=pl.Series(found.high), p=pl.Series(found.p_adjusted),
    )  # fmt: skip
    rows = table.filter(pl.Series(found.is_beyond)).sort("p", "value", descending=[False, side == "over"])
    return Crowd(
        tuple(Named(*row) for row in rows.select("group_id", "value", "low", "high", "n").iter_rows()),
        own.height,
    )


def newly(crowd: Crowd, known: Collection[str]) -> Crowd:
    """Without those whom an alert names already."""
    return Crowd(tuple(one for one in crowd.named if one.annotator_id not in known), crowd.n_watched)


def known_in(alerts: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The annotators that these alerts name."""
    return frozenset(name for alert in alerts for name in json.loads(alert["annotators"] or "[]"))


def sentence(crowd: Crowd, n_known: int, limit: AlertLimit, figure: Watched) -> str:
    """What, who, by how much, out of how many; `n_known`: how many others are beyond the limit and in an alert already.

    >>> from dashboard.workflows.alert_figures import watched
    >>> gold, low = watched("accuracy_on_gold"), Named("bo", 0.6, 0.48, 0.72, 120)
    >>> sentence(Crowd((low,), 40), 1, AlertLimit("accuracy_on_gold", 0.8, 50), gold)
    'Accuracy on gold: bo 60.0% (48.0% to 72.0%) is surely under the limit of 80.0%; 40 annotators are watched, 1 other is known'
    """
    assert limit.value is not None  # only a limit that holds names anybody
    names = [f"{one.annotator_id} {_figure(one, figure.unit)}" for one in crowd.named[:MOST_TOLD]]
    if len(crowd.named) > MOST_TOLD:
        names.append(f"{len(crowd.named) - MOST_TOLD} more")
    who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    is_or_are, side = "is" if len(names) == 1 else "are", "under" if figure.side == "high" else "over"
    known = f", {n_known} other{' is' if n_known == 1 else 's are'} known" if n_known else ""
    watched = "1 annotator is" if crowd.n_watched == 1 else f"{crowd.n_watched:,} annotators are"
    limit_words = told(limit.value, figure.unit)
    return f"{figure.title}: {who} {is_or_are} surely {side} the limit of {limit_words}; {watched} watched{known}"


def _figure(one: Named, unit: str) -> str:
    return f"{told(one.value, unit)} ({told(one.low, unit).partition(' ')[0]} to {told(one.high, unit)})"


def _counts(own: pl.DataFrame, key: str) -> Any:
    """How many cases each share counts for: n, or fewer where the interval says that they hang together (Korn & Graubard 1998)."""
    n = own["n"].cast(pl.Float64)
    if key in COUNTED:
        return n.to_numpy()
    half = (pl.col("high") - pl.col("low")) / (2 * 1.959963984540054)
    inside = pl.col("value") * (1 - pl.col("value"))
    counted = pl.when((half > 0) & (inside > 0)).then(inside / half**2).otherwise(n)
    return own.select(pl.min_horizontal(counted.fill_null(n), n)).to_series().to_numpy()
