"""The rows of a model run: items and labels by code, and what tells one run's content from another's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.frames import FloatArray, IntArray
from dashboard.workflows.label_sets import LabelSet


@dataclass(frozen=True, slots=True)
class CodedRun:
    """A run's probabilities in the store's terms: (N,) item codes, sorted, and the (N, K) table by label code."""

    item_codes: IntArray
    table: FloatArray

    @property
    def content_sha256(self) -> str:
        """A hash of what the run says; the file's format and the order of its rows make no difference."""
        digest = hashlib.sha256(np.array(self.table.shape, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.item_codes, dtype="<i8").data)
        digest.update(np.ascontiguousarray(self.table, dtype="<f8").data)
        return digest.hexdigest()


def code_run(
    probabilities: pl.DataFrame, items: pl.DataFrame, label_set: LabelSet
) -> tuple[CodedRun, pl.DataFrame]:
    """A file's probabilities by code, and the rows whose item the project does not have (row, item_id).

    Args:
        probabilities: row, item_id, probabilities (a list in the label set's order).
        items: item_id, item_code of the project.
        label_set: the project's.
    """
    joined = probabilities.join(items, on="item_id", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("item_code").is_null()).select("row", "item_id")
    known = joined.filter(pl.col("item_code").is_not_null()).sort("item_code")
    table = as_table(known["probabilities"], label_set.n_labels)
    by_code = np.argsort(np.asarray(label_set.codes))
    return CodedRun(known["item_code"].to_numpy(), np.ascontiguousarray(table[:, by_code])), unknown


def as_table(lists: pl.Series, n_labels: int) -> FloatArray:
    """Lists of `n_labels` numbers as an (N, K) array."""
    return lists.explode(empty_as_null=False).to_numpy().reshape(len(lists), n_labels)


def probability_rows(run: CodedRun, model_run: str) -> pl.DataFrame:
    """Rows of the table `probability`."""
    lists = pl.Series("probabilities", run.table, dtype=pl.Array(pl.Float64, run.table.shape[1]))
    return pl.DataFrame({"item_code": run.item_codes}).with_columns(
        pl.lit(model_run).alias("model_run"), lists.cast(pl.List(pl.Float64))
    )


def first_label_rows(run: CodedRun, model_run: str, label_set: LabelSet) -> pl.DataFrame:
    """Rows of the table `prediction`: the most probable label of each item (the smallest code of several) and its probability."""
    first = run.table.argmax(axis=1)
    texts = label_set.frame().select(
        "label_code",
        pl.Series(
            "label_json", [json.dumps(label, ensure_ascii=False) for label in label_set.labels], pl.Utf8
        ),
    )
    return (
        pl.DataFrame(
            {
                "item_code": run.item_codes,
                "label_code": first.astype(np.int64),
                "score": run.table.max(axis=1),
            }
        )
        .join(texts, on="label_code", maintain_order="left")
        .select("item_code", pl.lit(model_run).alias("model_run"), "label_code", "label_json", "score")
    )
