"""Do a model's probabilities look as if it had seen the labels? Two simple comparisons, each of like with like.

A model is out of sample on an item where it learned nothing from that item's annotations. Nobody can prove that from the
probabilities alone, but a model that learned the annotations by heart gives itself away twice:

- On items that have both gold and a majority of the annotators, it believes the majority more than it is right: the mean
  probability of the majority's label is over the upper end of the interval of its accuracy on gold by GOLD_GAP or more.
- It is surer about items that have annotations than about items that have none: the mean of its highest probability is
  larger by HELD_OUT_GAP or more.

Either comparison needs LEAST_ITEMS items on each side. Where both have fewer, nothing is said. A run that passes may have
seen the labels all the same: where the annotators are nearly always right, learning them by heart leaves no trace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.consensus import majority_vote
from analytics.frames import FloatArray, IntArray
from analytics.intervals import wilson_bounds
from dashboard.workflows.opening import Store

LEAST_ITEMS = 30
GOLD_GAP = 0.05
HELD_OUT_GAP = 0.1

PASSED, DOUBTED, NOT_CHECKED = "passed", "doubted", "not_checked"


@dataclass(frozen=True, slots=True)
class SampleCheck:
    """What the comparisons found: `out_of_sample` is passed, doubted or not_checked; `warning` says why it is doubted."""

    out_of_sample: str
    warning: str | None


def check_sample(
    store: Store, project_id: str, item_codes: IntArray, table: FloatArray, *, as_of: int
) -> SampleCheck:
    """Compare a run with the project's annotations and gold as of a seq. `table` is (N, K), by item and label code."""
    votes = store.read("score_votes", project_id=project_id, as_of=as_of)
    gold = store.read("score_gold", project_id=project_id, as_of=as_of)
    majority = pl.DataFrame(schema={"item_code": pl.Int64, "majority": pl.Int64, "tied": pl.Boolean})
    if not votes.is_empty():
        items = majority_vote(votes, n_labels=table.shape[1]).items
        majority = items.select("item_code", majority="label_code", tied="tied")
    return compare(item_codes, table, majority, gold)


def compare(
    item_codes: IntArray, table: FloatArray, majority: pl.DataFrame, gold: pl.DataFrame
) -> SampleCheck:
    """The two comparisons.

    Args:
        item_codes: (N,), sorted.
        table: (N, K) probabilities.
        majority: item_code, majority (a label code), tied.
        gold: item_code, label_code.
    """
    seen = (
        pl.DataFrame({"item_code": item_codes, "place": np.arange(len(item_codes))})
        .join(majority, on="item_code", how="left")
        .join(gold.select("item_code", gold="label_code"), on="item_code", how="left")
    )
    found = (_against_gold(seen, table), _against_held_out(seen, table))
    warnings = [warning for checked, warning in found if checked and warning]
    if not any(checked for checked, _ in found):
        return SampleCheck(NOT_CHECKED, None)
    if not warnings:
        return SampleCheck(PASSED, None)
    return SampleCheck(
        DOUBTED,
        "These probabilities look in-sample, as if the model had learned from the annotations it is compared with. "
        + " ".join(warnings),
    )


def _against_gold(seen: pl.DataFrame, table: FloatArray) -> tuple[bool, str | None]:
    """Whether there was enough to compare, and the doubt."""
    both = seen.filter(pl.col("gold").is_not_null() & ~pl.col("tied"))
    n = both.height
    if n < LEAST_ITEMS:
        return False, None
    rows = table[both["place"].to_numpy()]
    belief = float(rows[np.arange(n), both["majority"].to_numpy()].mean())
    right = int((rows.argmax(axis=1) == both["gold"].to_numpy()).sum())
    high = float(wilson_bounds(right, n)[1])
    if belief - high < GOLD_GAP:
        return True, None
    return True, (
        f"On the {n:,} items that have gold and a majority of the annotators, they give the majority's label {belief:.2f} on "
        f"average, but are right on gold in {right / n:.2f} (at most {high:.2f})."
    )


def _against_held_out(seen: pl.DataFrame, table: FloatArray) -> tuple[bool, str | None]:
    """Whether there was enough to compare, and the doubt."""
    annotated = seen.filter(pl.col("majority").is_not_null())["place"].to_numpy()
    others = seen.filter(pl.col("majority").is_null())["place"].to_numpy()
    if min(len(annotated), len(others)) < LEAST_ITEMS:
        return False, None
    sure, elsewhere = (float(table[places].max(axis=1).mean()) for places in (annotated, others))
    if sure - elsewhere < HELD_OUT_GAP:
        return True, None
    return True, (
        f"Their highest probability is {sure:.2f} on average on the {len(annotated):,} items with annotations, but "
        f"{elsewhere:.2f} on the {len(others):,} without."
    )
