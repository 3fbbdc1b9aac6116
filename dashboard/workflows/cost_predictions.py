"""What models gave for a price: one answer for each item, of labels that are sets one to each choice."""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics.frames import IntArray
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store

NO_CODE = -1
"""The code of a set that nobody ever gave: only a model put it together, choice by choice."""

ANSWERS = pl.List(pl.Int64)
PREDICTIONS = pl.Schema(
    {
        "who_id": pl.String(), "item_code": pl.Int64(), "label_code": pl.Int64(), "day": pl.Date(), "seq": pl.Int64(), "answers": ANSWERS,
    }
)  # fmt: skip


def parts_of(label_set: LabelSet) -> IntArray:
    """(labels, C): of sets 1 where a label has a choice, else 0; of other labels the one itself."""
    if not label_set.is_sets:
        return np.arange(label_set.n_labels)[:, None]
    choices = label_set.choice_codes
    return np.array([[code in members for code in choices] for members in label_set.members], dtype=np.int64)


def predictions(store: Store, project_id: str, *, as_of: int | None = None) -> pl.DataFrame:
    """PREDICTIONS, one row a model run and item: its likeliest label, and its answers to each of the choices (one, where labels are no
    sets). A model that was asked before a choice was added has not answered it, and has no row.
    """
    label_set = require_label_set(store, project_id, as_of=as_of)
    if not label_set.is_sets:
        made = store.read("cost_predictions", project_id=project_id, as_of=as_of)
        return made.select(
            "who_id", "item_code", "label_code", "day", "seq", answers=pl.concat_list("label_code")
        )
    made = store.read("cost_set_predictions", project_id=project_id, as_of=as_of)
    rows = parts_of(label_set).tolist()
    codes = {tuple(row): code for row, code in zip(rows, label_set.codes, strict=True)}
    given = made.filter(pl.col("answers").is_null()).with_columns(
        answers=pl.col("label_code").replace_strict(
            dict(zip(label_set.codes, rows, strict=True)), return_dtype=ANSWERS
        )
    )
    worked_out = made.filter(pl.col("answers").list.len() == len(label_set.choice_codes)).with_columns(
        pl.col("answers").cast(ANSWERS)
    )
    distinct = worked_out.select("answers").unique()
    named = distinct.with_columns(
        code=pl.Series(
            [codes.get(tuple(one), NO_CODE) for one in distinct["answers"].to_list()], dtype=pl.Int64
        )
    )
    worked_out = worked_out.join(named, on="answers", how="left").with_columns(label_code="code").drop("code")
    return (
        pl.concat([given, worked_out])
        .select(PREDICTIONS.names())
        .cast(PREDICTIONS)
        .sort("who_id", "item_code")
    )
