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
    release: Annotated[
        int | None, typer.Option("--release", min=1, help="As it was when this version was released.")
    ] = None,
    choice: Annotated[
        str | None,
        typer.Option(
            "--choice", help="Where labels are sets: the choice to take apart (default: the most doubtful)."
        ),
    ] = None,
) -> None:
    """Say why an item's label is what it is: votes, model, neighbours, guideline, flags, history. Nothing is changed."""
    from dashboard.workflows.explain import explain, seen_by_release
    from dashboard.workflows.explanation_document import document

    if as_of is not None and release is not None:
        raise typer.BadParameter("Give either --as-of or --release.")

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        moment = as_of if release is None else seen_by_release(found, project_id, release)
        told = explain(found, project_id=project_id, by=person, item_id=item, as_of=moment, choice=choice)
    answer(context, as_json, document(told), words(told))


def words(told: Explanation) -> str:
    """The explanation for a person, a part a paragraph."""
    parts = [
        _label_lines(told),
        _flag_lines(told),
        _choice_lines(told),
        _model_lines(told.model),
        _run_lines(told),
        _neighbour_lines(told.neighbours),
        _clause_lines(told),
        _history_lines(told),
        _record_lines(told),
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


def _choice_lines(told: Explanation) -> list[str]:
    from dashboard.workflows.wording import sureness

    if not told.choices:
        return []
    lines = ["One choice at a time, the most doubtful first:"]
    for one in told.choices:
        model = "" if one.p_model is None else f", the model holds it {sureness(one.p_model)} probable"
        votes = "" if one.p_votes is None else f", the votes {sureness(one.p_votes)}"
        state = "in" if one.is_in else "out"
        lines.append(f"  {one.choice}: {state}; {one.n_in} of {one.n_votes} put it in{votes}{model}")
    return lines


def _model_lines(model: ModelEvidence) -> list[str]:
    if model.undefined is not None or model.run is None or model.p_label is None or model.p_against is None:
        how = "" if model.command is None else f" To get one: {model.command}"
        return [f"Model: none, because {model.undefined}.{how}"]
    lines = [
        f"Model {model.run.model_run}, {model.run.words}; its members had not seen this item:",
        f"  {model.label} {model.p_label:.2f}, {model.against} {model.p_against:.2f}",
    ]
    if model.no_parts is not None:
        return [*lines, f"  It cannot be taken apart: {model.no_parts}."]
    for head, features in ((model.label, model.speaks_for), (model.against, model.speaks_against)):
        if features:
            lines.append(f"  for {head}: {', '.join(_feature(one) for one in features)}")
    lines.append(
        f"  By {model.method}, against {model.baseline}; the parts leave {(model.gap_share or 0.0) * 100:.1g} % unexplained."
    )
    for words, figure in (
        (f"{model.n_members} members agree on the order of the parts at", model.stability),
        ("with its weights dealt out anew the picture agrees with this one at", model.randomised),
    ):
        if figure is not None and figure.value is not None:
            ends = (
                ""
                if figure.low is None or figure.high is None
                else f" ({figure.low:.2f} to {figure.high:.2f})"
            )
            lines.append(f"  {words} {figure.value:.2f}{ends}.")
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
    what = "the label" if found.choice is None else f"the same as to {found.choice}"
    lines = [
        (
            f"{found.n_same} of the {found.n_nearest} nearest labelled items ({found.n_compared:,} of {found.n_labelled:,} compared), by "
            f"{found.by}, have {what}:"
        )
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


def _record_lines(told: Explanation) -> list[str]:
    """What ties it to the record."""
    lines = [f"Record: as of event {told.head_seq}, hash {told.head_hash}."]
    lines += [
        f"  release {one.release_version} has it as {one.label} (version {one.label_version}), content hash {one.content_hash}"
        for one in told.releases
    ]
    run = told.model.run
    if run is not None:
        lines.append(
            f"  model run {run.model_run}: event {run.seq}, probabilities {run.content_sha256}, weights {run.weights_sha256}"
        )
    return lines
