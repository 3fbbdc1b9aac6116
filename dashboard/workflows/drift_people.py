"""How each annotator's agreement with the others changed between two windows: the figure of a limit on all of them at once."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from analytics.agreement_change import agreement_changes
from dashboard.workflows import alert_crowd
from dashboard.workflows.alert_figures import ANNOTATOR, CROWD, FALL, watched
from dashboard.workflows.alert_limits import AlertLimit
from dashboard.workflows.alert_opening import Cause
from dashboard.workflows.drift_windows import halves
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store

MOST_BEFORE, MOST_NOW = 400_000, 1_000_000
"""Annotations of the reference and of the window that agreement is worked out from: items beyond are left out, by a draw."""


def changes(store: Store, rows: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    """MEASUREMENT, one row an annotator with enough items in both windows.

    Of the change of their own agreement and that beside the others' on the same items (`analytics.agreement_change`) the value is the
    one with the higher upper end, so a fall is as sure as the less sure of the two; n: items, in the window that has fewer. `detail` has
    both with their errors, and the agreement before and after.
    """
    before, now = halves(rows)
    if now.is_empty() or int(now["annotator_code"].value_counts()["count"].max()) < watched(FALL).least_n:  # type: ignore[arg-type]  # a count
        return pl.DataFrame(schema=MEASUREMENT)  # the window is too short for everybody
    votes = pl.concat([_drawn(before, MOST_BEFORE, seed), _drawn(now, MOST_NOW, seed)])
    names = pl.DataFrame(
        store.read("drift_people").rows(), schema=["annotator_code", "group_id"], orient="row"
    )
    found = agreement_changes(votes).join(names, on="annotator_code").sort("group_id")
    if found.is_empty():
        return pl.DataFrame(schema=MEASUREMENT)
    return pl.DataFrame([_row(one) for one in found.iter_rows(named=True)], schema=MEASUREMENT)


def who_fell(people: pl.DataFrame) -> Cause:
    """Whose agreement surely fell, on their own and beside the others', over all of them at once: the cause in an alert on agreement.

    Args:
        people: as `changes` gives it.
    """
    figure = watched(FALL)
    found = alert_crowd.beyond(people, AlertLimit(FALL, 0.0, figure.least_n, group_kind=CROWD), figure)
    if not found.n_watched:
        return Cause("nobody labelled enough in both windows to say whose agreement fell")
    if not found.named:
        return Cause("nobody's own agreement surely fell beside the others'")
    detail = {row["group_id"]: json.loads(row["detail"]) for row in people.iter_rows(named=True)}
    told = [
        f"{one.annotator_id} ({detail[one.annotator_id]['before']:.0%} to {detail[one.annotator_id]['after']:.0%} with the others)"
        for one in found.named[: alert_crowd.MOST_TOLD]
    ]
    more = len(found.named) - len(told)
    who = f"{', '.join(told)}{f' and {more} more' if more > 0 else ''}"
    return Cause(
        f"the agreement of {who} fell beside the others'", tuple(one.annotator_id for one in found.named)
    )


def _row(one: dict[str, float]) -> dict[str, object]:
    from scipy.special import stdtrit

    both = [
        (one[of] + float(stdtrit(one[f"{of}_df"], 0.975)) * one[f"{of}_error"], one[of])
        for of in ("change", "beside")
    ]
    high, value = max(both)
    kept = ("before", "after", "change", "change_error", "change_df", "beside", "beside_error", "beside_df")
    return {
        "key": FALL, "group_kind": ANNOTATOR, "group_id": one["group_id"], "value": value, "low": 2 * value - high, "high": high,
        "n": min(one["n_before"], one["n_after"]), "undefined": None, "unit": "difference",
        "detail": json.dumps({name: one[name] for name in kept}),
    }  # fmt: skip


def _drawn(half: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """The rows of so many items, drawn, that about `most` are left."""
    votes = half.select("item_code", "annotator_code", "label_code", "window")
    if votes.height <= most:
        return votes
    item = votes["item_code"].to_numpy()
    drawn = np.random.default_rng(seed).random(int(item.max()) + 1) < most / votes.height
    return votes.filter(pl.Series(drawn[item]))
