"""What each kind of event is, and one event in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from dashboard.workflows import alert_events
from dashboard.workflows.event_fields import Fields, because, first_row, number, setting_value

Payload = Fields


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of event: its name for people, what it means, and how one of them reads (without who did it)."""

    title: str
    meaning: str
    words: Callable[[Fields, Payload], str]


def sentence(event: Fields, payload: Payload) -> str:
    """The event in words; `event` has kind, actor, subject, project_id.

    >>> sentence({"kind": "flag_skipped", "actor": "anna", "subject": "item-3"}, {"reason": "no idea"})
    'anna skipped item-3: no idea'
    """
    known = KINDS.get(str(event["kind"]))
    if known is None:
        return f"{event['actor']} did {event['kind']} on {event['subject']}"
    return f"{event['actor']} {known.words(event, payload)}"


def _short(sha256: object) -> str:
    return f"{str(sha256)[:12]}…"


def _counts(payload: Payload) -> Mapping[str, object]:
    return cast("Mapping[str, object]", payload.get("counts") or {})


def _member(event: Fields, payload: Payload) -> str:
    row = first_row(payload, "member")
    if row.get("active") is False:
        return f"took the right to act away from {row.get('name')} ({event['subject']})"
    roles = ", ".join(cast("Sequence[str]", row.get("roles") or []))
    return f"made {row.get('name')} ({event['subject']}) a member: {roles}"


def _imported(event: Fields, payload: Payload) -> str:
    counts = _counts(payload)
    said = f"imported {number(counts.get('imported'))} annotations from {event['subject']}"
    said += f"; {number(counts['duplicates'])} were already there" if counts.get("duplicates") else ""
    return said + (f"; {number(counts['rejected'])} rows left out" if counts.get("rejected") else "")


def _predicted(event: Fields, payload: Payload) -> str:
    counts, row = _counts(payload), first_row(payload, "model_run")
    said = f"imported what the model run {event['subject']} says about {number(counts.get('imported'))} items"
    left_out = sum(n for n in (counts.get("rejected"), counts.get("unknown_items")) if isinstance(n, int))
    said += f"; {number(left_out)} rows left out" if left_out else ""
    said += "; it looks in-sample" if row.get("out_of_sample") == "doubted" else ""
    return said + because(row.get("note"))


def _embedded(event: Fields, payload: Payload) -> str:
    counts, row = _counts(payload), first_row(payload, "embedding_run")
    said = f"imported embeddings {event['subject']} of {number(counts.get('imported'))} items"
    return said + f" ({number(row.get('n_dimensions'))} dimensions)" + because(row.get("note"))


def _tokens(event: Fields, payload: Payload) -> str:
    counts, row = _counts(payload), first_row(payload, "token_run")
    said = f"imported what {event['subject']} says of {number(row.get('n_tokens'))} tokens"
    return said + f" of {number(counts.get('imported'))} items" + because(row.get("note"))


def _scored(_event: Fields, payload: Payload) -> str:
    run = first_row(payload, "run")
    said = f"scored by {run.get('method')}: {number(payload.get('changed_labels'))} labels are new or changed"
    alpha = cast("Mapping[str, object]", payload.get("headline") or {}).get("krippendorff_alpha")
    return said + (f", alpha {alpha:.3f}" if isinstance(alpha, float) else "") + alert_events.opened(payload)


def _answered(event: Fields, payload: Payload) -> str:
    verdict, label = payload.get("verdict"), payload.get("label")
    ends = {"kept": "the label stands", "changed": "two people agree, so the label changed"}
    end = ends.get(str(payload.get("resolution")))
    status = {"second": "a second person has to look", "adjudicate": "the lead decides"}.get(
        str(payload.get("status"))
    )
    said = {"keep": "kept the label of", "cannot_tell": "could not tell the label of"}.get(
        str(verdict), "relabelled"
    )
    to = f" as {label}" if label and verdict not in ("keep", "cannot_tell") else ""
    return f"{said} {event['subject']}{to}" + (f"; {end or status}" if end or status else "")


def _blind(event: Fields, payload: Payload) -> str:
    label = payload.get("label")
    seen = "" if payload.get("independent") or label is None else " (had labelled it before)"
    return (
        f"labelled {event['subject']} blind as {label}{seen}"
        if label
        else f"looked at {event['subject']} blind and could not tell"
    )


def _adjudicated(event: Fields, payload: Payload) -> str:
    change = f"{payload.get('label_before')} became" if payload.get("changed") else "it stays"
    return f"settled {event['subject']}: {change} {payload.get('label')}{because(payload.get('reason'))}"


def _undone(event: Fields, payload: Payload) -> str:
    what = {"blind": "blind answer", "answer": "answer", "skip": "skip", "question": "question"}
    done = what.get(str(payload.get("undone")), "answer")
    return f"took back the {done} on {event['subject']} (event {number(payload.get('undone_seq'))})"


def _flags(_event: Fields, payload: Payload) -> str:
    reasons = cast("Mapping[str, object]", payload.get("by_reason") or {})
    said = ", ".join(f"{reason.replace('_', ' ')} {number(n)}" for reason, n in reasons.items() if n)
    return f"raised {number(payload.get('raised'))} flags" + (f" ({said})" if said else "")


def _level(_event: Fields, payload: Payload) -> str:
    row = first_row(payload, "label_set")
    return f"corrected the label set: version {row.get('version')}, {row.get('level')}"


def _setting(event: Fields, payload: Payload) -> str:
    key = str(event["subject"]).removeprefix("gate.")
    if key.startswith("alert"):
        return alert_events.setting(key, payload)
    if key == "work.suggestions":
        shown = f"from {payload.get('before')} to {payload.get('after')}"
        return f"changed when suggestions are shown {shown}{because(payload.get('reason'))}"
    before, after = (setting_value(payload.get(name), none="off") for name in ("before", "after"))
    change = f"from {before} to {after}"
    return f"changed the limit {key} {change}{because(payload.get('reason'))}"


def _proposed(_event: Fields, payload: Payload) -> str:
    row = first_row(payload, "release")
    return (
        f"proposed release {row.get('version')}: {number(row.get('n_items'))} items, "
        f"content {_short(row.get('content_hash'))}" + because(row.get("note"))
    )


def _waived(_event: Fields, payload: Payload) -> str:
    row = first_row(payload, "waiver")
    return (
        f"waived the gate {row.get('gate')} of release {payload.get('version')}{because(row.get('reason'))}"
    )


def _signed(_event: Fields, payload: Payload) -> str:
    row = first_row(payload, "signature")
    verb = "approved" if row.get("decision") == "approve" else "rejected"
    content = _short(row.get("content_hash"))
    return f"{verb} release {payload.get('version')}, content {content}{because(row.get('reason'))}"


def _exported(_event: Fields, payload: Payload) -> str:
    texts = ", with the items' texts" if payload.get("with_content") else ""
    manifest = _short(payload.get("manifest_sha256"))
    return f"exported release {payload.get('version')}{texts}; manifest {manifest}"


def _which(payload: Payload) -> str:
    names = payload.get("attributes")  # events of earlier versions do not say
    return f" ({', '.join(map(str, names))})" if isinstance(names, list) and names else ""


def _decided(_event: Fields, p: Payload) -> str:
    return f"decided on {p.get('title')}{because(p.get('reason'))}"


def _bias(_event: Fields, p: Payload) -> str:
    compared = ", ".join(map(str, cast("list[object]", p.get("attributes") or []))) or "no groups"
    gaps = f"{number(p.get('gaps'))} of {number(p.get('tested'))} gaps tested differ from nothing"
    return f"compared how groups are labelled ({compared}): {gaps}{alert_events.opened(p)}"


KINDS: Mapping[str, EventKind] = {
    "store_created": EventKind("Store made", "The store's first event.", lambda _e, _p: "made the store"),
    "member_set": EventKind(
        "Member", "Somebody was added, got other roles, or lost the right to act.", _member
    ),
    "project_created": EventKind(
        "Project made", "A project began.", lambda e, _p: f"made the project {e['subject']}"
    ),
    "label_set_changed": EventKind(
        "Label set", "The level or the order of the labels was corrected.", _level
    ),
    "guideline_published": EventKind(
        "Guideline", "A version of the guideline was published.", lambda e, _p: f"published {e['subject']}"
    ),
    "annotations_imported": EventKind("Import", "A file's annotations came in, as one event.", _imported),
    "predictions_imported": EventKind(
        "Predictions", "A model run's probabilities came in, as one event.", _predicted
    ),
    "embeddings_imported": EventKind(
        "Embeddings", "What a model made of items, as vectors, came in as one event.", _embedded
    ),
    "tokens_imported": EventKind(
        "Tokens", "What a model says of the tokens of texts came in as one event.", _tokens
    ),
    "attributes_read": EventKind(
        "Personal data read",
        "Somebody read annotators' personal attributes, and said what for.",
        lambda _e, p: f"read annotators' personal attributes{_which(p)}{because(p.get('purpose'))}",
    ),
    "attributes_imported": EventKind(
        "Personal data brought in",
        "Attributes of annotators came into the vault. What they say is there, not in the record.",
        lambda _e, p: (
            f"brought in attributes of {number(p.get('people'))} annotator{'' if p.get('people') == 1 else 's'}{_which(p)}"
        ),
    ),
    "note_written": EventKind(
        "Note",
        "Somebody wrote a note about an annotator. What it says is in the vault, not in the record.",
        lambda e, p: f"wrote a note about {e['subject']}" + (", shared with them" if p.get("shared") else ""),
    ),
    "setting_changed": EventKind(
        "Setting", "A limit was changed; releases proposed before keep theirs.", _setting
    ),
    "scored": EventKind(
        "Scoring", "Consensus and figures were computed from the annotations of that moment.", _scored
    ),
    "consensus_changed": EventKind(
        "Scoring of what changed",
        "The items with newer annotations got a new consensus, with what the last full run took the annotators for.",
        lambda _e, p: (
            f"rescored {number(p.get('items'))} items with changed annotations: "
            f"{number(p.get('changed_labels'))} labels are new or changed"
        ),
    ),
    "model_judged": EventKind(
        "Model held against the labels",
        "What a model says of each label, and what verdicts on flags taught, was worked out.",
        lambda _e, p: (
            f"held a model against {number(p.get('items'))} labels; it doubts {number(p.get('suspects'))}"
        ),
    ),
    "drift_measured": EventKind(
        "Drift measured",
        "A window of annotations was set beside a reference.",
        lambda _e, p: f"measured drift{because(p.get('sentence'))}{alert_events.opened(p)}",
    ),
    "drift_reported": EventKind(
        "Drift report",
        "Evidently's report was made and kept.",
        lambda _e, p: f"kept a report by {p.get('tool')}, {_short(p.get('html_sha256'))}",
    ),
    **{kind: EventKind(*row) for kind, row in alert_events.WORDS.items()},
    "bias_measured": EventKind(
        "Bias measured", "How groups of items, or of annotators, are labelled was compared and kept.", _bias
    ),
    "bias_answered": EventKind(
        "Bias answered",
        "What is done about a gap between groups was decided, with a reason.",
        lambda e, p: f"decided about {e['subject']}: {p.get('action')}{because(p.get('reason'))}",
    ),
    "bias_effects_measured": EventKind(
        "Effects measured",
        "Whether suggestions, order, haste or an attribute of the items pull labels was measured and kept.",
        lambda _e, p: f"measured what pulls labels: {number(p.get('found'))} effects told from chance",
    ),
    "bias_action_committed": EventKind(
        "Action on bias", "What is done about a bias was decided, with the effect expected before.", _decided
    ),
    "bias_mitigated": EventKind(
        "Model mitigated", "A model's labels were made even between groups of items, at a price.", _decided
    ),
    "flags_raised": EventKind("Flags raised", "A computation doubted items and said why.", _flags),
    "flag_claimed": EventKind(
        "Item handed out", "An annotator was given a flagged item.", lambda e, _p: f"was given {e['subject']}"
    ),
    "claim_released": EventKind(
        "Item given back", "An annotator let go of an item.", lambda e, _p: f"gave {e['subject']} back"
    ),
    "flag_skipped": EventKind(
        "Skip",
        "An annotator passed an item on.",
        lambda e, p: f"skipped {e['subject']}{because(p.get('reason'))}",
    ),
    "draft_saved": EventKind(
        "Draft",
        "What an annotator had chosen so far was kept.",
        lambda e, _p: f"kept a draft for {e['subject']}",
    ),
    "answered_blind": EventKind(
        "Blind answer", "A label given before anything about the item was shown.", _blind
    ),
    "answered": EventKind("Answer", "A label given after the reveal.", _answered),
    "question_asked": EventKind(
        "Question",
        "An annotator asked the lead.",
        lambda e, p: f"asked about {e['subject']}{because(p.get('question'))}",
    ),
    "answer_undone": EventKind("Undo", "An answer was taken back; it stays on record.", _undone),
    "adjudicated": EventKind("Adjudication", "A lead settled an item, with a reason.", _adjudicated),
    "rates_set": EventKind(
        "Rates set",
        "What work is paid was set or taken back; the amounts are for those who may see pay.",
        lambda _e, p: f"set {number(p.get('n_rates'))} rates of pay",
    ),
    "release_proposed": EventKind(
        "Release proposed", "Labels were frozen under a content hash, with their gates.", _proposed
    ),
    "gate_waived": EventKind("Gate waived", "A lead let a release through a gate that had said no.", _waived),
    "release_signed": EventKind(
        "Release signed", "Somebody approved or rejected a release's content hash.", _signed
    ),
    "release_exported": EventKind("Release exported", "A release left the store as files.", _exported),
}
