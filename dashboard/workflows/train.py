"""Training the built-in model on a project's labels: every probability from a fit that had not seen the item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from analytics.errors import AnalyticsError
from analytics.frames import FloatArray
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.kept_models import kept_tables
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.model_content import read_content
from dashboard.workflows.model_fits import Fitted, fit_model
from dashboard.workflows.model_samples import BUILT_IN, ModelRun, record_model_run
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.train_options import CROWD, HIDDEN, TrainOptions
from dashboard.workflows.training_labels import consensus_targets, vote_targets

__all__ = ["Progress", "TrainOptions", "TrainedRun", "curve_words", "train"]

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """What training did. `accuracy`: how often the model's likeliest label is the item's, out of sample (whole sets, where
    labels are sets); None where no item has a label. `members_are`: ensemble (fits), networks, dropout (passes) or laplace (draws).
    `fresh`: False where the same run was there already.
    """

    model_run: str
    model: str
    labels: str
    members_are: str
    encoder: str
    n_items: int
    n_labelled: int
    n_left_out: int
    n_features: int
    n_members: int
    n_folds: int
    accuracy: float | None
    log_loss: float | None
    device: str
    seconds: float
    fresh: bool
    curve: Mapping[str, object] | None = None


def train(
    store: Store,
    *,
    project_id: str,
    by: Person,
    options: TrainOptions | None = None,
    progress: Progress | None = None,
) -> TrainedRun:
    """Train on the newest consensus and what people decided, or on the annotations, and keep what the model says of every item as
    a model run.

    Labels are soft: the consensus posterior, or the decided label; or what model and annotators together make of the votes
    (`labels="crowd"`). Items without a label are judged too. Items with the very same content are in the same fold.

    Raises:
        BadRequest: the project was not scored yet, too few items can be read, or an option is out of range or does not go with
            another.
        NotAllowed: the person may not bring predictions in.
    """
    require(by, "import")
    asked = (options or TrainOptions()).checked()
    saw = store.head
    label_set = require_label_set(store, project_id, as_of=saw)
    content = read_content(store, project_id, encoder=asked.encoder, as_of=saw)
    read = vote_targets if asked.labels == CROWD else consensus_targets
    targets = read(store, project_id, label_set, content, as_of=saw)
    try:
        found = fit_model(content, targets, asked, sets=label_set.is_sets, progress=progress)
    except AnalyticsError as error:
        raise BadRequest(f"The model could not be trained: {error}") from error
    name = asked.model_run.strip() or _name(asked, saw)
    run = ModelRun(
        model_run=name,
        item_codes=content.item_codes,
        samples=found.samples,
        provenance={
            "by": BUILT_IN, "model": asked.model, "labels": asked.labels, "members_are": asked.members_are, "encoder": content.kind,
            "read_by": asked.encoder,
            "features": len(content.feature_names), "members": asked.members, "folds": asked.n_folds, "seed": asked.seed,
            "device": found.device, "saw_seq": saw, "labelled": found.n_labelled, **found.said,
        },
        kept=kept_tables(content, fold=found.fold, layers=found.layers, model_run=name),
    )  # fmt: skip
    fresh = record_model_run(store, project_id=project_id, by=by, run=run, saw=saw)
    if asked.checkpoint is not None:
        asked.checkpoint.unlink(missing_ok=True)
    return TrainedRun(
        model_run=run.model_run,
        model=asked.model,
        labels=asked.labels,
        members_are=asked.members_are,
        encoder=content.kind,
        n_items=len(content.item_codes),
        n_labelled=found.n_labelled,
        n_left_out=content.n_left_out,
        n_features=len(content.feature_names),
        n_members=asked.members,
        n_folds=asked.n_folds,
        accuracy=_accuracy(found, targets.labels, sets=label_set.is_sets),
        log_loss=found.log_loss,
        device=found.device,
        seconds=found.seconds,
        fresh=fresh,
        curve=found.curve,
    )


def _name(asked: TrainOptions, saw: int) -> str:
    """What a run is called by default: it names the newest event, and whatever is not usual."""
    kind = "" if asked.model != HIDDEN else f" {asked.model}"
    kind += " laplace" if asked.laplace else ""
    kind += f" {asked.labels}" if asked.labels == CROWD else ""
    return f"built-in{kind} {saw}"


def _accuracy(found: Fitted, labels: FloatArray, *, sets: bool) -> float | None:
    mean = found.mean
    known = labels.sum(axis=1) > 0 if not sets else np.ones(len(labels), dtype=np.bool_)
    if not known.any():
        return None
    if sets:
        return float(((mean > 0.5) == (labels > 0.5)).all(axis=1).mean())
    return float((mean[known].argmax(axis=1) == labels[known].argmax(axis=1)).mean())


def curve_words(curve: Mapping[str, object] | None) -> str:
    """What more labels would bring, in a sentence that begins with a blank; nothing where it was not measured.

    >>> curve_words({"points": [], "more": [600, 0.93, 0.91, 0.95]})
    ' With 600 labels it would be right for 93 % (91 to 95 %), if the curve goes on as it began.'
    """
    if not curve:
        return ""
    more = curve.get("more")
    if not isinstance(more, list):
        return f" What more labels would bring cannot be told: {curve.get('reason')}."
    n, value, low, high = more
    ends = "" if low is None else f" ({low * 100:.0f} to {high * 100:.0f} %)"
    return f" With {n:,} labels it would be right for {value * 100:.0f} %{ends}, if the curve goes on as it began."
