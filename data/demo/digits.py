"""The demo project "digits": real pictures of handwritten digits, simulated annotators.

`digits.tsv` holds the 8 x 8 pictures (their origin and licence: SOURCES.md), the digit that each shows, and a
model's out-of-fold chances. The stories planted in the annotations are the constants below.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data.demo.pictures import draw_pngs
from data.demo.project import (
    ITEMS,
    PEOPLE,
    DemoProject,
    annotators_frame,
    attributes_json,
    guideline_text,
    predictions_frame,
)
from data.demo.weeks import Votes, active_seconds, assign, label, last_midnight, times, weekly_batches
from data.synthetic import Codes, Floats, confusing, good, spammer

PROJECT_ID = "digits"
LABELS = tuple("0123456789")
MODEL_RUN = "logistic-pixels-1"
N_ITEMS = 600
N_WEEKS = 6
N_AMBIGUOUS = 36
N_GOLD_PER_LABEL = 6
N_REPEATS = 48

SPAMMER = "gus"
CONFUSER, CONFUSED_PAIR, CONFUSED_SHARE = "eli", (4, 9), 0.5
DRIFTER, DRIFT_WEEK, SKILL_BEFORE, SKILL_AFTER = "kit", 4, 0.95, 0.5
"""Good in weeks 0 to 3, bad from week 4 on; the guideline changed a week earlier and for everyone."""

_SKILLS = {
    "ana": 0.98,
    "bo": 0.95,
    "chris": 0.93,
    "dana": 0.94,
    CONFUSER: 0.95,
    "finn": 0.97,
    SPAMMER: 0.1,
    "hana": 0.91,
    "iris": 0.98,
    "jo": 0.89,
    DRIFTER: SKILL_BEFORE,
    "lou": 0.94,
}
_PACE_SECONDS = (5.2, 4.4, 6.1, 4.8, 5.0, 5.6, 1.7, 6.8, 4.1, 3.9, 4.6, 5.3)
_WORKLOAD = (1.2, 1.0, 0.8, 1.0, 1.4, 0.9, 1.0, 0.7, 1.1, 0.9, 1.5, 0.8)
_GUIDELINE_2_WEEK = 3
_AMBIGUOUS_LOOK, _FAINT_LOOK = 0.42, 0.06
_FAINT_SHARE = 0.18
_PENS = ("thin", "bold")
"""The half of the pictures with less ink, and the other: an attribute of the pictures themselves, in groups of equal size."""

_RATIONALE_SHARE = 0.25
_WORDINGS = ("Could also be a {}.", "Hard to tell from a {}.", "First I saw a {}.")

_N_SOURCE = 1797
"""Pictures in the source. A quarter of it, in the order of the source, serves as a "writer batch"."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    """Ink (I, 8, 8) in [0, 1], digit shown, the model's chances (I, K), its likeliest wrong digit, traits."""

    item_id: pl.Series
    ink: Floats
    truth: Codes
    chances: Floats
    second: Codes
    ambiguous: NDArray[np.bool_]
    faint: NDArray[np.bool_]
    batch: Codes


def build_digits(now: datetime, *, seed: int = 17) -> DemoProject:
    """The project as it would stand at `now`: six weeks of work that ended last night.

    Raises:
        ValueError: `now` has no time zone.
    """
    ends_at = last_midnight(now)
    starts_at = ends_at - timedelta(weeks=N_WEEKS)
    rng = np.random.default_rng([seed, 1])
    pictures = _read_pictures(rng)
    annotator_ids = tuple(_SKILLS)

    votes, codes, seconds = _work(pictures, rng)
    columns = pl.DataFrame(
        {
            "item_id": pictures.item_id[votes.items],
            "annotator_id": pl.Series(annotator_ids)[votes.annotators],
            "label": pl.Series(LABELS)[codes],
            "labelled_at": times(votes, seconds, N_WEEKS, ends_at, np.random.default_rng([seed, 2])),
            "active_seconds": seconds,
            "rationale": _rationales(votes, codes, pictures, np.random.default_rng([seed, 3])),
        }
    )
    return DemoProject(
        project_id=PROJECT_ID,
        title="Handwritten digits",
        description=(
            "600 small pictures of handwritten digits from a public data set (Optical Recognition of "
            "Handwritten Digits, UCI, CC BY 4.0), enlarged. The twelve annotators, their answers, times, pay "
            "and groups, and the attributes of the pictures (but for the pen, which is how much ink one has) are simulated."
        ),
        labels=LABELS,
        level="nominal",
        guideline_versions=(
            (starts_at - timedelta(days=2), guideline_text("digits-v1")),
            (starts_at + timedelta(weeks=_GUIDELINE_2_WEEK), guideline_text("digits-v2")),
        ),
        items=_items(pictures, rng),
        image_png=dict(zip(pictures.item_id, draw_pngs(pictures.ink, pictures.faint), strict=True)),
        annotators=annotators_frame(annotator_ids),
        batches=weekly_batches(votes, columns, PROJECT_ID),
        predictions=predictions_frame(pictures.item_id, LABELS, pictures.chances, MODEL_RUN),
        people=PEOPLE,
    )


def _read_pictures(rng: np.random.Generator) -> _Pictures:
    kinds = {"item_id": pl.String, "pixels": pl.String}
    content = files("data.demo").joinpath("digits.tsv").read_bytes()
    table = pl.read_csv(content, separator="\t", schema_overrides=kinds)
    # One character a pixel, its shade in base 17, from 0 to g (16).
    shades = np.frombuffer("".join(table["pixels"]).encode(), np.uint8).astype(np.float64)
    shades = np.where(shades >= ord("a"), shades - ord("a") + 10, shades - ord("0"))
    chances = table.select(f"p_{digit}" for digit in LABELS).to_numpy()
    ambiguous = table["ambiguous"].to_numpy() == 1
    return _Pictures(
        item_id=table["item_id"],
        ink=shades.reshape(-1, 8, 8) / 16.0,
        truth=table["digit"].to_numpy(),
        chances=chances / chances.sum(axis=1, keepdims=True),
        second=table["second"].to_numpy(),
        ambiguous=ambiguous,
        faint=(rng.random(N_ITEMS) < _FAINT_SHARE) & ~ambiguous,
        batch=table["source_row"].to_numpy() * 4 // _N_SOURCE,
    )


def _work(pictures: _Pictures, rng: np.random.Generator) -> tuple[Votes, Codes, Floats]:
    week_of_item = np.arange(N_ITEMS) * N_WEEKS // N_ITEMS
    drawn = rng.choice([3, 4, 5], size=N_ITEMS, p=[0.35, 0.4, 0.25])
    votes_of_item = np.where(pictures.ambiguous, 5, drawn)
    votes = assign(week_of_item, votes_of_item, np.array(_WORKLOAD), N_REPEATS, rng)

    other = np.where(pictures.ambiguous, _AMBIGUOUS_LOOK, np.where(pictures.faint, _FAINT_LOOK, 0.0))
    looks = np.zeros((N_ITEMS, len(LABELS)))
    looks[np.arange(N_ITEMS), pictures.truth] = 1.0 - other
    looks[np.arange(N_ITEMS), pictures.second] += other
    codes = label(votes, looks, [_panel(week) for week in range(N_WEEKS)], rng)
    slower = np.where(pictures.ambiguous, 1.7, np.where(pictures.faint, 1.15, 1.0))
    return votes, codes, active_seconds(votes, np.array(_PACE_SECONDS), slower, rng)


def _panel(week: int) -> Floats:
    """(A, K, K) of that week."""
    matrices = {name: good(len(LABELS), skill) for name, skill in _SKILLS.items()}
    matrices[SPAMMER] = spammer(len(LABELS))
    matrices[CONFUSER] = confusing(matrices[CONFUSER], *CONFUSED_PAIR, CONFUSED_SHARE)
    if week >= DRIFT_WEEK:
        matrices[DRIFTER] = good(len(LABELS), SKILL_AFTER)
    return np.stack(list(matrices.values()))


def _items(pictures: _Pictures, rng: np.random.Generator) -> pl.DataFrame:
    """The items; gold is the digit of some clear pictures, equally many of each digit."""
    clear = rng.permutation(np.flatnonzero(~pictures.ambiguous & ~pictures.faint))
    of_label = [clear[pictures.truth[clear] == code][:N_GOLD_PER_LABEL] for code in range(len(LABELS))]
    golden = set(np.concatenate(of_label).tolist())
    ink = pictures.ink.sum(axis=(1, 2))
    attributes = [
        attributes_json(
            {
                "writer_batch": "ABCD"[batch],
                "quality": "faint" if faint else "clear",
                "pen": _PENS[int(is_bold)],
            }
        )
        for batch, faint, is_bold in zip(pictures.batch, pictures.faint, ink > np.median(ink), strict=True)
    ]
    return pl.DataFrame(
        {
            "item_id": pictures.item_id,
            "kind": pl.repeat("image", N_ITEMS, eager=True),
            "text": pl.repeat(None, N_ITEMS, dtype=pl.String, eager=True),
            "image": pictures.item_id + ".png",
            "gold": [LABELS[code] if item in golden else None for item, code in enumerate(pictures.truth)],
            "attributes": attributes,
        },
        schema=ITEMS,
    )


def _rationales(
    votes: Votes, codes: Codes, pictures: _Pictures, rng: np.random.Generator
) -> list[str | None]:
    """A remark on some votes for ambiguous pictures: the digit that was not chosen."""
    truth, second = pictures.truth[votes.items], pictures.second[votes.items]
    remarked = pictures.ambiguous[votes.items] & (rng.random(len(codes)) < _RATIONALE_SHARE)
    remarked &= ((codes == truth) | (codes == second)) & (votes.annotators != list(_SKILLS).index(SPAMMER))
    wording = rng.integers(0, len(_WORDINGS), len(codes))
    other = np.where(codes == truth, second, truth)
    return [
        _WORDINGS[which].format(digit) if is_remarked else None
        for which, digit, is_remarked in zip(wording, other, remarked, strict=True)
    ]
