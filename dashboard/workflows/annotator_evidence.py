"""What one annotator did, annotation by annotation, beside what the others called it; and everybody's pace.

Everything is as the newest scoring run saw it, so that it is the same as in the stored figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from analytics.annotator_pace import speed_anomalies
from analytics.consensus import leave_one_out_majority
from dashboard.workflows import monitor
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store

PAUSE = timedelta(minutes=30)
"""A longer pause begins a new session."""

FAST_Z, FAST_SHARE = -3.5, 0.05
"""Who is unusually fast: a robust z under this, or certainly more than this share of annotations under a second."""


@dataclass(frozen=True, slots=True)
class Votes:
    """The independent annotations of the items that one annotator labelled.

    `frame`: item_code, annotator_code, label_code, order (by when they were made), active_seconds, session. `own`: the
    annotator's rows of it, in order. `items`: item_code, item_id, preview. `timed`: whether it is known when the annotator
    made each of their annotations; else their order is that of the import, and there are no sessions.
    """

    annotator_id: str
    code: int
    frame: pl.DataFrame
    own: pl.DataFrame
    items: pl.DataFrame
    label_set: LabelSet
    timed: bool


def read_votes(store: Store, project_id: str, annotator_id: str, *, seq: int) -> Votes:
    """What the annotator and the others said of the annotator's items, as of `seq`.

    Raises:
        BadRequest: nobody of that id annotates in the store.
    """
    people = store.read("annotator_codes").filter(pl.col("annotator_id") == annotator_id)
    if people.is_empty():
        raise BadRequest(f"There is no annotator {annotator_id!r} in this store.")
    code = int(people["annotator_code"][0])
    named = {"project_id": project_id, "annotator_code": code, "as_of": seq}
    found = store.read("annotator_file_votes", **named)
    own = found.filter(pl.col("annotator_code") == code)
    timed = own.height > 0 and own["at"].null_count() == 0
    label_set = require_label_set(store, project_id, as_of=seq)
    return votes_of(annotator_id, code, found, store.read("annotator_file_items", **named), label_set, timed)


def votes_of(
    annotator_id: str, code: int, found: pl.DataFrame, items: pl.DataFrame, label_set: LabelSet, timed: bool
) -> Votes:
    """The votes in the order in which they were made, with their sessions."""
    ordered = found.sort(["at", "order"] if timed else ["order"], nulls_last=True)
    gap = pl.col("at").diff().over("annotator_code") > PAUSE
    frame = ordered.select(
        "item_code",
        "annotator_code",
        "label_code",
        "at",
        "active_seconds",
        order=pl.int_range(pl.len()),
        session=gap.fill_null(False).cast(pl.Int64).cum_sum().over("annotator_code"),
    )
    own = frame.filter(pl.col("annotator_code") == code)
    return Votes(annotator_id, code, frame, own, items, label_set, timed)


def evidence(votes: Votes, *, window: int, run_label: int | None) -> pl.DataFrame:
    """A row for each independent annotation of the annotator, in the order in which they were made.

    Args:
        votes: the annotator's.
        window: annotations in a window of the learning curve.
        run_label: the label of the longest run of one label, where there is one.

    Returns:
        item_code, item_id, preview, given, others (the label that most of the others gave; null where they are tied or
        nobody), agrees (null without `others`), times (how often they labelled the item), consistent (with themselves;
        null where once), in_longest_run, window (null for a repeat, which no window counts), labelled_at, active_seconds.
    """
    others = leave_one_out_majority(votes.frame, n_labels=votes.label_set.n_labels)
    mine = others.filter(pl.col("annotator_code") == votes.code).select("item_code", "label_others")
    names = votes.label_set.frame()
    first = pl.int_range(pl.len()).over("item_code") == 0
    beside = (
        votes.own.with_columns(
            pl.col("item_code", "label_code").cast(pl.Int64),
            run=pl.col("label_code").rle_id(),
            first=first,
            times=pl.len().over("item_code"),
            labels=pl.col("label_code").n_unique().over("item_code"),
        )
        .with_columns(length=pl.len().over("run"))
        .join(mine.unique(), on="item_code", how="left", maintain_order="left")
        .join(votes.items, on="item_code", how="left", maintain_order="left")
        .join(names.rename({"label": "given"}), on="label_code", how="left", maintain_order="left")
        .join(
            names.rename({"label_code": "label_others", "label": "others"}),
            on="label_others",
            how="left",
            maintain_order="left",
        )
    )
    label = pl.lit(run_label, dtype=pl.Int64)
    longest = beside.filter(pl.col("length") == pl.col("length").max(), pl.col("label_code") == label)["run"]
    return beside.select(
        "item_code",
        "item_id",
        "preview",
        "given",
        "others",
        agrees=pl.col("label_code") == pl.col("label_others"),
        times="times",
        consistent=pl.when(pl.col("times") > 1).then(pl.col("labels") == 1),
        in_longest_run=(pl.col("run") == pl.lit(longest.first(), dtype=pl.UInt32)).fill_null(False),
        window=pl.when("first").then((pl.col("first").cast(pl.Int64).cum_sum() - 1) // window),
        labelled_at="at",
        active_seconds="active_seconds",
    )


def paces(store: Store, project_id: str, *, seq: int) -> pl.DataFrame:
    """How fast everybody is for the labels they gave, as of `seq`.

    Columns: annotator_id, n_timed, ratio (of their times to others' for the same label), z (negative: fast),
    share_under_floor (annotations under a second), low, high, undefined (why there is no z), is_fast.
    """
    times = store.read("annotator_times", project_id=project_id, as_of=seq)
    names = store.read("annotator_codes").select(
        pl.col("annotator_code").cast(pl.Int64), pl.col("annotator_id")
    )
    fast = (pl.col("z") <= FAST_Z) | (pl.col("low") > FAST_SHARE)
    found = (
        speed_anomalies(times).join(names, on="annotator_code").with_columns(is_fast=fast.fill_null(False))
    )
    return found.select(
        "annotator_id",
        "n_timed",
        "ratio",
        "z",
        "share_under_floor",
        "low",
        "high",
        "undefined",
        "is_fast",
    ).sort("annotator_id")


def peers(store: Store, project_id: str, run: monitor.Run) -> pl.DataFrame:
    """Everybody's agreement with the others in a run: group_id (annotator), value, low, high, n; those that have one."""
    rows = monitor.figures(store, project_id, run, group_kind="annotator")
    wanted = (pl.col("key") == "agreement_with_others") & pl.col("value").is_not_null()
    return rows.filter(wanted).select("group_id", "value", "low", "high", "n")
