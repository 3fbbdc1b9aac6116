"""Training the built-in model on a project's labels: every probability from a fit that had not seen the item."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from analytics.errors import AnalyticsError
from analytics.frames import FloatArray
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.kept_models import kept_tables
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.model_content import ENCODERS, Content, read_content
from dashboard.workflows.model_samples import BUILT_IN, ModelRun, record_model_run
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.training_files import checkpoint_writer, read_checkpoint

if TYPE_CHECKING:
    from analytics.device import Device

Progress = Callable[[float, str], None]
MOST_MEMBERS, MOST_FOLDS = 100, 50
MOST_TO_TRY = 5_000
"""Items that the penalty is chosen on."""
FEWEST_TO_CHOOSE = 3
"""Folds that choosing a penalty needs: two are left out at a time."""

PERSONS = ("relabel", "adjudication")


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How the model is trained.

    `encoder`: auto, text (TF-IDF), pixels or embeddings (brought in).
    `n_members`: fits a fold, each of which weighs the items otherwise; what they
    disagree on is what the model does not know. `penalty`: of the squared weights; None: of each fold the
    one that did best in the others. `model_run`: the name of the run; by default
    one that names the labels' event. `checkpoint`: a file that the work can be taken up from.
    `curve`: measure how good the model is with fewer labels, too, and what more of them would bring.
    """

    encoder: str = "auto"
    n_folds: int = 5
    n_members: int = 5
    penalty: float | None = None
    seed: int = 0
    device: str = "cpu"
    model_run: str = ""
    checkpoint: Path | None = None
    curve: bool = False

    def checked(self) -> TrainOptions:
        """These options; raises BadRequest where one is out of range."""
        if self.encoder not in ENCODERS:
            raise BadRequest(f"{self.encoder!r} is not an encoder. Known: {', '.join(ENCODERS)}.")
        for name, value, low, high in (
            ("folds", self.n_folds, 2, MOST_FOLDS), ("members", self.n_members, 1, MOST_MEMBERS),
        ):  # fmt: skip
            if not low <= value <= high:
                raise BadRequest(f"{value} {name}: there are {low} to {high}.")
        if self.penalty is not None and not 0 < self.penalty < float("inf"):
            raise BadRequest(f"The penalty is {self.penalty}; it has to be above 0.")
        return self


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """What training did. `accuracy`: how often the model's likeliest label is the item's, out of sample (whole sets, where
    labels are sets). `fresh`: False where the same run was there already.
    """

    model_run: str
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
    """Train on the newest consensus and what people decided, and keep what the model says of every item as a model run.

    Labels are soft: the consensus posterior, or the decided label. Items without a label are judged too. Items with the very
    same content are in the same fold.

    Raises:
        BadRequest: the project was not scored yet, too few items can be read, or an option is out of range.
        NotAllowed: the person may not bring predictions in.
    """
    require(by, "import")
    asked = (options or TrainOptions()).checked()
    saw = store.head
    label_set = require_label_set(store, project_id, as_of=saw)
    content = read_content(store, project_id, encoder=asked.encoder, as_of=saw)
    soft, weights, labels = _soft_labels(store, project_id, label_set, content, as_of=saw)
    from analytics.training import train_model  # it brings torch along

    try:
        penalty = _penalty(content, soft, weights, label_set, asked)
        curve = (
            learning(content, soft, weights, penalty, asked)
            if asked.curve and not label_set.is_sets
            else None
        )
        found = train_model(
            content.features,
            soft,
            sets=label_set.is_sets,
            n_folds=asked.n_folds,
            n_members=asked.n_members,
            penalty=penalty,
            item_weights=weights,
            groups=content.groups,
            seed=asked.seed,
            device=cast("Device", asked.device),
            resume=read_checkpoint(asked.checkpoint),
            checkpoint=None if asked.checkpoint is None else checkpoint_writer(asked.checkpoint),
            progress=progress,
        )
    except AnalyticsError as error:
        raise BadRequest(f"The model could not be trained: {error}") from error
    run = ModelRun(
        model_run=asked.model_run.strip() or f"built-in {saw}",
        item_codes=content.item_codes,
        samples=found.probabilities,
        provenance={
            "by": BUILT_IN, "encoder": content.kind, "features": len(content.feature_names), "members": asked.n_members,
            "folds": asked.n_folds, "penalty": np.unique(penalty).tolist(), "seed": asked.seed, "device": found.device, "saw_seq": saw,
            "labelled": found.n_labelled,
            **({"curve": curve} if curve else {}),
        },
        kept=kept_tables(
            content, fold=found.fold, layers=(found.weights,), model_run=asked.model_run.strip() or f"built-in {saw}"
        ),
    )  # fmt: skip
    fresh = record_model_run(store, project_id=project_id, by=by, run=run, saw=saw)
    if asked.checkpoint is not None:
        asked.checkpoint.unlink(missing_ok=True)
    return TrainedRun(
        model_run=run.model_run,
        encoder=content.kind,
        n_items=len(content.item_codes),
        n_labelled=found.n_labelled,
        n_left_out=content.n_left_out,
        n_features=len(content.feature_names),
        n_members=asked.n_members,
        n_folds=asked.n_folds,
        accuracy=_accuracy(found.mean, labels, sets=label_set.is_sets),
        log_loss=found.log_loss,
        device=found.device,
        seconds=found.seconds,
        fresh=fresh,
        curve=curve,
    )


def _soft_labels(
    store: Store, project_id: str, label_set: LabelSet, content: Content, *, as_of: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(N, K) soft labels, (N,) weights (0: no label), (N, K) the labels themselves as 0 and 1; K is the choices'."""
    run = store.read("flag_run", project_id=project_id)
    if run.is_empty():
        raise BadRequest(f"Project {project_id!r} was not scored yet; `touchstone score` first.")
    consensus = store.read("score_consensus", project_id=project_id, run_id=run["run_id"][0])
    rows = pl.DataFrame({"item_code": content.item_codes})
    posterior = rows.join(
        consensus.select("item_code", "posterior"), on="item_code", how="left", maintain_order="left"
    )
    today = store.read("judgement_labels", project_id=project_id, as_of=as_of)
    known = rows.join(today, on="item_code", how="left", maintain_order="left")
    soft = _padded(posterior["posterior"], len(label_set.choices))
    labels = label_rows_of(label_set, known["label_code"])
    decided = known["source"].is_in(PERSONS).fill_null(value=False).to_numpy()
    soft[decided] = labels[decided]
    weights = (decided | posterior["posterior"].is_not_null().to_numpy()).astype(np.float64)
    return soft, weights, labels


def label_rows_of(label_set: LabelSet, codes: pl.Series) -> FloatArray:
    """(N, K) of label codes, some null: 1 at the label, or at every choice of the set; rows of nulls are 0.

    Columns go by code, as in a posterior: the order of the labels may have been corrected since.
    """
    table = np.zeros((max(label_set.codes) + 2, len(label_set.choices)))
    place = {code: at for at, code in enumerate(sorted(label_set.choice_codes))}
    for code in label_set.codes:
        table[code, [place[member] for member in label_set.members_of(code)]] = 1.0
    return np.asarray(table[codes.fill_null(len(table) - 1).cast(pl.Int64).to_numpy()])


def _padded(posterior: pl.Series, n_labels: int) -> FloatArray:
    """Lists as (N, K); a label that came later than the consensus has probability 0; rows of nulls are 0."""
    found = np.zeros((len(posterior), n_labels))
    there = posterior.is_not_null()
    if there.any():
        lists = posterior.filter(there)
        width = int(lists.list.len().max() or 0)  # type: ignore[arg-type]  # a list's length is a number
        found[there.to_numpy(), :width] = lists.list.to_array(width).to_numpy()
    return found


def _penalty(
    content: Content, soft: FloatArray, weights: FloatArray, label_set: LabelSet, asked: TrainOptions
) -> float | FloatArray:
    """The penalty that was asked for, else of each fold the one that did best in the other folds.

    Where items are many, or folds two, one penalty for all: the middle one of those chosen on a part of the items.
    """
    from analytics.penalty_choice import choose_penalties

    if asked.penalty is not None:
        return asked.penalty
    n = len(soft)
    whole = n <= MOST_TO_TRY and asked.n_folds >= FEWEST_TO_CHOOSE
    rng = np.random.default_rng(asked.seed)
    part = np.arange(n) if whole else np.sort(rng.choice(n, size=min(n, MOST_TO_TRY), replace=False))
    chosen = choose_penalties(
        content.features[part],
        soft[part],
        sets=label_set.is_sets,
        n_folds=max(asked.n_folds, FEWEST_TO_CHOOSE),
        item_weights=weights[part],
        groups=content.groups[part],
        seed=asked.seed,
        device=cast("Device", asked.device),
    )
    return chosen.penalties if whole else float(np.median(chosen.penalties))


def learning(
    content: Content, soft: FloatArray, weights: FloatArray, penalty: float | FloatArray, asked: TrainOptions
) -> dict[str, object]:
    """Accuracy against the number of labels, on a part of the items where they are many.

    `points`: n, value, low, high. `more`: the same for twice the labels there are (of that part), or `reason` why it cannot be
    told.
    """
    from analytics.learning_curve import learning_curve

    rng = np.random.default_rng(asked.seed)
    n = len(soft)
    part = np.sort(rng.choice(n, size=min(n, MOST_TO_TRY), replace=False))
    found = learning_curve(
        content.features[part],
        soft[part],
        penalty=float(np.median(penalty)),
        item_weights=weights[part],
        groups=content.groups[part],
        seed=asked.seed,
        device=cast("Device", asked.device),
    )
    more = found.at(2 * found.n_labelled) if found.n_labelled else None
    told: dict[str, object] = {"points": found.points.select("n_labels", "value", "low", "high").rows()}
    if more is None or more.value is None:
        reason = found.undefined or (more.undefined if more is not None else "there are no labels")
        return {**told, "reason": reason}
    return {**told, "more": [2 * found.n_labelled, more.value, more.low, more.high]}


def _accuracy(mean: FloatArray, labels: FloatArray, *, sets: bool) -> float | None:
    known = labels.sum(axis=1) > 0 if not sets else np.ones(len(labels), dtype=np.bool_)
    if not known.any():
        return None
    if sets:
        return float(((mean > 0.5) == (labels > 0.5)).all(axis=1).mean())
    return float((mean[known].argmax(axis=1) == labels[known].argmax(axis=1)).mean())


def provenance_words(text: str | None) -> str:
    """A run's provenance in a line; nothing where there is none.

    >>> provenance_words('{"by": "built-in model", "encoder": "text", "features": 900, "members": 5, "folds": 5, "labelled": 300}')
    'built-in model on text (900 features), 5 members in 5 folds, trained on 300 labels'
    """
    if not text:
        return ""
    held = json.loads(text)
    if held.get("by") != BUILT_IN:
        return ""
    return (
        f"{BUILT_IN} on {held['encoder']} ({held['features']:,} features), {held['members']} members in {held['folds']} folds, "
        f"trained on {held['labelled']:,} labels"
    )


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
