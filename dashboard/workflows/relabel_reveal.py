"""What is shown after a blind answer: the label, the votes, why it was flagged, a model's suggestion."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.flag_passport import Passport, passport_of
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.label_words import label_text
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_state import (
    ANSWER,
    BLIND,
    QUESTION,
    SKIP,
    FlagState,
    Touch,
    flag_state,
    flag_touches,
    own_touch,
)
from dashboard.workflows.rules import Person, require
from dashboard.workflows.suggestions import NEVER, Suggestion, rule_of, suggestion_of

GOLD = "gold_disagreement"


@dataclass(frozen=True, slots=True)
class FlagReason:
    """One reason of a flag: what a person reads first, the sentence about this item, and what it rests on.

    `rule`: when the detector doubts a label; `version`: of that detector, None for flags that are older than passports.
    """

    key: str
    title: str
    sentence: str
    score: float
    threshold: float
    evidence: str
    rule: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """What somebody answered after the reveal, asked, or why they skipped; `label` None: they gave none."""

    person_id: str
    action: str
    verdict: str | None
    label: str | None
    blind_label: str | None
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reveal:
    """The evidence about an item's label.

    Attributes:
        label: the current label; None where the item has none. `version` then is 0.
        p_label: how probable the scoring run holds it; None for a label that people settled.
        label_source: consensus, relabel or adjudication.
        votes: columns annotator_id, label, source, independent, at, rationale, is_superseded; the newest
            answer last.
        tally: columns label, n_votes: independent votes by label, most first.
        reasons: why the item was flagged.
        passport: all that the flag rested on when it was raised; None for older flags.
        suggestion: the newest model's label, where there is one.
        answers: what people did with this flag, oldest first.
    """

    flag_id: str
    item_id: str
    status: str
    label: str | None
    version: int
    p_label: float | None
    label_source: str | None
    votes: pl.DataFrame
    tally: pl.DataFrame
    reasons: tuple[FlagReason, ...]
    passport: Passport | None
    suggestion: Suggestion | None
    answers: tuple[FinalAnswer, ...]


def reveal(store: Store, *, project_id: str, by: Person, flag_id: str) -> Reveal:
    """The evidence, for somebody who has given their blind answer.

    Who may not see how others label (`view.annotators`) is told what was said, not by whom, and not that the item is gold.

    Raises:
        BadRequest: the person has not answered blind yet; their answer comes first.
    """
    require(by, "relabel")
    state = flag_state(store, project_id, flag_id)
    touches = flag_touches(store, project_id, flag_id)
    if own_touch(touches, by.person_id, BLIND) is None:
        raise BadRequest(
            f"Give your own answer for item {state.item_id} first; what others said is shown after it."
        )
    found = evidence(store, project_id, state, touches)
    return found if by.may("view.annotators") else _without_names(found, by)


def evidence(store: Store, project_id: str, state: FlagState, touches: tuple[Touch, ...]) -> Reveal:
    """The evidence about a flag's item; the caller has checked who may see it."""
    label_set = require_label_set(store, project_id)
    votes = _votes(store, project_id, state.item_code)
    hidden = rule_of(store, project_id).when == NEVER
    counted = votes.filter(pl.col("independent")).group_by("label").agg(pl.len().alias("n_votes"))
    return Reveal(
        flag_id=state.flag_id,
        item_id=state.item_id,
        status=state.status,
        label=state.label,
        version=state.version,
        p_label=state.p_label,
        label_source=state.label_source,
        votes=votes,
        tally=counted.sort(["n_votes", "label"], descending=[True, False]),
        reasons=flag_reasons(state.reasons),
        passport=passport_of(state.passport),
        suggestion=None if hidden else suggestion_of(store, project_id, state.item_code),
        answers=_answers(touches, label_set),
    )


def flag_reasons(text: str) -> tuple[FlagReason, ...]:
    """The reasons that a flag's row holds."""
    return tuple(
        FlagReason(
            key=reason["key"],
            title=reason["title"],
            sentence=reason["sentence"],
            score=reason["score"],
            threshold=reason["threshold"],
            evidence=json.dumps(reason["evidence"], sort_keys=True, ensure_ascii=False),
            rule=reason.get("rule", ""),
            version=reason.get("version"),
        )
        for reason in json.loads(text)
    )


def _without_names(found: Reveal, by: Person) -> Reveal:
    """The evidence without anybody's name or record but the reader's own."""
    own = pl.col("annotator_id") == by.person_id
    people = pl.when(own).then(pl.lit("you")).otherwise(pl.lit("somebody else"))
    return replace(
        found,
        votes=found.votes.with_columns(people.alias("annotator_id")),
        reasons=_without_gold(tuple(_impersonal(reason) for reason in found.reasons)),
        passport=_passport_of_nobody(found.passport),
        answers=tuple(
            replace(answer, person_id="you" if answer.person_id == by.person_id else "somebody else")
            for answer in found.answers
        ),
    )


def _passport_of_nobody(found: Passport | None) -> Passport | None:
    """The passport without annotators, other items, and what would tell gold."""
    if found is None:
        return None
    told = tuple(one for one in found.precision if one.key != GOLD)
    return replace(found, votes=(), neighbours=(), precision=told)


def _without_gold(reasons: tuple[FlagReason, ...]) -> tuple[FlagReason, ...]:
    """The reasons without the one that would tell an annotator which items are gold."""
    told = tuple(reason for reason in reasons if reason.key != GOLD)
    hidden = FlagReason("picked", "It was picked for another look", "Say what you see.", 1.0, 0.0, "{}")
    return told or (hidden,)


def _impersonal(reason: FlagReason) -> FlagReason:
    """A reason that names an annotator is told by its title alone."""
    if "annotator_id" not in json.loads(reason.evidence):
        return reason
    return replace(reason, sentence=f"{reason.title}.", evidence="{}")


def _votes(store: Store, project_id: str, item_code: int) -> pl.DataFrame:
    frame = store.read("queue_votes", project_id=project_id, item_code=item_code)
    labels = pl.Series("label", [label_text(text) for text in frame["label_json"]], dtype=pl.Utf8)
    superseded = frame["supersedes"].drop_nulls().to_list()
    return frame.select(
        "annotator_id",
        labels,
        "source",
        "independent",
        "at",
        "rationale",
        pl.col("annotation_id").is_in(superseded).alias("is_superseded"),
    )


def _answers(touches: tuple[Touch, ...], label_set: LabelSet) -> tuple[FinalAnswer, ...]:
    def named(touch: Touch | None) -> str | None:
        return None if touch is None or touch.label_code is None else label_set.label(touch.label_code)

    return tuple(
        FinalAnswer(
            person_id=touch.person_id,
            action=touch.action,
            verdict=touch.verdict,
            label=named(touch),
            blind_label=named(own_touch(touches, touch.person_id, BLIND)),
            note=touch.note or "",
            at=touch.touched_at,
        )
        for touch in touches
        if touch.action in (ANSWER, SKIP, QUESTION)
    )
