"""An explanation as one JSON document; `schema` changes when a field changes its meaning or goes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import polars as pl

from dashboard.workflows.explain import Explanation
from dashboard.workflows.flag_passport import passport_document
from dashboard.workflows.item_story import ItemStory

SCHEMA = "touchstone.explanation/2"


def document(found: Explanation) -> Mapping[str, object]:
    """The explanation; numbers are probabilities unless their name says otherwise, `log_odds` are natural logarithms."""
    story = found.story
    return {
        "schema": SCHEMA,
        "project": found.project_id,
        "item_id": found.item_id,
        "as_of": found.as_of,
        "kind": story.kind,
        "text": story.text,
        "label": _label(story),
        "posterior": None if story.consensus is None else story.consensus.posterior.to_dicts(),
        "votes": _votes(story),
        "rests_on": _rests_on(found),
        "runs": [asdict(run) for run in found.runs],
        "model": asdict(found.model) | {"agrees": found.model.agrees},
        "choice": found.choice,
        "choices": [asdict(one) for one in found.choices],
        "neighbours": asdict(found.neighbours),
        "guideline": None if found.clause is None else asdict(found.clause),
        "flags": [
            {
                "flag_id": one.flag_id,
                "raised_at": one.raised_at,
                "status": one.status,
                "resolution": one.resolution,
                "score": one.score,
                "passport": passport_document(one.passport),
                "marks": [{"by": by, "reason": key, "mark": mark} for by, key, mark in one.marks],
                "reasons": [
                    asdict(reason) | {"evidence": json.loads(reason.evidence)} for reason in one.reasons
                ],
            }
            for one in story.flags
        ],
        "history": [asdict(event) for event in story.history],
        "releases": [asdict(one) for one in found.releases],
        "journal": {"seq": found.head_seq, "event_hash": found.head_hash, "recorded_at": found.head_at},
    }


def _label(story: ItemStory) -> Mapping[str, object] | None:
    if story.label is None:
        return None
    kept = asdict(story.label)
    return {name: value for name, value in kept.items() if name != "label_code"}


def _votes(story: ItemStory) -> Sequence[Mapping[str, object]]:
    standing = story.annotations.filter(~pl.col("retracted"))
    return standing.select(
        "annotator_id", "label", "source", "independent", "labelled_at", "guideline_version", "rationale"
    ).to_dicts()


def _rests_on(found: Explanation) -> Mapping[str, object] | None:
    made = found.story.contributions
    if made is None:
        return None
    names = found.story.label_set.frame()
    given = names.rename({"label": "voted"})
    instead = names.rename({"label": "label_without", "label_code": "label_without_code"})
    voters = (
        made.voters.with_columns(pl.col("label_code", "label_without_code").cast(pl.Int64))
        .join(given, on="label_code", how="left", maintain_order="left")
        .join(instead, on="label_without_code", how="left", maintain_order="left")
        .drop("label_code", "label_without_code")
    )
    return {
        "method": made.method,
        "p_label": made.p_label,
        "effective_votes": made.effective_votes,
        "voters": voters.to_dicts(),
        "decisive": list(found.decisive),
    }
