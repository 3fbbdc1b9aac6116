"""What a model that has not seen an item makes of it: its probabilities, and which words or pixels speak for the label.

The model is a small linear one that is fitted when somebody asks, to the labels of the project's other items. `evidence_from`
takes any `LinearView`, so that a model trained elsewhere can stand in its place.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.attribution import (
    CANNOT_SHOW,
    Stability,
    attribution_stability,
    linear_attribution,
    pixel_map,
    top_features,
)
from analytics.attribution_spans import Span, spread_over_words, term_places
from analytics.frames import FloatArray
from analytics.linear_critic import LinearView, fit_pixel_critic, fit_text_critic
from analytics.results import Estimate
from dashboard.workflows.label_sets import LabelSet

MOST_ITEMS = 1000
"""Items that the model is fitted to; of more, always the same ones are taken."""

SIDE = 16
"""Pixels a side, in grey, that pictures are reduced to before a model sees them."""

MOST_FEATURES = 8
LARGEST_PICTURE = 16_000_000  # pixels


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
class ModelEvidence:
    """Why a model would give an item the label, or not.

    Attributes:
        label: the label that is explained; `against` the strongest other one for the model.
        p_label: the model's probability of the label; of `against` in `p_against`.
        n_items: items that the model was fitted to; the explained one and its copies are not among them.
        n_members: models fitted to bootstrap samples of them.
        log_odds: the mean log-odds of the label against the other; `baseline_log_odds` those of `baseline`.
        gap_share: what the parts leave unexplained, of their summed sizes; the worst member's.
        stability: rank correlation of the members' parts.
        speaks_for: the strongest words for the label; `speaks_against` those for the other.
        spans: every word of the text with its part; empty for a picture.
        pixels: (SIDE, SIDE) rows of parts, the strongest 1 or -1; empty for a text.
        cannot_show: what such a picture cannot show.
        undefined: why there is none, else None; nothing else but `cannot_show` is then set.
    """

    label: str | None = None
    against: str | None = None
    p_label: float | None = None
    p_against: float | None = None
    n_items: int = 0
    n_members: int = 0
    log_odds: float | None = None
    baseline: str = ""
    baseline_log_odds: float | None = None
    gap_share: float | None = None
    stability: Estimate | None = None
    speaks_for: tuple[Feature, ...] = ()
    speaks_against: tuple[Feature, ...] = ()
    spans: tuple[Span, ...] = ()
    pixels: tuple[tuple[float, ...], ...] = ()
    cannot_show: tuple[str, ...] = CANNOT_SHOW
    undefined: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether the model too holds the label the likeliest."""
        return self.p_label is not None and self.p_against is not None and self.p_label >= self.p_against


def model_evidence(
    items: pl.DataFrame, *, item_code: int, label_code: int | None, label_set: LabelSet, seed: int = 0
) -> ModelEvidence:
    """Fit to the other items' labels and look at this one.

    Args:
        items: item_code, text, image_bytes, label_code: the item and others that have a label.
        item_code: the item.
        label_code: its label; None where it has none: then the model's likeliest is explained.
        label_set: the project's.
        seed: of the bootstrap samples.
    """
    item = items.filter(pl.col("item_code") == item_code).row(0, named=True)
    others = items.filter((pl.col("item_code") != item_code) & pl.col("label_code").is_not_null())
    if item["text"]:
        rest = others.filter(pl.col("text").is_not_null() & (pl.col("text") != item["text"]))
        view = fit_text_critic(rest["text"].to_list(), _codes(rest), item["text"], seed=seed)
        return evidence_from(view, label_code=label_code, label_set=label_set, text=item["text"])
    picture = pixels_of(item["image_bytes"])
    if picture is None:
        return ModelEvidence(undefined="the item has neither a text nor a picture that can be read")
    rest = others.filter(pl.col("image_bytes").is_not_null() & (pl.col("image_bytes") != item["image_bytes"]))
    table, kept = _table(rest["image_bytes"])
    view = fit_pixel_critic(table, _codes(rest)[kept], picture, seed=seed)
    return evidence_from(view, label_code=label_code, label_set=label_set)


def evidence_from(
    view: LinearView, *, label_code: int | None, label_set: LabelSet, text: str | None = None
) -> ModelEvidence:
    """The evidence of a linear model that has not seen the item; of a picture where no text is given."""
    if view.undefined is not None:
        return ModelEvidence(undefined=view.undefined)
    known, p = view.label_codes.tolist(), view.probabilities
    code = int(known[int(p.argmax())]) if label_code is None else label_code
    if code not in known:
        return ModelEvidence(undefined=f"no other item is labelled {label_set.label(code)}")
    place = known.index(code)
    other = int(np.where(np.arange(len(p)) == place, -1.0, p).argmax())
    parts = [
        linear_attribution(
            view.x, weights=w, bias=b, label_code=place, against_code=other, baseline=view.baseline
        )
        for w, b in zip(view.weights, view.bias, strict=True)
    ]
    stable = attribution_stability(np.stack([one.values for one in parts]))
    speaks_for, against = top_features(stable.mean, most=MOST_FEATURES)
    return ModelEvidence(
        label=label_set.label(code),
        against=label_set.label(int(known[other])),
        p_label=float(p[place]),
        p_against=float(p[other]),
        n_items=view.n_items,
        n_members=len(parts),
        log_odds=float(np.mean([one.score for one in parts])),
        baseline=view.baseline_words,
        baseline_log_odds=float(np.mean([one.baseline_score for one in parts])),
        gap_share=max((one.gap_share or 0.0 for one in parts), default=0.0),
        stability=stable.rank_correlation,
        speaks_for=() if text is None else _features(view, stable, speaks_for.tolist(), text),
        speaks_against=() if text is None else _features(view, stable, against.tolist(), text),
        spans=() if text is None else _spans(view, stable, text),
        pixels=() if text is not None else _rows(stable.mean),
    )


def pixels_of(image: bytes | None) -> FloatArray | None:
    """A picture as (SIDE * SIDE,) shades from 0 (black) to 1; None where it cannot be read."""
    if not image:
        return None
    from PIL import Image

    try:
        with Image.open(io.BytesIO(image)) as opened:
            if opened.width * opened.height > LARGEST_PICTURE:
                return None
            grey = opened.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return np.asarray(grey, dtype=np.float64).reshape(-1) / 255


def _codes(items: pl.DataFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return items["label_code"].cast(pl.Int64).to_numpy()


def _table(images: pl.Series) -> tuple[FloatArray, list[int]]:
    """The pictures that can be read, a row each, and their places."""
    read = [(place, pixels) for place, image in enumerate(images) if (pixels := pixels_of(image)) is not None]
    kept = [place for place, _ in read]
    rows = np.stack([pixels for _, pixels in read]) if read else np.empty((0, SIDE * SIDE))
    return rows, kept


def _features(view: LinearView, stable: Stability, places: list[int], text: str) -> tuple[Feature, ...]:
    where = term_places(text, tuple(view.terms[place] for place in places))
    return tuple(
        Feature(
            view.terms[place],
            float(stable.mean[place]),
            float(stable.sign_agreement[place]),
            where[view.terms[place]],
        )
        for place in places
    )


def _spans(view: LinearView, stable: Stability, text: str) -> tuple[Span, ...]:
    used = np.flatnonzero(view.x)
    return spread_over_words(text, {view.terms[place]: float(stable.mean[place]) for place in used})


def _rows(values: FloatArray) -> tuple[tuple[float, ...], ...]:
    side = int(np.sqrt(len(values)))
    picture = pixel_map(values, height=side, width=side)
    return tuple(tuple(row) for row in picture.tolist())
