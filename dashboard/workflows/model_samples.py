"""What the members of a model say of each item: recording a run of the built-in model, and reading samples back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.model_runs import require_model_run
from dashboard.workflows.opening import Store
from dashboard.workflows.prediction_frames import (
    CodedRun,
    first_label_rows,
    n_choices,
    probability_rows,
    sample_rows,
)
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.journal import canonical_json
from data.records import Draft

BY_FOLDS = "by_folds"
"""How a run is known to be out of sample: every probability comes from a fit that had not seen the item."""

BUILT_IN = "built-in model"


@dataclass(frozen=True, slots=True)
class ModelRun:
    """A run of a model.

    `item_codes` (N,), ascending; `samples` (M, N, K) float32, by label code (where labels are sets, by choice, each of its
    own). `provenance`: how it was made, for the run's event. `kept`: what it is made of, as tables (`kept_models.kept_tables`).
    """

    model_run: str
    item_codes: IntArray
    samples: NDArray[np.float32]
    provenance: Mapping[str, object]
    note: str = ""
    kept: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def content_sha256(self) -> str:
        """A hash of what the run says."""
        digest = hashlib.sha256(np.array(self.samples.shape, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.item_codes, dtype="<i8").data)
        digest.update(np.ascontiguousarray(self.samples, dtype="<f4").data)
        return digest.hexdigest()


def record_model_run(store: Store, *, project_id: str, by: Person, run: ModelRun, saw: int) -> bool:
    """Keep a run of the built-in model as one event. False where the same content is there under the name already.

    Args:
        saw: the last event whose labels it was trained on.

    Raises:
        BadRequest: the name stands for something else, or the label set has changed since.
        NotAllowed: the person may not bring predictions in.
    """
    require(by, "import")
    label_set = require_label_set(store, project_id, as_of=saw)
    width = n_choices(label_set)
    n_members, n_items, n_labels = run.samples.shape
    if n_labels != width or n_items != len(run.item_codes):
        raise BadRequest(f"The run has samples of shape {run.samples.shape}; the project has {width} labels.")
    mean = CodedRun(run.item_codes, run.samples.mean(axis=0, dtype=np.float64))
    row: dict[str, object] = {
        "model_run": run.model_run, "n_items": n_items, "n_labels": n_labels, "n_members": n_members, "note": run.note,
        "content_sha256": run.content_sha256, "name": BUILT_IN, "format": BUILT_IN, "saw_seq": saw,
        "out_of_sample": BY_FOLDS, "warning": None, "provenance": canonical_json(dict(run.provenance)),
    }  # fmt: skip

    def plan(reader: Reader) -> Draft | None:
        if require_label_set(reader, project_id).version != label_set.version:
            raise BadRequest("The label set was changed while the model was trained. Train it again.")
        known = reader.read("model_run_known", project_id=project_id, model_run=run.model_run).row(
            0, named=True
        )
        if known["content_sha256"] == run.content_sha256:
            return None
        if known["content_sha256"] is not None or known["has_labels"]:
            raise BadRequest(
                f"The model run {run.model_run!r} is there with other probabilities. Nothing was changed; give this one a name "
                "of its own (--run)."
            )
        tables = {
            "probability": probability_rows(mean, run.model_run),
            "model_sample": sample_rows(run.item_codes, run.samples, run.model_run),
            **run.kept,
        }
        if not label_set.is_sets:
            tables["prediction"] = first_label_rows(mean, run.model_run, label_set)
        payload = {
            "rows": {"model_run": [row]},
            "segments": {name: reader.segments.put(frame).as_payload() for name, frame in tables.items()},
            "source": {"name": BUILT_IN, "provenance": dict(run.provenance)},
            "label_set_version": label_set.version,
            "counts": {"imported": n_items, "members": n_members},
        }
        return Draft("predictions_imported", project_id, run.model_run, payload)

    request: dict[str, object] = {
        "verb": "model_run", "project": project_id, "run": run.model_run, "sha256": run.content_sha256,
    }  # fmt: skip
    return store.submit(plan, by=by.person_id, request=request) is not None


def samples(
    store: Store, *, project_id: str, model_run: str, as_of: int | None = None
) -> tuple[IntArray, NDArray[np.floating]]:
    """What a run's members say: (N,) item codes, ascending, and (M, N, K); M is 1 where only their mean is known.

    Raises:
        BadRequest: there is no such run.
    """
    run = require_model_run(store, project_id=project_id, model_run=model_run, as_of=as_of)
    n_labels, n_members = cast("int", run["n_labels"]), cast("int", run["n_members"])
    named = {"project_id": project_id, "model_run": model_run, "as_of": as_of}
    frame = store.read("model_samples", **named)
    if frame.is_empty():
        frame, n_members = store.read("model_probabilities", **named).rename({"probabilities": "samples"}), 1
    flat = frame["samples"].explode(empty_as_null=False).to_numpy()
    found = flat.reshape(frame.height, n_members, n_labels).transpose(1, 0, 2)
    return frame["item_code"].to_numpy(), _summing_to_one(found, sets=_are_sets(store, project_id, as_of))


def _are_sets(store: Store, project_id: str, as_of: int | None) -> bool:
    return require_label_set(store, project_id, as_of=as_of).is_sets


def _summing_to_one(found: NDArray[np.floating], *, sets: bool) -> NDArray[np.floating]:
    """Files hold probabilities rounded to a few digits; those of one label an item are made to sum to 1 again."""
    if sets:
        return np.ascontiguousarray(found)
    total: FloatArray = found.sum(axis=2, keepdims=True, dtype=np.float64)
    return np.ascontiguousarray(found / total.astype(found.dtype))
