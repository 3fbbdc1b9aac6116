"""What the trained model makes of an item: its probabilities, and which words or pixels speak for the label.

The members are those that `touchstone train` kept with its run and that had not seen the item: what is taken apart is the
out-of-sample probability that the item got. Probabilities that were brought in come without weights: nothing can be taken apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import polars as pl

from analytics.attribution import (
    CANNOT_SHOW,
    Stability,
    attribution_stability,
    pixel_map,
    top_features,
)
from analytics.attribution_spans import Span, spread_over_words, term_places
from analytics.errors import BadOption
from analytics.frames import FloatArray
from analytics.kept_encoder import EMBEDDINGS, PIXELS, WORD, encode_one, side_of
from analytics.kept_model import attributions, randomised_agreement
from analytics.results import Estimate
from dashboard.workflows.kept_models import KeptRun, read_kept
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.model_samples import BUILT_IN
from dashboard.workflows.opening import Store

MOST_FEATURES = 8
N_DRAWS, N_DRAWS_OF_NETWORKS = 20, 5
DIMENSIONS = (
    "it reads embeddings, whose dimensions have no meaning of their own: what speaks for the label is seen in the labelled items "
    "that are near it"
)
SIDE_WORDS = {"text": "an empty text", "pixels": "the mean of all pictures"}
LINEAR, NETWORK = "weight times feature, exact", "integrated gradients (captum)"


@dataclass(frozen=True, slots=True)
class Feature:
    """A word and its part in the log-odds of the label against the other; `sign_agreement`: share of the members that give
    it the same sign; `places`: where it stands in the text, (start, end) in code points.
    """

    term: str
    value: float
    sign_agreement: float
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class TrainedBy:
    """The run that an explanation rests on: what an auditor ties it to.

    `seq` and `event_hash` of the run's event in the journal; `content_sha256` of its probabilities; `weights_sha256` of the
    segment that holds its weights; `saw_seq`: the last event whose labels it learned from.
    """

    model_run: str
    words: str
    seq: int
    event_hash: str
    content_sha256: str
    weights_sha256: str
    saw_seq: int
    trained_by: str
    trained_at: datetime
    fold: int
    n_members: int


@dataclass(frozen=True, slots=True)
class ModelEvidence:
    """Why the model would give an item the label, or not.

    Attributes:
        run: the run whose members these are.
        label: the label that is explained; `against` the strongest other one for the model (where labels are sets, that the
            choice is not in it).
        p_label: the probability of the label that the run gave the item; of `against` in `p_against`.
        p_kept: the same from the weights that are kept: more than a rounding away from `p_label` where only some members
            were kept, or where units were dropped while the model judged.
        n_members: members that are kept and taken apart.
        method: how.
        log_odds: the members' mean log-odds of the label against the other; `baseline_log_odds` those of `baseline`.
        gap_share: what the parts leave unexplained, of their summed sizes; the worst member's.
        stability: rank correlation of the members' parts.
        randomised: rank correlation with the parts of members whose weights were dealt out anew.
        speaks_for: the strongest words for the label; `speaks_against` those for the other.
        spans: every word of the text with its part; empty for a picture.
        pixels: (side, side) rows of parts, the strongest 1 or -1; empty for a text.
        no_parts: why the probability cannot be taken apart, else None.
        cannot_show: what such a picture cannot show.
        undefined: why there is no model, else None; nothing else but `cannot_show` and `command` is then set.
        command: what makes one.
    """

    run: TrainedBy | None = None
    label: str | None = None
    against: str | None = None
    p_label: float | None = None
    p_against: float | None = None
    p_kept: float | None = None
    n_members: int = 0
    method: str = ""
    log_odds: float | None = None
    baseline: str = ""
    baseline_log_odds: float | None = None
    gap_share: float | None = None
    stability: Estimate | None = None
    randomised: Estimate | None = None
    speaks_for: tuple[Feature, ...] = ()
    speaks_against: tuple[Feature, ...] = ()
    spans: tuple[Span, ...] = ()
    pixels: tuple[tuple[float, ...], ...] = ()
    no_parts: str | None = None
    cannot_show: tuple[str, ...] = field(default=CANNOT_SHOW)
    undefined: str | None = None
    command: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether the model too holds the label the likeliest."""
        return self.p_label is not None and self.p_against is not None and self.p_label >= self.p_against


@dataclass(frozen=True, slots=True, eq=False)
class ItemModel:
    """The kept members that judged an item, and the item as they read it (D,); `x` None where there is nothing to take apart."""

    kept: KeptRun
    label_set: LabelSet
    text: str | None
    recorded: tuple[float, ...]
    x: FloatArray | None
    no_parts: str | None = None


def item_model(
    store: Store, *, project_id: str, item_id: str, item_code: int, label_set: LabelSet, as_of: int | None
) -> ItemModel | ModelEvidence:
    """The newest kept model that judged the item, as of a seq; where there is none, the evidence that says why."""
    kept = read_kept(store, project_id=project_id, item_code=item_code, sets=label_set.is_sets, as_of=as_of)
    said = store.read("item_probabilities", project_id=project_id, item_code=item_code, as_of=as_of)
    if kept is None:
        return _nothing(store, project_id, said, as_of)
    own = said.filter(pl.col("model_run") == kept.model_run)["probabilities"]
    recorded = tuple(own[0].to_list()) if len(own) else ()
    found = ItemModel(kept, label_set, None, recorded, None)
    if kept.state.kind == EMBEDDINGS:
        return replace(found, no_parts=DIMENSIONS)
    item = store.read("item_one", project_id=project_id, item_id=item_id, as_of=kept.saw_seq)
    content = item["image_bytes" if kept.state.kind == PIXELS else "text"][0]
    try:
        x = encode_one(kept.state, content)
    except BadOption as problem:
        return replace(found, no_parts=f"the item cannot be read as the model read it: {problem}")
    return replace(found, text=content if isinstance(content, str) else None, x=x)


def evidence_of(found: ItemModel | ModelEvidence, *, label_code: int | None) -> ModelEvidence:
    """The evidence for a label against the model's strongest other one; of the model's likeliest where the item has none.

    Where labels are sets, `label_code` is that of a choice, and the evidence is for its being in the set.
    """
    if isinstance(found, ModelEvidence):
        return found
    label_set, p = found.label_set, np.array(found.recorded)
    codes = list(label_set.choice_codes)[: len(p)]
    code = codes[int(p.argmax())] if label_code is None else label_code
    if code not in codes:
        return ModelEvidence(
            undefined=f"{label_set.label(code)} came into the label set after the model was trained",
            command="touchstone train",
        )
    place = codes.index(code)
    other = None if label_set.is_sets else int(np.where(np.arange(len(p)) == place, -1.0, p).argmax())
    told = ModelEvidence(
        run=_run_of(found.kept),
        label=label_set.label(code),
        against=f"not {label_set.label(code)}" if other is None else label_set.label(codes[other]),
        p_label=float(p[place]),
        p_against=float(1 - p[place] if other is None else p[other]),
        n_members=found.kept.model.n_members,
        no_parts=found.no_parts,
    )
    return told if found.x is None else _taken_apart(told, found, found.x, place, other)


def _taken_apart(
    told: ModelEvidence, found: ItemModel, x: FloatArray, place: int, other: int | None
) -> ModelEvidence:
    """With the parts of every feature."""
    model, text = found.kept.model, found.text
    parts = attributions(model, x, label_code=place, against_code=other)
    stable = attribution_stability(np.stack([one.values for one in parts]))
    speaks_for, against = top_features(stable.mean, most=MOST_FEATURES)
    terms = tuple(name.removeprefix(WORD) for name in found.kept.state.names)
    return replace(
        told,
        p_kept=float(model.probabilities(x)[:, place].mean()),
        method=LINEAR if model.is_linear else NETWORK,
        log_odds=float(np.mean([one.score for one in parts])),
        baseline=SIDE_WORDS[found.kept.state.kind],
        baseline_log_odds=float(np.mean([one.baseline_score for one in parts])),
        gap_share=max((one.gap_share or 0.0 for one in parts), default=0.0),
        stability=stable.rank_correlation,
        randomised=randomised_agreement(
            model, x, label_code=place, against_code=other,
            n_draws=N_DRAWS if model.is_linear else N_DRAWS_OF_NETWORKS,
        ),
        speaks_for=() if text is None else _features(terms, stable, speaks_for.tolist(), text),
        speaks_against=() if text is None else _features(terms, stable, against.tolist(), text),
        spans=() if text is None else _spans(terms, stable, x, text),
        pixels=() if text is not None else _rows(stable.mean, side_of(found.kept.state)),
    )  # fmt: skip


def _nothing(store: Store, project_id: str, said: pl.DataFrame, as_of: int | None) -> ModelEvidence:
    """Why there is no evidence of a model, and the command that makes some."""
    train = f"touchstone train --project {project_id}"
    runs = store.read("model_runs", project_id=project_id, as_of=as_of)
    trained = runs.filter(pl.col("format") == BUILT_IN)
    if not trained.is_empty():
        name = trained["model_run"][0]
        if name in said["model_run"].to_list():
            return ModelEvidence(
                undefined=f"the weights of {name} were not kept, so what it saw in the item cannot be shown",
                command=f"{train} --run NAME",
            )
        return ModelEvidence(undefined=f"{name} was trained without this item", command=train)
    if not said.is_empty():
        return ModelEvidence(
            undefined=f"the probabilities of {said['model_run'][0]} were brought in; they come without weights, so what it saw in "
            "the item cannot be shown",
            command=train,
        )
    return ModelEvidence(undefined="no model was trained on these labels", command=train)


def _run_of(kept: KeptRun) -> TrainedBy:
    return TrainedBy(
        model_run=kept.model_run,
        words=_run_words(kept),
        seq=kept.seq,
        event_hash=kept.event_hash,
        content_sha256=kept.content_sha256,
        weights_sha256=kept.weights_sha256,
        saw_seq=kept.saw_seq,
        trained_by=kept.trained_by,
        trained_at=kept.trained_at,
        fold=kept.fold,
        n_members=kept.n_members,
    )


def _run_words(kept: KeptRun) -> str:
    """What kind of model the run is, in a line."""
    made = kept.provenance
    kind = "a linear model" if kept.model.is_linear else "a network with a hidden layer"
    return (
        f"{kind} on {made['encoder']} ({made['features']:,} features), {kept.n_members} members in {made['folds']} folds, "
        f"trained on {made['labelled']:,} labels"
    )


def _features(terms: tuple[str, ...], stable: Stability, places: list[int], text: str) -> tuple[Feature, ...]:
    where = term_places(text, tuple(terms[place] for place in places))
    return tuple(
        Feature(
            terms[place],
            float(stable.mean[place]),
            float(stable.sign_agreement[place]),
            where[terms[place]],
        )
        for place in places
    )


def _spans(terms: tuple[str, ...], stable: Stability, x: FloatArray, text: str) -> tuple[Span, ...]:
    used = np.flatnonzero(x)
    return spread_over_words(text, {terms[place]: float(stable.mean[place]) for place in used})


def _rows(values: FloatArray, side: int) -> tuple[tuple[float, ...], ...]:
    """Colours of a pixel stand beside each other: they are put apart first, as `pixel_map` wants them."""
    by_colour = values.reshape(side * side, -1).T.reshape(-1)
    return tuple(tuple(row) for row in pixel_map(by_colour, height=side, width=side).tolist())
