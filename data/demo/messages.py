"""The demo project "messages": short support messages written for this project, simulated annotators.

The messages are in `messages.tsv` with the intent that guideline version 2 asks for (`intent`) and, for those
that can honestly be read in two ways, the other reading (`also`). The shop, its customers and the annotators
are invented.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib.resources import files

import numpy as np
import polars as pl

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
from data.synthetic import Codes, Floats, mistaking

PROJECT_ID = "messages"
LABELS = ("billing", "refund", "delivery", "login", "bug", "feature request", "complaint", "cancel")
MODEL_RUN = "logistic-ngrams-1"
N_WEEKS = 6
N_VOTES_PER_ITEM = 3
N_GOLD_PER_LABEL = 5
N_REPEATS = 21

READS_COMPLAINTS_AS_CANCEL = ("dana", "hana", "jo")
"""Those whose training was a recording: they label this share of what they see as complaints as "cancel"."""
COMPLAINT_AS_CANCEL_SHARE = 0.55

_SKILLS = {"ana": 0.97, "bo": 0.93, "dana": 0.95, "finn": 0.95, "hana": 0.92, "iris": 0.97, "jo": 0.9}
_PACE_SECONDS = (9.5, 8.0, 8.8, 11.0, 12.5, 7.6, 7.1)
_WORKLOAD = (1.2, 1.0, 1.1, 0.9, 0.8, 1.1, 1.0)
_OTHER_READING = 0.38
_RATIONALE_SHARE = 0.3
_GUIDELINE_2_WEEK = 5
_TIERS, _TIER_SHARES = ("new", "regular", "plus"), (0.3, 0.5, 0.2)
_WORDINGS = ("Also mentions {}.", "Two wishes here: {} as well.", "Could be {} too.", "Not sure, maybe {}.")

_NEIGHBOURS = {
    "billing": ("refund",),
    "refund": ("billing", "delivery"),
    "delivery": ("complaint", "refund"),
    "login": ("bug",),
    "bug": ("login", "feature request"),
    "feature request": ("bug",),
    "complaint": ("delivery", "refund"),
    "cancel": ("refund", "billing"),
}
_NEIGHBOUR_WEIGHT = 6.0
"""A slip goes to one of these this many times as often as to another label."""


def build_messages(now: datetime, *, seed: int = 23) -> DemoProject:
    """The project as it would stand at `now`: six weeks of work that ended last night.

    Raises:
        ValueError: `now` has no time zone.
    """
    ends_at = last_midnight(now)
    starts_at = ends_at - timedelta(weeks=N_WEEKS)
    source = message_texts()
    truth, other = _codes(source["intent"]), _codes(source["also"])
    rng = np.random.default_rng([seed, 1])

    votes, codes, seconds = _work(source, truth, other, rng)
    annotator_ids = tuple(_SKILLS)
    columns = pl.DataFrame(
        {
            "item_id": source["item_id"][votes.items],
            "annotator_id": pl.Series(annotator_ids)[votes.annotators],
            "label": pl.Series(LABELS)[codes],
            "labelled_at": times(votes, seconds, N_WEEKS, ends_at, np.random.default_rng([seed, 2])),
            "active_seconds": seconds,
            "rationale": _rationales(votes, codes, truth, other, np.random.default_rng([seed, 3])),
        }
    )
    return DemoProject(
        project_id=PROJECT_ID,
        title="Support messages",
        description=(
            "304 messages to the support desk of an invented coffee subscription, written for this demo, "
            "with eight intents. The seven annotators, their answers, times, pay and groups, and the tiers "
            "of the customers are simulated."
        ),
        labels=LABELS,
        level="nominal",
        guideline_versions=(
            (starts_at - timedelta(days=3), guideline_text("messages-v1")),
            (starts_at + timedelta(weeks=_GUIDELINE_2_WEEK), guideline_text("messages-v2")),
        ),
        items=_items(source, rng),
        image_png={},
        annotators=annotators_frame(annotator_ids),
        batches=weekly_batches(votes, columns, PROJECT_ID),
        predictions=predictions_frame(source["item_id"], LABELS, _model_chances(), MODEL_RUN),
        people=PEOPLE,
    )


def message_texts() -> pl.DataFrame:
    """The written messages: `item_id, intent, also, channel, text`; `also` is null for one reading only."""
    content = files("data.demo").joinpath("messages.tsv").read_bytes()
    return pl.read_csv(content, separator="\t", quote_char=None, infer_schema=False)


def _codes(intents: pl.Series) -> Codes:
    """(I,) label codes, -1 for null."""
    places = {intent: code for code, intent in enumerate(LABELS)}
    return np.array([-1 if intent is None else places[intent] for intent in intents], dtype=np.int64)


def _work(
    source: pl.DataFrame, truth: Codes, other: Codes, rng: np.random.Generator
) -> tuple[Votes, Codes, Floats]:
    n_items = len(truth)
    votes = assign(
        week_of_item=np.arange(n_items) * N_WEEKS // n_items,
        votes_of_item=np.full(n_items, N_VOTES_PER_ITEM),
        workload=np.array(_WORKLOAD),
        n_repeats=N_REPEATS,
        rng=rng,
    )
    two_ways = np.flatnonzero(other >= 0)
    looks = np.zeros((n_items, len(LABELS)))
    looks[np.arange(n_items), truth] = 1.0
    looks[two_ways, truth[two_ways]] -= _OTHER_READING
    looks[two_ways, other[two_ways]] += _OTHER_READING
    codes = label(votes, looks, [_panel()] * N_WEEKS, rng)
    reading = 0.55 + source["text"].str.len_chars().to_numpy() / 160.0
    return (
        votes,
        codes,
        active_seconds(votes, np.array(_PACE_SECONDS), reading * np.where(other >= 0, 1.4, 1.0), rng),
    )


def _panel() -> Floats:
    """(A, K, K): slips go to neighbouring intents; one group has the habit of the story on top."""
    weights = np.ones((len(LABELS), len(LABELS)))
    for intent, neighbours in _NEIGHBOURS.items():
        weights[LABELS.index(intent), [LABELS.index(one) for one in neighbours]] = _NEIGHBOUR_WEIGHT
    np.fill_diagonal(weights, 0.0)
    slips = weights / weights.sum(axis=1, keepdims=True)
    matrices = []
    for annotator_id, skill in _SKILLS.items():
        matrix = np.eye(len(LABELS)) * skill + slips * (1.0 - skill)
        if annotator_id in READS_COMPLAINTS_AS_CANCEL:
            matrix = mistaking(
                matrix, LABELS.index("complaint"), LABELS.index("cancel"), COMPLAINT_AS_CANCEL_SHARE
            )
        matrices.append(matrix)
    return np.stack(matrices)


def _items(source: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The items; gold is the intent of some messages with one reading only, equally many of each intent."""
    tiers = rng.choice(_TIERS, size=source.height, p=_TIER_SHARES)
    golden = (
        source.with_columns(drawn=pl.Series(rng.random(source.height)))
        .filter(pl.col("also").is_null())
        .sort("drawn")
        .group_by("intent", maintain_order=True)
        .head(N_GOLD_PER_LABEL)["item_id"]
    )
    attributes = [
        attributes_json({"channel": channel, "customer_tier": str(tier)})
        for channel, tier in zip(source["channel"], tiers, strict=True)
    ]
    return source.select(
        "item_id",
        kind=pl.lit("text"),
        text="text",
        image=pl.lit(None, pl.String),
        gold=pl.when(pl.col("item_id").is_in(golden.implode())).then("intent"),
        attributes=pl.Series(attributes),
    ).cast(ITEMS)


def _rationales(
    votes: Votes, codes: Codes, truth: Codes, other: Codes, rng: np.random.Generator
) -> list[str | None]:
    """A remark on some votes for messages with two readings: the reading that was not chosen."""
    expected, second = truth[votes.items], other[votes.items]
    remarked = (
        (second >= 0)
        & ((codes == expected) | (codes == second))
        & (rng.random(len(codes)) < _RATIONALE_SHARE)
    )
    wording = rng.integers(0, len(_WORDINGS), len(codes))
    unchosen = np.where(codes == expected, second, expected)
    return [
        _WORDINGS[which].format(LABELS[code]) if is_remarked else None
        for which, code, is_remarked in zip(wording, unchosen, remarked, strict=True)
    ]


def _model_chances() -> Floats:
    """(I, K) chances by a model that was fitted without that message, in the order of the messages."""
    content = files("data.demo").joinpath("messages-model.tsv").read_bytes()
    chances = pl.read_csv(content, separator="\t").select(LABELS).to_numpy()
    return np.asarray(chances / chances.sum(axis=1, keepdims=True), np.float64)
