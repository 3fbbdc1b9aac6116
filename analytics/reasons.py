"""Reasons for a flag: what a detector is called, what it says of an item in words, and the frame that it gives.

Every frame has the columns of DOUBTS: `evidence` is a struct whose fields depend on the reason. An item that is not in the
frame is not doubted for that reason; there is no row for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import polars as pl

DOUBTS = ("item_code", "reason", "score", "threshold", "evidence")
"""`score` is in [0, 1], higher is more doubtful; the item is here because it reached `threshold`."""

Seen = TypeVar("Seen")
"""What a reason looks at: Grounds, or `set_doubts.SetGrounds`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonWords:
    """A reason for a flag, as people read it.

    Attributes:
        key: how frames, flags and settings name it.
        title: what a person reads first.
        words: a sentence about one item, filled in by `explain` from the evidence.
        rule: when a label is doubted, in words.
        version: of the detector: counts up whenever it would doubt other labels than before.
        more: words that are added where no list of the evidence is empty.
    """

    key: str
    title: str
    words: str
    rule: str
    version: int = 1
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(ReasonWords, Generic[Seen]):
    """One reason for doubt; `detect` goes from the grounds to the frame of doubted items."""

    detect: Callable[[Seen], pl.DataFrame]


def explain(
    reason: ReasonWords,
    evidence: Mapping[str, object],
    *,
    labels: Sequence[str] | Mapping[int, str],
    annotators: Mapping[int, str],
) -> str:
    """The reason in a sentence for one item.

    Args:
        reason: a row of REASONS.
        evidence: the item's `evidence`; each field `*label_code` or `*annotator_code` is also offered to the
            words as a name, without `_code`, and each `*label_codes`, a list, as names, without `_codes` and with an s.
        labels: the names of the labels by code.
        annotators: the names of the annotators by code.
    """
    names: dict[str, object] = dict(evidence)
    for field, code in evidence.items():
        if field.endswith("label_code"):
            names[field.removesuffix("_code")] = labels[code] if isinstance(code, int) else "no other label"
        elif field.endswith("annotator_code") and isinstance(code, int):
            names[field.removesuffix("_code")] = annotators[code]
        elif field.endswith("label_codes") and isinstance(code, list):
            names[field.removesuffix("_codes") + "s"] = ", ".join(labels[one] for one in code)
    lists = [value for value in evidence.values() if isinstance(value, list)]
    return (reason.words + (reason.more if lists and all(lists) else "")).format_map(names)


def doubted_items(
    doubted: pl.DataFrame, reason: str, *, score: pl.Expr, threshold: float, evidence: list[str]
) -> pl.DataFrame:
    """The frame of a reason: columns of DOUBTS and `evidence`, of the columns named; by item."""
    return doubted.select(
        pl.col("item_code"),
        pl.lit(reason).alias("reason"),
        score.clip(0.0, 1.0).alias("score"),
        pl.lit(threshold).alias("threshold"),
        pl.struct(evidence).alias("evidence"),
    ).sort("item_code")
