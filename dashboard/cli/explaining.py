"""The verb that says why a label is what it is: explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.frame import (
    ByOption,
    ItemArgument,
    JsonOption,
    ProjectOption,
    StoreOption,
    answer,
    opened,
    project_of,
)

if TYPE_CHECKING:
    from dashboard.workflows.explain import Explanation
    from dashboard.workflows.model_evidence import Feature, ModelEvidence
    from dashboard.workflows.neighbour_evidence import Neighbour, NeighbourEvidence

AsOfOption = Annotated[
    int | None, typer.Option("--as-of", min=1, help="As it was right after this event of the journal.")
]
SHOWN_EVENTS = 10


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("explain")(explain_item)


def explain_item(
    context: typer.Context,
    item: ItemArgument,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
) -> None:
    """Say why an item's label is what it is: votes, model, neighbours, guideline, flags, history. Nothing is changed."""
    from dashboard.workflows.explain import explain
    from dashboard.workflows.explanation_document import document

    with opened(context, store, by) as (found, person):
        told = explain(
            found, project_id=project_of(context, found, project), by=person, item_id=item, as_of=as_of
        )
    answer(context, as_json, document(told), words(told))


def words(told: Explanation) -> str:
    """The explanation for a person, a part a paragraph."""
    parts = [
        _label_lines(told),
        _flag_lines(told),
        _model_lines(told.model),
        _run_lines(told),
        _neighbour_lines(told.neighbours),
        _clause_lines(told),
        _history_lines(told),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _label_lines(told: Explanation) -> list[str]:
    from dashboard.workflows.wording import sureness

    story = told.story
    if story.label is None:
        return [f"{told.item_id} has no label yet."]
    sure = "" if story.label.p_label is None else f", {sureness(story.label.p_label)} probable"
    lines = [
        f"{told.item_id} is labelled {story.label.label} (version {story.label.version}, by {story.label.source}{sure}).",
        f"{story.n_agree} of {story.n_votes} independent annotations chose it.",
    ]
    made = story.contributions
    if made is not None:
        names = dict(zip(story.label_set.codes, story.label_set.labels, strict=True))
        lines.append(made.sentence(names.get(made.label_code, "the label")))
        for row in made.voters.iter_rows(named=True):
            voted = names.get(row["label_code"], "several labels")
            moved = "" if row["moved"] is None else f", moved it by {row['moved'] * 100:+.1f} points"
            decided = (
                " (without them it would be another label)" if row["annotator_id"] in told.decisive else ""
            )
            lines.append(f"  {row['annotator_id']}: {voted}{moved}{decided}")
    return lines


def _flag_lines(told: Explanation) -> list[str]:
    lines = []
    for flag in told.story.flags:
        lines.append(f"Flagged ({flag.status}{f', {flag.resolution}' if flag.resolution else ''}):")
        lines += [f"  {reason.title}. {reason.sentence}" for reason in flag.reasons]
    return lines


def _model_lines(model: ModelEvidence) -> list[str]:
    if model.undefined is not None or model.p_label is None or model.p_against is None:
        return [f"Model: none, because {model.undefined}."]
    said = f"{model.label} {model.p_label:.2f}, {model.against} {model.p_against:.2f}"
    lines = [f"A linear model that has not seen the item ({model.n_items:,} others): {said}."]
    for head, features in ((model.label, model.speaks_for), (model.against, model.speaks_against)):
        if features:
            lines.append(f"  for {head}: {', '.join(_feature(one) for one in features)}")
    if model.stability is not None and model.stability.value is not None:
        low, high = model.stability.low, model.stability.high
        interval = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
        lines.append(
            f"  {model.n_members} models fitted to different draws agree on the order of the parts at "
            f"{model.stability.value:.2f}{interval}; the parts leave {(model.gap_share or 0.0) * 100:.1g} % unexplained."
        )
    return [*lines, f"  {model.cannot_show[0]}"]


def _feature(one: Feature) -> str:
    return f"{one.term} {one.value:+.2f}"


def _run_lines(told: Explanation) -> list[str]:
    return [
        f"Model run {run.model_run} ({run.out_of_sample.replace('_', ' ')}): {run.label} {run.p_best:.2f}"
        f"{'' if run.p_label is None or run.agrees else f', the label {run.p_label:.2f}'}."
        for run in told.runs
    ]


def _neighbour_lines(found: NeighbourEvidence) -> list[str]:
    if found.undefined is not None:
        return [f"Neighbours: none, because {found.undefined}."]
    lines = [
        f"{found.n_same} of the {found.n_nearest} nearest labelled items, by {found.by}, have the label:"
    ]
    for head, rows in (("for", found.speaks_for), ("against", found.speaks_against)):
        lines += [f"  {head} {_neighbour(row)}" for row in rows]
    return lines


def _neighbour(row: Neighbour) -> str:
    return f"{row.similarity:.2f} {row.item_id} ({row.label}) {row.preview}".replace("\n", " ").rstrip()


def _clause_lines(told: Explanation) -> list[str]:
    if told.clause is None:
        return []
    head = f"Guideline, version {told.clause.version}, names {told.clause.label}:"
    return [head, *(f"  {text}" for text in told.clause.passages)]


def _history_lines(told: Explanation) -> list[str]:
    events = told.story.history
    lines = ["History, newest first:"]
    lines += [
        f"  {event.seq} {event.recorded_at:%Y-%m-%d %H:%M} {event.actor}: {'. '.join(event.sentences)}"
        for event in events[:SHOWN_EVENTS]
    ]
    return lines + ([f"  and {len(events) - SHOWN_EVENTS} more"] if len(events) > SHOWN_EVENTS else [])
