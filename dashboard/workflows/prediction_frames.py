"""The rows of a model run: items and labels by code, and what tells one run's content from another's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray
from dashboard.workflows.label_sets import LabelSet


@dataclass(frozen=True, slots=True)
class CodedRun:
    """A run's probabilities in the store's terms.

    `item_codes` (N,), sorted; `table` (N, K), by label code (where labels are sets, by choice). `samples` (M, N, K), where the
    run has several members; the table is their mean then.
    """

    item_codes: IntArray
    table: FloatArray
    samples: FloatArray | None = None

    @property
    def content_sha256(self) -> str:
        """A hash of what the run says; the file's format and the order of its rows make no difference."""
        says = self.table if self.samples is None else self.samples
        digest = hashlib.sha256(np.array(says.shape, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.item_codes, dtype="<i8").data)
        digest.update(np.ascontiguousarray(says, dtype="<f8").data)
        return digest.hexdigest()


def code_run(
    probabilities: pl.DataFrame, items: pl.DataFrame, label_set: LabelSet, *, n_members: int = 1
) -> tuple[CodedRun, pl.DataFrame]:
    """A file's probabilities by code, and the rows whose item the project does not have (row, item_id).

    Args:
        probabilities: row, item_id, probabilities (a list in the label set's order, of each member one after the other).
        items: item_id, item_code of the project.
        label_set: the project's.
        n_members: M.
    """
    joined = probabilities.join(items, on="item_id", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("item_code").is_null()).select("row", "item_id")
    known = joined.filter(pl.col("item_code").is_not_null()).sort("item_code")
    width = n_choices(label_set)
    by_code = np.arange(width) if label_set.is_sets else np.argsort(np.asarray(label_set.codes))
    item_codes = known["item_code"].to_numpy()
    given = as_table(known["probabilities"], n_members * width).reshape(-1, n_members, width)
    samples = np.ascontiguousarray(given[:, :, by_code].transpose(1, 0, 2))
    if n_members == 1:
        return CodedRun(item_codes, samples[0]), unknown
    return CodedRun(item_codes, samples.mean(axis=0), samples), unknown


def n_choices(label_set: LabelSet) -> int:
    """How many probabilities an item has: one a label; where labels are sets, one a choice."""
    return len(label_set.choices) if label_set.is_sets else label_set.n_labels


def identical_members(samples: FloatArray, names: Sequence[str]) -> str | None:
    """A sentence on members that say the very same of every item; None where no two do.

    Args:
        samples: (M, N, K).
        names: of the M members.
    """
    same: dict[bytes, list[str]] = {}
    for name, one in zip(names, samples, strict=True):
        same.setdefault(hashlib.sha256(np.ascontiguousarray(one).data).digest(), []).append(name)
    groups = [" and ".join(group) for group in same.values() if len(group) > 1]
    if not groups:
        return None
    return (
        f"Members that say exactly the same of every item: {'; '.join(groups)}. They add nothing about what the model does not know; "
        "was dropout left out, or a file written twice?"
    )


def sample_rows(item_codes: IntArray, samples: NDArray[np.floating], model_run: str) -> pl.DataFrame:
    """Rows of the table `model_sample`, of samples (M, N, K)."""
    n_members, n_items, n_labels = samples.shape
    flat = np.ascontiguousarray(samples.transpose(1, 0, 2), dtype=np.float32).reshape(n_items, -1)
    lists = pl.Series("samples", flat, dtype=pl.Array(pl.Float32, n_members * n_labels))
    return pl.DataFrame({"item_code": item_codes}).with_columns(
        pl.lit(model_run).alias("model_run"), lists.cast(pl.List(pl.Float32))
    )


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
