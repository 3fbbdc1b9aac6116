"""An item and the evidence about its label, as one JSON object and in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from dashboard.workflows.flag_passport import passport_document

if TYPE_CHECKING:
    from dashboard.workflows.relabel_queue import WorkItem
    from dashboard.workflows.relabel_reveal import Reveal


def document_of(item: WorkItem) -> Mapping[str, object]:
    """What a person may know of an item before their blind answer, and that answer once it is given."""
    return {
        "flag_id": item.flag_id,
        "item_id": item.item_id,
        "kind": item.kind,
        "text": item.text,
        "attributes": dict(item.attributes),
        "labels": list(item.label_set.choices),
        "guideline_version": item.guideline_version,
        "is_second": item.is_second,
        "blind": item.blind,
        "own_blind": item.own_blind,
        "suggestion": None if item.suggestion is None else item.suggestion.label,
    }


def evidence_of(shown: Reveal) -> Mapping[str, object]:
    """The evidence about a label, as one JSON object."""
    return {
        "status": shown.status,
        "label": shown.label,
        "version": shown.version,
        "p_label": shown.p_label,
        "label_source": shown.label_source,
        "tally": shown.tally.to_dicts(),
        "votes": shown.votes.to_dicts(),
        "reasons": [{**asdict(reason), "evidence": json.loads(reason.evidence)} for reason in shown.reasons],
        "passport": passport_document(shown.passport),
        "suggestion": None if shown.suggestion is None else asdict(shown.suggestion),
        "answers": [asdict(one) for one in shown.answers],
    }


def item_words(item: WorkItem) -> str:
    """The item and its label set, for a person."""
    said = (
        f"\nA model suggests {item.suggestion.label}." if item.suggestion is not None and item.blind else ""
    )
    return f"{item.item_id}: {item.text or item.kind}\nLabels: {', '.join(item.label_set.choices)}.{said}"


def evidence_words(shown: Reveal) -> str:
    """The label, the votes, why it was flagged and what people did, for a person."""
    sure = "" if shown.p_label is None else f", probability {shown.p_label:.2f}"
    votes = ", ".join(f"{label} × {count}" for label, count in shown.tally.iter_rows()) or "none"
    lines = [f"Label: {shown.label} (version {shown.version}{sure}). Independent votes: {votes}."]
    lines += [f"  flagged: {reason.sentence}" for reason in shown.reasons]
    if shown.suggestion is not None:
        score = "" if shown.suggestion.score is None else f" ({shown.suggestion.score:.2f})"
        lines.append(f"  {shown.suggestion.model_run} suggests {shown.suggestion.label}{score}")
    lines += [
        f"  {one.person_id}: {one.verdict or one.action}{f' → {one.label}' if one.label else ''}"
        f"{f'; {one.note}' if one.note else ''}"
        for one in shown.answers
    ]
    return "\n".join(lines)
