"""What the built-in model learns from: the consensus and people's decisions, or the annotations themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.frames import FloatArray
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.model_content import Content
from dashboard.workflows.opening import Store
from dashboard.workflows.score_frames import PERSONS_DECISIONS


@dataclass(frozen=True, slots=True)
class Targets:
    """What N items teach, K labels by code (choices, where labels are sets).

    `soft` (N, K), rows of items without weight are not looked at; `weights` (N,), 0: nothing is known of the item; `labels`
    (N, K) today's labels as 0 and 1, rows of items without one 0. `votes`: item_code (the row here), annotator_code, label_code,
    where the model learns from them; else None.
    """

    soft: FloatArray
    weights: FloatArray
    labels: FloatArray
    votes: pl.DataFrame | None = None


def consensus_targets(
    store: Store, project_id: str, label_set: LabelSet, content: Content, *, as_of: int
) -> Targets:
    """The newest consensus' posterior, or the label that people decided.

    Raises:
        BadRequest: the project was not scored yet.
    """
    run = store.read("flag_run", project_id=project_id)
    if run.is_empty():
        raise BadRequest(f"Project {project_id!r} was not scored yet; `touchstone score` first.")
    consensus = store.read("score_consensus", project_id=project_id, run_id=run["run_id"][0])
    rows = pl.DataFrame({"item_code": content.item_codes})
    posterior = rows.join(
        consensus.select("item_code", "posterior"), on="item_code", how="left", maintain_order="left"
    )
    labels, source = _labels(store, project_id, label_set, content, as_of=as_of)
    soft = _padded(posterior["posterior"], len(label_set.choices))
    decided = source.is_in(PERSONS_DECISIONS).fill_null(value=False).to_numpy()
    soft[decided] = labels[decided]
    weights = (decided | posterior["posterior"].is_not_null().to_numpy()).astype(np.float64)
    return Targets(soft, weights, labels)


def vote_targets(
    store: Store, project_id: str, label_set: LabelSet, content: Content, *, as_of: int
) -> Targets:
    """The independent annotations; `soft` are their shares.

    Raises:
        BadRequest: labels are sets, or no item with content was annotated.
    """
    if label_set.is_sets:
        raise BadRequest(
            "How annotators err is learned for single labels; the labels of this project are sets. Train with --labels consensus."
        )
    rows = pl.DataFrame({"item_code": content.item_codes}).with_row_index("row")
    votes = (
        store.read("score_votes", project_id=project_id, as_of=as_of)
        .join(rows, on="item_code")
        .select(pl.col("row").cast(pl.Int64).alias("item_code"), "annotator_code", "label_code")
        .sort("item_code", "annotator_code", "label_code")
    )
    if votes.is_empty():
        raise BadRequest(f"No item of {project_id!r} that the model can read has an independent annotation.")
    counts = np.zeros((rows.height, label_set.n_labels))
    np.add.at(counts, (votes["item_code"].to_numpy(), votes["label_code"].to_numpy()), 1.0)
    n_votes = counts.sum(axis=1)
    labels, _ = _labels(store, project_id, label_set, content, as_of=as_of)
    soft = counts / np.maximum(n_votes, 1.0)[:, None]
    return Targets(soft, (n_votes > 0).astype(np.float64), labels, votes)


def label_rows_of(label_set: LabelSet, codes: pl.Series) -> FloatArray:
    """(N, K) of label codes, some null: 1 at the label, or at every choice of the set; rows of nulls are 0.

    Columns go by code, as in a posterior: the order of the labels may have been corrected since.
    """
    table = np.zeros((max(label_set.codes) + 2, len(label_set.choices)))
    place = {code: at for at, code in enumerate(sorted(label_set.choice_codes))}
    for code in label_set.codes:
        table[code, [place[member] for member in label_set.members_of(code)]] = 1.0
    return np.asarray(table[codes.fill_null(len(table) - 1).cast(pl.Int64).to_numpy()])


def _labels(
    store: Store, project_id: str, label_set: LabelSet, content: Content, *, as_of: int
) -> tuple[FloatArray, pl.Series]:
    """Today's labels (N, K), and who or what made each."""
    today = store.read("judgement_labels", project_id=project_id, as_of=as_of)
    rows = pl.DataFrame({"item_code": content.item_codes})
    known = rows.join(today, on="item_code", how="left", maintain_order="left")
    return label_rows_of(label_set, known["label_code"]), known["source"]


def _padded(posterior: pl.Series, n_labels: int) -> FloatArray:
    """Lists as (N, K); a label that came later than the consensus has probability 0; rows of nulls are 0."""
    found = np.zeros((len(posterior), n_labels))
    there = posterior.is_not_null()
    if there.any():
        lists = posterior.filter(there)
        width = int(lists.list.len().max() or 0)  # type: ignore[arg-type]  # a list's length is a number
        found[there.to_numpy(), :width] = lists.list.to_array(width).to_numpy()
    return found
