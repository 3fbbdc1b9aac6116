"""What people's answers to flags teach: which labels were wrong, and how often each reason for a flag was right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from analytics.p_wrong import WrongLabels, p_wrong
from analytics.reason_record import reason_record
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store

RANDOM_CHECK = "random_check"
"""The reason of an item that was flagged by chance: what such items teach holds for all that nobody doubted."""

MARKS = {"accepted": "accepted", "rejected": "rejected", "undecided": "not seen"}
"""What an answer says of a reason, as it is counted and told."""

RETIRE_UNDER, RETIRE_FROM, NEWEST = 0.2, 50, 200
"""A reason is retired while its precision is surely under this, from so many decisions on, judged by its newest ones."""

SCORES = ("model_doubt", "vote_doubt", "neighbours", "disagreement", "outlier")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """`frame`: item_code, label_before, is_wrong, is_random, p_random (null for those that were flagged for a doubt).

    `flagged`: item_code of every item that was ever flagged for a doubt.
    """

    frame: pl.DataFrame
    flagged: pl.DataFrame


def read_verdicts(store: Store, project_id: str, *, as_of: int | None = None) -> Verdicts:
    """What people made of the flags that are closed."""
    closed = store.read("judgement_verdicts", project_id=project_id, as_of=as_of)
    marks = [_random(text) for text in closed["reasons"].to_list()]
    frame = closed.select(
        "item_code",
        "label_before",
        is_wrong=pl.col("label_before") != pl.col("label_after"),
        is_random=pl.Series([is_random for is_random, _ in marks], dtype=pl.Boolean),
        p_random=pl.Series([p for _, p in marks], dtype=pl.Float64),
    ).drop_nulls("is_wrong")
    every = store.read("judgement_flagged", project_id=project_id, as_of=as_of)
    doubted = [
        any(not _random(text)[0] for text in texts.split("\n")) for texts in every["reasons"].to_list()
    ]
    return Verdicts(frame, every.filter(pl.Series(doubted, dtype=pl.Boolean)).select("item_code"))


def learn(items: pl.DataFrame, verdicts: Verdicts, *, replicates: int, seed: int) -> WrongLabels:
    """The probability that each label is wrong. Of the flagged items those that people got to stand for all of them.

    Args:
        items: rows of the table `judgement`.
        verdicts: what people said; of items that are not there it is left out.
        replicates: of the bootstrap.
        seed: of folds and bootstrap.
    """
    is_flagged = pl.col("item_code").is_in(verdicts.flagged["item_code"].to_list())
    doubts = {
        "model_doubt": 1 - pl.col("p_label"),
        "vote_doubt": 1 - pl.coalesce("crowd_quality", "p_label"),
        "neighbours": pl.col("other_label_share"),
        "disagreement": pl.col("disagreement"),
        "outlier": pl.col("outlier_score"),
    }
    scores = items.select(
        "item_code",
        is_flagged.alias("is_flagged"),
        *(doubts[name].cast(pl.Float64).fill_nan(None).alias(name) for name in SCORES),
    )
    scores = scores.with_columns(pl.col(SCORES).fill_null(strategy="mean").fill_null(0.0).clip(0.0, None))
    judged = verdicts.frame.join(scores.select("item_code", "is_flagged"), on="item_code")
    n_flagged = int(scores["is_flagged"].sum())
    n_judged = judged.filter(pl.col("is_flagged")).height
    reached = n_judged / n_flagged if n_flagged else 1.0
    # An unflagged item is only there where chance chose it; a flagged one that chance chose too was sure to be looked at.
    chances = pl.when("is_flagged").then(pl.lit(reached)).otherwise(pl.col("p_random"))
    told = judged.with_columns(p_sampled=chances).filter(pl.col("p_sampled") > 0)
    return p_wrong(
        scores,
        told.select("item_code", "is_wrong", "p_sampled"),
        base="model_doubt",
        probabilities=("model_doubt", "vote_doubt"),
        replicates=replicates,
        seed=seed,
    )


def wrong_measurements(found: WrongLabels) -> pl.DataFrame:
    """What was learned, as measurements: how many labels are wrong, and what knowing more than the model brings."""
    told = {
        "wrong_labels": (found.counts.n_wrong, "items"),
        "wrong_labels_flagged": (found.counts.n_wrong_flagged, "items"),
        "flag_recall": (found.counts.recall, "share"),
        "p_wrong_brier": (found.brier.learned, "score"),
        "p_wrong_brier_gain": (found.brier.gain, "score"),
        "p_wrong_brier_constant": (found.brier.constant, "score"),
        "p_wrong_log_loss": (found.log_loss.learned, "nats"),
        "p_wrong_log_loss_gain": (found.log_loss.gain, "nats"),
        "p_wrong_log_loss_constant": (found.log_loss.constant, "nats"),
    }
    rows = [
        {
            "key": key, "group_kind": "", "group_id": "", "value": one.value, "low": one.low, "high": one.high, "n": one.n,
            "undefined": one.undefined, "unit": unit, "detail": None,
        }
        for key, (one, unit) in told.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=MEASUREMENT)


def reasons_so_far(
    store: Store, project_id: str, reasons: Sequence[str], *, as_of: int | None = None
) -> pl.DataFrame:
    """The record of each reason for a flag (`analytics.reason_record.reason_record`), each flag once.

    Of several answers to a flag, and a lead's decision, the newest that decided about the reason counts: two people who look at
    one item are no two pieces of evidence about a detector.
    """
    answers = store.read("judgement_decisions", project_id=project_id, as_of=as_of)
    rows = [
        (flag_id, reason, MARKS[mark], seq)
        for seq, flag_id, text in answers.select("seq", "flag_id", "flag_reasons").iter_rows()
        for reason, mark in json.loads(text).items()
        if reason in reasons and mark in MARKS
    ]
    schema = {"flag_id": pl.Utf8, "reason": pl.Utf8, "decision": pl.Utf8, "order": pl.Int64}
    decided = pl.col("decision") != MARKS["undecided"]
    decisions = (
        pl.DataFrame(rows, schema=schema, orient="row")
        .sort(decided, "order")
        .unique(["flag_id", "reason"], keep="last", maintain_order=True)
    )
    return reason_record(decisions, reasons=reasons, limit=RETIRE_UNDER, min_n=RETIRE_FROM, last=NEWEST)


def reason_measurements(record: pl.DataFrame) -> pl.DataFrame:
    """The record of each reason as measurements of kind "reason"."""
    details = [
        json.dumps(
            {"accepted": row["n_accepted"], "rejected": row["n_rejected"], "retired": row["is_retired"]}
        )
        for row in record.iter_rows(named=True)
    ]
    frame = record.with_columns(
        pl.lit("reason_precision").alias("key"), pl.lit("reason").alias("group_kind"), pl.lit("share").alias("unit"),
        pl.Series("detail", details, dtype=pl.Utf8), group_id="reason", value="precision", n="n_decisions",
    )  # fmt: skip
    return frame.select(pl.col(name).cast(kind) for name, kind in MEASUREMENT.items())


def _random(reasons: str) -> tuple[bool, float | None]:
    """Whether a flag was raised by chance alone, and with what probability its item was chosen."""
    for reason in json.loads(reasons):
        if reason["key"] == RANDOM_CHECK:
            return True, float(reason["evidence"]["p_sampled"])
    return False, None
