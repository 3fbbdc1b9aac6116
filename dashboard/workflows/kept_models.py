"""The members of a trained model, kept with its run: what they are made of, and reading those that judged an item."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import IntArray
from analytics.kept_encoder import EncoderState, encoder_state
from analytics.kept_model import KeptModel
from dashboard.workflows.model_content import Content
from dashboard.workflows.opening import Store

if TYPE_CHECKING:
    from analytics.features import Floats32

MOST_KEPT = 8_000_000
"""Numbers of 4 bytes that a run keeps of its members. Of a larger model the first members are kept, the plain fit first."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptRun:
    """The members that judged an item, and the run that they belong to.

    Attributes:
        seq: of the run's event; `event_hash` its hash, `weights_sha256` that of the segment with the weights.
        fold: of the item; the members had seen no item of it.
        n_members: of the run; `model` has those that are kept.
        saw_seq: the last event whose labels the model learned from.
        state: how the model reads an item.
    """

    model_run: str
    seq: int
    event_hash: str
    content_sha256: str
    weights_sha256: str
    trained_by: str
    trained_at: datetime
    saw_seq: int
    fold: int
    n_members: int
    provenance: dict[str, Any]
    model: KeptModel
    state: EncoderState


def kept_tables(
    content: Content, *, fold: IntArray, layers: tuple[Floats32, ...], model_run: str
) -> dict[str, pl.DataFrame]:
    """What is kept of a trained model with its run: tables model_layer, model_feature and model_fold.

    Nothing where not even the plain fit of every fold is small enough (MOST_KEPT).

    Args:
        content: what it read.
        fold: (N,) of the items of `content`.
        layers: each (M, F, inputs + 1, units), the bias last: `(Trained.weights,)`, or `HiddenTrained.layers`.
        model_run: the name of the run.
    """
    n_members = _n_kept(layers)
    if n_members == 0:
        return {}
    state = encoder_state(content.encoder)
    features = pl.DataFrame(
        {"name": state.names, "centre": state.centres, "scale": state.scales},
        schema={"name": pl.Utf8, "centre": pl.Float32, "scale": pl.Float32},
    ).with_row_index("place")
    folds = pl.DataFrame({"item_code": content.item_codes, "fold": fold.astype(np.int32)})
    units = [_units(layer[:n_members], place) for place, layer in enumerate(layers)]
    tables = {"model_layer": pl.concat(units), "model_feature": features, "model_fold": folds}
    return {name: table.with_columns(pl.lit(model_run).alias("model_run")) for name, table in tables.items()}


def read_kept(
    store: Store, *, project_id: str, item_code: int, sets: bool, as_of: int | None = None
) -> KeptRun | None:
    """The members of the newest run that judged an item, as of a seq; None where none are kept."""
    rows = store.read("kept_run", project_id=project_id, item_code=item_code, as_of=as_of)
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    named = {"project_id": project_id, "model_run": row["model_run"]}
    units = store.read("kept_layers", fold=row["fold"], **named)
    features = store.read("kept_features", **named)
    provenance = json.loads(row["provenance"])
    layers = tuple(_stacked(part) for part in units.partition_by("layer", maintain_order=True))
    return KeptRun(
        model_run=row["model_run"],
        seq=row["seq"],
        event_hash=row["event_hash"],
        content_sha256=row["content_sha256"],
        weights_sha256=row["weights_sha256"],
        trained_by=row["trained_by"],
        trained_at=row["trained_at"],
        saw_seq=row["saw_seq"],
        fold=row["fold"],
        n_members=row["n_members"],
        provenance=provenance,
        model=KeptModel(layers, sets),
        state=EncoderState(
            kind=str(provenance["encoder"]),
            names=tuple(features["name"]),
            centres=features["centre"].to_numpy(),
            scales=features["scale"].to_numpy(),
        ),
    )


def _n_kept(layers: tuple[Floats32, ...]) -> int:
    """How many members are kept."""
    if not layers:
        return 0
    of_one = sum(int(layer[0].size) for layer in layers)
    return min(len(layers[0]), MOST_KEPT // of_one)


def _units(layer: Floats32, place: int) -> pl.DataFrame:
    """One row a unit of the members (M, F, inputs + 1, units) of every fold."""
    n_members, n_folds, width, n_units = layer.shape
    rows: NDArray[np.float32] = np.ascontiguousarray(layer.transpose(0, 1, 3, 2)).reshape(-1, width)
    member, fold, unit = (
        axis.reshape(-1).astype(np.int32) for axis in np.indices((n_members, n_folds, n_units))
    )
    lists = pl.Series("weights", rows.astype(np.float32), dtype=pl.Array(pl.Float32, width))
    return pl.DataFrame({"fold": fold, "member": member, "unit": unit}).with_columns(
        pl.lit(place, dtype=pl.Int32).alias("layer"), lists.cast(pl.List(pl.Float32))
    )


def _stacked(units: pl.DataFrame) -> NDArray[np.float64]:
    """(M, U, N + 1) of the rows of one layer."""
    width = len(units["weights"][0])
    flat = units["weights"].explode(empty_as_null=False).to_numpy().astype(np.float64)
    return flat.reshape(units["member"].n_unique(), -1, width)
