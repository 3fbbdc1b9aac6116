"""Confident learning for sets of categories: each category is a question of its own, has the set this member or not.

A. Thyagarajan, E. Snorrason, C. G. Northcutt and J. Mueller (2022), Identifying incorrect annotations in multi-label
classification data, arXiv:2211.13895.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.confident_learning import BoolArray, Method, label_suspects
from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.label_quality import set_quality


@dataclass(frozen=True, slots=True)
class SetSuspects:
    """The sets that confident learning doubts, and for which member.

    Attributes:
        is_suspect: (I, K) one for each item and category; an item is suspect where any of its row is.
        suspects: one row a doubted member, the items of the lowest quality first: item_code, member_code, is_given
            (the set has the member), p_member, quality (of the whole set).
        undefined: why there is nothing to report, else None.
    """

    is_suspect: BoolArray
    suspects: pl.DataFrame
    undefined: str | None


def set_suspects(
    members: BoolArray,
    probabilities: FloatArray,
    *,
    item_codes: IntArray | None = None,
    method: Method = "noise_rate",
) -> SetSuspects:
    """The items whose set probably lacks a member or has one too many.

    Args:
        members: (I, K) which categories each set has; a set may be empty.
        probabilities: (I, K) of each category by itself, in [0, 1]; rows need not add up to 1.
        item_codes: (I,) how the frame names the items; by default their rows.
        method: as `label_suspects`, for each category against its absence.

    Raises:
        BadOption: shapes that differ, entries that are no probabilities, an unknown method.
    """
    if members.shape != probabilities.shape or members.ndim != 2 or not members.shape[1]:
        raise BadOption("members", f"array of shape {members.shape}", "of the shape (I, K) of probabilities")
    if members.dtype != np.bool_:
        raise BadOption("members", f"array of {members.dtype}", "of bool")
    codes = np.arange(len(members)) if item_codes is None else item_codes
    if codes.shape != members.shape[:1]:
        raise BadOption("item_codes", f"array of shape {codes.shape}", "one code for each set")
    mask = np.zeros(members.shape, dtype=np.bool_)
    for member in range(members.shape[1]):
        p = probabilities[:, member]
        both = np.stack([1 - p, p], axis=1)
        mask[:, member] = label_suspects(members[:, member].astype(np.int64), both, method=method).is_suspect
    rows, columns = np.nonzero(mask)
    frame = pl.DataFrame(
        {
            "item_code": codes[rows].astype(np.int64),
            "member_code": columns.astype(np.int64),
            "is_given": members[rows, columns],
            "p_member": probabilities[rows, columns].astype(np.float64),
            "quality": set_quality(members, probabilities)[rows],
        }
    )
    undefined = None if len(members) else "there are no items"
    return SetSuspects(mask, frame.sort("quality", "item_code", "member_code"), undefined)
