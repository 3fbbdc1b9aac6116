"""Annotations to test with: real ones from the datasets folder, drawn ones of known confusion, any."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import strategies as st
from numpy.typing import NDArray

CROWDS = ("act_SP_amt", "act_CF_amt", "act_MS", "act_ZenCrowd_all")
N_LABELS = 4

PEER_STOPS_AFTER = {"act_SP_amt": 5, "act_CF_amt": 2, "act_MS": 34, "act_ZenCrowd_all": 3}
"""Iterations that crowd-kit 1.4.2 does by itself on each set, the last vote of a repeat kept.

It stops when what it calls its evidence lower bound rises by less than 1e-5. That sum counts an item's prior once for each
annotation, so it is no bound and can fall: on act_CF_amt and act_ZenCrowd_all it fell, and the fall was taken for
convergence. The reference figures are those of that iteration.
"""


@dataclass(frozen=True, slots=True)
class RealCrowd:
    """A set with gold; `labels[k]` names label code k, in the order of first appearance in the file."""

    votes: pl.DataFrame
    gold: pl.DataFrame
    labels: tuple[str, ...]


def real_crowd(folder: Path, name: str) -> RealCrowd:
    """Reads a set of the datasets folder; `order` is the row, so that the last of a repeat can be taken."""
    table = pl.read_parquet(folder / f"{name}.parquet").with_columns(pl.col("label", "gold").cast(pl.String))
    labels = tuple(table.get_column("label").unique(maintain_order=True))
    coded = table.with_row_index("order").select(
        pl.col("item").rank("dense").cast(pl.Int64).alias("item_code"),
        pl.col("annotator").rank("dense").cast(pl.Int64).alias("annotator_code"),
        pl.col("label").replace_strict(labels, range(len(labels)), return_dtype=pl.Int64).alias("label_code"),
        pl.col("order").cast(pl.Int64),
        pl.col("gold").replace_strict(labels, range(len(labels)), return_dtype=pl.Int64).alias("gold_code"),
    )
    gold = coded.select("item_code", label_code="gold_code").unique().sort("item_code")
    return RealCrowd(coded.drop("gold_code"), gold, labels)


@dataclass(frozen=True, slots=True)
class DrawnCrowd:
    """Votes drawn from known confusion matrices (A, K, K), rows the item's label, on items of known label."""

    votes: pl.DataFrame
    gold: pl.DataFrame
    confusion: NDArray[np.float64]


def drawn_crowd(
    confusion: NDArray[np.float64], *, n_items: int, n_per_item: int, priors: NDArray[np.float64], seed: int
) -> DrawnCrowd:
    """Each item is labelled by `n_per_item` different annotators, who err independently."""
    rng = np.random.default_rng(seed)
    n_annotators, n_labels = confusion.shape[0], confusion.shape[1]
    known = rng.choice(n_labels, size=n_items, p=priors)
    annotators = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :n_per_item].ravel()
    items = np.repeat(np.arange(n_items), n_per_item)
    steps = confusion[annotators, known[items]].cumsum(axis=1)
    labels = (rng.random(len(items))[:, None] > steps[:, :-1]).sum(axis=1)
    votes = pl.DataFrame({"item_code": items, "annotator_code": annotators, "label_code": labels})
    return DrawnCrowd(votes, pl.DataFrame({"item_code": np.arange(n_items), "label_code": known}), confusion)


def drawn_set_crowd(
    right: tuple[float, ...], *, n_items: int, n_per_item: int, seed: int, together: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame, NDArray[np.int64]]:
    """Votes, gold and the members (2^C, C) of labels that are sets of C choices, each right in that share of the votes.

    Annotators err independently, from choice to choice too; with `together` whoever errs in an item errs in every choice that is not
    more certain than the draw: the same share of each, all in one go.
    """
    rng = np.random.default_rng(seed)
    n_choices, n_annotators = len(right), 20
    members = np.array(list(product((0, 1), repeat=n_choices)))
    known = rng.integers(0, 2, (n_items, n_choices))
    annotators = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :n_per_item].ravel()
    items = np.repeat(np.arange(n_items), n_per_item)
    drawn = rng.random((len(items), 1 if together else n_choices))
    said = np.where(drawn < np.array(right), known[items], 1 - known[items])
    places = 2 ** np.arange(n_choices)[::-1]
    votes = pl.DataFrame({"item_code": items, "annotator_code": annotators, "label_code": said @ places})
    return votes, pl.DataFrame({"item_code": np.arange(n_items), "label_code": known @ places}), members


def accurate(n_annotators: int, n_labels: int, accuracy: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Confusion matrices (A, K, K) of annotators who err evenly over the other labels."""
    right = np.broadcast_to(accuracy, (n_annotators,))[:, None, None]
    wrong = (1 - right) / (n_labels - 1)
    return np.where(np.eye(n_labels, dtype=bool), right, wrong)


def some_votes(*, max_size: int = 40, repeats: bool = True) -> st.SearchStrategy[pl.DataFrame]:
    """Any votes of up to 6 annotators on up to 7 items with N_LABELS labels, codes with gaps."""
    vote = st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(0, N_LABELS - 1))
    unique = None if repeats else lambda row: row[:2]
    return st.lists(vote, max_size=max_size, unique_by=unique).map(votes_of)


def votes_of(rows: list[tuple[int, int, int]]) -> pl.DataFrame:
    """Votes from (item, annotator, label); item and annotator codes are spread out: they are not dense."""
    schema = {"item_code": pl.Int64, "annotator_code": pl.Int64, "label_code": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("item_code") * 3 + 1, pl.col("annotator_code") * 1000
    )
